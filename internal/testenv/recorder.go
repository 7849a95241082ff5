package testenv

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"sync"

	"gorm.io/gorm"
)

// Call is one statement as it was given to the database's driver.
type Call struct {
	// Conn numbers the pool's connections from 1, in the order they were made:
	// calls of one transaction share it.
	Conn int
	// SQL is the text; transactions appear as BEGIN (with its options), COMMIT
	// and ROLLBACK, save points as the statements they are.
	SQL string
	// Args are the bound values, as database/sql converted them.
	Args []any
	// Err is what the driver answered. A query that fails while its rows are
	// read has none.
	Err error
}

// Recorder sees every statement that one pool really sends: raw, prepared (at
// each execution, not when it is prepared), BEGIN, COMMIT and ROLLBACK. It is
// safe for concurrent use; calls are in the order in which they were answered.
type Recorder struct {
	mu     sync.Mutex
	on     bool
	calls  []Call
	before func(ctx context.Context, sql string) error
}

// Record starts recording what db sends, forgetting what was recorded before.
// db must come from this package; sessions and transactions of it, plugins or
// not, share the recorder. It panics for any other *gorm.DB.
func Record(db *gorm.DB) *Recorder {
	d, err := driverOf(db)
	if err != nil {
		panic(err)
	}
	d.recorder.mu.Lock()
	defer d.recorder.mu.Unlock()
	d.recorder.on, d.recorder.calls = true, nil
	return d.recorder
}

// Statements returns the texts recorded since the last Reset.
func (r *Recorder) Statements() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	texts := make([]string, len(r.calls))
	for i, c := range r.calls {
		texts[i] = c.SQL
	}
	return texts
}

// Calls returns what was recorded since the last Reset.
func (r *Recorder) Calls() []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

// Reset forgets what was recorded so far.
func (r *Recorder) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = nil
}

// Before has f called ahead of every statement of the pool: to wait, to cancel
// something, or, with an error, to have the statement fail without reaching the
// database. f may be called from several goroutines at once; nil ends it.
func (r *Recorder) Before(f func(ctx context.Context, sql string) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.before = f
}

func (r *Recorder) ahead(ctx context.Context, sql string) error {
	r.mu.Lock()
	before := r.before
	r.mu.Unlock()
	if before == nil {
		return nil
	}
	return before(ctx, sql)
}

func (r *Recorder) add(conn int, sql string, args []driver.NamedValue, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.on {
		return
	}
	call := Call{Conn: conn, SQL: sql, Err: err}
	for _, a := range args {
		if a.Name != "" {
			call.Args = append(call.Args, fmt.Sprintf("%s=%v", a.Name, a.Value))
			continue
		}
		call.Args = append(call.Args, a.Value)
	}
	r.calls = append(r.calls, call)
}
