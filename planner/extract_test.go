package planner_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// boxes prints a predicate's boxes, and what was not understood.
func boxes(p planner.Predicate) string {
	if len(p.Boxes) == 0 {
		return "nothing"
	}
	var texts []string
	for i, b := range p.Boxes {
		var sets []string
		for _, s := range b {
			sets = append(sets, s.String())
		}
		if p.IDs != nil {
			sets = append(sets, "id "+p.IDs[i].String())
		}
		texts = append(texts, strings.Join(sets, " × "))
	}
	text := strings.Join(texts, " or ")
	if len(p.Unknown) > 0 {
		text += " unknown: " + strings.Join(p.Unknown, "; ")
	}
	return text
}

func expr(text string, vars ...any) clause.Expression { return clause.Expr{SQL: text, Vars: vars} }

type region string

// TestExtractFragments covers what string conditions say about an integer key.
func TestExtractFragments(t *testing.T) {
	t.Parallel()
	code := hashed(t, 4)
	for text, want := range map[string]string{
		"code = 1 OR code = 2":                      "{[1, 2]}",
		"NOT (code = 1)":                            "{(, 0] [2, )}",
		"NOT code = 1":                              "{(, 0] [2, )}",
		"not not code = 1":                          "{1}",
		"code <> 1":                                 "{(, 0] [2, )}",
		"code != 1":                                 "{(, 0] [2, )}",
		"1 = code":                                  "{1}",
		"1 < code":                                  "{[2, )}",
		"code > 1 AND code <= 5":                    "{[2, 5]}",
		"code BETWEEN 3 AND 5":                      "{[3, 5]}",
		"code NOT BETWEEN 3 AND 5":                  "{(, 2] [6, )}",
		"code BETWEEN 3 AND 5 AND code <> 4":        "{3 5}",
		"code between 5 and 3":                      "nothing",
		"code IN (1, 2, 5)":                         "{1 2 5}",
		"code NOT IN (1, 2)":                        "{(, 0] [3, )}",
		"code IN (1, NULL)":                         "{1}",
		"code NOT IN (1, NULL)":                     "nothing",
		"code IS NULL":                              "{NULL}",
		"code IS NOT NULL":                          "{(, )}",
		"NOT code IS NULL":                          "{(, )}",
		"code = NULL":                               "nothing",
		"NOT code = NULL":                           "nothing",
		"code <> NULL":                              "nothing",
		"code = 1 AND code = 2":                     "nothing",
		"code = 1 AND name = 'US'":                  "{1}",
		"code = 1 OR name = 'US'":                   "all",
		"code = 1 AND (name = 'x' OR amount > 3)":   "{1}",
		"(code = 1 OR code = 3) AND amount = 2":     "{1 3}",
		"code = -7":                                 "{-7}",
		"code = - 7":                                "{-7}",
		"code >= -1 and code < 1":                   "{[-1, 0]}",
		"code = '5'":                                "{5}",
		"code = '05'":                               "all unknown: code = ?",
		"code = 5.0":                                "all unknown: code = 5.0",
		"code = 1e3":                                "all unknown: code = 1e3",
		"code = 0x10":                               "all unknown: code = 0x10",
		"code = 9223372036854775807":                "{9223372036854775807}",
		"code > 9223372036854775807":                "{[9223372036854775808, )}",
		"code = 18446744073709551615":               "{18446744073709551615}",
		"code = 99999999999999999999999":            "all unknown: code = ?",
		"code + 1 = 2":                              "all unknown: code + ? = ?",
		"code = 1 + 1":                              "all unknown: code = ? + ?",
		"abs(code) = 1":                             "all unknown: abs(code) = ?",
		"code = abs(1)":                             "all unknown: code = abs(?)",
		"code = amount":                             "all unknown: code = amount",
		"code = 1 AND abs(code) = 1":                "{1} unknown: abs(code) = ?",
		"code = 1 COLLATE NOCASE":                   "all unknown: code = ? COLLATE NOCASE",
		"code::text = '1'":                          "all unknown: code::text = ?",
		"code LIKE '1%'":                            "all unknown: code LIKE ?",
		"code = 1 -- or code = 2":                   "all unknown: a condition with a comment",
		"code = 1 /* x */":                          "all unknown: a condition with a comment",
		"code = 1; code = 2":                        "all unknown: a condition with a statement separator",
		"code IN (SELECT 1)":                        "all unknown: code IN (SELECT ?)",
		"code = (SELECT 1)":                         "all unknown: code = (SELECT ?)",
		"code = 1 AND EXISTS (SELECT 1)":            "{1} unknown: EXISTS (SELECT ?)",
		"code = 1 UNION SELECT 1":                   "all unknown: code = ? UNION SELECT ?",
		"amount = 1 GROUP BY x HAVING a AND code=1": "all unknown: amount = ? GROUP BY x HAVING a AND code=?",
		"code = 1 = 1":                              "all unknown: code = ? = ?",
		"code = 1 IS NULL":                          "all unknown: code = ? IS NULL",
		"(code) = (1)":                              "{1}",
		"((code)) = 1":                              "{1}",
		"((code = 1))":                              "{1}",
		"(code = 1":                                 "all unknown: a condition with unbalanced parentheses",
		"code = 1)":                                 "all unknown: a condition with unbalanced parentheses",
		"code = 'x":                                 "all unknown: a condition with an unterminated quote",
		"code = 1AND amount = 2":                    "all unknown: a condition with a number that runs into a word",
		"code = CASE WHEN amount AND 1 THEN 1 END":  "all unknown: code = CASE WHEN amount AND ? THEN ? END",
		"CASE WHEN code = 1 OR 1 THEN 1 END AND code = 2": "{2} unknown: CASE WHEN code = ? OR ? THEN ? END",
		"orders.code = 1":                    "{1}",
		"`orders`.`code` = 1":                "{1}",
		`"orders"."code" = 1`:                "{1}",
		"[orders].[code] = 1":                "{1}",
		"ORDERS.CODE = 1":                    "{1}",
		"o.code = 1":                         "all",
		"other.code = 1":                     "all",
		"main.orders.code = 1":               "all",
		"`code` = 1":                         "{1}",
		"code`=`1":                           "all unknown: code`=`?",
		"TRUE":                               "all",
		"FALSE":                              "nothing",
		"1 = 1":                              "all",
		"1 = 0":                              "nothing",
		"1 <> 1 OR code = 3":                 "{3}",
		"0":                                  "nothing",
		"":                                   "all",
		"name = 'code = 1'":                  "all",
		"name = 'it''s' AND code = 1":        "{1}",
		"(code, amount) = (1, 2)":            "{1}",
		"(amount, code) IN ((1, 2), (1, 3))": "{2 3}",
		"(code, amount) NOT IN ((1, 2))":     "all",
		"(code, code) = (1, 2)":              "nothing",
		"(code, amount) < (1, 2)":            "all unknown: (code, amount) < (?, ?)",
		"code == 1":                          "{1}",
		"code <=> 1":                         "all unknown: code <=> ?",
		"code = 1 || amount":                 "all unknown: code = ? || amount",
		"+code = 1":                          "all unknown: +code = ?",
		"code NOT NULL":                      "all unknown: code NOT NULL",
		"code = 1\nOR\ncode = 2":             "{[1, 2]}",
		"code = 1 AND code BETWEEN 1 AND 2 OR code=9": "{1 9}",
		"NOT (code = 1 AND lower(name) = 'x')":        "all",
		"NOT (code = 1 OR lower(name) = 'x')":         "{(, 0] [2, )}",
		"amount = 1 AND (SELECT code = 1 FROM x)":     "all unknown: SELECT code = ? FROM x",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var where []clause.Expression
			if text != "" {
				where = append(where, expr(text))
			}
			assert.Equal(t, want, boxes(planner.Extract(code, "orders", sqliteDialect, where)))
		})
	}
}

