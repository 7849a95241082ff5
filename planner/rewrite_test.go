package planner

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
)

func TestRewriteTables(t *testing.T) {
	t.Parallel()
	catalog := config.NewCatalog(1, &config.Table{Name: "Order", LogicalName: "orders", Strategy: noShards{}},
		&config.Table{Name: "Line", LogicalName: "lines", Strategy: noShards{}})
	cases := []struct{ name, in, want, reason string }{
		{"none", "SELECT * FROM customers", "SELECT * FROM customers", ""},
		{"column of that name", "SELECT orders FROM stats", "SELECT orders FROM stats", ""},
		{"in a literal", "SELECT 'FROM orders' FROM stats", "SELECT 'FROM orders' FROM stats", ""},
		{"join", "SELECT * FROM customers c JOIN orders ON orders.cid = c.id", "SELECT * FROM customers c JOIN <orders> AS \"orders\" ON orders.cid = c.id", ""},
		{"alias", "SELECT * FROM orders o, lines AS l WHERE o.id = l.oid", "SELECT * FROM <orders> o, <lines> AS l WHERE o.id = l.oid", ""},
		{"quoted alias", `SELECT * FROM x LEFT JOIN "lines" "Lines" ON 1=1`, `SELECT * FROM x LEFT JOIN <lines> "Lines" ON 1=1`, ""},
		{"subquery", "DELETE FROM customers WHERE id IN (SELECT cid FROM orders WHERE total > $1)", "DELETE FROM customers WHERE id IN (SELECT cid FROM <orders> AS \"orders\" WHERE total > $1)", ""},
		{"with", "WITH o AS (SELECT * FROM orders) SELECT * FROM o UNION SELECT * FROM orders", "WITH o AS (SELECT * FROM <orders> AS \"orders\") SELECT * FROM o UNION SELECT * FROM <orders> AS \"orders\"", ""},
		{"delete by alias", "DELETE orders FROM orders_eu AS orders WHERE id IN (SELECT oid FROM lines)", "DELETE orders FROM orders_eu AS orders WHERE id IN (SELECT oid FROM <lines> AS \"lines\")", ""},
		{"update under an alias", `UPDATE "orders_eu" AS "orders" SET x = 1 WHERE EXISTS (SELECT 1 FROM lines)`, `UPDATE "orders_eu" AS "orders" SET x = 1 WHERE EXISTS (SELECT 1 FROM <lines> AS "lines")`, ""},
		{"insert select", "INSERT INTO stats SELECT count(*) FROM orders", "INSERT INTO stats SELECT count(*) FROM <orders> AS \"orders\"", ""},
		{"semicolon", "SELECT * FROM x JOIN orders ON 1=1; ", "SELECT * FROM x JOIN <orders> AS \"orders\" ON 1=1", ""},
		{"explained", "EXPLAIN (ANALYZE, COSTS OFF) SELECT * FROM x JOIN orders ON 1=1", "EXPLAIN (ANALYZE, COSTS OFF) SELECT * FROM x JOIN <orders> AS \"orders\" ON 1=1", ""},
		{"explained write", "EXPLAIN ANALYZE WITH x AS (DELETE FROM stats RETURNING id) SELECT * FROM x, orders", "", "raw-shape"},
		{"only", "SELECT * FROM x JOIN ONLY orders ON true", "", "raw-table"},
		{"only in parentheses", "SELECT * FROM ONLY (orders)", "", "raw-table"},
		{"database", "SELECT * FROM here.public.orders", "", "raw-table"},
		{"sample", "SELECT * FROM orders TABLESAMPLE SYSTEM (1)", "", "raw-table"},
		{"index hint", "SELECT * FROM orders USE INDEX (x)", "", "raw-table"},
		{"index hint behind an alias", "SELECT * FROM orders AS o FORCE KEY (x)", "", "raw-table"},
		{"alias that is no hint", "SELECT * FROM orders indexed", "SELECT * FROM <orders> indexed", ""},
		{"insert without into", "INSERT orders (id) VALUES (1)", "", "raw-shape"},
		{"replace", "REPLACE orders VALUES (1)", "", "raw-shape"},
		{"update or", "UPDATE OR ROLLBACK orders SET id = 1", "", "raw-shape"},
		{"update only", "UPDATE ONLY (orders) SET id = 1", "", "raw-shape"},
		{"delete without from", "DELETE orders WHERE id = 1", "", "raw-shape"},
		{"index", "CREATE INDEX i ON orders (id)", "", "raw-shape"},
		{"list of tables", "DROP TABLE stats, orders", "", "raw-shape"},
		{"column in a list", "ALTER TABLE stats ADD COLUMN a INT, ADD orders INT", "ALTER TABLE stats ADD COLUMN a INT, ADD orders INT", ""},
		{"columns", "CREATE TABLE stats (id INT, orders INT)", "CREATE TABLE stats (id INT, orders INT)", ""},
		{"with of that name", "WITH orders AS (SELECT 1) SELECT * FROM orders", "", "raw-with"},
		{"second with of that name", "WITH a AS (SELECT 1), orders (x) AS (SELECT 1) SELECT * FROM orders", "", "raw-with"},
		{"delete", "DELETE FROM orders WHERE id IN (SELECT 1)", "", "raw-shape"},
		{"update", "UPDATE orders SET x = (SELECT 1)", "", "raw-shape"},
		{"insert", "INSERT INTO orders SELECT * FROM x", "", "raw-shape"},
		{"lock", "SELECT * FROM customers JOIN orders ON 1=1 FOR UPDATE", "", "raw-lock"},
		{"ddl", "TRUNCATE TABLE orders", "", "raw-shape"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, _, err := RewriteTables(catalog, Dialect{Name: "postgres"}, c.in, func(s string) string { return `"` + s + `"` },
				func(t *config.Table) (string, error) { return "<" + t.LogicalName + ">", nil })
			if c.reason != "" {
				var refused *config.UnsupportedError
				require.ErrorAs(t, err, &refused)
				assert.Equal(t, c.reason, refused.Reason)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

// noShards is a strategy of tables that are only named.
type noShards struct{}

func (noShards) Name() string                           { return "none" }
func (noShards) Fingerprint() string                    { return "none" }
func (noShards) Check([]config.KeyColumn) error         { return nil }
func (noShards) Shards() []string                       { return nil }
func (noShards) Place([]config.Value) (string, error)   { return "", config.ErrShardNotFound }
func (noShards) Route(config.RouteQuery) config.Routing { return config.Routing{} }
