package callbacks

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/migrator"
	"github.com/go-dtde/dtde/resolver"
	"github.com/go-dtde/dtde/store"
)

// privateKey finds, in a transaction, the catalog that only this transaction may
// use: on SQLite a shard that it made is not there for anyone else before it commits.
type privateKey struct{}

// current is the catalog that a statement on this pool sees.
func (r *Runtime) current(pool gorm.ConnPool) *config.Catalog {
	if r.dialect.Name == "sqlite" && r.dynamic {
		if tx, ok := resolver.Transaction(pool); ok {
			if c, ok := tx.Value(privateKey{}).(*config.Catalog); ok {
				return c
			}
		}
	}
	return r.catalog.Load()
}

// refreshIfStale asks the database for the catalog's epoch and reloads the catalog
// if another process has changed it; changed tells whether it had to.
func (r *Runtime) refreshIfStale(ctx context.Context, pool gorm.ConnPool) (changed bool, err error) {
	changed, _, err = r.confirm(ctx, pool, r.current(pool).Epoch)
	return changed, err
}

// confirm compares the epoch that a plan was made of with the database's, and sees to it
// that the catalog is current: changed tells that the plan is not. older tells that the
// transaction's snapshot, or the replica, is older than the plan's catalog: it can't lack a shard, but
// what has been sealed since may not be so in the snapshot.
func (r *Runtime) confirm(ctx context.Context, pool gorm.ConnPool, planned int64) (changed, older bool, err error) {
	r.confirmed.Store(time.Since(began).Nanoseconds())
	pool = r.home(pool)
	pinned := resolver.Pinned(pool)
	if pinned && r.many {
		// A replica of another database may have rows of a shard that one of this database
		// has not heard of.
		pool, pinned = resolver.ToSource(pool, nil), false
	}
	if !r.haveCatalog.Load() {
		exists, err := r.store.Exists(ctx)
		if err != nil || !exists {
			return false, false, err
		}
		r.haveCatalog.Store(true)
	}
	epoch, err := r.store.Epoch(ctx, pool)
	switch {
	case err != nil:
		return false, false, err
	case epoch == planned:
		return false, false, nil
	case epoch < planned && (pinned || resolver.InTransaction(pool)):
		return false, true, nil
	case epoch == r.current(pool).Epoch: // another statement has refreshed it meanwhile
		return true, false, nil
	}
	return true, false, r.refresh(ctx, pool)
}

// newsEvery is how often a process asks whether shards have been sealed, if its reads
// would gain by it and nothing else makes it ask.
const newsEvery = 5 * time.Second

// began is when the process began, by the monotonic clock.
var began = time.Now()

// overdue tells that the catalog's epoch has not been asked for in a while.
func (r *Runtime) overdue() bool {
	return time.Since(began).Nanoseconds()-r.confirmed.Load() > newsEvery.Nanoseconds()
}

// refresh loads the shards made at run time into a new catalog.
func (r *Runtime) refresh(ctx context.Context, pool gorm.ConnPool) error {
	next, err := r.loadCatalog(ctx, pool)
	if err != nil {
		return err
	}
	if tx, private := r.private(pool); private {
		if tx.Value(privateKey{}) != nil {
			tx.SetValue(privateKey{}, next)
			return nil
		}
	}
	for {
		old := r.catalog.Load()
		if old.Epoch >= next.Epoch || r.catalog.CompareAndSwap(old, next) {
			return nil
		}
	}
}

func (r *Runtime) loadCatalog(ctx context.Context, pool gorm.ConnPool) (*config.Catalog, error) {
	state, err := r.store.Load(ctx, pool)
	if err != nil {
		return nil, err
	}
	base := r.fixed.Load()
	found := map[string][]*config.Shard{}
	for _, t := range base.Tables() {
		if err := store.ComparePlacement(t.LogicalName, state.Placement[t.LogicalName], placement(t)); err != nil {
			return nil, err
		}
		dynamic, ok := t.Dynamic()
		if !ok {
			continue
		}
		for _, id := range state.Shards[t.LogicalName] {
			if _, known := t.Shard(id); !known && dynamic.Owns(id) {
				found[t.LogicalName] = append(found[t.LogicalName], t.ShardTable(id))
			}
		}
	}
	return base.With(state.Epoch, found).WithSeals(sealsOf(state.Seals)), nil
}

// private tells whether shards made on this pool belong to its transaction: SQLite
// has one writer, so a second connection could not make them.
func (r *Runtime) private(pool gorm.ConnPool) (*resolver.Tx, bool) {
	if r.dialect.Name != "sqlite" {
		return nil, false
	}
	return resolver.Transaction(pool)
}

