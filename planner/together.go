package planner

import (
	"slices"
	"strings"

	"github.com/go-dtde/dtde/config"
)

// Read is one place at which SQL text reads an entity, as [Together] leaves it.
type Read struct {
	// Table is the entity.
	Table *config.Table
	// Alias is the name under which the entity stands there.
	Alias string
	// Shards are those that the text reads there, in visiting order.
	Shards []*config.Shard
	// Top tells a place in the statement's own FROM, not in a subquery's.
	Top bool
}

// Together narrows, in SQL text as it goes to the engine, the unions of entities that
// are co-located. Such a union is a derived table over the shards' tables, as
// [RewriteTables] and the executor write it. Where two places are joined on equality
// of their whole shard keys, each needs only the shards that the other one reads; and
// conditions on one's key prune it, too. When one shard remains, its table stands there
// without a union. args are the statement's.
//
// home is the database that the text is for, as config.Shard.Database has it: names
// without a [PlaceMark] are of tables there.
//
// Only what certainly changes no answer is dropped: text that is not understood stays
// as it is, and comes back with no reads. The placeholders are never touched.
func Together(c *config.Catalog, d Dialect, home, sql string, args []any, quote func(string) string) (text string, reads []Read) {
	if c == nil || !slices.ContainsFunc(c.Tables(), narrows) {
		return sql, nil
	}
	l := lexer{src: sql, dialect: d, params: true}
	if l.lex(); l.fault != "" {
		return sql, nil
	}
	g := &together{home: home, rawParser: rawParser{analyser: analyser{src: sql, toks: l.toks}, catalog: c, dialect: d, args: args, sql: sql}}
	g.physical()
	g.region(0, len(g.toks), nil, true)
	if g.hidden() {
		return sql, nil
	}
	for _, at := range g.levels {
		g.connect(at)
	}
	g.spread()
	return g.write(quote), g.reads()
}

// PlaceMark begins a qualifier of a table's name that tells the database of the shard: it
// is followed by the database's id.
const PlaceMark = "dtde@"

// narrows tells an entity of which parts of a text may need some shards only.
func narrows(t *config.Table) bool { return t.Group != "" || len(t.DatabaseIDs()) > 1 }

// together is the analysis of one text.
type together struct {
	rawParser
	home    string
	tables  map[string]tableShard // by the tables' own names, see tableName
	levels  []*level
	sources []*source
	edges   []edge
}

// tableShard is a shard by its table.
type tableShard struct {
	table *config.Table
	shard *config.Shard
}

// source is one place where the text reads shards of an entity.
type source struct {
	table *config.Table
	alias string
	top   bool
	// open and end are the tokens [open, end) of a union in parentheses; open is -1 for
	// a shard's table that stands there by itself.
	open, end int
	branches  []branch
	allowed   map[string]bool // ids
}

// branch is one SELECT of a union.
type branch struct {
	shard    *config.Shard
	from, to int // tokens
	// bare tells that it is all of the shard's rows; name are the tokens of its table.
	bare bool
	name [2]int
	// fixed tells that it holds placeholders, which are not to be dropped.
	fixed bool
}

// edge says that only rows of from's shards matter to to.
type edge struct{ from, to *source }

// level is one SELECT, without those inside it.
type level struct {
	parent *level
	top    bool
	items  []*item
	where  [2]int
	list   [2]int // the select list
	group  [2]int
	// odd tells that a row of the FROM need not come from a row of each item that is
	// joined by JOIN, or that names are not resolved by items alone.
	odd bool
	// bounded tells LIMIT and the like, by which dropped rows let others in.
	bounded bool
	// compound tells that it is a part of a UNION or the like.
	compound bool
	subs     map[int]*level // by their opening parenthesis
}

// item is one table of a FROM.
type item struct {
	alias string
	src   *source
	sub   *level
	left  bool // the right side of a LEFT JOIN
	on    [2]int
}

// physical lists the shards' tables by name.
func (g *together) physical() {
	g.tables = map[string]tableShard{}
	for _, t := range g.catalog.Tables() {
		if !narrows(t) {
			continue
		}
		for _, s := range t.Shards {
			g.tables[s.Database+"\x00"+s.Namespace()+"\x00"+s.Name()] = tableShard{t, s}
		}
	}
}

