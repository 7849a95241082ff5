package planner

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"gorm.io/gorm/clause"
)

// conjunction walks the conditions of a WHERE clause, which GORM joins by AND. A text
// that joins comparisons by AND itself, "a = ? AND b < ?", is walked one by one.
type conjunction struct {
	exprs []clause.Expression
	parts []compared // what is left of a text, and its values
	vars  []any
}

// compared is a comparison of a text, without its value.
type compared struct {
	name string
	op   word
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
		*out = condition{column: clause.Column{Name: c.parts[0].name}, op: c.parts[0].op, value: c.vars[0]}
		c.parts, c.vars = c.parts[1:], c.vars[1:]
		return true
	}
	if len(c.exprs) == 0 {
		return false
	}
	e := c.exprs[0]
	c.exprs = c.exprs[1:]
	if x, ok := e.(clause.Expr); ok && len(x.Vars) > 0 {
		if parts := comparisonsOf(x.SQL); len(parts) == len(x.Vars) {
			c.parts, c.vars = parts, x.Vars
			return c.next(out)
		}
	}
	column, op, value, ok := comparison(e)
	if *out = (condition{column: column, op: op, value: value}); !ok {
		out.other = e
	}
	return true
}

// comparisonsOf takes a text apart that is comparisons joined by AND; none if it is another.
func comparisonsOf(text string) []compared {
	if parts, known := (*knownTexts.Load())[text]; known {
		return parts
	}
	var parts []compared
	for rest := text; rest != ""; {
		var c compared
		var ok bool
		if c.name, c.op, rest, ok = firstComparison(rest); !ok {
			return nil
		}
		parts = append(parts, c)
	}
	remember(text, parts)
	return parts
}

// knownTexts remembers the comparisons of texts, which a program writes once and uses
// again and again. The map is never changed but replaced.
var (
	knownTexts  atomic.Pointer[map[string][]compared]
	learnsTexts sync.Mutex
)

func init() { knownTexts.Store(&map[string][]compared{}) }

// maxKnownTexts and maxKnownText (bytes) bound what is remembered.
const (
	maxKnownTexts = 512
	maxKnownText  = 256
)

func remember(text string, parts []compared) {
	if len(text) > maxKnownText || len(*knownTexts.Load()) >= maxKnownTexts {
		return
	}
	learnsTexts.Lock()
	defer learnsTexts.Unlock()
	next := maps.Clone(*knownTexts.Load())
	next[text] = parts
	knownTexts.Store(&next)
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
