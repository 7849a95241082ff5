package callbacks

import (
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// rawReading replaces what the subqueries of an UPDATE or DELETE in SQL text read of
// entities by the unions of their shards.
func (r *Runtime) rawReading(stmt *gorm.Statement, rs *planner.RawStatement, p *planner.Plan) (*planner.RawStatement, error) {
	if !rs.Nests {
		return rs, nil
	}
	if r.dynamic && !r.root.DryRun {
		if _, err := r.refreshIfStale(stmt.Context, stmt.ConnPool); err != nil {
			return nil, err
		}
	}
	return rs.Reading(r.quote, func(t *config.Table) (string, error) {
		if fresh, ok := r.current(stmt.ConnPool).ByModel(t.ModelType); ok {
			t = fresh
		}
		return r.derived(stmt, t, t.Shards)
	})
}

// rawOn is the text aimed at a shard, with the co-located shards that it can need.
func (r *Runtime) rawOn(stmt *gorm.Statement, rs *planner.RawStatement, shard *config.Shard) string {
	text := rs.Render(shard, r.quote)
	if !rs.Nests {
		return text
	}
	setText(stmt, text)
	r.together(stmt, shard.Database)
	return stmt.SQL.String()
}
