package temporal

import (
	"slices"
	"time"
)

// Version is one row of a key: its data, its identity and its periods.
type Version[R any] struct {
	// Row is the data; opaque here.
	Row R
	// ID tells rows apart: any comparable value that the caller likes, such as the
	// primary key, or the row's position in what it read. nil means: not stored yet.
	ID any
	// Valid is when the row is true.
	Valid Period
	// System is when the database held it for true; ignored without system time.
	System Period
	// Whole is what the rows have in common that are parts of one version, cut at
	// boundaries: the same pointer. nil where parts are told by equal data; see [Join].
	Whole *Whole
}

// Whole is a version that is cut into several rows.
type Whole struct {
	// ID is the caller's: what the parts share, such as a primary key. In an Insert's
	// version it is nil until the caller has written the first part and sets it.
	ID any
}

// Rules are what holds for one key in one transaction.
type Rules[R any] struct {
	// Equal tells whether two rows hold the same data: the key, ids and periods left
	// out. It must be an equivalence; required.
	Equal func(a, b R) bool
	// Now is the transaction's instant; Plan cuts it.
	Now time.Time
	// Precision is that of the validity columns, SystemPrecision that of the system
	// time columns; 0 means a nanosecond.
	Precision, SystemPrecision time.Duration
	// Tolerance is how far Now may lie before the open version's start, or before the
	// last change of what is known, without being an error; 0 means not at all.
	Tolerance time.Duration
	// Own tells whether the caller's transaction itself inserted or changed a row:
	// such a row may be edited in place at its own instant. nil means none was.
	Own func(v Version[R]) bool
	// StartOnly: the table has no column for ends; a version ends where the key's next
	// one starts. The ends in the given rows are then ignored.
	StartOnly bool
	// System: the entity has system time, and nothing that was known is overwritten.
	System bool
	// Boundaries cut every version where the shard changes; ascending, nil for none.
	// What is given may be cut there already; see [Join].
	Boundaries []time.Time
	// Wholes tells that the parts of a version are told by their Whole: every given row
	// has one, and so has what the steps insert. Otherwise equal versions that meet at a
	// boundary are one. Not with System: parts of a version would be retired one by one.
	Wholes bool
}

func (r *Rules[R]) own(v Version[R]) bool { return v.ID != nil && r.Own != nil && r.Own(v) }

// known is the rows that are held for true now, without empty periods, by start; in
// a history of starts with the ends derived.
func known[R any](rows []Version[R], r Rules[R]) ([]Version[R], error) {
	current := make([]Version[R], 0, len(rows))
	for _, v := range rows {
		if r.System && !v.System.IsOpen() {
			continue
		}
		if r.StartOnly {
			v.Valid.To = time.Time{}
		}
		if v.Valid.IsInverted() {
			return nil, ErrHistory
		}
		if !v.Valid.IsEmpty() {
			current = append(current, v)
		}
	}
	byStart(current)
	for i := 1; i < len(current); i++ {
		before, v := &current[i-1], current[i]
		if r.StartOnly && before.Valid.From.Before(v.Valid.From) {
			before.Valid.To = v.Valid.From
		}
		if before.Valid.Overlaps(v.Valid) {
			return nil, ErrHistory
		}
	}
	return current, nil
}

func byStart[R any](versions []Version[R]) {
	if slices.IsSortedFunc(versions, func(a, b Version[R]) int { return a.Valid.From.Compare(b.Valid.From) }) {
		return
	}
	slices.SortStableFunc(versions, func(a, b Version[R]) int { return a.Valid.From.Compare(b.Valid.From) })
}

// at finds the version that is valid at an instant, or -1.
func at[R any](versions []Version[R], t time.Time) int {
	return slices.IndexFunc(versions, func(v Version[R]) bool { return v.Valid.Contains(t) })
}
