package strategies

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-dtde/dtde/config"
)

// byRange gives each shard the keys in [from, to). Between shards there can be gaps.
type byRange struct {
	roster
	refusals
	key    config.KeyColumn
	ranges []keyRange // ascending
	sets   []config.Set
	print  string
}

type keyRange struct {
	from, to config.Bound
	shard    int
}

func newByRange(spec config.StrategySpec, key config.KeyColumn, shards []config.Shard) (config.Strategy, error) {
	f := faults{field: label(&key)}
	s := &byRange{key: key, refusals: newRefusals(&key, "no range holds the key of")}
	explicit := map[string]*config.Shard{}
	for i := range shards {
		explicit[shards[i].ID] = &shards[i]
	}
	for _, r := range spec.Ranges {
		if r.ID == "" {
			f.add("a range has no shard id")
			continue
		}
		if _, twice := s.index[r.ID]; twice {
			f.at(r.ID, "the shard has two ranges")
			continue
		}
		if e := explicit[r.ID]; e != nil && (e.From != nil || e.To != nil) {
			r.From, r.To = e.From, e.To
		}
		s.extend(&f, r, spec.Location)
	}
	for _, e := range shards {
		if _, done := s.index[e.ID]; done {
			continue
		}
		if e.From == nil && e.To == nil {
			f.at(e.ID, "the shard has no range: give it from, to or both")
			continue
		}
		s.extend(&f, config.Range{ID: e.ID, From: e.From, To: e.To}, spec.Location)
	}
	if len(s.ids) == 0 && len(f.list) == 0 {
		f.add("no shards: give ranges or explicit shards with from and to")
	}
	s.sort(&f)
	if err := f.err(); err != nil {
		return nil, err
	}
	s.finish()
	return s, nil
}

// extend reads one range.
func (s *byRange) extend(f *faults, r config.Range, loc *time.Location) {
	before := len(f.list)
	bound := func(v any, name string) config.Bound {
		if v == nil {
			return config.Bound{Open: true}
		}
		val, ok := literal(&s.key, v, loc)
		if !ok {
			f.at(r.ID, "%s is no value of a key of kind %s", name, s.key.Kind)
		}
		return config.Bound{Value: val, Inclusive: name == "from"}
	}
	k := keyRange{from: bound(r.From, "from"), to: bound(r.To, "to"), shard: s.add(r.ID)}
	if len(f.list) > before {
		return
	}
	if !k.from.Open && !k.to.Open && k.from.Value.Compare(k.to.Value) >= 0 {
		f.at(r.ID, "the range is empty: from is not before to")
		return
	}
	s.ranges = append(s.ranges, k)
}

// sort orders the ranges and finds overlaps.
func (s *byRange) sort(f *faults) {
	slices.SortStableFunc(s.ranges, func(a, b keyRange) int {
		switch {
		case a.from.Open || b.from.Open:
			return cmp.Compare(ordinal(b.from.Open), ordinal(a.from.Open))
		}
		return a.from.Value.Compare(b.from.Value)
	})
	widest := 0 // the range before i that ends last
	for i := 1; i < len(s.ranges); i++ {
		a, b := s.ranges[widest], s.ranges[i]
		if a.to.Open || b.from.Open || b.from.Value.Compare(a.to.Value) < 0 {
			f.at(s.ids[b.shard], "the range overlaps that of %q", s.ids[a.shard])
		}
		if !a.to.Open && (b.to.Open || a.to.Value.Compare(b.to.Value) < 0) {
			widest = i
		}
	}
}

func ordinal(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (s *byRange) finish() {
	s.sets = make([]config.Set, len(s.ids))
	texts := make([]string, len(s.ranges))
	for i, r := range s.ranges {
		s.sets[r.shard] = config.Between(r.from, r.to)
		texts[i] = fmt.Sprintf("range[%q]=%s", s.ids[r.shard], span(r.from, r.to))
	}
	slices.Sort(texts)
	s.print = "strategy=range/1\n" + strings.Join(texts, "\n")
}

func (s *byRange) Name() string        { return "range" }
func (s *byRange) Fingerprint() string { return s.print }

// Span is the range of a shard.
func (s *byRange) Span(id string) (config.Interval, bool) {
	shard, ok := s.index[id]
	if !ok {
		return config.Interval{}, false
	}
	for _, r := range s.ranges {
		if r.shard == shard {
			return config.Interval{From: r.from, To: r.to}, true
		}
	}
	return config.Interval{}, false
}

func (s *byRange) Check(keys []config.KeyColumn) error {
	if err := checkOne("range", keys, config.KindInt, config.KindTime, config.KindString, config.KindBytes); err != nil {
		return err
	}
	if keys[0].Kind == config.KindString && !keys[0].BytesOrder {
		return &config.ConfigError{Field: label(&keys[0]), Problem: "the column orders text otherwise than by bytes, so a range of it is not what the database means; " +
			"give it a binary collation, or shard by value, hash or alphabet"}
	}
	return nil
}

// home gives the shard of a value, or -1.
func (s *byRange) home(v config.Value) int {
	if v.Kind() != s.key.Kind {
		return -1
	}
	v = cut(&s.key, v)
	lo, hi := 0, len(s.ranges) // the first range that starts after v
	for lo < hi {
		mid := (lo + hi) / 2
		if r := &s.ranges[mid]; r.from.Open || r.from.Value.Compare(v) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return -1
	}
	if r := &s.ranges[lo-1]; r.to.Open || v.Compare(r.to.Value) < 0 {
		return r.shard
	}
	return -1
}

func (s *byRange) Place(key []config.Value) (string, error) {
	if len(key) != 1 {
		return "", s.missing
	}
	return s.place(key[0])
}

func (s *byRange) place(v config.Value) (string, error) {
	if v.IsNull() {
		return "", s.missing
	}
	if i := s.home(v); i >= 0 {
		return s.ids[i], nil
	}
	return "", s.notFound
}

func (s *byRange) Route(q config.RouteQuery) config.Routing {
	if len(q.Keys) != 1 || !readable(&s.key) {
		return config.Routing{All: true}
	}
	set := q.Keys[0]
	if _, single := set.Single(); single {
		return s.points(q.Known, set, s.home)
	}
	return s.some(q.Known, func(i int) bool { return set.Overlaps(s.sets[i]) })
}
