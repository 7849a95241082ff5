package planner

import "slices"

// Written lists the tables that SQL text writes to, as it names them and without their
// schemas. Of an UPDATE or DELETE over several tables it lists all. ok is false if the text
// can't be taken apart.
func Written(d Dialect, sql string) (names []string, ok bool) {
	l := lexer{src: sql, dialect: d, params: true}
	if l.lex(); l.fault != "" {
		return nil, false
	}
	r := rawParser{dialect: d, sql: sql}
	r.analyser = analyser{src: sql, toks: l.toks}
	all := false
	for i := range r.toks {
		all = all || r.keyword(i, "update", "delete") && r.begins(i) && r.depth(i) == 0
	}
	between := []string{"only", "or", "low_priority", "high_priority", "delayed", "ignore", "quick", "rollback", "abort", "fail", "replace"}
	r.tables(func(first, end int) {
		k := first - 1
		for r.keyword(k, between...) {
			k--
		}
		if r.keyword(first, between...) {
			return
		}
		into := r.keyword(k, "into", "update", "table", "truncate", "merge") || r.keyword(k, "from") && r.keyword(k-1, append(between, "delete")...)
		if into || all && r.depth(first) == 0 {
			if _, name := r.identifier(end - 1); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	})
	return names, true
}
