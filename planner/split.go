package planner

import (
	"database/sql/driver"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
)

// split gives each target the caller's conditions with IN lists cut to the values
// that can be on that shard.
//
// A row on a shard has a key that lives there, so for it `key IN (all)` and
// `key IN (the shard's own)` are the same, true, false and NULL alike, wherever in the
// condition they stand. An empty list would not be: one value stays.
func (s *Statement) split(p *Plan) {
	exprs, ok := s.where()
	if !ok || !slices.ContainsFunc(exprs, mayHaveList) || s.namesAliases() {
		return
	}
	c := cutter{scope: newScope(s.Table, s.alias(), s.Dialect), table: s.Table, index: make(map[string]int, len(p.Targets)), n: len(p.Targets)}
	if c.scope.keys != 1 && len(c.scope.columns) == c.scope.keys {
		return
	}
	for i := range p.Targets {
		c.index[p.Targets[i].Shard.ID] = i
	}
	where, changed := c.list(exprs)
	if !changed {
		return
	}
	for i := range p.Targets {
		p.Targets[i].Where = where[i]
	}
}

// namesAliases tells whether a condition could mean a selected alias, which SQLite
// allows: then it cannot move into the branches of a union.
func (s *Statement) namesAliases() bool {
	if s.Operation != Select || !s.Dialect.sqlite() {
		return false
	}
	for _, text := range s.Selects {
		if strings.ContainsAny(text, " (") && strings.TrimSpace(text) != "" {
			return true
		}
	}
	if e, ok := s.Clauses["SELECT"].Expression.(clause.Select); ok {
		return slices.ContainsFunc(e.Columns, func(c clause.Column) bool { return c.Alias != "" || c.Raw && strings.Contains(c.Name, " ") })
	}
	return false
}

// mayHaveList finds out quickly whether there is anything to cut.
func mayHaveList(e clause.Expression) bool {
	switch e := e.(type) {
	case clause.IN:
		return len(e.Values) > 1
	case clause.Eq:
		return listLength(e.Value) > 1
	case clause.Neq:
		return listLength(e.Value) > 1
	case clause.Expr:
		return len(e.Vars) == 1 && listLength(e.Vars[0]) > 1
	case clause.AndConditions:
		return slices.ContainsFunc(e.Exprs, mayHaveList)
	case clause.OrConditions:
		return slices.ContainsFunc(e.Exprs, mayHaveList)
	case clause.NotConditions:
		return slices.ContainsFunc(e.Exprs, mayHaveList)
	}
	return false
}

func listLength(v any) int {
	switch v := v.(type) {
	case nil, string, int, int64, bool, []byte:
		return 0
	case []any:
		return len(v)
	}
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Slice {
		return rv.Len()
	}
	return 0
}

// cutter cuts lists for n targets at once.
type cutter struct {
	scope *scope
	table *config.Table
	index map[string]int // shard id → target
	n     int
	key   [1]config.Value
}

// list cuts each expression of a list; where has the list for each target.
func (c *cutter) list(exprs []clause.Expression) (where [][]clause.Expression, changed bool) {
	for at, e := range exprs {
		cut, ok := c.expression(e)
		if !ok {
			continue
		}
		if !changed {
			where, changed = make([][]clause.Expression, c.n), true
			for i := range where {
				where[i] = slices.Clone(exprs)
			}
		}
		for i := range where {
			where[i][at] = cut[i]
		}
	}
	return where, changed
}

// expression cuts one expression; ok is false if there is nothing to cut in it.
func (c *cutter) expression(e clause.Expression) (cut []clause.Expression, ok bool) {
	switch e := e.(type) {
	case clause.IN:
		if len(e.Values) < 2 {
			return nil, false
		}
		return c.values(c.dim(e.Column), e.Values, func(vs []any) clause.Expression {
			return clause.IN{Column: e.Column, Values: vs}
		})
	case clause.Eq:
		if values, isList := eqList(e.Value); isList {
			return c.values(c.dim(e.Column), values, func(vs []any) clause.Expression { return clause.Eq{Column: e.Column, Value: vs} })
		}
	case clause.Neq:
		if values, isList := eqList(e.Value); isList {
			return c.values(c.dim(e.Column), values, func(vs []any) clause.Expression { return clause.Neq{Column: e.Column, Value: vs} })
		}
	case clause.Expr:
		if name, isIn := inText(e.SQL); isIn && len(e.Vars) == 1 && !e.WithoutParentheses {
			if values, isList := anyList(e.Vars[0]); isList {
				return c.values(c.dim(name), values, func(vs []any) clause.Expression { return clause.Expr{SQL: e.SQL, Vars: []any{vs}} })
			}
		}
	case clause.AndConditions:
		return nest(c, e.Exprs, func(es []clause.Expression) clause.Expression { return clause.AndConditions{Exprs: es} })
	case clause.OrConditions:
		return nest(c, e.Exprs, func(es []clause.Expression) clause.Expression { return clause.OrConditions{Exprs: es} })
	case clause.NotConditions:
		return nest(c, e.Exprs, func(es []clause.Expression) clause.Expression { return clause.NotConditions{Exprs: es} })
	}
	return nil, false
}