// TestExtractDialects covers what differs from engine to engine.
func TestExtractDialects(t *testing.T) {
	t.Parallel()
	tab := byRegion(t)
	for _, c := range []struct {
		d          planner.Dialect
		text, want string
	}{
		{mariadbDialect, `region = "US"`, `{"US"}`},
		{mariadbDialect, `region = "name"`, "all unknown: region = ?"}, // a column in ANSI_QUOTES mode
		{sqliteDialect, `region = "US"`, `all unknown: region = "US"`},
		{sqliteDialect, `"region" = 'US'`, `{"US"}`},
		{postgresDialect, `"region" = 'US'`, `{"US"}`},
		{postgresDialect, `"REGION" = 'US'`, "all"},
		{postgresDialect, `REGION = 'US'`, `{"US"}`},
		{sqliteDialect, `"REGION" = 'US'`, `{"US"}`},
		{sqlserverDialect, `[region] = 'US'`, `{"US"}`},
		{sqlserverDialect, `REGION = 'US'`, "all"},
		{postgresDialect, "`region` = 'US'", "all unknown: `region` = ?"},
		{mariadbDialect, `region <=> 'US'`, `{"US"}`},
		{mariadbDialect, `NOT region <=> 'US'`, `{(, "US") ("US", ) NULL}`},
		{mariadbDialect, `region <=> NULL`, "{NULL}"},
		{mariadbDialect, `NOT region <=> NULL`, "{(, )}"},
		{mariadbDialect, `region = 'US' || region = 'EU'`, "all unknown: region = ? || region = ?"},
		{mariadbDialect, `region = 'US' XOR name = 'x'`, "all unknown: region = ? XOR name = ?"},
		{mariadbDialect, `region = 'US' && name = 'x'`, "all unknown: region = ? && name = ?"},
		{mariadbDialect, `region = 'U\'S' OR region = 'x'`, "all unknown: a condition with a backslash in a string"},
		{mariadbDialect, `region = 'US' # x`, "all unknown: a condition with a comment"},
		{sqliteDialect, `region = 'U\S'`, `{"U\\S"}`},
		{postgresDialect, `region = E'US'`, "all unknown: region = E?"},
		{postgresDialect, `region = $$US$$`, "all unknown: a condition with a dollar quote"},
		{postgresDialect, `region = 'US'::text`, "all unknown: region = ?::text"},
		{postgresDialect, `region = ANY('{US}')`, "all unknown: region = ANY(?)"},
		{postgresDialect, `data ? 'US' AND region = 'US'`, `{"US"}`},
		{postgresDialect, `region != 'US'`, `{(, "US") ("US", )}`},
		{mariadbDialect, `user = 'US'`, "all"},
	} {
		t.Run(c.d.Name+" "+c.text, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, boxes(planner.Extract(tab, "orders", c.d, []clause.Expression{expr(c.text)})))
		})
	}
}

