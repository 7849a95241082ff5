package tests

import (
	"cmp"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// sameNames are shards of one table name, each in a database of its own: a statement that
// ran in the wrong one would find a table there.
func sameNames() dtde.Entity {
	return dtde.Model(&Freight{}).ShardBy("Region").WithShards(
		dtde.Shard{ID: "EU", Database: "eu", Table: "freight", Values: []any{"EU"}},
		dtde.Shard{ID: "US", Database: "us", Table: "freight", Values: []any{"US"}},
		dtde.Shard{ID: "own", Table: "freight", Values: []any{"own"}},
	)
}

func loadFreights(t *testing.T, db *gorm.DB) {
	t.Helper()
	require.NoError(t, db.AutoMigrate(&Freight{}))
	for _, f := range freights(30) {
		require.NoError(t, db.Create(f).Error)
	}
}

// TestSubqueriesKeepTheirDatabase: what a subquery reads lies in its own shard's
// database, whatever database the statement around it runs in.
func TestSubqueriesKeepTheirDatabase(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, _ := overDatabases(t, d, sameNames(), dtde.Model(&Harbour{}).AsReference())
		plain := d.Open(t)
		loadFreights(t, db)
		loadFreights(t, plain)
		for _, side := range []*gorm.DB{db, plain} {
			require.NoError(t, side.AutoMigrate(&Harbour{}))
			require.NoError(t, bestEffort(side).Create([]Harbour{{ID: 1, Region: "EU"}, {ID: 2, Region: "US"}}).Error)
		}
		eu := func(tx *gorm.DB) *gorm.DB { return tx.Model(&Freight{}).Where("region = ?", "EU").Select("weight") }
		for name, c := range map[string]struct {
			run     func(tx *gorm.DB) (any, error)
			refused bool
			reason  string // "databases-join" unless it says so
		}{
			"in the same database": {run: func(tx *gorm.DB) (any, error) {
				var ids []int64
				return ids, tx.Model(&Freight{}).Where("region = ? AND weight IN (?)", "EU", eu(tx)).Order("id").Pluck("id", &ids).Error
			}},
			"in another": {refused: true, run: func(tx *gorm.DB) (any, error) {
				var ids []int64
				return ids, tx.Model(&Freight{}).Where("region = ? AND weight IN (?)", "US", eu(tx)).Order("id").Pluck("id", &ids).Error
			}},
			"over all databases": {refused: true, run: func(tx *gorm.DB) (any, error) {
				var ids []int64
				return ids, tx.Model(&Freight{}).Where("weight IN (?)", eu(tx)).Order("id").Pluck("id", &ids).Error
			}},
			"of all databases": {refused: true, run: func(tx *gorm.DB) (any, error) {
				var ids []int64
				return ids, tx.Model(&Freight{}).Where("region = ? AND weight IN (?)", "own", tx.Model(&Freight{}).Select("weight")).Order("id").Pluck("id", &ids).Error
			}},
			"as a table": {refused: true, run: func(tx *gorm.DB) (any, error) {
				var n int64
				return n, tx.Table("(?) AS t", eu(tx)).Select("COUNT(*)").Scan(&n).Error
			}},
			"in a value of another model": {refused: true, run: func(tx *gorm.DB) (any, error) {
				var n int64
				return n, tx.Model(&Harbour{}).Where("id IN (?)", eu(tx)).Count(&n).Error
			}},
			"of a reference entity": {run: func(tx *gorm.DB) (any, error) {
				var ids []int64
				return ids, tx.Model(&Freight{}).Where("region IN (?)", tx.Model(&Harbour{}).Select("region")).Order("id").Pluck("id", &ids).Error
			}},
			"in SQL text": {refused: true, run: func(tx *gorm.DB) (any, error) {
				var n int64
				return n, tx.Raw("SELECT COUNT(*) FROM freights WHERE region = 'US' AND weight IN (?)", eu(tx)).Scan(&n).Error
			}},
			"in SQL text of one database": {run: func(tx *gorm.DB) (any, error) {
				var n int64
				return n, tx.Raw("SELECT COUNT(*) FROM freights WHERE region = 'EU' AND weight IN (?)", eu(tx)).Scan(&n).Error
			}},
			"in an update": {refused: true, run: func(tx *gorm.DB) (any, error) {
				tx = tx.Model(&Freight{}).Where("region = ? AND weight IN (?)", "US", eu(tx)).Update("note", "seen")
				return tx.RowsAffected, tx.Error
			}},
			"in an update of text": {refused: true, run: func(tx *gorm.DB) (any, error) {
				tx = tx.Exec("UPDATE freights SET note = 'seen' WHERE region <> 'own' AND weight IN (?)", eu(tx))
				return tx.RowsAffected, tx.Error
			}},
			"in an update of text in another": {refused: true, run: func(tx *gorm.DB) (any, error) {
				tx = tx.Exec("UPDATE freights SET note = 'seen' WHERE region = 'US' AND weight IN (?)", eu(tx))
				return tx.RowsAffected, tx.Error
			}},
			"in an update of text in the same": {run: func(tx *gorm.DB) (any, error) {
				tx = tx.Exec("UPDATE freights SET weight = weight + 0 WHERE region = 'EU' AND weight IN (?)", eu(tx))
				return tx.RowsAffected, tx.Error
			}},
			"in a delete of text, by name": {refused: true, run: func(tx *gorm.DB) (any, error) {
				tx = tx.Exec("DELETE FROM freights WHERE region = 'US' AND weight IN (SELECT weight FROM freights)")
				return tx.RowsAffected, tx.Error
			}},
			"of a reference entity, in an update of text": {run: func(tx *gorm.DB) (any, error) {
				tx = bestEffort(tx).Exec("UPDATE freights SET weight = weight + 1 WHERE region IN (SELECT region FROM harbours WHERE id < ?)", 9)
				return tx.RowsAffected, tx.Error
			}},
			"in an update of a reference entity by text": {refused: true, reason: "reference-text", run: func(tx *gorm.DB) (any, error) {
				tx = tx.Exec("UPDATE harbours SET region = 'x' WHERE region IN (SELECT region FROM freights WHERE region = 'EU')")
				return tx.RowsAffected, tx.Error
			}},
			"in a delete": {refused: true, run: func(tx *gorm.DB) (any, error) {
				tx = tx.Where("region = ? AND weight IN (?)", "US", eu(tx)).Delete(&Freight{})
				return tx.RowsAffected, tx.Error
			}},
		} {
			t.Run(name, func(t *testing.T) {
				got, err := c.run(db)
				if c.refused {
					var unsupported *dtde.UnsupportedError
					require.ErrorAs(t, err, &unsupported)
					assert.Equal(t, cmp.Or(c.reason, "databases-join"), unsupported.Reason)
					return
				}
				require.NoError(t, err)
				want, err := c.run(plain)
				require.NoError(t, err)
				assert.Equal(t, want, got)
			})
		}
		var left []Freight
		require.NoError(t, db.Where("note <> ?", "seen").Find(&left).Error)
		assert.Len(t, left, 30, "what was refused changed nothing")
	})
}

