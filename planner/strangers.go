package planner

import (
	"slices"
	"strings"

	"github.com/go-dtde/dtde/config"
)

// Strangers lists the tables that SQL text reads beside shards' tables of a database:
// what stands where a table does and is no shard there, no WITH name, and no function.
// Names with a schema are left to the program. Text that can't be taken apart has none.
func Strangers(c *config.Catalog, d Dialect, database, sql string) (names []string) {
	l := lexer{src: sql, dialect: d, params: true}
	if l.lex(); l.fault != "" {
		return nil
	}
	r := rawParser{catalog: c, dialect: d, sql: sql}
	r.analyser = analyser{src: sql, toks: l.toks}
	known := map[string]bool{}
	for _, t := range c.Tables() {
		for _, s := range t.Shards {
			if s.Database == database {
				known[strings.ToLower(s.Table)] = true
			}
		}
	}
	for i := range r.toks {
		if open := i + 1; r.keyword(i, "as") && i > 0 && open < len(r.toks) {
			for r.keyword(open, "not", "materialized") {
				open++
			}
			if open < len(r.toks) && r.toks[open].kind == tokOpen {
				_, name := r.identifier(r.withStart(i - 1))
				known[strings.ToLower(name)] = true
			}
		}
	}
	r.tables(func(first, end int) {
		_, name := r.identifier(first)
		switch {
		case end-first > 1, r.isAlias(first), end < len(r.toks) && r.toks[end].kind == tokOpen, known[strings.ToLower(name)]:
		case !slices.Contains(names, name):
			names = append(names, name)
		}
	})
	return names
}

// withStart is the token of a WITH name that ends at i, perhaps with its columns.
func (r *rawParser) withStart(i int) int {
	for depth := 0; i > 0; i-- {
		switch r.toks[i].kind {
		case tokClose:
			depth++
			continue
		case tokOpen:
			depth--
			continue
		}
		if depth == 0 {
			break
		}
	}
	return i
}
