package config

import (
	"context"
	"time"
)

// BreakerSettings say when a database that does not answer is left alone for a while: its
// statements then fail at once, with ErrDatabaseDown, instead of each waiting for a
// connection that does not come.
type BreakerSettings struct {
	// Failures is how many statements in a row must have failed for want of an answer: no
	// connection, a connection that broke, or the database's Timeout. What a database
	// answers, errors included, begins the count anew, and a caller who gives up doesn't
	// count. 0 means 5; a negative number never leaves a database alone.
	Failures int
	// Pause is how long nothing is sent. Then one statement tries; if it fails, too, the
	// next pause begins. 0 means 5 seconds.
	Pause time.Duration
}

// The defaults of [BreakerSettings].
const (
	DefaultBreakerFailures = 5
	DefaultBreakerPause    = 5 * time.Second
)

// or fills what b leaves open from others.
func (b BreakerSettings) or(others BreakerSettings) BreakerSettings {
	if b.Failures == 0 {
		b.Failures = others.Failures
	}
	if b.Pause == 0 {
		b.Pause = others.Pause
	}
	return b
}

// DatabaseObserver is an [Observer] that is also told of databases that go down and come
// back. Its method is called synchronously, as those of an Observer are.
type DatabaseObserver interface {
	// DatabaseChanged is called when statements stop being sent to a database, and when
	// they are sent again.
	DatabaseChanged(ctx context.Context, e DatabaseEvent)
}

// DatabaseEventKind says what happened to a database.
type DatabaseEventKind string

// The kinds of events.
const (
	// DatabaseDown: nothing is sent to it for a while.
	DatabaseDown DatabaseEventKind = "down"
	// DatabaseUp: it has answered again.
	DatabaseUp DatabaseEventKind = "up"
)

// DatabaseEvent is a change of one database.
type DatabaseEvent struct {
	// At is when, in UTC.
	At   time.Time
	Kind DatabaseEventKind
	// Database is its id; "" is the *gorm.DB's own, of which only replicas are watched.
	Database string
	// Replica is the number of its replica that changed, from 1; 0 is the database itself.
	Replica int
	// Err is the last failure of a database that is down, or nil.
	Err error
}
