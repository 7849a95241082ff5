package callbacks

import (
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/temporal"
)

// outgrown are the rules that a write of versions may break: those of which the key, as
// parent, is valid less than before, or as child, more. What stays within what was there
// need not be looked at.
func (h *history) outgrown(rows []temporal.Version[Row], out temporal.Outcome[Row]) (touches []touch) {
	if len(h.r.contained) == 0 || out.Nothing() {
		return nil
	}
	asParent, asChild := h.r.rulesOf(h.table)
	if len(asParent)+len(asChild) == 0 {
		return nil
	}
	before, after := h.believed(rows), out.Timeline
	for _, c := range asParent {
		was, is := validity(before), validity(after)
		if len(temporal.Minus(was, is)) > 0 || c.Mode == temporal.ExactMatch && len(temporal.Minus(is, was)) > 0 {
			touches = append(touches, touch{rule: c, parent: true, key: h.key})
		}
	}
	for _, c := range asChild {
		if h.grew(c, before, after) || c.Mode == temporal.ExactMatch && h.grew(c, after, before) {
			touches = append(touches, touch{rule: c, key: h.key})
		}
	}
	return touches
}

// grew tells whether a child is valid somewhere as a parent's where it was not before.
func (h *history) grew(c *config.Contained, before, after []temporal.Version[Row]) bool {
	if c.Join != nil {
		return len(temporal.Minus(validity(after), validity(before))) > 0
	}
	was := h.pairs(c, before)
	return slices.ContainsFunc(h.pairs(c, after), func(p pair) bool {
		text := referenceText(c.ForeignKey, p.parent)
		at := slices.IndexFunc(was, func(q pair) bool { return referenceText(c.ForeignKey, q.parent) == text })
		return at < 0 || len(temporal.Minus(p.periods, was[at].periods)) > 0
	})
}

func validity(versions []temporal.Version[Row]) (periods []temporal.Period) {
	for _, v := range versions {
		periods = append(periods, v.Valid)
	}
	return periods
}

// touchedRows are the rules that plain rows of an entity, just created, may break.
func (c *creation) touchedRows() (touches []touch) {
	asParent, asChild := c.r.rulesOf(c.table)
	if len(asParent)+len(asChild) == 0 {
		return nil
	}
	for i := range c.rows.len() {
		key := make([]any, len(c.table.Validity.Key))
		for k := range key {
			key[k], _, _ = c.rows.get(i, c.table.Validity.Key[k].Field)
		}
		for _, rule := range asChild {
			touches = append(touches, touch{rule: rule, key: key})
		}
		for _, rule := range asParent {
			if rule.Mode == temporal.ExactMatch {
				touches = append(touches, touch{rule: rule, parent: true, key: key})
			}
		}
	}
	return touches
}

// contains tells whether creates of an entity, or of a join table, are looked at.
func (r *Runtime) contains(s *schema.Schema, t *config.Table) bool {
	return len(r.contained) > 0 && slices.ContainsFunc(r.contained, func(c *config.Contained) bool {
		return t != nil && (c.Parent == t.ModelType && c.Mode == temporal.ExactMatch || c.Child == t.ModelType) ||
			c.Join != nil && s != nil && c.Join.Table == s.Table
	})
}

// touchedLinks are the rules that rows of a join table, just created, may break.
func (r *Runtime) touchedLinks(stmt *gorm.Statement) (touches []touch) {
	rows, ok := newRowSet(stmt)
	if !ok || stmt.Schema == nil {
		return nil
	}
	for _, c := range r.contained {
		if c.Join == nil || c.Join.Table != stmt.Schema.Table {
			continue
		}
		for i := range rows.len() {
			key := make([]any, len(c.ChildKey))
			for k, f := range c.ChildKey {
				if own := stmt.Schema.LookUpField(f.DBName); own != nil {
					key[k], _, _ = rows.get(i, own)
				}
			}
			touches = append(touches, touch{rule: c, key: key})
		}
	}
	return touches
}

