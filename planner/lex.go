package planner

import "strings"

// tokenKind is what a token is.
type tokenKind uint8

const (
	tokName    tokenKind = iota // an unquoted word
	tokQuoted                   // a quoted identifier
	tokString                   // a string literal
	tokInt                      // a decimal integer literal
	tokOp                       // a comparison; word says which
	tokMinus                    // -
	tokOpen                     // ( ; at is the index of its partner
	tokClose                    // )
	tokComma                    // ,
	tokDot                      // .
	tokStar                     // *
	tokValue                    // a bound value; at is its index
	tokColumn                   // a column that GORM quotes; at is its index
	tokOpaque                   // text that only the engine will see
	tokOther                    // anything else
	tokBreaker                  // something that binds weaker than AND and OR, or ends the condition
)

// word is a keyword or operator with a meaning of its own.
type word uint8

const (
	wordNone word = iota
	wordAnd
	wordOr
	wordNot
	wordIn
	wordIs
	wordNull
	wordBetween
	wordCase // at is the index of its END
	wordEnd
	wordTrue
	wordFalse

	opEq
	opNe
	opLt
	opLe
	opGt
	opGe
	opSame // <=> of MySQL: = that knows NULL
)

// token is one lexical element, a byte range of the text. It is small: an IN list of
// 10,000 values has 20,000 of them.
type token struct {
	kind     tokenKind
	word     word
	from, to int32
	at       int32
}

// mark is a place in rendered text where something else than text stands.
type mark struct {
	pos  int32
	kind tokenKind // tokValue, tokColumn or tokOpaque
	at   int32
}

// lexer splits SQL text into tokens. It gives up on everything whose extent depends
// on settings of the engine: then fault says why, and nothing of the text is known.
type lexer struct {
	src     string
	marks   []mark
	dialect Dialect
	params  bool // the text has the engine's own placeholders
	toks    []token
	fault   string
	stack   []int32 // open parentheses and CASEs
	nparam  int32
}

// lex runs the lexer to the end.
func (l *lexer) lex() {
	i, m := 0, 0
	for l.fault == "" {
		if m < len(l.marks) && int(l.marks[m].pos) <= i {
			if int(l.marks[m].pos) < i {
				l.fault = "a placeholder inside a literal or name"
				return
			}
			if l.marks[m].kind != tokColumn && (i > 0 && isWordByte(l.src[i-1]) || i < len(l.src) && isWordByte(l.src[i])) {
				l.fault = "a placeholder that runs into a word"
				return
			}
			l.toks = append(l.toks, token{kind: l.marks[m].kind, from: int32(i), to: int32(i), at: l.marks[m].at})
			m++
			continue
		}
		if i >= len(l.src) {
			break
		}
		next := l.one(i)
		if next <= i {
			return
		}
		i = next
	}
	if l.fault == "" && len(l.stack) > 0 {
		l.fault = "unbalanced parentheses"
	}
}

// one reads the token at i and gives the position after it; 0 means a fault.
func (l *lexer) one(i int) int {
	c := l.src[i]
	switch {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
		return i + 1
	case isWordStart(c):
		return l.name(i)
	case c >= '0' && c <= '9', c == '.' && i+1 < len(l.src) && isDigit(l.src[i+1]) && !l.afterName(i):
		return l.number(i)
	}
	switch c {
	case '(':
		l.stack = append(l.stack, int32(len(l.toks)))
		return l.add(tokOpen, wordNone, i, i+1)
	case ')':
		return l.closing(tokOpen, tokClose, wordNone, i, i+1)
	case ',':
		return l.add(tokComma, wordNone, i, i+1)
	case '.':
		return l.add(tokDot, wordNone, i, i+1)
	case '\'':
		return l.quoted(i, '\'', tokString)
	case '"':
		if l.dialect.mysql() {
			return l.quoted(i, '"', tokString)
		}
		return l.quoted(i, '"', tokQuoted)
	case '`':
		if l.dialect.mysql() || l.dialect.sqlite() {
			return l.quoted(i, '`', tokQuoted)
		}
	case '[':
		if l.dialect.sqlite() || l.dialect.sqlserver() {
			return l.quoted(i, ']', tokQuoted)
		}
	case ';':
		return l.fail("a statement separator")
	case 0:
		return l.fail("a zero byte")
	case '#':
		if l.dialect.mysql() {
			return l.lineComment(i)
		}
	case '-':
		if strings.HasPrefix(l.src[i:], "--") {
			return l.lineComment(i)
		}
		return l.add(tokMinus, wordNone, i, i+1)
	case '$', '@', '?', ':':
		return l.sigil(i)
	}
	return l.operator(i)
}

func (l *lexer) fail(why string) int { l.fault = why; return 0 }

func (l *lexer) add(k tokenKind, w word, from, to int) int {
	l.toks = append(l.toks, token{kind: k, word: w, from: int32(from), to: int32(to)})
	return to
}

// closing matches a closing token with its opening one.
func (l *lexer) closing(open, k tokenKind, w word, from, to int) int {
	n := len(l.stack)
	if n == 0 || l.toks[l.stack[n-1]].kind != open {
		return l.fail("unbalanced parentheses")
	}
	l.toks[l.stack[n-1]].at = int32(len(l.toks))
	l.stack = l.stack[:n-1]
	return l.add(k, w, from, to)
}

