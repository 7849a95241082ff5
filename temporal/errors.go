package temporal

import (
	"strings"
	"time"

	"github.com/go-dtde/dtde/config"
)

// sentinel is an error value that matches config.Err.
type sentinel struct{ text string }

func (e *sentinel) Error() string        { return "dtde: " + e.text }
func (e *sentinel) Is(target error) bool { return target == config.Err }

// Sentinel errors, wrapped in a [ValidityError] with what was asked.
var (
	// ErrPeriod: a period ends before it starts, or is empty where it must not be.
	ErrPeriod error = &sentinel{"invalid period"}
	// ErrNoVersion: no version is valid at the instant that the operation speaks of.
	ErrNoVersion error = &sentinel{"no version valid then"}
	// ErrClock: the clock reads an instant before the open version's start by more
	// than the tolerance, or that version was scheduled and no instant was given.
	ErrClock error = &sentinel{"the clock stepped back"}
	// ErrHistory: the stored versions of the key overlap, or one ends before it starts.
	ErrHistory error = &sentinel{"the history is broken"}
	// ErrGap: the result would have a gap or an end, and a history that stores starts
	// only can hold neither.
	ErrGap error = &sentinel{"a history of starts has no gaps"}
	// ErrRange: an increment's result is not a value of the field's type.
	ErrRange error = &sentinel{"out of the field's range"}
	// ErrUncovered: a child would be valid where its parent is not.
	ErrUncovered error = &sentinel{"a child is valid where its parent is not"}
	// ErrUnmatched: a parent would be valid where its child, which must match it, is not.
	ErrUnmatched error = &sentinel{"a parent is valid where its child, which must match it exactly, is not"}
	// ErrOption: the option has no meaning for the operation.
	ErrOption error = &sentinel{"option without meaning"}
)

// ValidityError is an operation on a history that cannot be carried out.
type ValidityError struct {
	// Entity is the model's name; "" until the caller fills it in.
	Entity string
	// Operation is the operation's name: "save", "delete portion", …
	Operation string
	// At is the instant that it is about; zero if there is none.
	At time.Time
	// Hint says what to do instead; may be "".
	Hint string
	// Cause is one of this package's sentinels, or the error of the caller's own function.
	Cause error
}

// Error names entity, operation, instant, cause and hint.
func (e *ValidityError) Error() string {
	var b strings.Builder
	b.WriteString("dtde: " + e.Operation)
	if e.Entity != "" {
		b.WriteString(" " + e.Entity)
	}
	if !e.At.IsZero() {
		b.WriteString(" at " + e.At.UTC().Format(time.RFC3339Nano))
	}
	if e.Cause != nil {
		b.WriteString(": " + strings.TrimPrefix(e.Cause.Error(), "dtde: "))
	}
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *ValidityError) Unwrap() error { return e.Cause }

// Is matches config.Err.
func (e *ValidityError) Is(target error) bool { return target == config.Err }
