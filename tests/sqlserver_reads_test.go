package tests

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

func TestSQLServerReads(t *testing.T) {
	t.Parallel()
	us := func(db *gorm.DB) *gorm.DB { return db.Where("region = ?", "US") }
	some := func(db *gorm.DB) *gorm.DB { return db.Where("region <> ?", "US") }
	var regions []string
	var count int64
	goldenCases(t, "reads.sql", []goldenCase{
		{"find by the key", func(db *gorm.DB) *gorm.DB { return us(db).Find(&[]Customer{}) }},
		{"find everything", func(db *gorm.DB) *gorm.DB { return db.Find(&[]Customer{}) }},
		{"find on some", func(db *gorm.DB) *gorm.DB { return some(db).Find(&[]Customer{}) }},
		{"first by the key", func(db *gorm.DB) *gorm.DB { return us(db).First(&Customer{}) }},
		{"first by the primary key alone", func(db *gorm.DB) *gorm.DB { return db.First(&Customer{}, 7) }},
		{"first by a primary key that decides", func(db *gorm.DB) *gorm.DB { return db.First(&User{}, 7) }},
		{"last", func(db *gorm.DB) *gorm.DB { return db.Last(&Customer{}) }},
		{"take by the key", func(db *gorm.DB) *gorm.DB { return us(db).Take(&Customer{}) }},
		{"take from all", func(db *gorm.DB) *gorm.DB { return db.Take(&Customer{}) }},
		{"find by two keys", func(db *gorm.DB) *gorm.DB {
			return db.Where("region IN ?", []string{"US", "EU"}).Find(&[]Customer{})
		}},
		{"find by ids, each on its shard", func(db *gorm.DB) *gorm.DB { return db.Find(&[]User{}, []int64{1, 2, 3, 4, 5, 6}) }},
		{"nested groups", func(db *gorm.DB) *gorm.DB {
			return db.Where(db.Where("region = ?", "US").Or("region = ?", "EU")).Not("spent < ?", 5).Find(&[]Customer{})
		}},
		{"either key or nothing known", func(db *gorm.DB) *gorm.DB {
			return us(db).Or("status = ?", "gold").Find(&[]Customer{})
		}},
		{"a range of dates and the soft delete", func(db *gorm.DB) *gorm.DB {
			return db.Where("order_date >= ? AND order_date < ?", utc(2024, 5, 1), utc(2024, 6, 1)).Find(&[]Order{})
		}},
		{"unscoped", func(db *gorm.DB) *gorm.DB {
			return db.Unscoped().Where("order_date BETWEEN ? AND ?", utc(2024, 5, 1), utc(2025, 6, 1)).Find(&[]Order{})
		}},
		{"a key that no shard has", func(db *gorm.DB) *gorm.DB { return db.Where("region = ?", "MARS").Find(&[]Customer{}) }},
		{"a count that no shard has", func(db *gorm.DB) *gorm.DB {
			return db.Model(&Customer{}).Where("region = ?", "MARS").Count(&count)
		}},
		{"no shard, in the caller's order", func(db *gorm.DB) *gorm.DB {
			return db.Where("region = ?", "MARS").Order("name").Limit(3).Find(&[]Customer{})
		}},
		{"subquery of one shard", func(db *gorm.DB) *gorm.DB {
			return us(db).Where("spent > (?)", db.Model(&Customer{}).Where("region = ?", "EU").Select("AVG(spent)")).Find(&[]Customer{})
		}},
		{"subquery of all shards", func(db *gorm.DB) *gorm.DB {
			return db.Where("spent > (?)", db.Model(&Customer{}).Select("AVG(spent)")).Find(&[]Customer{})
		}},
		{"before there is any shard", func(db *gorm.DB) *gorm.DB {
			return db.Where("at >= ? AND place = ?", utc(2024, 5, 1), "x").Find(&[]Visit{})
		}},
		{"a schema's tables", func(db *gorm.DB) *gorm.DB { return db.Where("region = ?", "EU").Find(&[]Invoice{}) }},
		{"a schema's tables together", func(db *gorm.DB) *gorm.DB { return db.Order("id").Find(&[]Invoice{}) }},
		{"a primary key of two columns", func(db *gorm.DB) *gorm.DB { return db.First(&Stock{Region: "EU", SKU: "x"}) }},
		{"pluck distinct", func(db *gorm.DB) *gorm.DB {
			return db.Model(&Customer{}).Distinct().Pluck("region", &regions)
		}},
	})
}