func nest(c *cutter, exprs []clause.Expression, wrap func([]clause.Expression) clause.Expression) ([]clause.Expression, bool) {
	where, changed := c.list(exprs)
	if !changed {
		return nil, false
	}
	out := make([]clause.Expression, c.n)
	for i := range out {
		out[i] = wrap(where[i])
	}
	return out, true
}

// dim is the analysed column whose lists can be cut, or -1.
func (c *cutter) dim(name any) int {
	col, ok := c.scope.columnOf(name)
	if !ok || col.dim < 0 || col.dim < c.scope.keys && c.scope.keys != 1 {
		return -1
	}
	return col.dim
}

// values cuts one list: a value stays where a row with it can be.
func (c *cutter) values(dim int, values []any, make1 func([]any) clause.Expression) ([]clause.Expression, bool) {
	if dim < 0 || c.scope.dialect.mysql() && mixed(len(values), func(i int) any { return values[i] }) {
		return nil, false
	}
	places := make([]int32, len(values))
	counts := make([]int, c.n)
	const everywhere, nowhere = -1, -2
	cuts := false
	for i, v := range values {
		places[i] = everywhere
		if r, ok := compare(c.scope.columns[dim], opEq, v, false); ok && r.exact && !r.null && plainOrBare(v) {
			point, _ := r.set.Single()
			if id, ok := c.place(dim, point); ok {
				cuts, places[i] = true, nowhere
				if at, visited := c.index[id]; visited && id != "" {
					places[i] = int32(at)
					counts[at]++
				}
			}
		}
		if places[i] == everywhere {
			for at := range counts {
				counts[at]++
			}
		}
	}
	if !cuts {
		return nil, false
	}
	lists := make([][]any, c.n)
	for at, n := range counts {
		lists[at] = make([]any, 0, max(n, 1))
	}
	for i, v := range values {
		switch at := places[i]; at {
		case everywhere:
			for at := range lists {
				lists[at] = append(lists[at], v)
			}
		case nowhere:
		default:
			lists[at] = append(lists[at], v)
		}
	}
	out := make([]clause.Expression, c.n)
	for at, list := range lists {
		if len(list) == 0 {
			list = append(list, values[0])
		}
		out[at] = make1(list)
	}
	return out, true
}

// place finds the one shard of a value, "" for none; ok is false if that is not certain.
func (c *cutter) place(dim int, v config.Value) (id string, ok bool) {
	if dim >= c.scope.keys {
		return c.table.IDShard(v)
	}
	c.key[0] = v
	id, err := c.table.Strategy.Place(c.key[:])
	if err == nil {
		return id, true
	}
	r := c.table.Strategy.Route(config.RouteQuery{Keys: []config.Set{config.Point(v)}, Known: c.table.IDs})
	return "", !r.All && !r.Open && len(r.IDs) == 0
}

// plainOrBare tells a value that GORM binds as one; others it could expand, or write
// as SQL of their own.
func plainOrBare(v any) bool {
	if plainValue(v) {
		return true
	}
	if gormValuer(v) {
		return false
	}
	switch rv := reflect.ValueOf(v); rv.Kind() {
	case reflect.Array, reflect.Slice:
		_, bytes := v.([]byte)
		_, valuer := v.(driver.Valuer)
		return bytes || valuer || rv.Len() > 0
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8,
		reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.String, reflect.Pointer, reflect.Struct:
		return true
	}
	return false
}

// eqList gives the values of a list that clause.Eq writes as IN (…).
func eqList(v any) ([]any, bool) {
	switch v.(type) {
	case []string, []int, []int32, []int64, []uint, []uint32, []uint64, []any:
		return anyList(v)
	}
	return nil, false
}

// anyList gives the values of a slice that GORM expands.
func anyList(v any) ([]any, bool) {
	switch v := v.(type) {
	case []any:
		return v, len(v) > 1
	case []string:
		return anys(v)
	case []int:
		return anys(v)
	case []int64:
		return anys(v)
	}
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Slice || rv.Len() < 2 || rv.Type().Elem().Kind() == reflect.Uint8 || rv.Type().NumMethod() > 0 {
		return nil, false
	}
	out := make([]any, rv.Len())
	for i := range out {
		out[i] = rv.Index(i).Interface()
	}
	return out, true
}

func anys[T any](vs []T) ([]any, bool) {
	out := make([]any, len(vs))
	for i, v := range vs {
		out[i] = v
	}
	return out, len(vs) > 1
}

// inText reads "name IN ?" and "name IN (?)".
func inText(sql string) (name string, ok bool) {
	words := strings.Fields(sql)
	if len(words) == 2 && len(words[1]) == 5 {
		words = []string{words[0], words[1][:2], words[1][2:]}
	}
	if len(words) != 3 || !strings.EqualFold(words[1], "IN") || words[2] != "?" && words[2] != "(?)" {
		return "", false
	}
	if n, _, plain := comparisonText(words[0] + "=?"); !plain || n != words[0] {
		return "", false
	}
	return words[0], true
}
