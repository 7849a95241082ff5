package config

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// domain is a small world of one kind: the sets' bounds come from it, and membership
// is looked at for each of its values.
type domain struct {
	name   string
	values []Value // ascending
	full   bool    // the values are all that there are between the first and the last
}

func domains() []domain {
	top := uint64(math.MaxUint64)
	at := func(ns int64) Value { return Time(time.Unix(1700000000, ns)) }
	return []domain{
		{"small integers", []Value{Int(-3), Int(-2), Int(-1), Int(0), Int(1), Int(2), Int(3)}, true},
		{"lowest integers", []Value{Int(math.MinInt64), Int(math.MinInt64 + 1), Int(math.MinInt64 + 2)}, true},
		{"int64 meets uint64", []Value{Int(math.MaxInt64 - 1), Int(math.MaxInt64), Uint(math.MaxInt64 + 1), Uint(math.MaxInt64 + 2)}, true},
		{"highest integers", []Value{Uint(top - 2), Uint(top - 1), Uint(top)}, true},
		{"all integers", []Value{Int(math.MinInt64), Int(-1), Int(0), Int(math.MaxInt64), Uint(math.MaxInt64 + 1), Uint(top)}, false},
		{"text", []Value{Text(""), Text("A"), Text("a"), Text("a "), Text("aa"), Text("b"), Text("ä")}, false},
		{"bytes", []Value{Bytes(nil), Bytes([]byte{0}), Bytes([]byte{0, 0}), Bytes([]byte{0xff})}, false},
		{"times", []Value{Time(time.Time{}), at(-1), at(0), at(1), at(2_000_000_000)}, false},
		{"bools", []Value{Bool(false), Bool(true)}, true},
	}
}

// twin is the naive set: membership of each value of the domain, and of NULL.
type twin struct {
	in   []bool
	null bool
}

func (d domain) of(s Set) twin {
	t := twin{in: make([]bool, len(d.values)), null: s.Contains(Null())}
	for i, v := range d.values {
		t.in[i] = s.Contains(v)
	}
	return t
}

func (t twin) combine(u twin, op func(a, b bool) bool) twin {
	out := twin{in: make([]bool, len(t.in)), null: op(t.null, u.null)}
	for i := range t.in {
		out.in[i] = op(t.in[i], u.in[i])
	}
	return out
}

// leaf draws a set without set operations, and its twin.
func (d domain) leaf(t *rapid.T) (Set, twin) {
	none := twin{in: make([]bool, len(d.values))}
	index := rapid.IntRange(0, len(d.values)-1)
	switch rapid.IntRange(0, 5).Draw(t, "leaf") {
	case 0:
		for i := range none.in {
			none.in[i] = true
		}
		none.null = true
		return Full(), none
	case 1:
		for i := range none.in {
			none.in[i] = true
		}
		return NotNull(), none
	case 2:
		none.null = true
		return Point(Null()), none
	case 3:
		var vs []Value
		for _, i := range rapid.SliceOfN(index, 0, 5).Draw(t, "points") {
			vs = append(vs, d.values[i])
			none.in[i] = true
		}
		if rapid.Bool().Draw(t, "null") {
			vs, none.null = append(vs, Null()), true
		}
		return Points(vs...), none
	}
	from := Bound{Inclusive: rapid.Bool().Draw(t, "from in"), Open: rapid.IntRange(0, 4).Draw(t, "from open") == 0}
	to := Bound{Inclusive: rapid.Bool().Draw(t, "to in"), Open: rapid.IntRange(0, 4).Draw(t, "to open") == 0}
	i, j := index.Draw(t, "from"), index.Draw(t, "to")
	from.Value, to.Value = d.values[i], d.values[j]
	for k := range none.in {
		low := from.Open || k > i || k == i && from.Inclusive
		high := to.Open || k < j || k == j && to.Inclusive
		none.in[k] = low && high
	}
	return Between(from, to), none
}

// tree draws a set made by set operations, and its twin.
func (d domain) tree(t *rapid.T, depth int) (Set, twin) {
	if depth == 0 || rapid.IntRange(0, 3).Draw(t, "op") == 0 {
		return d.leaf(t)
	}
	s, a := d.tree(t, depth-1)
	switch rapid.IntRange(0, 2).Draw(t, "operator") {
	case 0:
		u, b := d.tree(t, depth-1)
		return s.Union(u), a.combine(b, func(x, y bool) bool { return x || y })
	case 1:
		u, b := d.tree(t, depth-1)
		return s.Intersect(u), a.combine(b, func(x, y bool) bool { return x && y })
	}
	out := a.combine(a, func(x, _ bool) bool { return !x })
	out.null = false // neither a comparison with NULL nor its negation is true
	return s.Complement(), out
}

