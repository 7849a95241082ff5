package callbacks

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/temporal"
)

// pair is a child with one of its parents, and when the child is valid as that one's.
type pair struct {
	parent, child []any
	periods       []temporal.Period
	ids           []any // of the child's rows
}

// parentsOf lists the parents of one child.
func (r *Runtime) parentsOf(c *config.Contained, child *history) (pairs []pair, err error) {
	versions, err := child.known()
	if err != nil || len(versions) == 0 {
		return nil, err
	}
	if c.Join == nil {
		return child.pairs(c, versions), nil
	}
	links, err := r.links(child, c, c.ChildKey, child.key, c.ForeignKey)
	for _, parent := range links {
		p := pair{parent: parent, child: child.key}
		for _, v := range versions {
			p.periods, p.ids = append(p.periods, v.Valid), append(p.ids, v.ID)
		}
		pairs = append(pairs, p)
	}
	return pairs, err
}

// childrenOf lists the children of one parent.
func (r *Runtime) childrenOf(c *config.Contained, child, parent *history) (pairs []pair, err error) {
	var keys [][]any
	if c.Join == nil {
		tx := child.tx.Model(reflect.New(child.table.ModelType).Interface())
		for i, f := range c.ForeignKey {
			tx = tx.Where(clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: f.DBName}, Value: parent.key[i]})
		}
		list := reflect.New(reflect.SliceOf(child.table.ModelType))
		if err := child.fresh(tx).Session(&gorm.Session{SkipHooks: true}).Find(list.Interface()).Error; err != nil {
			return nil, err
		}
		keys = child.distinctKeys(list.Elem())
	} else if keys, err = r.links(child, c, c.ForeignKey, parent.key, c.ChildKey); err != nil {
		return nil, err
	}
	for _, key := range keys {
		versions, err := child.of(key).known()
		if err != nil {
			return nil, err
		}
		if c.Join == nil {
			for _, p := range child.of(key).pairs(c, versions) {
				if referenceText(c.ForeignKey, p.parent) == parent.ownText() {
					pairs = append(pairs, p)
				}
			}
			continue
		}
		p := pair{parent: parent.key, child: key}
		for _, v := range versions {
			p.periods, p.ids = append(p.periods, v.Valid), append(p.ids, v.ID)
		}
		pairs = append(pairs, p)
	}
	return pairs, nil
}

// links reads the keys on the other side of a join table.
func (r *Runtime) links(h *history, c *config.Contained, by []*schema.Field, key []any, wanted []*schema.Field) (keys [][]any, err error) {
	tx := session(h.tx).Model(reflect.New(c.Join.ModelType).Interface())
	for i, f := range by {
		tx = tx.Where(clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: f.DBName}, Value: key[i]})
	}
	if tx.Statement.Table == "" {
		tx = tx.Table(c.Join.Table)
	}
	list := reflect.New(reflect.SliceOf(c.Join.ModelType))
	if err := h.fresh(tx).Session(&gorm.Session{SkipHooks: true}).Find(list.Interface()).Error; err != nil {
		return nil, err
	}
	for i := range list.Elem().Len() {
		other := make([]any, len(wanted))
		for k, f := range wanted {
			other[k], _ = f.ValueOf(h.ctx(), list.Elem().Index(i))
		}
		keys = append(keys, other)
	}
	return keys, nil
}

// fresh is a read that sees what others have committed: at REPEATABLE READ on MySQL and
// MariaDB only a locking one does.
func (h *history) fresh(tx *gorm.DB) *gorm.DB {
	if h.checking && h.r.dialect.Name == "mysql" {
		return tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate})
	}
	return tx
}

// known are the key's versions that are held for true now, by start, with their ends.
func (h *history) known() ([]temporal.Version[Row], error) {
	return h.timeline(func() ([]temporal.Version[Row], error) {
		list := reflect.New(reflect.SliceOf(h.table.ModelType))
		if err := h.fresh(h.where()).Find(list.Interface()).Error; err != nil {
			return nil, err
		}
		return h.versions(list.Elem())
	})
}

func (h *history) timeline(read func() ([]temporal.Version[Row], error)) ([]temporal.Version[Row], error) {
	versions, err := read()
	if err != nil {
		return nil, err
	}
	return h.believed(versions), nil
}

// believed is the timeline of rows that were read.
func (h *history) believed(rows []temporal.Version[Row]) []temporal.Version[Row] {
	versions := temporal.Timeline(rows, time.Time{})
	if h.v.StartOnly() {
		versions = temporal.DeriveEnds(versions)
	}
	return versions
}

// periods are those of the key's versions.
func (h *history) periods(read func() ([]temporal.Version[Row], error)) (periods []temporal.Period, err error) {
	versions, err := h.timeline(read)
	for _, v := range versions {
		periods = append(periods, v.Valid)
	}
	return periods, err
}

// pairs groups a child's versions by the parent that they refer to.
func (h *history) pairs(c *config.Contained, versions []temporal.Version[Row]) (pairs []pair) {
	for _, v := range versions {
		parent, null := h.reference(c, v.Row)
		if null {
			continue
		}
		text := referenceText(c.ForeignKey, parent)
		at := slices.IndexFunc(pairs, func(p pair) bool { return referenceText(c.ForeignKey, p.parent) == text })
		if at < 0 {
			at = len(pairs)
			pairs = append(pairs, pair{parent: parent, child: h.key})
		}
		pairs[at].periods, pairs[at].ids = append(pairs[at].periods, v.Valid), append(pairs[at].ids, v.ID)
	}
	return pairs
}

// reference is what a child's row refers to; null if to nobody.
func (h *history) reference(c *config.Contained, row Row) (parent []any, null bool) {
	parent = make([]any, len(c.ForeignKey))
	for i, f := range c.ForeignKey {
		parent[i], _ = f.ValueOf(h.ctx(), row)
		v := reflect.ValueOf(parent[i])
		for v.Kind() == reflect.Pointer && !v.IsNil() {
			v = v.Elem()
		}
		if !v.IsValid() || v.Kind() == reflect.Pointer {
			return nil, true
		}
		if valuer, ok := v.Interface().(interface{ Value() (any, error) }); ok {
			if got, err := valuer.Value(); err == nil && got == nil {
				return nil, true
			}
		}
		parent[i] = v.Interface()
	}
	return parent, false
}

func (h *history) refersTo(c *config.Contained, row Row, parent []any) bool {
	other, null := h.reference(c, row)
	return !null && referenceText(c.ForeignKey, other) == referenceText(c.ForeignKey, parent)
}

// referenceText is a foreign key's value in the form in which that of the key is equal.
func referenceText(fields []*schema.Field, values []any) string {
	var b strings.Builder
	for i, f := range fields {
		fmt.Fprintf(&b, "%v\x00", plainValue(f, values[i]))
	}
	return b.String()
}

// ownText is the history's key in that form.
func (h *history) ownText() string {
	fields := make([]*schema.Field, len(h.v.Key))
	for i := range fields {
		fields[i] = h.v.Key[i].Field
	}
	return referenceText(fields, h.key)
}

// distinctKeys are the entity keys of rows, each once, in order.
func (h *history) distinctKeys(list reflect.Value) (keys [][]any) {
	seen := map[string]bool{}
	for i := range list.Len() {
		key := h.keyOf(list.Index(i))
		if text := h.identity(key); !seen[text] {
			seen[text] = true
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b []any) int { return strings.Compare(h.identity(a), h.identity(b)) })
	return keys
}
