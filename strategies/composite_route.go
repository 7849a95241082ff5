package strategies

import "github.com/go-dtde/dtde/config"

// Route asks each part about its own columns. What a part cannot rule out combines with
// what the others cannot.
func (c *composite) Route(q config.RouteQuery) config.Routing {
	if len(q.Keys) != c.width {
		return config.Routing{All: true, Open: c.dynamic}
	}
	if r, ok := c.routePoint(q); ok {
		return r
	}
	found, names := c.names.resolve(c, q.Known)
	answers := make([]answer, len(c.parts))
	for i := range c.parts {
		p := &c.parts[i]
		answers[i] = p.ask(q.Keys[p.from:p.to], i, found, names[i])
	}
	matched := 0
	r := pick(q.Known, func(k int) bool {
		if found[k].part == nil {
			return false
		}
		for i, n := range found[k].part {
			if !answers[i].allowed[n] {
				return false
			}
		}
		matched++
		return true
	})
	r.Open = c.dynamic && open(answers, matched)
	return r
}

// routePoint is the way for one key: it is placed, and its shard looked for.
func (c *composite) routePoint(q config.RouteQuery) (config.Routing, bool) {
	var buf [96]byte
	b := buf[:0]
	for i := range c.parts {
		p := &c.parts[i]
		if p.keyed == nil {
			return config.Routing{}, false
		}
		v, single := q.Keys[p.from].Single()
		if !single {
			return config.Routing{}, false
		}
		id, err := p.keyed.place(v)
		if err != nil {
			// The part may still know a shard for it, from before bounds were narrowed.
			return config.Routing{}, false
		}
		if i > 0 {
			b = append(b, '_')
		}
		b = append(b, id...)
	}
	for k := range q.Known {
		if q.Known[k] == string(b) {
			return config.Routing{IDs: q.Known[k : k+1 : k+1]}, true
		}
	}
	return config.Routing{Open: c.dynamic}, true
}

// answer is what a part says: which of its ids, by number, can hold matching rows, how
// many of them, and whether ids that do not exist yet can.
type answer struct {
	allowed []bool
	count   int
	open    bool
}

// ask routes one part over its fixed ids and those that occur in known shards.
func (p *part) ask(keys []config.Set, i int, found []combination, names []string) answer {
	occurs := make([]bool, len(names))
	for n := range p.fixed {
		occurs[n] = true
	}
	for _, f := range found {
		if f.part != nil && f.part[i] < len(names) {
			occurs[f.part[i]] = true
		}
	}
	known := make([]string, 0, len(names))
	numbers := make([]int, 0, len(names))
	for n, yes := range occurs {
		if yes {
			known = append(known, names[n])
			numbers = append(numbers, n)
		}
	}
	r := p.Route(config.RouteQuery{Keys: keys, Known: known})
	a := answer{allowed: make([]bool, len(names)), open: r.Open}
	at := 0
	for k, id := range known {
		if r.All || at < len(r.IDs) && r.IDs[at] == id {
			a.allowed[numbers[k]] = true
			a.count++
			at++
		}
	}
	return a
}

// open tells whether a key can live in a combination that is not known: every part has
// an id for it, and not all of their combinations were matched.
func open(answers []answer, matched int) bool {
	product, fresh := 1, false
	for _, a := range answers {
		if a.count == 0 && !a.open {
			return false
		}
		fresh = fresh || a.open
		product *= max(a.count, 1)
	}
	return fresh || product > matched
}
