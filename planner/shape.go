package planner

import (
	"math"
	"strings"

	"gorm.io/gorm/clause"
)

// shape is what a select looks like, as far as it was understood.
type shape struct {
	// columns are the selected columns; nil means all of them.
	columns []string
	// plain tells that every result row is one row of the entity: no aggregate, group
	// or expression.
	plain bool
	// count tells that the result is COUNT without DISTINCT and groups.
	count    bool
	distinct bool
	grouped  bool
	// order are the ORDER BY's columns, if ordered; plainOrder tells that they are
	// columns of the entity.
	order      []orderColumn
	ordered    bool
	plainOrder bool
	// limit is -1 without one.
	limit, offset int
	// branchLimit is offset + limit, pushesLimit tells that each shard may cut its
	// rows there.
	branchLimit int
	pushesLimit bool
	// odd tells a LIMIT that was not understood.
	odd bool
}

type orderColumn struct {
	column string
	desc   bool
}

// shape reads the statement's clauses.
func (s *Statement) shape() *shape {
	h := &shape{limit: -1, distinct: s.Distinct}
	s.shapeSelect(h)
	s.shapeOrder(h)
	if c, ok := s.Clauses["GROUP BY"]; ok && c.Expression != nil {
		g, known := c.Expression.(clause.GroupBy)
		h.grouped = !known || len(g.Columns) > 0 || len(g.Having) > 0
	}
	for _, name := range []string{"UNION", "WITH", "WINDOW"} {
		if c, ok := s.Clauses[name]; ok && (c.Expression != nil || c.Builder != nil) {
			h.grouped = true
		}
	}
	limits := true
	if c, ok := s.Clauses["LIMIT"]; ok && c.Expression != nil {
		l, known := c.Expression.(clause.Limit)
		if limits = known; known {
			if l.Limit != nil && *l.Limit >= 0 {
				h.limit = *l.Limit
			}
			h.offset = max(l.Offset, 0)
		}
	}
	if h.limit > 0 && h.offset <= math.MaxInt32-h.limit && limits {
		h.branchLimit = h.limit + h.offset
		h.pushesLimit = h.plain && !h.grouped && !h.distinct && !s.joins() && (!h.ordered || h.plainOrder)
	}
	if !limits {
		h.plain, h.count, h.odd = false, false, true
	}
	return h
}

// shapeSelect reads what is selected.
func (s *Statement) shapeSelect(h *shape) {
	c, ok := s.Clauses["SELECT"]
	if !ok || c.Expression == nil {
		s.selected(h, s.Selects)
		return
	}
	switch e := c.Expression.(type) {
	case clause.Select:
		if e.Expression != nil {
			return
		}
		h.distinct = h.distinct || e.Distinct
		if len(e.Columns) == 0 {
			s.selected(h, s.Selects)
			return
		}
		names := make([]string, len(e.Columns))
		for i, col := range e.Columns {
			if names[i] = col.Name; col.Alias != "" {
				return
			}
			if col.Table != "" && col.Table != clause.CurrentTable && col.Table != s.alias() {
				return
			}
		}
		s.selected(h, names)
	case clause.Expr:
		text := strings.ToLower(strings.TrimSpace(e.SQL))
		inner, isCount := strings.CutPrefix(text, "count(")
		inner, closed := strings.CutSuffix(inner, ")")
		if len(e.Vars) == 1 && strings.TrimSpace(inner) == "?" {
			// GORM's Count of a column.
			_, isColumn := e.Vars[0].(clause.Column)
			h.count = isCount && closed && isColumn
			return
		}
		if len(e.Vars) == 0 {
			h.count = isCount && closed && (strings.TrimSpace(inner) == "*" || strings.TrimSpace(inner) == "1")
		}
	}
}

// selected reads a list of columns by name.
func (s *Statement) selected(h *shape, names []string) {
	if len(names) == 1 && (names[0] == "*" || names[0] == s.alias()+".*") {
		h.plain = true
		return
	}
	for _, n := range names {
		for part := range strings.SplitSeq(n, ",") {
			part = strings.TrimSpace(part)
			column, ok := s.columnName(part)
			if !ok {
				h.columns = nil
				return
			}
			h.columns = append(h.columns, column)
		}
	}
	h.plain = true
}

// columnName reads the name of one of the entity's columns, or of its fields.
func (s *Statement) columnName(text string) (string, bool) {
	parts, ok := splitName(text, s.Dialect)
	if !ok {
		return "", false
	}
	switch {
	case len(parts) == 2 && parts[0] == s.alias():
		parts = parts[1:]
	case len(parts) != 1:
		return "", false
	}
	if s.Table.Schema == nil {
		return "", false
	}
	if parts[0] == clause.PrimaryKey {
		parts[0] = primaryColumn(s.Table.Schema)
	}
	f := s.Table.Schema.LookUpField(parts[0])
	if f == nil || f.DBName == "" {
		return "", false
	}
	return f.DBName, true
}

// shapeOrder reads the ORDER BY.
func (s *Statement) shapeOrder(h *shape) {
	c, ok := s.Clauses["ORDER BY"]
	if !ok || c.Expression == nil {
		return
	}
	h.ordered = true
	by, known := c.Expression.(clause.OrderBy)
	if !known || by.Expression != nil || c.Builder != nil || c.AfterExpression != nil || c.BeforeExpression != nil {
		return
	}
	for _, col := range by.Columns {
		if col.Column.Alias != "" {
			return
		}
		if t := col.Column.Table; t != "" && t != clause.CurrentTable && t != s.alias() {
			return
		}
		if !col.Column.Raw {
			name, ok := s.columnName(col.Column.Name)
			if !ok {
				return
			}
			h.order = append(h.order, orderColumn{name, col.Desc})
			continue
		}
		parts := strings.Split(col.Column.Name, ",")
		for i, part := range parts {
			o, ok := s.orderText(part)
			if !ok {
				return
			}
			if col.Desc && i == len(parts)-1 {
				o.desc = true
			}
			h.order = append(h.order, o)
		}
	}
	h.plainOrder = true
}

// orderText reads "column", "column asc" or "column desc".
func (s *Statement) orderText(text string) (o orderColumn, ok bool) {
	words := strings.Fields(text)
	if len(words) == 2 {
		switch strings.ToLower(words[1]) {
		case "desc":
			o.desc = true
		case "asc":
		default:
			return o, false
		}
		words = words[:1]
	}
	if len(words) != 1 {
		return o, false
	}
	o.column, ok = s.columnName(words[0])
	return o, ok && (o.column == words[0] || strings.HasSuffix(words[0], "."+o.column))
}
