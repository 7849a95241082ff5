package callbacks

import (
	"database/sql"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// What a statement has inside: the values and expressions that its source, its joins and
// its clauses are made of, at any depth. Those who look for something there, or put
// something else in its place, come through here, so that all know the same expressions.

// hasInside tells whether a statement has something inside that is wanted.
func hasInside(stmt *gorm.Statement, wanted func(any) bool) bool {
	if stmt.TableExpr != nil && holds(stmt.TableExpr, wanted) {
		return true
	}
	for i := range stmt.Joins {
		if joinHolds(stmt, i, wanted) {
			return true
		}
	}
	// those that nearly every statement has are asked by name: to walk a map costs more
	if len(stmt.Clauses) == 0 {
		return false
	}
	asked := 0
	for _, name := range usualClauses {
		if e := stmt.Clauses[name].Expression; e != nil {
			if asked++; holds(e, wanted) {
				return true
			}
		}
		if asked == len(stmt.Clauses) {
			return false
		}
	}
	for _, c := range stmt.Clauses {
		if c.Expression != nil && holds(c.Expression, wanted) {
			return true
		}
	}
	return false
}

// usualClauses are those of First, Take, Find, Update and Delete, and the plan that dtde
// keeps among them.
var usualClauses = [...]string{"WHERE", planCarrier, "ORDER BY", "LIMIT", "SET"}

// joinHolds is [hasInside] of one join.
func joinHolds(stmt *gorm.Statement, i int, wanted func(any) bool) bool {
	j := &stmt.Joins[i]
	return anyHolds(j.Conds, wanted) || j.On != nil && anyHolds(j.On.Exprs, wanted) || j.Expression != nil && holds(j.Expression, wanted)
}

// replaceInside puts what with gives in the place of everything in a statement that is
// wanted. The chain that the statement was made of may be used again: what changes becomes
// a copy.
func replaceInside(stmt *gorm.Statement, wanted func(any) bool, with func(any) any) {
	if stmt.TableExpr != nil && holds(stmt.TableExpr, wanted) {
		stmt.TableExpr = replaced(stmt.TableExpr, wanted, with).(*clause.Expr)
	}
	replaceInJoins(stmt, wanted, with)
	for name, c := range stmt.Clauses {
		if c.Expression != nil && holds(c.Expression, wanted) {
			c.Expression = replacedExpr(c.Expression, wanted, with)
			stmt.Clauses[name] = c
		}
	}
}

// replaceInJoins is [replaceInside] of the joins alone.
func replaceInJoins(stmt *gorm.Statement, wanted func(any) bool, with func(any) any) {
	copied := false
	for i := range stmt.Joins {
		if !joinHolds(stmt, i, wanted) {
			continue
		}
		if !copied {
			stmt.Joins, copied = slices.Clone(stmt.Joins), true
		}
		j := &stmt.Joins[i]
		j.Conds = replacedAll(j.Conds, wanted, with)
		if j.On != nil {
			j.On = &clause.Where{Exprs: replacedAll(j.On.Exprs, wanted, with)}
		}
		if j.Expression != nil {
			j.Expression = replacedExpr(j.Expression, wanted, with)
		}
	}
}

func anyHolds[E any](values []E, wanted func(any) bool) bool {
	for _, v := range values {
		if holds(v, wanted) {
			return true
		}
	}
	return false
}

// holds tells whether a value or an expression is wanted, or has inside what is. It
// allocates nothing.
func holds(v any, wanted func(any) bool) bool {
	switch v.(type) {
	case int, int64, string, bool, time.Time, uint, int32, float64, clause.Limit, carried: // nobody wants what has nothing inside
		return false
	}
	if wanted(v) {
		return true
	}
	switch v := v.(type) {
	case []any:
		return anyHolds(v, wanted)
	case []clause.Expression:
		return anyHolds(v, wanted)
	case sql.NamedArg:
		return holds(v.Value, wanted)
	case []map[string]any:
		return anyHolds(v, wanted)
	case map[string]any:
		for _, value := range v {
			if holds(value, wanted) {
				return true
			}
		}
	case clause.Expr:
		return anyHolds(v.Vars, wanted)
	case *clause.Expr:
		return v != nil && anyHolds(v.Vars, wanted)
	case clause.NamedExpr:
		return anyHolds(v.Vars, wanted)
	case clause.Eq:
		return holds(v.Value, wanted)
	case clause.Neq:
		return holds(v.Value, wanted)
	case clause.Gt:
		return holds(v.Value, wanted)
	case clause.Gte:
		return holds(v.Value, wanted)
	case clause.Lt:
		return holds(v.Value, wanted)
	case clause.Lte:
		return holds(v.Value, wanted)
	case clause.Like:
		return holds(v.Value, wanted)
	case clause.IN:
		return anyHolds(v.Values, wanted)
	case clause.Where:
		return anyHolds(v.Exprs, wanted)
	case clause.AndConditions:
		return anyHolds(v.Exprs, wanted)
	case clause.OrConditions:
		return anyHolds(v.Exprs, wanted)
	case clause.NotConditions:
		return anyHolds(v.Exprs, wanted)
	case clause.CommaExpression:
		return anyHolds(v.Exprs, wanted)
	case clause.GroupBy:
		return anyHolds(v.Having, wanted)
	case clause.Select:
		return v.Expression != nil && holds(v.Expression, wanted)
	case clause.OrderBy:
		return v.Expression != nil && holds(v.Expression, wanted)
	case clause.Set:
		for i := range v {
			if holds(v[i].Value, wanted) {
				return true
			}
		}
	case clause.OnConflict:
		for i := range v.DoUpdates {
			if holds(v.DoUpdates[i].Value, wanted) {
				return true
			}
		}
		return anyHolds(v.Where.Exprs, wanted) || anyHolds(v.TargetWhere.Exprs, wanted)
	}
	return false
}

func replacedAll[E any](values []E, wanted func(any) bool, with func(any) any) []E {
	if !anyHolds(values, wanted) {
		return values
	}
	out := make([]E, len(values))
	for i, v := range values {
		out[i], _ = replaced(v, wanted, with).(E)
	}
	return out
}

func replacedExpr(e clause.Expression, wanted func(any) bool, with func(any) any) clause.Expression {
	e, _ = replaced(e, wanted, with).(clause.Expression)
	return e
}

// replaced is a value or expression with what is wanted replaced; it knows what [holds]
// looks into.
func replaced(v any, wanted func(any) bool, with func(any) any) any {
	if wanted(v) {
		return with(v)
	}
	if !holds(v, wanted) {
		return v
	}
	switch v := v.(type) {
	case []any:
		return replacedAll(v, wanted, with)
	case []clause.Expression:
		return replacedAll(v, wanted, with)
	case sql.NamedArg:
		v.Value = replaced(v.Value, wanted, with)
		return v
	case []map[string]any:
		return replacedAll(v, wanted, with)
	case map[string]any:
		v = maps.Clone(v)
		for name, value := range v {
			v[name] = replaced(value, wanted, with)
		}
		return v
	case clause.Expr:
		v.Vars = replacedAll(v.Vars, wanted, with)
		return v
	case *clause.Expr:
		e := *v
		e.Vars = replacedAll(e.Vars, wanted, with)
		return &e
	case clause.NamedExpr:
		v.Vars = replacedAll(v.Vars, wanted, with)
		return v
	case clause.Eq:
		v.Value = replaced(v.Value, wanted, with)
		return v
	case clause.Neq:
		v.Value = replaced(v.Value, wanted, with)
		return v
	case clause.Gt:
		v.Value = replaced(v.Value, wanted, with)
		return v
	case clause.Gte:
		v.Value = replaced(v.Value, wanted, with)
		return v
	case clause.Lt:
		v.Value = replaced(v.Value, wanted, with)
		return v
	case clause.Lte:
		v.Value = replaced(v.Value, wanted, with)
		return v
	case clause.Like:
		v.Value = replaced(v.Value, wanted, with)
		return v
	case clause.IN:
		v.Values = replacedAll(v.Values, wanted, with)
		return v
	case clause.Where:
		v.Exprs = replacedAll(v.Exprs, wanted, with)
		return v
	case clause.AndConditions:
		v.Exprs = replacedAll(v.Exprs, wanted, with)
		return v
	case clause.OrConditions:
		v.Exprs = replacedAll(v.Exprs, wanted, with)
		return v
	case clause.NotConditions:
		v.Exprs = replacedAll(v.Exprs, wanted, with)
		return v
	case clause.CommaExpression:
		v.Exprs = replacedAll(v.Exprs, wanted, with)
		return v
	case clause.GroupBy:
		v.Having = replacedAll(v.Having, wanted, with)
		return v
	case clause.Select:
		v.Expression = replacedExpr(v.Expression, wanted, with)
		return v
	case clause.OrderBy:
		v.Expression = replacedExpr(v.Expression, wanted, with)
		return v
	case clause.Set:
		v = slices.Clone(v)
		for i := range v {
			v[i].Value = replaced(v[i].Value, wanted, with)
		}
		return v
	case clause.OnConflict:
		v.DoUpdates = slices.Clone(v.DoUpdates)
		for i := range v.DoUpdates {
			v.DoUpdates[i].Value = replaced(v.DoUpdates[i].Value, wanted, with)
		}
		v.Where.Exprs = replacedAll(v.Where.Exprs, wanted, with)
		v.TargetWhere.Exprs = replacedAll(v.TargetWhere.Exprs, wanted, with)
		return v
	}
	return v
}
