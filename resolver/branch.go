package resolver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"
)

// A transaction over several databases is one Tx, whose hooks, values and save points
// are the transaction's, with a branch per database. A branch is a Tx on the same main
// txCore and begins with its first statement.

// main is the transaction that a branch belongs to; a transaction is its own.
func (c *txCore) main() *txCore {
	if c.of != nil {
		return c.of
	}
	return c
}

// on gives the branch on a database.
func (t *Tx) on(id string, prepared bool) (gorm.ConnPool, error) {
	c := t.main()
	core := c
	if id != c.database {
		elsewhere := c.pool != nil && c.pool.of.Load() != nil && !c.opts.ReadOnly // a source that only dbresolver knows
		if c.given || c.pool == nil || c.pool.databases == nil || elsewhere {
			return nil, refuse("foreign-connection", "a statement in another database in a transaction that dtde did not begin",
				"begin it with db.Begin or db.Transaction on the *gorm.DB that dtde is used on")
		}
		pool, err := c.pool.databases.on(id)
		if err != nil {
			return nil, err
		}
		core = c.branch(id, pool)
	}
	branch := &Tx{txCore: core, prepares: t.prepares && core.pool != nil}
	if prepared {
		branch = branch.Prepared()
	}
	return branch, nil
}

// branch finds the branch on a database, or adds it.
func (c *txCore) branch(id string, pool *Pool) *txCore {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.branches {
		if b.database == id {
			return b
		}
	}
	b := &txCore{of: c, database: id, pool: pool, ctx: c.ctx, opts: c.opts, hasOpts: c.hasOpts, dialect: pool.dialect, done: c.done}
	c.branches = append(c.branches, b)
	return b
}

// participants are the main transaction and its branches as far as they have begun.
func (c *txCore) participants() []*txCore {
	c.mu.Lock()
	defer c.mu.Unlock()
	var begun []*txCore
	if c.begun.Load() {
		begun = append(begun, c)
	}
	for _, b := range c.branches {
		if b.begun.Load() {
			begun = append(begun, b)
		}
	}
	return begun
}

// several tells whether the transaction has branches.
func (c *txCore) several() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.branches) > 0
}

// pointOn sends a statement about a save point to every branch that has begun; those
// that begin later repeat it. The caller holds saving.
func (c *txCore) pointOn(ctx context.Context, verb pointVerb, p savedPoint) error {
	c.mu.Lock()
	branches := c.branches
	c.mu.Unlock()
	for _, b := range branches {
		statement := p.spelled(verb, b.dialect)
		if !b.begun.Load() || statement == "" {
			continue
		}
		g := b.pool.clock(ctx)
		_, err := b.real.ExecContext(g.inner, statement)
		if err = g.late(err, false); err != nil {
			return fmt.Errorf("database %q: %w", b.database, err)
		}
	}
	return nil
}

// endBranches closes the branches to further statements.
func (c *txCore) endBranches() {
	c.mu.Lock()
	branches := c.branches
	c.mu.Unlock()
	for _, b := range branches {
		_, _ = b.end()
	}
}

// rollbackBranches rolls back every branch, side by side.
func (c *txCore) rollbackBranches() error {
	var begun []*txCore
	for _, b := range c.participants() {
		if b != c {
			begun = append(begun, b)
		}
	}
	// No failure is told to Each, which would then leave out those that wait their turn.
	failed := make([]error, len(begun))
	_ = Each(context.Background(), len(begun), len(begun), func(_ context.Context, i int) error {
		err := begun[i].rollbackReal()
		if c.ctx.Err() != nil || err == sql.ErrTxDone { //nolint:errorlint // never wrapped
			err = nil
		}
		begun[i].free()
		failed[i] = err
		return nil
	})
	return errors.Join(failed...)
}

// abandon rolls a participant back when the context of the transaction ends before
// its commit has started; database/sql would do so whenever it ends.
func (c *txCore) abandon(real gorm.Tx) {
	if c.ctx.Done() == nil {
		return
	}
	main := c.main()
	stop := context.AfterFunc(c.ctx, func() {
		main.mu.Lock()
		deciding := main.deciding
		main.mu.Unlock()
		if !deciding {
			_ = real.Rollback()
		}
	})
	main.mu.Lock()
	main.stops = append(main.stops, stop)
	main.mu.Unlock()
}

// decide starts the commit, unless the context has ended.
func (c *txCore) decide() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deciding = c.ctx.Err() == nil
	return c.deciding
}

// keep lets go of the context.
func (c *txCore) keep() {
	c.mu.Lock()
	stops := c.stops
	c.stops = nil
	c.mu.Unlock()
	for _, stop := range stops {
		stop()
	}
}
