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
	"option", "when", "then", "and", "or", "lateral", "procedure", "into",
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
	r := rawParser{catalog: c, dialect: d, sql: sql}
	l := lexer{src: sql, dialect: d, params: true}
	if l.lex(); l.fault != "" {
		return "", nil, rawRefusal("", "raw-text", "SQL text with "+l.fault+" that names a sharded table")
	}
	r.analyser = analyser{src: sql, toks: l.toks}
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
		b.WriteString(sql[at:r.toks[ref.first].from])
		b.WriteString(derived)
		if !r.aliased(ref.end) {
			b.WriteString(" AS " + quote(ref.table.LogicalName))
		}
		at = int(r.toks[ref.end-1].to)
		if !seen[ref.table] {
			seen[ref.table] = true
			tables = append(tables, ref.table)
		}
	}
	b.WriteString(sql[at:])
	return b.String(), tables, nil
}

// isAlias tells whether a name stands behind another, as its alias, or behind DELETE, as
// the alias of what is deleted from.
func (r *rawParser) isAlias(i int) bool {
	if i == 0 {
		return false
	}
	if r.toks[i-1].kind == tokQuoted || r.keyword(i-1, "as", "delete") {
		return true
	}
	return r.toks[i-1].kind == tokName && !r.keyword(i-1, "update", "from", "join", "straight_join", "into", "using", "only",
		"low_priority", "ignore", "quick", "lateral", "table", "merge", "truncate")
}

// aliased tells whether the token i begins an alias.
func (r *rawParser) aliased(i int) bool {
	if i >= len(r.toks) {
		return false
	}
	if r.keyword(i, "as") {
		return true
	}
	return r.toks[i].kind == tokQuoted || r.toks[i].kind == tokName && !r.keyword(i, notAlias...)
}

// readable refuses references that are more than read.
func (r *rawParser) readable(refs []reference) error {
	entity := refs[0].table.Name
	if !r.keyword(0, "select", "insert", "update", "delete", "replace", "with", "values", "merge") && (len(r.toks) == 0 || r.toks[0].kind != tokOpen) {
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
		k := ref.first - 1
		for r.keyword(k, "only", "low_priority", "ignore", "quick") {
			k--
		}
		if r.keyword(k, "into", "update", "table", "truncate", "merge") || r.keyword(k, "from") && r.keyword(k-1, "delete", "low_priority", "quick", "ignore") {
			return rawRefusal(ref.table.Name, "raw-shape", "SQL text that writes to a sharded table among others")
		}
	}
	for _, ref := range refs {
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
