package tests

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// tsqlToken is one word of a statement. Quoted names keep their quotes off and have
// kind 'q'; strings have 's', parameters '@', words 'w', numbers 'n', other bytes
// their own.
type tsqlToken struct {
	kind byte
	text string
}

func (t tsqlToken) is(word string) bool { return t.kind == 'w' && strings.EqualFold(t.text, word) }

// tsqlTokens splits a statement; fault says what no T-SQL has.
func tsqlTokens(sql string) (tokens []tsqlToken, fault string) {
	for i := 0; i < len(sql); {
		c := sql[i]
		switch {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			i++
		case c == '`':
			return nil, "a backtick"
		case c == '\'' || c == '"' || c == '[':
			closing := c
			if c == '[' {
				closing = ']'
			}
			end := strings.IndexByte(sql[i+1:], closing)
			if end < 0 {
				return nil, "an open " + string(c)
			}
			kind := byte('q')
			if c == '\'' {
				kind = 's'
			}
			tokens = append(tokens, tsqlToken{kind, sql[i+1 : i+1+end]})
			i += end + 2
		case c == '@' || c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z':
			end := i + 1
			for end < len(sql) && (sql[end] == '_' || sql[end] >= '0' && sql[end] <= '9' || sql[end]|0x20 >= 'a' && sql[end]|0x20 <= 'z') {
				end++
			}
			kind := byte('w')
			if c == '@' {
				kind = '@'
			} else if c >= '0' && c <= '9' {
				kind = 'n'
			}
			tokens = append(tokens, tsqlToken{kind, sql[i:end]})
			i = end
		default:
			tokens = append(tokens, tsqlToken{c, string(c)})
			i++
		}
	}
	return tokens, ""
}

// foreign are words that other engines have and T-SQL does not.
var foreign = []string{"LIMIT", "RETURNING", "TRUE", "FALSE", "ILIKE", "REGEXP", "RELEASE", "CONFLICT", "DUPLICATE", "SAVEPOINT"}

// parameter is one of the driver's.
var parameter = regexp.MustCompile(`^@p(\d+)$`)

// checkTSQL lists what is visibly wrong with a statement for SQL Server: it is no
// parser, but finds what other engines' SQL would leave behind. physical and logical
// are table names without their schema; args is the number of bound values.
func checkTSQL(sql string, args int, physical, logical []string) (faults []string) {
	tokens, fault := tsqlTokens(sql)
	if fault != "" {
		return []string{fault}
	}
	c := tsqlCheck{tokens: tokens, physical: physical, logical: logical}
	c.parentheses()
	c.words()
	c.tables()
	c.parameters(args)
	return c.faults
}

type tsqlCheck struct {
	tokens            []tsqlToken
	physical, logical []string
	faults            []string
}

func (c *tsqlCheck) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

func (c *tsqlCheck) at(i int) tsqlToken {
	if i < 0 || i >= len(c.tokens) {
		return tsqlToken{}
	}
	return c.tokens[i]
}

// parentheses finds unbalanced ones, derived tables without a name, row values, and an
// ORDER BY inside that has neither TOP nor OFFSET.
func (c *tsqlCheck) parentheses() {
	type level struct {
		from, query, ordered, offset, top, window bool
		commas                                    int
	}
	stack := []level{{}}
	for i, t := range c.tokens {
		now := &stack[len(stack)-1]
		switch {
		case t.kind == '(':
			from := c.at(i-1).is("FROM") || c.at(i-1).is("JOIN")
			stack = append(stack, level{from: from, query: c.at(i + 1).is("SELECT"), window: c.at(i - 1).is("OVER")})
		case t.kind == ')':
			if len(stack) == 1 {
				c.fault("a ) that nothing opened")
				return
			}
			stack = stack[:len(stack)-1]
			if now.ordered && !now.offset && !now.top && !now.window {
				c.fault("ORDER BY inside a query without TOP or OFFSET")
			}
			if next := c.at(i + 1); now.from && !(next.is("AS") && (c.at(i+2).kind == 'q' || c.at(i+2).kind == 'w')) {
				c.fault("a derived table without a name")
			}
			next := c.at(i + 1)
			if next.is("NOT") {
				next = c.at(i + 2)
			}
			if next.is("IN") && now.commas > 0 {
				c.fault("a row value before IN")
			}
		case t.kind == ',':
			now.commas++
		case t.is("ORDER"):
			now.ordered = true
		case t.is("TOP"):
			now.top = true
		case t.is("OFFSET"):
			if now.offset = true; !now.ordered {
				c.fault("OFFSET without ORDER BY")
			}
		case t.is("FETCH"):
			if !now.offset {
				c.fault("FETCH without OFFSET")
			}
		case t.is("UNION"):
			if now.ordered {
				c.fault("ORDER BY in a branch of a union")
			}
		}
	}
	if len(stack) != 1 {
		c.fault("%d ( left open", len(stack)-1)
	}
}

func (c *tsqlCheck) words() {
	for i, t := range c.tokens {
		if t.kind == 'w' && slices.ContainsFunc(foreign, t.is) {
			c.fault("the word %s", t.text)
		}
		if t.is("FOR") && (c.at(i+1).is("UPDATE") || c.at(i+1).is("SHARE")) {
			c.fault("FOR %s", c.at(i+1).text)
		}
		if t.kind == '|' && c.at(i+1).kind == '|' || t.kind == '?' || t.kind == '$' {
			c.fault("the operator or mark %s", t.text)
		}
	}
}