func TestSQLServerPages(t *testing.T) {
	t.Parallel()
	goldenCases(t, "pages.sql", []goldenCase{
		{"limit on one shard", func(db *gorm.DB) *gorm.DB {
			return db.Where("region = ?", "US").Order("name").Limit(10).Find(&[]Customer{})
		}},
		{"page of one shard", func(db *gorm.DB) *gorm.DB {
			return db.Where("region = ?", "US").Order("name").Offset(10).Limit(10).Find(&[]Customer{})
		}},
		{"page of all shards", func(db *gorm.DB) *gorm.DB {
			return db.Order("name").Order("id desc").Offset(10).Limit(10).Find(&[]Customer{})
		}},
		{"limit without order", func(db *gorm.DB) *gorm.DB { return db.Limit(10).Find(&[]Customer{}) }},
		{"offset without limit", func(db *gorm.DB) *gorm.DB { return db.Order("id").Offset(10).Find(&[]Customer{}) }},
		{"page with lists, cut for each shard", func(db *gorm.DB) *gorm.DB {
			return db.Where("id IN ?", []int64{1, 2, 3, 4}).Order("name").Offset(1).Limit(2).Find(&[]User{})
		}},
		{"page with lists, without order", func(db *gorm.DB) *gorm.DB {
			return db.Where("id IN ?", []int64{1, 2, 3, 4}).Limit(2).Find(&[]User{})
		}},
		{"page of a schema's tables, with lists", func(db *gorm.DB) *gorm.DB {
			return db.Where("region IN ?", []string{"EU", "US"}).Order("total").Limit(2).Find(&[]Invoice{})
		}},
		{"order by an expression", func(db *gorm.DB) *gorm.DB { return db.Order("LEN(name)").Limit(3).Find(&[]Customer{}) }},
		{"page of a primary key of two columns", func(db *gorm.DB) *gorm.DB { return db.Limit(3).Find(&[]Stock{}) }},
	})
}

func TestSQLServerAggregates(t *testing.T) {
	t.Parallel()
	var count int64
	var rows []map[string]any
	goldenCases(t, "aggregates.sql", []goldenCase{
		{"count of one shard", func(db *gorm.DB) *gorm.DB {
			return db.Model(&Customer{}).Where("region = ?", "US").Count(&count)
		}},
		{"count of all", func(db *gorm.DB) *gorm.DB { return db.Model(&Customer{}).Count(&count) }},
		{"count with lists", func(db *gorm.DB) *gorm.DB {
			return db.Model(&User{}).Where("id IN ?", []int64{1, 2, 3}).Count(&count)
		}},
		{"count distinct", func(db *gorm.DB) *gorm.DB { return db.Model(&Customer{}).Distinct("name").Count(&count) }},
		{"count of a group", func(db *gorm.DB) *gorm.DB { return db.Model(&Customer{}).Group("status").Count(&count) }},
		{"group and having", func(db *gorm.DB) *gorm.DB {
			return db.Model(&Customer{}).Select("status, SUM(spent) AS total").Group("status").Having("SUM(spent) > ?", 10).
				Order("total desc").Find(&rows)
		}},
		{"group on one shard", func(db *gorm.DB) *gorm.DB {
			return db.Model(&Customer{}).Where("region = ?", "EU").Select("status, COUNT(*) AS n").Group("status").Find(&rows)
		}},
		{"sum", func(db *gorm.DB) *gorm.DB { return db.Model(&Order{}).Select("SUM(amount) AS total").Find(&rows) }},
		{"distinct rows", func(db *gorm.DB) *gorm.DB { return db.Distinct("name", "status").Order("name").Find(&[]Customer{}) }},
		{"group of a schema's tables", func(db *gorm.DB) *gorm.DB {
			return db.Model(&Invoice{}).Select("region, MAX(total) AS m").Group("region").Find(&rows)
		}},
	})
}

