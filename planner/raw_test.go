package planner_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

func quote(d planner.Dialect) func(string) string {
	return func(s string) string {
		if d.Name == "postgres" || d.Name == "sqlserver" {
			return `"` + s + `"`
		}
		return "`" + s + "`"
	}
}

// TestGoldenRaw: what SQL text becomes on the shard US, or why it is refused.
func TestGoldenRaw(t *testing.T) {
	t.Parallel()
	catalog := config.NewCatalog(1, byRegion(t))
	us, _ := catalog.Tables()[0].Shard("US")
	var b strings.Builder
	for _, c := range []struct {
		d    planner.Dialect
		sql  string
		args []any
	}{
		{sqliteDialect, "SELECT * FROM customers WHERE id = ?", []any{1}},
		{sqliteDialect, "SELECT 'orders' FROM customers", nil},
		{sqliteDialect, "SELECT orders FROM stats WHERE orders > 1", nil},
		{sqliteDialect, "SELECT count(*) FROM sqlite_master WHERE name = 'orders'", nil},
		{sqliteDialect, "SELECT orders.x FROM customers AS orders", nil},
		{sqliteDialect, "CREATE TABLE stats (orders integer)", nil},
		{sqliteDialect, "ALTER TABLE stats ADD orders integer", nil},
		{sqliteDialect, "SELECT * FROM orders_us", nil},
		{sqliteDialect, "SELECT * FROM orders WHERE region = ?", []any{"US"}},
		{sqliteDialect, "select orders.id, orders.* from Orders where orders.region = 'US' order by orders.id limit 5", nil},
		{sqliteDialect, "SELECT o.id FROM orders AS o WHERE o.region = ?;", []any{"US"}},
		{sqliteDialect, "SELECT o.id FROM orders o WHERE amount > ? AND o.region = ?", []any{5, "US"}},
		{sqliteDialect, "SELECT count(*) FROM `orders`", nil},
		{sqliteDialect, "SELECT DISTINCT name FROM orders", nil},
		{sqliteDialect, "SELECT name FROM orders GROUP BY name HAVING count(*) > ?", []any{1}},
		{postgresDialect, `SELECT "orders"."id" FROM "orders" WHERE amount > $2 AND region = $1 FOR UPDATE`, []any{"US", 5}},
		{postgresDialect, `SELECT * FROM orders WHERE region IS DISTINCT FROM $1`, []any{"US"}},
		{postgresDialect, `SELECT extract(year FROM sold_at) FROM orders WHERE region = $1`, []any{"US"}},
		{postgresDialect, `SELECT * FROM public.orders WHERE region = 'US'`, nil},
		{postgresDialect, `SELECT * FROM ONLY orders`, nil},
		{postgresDialect, `SELECT * FROM orders WHERE data ? 'x'`, nil},
		{postgresDialect, `SELECT * FROM orders WHERE region = $9`, []any{"US"}},
		{sqlserverDialect, `SELECT TOP 5 * FROM "orders" WHERE "region" = @p1`, []any{"US"}},
		{sqliteDialect, "SELECT * FROM orders WHERE region = :region", []any{"US"}},
		{sqliteDialect, "SELECT * FROM orders WHERE region = ?1", []any{"US"}},
		{sqliteDialect, "SELECT * FROM orders -- all", nil},
		{sqliteDialect, "/* orders */ SELECT * FROM customers -- orders", nil},
		{sqliteDialect, "/* service=x */ SELECT * FROM orders WHERE region = 'US'", nil},
		{mariadbDialect, "SELECT * FROM customers /*! , orders */", nil},
		{mariadbDialect, "SELECT 1 --orders", nil},
		{mariadbDialect, "SELECT * FROM shop.orders", nil},
		{postgresDialect, "SELECT * FROM archive.orders", nil},
		{mariadbDialect, "INSERT orders (id) VALUES (1)", nil},
		{mariadbDialect, "INSERT IGNORE orders (id) VALUES (1)", nil},
		{sqlserverDialect, "DELETE orders WHERE region = 'US'", nil},
		{sqlserverDialect, "UPDATE TOP (5) orders SET amount = 1", nil},
		{mariadbDialect, "UPDATE LOW_PRIORITY orders SET amount = 1", nil},
		{postgresDialect, "MERGE INTO orders USING x ON true WHEN MATCHED THEN DELETE", nil},
		{postgresDialect, "WITH x AS (DELETE FROM orders) SELECT 1", nil},
		{postgresDialect, "TRUNCATE orders", nil},
		{postgresDialect, "LOCK TABLE orders", nil},
		{sqliteDialect, "SELECT replace(name, 'a', 'b'), orders FROM stats", nil},
		{sqliteDialect, "SELECT * FROM orders; DELETE FROM orders", nil},
		{sqliteDialect, "SELECT * FROM orders JOIN customers ON true", nil},
		{sqliteDialect, "SELECT * FROM customers JOIN orders ON true", nil},
		{sqliteDialect, "SELECT * FROM customers, orders", nil},
		{sqliteDialect, "SELECT * FROM orders, customers", nil},
		{sqliteDialect, "SELECT * FROM (orders)", nil},
		{sqliteDialect, "SELECT * FROM (SELECT * FROM orders) x", nil},
		{sqliteDialect, "SELECT * FROM customers WHERE id IN (SELECT customer FROM orders)", nil},
		{sqliteDialect, "SELECT * FROM orders WHERE id IN (SELECT 1)", nil},
		{sqliteDialect, "SELECT * FROM orders UNION ALL SELECT * FROM customers", nil},
		{sqliteDialect, "SELECT * FROM orders INDEXED BY x WHERE region = 'US'", nil},
		{mariadbDialect, "SELECT * FROM orders USE INDEX (x) WHERE region = 'US'", nil},
		{sqliteDialect, "WITH x AS (SELECT * FROM orders) SELECT * FROM x", nil},
		{sqliteDialect, "EXPLAIN SELECT * FROM orders", nil},
		{sqliteDialect, "DROP TABLE IF EXISTS orders", nil},
		{sqliteDialect, "CREATE INDEX i ON orders (region)", nil},
		{sqliteDialect, "TRUNCATE TABLE orders", nil},
		{sqliteDialect, "INSERT INTO stats SELECT count(*) FROM orders", nil},
		{sqliteDialect, "UPDATE orders SET amount = amount + 1, name = ? WHERE region = ?", []any{"x", "US"}},
		{sqliteDialect, "UPDATE orders SET region = 'EU' WHERE orders.region = 'US'", nil},
		{sqlserverDialect, "UPDATE orders SET amount = 1 WHERE orders.region = @p1", []any{"US"}},
		{sqliteDialect, "UPDATE orders SET amount = (SELECT 1) WHERE region = 'US'", nil},
		{postgresDialect, "UPDATE orders SET amount = 1 FROM x WHERE region = 'US'", nil},
		{sqliteDialect, "UPDATE OR IGNORE orders SET amount = 1", nil},
		{sqliteDialect, "DELETE FROM orders WHERE region = ?", []any{"US"}},
		{mariadbDialect, "DELETE FROM orders WHERE orders.region = ? LIMIT 1", []any{"US"}},
		{postgresDialect, "DELETE FROM orders USING customers WHERE region = 'US'", nil},
		{mariadbDialect, "DELETE orders FROM orders JOIN x", nil},
		{postgresDialect, "UPDATE orders SET amount = (SELECT MAX(orders.amount) FROM customers JOIN orders o ON true WHERE o.id = orders.id AND o.region = $1) WHERE region = $2 AND orders.id IN (SELECT id FROM orders)", []any{"EU", "US"}},
		{mariadbDialect, "DELETE FROM orders WHERE (orders.id IN (SELECT orders.id FROM orders WHERE region = ?) OR orders.id = (SELECT MAX(x.id) FROM x WHERE x.a = orders.amount)) AND orders.region = ? ORDER BY orders.id LIMIT 2", []any{"EU", "US"}},
		{mariadbDialect, "DELETE FROM orders WHERE id IN (SELECT orders.id FROM x AS orders)", nil},
		{sqliteDialect, "DELETE FROM orders WHERE id IN (WITH orders AS (SELECT 1 AS id) SELECT id FROM orders)", nil},
		{mariadbDialect, "DELETE FROM orders WHERE id IN (SELECT id FROM orders FOR UPDATE)", nil},
		{sqliteDialect, "WITH few AS (SELECT id FROM orders) DELETE FROM orders WHERE id IN (SELECT id FROM few)", nil},
		{postgresDialect, "WITH few (id) AS (SELECT 1), more AS MATERIALIZED (SELECT $1 AS id) UPDATE orders o SET amount = 1 WHERE o.region = 'US' AND EXISTS (SELECT 1 FROM few, orders x WHERE few.id = o.id AND x.id = $1)", []any{1}},
		{postgresDialect, "WITH gone AS (DELETE FROM orders RETURNING id) DELETE FROM orders WHERE id IN (SELECT id FROM gone)", nil},
		{postgresDialect, "WITH gone AS (DELETE FROM stats RETURNING id), x AS (SELECT 1) DELETE FROM orders WHERE id IN (SELECT id FROM gone)", nil},
		{postgresDialect, "DELETE FROM orders AS orders WHERE orders.id IN (SELECT customers.id FROM customers)", nil},
		{sqliteDialect, "INSERT INTO orders (id, region) VALUES (?, ?), (2, 'US')", []any{1, "US"}},
		{postgresDialect, `INSERT INTO "orders" ("id","region") VALUES ($1,$2) RETURNING "orders"."id"`, []any{1, "US"}},
		{sqliteDialect, "INSERT INTO orders (id, region) VALUES (1, lower('US'))", nil},
		{sqliteDialect, "INSERT INTO orders VALUES (1, 'US')", nil},
		{sqliteDialect, "INSERT INTO orders (id, region) VALUES (1)", nil},
		{sqliteDialect, "INSERT INTO orders (id) VALUES (1) ON CONFLICT DO NOTHING", nil},
		{sqliteDialect, "INSERT INTO orders SELECT * FROM x", nil},
		{sqliteDialect, "INSERT OR REPLACE INTO orders (id) VALUES (1)", nil},
		{sqliteDialect, "REPLACE INTO orders (id) VALUES (1)", nil},
		{sqliteDialect, "INSERT INTO stats (orders) VALUES (1)", nil},
	} {
		fmt.Fprintf(&b, "# %s: %s\n=> ", c.d.Name, c.sql)
		r, err := planner.AnalyzeRaw(catalog, c.d, c.sql, c.args)
		switch {
		case err != nil:
			require.ErrorIs(t, err, config.ErrUnsupported)
			b.WriteString("refused: " + err.Error())
		case r == nil:
			b.WriteString("not ours")
		default:
			if r.Nests {
				r, err = r.Reading(quote(c.d), func(t *config.Table) (string, error) { return "(SELECT * FROM all_" + t.LogicalName + ")", nil })
				require.NoError(t, err)
				b.WriteString("nests, ")
			}
			fmt.Fprintf(&b, "%s %s as %s\n   %s", r.Operation, r.Table.Name, r.Alias, r.Render(us, quote(c.d)))
			if r.Nests && c.args != nil {
				text := r.Text(c.d, us, c.args, quote(c.d))
				for _, part := range []planner.TextRange{r.Write.Head, r.Write.Where, r.Write.Order, r.Write.Limit} {
					text.Copy(part)
					text.Write("|")
				}
				parts, vars := text.Result()
				fmt.Fprintf(&b, "\n   parts %s %v", parts, vars)
			}
			for _, e := range r.Where {
				fmt.Fprintf(&b, "\n   where %+v: %s", e, boxes(planner.Extract(r.Table, r.Alias, c.d, r.Where)))
			}
			if r.Set != nil {
				fmt.Fprintf(&b, "\n   set %+v", r.Set)
			}
			if r.Values != nil {
				fmt.Fprintf(&b, "\n   values %v %v", r.Values.Columns, r.Values.Values)
			}
			if r.Limited {
				b.WriteString("\n   limited")
			}
		}
		b.WriteString("\n\n")
	}
	golden(t, "raw.txt", b.String())
}

