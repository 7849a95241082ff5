package temporal

import (
	"fmt"
	"slices"
)

// FindingKind is what a [Finding] found.
type FindingKind uint8

// The kinds of finding.
const (
	// Overlap: two versions are valid at one instant.
	Overlap FindingKind = iota + 1
	// TwoOpen: two versions have an open end; an Overlap by another name.
	TwoOpen
	// Empty: a version ends where it starts, so that it is never valid.
	Empty
	// Inverted: a version ends before it starts.
	Inverted
	// Gap: nothing is valid between two versions. Operations make gaps too
	// (Terminate and a later Save, DeletePortion), so it need not be a fault.
	Gap
	// Uncovered: a child is valid where its parent is not.
	Uncovered
	// Unmatched: a parent is valid where its child, which should match it exactly, is not.
	Unmatched
)

var findingNames = [...]string{"invalid", "overlap", "two open versions", "empty period", "inverted period", "gap", "uncovered child", "parent without child"}

// String is the kind's name in words.
func (k FindingKind) String() string {
	if int(k) < len(findingNames) {
		return findingNames[k]
	}
	return findingNames[0]
}

// Finding is something in a history that should, or may, not be.
type Finding struct {
	// Kind says what it is.
	Kind FindingKind
	// Period is where it is.
	Period Period
	// IDs are the versions concerned: the later one last. A gap's neighbours are not listed.
	IDs []any
}

// String prints the finding.
func (f Finding) String() string { return fmt.Sprintf("%s in %s", f.Kind, f.Period) }

// Check lists what is wrong with one key's history as it is known now, by start. It
// is silent about a sound one without gaps. With startOnly the ends are derived, and
// two versions with one start overlap.
func Check[R any](rows []Version[R], startOnly bool) []Finding {
	var current []Version[R]
	var out []Finding
	for _, v := range rows {
		switch {
		case !v.System.IsOpen():
		case startOnly:
			current = append(current, v)
		case v.Valid.IsInverted():
			out = append(out, Finding{Inverted, v.Valid, []any{v.ID}})
		case v.Valid.IsEmpty():
			out = append(out, Finding{Empty, v.Valid, []any{v.ID}})
		default:
			current = append(current, v)
		}
	}
	byStart(current)
	if startOnly {
		current = DeriveEnds(current)
		for i := 1; i < len(current); i++ {
			if current[i-1].Valid.IsEmpty() {
				out = append(out, Finding{Overlap, current[i].Valid, []any{current[i-1].ID, current[i].ID}})
			}
		}
		return out
	}
	periods := make([]Period, len(current))
	for i, v := range current {
		periods[i] = v.Valid
		for _, w := range current[i+1:] {
			if common := v.Valid.Intersect(w.Valid); !common.IsEmpty() {
				kind := Overlap
				if v.Valid.IsOpen() && w.Valid.IsOpen() {
					kind = TwoOpen
				}
				out = append(out, Finding{kind, common, []any{v.ID, w.ID}})
			}
		}
	}
	for _, gap := range Gaps(periods...) {
		out = append(out, Finding{Kind: Gap, Period: gap})
	}
	slices.SortStableFunc(out, func(a, b Finding) int { return a.Period.From.Compare(b.Period.From) })
	return out
}