// TestExtractValues covers what Go values say about a text and an integer key.
func TestExtractValues(t *testing.T) {
	t.Parallel()
	text, number := byRegion(t), hashed(t, 4)
	us, five, unset := "US", int16(5), (*string)(nil)
	sub := &gorm.DB{}
	for _, c := range []struct {
		name  string
		table *config.Table
		value any
		want  string
	}{
		{"string", text, "US", `{"US"}`},
		{"lower case is another value", text, "us", `{"us"}`},
		{"pointer", text, &us, `{"US"}`},
		{"nil pointer", text, unset, "nothing"},
		{"nil", text, nil, "nothing"},
		{"named", text, region("US"), `{"US"}`},
		{"sql.NullString", text, sql.NullString{String: "US", Valid: true}, `{"US"}`},
		{"invalid sql.NullString", text, sql.NullString{}, "nothing"},
		{"number against text", text, 5, "all unknown: region = ?"},
		{"bytes against text", text, []byte("US"), "all unknown: region = ?"},
		{"nil bytes", text, []byte(nil), "all unknown: region = ?"},
		{"int", number, 5, "{5}"},
		{"negative", number, int8(-5), "{-5}"},
		{"unsigned", number, uint64(1 << 63), "{9223372036854775808}"},
		{"pointer to int16", number, &five, "{5}"},
		{"whole float", number, 5.0, "{5}"},
		{"half", number, 5.5, "all unknown: code = ?"},
		{"sql.NullInt64", number, sql.NullInt64{Int64: 5, Valid: true}, "{5}"},
		{"numeric text", number, "5", "{5}"},
		{"other text", number, "five", "all unknown: code = ?"},
		{"bool", number, true, "all unknown: code = ?"},
		{"expression", number, gorm.Expr("1 + 1"), "all unknown: code = ? + ?"},
		{"literal expression", number, gorm.Expr("1"), "{1}"},
		{"expression with OR leaks", number, gorm.Expr("1 OR amount = 2"), "all"},
		{"column", number, clause.Column{Name: "amount"}, "all unknown: code = column"},
		{"subquery", number, sub, "all unknown: code = (expression)"},
		{"slice where GORM writes a row", number, []int{5}, "{5}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := planner.Extract(c.table, "orders", sqliteDialect, []clause.Expression{expr(c.table.Keys[0].Column+" = ?", c.value)})
			assert.Equal(t, c.want, boxes(p))
		})
	}
}

