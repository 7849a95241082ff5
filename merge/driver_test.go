package merge_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/merge"
)

type scanned struct{ Seen any }

func (s *scanned) Scan(v any) error {
	if b, ok := v.([]byte); ok {
		v = append([]byte{}, b...) // only valid during the call
	}
	s.Seen = v
	return nil
}

type (
	namedInt    int32
	namedString string
)

// pointedAt shows what a chain of pointers ends in; text, since NaN doesn't equal itself.
func pointedAt(target any) string {
	v := reflect.ValueOf(target)
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	return fmt.Sprintf("%#v", v)
}

// Every driver kind into every kind of destination gives what database/sql gives over the engine's own driver.
func TestScanActsAsOverTheEngine(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 2, 29, 23, 59, 59, 123456789, time.FixedZone("x", -3600))
	values := map[string]driver.Value{
		"int64": int64(-42), "int64 large": int64(math.MaxInt64), "float64": 1.5, "float64 whole": 3.0, "NaN": math.NaN(),
		"bool": true, "bytes": []byte("12"), "empty bytes": []byte{}, "nil bytes": []byte(nil), "string": "34",
		"text": "abc", "empty string": "", "time": at, "nil": nil,
		"int32": int32(7), "uint64": uint64(math.MaxUint64), "float32": float32(0.1), "array": [16]byte{1, 2},
		"strings": []string{"a"}, "map": map[string]int{"a": 1}, "struct": struct{ A int }{1},
	}
	targets := map[string]func() any{
		"any": func() any { return new(any) }, "string": func() any { return new(string) },
		"bytes": func() any { return new([]byte) }, "raw": func() any { return new(sql.RawBytes) },
		"int64": func() any { return new(int64) }, "int8": func() any { return new(int8) },
		"uint64": func() any { return new(uint64) }, "float64": func() any { return new(float64) },
		"float32": func() any { return new(float32) }, "bool": func() any { return new(bool) },
		"time": func() any { return new(time.Time) }, "*string": func() any { return new(*string) },
		"*time": func() any { return new(*time.Time) }, "NullInt64": func() any { return new(sql.NullInt64) },
		"NullString": func() any { return new(sql.NullString) }, "NullTime": func() any { return new(sql.NullTime) },
		"Null[uint64]": func() any { return new(sql.Null[uint64]) }, "Scanner": func() any { return new(scanned) },
		"named int": func() any { return new(namedInt) }, "named string": func() any { return new(namedString) },
		"array": func() any { return new([16]byte) },
	}
	scan := func(rows *sql.Rows, target any) (any, error) {
		require.True(t, rows.Next())
		err := rows.Scan(target)
		if raw, ok := target.(*sql.RawBytes); ok { // only valid until the rows go on
			target = append([]byte{}, *raw...)
		}
		require.NoError(t, rows.Close())
		return target, err
	}
	for valueName, v := range values {
		for targetName, target := range targets {
			t.Run(valueName+" into "+targetName, func(t *testing.T) {
				e := newEngine([]string{"c"}, [][]driver.Value{{v}})
				want, wantErr := scan(e.query(t.Context(), t), target())
				merged, err := merge.Rows(t.Context(), e.source(t.Context(), t))
				require.NoError(t, err)
				got, gotErr := scan(merged, target())
				assert.Equal(t, fmt.Sprint(wantErr), fmt.Sprint(gotErr))
				assert.Equal(t, pointedAt(want), pointedAt(got))
				assert.Zero(t, e.open.Load())
			})
		}
	}
}

func TestBytesSurviveTheDriversBuffer(t *testing.T) {
	t.Parallel()
	e := newEngine([]string{"c"}, [][]driver.Value{{[]byte("one")}, {[]byte("two")}, {[]byte("three")}})
	src, err := merge.Buffer(e.source(t.Context(), t), 3)
	require.NoError(t, err)
	require.Equal(t, e.rows, mustDrain(t, src))
}

