package resolver

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/go-dtde/dtde/config"
)

// firstPause is the longest pause before the second attempt; it doubles with each.
const firstPause = 10 * time.Millisecond

// Retry calls f, which runs a whole transaction, up to attempts times (1 or less means
// once), as long as it fails with a serialization failure or a deadlock, after a short
// random pause. It returns the last error. Anything else, such as a lost connection or a
// commit in doubt, is returned at once, as is the last error when ctx ends.
func Retry(ctx context.Context, attempts int, f func(ctx context.Context) error) error {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		err := f(ctx)
		if err == nil || attempt >= attempts || ctx.Err() != nil || !Retryable(err) {
			return err
		}
		timer := time.NewTimer(rand.N(pause)) //nolint:gosec // no secret
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-timer.C:
		}
		pause = min(2*pause, time.Second)
	}
}

// Retryable tells whether err says that the database rolled a transaction back because
// of others that ran beside it: a serialization failure or a deadlock. It knows the
// errors of drivers for PostgreSQL (a method SQLState), MySQL and MariaDB (a field
// Number) and SQL Server (a method SQLErrorNumber).
func Retryable(err error) bool {
	if errors.Is(err, config.ErrInDoubt) || errors.Is(err, config.ErrPartialCommit) {
		return false // some of it may be committed, whatever the cause was
	}
	return concurrency(err)
}

func concurrency(err error) bool {
	if err == nil {
		return false
	}
	switch e := err.(type) { //nolint:errorlint // walks the chain itself
	case interface{ SQLState() string }:
		return e.SQLState() == "40001" || e.SQLState() == "40P01"
	case interface{ SQLErrorNumber() int32 }:
		return e.SQLErrorNumber() == 1205 || e.SQLErrorNumber() == 3960
	case interface{ Unwrap() error }:
		return concurrency(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if concurrency(inner) {
				return true
			}
		}
		return false
	}
	n := mysqlNumber(err)
	// 1213 is a deadlock, 1020 MariaDB's "record has changed since last read".
	return n == 1213 || n == 1020
}
