package planner

// keyword finds the meaning of an unquoted word in a condition.
func keyword(s string, d Dialect) (word, tokenKind) {
	if len(s) < 2 || len(s) > 9 {
		return wordNone, tokName
	}
	var buf [9]byte
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		buf[i] = c
	}
	switch string(buf[:len(s)]) {
	case "AND":
		return wordAnd, tokName
	case "OR":
		return wordOr, tokName
	case "NOT":
		return wordNot, tokName
	case "IN":
		return wordIn, tokName
	case "IS":
		return wordIs, tokName
	case "NULL":
		return wordNull, tokName
	case "BETWEEN":
		return wordBetween, tokName
	case "CASE":
		return wordCase, tokName
	case "END":
		return wordEnd, tokName
	case "TRUE":
		return wordTrue, tokName
	case "FALSE":
		return wordFalse, tokName
	case "XOR":
		if d.mysql() {
			return wordNone, tokBreaker
		}
	case "GROUP", "ORDER", "HAVING", "LIMIT", "OFFSET", "FETCH", "UNION", "EXCEPT", "INTERSECT", "MINUS",
		"FOR", "WINDOW", "RETURNING", "INTO", "LOCK", "PROCEDURE", "SELECT", "WHERE", "VALUES", "TABLE", "OPTION",
		"USING", "WITH", "QUALIFY":
		// What follows is no part of the condition any more.
		return wordNone, tokBreaker
	}
	return wordNone, tokName
}

// niladic are words that stand for functions when they are not quoted, so that a
// column of that name is not meant.
func niladic(name string) bool {
	switch name {
	case "user", "current_user", "session_user", "system_user", "current_role", "current_catalog", "current_schema",
		"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "utc_date", "utc_time",
		"utc_timestamp", "rowid", "oid", "default", "sysdate":
		return true
	}
	return false
}
