package planner

import (
	"slices"
	"strings"

	"github.com/go-dtde/dtde/config"
)

// notAlias are the words that can follow a table's name without being its alias.
var notAlias = []string{
	"as", "where", "on", "using", "join", "inner", "left", "right", "full", "outer", "cross", "natural", "straight_join",
	"group", "having", "order", "limit", "offset", "fetch", "for", "window", "union", "except", "intersect", "set",
	"returning", "values", "select", "tablesample", "use", "force", "ignore", "lock", "with", "partition", "qualify",
	"option", "when", "then", "and", "or", "not", "lateral", "procedure", "into",
}

// headWords can stand between the verb of a statement, or a word that a table follows, and
// the table's name.
var headWords = []string{
	"update", "insert", "replace", "merge", "from", "join", "straight_join", "into", "using", "only", "lateral", "table", "truncate",
	"low_priority", "high_priority", "delayed", "quick", "ignore",
}

// RewriteTables replaces, in SQL text as it goes to the engine, every entity's table
// that the text reads by what source gives for it: a derived table in parentheses. It
// keeps or adds the alias, so that qualifiers stay valid, and leaves placeholders where
// they are; source's text has none. tables are the entities that were replaced, once
// each, in the order of their first place; text without any comes back as it is.
//
// Text that writes to an entity's table, locks rows, or hides a logical name behind a
// WITH name of its own is a *config.UnsupportedError.
func RewriteTables(c *config.Catalog, d Dialect, sql string, quote func(string) string, source func(*config.Table) (string, error)) (text string, tables []*config.Table, err error) {
	return rewriteTables(c, d, sql, quote, source, func(*config.Table) bool { return false })
}

// RewriteBuilt is [RewriteTables] of a statement that dtde has aimed and GORM has built. An
// entity's only table that has the entity's own name stays as it stands: what the statement
// writes to is one such.
func RewriteBuilt(c *config.Catalog, d Dialect, sql string, quote func(string) string, source func(*config.Table) (string, error)) (text string, tables []*config.Table, err error) {
	return rewriteTables(c, d, sql, quote, source, func(t *config.Table) bool {
		return len(t.Shards) == 1 && t.Shards[0].Table == t.LogicalName && t.Shards[0].Database == ""
	})
}

func rewriteTables(c *config.Catalog, d Dialect, sql string, quote func(string) string, source func(*config.Table) (string, error), stays func(*config.Table) bool) (text string, tables []*config.Table, err error) {
	if c == nil || !mentions(c, sql) {
		return sql, nil, nil
	}
	r, fault := parseRaw(c, d, sql, nil)
	if fault != nil {
		return "", nil, fault
	}
	refs := slices.DeleteFunc(r.references(), func(ref reference) bool { return r.isAlias(ref.first) || stays(ref.table) })
	if len(refs) == 0 {
		return sql, nil, nil
	}
	if err := r.readable(refs); err != nil {
		return "", nil, err
	}
	var b strings.Builder
	at := 0
	seen := map[*config.Table]bool{}
	for _, ref := range refs {
		derived, err := source(ref.table)
		if err != nil {
			return "", nil, err
		}
		b.WriteString(r.sql[at : r.start+int(r.toks[ref.first].from)])
		b.WriteString(derived)
		if !r.aliased(ref.end) {
			b.WriteString(" AS " + quote(ref.table.LogicalName))
		}
		at = r.start + int(r.toks[ref.end-1].to)
		if !seen[ref.table] {
			seen[ref.table] = true
			tables = append(tables, ref.table)
		}
	}
	b.WriteString(r.sql[at:])
	return b.String(), tables, nil
}

// isAlias tells whether a name that stands where a table could is another one's alias, or,
// behind DELETE, the alias of what is deleted from. In doubt it is none.
func (r *rawParser) isAlias(i int) bool {
	switch {
	case i == 0 || !r.manipulates():
		return false
	case r.toks[i-1].kind == tokQuoted || r.keyword(i-1, "as"):
		return true
	case r.keyword(i-1, "delete"): // DELETE o FROM orders AS o; SQL Server also has DELETE orders WHERE …
		return r.keyword(r.untilClause(i+1), "from")
	case r.keyword(i-2, "or") && r.keyword(i-1, "abort", "fail", "replace", "rollback"): // SQLite's UPDATE OR …
		return false
	}
	return r.toks[i-1].kind == tokName && !r.keyword(i-1, headWords...)
}

// aliased tells whether the token i begins an alias.
func (r *rawParser) aliased(i int) bool {
	if i >= len(r.toks) {
		return false
	}
	if r.keyword(i, "as") {
		return true
	}
	return r.toks[i].kind == tokQuoted || r.toks[i].kind == tokName && !r.keyword(i, notAlias...) && !(r.keyword(i, "indexed") && r.keyword(i+1, "by"))
}

// readable refuses references that are more than read.
func (r *rawParser) readable(refs []reference) error {
	entity := refs[0].table.Name
	if !r.manipulates() {
		return rawRefusal(entity, "raw-shape", "SQL text that is no query and names a sharded table")
	}
	if r.keyword(0, "update", "delete") {
		for _, ref := range refs {
			if r.targets(ref) {
				return rawRefusal(ref.table.Name, "raw-shape", "SQL text that writes to a sharded table by its alias")
			}
		}
	}
	return r.onlyRead(refs)
}

