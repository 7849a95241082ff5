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
