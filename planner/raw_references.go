package planner

import "github.com/go-dtde/dtde/config"

// rawParser reads SQL text that mentions a logical name.
type rawParser struct {
	analyser
	catalog *config.Catalog
	dialect Dialect
	args    []any
	sql     string
	start   int // bytes of sql before what was taken apart: EXPLAIN
}

// reference is an entity's table where a statement names a table.
type reference struct {
	table      *config.Table
	first, end int // tokens [first, end), with the namespace
}

// keyword tells whether the token i is this unquoted word, in lower case.
func (r *rawParser) keyword(i int, words ...string) bool {
	if i < 0 || i >= len(r.toks) {
		return false
	}
	t := r.toks[i]
	if t.kind != tokName && t.kind != tokBreaker || i > 0 && r.toks[i-1].kind == tokDot {
		return false
	}
	text := r.src[t.from:t.to]
	for _, w := range words {
		if len(text) == len(w) && equalFoldASCII(text, w) {
			return true
		}
	}
	return false
}

// clauseState is where in a statement, on one level of parentheses, a token stands.
type clauseState struct {
	// query tells that this level is a statement: its FROM names tables.
	query bool
	// from tells that the level is in a list of tables; expect that the next name is
	// a table's, always that every name is, up to the next clause.
	from, expect, always bool
}

// references finds the entities' tables wherever the text names tables.
func (r *rawParser) references() []reference {
	var refs []reference
	r.tables(func(first, end int) {
		if table := r.entity(first, end); table != nil {
			refs = append(refs, reference{table, first, end})
		}
	})
	return refs
}

// tables gives the tokens of every name that stands where the text names a table.
func (r *rawParser) tables(found func(first, end int)) {
	var stack []clauseState
	now := clauseState{}
	data := r.manipulates()
	for i := 0; i < len(r.toks); i++ {
		t := r.toks[i]
		switch t.kind {
		case tokOpen:
			stack = append(stack, now)
			// FROM (a JOIN b) and FROM (SELECT …): tables or a statement of its own.
			list := now.from && now.expect || r.keyword(i-1, "only") && (now.expect || now.always)
			now = clauseState{from: list, expect: list, query: list}
			continue
		case tokClose:
			if n := len(stack); n > 0 {
				now, stack = stack[n-1], stack[:n-1]
			}
			now.expect = false
			continue
		case tokComma:
			now.expect = now.from
			continue
		case tokName, tokQuoted, tokBreaker:
		default:
			continue
		}
		if t.kind != tokQuoted && r.clauseWord(i, &now) {
			continue
		}
		if t.kind == tokBreaker {
			continue
		}
		end := r.qualified(i)
		if now.expect || now.always || !data && r.namesTable(i) {
			found(i, end)
			now.expect = false
		}
		i = end - 1
	}
}

// clauseWord follows the clauses; it tells whether the token was such a word.
func (r *rawParser) clauseWord(i int, now *clauseState) bool {
	switch {
	case r.keyword(i, "select"):
		*now = clauseState{query: true}
	case r.keyword(i, "insert", "delete", "update", "replace", "merge"):
		// Between the verb and the table stand words of many kinds, or none.
		if r.begins(i) {
			*now = clauseState{query: true, always: true}
		}
	case r.keyword(i, "from"):
		if now.query && !r.keyword(i-1, "distinct") {
			now.from, now.expect, now.always = true, true, false
		}
	case r.keyword(i, "join", "straight_join"):
		now.from, now.expect = true, true
	case r.keyword(i, "into"):
		*now = clauseState{query: now.query, expect: true}
	case r.keyword(i, "using"):
		now.expect = true
	case r.keyword(i, "only", "lateral"):
		return now.expect
	case r.keyword(i, "on"):
		now.expect = false
	case r.keyword(i, "where", "group", "having", "order", "limit", "offset", "fetch", "window", "set", "returning", "values",
		"union", "except", "intersect", "for"):
		now.from, now.expect, now.always = false, false, false
	default:
		return false
	}
	return true
}

// begins tells whether a statement can begin at i.
func (r *rawParser) begins(i int) bool {
	return i == 0 || r.toks[i-1].kind == tokOpen || r.toks[i-1].kind == tokClose || r.keyword(i-1, "explain", "analyze", "as", "plan", "then")
}

// manipulates tells a query, or a statement that writes rows, from all others.
func (r *rawParser) manipulates() bool {
	return r.keyword(0, "select", "insert", "update", "delete", "replace", "with", "values", "merge") || len(r.toks) > 0 && r.toks[0].kind == tokOpen
}

// namesTable tells whether, in a statement that is not a query, a name at i is a table's.
func (r *rawParser) namesTable(i int) bool {
	if i > 0 && r.toks[i-1].kind == tokComma {
		return r.keyword(0, "drop", "truncate", "lock", "vacuum", "analyze", "optimize", "check", "repair", "checksum", "flush", "grant", "revoke") && r.depth(i) == 0
	}
	return r.keyword(i-1, "table", "exists", "only", "on", "references", "truncate", "from", "join", "into", "update", "view",
		"describe", "desc", "copy", "vacuum", "analyze", "lock", "explain", "like", "tables", "handler", "reindex", "cluster")
}

// qualified is the end of the dotted name that begins at i.
func (r *rawParser) qualified(i int) int {
	for i+2 < len(r.toks) && r.toks[i+1].kind == tokDot {
		next := i + 2
		if r.dialect.sqlserver() && next+1 < len(r.toks) && r.toks[next].kind == tokDot { // database..table
			next++
		}
		if r.toks[next].kind != tokName && r.toks[next].kind != tokQuoted {
			break
		}
		i = next
	}
	return i + 1
}

// entity finds the entity whose logical table the dotted name [first, end) is.
func (r *rawParser) entity(first, end int) *config.Table {
	if end-first > 5 {
		return nil
	}
	quoted, name := r.identifier(end - 1)
	for _, t := range r.catalog.Tables() {
		s := scope{dialect: r.dialect}
		if s.sameName(name, t.LogicalName, quoted) || foldASCII(name) == foldASCII(t.LogicalName) {
			if end-first == 1 {
				return t
			}
			if r.toks[end-3].kind == tokDot { // SQL Server's database..table
				return t
			}
			if _, ns := r.identifier(end - 3); r.sameSchema(foldASCII(ns), foldASCII(t.Namespace)) {
				return t
			}
		}
	}
	return nil
}

// sameSchema tells whether a table in schema ns can be the entity's: another schema
// may have a table of that name. MySQL's is the database's own name, which is not
// known here.
func (r *rawParser) sameSchema(ns, own string) bool {
	if own != "" {
		return ns == own
	}
	switch r.dialect.Name {
	case "postgres":
		return ns == "public"
	case "sqlite":
		return ns == "main"
	case "sqlserver":
		return ns == "dbo"
	}
	return true
}
