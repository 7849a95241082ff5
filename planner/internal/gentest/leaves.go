package gentest

import (
	"database/sql"
	"fmt"
	"strings"

	"gorm.io/gorm/clause"
	"pgregory.net/rapid"
)

type (
	namedText string
	namedInt  uint32
)

func region(t *rapid.T) any {
	r := rapid.SampledFrom(Regions).Draw(t, "region")
	switch rapid.IntRange(0, 6).Draw(t, "as") {
	case 0:
		return &r
	case 1:
		return namedText(r)
	case 2:
		return sql.NullString{String: r, Valid: true}
	case 3:
		return nil
	}
	return r
}

func code(t *rapid.T) any {
	c := rapid.SampledFrom(Codes).Draw(t, "code")
	switch rapid.IntRange(0, 8).Draw(t, "as") {
	case 0:
		return &c
	case 1:
		if c >= 0 && c < 100 {
			return namedInt(c)
		}
	case 2:
		return sql.NullInt64{Int64: c, Valid: rapid.Bool().Draw(t, "valid")}
	case 3:
		if c >= 0 && c < 100 {
			return fmt.Sprint(c)
		}
	case 4:
		return float64(rapid.IntRange(-1, 6).Draw(t, "half")) / 2
	case 5:
		return nil
	case 6:
		if c >= 0 {
			return uint64(c)
		}
	}
	return c
}

func instant(t *rapid.T) any {
	at := rapid.SampledFrom(Times).Draw(t, "time")
	switch rapid.IntRange(0, 4).Draw(t, "as") {
	case 0:
		return at.Format("2006-01-02")
	case 1:
		return at.Format("2006-01-02 15:04:05")
	case 2:
		return &at
	}
	return at
}

var operators = []string{"=", "<>", "!=", "<", "<=", ">", ">="}

// column draws a way to write a column's name.
func column(t *rapid.T, name string) string {
	return rapid.SampledFrom([]string{name, name, name, "orders." + name, strings.ToUpper(name)}).Draw(t, "name")
}

// leafText draws one comparison as text, with its arguments.
func leafText(t *rapid.T) (string, []any) {
	switch rapid.IntRange(0, 19).Draw(t, "leaf") {
	case 0, 1:
		return column(t, "region") + " " + rapid.SampledFrom(operators).Draw(t, "op") + " ?", []any{region(t)}
	case 2, 3:
		return column(t, "code") + rapid.SampledFrom(operators).Draw(t, "op") + "?", []any{code(t)}
	case 4:
		return column(t, "sold_at") + " " + rapid.SampledFrom(operators).Draw(t, "op") + " ?", []any{instant(t)}
	case 5:
		return "? " + rapid.SampledFrom(operators).Draw(t, "op") + " " + column(t, "code"), []any{code(t)}
	case 6:
		return column(t, "code") + rapid.SampledFrom([]string{" between ? and ?", " NOT BETWEEN ? AND ?"}).Draw(t, "between"), []any{code(t), code(t)}
	case 7:
		list := make([]any, rapid.IntRange(0, 4).Draw(t, "n"))
		for i := range list {
			list[i] = code(t)
		}
		return column(t, "code") + rapid.SampledFrom([]string{" IN ?", " in (?)", " NOT IN ?", " not in (?)"}).Draw(t, "in"), []any{list}
	case 8:
		return column(t, "region") + rapid.SampledFrom([]string{" IN ?", " not in (?)"}).Draw(t, "in"),
			[]any{rapid.SliceOfN(rapid.SampledFrom(Regions), 1, 3).Draw(t, "regions")}
	case 9:
		return column(t, "region") + rapid.SampledFrom([]string{" IS NULL", " is not null"}).Draw(t, "null"), nil
	case 10:
		return fmt.Sprintf("code %s %d", rapid.SampledFrom(operators).Draw(t, "op"), rapid.SampledFrom(Codes[:9]).Draw(t, "code")), nil
	case 11:
		return fmt.Sprintf("region = '%s'", rapid.SampledFrom(Regions).Draw(t, "region")), nil
	case 12:
		return fmt.Sprintf("code in (1, %d, -7)", rapid.SampledFrom(Codes[:9]).Draw(t, "code")), nil
	case 13:
		return rapid.SampledFrom([]string{"1 = 1", "1 = 0", "TRUE", "false", "NOT 1 = 2"}).Draw(t, "constant"), nil
	case 14:
		return "(region, code) IN ?", []any{[][]any{{rapid.SampledFrom(Regions).Draw(t, "r1"), rapid.SampledFrom(Codes).Draw(t, "c1")},
			{rapid.SampledFrom(Regions).Draw(t, "r2"), rapid.SampledFrom(Codes).Draw(t, "c2")}}}
	}
	return Unknown(t), nil
}

