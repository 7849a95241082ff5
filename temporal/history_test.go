package temporal

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func same(a, b string) bool { return a == b }

func TestCheck(t *testing.T) {
	t.Parallel()
	find := func(rows []Version[string], startOnly bool) (out []string) {
		for _, f := range Check(rows, startOnly) {
			out = append(out, f.Kind.String()+" "+text(f.Period))
		}
		return out
	}
	retired := v(9, "X", 1, 0)
	retired.System = per(1, 2)
	for _, c := range []struct {
		name      string
		rows      []Version[string]
		startOnly bool
		want      []string
	}{
		{"sound", []Version[string]{v(1, "A", 1, 5), v(2, "B", 5, 0), retired}, false, nil},
		{"gap", []Version[string]{v(2, "B", 7, 0), v(1, "A", 1, 5)}, false, []string{"gap [5,7)"}},
		{"overlap", []Version[string]{v(1, "A", 1, 6), v(2, "B", 5, 0)}, false, []string{"overlap [5,6)"}},
		{"one inside the other, then a gap", []Version[string]{v(1, "A", 1, 9), v(2, "B", 3, 4), v(3, "C", 10, 0)}, false, []string{"overlap [3,4)", "gap [9,10)"}},
		{"one of two open", []Version[string]{v(1, "A", 1, 0), v(2, "B", 5, 6)}, false, []string{"overlap [5,6)"}},
		{"two open", []Version[string]{v(1, "A", 1, 0), v(2, "B", 5, 0)}, false, []string{"two open versions [5,∞)"}},
		{"empty and inverted", []Version[string]{v(1, "A", 4, 4), v(2, "B", 6, 5)}, false, []string{"empty period [4,4)", "inverted period [6,5)"}},
		{"starts", []Version[string]{v(1, "A", 1, 0), v(2, "B", 5, 0)}, true, nil},
		{"starts together", []Version[string]{v(1, "A", 1, 0), v(2, "B", 1, 0)}, true, []string{"overlap [1,∞)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, find(c.rows, c.startOnly))
		})
	}
}

func TestRepair(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		rows      []Version[string]
		startOnly bool
		want      []string
	}{
		{"sound", []Version[string]{v(1, "A", 1, 5), v(2, "B", 7, 0)}, false, nil},
		{"overlap", []Version[string]{v(1, "A", 1, 6), v(2, "B", 5, 0)}, false, []string{"close 1 A [1,5)"}},
		{"inside", []Version[string]{v(1, "A", 1, 9), v(2, "B", 3, 4)}, false, []string{"close 1 A [1,3)", "insert A [4,9)"}},
		{"two open", []Version[string]{v(2, "B", 5, 0), v(1, "A", 1, 0)}, false, []string{"close 1 A [1,5)"}},
		{"together", []Version[string]{v(1, "A", 1, 6), v(2, "B", 1, 4)}, false, []string{"shrink 1 A [4,6)"}},
		{"never valid", []Version[string]{v(1, "A", 4, 4), v(2, "B", 6, 5), v(3, "C", 1, 0)}, false, []string{"remove 1", "remove 2"}},
		{"starts together", []Version[string]{v(1, "A", 1, 0), v(2, "B", 1, 0)}, true, []string{"remove 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out, err := Repair(c.rows, Rules[string]{Equal: same, StartOnly: c.startOnly})
			require.NoError(t, err)
			assert.Equal(t, c.want, texts(out.Steps))
			ids := map[any]bool{}
			for _, v := range out.Timeline {
				assert.False(t, v.ID != nil && ids[v.ID], "two versions of one row")
				ids[v.ID] = true
			}
		})
	}
}

// TestRepairIsSound: whatever is stored, the repaired history has nothing but gaps,
// and every instant has the version that started last.
func TestRepairIsSound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var rows []Version[int]
		for i := range rapid.IntRange(0, 8).Draw(rt, "rows") {
			from := rapid.IntRange(0, 20).Draw(rt, "from")
			rows = append(rows, Version[int]{ID: -i - 1, Row: i + 1, Valid: upTo(from, rapid.SampledFrom([]int{forever, from, from + 3, from + 9, from - 1}).Draw(rt, "to"))})
		}
		tb := newTable(Rules[int]{})
		tb.rows = rows
		out, err := Repair(rows, tb.rules)
		require.NoError(rt, err)
		var fixed []Version[int]
		fixed = append(fixed, out.Timeline...)
		for _, f := range Check(fixed, false) {
			assert.Equal(rt, Gap, f.Kind)
		}
		for i := range last {
			want := 0
			var started time.Time
			for _, r := range rows {
				if r.Valid.Contains(sec(i)) && !r.Valid.From.Before(started) {
					want, started = r.Row, r.Valid.From
				}
			}
			got, _ := At(fixed, sec(i))
			assert.Equal(rt, want, got.Row, "at %d", i)
		}
	})
}

