package planner

import (
	"slices"
	"strings"

	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/merge"
)

// aggregates reads what is selected.
func (s *Statement) aggregates() (items []aggregate, ok bool) {
	names := s.Selects
	if c, present := s.Clauses["SELECT"]; present && c.Expression != nil {
		switch e := c.Expression.(type) {
		case clause.Select:
			if x, isText := e.Expression.(clause.Expr); isText {
				return s.aggregateText(x)
			}
			if e.Expression != nil {
				return nil, false
			}
			if len(e.Columns) > 0 {
				names = nil
			}
			for _, column := range e.Columns {
				if column.Alias != "" || column.Table != "" && column.Table != clause.CurrentTable && column.Table != s.alias() {
					return nil, false
				}
				names = append(names, column.Name)
			}
		case clause.Expr:
			return s.aggregateText(e)
		default:
			return nil, false
		}
	}
	for _, name := range names {
		more, known := s.aggregateItems(name)
		if !known {
			return nil, false
		}
		items = append(items, more...)
	}
	return items, len(items) > 0
}

// aggregateText reads a select list of text; with a column in it that is GORM's Count.
func (s *Statement) aggregateText(e clause.Expr) (items []aggregate, ok bool) {
	if len(e.Vars) == 0 {
		return s.aggregateItems(e.SQL)
	}
	text := strings.ToLower(strings.ReplaceAll(e.SQL, " ", ""))
	if column, isColumn := e.Vars[0].(clause.Column); isColumn && len(e.Vars) == 1 && (text == "count(distinct(?))" || text == "count(?)") {
		if name, known := s.columnName(column.Name); known {
			a := aggregate{text: "COUNT(" + s.quoted(name) + ")", column: name, argument: s.quoted(name), ref: ref{field: s.Table.Schema.LookUpField(name), table: s.Table}, function: merge.Count}
			if text != "count(?)" {
				a.distinct, a.values, a.text = true, []string{a.argument}, "COUNT(DISTINCT "+a.argument+")"
			}
			return []aggregate{a}, true
		}
	}
	return nil, false
}

// aggregateItems reads text with columns and aggregates, separated by commas.
func (s *Statement) aggregateItems(text string) (items []aggregate, ok bool) {
	l := lexer{src: text, dialect: s.Dialect}
	if l.lex(); l.fault != "" || strings.ContainsAny(text, "?@") {
		return nil, false
	}
	from, depth := 0, 0
	for i, t := range l.toks {
		switch t.kind {
		case tokOpen:
			depth++
		case tokClose:
			depth--
		}
		last := i == len(l.toks)-1
		if !last && (t.kind != tokComma || depth > 0) {
			continue
		}
		end := i
		if last {
			end++
		}
		item, known := s.aggregateItem(text, l.toks[from:end], from)
		if !known {
			return nil, false
		}
		items, from = append(items, item), i+1
	}
	return items, len(items) > 0
}

