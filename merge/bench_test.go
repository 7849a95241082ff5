package merge_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/merge"
)

const (
	benchShards = 8
	benchRows   = 10_000 // per shard
)

// interleaved makes the rows of the shards so that every merge step changes the shard.
func interleaved(shards, rows int) [][][]driver.Value {
	parts := make([][][]driver.Value, shards)
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range parts {
		parts[i] = make([][]driver.Value, rows)
		for j := range parts[i] {
			id := j*shards + i
			parts[i][j] = []driver.Value{int64(id), fmt.Sprintf("customer %07d", id), float64(id) / 8, at.Add(time.Duration(id)), nil}
		}
	}
	return parts
}

var benchColumns = []string{"id", "name", "balance", "created_at", "deleted_at"}

// openShards queries one engine per part and returns sources over their rows.
func openShards(ctx context.Context, t testing.TB, shards []*sql.DB) []merge.Source {
	sources := make([]merge.Source, len(shards))
	for i, db := range shards {
		rows, err := db.QueryContext(ctx, "")
		require.NoError(t, err)
		sources[i], err = merge.FromRows(rows)
		require.NoError(t, err)
	}
	return sources
}

func openEngines(t testing.TB, parts [][][]driver.Value) []*sql.DB {
	shards := make([]*sql.DB, len(parts))
	for i, rows := range parts {
		shards[i] = sql.OpenDB(newEngine(benchColumns, rows))
		t.Cleanup(func() { _ = shards[i].Close() })
	}
	return shards
}

type benchRow struct {
	id      int64
	name    string
	balance float64
	created time.Time
	deleted sql.NullTime
}

func scanAll(t testing.TB, rows *sql.Rows) (n int) {
	var r benchRow
	targets := []any{&r.id, &r.name, &r.balance, &r.created, &r.deleted}
	for rows.Next() {
		require.NoError(t, rows.Scan(targets...))
		n++
	}
	require.NoError(t, rows.Err())
	return n
}

func mergeShards(t testing.TB, shards []*sql.DB, key merge.OrderKey) int {
	rows, err := merge.Rows(context.Background(), merge.Ordered([]merge.OrderKey{key}, openShards(context.Background(), t, shards)...))
	require.NoError(t, err)
	return scanAll(t, rows)
}

func BenchmarkMerge(b *testing.B) {
	parts := interleaved(benchShards, benchRows)
	shards := openEngines(b, parts)
	all := openEngines(b, [][][]driver.Value{parts[0]})
	report := func(b *testing.B, rows int) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
	}
	b.Run("one shard, no merge", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			rows, err := all[0].QueryContext(context.Background(), "")
			require.NoError(b, err)
			scanAll(b, rows)
		}
		report(b, benchRows)
	})
	for name, key := range map[string]merge.OrderKey{"by integer": {Column: 0}, "by text": {Column: 1}, "by time": {Column: 3}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				mergeShards(b, shards, key)
			}
			report(b, benchShards*benchRows)
		})
	}
}

// FromRows → Ordered → Rows must not allocate per row; a bound with room for the queries themselves.
func TestMergeAllocatesNothingPerRow(t *testing.T) {
	const rows = 500
	shards := openEngines(t, interleaved(benchShards, rows))
	plain := openEngines(t, interleaved(1, rows*benchShards))
	merged := testing.AllocsPerRun(5, func() { mergeShards(t, shards, merge.OrderKey{Column: 0}) })
	alone := testing.AllocsPerRun(5, func() {
		r, err := plain[0].QueryContext(context.Background(), "")
		require.NoError(t, err)
		scanAll(t, r)
	})
	perRow := (merged - alone) / (rows * benchShards)
	t.Logf("%.0f allocations merged, %.0f without: %.3f more per row", merged, alone, perRow)
	require.Less(t, perRow, 0.1)
}