// tables wants every physical name quoted, and every logical one to be an alias of a
// physical table or derived table in the same statement.
func (c *tsqlCheck) tables() {
	aliased := map[string]bool{}
	for i, t := range c.tokens {
		if t.is("AS") && c.at(i+1).kind == 'q' {
			aliased[c.at(i+1).text] = true
		}
	}
	for i, t := range c.tokens {
		if t.kind == 'w' && slices.Contains(c.physical, t.text) {
			c.fault("the physical table %s is not quoted", t.text)
		}
		if !slices.Contains(c.logical, t.text) || t.kind != 'w' && t.kind != 'q' {
			continue
		}
		before := c.at(i - 1)
		if before.kind == '.' { // a schema in front of it
			before = c.at(i - 3)
		}
		switch {
		case before.is("FROM") || before.is("INTO") || before.is("JOIN") || before.is("IDENTITY_INSERT") || before.kind == ',' && c.at(i+1).kind != '.':
			c.fault("the logical table %s after %s", t.text, before.text)
		case before.is("UPDATE") || before.is("DELETE"):
			if !aliased[t.text] {
				c.fault("the logical table %s is the target of %s", t.text, before.text)
			}
		case c.at(i+1).kind == '.' && !aliased[t.text]:
			c.fault("the qualifier %s names nothing", t.text)
		}
	}
}

// parameters wants @p1 to @pN, all of them.
func (c *tsqlCheck) parameters(args int) {
	used := map[int]bool{}
	for _, t := range c.tokens {
		if m := parameter.FindStringSubmatch(t.text); t.kind == '@' && m != nil {
			n, _ := strconv.Atoi(m[1])
			used[n] = true
		} else if t.kind == '@' {
			c.fault("the variable %s", t.text)
		}
	}
	for n := 1; n <= args; n++ {
		if !used[n] {
			c.fault("argument %d of %d is not used", n, args)
		}
	}
	if len(used) > args {
		c.fault("%d parameters for %d arguments", len(used), args)
	}
}

func TestCheckTSQL(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, sql string
		args      int
		fault     string
	}{
		{"a read", `SELECT * FROM "orders_eu" AS "orders" WHERE "orders"."id" = @p1`, 1, ""},
		{"brackets", `SELECT * FROM [orders_eu] AS [orders]`, 0, ""},
		{"a page", `SELECT * FROM (SELECT * FROM (SELECT "id" FROM "orders_eu" ORDER BY "id" OFFSET 0 ROW FETCH NEXT 1 ROWS ONLY) AS "b0") AS "orders"`, 0, ""},
		{"an update", `UPDATE "orders" SET "a"=@p1 OUTPUT INSERTED."a" FROM "orders_eu" AS "orders" WHERE "id" = @p2`, 2, ""},
		{"text is text", `SELECT 'LIMIT ( orders_eu' FROM "orders_eu"`, 0, ""},
		{"limit", `SELECT * FROM "orders_eu" LIMIT 1`, 0, "the word LIMIT"},
		{"backtick", "SELECT * FROM `orders_eu`", 0, "a backtick"},
		{"parenthesis", `SELECT (1 FROM "orders_eu"`, 0, "left open"},
		{"closed twice", `SELECT 1) FROM "orders_eu"`, 0, "nothing opened"},
		{"bare name", `SELECT * FROM orders_eu`, 0, "not quoted"},
		{"logical from", `SELECT * FROM "orders"`, 0, "after FROM"},
		{"logical into", `INSERT INTO "orders" DEFAULT VALUES`, 0, "after INTO"},
		{"logical in a schema", `SELECT * FROM "sales"."orders"`, 0, "after FROM"},
		{"logical update", `UPDATE "orders" SET "a"=1`, 0, "target of UPDATE"},
		{"logical delete", `DELETE "orders" FROM "orders_eu" AS "o"`, 0, "target of DELETE"},
		{"lost qualifier", `SELECT "orders"."id" FROM "orders_eu"`, 0, "names nothing"},
		{"order inside", `SELECT * FROM (SELECT * FROM "orders_eu" ORDER BY "id") AS "o"`, 0, "without TOP or OFFSET"},
		{"order in a branch", `SELECT 1 ORDER BY a OFFSET 0 ROWS UNION ALL SELECT 1`, 0, "branch of a union"},
		{"no alias", `SELECT * FROM (SELECT 1 AS "a")`, 0, "without a name"},
		{"offset alone", `SELECT * FROM "orders_eu" OFFSET 1 ROWS`, 0, "OFFSET without ORDER BY"},
		{"tuple", `DELETE FROM "orders_eu" WHERE ("a","b") IN ((@p1,@p2))`, 2, "a row value"},
		{"lock", `SELECT * FROM "orders_eu" FOR UPDATE`, 0, "FOR UPDATE"},
		{"argument too many", `SELECT * FROM "orders_eu" WHERE "a" = @p1`, 2, "not used"},
		{"argument too few", `SELECT * FROM "orders_eu" WHERE "a" = @p1`, 0, "1 parameters for 0"},
		{"question mark", `SELECT * FROM "orders_eu" WHERE "a" = ?`, 0, "mark ?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(checkTSQL(c.sql, c.args, []string{"orders_eu"}, []string{"orders"}), "; ")
			if c.fault == "" {
				assert.Empty(t, got)
				return
			}
			assert.Contains(t, got, c.fault)
		})
	}
}
