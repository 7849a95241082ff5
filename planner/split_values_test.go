package planner_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
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
	plan := func(sql string, list ...any) *planner.Plan {
		stmt := conditions(db, func(db *gorm.DB) *gorm.DB { return db.Where(sql, list) })
		plan, err := planner.PlanRead(read(byRegion(t), stmt))
		require.NoError(t, err)
		return plan
	}
	written := plan("region IN ?", "EU", "US", shouted("us"))
	require.Greater(t, len(written.Targets), 1)
	for _, target := range written.Targets {
		require.NotNil(t, target.Where, "the list is cut")
		assert.Contains(t, target.Where[0].(clause.Expr).Vars[0], shouted("us"), target.Shard.ID)
	}
	assert.Empty(t, plan("region NOT IN ?", "EU", "US", sql.RawBytes{}).Targets, "an empty byte string that is no []byte is written as NULL")
}

// TestBetweenOfMixedTypes: MariaDB compares all three of a BETWEEN as numbers here, by
// which 'US' is 0 and lies between 0 and 'K'.
func TestBetweenOfMixedTypes(t *testing.T) {
	t.Parallel()
	db, _ := oneTable(t)
	for sql, args := range map[string][]any{"region BETWEEN ? AND ?": {0, "K"}, "? BETWEEN region AND 0": {"K"}, "region NOT BETWEEN 'A' AND ?": {5}} {
		s := read(byRegion(t), conditions(db, func(db *gorm.DB) *gorm.DB { return db.Where(sql, args...) }))
		s.Dialect = planner.Dialect{Name: "mysql", MariaDB: true}
		plan, err := planner.PlanRead(s)
		require.NoError(t, err)
		assert.Len(t, plan.Targets, len(byRegion(t).Shards), sql)
	}
}

// TestListsOfMixedTypes: beside text, MariaDB compares the integers of a list inexactly.
func TestListsOfMixedTypes(t *testing.T) {
	t.Parallel()
	db, _ := oneTable(t)
	for name, c := range map[string]struct {
		list []any
		all  bool
	}{
		"text and a large integer": {[]any{"1", int64(1<<53 + 1)}, true}, "float and integers": {[]any{1.0, 2}, true},
		"integers": {[]any{int64(1), 2, uint8(3), nil}, false}, "text": {[]any{"1", "2"}, false},
	} {
		s := read(ranged(t), conditions(db, func(db *gorm.DB) *gorm.DB { return db.Where("code IN ?", c.list) }))
		s.Dialect = planner.Dialect{Name: "mysql", MariaDB: true}
		plan, err := planner.PlanRead(s)
		require.NoError(t, err)
		if all := len(ranged(t).Shards); c.all {
			assert.Len(t, plan.Targets, all, name)
		} else {
			assert.Less(t, len(plan.Targets), all, name)
		}
		for _, target := range plan.Targets {
			assert.True(t, !c.all || target.Where == nil, name)
		}
	}
}

// TestTextOfAnotherZone: SQLite compares '2024-01-31T00:00:00+14:00', an instant on the
// 30th, with stored texts as they stand: rows of the whole 31st are before it.
func TestTextOfAnotherZone(t *testing.T) {
	t.Parallel()
	db, rows := oneTable(t)
	s := read(monthly(t), conditions(db, func(db *gorm.DB) *gorm.DB { return db.Where("sold_at <= '2024-01-31T00:00:00+14:00'") }))
	where, _ := s.Clauses["WHERE"].Expression.(clause.Where)
	p := planner.Extract(s.Table, "orders", s.Dialect, where.Exprs)
	row := rows[0]
	row.SoldAt = time.Date(2024, 1, 31, 23, 59, 59, 0, time.UTC)
	assert.True(t, inBoxes(s.Table, &p, &row), "%v", p.Boxes)
}

// TestQuotedNameBesideAnOperator: a backtick is an operator's character on PostgreSQL
// only.
func TestQuotedNameBesideAnOperator(t *testing.T) {
	t.Parallel()
	db, _ := oneTable(t)
	for _, dialect := range []string{"mysql", "sqlite"} {
		for _, sql := range []string{"?=`region`", "`region`=? AND name=`name`"} {
			s := read(byRegion(t), conditions(db, func(db *gorm.DB) *gorm.DB { return db.Where(sql, "US") }))
			s.Dialect = planner.Dialect{Name: dialect}
			plan, err := planner.PlanRead(s)
			require.NoError(t, err)
			assert.Len(t, plan.Targets, 1, "%s on %s", sql, dialect)
		}
	}
}

// TestPlaceholderBesideAnOperator: in SQL text as it goes to the engine, the operator
// ends before the engine's own placeholder.
func TestPlaceholderBesideAnOperator(t *testing.T) {
	t.Parallel()
	tab := byRegion(t)
	r, err := planner.AnalyzeRaw(config.NewCatalog(1, tab), planner.Dialect{Name: "sqlite"}, "SELECT id FROM orders WHERE name=? AND region=?", []any{"x", "US"})
	require.NoError(t, err)
	p := planner.Extract(tab, r.Alias, planner.Dialect{Name: "sqlite"}, r.Where)
	require.Len(t, p.Boxes, 1)
	assert.Equal(t, config.Point(config.Text("US")), p.Boxes[0][0])
}
