package config

import (
	"sort"
	"strings"
)

// Bound is one end of an [Interval].
type Bound struct {
	// Value is the end; ignored when Open.
	Value Value
	// Inclusive tells whether Value itself belongs to the interval.
	Inclusive bool
	// Open means that there is no end on this side.
	Open bool
}

// Interval is a non-empty range of non-NULL values of one kind.
type Interval struct {
	// From is the lower end, To the upper one.
	From, To Bound
}

// Set is a set of key values: disjoint intervals in ascending order, and NULL or
// not. Sets are immutable; operations return new ones. The zero Set is empty.
type Set struct {
	null      bool
	point     bool // exactly the value in single, and no intervals: the common case, without a slice
	single    Value
	intervals []Interval
}

// Full is every value, NULL included.
func Full() Set { return Set{null: true, intervals: fullIntervals} }

// NotNull is every value but NULL.
func NotNull() Set { return Set{intervals: fullIntervals} }

var fullIntervals = []Interval{{From: Bound{Open: true}, To: Bound{Open: true}}}

// Point is the set of one value; Point(Null()) is the set of NULL.
func Point(v Value) Set {
	if v.IsNull() {
		return Set{null: true}
	}
	return Set{point: true, single: v}
}

// Points is the set of the given values; duplicates and order do not matter.
func Points(vs ...Value) Set {
	if len(vs) == 1 {
		return Point(vs[0])
	}
	s := Set{}
	sorted := make([]Value, 0, len(vs))
	for _, v := range vs {
		if v.IsNull() {
			s.null = true
		} else {
			sorted = append(sorted, v)
		}
	}
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Compare(sorted[j]) < 0 })
	for i, v := range sorted {
		if i == 0 || v != sorted[i-1] {
			s.intervals = append(s.intervals, pointInterval(v))
		}
	}
	return s.compact()
}

// Between is the set of the non-NULL values between two bounds; empty if they cross.
func Between(from, to Bound) Set {
	iv, ok := normal(Interval{From: from, To: to})
	if !ok {
		return Set{}
	}
	return Set{intervals: []Interval{iv}}.compact()
}

// HalfOpen is [from, to), the form in which dtde writes every range.
func HalfOpen(from, to Value) Set {
	return Between(Bound{Value: from, Inclusive: true}, Bound{Value: to})
}

func pointInterval(v Value) Interval {
	b := Bound{Value: v, Inclusive: true}
	return Interval{From: b, To: b}
}

// normal closes the bounds of integers and bools, so that (4, 6) and [5, 5] are one
// interval, and tells whether anything is left.
func normal(iv Interval) (Interval, bool) {
	if !iv.From.Open && !iv.From.Inclusive && iv.From.Value.discrete() {
		v, ok := iv.From.Value.next()
		if !ok {
			return iv, false
		}
		iv.From = Bound{Value: v, Inclusive: true}
	}
	if !iv.To.Open && !iv.To.Inclusive && iv.To.Value.discrete() {
		v, ok := iv.To.Value.prev()
		if !ok {
			return iv, false
		}
		iv.To = Bound{Value: v, Inclusive: true}
	}
	if iv.From.Open || iv.To.Open {
		return iv, true
	}
	c := iv.From.Value.Compare(iv.To.Value)
	return iv, c < 0 || c == 0 && iv.From.Inclusive && iv.To.Inclusive
}

func (s Set) compact() Set {
	if len(s.intervals) == 1 && !s.null {
		if iv := s.intervals[0]; !iv.From.Open && !iv.To.Open && iv.From.Value == iv.To.Value {
			return Set{point: true, single: iv.From.Value}
		}
	}
	return s
}

// Intervals lists the non-NULL part, ascending and disjoint. The slice must not be changed.
func (s Set) Intervals() []Interval {
	if s.point {
		return []Interval{pointInterval(s.single)}
	}
	return s.intervals
}

// HasNull tells whether NULL is in the set.
func (s Set) HasNull() bool { return s.null }

// IsEmpty tells whether nothing is in the set.
func (s Set) IsEmpty() bool { return !s.null && !s.point && len(s.intervals) == 0 }

// IsFull tells whether every value and NULL is in the set.
func (s Set) IsFull() bool {
	return s.null && len(s.intervals) == 1 && s.intervals[0].From.Open && s.intervals[0].To.Open
}

// Single gives the set's only value, if it has exactly one (NULL counts).
func (s Set) Single() (Value, bool) {
	if s.point {
		return s.single, true
	}
	if s.null && len(s.intervals) == 0 {
		return Null(), true
	}
	return Value{}, false
}

// Contains tells whether v is in the set.
func (s Set) Contains(v Value) bool {
	if v.IsNull() {
		return s.null
	}
	if s.point {
		return s.single == v
	}
	i := sort.Search(len(s.intervals), func(i int) bool {
		to := s.intervals[i].To
		if to.Open {
			return true
		}
		c := v.Compare(to.Value)
		return c < 0 || c == 0 && to.Inclusive
	})
	if i == len(s.intervals) {
		return false
	}
	from := s.intervals[i].From
	if from.Open {
		return true
	}
	c := from.Value.Compare(v)
	return c < 0 || c == 0 && from.Inclusive
}

// Enumerate lists the set's values, NULL included, if there are at most limit of
// them; ok is false when there are more or they cannot be counted.
func (s Set) Enumerate(limit int) (vs []Value, ok bool) {
	if s.point {
		if limit < 1 {
			return nil, false
		}
		return []Value{s.single}, true
	}
	if s.null {
		vs = append(vs, Null())
	}
	for _, iv := range s.intervals {
		if iv.From.Open || iv.To.Open {
			return nil, false
		}
		if iv.From.Value != iv.To.Value && !iv.From.Value.discrete() {
			return nil, false
		}
		for v := iv.From.Value; ; {
			if len(vs) >= limit {
				return nil, false
			}
			vs = append(vs, v)
			if v == iv.To.Value {
				break
			}
			v, _ = v.next() // there is one: v lies below the interval's end
		}
	}
	if len(vs) > limit {
		return nil, false
	}
	return vs, true
}

