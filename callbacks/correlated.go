package callbacks

import (
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/go-dtde/dtde/planner"
)

// keepOutside takes a subquery's conditions out of the union's branches when they may
// name the tables of the statement around it: the branches stand in a derived table,
// from which no engine sees those.
func keepOutside(stmt *gorm.Statement, p *planner.Plan, alias string) {
	if !p.Pushed || !isSubquery(stmt) {
		return
	}
	where, ok := stmt.Clauses["WHERE"].Expression.(clause.Where)
	if !ok || !anyNamesOthers(where.Exprs, alias) {
		return
	}
	p.Pushed, p.Partials, p.BranchLimit = false, nil, 0
	p.FormReason = "one statement, one snapshot; the conditions stay outside the branches, since they name other tables"
}

// isSubquery tells a statement that GORM builds as a value of another: in DryRun, with
// a logger of its own that drops everything.
func isSubquery(stmt *gorm.Statement) bool { return stmt.DryRun && stmt.Logger == logger.Discard }

func anyNamesOthers(exprs []clause.Expression, alias string) bool {
	for _, e := range exprs {
		if namesOthers(e, alias) {
			return true
		}
	}
	return false
}

// namesOthers tells whether a condition may name another table than the entity's.
func namesOthers(e clause.Expression, alias string) bool {
	switch e := e.(type) {
	case clause.Expr:
		return textNamesOthers(e.SQL, alias) || anyOutside(e.Vars, alias)
	case clause.NamedExpr:
		return textNamesOthers(e.SQL, alias) || anyOutside(e.Vars, alias)
	case clause.AndConditions:
		return anyNamesOthers(e.Exprs, alias)
	case clause.OrConditions:
		return anyNamesOthers(e.Exprs, alias)
	case clause.NotConditions:
		return anyNamesOthers(e.Exprs, alias)
	case clause.Eq:
		return anyOutside([]any{e.Column, e.Value}, alias)
	case clause.IN:
		return anyOutside([]any{e.Column}, alias) || anyOutside(e.Values, alias)
	}
	return true
}

// textNamesOthers tells whether text has a qualifier that is not the entity's.
func textNamesOthers(text, alias string) bool {
	return strings.Contains(strings.ReplaceAll(text, alias+".", ""), ".")
}

// anyOutside tells whether columns or values of a condition lead outside the entity.
func anyOutside(values []any, alias string) bool {
	for _, v := range values {
		switch v := v.(type) {
		case clause.Column:
			if v.Table != "" && v.Table != clause.CurrentTable && v.Table != alias || v.Table == "" && textNamesOthers(v.Name, alias) {
				return true
			}
		case string: // a value, or a column that GORM quotes: a dot in a value keeps more outside than it must
			if textNamesOthers(v, alias) {
				return true
			}
		case clause.Table:
			return true
		case clause.Expression:
			if namesOthers(v, alias) {
				return true
			}
		}
	}
	return false
}
