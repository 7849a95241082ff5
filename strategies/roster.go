package strategies

import "github.com/go-dtde/dtde/config"

// roster is a fixed list of shard ids, in visiting order.
type roster struct {
	ids   []string
	index map[string]int
}

// add gives id's position, appending it if it is new.
func (r *roster) add(id string) int {
	if i, ok := r.index[id]; ok {
		return i
	}
	if r.index == nil {
		r.index = map[string]int{}
	}
	r.index[id] = len(r.ids)
	r.ids = append(r.ids, id)
	return len(r.ids) - 1
}

// Shards lists the ids.
func (r *roster) Shards() []string { return append([]string(nil), r.ids...) }

// at gives the position of a known shard in the roster; k is its position among the
// known ones, which usually is the same.
func (r *roster) at(id string, k int) (int, bool) {
	if k < len(r.ids) && r.ids[k] == id {
		return k, true
	}
	i, ok := r.index[id]
	return i, ok
}

// one is the routing to shard i, or to none if it is not known.
func (r *roster) one(known []string, i int) config.Routing {
	if i < len(known) && known[i] == r.ids[i] {
		return config.Routing{IDs: known[i : i+1 : i+1]}
	}
	return only(known, r.ids[i])
}

// some is the routing to the shards for which hit is true.
func (r *roster) some(known []string, hit func(i int) bool) config.Routing {
	return pick(known, func(k int) bool {
		i, ok := r.at(known[k], k)
		return ok && hit(i)
	})
}

// enumerable bounds the values that a set is taken apart into; a larger set is routed
// to all shards.
const enumerable = 10_000

// points is the routing for strategies that know nothing of order: each value of the
// set is placed by itself. place gives a position, or -1 for none.
func (r *roster) points(known []string, set config.Set, place func(config.Value) int) config.Routing {
	if v, ok := set.Single(); ok {
		if i := place(v); i >= 0 {
			return r.one(known, i)
		}
		return config.Routing{}
	}
	if n, ok := count(set); !ok || n > enumerable {
		return config.Routing{All: true}
	}
	hit, left := make([]bool, len(r.ids)), len(r.ids)
	each(set, func(v config.Value) bool {
		if i := place(v); i >= 0 && !hit[i] {
			hit[i] = true
			left--
		}
		return left > 0
	})
	return r.some(known, func(i int) bool { return hit[i] })
}

// only is the routing to one id, or to none if it is not known.
func only(known []string, id string) config.Routing {
	for k := range known {
		if known[k] == id {
			return config.Routing{IDs: known[k : k+1 : k+1]}
		}
	}
	return config.Routing{}
}

// pick is the routing to the known shards for which hit is true. Neighbours are cut
// out of known instead of being copied.
func pick(known []string, hit func(k int) bool) config.Routing {
	var out []string
	first, n := 0, 0
	for k := range known {
		if !hit(k) {
			continue
		}
		switch {
		case n == 0:
			first = k
		case out == nil && k != first+n:
			out = append(make([]string, 0, len(known)), known[first:first+n]...)
			fallthrough
		case out != nil:
			out = append(out, known[k])
		}
		n++
	}
	if out == nil {
		out = known[first : first+n : first+n]
	}
	return config.Routing{IDs: out}
}
