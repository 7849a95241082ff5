package temporal

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The tests count instants by whole seconds.
func sec(n int) time.Time { return time.Unix(int64(1_000_000+n), 0).UTC() }

func per(from, to int) Period { return Between(sec(from), sec(to)) }

const (
	last    = 40 // instants 0 to last-1 are looked at; what holds at last-1 holds for ever
	forever = -1
)

func upTo(from, to int) Period {
	if to == forever {
		return Since(sec(from))
	}
	return per(from, to)
}

// table is a table of one key that carries out steps as an engine with every
// constraint would: after each step no two known versions overlap, and none is empty.
type table struct {
	rules   Rules[int]
	rows    []Version[int]
	next    int
	touched map[any]bool // rows that the open transaction wrote
}

func newTable(rules Rules[int]) *table {
	t := &table{rules: rules, touched: map[any]bool{}}
	t.rules.Equal = func(a, b int) bool { return a == b }
	t.rules.Precision, t.rules.SystemPrecision = time.Second, time.Second
	t.rules.Own = func(v Version[int]) bool { return t.touched[v.ID] }
	return t
}

func (t *table) find(id any) int {
	for i, v := range t.rows {
		if v.ID == id {
			return i
		}
	}
	return -1
}

// run plans and carries out; the error is Plan's, or wraps errBroken.
func (t *table) run(op Operation[int], now int) (Outcome[int], error) {
	t.rules.Now = sec(now)
	out, err := Plan(t.rows, op, t.rules)
	if err != nil {
		return out, err
	}
	return out, t.execute(out.Steps)
}

var errBroken = errors.New("an engine would refuse the steps")

func (t *table) execute(steps []Step[int]) error {
	for n, s := range steps {
		i := t.find(s.Old.ID)
		if s.Kind != Insert && (i < 0 || !t.rows[i].Valid.From.Equal(s.Old.Valid.From)) {
			return fmt.Errorf("%w: step %d, %s: the row is not there", errBroken, n, s)
		}
		inPlace := s.Kind == Insert || !t.rules.System || t.touched[s.Old.ID]
		if !inPlace && s.Kind != Retire && s.Kind != Remove {
			return fmt.Errorf("%w: step %d, %s: overwrites what was known", errBroken, n, s)
		}
		switch s.Kind {
		case Remove:
			t.rows = append(t.rows[:i:i], t.rows[i+1:]...)
		case Retire:
			if s.New.Row != s.Old.Row || !s.New.Valid.Equal(s.Old.Valid) || s.New.System.IsEmpty() {
				return fmt.Errorf("%w: step %d, %s: changes the retired row", errBroken, n, s)
			}
			t.rows[i] = s.New
			t.touched[s.Old.ID] = true
		case Insert:
			if s.New.ID != nil {
				return fmt.Errorf("%w: step %d, %s: has an id", errBroken, n, s)
			}
			t.next++
			v := s.New
			v.ID = t.next
			t.touched[v.ID] = true
			t.rows = append(t.rows, v)
		default:
			if s.New.ID != s.Old.ID || (s.Kind != Rewrite) != (s.New.Row == s.Old.Row) {
				return fmt.Errorf("%w: step %d, %s: wrong id or data", errBroken, n, s)
			}
			if end := s.New.Valid.To; s.Kind == Close && (!s.New.Valid.From.Equal(s.Old.Valid.From) || compareEnds(end, s.Old.Valid.To) >= 0) {
				return fmt.Errorf("%w: step %d, %s: no close", errBroken, n, s)
			}
			t.rows[i] = s.New
			t.touched[s.Old.ID] = true
		}
		if err := t.sound(); err != nil {
			return fmt.Errorf("%w: after step %d, %s: %w", errBroken, n, s, err)
		}
	}
	return nil
}

func (t *table) sound() error {
	if t.rules.StartOnly {
		starts := map[time.Time]bool{}
		for _, v := range t.rows {
			if v.System.IsOpen() && starts[v.Valid.From] {
				return errors.New("two rows start together")
			} else if v.System.IsOpen() {
				starts[v.Valid.From] = true
			}
		}
		return nil
	}
	for i, v := range t.rows {
		if v.Valid.IsEmpty() || v.System.IsEmpty() {
			return errors.New("empty period")
		}
		for _, w := range t.rows[i+1:] {
			if v.Valid.Overlaps(w.Valid) && (!t.rules.System || v.System.Overlaps(w.System)) {
				return errors.New("overlap")
			}
		}
		for _, b := range t.rules.Boundaries {
			if v.Valid.From.Before(b) && (v.Valid.IsOpen() || b.Before(v.Valid.To)) {
				return errors.New("version over a boundary")
			}
		}
	}
	return nil
}

// snapshot is what the table says of each instant, as known at an instant.
func (t *table) snapshot(knownAt time.Time) (cells [last]int, err error) {
	timeline := Timeline(t.rows, knownAt)
	if t.rules.StartOnly {
		timeline = DeriveEnds(timeline)
	}
	for i := range cells {
		found := 0
		for _, v := range timeline {
			if v.Valid.Contains(sec(i)) {
				found++
				cells[i] = v.Row
			}
		}
		if found > 1 {
			return cells, fmt.Errorf("%d versions at %d", found, i)
		}
	}
	return cells, nil
}

