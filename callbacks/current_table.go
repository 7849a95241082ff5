package callbacks

import (
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// nameCurrentTable writes the entity's alias where the conditions of joins have
// [clause.CurrentTable] as a table, as the callbacks of GORM's generic Joins are given
// it: GORM would write the statement's whole source there, the union of its shards.
func nameCurrentTable(stmt *gorm.Statement, alias string) {
	copied := false
	for i := range stmt.Joins {
		on, expression := stmt.Joins[i].On, stmt.Joins[i].Expression
		if !namesCurrent(expression) && (on == nil || !slices.ContainsFunc(on.Exprs, namesCurrent)) {
			continue
		}
		if !copied { // the chain that the statement was made of may be used again
			stmt.Joins, copied = slices.Clone(stmt.Joins), true
		}
		if on != nil {
			stmt.Joins[i].On = &clause.Where{Exprs: currentNamed(on.Exprs, alias)}
		}
		if expression != nil {
			stmt.Joins[i].Expression = currentAs(expression, alias)
		}
	}
}

// namesCurrent tells whether an expression has the current table as a value.
func namesCurrent(e clause.Expression) bool {
	values := func(vars []any) bool {
		return slices.ContainsFunc(vars, func(v any) bool {
			if t, ok := v.(clause.Table); ok {
				return t.Name == clause.CurrentTable
			}
			inner, ok := v.(clause.Expression)
			return ok && namesCurrent(inner)
		})
	}
	switch e := e.(type) {
	case clause.Expr:
		return values(e.Vars)
	case clause.NamedExpr:
		return values(e.Vars)
	case clause.AndConditions:
		return slices.ContainsFunc(e.Exprs, namesCurrent)
	case clause.OrConditions:
		return slices.ContainsFunc(e.Exprs, namesCurrent)
	case clause.NotConditions:
		return slices.ContainsFunc(e.Exprs, namesCurrent)
	}
	return false
}

// currentAs is the expression with the alias in the current table's place.
func currentAs(e clause.Expression, alias string) clause.Expression {
	values := func(vars []any) []any {
		out := slices.Clone(vars)
		for i, v := range out {
			switch v := v.(type) {
			case clause.Table:
				if v.Name == clause.CurrentTable {
					v.Name = alias
				}
				out[i] = v
			case clause.Expression:
				out[i] = currentAs(v, alias)
			}
		}
		return out
	}
	switch e := e.(type) {
	case clause.Expr:
		e.Vars = values(e.Vars)
		return e
	case clause.NamedExpr:
		e.Vars = values(e.Vars)
		return e
	case clause.AndConditions:
		e.Exprs = currentNamed(e.Exprs, alias)
		return e
	case clause.OrConditions:
		e.Exprs = currentNamed(e.Exprs, alias)
		return e
	case clause.NotConditions:
		e.Exprs = currentNamed(e.Exprs, alias)
		return e
	}
	return e
}

func currentNamed(exprs []clause.Expression, alias string) []clause.Expression {
	out := make([]clause.Expression, len(exprs))
	for i, e := range exprs {
		out[i] = currentAs(e, alias)
	}
	return out
}
