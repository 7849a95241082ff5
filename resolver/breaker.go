package resolver

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-dtde/dtde/config"
)

// BreakerState is how a database stands with its breaker.
type BreakerState string

// The states.
const (
	// BreakerClosed: statements are sent.
	BreakerClosed BreakerState = "closed"
	// BreakerOpen: the database is left alone.
	BreakerOpen BreakerState = "open"
	// BreakerHalfOpen: one statement may try, or is trying.
	BreakerHalfOpen BreakerState = "half-open"
)

// Breaker leaves a database alone for a while that did not answer several statements in
// a row. Its zero value, like nil, never does. It is safe for concurrent use.
//
// It is our own, since it is smaller than what a library brings along (gobreaker v2
// requires Redis) and must know a third outcome: a caller who gave up says nothing.
type Breaker struct {
	database string
	replica  int
	failures int
	pause    time.Duration
	now      func() time.Time
	changed  func(ctx context.Context, kind config.DatabaseEventKind, cause error)

	// unwell tells, without the lock, that there is anything to look at.
	unwell atomic.Bool

	mu     sync.Mutex
	failed int // in a row
	open   bool
	until  time.Time // when one may try
	trying bool
	cause  error
}

// newBreaker makes the breaker of a database, or of one of its replicas; nil if it is to
// have none. event may be nil.
func newBreaker(database string, replica int, s config.BreakerSettings, event func(context.Context, config.DatabaseEvent)) *Breaker {
	if s.Failures <= 0 {
		return nil
	}
	b := &Breaker{database: database, replica: replica, failures: s.Failures, pause: s.Pause, now: time.Now}
	if event != nil {
		b.changed = func(ctx context.Context, kind config.DatabaseEventKind, cause error) {
			event(ctx, config.DatabaseEvent{At: b.now().UTC(), Kind: kind, Database: database, Replica: replica, Err: cause})
		}
	}
	return b
}

// turn is a statement's leave to be sent; true for the one that tries.
type turn bool

// outcome is what a statement tells about its database.
type outcome uint8

const (
	silent   outcome = iota // nothing
	answered                // it is there
	lost                    // it did not answer
)

// enter asks whether a statement may be sent; the error is a *DatabaseDownError.
// Otherwise leave must follow.
func (b *Breaker) enter() (turn, error) {
	if b == nil || !b.unwell.Load() {
		return false, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !b.open:
		return false, nil
	case b.trying || b.now().Before(b.until):
		return false, &DatabaseDownError{Database: b.database, Replica: b.replica, Until: b.until.UTC(), Cause: b.cause}
	}
	b.trying = true
	return true, nil
}

// ready tells whether enter would let a statement through.
func (b *Breaker) ready() bool {
	if b == nil || !b.unwell.Load() {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.open || !b.trying && !b.now().Before(b.until)
}

// leave tells how a statement went.
func (b *Breaker) leave(ctx context.Context, t turn, o outcome, cause error) {
	if b == nil || o != lost && !b.unwell.Load() {
		return
	}
	var kind config.DatabaseEventKind
	b.mu.Lock()
	switch {
	case bool(t):
		b.trying = false
		switch o {
		case answered:
			kind = b.close()
		case lost:
			b.until, b.cause = b.now().Add(b.pause), cause
		}
	case b.open: // it was sent before
	case o == answered:
		b.close()
	case o == lost:
		b.unwell.Store(true)
		b.failed, b.cause = b.failed+1, cause
		if b.failed >= b.failures {
			b.open, b.until, kind = true, b.now().Add(b.pause), config.DatabaseDown
		}
	}
	b.mu.Unlock()
	if kind != "" && b.changed != nil {
		b.changed(context.WithoutCancel(ctx), kind, cause)
	}
}

// close forgets all failures; the lock is held.
func (b *Breaker) close() (kind config.DatabaseEventKind) {
	if b.open {
		kind = config.DatabaseUp
	}
	b.failed, b.open, b.cause = 0, false, nil
	b.unwell.Store(false)
	return kind
}

// healed closes the breaker because the database has answered somebody who did not ask
// for leave.
func (b *Breaker) healed(ctx context.Context) {
	if b == nil || !b.unwell.Load() {
		return
	}
	b.mu.Lock()
	kind := b.close()
	b.mu.Unlock()
	if kind != "" && b.changed != nil {
		b.changed(context.WithoutCancel(ctx), kind, nil)
	}
}

// BreakerStatus is a breaker at one moment.
type BreakerStatus struct {
	// State says whether statements are let through.
	State BreakerState
	// Failures is how many statements in a row were not answered.
	Failures int
	// Until is when one may try again, in UTC; zero if the breaker is closed.
	Until time.Time
	// Err is the last failure, or nil.
	Err error
}

// status tells how it stands.
func (b *Breaker) status() BreakerStatus {
	s := BreakerStatus{State: BreakerClosed}
	if b == nil {
		return s
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s.Failures, s.Err = b.failed, b.cause
	if b.open {
		s.State, s.Until = BreakerOpen, b.until.UTC()
		if b.trying || !b.now().Before(b.until) {
			s.State = BreakerHalfOpen
		}
	}
	return s
}

// DatabaseDownError is a statement that was not sent, because its database did not answer
// those before it.
type DatabaseDownError struct {
	// Database is its id, Replica the number of its replica that is meant; 0 for none.
	Database string
	Replica  int
	// Until is when one statement may try again, in UTC.
	Until time.Time
	// Cause is the failure of the last statement that was sent.
	Cause error
}

// Error names the database and the cause.
func (e *DatabaseDownError) Error() string {
	return fmt.Sprintf("dtde: %s is down; the next statement is sent to it at %s: %v",
		serverName(e.Database, e.Replica), e.Until.Format(time.RFC3339), e.Cause)
}

// Unwrap gives the cause.
func (e *DatabaseDownError) Unwrap() error { return e.Cause }

// Is matches config.Err and config.ErrDatabaseDown.
func (e *DatabaseDownError) Is(target error) bool {
	return target == config.Err || target == config.ErrDatabaseDown
}
