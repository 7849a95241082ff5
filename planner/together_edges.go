package planner

import "github.com/go-dtde/dtde/config"

// name is a column as the text has it: an alias, "" without one, and its own name.
type name struct{ alias, column string }

// equality is `a = b` between two columns.
type equality struct{ a, b name }

// connect finds out what the conditions of one level say of its items: the shards that
// each can be pruned to by itself, and the edges between them.
func (g *together) connect(at *level) {
	if at.odd || g.twice(at) {
		return
	}
	conditions := g.filters(at)
	var equal []equality
	for _, c := range conditions {
		equal = append(equal, g.equalities(c)...)
	}
	for i, it := range at.items {
		if it.src != nil {
			own := conditions
			if it.left {
				own = append([][2]int{it.on}, own...)
				if !g.rejects(it, conditions, equal) {
					own = own[:1]
				}
			}
			for _, c := range own {
				g.restrict(it.src, c)
			}
		}
		if it.left {
			on := g.equalities(it.on)
			for k := range i {
				g.link(at.items[k], it, on, false)
			}
			g.outward(at, it, on)
		}
		for k := range i {
			g.link(at.items[k], it, equal, true)
		}
		if !it.left || g.rejects(it, conditions, equal) {
			g.outward(at, it, equal)
		}
		for _, c := range conditions {
			g.semijoins(at, it, c)
		}
	}
}

// twice tells that an alias stands for two items.
func (g *together) twice(at *level) bool {
	for i, it := range at.items {
		for _, other := range at.items[:i] {
			if it.alias == "" || g.sameAlias(it.alias, other.alias) {
				return true
			}
		}
	}
	return false
}

// filters lists the conditions that hold for every row of the level: WHERE, the ON of
// inner joins, and the ON of a LEFT JOIN whose right side they do not let be NULL.
func (g *together) filters(at *level) [][2]int {
	var out [][2]int
	add := func(c [2]int) {
		if c[1] > c[0] {
			out = append(out, c)
		}
	}
	add(at.where)
	for _, it := range at.items {
		if !it.left {
			add(it.on)
		}
	}
	seen := map[*item]bool{}
	for changed := true; changed; {
		changed = false
		var equal []equality
		for _, c := range out {
			equal = append(equal, g.equalities(c)...)
		}
		for _, it := range at.items {
			if it.left && !seen[it] && g.rejects(it, out, equal) {
				seen[it], changed = true, true
				add(it.on)
			}
		}
	}
	return out
}

// rejects tells whether conditions are never true for a row in which all columns of
// the item are NULL.
func (g *together) rejects(it *item, conditions [][2]int, equal []equality) bool {
	for _, e := range equal {
		if e.a.alias != e.b.alias && (e.a.alias != "" && g.sameAlias(e.a.alias, it.alias) || e.b.alias != "" && g.sameAlias(e.b.alias, it.alias)) {
			return true
		}
	}
	if it.src == nil {
		return false
	}
	for _, c := range conditions {
		if p := g.predicate(it.src, c); !p.canBeNull() {
			return true
		}
	}
	return false
}

// canBeNull tells whether a row whose key is NULL throughout can be in the predicate.
func (p *Predicate) canBeNull() bool {
	for _, box := range p.Boxes {
		nulls := true
		for dim := range box {
			nulls = nulls && box[dim].HasNull()
		}
		if nulls {
			return true
		}
	}
	return false
}

// predicate reads a condition as one on a source's key.
func (g *together) predicate(s *source, c [2]int) Predicate {
	sc := newScope(s.table, s.alias, g.dialect)
	a := analyser{scope: sc, src: g.src, toks: g.toks, values: g.args}
	return sc.predicate(a.condition(c[0], c[1], false), nil)
}

// restrict prunes a source by a condition that holds for every row that matters.
func (g *together) restrict(s *source, c [2]int) {
	if c[1] <= c[0] {
		return
	}
	p := g.predicate(s, c)
	shards, _ := routeBoxes(s.table, &p)
	possible := map[string]bool{}
	for _, shard := range shards {
		possible[shard.ID] = true
	}
	for id := range s.allowed {
		s.allowed[id] = s.allowed[id] && possible[id]
	}
}