func TestRawNamespace(t *testing.T) {
	t.Parallel()
	tab := byRegion(t)
	tab.Namespace = "sales"
	tab.Shards[0].Table = "sales.orders_eu"
	catalog := config.NewCatalog(1, tab)
	r, err := planner.AnalyzeRaw(catalog, postgresDialect, `SELECT orders.id FROM sales.orders WHERE region = 'EU'`, nil)
	require.NoError(t, err)
	assert.Equal(t, `SELECT orders.id FROM "sales"."orders_eu" AS "orders" WHERE region = 'EU'`, r.Render(tab.Shards[0], quote(postgresDialect)))
	r, err = planner.AnalyzeRaw(catalog, postgresDialect, `SELECT id FROM other.orders`, nil)
	require.NoError(t, err)
	assert.Nil(t, r, "another schema's table is not ours")
	_, err = planner.AnalyzeRaw(catalog, postgresDialect, `SELECT sales.orders.id FROM sales.orders`, nil)
	require.ErrorIs(t, err, config.ErrUnsupported)
}

func TestRawCostsNothingElsewhere(t *testing.T) {
	catalog := config.NewCatalog(1, byRegion(t))
	sql := "SELECT * FROM customers JOIN orders_archive USING (id) WHERE id = ?"
	n := testing.AllocsPerRun(100, func() {
		if r, err := planner.AnalyzeRaw(catalog, sqliteDialect, sql, nil); r != nil || err != nil {
			t.Fatal("not ours")
		}
	})
	assert.Zero(t, n)
}
