package planner_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// TestRawRead takes texts apart, or leaves them where the builder would say something else.
func TestRawRead(t *testing.T) {
	t.Parallel()
	catalog := config.NewCatalog(1, byRegion(t))
	for _, c := range []struct {
		d    planner.Dialect
		sql  string
		args []any
		want string // "" if it stays text
	}{
		{sqliteDialect, "SELECT * FROM orders", nil, "false * [] / / [] -1 -1"},
		{sqliteDialect, "select distinct o.id, o.amount from orders o where o.id > ? or amount = 3 order by o.id desc limit ? offset 4;", []any{1, 2},
			"true o.id, o.amount [{o.id > ? or amount = 3 [1] false}] /o.id desc / [] 2 4"},
		{sqliteDialect, "SELECT amount, COUNT(*) FROM orders GROUP BY amount HAVING COUNT(*) > ? ORDER BY 2", []any{1},
			"false amount, COUNT(*) [] amount/2 / [{COUNT(*) > ? [1] false}] -1 -1"},
		{postgresDialect, "SELECT id, $1 + amount AS x FROM orders WHERE region IS DISTINCT FROM $2 OFFSET 3 ROWS", []any{5, "US"},
			"false id, ? + amount AS x [{region IS DISTINCT FROM ? [US] false}] / / [] -1 3"},
		{postgresDialect, "SELECT amount IS DISTINCT FROM 3 AS x, extract(year FROM sold_at) FROM orders", nil,
			"false amount IS DISTINCT FROM 3 AS x, extract(year FROM sold_at) [] / / [] -1 -1"},
		{mariadbDialect, "SELECT ALL id FROM orders LIMIT 5, 10", nil, "false id [] / / [] 10 5"},
		{sqliteDialect, "SELECT id FROM orders LIMIT 1 + 1", nil, ""},
		{sqliteDialect, "SELECT id FROM orders LIMIT -1", nil, ""},
		{sqliteDialect, "SELECT id FROM orders GROUP BY amount + ?", []any{1}, ""},
		{sqliteDialect, "SELECT '?' FROM orders", nil, ""},
		{sqliteDialect, "SELECT id FROM orders WHERE name = 'a@b'", nil, ""},
		{sqliteDialect, "SELECT id FROM orders WINDOW w AS (ORDER BY id)", nil, ""},
		{sqliteDialect, "EXPLAIN SELECT id FROM orders", nil, ""},
		{sqliteDialect, "UPDATE orders SET amount = 1", nil, ""},
		{postgresDialect, "SELECT DISTINCT ON (id) id FROM orders", nil, ""},
		{postgresDialect, "SELECT id FROM orders FETCH FIRST 3 ROWS ONLY", nil, ""},
		{postgresDialect, "SELECT id FROM orders FOR UPDATE", nil, ""},
		{postgresDialect, "SELECT id FROM orders LIMIT ALL", nil, ""},
		{sqlserverDialect, "SELECT TOP 5 id FROM orders", nil, ""},
		// SoldAt is a field, and its column another name: the engine knows no such column.
		{sqliteDialect, "SELECT SoldAt FROM orders", nil, ""},
	} {
		rs, err := planner.AnalyzeRaw(catalog, c.d, c.sql, c.args)
		require.NoError(t, err, c.sql)
		read, ok := rs.Read()
		got := ""
		if ok {
			got = fmt.Sprint(read.Distinct, " ", read.Columns.SQL, " ", exprs(read.Where), " ", read.Group.SQL, "/", read.Order.SQL, " / ", exprs(read.Having), " ", read.Limit, " ", read.Offset)
		}
		assert.Equal(t, c.want, got, c.sql)
	}
}

func exprs(list []clause.Expression) []clause.Expr {
	out := []clause.Expr{}
	for _, e := range list {
		out = append(out, e.(clause.Expr))
	}
	return out
}