// conjuncts splits a condition at its ANDs; nothing if its structure is not certain.
func (g *together) conjuncts(c [2]int) [][2]int {
	lo, hi := c[0], c[1]
	for lo < hi && g.toks[lo].kind == tokOpen && int(g.toks[lo].at) == hi-1 {
		lo, hi = lo+1, hi-1
	}
	if lo >= hi {
		return nil
	}
	separator, ok := g.level(lo, hi)
	if !ok || separator == wordOr {
		return nil
	}
	if separator == wordNone {
		return [][2]int{{lo, hi}}
	}
	var out [][2]int
	for lo <= hi {
		end := g.next(lo, hi, wordAnd)
		out = append(out, g.conjuncts([2]int{lo, end})...)
		lo = end + 1
	}
	return out
}

// equalities lists what a condition demands of pairs of columns.
func (g *together) equalities(c [2]int) []equality {
	var out []equality
	for _, part := range g.conjuncts(c) {
		a, i := g.column(part[0], part[1])
		if i == 0 || i >= part[1] || g.toks[i].kind != tokOp || g.toks[i].word != opEq {
			continue
		}
		if b, end := g.column(i+1, part[1]); end == part[1] {
			out = append(out, equality{a, b})
		}
	}
	return out
}

// column reads a column's name at i and gives the token after it, 0 if there is none.
func (g *together) column(i, hi int) (n name, end int) {
	if i >= hi || g.toks[i].kind != tokName && g.toks[i].kind != tokQuoted {
		return n, 0
	}
	switch end = g.qualified(i); {
	case end > hi || end < hi && g.toks[end].kind == tokOpen:
		return n, 0
	case end-i == 1:
		return name{column: g.real(i)}, end
	case end-i == 3:
		return name{g.real(i), g.real(i + 2)}, end
	}
	return n, 0
}

// keys gives the source that an item shows, and the names of its key columns there;
// nil if it shows none.
func (g *together) keys(it *item) (*source, []string) {
	if it.src != nil {
		names := make([]string, len(it.src.table.Keys))
		for i := range names {
			names[i] = it.src.table.Keys[i].Column
		}
		return it.src, names
	}
	return g.exposed(it.sub)
}

// is tells whether n is the column of an item. A name without a qualifier is nobody's.
func (g *together) is(n name, it *item, column string) bool {
	return n.alias != "" && it.alias != "" && g.sameAlias(n.alias, it.alias) && g.sameColumn(n.column, column)
}

func (g *together) sameColumn(a, b string) bool {
	if g.dialect.sqlite() || g.dialect.mysql() {
		return foldASCII(a) == foldASCII(b)
	}
	return a == b
}

// joined tells whether equalities set every key column of a equal to that of b.
func (g *together) joined(a, b *item, equal []equality) (from, to *source) {
	if len(equal) == 0 {
		return nil, nil
	}
	from, mine := g.keys(a)
	to, theirs := g.keys(b)
	if from == nil || to == nil || from == to || !comparable(from.table, to.table) {
		return nil, nil
	}
	for k := range mine {
		found := false
		for _, e := range equal {
			found = found || g.is(e.a, a, mine[k]) && g.is(e.b, b, theirs[k]) || g.is(e.b, a, mine[k]) && g.is(e.a, b, theirs[k])
		}
		if !found {
			return nil, nil
		}
	}
	return from, to
}

// comparable tells whether equal keys of two entities are on shards of one id: those of
// one group, and an entity with itself.
func comparable(a, b *config.Table) bool {
	if a == b {
		for i := range a.Keys {
			if !a.Keys[i].BytesEqual {
				return false
			}
		}
		return len(a.Keys) > 0
	}
	return a.CoLocated(b)
}

// link adds the edge from a to b, and back, if equalities join them.
func (g *together) link(a, b *item, equal []equality, both bool) {
	from, to := g.joined(a, b, equal)
	if from == nil {
		return
	}
	g.edges = append(g.edges, edge{from, to})
	if both {
		g.edges = append(g.edges, edge{to, from})
	}
}

