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
	// PartialReport says what a read under Partial left out.
	PartialReport = config.PartialReport
	// MissingShard is a shard that was left out of an answer.
	MissingShard = config.MissingShard
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
	if callbacks.IsElsewhere(tx) {
		return "", callbacks.ErrElsewhere
	}
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

// Partial is a scope for reads over several databases that would rather have an answer
// without a database that is down than none: its shards are left out, whole, and report
// names them, with the error of each. Without it a read fails then.
//
//	var report dtde.PartialReport
//	err := db.Scopes(dtde.Partial(&report)).Find(&orders).Error
//	if err == nil && !report.Complete() {
//		warn(report.Missing)
//	}
//
// Down means that a database could not be connected to, broke the connection, did not
// answer within its Timeout, or is left alone by its breaker (ErrDatabaseDown); any other
// error, and the end of the caller's context, fail the read. So does it if none of its
// databases answers. A count or sum is that of the other shards; First may find nothing
// (ErrRecordNotFound) because its row is missing: look at the report first. Each database
// is read to its end before the first row is given, also by Rows and Iterate, within
// Config.MaxBufferedRows, and a page behind an OFFSET is fetched.
//
// Inside a transaction, in locking reads and for models that are not sharded it has no
// effect. A write with it, which FirstOrCreate is, too, is refused with ErrUnsupported. It
// does not reach preloads: give those a scope of their own.
func Partial(report *PartialReport) func(*gorm.DB) *gorm.DB { return callbacks.Partial(report) }
