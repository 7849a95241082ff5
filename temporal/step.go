package temporal

import (
	"fmt"
	"slices"
	"time"
)

// StepKind is what a [Step] does to a row. The kinds are in the order in which the
// steps of an outcome run: no two versions of a key overlap in between either.
type StepKind uint8

// The kinds of step.
const (
	// Remove deletes the row Old.
	Remove StepKind = iota + 1
	// Retire sets the system end of Old; its data and validity stay.
	Retire
	// Close moves only the end of Old's validity, to an earlier instant.
	Close
	// Shrink moves the start of Old's validity to a later instant, and may move the
	// end to an earlier one.
	Shrink
	// Rewrite gives the row Old other data, and may change its validity.
	Rewrite
	// Grow extends the validity of Old.
	Grow
	// Insert makes a row.
	Insert
)

var stepNames = [...]string{"invalid", "remove", "retire", "close", "shrink", "rewrite", "grow", "insert"}

// String is the kind's name in lower case.
func (k StepKind) String() string {
	if int(k) < len(stepNames) {
		return stepNames[k]
	}
	return stepNames[0]
}

// Step is one row to write.
type Step[R any] struct {
	// Kind says what to do.
	Kind StepKind
	// Old is the row as it was read, which guards the write (its ID and start must
	// still be so); zero for Insert.
	Old Version[R]
	// New is the row as it is to be; zero for Remove. An Insert's has no ID.
	New Version[R]
}

// String prints the step without the row's data.
func (s Step[R]) String() string {
	switch s.Kind {
	case Insert:
		return fmt.Sprintf("insert %s", s.New.Valid)
	case Remove:
		return fmt.Sprintf("remove %v %s", s.Old.ID, s.Old.Valid)
	case Retire:
		return fmt.Sprintf("retire %v %s known %s", s.Old.ID, s.Old.Valid, s.New.System)
	}
	return fmt.Sprintf("%s %v %s to %s", s.Kind, s.Old.ID, s.Old.Valid, s.New.Valid)
}

// reconcile compares the stored rows with what is wanted, cut at the boundaries.
func reconcile[R any](pieces []Version[R], wanted []draft[R], r Rules[R]) []Step[R] {
	var steps []Step[R]
	claimed := claim(pieces, wanted, r)
	for _, v := range pieces {
		n := slices.IndexFunc(claimed, func(w Version[R]) bool { return w.ID == v.ID })
		if n < 0 {
			steps = append(steps, Step[R]{Kind: Remove, Old: v})
			continue
		}
		w := claimed[n]
		w.System = v.System
		late := w.Valid.From.After(v.Valid.From)
		switch sameEnd := r.StartOnly || compareEnds(w.Valid.To, v.Valid.To) == 0; {
		case !r.Equal(v.Row, w.Row):
			steps = append(steps, Step[R]{Rewrite, v, w})
		case sameEnd && w.Valid.From.Equal(v.Valid.From):
		case !v.Valid.Covers(w.Valid):
			steps = append(steps, Step[R]{Grow, v, w})
		case late:
			steps = append(steps, Step[R]{Shrink, v, w})
		default:
			steps = append(steps, Step[R]{Close, v, w})
		}
	}
	for _, w := range claimed {
		if w.ID == nil {
			steps = append(steps, Step[R]{Kind: Insert, New: w})
		}
	}
	return steps
}

// claim cuts what is wanted at the boundaries and gives each part the ID of the
// stored row that it continues: one of the same version and the same shard. The parts of
// a version have one Whole.
func claim[R any](pieces []Version[R], wanted []draft[R], r Rules[R]) []Version[R] {
	groups := map[any][]Version[R]{} // a joined version's ID → its rows
	for _, g := range joined(pieces, r.Boundaries, r.Equal) {
		groups[g[0].ID] = g
	}
	var parts []draft[R]
	for _, w := range wanted {
		if r.Wholes && w.Whole == nil {
			w.Whole = new(Whole)
		}
		for _, valid := range SplitAt(w.Valid, r.Boundaries) {
			part := w
			part.Valid = valid
			parts = append(parts, part)
		}
	}
	taken := map[any]bool{}
	out := make([]Version[R], len(parts))
	for _, carriers := range []bool{true, false} {
		for i, p := range parts {
			if carriers != (p.ID != nil) {
				continue
			}
			out[i], out[i].ID = p.Version, nil
			if r.Wholes && !carriers { // a row that it took would still be a part of the other version
				continue
			}
			for _, v := range groups[p.origin] {
				if p.origin != nil && !taken[v.ID] && v.Valid.Overlaps(p.Valid) &&
					cell(v.Valid.From, r.Boundaries) == cell(p.Valid.From, r.Boundaries) {
					taken[v.ID] = true
					out[i].ID = v.ID
					break
				}
			}
		}
	}
	return out
}

// ordered puts steps into the order of their kinds, and of time within a kind.
func ordered[R any](steps []Step[R]) []Step[R] {
	start := func(s Step[R]) time.Time {
		if s.Kind == Insert {
			return s.New.Valid.From
		}
		return s.Old.Valid.From
	}
	slices.SortStableFunc(steps, func(a, b Step[R]) int {
		if a.Kind != b.Kind {
			return int(a.Kind) - int(b.Kind)
		}
		return start(a).Compare(start(b))
	})
	return steps
}
