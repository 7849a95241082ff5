package planner

import (
	"strings"

	"gorm.io/gorm/clause"
)

// conjunction walks the conditions of a WHERE clause, which GORM joins by AND. A text
// that joins comparisons by AND itself, "a = ? AND b < ?", is walked one by one.
type conjunction struct {
	exprs []clause.Expression
	text  string // what is left of a text, and its values
	vars  []any
}

// condition is one condition: column op value, or another expression.
type condition struct {
	column clause.Column
	op     word
	value  any
	other  clause.Expression
}

// next gives the next condition; more is false after the last.
func (c *conjunction) next(out *condition) (more bool) {
	if len(c.vars) > 0 {
		name, op, rest, _ := firstComparison(c.text)
		*out = condition{column: clause.Column{Name: name}, op: op, value: c.vars[0]}
		c.text, c.vars = rest, c.vars[1:]
		return true
	}
	if len(c.exprs) == 0 {
		return false
	}
	e := c.exprs[0]
	c.exprs = c.exprs[1:]
	if x, ok := e.(clause.Expr); ok && len(x.Vars) > 1 && onlyComparisons(x.SQL, len(x.Vars)) {
		c.text, c.vars = x.SQL, x.Vars
		return c.next(out)
	}
	column, op, value, ok := comparison(e)
	if *out = (condition{column: column, op: op, value: value}); !ok {
		out.other = e
	}
	return true
}

// onlyComparisons tells whether a text is n comparisons joined by AND.
func onlyComparisons(text string, n int) bool {
	for ; n > 0; n-- {
		var ok bool
		if _, _, text, ok = firstComparison(text); !ok || (text == "") != (n == 1) {
			return false
		}
	}
	return true
}

// firstComparison reads "name op ?" and the AND behind it; rest is what follows.
func firstComparison(text string) (name string, op word, rest string, ok bool) {
	end := strings.IndexByte(text, '?') + 1
	if name, op, ok = comparisonText(text[:end]); !ok {
		return "", 0, "", false
	}
	rest = strings.TrimLeft(text[end:], " ")
	if rest == "" {
		return name, op, "", true
	}
	if len(rest) < 5 || end < len(text) && text[end] != ' ' || !strings.EqualFold(rest[:3], "AND") || rest[3] != ' ' {
		return "", 0, "", false
	}
	rest = strings.TrimLeft(rest[3:], " ")
	return name, op, rest, rest != ""
}
