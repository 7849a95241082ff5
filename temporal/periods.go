package temporal

import "slices"

// Union is the instants of all the periods, as few as possible: ascending, disjoint,
// none meeting the next. Empty ones vanish.
func Union(periods ...Period) []Period {
	sorted := slices.DeleteFunc(slices.Clone(periods), Period.IsEmpty)
	slices.SortFunc(sorted, func(a, b Period) int { return a.From.Compare(b.From) })
	var all []Period
	for _, p := range sorted {
		if n := len(all); n > 0 && (all[n-1].IsOpen() || !p.From.After(all[n-1].To)) {
			if compareEnds(p.To, all[n-1].To) > 0 {
				all[n-1].To = p.To
			}
			continue
		}
		all = append(all, p)
	}
	return all
}

// Minus is the instants of some periods that lie in none of the others.
func Minus(periods, others []Period) []Period {
	left := Union(periods...)
	for _, o := range Union(others...) {
		var next []Period
		for _, p := range left {
			next = append(next, p.minus(o)...)
		}
		left = next
	}
	return left
}

// minus is what is left of p on either side of a period that is not empty.
func (p Period) minus(q Period) []Period {
	if !p.Overlaps(q) {
		return []Period{p}
	}
	var left []Period
	if p.From.Before(q.From) {
		left = append(left, Period{p.From, q.From})
	}
	if !q.IsOpen() && compareEnds(q.To, p.To) < 0 {
		left = append(left, Period{q.To, p.To})
	}
	return left
}

// Gaps lists what lies between the first start and the last end and in none of the
// periods.
func Gaps(periods ...Period) []Period {
	var gaps []Period
	all := Union(periods...)
	for i := 1; i < len(all); i++ {
		gaps = append(gaps, Period{all[i-1].To, all[i].From})
	}
	return gaps
}
