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
// databases ended, in databases of one dialect. It has no state and is safe for concurrent
// use; it implements what package resolver asks for. Make one with DecisionsFor.
type Decisions struct {
	dialect string
	text    *decisionTexts
}

// DecisionsFor gives the decisions of home databases of a dialect, which must be one that New
// takes: of another, every call is ErrDialect.
func DecisionsFor(dialect string) Decisions {
	return Decisions{dialect: dialect, text: decisionTextsOf[dialect]}
}

// Inside tells that the table is made in the transaction that is being committed: SQLite has
// one writer, whose own second connection would wait for it.
func (d Decisions) Inside() bool { return d.dialect == "sqlite" }

// Ensure makes the table, if it isn't there. Several may do so at once. In a transaction it
// must not be called but on SQLite.
func (d Decisions) Ensure(ctx context.Context, home gorm.ConnPool) error {
	there, err := d.There(ctx, home)
	if err != nil || there {
		return err
	}
	for attempt := 0; ; attempt++ {
		_, err := d.exec(ctx, home, d.text.create)
		// Of two that make it at once one can fail on PostgreSQL's own unique index.
		if err == nil || attempt == 2 || ctx.Err() != nil {
			return err
		}
	}
}

// There tells whether the table is there.
func (d Decisions) There(ctx context.Context, home gorm.ConnPool) (bool, error) {
	if d.text == nil {
		return false, ErrDialect
	}
	var n int
	err := home.QueryRowContext(ctx, d.text.exists).Scan(&n)
	return n > 0, err
}

// Cluster gives the name that is kept in the program's own database; proposal becomes
// it if there is none. The table must be there.
func (d Decisions) Cluster(ctx context.Context, own gorm.ConnPool, proposal string) (name string, err error) {
	if _, err = d.exec(ctx, own, d.text.cluster, proposal); err == nil {
		err = own.QueryRowContext(ctx, "SELECT participants FROM dtde_decisions WHERE txid = ''").Scan(&name)
	}
	return name, err
}

// Deadline gives the instant, on the home's clock, until which a commit that begins now
// may be decided. now is what that clock shows, zero to ask it.
func (d Decisions) Deadline(ctx context.Context, home gorm.ConnPool, now time.Time) (time.Time, error) {
	if !now.IsZero() {
		return now.Add(decideWithin), nil
	}
	if d.dialect == "postgres" {
		var t time.Time
		err := home.QueryRowContext(ctx, d.text.deadline).Scan(&t)
		return t, err
	}
	var ms int64
	err := home.QueryRowContext(ctx, d.text.deadline).Scan(&ms)
	return time.UnixMilli(ms).UTC(), err
}

// instant is a deadline as the table has it.
func (d Decisions) instant(t time.Time) any {
	if d.dialect == "postgres" {
		return t
	}
	return t.UnixMilli()
}

// Decide writes, in home's open transaction, that the transaction is committed. It
// fails if the deadline has passed, or if it was aborted.
func (d Decisions) Decide(ctx context.Context, home gorm.ConnPool, txid string, participants []string, deadline time.Time) error {
	until := d.instant(deadline)
	n, err := affect(ctx, home, d.text.decide, txid, strings.Join(participants, " "), until, until)
	if err == nil && n == 0 {
		err = errLate
	}
	return err
}

var errLate error = fault("the commit took longer than an hour and was given up")

// Settle writes that the transaction is aborted, if nothing was decided, and tells what
// was. It waits for a commit that is being decided.
func (d Decisions) Settle(ctx context.Context, home gorm.ConnPool, txid string) (committed bool, err error) {
	if _, err = d.exec(ctx, home, d.text.abort, txid); err != nil {
		return false, err
	}
	var state string
	err = home.QueryRowContext(ctx, d.text.state, txid).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		// Dropped between the two statements: only after every participant had ended.
		return false, fmt.Errorf("%w: ask again", config.ErrInDoubt)
	}
	return state == "committed", err
}

// Force writes a decision in the place of what is there, and notes that.
func (d Decisions) Force(ctx context.Context, home gorm.ConnPool, txid string, commit bool) error {
	state := "aborted"
	if commit {
		state = "committed"
	}
	_, err := d.exec(ctx, home, d.text.force, txid, state)
	return err
}

// Committed lists the transactions that were committed and not forced, with their
// participants, once their deadline has passed: until then a coordinator that lost the
// reply may ask, and must not hear that nothing was decided.
func (d Decisions) Committed(ctx context.Context, home gorm.ConnPool) (map[string][]string, error) {
	all := map[string][]string{}
	err := query(ctx, home, d.text.committed, nil, func(rows *sql.Rows) error {
		var txid, participants string
		err := rows.Scan(&txid, &participants)
		all[txid] = strings.Split(participants, " ")
		return err
	})
	return all, err
}

// Forget drops a decision that every participant has carried out.
func (d Decisions) Forget(ctx context.Context, home gorm.ConnPool, txid string) error {
	_, err := d.exec(ctx, home, d.text.forget, txid)
	return err
}

// ForgetAborted drops what was aborted, a day after its deadline.
func (d Decisions) ForgetAborted(ctx context.Context, home gorm.ConnPool) error {
	_, err := d.exec(ctx, home, d.text.forgetAborted)
	return err
}

const (
	// lockWait bounds how long a statement on the table tries to get a lock.
	lockWait = 5 * time.Second
	// lockPause is between two tries.
	lockPause = 10 * time.Millisecond
)

// exec runs a statement on a connection of its own. SQLite's one writer may be somebody else
// for a moment, and a driver without a busy timeout says so at once.
func (d Decisions) exec(ctx context.Context, home gorm.ConnPool, text string, args ...any) (sql.Result, error) {
	for end := time.Now().Add(lockWait); ; {
		result, err := home.ExecContext(ctx, text, args...)
		if _, inside := home.(gorm.TxCommitter); err == nil || inside || d.dialect == "postgres" || !transient(err) || time.Now().After(end) {
			return result, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-time.After(lockPause):
		}
	}
}