// noted runs a plain create, and notes what it may break; all of it is one transaction.
func (r *Runtime) noted(db *gorm.DB, create func() error, touches func() []touch) error {
	if db.DryRun {
		return create()
	}
	return r.atomically(db, func() error {
		if err := create(); err != nil || db.Error != nil {
			return err
		}
		return r.touched(db, touches()...)
	})
}

// changesPeriods tells whether a plain update or delete may break a rule, and so has to
// say which keys it is about.
func (w *writer) changesPeriods() bool {
	if len(w.r.contained) == 0 || w.plan.Table.Validity == nil || internal(w.db.Statement) || w.db.DryRun {
		return false
	}
	asParent, asChild := w.r.rulesOf(w.plan.Table)
	if len(asParent)+len(asChild) == 0 {
		return false
	}
	if w.plan.Operation == planner.Delete {
		return len(asParent) > 0 || slices.ContainsFunc(asChild, func(c *config.Contained) bool { return c.Mode == temporal.ExactMatch })
	}
	return w.assigns(w.decisive(asChild))
}

// decisive are the columns that rules look at.
func (w *writer) decisive(asChild []*config.Contained) (fields []*schema.Field) {
	v := w.plan.Table.Validity
	for i := range v.Key {
		fields = append(fields, v.Key[i].Field)
	}
	fields = append(fields, v.Valid.From)
	if v.Valid.To != nil {
		fields = append(fields, v.Valid.To)
	}
	if v.System != nil {
		fields = append(fields, v.System.From, v.System.To)
	}
	for _, c := range asChild {
		if c.Join == nil {
			fields = append(fields, c.ForeignKey...)
		}
	}
	for _, f := range w.plan.Table.Schema.Fields { // a soft delete
		if f.DBName != "" && f.IndirectFieldType == reflect.TypeFor[gorm.DeletedAt]() {
			fields = append(fields, f)
		}
	}
	return fields
}

// noting runs the write, and notes the keys of the rows that it is about: those that they
// had, and those that it assigns.
func (w *writer) noting(run func() error) error {
	t := w.plan.Table
	asParent, asChild := w.r.rulesOf(t)
	columns := make([]string, len(t.Validity.Key))
	for i := range columns {
		columns[i] = w.r.quote(t.Validity.Key[i].Column)
	}
	return w.r.atomically(w.db, func() error {
		var keys [][]any
		a := aim(w.db.Statement)
		for i := range w.plan.Targets {
			target := &w.plan.Targets[i]
			err := w.r.within(w.db.Statement, target.Shard, func() error {
				rows, err := w.lock(&a, target, slices.Clone(columns))
				for _, row := range rows {
					for k, v := range row {
						if text, ok := v.([]byte); ok && t.Validity.Key[k].Kind == config.KindString {
							row[k] = string(text)
						}
					}
				}
				keys = append(keys, rows...)
				return err
			})
			a.restore()
			if err != nil {
				return err
			}
		}
		if err := run(); err != nil || w.db.Error != nil {
			return err
		}
		var touches []touch
		note := func(key []any) {
			for _, c := range asParent {
				touches = append(touches, touch{rule: c, parent: true, key: key})
			}
			for _, c := range asChild {
				touches = append(touches, touch{rule: c, key: key})
			}
		}
		for _, key := range keys {
			note(key)
			moved := slices.Clone(key)
			changed := false
			for i := range t.Validity.Key {
				value, ok := w.assigned(t.Validity.Key[i].Column)
				if !ok {
					continue
				}
				if _, computed := value.(clause.Expression); computed {
					return &config.UnsupportedError{
						Entity: t.Name, Reason: "containment-expression", Problem: "an update of an entity key by an expression, in a rule of containment",
						Hint: "assign a value",
					}
				}
				moved[i], changed = value, true
			}
			if changed {
				note(moved)
			}
		}
		return w.r.touched(w.db, touches...)
	})
}
