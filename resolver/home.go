package resolver

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// The home of a commit over several databases is not prepared, so one that can't be
// prepared, being of another engine than the others, can be it. Such a home must itself vouch
// that what was written there is still part of its transaction: of PostgreSQL's an ignored
// error makes the next statement fail, but elsewhere an engine may have rolled back
// everything (a deadlock, a full disk) or committed it (DDL), and then goes on in autocommit.
// A commit of what is left would keep the other databases' part only.

// prepares tells whether an engine has two-phase commit that outlives the connection, and
// dtde uses it. MySQL's and MariaDB's XA is not used.
func prepares(dialect string) bool { return dialect == "postgres" }

// homeFirst moves the writer that can't be prepared to the front.
func homeFirst(writers []*txCore) ([]*txCore, error) {
	var homes, others []*txCore
	var engines []string
	for _, w := range writers {
		if prepares(w.dialect) {
			others = append(others, w)
			continue
		}
		homes = append(homes, w)
		if !slices.Contains(engines, w.dialect) {
			engines = append(engines, w.dialect)
		}
	}
	if len(homes) > 1 {
		return nil, refuse("commit-databases", "a transaction that wrote in several databases of "+strings.Join(engines, " and "),
			"write in one of them per transaction, or say BestEffort, which commits one after the other")
	}
	return append(homes, others...), nil
}

// begunPoint is a save point set at the beginning of a transaction that may become a home:
// whatever ends the transaction takes it away.
var begunPoint = savedPoint{name: "dtde_begun", dialect: "dtde"}

// marks tells whether transactions here begin with begunPoint. Where no other database can
// be prepared there is no home.
func (p *Pool) marks() bool {
	return p.databases != nil && p.databases.prepares && (p.dialect == "mysql" || p.dialect == "sqlite")
}

var errEnded = errors.New("the transaction has ended before its commit")

// unbroken tells whether home's transaction is still the one that was begun.
func (t *TwoPhase) unbroken(ctx context.Context, home *txCore) (err error) {
	ctx, cancel := context.WithTimeout(ctx, t.limit())
	defer cancel()
	switch {
	case home.pool.marks():
		_, err = home.real.ExecContext(ctx, begunPoint.spelled(releasePoint, home.dialect))
	case home.dialect == "sqlserver":
		var open bool
		err = home.real.QueryRowContext(ctx, "SELECT CASE WHEN XACT_STATE() = 1 THEN 1 ELSE 0 END").Scan(&open)
		if err == nil && !open {
			err = errEnded
		}
	}
	if err == nil {
		return nil
	}
	failed := &DatabaseError{Database: home.database, Step: "check before commit", Cause: err}
	if !Lost(err) {
		failed.Cause = errors.Join(errEnded, err)
		failed.Hint = "an error that the program ignored has rolled it back, or a statement such as CREATE TABLE has committed it"
	}
	return failed
}
