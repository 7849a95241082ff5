package dtde

import (
	"iter"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
)

type (
	// Bulk is an engine's own way to take in many rows, for Config.Bulk and Database.Bulk.
	Bulk = config.Bulk
	// BulkTable is where the rows of a Bulk go.
	BulkTable = config.BulkTable
	// BulkRows are the rows of a Bulk.
	BulkRows = config.BulkRows
)

// ErrBulkUnfit is what a Bulk answers that can't take a table or a connection.
var ErrBulkUnfit = config.ErrBulkUnfit

// BulkOption is an option of a bulk insert.
type BulkOption func(*bulkOptions)

type bulkOptions struct{ chunk int }

// BulkChunk sets how many rows are placed, and sent to their shards, at a time: memory
// grows with it, round trips fall. Unless set it is 25,000; below 1 it has no effect.
// Rows of a model that dtde does not own go in batches of 1,000 at most.
func BulkChunk(rows int) BulkOption { return func(o *bulkOptions) { o.chunk = rows } }

// BulkInsert inserts rows, structs of a model or pointers to them, all or nothing, by the
// fastest way that the engine has: Config.Bulk or Database.Bulk (COPY on PostgreSQL, by
// module pgxcopy), else INSERT statements of many rows. It returns how many went in.
//
// The result is that of db.CreateInBatches: rows are routed, keys, defaults of the model
// and times are generated into rows, hooks run, associations are saved (by statements of
// their own: Omit(clause.Associations) spares looking for them), Select and Omit hold, new
// date shards are made, and read-only shards refuse. Databases are written to side by
// side, in one transaction: a save point within the caller's, otherwise one of its own,
// over several databases by two-phase commit.
//
// One thing differs: what the database itself fills in for a column that is zero (a
// default that is SQL) is stored, but not read back into rows, unless it is the primary
// key or the model has hooks after the create. Such rows, those with ON CONFLICT, and
// fields whose values are SQL expressions go by GORM's own statements, in batches. A model
// that dtde does not own is created in batches.
func BulkInsert[T any](db *gorm.DB, rows []T, opts ...BulkOption) (inserted int64, err error) {
	return bulkInsert(db, new(T), opts, func(chunk int) iter.Seq2[any, error] {
		return func(yield func(any, error) bool) {
			for from := 0; from < len(rows); from += chunk {
				part := rows[from:min(from+chunk, len(rows)):min(from+chunk, len(rows))]
				if !yield(&part, nil) {
					return
				}
			}
		}
	})
}

// BulkInsertFrom is BulkInsert of a stream, in constant memory: of rows that are read
// from a file, or from another database by Iterate. An error in the stream ends it and
// nothing is inserted. The stream must not use a transaction that db is.
func BulkInsertFrom[T any](db *gorm.DB, rows iter.Seq2[T, error], opts ...BulkOption) (inserted int64, err error) {
	return bulkInsert(db, new(T), opts, func(chunk int) iter.Seq2[any, error] {
		return func(yield func(any, error) bool) {
			var part []T
			for row, err := range rows {
				if err != nil {
					yield(nil, err)
					return
				}
				if part == nil {
					part = make([]T, 0, chunk)
				}
				if part = append(part, row); len(part) == chunk {
					full := part // it is still being sent while the next one is filled
					part = nil
					if !yield(&full, nil) {
						return
					}
				}
			}
			if len(part) > 0 {
				yield(&part, nil)
			}
		}
	})
}

func bulkInsert(db *gorm.DB, model any, opts []BulkOption, chunks func(size int) iter.Seq2[any, error]) (int64, error) {
	r, err := runtimeOf(db)
	if err != nil {
		return 0, err
	}
	var o bulkOptions
	for _, opt := range opts {
		opt(&o)
	}
	if db.Statement.Model != nil { // rows may be maps
		model = db.Statement.Model
	}
	return r.BulkInsert(db, chunks(r.BulkChunk(db, model, o.chunk)))
}
