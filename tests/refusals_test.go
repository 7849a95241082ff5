package tests

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
)

// refusedStatements are statements that dtde refuses, with the code that docs/unsupported.md
// lists. They run on customers of three regions and on a table of Plain.
var refusedStatements = []struct {
	reason string
	// only is the engine on which it is refused; "" for all. locks: not on SQLite, which
	// has none.
	only string
	run  func(db *gorm.DB) error
}{
	{"sessions-join", "", func(db *gorm.DB) error {
		return inSessions(db).Joins("JOIN plains ON plains.region = customers.region").Find(&[]Customer{}).Error
	}},
	{"sessions-group", "", func(db *gorm.DB) error {
		return inSessions(db).Model(&Customer{}).Select("status, COUNT(*) AS n").Group("status").Having("AVG(spent) > MIN(spent)").Find(&[]map[string]any{}).Error
	}},
	{"sessions-select", "", func(db *gorm.DB) error {
		return inSessions(db).Model(&Customer{}).Select("id, row_number() OVER (ORDER BY id) AS n").Find(&[]map[string]any{}).Error
	}},
	{"sessions-order", "", func(db *gorm.DB) error { return inSessions(db).Order("spent % 3").Find(&[]Customer{}).Error }},
	{"sessions-order-column", "", func(db *gorm.DB) error {
		return inSessions(db).Model(&Customer{}).Distinct("id", "name").Order("spent").Find(&[]map[string]any{}).Error
	}},
	{"sessions-distinct", "", func(db *gorm.DB) error {
		return inSessions(db).Model(&Customer{}).Distinct("CAST(name AS char) AS c").Find(&[]map[string]any{}).Error
	}},
	{"sessions-isolation", "postgres", func(db *gorm.DB) error {
		return db.Transaction(func(tx *gorm.DB) error { return inSessions(tx).Order("id").Find(&[]Customer{}).Error }, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	}},
	{"lock-union", "locks", func(db *gorm.DB) error {
		return db.Scopes(dtde.Reads(dtde.ReadUnion)).Clauses(clause.Locking{Strength: "UPDATE"}).Find(&[]Customer{}).Error
	}},
	{"lock-limit", "locks", func(db *gorm.DB) error {
		return db.Clauses(clause.Locking{Strength: "UPDATE"}).Order("id").Limit(1).Find(&[]Customer{}).Error
	}},
	{"lock-skip", "locks", func(db *gorm.DB) error {
		return db.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).Find(&[]Customer{}).Error
	}},
	{"table-expression", "", func(db *gorm.DB) error {
		return db.Table("customers, plains").Find(&[]map[string]any{}).Error
	}},
	{"raw-shards", "sqlite", func(db *gorm.DB) error {
		return db.Exec("DELETE FROM customers ORDER BY id LIMIT 1").Error
	}},
	{"raw-shards", "postgres", func(db *gorm.DB) error {
		return db.Exec("UPDATE customers SET spent = 1 ORDER BY id LIMIT 1").Error
	}},
	{"raw-insert", "", func(db *gorm.DB) error {
		return db.Exec("INSERT INTO customers VALUES (81, 'n', 'EU', 's', 1)").Error
	}},
	{"raw-shape", "", func(db *gorm.DB) error {
		return db.Exec("WITH more AS (SELECT 1 AS n) INSERT INTO customers (id, region) SELECT n, 'EU' FROM more").Error
	}},
	{"raw-table", "sqlite", func(db *gorm.DB) error {
		return db.Raw("SELECT id FROM customers NOT INDEXED").Scan(&[]int64{}).Error
	}},
	{"raw-table", "postgres", func(db *gorm.DB) error {
		return db.Raw("SELECT id FROM ONLY customers").Scan(&[]int64{}).Error
	}},
	{"raw-table", "mysql", func(db *gorm.DB) error {
		return db.Raw("SELECT id FROM customers USE INDEX (PRIMARY)").Scan(&[]int64{}).Error
	}},
	{"partial-write", "", func(db *gorm.DB) error {
		var left dtde.PartialReport
		return db.Scopes(dtde.Partial(&left)).Exec("DELETE FROM customers WHERE region = 'EU'").Error
	}},
	{"raw-onshard", "", func(db *gorm.DB) error {
		return db.Scopes(dtde.OnShard("EU")).Raw("SELECT c.id FROM customers c JOIN plains p ON p.id = c.id").Scan(&[]int64{}).Error
	}},
	{"raw-with", "", func(db *gorm.DB) error {
		return db.Raw("WITH customers AS (SELECT 1 AS id) SELECT id FROM customers").Scan(&[]int64{}).Error
	}},
	{"insert-onshard", "", func(db *gorm.DB) error {
		return db.Scopes(dtde.OnShard("EU")).Create(&Customer{ID: 81, Region: "US"}).Error
	}},
	{"upsert-key", "", func(db *gorm.DB) error {
		return db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}, {Name: "region"}}, DoUpdates: clause.Assignments(map[string]any{"region": "US"})}).
			Create(&Customer{ID: 81, Region: "EU"}).Error
	}},
	{"upsert-target", "", func(db *gorm.DB) error {
		return db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "name"}}, DoNothing: true}).Create(&Customer{ID: 81, Region: "EU"}).Error
	}},
	{"write-limit", "mysql", func(db *gorm.DB) error {
		return db.Model(&Customer{}).Where("spent >= 0").Limit(1).Offset(1).Update("spent", 1).Error
	}},
	{"write-order", "mysql", func(db *gorm.DB) error {
		return db.Model(&Customer{}).Where("spent >= 0").Order("id").Update("spent", gorm.Expr("(@n := 1)")).Error
	}},
	{"write-subquery", "", func(db *gorm.DB) error {
		return db.Model(&Customer{}).Where("id > ?", 0).Update("spent", db.Model(&Customer{}).Select("AVG(spent)")).Error
	}},
	{"write-subquery", "", func(db *gorm.DB) error {
		return db.Exec("UPDATE customers SET spent = (SELECT AVG(spent) FROM customers)").Error
	}},
	{"raw-shape", "postgres", func(db *gorm.DB) error {
		return db.Exec("WITH gone AS (DELETE FROM plains RETURNING id) DELETE FROM customers WHERE id IN (SELECT id FROM gone)").Error
	}},
	{"write-join", "", func(db *gorm.DB) error {
		return db.Model(&Customer{}).Joins("JOIN plains ON plains.region = customers.region").Where("spent >= 0").Update("spent", 1).Error
	}},
	{"upsert-expression", "mysql", func(db *gorm.DB) error {
		return db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}, {Name: "region"}}, DoUpdates: clause.Set{
			{Column: clause.Column{Name: "spent"}, Value: gorm.Expr("customers.spent + LENGTH('open)")},
		}}).Create(&Customer{ID: 81, Region: "EU"}).Error
	}},
	{"subquery-sessions", "", func(db *gorm.DB) error {
		return db.Where("region = ? AND id IN (?)", "EU", inSessions(db).Model(&Customer{}).Select("id")).Find(&[]Plain{}).Error
	}},
	{"subquery-sessions", "", func(db *gorm.DB) error {
		return db.Where("id NOT IN (?)", inSessions(db).Model(&Customer{}).Select("id")).Find(&[]Customer{}).Error
	}},
	{"subquery-sessions", "", func(db *gorm.DB) error {
		return db.Model(&Plain{}).Where("id IN (?)", db.Model(&Plain{}).Select("id").Where("id IN (?)", inSessions(db).Model(&Customer{}).Select("id"))).Find(&[]Plain{}).Error
	}},
	{"subquery-sessions", "", func(db *gorm.DB) error {
		return db.Raw("SELECT id FROM plains WHERE id IN (?)", inSessions(db).Model(&Customer{}).Select("id")).Scan(&[]int{}).Error
	}},
	{"subquery-sessions", "", func(db *gorm.DB) error {
		return db.Model(&Customer{}).Where("region = ? AND id NOT IN (?)", "EU", inSessions(db).Model(&Customer{}).Select("id")).Update("spent", 1).Error
	}},
	{"subquery-sessions", "", func(db *gorm.DB) error {
		return db.Where("id NOT IN (?)", inSessions(db).Model(&Customer{}).Select("id")).Delete(&Plain{}).Error
	}},
	{"subquery-sessions", "", func(db *gorm.DB) error {
		return db.Model(&Customer{}).Create(map[string]any{"id": 81, "region": "EU", "spent": inSessions(db).Model(&Customer{}).Select("COUNT(*)")}).Error
	}},
	{"subquery-sessions", "", func(db *gorm.DB) error {
		return db.Session(&gorm.Session{DryRun: true}).Where("id IN (?)", inSessions(db).Model(&Customer{}).Select("id")).Find(&[]Plain{}).Error
	}},
	{"raw-text", "", func(db *gorm.DB) error { return db.Exec("DELETE FROM customers WHERE name = 'open").Error }},
	{"foreign-statement", "", func(db *gorm.DB) error { return db.Where("customers.spent > 1").Find(&[]Plain{}).Error }},
	{"raw-lock", "locks", func(db *gorm.DB) error { return db.Raw("SELECT id FROM customers FOR UPDATE").Scan(&[]int64{}).Error }},
	{"rename-table", "", func(db *gorm.DB) error { return db.Migrator().RenameTable("customers", "clients") }},
	{"shard-key-column", "", func(db *gorm.DB) error { return db.Migrator().DropColumn(&Customer{}, "Region") }},
	{"view-name", "", func(db *gorm.DB) error {
		return db.Migrator().CreateView("customers", gorm.ViewOption{Query: db.Model(&Plain{})})
	}},
	{"cursor-order", "", func(db *gorm.DB) error {
		return db.Scopes(dtde.After("")).Order("spent % 3").Limit(2).Find(&[]Customer{}).Error
	}},
	{"cursor-shape", "", func(db *gorm.DB) error {
		return db.Model(&Customer{}).Scopes(dtde.After("")).Distinct("name").Find(&[]map[string]any{}).Error
	}},
	{"cursor-statement", "", func(db *gorm.DB) error {
		return db.Model(&Customer{}).Scopes(dtde.After("")).Where("id = 1").Update("spent", 1).Error
	}},
}