// onlyRead refuses references that are written to or whose rows are locked, and names that
// hide them.
func (r *rawParser) onlyRead(refs []reference) error {
	for _, ref := range refs {
		if r.written(ref.first) {
			return rawRefusal(ref.table.Name, "raw-shape", "SQL text that writes to a sharded table among others")
		}
		if err := r.decorated(ref); err != nil {
			return err
		}
		if next := r.afterAlias(ref.end); r.keyword(next, "with") && next+1 < len(r.toks) && r.toks[next+1].kind == tokOpen {
			return rawRefusal(ref.table.Name, "raw-lock", "SQL text with a table hint on several shards")
		}
	}
	for i := range r.toks {
		switch {
		case r.keyword(i, "for") && r.keyword(i+1, "update", "share", "no", "key"), r.keyword(i, "lock") && r.keyword(i+1, "in"):
			return rawRefusal(refs[0].table.Name, "raw-lock", "SQL text that locks rows of several shards")
		case r.keyword(i, "as") && i > 0 && r.withName(i-1):
			return rawRefusal(refs[0].table.Name, "raw-with", "a WITH name that is a sharded table's")
		}
	}
	return nil
}

// written tells whether the name at i is what a statement writes to.
func (r *rawParser) written(i int) bool {
	k := i - 1
	for k >= 0 && (r.keyword(k, "only", "low_priority", "high_priority", "delayed", "ignore", "quick", "or", "abort", "fail", "rollback") ||
		r.toks[k].kind == tokOpen && r.keyword(k-1, "only") || r.keyword(k, "replace") && r.keyword(k-1, "or")) {
		k--
	}
	return r.keyword(k, "into", "update", "table", "truncate", "merge", "insert", "replace") ||
		r.keyword(k, "from") && r.keyword(k-1, "delete", "low_priority", "quick", "ignore") || r.deletes(i)
}

// deletes tells whether the name at i stands between DELETE and FROM.
func (r *rawParser) deletes(i int) bool {
	verb := r.verb()
	if !r.keyword(verb, "delete") || i < verb {
		return false
	}
	for k := verb + 1; k < i; k++ {
		if r.keyword(k, "from") {
			return false
		}
	}
	return true
}

// decorated refuses words about a table that a union of its shards can't have.
func (r *rawParser) decorated(ref reference) error {
	refuse := func(problem, hint string) error {
		return &config.UnsupportedError{Entity: ref.table.Name, Reason: "raw-table", Problem: problem, Hint: hint}
	}
	if ref.end-ref.first > 3 {
		return refuse("a table name with a database that may be another", "leave the database out")
	}
	if r.keyword(ref.first-1, "only") || r.toks[max(0, ref.first-1)].kind == tokOpen && r.keyword(ref.first-2, "only") {
		return refuse("SQL text with ONLY before a sharded table", "leave ONLY out: shards have no children")
	}
	for _, i := range []int{ref.end, r.afterAlias(ref.end)} {
		switch {
		case r.keyword(i, "use", "force", "ignore") && r.keyword(i+1, "index", "key"), r.keyword(i, "indexed") && r.keyword(i+1, "by"), r.keyword(i, "not") && r.keyword(i+1, "indexed"):
			return refuse("SQL text with an index hint on a sharded table", "use the builder with gorm.io/hints, which hints each shard's index")
		case r.keyword(i, "tablesample"), r.keyword(i, "partition") && i+1 < len(r.toks) && r.toks[i+1].kind == tokOpen, r.keyword(i, "for") && r.keyword(i+1, "system_time"):
			return refuse("SQL text that reads a part of a sharded table", "use WHERE, or the shard's own table name")
		}
	}
	return nil
}

// afterAlias is the token after a table's alias, if it has one.
func (r *rawParser) afterAlias(i int) int {
	if !r.aliased(i) {
		return i
	}
	if r.keyword(i, "as") {
		i++
	}
	return i + 1
}

// targets tells whether UPDATE x or DELETE x names the reference by its alias.
func (r *rawParser) targets(ref reference) bool {
	first := 1
	if len(r.toks) < 2 || r.toks[first].kind != tokName && r.toks[first].kind != tokQuoted {
		return false
	}
	_, target := r.identifier(first)
	name := ref.table.LogicalName
	if r.aliased(ref.end) {
		_, name = r.identifier(r.afterAlias(ref.end) - 1)
	}
	return foldASCII(target) == foldASCII(name)
}

// withName tells whether the token i, before AS, is the name of a WITH query that
// hides an entity's.
func (r *rawParser) withName(i int) bool {
	open := i + 2 // after AS, and perhaps NOT MATERIALIZED
	for r.keyword(open, "not", "materialized") {
		open++
	}
	if open >= len(r.toks) || r.toks[open].kind != tokOpen || !r.keyword(open+1, "select", "with", "values", "insert", "update", "delete") {
		return false
	}
	if r.toks[i].kind == tokClose { // WITH name (columns) AS
		depth := 0
		for ; i >= 0; i-- {
			if r.toks[i].kind == tokClose {
				depth++
			} else if r.toks[i].kind == tokOpen {
				if depth--; depth == 0 {
					break
				}
			}
		}
		i--
	}
	if i < 1 || !r.keyword(i-1, "with", "recursive") && r.toks[i-1].kind != tokComma {
		return false
	}
	return (r.toks[i].kind == tokName || r.toks[i].kind == tokQuoted) && r.entity(i, i+1) != nil
}
