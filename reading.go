package dtde

import (
	"iter"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/callbacks"
	"github.com/go-dtde/dtde/config"
)

type (
	// Report says how one call went, shard by shard; see WithReport.
	Report = config.Report
	// ShardReport is one shard's part in a call.
	ShardReport = config.ShardReport
)

// Iterate gives the rows of a read one after another, in constant memory:
//
//	for order, err := range dtde.Iterate[Order](db.Where("amount > ?", 10).Order("id")) {
//		if err != nil {
//			return err // it is the last element
//		}
//	}
//
// T is the model, a smaller struct (with db.Model), a map (with db.Model or db.Table) or
// a single column's type. The statement is sent when the loop begins, and again by each
// further loop. Leaving the loop early closes the rows and gives every connection back
// at once; outside a transaction the statement is cancelled then, since drivers would
// read the rest first. An error, also that of a cancelled context, is yielded once, as
// the last element, with a zero row.
//
// Rows are scanned by GORM's ScanRows, so as with it neither AfterFind hooks nor
// preloads run. While the loop runs the rows hold their connections; other statements on
// the same transaction have to wait until it ends. It works on any model, sharded or not.
func Iterate[T any](tx *gorm.DB) iter.Seq2[T, error] { return callbacks.Iterate[T](tx) }

// WithReport is a scope that fills report with how the statement went: its form, the
// number of statements sent, and time and rows per shard. It does not reach preloads.
//
//	var report dtde.Report
//	err := db.Scopes(dtde.WithReport(&report)).Find(&orders).Error
func WithReport(report *Report) func(*gorm.DB) *gorm.DB { return callbacks.WithReport(report) }

// After is a scope that reads the rows which come after a cursor in the statement's
// order; "" is the first page. It appends the primary key to ORDER BY where that is
// missing, so that the order is total:
//
//	page := db.Order("name").Scopes(dtde.After(cursor)).Limit(20)
//	res := page.Find(&customers)
//	next, err := dtde.CursorOf(res, customers[len(customers)-1])
//
// ORDER BY must be by columns of the model, ascending or descending, each the same as
// on the cursor's page: a cursor of another model or order, or a malformed one, is a
// *CursorError, which matches ErrCursor. The database itself compares, so text sorts as
// its collation has it and NULLs stand where its ORDER BY puts them. Rows that are
// inserted meanwhile appear if they come after the cursor; none is seen twice, unless its
// sort key changes. Limit, conditions, preloads and scopes work as ever; aggregates,
// groups, DISTINCT and joins are refused, as are writes and SQL text. It serves
// unsharded models, too.
func After(cursor string) func(*gorm.DB) *gorm.DB { return callbacks.After(cursor) }

// CursorOf makes the cursor behind row, for After. tx is what the page's finisher
// returned; row one of its rows, as it was read: a struct, a pointer to one, or a map. It
// must have every column of the order and the primary key.
//
// The cursor is opaque, versioned and safe in a URL. It holds the row's values of these
// columns, readable for who takes the trouble, and is not signed: whoever changes it
// chooses another place in the same order, no other rows. Shards that come or go do
// not invalidate it. Where Go may show a value otherwise than the database has it (NULL
// in a field that can't say so, floating point, times on SQLite) one tiny query asks for
// it; if the row has changed meanwhile that is a *CursorError.
func CursorOf(tx *gorm.DB, row any) (string, error) {
	p, ok := tx.Config.Plugins["dtde"].(*Plugin)
	if !ok || p.runtime == nil {
		return "", &ConfigError{Problem: "CursorOf needs dtde on this *gorm.DB: call db.Use first"}
	}
	return p.runtime.CursorOf(tx, row)
}

// CursorError says why a keyset cursor was not taken, or could not be made.
type CursorError = config.CursorError

// ErrCursor matches every CursorError.
var ErrCursor = config.ErrCursor
