package resolver

import (
	"context"
	"database/sql"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
)

// PoolOptions are the settings of a [Pool]. The zero value is safe.
type PoolOptions struct {
	// Dialect is the dialector's name; it decides how names of save points compare.
	Dialect string
	// PrepareStmt prepares every statement once and keeps it. A *gorm.PreparedStmtDB
	// handed to NewPool turns it on.
	PrepareStmt bool
	// MaxStatements bounds the prepared statements that are kept; the one used
	// longest ago goes first. 0 or less means 1,000.
	MaxStatements int
	// Databases are those that shards live in beside this one; nil means none.
	Databases *Databases
	// Commit makes transactions that wrote in several databases atomic; without it
	// they are refused.
	Commit *TwoPhase
	// Replicas are those of this database; nil means none.
	Replicas *Replicas
}

// Pool is the ConnPool that dtde installs on a *gorm.DB in place of the engine's
// own. Statements pass through unchanged; transactions become [Tx]. It implements
// gorm.ConnPool, gorm.ConnPoolBeginner and gorm.GetDBConnector, owns no connection,
// needs no closing, and is safe for concurrent use.
type Pool struct {
	*poolCore
	prepares bool
	serving
}

// poolCore is what a pool shares with its preparing twin.
type poolCore struct {
	inner      gorm.ConnPool
	dialect    string
	statements *statements
	questions  *questions
	// plain is the pool itself; preparing is the twin that prepares its statements, nil if
	// inner isn't a pool.
	plain, preparing *Pool
	// database is its id, "" for the *gorm.DB's own; databases are the others.
	database  string
	databases *Databases
	commit    *TwoPhase
	timeout   time.Duration
	breaker   *Breaker
	reserved  atomic.Int64 // connections that scatters want or have
	decides   atomic.Bool  // dtde_decisions is there

	// replicas are the database's, on the pool of its source. A replica's pool has its
	// number, and the source that it falls back to.
	replicas *Replicas
	replica  int
	of       atomic.Pointer[poolCore]
	calls    atomic.Int64  // statements that are being sent for reads
	replayed atomic.Uint64 // the last position that the replica was known to have reached
}

var (
	_ gorm.ConnPool         = (*Pool)(nil)
	_ gorm.ConnPoolBeginner = (*Pool)(nil)
	_ gorm.GetDBConnector   = (*Pool)(nil)
)

// NewPool wraps inner: a *sql.DB, a *gorm.PreparedStmtDB (unwrapped: dtde prepares
// statements itself), or another pool that begins transactions. Connections that
// aren't ours, such as a *sql.Conn or a given *sql.Tx, get their statements straight,
// never prepared; those that can't begin a transaction answer BeginTx as plain GORM
// does, with gorm.ErrInvalidTransaction. A nil inner is gorm.ErrInvalidDB. For a
// given transaction [Wrap] gives more: Commit, Rollback, save points and hooks.
func NewPool(inner gorm.ConnPool, opts PoolOptions) (*Pool, error) {
	inner, prepared := Unwrap(inner)
	switch p := inner.(type) {
	case nil:
		return nil, gorm.ErrInvalidDB
	case *Pool: // wrapped once already
		if prepared || opts.PrepareStmt {
			return p.Prepared(), nil
		}
		return p, nil
	}
	core := &poolCore{inner: inner, dialect: opts.Dialect, databases: opts.Databases, commit: opts.Commit}
	core.plain, core.replicas = &Pool{poolCore: core}, opts.Replicas.of(core)
	if isPool(inner) {
		core.statements, core.questions = newStatements(opts.MaxStatements), newQuestions(opts.Dialect)
		core.preparing = &Pool{poolCore: core, prepares: true}
		if opts.Databases != nil && opts.Databases.own == nil {
			opts.Databases.own = core.plain
		}
		if prepared || opts.PrepareStmt {
			return core.preparing, nil
		}
	}
	return core.plain, nil
}

// isPool tells a pool of connections, on which a statement may be prepared for all,
// from a single connection.
func isPool(p gorm.ConnPool) bool {
	switch p.(type) {
	case *sql.Conn, gorm.TxCommitter:
		return false
	case gorm.TxBeginner, gorm.ConnPoolBeginner:
		return true
	}
	return false
}

