package temporal

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
)

// v makes a row of the worked cases; to 0 is an open end.
func v(id int, row string, from, to int) Version[string] {
	p := Since(sec(from))
	if to != 0 {
		p = per(from, to)
	}
	return Version[string]{ID: id, Row: row, Valid: p}
}

// text prints a period in seconds.
func text(p Period) string {
	n := func(t time.Time) string { return fmt.Sprint(t.Unix() - 1_000_000) }
	if p.IsOpen() {
		return "[" + n(p.From) + ",∞)"
	}
	return "[" + n(p.From) + "," + n(p.To) + ")"
}

func texts(steps []Step[string]) (out []string) {
	for _, s := range steps {
		switch s.Kind {
		case Insert:
			out = append(out, fmt.Sprintf("insert %s %s", s.New.Row, text(s.New.Valid)))
		case Remove, Retire:
			out = append(out, fmt.Sprintf("%s %v", s.Kind, s.Old.ID))
		default:
			out = append(out, fmt.Sprintf("%s %v %s %s", s.Kind, s.Old.ID, s.New.Row, text(s.New.Valid)))
		}
	}
	return out
}

func timelineText(timeline []Version[string]) (out string) {
	for i, v := range timeline {
		if i > 0 {
			out += ", "
		}
		out += v.Row + " " + text(v.Valid)
	}
	return out
}

func to(row string) func(string) (string, error) {
	return func(string) (string, error) { return row, nil }
}

