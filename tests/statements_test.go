package tests

import (
	"context"
	"database/sql"
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// nine has three customers per region, whose names sort across the regions.
func nine(t *testing.T, db *gorm.DB) []Customer {
	t.Helper()
	use(t, db, entities(customers()))
	rows := make([]Customer, 9)
	for i := range rows {
		rows[i] = Customer{ID: int64(i + 1), Name: fmt.Sprint("n", i+1), Region: []string{"US", "EU", "APAC"}[i%3], Status: []string{"x", "y"}[i%2], Spent: i}
	}
	require.NoError(t, db.Create(&rows).Error)
	return rows
}

func TestReadFinishers(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		rows := nine(t, db)
		for form, scope := range map[string]func(*gorm.DB) *gorm.DB{
			"auto": dtde.Reads(dtde.ReadAuto), "union": dtde.Reads(dtde.ReadUnion), "sessions": dtde.Reads(dtde.ReadSessions),
		} {
			t.Run(form, func(t *testing.T) {
				on := func() *gorm.DB { return db.Scopes(scope) }
				var c Customer
				require.NoError(t, on().First(&c).Error)
				assert.Equal(t, rows[0], c)
				c = Customer{}
				require.NoError(t, on().Last(&c).Error)
				assert.Equal(t, rows[8], c)
				c = Customer{}
				require.NoError(t, on().Order("spent DESC").Take(&c).Error)
				assert.Equal(t, rows[8], c)
				require.ErrorIs(t, on().First(&Customer{}, "name = ?", "nobody").Error, gorm.ErrRecordNotFound)
				require.ErrorIs(t, on().Where("region = ?", "MARS").Take(&Customer{}).Error, gorm.ErrRecordNotFound)
				tx := on().Where("region = ?", "MARS").Find(&[]Customer{})
				require.NoError(t, tx.Error)
				assert.Zero(t, tx.RowsAffected)

				var page []Customer
				tx = on().Order("spent").Offset(2).Limit(4).Find(&page)
				require.NoError(t, tx.Error)
				assert.EqualValues(t, 4, tx.RowsAffected)
				assert.Equal(t, rows[2:6], page)

				var spent []int
				require.NoError(t, on().Model(&Customer{}).Order("spent DESC").Pluck("spent", &spent).Error)
				assert.Equal(t, []int{8, 7, 6, 5, 4, 3, 2, 1, 0}, spent)
				var third []int
				require.NoError(t, on().Model(&Customer{}).Distinct("spent").Where("spent > 6").Pluck("spent", &third).Error)
				assert.ElementsMatch(t, []int{7, 8}, third)

				var n int64
				tx = on().Model(&Customer{}).Where("spent > ?", 3).Count(&n)
				require.NoError(t, tx.Error)
				assert.EqualValues(t, 5, n)
				assert.EqualValues(t, 1, tx.RowsAffected)
				require.NoError(t, on().Model(&Customer{}).Where("region = ?", "MARS").Count(&n).Error)
				assert.Zero(t, n)

				type dto struct {
					ID     int64
					Name   string
					Region string
				}
				var dtos []dto
				require.NoError(t, on().Model(&Customer{}).Order("id").Find(&dtos).Error)
				require.Len(t, dtos, 9)
				assert.Equal(t, dto{1, "n1", "US"}, dtos[0])
				var m map[string]any
				require.NoError(t, on().Model(&Customer{}).Order("id").First(&m).Error)
				assert.Equal(t, "n1", m["name"])
				var maps []map[string]any
				require.NoError(t, on().Model(&Customer{}).Order("id").Find(&maps).Error)
				require.Len(t, maps, 9)
				assert.EqualValues(t, 9, maps[8]["id"])

				result, err := on().Model(&Customer{}).Order("id").Rows()
				require.NoError(t, err)
				var scanned []Customer
				for result.Next() {
					var c Customer
					require.NoError(t, db.ScanRows(result, &c))
					scanned = append(scanned, c)
				}
				require.NoError(t, result.Close())
				assert.Equal(t, rows, scanned)
				var name string
				require.NoError(t, on().Model(&Customer{}).Select("name", "spent").Order("spent DESC").Limit(1).Row().Scan(&name, new(int)))
				assert.Equal(t, "n9", name)
				require.ErrorIs(t, on().Model(&Customer{}).Select("name").Where("id = 0").Row().Scan(&name), sql.ErrNoRows)
			})
		}
		var n int64
		require.NoError(t, db.Model(&Customer{}).Distinct("status").Count(&n).Error)
		assert.EqualValues(t, 2, n)
		require.NoError(t, db.Model(&Customer{}).Group("status").Count(&n).Error)
		assert.EqualValues(t, 2, n)
		type group struct {
			Status string
			N      int
			Total  int
		}
		var groups []group
		require.NoError(t, db.Model(&Customer{}).Select("status, count(*) AS n, sum(spent) AS total").Group("status").
			Having("count(*) > ?", 1).Order("status").Scan(&groups).Error)
		assert.Equal(t, []group{{"x", 5, 20}, {"y", 4, 16}}, groups)
		var sum sql.NullInt64
		require.NoError(t, db.Model(&Customer{}).Select("sum(spent)").Where("region = ?", "MARS").Row().Scan(&sum))
		assert.False(t, sum.Valid)

		seen := map[int64]int{}
		var sizes []int
		var batch []Customer
		require.NoError(t, db.FindInBatches(&batch, 4, func(_ *gorm.DB, i int) error {
			sizes = append(sizes, len(batch))
			for _, c := range batch {
				seen[c.ID]++
			}
			return nil
		}).Error)
		assert.Equal(t, []int{4, 4, 1}, sizes)
		assert.Len(t, seen, 9)
	})
}

