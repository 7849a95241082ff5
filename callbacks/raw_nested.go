package callbacks

import (
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// rawReading replaces what the subqueries of an UPDATE or DELETE in SQL text read of
// entities by the unions of their shards. Steps on several shards see one another's
// changes, so that they don't read the entity itself.
func (r *Runtime) rawReading(stmt *gorm.Statement, rs *planner.RawStatement, p *planner.Plan) (*planner.RawStatement, error) {
	if !rs.Nests {
		return rs, nil
	}
	if rs.ReadsItself && len(p.Targets) > 1 {
		return nil, writesWhatItReads(p)
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

// writesWhatItReads refuses steps on several shards that read one another's rows.
func writesWhatItReads(p *planner.Plan) error {
	return &config.UnsupportedError{
		Entity: p.Entity, Reason: "write-subquery",
		Problem: p.Operation.String() + " over several shards with a subquery on the same model, which would see the first shards' changes",
		Hint:    "select the rows' ids first, or narrow it to one shard",
	}
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