func TestSQLServerLocks(t *testing.T) {
	t.Parallel()
	lock := func(strength, options string) clause.Locking {
		return clause.Locking{Strength: strength, Options: options}
	}
	us := func(db *gorm.DB) *gorm.DB { return db.Where("region = ?", "US") }
	goldenCases(t, "locks.sql", []goldenCase{
		{"for update", func(db *gorm.DB) *gorm.DB { return us(db).Clauses(lock("UPDATE", "")).First(&Customer{}) }},
		{"for share", func(db *gorm.DB) *gorm.DB { return us(db).Clauses(lock("SHARE", "")).Find(&[]Customer{}) }},
		{"nowait", func(db *gorm.DB) *gorm.DB { return us(db).Clauses(lock("UPDATE", "NOWAIT")).Find(&[]Customer{}) }},
		{"skip locked", func(db *gorm.DB) *gorm.DB {
			return us(db).Clauses(lock("UPDATE", "SKIP LOCKED")).Limit(5).Find(&[]Customer{})
		}},
		{"shard after shard", func(db *gorm.DB) *gorm.DB { return db.Clauses(lock("UPDATE", "")).Find(&[]Customer{}) }},
		{"a schema's table", func(db *gorm.DB) *gorm.DB {
			return db.Where("region = ?", "EU").Clauses(lock("UPDATE", "")).Find(&[]Invoice{})
		}},
		{"no shard", func(db *gorm.DB) *gorm.DB {
			return db.Where("region = ?", "MARS").Clauses(lock("UPDATE", "")).Find(&[]Customer{})
		}},
		{"with limit over several", func(db *gorm.DB) *gorm.DB {
			return db.Clauses(lock("UPDATE", "")).Limit(1).Find(&[]Customer{})
		}},
		{"skip locked over several", func(db *gorm.DB) *gorm.DB {
			return db.Clauses(lock("UPDATE", "SKIP LOCKED")).Find(&[]Customer{})
		}},
		{"another strength", func(db *gorm.DB) *gorm.DB { return us(db).Clauses(lock("NO KEY UPDATE", "")).Find(&[]Customer{}) }},
	})
}

func TestSQLServerSessions(t *testing.T) {
	t.Parallel()
	var count int64
	goldenCases(t, "sessions.sql", []goldenCase{
		{"asked for", func(db *gorm.DB) *gorm.DB {
			return db.Scopes(dtde.Reads(dtde.ReadSessions)).Order("id").Offset(2).Limit(3).Find(&[]Customer{})
		}},
		{"count", func(db *gorm.DB) *gorm.DB {
			return db.Scopes(dtde.Reads(dtde.ReadSessions)).Model(&Customer{}).Count(&count)
		}},
		{"by text, whose order is the server's", func(db *gorm.DB) *gorm.DB {
			return db.Scopes(dtde.Reads(dtde.ReadSessions)).Order("name").Find(&[]Customer{})
		}},
	})
}

// TestSQLServerParameters: the server takes 2,100 parameters per statement. A read over
// shards is one statement and has as many as plain GORM's, which fails there too; the
// steps of a write have each shard's own only.
func TestSQLServerParameters(t *testing.T) {
	t.Parallel()
	ids := make([]int64, 10_000)
	for i := range ids {
		ids[i] = int64(i + 1)
	}
	plain := testenv.SQLServerDryRun(t).Where("id IN ?", ids).Find(&[]User{})
	require.NoError(t, plain.Error)
	assert.Len(t, plain.Statement.Vars, len(ids))
	db := sqlServer(t)
	read := db.Where("id IN ?", ids).Find(&[]User{})
	require.NoError(t, read.Error)
	assert.Len(t, read.Statement.Vars, len(ids))
	written := db.Where("id IN ?", ids).Delete(&User{})
	require.NoError(t, written.Error)
	total := 0
	for _, s := range dtde.Plans(written)[0].Statements {
		assert.Less(t, s.Args, len(ids)/2)
		total += s.Args
	}
	assert.Equal(t, len(ids), total)
}

