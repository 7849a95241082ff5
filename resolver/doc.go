// Package resolver takes a statement to a live connection: the pool and the
// transaction that dtde installs in place of the engine's own, prepared
// statements, parallel execution, and read sessions that share one snapshot.
//
// It is the edge of dtde: everything here touches a database or starts a
// goroutine (only parallel.go does), and nothing here knows a shard or a model.
//
//	pool, err := resolver.Wrap(db.ConnPool, resolver.PoolOptions{Dialect: db.Name()})
//	db.ConnPool, db.Statement.ConnPool = pool, pool
//	...
//	if tx, ok := resolver.Transaction(db.Statement.ConnPool); ok {
//		tx.OnAfterCommit(func() { events.Send() })
//	}
package resolver