func TestTableForms(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		rows := nine(t, db)
		var out []Customer
		tx := db.Table("customers").Where("region = ?", "US").Order("id").Find(&out)
		require.NoError(t, tx.Error)
		assert.Equal(t, []Customer{rows[0], rows[3], rows[6]}, out)
		assert.Equal(t, []string{"US"}, shardsOf(t, tx))
		tx = db.Table("customers AS c").Where("c.region = ? AND c.spent > ?", "US", 0).Order("c.id").Find(&out)
		require.NoError(t, tx.Error)
		assert.Equal(t, []Customer{rows[3], rows[6]}, out)
		assert.Equal(t, []string{"US"}, shardsOf(t, tx))
		tx = db.Table("customers c").Order("c.id").Find(&out)
		require.NoError(t, tx.Error)
		assert.Equal(t, rows, out)
		tx = db.Model(&Customer{}).Table("customers AS c").Order("c.id DESC").Limit(1).Find(&out)
		require.NoError(t, tx.Error)
		assert.Equal(t, rows[8:], out)
		var maps []map[string]any
		require.NoError(t, db.Table("customers").Where("name = ?", "n2").Find(&maps).Error)
		require.Len(t, maps, 1)
		var n int64
		require.NoError(t, db.Table("customers").Count(&n).Error)
		assert.EqualValues(t, 9, n)
		require.NoError(t, db.Table("customers_us").Count(&n).Error, "a physical table is the program's own business")
		assert.EqualValues(t, 3, n)
		require.NoError(t, db.Table("customers").Where("name = ?", "n2").Updates(map[string]any{"status": "t"}).Error)
		assert.Equal(t, []string{"n2"}, names(t, db.Where("status = ?", "t")))
		require.NoError(t, db.Table("customers").Where("name = ?", "n2").Delete(&Customer{}).Error)
		require.NoError(t, db.Table("customers").Create(&Customer{ID: 20, Name: "n20", Region: "EU"}).Error)
		require.NoError(t, db.Table("(?) AS u", db.Model(&Customer{}).Where("region = ?", "EU")).Count(&n).Error)
		assert.EqualValues(t, 3, n)
		require.Error(t, db.Table("customers, plains").Find(&maps).Error)
	})
}

