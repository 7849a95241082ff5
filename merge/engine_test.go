package merge_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/merge"
)

// engine is a database driver that answers every query with the same rows, the way a real one does: it reuses its byte
// slices between rows and knows its column types.
type engine struct {
	columns []string
	rows    [][]driver.Value
	types   []merge.ColumnType
	failAt  int // below 0: never
	open    atomic.Int32
}

func newEngine(columns []string, rows [][]driver.Value) *engine {
	return &engine{columns: columns, rows: rows, failAt: -1}
}

func (e *engine) Connect(context.Context) (driver.Conn, error) { return engineConn{e}, nil }
func (e *engine) Driver() driver.Driver                        { return nil }

type engineConn struct{ *engine }

func (engineConn) Prepare(string) (driver.Stmt, error) { return nil, errors.New("not prepared") }
func (engineConn) Begin() (driver.Tx, error)           { return nil, errors.New("no transactions") }
func (engineConn) Close() error                        { return nil }

func (c engineConn) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	c.open.Add(1)
	rows := &engineRows{engine: c.engine}
	if c.types == nil {
		return rows, nil
	}
	return typedEngineRows{rows}, nil
}

type engineRows struct {
	*engine
	next   int
	buffer []byte
}

func (r *engineRows) Columns() []string { return r.columns }

func (r *engineRows) Close() error {
	r.open.Add(-1)
	return nil
}

func (r *engineRows) Next(dest []driver.Value) error {
	if r.next == r.failAt {
		return errBroken
	}
	if r.next == len(r.rows) {
		return io.EOF
	}
	// One buffer for all rows, as a driver that points into its network buffer.
	for i := range r.buffer {
		r.buffer[i] = '#'
	}
	r.buffer = r.buffer[:0]
	for i, v := range r.rows[r.next] {
		if b, ok := v.([]byte); ok && len(b) > 0 {
			r.buffer = append(r.buffer, b...)
			v = r.buffer[len(r.buffer)-len(b) : len(r.buffer) : len(r.buffer)]
		}
		dest[i] = v
	}
	r.next++
	return nil
}

type typedEngineRows struct{ *engineRows }

func (r typedEngineRows) ColumnTypeDatabaseTypeName(i int) string { return r.types[i].DatabaseTypeName }
func (r typedEngineRows) ColumnTypeScanType(i int) reflect.Type   { return r.types[i].ScanType }
func (r typedEngineRows) ColumnTypeNullable(i int) (bool, bool) {
	return r.types[i].Nullable, r.types[i].HasNullable
}
func (r typedEngineRows) ColumnTypeLength(i int) (int64, bool) {
	return r.types[i].Length, r.types[i].HasLength
}
func (r typedEngineRows) ColumnTypePrecisionScale(i int) (int64, int64, bool) {
	return r.types[i].Precision, r.types[i].Scale, r.types[i].HasDecimalSize
}

// query opens rows of the engine; the pool is closed with the test.
func (e *engine) query(ctx context.Context, t testing.TB) *sql.Rows {
	db := sql.OpenDB(e)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	rows, err := db.QueryContext(ctx, "")
	require.NoError(t, err)
	return rows
}

func (e *engine) source(ctx context.Context, t testing.TB) merge.Source {
	src, err := merge.FromRows(e.query(ctx, t))
	require.NoError(t, err)
	return src
}