func TestPlan(t *testing.T) {
	t.Parallel()
	ac := []Version[string]{v(1, "A", 1, 9), v(2, "C", 9, 0)}
	gap := []Version[string]{v(1, "A", 1, 5), v(2, "C", 9, 0)}
	open := []Version[string]{v(1, "A", 1, 0)}
	ends := []Version[string]{v(1, "A", 1, 9)}
	own := func(Version[string]) bool { return true }
	add := func(row string) (string, error) { return row + "+", nil }
	for _, c := range []struct {
		name     string
		rows     []Version[string]
		op       Operation[string]
		rules    Rules[string] // Now: sec(5) if zero
		steps    []string
		timeline string
		err      error
	}{
		{name: "first save", op: Save("A"), steps: []string{"insert A [5,∞)"}, timeline: "A [5,∞)"},
		{name: "save", rows: open, op: Save("B"), steps: []string{"close 1 A [1,5)", "insert B [5,∞)"}, timeline: "A [1,5), B [5,∞)"},
		{
			name: "save between", rows: ac, op: Save("B").Effective(sec(5)),
			steps: []string{"close 1 A [1,5)", "insert B [5,9)"}, timeline: "A [1,5), B [5,9), C [9,∞)",
		},
		{
			name: "supersede", rows: ac, op: Save("B").Effective(sec(5)).Supersede(),
			steps: []string{"remove 2", "close 1 A [1,5)", "insert B [5,∞)"}, timeline: "A [1,5), B [5,∞)",
		},
		{name: "supersede with the same", rows: ac, op: Save("A").Effective(sec(5)).Supersede(), steps: []string{"remove 2", "grow 1 A [1,∞)"}, timeline: "A [1,∞)"},
		{name: "save in the future", rows: open, op: Save("B").Effective(sec(8)), steps: []string{"close 1 A [1,8)", "insert B [8,∞)"}, timeline: "A [1,8), B [8,∞)"},
		{name: "save in the past", rows: open, op: Save("B").Effective(sec(0)), steps: []string{"insert B [0,1)"}, timeline: "B [0,1), A [1,∞)"},
		{name: "save in a gap", rows: gap, op: Save("B").Effective(sec(7)), steps: []string{"insert B [7,9)"}, timeline: "A [1,5), B [7,9), C [9,∞)"},
		{name: "save after the end", rows: []Version[string]{v(1, "A", 1, 3)}, op: Save("B"), steps: []string{"insert B [5,∞)"}, timeline: "A [1,3), B [5,∞)"},
		{name: "an end that was set stays", rows: ends, op: Save("B"), steps: []string{"close 1 A [1,5)", "insert B [5,9)"}, timeline: "A [1,5), B [5,9)"},
		{name: "nothing changed", rows: open, op: Save("A"), timeline: "A [1,∞)"},
		{name: "scheduled, and no instant", rows: ac, op: Save("B"), err: ErrClock},
		{name: "a step back within tolerance", rows: []Version[string]{v(1, "A", 7, 0)}, op: Save("B"), rules: Rules[string]{Tolerance: 2 * time.Second}, steps: []string{"close 1 A [7,8)", "insert B [8,∞)"}, timeline: "A [7,8), B [8,∞)"},
		{name: "a step back beyond it", rows: []Version[string]{v(1, "A", 8, 0)}, op: Save("B"), rules: Rules[string]{Tolerance: 2 * time.Second}, err: ErrClock},
		{name: "the same instant, own", rows: []Version[string]{v(1, "A", 5, 0)}, op: Save("B"), rules: Rules[string]{Own: own}, steps: []string{"rewrite 1 B [5,∞)"}, timeline: "B [5,∞)"},
		{name: "own, begun a tick late", rows: []Version[string]{v(1, "A", 6, 0)}, op: Save("B"), rules: Rules[string]{Own: own}, steps: []string{"rewrite 1 B [6,∞)"}, timeline: "B [6,∞)"},
		{name: "own, scheduled", rows: []Version[string]{v(1, "A", 7, 0)}, op: Save("B"), rules: Rules[string]{Own: own}, err: ErrClock},
		{name: "the same instant, another's", rows: []Version[string]{v(1, "A", 5, 0)}, op: Save("B"), steps: []string{"close 1 A [5,6)", "insert B [6,∞)"}, timeline: "A [5,6), B [6,∞)"},
		{name: "the same instant, said", rows: []Version[string]{v(1, "A", 5, 0)}, op: Save("B").Effective(sec(5)), steps: []string{"rewrite 1 B [5,∞)"}, timeline: "B [5,∞)"},
		{name: "patch", rows: ac, op: Patch(add).Effective(sec(5)), steps: []string{"close 1 A [1,5)", "insert A+ [5,9)"}, timeline: "A [1,5), A+ [5,9), C [9,∞)"},
		{name: "patch in a gap", rows: gap, op: Patch(add).Effective(sec(6)), err: ErrNoVersion},
		{
			name: "update a portion", rows: []Version[string]{v(1, "A", 1, 9)}, op: UpdatePortion(per(3, 5), to("B")),
			steps: []string{"rewrite 1 B [3,5)", "insert A [1,3)", "insert A [5,9)"}, timeline: "A [1,3), B [3,5), A [5,9)",
		},
		{
			name: "increment over segments", rows: gap, op: UpdatePortion(per(3, 11), add),
			steps: []string{"rewrite 1 A+ [3,5)", "rewrite 2 C+ [9,11)", "insert A [1,3)", "insert C [11,∞)"}, timeline: "A [1,3), A+ [3,5), C+ [9,11), C [11,∞)",
		},
		{name: "update an empty portion", rows: open, op: UpdatePortion(per(3, 3), to("B")), timeline: "A [1,∞)"},
		{name: "update backwards", rows: open, op: UpdatePortion(per(4, 3), to("B")), err: ErrPeriod},
		{name: "delete a portion", rows: open, op: DeletePortion[string](per(3, 5)), steps: []string{"close 1 A [1,3)", "insert A [5,∞)"}, timeline: "A [1,3), A [5,∞)"},
		{name: "delete over versions", rows: ac, op: DeletePortion[string](per(0, 11)), steps: []string{"remove 1", "shrink 2 C [11,∞)"}, timeline: "C [11,∞)"},
		{name: "delete an empty portion", rows: open, op: DeletePortion[string](per(3, 3)), timeline: "A [1,∞)"},
		{name: "delete backwards", rows: open, op: DeletePortion[string](per(3, 2)), err: ErrPeriod},
		{name: "put", rows: ac, op: Put(per(7, 11), "B"), steps: []string{"close 1 A [1,7)", "shrink 2 C [11,∞)", "insert B [7,11)"}, timeline: "A [1,7), B [7,11), C [11,∞)"},
		{name: "put on a version", rows: ac, op: Put(per(1, 9), "B"), steps: []string{"rewrite 1 B [1,9)"}, timeline: "B [1,9), C [9,∞)"},
		{name: "put what is there", rows: open, op: Put(per(3, 5), "A"), timeline: "A [1,∞)"},
		{name: "put backwards", rows: open, op: Put(per(5, 3), "A"), err: ErrPeriod},
		{name: "terminate", rows: ac, op: Terminate[string](sec(5)), steps: []string{"remove 2", "close 1 A [1,5)"}, timeline: "A [1,5)"},
		{name: "terminate at the start", rows: open, op: Terminate[string](sec(1)), steps: []string{"remove 1"}},
		{name: "terminate what ended", rows: ends, op: Terminate[string](sec(9)), timeline: "A [1,9)"},
		{name: "terminate another's, same instant", rows: []Version[string]{v(1, "A", 5, 0)}, op: Terminate[string](time.Time{}), steps: []string{"close 1 A [5,6)"}, timeline: "A [5,6)"},
		{
			name: "revert", rows: []Version[string]{v(1, "A", 1, 3), v(2, "B", 3, 0)}, op: Revert[string](sec(2)),
			steps: []string{"close 2 B [3,5)", "insert A [5,∞)"}, timeline: "A [1,3), B [3,5), A [5,∞)",
		},
		{name: "revert to nothing", rows: open, op: Revert[string](sec(0)), err: ErrNoVersion},
		{
			name: "coalesce", rows: []Version[string]{v(1, "A", 1, 3), v(2, "A", 3, 5), v(3, "A", 6, 7), v(4, "B", 7, 0)}, op: Coalesce[string](),
			steps: []string{"remove 2", "grow 1 A [1,5)"}, timeline: "A [1,5), A [6,7), B [7,∞)",
		},
		{name: "purge", rows: ac, op: Purge[string](sec(9)), steps: []string{"remove 1"}, timeline: "C [9,∞)"},
		{name: "purge too early", rows: ac, op: Purge[string](sec(8)), timeline: "A [1,9), C [9,∞)"},
		{name: "start only: save", rows: []Version[string]{v(1, "A", 1, 0), v(2, "C", 9, 0)}, op: Save("B").Effective(sec(5)), rules: Rules[string]{StartOnly: true}, steps: []string{"insert B [5,9)"}, timeline: "A [1,5), B [5,9), C [9,∞)"},
		{name: "start only: terminate", rows: open, op: Terminate[string](sec(5)), rules: Rules[string]{StartOnly: true}, err: ErrGap},
		{name: "start only: take the beginning away", rows: open, op: DeletePortion[string](per(0, 5)), rules: Rules[string]{StartOnly: true}, steps: []string{"shrink 1 A [5,∞)"}, timeline: "A [5,∞)"},
		{name: "start only: a gap", rows: open, op: DeletePortion[string](per(3, 5)), rules: Rules[string]{StartOnly: true}, err: ErrGap},
		{name: "broken history", rows: []Version[string]{v(1, "A", 1, 5), v(2, "B", 4, 9)}, op: Save("C"), err: ErrHistory},
		{name: "inverted history", rows: []Version[string]{v(1, "A", 5, 1)}, op: Save("C"), err: ErrHistory},
		{name: "empty periods do not matter", rows: []Version[string]{v(1, "A", 3, 3), v(2, "B", 1, 0)}, op: Save("C"), steps: []string{"close 2 B [1,5)", "insert C [5,∞)"}, timeline: "B [1,5), C [5,∞)"},
		{name: "supersede a deletion", rows: open, op: DeletePortion[string](per(3, 5)).Supersede(), err: ErrOption},
		{name: "effective portion", rows: open, op: UpdatePortion(per(3, 5), to("B")).Effective(sec(3)), err: ErrOption},
		{name: "the change fails", rows: open, op: Patch(func(string) (string, error) { return "", errChange }), err: errChange},
		{name: "at the sentinel", op: Save("A").Effective(Sentinel), err: ErrPeriod},
		{
			name: "split at boundaries", op: Save("A").Effective(sec(5)), rules: Rules[string]{Boundaries: []time.Time{sec(4), sec(8), sec(12)}},
			steps: []string{"insert A [5,8)", "insert A [8,12)", "insert A [12,∞)"}, timeline: "A [5,∞)",
		},
		{
			name: "a split version is one", rows: []Version[string]{v(1, "A", 5, 8), v(2, "A", 8, 12), v(3, "A", 12, 0)}, op: Save("B").Effective(sec(9)),
			rules: Rules[string]{Boundaries: []time.Time{sec(4), sec(8), sec(12)}},
			steps: []string{"remove 3", "close 2 A [8,9)", "insert B [9,12)", "insert B [12,∞)"}, timeline: "A [5,9), B [9,∞)",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.rules.Equal = func(a, b string) bool { return a == b }
			c.rules.Precision = time.Second
			c.rules.Now = sec(5).Add(999 * time.Millisecond)
			out, err := Plan(c.rows, c.op, c.rules)
			if c.err != nil {
				require.ErrorIs(t, err, c.err)
				require.ErrorIs(t, err, config.Err)
				var typed *ValidityError
				require.ErrorAs(t, err, &typed)
				assert.Equal(t, c.op.Name(), typed.Operation)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.steps, texts(out.Steps))
			assert.Equal(t, c.timeline, timelineText(out.Timeline))
			assert.Equal(t, len(c.steps) == 0, out.Nothing())
		})
	}
}