// TestExtractTimes: date texts widen by a day each side, instants do not.
func TestExtractTimes(t *testing.T) {
	t.Parallel()
	tab := monthly(t)
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	berlin, err := time.LoadLocation("Europe/Berlin")
	assert.NoError(t, err)
	for _, c := range []struct {
		op    string
		value any
		want  string
	}{
		{"=", at, "{2024-01-01T00:00:00Z}"},
		{">=", at, "{[2024-01-01T00:00:00Z, )}"},
		{"<", at, "{(, 2024-01-01T00:00:00Z)}"},
		{"<", at.In(berlin), "{(, 2024-01-01T00:00:00Z)}"},
		{"<", at.Add(5), "{(, 2024-01-01T00:00:00.000001Z]}"}, // finer than the column
		{">", at.Add(5), "{[2024-01-01T00:00:00Z, )}"},
		{"=", at.Add(5), "{[2024-01-01T00:00:00Z, 2024-01-01T00:00:00.000001Z]}"},
		{"<>", at.Add(5), "{(, )}"},
		{"=", "2024-01-01", "{[2023-12-31T00:00:00Z, 2024-01-02T00:00:00Z]}"},
		{"<>", "2024-01-01", "{(, )}"},
		{"<", "2024-01-01", "{(, 2024-01-02T00:00:00Z]}"},
		{">", "2024-01-01 12:00:00", "{[2023-12-31T12:00:00Z, )}"},
		{">=", "2024-01-01T12:00:00+02:00", "{[2023-12-31T08:00:00Z, )}"},
		{"=", "1.1.2024", "all unknown: sold_at = ?"},
		{"=", "2024", "all unknown: sold_at = ?"},
		{"=", 2024, "all unknown: sold_at = ?"},
	} {
		t.Run(fmt.Sprint(c.op, c.value), func(t *testing.T) {
			t.Parallel()
			p := planner.Extract(tab, "orders", postgresDialect, []clause.Expression{expr("sold_at "+c.op+" ?", c.value)})
			assert.Equal(t, c.want, boxes(p))
		})
	}
	dates := *tab
	dates.Keys = keysOf("SoldAt")
	dates.Keys[0].DateOnly = true
	for value, want := range map[any]string{
		at:                 "{2024-01-01T00:00:00Z}",
		at.In(berlin):      "{[2023-12-29T00:00:00Z, 2024-01-04T00:00:00Z]}",
		at.Add(time.Hour):  "{[2023-12-29T01:00:00Z, 2024-01-04T01:00:00Z]}",
		any("2024-01-01"):  "{[2023-12-29T00:00:00Z, 2024-01-04T00:00:00Z]}",
		any("2024-01-01x"): "all unknown: sold_at = ?",
	} {
		assert.Equal(t, want, boxes(planner.Extract(&dates, "orders", postgresDialect, []clause.Expression{expr("sold_at = ?", value)})))
	}
	zoneless := *tab
	zoneless.Keys = keysOf("SoldAt")
	zoneless.Keys[0].Zoneless = true
	assert.Equal(t, "{[2023-12-31T00:00:00Z, 2024-01-02T00:00:00Z]}",
		boxes(planner.Extract(&zoneless, "orders", postgresDialect, []clause.Expression{expr("sold_at = ?", at.In(berlin))})))

	p := planner.Extract(tab, "orders", postgresDialect, []clause.Expression{expr("NOT (sold_at = ?)", "2024-01-01")})
	assert.Equal(t, "{(, )}", boxes(p), "the complement of a widened equality must not prune")
	p = planner.Extract(tab, "orders", postgresDialect, []clause.Expression{expr("NOT (sold_at < ?)", "2024-01-01")})
	assert.Equal(t, "{[2023-12-31T00:00:00Z, )}", boxes(p))
}

