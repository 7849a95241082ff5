package migrator_test

import (
	"context"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/migrator"
)

var update = flag.Bool("update", false, "write golden files")

// trace keeps the statements that GORM's logger is shown.
type trace struct {
	logger.Interface
	list *[]string
}

func (l trace) LogMode(logger.LogLevel) logger.Interface { return l }
func (l trace) Trace(_ context.Context, _ time.Time, f func() (string, int64), _ error) {
	sql, _ := f()
	*l.list = append(*l.list, sql+";")
}

// Parcel has one check: GORM writes several in no fixed order.
type Parcel struct {
	ID         int64     `gorm:"primaryKey;autoIncrement:false"`
	Region     string    `gorm:"size:20;not null;index"`
	Number     string    `gorm:"size:40;index:idx_number_placed,priority:1;unique"`
	Placed     time.Time `gorm:"index:idx_number_placed,priority:2"`
	Amount     int       `gorm:"check:amount_positive,amount >= 0"`
	CustomerID int64
	Customer   *Tag
}

// TestSQLServer: what would be sent, as its own dialector writes it.
func TestSQLServer(t *testing.T) {
	t.Parallel()
	var sent []string
	db := testenv.SQLServerDryRun(t, &gorm.Config{Logger: trace{logger.Discard, &sent}, DryRun: true})
	table := entity(t, db, &Parcel{}, config.ByValue("Region", "EU", "US"), "EU", "US")
	c := wrap(db, migrator.Hooks{}, table, words(t, db))
	m := db.Migrator()
	require.NoError(t, m.CreateTable(&Word{}, &Parcel{}))
	require.NoError(t, m.AddColumn(&Word{}, "Text"))
	require.NoError(t, m.AlterColumn("words", "Text"))
	require.NoError(t, m.AlterColumn(&Word{}, "Text"))
	require.NoError(t, m.CreateIndex(&Parcel{}, "Region"))
	require.NoError(t, m.DropIndex(&Parcel{}, "idx_number_placed"))
	require.NoError(t, m.CreateConstraint(&Parcel{}, "amount_positive"))
	require.NoError(t, migrator.EnsureShard(db, c, table, table.ShardTable("JP")))

	const golden = "testdata/sqlserver.sql"
	got := strings.Join(sent, "\n") + "\n"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// TestSQLServerVersions: the constraints of entities with versions, as they would be sent.
func TestSQLServerVersions(t *testing.T) {
	t.Parallel()
	var sent []string
	db := testenv.SQLServerDryRun(t, &gorm.Config{Logger: trace{logger.Discard, &sent}, DryRun: true})
	notes := entity(t, db, &Note{}, config.ByValue("Number", "a"), "a")
	versioned(db, notes, []string{"Number"}, config.PeriodColumns{
		From: notes.Schema.LookUpField("ValidFrom"), To: notes.Schema.LookUpField("ValidTo"), Open: config.OpenNull, Nullable: true,
	}, nil)
	prices := entity(t, db, &Price{}, config.StrategySpec{})
	prices.Unsharded, prices.Shards = true, []*config.Shard{{ID: config.UnshardedShard, Table: "prices"}}
	versioned(db, prices, []string{"Zone", "Class"}, config.PeriodColumns{
		From: prices.Schema.LookUpField("Since"), To: prices.Schema.LookUpField("Until"), Open: config.OpenSentinel,
	}, nil)
	wrap(db, migrator.Hooks{}, notes, prices)
	require.NoError(t, db.Migrator().CreateTable(&Note{}, &Price{}))
	require.NoError(t, migrator.Seal(db, notes, notes.Shards[0], time.Date(2024, 4, 1, 0, 0, 0, 500, time.UTC)))

	const golden = "testdata/sqlserver_versions.sql"
	got := strings.Join(sent, "\n") + "\n"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// Note has one check, as GORM writes several in no fixed order.
type Note struct {
	ID        int64 `gorm:"primaryKey;autoIncrement:false"`
	Number    string
	ValidFrom time.Time `gorm:"not null"`
	ValidTo   *time.Time
}

// Price has the sentinel, and rows that are softly deleted.
type Price struct {
	ID        int64     `gorm:"primaryKey;autoIncrement:false"`
	Zone      int       `gorm:"not null"`
	Class     int       `gorm:"not null"`
	Since     time.Time `gorm:"not null"`
	Until     time.Time `gorm:"not null"`
	DeletedAt gorm.DeletedAt
}