var errChange = errors.New("change")

// TestPlanDates is the case of the SQL:2011 papers.
func TestPlanDates(t *testing.T) {
	t.Parallel()
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		require.NoError(t, err)
		return d
	}
	rows := []Version[string]{{ID: 1, Row: "A", Valid: Between(day("2010-01-01"), day("2011-11-12"))}}
	rules := Rules[string]{Equal: func(a, b string) bool { return a == b }, Precision: 24 * time.Hour}
	out, err := Plan(rows, UpdatePortion(Between(day("2011-02-03"), day("2011-09-10")), to("B")), rules)
	require.NoError(t, err)
	assert.Equal(t, 1, out.Touched)
	require.Len(t, out.Timeline, 3)
	assert.Equal(t, "[2010-01-01T00:00:00Z, 2011-02-03T00:00:00Z)", out.Timeline[0].Valid.String())
	assert.Equal(t, "[2011-02-03T00:00:00Z, 2011-09-10T00:00:00Z)", out.Timeline[1].Valid.String())
	assert.Equal(t, "[2011-09-10T00:00:00Z, 2011-11-12T00:00:00Z)", out.Timeline[2].Valid.String())
	assert.Equal(t, 1, out.Timeline[1].ID, "the row keeps its id")
	assert.Equal(t, "rewrite 1 [2010-01-01T00:00:00Z, 2011-11-12T00:00:00Z) to [2011-02-03T00:00:00Z, 2011-09-10T00:00:00Z)", out.Steps[0].String())
}

