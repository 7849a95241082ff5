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
	wanted, lines := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for i := range min(len(wanted), len(lines)) {
		require.Equal(t, wanted[i], lines[i], "%s:%d", file, i+1)
	}
	assert.Len(t, lines, len(wanted), file)
}

// goldenCases runs every case in DryRun and compares the file.
func goldenCases(t *testing.T, file string, cases []goldenCase) {
	t.Helper()
	goldenCasesOn(t, sqlServer(t), file, cases)
}

// goldenCasesOn is goldenCases with entities of the caller's.
func goldenCasesOn(t *testing.T, db *gorm.DB, file string, cases []goldenCase) {
	t.Helper()
	physical, logical := sqlServerTables(db)
	var out strings.Builder
	for _, c := range cases {
		fmt.Fprintf(&out, "-- %s\n", c.name)
		tx := c.run(db.Session(&gorm.Session{SkipDefaultTransaction: true}))
		if tx.Error != nil {
			fmt.Fprintf(&out, "-- refused: %s\n\n", tx.Error)
			if file != "raw.sql" { // whose text is the caller's
				assert.Empty(t, tx.Statement.SQL.String(), c.name)
			}
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