func inSessions(db *gorm.DB) *gorm.DB { return db.Scopes(dtde.Reads(dtde.ReadSessions)) }

// TestRefusedStatements runs one statement for each code: it is refused with that code, and
// nothing has happened.
func TestRefusedStatements(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(customers()))
		require.NoError(t, db.AutoMigrate(&Plain{}))
		require.NoError(t, db.Create(&[]Customer{{ID: 1, Region: "EU", Spent: 3}, {ID: 2, Region: "US", Spent: 5}, {ID: 3, Region: "APAC", Spent: 7}}).Error)
		before := contents(t, beside(t, db), "customers")
		for _, c := range refusedStatements {
			t.Run(c.reason, func(t *testing.T) {
				if c.only == "locks" && db.Name() == "sqlite" || c.only != "" && c.only != "locks" && c.only != db.Name() {
					t.Skip("not on this engine")
				}
				var unsupported *dtde.UnsupportedError
				err := c.run(db.Session(&gorm.Session{}))
				require.ErrorAs(t, err, &unsupported)
				assert.Equal(t, c.reason, unsupported.Reason, "%v", err)
				assert.Equal(t, before, contents(t, beside(t, db), "customers"))
			})
		}
	})
}

// Headcount has a column of a sharded table's name.
type Headcount struct {
	ID        int64 `gorm:"primaryKey;autoIncrement:false"`
	Customers int
}