// mapCell is what the map in memory says of one instant: which version (0: none).
type mapCell struct{ version, row int }

// instants is the map: one cell per instant, written by the plainest loops there are.
type instants struct {
	cells [last]mapCell
	next  int
}

func (m *instants) fresh() int { m.next++; return m.next }

// start is where the version of a cell begins.
func (m *instants) start(i int) int {
	for i > 0 && m.cells[i-1].version == m.cells[i].version {
		i--
	}
	return i
}

// effective is the map's own reading of "now"; ok is false for a clock error.
func (m *instants) effective(now, tolerance int, own func(start int) bool) (t int, ok bool) {
	t = now
	if open := m.cells[last-1]; open.version != 0 {
		if s := m.start(last - 1); s > t {
			if s-t > tolerance && (!own(s) || s-t > 1) {
				return 0, false
			}
			t = s
		}
	}
	for t < last && m.cells[t].version != 0 && m.start(t) == t && !own(t) {
		t++
	}
	return t, true
}

func (m *instants) save(t, row int, supersede bool) {
	old := m.cells[t]
	if old.version != 0 && old.row == row {
		if supersede {
			for i := t; i < last; i++ {
				m.cells[i] = old
			}
		}
		return
	}
	version := m.fresh()
	for i := t; i < last && (supersede || m.cells[i].version == old.version); i++ {
		m.cells[i] = mapCell{version, row}
	}
}

func (m *instants) update(from, to, add int) {
	fresh := map[int][2]int{} // version → its inside and its right rest
	for i := 0; i < last; i++ {
		c := m.cells[i]
		if c.version == 0 || add == 0 {
			continue
		}
		if i >= from && i < to {
			if fresh[c.version] == [2]int{} {
				fresh[c.version] = [2]int{m.fresh(), m.fresh()}
			}
			m.cells[i] = mapCell{fresh[c.version][0], c.row + add}
		} else if f, cut := fresh[c.version]; cut {
			m.cells[i].version = f[1]
		}
	}
}

func (m *instants) delete(from, to int) {
	cut := map[int]int{}
	for i := 0; i < last; i++ {
		c := m.cells[i]
		if c.version == 0 {
			continue
		}
		if i >= from && i < to {
			m.cells[i] = mapCell{}
			if cut[c.version] == 0 {
				cut[c.version] = m.fresh()
			}
		} else if v := cut[c.version]; v != 0 {
			m.cells[i].version = v
		}
	}
}

func (m *instants) put(from, to, row int) {
	there := true
	for i := from; i < to; i++ {
		there = there && m.cells[i].version != 0 && m.cells[i].row == row
	}
	if from == to || there {
		return
	}
	m.delete(from, to)
	version := m.fresh()
	for i := from; i < to; i++ {
		m.cells[i] = mapCell{version, row}
	}
}

func (m *instants) coalesce() {
	for i := 1; i < last; i++ {
		if a, b := m.cells[i-1], m.cells[i]; a.version != 0 && b.version != 0 && a.row == b.row {
			m.cells[i].version = a.version
		}
	}
}

func (m *instants) rows() (cells [last]int) {
	for i, c := range m.cells {
		if c.version != 0 {
			cells[i] = c.row
		}
	}
	return cells
}

// versions is the versions' starts and ends, forever for an open one.
func (m *instants) versions() (all []string) {
	for i := 0; i < last; i++ {
		if m.cells[i].version == 0 || m.start(i) != i {
			continue
		}
		end := i
		for end < last && m.cells[end].version == m.cells[i].version {
			end++
		}
		p := per(i, end)
		if end == last {
			p = Since(sec(i))
		}
		all = append(all, fmt.Sprint(p, m.cells[i].row))
	}
	return all
}

func TestAgainstTheMap(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		rules Rules[int]
	}{
		{"valid time", Rules[int]{Tolerance: 2 * time.Second}},
		{"start only", Rules[int]{Tolerance: 2 * time.Second, StartOnly: true}},
		{"shard boundaries", Rules[int]{Tolerance: 2 * time.Second, Boundaries: []time.Time{sec(7), sec(15), sec(16), sec(29)}}},
		{"bitemporal", Rules[int]{Tolerance: 2 * time.Second, System: true}},
		{"bitemporal, start only", Rules[int]{Tolerance: 2 * time.Second, System: true, StartOnly: true}},
		{"shard boundaries, whole", Rules[int]{Tolerance: 2 * time.Second, Wholes: true, Boundaries: []time.Time{sec(7), sec(15), sec(16), sec(29)}}},
		{"bitemporal, shard boundaries", Rules[int]{Tolerance: 2 * time.Second, System: true, Boundaries: []time.Time{sec(9), sec(20)}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) { againstTheMap(rt, c.rules) })
		})
	}
}

