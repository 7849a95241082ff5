package merge

import (
	"database/sql/driver"
	"reflect"
)

// driverRows is a source as database/sql's drivers return it.
type driverRows struct {
	src     Source
	types   []ColumnType
	current bool // types are those of the current row
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

func newDriverRows(src Source) *driverRows {
	return &driverRows{src: src, columns: src.Columns()}
}

func (r *driverRows) Columns() []string { return r.columns }

func (r *driverRows) Next(dest []driver.Value) error {
	r.current = false
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
	// Asked for on demand: most callers scan into structs and never want them.
	if !r.current {
		r.types, r.current = columnTypes(r.src), true
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
