package planner

import (
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/merge"
)

// havingReader reads a HAVING as a condition on merged groups: comparisons of counts, sums,
// least and greatest values, and of grouped columns, with whole numbers, put together by
// AND, OR and NOT. What only the database can compare is not read.
type havingReader struct {
	s *Statement
	g *grouper // what the HAVING needs beside its items is added

	text string
	toks []token
	at   int
}

// exactInFloats is up to where every whole number is a float of its own.
const exactInFloats = 1 << 53

// having reads the statement's HAVING; ok is false if it can't.
func (r *havingReader) having() (condition *merge.Condition, ok bool) {
	by, _ := r.s.Clauses["GROUP BY"].Expression.(clause.GroupBy)
	if len(by.Having) == 0 {
		return nil, true
	}
	all := merge.Condition{Op: merge.And}
	for _, e := range by.Having {
		x, isText := e.(clause.Expr)
		if !isText {
			return nil, false
		}
		if r.text, ok = withNumbers(x); !ok {
			return nil, false
		}
		l := lexer{src: r.text, dialect: r.s.Dialect}
		if l.lex(); l.fault != "" {
			return nil, false
		}
		r.toks, r.at = l.toks, 0
		part, ok := r.either()
		if !ok || r.at != len(r.toks) {
			return nil, false
		}
		all.Of = append(all.Of, part)
	}
	return &all, true
}

// withNumbers puts whole numbers in the placeholders' places; ok is false for other values,
// and for text in which a question mark may be something else.
func withNumbers(x clause.Expr) (text string, ok bool) {
	if strings.ContainsAny(x.SQL, "'\"`@#") || strings.Count(x.SQL, "?") != len(x.Vars) {
		return "", false
	}
	var b strings.Builder
	vars := x.Vars
	for _, c := range x.SQL {
		if c != '?' {
			b.WriteRune(c)
			continue
		}
		n, isInt := intOf(vars[0])
		if !isInt {
			return "", false
		}
		b.WriteString(strconv.FormatInt(n, 10))
		vars = vars[1:]
	}
	return b.String(), true
}

// intOf is the number that a Go integer holds.
func intOf(v any) (int64, bool) {
	switch v := v.(type) {
	case int:
		return int64(v), true
	case int64:
		return v, true
	case int32:
		return int64(v), true
	case int16:
		return int64(v), true
	case int8:
		return int64(v), true
	case uint:
		return int64(v), v <= exactInFloats
	case uint64:
		return int64(v), v <= exactInFloats
	case uint32:
		return int64(v), true
	case uint16:
		return int64(v), true
	case uint8:
		return int64(v), true
	}
	return 0, false
}

// take takes a word.
func (r *havingReader) take(w word) bool {
	if r.at < len(r.toks) && r.toks[r.at].kind == tokName && r.toks[r.at].word == w {
		r.at++
		return true
	}
	return false
}

func (r *havingReader) either() (merge.Condition, bool) {
	return r.chain(merge.Or, wordOr, func() (merge.Condition, bool) { return r.chain(merge.And, wordAnd, r.single) })
}

// chain reads parts between which a word stands.
func (r *havingReader) chain(op merge.ConditionOp, between word, part func() (merge.Condition, bool)) (merge.Condition, bool) {
	c := merge.Condition{Op: op}
	for {
		p, ok := part()
		if !ok {
			return c, false
		}
		if c.Of = append(c.Of, p); !r.take(between) {
			break
		}
	}
	if len(c.Of) == 1 {
		return c.Of[0], true
	}
	return c, true
}

// single reads NOT of a part, a part in parentheses, or a comparison.
func (r *havingReader) single() (merge.Condition, bool) {
	if r.take(wordNot) {
		c, ok := r.single()
		return negation(c), ok
	}
	if r.at < len(r.toks) && r.toks[r.at].kind == tokOpen {
		closing := int(r.toks[r.at].at)
		r.at++
		c, ok := r.either()
		if !ok || r.at != closing {
			return c, false
		}
		r.at++
		return c, true
	}
	return r.comparison()
}

func negation(c merge.Condition) merge.Condition {
	return merge.Condition{Op: merge.Not, Of: []merge.Condition{c}}
}

// havingOps are the comparisons.
var havingOps = map[word]merge.ConditionOp{
	opEq: merge.Equal, opNe: merge.NotEqual, opLt: merge.Less, opLe: merge.LessOrEqual, opGt: merge.Greater, opGe: merge.GreaterOrEqual,
}

