package strategies

import (
	"fmt"
	"slices"
	"sync"

	"github.com/go-dtde/dtde/config"
)

// computed routes by a value that the program derives from the key columns.
type computed struct {
	keys    []config.KeyColumn
	compute func([]config.Value) (config.Value, error)
	kind    config.Kind
	inner   config.Strategy
	keyed   keyed // inner, if it is built in
	missing error
	failed  error
	width   int
	dynamic bool
	exact   bool // every column may prune
	fields  sync.Pool
	print   string
}

// dynamicComputed is a computed key whose inner strategy makes shards at run time.
type dynamicComputed struct {
	*computed
	runtime config.DynamicStrategy
}

func newComputed(spec config.StrategySpec, keys []config.KeyColumn, shards []config.Shard) (config.Strategy, error) {
	f := faults{field: "strategy"}
	c := &computed{
		keys: slices.Clone(keys), compute: spec.Compute, kind: spec.InnerKind, width: len(keys),
		missing: fmt.Errorf("%w: a field of computed key %q is NULL or absent", config.ErrMissingShardKey, spec.ComputeName),
		failed:  fmt.Errorf("%w: key %q computes to nothing of kind %s", config.ErrShardNotFound, spec.ComputeName, spec.InnerKind),
		exact:   true,
	}
	if spec.Compute == nil {
		f.add("a computed key needs its function")
	}
	if spec.ComputeName == "" {
		f.add("a computed key needs a name for its function and version, such as \"country-of-phone/1\"")
	}
	if spec.InnerKind <= config.KindNull || spec.InnerKind > config.KindTime {
		f.add("a computed key needs the kind of what it computes")
	}
	for i := range keys {
		c.exact = c.exact && readable(&keys[i])
	}
	n := len(keys)
	c.fields.New = func() any { v := make([]config.Value, n); return &v }
	switch {
	case spec.Inner == nil:
		f.add("a computed key needs an inner strategy")
	case slices.Contains([]string{"composite", "computed", "maxrows"}, spec.Inner.Kind):
		f.add("the inner strategy of a computed key cannot be a %s strategy", spec.Inner.Kind)
	default:
		inner := *spec.Inner
		inner.Fields = []string{spec.ComputeName}
		column := config.KeyColumn{Column: spec.ComputeName, Kind: spec.InnerKind, BytesEqual: true, BytesOrder: true}
		s, err := New(inner, []config.KeyColumn{column}, shards)
		f.join(err)
		c.inner = s
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	c.keyed, _ = c.inner.(keyed)
	var l lines
	l.add("strategy", "computed/1")
	l.add("compute", quote(spec.ComputeName))
	l.add("kind", spec.InnerKind.String())
	l.nest("inner.", c.inner.Fingerprint())
	c.print = l.String()
	if d, ok := c.inner.(config.DynamicStrategy); ok {
		c.dynamic = true
		return &dynamicComputed{computed: c, runtime: d}, nil
	}
	return c, nil
}

func (c *computed) Name() string        { return "computed" }
func (c *computed) Fingerprint() string { return c.print }
func (c *computed) Shards() []string    { return c.inner.Shards() }

func (c *computed) Check(keys []config.KeyColumn) error {
	f := faults{field: "strategy"}
	if len(keys) != c.width {
		f.add("the key is computed from %d columns, not %d", c.width, len(keys))
	}
	for i := range keys {
		if keys[i].Kind <= config.KindNull || keys[i].Kind > config.KindTime {
			f.at(label(&keys[i]), "the column's kind cannot be a key")
		}
	}
	return f.err()
}

// Place computes the key and lets the inner strategy place it. A NULL field is a
// missing key: the function is never given one.
func (c *computed) Place(key []config.Value) (string, error) {
	if len(key) != c.width {
		return "", c.missing
	}
	// The function gets a copy: it is the program's, and must not reach into the row.
	fields := c.fields.Get().(*[]config.Value)
	defer c.fields.Put(fields)
	for i, v := range key {
		if v.IsNull() {
			return "", c.missing
		}
		(*fields)[i] = cut(&c.keys[i], v)
	}
	return c.placeFields(*fields)
}

func (c *computed) placeFields(fields []config.Value) (string, error) {
	v, err := c.compute(fields)
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: %w", c.failed, err)
	case v.IsNull():
		return "", c.missing
	case v.Kind() != c.kind:
		return "", c.failed
	case c.keyed != nil:
		return c.keyed.place(v)
	}
	return c.inner.Place([]config.Value{v})
}

// place is Place for a key of one column.
func (c *computed) place(v config.Value) (string, error) {
	if c.width != 1 || v.IsNull() {
		return "", c.missing
	}
	fields := c.fields.Get().(*[]config.Value)
	defer c.fields.Put(fields)
	(*fields)[0] = cut(&c.keys[0], v)
	return c.placeFields(*fields)
}

// Route computes the key of every combination of the sets' values, if there are not
// too many of them; a range of fields says nothing of what is computed from them.
func (c *computed) Route(q config.RouteQuery) config.Routing {
	all := config.Routing{All: true, Open: c.dynamic}
	if len(q.Keys) != c.width || !c.exact {
		return all
	}
	product := 1
	for _, set := range q.Keys {
		n, ok := count(set)
		if !ok || n > enumerable || product*n > enumerable {
			return all
		}
		product *= n
	}
	fields := c.fields.Get().(*[]config.Value)
	defer c.fields.Put(fields)
	if product == 0 {
		return config.Routing{}
	}
	if r, ok := c.routePoint(q, *fields); ok {
		return r
	}
	position := make(map[string]int, len(q.Known))
	for k, id := range q.Known {
		position[id] = k
	}
	hit := make([]bool, len(q.Known))
	wide, open := false, false
	var choose func(i int)
	choose = func(i int) {
		if i < c.width {
			each(q.Keys[i], func(v config.Value) bool {
				(*fields)[i] = cut(&c.keys[i], v)
				choose(i + 1)
				return !wide
			})
			return
		}
		id, err := c.placeFields(*fields)
		if err != nil {
			wide = wide || c.dynamic
			return
		}
		if k, known := position[id]; known {
			hit[k] = true
		} else {
			open = c.dynamic
		}
	}
	choose(0)
	if wide {
		return all
	}
	r := pick(q.Known, func(k int) bool { return hit[k] })
	r.Open = open
	return r
}

// routePoint is Route for one key; ok is false if the sets are more than that.
func (c *computed) routePoint(q config.RouteQuery, fields []config.Value) (r config.Routing, ok bool) {
	for i, set := range q.Keys {
		v, single := set.Single()
		if !single {
			return r, false
		}
		fields[i] = cut(&c.keys[i], v)
	}
	id, err := c.placeFields(fields)
	if err != nil {
		// A shard that was made before bounds were narrowed can still hold the key.
		return config.Routing{All: c.dynamic, Open: c.dynamic}, true
	}
	r = only(q.Known, id)
	r.Open = c.dynamic && len(r.IDs) == 0
	return r, true
}

// Owns and Upto are those of the inner strategy.
func (c *dynamicComputed) Owns(id string) bool { return c.runtime.Owns(id) }

func (c *dynamicComputed) Upto(until config.Value) ([]string, bool) { return c.runtime.Upto(until) }
