package merge

import (
	"database/sql/driver"
	"reflect"
)

// driverRows is a source as database/sql's drivers return it.
type driverRows struct {
	src     Source
	types   []ColumnType
	moved   bool // types are older than the current row
	closed  bool
	columns []string
}

var (
	_ driver.RowsColumnTypeDatabaseTypeName = (*driverRows)(nil)
	_ driver.RowsColumnTypeScanType         = (*driverRows)(nil)
	_ driver.RowsColumnTypeNullable         = (*driverRows)(nil)
	_ driver.RowsColumnTypeLength           = (*driverRows)(nil)
	_ driver.RowsColumnTypePrecisionScale   = (*driverRows)(nil)
)

// newDriverRows takes the types at once: a source that has no rows is closed by its first Next, and can't tell them any
// more.
func newDriverRows(src Source) *driverRows {
	return &driverRows{src: src, columns: src.Columns(), types: columnTypes(src)}
}

func (r *driverRows) Columns() []string { return r.columns }

func (r *driverRows) Next(dest []driver.Value) error {
	r.moved = true
	return r.src.Next(dest)
}

func (r *driverRows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	return r.src.Close()
}

func (r *driverRows) column(i int) *ColumnType {
	if r.moved {
		r.types, r.moved = columnTypes(r.src), false
	}
	return &r.types[i]
}

func (r *driverRows) ColumnTypeDatabaseTypeName(i int) string { return r.column(i).DatabaseTypeName }

func (r *driverRows) ColumnTypeScanType(i int) reflect.Type { return r.column(i).ScanType }

func (r *driverRows) ColumnTypeNullable(i int) (nullable, ok bool) {
	c := r.column(i)
	return c.Nullable, c.HasNullable
}

func (r *driverRows) ColumnTypeLength(i int) (length int64, ok bool) {
	c := r.column(i)
	return c.Length, c.HasLength
}

func (r *driverRows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	c := r.column(i)
	return c.Precision, c.Scale, c.HasDecimalSize
}
