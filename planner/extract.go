package planner

import (
	"database/sql"
	"time"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// Extract reads a WHERE clause's expressions as a predicate on the entity's shard key.
// alias is the name under which the entity stands in the statement.
func Extract(t *config.Table, alias string, d Dialect, where []clause.Expression) Predicate {
	s := newScope(t, alias, d)
	if sets, ok := s.simple(where); ok {
		return s.predicate(sets, nil)
	}
	region, unknown := s.render(where)
	return s.predicate(region, unknown)
}

// newScope lists what is analysed: the shard key, and the primary key where it
// carries its shard.
func newScope(t *config.Table, alias string, d Dialect) *scope {
	s := &scope{alias: alias, schema: t.Namespace, dialect: d, fields: t.Schema, primary: primaryColumn(t.Schema)}
	if alias != t.LogicalName {
		s.schema = ""
	}
	s.columns = make([]*config.KeyColumn, len(t.Keys), len(t.Keys)+1)
	for i := range t.Keys {
		s.columns[i] = &t.Keys[i]
	}
	if s.keys = len(s.columns); hasIDs(t) {
		s.columns = append(s.columns, t.Primary)
	}
	return s
}

// hasIDs tells whether ids are analysed beside the key.
func hasIDs(t *config.Table) bool {
	return t.IDShard != nil && t.Primary != nil && t.KeyIndex(t.Primary.Column) < 0
}

// primaryColumn is the column that clause.PrimaryKey stands for, as GORM has it.
func primaryColumn(s *schema.Schema) string {
	switch {
	case s == nil:
		return ""
	case s.PrioritizedPrimaryField != nil:
		return s.PrioritizedPrimaryField.DBName
	case len(s.DBNames) > 0:
		return s.DBNames[0]
	}
	return ""
}

// render lets GORM write the expressions into text, and evaluates that.
func (s *scope) render(where []clause.Expression) (area, []string) {
	r := renderer{scope: s}
	r.where(where)
	if r.fault != "" {
		return anything(), []string{r.fault}
	}
	return s.evaluate(string(r.text), r.marks, r.values, r.cols)
}

// evaluate reads a condition's text.
func (s *scope) evaluate(text string, marks []mark, values []any, cols []column) (area, []string) {
	l := lexer{src: text, marks: marks, dialect: s.dialect, toks: make([]token, 0, len(text)/4+2*len(marks)+2)}
	l.lex()
	if l.fault != "" {
		return anything(), []string{"a condition with a " + l.fault}
	}
	if len(l.toks) == 0 {
		return everything(), nil
	}
	a := analyser{scope: s, src: text, toks: l.toks, values: values, cols: cols}
	return a.condition(0, len(l.toks), false), a.unknown
}

// simple evaluates the most frequent form without writing it: a list of comparisons
// of one column with one plain value each, which GORM joins by AND.
func (s *scope) simple(where []clause.Expression) (area, bool) {
	out := everything()
	for _, e := range where {
		c, op, v, ok := comparison(e)
		if !ok {
			return area{}, false
		}
		col := s.resolveColumn(c)
		if !col.known || col.dim < 0 && !writtenPlain(v) || col.dim >= 0 && !plainValue(v) {
			return area{}, false
		}
		if col.dim < 0 {
			out.exact = false
			continue
		}
		r, ok := compare(s.columns[col.dim], op, v)
		if !ok || r.null {
			// The long way notes why, and tells = NULL from IS NULL.
			return area{}, false
		}
		out = out.and(slab(len(s.columns), col.dim, r.yes, r.exact))
	}
	return out, true
}

// comparison takes apart an expression that is column op value.
func comparison(e clause.Expression) (c clause.Column, op word, v any, ok bool) {
	var name any
	switch e := e.(type) {
	case clause.Eq:
		name, op, v = e.Column, opEq, e.Value
	case clause.Expr:
		if len(e.Vars) != 1 {
			return c, op, v, false
		}
		if c.Name, op, ok = comparisonText(e.SQL); ok {
			return c, op, e.Vars[0], true
		}
		return c, op, v, false
	case clause.Gt:
		name, op, v = e.Column, opGt, e.Value
	case clause.Gte:
		name, op, v = e.Column, opGe, e.Value
	case clause.Lt:
		name, op, v = e.Column, opLt, e.Value
	case clause.Lte:
		name, op, v = e.Column, opLe, e.Value
	case clause.IN:
		if len(e.Values) != 1 {
			return c, op, v, false
		}
		name, op, v = e.Column, opEq, e.Values[0]
	default:
		return c, op, v, false
	}
	switch name := name.(type) {
	case clause.Column:
		return name, op, v, true
	case string:
		return clause.Column{Name: name}, op, v, true
	}
	return c, op, v, false
}

// comparisonText reads "name op ?" with a name in lower case that no engine folds or
// takes for anything else.
func comparisonText(sql string) (name string, op word, ok bool) {
	i := 0
	for i < len(sql) && (sql[i] >= 'a' && sql[i] <= 'z' || sql[i] == '_' || i > 0 && (isDigit(sql[i]) || sql[i] == '.')) {
		i++
	}
	if name = sql[:i]; len(name) < 1 || name[i-1] == '.' || niladic(name) {
		return "", 0, false
	}
	if w, kind := keyword(name, Dialect{Name: "mysql"}); w != wordNone || kind != tokName {
		return "", 0, false
	}
	rest := sql[i:]
	for len(rest) > 0 && rest[0] == ' ' {
		rest = rest[1:]
	}
	switch {
	case hasPrefix(rest, "<="):
		op, rest = opLe, rest[2:]
	case hasPrefix(rest, ">="):
		op, rest = opGe, rest[2:]
	case hasPrefix(rest, "<>"), hasPrefix(rest, "!="):
		op, rest = opNe, rest[2:]
	case hasPrefix(rest, "="):
		op, rest = opEq, rest[1:]
	case hasPrefix(rest, "<"):
		op, rest = opLt, rest[1:]
	case hasPrefix(rest, ">"):
		op, rest = opGt, rest[1:]
	default:
		return "", 0, false
	}
	for len(rest) > 0 && rest[0] == ' ' {
		rest = rest[1:]
	}
	return name, op, rest == "?"
}

func hasPrefix(s, prefix string) bool { return len(s) >= len(prefix) && s[:len(prefix)] == prefix }

// plainValue tells a value that GORM binds as it is.
func plainValue(v any) bool {
	switch v.(type) {
	case string, int, int64, int32, uint, uint64, uint32, time.Time, bool, int16, int8, uint16, uint8:
		return true
	}
	return false
}

// writtenPlain tells a value that GORM writes as one placeholder or as IS NULL.
func writtenPlain(v any) bool {
	switch v.(type) {
	case nil, sql.NullString, sql.NullTime, sql.NullInt64, sql.NullBool:
		return true
	}
	return plainValue(v)
}

// predicate turns an area into what callers see.
func (s *scope) predicate(a area, unknown []string) Predicate {
	p := Predicate{ID: config.Full(), Exact: a.exact, Unknown: unknown}
	if a.full {
		box := make(Box, len(s.columns))
		for i := range box {
			box[i] = config.Full()
		}
		a.boxes = []Box{box}
	}
	if s.keys == len(s.columns) {
		p.Boxes = a.boxes
		return p
	}
	p.ID = config.Set{}
	for _, b := range a.boxes {
		p.Boxes = append(p.Boxes, b[:s.keys:s.keys])
		p.IDs = append(p.IDs, b[s.keys])
		p.ID = p.ID.Union(b[s.keys])
	}
	return p
}
