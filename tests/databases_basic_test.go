package tests

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Freight is spread over databases by its region: the shard of a region has its id.
type Freight struct {
	ID     int64 `gorm:"primaryKey"`
	Region string
	Weight int
	Note   string
}

// overDatabases opens an engine's plugin with three databases: the program's own, and
// two beside it, for regions and for hash slots.
func overDatabases(t *testing.T, d testenv.DB, entities ...dtde.Entity) (*gorm.DB, *dtde.Plugin) {
	t.Helper()
	db := d.Open(t)
	plugin := dtde.Register(dtde.Config{
		Databases: []dtde.Database{
			{ID: "eu", Dialector: d.Dialector(t)},
			{ID: "us", Dialector: d.Dialector(t)},
			{ID: "own", Own: true},
		},
		Entities: entities,
	})
	require.NoError(t, db.Use(plugin))
	t.Cleanup(func() { _ = plugin.Close() })
	return db, plugin
}

func freights(n int) []*Freight {
	regions := []string{"EU", "US", "own"}
	list := make([]*Freight, n)
	for i := range list {
		list[i] = &Freight{ID: int64(i + 1), Region: regions[i%3], Weight: (i * 37) % 101, Note: fmt.Sprint("n", i%7)}
	}
	return list
}

// TestDatabasesReadAsOneTable compares reads over databases with the same on one table.
func TestDatabasesReadAsOneTable(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		for name, entity := range map[string]dtde.Entity{
			"by value": dtde.Model(&Freight{}).ShardBy("Region", "EU", "US", "own").WithStorageMode(dtde.Databases),
			"by hash":  dtde.Model(&Freight{}).ShardByHash("ID", 8).WithStorageMode(dtde.Databases),
		} {
			t.Run(name, func(t *testing.T) {
				db, _ := overDatabases(t, d, entity)
				plain := d.Open(t)
				for _, side := range []*gorm.DB{db, plain} {
					require.NoError(t, side.AutoMigrate(&Freight{}))
					for _, p := range freights(120) {
						require.NoError(t, side.Create(p).Error)
					}
				}
				for name, read := range map[string]func(*gorm.DB) any{
					"all in order": func(tx *gorm.DB) any { var l []Freight; check(t, tx.Order("id").Find(&l)); return l },
					"page": func(tx *gorm.DB) any {
						var l []Freight
						check(t, tx.Order("weight, id").Offset(17).Limit(9).Find(&l))
						return l
					},
					"condition": func(tx *gorm.DB) any {
						var l []Freight
						check(t, tx.Where("weight > ?", 50).Order("id DESC").Find(&l))
						return l
					},
					"in": func(tx *gorm.DB) any {
						var l []Freight
						check(t, tx.Where("id IN ?", []int{3, 5, 8, 99}).Order("id").Find(&l))
						return l
					},
					"first": func(tx *gorm.DB) any { var p Freight; check(t, tx.First(&p, 77)); return p },
					"count": func(tx *gorm.DB) any {
						var n int64
						check(t, tx.Model(&Freight{}).Where("weight < 70").Count(&n))
						return n
					},
					"groups": func(tx *gorm.DB) any {
						var l []map[string]any
						check(t, tx.Model(&Freight{}).Select("weight, COUNT(*) AS n, MIN(id) AS w").Group("weight").Order("w DESC").Find(&l))
						return fmt.Sprint(l)
					},
					"rows": func(tx *gorm.DB) any {
						rows, err := tx.Model(&Freight{}).Select("id").Order("id").Rows()
						require.NoError(t, err)
						defer rows.Close()
						var ids []int64
						for rows.Next() {
							var id int64
							require.NoError(t, rows.Scan(&id))
							ids = append(ids, id)
						}
						return ids
					},
					"in a transaction": func(tx *gorm.DB) any {
						var l []Freight
						require.NoError(t, tx.Transaction(func(tx *gorm.DB) error { return tx.Order("id").Find(&l).Error }))
						return l
					},
					"batches": func(tx *gorm.DB) any {
						var ids []int64
						var l []Freight
						check(t, tx.FindInBatches(&l, 25, func(_ *gorm.DB, _ int) error {
							for _, p := range l {
								ids = append(ids, p.ID)
							}
							return nil
						}))
						return ids
					},
				} {
					assert.Equal(t, read(plain), read(db), name)
				}
			})
		}
	})
}

