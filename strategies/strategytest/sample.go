package strategytest

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/config"
)

// sample is one question put to a strategy: some keys, the shards that are known, and
// a set for each column.
type sample struct {
	keys  [][]config.Value
	known []string
	sets  []config.Set
}

// drawSample draws keys, some of the shards in some order, and sets that the first key
// mostly lies in.
func drawSample(t *rapid.T, s config.Strategy, columns []config.KeyColumn, gen func(*rapid.T) []config.Value) sample {
	var out sample
	for range rapid.IntRange(1, 6).Draw(t, "keys") {
		key := gen(t)
		for i := range key {
			key[i] = stored(&columns[i], key[i])
		}
		out.keys = append(out.keys, key)
	}
	if len(columns) > 0 && rapid.IntRange(0, 4).Draw(t, "null") == 0 {
		key := slices.Clone(out.keys[0])
		key[rapid.IntRange(0, len(key)-1).Draw(t, "null column")] = config.Null()
		out.keys = append(out.keys, key)
	}
	out.known = drawKnown(t, s, out.keys)
	for i := range columns {
		var values []config.Value
		for _, key := range out.keys {
			values = append(values, key[i])
		}
		out.sets = append(out.sets, drawSet(t, values))
	}
	return out
}

// stored brings a time to the column's resolution: strategies are given stored values.
func stored(k *config.KeyColumn, v config.Value) config.Value {
	const day = 24 * 60 * 60 * 1e9
	step := k.Precision
	if k.DateOnly {
		step = day
	}
	if v.Kind() != config.KindTime || step <= 0 {
		return v
	}
	return config.Time(v.AsTime().Truncate(step))
}

// drawKnown takes some of the shards that there are or that the keys need: mostly all
// of them, in the strategy's order, sometimes a few, sometimes in another order.
func drawKnown(t *rapid.T, s config.Strategy, keys [][]config.Value) []string {
	all := slices.Clone(s.Shards())
	if len(all) > 64 {
		at := rapid.IntRange(0, len(all)-64).Draw(t, "window")
		all = all[at : at+64 : at+64]
	}
	for _, key := range keys {
		if id, err := s.Place(key); err == nil && !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	if _, dynamic := s.(config.DynamicStrategy); dynamic {
		slices.Sort(all)
	}
	switch rapid.IntRange(0, 4).Draw(t, "known") {
	case 0:
		all = slices.DeleteFunc(all, func(string) bool { return rapid.Bool().Draw(t, "leave out") })
	case 1:
		if len(all) > 1 {
			all = rapid.Permutation(all).Draw(t, "order")
		}
	}
	return all
}

// drawSet draws a set about some values, in the forms that predicates have.
func drawSet(t *rapid.T, values []config.Value) config.Set {
	one := func() config.Value { return rapid.SampledFrom(values).Draw(t, "value") }
	bound := func() config.Bound {
		v := one()
		return config.Bound{Value: v, Inclusive: rapid.Bool().Draw(t, "inclusive"), Open: v.IsNull() || rapid.IntRange(0, 3).Draw(t, "open") == 0}
	}
	var set config.Set
	switch rapid.IntRange(0, 8).Draw(t, "form") {
	case 0:
		return config.Full()
	case 1:
		return config.NotNull()
	case 2, 3:
		set = config.Point(values[0])
	case 4:
		set = config.Points(values...)
	case 5:
		set = config.Points(one(), one())
	case 6:
		set = config.Point(one()).Complement()
	case 7:
		set = config.Between(bound(), bound())
	case 8:
		set = config.Between(bound(), bound()).Union(config.Points(one(), one()))
	}
	if rapid.IntRange(0, 5).Draw(t, "or null") == 0 {
		set = set.Union(config.Point(config.Null()))
	}
	return set
}
