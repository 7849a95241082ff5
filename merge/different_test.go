package merge

import (
	"database/sql/driver"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSumsOfDifferentValues: partial rows of a value that the group has had are left out, of
// a sum and an average alike; other columns take every row.
func TestSumsOfDifferentValues(t *testing.T) {
	t.Parallel()
	rows := [][]driver.Value{ // key, value, its sum, its count, all of its rows
		{"a", int64(3), int64(3), int64(1), int64(2)}, {"a", nil, nil, int64(0), int64(1)}, {"a", int64(4), int64(4), int64(1), int64(5)},
		{"a", int64(3), int64(3), int64(1), int64(1)}, {"b", nil, nil, int64(0), int64(7)}, {"b", nil, nil, int64(0), int64(1)},
	}
	src := FromValues([]string{"k", "x", "s", "n", "m"}, rows)
	merged := Group(src, GroupSpec{Columns: []GroupColumn{
		{Func: Key, Column: 0}, {Func: Sum, Column: 2, Values: []int{1}}, {Func: Avg, Column: 2, Counts: 3, Values: []int{1}}, {Func: Count, Column: 4},
	}, MaxGroups: 8, Average: AverageFloat})
	for _, want := range [][]driver.Value{{"a", int64(7), 3.5, int64(9)}, {"b", nil, nil, int64(8)}} {
		row := make([]driver.Value, len(want))
		require.NoError(t, merged.Next(row))
		assert.Equal(t, want, row)
	}
	require.NoError(t, merged.Close())
}