func againstTheMap(rt *rapid.T, rules Rules[int]) {
	tb, m := newTable(rules), &instants{}
	known := map[time.Time][last]int{} // the grid: what was known at each system instant
	clock := 0
	own := func(start int) bool {
		for _, v := range Timeline(tb.rows, time.Time{}) {
			if v.Valid.From.Equal(sec(start)) {
				return tb.touched[v.ID]
			}
		}
		return false
	}
	for range rapid.IntRange(1, 12).Draw(rt, "operations") {
		if rapid.Bool().Draw(rt, "next transaction") {
			clear(tb.touched)
			// What a transaction made and unmade leaves no trace, so that a clock that
			// steps back cannot be noticed: the next one may record before it.
			maps.DeleteFunc(known, func(instant time.Time, _ [last]int) bool {
				return !slices.ContainsFunc(tb.rows, func(v Version[int]) bool {
					return !v.System.From.Before(instant) || !v.System.IsOpen() && !v.System.To.Before(instant)
				})
			})
			clock = max(0, min(last-12, clock+rapid.IntRange(-1, 4).Draw(rt, "clock")))
		}
		before, model := tb.rows, *m
		tb.rows = append([]Version[int](nil), before...)
		from := rapid.IntRange(0, last-8).Draw(rt, "from")
		to := from + rapid.IntRange(0, 9).Draw(rt, "length")
		period := per(from, to)
		if to > last-6 {
			to, period = last, Since(sec(from))
		}
		row := rapid.IntRange(1, 4).Draw(rt, "row")
		explicit, wipes := rapid.Bool().Draw(rt, "explicit"), rapid.Bool().Draw(rt, "supersede")
		at, clockOK := from, true
		if !explicit {
			at, clockOK = m.effective(clock, 2, own)
		}
		var op Operation[int]
		var want error
		kind := rapid.SampledFrom([]string{"save", "save", "patch", "update", "delete", "put", "terminate", "revert", "coalesce"}).Draw(rt, "kind")
		switch kind {
		case "save", "patch", "revert":
			op = Save(row)
			switch {
			case !clockOK:
				want = ErrClock
			case kind == "patch" && m.cells[at].version == 0, kind == "revert" && m.cells[to-1+b2i(to == 0)].version == 0:
				want = ErrNoVersion
			case kind == "patch":
				m.save(at, m.cells[at].row+row, wipes)
			case kind == "revert":
				m.save(at, m.cells[to-1+b2i(to == 0)].row, wipes)
			default:
				m.save(at, row, wipes)
			}
			if kind == "patch" {
				op = Patch(func(r int) (int, error) { return r + row, nil })
			} else if kind == "revert" {
				op = Revert[int](sec(to - 1 + b2i(to == 0)))
			}
			if explicit {
				op = op.Effective(sec(from))
			}
			if wipes {
				op = op.Supersede()
			}
		case "update":
			op = UpdatePortion(period, func(r int) (int, error) { return r + row - 1, nil })
			m.update(from, to, row-1)
		case "delete":
			op = DeletePortion[int](period)
			m.delete(from, to)
		case "put":
			op = Put(period, row)
			m.put(from, to, row)
		case "terminate":
			op = Terminate[int](time.Time{})
			if explicit {
				op = Terminate[int](sec(from))
			}
			if want = ErrClock; clockOK {
				want = nil
				m.delete(at, last)
			}
		case "coalesce":
			op = Coalesce[int]()
			m.coalesce()
		}
		for _, b := range rules.Boundaries { // equal versions that meet there are one
			if rules.Wholes {
				break
			}
			i := int(b.Sub(sec(0)) / time.Second)
			if l, r := m.cells[i-1], m.cells[i]; l.version != 0 && r.version != 0 && l.row == r.row {
				for ; i < last && m.cells[i].version == r.version; i++ {
					m.cells[i].version = l.version
				}
			}
		}
		if rules.StartOnly && want == nil && gaps(m) {
			want = ErrGap
		}
		out, err := tb.run(op, clock)
		if want != nil || errors.Is(err, ErrClock) && rules.System {
			if want != nil {
				require.ErrorIs(rt, err, want, kind)
			}
			tb.rows, *m = before, model
			continue
		}
		require.NoError(rt, err, kind)
		cells, err := tb.snapshot(time.Time{})
		require.NoError(rt, err, kind)
		require.Equal(rt, m.rows(), cells, kind)
		var versions []string
		timeline := Timeline(tb.rows, time.Time{})
		if rules.StartOnly {
			timeline = DeriveEnds(timeline)
		}
		for _, v := range Join(timeline, rules.Boundaries, tb.rules.Equal) {
			versions = append(versions, fmt.Sprint(v.Valid, v.Row))
		}
		require.Equal(rt, m.versions(), versions, kind)
		require.Len(rt, out.Timeline, len(versions), kind)
		if rules.System && !out.Known.IsZero() {
			known[out.Known] = cells
		}
		for instant, was := range known {
			is, err := tb.snapshot(instant)
			require.NoError(rt, err)
			require.Equal(rt, was, is, "as known at %v after %s", instant, kind)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// gaps tells that a history of starts could not hold the map.
func gaps(m *instants) bool {
	seen := false
	for _, c := range m.cells {
		if seen && c.version == 0 {
			return true
		}
		seen = seen || c.version != 0
	}
	return false
}
