package dtde

import (
	"reflect"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/callbacks"
)

// Difference is one entity key whose data is not the same on both sides of a Diff.
type Difference[T any] struct {
	// Key are the values of the entity key's columns.
	Key []any
	// Before and After are the versions on both sides; nil where there is none.
	Before, After *T
	// Columns are the columns of data that differ, in the model's order; all of them, with
	// nil on the other side, if there is only one version. Keys, periods, and the times
	// that GORM keeps are not data.
	Columns []ColumnDifference
}

// ColumnDifference is one column that differs, with the values of its field.
type ColumnDifference = callbacks.ColumnDifference

// Diff tells what changed, key by key and column by column, between two views of the
// versions that a query names: between two instants,
//
//	changes, err := dtde.Diff[Contract](db.Where("region = ?", "EU"), dtde.ValidAt(a), dtde.ValidAt(b))
//
// or, with system time, between what was believed of an instant then and what is now:
// dtde.KnownAt(monday) beside dtde.KnownAt(friday), applied to a query with ValidAt(t). A
// scope of the query counts unless before or after is a lens of its own. Each side must
// see at most one version of a key. Keys whose data is equal on both sides are left out,
// whichever rows hold it. The query is conditions, joins and scopes; both sides are read
// in one snapshot, inside the caller's transaction in that, and held in memory, at most
// Config.MaxBufferedRows each.
func Diff[T any](query *gorm.DB, before, after func(*gorm.DB) *gorm.DB) ([]Difference[T], error) {
	r, err := runtimeOf(query)
	if err != nil {
		return nil, err
	}
	found, err := r.Diff(query, reflect.TypeFor[T](), before, after)
	if err != nil {
		return nil, err
	}
	list := make([]Difference[T], len(found))
	side := func(row callbacks.Row) *T {
		if !row.IsValid() {
			return nil
		}
		return row.Addr().Interface().(*T)
	}
	for i, d := range found {
		list[i] = Difference[T]{Key: d.Key, Before: side(d.Before), After: side(d.After), Columns: d.Columns}
	}
	return list, nil
}

// DiffVersions lists the columns of data that differ between two versions, as Timeline
// gives them.
func DiffVersions[T any](db *gorm.DB, before, after *T) ([]ColumnDifference, error) {
	r, err := runtimeOf(db)
	if err != nil {
		return nil, err
	}
	return r.DiffRows(db, before, after)
}