// Union is the set of what is in s or in t.
func (s Set) Union(t Set) Set {
	if s.IsEmpty() {
		return t
	}
	if t.IsEmpty() {
		return s
	}
	all := append(append([]Interval{}, s.Intervals()...), t.Intervals()...)
	sort.Slice(all, func(i, j int) bool { return compareFrom(all[i].From, all[j].From) < 0 })
	out := Set{null: s.null || t.null}
	for _, iv := range all {
		if n := len(out.intervals); n > 0 && touches(out.intervals[n-1].To, iv.From) {
			if compareTo(out.intervals[n-1].To, iv.To) < 0 {
				out.intervals[n-1].To = iv.To
			}
			continue
		}
		out.intervals = append(out.intervals, iv)
	}
	return out.compact()
}

// Intersect is the set of what is in both s and t.
func (s Set) Intersect(t Set) Set {
	switch { // the common cases, without an allocation
	case s.IsFull():
		return t
	case t.IsFull():
		return s
	case s.point && t.Contains(s.single):
		return s
	case t.point && s.Contains(t.single):
		return t
	case s.point || t.point:
		return Set{}
	}
	out := Set{null: s.null && t.null}
	a, b := s.Intervals(), t.Intervals()
	for i, j := 0, 0; i < len(a) && j < len(b); {
		iv := Interval{From: a[i].From, To: a[i].To}
		if compareFrom(iv.From, b[j].From) < 0 {
			iv.From = b[j].From
		}
		if compareTo(iv.To, b[j].To) > 0 {
			iv.To = b[j].To
		}
		if n, ok := normal(iv); ok {
			out.intervals = append(out.intervals, n)
		}
		if compareTo(a[i].To, b[j].To) < 0 {
			i++
		} else {
			j++
		}
	}
	return out.compact()
}

// Complement is every non-NULL value that is not in s. NULL is never in it: in SQL
// neither a comparison with NULL nor its negation is true.
func (s Set) Complement() Set {
	out := Set{}
	from := Bound{Open: true}
	for _, iv := range s.Intervals() {
		if !iv.From.Open {
			to := Bound{Value: iv.From.Value, Inclusive: !iv.From.Inclusive}
			if n, ok := normal(Interval{From: from, To: to}); ok {
				out.intervals = append(out.intervals, n)
			}
		}
		if iv.To.Open {
			return out.compact()
		}
		from = Bound{Value: iv.To.Value, Inclusive: !iv.To.Inclusive}
	}
	if n, ok := normal(Interval{From: from, To: Bound{Open: true}}); ok {
		out.intervals = append(out.intervals, n)
	}
	return out.compact()
}

// Overlaps tells whether s and t have a value, or NULL, in common.
func (s Set) Overlaps(t Set) bool {
	if s.point {
		return t.Contains(s.single)
	}
	if t.point {
		return s.Contains(t.single)
	}
	return !s.Intersect(t).IsEmpty()
}

// String prints the set for plans: {}, {1, 3}, [2024-01-01…, …), NULL.
func (s Set) String() string {
	if s.IsFull() {
		return "all"
	}
	var parts []string
	for _, iv := range s.Intervals() {
		if !iv.From.Open && !iv.To.Open && iv.From.Value == iv.To.Value {
			parts = append(parts, iv.From.Value.String())
			continue
		}
		text := "("
		if !iv.From.Open {
			if iv.From.Inclusive {
				text = "["
			}
			text += iv.From.Value.String()
		}
		text += ", "
		if iv.To.Open {
			text += ")"
		} else if text += iv.To.Value.String(); iv.To.Inclusive {
			text += "]"
		} else {
			text += ")"
		}
		parts = append(parts, text)
	}
	if s.null {
		parts = append(parts, "NULL")
	}
	const most = 8
	if len(parts) > most {
		parts = append(parts[:most], "…")
	}
	return "{" + strings.Join(parts, " ") + "}"
}

// compareFrom orders lower bounds: an open one first, an inclusive one before an
// exclusive one at the same value.
func compareFrom(a, b Bound) int {
	switch {
	case a.Open && b.Open:
		return 0
	case a.Open:
		return -1
	case b.Open:
		return 1
	}
	if c := a.Value.Compare(b.Value); c != 0 {
		return c
	}
	return boolInt(b.Inclusive) - boolInt(a.Inclusive)
}

// compareTo orders upper bounds: an open one last, an exclusive one before an
// inclusive one at the same value.
func compareTo(a, b Bound) int {
	switch {
	case a.Open && b.Open:
		return 0
	case a.Open:
		return 1
	case b.Open:
		return -1
	}
	if c := a.Value.Compare(b.Value); c != 0 {
		return c
	}
	return boolInt(a.Inclusive) - boolInt(b.Inclusive)
}

// touches tells whether an interval that ends at to and one that starts at from
// leave nothing between them.
func touches(to, from Bound) bool {
	if to.Open || from.Open {
		return true
	}
	c := to.Value.Compare(from.Value)
	if c > 0 || c == 0 && (to.Inclusive || from.Inclusive) {
		return true
	}
	if c < 0 && to.Inclusive && from.Inclusive && to.Value.discrete() {
		next, ok := to.Value.next()
		return ok && next == from.Value
	}
	return false
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
