package resolver

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// A transaction that may have participants in several databases lives under a context
// of its own (see begin), which its driver commits and rolls back under: so a server
// that has vanished can be given up. Drivers that commit under none, as MySQL's, need a
// limit in the DSN.

// limit is how long a step of a commit may take.
func (t *TwoPhase) limit() time.Duration {
	if t == nil || t.Within <= 0 {
		return commitLimit
	}
	return t.Within
}

// giveUp ends the transaction's connection after a while, unless stop is called before;
// late tells whether it was too late for that.
func (c *txCore) giveUp(after time.Duration) (stop func() (late bool)) {
	c.mu.Lock()
	release := c.release
	c.mu.Unlock()
	if release == nil {
		return func() bool { return false }
	}
	timer := time.AfterFunc(after, release)
	return func() bool { return !timer.Stop() }
}

var errCommitLate = errors.New("no answer to COMMIT within its time limit")

// commitWithin commits here. late tells that nobody answered in time.
func (c *txCore) commitWithin() (late bool, err error) {
	var two *TwoPhase
	if c.pool != nil {
		two = c.pool.commit
	}
	stop := c.giveUp(two.limit())
	err = c.real.Commit()
	if late = stop(); late && err != nil {
		err = errors.Join(errCommitLate, err)
	}
	return late, err
}

// commitReal commits the only participant that wrote. What is not answered is in doubt:
// there is no decision that anybody could look up.
func (c *txCore) commitReal() error {
	if c.pool == nil || c.pool.databases == nil {
		return c.real.Commit()
	}
	late, err := c.commitWithin()
	if err != nil && (late || Lost(err)) {
		return &InDoubtError{Home: c.database, Cause: err}
	}
	return err
}

// commitRead commits a participant that only read.
func (c *txCore) commitRead() error {
	_, err := c.commitWithin()
	return err
}

// rollbackReal rolls back here. It may have ended already.
func (c *txCore) rollbackReal() error {
	stop := c.giveUp(askWithin)
	defer stop()
	return c.real.Rollback()
}

// beginTells is what the begin of a transaction says about its database.
func beginTells(ctx context.Context, err error) outcome {
	switch {
	case err == nil:
		return answered
	case errors.Is(context.Cause(ctx), errTimeout):
		return lost
	case ctx.Err() != nil, errors.Is(err, sql.ErrTxDone):
		return silent
	}
	return tells(err)
}