// shardAt finds the shard whose table the dotted name [first, end) is.
func (g *together) shardAt(first, end int) (tableShard, bool) {
	database, namespace := g.home, ""
	if end-first > 2 {
		if id, marked := strings.CutPrefix(g.real(first), PlaceMark); marked {
			database, first = id, first+2
		}
	}
	switch end - first {
	case 1:
	case 3:
		namespace = g.real(first)
	default:
		return tableShard{}, false
	}
	s, ok := g.tables[database+"\x00"+namespace+"\x00"+g.real(end-1)]
	return s, ok
}

// real is a name as the engine takes it.
func (g *together) real(i int) string {
	quoted, name := g.identifier(i)
	if !quoted && g.dialect.postgres() {
		return foldASCII(name)
	}
	return name
}

// sameAlias compares two aliases as the engine does, or treats more of them as one.
func (g *together) sameAlias(a, b string) bool {
	if g.dialect.postgres() {
		return a == b
	}
	return foldASCII(a) == foldASCII(b)
}

// hidden tells that a WITH name is a shard's table's, so that the text may not mean
// the table.
func (g *together) hidden() bool {
	for i := range g.toks {
		if !g.keyword(i, "as") || i == 0 || i+1 >= len(g.toks) || g.toks[i+1].kind != tokOpen && !g.keyword(i+1, "not", "materialized") {
			continue
		}
		if k := g.toks[i-1].kind; k == tokClose {
			return true // WITH name (columns) AS: rare enough not to look closer
		} else if k != tokName && k != tokQuoted {
			continue
		}
		if _, ok := g.shardAt(i-1, i); ok {
			return true
		}
	}
	return false
}

// spread follows the edges until nothing changes.
func (g *together) spread() {
	for changed := true; changed; {
		changed = false
		for _, e := range g.edges {
			for id, on := range e.to.allowed {
				if on && !e.from.allowed[id] {
					e.to.allowed[id] = false
					changed = true
				}
			}
		}
	}
}

// keeps tells whether a branch stays.
func (s *source) keeps(i int) bool {
	b := &s.branches[i]
	if b.fixed || s.allowed[b.shard.ID] {
		return true
	}
	for k := range s.branches { // some branch must stay; it gives no row that matters
		if o := &s.branches[k]; o.fixed || s.allowed[o.shard.ID] {
			return false
		}
	}
	return i == 0
}

// reads lists what is read now.
func (g *together) reads() []Read {
	reads := make([]Read, 0, len(g.sources))
	for _, s := range g.sources {
		r := Read{Table: s.table, Alias: s.alias, Top: s.top}
		for i := range s.branches {
			if s.keeps(i) {
				r.Shards = append(r.Shards, s.branches[i].shard)
			}
		}
		reads = append(reads, r)
	}
	return reads
}

// write writes the text without the branches that nobody needs.
func (g *together) write(quote func(string) string) string {
	var b strings.Builder
	at := 0
	unions := slices.Clone(g.sources)
	slices.SortFunc(unions, func(a, b *source) int { return a.open - b.open })
	for _, s := range unions {
		if s.open < 0 {
			continue
		}
		var kept []string
		var last *branch
		for i := range s.branches {
			if s.keeps(i) {
				last = &s.branches[i]
				kept = append(kept, g.src[g.toks[last.from].from:g.toks[last.to-1].to])
			}
		}
		if len(kept) == len(s.branches) && (len(kept) > 1 || !last.bare) {
			continue
		}
		union := "(" + strings.Join(kept, " UNION ALL ") + ")"
		if len(kept) == 1 && last.bare {
			union = g.src[g.toks[last.name[0]].from:g.toks[last.name[1]-1].to]
			if !g.aliased(s.end) {
				union += " AS " + quote(s.table.LogicalName)
			}
		}
		b.WriteString(g.src[at:g.toks[s.open].from])
		b.WriteString(union)
		at = int(g.toks[s.end-1].to)
	}
	if at == 0 {
		return g.src
	}
	b.WriteString(g.src[at:])
	return b.String()
}
