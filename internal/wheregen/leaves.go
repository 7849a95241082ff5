package wheregen

import (
	"fmt"
	"strings"

	"gorm.io/gorm/clause"
	"pgregory.net/rapid"
)

var operators = []string{"=", "<>", "!=", "<", "<=", ">", ">="}

func operator(t *rapid.T) string { return rapid.SampledFrom(operators).Draw(t, "op") }

// leafText draws one comparison as text, with its arguments.
func (m *Model) leafText(t *rapid.T) (string, []any) {
	c := m.column(t)
	name := m.spelled(t, c)
	space := rapid.SampledFrom([]string{" ", ""}).Draw(t, "space")
	switch rapid.IntRange(0, 16).Draw(t, "leaf") {
	case 0, 1, 2, 3:
		return name + space + operator(t) + space + "?", []any{c.value(t)}
	case 4:
		return "?" + space + operator(t) + space + name, []any{c.value(t)}
	case 5, 6:
		return name + rapid.SampledFrom([]string{" between ? and ?", " NOT BETWEEN ? AND ?"}).Draw(t, "between"), []any{c.value(t), c.value(t)}
	case 7:
		list := make([]any, rapid.IntRange(0, 4).Draw(t, "n"))
		for i := range list {
			list[i] = c.value(t)
		}
		return name + in(t), []any{list}
	case 8:
		list := make([]any, rapid.IntRange(1, 3).Draw(t, "n"))
		for i := range list {
			list[i] = c.plain(t)
		}
		return name + in(t), []any{list}
	case 9:
		return name + rapid.SampledFrom([]string{" IS NULL", " is not null"}).Draw(t, "null"), nil
	case 10, 11:
		if len(c.Literals) == 0 {
			break
		}
		return name + " " + operator(t) + " " + c.literal(t), nil
	case 12:
		if len(c.Literals) == 0 {
			break
		}
		return name + rapid.SampledFrom([]string{" in (", " NOT IN ("}).Draw(t, "in") + c.literal(t) + ", " + c.literal(t) + ")", nil
	case 13:
		return rapid.SampledFrom([]string{"1 = 1", "1 = 0", "TRUE", "false", "NOT 1 = 2"}).Draw(t, "constant"), nil
	case 14:
		d := m.column(t)
		return "(" + name + ", " + d.Name + ") IN ?", []any{[][]any{{c.plain(t), d.plain(t)}, {c.plain(t), d.plain(t)}}}
	}
	if len(m.Unknown) == 0 {
		return name + " = ?", []any{c.plain(t)}
	}
	return rapid.SampledFrom(m.Unknown).Draw(t, "unknown"), nil
}

func in(t *rapid.T) string {
	return rapid.SampledFrom([]string{" IN ?", " in (?)", " NOT IN ?", " not in (?)"}).Draw(t, "in")
}

func (c *Column) literal(t *rapid.T) string { return rapid.SampledFrom(c.Literals).Draw(t, "literal") }

// Fragment draws a condition in text with AND, OR, NOT and parentheses, in the
// spellings that GORM does and does not notice.
func (m *Model) Fragment(t *rapid.T, depth int) (string, []any) {
	if depth == 0 || rapid.IntRange(0, 2).Draw(t, "stop") == 0 {
		return m.leafText(t)
	}
	left, args := m.Fragment(t, depth-1)
	right, more := m.Fragment(t, depth-1)
	args = append(args, more...)
	switch rapid.IntRange(0, 5).Draw(t, "form") {
	case 0:
		return "NOT (" + left + ") AND " + right, args
	case 1:
		return "not " + left + "\nor\t" + right, args
	case 2:
		return "(" + left + " or " + right + ")", args
	case 3:
		return left + "\nAND\n" + right, args
	case 4:
		return left + "\tOR\n" + right, args
	}
	return left + rapid.SampledFrom([]string{" AND ", " OR ", " and ", " Or "}).Draw(t, "join") + right, args
}

// clauseLeaf draws one of GORM's own comparisons.
func (m *Model) clauseLeaf(t *rapid.T) (clause.Expression, string) {
	c := m.column(t)
	var col any = clause.Column{Table: rapid.SampledFrom([]string{"", m.Table, clause.CurrentTable}).Draw(t, "table"), Name: c.Name}
	v := c.value
	switch rapid.IntRange(0, 5).Draw(t, "column") {
	case 0:
		col = c.Name
	case 1:
		if len(m.Primary) > 0 {
			col = clause.PrimaryColumn
			v = func(t *rapid.T) any { return rapid.SampledFrom(m.Primary).Draw(t, "id") }
		}
	}
	kind := rapid.SampledFrom([]string{"eq", "neq", "gt", "gte", "lt", "lte", "in", "eqlist", "neqlist", "like", "expr"}).Draw(t, "clause")
	text := fmt.Sprintf("%s(%v, ", kind, col)
	one := func(make func(v any) clause.Expression) (clause.Expression, string) {
		drawn := v(t)
		return make(drawn), fmt.Sprintf("%s%#v)", text, drawn)
	}
	switch kind {
	case "eq":
		return one(func(v any) clause.Expression { return clause.Eq{Column: col, Value: v} })
	case "neq":
		return one(func(v any) clause.Expression { return clause.Neq{Column: col, Value: v} })
	case "gt":
		return one(func(v any) clause.Expression { return clause.Gt{Column: col, Value: v} })
	case "gte":
		return one(func(v any) clause.Expression { return clause.Gte{Column: col, Value: v} })
	case "lt":
		return one(func(v any) clause.Expression { return clause.Lt{Column: col, Value: v} })
	case "lte":
		return one(func(v any) clause.Expression { return clause.Lte{Column: col, Value: v} })
	case "like":
		return clause.Like{Column: clause.Column{Name: c.Name}, Value: "U%"}, text + "U%)"
	case "expr":
		if len(c.Exprs) > 0 {
			sql := rapid.SampledFrom(c.Exprs).Draw(t, "expr")
			return clause.Eq{Column: clause.Column{Name: c.Name}, Value: clause.Expr{SQL: sql}}, c.Name + " = " + sql
		}
	}
	list := make([]any, rapid.IntRange(0, 4).Draw(t, "n"))
	for i := range list {
		list[i] = v(t)
	}
	text += strings.TrimPrefix(fmt.Sprintf("%#v)", list), "[]interface {}")
	switch kind {
	case "eqlist":
		return clause.Eq{Column: col, Value: list}, text
	case "neqlist":
		return clause.Neq{Column: col, Value: list}, text
	}
	return clause.IN{Column: col, Values: list}, text
}