// Harbour is small enough to be everywhere.
type Harbour struct {
	ID     int64 `gorm:"primaryKey"`
	Region string
}

// Quay stays in the program's own database.
type Quay struct {
	ID     int64 `gorm:"primaryKey"`
	Region string
}

// TestOwnTablesInOtherDatabases: a table that only the program's own database has is
// refused elsewhere by name, not found missing.
func TestOwnTablesInOtherDatabases(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, _ := overDatabases(t, d, sameNames())
		loadFreights(t, db)
		require.NoError(t, db.AutoMigrate(&Quay{}))
		for name, run := range map[string]func() error{
			"a subquery": func() error {
				return db.Where("region = 'EU' AND id IN (?)", db.Model(&Quay{}).Select("id")).Find(&[]Freight{}).Error
			},
			"text": func() error {
				return db.Where("region = 'EU' AND EXISTS (SELECT 1 FROM quays q WHERE q.region = freights.region)").Find(&[]Freight{}).Error
			},
			"a join": func() error {
				return db.Joins("JOIN quays ON quays.region = freights.region").Where("freights.region = ?", "EU").Find(&[]Freight{}).Error
			},
			"an update": func() error {
				return db.Model(&Freight{}).Where("region = 'EU' AND id IN (SELECT id FROM quays)").Update("note", "x").Error
			},
			"a delete": func() error {
				return db.Where("region = 'EU' AND id IN (?)", db.Model(&Quay{}).Select("id")).Delete(&Freight{}).Error
			},
		} {
			var unsupported *dtde.UnsupportedError
			require.ErrorAs(t, run(), &unsupported, name)
			assert.Equal(t, "databases-join", unsupported.Reason, name)
			assert.Contains(t, unsupported.Problem, "quays", name)
		}
		var rows []Freight
		require.NoError(t, db.Where("region = 'own' AND NOT EXISTS (SELECT 1 FROM quays q WHERE q.region = freights.region)").Find(&rows).Error)
		assert.Len(t, rows, 10, "in their own database they are there")
		require.NoError(t, db.Raw("WITH f AS (SELECT id FROM freights WHERE region = 'EU') SELECT id FROM f").Scan(&rows).Error)
		assert.Len(t, rows, 10, "a WITH name is no table")
	})
}

