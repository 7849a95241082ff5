package strategies

import (
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/go-dtde/dtde/config"
)

// byDate gives each period its shard, made when the first row needs it.
type byDate struct {
	refusals
	calendar
	key      config.KeyColumn
	horizon  config.Interval // every instant that has a named period
	from, to config.Value    // the bounds [from, to), always set
	open     bool            // the program gave no from
	first    int64           // the period of from
	last     int64           // the period of the last instant before to
	table    periodTable
	print    string
}

// tabled bounds the periods whose names and starts are kept in memory.
const tabled = 4096

// periodTable holds the first periods of a strategy, so that placing computes nothing:
// starts[i] is the start of the i-th period, with one more for the end of the last.
// It is filled when it is first used.
type periodTable struct {
	once   sync.Once
	ids    []string
	starts []int64
}

func newByDate(spec config.StrategySpec, key config.KeyColumn) (config.Strategy, error) {
	f := faults{field: label(&key)}
	s := &byDate{key: key, refusals: newRefusals(&key, "the time is outside the bounds of")}
	s.unit, s.loc = spec.Unit, zone(spec.Location)
	if spec.Unit < config.Day || spec.Unit > config.Year {
		f.add("the unit must be day, week, month, quarter or year")
		return nil, f.err()
	}
	name, ok := zoneName(s.loc)
	if !ok && !key.DateOnly {
		f.add("the location is the machine's own, which differs between machines; name one with time.LoadLocation, or use UTC")
	}
	if key.DateOnly {
		// A calendar date has no zone: the column's dates are read as they stand.
		s.loc, name = time.UTC, "date"
	}
	s.utc = name == "UTC" || name == "date"
	s.from = config.Time(time.Unix(s.start(s.number(dateOf(firstDay))), 0))
	s.to = config.Time(time.Unix(s.start(s.number(dateOf(lastDay))+1), 0))
	s.horizon = config.Interval{From: config.Bound{Value: s.from, Inclusive: true}, To: config.Bound{Value: s.to}}
	from, given := bound(&f, &key, spec.From, spec.Location, "from")
	if s.open = !given; given && from.Compare(s.from) > 0 {
		s.from = from
	}
	if to, given := bound(&f, &key, spec.To, spec.Location, "to"); given && to.Compare(s.to) < 0 {
		s.to = to
	}
	if s.from.Compare(s.to) >= 0 {
		f.add("from is not before to")
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	s.first = s.of(s.from.AsTime())
	s.last = s.of(s.to.AsTime().Add(-1))
	var l lines
	l.add("strategy", "date/1")
	l.add("unit", s.unit.String())
	l.add("zone", name)
	s.print = l.String()
	return s, nil
}

// bound reads an end of the date bounds; nil and the zero time are open.
func bound(f *faults, key *config.KeyColumn, v any, loc *time.Location, name string) (config.Value, bool) {
	if t, isTime := v.(time.Time); v == nil || isTime && t.IsZero() {
		return config.Value{}, false
	}
	if key.Kind != config.KindTime {
		return config.Value{}, false // Check says so
	}
	val, ok := literal(key, v, loc)
	if !ok {
		f.add("%s is no time: write RFC 3339 or 2006-01-02", name)
	}
	return val, ok
}

func (s *byDate) Name() string        { return "date" }
func (s *byDate) Fingerprint() string { return s.print }
func (s *byDate) Shards() []string    { return nil }

func (s *byDate) Check(keys []config.KeyColumn) error {
	return checkOne("date", keys, config.KindTime)
}

// periods gives the table, filling it once.
func (s *byDate) periods() *periodTable {
	t := &s.table
	t.once.Do(func() {
		n := min(s.last-s.first+1, tabled)
		if s.open {
			n = 0
		}
		for i := s.first; i < s.first+n; i++ {
			t.ids = append(t.ids, string(s.appendID(nil, i)))
			t.starts = append(t.starts, s.start(i))
		}
		t.starts = append(t.starts, s.start(s.first+n))
	})
	return t
}

// period is the period of an instant and, if it is in the table, its id.
func (s *byDate) period(v config.Value) (n int64, id string) {
	t, at := s.periods(), v.AsTime().Unix()
	if at < t.starts[0] || at >= t.starts[len(t.starts)-1] {
		return s.of(v.AsTime()), ""
	}
	lo, hi := 0, len(t.ids)
	for lo+1 < hi {
		if mid := (lo + hi) / 2; t.starts[mid] <= at {
			lo = mid
		} else {
			hi = mid
		}
	}
	return s.first + int64(lo), t.ids[lo]
}

func (s *byDate) inside(v config.Value) bool {
	return s.from.Compare(v) <= 0 && v.Compare(s.to) < 0
}

func (s *byDate) Place(key []config.Value) (string, error) {
	if len(key) != 1 {
		return "", s.missing
	}
	return s.place(key[0])
}

func (s *byDate) place(v config.Value) (string, error) {
	if v.IsNull() {
		return "", s.missing
	}
	v = cut(&s.key, v)
	if v.Kind() != config.KindTime || !s.inside(v) {
		return "", s.notFound
	}
	n, id := s.period(v)
	if id == "" {
		id = string(s.appendID(nil, n))
	}
	return id, nil
}

// Span is the period of a shard.
func (s *byDate) Span(id string) (config.Interval, bool) {
	n, ok := s.parse(id)
	if !ok {
		return config.Interval{}, false
	}
	at := func(n int64) config.Bound { return config.Bound{Value: config.Time(time.Unix(s.start(n), 0).UTC())} }
	span := config.Interval{From: at(n), To: at(n + 1)}
	span.From.Inclusive = true
	return span, true
}

func (s *byDate) Owns(id string) bool {
	n, ok := s.parse(id)
	return ok && n >= s.first && n <= s.last
}

// Upto lists the periods from the first bound up to and including that of until.
// Without a first bound it is the period of until alone.
func (s *byDate) Upto(until config.Value) ([]string, bool) {
	if until.Kind() != config.KindTime || until.Compare(s.from) < 0 {
		return nil, true
	}
	last := s.last
	if s.inside(until) {
		last, _ = s.period(until)
	}
	first := s.first
	if s.open {
		first = last
	}
	ids := make([]string, 0, last-first+1)
	for n := first; n <= last; n++ {
		ids = append(ids, string(s.appendID(nil, n)))
	}
	return ids, true
}

func (s *byDate) Route(q config.RouteQuery) config.Routing {
	if len(q.Keys) != 1 {
		return config.Routing{All: true, Open: true}
	}
	set := q.Keys[0]
	if v, ok := set.Single(); ok {
		return s.routePoint(q.Known, v)
	}
	whole := s.spans(set, s.horizon)
	bounded := s.spans(set, config.Interval{
		From: config.Bound{Value: s.from, Inclusive: true}, To: config.Bound{Value: s.to},
	})
	missing := bounded.periods()
	r := pick(q.Known, func(k int) bool {
		n, ok := s.parse(q.Known[k])
		if ok && bounded.has(n) {
			missing--
		}
		return ok && whole.has(n)
	})
	r.Open = missing > 0
	return r
}

func (s *byDate) routePoint(known []string, v config.Value) config.Routing {
	// Bounds can be narrowed after shards were made, so known ones are looked for
	// beyond them.
	if v.Kind() != config.KindTime || v.Compare(s.horizon.From.Value) < 0 || v.Compare(s.horizon.To.Value) >= 0 {
		return config.Routing{}
	}
	v = cut(&s.key, v)
	n, id := s.period(v)
	if id == "" {
		var buf [16]byte
		b := s.appendID(buf[:0], n)
		for k := range known {
			if known[k] == string(b) {
				return config.Routing{IDs: known[k : k+1 : k+1]}
			}
		}
		return config.Routing{Open: s.inside(v)}
	}
	// Known periods usually stand in the order of their ids.
	if k, ok := slices.BinarySearch(known, id); ok {
		return config.Routing{IDs: known[k : k+1 : k+1]}
	}
	r := only(known, id)
	r.Open = len(r.IDs) == 0 && s.inside(v)
	return r
}

// spans are disjoint ranges of period numbers, both ends included, ascending.
type spans [][2]int64

func (p spans) has(n int64) bool {
	i := sort.Search(len(p), func(i int) bool { return p[i][1] >= n })
	return i < len(p) && p[i][0] <= n
}

func (p spans) periods() (n int64) {
	for _, r := range p {
		n += r[1] - r[0] + 1
	}
	return n
}

// spans gives the periods that a set reaches within bounds [from, to).
func (s *byDate) spans(set config.Set, bounds config.Interval) spans {
	var out spans
	for _, iv := range set.Intervals() {
		first, last, ok := s.edges(iv, bounds)
		if !ok {
			continue
		}
		a, _ := s.period(config.Time(first))
		b, _ := s.period(config.Time(last))
		if n := len(out); n > 0 && a <= out[n-1][1]+1 {
			out[n-1][1] = max(out[n-1][1], b)
			continue
		}
		out = append(out, [2]int64{a, b})
	}
	return out
}

// edges are the first and the last instant of an interval, within bounds, that the
// column can hold.
func (s *byDate) edges(iv, bounds config.Interval) (first, last time.Time, ok bool) {
	if iv.From.Open || iv.From.Value.Compare(bounds.From.Value) < 0 {
		iv.From = bounds.From
	}
	if iv.To.Open || iv.To.Value.Compare(bounds.To.Value) >= 0 {
		iv.To = bounds.To
	}
	if iv.From.Value.Compare(bounds.To.Value) >= 0 || iv.To.Value.Compare(bounds.From.Value) < 0 {
		return first, last, false
	}
	step := time.Nanosecond
	if s.key.DateOnly {
		step = day
	}
	first, last = iv.From.Value.AsTime(), iv.To.Value.AsTime()
	if up := first.Truncate(step); !up.Equal(first) || !iv.From.Inclusive {
		first = up.Add(step)
	}
	if down := last.Truncate(step); down.Equal(last) && !iv.To.Inclusive {
		last = down.Add(-step)
	} else {
		last = down
	}
	return first, last, !last.Before(first)
}
