package merge_test

import (
	"database/sql/driver"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/merge"
)

func TestSequenceIsConcatOverFewOpenSources(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(0, 4), 1, 6).Draw(t, "sizes")
		window := rapid.IntRange(1, len(sizes)).Draw(t, "window")
		columns := []string{"shard", "row"}
		all := make([]*tracked, len(sizes))
		var want [][]driver.Value
		for i, n := range sizes {
			var rows [][]driver.Value
			for j := range n {
				rows = append(rows, []driver.Value{int64(i), int64(j)})
			}
			all[i], want = track(columns, rows), append(want, rows...)
		}
		var asked []int
		opened := make([]merge.Source, window)
		for i := range opened {
			opened[i] = all[i]
		}
		src := merge.Sequence(opened, len(all), func(i int) (merge.Source, error) {
			open := 0
			for _, s := range all[:i] {
				if s.closes == 0 {
					open++
				}
			}
			require.Less(t, open, window, "a source is opened only in the place of another")
			asked = append(asked, i)
			return all[i], nil
		})
		got, err := drain(src)
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Len(t, asked, len(all)-window)
		require.Equal(t, io.EOF, src.Next(make([]driver.Value, 2)))
		for _, s := range all {
			require.Equal(t, 1, s.closes)
		}
		require.NoError(t, src.Close())
		require.ErrorIs(t, src.Next(make([]driver.Value, 2)), merge.ErrClosed)
	})
}

func TestSequenceFailures(t *testing.T) {
	t.Parallel()
	columns := []string{"a"}
	one := func() *tracked { return track(columns, [][]driver.Value{{int64(1)}}) }
	row := make([]driver.Value, 1)

	t.Run("a source that can not be opened", func(t *testing.T) {
		t.Parallel()
		first := one()
		src := merge.Sequence([]merge.Source{first}, 2, func(int) (merge.Source, error) { return nil, errBroken })
		require.NoError(t, src.Next(row))
		for range 2 {
			err := src.Next(row)
			require.ErrorIs(t, err, errBroken)
			var at *merge.SourceError
			require.ErrorAs(t, err, &at)
			assert.Equal(t, 1, at.Index)
		}
		assert.Equal(t, 1, first.closes)
	})
	t.Run("other columns", func(t *testing.T) {
		t.Parallel()
		other := track([]string{"b"}, nil)
		src := merge.Sequence([]merge.Source{one()}, 2, func(int) (merge.Source, error) { return other, nil })
		require.NoError(t, src.Next(row))
		require.ErrorIs(t, src.Next(row), merge.ErrColumns)
		assert.Equal(t, 1, other.closes)
		both := []merge.Source{one(), track([]string{"b"}, nil)}
		require.ErrorIs(t, merge.Sequence(both, 2, nil).Next(row), merge.ErrColumns)
	})
	t.Run("a row that can not be read closes all", func(t *testing.T) {
		t.Parallel()
		first, second := one(), one()
		first.failAt = 0
		src := merge.Sequence([]merge.Source{first, second}, 3, func(int) (merge.Source, error) {
			t.Error("nothing more is opened")
			return nil, errBroken
		})
		require.ErrorIs(t, src.Next(row), errBroken)
		assert.Equal(t, 1, first.closes)
		assert.Equal(t, 1, second.closes)
	})
	t.Run("an early end opens nothing", func(t *testing.T) {
		t.Parallel()
		first := one()
		src := merge.Sequence([]merge.Source{first}, 2, func(int) (merge.Source, error) {
			t.Error("nothing more is opened")
			return nil, errBroken
		})
		require.NoError(t, src.Next(row))
		require.NoError(t, src.Close())
		assert.Equal(t, 1, first.closes)
		assert.ErrorIs(t, src.Next(row), merge.ErrClosed)
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		src := merge.Sequence(nil, 0, nil)
		assert.Empty(t, src.Columns())
		assert.Equal(t, io.EOF, src.Next(nil))
	})
}
