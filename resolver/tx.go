package resolver

import (
	"context"
	"database/sql"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
)

// Tx is dtde's transaction. It begins in the database with its first statement, has
// hooks and values of its own, and follows save points. It implements gorm.Tx and
// gorm.GetDBConnector. Like *sql.Tx it is safe for concurrent use, ends with Commit or
// Rollback (after which every call answers sql.ErrTxDone), and is rolled back by the
// database when its context ends; its hooks then run from the Commit or Rollback that
// still follows. A begin that fails is final: the transaction answers its error until
// it is rolled back.
//
// Save points are followed when they arrive as a statement of their own, as GORM's
// SavePoint and RollbackTo send them.
type Tx struct {
	*txCore
	prepares bool
}

// txCore is what a transaction shares with its preparing twin.
type txCore struct {
	pool    *Pool           // nil for a given transaction
	ctx     context.Context // the begin context, as in database/sql
	opts    sql.TxOptions
	hasOpts bool
	given   bool // begun by somebody else
	dialect string

	begun atomic.Bool // real is set, and stays
	real  gorm.Tx
	// saving makes the engine and the journal see save points in the same order.
	saving sync.Mutex

	mu        sync.Mutex
	beginErr  error
	beginning bool
	waiting   chan struct{} // closed when beginning ends; made by who waits
	release   context.CancelFunc
	finishing bool // Commit or Rollback was called
	done      bool
	journal   journal
	stmts     map[string]*sql.Stmt // nil: seen once
	level     string               // isolation level, as the engine told

	// of is the transaction that this is a branch of, nil for the transaction itself,
	// whose branches are those on other databases.
	of       *txCore
	branches []*txCore
	database string
	wrote    atomic.Bool // a statement other than a plain SELECT was sent
	stops    []func() bool
	deciding bool // the commit has started: nothing is rolled back by a context
	// clock is what the database's showed when its commit was checked, zero if it did not say.
	clock    time.Time
	sessions []*Session
}

var (
	_ gorm.Tx             = (*Tx)(nil)
	_ gorm.GetDBConnector = (*Tx)(nil)
)

func newTx(ctx context.Context, pool *Pool, opts *sql.TxOptions) *Tx {
	both := new(struct { // one allocation
		tx   Tx
		core txCore
	})
	both.core.pool, both.core.ctx, both.core.dialect, both.core.database = pool, ctx, pool.dialect, pool.database
	if opts != nil {
		both.core.opts, both.core.hasOpts = *opts, true
	}
	both.tx.txCore, both.tx.prepares = &both.core, pool.prepares
	return &both.tx
}

// givenTx adopts a transaction that somebody else began.
func givenTx(real gorm.Tx, opts PoolOptions) *Tx {
	core := &txCore{ctx: context.Background(), dialect: opts.Dialect, given: true, real: real}
	core.begun.Store(true)
	return &Tx{txCore: core}
}

// Prepared is the same transaction with prepared statements.
func (t *Tx) Prepared() *Tx {
	if t.prepares || t.pool == nil || t.pool.statements == nil {
		return t
	}
	return &Tx{txCore: t.txCore, prepares: true}
}

// Context is the context that the transaction was begun with.
func (t *Tx) Context() context.Context { return t.ctx }

// open gives the real transaction, beginning it if this is the first statement. It
// waits no longer than ctx, but the transaction then lives under its own context.
func (c *txCore) open(ctx context.Context) (gorm.Tx, error) {
	if c.begun.Load() {
		return c.real, nil
	}
	c.mu.Lock()
	for {
		switch {
		case c.begun.Load():
			c.mu.Unlock()
			return c.real, nil
		case c.done:
			c.mu.Unlock()
			return nil, sql.ErrTxDone
		case c.beginErr != nil:
			c.mu.Unlock()
			return nil, c.beginErr
		}
		if !c.beginning {
			break
		}
		ch := c.wait()
		c.mu.Unlock()
		select {
		case <-ch:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		c.mu.Lock()
	}
	c.beginning = true
	if c.of == nil {
		points := c.journal.savePoints()
		c.mu.Unlock()
		return c.begin(ctx, points)
	}
	c.mu.Unlock()
	// no save point comes or goes between those that are repeated and the begin's end
	c.of.saving.Lock()
	defer c.of.saving.Unlock()
	c.of.mu.Lock()
	points := c.of.journal.savePoints()
	c.of.mu.Unlock()
	return c.begin(ctx, points)
}

// wait is closed when the begin that is under way ends; the lock is held.
func (c *txCore) wait() chan struct{} {
	if c.waiting == nil {
		c.waiting = make(chan struct{})
	}
	return c.waiting
}

// begin begins the real transaction and repeats the save points on it.
func (c *txCore) begin(ctx context.Context, points []savedPoint) (real gorm.Tx, err error) {
	var release context.CancelFunc
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.beginning, c.beginErr, c.release = false, err, release
		if err == nil {
			c.real = real
			c.begun.Store(true)
		}
		if c.waiting != nil {
			close(c.waiting)
			c.waiting = nil
		}
	}()
	var opts *sql.TxOptions
	if c.hasOpts {
		opts = &c.opts
	}
	turn, err := c.pool.breaker.enter()
	if err != nil {
		return nil, err
	}
	err = sql.ErrTxDone // stays if the driver panics
	if c.pool.databases == nil {
		real, release, err = beginWithin(c.ctx, ctx, c.pool.inner, opts)
	} else {
		// The engine's driver commits under this context: a request that is cancelled
		// then would leave nobody knowing how it ended. Only our own limit ends it.
		real, release, err = beginReleased(context.WithoutCancel(c.ctx), ctx, c.pool.inner, opts)
	}
	c.pool.breaker.leave(ctx, turn, beginTells(ctx, err), err)
	if err != nil {
		return nil, err
	}
	if c.pool.databases != nil {
		c.abandon(real)
	}
	if c.pool.marks() {
		points = append([]savedPoint{begunPoint}, points...)
	}
	for _, p := range points {
		if _, err = real.ExecContext(ctx, p.spelled(setPoint, c.dialect)); err != nil {
			_ = real.Rollback()
			return nil, err
		}
	}
	return real, nil
}

