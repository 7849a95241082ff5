package merge

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// FromRows returns a source that reads rows, which it owns from now on: they must not be read or closed elsewhere, since
// rows that someone else closed look like rows that ended. Values are passed on as the driver returned them; byte slices
// are copied, because the driver may reuse its own. If rows can't be read, they are closed and the error is returned.
//
// The source ends with the context that the rows were queried with, not with the one given to [Rows].
func FromRows(rows *sql.Rows) (Source, error) {
	columns, err := rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("merge: reading columns: %w", errors.Join(err, rows.Close()))
	}
	r := &sqlRows{rows: rows, columns: columns, cells: make([]any, len(columns)), targets: make([]any, len(columns))}
	for i := range r.cells {
		r.targets[i] = &r.cells[i]
	}
	return r, nil
}

type sqlRows struct {
	rows    *sql.Rows
	columns []string
	cells   []any // scanned into through targets, which are made once for all rows
	targets []any
	types   []ColumnType
	done    error // io.EOF, ErrClosed or the failure, once the rows are over
	closed  bool
}

func (r *sqlRows) Columns() []string { return r.columns }

// ColumnTypes asks the driver as long as the rows are open, since its answer may depend on the row, and keeps the last
// answer for later.
func (r *sqlRows) ColumnTypes() []ColumnType {
	if r.done != nil {
		return r.types
	}
	reported, err := r.rows.ColumnTypes()
	if err != nil {
		return r.types
	}
	types := make([]ColumnType, len(reported))
	for i, t := range reported {
		c := &types[i]
		c.DatabaseTypeName, c.ScanType = t.DatabaseTypeName(), t.ScanType()
		c.Nullable, c.HasNullable = t.Nullable()
		c.Length, c.HasLength = t.Length()
		c.Precision, c.Scale, c.HasDecimalSize = t.DecimalSize()
	}
	r.types = types
	return types
}

func (r *sqlRows) Next(dest []driver.Value) error {
	if r.done != nil {
		return r.done
	}
	if err := checkWidth(dest, r.columns); err != nil {
		return err
	}
	if !r.rows.Next() {
		if r.done = r.rows.Err(); r.done == nil {
			r.done = io.EOF
		}
		return r.done
	}
	// Scanning into *any is database/sql's own pass-through: no conversion, and a copy of byte slices.
	if err := r.rows.Scan(r.targets...); err != nil {
		r.done = err
		return err
	}
	for i, cell := range r.cells {
		dest[i] = cell
	}
	return nil
}

func (r *sqlRows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	if r.done == nil || r.done == io.EOF {
		r.done = ErrClosed
	}
	return r.rows.Close()
}