// TestSetLaws: sets behave as their naive twins do, and keep their form.
func TestSetLaws(t *testing.T) {
	t.Parallel()
	for _, d := range domains() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				s, want := d.tree(t, 3)
				u, other := d.tree(t, 2)
				require.Equal(t, want, d.of(s), "%s", s)
				wellFormed(t, s)

				overlap := s.Overlaps(u)
				if require.Equal(t, overlap, u.Overlaps(s)); !overlap {
					require.Equal(t, twin{in: make([]bool, len(d.values))}, want.combine(other, func(a, b bool) bool { return a && b }))
				}
				require.Equal(t, overlap, !s.Intersect(u).IsEmpty())
				if s.IsEmpty() {
					require.False(t, slices.Contains(want.in, true) || want.null)
				}
				if s.IsFull() {
					require.False(t, slices.Contains(want.in, false) || !want.null)
				}
				require.Equal(t, want.null, s.HasNull())
				if v, ok := s.Single(); ok {
					require.True(t, s.Contains(v))
					require.True(t, s.Intersect(Point(v).Complement()).Intersect(NotNull()).IsEmpty())
				}
				for _, limit := range []int{0, 1, 3, 20} {
					vs, ok := s.Enumerate(limit)
					if !ok {
						require.Nil(t, vs)
						continue
					}
					require.LessOrEqual(t, len(vs), limit)
					require.True(t, slices.IsSortedFunc(vs, Value.Compare))
					if d.full {
						in := slices.DeleteFunc(append([]Value{Null()}, d.values...), func(v Value) bool { return !s.Contains(v) })
						require.True(t, slices.Equal(vs, in), "%v, %v", vs, in)
					}
					require.Equal(t, want, d.of(Points(vs...)))
				}
			})
		})
	}
}

// wellFormed checks what the other operations rely on.
func wellFormed(t *rapid.T, s Set) {
	ivs := s.Intervals()
	for i, iv := range ivs {
		_, ok := normal(iv)
		require.True(t, ok, "an interval is empty: %s", s)
		if i > 0 {
			require.Negative(t, compareTo(ivs[i-1].To, iv.To), "%s", s)
			require.False(t, overlapping(ivs[i-1].To, iv.From), "%s", s)
		}
	}
	require.False(t, s.point && (s.null || len(s.intervals) > 0))
	require.NotEmpty(t, s.String())
}

func overlapping(to, from Bound) bool {
	if to.Open || from.Open {
		return true
	}
	c := to.Value.Compare(from.Value)
	return c > 0 || c == 0 && to.Inclusive && from.Inclusive
}

func TestSetString(t *testing.T) {
	t.Parallel()
	cases := []struct {
		set  Set
		want string
	}{
		{Set{}, "{}"},
		{Full(), "all"},
		{NotNull(), "{(, )}"},
		{Point(Null()), "{NULL}"},
		{Points(Int(3), Int(1), Int(3)), "{1 3}"},
		{HalfOpen(Text("a"), Text("b")), `{["a", "b")}`},
		{HalfOpen(Int(1), Int(4)), "{[1, 3]}"},
		{Point(Bool(true)).Union(Point(Null())), "{true NULL}"},
		{Point(Text("a")).Complement(), `{(, "a") ("a", )}`},
		{Points(Int(1), Int(3), Int(5), Int(7), Int(9), Int(11), Int(13), Int(15), Int(17)), "{1 3 5 7 9 11 13 15 …}"},
	}
	for _, c := range cases {
		assert.Equal(t, c.want, c.set.String())
	}
}

func TestCrossedBoundsAreEmpty(t *testing.T) {
	t.Parallel()
	top, bottom := Uint(math.MaxUint64), Int(math.MinInt64)
	for name, s := range map[string]Set{
		"reversed":      HalfOpen(Int(3), Int(1)),
		"same":          HalfOpen(Text("a"), Text("a")),
		"between":       Between(Bound{Value: Int(1)}, Bound{Value: Int(2)}),
		"above the top": Between(Bound{Value: top}, Bound{Open: true}),
		"below all":     Between(Bound{Open: true}, Bound{Value: bottom}),
		"no points":     Points(),
	} {
		assert.True(t, s.IsEmpty(), name)
	}
	v, ok := Between(Bound{Value: Int(4)}, Bound{Value: Int(6)}).Single()
	assert.True(t, ok)
	assert.Equal(t, Int(5), v)
}

// TestPointPathsDoNotAllocate: a statement with one key does this once per column.
func TestPointPathsDoNotAllocate(t *testing.T) {
	us, other, full, in := Point(Text("US")), Point(Text("EU")), Full(), Points(Text("EU"), Text("US"))
	sink := 0
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		s := Point(Text("US")).Intersect(full).Intersect(NotNull()).Intersect(in)
		if v, ok := s.Single(); ok && s.Contains(v) && in.Contains(v) && s.Overlaps(in) && !s.Overlaps(other) && s.Intersect(other).IsEmpty() && !us.IsFull() {
			sink++
		}
	}))
	assert.NotZero(t, sink)
}
