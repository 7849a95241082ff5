package planner

// clauseEnds are the words that end a FROM or WHERE on its own level of parentheses.
var clauseEnds = []string{
	"where", "group", "having", "order", "limit", "offset", "fetch", "for", "window", "union", "except", "intersect",
	"returning", "option", "lock", "qualify", "procedure", "minus", "set",
}

// region reads the tokens [lo, hi), a statement or what stands in parentheses, and
// gives its level if it is a single SELECT.
func (g *together) region(lo, hi int, parent *level, top bool) *level {
	if !g.keyword(lo, "select") {
		g.inside(lo, hi, nil)
		return nil
	}
	var parts [][2]int
	from := lo
	for i := lo; i < hi; i++ {
		switch {
		case g.toks[i].kind == tokOpen || g.toks[i].word == wordCase:
			i = int(g.toks[i].at)
		case g.keyword(i, "union", "except", "intersect", "minus"):
			parts, from = append(parts, [2]int{from, i}), i+1
			if g.keyword(from, "all", "distinct") {
				from++
			}
		}
	}
	parts = append(parts, [2]int{from, hi})
	var only *level
	for _, p := range parts {
		if g.keyword(p[0], "select") {
			only = g.selects(p[0], p[1], parent, top)
			only.compound = len(parts) > 1
		} else {
			g.inside(p[0], p[1], parent)
		}
	}
	if len(parts) > 1 {
		return nil
	}
	return only
}

// inside looks for SELECTs in parentheses, and notes them with their level.
func (g *together) inside(lo, hi int, at *level) {
	for i := lo; i < hi; i++ {
		if g.toks[i].kind != tokOpen || !g.keyword(i+1, "select") {
			continue
		}
		sub := g.region(i+1, int(g.toks[i].at), at, false)
		if at != nil && sub != nil {
			at.subs[i] = sub
		}
		i = int(g.toks[i].at)
	}
}

// until is the next of the words on this level, from i on.
func (g *together) until(i, hi int, words ...string) int {
	for ; i < hi; i++ {
		if g.toks[i].kind == tokOpen || g.toks[i].word == wordCase {
			i = int(g.toks[i].at)
			continue
		}
		if g.keyword(i, words...) {
			return i
		}
	}
	return hi
}

// selects reads one SELECT.
func (g *together) selects(lo, hi int, parent *level, top bool) *level {
	at := &level{parent: parent, top: top, subs: map[int]*level{}}
	g.levels = append(g.levels, at)
	from := lo
	for {
		from = g.until(from, hi, append([]string{"from"}, clauseEnds...)...)
		if !g.keyword(from, "from") || !g.keyword(from-1, "distinct") {
			break
		}
		from++
	}
	at.list = [2]int{lo + 1, from}
	g.inside(lo+1, from, at)
	if g.keyword(from, "from") {
		from = g.from(at, from+1, hi)
	}
	for from < hi {
		end := g.until(from+1, hi, clauseEnds...)
		switch {
		case g.keyword(from, "where"):
			at.where = [2]int{from + 1, end}
		case g.keyword(from, "group"):
			at.group = [2]int{from + 2, end} // after BY
		case g.keyword(from, "limit", "offset", "fetch"):
			at.bounded = true
		}
		g.inside(from+1, end, at)
		from = end
	}
	return at
}

// from reads a FROM and gives the token after it.
func (g *together) from(at *level, i, hi int) int {
	left := false
	for i < hi {
		it := &item{left: left}
		i = g.item(at, it, i, hi)
		at.items = append(at.items, it)
		// hints, up to what joins the next table
		for i < hi && g.toks[i].kind != tokComma && !g.keyword(i, clauseEnds...) && !g.joining(i) && !g.keyword(i, "on", "using") {
			if g.toks[i].kind == tokOpen {
				i = int(g.toks[i].at)
			}
			i++
		}
		if g.keyword(i, "for") && g.keyword(i+1, "join", "order", "group") { // USE INDEX FOR JOIN
			at.odd = true
		}
		if g.keyword(i, "using") {
			at.odd = true
			for i < hi && !g.joining(i) && g.toks[i].kind != tokComma && !g.keyword(i, clauseEnds...) {
				i++
			}
		}
		if g.keyword(i, "on") {
			end := i + 1
			for end < hi && !g.joining(end) && g.toks[end].kind != tokComma && !g.keyword(end, clauseEnds...) {
				if g.keyword(end, "on") {
					at.odd = true // A JOIN B JOIN C ON … ON …
				}
				if g.toks[end].kind == tokOpen || g.toks[end].word == wordCase {
					end = int(g.toks[end].at)
				}
				end++
			}
			it.on = [2]int{i + 1, end}
			g.inside(i+1, end, at)
			i = end
		}
		left = false
		switch {
		case i >= hi || g.keyword(i, clauseEnds...):
			return i
		case g.toks[i].kind == tokComma:
			i++
			continue
		}
		for g.joining(i) {
			left = left || g.keyword(i, "left")
			if !g.keyword(i, "join", "inner", "left", "outer", "cross", "straight_join") {
				at.odd = true
			}
			i++
			if g.keyword(i-1, "join", "straight_join", "apply") {
				break
			}
		}
	}
	return i
}

