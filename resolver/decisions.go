package resolver

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
)

// decisions are those of a home.
func (t *TwoPhase) decisions(home *Pool) Decisions { return t.Decisions(home.dialect) }

// Decisions are the rows that say how transactions over several databases ended. Each
// is in the home database of its transaction.
type Decisions interface {
	// There tells whether the table is there, and Ensure makes it if it isn't.
	There(ctx context.Context, home gorm.ConnPool) (bool, error)
	Ensure(ctx context.Context, home gorm.ConnPool) error
	// Inside tells that Ensure belongs into the transaction that is being committed, as
	// where a second connection would wait for it.
	Inside() bool
	// Cluster gives the name that is kept in the program's own database; proposal becomes
	// it if there is none.
	Cluster(ctx context.Context, own gorm.ConnPool, proposal string) (string, error)
	// Deadline gives the instant, on the home's clock, until which a commit that begins
	// now may be decided. now is what that clock shows, zero to ask it.
	Deadline(ctx context.Context, home gorm.ConnPool, now time.Time) (time.Time, error)
	// Decide writes, in home's open transaction, that the transaction is committed, and
	// fails if the deadline has passed or somebody wrote that it is aborted. participants
	// are the ids of what is prepared.
	Decide(ctx context.Context, home gorm.ConnPool, txid string, participants []string, deadline time.Time) error
	// Settle writes that the transaction is aborted, if nothing was decided, and tells
	// what was.
	Settle(ctx context.Context, home gorm.ConnPool, txid string) (committed bool, err error)
	// Force writes a decision in the place of what is there, and leaves a trace of it.
	Force(ctx context.Context, home gorm.ConnPool, txid string, commit bool) error
	// Committed lists the transactions that were committed, with their participants.
	Committed(ctx context.Context, home gorm.ConnPool) (map[string][]string, error)
	// Forget drops a decision.
	Forget(ctx context.Context, home gorm.ConnPool, txid string) error
	// ForgetAborted drops what was aborted a day after its deadline.
	ForgetAborted(ctx context.Context, home gorm.ConnPool) error
}

// ensure makes the table of decisions, on a connection of its own, once per home; where that
// would wait for the transaction that is being committed, in that one: tx, or nil.
func (t *TwoPhase) ensure(ctx context.Context, home *Pool, tx gorm.ConnPool) error {
	if home.decides.Load() {
		return nil
	}
	on, decisions := home.inner, t.decisions(home)
	inside := tx != nil && decisions.Inside()
	if inside {
		on = tx
	}
	within, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	if err := decisions.Ensure(within, on); err != nil {
		return &DatabaseError{Database: home.database, Step: "make dtde_decisions", Cause: err,
			Hint: "run AutoMigrate, which makes it, and let the pool have two connections"}
	}
	if !inside { // else it is gone with a rollback
		home.decides.Store(true)
	}
	return nil
}

// Make makes the table of decisions where p's statements go, if a commit over several
// databases can ever need it there: so that those who write need not be allowed to. Inside a
// transaction it is left to the first commit, unless it is part of the transaction.
func (t *TwoPhase) Make(ctx context.Context, p gorm.ConnPool) error {
	p, _ = Unwrap(p)
	switch c := p.(type) {
	case *Pool:
		if c.databases != nil && c.databases.prepares {
			return t.ensure(ctx, c, nil)
		}
	case *Tx:
		if c.pool == nil || c.pool.databases == nil || !c.pool.databases.prepares || !t.decisions(c.pool).Inside() {
			return nil
		}
		real, err := c.open(ctx)
		if err != nil {
			return err
		}
		return t.ensure(ctx, c.pool, real)
	}
	return nil
}

// Lacks lists the databases of other engines than PostgreSQL's that may become a home and
// have no table of decisions yet. It opens them.
func (t *TwoPhase) Lacks(ctx context.Context) (ids []string, err error) {
	var failed []error
	for _, id := range t.Databases.IDs() {
		if prepares(t.Databases.Dialect(id)) || !t.Databases.prepares {
			continue
		}
		there, err := t.there(ctx, id)
		if err != nil {
			failed = append(failed, err)
		} else if !there {
			ids = append(ids, id)
		}
	}
	return ids, errors.Join(failed...)
}

func (t *TwoPhase) there(ctx context.Context, id string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	pool, err := t.Databases.on(id)
	if err != nil {
		return false, err
	}
	there, err := t.decisions(pool).There(ctx, pool.inner)
	if err != nil {
		return false, &DatabaseError{Database: id, Step: "look for dtde_decisions", Cause: err}
	}
	return there, nil
}

// settle asks the home what was decided, and decides for an abort where nothing was.
func (t *TwoPhase) settle(ctx context.Context, home, tx string) (committed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	pool, err := t.Databases.on(home)
	if err == nil && t.decisions(pool).Inside() {
		err = t.ensure(ctx, pool, nil) // whoever died before deciding took the table along
	}
	if err != nil {
		return false, err
	}
	return t.decisions(pool).Settle(ctx, pool.inner, tx)
}
