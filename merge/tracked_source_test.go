package merge_test

import (
	"database/sql/driver"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/merge"
)

var errBroken = errors.New("shard broke")

// tracked counts what happens to a source and fails where it is told to.
type tracked struct {
	columns  []string
	rows     [][]driver.Value
	failAt   int // index of the row whose read fails; below 0: never
	closeErr error

	reads, closes int
	read          int
}

func track(columns []string, rows [][]driver.Value) *tracked {
	return &tracked{columns: columns, rows: rows, failAt: -1}
}

func (s *tracked) Columns() []string { return s.columns }

func (s *tracked) Next(dest []driver.Value) error {
	if s.closes > 0 {
		return merge.ErrClosed
	}
	s.reads++
	if s.read == s.failAt {
		return errBroken
	}
	if s.read == len(s.rows) {
		return io.EOF
	}
	copy(dest, s.rows[s.read])
	s.read++
	return nil
}

func (s *tracked) Close() error {
	s.closes++
	return s.closeErr
}

// drain reads src to its end without closing it.
func drain(src merge.Source) ([][]driver.Value, error) {
	var rows [][]driver.Value
	for {
		row := make([]driver.Value, len(src.Columns()))
		err := src.Next(row)
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
}

func mustDrain(t require.TestingT, src merge.Source) [][]driver.Value {
	rows, err := drain(src)
	require.NoError(t, err)
	require.NoError(t, src.Close())
	require.ErrorIs(t, src.Next(make([]driver.Value, len(src.Columns()))), merge.ErrClosed)
	return rows
}

// ints makes rows of one column.
func ints(values ...int64) [][]driver.Value {
	rows := make([][]driver.Value, len(values))
	for i, v := range values {
		rows[i] = []driver.Value{v}
	}
	return rows
}

func requireClosedOnce(t require.TestingT, sources ...*tracked) {
	for i, s := range sources {
		require.Equal(t, 1, s.closes, "closes of source %d", i)
	}
}

func TestTrackedSourceIsASource(t *testing.T) {
	t.Parallel()
	s := track([]string{"a"}, ints(1, 2))
	require.Equal(t, ints(1, 2), mustDrain(t, s))
	requireClosedOnce(t, s)
}
