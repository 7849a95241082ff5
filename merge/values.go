package merge

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// FromValues returns a source of the given rows. It keeps rows and their values without copying them. A row whose
// length is not that of columns makes Next fail with [ErrColumns].
func FromValues(columns []string, rows [][]driver.Value) Source {
	return &values{columns: columns, rows: rows}
}

type values struct {
	columns []string
	rows    [][]driver.Value
	next    int
	closed  bool
}

func (v *values) Columns() []string { return v.columns }

func (v *values) Next(dest []driver.Value) error {
	if v.closed {
		return ErrClosed
	}
	if err := checkWidth(dest, v.columns); err != nil {
		return err
	}
	if v.next == len(v.rows) {
		return io.EOF
	}
	row := v.rows[v.next]
	if len(row) != len(dest) {
		return fmt.Errorf("%w: row %d has %d values for %d columns", ErrColumns, v.next, len(row), len(dest))
	}
	copy(dest, row)
	v.next++
	return nil
}

func (v *values) Close() error {
	v.closed, v.rows = true, nil
	v.next = 0
	return nil
}

// Counted is a source that knows how many rows are left in it.
type Counted interface {
	Source
	// Len is that number; 0 after Close.
	Len() int
}

// Buffer reads all of src into memory and closes it in every case, so that its connection can serve the next statement.
// More than maxRows rows are [ErrTooManyRows]; a maxRows of 0 or less allows none. The result reports src's column types.
// It is a [Counted].
func Buffer(src Source, maxRows int) (Source, error) {
	b, err := buffer(src, maxRows)
	if err != nil {
		return nil, err
	}
	return b, nil
}

func buffer(src Source, maxRows int) (*buffered, error) {
	b := &buffered{columns: src.Columns(), before: columnTypes(src)}
	b.after = b.before
	err := b.fill(src, maxRows)
	// A failing Close may be the only sign that the rows before it were not all.
	if err = errors.Join(err, src.Close()); err != nil {
		return nil, err
	}
	return b, nil
}

// BufferOne is Buffer for a source of one row at most; found tells whether there is one.
func BufferOne(src Source) (one Source, found bool, err error) {
	b, err := buffer(src, 1)
	if err != nil {
		return nil, false, err
	}
	return b, b.count > 0, nil
}

// buffered keeps its rows one after another in a single slice: a slice per row would cost an allocation per row.
type buffered struct {
	columns       []string
	cells         []driver.Value
	count, next   int
	before, after []ColumnType // column types before the first row and on it
	closed        bool
}

func (b *buffered) fill(src Source, maxRows int) error {
	row := make([]driver.Value, len(b.columns))
	for {
		err := src.Next(row)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if b.count >= maxRows {
			return fmt.Errorf("%w: more than %d", ErrTooManyRows, max(maxRows, 0))
		}
		if b.count == 0 {
			b.after = columnTypes(src)
		}
		b.cells = append(b.cells, row...)
		b.count++
	}
}

// Len is the number of rows that are left.
func (b *buffered) Len() int {
	if b.closed {
		return 0
	}
	return b.count - b.next
}

func (b *buffered) row(i int) []driver.Value {
	return b.cells[i*len(b.columns) : (i+1)*len(b.columns)]
}

func (b *buffered) Columns() []string { return b.columns }

func (b *buffered) ColumnTypes() []ColumnType {
	if b.next > 0 {
		return b.after
	}
	return b.before
}

func (b *buffered) Next(dest []driver.Value) error {
	if b.closed {
		return ErrClosed
	}
	if err := checkWidth(dest, b.columns); err != nil {
		return err
	}
	if b.next == b.count {
		return io.EOF
	}
	copy(dest, b.row(b.next))
	b.next++
	return nil
}

func (b *buffered) Close() error {
	b.closed, b.cells = true, nil
	return nil
}