// Prepared is the same pool with prepared statements, whatever its options say; its
// transactions use them too. Over a single connection it is the pool itself.
func (p *Pool) Prepared() *Pool {
	if p.preparing == nil || p.prepares {
		return p
	}
	if p.mode != everyday || p.outer != nil {
		return &Pool{poolCore: p.poolCore, prepares: true, serving: p.serving}
	}
	return p.preparing
}

// BeginTx gives a transaction that begins in the database with its first statement,
// under ctx and opts; so an error of the real begin comes with that statement. Only a
// context that has ended already is answered at once.
func (p *Pool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	if !p.begins() {
		return p, gorm.ErrInvalidTransaction
	}
	if err := ctx.Err(); err != nil {
		return (*Tx)(nil), err // typed nil, as *sql.DB gives: GORM looks for it
	}
	if p.mode == onReplicas {
		return p.beginReading(ctx, opts)
	}
	return newTx(ctx, p.base(), opts), nil
}

// begins tells whether inner can begin a transaction.
func (p *poolCore) begins() bool {
	switch p.inner.(type) {
	case gorm.TxBeginner, gorm.ConnPoolBeginner:
		return true
	}
	return false
}

// begin begins a real transaction of the engine.
func begin(ctx context.Context, pool gorm.ConnPool, opts *sql.TxOptions) (gorm.Tx, error) {
	switch b := pool.(type) {
	case gorm.TxBeginner:
		tx, err := b.BeginTx(ctx, opts)
		if err != nil {
			return nil, err // not tx: a nil *sql.Tx in an interface isn't nil
		}
		return tx, nil
	case gorm.ConnPoolBeginner:
		conn, err := b.BeginTx(ctx, opts)
		if err != nil {
			return nil, err
		}
		if tx, ok := conn.(gorm.Tx); ok {
			return tx, nil
		}
	}
	return nil, gorm.ErrInvalidTransaction
}

// GetDBConn gives the *sql.DB below, as gorm.DB.DB does for the pool wrapped.
func (p *Pool) GetDBConn() (*sql.DB, error) { return sqlDB(p.inner) }

// sqlDB asks GORM, which also knows how to get from a *sql.Tx to its *sql.DB.
func sqlDB(p gorm.ConnPool) (*sql.DB, error) {
	return (&gorm.DB{Config: &gorm.Config{ConnPool: p}}).DB()
}

// Ping checks that the database answers.
func (p *Pool) Ping() error {
	if pinger, ok := p.inner.(interface{ Ping() error }); ok {
		return pinger.Ping()
	}
	db, err := p.GetDBConn()
	if err != nil {
		return err
	}
	return db.Ping()
}

// exec runs a statement without rows.
func (p *Pool) exec(ctx context.Context, query string, args []any) (sql.Result, error) {
	if p.statements != nil && changesSchema(query) {
		defer p.statements.clear()
	} else if p.prepares {
		if s := p.statements.acquire(ctx, p.inner, query); s != nil {
			result, err := s.stmt.ExecContext(ctx, args...)
			if !p.statements.release(s, err) {
				return result, err
			}
		}
	}
	return p.inner.ExecContext(ctx, query, args...)
}

// query runs a statement with rows.
func (p *Pool) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	if p.prepares {
		if s := p.statements.acquire(ctx, p.inner, query); s != nil {
			rows, err := s.stmt.QueryContext(ctx, args...)
			if !p.statements.release(s, err) {
				return rows, err
			}
		}
	}
	return p.inner.QueryContext(ctx, query, args...)
}

// queryRow runs a statement with at most one row.
func (p *Pool) queryRow(ctx context.Context, query string, args []any) *sql.Row {
	if p.prepares {
		if s := p.statements.acquire(ctx, p.inner, query); s != nil {
			row := s.stmt.QueryRowContext(ctx, args...)
			if !p.statements.release(s, row.Err()) {
				return row
			}
		}
	}
	return p.inner.QueryRowContext(ctx, query, args...)
}