// TestExtractText: text that the engine compares by a collation of its own prunes nothing.
func TestExtractText(t *testing.T) {
	t.Parallel()
	collated, unordered := *byRegion(t), *byRegion(t)
	collated.Keys = keysOf("Region")
	collated.Keys[0].BytesEqual, collated.Keys[0].BytesOrder = false, false
	unordered.Keys = keysOf("Region")
	unordered.Keys[0].BytesOrder = false
	for text, want := range map[string][2]string{
		"region = ?":       {"all unknown: region = ?", `{"US"}`},
		"region <> ?":      {"all unknown: region <> ?", `{(, "US") ("US", )}`},
		"region IN (?)":    {"all unknown: region IN (?)", `{"US"}`},
		"region < ?":       {"all unknown: region < ?", "all unknown: region < ?"},
		"region IS NULL":   {"{NULL}", "{NULL}"},
		"region > ?":       {"all unknown: region > ?", "all unknown: region > ?"},
		"NOT (region = ?)": {"all unknown: region = ?", `{(, "US") ("US", )}`},
	} {
		var vars []any
		if strings.Contains(text, "?") {
			vars = []any{"US"}
		}
		assert.Equal(t, want[0], boxes(planner.Extract(&collated, "orders", postgresDialect, []clause.Expression{expr(text, vars...)})), text)
		assert.Equal(t, want[1], boxes(planner.Extract(&unordered, "orders", postgresDialect, []clause.Expression{expr(text, vars...)})), text)
	}
}

