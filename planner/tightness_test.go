package planner_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/planner/internal/gentest"
)

// tight are the shards that the plans of tightnessRuns fixed conditions may visit in
// all, per strategy. Pruning that gets looser fails; one that gets tighter lowers the
// figure here.
var tight = map[string]int{"value": 1959, "hash": 6905, "range": 2589, "month": 2845, "composite": 5164, "slots": 3465}

const tightnessRuns = 1000

// TestPruningStaysTight adds up the planned shards of conditions drawn from fixed seeds.
func TestPruningStaysTight(t *testing.T) {
	t.Parallel()
	db, rows := oneTable(t)
	byID := map[int64]*gentest.Order{}
	for i := range rows {
		byID[rows[i].ID] = &rows[i]
	}
	fresh := func() *gorm.DB { return db.Session(&gorm.Session{NewDB: true}) }
	draw := rapid.Custom(func(rt *rapid.T) gentest.Condition { return gentest.Draw(rt, fresh) })
	planned, needed, shards := map[string]int{}, map[string]int{}, map[string]int{}
	tables := variants(t)
	for seed := range tightnessRuns {
		c := draw.Example(seed)
		ids, err := matching(db, c.Apply)
		if err != nil {
			continue
		}
		stmt := conditions(db, c.Apply)
		for name, tab := range tables {
			plan, err := planner.PlanRead(read(tab, stmt))
			require.NoError(t, err)
			planned[name] += len(plan.Targets)
			shards[name] += len(tab.Shards)
			holding := map[string]bool{}
			for _, id := range ids {
				if shard, err := tab.Strategy.Place(keyOf(tab, byID[id])); err == nil {
					holding[shard] = true
				}
			}
			needed[name] += len(holding)
		}
	}
	for name := range tables {
		t.Logf("%s: %d shards planned, %d hold a row, %d without pruning", name, planned[name], needed[name], shards[name])
		assert.LessOrEqual(t, planned[name], tight[name], "%s: pruning got looser", name)
		assert.GreaterOrEqual(t, planned[name], tight[name]*95/100, "%s: pruning got tighter, lower the figure", name)
	}
}

// TestUnderstoodIsExact: conditions on the key alone, in every form that is understood,
// plan exactly the shards that can hold a matching key.
func TestUnderstoodIsExact(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"code = 0":                             {"mid"},
		"code < 0":                             {"low"},
		"code <= 0":                            {"low", "mid"},
		"code >= 5":                            {"high"},
		"code > 4":                             {"high"},
		"code BETWEEN 0 AND 4":                 {"mid"},
		"NOT (code BETWEEN 0 AND 4)":           {"low", "high"},
		"code IN (1, 2, 3)":                    {"mid"},
		"code IN (-1, 9)":                      {"low", "high"},
		"code <> 1":                            {"low", "mid", "high"},
		"NOT (code >= 0)":                      {"low"},
		"code = 1 OR code = 7":                 {"mid", "high"},
		"(code > 0 OR code < -5) AND code < 3": {"low", "mid"},
		"code > 0 AND NOT (code > 4 OR name = 1)": {"mid"},
		"3 > code AND -1 < code":                  {"mid"},
		"code IS NULL":                            nil,
		"code = 1 AND code = 7":                   nil,
	} {
		plan, err := planner.PlanRead(whereOf(ranged(t), postgresDialect, expr(text)))
		require.NoError(t, err)
		if want == nil {
			want = []string{}
		}
		assert.Equal(t, want, plan.ShardIDs(), text)
	}
}
