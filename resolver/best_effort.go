package resolver

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/faults"
)

type bestEffortKey struct{}

// WithBestEffort gives a context under which a transaction that wrote in several
// databases commits one after the other: if one fails, those before it stay committed,
// and the error, a *PartialCommitError, says which.
func WithBestEffort(ctx context.Context) context.Context {
	return context.WithValue(ctx, bestEffortKey{}, true)
}

func bestEffort(ctx context.Context) bool { return ctx.Value(bestEffortKey{}) != nil }

// commitEach commits one database after the other.
func commitEach(writers []*txCore) error {
	for i, w := range writers {
		err := w.commitReal()
		if err == nil {
			faults.At(fmt.Sprintf("after commit %d", i))
			continue
		}
		if i == 0 {
			return &DatabaseError{Database: w.database, Step: "commit", Cause: err}
		}
		partial := &PartialCommitError{Failed: w.database, Cause: err}
		for k, other := range writers {
			switch {
			case k < i:
				partial.Committed = append(partial.Committed, other.database)
			case k > i:
				_ = other.rollbackReal()
				partial.RolledBack = append(partial.RolledBack, other.database)
			}
		}
		return partial
	}
	return nil
}

// PartialCommitError says how a transaction of best effort ended that was not committed
// everywhere. "" is the *gorm.DB's own database.
type PartialCommitError struct {
	// Committed databases keep the transaction's changes, RolledBack ones do not.
	Committed, RolledBack []string
	// Failed is the database whose commit failed; whether it committed is only known
	// there if the connection was lost.
	Failed string
	// Cause is its error.
	Cause error
}

// Error lists the databases.
func (e *PartialCommitError) Error() string {
	return fmt.Sprintf("dtde: the transaction is committed in %s only; the commit failed in %s and was not tried in %s: %v",
		quoted(e.Committed), quoted([]string{e.Failed}), quoted(e.RolledBack), e.Cause)
}

// Unwrap gives the cause.
func (e *PartialCommitError) Unwrap() error { return e.Cause }

// Is matches config.Err and config.ErrPartialCommit.
func (e *PartialCommitError) Is(target error) bool {
	return target == config.Err || target == config.ErrPartialCommit
}

func quoted(ids []string) string {
	if len(ids) == 0 {
		return "none"
	}
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = fmt.Sprintf("%q", id)
	}
	return strings.Join(list, ", ")
}

// DatabaseError is a failure in one database of several.
type DatabaseError struct {
	// Database is its id, "" for the *gorm.DB's own.
	Database string
	// Step is what was attempted.
	Step string
	// Hint says what to do; may be "".
	Hint string
	// Cause is the underlying error.
	Cause error
}

// Error names database and step.
func (e *DatabaseError) Error() string {
	s := fmt.Sprintf("dtde: %s in database %q: %v", e.Step, e.Database, e.Cause)
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Unwrap gives the cause.
func (e *DatabaseError) Unwrap() error { return e.Cause }

// Is matches config.Err.
func (e *DatabaseError) Is(target error) bool { return target == config.Err }

// InDoubtError is a commit of which nobody can tell how it ended, because the home
// database can't be asked. Recovery finds out; never retry the transaction.
type InDoubtError struct {
	// Transaction is its id, Home the database that holds the decision. Transaction is ""
	// if Home is the only database that was written to: only its rows tell, then.
	Transaction, Home string
	// Cause is what happened.
	Cause error
}

// Error names transaction and home.
func (e *InDoubtError) Error() string {
	if e.Transaction == "" {
		return fmt.Sprintf("dtde: a transaction in database %q is in doubt: its commit was not answered; do not retry: %v", e.Home, e.Cause)
	}
	return fmt.Sprintf("dtde: transaction %s is in doubt: its home database %q can't be asked; Recover will tell, do not retry: %v",
		e.Transaction, e.Home, e.Cause)
}

// Unwrap gives the cause.
func (e *InDoubtError) Unwrap() error { return e.Cause }

// Is matches config.Err and config.ErrInDoubt.
func (e *InDoubtError) Is(target error) bool {
	return target == config.Err || target == config.ErrInDoubt
}