// TestFailuresOfOthersAreTheirOwn: a failed statement on another model is not said to
// name a sharded table unless that is what the engine complains of.
func TestFailuresOfOthersAreTheirOwn(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(customers()))
		require.NoError(t, db.AutoMigrate(&Headcount{}))
		require.NoError(t, db.Create(&Headcount{ID: 1, Customers: 3}).Error)
		for _, err := range []error{
			db.Create(&Headcount{ID: 1, Customers: 4}).Error,
			db.Where("customers > 1 AND nothing = 2").Find(&[]Headcount{}).Error,
		} {
			var unsupported *dtde.UnsupportedError
			require.Error(t, err)
			assert.NotErrorAs(t, err, &unsupported)
		}
	})
}

// TestTablesYoungerThanTheSnapshot: MariaDB can't read them inside the transaction, and
// says so in terms of its own.
func TestTablesYoungerThanTheSnapshot(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(dtde.Model(&Order{}).ShardByDate("OrderDate", dtde.Month, utc(2024, 1, 1), utc(2025, 1, 1))))
		require.NoError(t, db.Create(&Order{ID: 1, OrderDate: utc(2024, 1, 2)}).Error)
		err := db.Transaction(func(tx *gorm.DB) error {
			if err := tx.Find(&[]Order{}).Error; err != nil {
				return err
			}
			if err := tx.Create(&Order{ID: 2, OrderDate: utc(2024, 5, 2)}).Error; err != nil {
				return err
			}
			return tx.Raw("SELECT COUNT(*) FROM orders a JOIN orders b ON a.id = b.id").Find(&[]map[string]any{}).Error
		})
		if db.Name() != "mysql" {
			require.NoError(t, err)
			return
		}
		var unsupported *dtde.UnsupportedError
		require.ErrorAs(t, err, &unsupported)
		assert.Equal(t, "young-table", unsupported.Reason)
	})
}