// outward adds edges from the items of the statements around a subquery.
func (g *together) outward(at *level, it *item, equal []equality) {
	for outer := at.parent; outer != nil && !outer.odd && !g.twice(outer); outer = outer.parent {
		for _, o := range outer.items {
			shadowed := false
			for inner := at; inner != outer; inner = inner.parent {
				for _, i := range inner.items {
					shadowed = shadowed || g.sameAlias(i.alias, o.alias)
				}
			}
			if !shadowed {
				g.link(o, it, equal, false)
			}
		}
	}
}

// semijoins adds the edges of `key IN (SELECT key …)`.
func (g *together) semijoins(at *level, it *item, c [2]int) {
	src, names := g.keys(it)
	if src == nil || len(names) != 1 {
		return
	}
	for _, part := range g.conjuncts(c) {
		n, i := g.column(part[0], part[1])
		if i == 0 || i+1 >= part[1] || !g.keyword(i, "in") || g.toks[i+1].kind != tokOpen || int(g.toks[i+1].at) != part[1]-1 || !g.is(n, it, names[0]) {
			continue
		}
		sub := at.subs[i+1]
		if inner, columns := g.exposed(sub); inner != nil && len(columns) == 1 && len(g.items(sub.list[0], sub.list[1])) == 1 && comparable(src.table, inner.table) {
			g.edges = append(g.edges, edge{src, inner}, edge{inner, src})
		}
	}
}

// exposed gives a source whose key a subquery passes on, and under which names. Dropping
// rows of the source drops the result's rows of that key, and changes no others.
func (g *together) exposed(sub *level) (*source, []string) {
	if sub == nil || sub.odd || sub.bounded || sub.compound || g.twice(sub) {
		return nil, nil
	}
	lo, hi := sub.list[0], sub.list[1]
	if g.keyword(lo, "distinct", "all") {
		lo++
	}
	if g.keyword(lo, "on", "top") {
		return nil, nil
	}
	grouped := sub.group[1] > sub.group[0]
	for i := lo; i < hi; i++ {
		if g.keyword(i, "over") || g.toks[i].kind == tokOpen && !grouped {
			return nil, nil
		}
	}
	for _, it := range sub.items {
		src, keys := g.keys(it)
		if src == nil {
			continue
		}
		names := make([]string, len(keys))
		complete := true
		for k := range keys {
			names[k] = g.output(sub, it, keys[k], lo, hi)
			complete = complete && names[k] != "" && (!grouped || g.groupedBy(sub, it, keys[k]))
		}
		if complete {
			return src, names
		}
	}
	return nil, nil
}

// output is the name under which a select list passes a column of an item on, or "".
func (g *together) output(sub *level, it *item, column string, lo, hi int) string {
	for _, part := range g.items(lo, hi) {
		i, end := part[0], part[1]
		switch {
		case end-i == 1 && g.toks[i].kind == tokStar && len(sub.items) == 1,
			end-i == 3 && g.toks[i+2].kind == tokStar && g.toks[i+1].kind == tokDot && g.sameAlias(g.real(i), it.alias):
			return column
		}
		n, next := g.column(i, end)
		if next == 0 || !g.is(n, it, column) && (n.alias != "" || len(sub.items) != 1 || !g.sameColumn(n.column, column)) {
			continue
		}
		if next == end {
			return n.column
		}
		if g.keyword(next, "as") {
			next++
		}
		if next == end-1 && (g.toks[next].kind == tokName || g.toks[next].kind == tokQuoted) {
			return g.real(next)
		}
	}
	return ""
}

// groupedBy tells whether a subquery groups by a column of an item.
func (g *together) groupedBy(sub *level, it *item, column string) bool {
	for _, part := range g.items(sub.group[0], sub.group[1]) {
		n, end := g.column(part[0], part[1])
		if end == part[1] && end > 0 && (g.is(n, it, column) || n.alias == "" && len(sub.items) == 1 && g.sameColumn(n.column, column)) {
			return true
		}
	}
	return false
}