func describe(t *testing.T, rows *sql.Rows) []string {
	types, err := rows.ColumnTypes()
	require.NoError(t, err)
	var lines []string
	for _, c := range types {
		nullable, hasNullable := c.Nullable()
		length, hasLength := c.Length()
		precision, scale, hasSize := c.DecimalSize()
		lines = append(lines, fmt.Sprint(c.Name(), c.DatabaseTypeName(), c.ScanType(), nullable, hasNullable,
			length, hasLength, precision, scale, hasSize))
	}
	return lines
}

func TestColumnTypesAreTheFirstShards(t *testing.T) {
	t.Parallel()
	typed := func(rows ...[]driver.Value) *engine {
		e := newEngine([]string{"id", "name", "price", "other"}, rows)
		e.types = []merge.ColumnType{
			{DatabaseTypeName: "INT8", ScanType: reflect.TypeFor[int64](), HasNullable: true},
			{DatabaseTypeName: "VARCHAR", ScanType: reflect.TypeFor[string](), Length: 20, HasLength: true, Nullable: true, HasNullable: true},
			{DatabaseTypeName: "NUMERIC", ScanType: reflect.TypeFor[float64](), Precision: 10, Scale: 2, HasDecimalSize: true},
			{ScanType: nil},
		}
		return e
	}
	row := []driver.Value{int64(1), "a", "1.00", nil}
	key := []merge.OrderKey{{Column: 0}}
	untyped := newEngine([]string{"id", "name", "price", "other"}, [][]driver.Value{row})
	chains := map[string]struct {
		first *engine
		chain func(a, b merge.Source) merge.Source
	}{
		"concat":      {typed(row), func(a, b merge.Source) merge.Source { return merge.Concat(a, b) }},
		"first empty": {typed(), func(a, b merge.Source) merge.Source { return merge.Ordered(key, a, b) }},
		"ordered": {typed(row), func(a, b merge.Source) merge.Source {
			return merge.Limit(merge.Distinct(merge.Ordered(key, a, b), 9), 0, 5)
		}},
		"project":  {typed(row), func(a, b merge.Source) merge.Source { return merge.Project(merge.Concat(a, b), 4) }},
		"sort":     {typed(row), func(a, b merge.Source) merge.Source { return merge.Sort(merge.Concat(a, b), key, 9) }},
		"no types": {untyped, func(a, b merge.Source) merge.Source { return merge.Concat(a, b) }},
		"buffer": {typed(row), func(a, b merge.Source) merge.Source {
			src, err := merge.Buffer(merge.Concat(a, b), 9)
			require.NoError(t, err)
			return src
		}},
	}
	for name, c := range chains {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own := c.first.query(t.Context(), t)
			want := describe(t, own)
			require.NoError(t, own.Close())
			second := typed(row)
			if name == "no types" {
				second = untyped
			}
			rows, err := merge.Rows(t.Context(), c.chain(c.first.source(t.Context(), t), second.source(t.Context(), t)))
			require.NoError(t, err)
			assert.Equal(t, want, describe(t, rows), "before the first row")
			require.True(t, rows.Next())
			assert.Equal(t, want, describe(t, rows), "on the first row")
			require.NoError(t, rows.Close())
		})
	}
	t.Run("given", func(t *testing.T) {
		t.Parallel()
		src := merge.WithColumnTypes(merge.FromValues([]string{"n"}, ints(1)),
			[]merge.ColumnType{{DatabaseTypeName: "BIGINT", ScanType: reflect.TypeFor[int64]()}})
		rows, err := merge.Rows(t.Context(), src)
		require.NoError(t, err)
		assert.Equal(t, []string{"nBIGINTint64 false false 0 false 0 0 false"}, describe(t, rows))
		require.NoError(t, rows.Close())
	})
}