func (l *lexer) afterName(i int) bool {
	if n := len(l.toks); n > 0 && int(l.toks[n-1].to) == i {
		k := l.toks[n-1].kind
		return k == tokName || k == tokQuoted
	}
	return false
}

func (l *lexer) name(i int) int {
	j := i + 1
	for j < len(l.src) && isWordByte(l.src[j]) {
		j++
	}
	w, kind := wordNone, tokName
	if n := len(l.toks); n == 0 || l.toks[n-1].kind != tokDot {
		w, kind = keyword(l.src[i:j], l.dialect)
	}
	switch w {
	case wordCase:
		l.stack = append(l.stack, int32(len(l.toks)))
	case wordEnd:
		if n := len(l.stack); n == 0 || l.toks[l.stack[n-1]].word != wordCase {
			return l.fail("END without CASE")
		}
		return l.closing(tokName, kind, w, i, j)
	}
	return l.add(kind, w, i, j)
}

// markWithin tells whether a mark stands in [from, to].
func (l *lexer) markWithin(from, to int) bool {
	lo, hi := 0, len(l.marks)
	for lo < hi {
		if mid := (lo + hi) / 2; int(l.marks[mid].pos) < from {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo < len(l.marks) && int(l.marks[lo].pos) <= to
}

// sigil reads what begins with $, @, ? or a colon: a placeholder of the engine where
// such are expected, a variable, a cast.
func (l *lexer) sigil(i int) int {
	c, j := l.src[i], i+1
	for j < len(l.src) && isWordByte(l.src[j]) {
		j++
	}
	if l.params {
		return l.param(i, j)
	}
	switch {
	case c == '$' && l.dialect.postgres() && !(j > i+1 && isDigit(l.src[i+1])):
		return l.fail("a dollar quote")
	case c == '?' && j > i+1, c == ':' && j > i+1:
		return l.add(tokOther, wordNone, i, j)
	case c == ':':
		return l.operator(i)
	case c == '@' && j == i+1 && !l.dialect.mysql():
		return l.operator(i)
	}
	return l.add(tokOther, wordNone, i, j)
}

// param reads the engine's own placeholder; at is the position of its argument.
func (l *lexer) param(i, j int) int {
	body, at := l.src[i+1:j], int32(-1)
	switch c := l.src[i]; {
	case c == '?' && body == "" && (l.dialect.sqlite() || l.dialect.mysql()):
		at = l.nparam
		l.nparam++
	case c == '$' && l.dialect.postgres():
		at = ordinal(body)
	case c == '@' && l.dialect.sqlserver() && strings.HasPrefix(body, "p"):
		at = ordinal(body[1:])
	case c == ':' && strings.HasPrefix(l.src[i:], "::"), c == ':' && strings.HasPrefix(l.src[i:], ":="):
		return l.operator(i)
	}
	if at < 0 {
		return l.fail("a placeholder of another kind")
	}
	l.toks = append(l.toks, token{kind: tokValue, from: int32(i), to: int32(j), at: at})
	return j
}

// ordinal turns "3" into 2, and anything else than a positive number into -1.
func ordinal(s string) int32 {
	n := int32(0)
	for i := range len(s) {
		if !isDigit(s[i]) || n > 1<<20 {
			return -1
		}
		n = 10*n + int32(s[i]-'0')
	}
	return n - 1
}

const operatorBytes = "=<>!~|&^%*/+:@#?`\\{}[]"

// operator reads a run of operator characters as a whole: engines with operators of
// their own do the same.
func (l *lexer) operator(i int) int {
	j := i
	for j < len(l.src) && strings.IndexByte(operatorBytes, l.src[j]) >= 0 {
		if strings.HasPrefix(l.src[j:], "/*") {
			if j == i {
				return l.comment(i)
			}
			break
		}
		if j > i && (l.markWithin(j, j) || l.src[j] == '`' && !l.dialect.postgres()) {
			break // a value follows, or a quoted name
		}
		if j > i && l.params && (l.src[j] == '?' && !l.dialect.postgres() || l.src[j] == '@' && l.dialect.sqlserver()) {
			break // the engine's own placeholder follows
		}
		j++
	}
	kind, w := tokOther, wordNone
	switch run := l.src[i:j]; run {
	case "":
		return l.add(tokOther, wordNone, i, i+1)
	case "=":
		kind, w = tokOp, opEq
	case "==":
		if l.dialect.sqlite() {
			kind, w = tokOp, opEq
		}
	case "<>", "!=":
		kind, w = tokOp, opNe
	case "<":
		kind, w = tokOp, opLt
	case "<=":
		kind, w = tokOp, opLe
	case ">":
		kind, w = tokOp, opGt
	case ">=":
		kind, w = tokOp, opGe
	case "<=>":
		if l.dialect.mysql() {
			kind, w = tokOp, opSame
		}
	case "*":
		kind = tokStar
	default:
		if l.dialect.mysql() && (strings.Contains(run, "||") || strings.Contains(run, "&&") || strings.Contains(run, ":=")) {
			kind = tokBreaker
		}
	}
	return l.add(kind, w, i, j)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func isWordStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

func isWordByte(c byte) bool { return isWordStart(c) || isDigit(c) || c == '$' }
