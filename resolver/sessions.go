package resolver

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
)

// patience bounds the wait for each connection of Sessions after the first: who holds
// one connection and waits for the next without end can deadlock a pool.
const patience = 100 * time.Millisecond

// Sessions are read sessions that all see one state of the database. Statement i runs
// on lane i modulo [Sessions.Lanes]; a lane is one connection, so the rows of one
// statement must be read and closed before the next on the same lane. Different lanes
// may be used concurrently. Close must be called.
type Sessions struct {
	n     int
	lanes []gorm.ConnPool
	owned []lane
	of    []int // the lane of each statement; nil: modulo the lanes
}

// lane is a transaction that was begun for the sessions.
type lane struct {
	gorm.Tx
	release   context.CancelFunc
	questions *questions // the pool's; nil: none is kept
}

// OpenSessions gives n read sessions on one snapshot, over at most parallel connections.
//
// Inside a transaction that is its own connection, if its isolation level makes
// statements share a snapshot; otherwise the read is refused. Outside, PostgreSQL shares
// an exported snapshot between connections: the first is waited for as long as ctx
// allows, each further one is taken only if the pool has it at once or soon (100 ms) and
// never beyond half of the pool's MaxOpenConns, so that reads which hold part of the
// pool can't wait for each other; there may be fewer lanes than asked for. (A pool
// that keeps fewer idle connections than lanes dials anew each time: SetMaxIdleConns.)
// MySQL, MariaDB and SQLite have one lane. Refusals are *config.UnsupportedError.
//
// ctx must live until Close.
func OpenSessions(ctx context.Context, pool gorm.ConnPool, dialect string, n, parallel int) (*Sessions, error) {
	pool, _ = Unwrap(pool)
	s := &Sessions{n: max(n, 1)}
	if s.n == 1 { // one statement is always one snapshot
		s.lanes = []gorm.ConnPool{pool}
		return s, nil
	}
	if InTransaction(pool) {
		if err := sharesSnapshot(ctx, pool, dialect); err != nil {
			return nil, err
		}
		s.lanes = []gorm.ConnPool{pool}
		return s, nil
	}
	var kept *questions
	if p, ok := pool.(*Pool); ok && p.mode >= onReplicas {
		return onServer(ctx, p, true, func(p *Pool) (*Sessions, error) {
			turn, err := p.breaker.enter()
			if err != nil {
				return nil, err
			}
			s, err := OpenSessions(ctx, p, dialect, n, parallel)
			p.breaker.leave(ctx, turn, beginTells(ctx, err), err)
			return s, err
		})
	} else if ok {
		pool, _ = Unwrap(p.inner)
		kept = p.questions
	}
	if !isPool(pool) {
		// The program may have begun a transaction by hand on it.
		return nil, refuse("sessions-connection", "several reads on one snapshot over a single connection that isn't dtde's",
			"read with the union form, or in a transaction")
	}
	var err error
	switch dialect {
	case "postgres":
		err = s.openPostgres(ctx, pool, parallel)
	case "mysql":
		// Its snapshot is made by the first read and stays, as WITH CONSISTENT SNAPSHOT
		// would make it before; but BeginTx leaves the cleaning up to database/sql.
		err = s.open(ctx, pool, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, kept)
	case "sqlite":
		err = s.open(ctx, pool, &sql.TxOptions{ReadOnly: true}, kept)
	default:
		return nil, refuse("sessions-engine", fmt.Sprintf("several reads on one snapshot on %s", dialect), "read with the union form")
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func refuse(reason, problem, hint string) error {
	return &config.UnsupportedError{Reason: reason, Problem: problem, Hint: hint}
}

// open adds a lane, waiting for its connection.
func (s *Sessions) open(ctx context.Context, pool gorm.ConnPool, opts *sql.TxOptions, kept *questions) error {
	if kept != nil {
		kept.prepare(ctx, pool)
	}
	tx, err := begin(ctx, pool, opts)
	if err != nil {
		return fmt.Errorf("begin a read session: %w", err)
	}
	s.add(lane{Tx: tx, questions: kept})
	return nil
}

func (s *Sessions) add(l lane) {
	s.owned = append(s.owned, l)
	s.lanes = append(s.lanes, l)
}

func (s *Sessions) openPostgres(ctx context.Context, pool gorm.ConnPool, parallel int) error {
	opts := &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	if err := s.open(ctx, pool, opts, nil); err != nil {
		return err
	}
	more := min(s.n, parallel)
	db, err := sqlDB(pool)
	if err != nil {
		more = 1 // nothing is known about how much the pool can give
	} else if most := db.Stats().MaxOpenConnections; most > 0 {
		more = min(more, most/2)
	}
	if more <= 1 || !free(db) {
		return nil
	}
	var snapshot string
	err = s.owned[0].QueryRowContext(ctx, "SELECT pg_export_snapshot()").Scan(&snapshot)
	if err != nil || strings.Trim(snapshot, "0123456789ABCDEF-") != "" {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// A server that can't export has aborted the transaction: one lane without.
		s.Close()
		s.lanes, s.owned = nil, nil
		return s.open(ctx, pool, opts, nil)
	}
	further := make([]lane, more-1)
	// Under ctx, not Each's own, which ends here and would end the transactions.
	err = Each(ctx, more-1, more-1, func(_ context.Context, i int) error {
		if free(db) {
			further[i] = join(ctx, pool, opts, snapshot)
		}
		return nil
	})
	if err == nil {
		err = ctx.Err()
	}
	for _, l := range further {
		if l.Tx != nil {
			s.add(l)
		}
	}
	return err
}

// free tells whether the pool could give a connection at once, at this moment.
func free(db *sql.DB) bool {
	stats := db.Stats()
	return stats.MaxOpenConnections == 0 || stats.InUse < stats.MaxOpenConnections
}

// join begins a transaction on an exported snapshot, with little patience; a failure
// only means a lane less.
func join(ctx context.Context, pool gorm.ConnPool, opts *sql.TxOptions, snapshot string) lane {
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tx, release, err := beginWithin(ctx, wait, pool, opts)
	if err != nil {
		return lane{}
	}
	l := lane{Tx: tx, release: release}
	if _, err := tx.ExecContext(ctx, "SET TRANSACTION SNAPSHOT '"+snapshot+"'"); err != nil {
		l.close()
		return lane{}
	}
	return l
}

func (l lane) close() {
	_ = l.Rollback() // it only read
	if l.release != nil {
		l.release()
	}
}

// Len is the number of sessions.
func (s *Sessions) Len() int { return s.n }

// Lanes is the number of connections, 1 to Len.
func (s *Sessions) Lanes() int { return len(s.lanes) }

// Sequential tells that there are fewer lanes than sessions: rows must be buffered,
// because they can't all be open at a time.
func (s *Sessions) Sequential() bool { return len(s.lanes) < s.n }

// Query runs statement i, in [0, Len), on its session. The caller closes the rows.
func (s *Sessions) Query(ctx context.Context, i int, query string, args []any) (*sql.Rows, error) {
	return s.QueryLane(ctx, s.LaneOf(i), query, args)
}

// QueryLane runs a statement on a lane, in [0, Lanes). The caller closes the rows.
func (s *Sessions) QueryLane(ctx context.Context, lane int, query string, args []any) (*sql.Rows, error) {
	return s.lanes[lane].QueryContext(ctx, query, args...)
}

// LaneOf is the lane of statement i, in [0, Len).
func (s *Sessions) LaneOf(i int) int {
	if s.of != nil {
		return s.of[i]
	}
	return i % len(s.lanes)
}

// Each calls f for every session: the lanes in parallel, the sessions of a lane one
// after another. f must have closed its rows when it returns. Errors, cancellation and
// panics are as in the function [Each].
func (s *Sessions) Each(ctx context.Context, f func(ctx context.Context, i int) error) error {
	return Each(ctx, len(s.lanes), len(s.lanes), func(ctx context.Context, lane int) error {
		for i := range s.n {
			if s.LaneOf(i) != lane {
				continue
			}
			if err := f(ctx, i); err != nil {
				return err
			}
		}
		return nil
	})
}

// Close ends the transactions of the sessions and gives their connections back; rows
// that are still open end. The caller's own transaction is left as it is. A second call
// does nothing.
func (s *Sessions) Close() {
	owned := s.owned
	s.owned = nil
	_ = Each(context.Background(), len(owned), len(owned), func(_ context.Context, i int) error {
		owned[i].close()
		return nil
	})
}

// OpenSnapshots gives a read session per statement, each on the database of its id: one
// connection per database, on which every statement sees one state of that database. The
// states of two databases have nothing to do with each other. Inside a transaction it is
// refused as OpenSessions would be.
func OpenSnapshots(ctx context.Context, pool gorm.ConnPool, dialect string, databases []string) (*Sessions, error) {
	s := &Sessions{n: len(databases), of: make([]int, len(databases))}
	lanes := map[string]int{}
	// In one order for all statements of the process: see Scatter.Hold.
	for _, id := range inOrder(pool, databases) {
		on, err := On(pool, id)
		if err != nil {
			s.Close()
			return nil, err
		}
		one, err := OpenSessions(ctx, on, dialect, 2, 1) // two: statements that come after one another share a snapshot
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("database %q: %w", id, err)
		}
		lanes[id] = len(s.lanes)
		s.lanes, s.owned = append(s.lanes, one.lanes...), append(s.owned, one.owned...)
	}
	for i, id := range databases {
		s.of[i] = lanes[id]
	}
	return s, nil
}