// aggregateItem reads `expression [AS alias]` or `function(argument) [AS alias]`; base is
// the first token's position in the text.
func (s *Statement) aggregateItem(text string, toks []token, base int) (a aggregate, ok bool) {
	if len(toks) == 0 {
		return a, false
	}
	word := func(i int) string { return text[toks[i].from:toks[i].to] }
	named := func(i int) bool {
		return (toks[i].kind == tokName || toks[i].kind == tokQuoted) && toks[i].word == wordNone
	}
	a.text = text[toks[0].from:toks[len(toks)-1].to]
	if n := len(toks); n > 2 && named(n-1) && strings.EqualFold(word(n-2), "as") {
		a.alias, toks = unquoted(word(n-1)), toks[:n-2]
	} else if n > 1 && named(n-1) && (named(n-2) || toks[n-2].kind == tokClose) {
		a.alias, toks = unquoted(word(n-1)), toks[:n-1]
	}
	last := len(toks) - 1
	a.argument = text[toks[0].from:toks[last].to]
	if len(toks) < 2 || toks[1].kind != tokOpen { // no function
		if a.ref, ok = s.columnOf(a.argument); ok {
			a.function, a.column = merge.Key, s.own(a.ref)
			return a, true
		}
	}
	if a.function, a.spread, ok = s.functionOf(strings.ToLower(word(0))); !ok || len(toks) < 3 || toks[1].kind != tokOpen || int(toks[1].at)-base != last {
		if ok = s.sumOrZero(&a, text, toks, base); !ok {
			a.function = merge.Key // an expression that the statement may group by
			ok = rowByRow(text, toks)
		}
		return a, ok
	}
	if last < 3 {
		return a, false
	}
	first := 2
	if strings.EqualFold(word(first), "distinct") && toks[first].kind == tokName {
		if a.distinct, first = true, first+1; first == last {
			return a, false
		}
	}
	if a.distinct && toks[first].kind == tokOpen && int(toks[first].at)-base == last-1 && last-first == 3 { // count(distinct(a))
		first, last = first+1, last-1
	}
	from := first
	for i := first; i < last; i++ {
		if toks[i].kind == tokName && slices.Contains(notInArguments, strings.ToLower(word(i))) || toks[i].kind == tokName && toks[i].word == wordNone && i+1 < last && toks[i+1].kind == tokOpen && aggregating(word(i)) {
			return a, false
		}
		if toks[i].kind == tokComma && depthless(toks[first:i]) {
			if !a.distinct || a.function != merge.Count || i == from || !s.Dialect.mysql() {
				return a, false
			}
			a.values, from = append(a.values, text[toks[from].from:toks[i-1].to]), i+1
		}
	}
	if from == last {
		return a, false
	}
	a.argument = text[toks[first].from:toks[last-1].to]
	if a.ofDifferent() {
		a.values = append(a.values, text[toks[from].from:toks[last-1].to])
	}
	if a.ref, ok = s.columnOf(a.argument); ok {
		a.column = s.own(a.ref)
	}
	return a, true
}

// functionOf is the aggregate of a name.
func (s *Statement) functionOf(name string) (f merge.Func, of merge.Spread, ok bool) {
	switch name {
	case "count":
		return merge.Count, of, true
	case "sum":
		return merge.Sum, of, true
	case "min":
		return merge.Min, of, true
	case "max":
		return merge.Max, of, true
	case "avg":
		return merge.Avg, of, true
	}
	of, ok = spreads[name]
	return merge.Variance, of, ok && s.Dialect.postgres()
}

// sumOrZero reads COALESCE(SUM(…), 0). Each shard's own is what it adds to the total.
func (s *Statement) sumOrZero(a *aggregate, text string, toks []token, base int) bool {
	last := len(toks) - 1
	if last < 7 || toks[1].kind != tokOpen || int(toks[1].at)-base != last || toks[last-2].kind != tokComma || text[toks[last-1].from:toks[last-1].to] != "0" {
		return false
	}
	switch strings.ToLower(text[toks[0].from:toks[0].to]) {
	case "coalesce", "ifnull":
	default:
		return false
	}
	sum, ok := s.aggregateItem(text, toks[2:last-2], base+2)
	if !ok || sum.function != merge.Sum || sum.distinct || sum.orZero || sum.alias != "" {
		return false
	}
	sum.text, sum.alias, sum.orZero = a.text, a.alias, true
	*a = sum
	return true
}

// depthless tells that all parentheses of the tokens are closed.
func depthless(toks []token) bool {
	depth := 0
	for _, t := range toks {
		switch t.kind {
		case tokOpen:
			depth++
		case tokClose:
			depth--
		}
	}
	return depth == 0
}

// notInArguments are words after which an aggregate is more than one of rows.
var notInArguments = []string{"select", "order", "over", "filter", "separator", "within", "union"}

// aggregating tells a function that sums over rows, which can't stand in another.
func aggregating(name string) bool {
	switch strings.ToLower(name) {
	case "count", "sum", "min", "max", "avg":
		return true
	}
	return false
}

// quoted quotes a column's name.
func (s *Statement) quoted(name string) string {
	if s.Dialect.postgres() {
		return `"` + name + `"`
	}
	return "`" + name + "`"
}

func unquoted(name string) string { return strings.Trim(name, "\"`[]") }
