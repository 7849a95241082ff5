package planner

import (
	"database/sql"
	"sync"
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

// workspace is what one analysis needs for a while.
type workspace struct {
	renderer renderer
	lexer    lexer
	analyser analyser
}

var workspaces = sync.Pool{New: func() any { return new(workspace) }}

// maxPooled bounds the tokens of a workspace that is kept.
const maxPooled = 4096

// release forgets the statement's values and gives the workspace back.
func (w *workspace) release() {
	if cap(w.lexer.toks) > maxPooled {
		return
	}
	clear(w.renderer.values)
	w.renderer = renderer{text: w.renderer.text[:0], marks: w.renderer.marks[:0], values: w.renderer.values[:0], cols: w.renderer.cols[:0]}
	w.lexer = lexer{toks: w.lexer.toks[:0], stack: w.lexer.stack[:0]}
	w.analyser = analyser{}
	workspaces.Put(w)
}

// render lets GORM write the expressions into text, and evaluates that.
func (s *scope) render(where []clause.Expression) (area, []string) {
	w := workspaces.Get().(*workspace)
	defer w.release()
	r := &w.renderer
	r.scope = s
	r.where(where)
	if r.fault != "" {
		return anything(), []string{r.fault}
	}
	l := &w.lexer
	l.src, l.marks, l.dialect = string(r.text), r.marks, s.dialect
	l.lex()
	if l.fault != "" {
		return anything(), []string{"a condition with " + l.fault}
	}
	if len(l.toks) == 0 {
		return everything(), nil
	}
	w.analyser = analyser{scope: s, src: l.src, toks: l.toks, values: r.values, cols: r.cols}
	return w.analyser.condition(0, len(l.toks), false), w.analyser.unknown
}

// simple evaluates the most frequent form without writing it: a list of comparisons
// of one column with one plain value each, which GORM joins by AND.
func (s *scope) simple(where []clause.Expression) (area, bool) {
	out := everything()
	walk := conjunction{exprs: where}
	for c := (condition{}); walk.next(&c); {
		if c.other != nil {
			list, ok := s.simpleList(c.other)
			if !ok {
				return area{}, false
			}
			out = out.and(list)
			continue
		}
		col := s.resolveColumn(c.column)
		if !col.known || col.dim < 0 && !writtenPlain(c.value) || col.dim >= 0 && !plainValue(c.value) {
			return area{}, false
		}
		if col.dim < 0 {
			out.exact = false
			continue
		}
		r, ok := compare(s.columns[col.dim], c.op, c.value, false)
		if !ok || r.null {
			// The long way notes why, and tells = NULL from IS NULL.
			return area{}, false
		}
		out = out.and(slab(len(s.columns), col.dim, r.set, r.exact))
	}
	return out, true
}

// simpleList evaluates column IN (plain values) without writing thousands of them.
func (s *scope) simpleList(e clause.Expression) (area, bool) {
	var name any
	var values []any
	switch e := e.(type) {
	case clause.IN:
		name, values = e.Column, e.Values
	case clause.Eq:
		var isList bool
		if values, isList = eqList(e.Value); !isList {
			return area{}, false
		}
		name = e.Column
	case clause.Expr:
		text, isIn := inText(e.SQL)
		if !isIn || len(e.Vars) != 1 || e.WithoutParentheses {
			return area{}, false
		}
		if values, isIn = anyList(e.Vars[0]); !isIn {
			return area{}, false
		}
		name = text
	}
	col, ok := s.columnOf(name)
	if !ok || len(values) < 2 {
		return area{}, false
	}
	if col.dim >= 0 && s.dialect.mysql() && mixed(len(values), func(i int) any { return values[i] }) {
		return area{}, false // the long way notes why
	}
	points := make([]config.Value, 0, len(values))
	for _, v := range values {
		if !plainValue(v) {
			return area{}, false
		}
		if col.dim < 0 {
			continue
		}
		r, ok := compare(s.columns[col.dim], opEq, v, false)
		if !ok || !r.exact || r.null {
			return area{}, false
		}
		point, _ := r.set.Single()
		points = append(points, point)
	}
	if col.dim < 0 {
		return anything(), true
	}
	return slab(len(s.columns), col.dim, config.Points(points...), true), true
}

// columnOf resolves what clause types take as a column.
func (s *scope) columnOf(name any) (column, bool) {
	var col column
	switch v := name.(type) {
	case clause.Column:
		col = s.resolveColumn(v)
	case string:
		col = s.resolveColumn(clause.Column{Name: v})
	}
	return col, col.known
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
