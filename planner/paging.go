package planner

import (
	"slices"

	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// PageForm is how sessions reach a page behind an offset.
type PageForm uint8

// The forms of paging.
const (
	// PageFetch reads offset + limit rows of every shard and merges them.
	PageFetch PageForm = iota
	// PageWalk counts shard after shard in the order of the shard key and fetches from
	// the shards that hold the page only.
	PageWalk
	// PageProbe takes one key per shard at positions that add up to the offset, counts
	// what comes before the smallest, and repeats until little is left to skip.
	PageProbe
)

var pageFormNames = [...]string{"fetch", "walk", "probe"}

// String is the form's name in lower case, as plans have it.
func (f PageForm) String() string {
	if int(f) < len(pageFormNames) {
		return pageFormNames[f]
	}
	return "invalid"
}

// Paging says how sessions reach a page (Form Sessions).
type Paging struct {
	// Form is the way; the others are for walk and probe.
	Form PageForm
	// Reverse allows to come from the other end when counts show that it is nearer.
	Reverse bool
	// Keys are the ORDER BY and then, as the tie breaker, what it lacks of the primary
	// key: sessions are ordered and merged by them.
	Keys []OrderKey
	// Ties tells that a primary key column was added to Keys, so that the result must
	// have columns which the statement does not order by.
	Ties bool
	// Unique tells that the engine sees to it that no two rows of a shard share their Keys.
	Unique bool
	// Total tells that Keys hold the whole primary key; probe is possible only then.
	Total bool
}

// String is the form, with its direction.
func (p *Paging) String() string {
	if p.Reverse {
		return p.Form.String() + ", from the nearer end"
	}
	return p.Form.String()
}

const (
	// fetchedRows is up to how many rows per shard, offset + limit, are fetched without
	// ado: rounds of small statements would take longer.
	fetchedRows = 1000
	// turnedRows is from which offset on probing counts all rows first, to come from
	// the end if it is nearer; the count costs about what it saves at most.
	turnedRows = 100_000
)

// paging chooses how the sessions reach the page.
func (s *Statement) paging(h *shape, order []OrderKey) Paging {
	if h.branchLimit <= fetchedRows || h.offset < h.limit || h.distinct || len(order) == 0 || s.locks() {
		return Paging{}
	}
	if _, plain := s.where(); !plain {
		return Paging{}
	}
	p := Paging{Keys: distinctKeys(order), Total: true}
	for _, f := range s.Table.Schema.PrimaryFields {
		if slices.ContainsFunc(p.Keys, func(k OrderKey) bool { return k.Column == f.DBName }) {
			continue
		}
		if !s.comparesInGo(f) || h.columns != nil && !slices.Contains(h.columns, f.DBName) {
			p.Total = false
			break
		}
		p.Ties = true
		p.Keys = append(p.Keys, OrderKey{Column: f.DBName, NullsFirst: !s.Dialect.postgres()})
	}
	if len(s.Table.Schema.PrimaryFields) == 0 {
		p.Total = false
	}
	if !p.Total {
		p.Keys, p.Ties = distinctKeys(order), false
	}
	for i := range p.Keys {
		k := &p.Keys[i]
		k.NotNull, k.Kind = !s.nullable(k.Column), config.KindOf(s.Table.Schema.LookUpField(k.Column))
	}
	p.Unique = p.Total && s.Table.StrategyName != "manual" && !slices.ContainsFunc(s.Table.Schema.PrimaryFields, func(f *schema.Field) bool { return s.nullable(f.DBName) })
	switch {
	case s.ordersByShards(order[0].Column):
		p.Form, p.Reverse = PageWalk, p.Total
	case p.Total:
		p.Form, p.Reverse = PageProbe, h.offset >= turnedRows && !s.Dialect.CountsSlowly()
	default:
		return Paging{}
	}
	return p
}

// ordersByShards tells whether the shards follow one another in the order of a column.
func (s *Statement) ordersByShards(column string) bool {
	t := s.Table
	return len(t.Keys) == 1 && t.Keys[0].Column == column && (t.StrategyName == "date" || t.StrategyName == "range")
}

// distinctKeys leaves out columns that were named before.
func distinctKeys(order []OrderKey) []OrderKey {
	keys := make([]OrderKey, 0, len(order)+1)
	for _, o := range order {
		if !slices.ContainsFunc(keys, func(k OrderKey) bool { return k.Column == o.Column }) {
			keys = append(keys, o)
		}
	}
	return keys
}

// nullable tells whether a key column can hold NULL as far as the engine sees to it:
// the primary key's can't, except in SQLite, where only a single integer key can't.
func (s *Statement) nullable(column string) bool {
	f := s.Table.Schema.LookUpField(column)
	if f == nil || !f.PrimaryKey {
		return true
	}
	return s.Dialect.sqlite() && (len(s.Table.Schema.PrimaryFields) > 1 || config.KindOf(f) != config.KindInt)
}
