package tests

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/bars"
	"github.com/go-dtde/dtde/internal/testenv"
)

// The baselines are what was measured when they were set, and one or two more: an
// allocation that sneaks into the routed path fails here. First has the project's
// own bar of 20 above it.

func TestAllocationsOfBuiltStatements(t *testing.T) {
	testenv.WithoutRace(t, "the race detector allocates")
	p := allocationPair(t)
	compareAllocations(t, dry(p.sharded), dry(p.plain), map[string]int{
		"First by key": -4, "Find 100 rows": -7, "Create 1": 5, "Create 100": 120, "Update": -1, "Delete": -2,
		"unsharded First": 0, "unsharded Create": 1,
	})
}

func TestAllocationsOfSentStatements(t *testing.T) {
	testenv.WithoutRace(t, "the race detector allocates")
	p := allocationPair(t)
	compareAllocations(t, p.sharded, p.plain, map[string]int{
		"First by key": -4, "Find 100 rows": -6, "Create 1": 8, "Create 100": 125, "Update": 3, "Delete": 1,
		"unsharded First": 0, "unsharded Create": 2,
	})
}

func TestAllocationsOfScatters(t *testing.T) {
	testenv.WithoutRace(t, "the race detector allocates")
	p := allocationPair(t)
	most := map[string]int{"scatter over 8: top 20": 9, "scatter over 8: count": 72}
	for _, s := range scattered {
		extra, err := bars.ExtraAllocations(s.run(dry(p.sharded)), s.run(dry(p.plain)))
		require.NoError(t, err, s.name)
		t.Logf("%s: %d extra", s.name, extra)
		assert.LessOrEqual(t, extra, most[s.name], s.name)
	}
}

// A program with databases beside its own pays for their transactions, which begin with the first statement, but not for
// reads that don't go there.
func TestAllocationsBesideDatabases(t *testing.T) {
	testenv.WithoutRace(t, "the race detector allocates")
	d := testenv.SQLite()
	p := barPair(t, d, dtde.Database{ID: "far", Dialector: d.Dialector(t)})
	compareAllocations(t, p.sharded, p.plain, map[string]int{
		"First by key": -2, "Find 100 rows": -5, "Create 1": 20, "Create 100": 140, "Update": 16, "Delete": 14,
		"unsharded First": 0, "unsharded Create": 14,
	})
}

// allocationPair is not made in parallel with other tests, whose allocations would
// be counted too.
func allocationPair(t *testing.T) pair {
	t.Helper()
	return barPair(t, testenv.SQLite())
}

func compareAllocations(t *testing.T, sharded, plain *gorm.DB, most map[string]int) {
	t.Helper()
	for _, s := range append(append([]statement{}, routed...), unsharded...) {
		extra, err := bars.ExtraAllocations(s.run(sharded), s.run(plain))
		require.NoError(t, err, s.name)
		t.Logf("%s: %d extra", s.name, extra)
		assert.LessOrEqual(t, extra, most[s.name], s.name)
	}
}
