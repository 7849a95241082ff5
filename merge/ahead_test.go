package merge_test

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/merge"
)

// numbers is a source of so many rows; after them comes end.
type numbers struct {
	n      int
	end    error
	at     atomic.Int64
	over   atomic.Bool // as sql.Rows know no types then
	closed atomic.Bool
	slow   chan struct{} // nil, or one element per row that may be read
}

func (s *numbers) Columns() []string { return []string{"i", "text"} }
func (s *numbers) Close() error      { s.closed.Store(true); return nil }
func (s *numbers) Next(dest []driver.Value) error {
	if s.slow != nil {
		<-s.slow
	}
	i := int(s.at.Load())
	if i == s.n {
		s.over.Store(true)
		return s.end
	}
	dest[0], dest[1] = int64(i), fmt.Sprint("row ", i)
	s.at.Add(1)
	return nil
}

func (s *numbers) ColumnTypes() []merge.ColumnType {
	if s.over.Load() {
		return nil
	}
	return []merge.ColumnType{{DatabaseTypeName: fmt.Sprint("INT", s.at.Load())}, {}}
}

// ahead fills a source on another goroutine; wait waits for that.
func ahead(src merge.Source, bounds merge.AheadBounds) (a *merge.Ahead, held *atomic.Bool, wait func() error) {
	failed := make(chan struct{})
	var err error
	done := make(chan struct{})
	held = &atomic.Bool{}
	wait = sync.OnceValue(func() error { <-done; return err })
	a = merge.NewAhead(bounds, failed, wait)
	go func() {
		defer close(done)
		if err = a.Fill(src, func() { held.Store(true) }); err != nil {
			close(failed)
		}
	}()
	return a, held, wait
}

// wide bounds hold nobody up.
var wide = merge.AheadBounds{Rows: 1000, Bytes: 1 << 20}

func TestAheadGivesTheRows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 300).Draw(t, "rows")
		bounds := merge.AheadBounds{Rows: rapid.IntRange(1, 100).Draw(t, "most"), Bytes: rapid.IntRange(1, 5000).Draw(t, "bytes")}
		stop := rapid.IntRange(0, 300).Draw(t, "the reader stops after")
		src := &numbers{n: n, end: io.EOF}
		a, _, wait := ahead(src, bounds)
		<-a.Opened()
		require.Equal(t, []string{"i", "text"}, a.Columns())
		row := make([]driver.Value, 2)
		for i := range min(n, stop) {
			require.NoError(t, a.Next(row))
			require.Equal(t, []driver.Value{int64(i), fmt.Sprint("row ", i)}, row)
			require.LessOrEqual(t, int(src.at.Load())-i, bounds.Rows+64, "rows ahead are bounded")
		}
		if stop > n {
			require.Equal(t, io.EOF, a.Next(row))
			require.Equal(t, io.EOF, a.Next(row))
		}
		require.NoError(t, a.Close())
		require.NoError(t, wait())
		require.True(t, src.closed.Load())
		require.Equal(t, merge.ErrClosed, a.Next(row))
	})
}

func TestAheadHoldsUp(t *testing.T) {
	t.Parallel()
	for name, bounds := range map[string]merge.AheadBounds{"by rows": {Rows: 10, Bytes: 1 << 20}, "by bytes": {Rows: 1 << 20, Bytes: 400}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := &numbers{n: 10_000, end: io.EOF}
			a, held, wait := ahead(src, bounds)
			<-a.Opened()
			require.Eventually(t, held.Load, 20*time.Second, time.Millisecond)
			assert.Less(t, src.at.Load(), int64(40))
			row := make([]driver.Value, 2)
			for range 10_000 {
				require.NoError(t, a.Next(row))
			}
			require.Equal(t, io.EOF, a.Next(row))
			require.NoError(t, wait())
		})
	}
}

// TestAheadGivesRowsToWhoWaits: a reader does not wait for rows that come later.
func TestAheadGivesRowsToWhoWaits(t *testing.T) {
	t.Parallel()
	src := &numbers{n: 200, end: io.EOF, slow: make(chan struct{})}
	a, _, wait := ahead(src, wide)
	src.slow <- struct{}{}
	<-a.Opened()
	row := make([]driver.Value, 2)
	require.NoError(t, a.Next(row))
	for i := 1; i < 20; i++ {
		got := make(chan error, 1)
		if i%2 == 0 { // the row is there before somebody wants it, and the next one is late
			src.slow <- struct{}{}
			time.Sleep(2 * time.Millisecond)
			go func() { got <- a.Next(row) }()
		} else {
			go func() { got <- a.Next(row) }()
			time.Sleep(2 * time.Millisecond) // it waits
			src.slow <- struct{}{}
		}
		select {
		case err := <-got:
			require.NoError(t, err)
			require.Equal(t, int64(i), row[0])
		case <-time.After(20 * time.Second):
			require.FailNow(t, "the row is kept back", "row %d", i)
		}
	}
	require.NoError(t, a.Close())
	close(src.slow)
	require.NoError(t, wait())
}

func TestAheadFails(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	t.Run("at once", func(t *testing.T) {
		t.Parallel()
		src := &numbers{end: boom}
		a, _, wait := ahead(src, wide)
		require.ErrorIs(t, wait(), boom)
		select {
		case <-a.Opened():
			require.Fail(t, "it never opened")
		default:
		}
		require.True(t, src.closed.Load())
	})
	t.Run("later", func(t *testing.T) {
		t.Parallel()
		src := &numbers{n: 500, end: boom}
		a, _, _ := ahead(src, wide)
		<-a.Opened()
		row := make([]driver.Value, 2)
		var err error
		for err == nil {
			err = a.Next(row)
		}
		require.ErrorIs(t, err, boom)
		require.ErrorIs(t, a.Next(row), boom)
		require.NoError(t, a.Close())
	})
	t.Run("because another failed, while it waits", func(t *testing.T) {
		t.Parallel()
		failed := make(chan struct{})
		src := &numbers{n: 10, end: io.EOF, slow: make(chan struct{})}
		a := merge.NewAhead(wide, failed, func() error { return boom })
		done := make(chan error)
		go func() { done <- a.Fill(src, func() {}) }()
		src.slow <- struct{}{}
		<-a.Opened()
		row := make([]driver.Value, 2)
		require.NoError(t, a.Next(row))
		time.AfterFunc(5*time.Millisecond, func() { close(failed) })
		require.ErrorIs(t, a.Next(row), boom)
		close(src.slow)
		require.NoError(t, <-done)
		require.True(t, src.closed.Load())
	})
	t.Run("because another failed, while it is held up", func(t *testing.T) {
		t.Parallel()
		failed := make(chan struct{})
		src := &numbers{n: 100, end: io.EOF}
		a := merge.NewAhead(merge.AheadBounds{Rows: 1, Bytes: 1}, failed, func() error { return boom })
		done := make(chan error)
		go func() { done <- a.Fill(src, func() { close(failed) }) }()
		require.NoError(t, <-done)
		require.True(t, src.closed.Load())
	})
}

// TestAheadKnowsTypes of the first row, as the engine tells them then.
func TestAheadKnowsTypes(t *testing.T) {
	t.Parallel()
	a, _, _ := ahead(&numbers{n: 3, end: io.EOF}, wide)
	<-a.Opened()
	assert.Equal(t, "INT1", a.ColumnTypes()[0].DatabaseTypeName)
	none, _, _ := ahead(&numbers{end: io.EOF}, wide)
	<-none.Opened()
	assert.Equal(t, "INT0", none.ColumnTypes()[0].DatabaseTypeName)
}
