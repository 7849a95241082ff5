package merge_test

import (
	"database/sql/driver"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/merge"
)

// FuzzOrderedLimit reads rows, shards, keys and a page from bytes and compares the merge with sorting everything.
// Each byte of cells is one row: two bits of shard, then three bits each of two columns, 7 being NULL.
func FuzzOrderedLimit(f *testing.F) {
	f.Fuzz(func(t *testing.T, cells []byte, flags uint8, offset, limit int8) {
		keys := []merge.OrderKey{
			{Column: int(flags & 1), Desc: flags&2 != 0, NullsFirst: flags&4 != 0},
			{Column: int(flags >> 3 & 1), Desc: flags&16 != 0, NullsFirst: flags&32 != 0},
		}[:flags>>6&1+flags>>7]
		parts := make([][][]driver.Value, 4)
		for i, cell := range cells {
			row := []driver.Value{nil, nil, fmt.Sprint(i)}
			if v := cell >> 2 & 7; v != 7 {
				row[0] = int64(v)
			}
			if v := cell >> 5; v != 7 {
				row[1] = string(rune('a' + v))
			}
			parts[cell&3] = append(parts[cell&3], row)
		}
		for _, rows := range parts {
			slices.SortStableFunc(rows, naiveOrder(keys))
		}
		want := slices.Concat(parts...)
		slices.SortStableFunc(want, naiveOrder(keys))
		trackers, sources := trackAll(parts)
		got := mustDrain(t, merge.Limit(merge.Ordered(keys, sources...), int64(offset), int64(limit)))
		requireClosedOnce(t, trackers...)
		require.Equal(t, page(want, int64(offset), int64(limit)), got)
	})
}