// TestExtractClauses covers GORM's own expressions and how it joins them.
func TestExtractClauses(t *testing.T) {
	t.Parallel()
	tab, both := byRegion(t), composite(t)
	us, eu := clause.Eq{Column: "region", Value: "US"}, clause.Eq{Column: "region", Value: "EU"}
	other := clause.Eq{Column: "name", Value: "x"}
	for _, c := range []struct {
		name  string
		table *config.Table
		where []clause.Expression
		want  string
	}{
		{"and", tab, []clause.Expression{us, other}, `{"US"}`},
		{"or with one is a sibling", tab, []clause.Expression{us, clause.Or(eu)}, `{"EU" "US"}`},
		{"or with one and a free one", tab, []clause.Expression{us, clause.Or(other)}, "all"},
		{"leading or switches places", tab, []clause.Expression{clause.Or(eu), us}, `{"EU" "US"}`},
		{"AND binds tighter", tab, []clause.Expression{us, clause.Or(eu), other}, `{"EU" "US"}`},
		{"or of two", tab, []clause.Expression{clause.Or(us, eu), other}, `{"EU" "US"}`},
		{"and group", tab, []clause.Expression{other, clause.And(us, clause.Or(eu))}, `{"EU" "US"}`},
		{"unwrapped fragment leaks", tab, []clause.Expression{us, expr("name = 'x'\nOR\tamount = 2")}, "all"},
		{"wrapped fragment does not", tab, []clause.Expression{us, expr("name = 'x' or amount = 2")}, `{"US"}`},
		{"not", tab, []clause.Expression{clause.Not(us)}, `{(, "US") ("US", )}`},
		{"not of two", tab, []clause.Expression{clause.Not(us, eu)}, `{(, "EU") ("EU", "US") ("US", )}`},
		{"not in", tab, []clause.Expression{clause.Not(clause.IN{Column: "region", Values: []any{"US", "EU"}})}, `{(, "EU") ("EU", "US") ("US", )}`},
		{"not fragment", tab, []clause.Expression{clause.Not(expr("region = ? OR name = ?", "US", "x"))}, `{(, "US") ("US", )}`},
		{"empty in", tab, []clause.Expression{clause.IN{Column: "region"}}, "nothing"},
		{"not of empty in", tab, []clause.Expression{clause.Not(clause.IN{Column: "region"})}, "{(, )}"},
		{"eq nil", tab, []clause.Expression{clause.Eq{Column: "region"}}, "{NULL}"},
		{"neq nil", tab, []clause.Expression{clause.Neq{Column: "region"}}, "{(, )}"},
		{"eq list", tab, []clause.Expression{clause.Eq{Column: "region", Value: []string{"US", "EU"}}}, `{"EU" "US"}`},
		{"current table", tab, []clause.Expression{clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: "region"}, Value: "US"}}, `{"US"}`},
		{"other table", tab, []clause.Expression{clause.Eq{Column: clause.Column{Table: "customers", Name: "region"}, Value: "US"}}, "all"},
		{"qualified string", tab, []clause.Expression{clause.Eq{Column: "orders.region", Value: "US"}}, `{"US"}`},
		{"quoted string", tab, []clause.Expression{clause.Eq{Column: "`orders`.`region`", Value: "US"}}, `{"US"}`},
		{"odd string", tab, []clause.Expression{us, clause.Eq{Column: "region` OR `x", Value: "US"}}, "all unknown: region = ? AND (expression) = ?"},
		{"raw column", tab, []clause.Expression{clause.Eq{Column: clause.Column{Name: "region", Raw: true}, Value: "US"}}, `{"US"}`},
		{"raw column that leaks", tab, []clause.Expression{us, clause.Eq{Column: clause.Column{Name: "1=1 OR name", Raw: true}, Value: "US"}}, "all"},
		{"like", tab, []clause.Expression{clause.Like{Column: "region", Value: "U%"}}, "all unknown: region LIKE ?"},
		{"a foreign expression can be anything", tab, []clause.Expression{us, foreign{}}, "all unknown: region = ? AND (expression)"},
		{"a foreign expression in a group", tab, []clause.Expression{us, clause.And(other, foreign{})}, `{"US"} unknown: column = ? AND (expression)`},
		{"surplus arguments", tab, []clause.Expression{expr("region = ?", "US", "EU")}, "all unknown: more arguments than placeholders"},
		{"placeholder in a literal", tab, []clause.Expression{expr("region = '?' AND name = ?", "US", "EU")}, "all unknown: a condition with a placeholder inside a literal or name"},
		{"placeholder in a word", tab, []clause.Expression{expr("region = ?OR 1=1", "US")}, "all unknown: a condition with a placeholder that runs into a word"},
		{"named", tab, []clause.Expression{clause.NamedExpr{SQL: "region = @r AND name = @n", Vars: []any{map[string]any{"r": "US", "n": "x"}}}}, `{"US"}`},
		{"named list", tab, []clause.Expression{clause.NamedExpr{SQL: "region IN @r", Vars: []any{sql.Named("r", []string{"US", "EU"})}}}, `{"EU" "US"}`},
		{"two keys", both, []clause.Expression{us, expr("code = ?", 5)}, `{"US"} × {5}`},
		{"two keys, or", both, []clause.Expression{expr("region = 'US' AND code = 5 OR region = 'EU' AND code = 6")}, `{"US"} × {5} or {"EU"} × {6}`},
		{"two keys, joined", both, []clause.Expression{expr("region = 'US' AND code = 5 OR region = 'EU' AND code = 5")}, `{"EU" "US"} × {5}`},
		{"tuples", both, []clause.Expression{clause.IN{Column: []clause.Column{{Name: "region"}, {Name: "code"}}, Values: []any{[]any{"US", 1}, []any{"US", 2}, []any{"EU", 9}}}}, `{"EU"} × {9} or {"US"} × {1 2}`},
		{"one tuple", both, []clause.Expression{clause.IN{Column: []clause.Column{{Name: "code"}, {Name: "region"}}, Values: []any{[]any{1, "US"}}}}, `{"US"} × {1}`},
		{"tuples with a free column", tab, []clause.Expression{clause.IN{Column: []clause.Column{{Name: "id"}, {Name: "region"}}, Values: []any{[]any{1, "US"}, []any{2, "EU"}}}}, `{"EU" "US"}`},
		{"tuple with NULL", both, []clause.Expression{clause.IN{Column: []clause.Column{{Name: "region"}, {Name: "code"}}, Values: []any{[]any{"US", nil}, []any{"US", 2}}}}, `{"US"} × {2}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, boxes(planner.Extract(c.table, "orders", sqliteDialect, c.where)))
		})
	}
}

// foreign is an expression of another package.
type foreign struct{}

func (foreign) Build(b clause.Builder) { _, _ = b.WriteString("name = 'x' OR 1 = 1") }

// TestExtractIDs: ids that carry their shard prune beside the key.
func TestExtractIDs(t *testing.T) {
	t.Parallel()
	tab := slotted(t)
	for text, want := range map[string]string{
		"id = 5":                            "all × id {5}",
		"id = 5 AND code = 1":               "{1} × id {5}",
		"id = 5 OR id = 6":                  "all × id {[5, 6]}",
		"id = 5 AND code = 1 OR id = 6":     "{1} × id {5} or all × id {6}",
		"id = 5 OR amount = 1":              "all × id all",
		"code = 3":                          "{3} × id all",
		"id IN (1, 2) AND NOT (code <> 4)":  "{4} × id {1 2}",
		"NOT (id = 5)":                      "all × id {(, 4] [6, )}",
		"id = 5 AND id = 6":                 "nothing",
		"(id, code) IN ((1, 2), (3, 4))":    "{2} × id {1} or {4} × id {3}",
		"id BETWEEN 1 AND 3 AND code = 4":   "{4} × id {[1, 3]}",
		"id IS NULL":                        "all × id {NULL}",
		"id = 5 AND (code = 1 OR code = 2)": "{[1, 2]} × id {5}",
	} {
		p := planner.Extract(tab, "orders", sqliteDialect, []clause.Expression{expr(text)})
		assert.Equal(t, want, boxes(p), text)
	}
	p := planner.Extract(tab, "orders", sqliteDialect, []clause.Expression{clause.Eq{Column: clause.PrimaryColumn, Value: int64(6)}})
	assert.Equal(t, "all × id {6}", boxes(p))
	assert.Equal(t, "{6}", p.ID.String())
}
