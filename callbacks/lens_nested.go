package callbacks

import (
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/temporal"
)

// inheritedLensKey keeps, in a subquery's settings, the lens of the statement around it. A
// lens of its own wins.
type inheritedLensKey struct{}

// statedLens is the lens that a statement was given: by a scope, by the statement around it,
// or by its context.
func statedLens(stmt *gorm.Statement) (l lensSetting, ok bool) {
	if scoped.Load() {
		for _, key := range []any{lensKey{}, inheritedLensKey{}} {
			if v, ok := stmt.Settings.Load(key); ok {
				return v.(lensSetting), true
			}
		}
	}
	l, ok = stmt.Context.Value(lensKey{}).(lensSetting)
	return l, ok
}

// passLens gives a statement's lens to the subqueries among its values. They may be shared
// with other statements, so those in the statement become copies.
func (r *Runtime) passLens(db *gorm.DB) {
	stmt := db.Statement
	l, ok := statedLens(stmt)
	if !ok || l.unstated || !nested(stmt) {
		return
	}
	if l.now { // the same instant for all
		l = lensSetting{Lens: temporal.ValidAt(instantOf(db))}
	}
	scoped.Store(true)
	lend := func(sub *gorm.DB) *gorm.DB {
		sub = sub.Session(&gorm.Session{}).Set("dtde:lens", true) // a statement of its own
		sub.Statement.Settings.Store(inheritedLensKey{}, l)
		return sub
	}
	if stmt.TableExpr != nil && anyNested(stmt.TableExpr.Vars) {
		expr := *stmt.TableExpr
		expr.Vars = lendAll(expr.Vars, lend)
		stmt.TableExpr = &expr
	}
	for i := range stmt.Joins {
		if anyNested(stmt.Joins[i].Conds) {
			stmt.Joins = slices.Clone(stmt.Joins)
			break
		}
	}
	for i := range stmt.Joins {
		if conds := stmt.Joins[i].Conds; anyNested(conds) {
			stmt.Joins[i].Conds = lendAll(conds, lend)
		}
	}
	for name, c := range stmt.Clauses {
		if c.Expression != nil && isNested(c.Expression) {
			c.Expression, _ = lendTo(c.Expression, lend).(clause.Expression)
			stmt.Clauses[name] = c
		}
	}
}

func lendAll(values []any, lend func(*gorm.DB) *gorm.DB) []any {
	lent := make([]any, len(values))
	for i, v := range values {
		lent[i] = lendTo(v, lend)
	}
	return lent
}

func lendExprs(exprs []clause.Expression, lend func(*gorm.DB) *gorm.DB) []clause.Expression {
	lent := make([]clause.Expression, len(exprs))
	for i, e := range exprs {
		lent[i], _ = lendTo(e, lend).(clause.Expression)
	}
	return lent
}

// lendTo copies a value or expression with its subqueries replaced; it knows what
// [isNested] looks into.
func lendTo(v any, lend func(*gorm.DB) *gorm.DB) any {
	if !isNested(v) {
		return v
	}
	switch v := v.(type) {
	case *gorm.DB:
		return lend(v)
	case []any:
		return lendAll(v, lend)
	case clause.Expr:
		v.Vars = lendAll(v.Vars, lend)
		return v
	case *clause.Expr:
		e := *v
		e.Vars = lendAll(e.Vars, lend)
		return &e
	case clause.NamedExpr:
		v.Vars = lendAll(v.Vars, lend)
		return v
	case clause.Eq:
		v.Value = lendTo(v.Value, lend)
		return v
	case clause.Neq:
		v.Value = lendTo(v.Value, lend)
		return v
	case clause.IN:
		v.Values = lendAll(v.Values, lend)
		return v
	case clause.Where:
		return clause.Where{Exprs: lendExprs(v.Exprs, lend)}
	case clause.AndConditions:
		return clause.AndConditions{Exprs: lendExprs(v.Exprs, lend)}
	case clause.OrConditions:
		return clause.OrConditions{Exprs: lendExprs(v.Exprs, lend)}
	case clause.NotConditions:
		return clause.NotConditions{Exprs: lendExprs(v.Exprs, lend)}
	case clause.GroupBy:
		v.Having = lendExprs(v.Having, lend)
		return v
	case clause.Select:
		v.Expression, _ = lendTo(v.Expression, lend).(clause.Expression)
		return v
	case clause.OrderBy:
		v.Expression, _ = lendTo(v.Expression, lend).(clause.Expression)
		return v
	}
	return v
}