func TestRowsCloseTheirSource(t *testing.T) {
	t.Parallel()
	columns := []string{"a"}
	t.Run("at the end", func(t *testing.T) {
		t.Parallel()
		s := track(columns, ints(1, 2))
		rows, err := merge.Rows(t.Context(), s)
		require.NoError(t, err)
		var got []int64
		for rows.Next() {
			var v int64
			require.NoError(t, rows.Scan(&v))
			got = append(got, v)
		}
		require.NoError(t, rows.Err())
		assert.Equal(t, []int64{1, 2}, got)
		requireClosedOnce(t, s)
		require.NoError(t, rows.Close())
		requireClosedOnce(t, s)
	})
	t.Run("early", func(t *testing.T) {
		t.Parallel()
		s := track(columns, ints(1, 2))
		rows, err := merge.Rows(t.Context(), s)
		require.NoError(t, err)
		require.True(t, rows.Next())
		require.NoError(t, rows.Close())
		requireClosedOnce(t, s)
	})
	t.Run("on failure", func(t *testing.T) {
		t.Parallel()
		s := track(columns, ints(1, 2))
		s.failAt = 1
		rows, err := merge.Rows(t.Context(), s)
		require.NoError(t, err)
		require.True(t, rows.Next())
		require.False(t, rows.Next())
		require.ErrorIs(t, rows.Err(), errBroken)
		requireClosedOnce(t, s)
	})
	t.Run("context over before", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s := track(columns, ints(1))
		_, err := merge.Rows(ctx, s)
		require.ErrorIs(t, err, context.Canceled)
		requireClosedOnce(t, s)
		s = track(columns, ints(1))
		require.ErrorIs(t, merge.Row(ctx, s).Scan(new(int64)), context.Canceled)
		requireClosedOnce(t, s)
	})
	t.Run("context over amid", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		a, b := newEngine(columns, ints(1, 3, 5)), newEngine(columns, ints(2, 4, 6))
		rows, err := merge.Rows(ctx, merge.Ordered([]merge.OrderKey{{}}, a.source(t.Context(), t), b.source(t.Context(), t)))
		require.NoError(t, err)
		require.True(t, rows.Next())
		cancel()
		require.Eventually(t, func() bool { return a.open.Load() == 0 && b.open.Load() == 0 }, 20*time.Second, time.Millisecond)
		require.False(t, rows.Next())
		require.ErrorIs(t, rows.Err(), context.Canceled)
	})
	t.Run("row", func(t *testing.T) {
		t.Parallel()
		s := track(columns, ints(7, 8))
		var v int64
		require.NoError(t, merge.Row(t.Context(), s).Scan(&v))
		assert.Equal(t, int64(7), v)
		requireClosedOnce(t, s)
		s = track(columns, nil)
		require.ErrorIs(t, merge.Row(t.Context(), s).Scan(&v), sql.ErrNoRows)
		requireClosedOnce(t, s)
	})
}

// A shard whose context ends amid its rows must not look like a shard that has no more.
func TestShardContextIsAFailure(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	e := newEngine([]string{"a"}, ints(1, 2, 3))
	src := e.source(ctx, t)
	row := make([]driver.Value, 1)
	require.NoError(t, src.Next(row))
	cancel()
	require.Eventually(t, func() bool { return e.open.Load() == 0 }, 20*time.Second, time.Millisecond)
	require.ErrorIs(t, src.Next(row), context.Canceled)
	require.ErrorIs(t, src.Next(row), context.Canceled)
	require.NoError(t, src.Close())
}

func TestFromRowsOfClosedRows(t *testing.T) {
	t.Parallel()
	rows := newEngine([]string{"a"}, nil).query(t.Context(), t)
	require.NoError(t, rows.Close())
	_, err := merge.FromRows(rows)
	require.Error(t, err)
}

// Not parallel: it counts the goroutines of the process.
func TestRowsLeaveNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 50 {
		ctx, cancel := context.WithCancel(context.Background())
		open := make([]*sql.Rows, 20)
		for i := range open {
			var err error
			open[i], err = merge.Rows(ctx, merge.FromValues([]string{"a"}, ints(1, 2)))
			require.NoError(t, err)
			require.True(t, open[i].Next())
		}
		for _, rows := range open {
			require.NoError(t, rows.Close())
		}
		cancel()
	}
	for deadline := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), before)
}
