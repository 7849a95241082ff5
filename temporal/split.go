package temporal

import (
	"slices"
	"time"
)

// cell is the number of the stretch between boundaries that an instant lies in.
func cell(t time.Time, boundaries []time.Time) int {
	n, exact := slices.BinarySearchFunc(boundaries, t, time.Time.Compare)
	if exact {
		n++
	}
	return n
}

// SplitAt cuts a period at the boundaries, ascending, that lie inside it, so that an
// instant of it is in the part whose shard its own is. Without any it is one part.
func SplitAt(p Period, boundaries []time.Time) []Period {
	var parts []Period
	for i := cell(p.From, boundaries); i < len(boundaries); i++ {
		if !p.IsOpen() && !boundaries[i].Before(p.To) {
			break
		}
		parts = append(parts, Period{p.From, boundaries[i]})
		p.From = boundaries[i]
	}
	return append(parts, p)
}

// Join is the inverse on reading: of one key's versions it joins those that meet at a
// boundary and have the same Whole, or, where they have none, hold equal data. With system
// time give only those that are known at the same time. The joined version has the first
// part's ID and row. Versions are returned by start; without boundaries they are only sorted.
func Join[R any](versions []Version[R], boundaries []time.Time, equal func(a, b R) bool) []Version[R] {
	var out []Version[R]
	for _, g := range joined(versions, boundaries, equal) {
		v := g[0]
		v.Valid.To = g[len(g)-1].Valid.To
		out = append(out, v)
	}
	return out
}

// joined groups the parts of each version.
func joined[R any](versions []Version[R], boundaries []time.Time, equal func(a, b R) bool) [][]Version[R] {
	sorted := slices.Clone(versions)
	byStart(sorted)
	var groups [][]Version[R]
	for _, v := range sorted {
		if n := len(groups); n > 0 {
			last := groups[n-1][len(groups[n-1])-1]
			_, atBoundary := slices.BinarySearchFunc(boundaries, v.Valid.From, time.Time.Compare)
			if atBoundary && last.Valid.Meets(v.Valid) && last.Whole == v.Whole && (v.Whole != nil || equal(last.Row, v.Row)) {
				groups[n-1] = append(groups[n-1], v)
				continue
			}
		}
		groups = append(groups, []Version[R]{v})
	}
	return groups
}
