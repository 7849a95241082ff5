package planner_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/planner/internal/gentest"
)

// oneTable is an unsharded database with the generator's rows.
func oneTable(t testing.TB) (*gorm.DB, []gentest.Order) {
	t.Helper()
	db, err := gorm.Open(sqlite.Open("file::memory:"), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = pool.Close() })
	require.NoError(t, db.AutoMigrate(&gentest.Order{}))
	rows := gentest.Rows()
	require.NoError(t, db.CreateInBatches(&rows, 50).Error)
	return db, rows
}

// conditions gives a condition's WHERE clause, with what GORM adds to it.
func conditions(db *gorm.DB, apply func(*gorm.DB) *gorm.DB) *gorm.Statement {
	return apply(db.Session(&gorm.Session{DryRun: true}).Model(&gentest.Order{})).Find(&[]gentest.Order{}).Statement
}

func matching(db *gorm.DB, apply func(*gorm.DB) *gorm.DB) (ids []int64, err error) {
	err = apply(db.Model(&gentest.Order{})).Pluck("id", &ids).Error
	return ids, err
}

func variants(t testing.TB) map[string]*config.Table {
	return map[string]*config.Table{
		"value": byRegion(t), "hash": hashed(t, 8), "range": ranged(t), "month": monthly(t), "composite": composite(t), "slots": slotted(t),
	}
}

// TestNoMatchingRowOutside is promise 2: whatever the condition, every row for which
// the database finds it true lies in the predicate's boxes and on a planned shard;
// and where the predicate says that it is exact, no other row does.
func TestNoMatchingRowOutside(t *testing.T) {
	t.Parallel()
	db, rows := oneTable(t)
	byID := map[int64]*gentest.Order{}
	for i := range rows {
		byID[rows[i].ID] = &rows[i]
	}
	tables := variants(t)
	refused := 0
	rapid.Check(t, func(rt *rapid.T) {
		c := gentest.Draw(rt, func() *gorm.DB { return db.Session(&gorm.Session{NewDB: true}) })
		apply := c.Apply
		if rapid.Bool().Draw(rt, "unscoped") {
			apply = func(db *gorm.DB) *gorm.DB { return c.Apply(db.Unscoped()) }
		}
		ids, err := matching(db, apply)
		if err != nil {
			refused++
			return // no engine would run it
		}
		matches := map[int64]bool{}
		for _, id := range ids {
			matches[id] = true
		}
		stmt := conditions(db, apply)
		for name, tab := range tables {
			s := read(tab, stmt)
			where, _ := stmt.Clauses["WHERE"].Expression.(clause.Where)
			p := planner.Extract(tab, "orders", s.Dialect, where.Exprs)
			plan, err := planner.PlanRead(s)
			if err != nil {
				rt.Fatalf("%s: %s: %v", name, c.Text, err)
			}
			planned := map[string]bool{}
			for _, id := range plan.ShardIDs() {
				planned[id] = true
			}
			for id, row := range byID {
				in := inBoxes(tab, &p, row)
				if matches[id] && !in {
					rt.Fatalf("%s: row %+v matches but is in no box %v\n%s\n%s", name, *row, p.Boxes, c.Text, stmt.SQL.String())
				}
				if p.Exact && in && !matches[id] {
					rt.Fatalf("%s: row %+v is in the boxes %v of an exact predicate and does not match\n%s\n%s", name, *row, p.Boxes, c.Text, stmt.SQL.String())
				}
				if name == "slots" {
					continue // its rows' ids carry made-up slots
				}
				if shard, err := tab.Strategy.Place(keyOf(tab, row)); err == nil && matches[id] && !planned[shard] {
					rt.Fatalf("%s: row %+v matches on shard %s, planned %v\n%s", name, *row, shard, plan.ShardIDs(), stmt.SQL.String())
				}
			}
			if name != "slots" {
				checkSplit(rt, db, tab, plan, byID, matches)
			}
		}
	})
	t.Logf("%d conditions that the database refuses", refused)
}

// TestFragmentThatBeginsWithItsValue: an operator at the very beginning of the text
// was once looked at beyond it.
func TestFragmentThatBeginsWithItsValue(t *testing.T) {
	t.Parallel()
	db, _ := oneTable(t)
	stmt := conditions(db, func(db *gorm.DB) *gorm.DB { return db.Where("?=code", 0.5) })
	plan, err := planner.PlanRead(read(hashed(t, 8), stmt))
	require.NoError(t, err)
	require.Len(t, plan.Targets, 8)
}

// checkSplit runs a target's own conditions, which must find on its shard exactly
// the rows that the caller's find there.
func checkSplit(rt *rapid.T, db *gorm.DB, tab *config.Table, plan *planner.Plan, rows map[int64]*gentest.Order, matches map[int64]bool) {
	for _, target := range plan.Targets {
		if target.Where == nil {
			continue
		}
		var ids []int64
		own := clause.Where{Exprs: append([]clause.Expression(nil), target.Where...)}
		if err := db.Unscoped().Model(&gentest.Order{}).Clauses(own).Pluck("id", &ids).Error; err != nil {
			rt.Fatalf("own conditions of %s: %v", target.Shard.ID, err)
		}
		found := map[int64]bool{}
		for _, id := range ids {
			found[id] = true
		}
		for id, row := range rows {
			shard, err := tab.Strategy.Place(keyOf(tab, row))
			if err == nil && shard == target.Shard.ID && matches[id] != found[id] {
				rt.Fatalf("row %+v on %s: matches %v, with the shard's own lists %v", *row, shard, matches[id], found[id])
			}
		}
	}
}
