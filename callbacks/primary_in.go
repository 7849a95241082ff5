package callbacks

import (
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// primaryIn is the condition that a row's primary key is one of keys, each of which
// has a value for each field. The columns are not qualified.
func (r *Runtime) primaryIn(fields []*schema.Field, keys [][]any) clause.Expression {
	names := make([]clause.Column, len(fields))
	for i, f := range fields {
		names[i] = clause.Column{Name: f.DBName}
	}
	if len(fields) > 1 && r.dialect.Name == "sqlserver" {
		return r.noTuples(names, keys)
	}
	in := clause.IN{Column: names, Values: make([]any, len(keys))}
	if len(fields) == 1 {
		in.Column = names[0]
	}
	for i, k := range keys {
		if in.Values[i] = k; len(fields) == 1 {
			in.Values[i] = k[0]
		}
	}
	return in
}

// spreadTuples rewrites the conditions on composite primary keys that GORM made of a
// destination, where the engine has no row values.
func (r *Runtime) spreadTuples(stmt *gorm.Statement) {
	c := stmt.Clauses["WHERE"]
	where, ok := c.Expression.(clause.Where)
	if !ok || r.dialect.Name != "sqlserver" {
		return
	}
	exprs := slices.Clone(where.Exprs)
	for i, e := range exprs {
		in, _ := e.(clause.IN)
		names, tuples := in.Column.([]clause.Column)
		if !tuples {
			continue
		}
		keys := make([][]any, 0, len(in.Values))
		for _, v := range in.Values {
			if key, ok := v.([]any); ok && len(key) == len(names) {
				keys = append(keys, key)
			}
		}
		if len(keys) == len(in.Values) {
			exprs[i] = r.noTuples(names, keys)
		}
	}
	c.Expression = clause.Where{Exprs: exprs}
	stmt.Clauses["WHERE"] = c
}

// noTuples writes (a, b) IN (…) for SQL Server, which has no row values.
func (r *Runtime) noTuples(names []clause.Column, keys [][]any) clause.Expression {
	one := make([]string, len(names))
	for i, n := range names {
		if one[i] = r.quote(n.Name) + " = ?"; n.Table != "" {
			one[i] = r.quote(n.Table) + "." + one[i]
		}
	}
	row := "(" + strings.Join(one, " AND ") + ")"
	rows := make([]string, len(keys))
	var vars []any
	for i, k := range keys {
		rows[i], vars = row, append(vars, k...)
	}
	return clause.Expr{SQL: "(" + strings.Join(rows, " OR ") + ")", Vars: vars}
}
