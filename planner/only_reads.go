package planner

// OnlyReads tells whether SQL text can be sent to a replica: it is a SELECT from tables that
// neither locks rows nor makes a table, or a WITH before one that writes nothing. A SELECT
// without FROM may be the call of a function that writes. Text that can't be taken apart
// counts as writing.
func OnlyReads(d Dialect, sql string) bool {
	l := lexer{src: sql, dialect: d, params: true}
	if l.lex(); l.fault != "" {
		return false
	}
	r := rawParser{dialect: d, sql: sql}
	r.analyser = analyser{src: sql, toks: l.toks}
	first := 0
	for first < len(r.toks) && r.toks[first].kind == tokOpen {
		first++
	}
	if !r.keyword(first, "select", "with") {
		return false
	}
	from := false
	for i := first; i < len(r.toks); i++ {
		switch {
		case r.keyword(i, "into", "insert", "update", "delete", "merge", "replace") && !r.calls(i):
			return false
		case r.keyword(i, "for") && r.keyword(i+1, "update", "share", "no", "key"), r.keyword(i, "lock") && r.keyword(i+1, "in"):
			return false
		case r.keyword(i, "from"):
			from = true
		}
	}
	return from
}

// calls tells whether a word is a function's name, such as REPLACE(…).
func (r *rawParser) calls(i int) bool {
	return i+1 < len(r.toks) && r.toks[i+1].kind == tokOpen
}