// Unknown draws a condition that the planner need not understand; some do not
// concern the key.
func Unknown(t *rapid.T) string {
	return rapid.SampledFrom([]string{
		"lower(region) = 'us'", "region LIKE 'U%'", "code % 2 = 0", "code + 1 = 2", "-code = 1", "amount > 3", "name = 'US'", "name = region",
		"region = name", "code = amount", "region || 'x' = 'USx'", "coalesce(code, 1) = 1", "code = 1 + 1", "region IN (SELECT 'US')",
		"EXISTS (SELECT 1 WHERE 1 = 0)", "CASE WHEN code = 1 AND region = 'US' THEN 1 ELSE 0 END", "(code = 1) = (1 = 0)", "(code = 1) IS NULL",
		"code = 1 IS NULL", "code BETWEEN 1 AND amount", "code NOT NULL", "+code = 5", "code = -amount", "amount = 1 OR code = 3", "abs(code) > 3",
	}).Draw(t, "unknown")
}

// Fragment draws a condition in text with AND, OR, NOT and parentheses, in the
// spellings that GORM does and does not notice.
func Fragment(t *rapid.T, depth int) (string, []any) {
	if depth == 0 || rapid.IntRange(0, 2).Draw(t, "stop") == 0 {
		return leafText(t)
	}
	left, args := Fragment(t, depth-1)
	right, more := Fragment(t, depth-1)
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
func clauseLeaf(t *rapid.T) (clause.Expression, string) {
	var col any = clause.Column{Table: rapid.SampledFrom([]string{"", "orders", clause.CurrentTable}).Draw(t, "table"), Name: "code"}
	var v any
	switch rapid.IntRange(0, 3).Draw(t, "column") {
	case 0:
		col, v = clause.Column{Name: "region"}, region(t)
	case 1:
		col, v = "sold_at", any(rapid.SampledFrom(Times).Draw(t, "time"))
	case 2:
		col, v = clause.PrimaryColumn, rapid.Int64Range(1, 60).Draw(t, "id")
	default:
		v = code(t)
	}
	switch kind := rapid.SampledFrom([]string{"eq", "neq", "gt", "gte", "lt", "lte", "in", "eqlist", "like", "expr"}).Draw(t, "clause"); kind {
	case "eq":
		return clause.Eq{Column: col, Value: v}, kind
	case "neq":
		return clause.Neq{Column: col, Value: v}, kind
	case "gt":
		return clause.Gt{Column: col, Value: v}, kind
	case "gte":
		return clause.Gte{Column: col, Value: v}, kind
	case "lt":
		return clause.Lt{Column: col, Value: v}, kind
	case "lte":
		return clause.Lte{Column: col, Value: v}, kind
	case "in":
		list := []any{v}
		for range rapid.IntRange(0, 3).Draw(t, "more") {
			list = append(list, code(t))
		}
		return clause.IN{Column: col, Values: list[rapid.IntRange(0, 1).Draw(t, "drop"):]}, kind
	case "eqlist":
		return clause.Eq{Column: clause.Column{Name: "code"}, Value: []int64{1, 2, rapid.SampledFrom(Codes).Draw(t, "code")}}, kind
	case "like":
		return clause.Like{Column: clause.Column{Name: "region"}, Value: "U%"}, kind
	}
	value := rapid.SampledFrom([]string{"1", "1 + 1", "1 OR code = 5", "(1)"}).Draw(t, "expr")
	return clause.Eq{Column: clause.Column{Name: "code"}, Value: clause.Expr{SQL: value}}, "code = " + value
}
