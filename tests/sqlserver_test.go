package tests

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// SQL Server is held by the text of the statements that its own dialector makes:
// testdata/sqlserver has them, with the plan above each. No server reads them here;
// checkTSQL looks for what no T-SQL has.

var updateGolden = flag.Bool("update", false, "write golden files")

// Invoice lives in a database schema, has a generated key and a soft delete.
type Invoice struct {
	ID        int64 `gorm:"primaryKey"`
	Region    string
	Total     int
	DeletedAt gorm.DeletedAt
}

// TableName qualifies the table.
func (Invoice) TableName() string { return "sales.invoices" }

// Stock has a primary key of two columns.
type Stock struct {
	Region string `gorm:"primaryKey;size:8"`
	SKU    string `gorm:"primaryKey;size:20"`
	Count  int
}

// Label has a key that the program gives.
type Label struct {
	ID     int64 `gorm:"primaryKey;autoIncrement:false"`
	Region string
	Text   string
}

// Visit has shards that are made when a row needs them: none here.
type Visit struct {
	ID    int64 `gorm:"primaryKey"`
	At    time.Time
	Place string
}

// sqlServerConfig has one entity of each sort; the node's number is fixed, since there
// is no database to lease one in.
func sqlServerConfig() dtde.Config {
	return dtde.Config{NodeID: 1, Entities: []dtde.Entity{
		customers(),
		dtde.Model(&Order{}).ShardByDate("OrderDate", dtde.Year, utc(2023, 1, 1), utc(2026, 1, 1)).MigrationsDisabled(),
		dtde.Model(&Visit{}).ShardByDate("At", dtde.Month, utc(2024, 1, 1), utc(2025, 1, 1)),
		dtde.Model(&User{}).ShardByHash("ID", 4),
		dtde.Model(&Invoice{}).ShardBy("Region", "EU", "US"),
		dtde.Model(&Stock{}).ShardBy("Region", "EU", "US"),
		dtde.Model(&Label{}).ShardBy("Region", "EU", "US"),
	}}
}

func sqlServer(t *testing.T) *gorm.DB {
	t.Helper()
	db := testenv.SQLServerDryRun(t)
	require.NoError(t, db.Use(dtde.Register(sqlServerConfig())))
	return db
}

// sqlServerTables are the names of sqlServerConfig's tables, without their schemas.
func sqlServerTables(db *gorm.DB) (physical, logical []string) {
	plugin := db.Plugins["dtde"].(*dtde.Plugin)
	for _, e := range plugin.Entities() {
		logical = append(logical, e.LogicalName)
		for _, s := range e.Shards {
			physical = append(physical, s.Name())
		}
	}
	return physical, logical
}

// goldenCase is one statement of a golden file.
type goldenCase struct {
	name string
	run  func(db *gorm.DB) *gorm.DB
}

// golden compares plans and statements with a file of testdata/sqlserver.
func golden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", "sqlserver", file)
	if *updateGolden {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// goldenCases runs every case in DryRun and compares the file.
func goldenCases(t *testing.T, file string, cases []goldenCase) {
	t.Helper()
	db := sqlServer(t)
	physical, logical := sqlServerTables(db)
	var out strings.Builder
	for _, c := range cases {
		fmt.Fprintf(&out, "-- %s\n", c.name)
		tx := c.run(db.Session(&gorm.Session{SkipDefaultTransaction: true}))
		if tx.Error != nil {
			fmt.Fprintf(&out, "-- refused: %s\n\n", tx.Error)
			assert.Empty(t, tx.Statement.SQL.String(), c.name)
			continue
		}
		plans := dtde.Plans(tx)
		require.NotEmpty(t, plans, c.name)
		for _, p := range plans {
			fmt.Fprintf(&out, "-- %s %s: %s {%s}\n", p.Operation, p.Entity, p.Form, strings.Join(p.ShardIDs(), " "))
			for _, s := range p.Statements {
				out.WriteString(s.Text + "\n")
				assert.Empty(t, checkTSQL(s.Text, s.Args, physical, logical), "%s: %s", c.name, s.Text)
			}
		}
		if n := len(plans[0].Statements); n != 1 { // what DryRun shows: values in the text, one after the other
			assert.Empty(t, checkTSQL(tx.Statement.SQL.String(), 0, physical, logical), c.name)
		} else {
			assert.Equal(t, plans[0].Statements[0].Text, tx.Statement.SQL.String(), c.name)
		}
		out.WriteByte('\n')
	}
	golden(t, file, out.String())
}

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
