package callbacks

import (
	"slices"

	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// queries tells whether values of the rows, or what an upsert assigns, may read tables.
func (c *creation) queries() bool {
	if oc, ok := c.db.Statement.Clauses["ON CONFLICT"].Expression.(clause.OnConflict); ok {
		if holds(oc.DoUpdates, mayRead) || holds(oc.Where, mayRead) {
			return true
		}
	}
	return slices.ContainsFunc(c.rows.maps, func(row map[string]any) bool { return holds(row, mayRead) })
}

// mayRead tells a query, and text that has one.
func mayRead(v any) bool { return isStatement(v) || isSubtext(v) }

// insertReading is GORM's own create of rows that read tables: it is built, rewritten, then
// run. What one of several inserts would see of another one's rows is refused.
func (c *creation) insertReading(s *config.Shard, p *planner.Plan) {
	stmt := c.db.Statement
	if !c.r.buildOnly(c.db, c.r.inner.create) {
		return
	}
	err := c.r.rewriteBuilt(stmt)
	if err == nil {
		err = c.r.settle(stmt, s.Database, true)
	}
	step := shardSQL{s, stmt.SQL.String(), stmt.Vars}
	if err == nil && len(p.Targets) > 1 && (changed{tables: []*config.Table{c.table}}).readBy(step, p.Shards()) {
		err = writesWhatItReads(p)
	}
	if err != nil {
		fail(c.db, err)
		return
	}
	c.r.runBuilt(c.db, c.r.inner.create)
}