// claimKey marks, in a transaction, that it holds SQLite's write lock.
type claimKey struct{}

// claim takes SQLite's write lock in the transaction of a statement that will write,
// before dtde reads anything for it (see store.Claim). What GORM sends as one INSERT
// waits for other writers; with a read before it, it would fail beside them.
func (r *Runtime) claim(ctx context.Context, pool gorm.ConnPool, t *config.Table) error {
	tx, ok := r.private(pool)
	if !ok || r.many || tx.Value(claimKey{}) != nil { // of many databases one would count as written to
		return nil
	}
	if r.haveCatalog.Load() {
		if err := r.store.Claim(ctx, pool); err != nil {
			return err
		}
	} else if len(t.Shards) > 0 {
		if _, err := pool.ExecContext(ctx, "DELETE FROM "+r.quote(t.Shards[0].Table)+" WHERE 1 = 0"); err != nil {
			return err
		}
	}
	tx.SetValue(claimKey{}, true)
	return nil
}

// ensureShards makes the tables of shards that do not exist yet and announces them,
// before any row may go there. It runs on a connection of its own and is committed
// first, except on SQLite, where it is part of the caller's transaction and
// forgotten when that rolls back.
func (r *Runtime) ensureShards(ctx context.Context, pool gorm.ConnPool, t *config.Table, ids []string) error {
	pool = r.home(pool)
	if !t.Migrations {
		return &config.ShardError{
			Entity: t.Name, Operation: "insert", Cause: config.ErrShardNotFound,
			Hint: "migrations are disabled for this entity: make the table and name it by WithShards",
		}
	}
	tx, private := r.private(pool)
	own := r.root.Session(&gorm.Session{NewDB: true, Context: ctx})
	own.Statement.ConnPool = r.pool
	if private {
		own.Statement.ConnPool = pool
	} else if resolver.InTransaction(pool) && r.maxOpen() == 1 {
		return &config.ShardError{
			Entity: t.Name, Shard: ids[0], Operation: "create", Cause: config.ErrShardNotFound,
			Hint: "the pool has one connection, which the transaction holds: allow two, or call EnsureShards first",
		}
	}
	if err := r.ensureStore(ctx); err != nil {
		return err
	}
	if err := r.claim(ctx, pool, t); err != nil {
		return err
	}
	if err := r.ensureParents(ctx, own, pool, t, ids); err != nil {
		return err
	}
	for _, id := range ids {
		if err := migrator.EnsureShard(own, r.current(pool), t, t.ShardTable(id)); err != nil {
			return err
		}
	}
	if _, err := r.store.Announce(ctx, own.Statement.ConnPool, t.LogicalName, ids...); err != nil {
		return err
	}
	if !private {
		if tx, ok := resolver.Transaction(pool); ok && r.dialect.Name == "mysql" {
			youngTables(tx, t, ids)
		}
		if err := r.refresh(ctx, own.Statement.ConnPool); err != nil {
			return err
		}
		return r.ensureChildren(ctx, pool, t, ids)
	}
	before := tx.Value(privateKey{})
	next, err := r.loadCatalog(ctx, pool)
	if err != nil {
		return err
	}
	tx.SetValue(privateKey{}, next)
	tx.OnRollback(func() { tx.SetValue(privateKey{}, before) })
	if before == nil {
		tx.OnAfterCommit(func() { r.publish(tx) })
	}
	return r.ensureChildren(ctx, pool, t, ids)
}

// maxOpen is the pool's limit of connections; 0 means none.
func (r *Runtime) maxOpen() int {
	if c, ok := r.pool.(gorm.GetDBConnector); ok {
		if db, err := c.GetDBConn(); err == nil {
			return db.Stats().MaxOpenConnections
		}
	}
	return 0
}

// publish gives everyone the catalog of a transaction that has committed.
func (r *Runtime) publish(tx *resolver.Tx) {
	next, ok := tx.Value(privateKey{}).(*config.Catalog)
	if !ok {
		return
	}
	for {
		old := r.catalog.Load()
		if old.Epoch >= next.Epoch || r.catalog.CompareAndSwap(old, next) {
			return
		}
	}
}

// ensureStore makes dtde's own tables if they are not there.
func (r *Runtime) ensureStore(ctx context.Context) error {
	if r.haveCatalog.Load() {
		return nil
	}
	if err := r.store.Ensure(ctx); err != nil {
		return err
	}
	r.haveCatalog.Store(true)
	return nil
}
