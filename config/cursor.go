package config

// ErrCursor is matched by a keyset cursor that is malformed or does not fit the statement. The wrapping
// value is a CursorError.
var ErrCursor error = &sentinel{"invalid cursor"}

// CursorError says why a keyset cursor was not taken, or could not be made.
type CursorError struct {
	// Entity is the model's name; may be "" when the cursor could not be read at all.
	Entity string
	// Problem says what is wrong, Hint what to do instead. Neither shows values.
	Problem, Hint string
}

// Error names entity, problem and hint.
func (e *CursorError) Error() string {
	s := "dtde: invalid cursor"
	if e.Entity != "" {
		s += " (" + e.Entity + ")"
	}
	s += ": " + e.Problem
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Is matches Err and ErrCursor.
func (e *CursorError) Is(target error) bool { return target == Err || target == ErrCursor }
