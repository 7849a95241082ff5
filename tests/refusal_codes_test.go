package tests

import (
	"context"
	"database/sql"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// refusedAs requires a refusal with a code of docs/unsupported.md.
func refusedAs(t *testing.T, code string, err error) {
	t.Helper()
	var unsupported *dtde.UnsupportedError
	require.ErrorAs(t, err, &unsupported)
	assert.Equal(t, code, unsupported.Reason, "%v", err)
	require.ErrorIs(t, err, dtde.ErrUnsupported)
	assert.NotEmpty(t, unsupported.Hint, "no way out")
}

// TestRefusedBetweenDatabases: what one transaction, or one connection, can't do.
func TestRefusedBetweenDatabases(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, _ := overDatabases(t, d, dtde.Model(&Freight{}).ShardBy("Region", "EU", "US").WithStorageMode(dtde.Databases))
		require.NoError(t, db.AutoMigrate(&Freight{}))
		both := func(tx *gorm.DB) error {
			return tx.Create(&[]Freight{{ID: 1, Region: "EU"}, {ID: 2, Region: "US"}}).Error
		}
		if d.Name != "postgres" {
			refusedAs(t, "commit-databases", both(db))
			refusedAs(t, "commit-databases", db.Transaction(both))
			var n int64
			require.NoError(t, db.Model(&Freight{}).Count(&n).Error)
			require.Zero(t, n)
		}
		refusedAs(t, "foreign-connection", db.Connection(func(tx *gorm.DB) error {
			return tx.Where("region = ?", "EU").Find(&[]Freight{}).Error
		}))
		pool, err := db.DB()
		require.NoError(t, err)
		own, err := pool.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		defer func() { _ = own.Rollback() }()
		given := db.Session(&gorm.Session{NewDB: true, Context: t.Context()})
		given.Statement.ConnPool = own
		refusedAs(t, "foreign-connection", given.Create(&Freight{ID: 3, Region: "EU"}).Error)
	})
}

// onlyExecutes is a connection that begins no transactions.
type onlyExecutes struct{ gorm.ConnPool }

// TestRefusedWithoutTransactions: a write to several shards needs one.
func TestRefusedWithoutTransactions(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(customers()))
		given := db.Session(&gorm.Session{NewDB: true, SkipDefaultTransaction: true})
		given.Statement.ConnPool = onlyExecutes{given.Statement.ConnPool}
		refusedAs(t, "no-transaction", given.Create(&[]Customer{{ID: 1, Region: "EU"}, {ID: 2, Region: "US"}}).Error)
		require.NoError(t, given.Create(&Customer{ID: 1, Region: "EU"}).Error)
	})
}

// Pebble has more shards than SQLite unites.
type Pebble struct {
	ID     int64 `gorm:"primaryKey"`
	Weight int
}

// TestRefusedUnionOfMany: SQLite takes 500 branches.
func TestRefusedUnionOfMany(t *testing.T) {
	t.Parallel()
	db := testenv.SQLite().Open(t)
	use(t, db, entities(dtde.Model(&Pebble{}).ShardByHash("ID", 501), customers()))
	refusedAs(t, "union-too-wide", db.Scopes(dtde.Reads(dtde.ReadUnion)).Find(&[]Pebble{}).Error)
	refusedAs(t, "union-too-wide", db.Joins("JOIN pebbles ON pebbles.id = customers.id").Find(&[]Customer{}).Error)
	require.NoError(t, db.Find(&[]Pebble{}).Error)
}

// Mole is the parent of burrows that its database renames with it.
type Mole struct {
	ID      int64    `gorm:"primaryKey;autoIncrement:false"`
	Field   string   `gorm:"primaryKey;size:8"`
	Burrows []Burrow `gorm:"foreignKey:MoleID,Field;references:ID,Field;constraint:OnUpdate:CASCADE"`
}

// Burrow is co-located with its mole.
type Burrow struct {
	ID     int64  `gorm:"primaryKey;autoIncrement:false"`
	Field  string `gorm:"primaryKey;size:8"`
	MoleID int64
}

// TestRefusedMoveOfParents: a row whose children would have to follow stays.
func TestRefusedMoveOfParents(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		use(t, db, entities(
			dtde.Model(&Mole{}).ShardBy("Field", "north", "south"),
			dtde.Model(&Burrow{}).ShardBy("Field", "north", "south").CoLocatedWith(&Mole{})))
		require.NoError(t, db.Create(&Mole{ID: 1, Field: "north", Burrows: []Burrow{{ID: 5}}}).Error)
		require.NoError(t, db.Create(&Mole{ID: 2, Field: "north"}).Error)
		refusedAs(t, "move-children", db.Model(&Mole{}).Where("id = ?", 1).Update("field", "south").Error)
		require.NoError(t, db.Model(&Mole{}).Where("id = ?", 2).Update("field", "south").Error)
		var fields []string
		require.NoError(t, db.Model(&Mole{}).Order("id").Pluck("field", &fields).Error)
		assert.Equal(t, []string{"north", "south"}, fields)
	})
}