// comparison reads `what op number`, `what [NOT] BETWEEN a AND b`, `what [NOT] IN (a, b)` or
// `what IS [NOT] NULL`.
func (r *havingReader) comparison() (c merge.Condition, ok bool) {
	if c.Column, ok = r.compared(); !ok || r.at >= len(r.toks) {
		return c, false
	}
	if r.take(wordIs) {
		not := r.take(wordNot)
		if c.Op, ok = merge.IsNull, r.take(wordNull); not {
			c = negation(c)
		}
		return c, ok
	}
	not := r.take(wordNot)
	if r.take(wordBetween) {
		low, high := c, c
		if low.Value, ok = r.number(); !ok || !r.take(wordAnd) {
			return c, false
		}
		high.Value, ok = r.number()
		low.Op, high.Op = merge.GreaterOrEqual, merge.LessOrEqual
		if c = (merge.Condition{Op: merge.And, Of: []merge.Condition{low, high}}); not {
			c = negation(c)
		}
		return c, ok
	}
	if r.take(wordIn) {
		return r.among(c, not)
	}
	t := r.toks[r.at]
	op, known := havingOps[t.word]
	if not || t.kind != tokOp || !known {
		return c, false
	}
	r.at++
	c.Op = op
	c.Value, ok = r.number()
	return c, ok
}

// among reads the list of `what [NOT] IN (a, b)`.
func (r *havingReader) among(what merge.Condition, not bool) (c merge.Condition, ok bool) {
	if r.at >= len(r.toks) || r.toks[r.at].kind != tokOpen {
		return c, false
	}
	closing := int(r.toks[r.at].at)
	c.Op = merge.Or
	for r.at < closing {
		r.at++ // the parenthesis or a comma
		one := what
		one.Op = merge.Equal
		if one.Value, ok = r.number(); !ok || r.at < closing && r.toks[r.at].kind != tokComma {
			return c, false
		}
		c.Of = append(c.Of, one)
	}
	if r.at++; not {
		c = negation(c)
	}
	return c, len(c.Of) > 0
}

// number reads a whole number.
func (r *havingReader) number() (n int64, ok bool) {
	from := r.at
	if r.at < len(r.toks) && r.toks[r.at].kind == tokMinus {
		r.at++
	}
	if r.at >= len(r.toks) || r.toks[r.at].kind != tokInt {
		return 0, false
	}
	r.at++
	text := r.text[r.toks[from].from:r.toks[from].to]
	if r.at-from == 2 {
		text += r.text[r.toks[from+1].from:r.toks[from+1].to]
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= -exactInFloats && n <= exactInFloats
}

// compared reads an aggregate, a grouped column or the name of a selected one, and gives
// its position in the merged groups.
func (r *havingReader) compared() (column int, ok bool) {
	from := r.at
	if r.at >= len(r.toks) || r.toks[r.at].kind != tokName {
		return 0, false
	}
	for r.at++; r.at < len(r.toks) && r.toks[r.at].kind == tokDot; r.at++ {
		if r.at++; r.at >= len(r.toks) || r.toks[r.at].kind != tokName {
			return 0, false
		}
	}
	if r.at < len(r.toks) && r.toks[r.at].kind == tokOpen {
		r.at = int(r.toks[r.at].at) + 1
	}
	text := r.text[r.toks[from].from:r.toks[r.at-1].to]
	if _, isColumn := r.s.columnOf(text); !isColumn && r.at == from+1 && !r.s.Dialect.postgres() {
		at := slices.IndexFunc(r.g.items, func(a aggregate) bool { return a.alias != "" && strings.EqualFold(a.alias, text) })
		return at, at >= 0 && r.numeric(&r.g.items[at])
	}
	items, known := r.s.aggregateItems(text)
	if !known || len(items) != 1 || items[0].alias != "" || !r.numeric(&items[0]) {
		return 0, false
	}
	// an alias is no aggregate's name, and may hide a column's
	if at := r.g.find(text); at >= 0 && r.g.items[at].function == items[0].function && r.g.items[at].ref == items[0].ref {
		return at, true
	}
	return r.g.hide(items[0])
}

// numeric tells that an item's values are numbers that compare as the database compares
// them: no averages of MariaDB and MySQL, which round them only when they are shown.
func (r *havingReader) numeric(item *aggregate) bool {
	switch item.function {
	case merge.Count, merge.Sum, merge.Variance:
		return true
	case merge.Avg:
		return !r.s.Dialect.mysql()
	}
	if f := item.ref.field; f != nil {
		return isNumber(f) && f.DataType != schema.Bool
	}
	return false
}
