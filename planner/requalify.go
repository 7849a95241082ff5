package planner

import "strings"

// Requalify replaces a table's name by another where it qualifies a column in a
// fragment of SQL with GORM's placeholders: `orders.amount + ?` becomes
// "`orders_eu`.amount + ?". to is what to write, quoted as the engine wants it. ok is
// false if the fragment can't be read, so that a qualifier could be missed.
func Requalify(d Dialect, fragment, from, to string) (text string, ok bool) {
	l := lexer{src: fragment, dialect: d, params: true}
	if l.lex(); l.fault != "" {
		return "", false
	}
	var b strings.Builder
	at := 0
	for i := range l.toks {
		t := l.toks[i]
		if t.kind != tokName && t.kind != tokQuoted || i+1 == len(l.toks) || l.toks[i+1].kind != tokDot {
			continue
		}
		name := fragment[t.from:t.to]
		if t.kind == tokQuoted {
			name = name[1 : len(name)-1]
		}
		if !equalFold(name, from) {
			continue
		}
		b.WriteString(fragment[at:t.from])
		b.WriteString(to)
		at = int(t.to)
	}
	b.WriteString(fragment[at:])
	return b.String(), true
}

func equalFold(a, b string) bool { return len(a) == len(b) && equalFoldASCII(a, b) }
