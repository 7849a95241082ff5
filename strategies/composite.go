package strategies

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-dtde/dtde/config"
)

// composite spreads rows by several keys at once: each part gives an id, and the
// shard's id is those of all parts, joined by "_".
type composite struct {
	parts   []part
	width   int // key columns of all parts
	missing error
	roster  // all combinations, unless a part makes shards at run time
	names   combinations
	dynamic bool
	print   string
}

// part is one strategy of a composite and its share of the key columns.
type part struct {
	config.Strategy
	dynamic config.DynamicStrategy // nil if the part is fixed
	keyed   keyed                  // nil if a single value cannot be placed by itself
	from    int                    // its columns are [from, to)
	to      int
	fixed   []string // Shards
}

// dynamicComposite is a composite that makes shards at run time.
type dynamicComposite struct{ *composite }

// maxCombinations bounds the shards of a composite.
const maxCombinations = 1 << 16

func newComposite(spec config.StrategySpec, keys []config.KeyColumn) (config.Strategy, error) {
	f := faults{field: "strategy"}
	c := &composite{missing: newRefusals(&config.KeyColumn{}, "").missing}
	if len(spec.Parts) < 2 {
		f.add("a composite needs at least two parts")
	}
	for i, sub := range spec.Parts {
		p := part{from: c.width}
		c.width += len(Fields(sub))
		p.to = c.width
		switch sub.Kind {
		case "composite", "maxrows":
			f.add("part %d: a composite's part cannot be a %s strategy", i+1, sub.Kind)
			continue
		}
		s, err := New(sub, keys[p.from:p.to], nil)
		if err != nil {
			f.join(err)
			continue
		}
		p.Strategy, p.fixed = s, s.Shards()
		if d, ok := s.(config.DynamicStrategy); ok {
			p.dynamic, c.dynamic = d, true
		}
		if k, ok := s.(keyed); ok && p.to == p.from+1 && readable(&keys[p.from]) {
			p.keyed = k
		}
		c.parts = append(c.parts, p)
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	c.names.init(c.parts)
	if c.dynamic {
		if !decodable(c.parts) {
			f.add("the parts' ids cannot be told apart once they are joined by \"_\": one id of a part is the start or the end of another; rename it")
		}
	} else {
		c.product(&f)
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	var l lines
	l.add("strategy", "composite/1")
	l.add("parts", fmt.Sprint(len(c.parts)))
	for i, p := range c.parts {
		l.nest(fmt.Sprintf("part%d.", i+1), p.Fingerprint())
	}
	c.print = l.String()
	if c.dynamic {
		return &dynamicComposite{c}, nil
	}
	return c, nil
}

// product lists all combinations of fixed parts, the first part's ids outermost.
func (c *composite) product(f *faults) {
	total := 1
	for _, p := range c.parts {
		if total *= len(p.fixed); total > maxCombinations {
			f.add("the parts combine to more than %d shards", maxCombinations)
			return
		}
	}
	combine(len(c.parts), func(i int) []string { return c.parts[i].fixed }, func(ids []string) {
		id := strings.Join(ids, "_")
		if other, twice := c.names.known[id]; twice {
			f.at(id, "two combinations give this id: %s and %s", strings.Join(other.ids(&c.names), " with "), strings.Join(ids, " with "))
			return
		}
		c.add(id)
		c.names.learn(id, ids)
	})
}

// combine calls f with every combination of one of each part's ids.
func combine(parts int, of func(i int) []string, f func(ids []string)) {
	ids := make([]string, parts)
	var choose func(i int)
	choose = func(i int) {
		if i == parts {
			f(ids)
			return
		}
		for _, id := range of(i) {
			ids[i] = id
			choose(i + 1)
		}
	}
	choose(0)
}

func (c *composite) Name() string        { return "composite" }
func (c *composite) Fingerprint() string { return c.print }

func (c *composite) Check(keys []config.KeyColumn) error {
	f := faults{field: "strategy"}
	if len(keys) != c.width {
		f.add("the parts take %d key columns, not %d", c.width, len(keys))
		return f.err()
	}
	for _, p := range c.parts {
		f.join(p.Check(keys[p.from:p.to]))
	}
	return f.err()
}

// Place joins what the parts say. A NULL anywhere is a missing key, whatever else is
// wrong; otherwise the first part that refuses decides the error.
func (c *composite) Place(key []config.Value) (string, error) {
	if len(key) != c.width {
		return "", c.missing
	}
	var buf [96]byte
	b := buf[:0]
	for i := range c.parts {
		p := &c.parts[i]
		id, err := p.Place(key[p.from:p.to])
		if err != nil {
			return "", c.refusal(key, i, err)
		}
		if i > 0 {
			b = append(b, '_')
		}
		b = append(b, id...)
	}
	return c.names.intern(c, b), nil
}

// refusal is the error of part i, unless a later part misses its key.
func (c *composite) refusal(key []config.Value, i int, err error) error {
	for _, p := range c.parts[i+1:] {
		if _, later := p.Place(key[p.from:p.to]); errors.Is(later, config.ErrMissingShardKey) && !errors.Is(err, config.ErrMissingShardKey) {
			return later
		}
	}
	return err
}

// split takes a joined id apart; nil if it is none.
func (c *composite) split(id string) []string {
	ids := make([]string, len(c.parts))
	if !c.splitFrom(0, id, ids) {
		return nil
	}
	return ids
}

// splitFrom tries every end of part i's id. At most one way succeeds, which decodable
// has made sure of.
func (c *composite) splitFrom(i int, rest string, ids []string) bool {
	if i == len(c.parts)-1 {
		ids[i] = rest
		return c.parts[i].reads(rest)
	}
	for end := range len(rest) {
		if rest[end] != '_' || !c.parts[i].reads(rest[:end]) {
			continue
		}
		if ids[i] = rest[:end]; c.splitFrom(i+1, rest[end+1:], ids) {
			return true
		}
	}
	return false
}

func (p *part) owns(id string) bool {
	return p.dynamic != nil && p.dynamic.Owns(id) || slices.Contains(p.fixed, id)
}

// reads tells whether id can be one of the part's. A date beyond the bounds can: its
// shard may have been made before they were narrowed, and its rows must be found.
func (p *part) reads(id string) bool {
	if d := dated(p.Strategy); d != nil {
		_, ok := d.parse(id)
		return ok
	}
	return p.owns(id)
}

// decodable tells whether every joined id comes from one combination only: up to some
// part ids are never the start of each other, and after it never the end.
func decodable(parts []part) bool {
	for k := range parts {
		ok := true
		for i := range parts {
			ok = ok && (i >= k || parts[i].codes(strings.HasPrefix, "%s_")) && (i <= k || parts[i].codes(strings.HasSuffix, "_%s"))
		}
		if ok {
			return true
		}
	}
	return false
}

// codes tells whether none of the part's ids has another, with the joint, at its start
// or end. Dates have one length; of other ids made at run time nothing is known.
func (p *part) codes(has func(s, affix string) bool, joint string) bool {
	if p.dynamic != nil {
		return dated(p.Strategy) != nil
	}
	for _, a := range p.fixed {
		for _, b := range p.fixed {
			if a != b && has(a, fmt.Sprintf(joint, b)) {
				return false
			}
		}
	}
	return true
}

// dated gives the strategy whose ids are those of dates of one unit, or nil.
func dated(s config.Strategy) *byDate {
	switch x := s.(type) {
	case *byDate:
		return x
	case *dynamicComputed:
		return dated(x.inner)
	}
	return nil
}

// Owns tells whether id is a combination of ids that the parts own.
func (c *dynamicComposite) Owns(id string) bool {
	ids := c.split(id)
	for i := range ids {
		if !c.parts[i].owns(ids[i]) {
			return false
		}
	}
	return ids != nil
}

// Upto combines what the parts list; it does not go by time if one that makes shards
// at run time does not.
func (c *dynamicComposite) Upto(until config.Value) ([]string, bool) {
	lists := make([][]string, len(c.parts))
	for i, p := range c.parts {
		lists[i] = p.fixed
		if p.dynamic != nil {
			ids, ok := p.dynamic.Upto(until)
			if !ok {
				return nil, false
			}
			lists[i] = ids
		}
	}
	var all []string
	combine(len(lists), func(i int) []string { return lists[i] }, func(ids []string) {
		all = append(all, strings.Join(ids, "_"))
	})
	return all, true
}
