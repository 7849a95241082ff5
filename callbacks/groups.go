package callbacks

import (
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
	restore = keepClauses(stmt, "SELECT", "ORDER BY")
	if g.Select != nil {
		stmt.Clauses["SELECT"] = clause.Clause{Name: "SELECT", Expression: clause.Select{Columns: g.Select}}
	}
	delete(stmt.Clauses, "ORDER BY")
	return restore
}

// groups merges the shards' partial aggregates and orders the groups.
func (r *Runtime) groups(g *planner.Grouping, src merge.Source) merge.Source {
	src = merge.Group(src, merge.GroupSpec{Columns: g.Columns, MaxGroups: max(r.config.MaxBufferedRows, 1), Average: g.Average})
	if len(g.Order) > 0 {
		src = merge.Sort(src, g.Order, max(r.config.MaxBufferedRows, 1))
	}
	if len(g.Columns) > g.Visible {
		src = merge.Project(src, g.Visible)
	}
	return src
}