func TestDiff(t *testing.T) {
	t.Parallel()
	before := []Version[string]{v(1, "A", 1, 5), v(2, "B", 5, 0)}
	after := []Version[string]{v(1, "A", 1, 4), v(3, "C", 4, 7), v(2, "B", 7, 9)}
	var got []string
	name := func(v *Version[string]) string {
		if v == nil {
			return "-"
		}
		return v.Row
	}
	for _, d := range Diff(before, after, same) {
		got = append(got, text(d.Period)+" "+name(d.Before)+" "+name(d.After))
	}
	assert.Equal(t, []string{"[4,5) A C", "[5,7) B C", "[9,∞) B -"}, got)
	assert.Empty(t, Diff(before, before, same))
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	old := v(1, "A", 1, 0)
	old.System = per(1, 3)
	now := v(2, "B", 4, 0)
	now.System = Since(sec(3))
	first := v(3, "A", 1, 4)
	first.System = Since(sec(3))
	rows := []Version[string]{now, old, first, v(4, "X", 2, 2)}
	assert.Equal(t, "A [1,4), B [4,∞)", timelineText(Timeline(rows, time.Time{})))
	assert.Equal(t, "A [1,∞)", timelineText(Timeline(rows, sec(2))))
}

func TestContains(t *testing.T) {
	t.Parallel()
	parent := []Period{per(1, 5), per(5, 9), Since(sec(11))}
	for _, c := range []struct {
		name     string
		children []Period
		kind     Containment
		want     []string
	}{
		{"over two versions", []Period{per(3, 7)}, ChildWithinParent, nil},
		{"over a gap", []Period{per(8, 12)}, ChildWithinParent, []string{"uncovered child [9,11)"}},
		{"too early, and open", []Period{Since(sec(0))}, ChildWithinParent, []string{"uncovered child [0,1)", "uncovered child [9,11)"}},
		{"empty", []Period{per(10, 10)}, ChildWithinParent, nil},
		{"exact", []Period{per(1, 9), Since(sec(11))}, ExactMatch, nil},
		{"not exact", []Period{per(1, 8), Since(sec(11))}, ExactMatch, []string{"parent without child [8,9)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, f := range Contains(c.children, parent, c.kind) {
				got = append(got, f.Kind.String()+" "+text(f.Period))
			}
			assert.Equal(t, c.want, got)
		})
	}
}

// TestPeriodLaws checks periods instant by instant.
func TestPeriodLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(name string) (all []Period) {
			for range rapid.IntRange(0, 4).Draw(rt, name) {
				from := rapid.IntRange(0, 20).Draw(rt, "from")
				all = append(all, upTo(from, rapid.SampledFrom([]int{forever, from, from + 1, from + 4}).Draw(rt, "to")))
			}
			return all
		}
		holds := func(all []Period, i int) (n int) {
			for _, p := range all {
				if p.Contains(sec(i)) {
					n++
				}
			}
			return n
		}
		a, b := draw("a"), draw("b")
		boundaries := []time.Time{sec(3), sec(8), sec(9)}
		union, minus := Union(a...), Minus(a, b)
		for i := range last {
			assert.Equal(rt, b2i(holds(a, i) > 0), holds(union, i))
			assert.Equal(rt, b2i(holds(a, i) > 0 && holds(b, i) == 0), holds(minus, i))
			for _, p := range a {
				assert.Equal(rt, b2i(!p.IsEmpty() && p.Contains(sec(i))), holds(SplitAt(p, boundaries), i))
			}
		}
		for _, p := range a {
			for _, part := range SplitAt(p, boundaries) {
				for _, at := range boundaries {
					assert.False(rt, part.From.Before(at) && part.Contains(at), "%s spans a boundary", part)
				}
			}
			for _, q := range b {
				common := p.Intersect(q)
				assert.Equal(rt, !common.IsEmpty(), p.Overlaps(q))
				assert.Equal(rt, len(Minus([]Period{q}, []Period{p})) == 0, p.Covers(q) || q.IsEmpty())
			}
		}
	})
}

func TestEnds(t *testing.T) {
	t.Parallel()
	assert.True(t, End(nil).IsZero())
	assert.True(t, End(&Sentinel).IsZero())
	later := Sentinel.Add(time.Hour)
	assert.True(t, End(&later).IsZero(), "what lies above the sentinel is open")
	at := sec(3)
	assert.Equal(t, at, End(&at))
	assert.Nil(t, StoredEnd(time.Time{}, 1))
	assert.Equal(t, Sentinel, StoredEnd(time.Time{}, 2))
	assert.Equal(t, at, StoredEnd(at.Local(), 2))
	assert.Equal(t, "1969-12-31T23:59:58Z", Cut(time.Unix(-2, 900), time.Second).Format(time.RFC3339Nano), "down, also before 1970")
}
