package planner

import (
	"strings"

	"gorm.io/gorm/clause"
)

// limitsWrite tells whether a write has a LIMIT that the engine gets to see, as GORM builds
// it: of what its conditions find, it is about the first rows only.
func (s *Statement) limitsWrite() bool {
	if !s.WriteLimits {
		return false
	}
	c, ok := s.Clauses["LIMIT"]
	if !ok || c.Expression == nil {
		return false
	}
	l, known := c.Expression.(clause.Limit)
	return !known || l.Limit != nil && *l.Limit >= 0 || l.Offset > 0
}

// FirstRows plans a write with LIMIT that one statement on one shard can not do: the
// executor finds the keys of the first rows over all targets before it writes. A write
// without LIMIT stays as it is.
func (s *Statement) FirstRows(p *Plan) error {
	if !s.limitsWrite() {
		return nil
	}
	const way = "narrow it to one shard, or select the rows' ids first"
	l, known := s.Clauses["LIMIT"].Expression.(clause.Limit)
	switch {
	case !known || l.Offset > 0 || l.Limit == nil:
		return s.refuse("write-limit", s.Operation.String()+" with OFFSET over several shards", way)
	case !s.Dialect.mysql():
		return s.refuse("write-limit", s.Operation.String()+" with LIMIT over several shards on an engine whose own has none", way)
	case s.Table.Schema == nil || len(s.Table.Schema.PrimaryFields) == 0:
		return s.refuse("write-limit", s.Operation.String()+" with LIMIT over several shards of a model without a primary key", way)
	}
	p.First = true
	p.FormReason = "the keys of the first rows over all shards are selected and locked, then written shard by shard, in one transaction"
	if p.across() {
		return s.firstAcross(p)
	}
	return nil
}

// firstAcross orders the first rows of several databases, which only Go can.
func (s *Statement) firstAcross(p *Plan) error {
	h := &shape{limit: -1}
	s.shapeOrder(h)
	if h.ordered && !h.plainOrder {
		return s.refuse("write-order", s.Operation.String()+" with LIMIT and ORDER BY an expression over several databases",
			"order by columns of the model, or narrow it to one database")
	}
	for _, o := range h.order {
		f := s.Table.Schema.LookUpField(o.column)
		if f == nil || !s.comparesInGo(f) {
			return s.refuse("write-order", s.Operation.String()+" with LIMIT and ORDER BY "+o.column+" over several databases: its order is the database's own",
				"order by another column, or narrow it to one database")
		}
		nullsSmall := !s.Dialect.postgres()
		p.Merge.Order = append(p.Merge.Order, OrderKey{Column: o.column, Desc: o.desc, NullsFirst: nullsSmall != o.desc})
	}
	return nil
}

// ordersWrite tells whether the engine gets to see an ORDER BY.
func (s *Statement) ordersWrite() bool {
	c, ok := s.Clauses["ORDER BY"]
	return s.WriteLimits && ok && c.Expression != nil
}

// counts tells whether an assignment sets a variable of the engine, whose value then
// depends on the order in which rows are updated.
func counts(set clause.Set) bool {
	for _, a := range set {
		if e, ok := a.Value.(clause.Expr); ok && strings.Contains(e.SQL, ":=") {
			return true
		}
	}
	return false
}