func TestSQLServerRaw(t *testing.T) {
	t.Parallel()
	var rows []map[string]any
	named := func(v any) sql.NamedArg { return sql.Named("p1", v) }
	goldenCases(t, "raw.sql", []goldenCase{
		{"select", func(db *gorm.DB) *gorm.DB {
			return db.Raw("SELECT * FROM customers WHERE region = ?", "US").Find(&rows)
		}},
		{"select by the driver's parameter", func(db *gorm.DB) *gorm.DB {
			return db.Raw("SELECT * FROM customers WHERE region = @p1", named("US")).Find(&rows)
		}},
		{"select with TOP and brackets", func(db *gorm.DB) *gorm.DB {
			return db.Raw("SELECT TOP 5 [c].[name] FROM [customers] AS [c] WHERE [c].[region] = ? ORDER BY [c].[name]", "US").Find(&rows)
		}},
		{"select with qualified names", func(db *gorm.DB) *gorm.DB {
			return db.Raw("SELECT customers.name FROM customers WHERE customers.region = 'US' AND name = ?", "x").Find(&rows)
		}},
		{"select with a hint", func(db *gorm.DB) *gorm.DB {
			return db.Raw("SELECT name FROM customers WITH (UPDLOCK) WHERE region = 'US'").Find(&rows)
		}},
		{"select from a schema", func(db *gorm.DB) *gorm.DB {
			return db.Raw("SELECT * FROM sales.invoices WHERE region = ?", "EU").Find(&rows)
		}},
		{"select from a quoted schema", func(db *gorm.DB) *gorm.DB {
			return db.Raw("SELECT i.total FROM [sales].[invoices] i WHERE i.region = ?", "EU").Find(&rows)
		}},
		{"update", func(db *gorm.DB) *gorm.DB {
			return db.Exec("UPDATE customers SET name = ? WHERE region = ?", "x", "US")
		}},
		{"update with an alias", func(db *gorm.DB) *gorm.DB {
			return db.Exec("UPDATE c SET c.name = ? FROM customers AS c WHERE c.region = ?", "x", "US")
		}},
		{"delete", func(db *gorm.DB) *gorm.DB { return db.Exec("DELETE FROM customers WHERE region = ?", "US") }},
		{"delete with qualified names", func(db *gorm.DB) *gorm.DB {
			return db.Exec("DELETE FROM customers WHERE customers.region = ?", "US")
		}},
		{"insert", func(db *gorm.DB) *gorm.DB {
			return db.Exec("INSERT INTO customers (id, name, region) VALUES (?, ?, ?)", 1, "x", "US")
		}},
		{"insert with output", func(db *gorm.DB) *gorm.DB {
			return db.Raw("INSERT INTO customers (id, name, region) OUTPUT INSERTED.id VALUES (?, ?, ?)", 1, "x", "US").Find(&rows)
		}},
		{"insert of several shards", func(db *gorm.DB) *gorm.DB {
			return db.Exec("INSERT INTO [customers] ([id], name, [region]) VALUES (?, ?, 'US'), (2, LOWER(?), 'EU'), (?, N'z', ?);", 1, "x", "y", 3, "US")
		}},
		{"insert of several shards with output", func(db *gorm.DB) *gorm.DB {
			return db.Raw("INSERT INTO customers (id, region) OUTPUT INSERTED.id, INSERTED.region VALUES (?, ?), (?, ?)", 1, "US", 2, "EU").Find(&rows)
		}},
		{"insert of a query", func(db *gorm.DB) *gorm.DB {
			return db.Exec("INSERT INTO customers (id, region) SELECT id + ?, region FROM customers WHERE name = ?", 100, "x")
		}},
		{"update of first rows", func(db *gorm.DB) *gorm.DB {
			return db.Exec("UPDATE TOP (?) customers SET name = ? WHERE region = ?", 5, "x", "US")
		}},
		{"update of first rows of several shards", func(db *gorm.DB) *gorm.DB {
			return db.Exec("UPDATE TOP (5) PERCENT customers SET name = ? WHERE name = ?", "x", "y")
		}},
		{"delete of first rows", func(db *gorm.DB) *gorm.DB {
			return db.Exec("DELETE TOP (5) FROM customers WHERE region = ?", "US")
		}},
		{"delete of first rows of several shards", func(db *gorm.DB) *gorm.DB {
			return db.Exec("DELETE TOP (5) FROM customers WHERE name = ?", "y")
		}},
		{"update of first rows in an order", func(db *gorm.DB) *gorm.DB {
			return db.Exec("UPDATE customers SET name = ? WHERE region = 'US' AND id IN (SELECT TOP 5 id FROM customers WHERE region = 'US' ORDER BY spent)", "x")
		}},
		{"update of first rows in an order, over several shards", func(db *gorm.DB) *gorm.DB {
			return db.Exec("WITH first AS (SELECT TOP 5 id FROM customers ORDER BY spent) UPDATE customers SET name = ? WHERE id IN (SELECT id FROM first)", "x")
		}},
		{"delete by a WITH query", func(db *gorm.DB) *gorm.DB {
			return db.Exec("WITH old AS (SELECT id FROM labels WHERE id < ?) DELETE FROM customers WHERE customers.region = 'US' AND customers.id IN (SELECT id FROM old WHERE old.id = customers.id)", 3)
		}},
		{"on a named shard", func(db *gorm.DB) *gorm.DB {
			return db.Scopes(dtde.OnShard("EU")).Exec("UPDATE customers SET name = UPPER(name)")
		}},
		{"over all shards", func(db *gorm.DB) *gorm.DB { return db.Raw("SELECT * FROM customers").Find(&rows) }},
	})
}

