package planner_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/planner"
)

// shouted is a value that GORM writes as an expression.
type shouted string

func (s shouted) GormValue(context.Context, *gorm.DB) clause.Expr {
	return clause.Expr{SQL: "upper(?)", Vars: []any{string(s)}}
}

// TestListsKeepWhatGORMWritesAsSQL: such an element can be NULL or anything else, on
// every shard.
func TestListsKeepWhatGORMWritesAsSQL(t *testing.T) {
	t.Parallel()
	db, _ := oneTable(t)
	for name, v := range map[string]any{"expression": shouted("us"), "empty bytes": sql.RawBytes{}} {
		stmt := conditions(db, func(db *gorm.DB) *gorm.DB { return db.Where("region NOT IN ?", []any{"EU", "US", v}) })
		plan, err := planner.PlanRead(read(byRegion(t), stmt))
		require.NoError(t, err, name)
		require.Greater(t, len(plan.Targets), 1, name)
		for _, target := range plan.Targets {
			if target.Where == nil {
				continue // not cut at all
			}
			list := target.Where[0].(clause.Expr).Vars[0].([]any)
			assert.Contains(t, list, v, "%s on %s", name, target.Shard.ID)
		}
	}
}
