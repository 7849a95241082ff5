package temporal

import "time"

// Period is [From, To): From belongs to it, To does not. The zero To is an open end;
// the zero From, in the year 1, is before everything.
type Period struct {
	From, To time.Time
}

// Since is [from, ∞).
func Since(from time.Time) Period { return Period{From: from} }

// Between is [from, to).
func Between(from, to time.Time) Period { return Period{From: from, To: to} }

// IsOpen tells whether the period has no end.
func (p Period) IsOpen() bool { return p.To.IsZero() }

// IsEmpty tells whether no instant lies in the period: it ends where, or before, it starts.
func (p Period) IsEmpty() bool { return !p.IsOpen() && !p.From.Before(p.To) }

// IsInverted tells whether the period ends before it starts, which is always a mistake.
func (p Period) IsInverted() bool { return !p.IsOpen() && p.To.Before(p.From) }

// Contains tells whether from ≤ t < to.
func (p Period) Contains(t time.Time) bool {
	return !t.Before(p.From) && (p.IsOpen() || t.Before(p.To))
}

// Covers tells whether every instant of q lies in p.
func (p Period) Covers(q Period) bool {
	return q.IsEmpty() || !q.From.Before(p.From) && compareEnds(q.To, p.To) <= 0
}

// Overlaps tells whether the periods have an instant in common.
func (p Period) Overlaps(q Period) bool { return !p.Intersect(q).IsEmpty() }

// Meets tells whether q starts exactly where p ends.
func (p Period) Meets(q Period) bool { return !p.IsOpen() && p.To.Equal(q.From) }

// Intersect is what the periods have in common; it may be empty.
func (p Period) Intersect(q Period) Period {
	if q.From.After(p.From) {
		p.From = q.From
	}
	if compareEnds(q.To, p.To) < 0 {
		p.To = q.To
	}
	return p
}

// Equal tells whether the periods have the same ends, whatever their zones.
func (p Period) Equal(q Period) bool {
	return p.From.Equal(q.From) && compareEnds(p.To, q.To) == 0
}

// Cut cuts both ends to a precision; see [Cut]. An end at the sentinel is open.
func (p Period) Cut(precision time.Duration) Period {
	p.From = Cut(p.From, precision)
	if !p.IsOpen() {
		p.To = End(&p.To)
	}
	if !p.IsOpen() {
		p.To = Cut(p.To, precision)
	}
	return p
}

// String prints [from, to) or [from, ∞).
func (p Period) String() string {
	from, to := "-∞", "∞"
	if !p.From.IsZero() {
		from = p.From.UTC().Format(time.RFC3339Nano)
	}
	if !p.IsOpen() {
		to = p.To.UTC().Format(time.RFC3339Nano)
	}
	return "[" + from + ", " + to + ")"
}

// compareEnds orders ends; the open one, zero, is the last.
func compareEnds(a, b time.Time) int {
	switch {
	case a.IsZero() && b.IsZero():
		return 0
	case a.IsZero():
		return 1
	case b.IsZero():
		return -1
	}
	return a.Compare(b)
}