func TestUpdates(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		rows := nine(t, db)
		get := func(id int64) Customer {
			var c Customer
			require.NoError(t, db.First(&c, id).Error)
			return c
		}
		check := func(tx *gorm.DB, rows int64) {
			t.Helper()
			require.NoError(t, tx.Error)
			assert.Equal(t, rows, tx.RowsAffected)
		}
		check(db.Model(&Customer{}).Where("spent >= ?", 5).Updates(map[string]any{"status": "rich", "spent": gorm.Expr("spent + ?", 100)}), 4)
		assert.Equal(t, 108, get(9).Spent)
		assert.Equal(t, rows[0], get(1))
		check(db.Model(&Customer{}).Where("region = ?", "US").Updates(Customer{Status: "us", Spent: 0}), 3)
		assert.Equal(t, Customer{ID: 7, Name: "n7", Region: "US", Status: "us", Spent: 106}, get(7))
		c := get(2)
		check(db.Model(&c).Update("name", "two"), 1)
		assert.Equal(t, "two", c.Name)
		check(db.Model(&c).UpdateColumn("spent", gorm.Expr("spent * ?", 5)), 1)
		assert.Equal(t, 5, get(2).Spent)
		check(db.Model(&c).UpdateColumns(Customer{Name: "deux", Status: "c"}), 1)
		check(db.Model(&c).Select("Spent", "Status").Updates(Customer{Name: "ignored"}), 1)
		assert.Equal(t, Customer{ID: 2, Name: "deux", Region: "EU"}, get(2))
		check(db.Model(&c).Omit("name").Updates(map[string]any{"name": "ignored", "status": "kept"}), 1)
		assert.Equal(t, "deux", get(2).Name)
		check(db.Model(&Customer{}).Where("name = ?", "nobody").Update("status", "x"), 0)
		check(db.Model(&Customer{}).Where("region = ?", "MARS").Update("status", "x"), 0)
		check(db.Model(&[]Customer{{ID: 1}, {ID: 5}}).Update("status", "both"), 2)
		assert.Equal(t, "both", get(5).Status)
		check(db.Model(&Customer{}).Where("customers.region = ?", "APAC").Update("status", gorm.Expr("customers.name")), 3)
		assert.Equal(t, "n3", get(3).Status)

		require.ErrorIs(t, db.Model(&Customer{}).Update("status", "x").Error, gorm.ErrMissingWhereClause)
		require.ErrorIs(t, db.Delete(&Customer{}).Error, gorm.ErrMissingWhereClause)
		check(db.Session(&gorm.Session{AllowGlobalUpdate: true}).Model(&Customer{}).Update("status", "all"), 9)
	})
}

func TestDeletes(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		nine(t, db)
		check := func(tx *gorm.DB, rows int64) {
			t.Helper()
			require.NoError(t, tx.Error)
			assert.Equal(t, rows, tx.RowsAffected)
		}
		check(db.Delete(&Customer{}, 1), 1)
		check(db.Delete(&Customer{ID: 2}), 1)
		check(db.Delete(&Customer{}, []int64{3, 4, 77}), 2)
		check(db.Delete(&[]Customer{{ID: 5}, {ID: 6}}), 2)
		check(db.Where("name = ?", "n7").Delete(&Customer{}), 1)
		check(db.Delete(&Customer{}, "region = ?", "MARS"), 0)
		assert.Equal(t, []string{"n8", "n9"}, names(t, db))
		check(db.Where("customers.spent > 0").Delete(&Customer{}), 2)
	})
}

func TestSoftDelete(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(dtde.Model(&Order{}).ShardByDate("OrderDate", dtde.Year, utc(2020, 1, 1), utc(2030, 1, 1))))
		orders := make([]Order, 6)
		for i := range orders {
			orders[i] = Order{ID: int64(i + 1), OrderDate: utc(2021+i%3, 2, 3), Amount: i}
		}
		require.NoError(t, db.Create(&orders).Error)
		tx := db.Where("amount < ?", 4).Delete(&Order{})
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 4, tx.RowsAffected)
		require.NoError(t, db.Delete(&orders[4]).Error)
		assert.True(t, orders[4].DeletedAt.Valid)
		var left []Order
		require.NoError(t, db.Find(&left).Error)
		require.Len(t, left, 1)
		var n int64
		require.NoError(t, db.Model(&Order{}).Count(&n).Error)
		assert.EqualValues(t, 1, n)
		require.NoError(t, db.Unscoped().Model(&Order{}).Count(&n).Error)
		assert.EqualValues(t, 6, n)
		tx = db.Model(&Order{}).Where("amount >= 0").Update("customer", "c")
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 1, tx.RowsAffected, "deleted rows are not updated")
		require.ErrorIs(t, db.Delete(&Order{}).Error, gorm.ErrMissingWhereClause)
		tx = db.Unscoped().Where("amount < ?", 3).Delete(&Order{})
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 3, tx.RowsAffected)
		require.NoError(t, db.Unscoped().Find(&left).Error)
		assert.Len(t, left, 3)
	})
}

