package strategies

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-dtde/dtde/config"
)

// byValue gives each shard a list of values, and optionally one shard the rest.
type byValue struct {
	roster
	refusals
	key      config.KeyColumn
	fold     bool
	text     map[string]int       // KindString, folded if fold
	typed    map[config.Value]int // every other kind
	values   [][]config.Value     // of each shard
	fallback int                  // the default shard, or -1
	rest     config.Set           // what the fallback holds
	print    string
}

func newByValue(spec config.StrategySpec, key config.KeyColumn, shards []config.Shard) (config.Strategy, error) {
	f := faults{field: label(&key)}
	s := &byValue{
		key: key, fold: spec.FoldCase, fallback: -1,
		refusals: newRefusals(&key, "no shard has this value of"),
		text:     map[string]int{}, typed: map[config.Value]int{},
	}
	if s.fold && key.Kind != config.KindString {
		f.add("folding case needs a text key")
	}
	explicit := map[string]*config.Shard{}
	for i := range shards {
		explicit[shards[i].ID] = &shards[i]
	}
	for _, id := range spec.Values {
		if slices.Contains(s.ids, id) {
			f.at(id, "the value is listed twice")
			continue
		}
		s.shard(&f, id, explicit[id], spec)
	}
	for i := range shards {
		id := shards[i].ID
		if _, done := s.index[id]; done || id == spec.Default && len(shards[i].Values) == 0 {
			continue
		}
		s.shard(&f, id, &shards[i], spec)
	}
	if spec.Default != "" {
		s.fallback = s.add(spec.Default)
		if s.fallback == len(s.values) {
			s.values = append(s.values, nil)
		}
	}
	if len(s.ids) == 0 {
		f.add("no shards: list values or give explicit shards")
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	s.finish()
	return s, nil
}

// shard adds a shard with its own values, or with its id as its one value.
func (s *byValue) shard(f *faults, id string, explicit *config.Shard, spec config.StrategySpec) {
	i := s.add(id)
	s.values = append(s.values, nil)
	given := []any{id}
	if explicit != nil && len(explicit.Values) > 0 {
		given = explicit.Values
	}
	for _, g := range given {
		v, ok := literal(&s.key, g, spec.Location)
		if !ok {
			f.at(id, "%v is no value of a key of kind %s", g, s.key.Kind)
			continue
		}
		if other := s.find(v); other >= 0 {
			if other == i {
				f.at(id, "the value %s is listed twice", v)
			} else {
				f.at(id, "the value %s belongs to shard %q already", v, s.ids[other])
			}
			continue
		}
		if s.key.Kind == config.KindString {
			text := v.AsString()
			if s.fold {
				text = string(appendFold(nil, text))
			}
			s.text[text] = i
		} else {
			s.typed[v] = i
		}
		s.values[i] = append(s.values[i], v)
	}
}

// finish computes what follows from the values: the rest, and the fingerprint.
func (s *byValue) finish() {
	all := slices.Concat(s.values...)
	s.rest = config.Points(all...).Complement()
	if s.key.Kind == config.KindBool && len(all) == 2 {
		s.rest = config.Set{}
	}
	type owner struct{ value, id string }
	var owners []owner
	for v, i := range s.typed {
		owners = append(owners, owner{v.String(), s.ids[i]})
	}
	for v, i := range s.text {
		owners = append(owners, owner{quote(v), s.ids[i]})
	}
	slices.SortFunc(owners, func(a, b owner) int { return strings.Compare(a.value, b.value) })
	var l lines
	l.add("strategy", "value/1")
	l.add("fold", fmt.Sprint(s.fold))
	listed := make([]string, len(owners))
	for n, o := range owners {
		l.add("value["+o.value+"]", quote(o.id))
		listed[n] = o.value
	}
	if s.fallback >= 0 {
		// One line with every value: rows of a value that is added later lie in the
		// default shard already, so adding one changes the placement.
		l.add("default", quote(s.ids[s.fallback])+" except "+strings.Join(listed, " "))
	}
	s.print = l.String()
}

func (s *byValue) Name() string        { return "value" }
func (s *byValue) Fingerprint() string { return s.print }

func (s *byValue) Check(keys []config.KeyColumn) error {
	return checkOne("value", keys, config.KindBool, config.KindInt, config.KindString, config.KindBytes, config.KindTime)
}

// find gives the shard that lists a value, or -1.
func (s *byValue) find(v config.Value) int {
	var i int
	var ok bool
	switch {
	case v.Kind() != config.KindString:
		i, ok = s.typed[v]
	case s.fold:
		var buf [64]byte
		i, ok = s.text[string(appendFold(buf[:0], v.AsString()))]
	default:
		i, ok = s.text[v.AsString()]
	}
	if !ok {
		return -1
	}
	return i
}

// home gives the shard of a value, or -1.
func (s *byValue) home(v config.Value) int {
	if v.Kind() != s.key.Kind {
		return -1
	}
	if i := s.find(cut(&s.key, v)); i >= 0 {
		return i
	}
	return s.fallback
}

func (s *byValue) Place(key []config.Value) (string, error) {
	if len(key) != 1 {
		return "", s.missing
	}
	return s.place(key[0])
}

func (s *byValue) place(v config.Value) (string, error) {
	if v.IsNull() {
		return "", s.missing
	}
	if i := s.home(v); i >= 0 {
		return s.ids[i], nil
	}
	return "", s.notFound
}

func (s *byValue) Route(q config.RouteQuery) config.Routing {
	if len(q.Keys) != 1 || !readable(&s.key) {
		return config.Routing{All: true}
	}
	set := q.Keys[0]
	if _, single := set.Single(); single || s.fold {
		// With folding a range says nothing of its keys' other spellings.
		return s.points(q.Known, set, s.home)
	}
	rest := s.fallback >= 0 && set.Overlaps(s.rest)
	return s.some(q.Known, func(i int) bool {
		return rest && i == s.fallback || slices.ContainsFunc(s.values[i], set.Contains)
	})
}
