package resolver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// errTimeout is the cause of a context that ended because of a database's Timeout.
var errTimeout = errors.New("the database's timeout has passed")

// guard is what surrounds a statement on a database that has a timeout or a breaker.
type guard struct {
	on    *poolCore
	outer context.Context
	inner context.Context
	stop  context.CancelFunc
	turn  turn
}

// guarded tells whether statements need a guard.
func (p *poolCore) guarded() bool { return p.timeout > 0 || p.breaker != nil }

// guard asks the breaker for leave and starts the clock. Without an error, done must
// follow.
func (p *poolCore) guard(ctx context.Context) (guard, error) {
	turn, err := p.breaker.enter()
	if err != nil {
		return guard{}, err
	}
	g := p.clock(ctx)
	g.turn = turn
	return g, nil
}

// clock starts a statement's time. late must follow, or done.
func (p *poolCore) clock(ctx context.Context) guard {
	g := guard{on: p, outer: ctx, inner: ctx}
	if p.timeout > 0 {
		g.inner, g.stop = context.WithTimeoutCause(ctx, p.timeout, errTimeout)
	}
	return g
}

// timed tells whether the transaction's statements here have a time limit.
func (c *txCore) timed() bool { return c.pool != nil && c.pool.timeout > 0 }

// done is late, and tells the breaker.
func (g *guard) done(err error, keep bool) error {
	err = g.late(err, keep)
	o := tells(err)
	if o == lost && g.outer.Err() != nil {
		o = silent // a driver closes the connection of a caller who gave up
	}
	g.on.breaker.leave(g.outer, g.turn, o, err)
	return err
}

// late ends a statement that was answered, or not, with err; keep leaves the clock
// running, because its rows are still to be read. It gives the error to return, which
// says if the time was up.
func (g *guard) late(err error, keep bool) error {
	if err != nil && g.timedOut() {
		err = &timeoutError{server: serverName(g.on.database, g.on.replica), timeout: g.on.timeout, cause: err}
	}
	if g.stop != nil {
		if keep && err == nil {
			context.AfterFunc(g.inner, g.stop) // the timer frees it
		} else {
			g.stop()
		}
	}
	return err
}

// timedOut tells that the database's time is up, and not the caller's.
func (g *guard) timedOut() bool {
	return g.stop != nil && g.inner.Err() != nil && errors.Is(context.Cause(g.inner), errTimeout)
}

// tells is what a statement's error says about its database.
func tells(err error) outcome {
	switch {
	case err == nil:
		return answered
	case Lost(err):
		return lost
	case endedContext(err):
		return silent
	}
	return answered
}

// timeoutError is a statement that took longer than its database's Timeout.
type timeoutError struct {
	server  string
	timeout time.Duration
	cause   error
}

// Error names the database.
func (e *timeoutError) Error() string {
	return fmt.Sprintf("dtde: %s: no answer within its timeout of %v: %v", e.server, e.timeout, e.cause)
}

// serverName names a database, or one of its replicas, in errors.
func serverName(database string, replica int) string {
	name := fmt.Sprintf("database %q", database)
	if database == "" {
		name = "the *gorm.DB's own database"
	}
	if replica > 0 {
		name = fmt.Sprintf("replica %d of %s", replica, name)
	}
	return name
}

// Unwrap gives the cause, which is the context's, and what Lost looks for.
func (e *timeoutError) Unwrap() []error {
	return []error{context.DeadlineExceeded, errTimeout, e.cause}
}

// ExecContext runs a statement without rows.
func (p *Pool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if p.mode >= onReplicas {
		return onServer(ctx, p, false, func(p *Pool) (sql.Result, error) { return p.ExecContext(ctx, query, args...) })
	}
	if sessions.Load() {
		defer p.wroteFor(ctx)
	}
	if !p.guarded() {
		return p.exec(ctx, query, args)
	}
	g, err := p.guard(ctx)
	if err != nil {
		return nil, err
	}
	result, err := p.exec(g.inner, query, args)
	return result, g.done(err, false)
}

// QueryContext runs a statement with rows, which the caller closes.
func (p *Pool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if p.mode >= onReplicas {
		return onServer(ctx, p, true, func(p *Pool) (*sql.Rows, error) { return p.QueryContext(ctx, query, args...) })
	}
	if sessions.Load() && mayWrite(query) {
		defer p.wroteFor(ctx)
	}
	if !p.guarded() {
		return p.query(ctx, query, args)
	}
	g, err := p.guard(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := p.query(g.inner, query, args)
	return rows, g.done(err, true)
}

// QueryRowContext runs a statement with at most one row.
func (p *Pool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if p.mode >= onReplicas {
		row, err := onServer(ctx, p, true, func(p *Pool) (*sql.Row, error) {
			row := p.QueryRowContext(ctx, query, args...)
			return row, row.Err()
		})
		if row == nil {
			return failedRow(err)
		}
		return row
	}
	if sessions.Load() && mayWrite(query) {
		defer p.wroteFor(ctx)
	}
	if !p.guarded() {
		return p.queryRow(ctx, query, args)
	}
	g, err := p.guard(ctx)
	if err != nil {
		return failedRow(err)
	}
	row := p.queryRow(g.inner, query, args)
	if err := row.Err(); err != nil {
		return failedRow(g.done(err, false))
	}
	_ = g.done(nil, true)
	return row
}

// PrepareContext prepares a statement that the caller closes.
func (p *Pool) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if p.mode >= onReplicas {
		return onServer(ctx, p, true, func(p *Pool) (*sql.Stmt, error) { return p.PrepareContext(ctx, query) })
	}
	if !p.guarded() {
		return p.inner.PrepareContext(ctx, query)
	}
	g, err := p.guard(ctx)
	if err != nil {
		return nil, err
	}
	stmt, err := p.inner.PrepareContext(g.inner, query)
	return stmt, g.done(err, false)
}