// TestRefusedForeignKeys: constraints that the schema calls can't make.
func TestRefusedForeignKeys(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(dtde.Model(&Depot{}).ShardByHash("ID", 3), dtde.Model(&Parcel{}).ShardBy("Region", "a", "b")))
		refusedAs(t, "foreign-key", db.Migrator().CreateConstraint(&Depot{}, "fk_depots_parcels"))
	})
}

// TestRefusedSchemaCalls: shards in databases that GORM's migrator does not look at.
func TestRefusedSchemaCalls(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		shards := []dtde.Shard{{ID: "EU", Table: "elsewhere.customers_eu", Values: []any{"EU"}}, {ID: "US", Values: []any{"US"}}}
		require.NoError(t, db.Use(dtde.Register(entities(dtde.Model(&Customer{}).ShardBy("Region").WithShards(shards...)))))
		err := db.AutoMigrate(&Customer{})
		if d.Name == "postgres" { // which has schemas
			require.Error(t, err)
			require.NotErrorIs(t, err, dtde.ErrUnsupported)
			return
		}
		refusedAs(t, "qualified-migration", err)
	})
}

// TestRefusedContainment: changes of parents that can't be checked.
func TestRefusedContainment(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := pacts(t, d, "by start", pactRules[:1]...)
		_, err := dtde.SaveWithVersioning(db, &Pact{Number: "d1"}, dtde.Effective(day(10)))
		require.NoError(t, err)
		refusedAs(t, "containment-expression", db.Model(&Pact{}).Where("number = ?", "d1").Update("number", gorm.Expr("LOWER(number)")).Error)
		if db.Name() != "postgres" {
			return
		}
		refusedAs(t, "containment-isolation", db.Transaction(func(tx *gorm.DB) error {
			_, err := dtde.Terminate(tx, &Pact{Number: "d1"}, day(20))
			return err
		}, &sql.TxOptions{Isolation: sql.LevelRepeatableRead}))
	})
}

// TestRefusedSeals: shards that can't be sealed.
func TestRefusedSeals(t *testing.T) {
	t.Parallel()
	_, plugin := fourQuarters(t, testenv.SQLite())
	refusedAs(t, "seal-versions", plugin.Seal(t.Context(), &Rider{}, "table", date(2024, 4, 1)))
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		if d.Name != "mariadb" {
			return
		}
		// A server that reads CHECK and keeps none: what was added goes at once.
		db := d.Open(t, &gorm.Config{NowFunc: func() time.Time { return date(2024, 11, 15) }})
		plugin := quarterly(t, db)
		require.NoError(t, db.AutoMigrate(&Policy{}, &Rider{}))
		_, err := dtde.Put(db, &Policy{Number: "a"}, dtde.Period{From: date(2024, 1, 10), To: date(2024, 3, 10)})
		require.NoError(t, err)
		recorder, other := testenv.Record(db), beside(t, db)
		var added atomic.Pointer[string]
		adding := regexp.MustCompile("^ALTER TABLE (`[^`]+`) ADD CONSTRAINT (`[^`]+`) CHECK")
		recorder.Before(func(_ context.Context, text string) error {
			if drop := added.Swap(nil); drop != nil {
				return other.Exec(*drop).Error
			}
			if m := adding.FindStringSubmatch(text); m != nil {
				drop := "ALTER TABLE " + m[1] + " DROP CONSTRAINT " + m[2]
				added.Store(&drop)
			}
			return nil
		})
		refusedAs(t, "seal-check", plugin.Seal(t.Context(), &Policy{}, "2024_q1", time.Time{}))
	})
}

// TestRefusedLocksOnSQLServer: it locks by table hints.
func TestRefusedLocksOnSQLServer(t *testing.T) {
	t.Parallel()
	db := sqlServer(t)
	for name, lock := range map[string]clause.Locking{
		"a strength without one": {Strength: "NO KEY UPDATE"},
		"one table":              {Strength: "UPDATE", Table: clause.Table{Name: "customers"}},
	} {
		t.Run(name, func(t *testing.T) {
			refusedAs(t, "lock-hints", db.Clauses(lock).Where("region = ?", "EU").Find(&[]Customer{}).Error)
		})
	}
}
