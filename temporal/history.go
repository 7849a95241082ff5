package temporal

import (
	"slices"
	"time"
)

// Timeline is one key's history as it was known at an instant (the zero time: as it is
// known now), by start, without empty periods. Rows without system time are known
// always: their System is the zero Period.
func Timeline[R any](rows []Version[R], knownAt time.Time) []Version[R] {
	var out []Version[R]
	for _, v := range rows {
		if isKnown := v.System.IsOpen(); !knownAt.IsZero() && !v.System.Contains(knownAt) || knownAt.IsZero() && !isKnown {
			continue
		}
		if !v.Valid.IsEmpty() {
			out = append(out, v)
		}
	}
	byStart(out)
	return out
}

// DeriveEnds is a history of starts with its ends: each version ends where the next
// one starts, and the last is open. Versions come back by start.
func DeriveEnds[R any](versions []Version[R]) []Version[R] {
	out := slices.Clone(versions)
	byStart(out)
	for i := range out {
		out[i].Valid.To = time.Time{}
		if i+1 < len(out) {
			out[i].Valid.To = out[i+1].Valid.From
		}
	}
	return out
}

// Difference is a period in which two timelines say different things.
type Difference[R any] struct {
	// Period is where they differ.
	Period Period
	// Before and After are the versions there; nil where there is none.
	Before, After *Version[R]
}

// Diff compares two timelines of one key without overlaps: what was known then with
// what is known now, or what was true at one instant with another ([At]). Neighbouring
// periods with the same two versions are one.
func Diff[R any](before, after []Version[R], equal func(a, b R) bool) []Difference[R] {
	var out []Difference[R]
	for _, p := range segments(before, after) {
		var a, b *Version[R]
		if i := at(before, p.From); i >= 0 {
			a = &before[i]
		}
		if i := at(after, p.From); i >= 0 {
			b = &after[i]
		}
		if a == nil && b == nil || a != nil && b != nil && equal(a.Row, b.Row) {
			continue
		}
		if n := len(out); n > 0 && out[n-1].Before == a && out[n-1].After == b && out[n-1].Period.Meets(p) {
			out[n-1].Period.To = p.To
			continue
		}
		out = append(out, Difference[R]{p, a, b})
	}
	return out
}

// At finds the version that is valid at an instant; ok is false if none is.
func At[R any](timeline []Version[R], t time.Time) (v Version[R], ok bool) {
	if i := at(timeline, t); i >= 0 {
		return timeline[i], true
	}
	return v, false
}

// segments cuts time at every start and end.
func segments[R any](lists ...[]Version[R]) []Period {
	var cuts []time.Time
	open := false
	for _, list := range lists {
		for _, v := range list {
			cuts = append(cuts, v.Valid.From)
			if v.Valid.IsOpen() {
				open = true
			} else {
				cuts = append(cuts, v.Valid.To)
			}
		}
	}
	slices.SortFunc(cuts, time.Time.Compare)
	cuts = slices.CompactFunc(cuts, time.Time.Equal)
	var out []Period
	for i, t := range cuts {
		if i+1 < len(cuts) {
			out = append(out, Period{t, cuts[i+1]})
		} else if open {
			out = append(out, Since(t))
		}
	}
	return out
}
