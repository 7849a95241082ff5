package merge

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
)

// Errors that sources report. All of them are final for the source that reports them.
var (
	// ErrClosed is returned by Next after Close. An explicit end differs from io.EOF so that a stream which was
	// cut short never passes for a complete one.
	ErrClosed = errors.New("merge: row source is closed")
	// ErrColumns means that sources which are merged have different columns, that a row doesn't have as many values
	// as there are columns, or that an operator names a column that doesn't exist.
	ErrColumns = errors.New("merge: columns do not fit")
	// ErrTooManyRows means that an operator which has to keep rows reached its bound.
	ErrTooManyRows = errors.New("merge: too many rows to keep")
)

// Source is a stream of rows with a fixed set of columns.
//
// Implementations promise: Next fills all of dest, whose length equals that of Columns, and keeps no reference to it;
// values handed out stay valid and unchanged for ever (byte slices are not reused); io.EOF means that every row was
// delivered, any other error that some may be missing; after an error or the end Next returns the same again.
// Close releases everything below, may be called at any time and more than once, and has to be called by the owner
// even after an error. A Source is not safe for concurrent use.
type Source interface {
	// Columns returns the column names. The caller must not change the slice.
	Columns() []string
	// Next reads the next row into dest, or returns io.EOF.
	Next(dest []driver.Value) error
	// Close ends the stream and releases what it holds.
	Close() error
}

// ColumnType describes one column as the engine's driver described it. The zero value means that nothing is known.
type ColumnType struct {
	// DatabaseTypeName is the engine's name, such as "VARCHAR", or empty.
	DatabaseTypeName string
	// ScanType is the Go type that suits the column; nil where the driver says nil.
	ScanType reflect.Type
	// Nullable is meaningful if HasNullable.
	Nullable, HasNullable bool
	// Length in the engine's unit is meaningful if HasLength.
	Length    int64
	HasLength bool
	// Precision and Scale in decimal digits are meaningful if HasDecimalSize.
	Precision, Scale int64
	HasDecimalSize   bool
}

// TypedSource is a Source that knows its column types. With sources that have several below them the types are those of
// the source whose row was read last, and of the first one before any row was read: that is what the engine would
// report for its own rows, whose types may depend on the current row (SQLite).
type TypedSource interface {
	Source
	// ColumnTypes returns one entry per column, or nil if nothing is known. The caller must not change the slice.
	ColumnTypes() []ColumnType
}

var anyType = reflect.TypeFor[any]()

// columnTypes returns src's column types, or types of nothing known.
func columnTypes(src Source) []ColumnType {
	n := len(src.Columns())
	if typed, ok := src.(TypedSource); ok {
		if types := typed.ColumnTypes(); len(types) == n {
			return types
		}
	}
	types := make([]ColumnType, n)
	for i := range types {
		types[i].ScanType = anyType
	}
	return types
}

// WithColumnTypes returns src with the given column types, one per column, for rows that were computed and not read.
// The result owns src.
func WithColumnTypes(src Source, types []ColumnType) Source {
	return &retyped{Source: src, types: types}
}

type retyped struct {
	Source
	types []ColumnType
}

func (r *retyped) ColumnTypes() []ColumnType { return r.types }

// checkWidth guards against a caller's buffer that doesn't fit: a short one would silently lose columns.
func checkWidth(dest []driver.Value, columns []string) error {
	if len(dest) != len(columns) {
		return fmt.Errorf("%w: %d destinations for %d columns", ErrColumns, len(dest), len(columns))
	}
	return nil
}