func check(t *testing.T, tx *gorm.DB) {
	t.Helper()
	require.NoError(t, tx.Error)
}

// TestDatabasesWrites: what PostgreSQL commits over databases is there everywhere, what
// fails is nowhere; other engines refuse, unless best effort is asked for.
func TestDatabasesWrites(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, plugin := overDatabases(t, d, dtde.Model(&Freight{}).ShardBy("Region", "EU", "US", "own").WithStorageMode(dtde.Databases))
		require.NoError(t, db.AutoMigrate(&Freight{}))
		count := func() (n int64) {
			check(t, db.Model(&Freight{}).Count(&n))
			return n
		}
		several := freights(9)
		err := db.Create(&several).Error
		if d.Name != "postgres" {
			require.ErrorIs(t, err, dtde.ErrUnsupported)
			require.Zero(t, count())
			ctx := dtde.BestEffort(context.Background())
			require.NoError(t, db.WithContext(ctx).Create(&several).Error)
			require.EqualValues(t, 9, count())
			return
		}
		require.NoError(t, err)
		require.EqualValues(t, 9, count())
		// a failure in one database leaves nothing in the others
		twice := []*Freight{{ID: 100, Region: "EU"}, {ID: 101, Region: "US"}, {ID: 3, Region: "own"}}
		require.Error(t, db.Create(&twice).Error)
		require.EqualValues(t, 9, count())
		boom := errors.New("boom")
		require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
			check(t, tx.Create(&Freight{ID: 200, Region: "EU"}))
			check(t, tx.Create(&Freight{ID: 201, Region: "US"}))
			return boom
		}), boom)
		require.EqualValues(t, 9, count())
		// save points over databases
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			check(t, tx.Create(&Freight{ID: 300, Region: "EU"}))
			check(t, tx.SavePoint("here"))
			check(t, tx.Create(&Freight{ID: 301, Region: "EU"}))
			check(t, tx.Create(&Freight{ID: 302, Region: "US"})) // begins after the save point
			check(t, tx.RollbackTo("here"))
			check(t, tx.Create(&Freight{ID: 303, Region: "own"}))
			return nil
		}))
		var ids []int64
		check(t, db.Model(&Freight{}).Where("id >= 300").Order("id").Pluck("id", &ids))
		require.Equal(t, []int64{300, 303}, ids)
		// an update of all, an update that moves a row to another database, an upsert, a delete
		tx := db.Model(&Freight{}).Where("weight >= 0").Update("note", "x")
		check(t, tx)
		require.EqualValues(t, 11, tx.RowsAffected)
		check(t, db.Model(&Freight{}).Where("id = ?", 300).Update("region", "US"))
		var moved Freight
		check(t, db.Where("region = ?", "US").First(&moved, 300))
		require.Equal(t, "x", moved.Note)
		check(t, db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Freight{ID: 303, Region: "own", Note: "new"}))
		check(t, db.Where("note = ?", "x").Delete(&Freight{}))
		require.EqualValues(t, 1, count())
		pending, err := plugin.InDoubt(context.Background())
		require.NoError(t, err)
		require.Empty(t, pending)
		// an error that the program ignores has aborted one participant: nothing is committed
		err = db.Transaction(func(tx *gorm.DB) error {
			check(t, tx.Create(&Freight{ID: 400, Region: "EU"}))
			check(t, tx.Create(&Freight{ID: 401, Region: "US"}))
			_ = tx.Session(&gorm.Session{SkipDefaultTransaction: true, DisableNestedTransaction: true}).Exec("INSERT INTO freights (id, region) VALUES (401, 'US')").Error
			return nil
		})
		require.Error(t, err)
		require.EqualValues(t, 1, count())
	})
}