// TestSQLServerCursors has pages behind a row, and what streams send.
func TestSQLServerCursors(t *testing.T) {
	t.Parallel()
	after := func(db *gorm.DB, order string, last Customer) *gorm.DB {
		tx := db.Session(&gorm.Session{NewDB: true}).Order(order).Scopes(dtde.After("")).Find(&[]Customer{})
		require.NoError(t, tx.Error)
		cursor, err := dtde.CursorOf(tx, last)
		require.NoError(t, err)
		return db.Order(order).Scopes(dtde.After(cursor))
	}
	last := Customer{ID: 7, Name: "ada", Region: "US", Spent: 3}
	goldenCases(t, "cursors.sql", []goldenCase{
		{"the first page over shards", func(db *gorm.DB) *gorm.DB { return db.Scopes(dtde.After("")).Limit(5).Find(&[]Customer{}) }},
		{"by the primary key", func(db *gorm.DB) *gorm.DB { return after(db, "id", last).Limit(5).Find(&[]Customer{}) }},
		{"backwards", func(db *gorm.DB) *gorm.DB { return after(db, "id DESC", last).Limit(5).Find(&[]Customer{}) }},
		{"with a condition", func(db *gorm.DB) *gorm.DB {
			return after(db, "id", last).Where("spent > ?", 1).Limit(5).Find(&[]Customer{})
		}},
		{"behind the shards of a date", func(db *gorm.DB) *gorm.DB {
			tx := db.Session(&gorm.Session{NewDB: true}).Order("order_date").Scopes(dtde.After("")).Find(&[]Order{})
			cursor, err := dtde.CursorOf(tx, Order{ID: 3, OrderDate: utc(2024, 5, 5)})
			require.NoError(t, err)
			return db.Order("order_date").Scopes(dtde.After(cursor)).Limit(5).Find(&[]Order{})
		}},
	})
}
