package planner

import (
	"slices"
	"strings"
)

// analyser evaluates a condition's tokens to the area of rows for which it can be
// true. NOT is pushed inward on the way: with negated set it gives the area for which
// the condition can be false. Rows for which it is NULL are in neither.
type analyser struct {
	scope  *scope
	src    string
	toks   []token
	values []any
	cols   []column
	// unknown lists what was not understood, although it may matter.
	unknown []string
}

// condition evaluates the tokens [lo, hi).
func (a *analyser) condition(lo, hi int, negated bool) area {
	for lo < hi && a.toks[lo].kind == tokOpen && int(a.toks[lo].at) == hi-1 {
		lo, hi = lo+1, hi-1
	}
	if lo >= hi {
		return a.giveUp(lo, hi)
	}
	separator, ok := a.level(lo, hi)
	switch {
	case !ok:
		return a.giveUp(lo, hi)
	case separator == wordOr:
		return a.parts(lo, hi, wordOr, negated, !negated)
	case separator == wordAnd:
		return a.parts(lo, hi, wordAnd, negated, negated)
	case a.toks[lo].word == wordNot:
		return a.condition(lo+1, hi, !negated)
	}
	return a.atom(lo, hi, negated)
}

// parts evaluates what stands between the separators and joins it: by union, or by
// intersection.
func (a *analyser) parts(lo, hi int, separator word, negated, union bool) area {
	out := everything()
	if union {
		out = nothing()
	}
	for lo <= hi {
		end := a.next(lo, hi, separator)
		part := a.condition(lo, end, negated)
		if union {
			out = out.or(part)
		} else {
			out = out.and(part)
		}
		lo = end + 1
	}
	return out
}

// next is the next separator outside of parentheses, or hi.
func (a *analyser) next(lo, hi int, separator word) int {
	betweens := 0
	for i := lo; i < hi; i++ {
		switch t := a.toks[i]; {
		case t.kind == tokOpen || t.word == wordCase:
			i = int(t.at)
		case t.word == wordBetween:
			betweens++
		case t.word == wordAnd && betweens > 0:
			betweens--
		case t.word == separator:
			return i
		}
	}
	return hi
}

// level tells what joins the conditions outside of parentheses: OR, AND or nothing.
// ok is false if the level has something on it whose binding is not certain.
func (a *analyser) level(lo, hi int) (separator word, ok bool) {
	betweens := 0
	for i := lo; i < hi; i++ {
		t := a.toks[i]
		switch t.kind {
		case tokOpen:
			i = int(t.at)
			continue
		case tokOpaque, tokBreaker, tokComma:
			return wordNone, false
		}
		switch t.word {
		case wordCase:
			i = int(t.at)
		case wordBetween:
			betweens++
		case wordAnd:
			if betweens > 0 {
				betweens--
			} else if separator == wordNone {
				separator = wordAnd
			}
		case wordOr:
			if betweens > 0 {
				return wordNone, false
			}
			separator = wordOr
		}
	}
	return separator, betweens == 0
}

// giveUp is every row, and notes the fragment if it may have to do with the key.
func (a *analyser) giveUp(lo, hi int) area {
	a.note(lo, hi)
	return anything()
}

func (a *analyser) note(lo, hi int) {
	if hi <= lo {
		return
	}
	relevant := false
	for i := lo; i < hi && !relevant; i++ {
		switch t := a.toks[i]; t.kind {
		case tokOpaque, tokBreaker:
			relevant = true
		case tokColumn:
			c := a.cols[t.at]
			relevant = c.dim >= 0 || !c.known
		case tokName, tokQuoted:
			_, name := a.identifier(i)
			for _, k := range a.scope.columns {
				relevant = relevant || a.scope.sameName(name, k.Column, t.kind == tokQuoted)
			}
		}
	}
	if !relevant || len(a.unknown) >= maxUnknown {
		return
	}
	if text := a.fragment(lo, hi); !slices.Contains(a.unknown, text) {
		a.unknown = append(a.unknown, text)
	}
}

// maxUnknown bounds the fragments that a predicate lists.
const maxUnknown = 8

// fragment is the text of tokens, with ? for values and names for columns, shortened.
func (a *analyser) fragment(lo, hi int) string {
	const most = 80
	var b strings.Builder
	for i := lo; i < hi && b.Len() < most; i++ {
		t := a.toks[i]
		if i > lo && t.from > a.toks[i-1].to || i > lo && (t.kind == tokOp || a.toks[i-1].kind == tokOp) && t.from > 0 && a.src[t.from-1] == ' ' {
			b.WriteByte(' ')
		}
		switch t.kind {
		case tokValue, tokString, tokInt:
			b.WriteByte('?')
		case tokOpaque:
			b.WriteString("(expression)")
		case tokColumn:
			if c := a.cols[t.at]; c.dim >= 0 {
				b.WriteString(a.scope.columns[c.dim].Column)
			} else {
				b.WriteString("column")
			}
		default:
			b.WriteString(a.src[t.from:t.to])
		}
	}
	s := strings.TrimSpace(b.String())
	if len(s) > most {
		s = s[:most] + "…"
	}
	return s
}

// identifier reads a name token's text without its quotes.
func (a *analyser) identifier(i int) (quoted bool, name string) {
	t := a.toks[i]
	name = a.src[t.from:t.to]
	if t.kind == tokQuoted {
		return true, unquote(name)
	}
	return false, name
}

// unquote drops the quotes of an identifier or string and undoubles those inside.
func unquote(s string) string {
	closing := s[len(s)-1:]
	body := s[1 : len(s)-1]
	if strings.Contains(body, closing) {
		body = strings.ReplaceAll(body, closing+closing, closing)
	}
	return body
}

// at tells whether the token i, if there is one, is this keyword.
func (a *analyser) at(i, hi int, w word) bool { return i < hi && a.toks[i].word == w }