// TestDatabasesAreLazy: a statement opens the databases that it needs.
func TestDatabasesAreLazy(t *testing.T) {
	t.Parallel()
	db, plugin := overDatabases(t, testenv.SQLite(), dtde.Model(&Freight{}).ShardBy("Region", "EU", "US", "own").WithStorageMode(dtde.Databases))
	opened := func() (ids []string) {
		health, err := plugin.Health(context.Background())
		require.NoError(t, err)
		for _, h := range health {
			require.NoError(t, h.Err)
			if h.Opened && h.ID != "" {
				ids = append(ids, h.ID)
			}
		}
		return ids
	}
	require.Empty(t, opened())
	_ = db.Where("region = ?", "US").Find(&[]Freight{}).Error // no such table yet
	require.Equal(t, []string{"us"}, opened())
	require.NoError(t, db.AutoMigrate(&Freight{}))
	require.Equal(t, []string{"eu", "us"}, opened())
}

// Carrier is a reference entity.
type Carrier struct {
	ID   int64 `gorm:"primaryKey"`
	Code string
	Name string
}

// Haul is a sharded model that belongs to a carrier.
type Haul struct {
	ID        int64 `gorm:"primaryKey"`
	Region    string
	CarrierID int64
	Carrier   Carrier
}

// TestDatabasesHaveReferenceEntities: they are written everywhere, and joined there.
func TestDatabasesHaveReferenceEntities(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, _ := overDatabases(t, d,
			dtde.Model(&Haul{}).ShardBy("Region", "EU", "US").WithStorageMode(dtde.Databases),
			dtde.Model(&Carrier{}).AsReference())
		require.NoError(t, db.AutoMigrate(&Haul{}, &Carrier{}))
		tx := db
		if d.Name != "postgres" {
			tx = db.WithContext(dtde.BestEffort(context.Background()))
		}
		carriers := []*Carrier{{Code: "a", Name: "A"}, {Code: "b", Name: "B"}}
		check(t, tx.Create(&carriers))
		updated := tx.Model(&Carrier{}).Where("code = ?", "b").Update("name", "B2")
		check(t, updated)
		require.EqualValues(t, 1, updated.RowsAffected)
		check(t, tx.Create(&Haul{ID: 1, Region: "US", CarrierID: carriers[1].ID}))
		var h Haul
		check(t, db.Joins("Carrier").Where("region = ?", "US").First(&h))
		require.Equal(t, Carrier{ID: carriers[1].ID, Code: "b", Name: "B2"}, h.Carrier)
		require.Error(t, tx.Delete(carriers[1]).Error, "the foreign key is real where the shard is")
		check(t, tx.Delete(&h))
		check(t, tx.Delete(carriers[1]))
		check(t, tx.Create(&Haul{ID: 2, Region: "EU", CarrierID: carriers[0].ID}))
		var n int64
		check(t, db.Model(&Haul{}).Joins("JOIN carriers c ON c.id = hauls.carrier_id").Where("region = ?", "EU").Count(&n))
		require.EqualValues(t, 1, n)
		err := tx.Model(&Carrier{}).Create(map[string]any{"code": "c"}).Error
		require.ErrorIs(t, err, dtde.ErrUnsupported)
		require.Contains(t, err.Error(), "reference-map")
		err = tx.Exec("UPDATE carriers SET name = 'x'").Error
		require.ErrorIs(t, err, dtde.ErrUnsupported)
		require.Contains(t, err.Error(), "reference-text")
	})
}

// TestDatabasesReachDeepPages compares pages behind many rows with one table's.
func TestDatabasesReachDeepPages(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, _ := overDatabases(t, d, dtde.Model(&Freight{}).ShardByHash("ID", 6).WithStorageMode(dtde.Databases))
		plain := d.Open(t)
		for _, side := range []*gorm.DB{db, plain} {
			require.NoError(t, side.AutoMigrate(&Freight{}))
			check(t, side.WithContext(dtde.BestEffort(context.Background())).CreateInBatches(freights(12_000), 1000))
		}
		for _, order := range []string{"id", "id DESC", "weight, id", "weight DESC, id DESC"} {
			for _, offset := range []int{100, 5_500, 9_990, 11_999} {
				var ours, theirs []Freight
				tx := db.Order(order).Offset(offset).Limit(15).Find(&ours)
				check(t, tx)
				check(t, plain.Order(order).Offset(offset).Limit(15).Find(&theirs))
				require.Equal(t, theirs, ours, "%s behind %d", order, offset)
				if offset == 5_500 {
					require.Contains(t, dtde.Plans(tx)[0].String(), "paging:", order)
				}
			}
		}
	})
}