// beginWithin begins a transaction that lives under life but gives up with wait. The
// release function, if not nil, must be called after the transaction's end.
func beginWithin(life, wait context.Context, pool gorm.ConnPool, opts *sql.TxOptions) (gorm.Tx, context.CancelFunc, error) {
	// Contexts are compared by channel: their own type may not be comparable.
	if wait.Done() == nil || wait.Done() == life.Done() {
		tx, err := begin(life, pool, opts)
		return tx, nil, err
	}
	return beginReleased(life, wait, pool, opts)
}

// beginReleased is beginWithin with a release function always.
func beginReleased(life, wait context.Context, pool gorm.ConnPool, opts *sql.TxOptions) (gorm.Tx, context.CancelFunc, error) {
	if err := wait.Err(); err != nil {
		return nil, nil, err
	}
	life, release := context.WithCancel(life)
	stop := context.AfterFunc(wait, release)
	tx, err := begin(life, pool, opts)
	if !stop() { // life is over too
		if err == nil {
			_ = tx.Rollback()
		}
		err = wait.Err()
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return tx, release, nil
}

// finish lets one Commit or Rollback through, after a begin that is under way.
func (c *txCore) finish() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finishing {
		return false
	}
	c.finishing = true
	for c.beginning {
		ch := c.wait()
		c.mu.Unlock()
		<-ch
		c.mu.Lock()
	}
	return true
}

// Commit runs the hooks before commit, commits, and runs those after it. If a hook
// before commit fails, the transaction is rolled back and Commit returns that error.
// If Commit fails for any reason, the hooks of a rollback run. Without a statement it
// does not touch the database; its context must not have ended.
func (t *Tx) Commit() error {
	c := t.main()
	if !c.finish() {
		return sql.ErrTxDone
	}
	committed := false
	defer func() { // also when a hook panics
		if !committed {
			_ = c.rollback()
		}
	}()
	if err := c.ctx.Err(); err != nil {
		return err
	}
	defer c.keep()
	defer c.tellSessions() // also of a commit whose reply was lost
	for i := 0; ; {
		hook, next := c.nextBeforeCommit(i)
		if hook == nil {
			break
		}
		i = next
		if err := hook(c.ctx); err != nil {
			return err
		}
	}
	begun, err := c.end()
	switch {
	case err != nil:
	case c.pool != nil && c.pool.databases != nil && !c.decide():
		err = c.ctx.Err()
	case c.several():
		committed, err = c.commitAll()
	case begun:
		err = c.commitReal()
	}
	if err != nil {
		return err
	}
	committed = true
	c.free()
	c.mu.Lock()
	hooks := c.journal.afterCommit()
	c.journal.clear()
	c.mu.Unlock()
	for _, f := range hooks {
		f()
	}
	return nil
}

// nextBeforeCommit finds a hook from position i on; hooks may register further ones.
func (c *txCore) nextBeforeCommit(i int) (func(context.Context) error, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.journal.beforeCommit(i)
}

// end closes the transaction to further statements.
func (c *txCore) end() (begun bool, beginErr error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.beginning { // a hook's statement on another goroutine
		ch := c.wait()
		c.mu.Unlock()
		<-ch
		c.mu.Lock()
	}
	c.done = true
	return c.begun.Load(), c.beginErr
}

// Rollback rolls back and runs the hooks of a rollback. Without a statement it does
// not touch the database and succeeds; it succeeds, too, when the end of the context
// has rolled back before.
func (t *Tx) Rollback() error {
	c := t.main()
	if !c.finish() {
		return sql.ErrTxDone
	}
	return c.rollback()
}

func (c *txCore) rollback() (err error) {
	c.keep()
	if begun, _ := c.end(); begun {
		err = c.rollbackReal()
		if !c.given && c.ctx.Err() != nil {
			// The end of the context rolled it back, or closed its connection. As an error
			// that would be added to the statement's own, and GORM would then show it only.
			err = nil
		}
	}
	if c.several() {
		c.endBranches()
		if failed := c.rollbackBranches(); err == nil {
			err = failed
		}
	}
	c.free()
	c.mu.Lock()
	hooks := c.journal.undoAll()
	c.mu.Unlock()
	for _, f := range hooks {
		f()
	}
	return err
}

// free lets go of the context that a begin made.
func (c *txCore) free() {
	c.mu.Lock()
	release := c.release
	c.release, c.stmts = nil, nil
	c.mu.Unlock()
	if release != nil {
		release()
	}
}