func TestReturning(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		nine(t, db)
		ids := func(rows []Customer) (out []int64) {
			for _, r := range rows {
				out = append(out, r.ID)
			}
			sort.Slice(out, func(i, j int) bool { return out[i] < out[j] })
			return out
		}
		if db.Name() != "mysql" { // MariaDB's UPDATE has no RETURNING
			var rows []Customer
			tx := db.Model(&rows).Clauses(clause.Returning{}).Where("spent > ?", 5).Update("status", "back")
			require.NoError(t, tx.Error)
			assert.EqualValues(t, 3, tx.RowsAffected)
			assert.Equal(t, []int64{7, 8, 9}, ids(rows))
			assert.Equal(t, "back", rows[0].Status)
			var one Customer
			tx = db.Model(&one).Clauses(clause.Returning{Columns: []clause.Column{{Name: "name"}}}).Where("id = ? AND region = ?", 1, "US").Update("status", "back")
			require.NoError(t, tx.Error)
			assert.Equal(t, "n1", one.Name)
		}
		var gone []Customer
		tx := db.Clauses(clause.Returning{}).Where("spent < ?", 4).Delete(&gone)
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 4, tx.RowsAffected)
		assert.Equal(t, []int64{1, 2, 3, 4}, ids(gone))
		assert.Len(t, names(t, db), 5)
	})
}

func TestDryRunSQLRunsAsItStands(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		nine(t, db)
		pool, err := db.DB()
		require.NoError(t, err)
		sent := testenv.Record(db)
		sqlOf := func(f func(tx *gorm.DB) *gorm.DB) string {
			t.Helper()
			sent.Reset()
			text := db.ToSQL(f)
			assert.Empty(t, sent.Statements(), "nothing is sent")
			require.NotEmpty(t, text)
			return text
		}
		countRows := func(text string) (n int) {
			t.Helper()
			rows, err := pool.QueryContext(context.Background(), text)
			require.NoError(t, err, text)
			defer rows.Close()
			for rows.Next() {
				n++
			}
			require.NoError(t, rows.Err())
			return n
		}
		exec := func(text string) (n int64) {
			t.Helper()
			result, err := pool.ExecContext(context.Background(), text)
			require.NoError(t, err, text)
			n, _ = result.RowsAffected()
			return n
		}
		assert.Equal(t, 3, countRows(sqlOf(func(tx *gorm.DB) *gorm.DB { return tx.Where("region = ?", "US").Find(&[]Customer{}) })))
		assert.Equal(t, 9, countRows(sqlOf(func(tx *gorm.DB) *gorm.DB { return tx.Find(&[]Customer{}) })))
		assert.Equal(t, 4, countRows(sqlOf(func(tx *gorm.DB) *gorm.DB {
			return tx.Where("name <> ?", "it's").Order("name").Offset(3).Limit(4).Find(&[]Customer{})
		})))
		assert.Equal(t, 1, countRows(sqlOf(func(tx *gorm.DB) *gorm.DB { var n int64; return tx.Model(&Customer{}).Count(&n) })))
		// drivers do not agree on what Exec says of INSERT … RETURNING
		exec(sqlOf(func(tx *gorm.DB) *gorm.DB { return tx.Create(&Customer{ID: 99, Name: "it's", Region: "US"}) }))
		exec(sqlOf(func(tx *gorm.DB) *gorm.DB {
			return tx.Create(&[]Customer{{ID: 100, Name: "a", Region: "US"}, {ID: 101, Name: "b", Region: "US"}})
		}))
		assert.Equal(t, []string{"a", "b", "it's", "n1", "n4", "n7"}, names(t, db.Where("region = ?", "US")))
		assert.EqualValues(t, 6, exec(sqlOf(func(tx *gorm.DB) *gorm.DB {
			return tx.Model(&Customer{}).Where("region = ? AND spent < ?", "US", 1000).Update("status", "dry")
		})))
		assert.EqualValues(t, 1, exec(sqlOf(func(tx *gorm.DB) *gorm.DB { return tx.Where("region = ?", "US").Delete(&Customer{}, 99) })))
		// several statements: each runs as it stands
		text := sqlOf(func(tx *gorm.DB) *gorm.DB { return tx.Model(&Customer{}).Where("id < ?", 50).Update("status", "many") })
		parts := strings.Split(text, ";\n")
		assert.Len(t, parts, 3)
		total := int64(0)
		for _, p := range parts {
			total += exec(p)
		}
		assert.EqualValues(t, 9, total)
	})
}

