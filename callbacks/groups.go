package callbacks

import (
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
)

// takePartials has the statement select partial aggregates, in no order, until the
// function that it gives puts the caller's clauses back.
func (r *Runtime) takePartials(stmt *gorm.Statement, p *planner.Plan) (restore func()) {
	g := p.Merge.Groups
	if g == nil {
		return func() {}
	}
	restore = keepClauses(stmt, "SELECT", "GROUP BY", "ORDER BY")
	if by, ok := stmt.Clauses["GROUP BY"].Expression.(clause.GroupBy); ok || len(g.By) > 0 {
		by.Having, by.Columns = nil, slices.Concat(by.Columns, g.By)
		stmt.Clauses["GROUP BY"] = clause.Clause{Name: "GROUP BY", Expression: by}
	}
	if g.Select != nil {
		stmt.Clauses["SELECT"] = clause.Clause{Name: "SELECT", Expression: clause.Select{Columns: g.Select}}
	}
	delete(stmt.Clauses, "ORDER BY")
	return restore
}

// groups merges the shards' partial aggregates and orders the groups.
func (r *Runtime) groups(g *planner.Grouping, src merge.Source) merge.Source {
	src = merge.Group(src, merge.GroupSpec{Columns: g.Columns, MaxGroups: max(r.config.MaxBufferedRows, 1), Average: g.Average})
	if g.Having != nil {
		src = merge.Having(src, *g.Having)
	}
	if len(g.Order) > 0 {
		src = merge.Sort(src, g.Order, max(r.config.MaxBufferedRows, 1))
	}
	if len(g.Columns) > g.Visible {
		src = merge.Project(src, g.Visible)
	}
	return src
}

// takeParts has the statement around a union merge what its branches aggregate in
// part, until the function that it gives puts the caller's clauses back.
func takeParts(stmt *gorm.Statement, p *planner.Plan) (restore func()) {
	if p.Partials != nil && !onlySoftDeletes(stmt) {
		p.Partials = nil
	}
	parts := p.Partials
	if parts == nil {
		return func() {}
	}
	restore = keepClauses(stmt, "SELECT", "GROUP BY", "ORDER BY")
	stmt.Clauses["SELECT"] = clause.Clause{Name: "SELECT", Expression: clause.CommaExpression{Exprs: parts.Select}}
	if by, ok := stmt.Clauses["GROUP BY"].Expression.(clause.GroupBy); ok {
		by.Having = parts.Having
		stmt.Clauses["GROUP BY"] = clause.Clause{Name: "GROUP BY", Expression: by}
	}
	if parts.Order != nil {
		stmt.Clauses["ORDER BY"] = clause.Clause{Name: "ORDER BY", Expression: clause.OrderBy{Columns: parts.Order}}
	}
	return restore
}

// onlySoftDeletes tells that GORM will add no condition about rows to the statement around
// the branches: the soft delete's is inside them already.
func onlySoftDeletes(stmt *gorm.Statement) bool {
	if stmt.Schema == nil {
		return true
	}
	for _, c := range stmt.Schema.QueryClauses {
		if _, known := c.(gorm.SoftDeleteQueryClause); !known {
			return false
		}
	}
	return true
}
