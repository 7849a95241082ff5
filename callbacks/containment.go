package callbacks

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/resolver"
	"github.com/go-dtde/dtde/temporal"
)

// touch is a key whose periods have changed in a transaction, as one side of a rule. The
// touches of a transaction are a list that only grows at its head, so that rolling back
// to a save point is to have the list of then.
type touch struct {
	rule   *config.Contained
	parent bool // whose entity key it is: the parent's, or the child's
	key    []any
	before *touch
}

// touchedKey keeps the latest touch of a transaction.
type touchedKey struct{}

// rulesOf lists the rules that an entity is in, as parent and as child.
func (r *Runtime) rulesOf(t *config.Table) (asParent, asChild []*config.Contained) {
	for _, c := range r.contained {
		if c.Parent == t.ModelType {
			asParent = append(asParent, c)
		}
		if c.Child == t.ModelType {
			asChild = append(asChild, c)
		}
	}
	return asParent, asChild
}

// touched notes keys to look at before the transaction commits; on a transaction whose end
// dtde does not see, it looks at once.
func (r *Runtime) touched(db *gorm.DB, touches ...touch) error {
	if len(touches) == 0 {
		return nil
	}
	tx, ok := resolver.Transaction(db.Statement.ConnPool)
	if !ok {
		var last *touch
		for i := range touches {
			touches[i].before, last = last, &touches[i]
		}
		return r.contain(db, last)
	}
	last, _ := tx.Value(touchedKey{}).(*touch)
	if last == nil {
		at := session(db)
		tx.OnBeforeCommit(func(ctx context.Context) error {
			for { // cutting children may touch their own
				last, _ := tx.Value(touchedKey{}).(*touch)
				if last == nil {
					return nil
				}
				tx.SetValue(touchedKey{}, (*touch)(nil))
				if err := r.contain(at.WithContext(ctx), last); err != nil {
					return err
				}
			}
		})
	}
	for i := range touches {
		touches[i].before, last = last, &touches[i]
	}
	tx.SetValue(touchedKey{}, last)
	return nil
}

// contain looks at every key that was touched, once: the children first, whose locks on
// parents are the weaker ones, each kind in one order for everyone.
func (r *Runtime) contain(db *gorm.DB, last *touch) error {
	type subject struct {
		touch
		text string
	}
	var list []subject
	for t := last; t != nil; t = t.before {
		h, err := r.historyOfType(db, t.of())
		if err != nil {
			return err
		}
		list = append(list, subject{*t, h.identity(t.key)})
	}
	position := func(c *config.Contained) int { return slices.Index(r.contained, c) }
	slices.SortFunc(list, func(a, b subject) int {
		switch {
		case a.parent != b.parent && b.parent:
			return -1
		case a.parent != b.parent:
			return 1
		case a.rule != b.rule:
			return position(a.rule) - position(b.rule)
		}
		return strings.Compare(a.text, b.text)
	})
	list = slices.CompactFunc(list, func(a, b subject) bool { return a.rule == b.rule && a.parent == b.parent && a.text == b.text })
	for _, t := range list {
		check := r.checkChild
		if t.parent {
			check = r.checkParent
		}
		if err := check(db, t.rule, t.key); err != nil {
			return err
		}
	}
	return nil
}

func (t *touch) of() reflect.Type {
	if t.parent {
		return t.rule.Parent
	}
	return t.rule.Child
}

// historyOfType is a history of the entity of a struct type.
func (r *Runtime) historyOfType(db *gorm.DB, model reflect.Type) (*history, error) {
	t, ok := r.current(db.Statement.ConnPool).ByModel(model)
	if !ok {
		return nil, config.ErrNotRegistered
	}
	return r.historyOf(db, t.Schema)
}

// checkChild looks whether each of a child's parents is valid wherever the child is. The
// parents' versions are locked: whoever ends them waits for this transaction's end, and
// then finds the child.
func (r *Runtime) checkChild(db *gorm.DB, c *config.Contained, key []any) error {
	child, err := r.historyOfType(db, c.Child)
	if err != nil {
		return err
	}
	child.checking = true
	pairs, err := r.parentsOf(c, child.of(key))
	if err != nil {
		return err
	}
	parent, err := r.historyOfType(db, c.Parent)
	if err != nil {
		return err
	}
	parent.shared = true
	for _, p := range pairs {
		own := parent.of(p.parent)
		if err := own.lock(p.parent); err != nil {
			return err
		}
		periods, err := own.periods(own.read)
		if err != nil {
			return err
		}
		for _, f := range temporal.Contains(p.periods, periods, c.Mode) {
			return r.uncovered(child.table, parent.table, f, "make the parent valid then first, in the same transaction")
		}
	}
	return nil
}