func TestRawAndExec(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		rows := nine(t, db)
		var out []Customer
		require.NoError(t, db.Raw("SELECT * FROM customers WHERE region = ? ORDER BY id", "US").Scan(&out).Error)
		assert.Equal(t, []Customer{rows[0], rows[3], rows[6]}, out)
		require.NoError(t, db.Raw("SELECT c.* FROM customers AS c WHERE c.region = @r AND c.spent > @n", sql.Named("r", "EU"), sql.Named("n", 5)).Scan(&out).Error)
		assert.Equal(t, rows[7:8], out)
		var n int
		require.NoError(t, db.Raw("SELECT count(*) FROM customers").Scopes(dtde.OnShard("EU")).Row().Scan(&n))
		assert.Equal(t, 3, n)
		tx := db.Exec("UPDATE customers SET status = ? WHERE region = ?", "raw", "EU")
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 3, tx.RowsAffected)
		assert.Equal(t, []string{"n2", "n5", "n8"}, names(t, db.Where("status = ?", "raw")))
		tx = db.Exec("INSERT INTO customers (id, name, region, status, spent) VALUES (?, ?, ?, '', 0)", 50, "n50", "APAC")
		require.NoError(t, tx.Error)
		tx = db.Exec("DELETE FROM customers WHERE region = 'APAC' AND id = ?", 50)
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 1, tx.RowsAffected)
		for _, text := range []string{
			"INSERT INTO customers VALUES (60, 'a', 'EU', 's', 1), (61, 'b', 'US', 's', 1)",
			"TRUNCATE TABLE customers", "DROP TABLE customers",
		} {
			require.ErrorIs(t, db.Exec(text).Error, dtde.ErrUnsupported, text)
		}
		assert.Len(t, names(t, db), 9)
		require.NoError(t, db.Exec("SELECT 1").Error)
	})
}

func TestShardScopes(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		nine(t, db)
		assert.Equal(t, []string{"n2", "n5", "n8"}, names(t, db.Scopes(dtde.OnShard("EU"))))
		assert.Equal(t, []string{"n1", "n2", "n4", "n5", "n7", "n8"}, names(t, db.Scopes(dtde.OnShard("US", "EU"))))
		assert.Empty(t, names(t, db.Scopes(dtde.OnShard("EU")).Where("region = ?", "US")))
		tx := db.Scopes(dtde.AllShards()).Where("region = ?", "US").Find(&[]Customer{})
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 3, tx.RowsAffected)
		assert.Len(t, shardsOf(t, tx), 3)
		tx = db.Scopes(dtde.OnShard("EU")).Model(&Customer{}).Where("spent >= 0").Update("status", "eu")
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 3, tx.RowsAffected)
		assert.Len(t, names(t, db), 9, "a scope is for one statement")
		require.ErrorIs(t, db.Scopes(dtde.OnShard("EU")).Create(&Customer{Name: "x", Region: "US"}).Error, dtde.Err)
		assert.Len(t, names(t, db), 9)
		require.NoError(t, db.Scopes(dtde.OnShard("US")).Create(&Customer{Name: "x", Region: "US"}).Error)
	})
}

func TestGenericsAndSessions(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		nine(t, db)
		ctx := context.Background()
		c := Customer{Name: "generic", Region: "EU"}
		require.NoError(t, gorm.G[Customer](db).Create(ctx, &c))
		got, err := gorm.G[Customer](db).Where("region = ?", "EU").Where("name = ?", "generic").First(ctx)
		require.NoError(t, err)
		assert.Equal(t, c, got)
		n, err := gorm.G[Customer](db).Where("name = ?", "generic").Update(ctx, "status", "g")
		require.NoError(t, err)
		assert.Equal(t, 1, n)
		total, err := gorm.G[Customer](db).Count(ctx, "*")
		require.NoError(t, err)
		assert.EqualValues(t, 10, total)
		all, err := gorm.G[Customer](db).Order("name").Limit(2).Find(ctx)
		require.NoError(t, err)
		assert.Len(t, all, 2)
		n, err = gorm.G[Customer](db).Where("name = ?", "generic").Delete(ctx)
		require.NoError(t, err)
		assert.Equal(t, 1, n)

		base := db.Where("region = ?", "US").Session(&gorm.Session{})
		assert.Equal(t, []string{"n1", "n4"}, names(t, base.Where("spent < ?", 5)))
		assert.Equal(t, []string{"n7"}, names(t, base.Where("spent > ?", 5)), "a session is used again")
		assert.Len(t, names(t, base.Session(&gorm.Session{NewDB: true})), 9)
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		assert.ErrorIs(t, db.WithContext(cancelled).Find(&[]Customer{}).Error, context.Canceled)
		assert.ErrorIs(t, db.WithContext(cancelled).Create(&Customer{Name: "x", Region: "EU"}).Error, context.Canceled)
		assert.Len(t, names(t, db), 9)
	})
}
