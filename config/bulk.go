package config

import (
	"context"

	"gorm.io/gorm"
)

// Bulk is an engine's own way to take in many rows at once, such as PostgreSQL's COPY
// (module github.com/go-dtde/dtde/pgxcopy). BulkInsert uses it; without one it sends INSERT
// statements of many rows.
//
// An implementation must be safe for concurrent use: BulkInsert calls it for several
// databases at a time.
type Bulk interface {
	// InsertRows inserts rows into a table on a connection, which is a transaction of the
	// caller's: what it inserts must be part of it. It returns how many rows went in.
	//
	// A failure while rows are sent must leave the connection usable, for a save point to be
	// rolled back to, unless ctx has ended. Where it can't take this table at all, because
	// of a column's type or of the driver, it answers ErrBulkUnfit (wrapped, with the reason)
	// before it asks for the first row, and with nothing done: the rows then go by INSERT.
	InsertRows(ctx context.Context, on gorm.ConnPool, into BulkTable, rows BulkRows) (inserted int64, err error)
}

// BulkTable is where rows go.
type BulkTable struct {
	// Schema is the table's, or "" for the connection's own.
	Schema string
	// Name is the physical table, Columns those that each row has, unquoted.
	Name    string
	Columns []string
}

// BulkRows are rows one after another, in the manner of pgx.CopyFromSource. They are read
// by one goroutine.
type BulkRows interface {
	// Next goes to the next row; false is the end, or a failure that Err tells.
	Next() bool
	// Values are the row's, in the order of the columns, as they would be bound to a
	// statement (driver.Valuer included). The slice is overwritten by the next row.
	Values() ([]any, error)
	// Fields are Values, but what a field of the row holds as it is, a bool, int, int64,
	// float64, string or time.Time, comes as a pointer to it, never nil: a value in an
	// interface costs an allocation, a pointer none. It is to be read, and only until the
	// next row.
	Fields() ([]any, error)
	// Err is why the rows ended early; nil if they did not.
	Err() error
}

// BulkOf is how a database takes in many rows, "" being the *gorm.DB's own; nil means by
// INSERT statements.
func (c *Config) BulkOf(database string) Bulk {
	for i := range c.Databases {
		d := &c.Databases[i]
		if d.Bulk != nil && (d.ID == database || d.Own && database == "") {
			return d.Bulk
		}
	}
	return c.Bulk
}