// checkParent looks whether all children of a parent are still within it, and cuts them
// if the rule says so.
func (r *Runtime) checkParent(db *gorm.DB, c *config.Contained, key []any) error {
	parent, err := r.historyOfType(db, c.Parent)
	if err != nil {
		return err
	}
	parent = parent.of(key)
	if err := r.seesOthers(parent); err != nil {
		return err
	}
	if err := parent.lock(key); err != nil {
		return err
	}
	periods, err := parent.periods(parent.read)
	if err != nil {
		return err
	}
	child, err := r.historyOfType(db, c.Child)
	if err != nil {
		return err
	}
	child.checking = true
	pairs, err := r.childrenOf(c, child, parent)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		for _, f := range temporal.Contains(p.periods, periods, c.Mode) {
			if f.Kind == temporal.Uncovered && c.Cascade {
				if err := r.cut(db, c, child.of(p.child), p.parent, f.Period); err != nil {
					return err
				}
				continue
			}
			return r.uncovered(parent.table, child.table, f, "end the children first, or in the same transaction; or let the rule cascade")
		}
	}
	return nil
}

// seesOthers refuses to end a parent where PostgreSQL would show only the children of
// before the transaction began.
func (r *Runtime) seesOthers(h *history) error {
	if r.dialect.Name != "postgres" {
		return nil
	}
	var level string
	if err := h.tx.Statement.ConnPool.QueryRowContext(h.ctx(), "SELECT current_setting('transaction_isolation')").Scan(&level); err != nil {
		return err
	}
	if level == "repeatable read" {
		return &config.UnsupportedError{
			Entity: h.table.Name, Reason: "containment-isolation",
			Problem: "a change of a parent's periods in a transaction at REPEATABLE READ, which does not see the children that others add",
			Hint:    "begin it at READ COMMITTED or SERIALIZABLE",
		}
	}
	return nil
}

func (r *Runtime) uncovered(of, other *config.Table, f temporal.Finding, hint string) error {
	cause := temporal.ErrUncovered
	if f.Kind == temporal.Unmatched {
		cause = temporal.ErrUnmatched
	}
	return &temporal.ValidityError{Entity: of.Name + " (with " + other.Name + ")", Operation: "contain", At: f.Period.From, Cause: cause, Hint: hint}
}

// cut takes a period out of a child's versions that belong to a parent.
func (r *Runtime) cut(db *gorm.DB, c *config.Contained, child *history, parent []any, period temporal.Period) error {
	if err := child.lock(child.key); err != nil {
		return err
	}
	rows, err := child.read()
	if err != nil {
		return err
	}
	op := temporal.DeletePortion[Row](period)
	if c.Join == nil {
		op = op.Among(func(v temporal.Version[Row]) bool { return child.refersTo(c, v.Row, parent) })
	}
	out, err := temporal.Plan(rows, op, child.rules(db))
	if err != nil {
		return child.named(err)
	}
	return child.apply(rows, out)
}

// Uncovered lists where the rules that the model's key is in are broken, by rows that
// dtde did not write or that were there before the rule.
func (r *Runtime) Uncovered(db *gorm.DB, model any) (findings []temporal.Finding, err error) {
	h, err := r.versioned(db, model)
	if err != nil {
		return nil, err
	}
	asParent, asChild := r.rulesOf(h.table)
	for i, c := range append(slices.Clone(asParent), asChild...) {
		parent, err := r.historyOfType(db, c.Parent)
		if err != nil {
			return nil, err
		}
		child, err := r.historyOfType(db, c.Child)
		if err != nil {
			return nil, err
		}
		var pairs []pair
		if i < len(asParent) {
			pairs, err = r.childrenOf(c, child, parent.of(h.key))
		} else {
			pairs, err = r.parentsOf(c, child.of(h.key))
		}
		if err != nil {
			return nil, err
		}
		for _, p := range pairs {
			periods, err := parent.of(p.parent).periods(parent.of(p.parent).known)
			if err != nil {
				return nil, err
			}
			for _, f := range temporal.Contains(p.periods, periods, c.Mode) {
				for k, period := range p.periods {
					if period.Overlaps(f.Period) {
						f.IDs = append(f.IDs, p.ids[k])
					}
				}
				findings = append(findings, f)
			}
		}
	}
	return findings, nil
}