// TestPlanInstants: a nanosecond clock on a coarse column, and a night on which the
// local clock reads an hour twice.
func TestPlanInstants(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	first := time.Date(2024, 10, 27, 0, 30, 0, 123_456_789, time.UTC).In(berlin) // 02:30 summer time
	again := first.Add(time.Hour)                                                // 02:30 winter time
	require.Equal(t, first.Hour(), again.Hour())
	rules := Rules[int]{Equal: func(a, b int) bool { return a == b }, Precision: time.Millisecond, Now: first}
	out, err := Plan(nil, Save(1), rules)
	require.NoError(t, err)
	rows := []Version[int]{{ID: 1, Row: 1, Valid: out.Steps[0].New.Valid}}
	rules.Now = again
	out, err = Plan(rows, Save(2), rules)
	require.NoError(t, err)
	require.Len(t, out.Steps, 2)
	end, start := out.Steps[0].New.Valid.To, out.Steps[1].New.Valid.From
	assert.Equal(t, end, start, "one and the same instant")
	assert.Equal(t, "2024-10-27T01:30:00.123Z", start.Format(time.RFC3339Nano))
	assert.Equal(t, time.UTC, start.Location())
	current, ok := out.Current()
	assert.True(t, ok)
	assert.Equal(t, 2, current.Row)
}

// TestPlanBitemporal: what was known stays, rectangle by rectangle.
func TestPlanBitemporal(t *testing.T) {
	t.Parallel()
	tb := newTable(Rules[int]{System: true})
	_, err := tb.run(Save(1).Effective(sec(10)), 1)
	require.NoError(t, err)
	clear(tb.touched)
	out, err := tb.run(UpdatePortion(per(12, 14), func(r int) (int, error) { return r + 1, nil }), 3)
	require.NoError(t, err)
	require.Len(t, out.Steps, 4)
	assert.Equal(t, Retire, out.Steps[0].Kind)
	assert.Equal(t, sec(3), out.Known)
	before, err := tb.snapshot(sec(2))
	require.NoError(t, err)
	assert.Equal(t, 1, before[13])
	after, err := tb.snapshot(sec(3))
	require.NoError(t, err)
	assert.Equal(t, []int{0, 1, 1, 2, 2, 1}, after[9:15])

	out, err = tb.run(Put(per(12, 14), 5), 3) // the same transaction: nobody read what it wrote
	require.NoError(t, err)
	require.Len(t, out.Steps, 1)
	assert.Equal(t, Rewrite, out.Steps[0].Kind)
	clear(tb.touched)
	out, err = tb.run(Put(per(12, 14), 6), 3) // another one at the same instant
	require.NoError(t, err)
	assert.Equal(t, sec(4), out.Known)
	_, err = tb.run(Put(per(12, 14), 7), 3)
	assert.NoError(t, err, "known a tick ago by this transaction")
	clear(tb.touched)
	_, err = tb.run(Put(per(12, 14), 8), 1)
	assert.ErrorIs(t, err, ErrClock)
	tb.touched[tb.rows[len(tb.rows)-1].ID] = true
	out, err = tb.run(Put(per(12, 14), 9), 6) // own, but an instant later somebody may have read it
	require.NoError(t, err)
	assert.Equal(t, Retire, out.Steps[0].Kind)
	out, err = tb.run(Purge[int](sec(4)), 9)
	require.NoError(t, err)
	for _, s := range out.Steps {
		assert.Equal(t, Remove, s.Kind)
		assert.False(t, s.Old.System.IsOpen())
	}
	assert.Len(t, out.Steps, 2, "those superseded by then")
}