// joining tells a word of JOIN.
func (g *together) joining(i int) bool {
	if g.keyword(i, "left", "right") && i+1 < len(g.toks) && g.toks[i+1].kind == tokOpen {
		return false // a function
	}
	return g.keyword(i, "join", "inner", "left", "right", "full", "outer", "cross", "natural", "straight_join", "apply", "semi", "anti", "asof")
}

// item reads one table with its alias and gives the token after it.
func (g *together) item(at *level, it *item, i, hi int) int {
	for g.keyword(i, "only", "lateral") {
		at.odd = true
		i++
	}
	switch {
	case i >= hi:
		at.odd = true
		return hi
	case g.toks[i].kind == tokOpen:
		end := int(g.toks[i].at) + 1
		switch src := g.union(i, end); {
		case src != nil:
			it.src = src
		case g.keyword(i+1, "select"):
			it.sub = g.region(i+1, end-1, nil, false)
		default:
			at.odd = true
			g.inside(i, end, at)
		}
		i = end
	case g.toks[i].kind == tokName || g.toks[i].kind == tokQuoted:
		end := g.qualified(i)
		it.alias = g.real(end - 1)
		if s, ok := g.shardAt(i, end); ok {
			it.src = &source{table: s.table, open: -1, branches: []branch{{shard: s.shard, bare: true}}}
		}
		if i = end; i < hi && g.toks[i].kind == tokOpen { // a function, or columns
			it.src = nil
			g.inside(i, int(g.toks[i].at), at)
			i = int(g.toks[i].at) + 1
		}
	default:
		at.odd = true
		return i + 1
	}
	if i < hi && g.aliased(i) && !g.joining(i) && !g.keyword(i, clauseEnds...) {
		next := g.afterAlias(i)
		it.alias = g.real(next - 1)
		if i = next; i < hi && g.toks[i].kind == tokOpen { // AS alias (columns)
			it.src, it.sub = nil, nil
		}
	}
	if it.src != nil {
		it.src.alias, it.src.top = it.alias, at.top
		it.src.allowed = map[string]bool{}
		for k := range it.src.branches {
			it.src.allowed[it.src.branches[k].shard.ID] = true
		}
		g.sources = append(g.sources, it.src)
	}
	return i
}

// union reads the tokens [open, end) as a union of one entity's shards, each under its
// own column names; nil if they are anything else.
func (g *together) union(open, end int) *source {
	src := &source{open: open, end: end}
	for i := open + 1; i < end-1; {
		b := branch{from: i}
		if !g.keyword(i, "select") {
			return nil
		}
		columns := map[string]bool{}
		for i++; ; i += 2 {
			if i+1 >= end || g.toks[i].kind != tokName && g.toks[i].kind != tokQuoted {
				return nil
			}
			columns[g.real(i)] = true
			if g.toks[i+1].kind != tokComma {
				i++
				break
			}
		}
		if !g.keyword(i, "from") {
			return nil
		}
		first := i + 1
		if first >= end || g.toks[first].kind != tokName && g.toks[first].kind != tokQuoted {
			return nil
		}
		i = g.qualified(first)
		s, ok := g.shardAt(first, i)
		if !ok || src.table != nil && src.table != s.table {
			return nil
		}
		for k := range s.table.Keys {
			if !columns[s.table.Keys[k].Column] {
				return nil
			}
		}
		src.table, b.shard, b.name = s.table, s.shard, [2]int{first, i}
		if i < end-1 && g.aliased(i) && !g.keyword(i, "union") {
			i = g.afterAlias(i)
		}
		b.bare = len(columns) == len(s.table.Schema.DBNames) && (i == end-1 || g.keyword(i, "union"))
		if i < end-1 && !g.keyword(i, "union", "where") {
			return nil
		}
		b.to = g.until(i, end-1, "union", "except", "intersect", "order", "limit", "group", "having")
		for k := b.from; k < b.to; k++ {
			b.fixed = b.fixed || g.toks[k].kind == tokValue
		}
		src.branches = append(src.branches, b)
		if i = b.to; i == end-1 {
			break
		}
		if !g.keyword(i, "union") || !g.keyword(i+1, "all") {
			return nil
		}
		i += 2
	}
	if src.table == nil {
		return nil
	}
	return src
}
