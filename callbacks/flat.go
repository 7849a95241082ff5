package callbacks

import (
	"strings"

	"gorm.io/gorm"
	gormcallbacks "gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/planner"
)

// buildFlat makes GORM build the statement for each shard and puts the texts together
// by UNION ALL. Their values stand one after another in the statement's. A star becomes
// the model's columns: UNION ALL goes by position, and tables that were made at other
// times may have their columns in another order.
func (r *Runtime) buildFlat(db *gorm.DB, p *planner.Plan, alias string, a *aimed, hint *indexHint) {
	stmt := db.Statement
	selected, had := stmt.Clauses["SELECT"]
	var text strings.Builder
	for i := range p.Targets {
		target := &p.Targets[i]
		stmt.Table, stmt.TableExpr = alias, hint.behind(r.asTable(target.Shard, alias), p.Table, target.Shard)
		switch {
		case target.Where != nil:
			stmt.Clauses["WHERE"] = clause.Clause{Name: "WHERE", Expression: clause.Where{Exprs: target.Where}}
		case a.had:
			stmt.Clauses["WHERE"] = a.where
		default: // GORM adds the destination's key once more
			delete(stmt.Clauses, "WHERE")
		}
		gormcallbacks.BuildQuerySQL(db)
		if i == 0 && db.Error == nil && isStar(stmt, alias) {
			stmt.SQL.Reset()
			stmt.Vars = nil
			stmt.Clauses["SELECT"] = clause.Clause{Name: "SELECT", Expression: clause.Expr{SQL: r.columns(stmt, p.Table)}}
			stmt.Build(stmt.BuildClauses...)
		}
		if db.Error != nil {
			break
		}
		if i > 0 {
			text.WriteString(" UNION ALL ")
		}
		text.WriteString(stmt.SQL.String())
		stmt.SQL.Reset()
	}
	stmt.SQL.WriteString(text.String())
	if delete(stmt.Clauses, "SELECT"); had {
		stmt.Clauses["SELECT"] = selected
	}
}

// isStar tells whether a statement that GORM has built selects all columns.
func isStar(stmt *gorm.Statement, alias string) bool {
	s, ok := stmt.Clauses["SELECT"].Expression.(clause.Select)
	if !ok || s.Expression != nil || len(s.Columns) > 1 {
		return false
	}
	return len(s.Columns) == 0 || s.Columns[0].Name == "*" || s.Columns[0].Name == alias+".*"
}
