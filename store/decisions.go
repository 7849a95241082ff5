package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
)

// Decisions reads and writes dtde_decisions, which says how transactions over several
// PostgreSQL databases ended. It has no state and is safe for concurrent use; it
// implements what package resolver asks for.
type Decisions struct{}

// decideWithin is how long after its beginning a commit may be decided, on the home's
// clock.
const decideWithin = "interval '1 hour'"

const createDecisions = `CREATE TABLE IF NOT EXISTS dtde_decisions (
	txid varchar(64) PRIMARY KEY,
	state varchar(16) NOT NULL CHECK (state IN ('committed', 'aborted')),
	participants text NOT NULL,
	deadline timestamptz NOT NULL,
	note text NOT NULL DEFAULT '')`

// Ensure makes the table, if it isn't there. Several may do so at once.
func (Decisions) Ensure(ctx context.Context, home gorm.ConnPool) error {
	for attempt := 0; ; attempt++ {
		_, err := home.ExecContext(ctx, createDecisions)
		// Of two that make it at once one can fail on the catalog's unique index.
		if err == nil || attempt == 2 || ctx.Err() != nil {
			return err
		}
	}
}

// Cluster gives the name that is kept in the program's own database; proposal becomes
// it if there is none. The table must be there.
func (Decisions) Cluster(ctx context.Context, own gorm.ConnPool, proposal string) (name string, err error) {
	_, err = own.ExecContext(ctx, "INSERT INTO dtde_decisions (txid, state, participants, deadline, note)"+
		" VALUES ('', 'committed', $1, clock_timestamp(), 'the name of the program') ON CONFLICT DO NOTHING", proposal)
	if err == nil {
		err = own.QueryRowContext(ctx, "SELECT participants FROM dtde_decisions WHERE txid = ''").Scan(&name)
	}
	return name, err
}

// Deadline gives the instant, on the home's clock, until which a commit that begins now
// may be decided.
func (Decisions) Deadline(ctx context.Context, home gorm.ConnPool) (time.Time, error) {
	var t time.Time
	err := home.QueryRowContext(ctx, "SELECT clock_timestamp() + "+decideWithin).Scan(&t)
	return t, err
}

// Decide writes, in home's open transaction, that the transaction is committed. It
// fails if the deadline has passed, or if it was aborted.
func (Decisions) Decide(ctx context.Context, home gorm.ConnPool, txid string, participants []string, deadline time.Time) error {
	n, err := affect(ctx, home, "INSERT INTO dtde_decisions (txid, state, participants, deadline)"+
		" SELECT $1, 'committed', $2, $3 WHERE clock_timestamp() < $3", txid, strings.Join(participants, " "), deadline)
	if err == nil && n == 0 {
		err = errLate
	}
	return err
}

var errLate error = fault("the commit took longer than an hour and was given up")

// Settle writes that the transaction is aborted, if nothing was decided, and tells what
// was. It waits for a commit that is being decided.
func (Decisions) Settle(ctx context.Context, home gorm.ConnPool, txid string) (committed bool, err error) {
	_, err = home.ExecContext(ctx, "INSERT INTO dtde_decisions (txid, state, participants, deadline)"+
		" VALUES ($1, 'aborted', '', clock_timestamp() + "+decideWithin+") ON CONFLICT DO NOTHING", txid)
	if err != nil {
		return false, err
	}
	var state string
	err = home.QueryRowContext(ctx, "SELECT state FROM dtde_decisions WHERE txid = $1", txid).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		// Dropped between the two statements: only after every participant had ended.
		return false, fmt.Errorf("%w: ask again", config.ErrInDoubt)
	}
	return state == "committed", err
}

// Force writes a decision in the place of what is there, and notes that.
func (Decisions) Force(ctx context.Context, home gorm.ConnPool, txid string, commit bool) error {
	state := "aborted"
	if commit {
		state = "committed"
	}
	_, err := home.ExecContext(ctx, "INSERT INTO dtde_decisions (txid, state, participants, deadline, note)"+
		" VALUES ($1, $2, '', clock_timestamp() + "+decideWithin+", 'forced over nothing at ' || clock_timestamp())"+
		" ON CONFLICT (txid) DO UPDATE SET state = excluded.state,"+
		" note = 'forced over ' || dtde_decisions.state || ' at ' || clock_timestamp()", txid, state)
	return err
}

// Committed lists the transactions that were committed and not forced, with their
// participants, once their deadline has passed: until then a coordinator that lost the
// reply may ask, and must not hear that nothing was decided.
func (Decisions) Committed(ctx context.Context, home gorm.ConnPool) (map[string][]string, error) {
	all := map[string][]string{}
	err := query(ctx, home, "SELECT txid, participants FROM dtde_decisions WHERE state = 'committed' AND note = '' AND deadline < clock_timestamp()", nil, func(rows *sql.Rows) error {
		var txid, participants string
		err := rows.Scan(&txid, &participants)
		all[txid] = strings.Split(participants, " ")
		return err
	})
	return all, err
}

// Forget drops a decision that every participant has carried out.
func (Decisions) Forget(ctx context.Context, home gorm.ConnPool, txid string) error {
	_, err := home.ExecContext(ctx, "DELETE FROM dtde_decisions WHERE txid = $1 AND note = ''", txid)
	return err
}

// ForgetAborted drops what was aborted, a day after its deadline.
func (Decisions) ForgetAborted(ctx context.Context, home gorm.ConnPool) error {
	_, err := home.ExecContext(ctx, "DELETE FROM dtde_decisions WHERE state = 'aborted' AND note = '' AND deadline < clock_timestamp() - interval '1 day'")
	return err
}
