// Package store keeps what processes must agree on in dtde's own two tables of the
// database: dtde_catalog (the shards made at run time, each entity's placement, the
// rows of max rows shards, and the epoch that counts every change of them) and
// dtde_nodes (who holds which node of generated ids).
//
// It sends its few constant statements straight to a gorm.ConnPool, below GORM's
// callbacks. Every method is safe for concurrent use, also by several processes, and
// starts no goroutine.
//
// # Pools
//
// A pool argument is where the caller's statement runs, or nil. Reading methods read
// there, so that they see what the caller's transaction sees. Writing methods use a
// transaction of their own on the pool given to New, committed before they return, with
// one exception: on SQLite, where a second connection would wait for the caller's
// write lock until it gives up, they write inside the caller's transaction, and what
// they wrote is undone with it. A pool that has Commit and Rollback (gorm.TxCommitter)
// is taken for a transaction.
//
//	s, err := store.New(pool, db.Name(), time.Now)
//	err = s.Ensure(ctx)
//	epoch, err := s.Announce(ctx, nil, "orders", "2024_05") // after its table was made
package store
