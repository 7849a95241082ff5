package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"gorm.io/gorm"
)

// Store reads and writes dtde's own tables in one database. It is safe for concurrent
// use. Make one with New; there is nothing to close.
type Store struct {
	pool    gorm.ConnPool
	dialect string
	text    texts
	now     func() time.Time

	active  sync.Map // entity → id of the shard that took rows last: a hint only
	flavour struct {
		sync.Mutex
		known, sequences bool
	}
}

// New makes a store over a pool that can begin transactions, such as *sql.DB, without
// sending anything. dialect is the GORM dialector's name: "sqlite", "postgres", "mysql"
// (also MariaDB) or "sqlserver", else ErrDialect. now is the clock; nil means time.Now.
// A transaction as pool is used as it is, and never ended.
func New(pool gorm.ConnPool, dialect string, now func() time.Time) (*Store, error) {
	text, ok := textsFor(dialect)
	if !ok {
		return nil, ErrDialect
	}
	switch pool.(type) {
	case gorm.TxBeginner, gorm.ConnPoolBeginner, gorm.TxCommitter:
	default:
		return nil, ErrNoTransactions
	}
	if now == nil {
		now = time.Now
	}
	return &Store{pool: pool, dialect: dialect, text: text, now: now}, nil
}

// reading is where a read runs.
func (s *Store) reading(pool gorm.ConnPool) gorm.ConnPool {
	if pool == nil {
		return s.pool
	}
	return pool
}

// inside gives the transaction that a write must join.
func (s *Store) inside(pool gorm.ConnPool) (gorm.ConnPool, bool) {
	if _, ok := s.pool.(gorm.TxCommitter); ok {
		return s.pool, true
	}
	if _, ok := pool.(gorm.TxCommitter); ok && s.dialect == "sqlite" {
		return pool, true
	}
	return nil, false
}

// writing is where a single statement that writes runs.
func (s *Store) writing(pool gorm.ConnPool) gorm.ConnPool {
	if tx, ok := s.inside(pool); ok {
		return tx
	}
	return s.pool
}

// Claim takes SQLite's write lock for a transaction that is going to write, before
// anything is read in it: one that has read can't become a writing one any more once
// another connection has written, and fails with SQLITE_BUSY at once. For other engines
// and outside a transaction it does nothing. dtde's tables must be there.
func (s *Store) Claim(ctx context.Context, pool gorm.ConnPool) error {
	tx, ok := s.inside(pool)
	if !ok || s.dialect != "sqlite" {
		return nil
	}
	_, err := tx.ExecContext(ctx, "UPDATE dtde_nodes SET node = node WHERE 1 = 0")
	return attempted("begin to write", err)
}

// errUndo has atomically roll back and report success.
var errUndo = errors.New("nothing to do")

const (
	maxAttempts = 12
	maxRetrying = 10 * time.Second
)

// atomically runs f in a transaction of its own, again from the start after a deadlock
// and its like; or, inside the caller's transaction, once and there. f's first
// statement must write: a SQLite transaction that begins with a read cannot always
// become a writing one.
func (s *Store) atomically(ctx context.Context, pool gorm.ConnPool, f func(gorm.ConnPool) error) error {
	if tx, ok := s.inside(pool); ok {
		if err := f(tx); !errors.Is(err, errUndo) {
			return err
		}
		return nil
	}
	return s.retrying(ctx, func() error { return s.once(ctx, f) })
}

// retrying repeats f, with growing pauses, while its error is a transient one.
func (s *Store) retrying(ctx context.Context, f func() error) error {
	begun := s.now()
	for attempt := 1; ; attempt++ {
		err := f()
		if err == nil || !transient(err) || attempt == maxAttempts || s.now().Sub(begun) > maxRetrying {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(time.Duration(attempt*attempt) * time.Millisecond):
		}
	}
}

func (s *Store) once(ctx context.Context, f func(gorm.ConnPool) error) error {
	tx, end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		// The rollback's own failure says nothing new: the connection is gone with it.
		_ = end.Rollback()
		if errors.Is(err, errUndo) {
			return nil
		}
		return err
	}
	return end.Commit()
}

func (s *Store) begin(ctx context.Context) (gorm.ConnPool, gorm.TxCommitter, error) {
	// Each statement must see what others committed before it, whatever the database's
	// default is. SQLite knows only one level, and some of its drivers refuse options.
	var opts *sql.TxOptions
	if s.dialect != "sqlite" {
		opts = &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	}
	switch beginner := s.pool.(type) {
	case gorm.TxBeginner:
		tx, err := beginner.BeginTx(ctx, opts)
		if err != nil {
			return nil, nil, err
		}
		return tx, tx, nil
	case gorm.ConnPoolBeginner:
		tx, err := beginner.BeginTx(ctx, opts)
		if err != nil {
			return nil, nil, err
		}
		if end, ok := tx.(gorm.TxCommitter); ok {
			return tx, end, nil
		}
	}
	return nil, nil, ErrNoTransactions
}

// affect runs a statement and tells how many rows it changed.
func affect(ctx context.Context, q gorm.ConnPool, text string, args ...any) (int64, error) {
	result, err := q.ExecContext(ctx, text, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// attempted wraps an error of the database with what was attempted.
func attempted(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("dtde: %s: %w", what, err)
}