// TestNoShardOverDatabases: conditions that no shard can meet answer as an empty table
// does, although the program's own database has no shard.
func TestNoShardOverDatabases(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		require.NoError(t, db.Use(dtde.Register(dtde.Config{
			Databases: []dtde.Database{{ID: "eu", Dialector: d.Dialector(t)}, {ID: "us", Dialector: d.Dialector(t)}},
			Entities:  []dtde.Entity{dtde.Model(&Freight{}).ShardBy("Region", "EU", "US").WithStorageMode(dtde.Databases)},
		})))
		require.NoError(t, db.AutoMigrate(&Freight{}))
		var total struct{ N, Total *int64 }
		require.NoError(t, db.Model(&Freight{}).Where("region IS NULL").Select("COUNT(*) AS n, SUM(weight) AS total").Scan(&total).Error)
		require.NotNil(t, total.N)
		assert.Zero(t, *total.N)
		assert.Nil(t, total.Total)
		var rows []Freight
		require.NoError(t, db.Where("region = ?", "nowhere").Find(&rows).Error)
		assert.Empty(t, rows)
		assert.ErrorIs(t, db.Where("region = ?", "nowhere").First(&Freight{}).Error, gorm.ErrRecordNotFound)
	})
}

// Sailing makes its shards on demand.
type Sailing struct {
	ID     int64 `gorm:"primaryKey"`
	Sailed time.Time
	Region string
}

// TestJoinsInAnotherDatabaseAskTheCatalog: text that is rewritten while the statement
// visits another database asks dtde's own tables where they are.
func TestJoinsInAnotherDatabaseAskTheCatalog(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		require.NoError(t, db.Use(dtde.Register(dtde.Config{
			Databases: []dtde.Database{{ID: "eu", Dialector: d.Dialector(t)}},
			Entities: []dtde.Entity{
				dtde.Model(&Sailing{}).ShardByDate("Sailed", dtde.Month, dayOf(2024, 1, 1), time.Time{}).WithStorageMode(dtde.Databases),
				dtde.Model(&Harbour{}).AsReference(),
			},
		})))
		require.NoError(t, db.AutoMigrate(&Sailing{}, &Harbour{}))
		require.NoError(t, db.AutoMigrate(&Harbour{}), "by itself, and once more")
		require.NoError(t, bestEffort(db).Create(&Harbour{ID: 1, Region: "EU"}).Error)
		gone := Sailing{ID: 9, Sailed: dayOf(2024, 2, 5)}
		require.NoError(t, bestEffort(db).Create([]Sailing{{Sailed: dayOf(2024, 2, 3), Region: "EU"}, {Sailed: dayOf(2024, 5, 3), Region: "US"}}).Error)
		require.NoError(t, db.Model(&gone).Where("region = ?", "nowhere").Updates(map[string]any{"sailed": nil}).Error, "no row would have to move")
		var n int64
		require.NoError(t, db.Model(&Sailing{}).Joins("JOIN harbours ON harbours.region = sailings.region").Count(&n).Error)
		assert.EqualValues(t, 1, n)
	})
}

func bestEffort(db *gorm.DB) *gorm.DB {
	return db.WithContext(dtde.BestEffort(context.Background()))
}

func dayOf(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

// TestUnionsAreOfOneDatabase: the form can't be had over several.
func TestUnionsAreOfOneDatabase(t *testing.T) {
	t.Parallel()
	db, _ := overDatabases(t, testenv.SQLite(), sameNames())
	require.NoError(t, db.AutoMigrate(&Freight{}))
	var unsupported *dtde.UnsupportedError
	require.ErrorAs(t, db.Scopes(dtde.Reads(dtde.ReadUnion)).Find(&[]Freight{}).Error, &unsupported)
	assert.Equal(t, "union-databases", unsupported.Reason)
	require.NoError(t, db.Scopes(dtde.Reads(dtde.ReadUnion)).Where("region = ?", "US").Find(&[]Freight{}).Error)
}
