package planner

import (
	"slices"
	"strings"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// locks tells a locking read; SQLite has none, GORM leaves the clause out.
func (s *Statement) locks() bool {
	c, ok := s.Clauses["FOR"]
	return ok && c.Expression != nil && !s.Dialect.sqlite()
}

func (s *Statement) skipsLocked() bool {
	l, ok := s.Clauses["FOR"].Expression.(clause.Locking)
	return !ok || strings.Contains(strings.ToUpper(l.Options+" "+l.Strength), "SKIP")
}

// inSessions carries the plan out by one statement per shard, or says why the merge
// of their rows would not be exact.
func (s *Statement) inSessions(p *Plan, h *shape) error {
	by, way := p.mergedBy()
	switch {
	case s.joins() && !p.across():
		return s.refuse("sessions-join", "a join "+by, way)
	case s.joins() && !s.Keeps:
		return s.refuse("databases-join", "a join over several databases that is not an inner or left one",
			"begin with the entity whose rows are all kept, or narrow it to one database")
	case !h.grouped && h.count && h.limit < 0 && h.offset == 0 && !h.distinct:
		p.Form = Sessions
		p.Merge = Merge{Limit: -1, Sum: true}
		return nil
	case !h.grouped && !h.plain && !h.distinct && !h.odd:
		if list, ok := s.outputs(); ok {
			return s.rowWise(p, h, list)
		}
		return s.aggregated(p, h)
	case h.distinct && !h.grouped && !h.odd && (s.joins() || !h.plain):
		if list, ok := s.outputs(); ok {
			return s.distinctRows(p, h, list)
		}
		if s.joins() && h.plain {
			return s.refuse("sessions-distinct", "DISTINCT over a join "+by, "name the columns, or "+way)
		}
		return s.aggregated(p, h)
	case h.grouped || !h.plain:
		return s.aggregated(p, h)
	case h.ordered && !h.plainOrder:
		return s.refuse("sessions-order", "ORDER BY other than columns of the model "+by, way)
	}
	m := Merge{Offset: h.offset, Limit: h.limit, Distinct: h.distinct}
	for _, o := range h.order {
		f := s.Table.Schema.LookUpField(o.column)
		if f == nil || !s.comparesInGo(f) {
			return s.refuse("sessions-order", "ORDER BY "+o.column+" "+by+": its order is the database's own", way)
		}
		if h.columns != nil && !slices.Contains(h.columns, o.column) && !slices.Contains(m.Hidden, o.column) {
			if h.distinct || s.joins() { // which of the equal rows', and of which table
				return s.refuse("sessions-order-column", "ORDER BY "+o.column+", which is not selected, of DISTINCT rows or a join "+by, "select it too, or "+way)
			}
			m.Hidden = append(m.Hidden, o.column)
		}
		nullsSmall := !s.Dialect.postgres()
		m.Order = append(m.Order, OrderKey{Column: o.column, Desc: o.desc, NullsFirst: nullsSmall != o.desc})
	}
	if h.distinct && !s.distinctInGo(h) {
		return s.refuse("sessions-distinct", "DISTINCT over columns whose equality is the database's own, "+by, way)
	}
	m.FirstCome = h.limit == 1 && h.branchLimit == 1 && len(h.order) == 0 && !h.distinct
	if !s.joins() && len(m.Hidden) == 0 {
		m.Paging = s.paging(h, m.Order)
	}
	p.Form, p.Merge, p.BranchLimit = Sessions, m, h.branchLimit
	return nil
}

// rowWise carries out a statement whose results are put together as they come, or in an
// order of columns.
func (s *Statement) rowWise(p *Plan, h *shape, list []output) error {
	order, renames, refusal := s.ordersOf(h, list)
	by, way := p.mergedBy()
	if refusal != "" {
		return s.refuse("sessions-order", refusal+" "+by, "select the column by its name, or "+way)
	}
	p.Form, p.renames = Sessions, renames
	p.Merge, p.BranchLimit = Merge{Offset: h.offset, Limit: h.limit, Order: order}, h.branchLimit
	return nil
}

// distinctRows carries out DISTINCT over columns that are named, also of tables beside the
// entity.
func (s *Statement) distinctRows(p *Plan, h *shape, list []output) error {
	by, way := p.mergedBy()
	for i := range list {
		number, equal := false, false
		if o := &list[i]; o.field != nil {
			equal = s.of(o.table).equalsInGo(o.field)
		} else if !o.star {
			number, equal = s.keyable(o.text)
		}
		if !equal && !number {
			return s.refuse("sessions-distinct", "DISTINCT over columns whose equality is the database's own, "+by, way)
		}
	}
	if err := s.rowWise(p, h, list); err != nil {
		return err
	}
	p.Merge.Distinct = true
	return nil
}

// distinctInGo tells whether every selected column is equal in Go exactly if it is
// equal in the database.
func (s *Statement) distinctInGo(h *shape) bool {
	columns := h.columns
	if columns == nil {
		columns = s.Table.Schema.DBNames
	}
	for _, c := range columns {
		f := s.Table.Schema.LookUpField(c)
		if f == nil {
			return false
		}
		if !s.equalsInGo(f) {
			return false
		}
	}
	return true
}

// comparesInGo tells whether the column's values order in Go as in the database.
func (s *Statement) comparesInGo(f *schema.Field) bool {
	if i := s.Table.KeyIndex(f.DBName); i >= 0 {
		return s.Table.Keys[i].BytesOrder
	}
	_, typed := f.TagSettings["TYPE"]
	if typed || f.Serializer != nil {
		return false
	}
	switch config.KindOf(f) {
	case config.KindInt, config.KindBool, config.KindBytes:
		return true
	case config.KindTime:
		// SQLite stores times as text, in whatever zone they came.
		return !s.Dialect.sqlite()
	case config.KindString:
		return s.Dialect.sqlite()
	}
	return false
}
