package tests

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// limitedWrites are updates and deletes with ORDER BY and LIMIT: MySQL and MariaDB take
// them, for the others GORM leaves both out.
var limitedWrites = []surfaceCase{
	{"DB.Delete/limit", func(w *witness, db *gorm.DB) {
		w.tx(db.Where("weight >= ?", 0).Order("weight DESC").Limit(3).Delete(&Pet{}))
		w.tx(db.Where("weight >= ?", 0).Order("name").Limit(2).Delete(&Pet{}))
		w.tx(db.Where("weight >= ?", 0).Order("pets.id DESC").Limit(1).Delete(&Pet{}))
		w.tx(db.Where("pets.weight >= ?", 0).Order("weight + id % 3, id").Limit(1).Delete(&Pet{}))
		w.tx(db.Where("weight > ?", 99).Order("id").Limit(3).Delete(&Pet{}))
		w.tx(db.Order("id").Limit(3).Delete(&Pet{}))
		w.tx(db.Session(&gorm.Session{AllowGlobalUpdate: true}).Order("id").Limit(4).Delete(&Tag{}))
	}},
	{"DB.Delete/limit of nothing", func(w *witness, db *gorm.DB) {
		w.tx(db.Where("weight >= ?", 0).Order("id").Limit(0).Delete(&Pet{}))
		w.tx(db.Where("weight >= ?", 0).Order("id").Limit(-1).Delete(&Pet{}))
	}},
	{"DB.Delete/limit on one shard", func(w *witness, db *gorm.DB) {
		w.tx(db.Unscoped().Where("region = ?", "EU").Order("members.id DESC").Limit(1).Delete(&Member{}))
		w.tx(db.Where("id = ?", 2).Order("pets.id").Delete(&Pet{}))
	}},
	{"DB.Delete/soft, limit", func(w *witness, db *gorm.DB) {
		w.tx(db.Where("age > ?", 20).Order("age, id").Limit(4).Delete(&Member{}))
		w.tx(db.Where("age > ?", 0).Order("age, id").Limit(1).Delete(&Member{}))
		w.tx(db.Unscoped().Where("age > ?", 0).Order("age DESC, id").Limit(2).Delete(&Member{}))
	}},
	{"DB.Delete/limit and the rows", func(w *witness, db *gorm.DB) {
		var pets []Pet
		w.tx(db.Clauses(clause.Returning{}).Where("pets.weight >= ?", 0).Order("weight DESC, id").Limit(3).Delete(&pets), len(pets))
		if db.Name() == "mysql" { // the others give them in no order
			w.see(pets)
		}
		pets = nil
		w.tx(db.Clauses(clause.Returning{Columns: []clause.Column{{Name: "name"}}}).Where("weight > ?", 99).Order("id").Limit(3).Delete(&pets), len(pets))
		w.tx(db.Clauses(clause.Returning{}).Where("pets.weight >= ?", 0).Delete(&pets), len(pets))
	}},
	{"DB.Update/limit", func(w *witness, db *gorm.DB) {
		w.tx(db.Model(&Pet{}).Where("weight < ?", 9).Order("weight, id").Limit(4).Update("name", "first"))
		w.tx(db.Model(&Pet{}).Where("weight < ?", 9).Order("weight DESC, id").Limit(3).Updates(map[string]any{"name": gorm.Expr("CONCAT(name, ?)", "x"), "weight": gorm.Expr("weight + 1")}))
		w.tx(db.Model(&Pet{}).Where("name = ?", "first").Order("id").Limit(2).Update("name", "first"))
		w.tx(db.Model(&Pet{}).Where("weight < ?", 9).Order("id DESC").Limit(2).UpdateColumn("weight", 50))
		w.tx(db.Model(&Member{}).Where("age > ?", 0).Order("name DESC").Limit(5).Updates(Member{Name: "u", Age: 3}))
		w.tx(db.Model(&Member{}).Where("id IN (?)", db.Model(&Pet{}).Select("member_id")).Order("members.id DESC").Limit(2).Update("age", 77))
		if db.Name() != "mysql" { // the keys of the first rows are known before anything is written
			return
		}
		w.tx(db.Model(&Member{}).Where("age > (?)", db.Model(&Member{}).Select("AVG(age)")).Order("members.id DESC").Limit(1).Update("name", "above"))
	}},
	{"DB.Update/limit, other key", func(w *witness, db *gorm.DB) {
		w.tx(db.Model(&Member{}).Where("age > ?", 0).Order("id DESC").Limit(3).Update("id", gorm.Expr("id + 1000")))
	}},
	{"DB.Update/limit, other shard", func(w *witness, db *gorm.DB) {
		w.tx(db.Model(&Member{}).Where("age > ?", 0).Order("id DESC").Limit(4).Update("region", "EU"))
		w.tx(db.Model(&Member{}).Where("region = ?", "EU").Order("id").Limit(2).Updates(map[string]any{"region": "US", "age": 5}))
		w.tx(db.Model(&Member{}).Where("region = ? AND age < ?", "EU", 0).Order("id").Limit(2).Update("region", "US"))
	}},
	{"DB.Update/order", func(w *witness, db *gorm.DB) {
		w.tx(db.Model(&Pet{}).Where("weight < ?", 9).Order("pets.id DESC").Update("weight", gorm.Expr("weight + 1")))
		w.tx(db.Where("weight < ?", 4).Order("weight").Delete(&Pet{}))
	}},
	{"DB.Update/limit in transactions", func(w *witness, db *gorm.DB) {
		w.err(db.Transaction(func(tx *gorm.DB) error {
			w.tx(tx.Model(&Pet{}).Where("weight < ?", 9).Order("weight, id").Limit(4).Update("name", "first"))
			return errSurface
		}))
		w.err(db.Transaction(func(tx *gorm.DB) error {
			w.tx(tx.Where("weight < ?", 9).Order("weight, id").Limit(4).Delete(&Pet{}))
			return tx.Where("weight < ?", 9).Order("weight, id").Limit(1).Delete(&Pet{}).Error
		}))
		own := db.Session(&gorm.Session{SkipDefaultTransaction: true})
		w.tx(own.Where("weight >= ?", 0).Order("id").Limit(2).Delete(&Pet{}))
	}},
	{"DB.Update/limit, hooks", func(w *witness, db *gorm.DB) {
		tx, hooks := withHooks(db)
		w.tx(tx.Model(&Member{}).Where("age > ?", 0).Order("id").Limit(4).Update("age", 9))
		w.tx(tx.Model(&Member{Name: "bad"}).Where("age > ?", 0).Order("id").Limit(4).Update("age", 10))
		w.see(*hooks)
	}},
}

func TestLimitedWrites(t *testing.T) {
	t.Parallel()
	runSurface(t, limitedWrites, gorm.Config{})
}

// TestLimitedWritesTakeEachRowOnce has workers take the first rows of a queue side by side.
func TestLimitedWritesTakeEachRowOnce(t *testing.T) {
	t.Parallel()
	db := testenv.Only(t, "mariadb").Open(t)
	require.NoError(t, db.Use(dtde.Register(surfaceEntities())))
	require.NoError(t, db.AutoMigrate(&Photo{}))
	photos := make([]Photo, 120)
	for i := range photos {
		photos[i] = Photo{ID: int64(i + 1), OwnerID: int64(i * 7 % 50)}
	}
	require.NoError(t, db.Create(&photos).Error)
	var mu sync.Mutex
	taken := map[int64]int{}
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for {
				var got []Photo
				tx := db.Clauses(clause.Returning{}).Where("owner_id >= ?", 0).Order("owner_id, id").Limit(7).Delete(&got)
				if tx.Error != nil && strings.Contains(tx.Error.Error(), "Deadlock found") {
					continue // as one table can say; nothing was deleted
				}
				if !assert.NoError(t, tx.Error) || len(got) == 0 {
					return
				}
				mu.Lock()
				for _, p := range got {
					taken[p.ID]++
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	assert.Len(t, taken, len(photos))
	for id, times := range taken {
		assert.Equal(t, 1, times, "%d", id)
	}
}

// TestLimitedWritesOverDatabases compares them with one table.
func TestLimitedWritesOverDatabases(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, _ := overDatabases(t, d, dtde.Model(&Freight{}).ShardByHash("ID", 8).WithStorageMode(dtde.Databases))
		twin := d.Open(t)
		best := func(tx *gorm.DB) *gorm.DB { return tx.WithContext(dtde.BestEffort(context.Background())) }
		for _, side := range []*gorm.DB{db, twin} {
			require.NoError(t, side.AutoMigrate(&Freight{}))
			check(t, best(side).Create(freights(60)))
		}
		for name, write := range map[string]func(*gorm.DB) *gorm.DB{
			"delete": func(tx *gorm.DB) *gorm.DB {
				return tx.Where("weight > ?", 10).Order("weight DESC, id").Limit(7).Delete(&Freight{})
			},
			"update": func(tx *gorm.DB) *gorm.DB {
				return tx.Model(&Freight{}).Where("weight > ?", 5).Order("id DESC").Limit(9).Update("note", "first")
			},
		} {
			got, want := write(best(db)), write(best(twin))
			require.NoError(t, got.Error, name)
			require.NoError(t, want.Error, name)
			assert.Equal(t, want.RowsAffected, got.RowsAffected, name)
			var left, kept []Freight
			check(t, db.Order("id").Find(&left))
			check(t, twin.Order("id").Find(&kept))
			assert.Equal(t, kept, left, name)
		}
		if d.Name != "mariadb" {
			return
		}
		for _, order := range []string{"note", "weight % 7"} { // which only the database can compare
			var unsupported *dtde.UnsupportedError
			require.ErrorAs(t, best(db).Where("weight > ?", 0).Order(order).Limit(2).Delete(&Freight{}).Error, &unsupported)
			assert.Equal(t, "write-order", unsupported.Reason)
		}
	})
}

// TestLimitedWritesInDryRun: the keys are not known, so that what is shown writes nothing.
func TestLimitedWritesInDryRun(t *testing.T) {
	t.Parallel()
	db := testenv.Only(t, "mariadb").Open(t)
	require.NoError(t, db.Use(dtde.Register(surfaceEntities())))
	require.NoError(t, db.AutoMigrate(&Tag{}))
	require.NoError(t, db.Create(&[]Tag{{ID: 1}, {ID: 2}, {ID: 3}}).Error)
	text := db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Where("id > ?", 0).Order("name").Limit(2).Delete(&Tag{}) })
	statements := strings.Split(text, ";\n")
	require.Len(t, statements, 3, text)
	assert.Contains(t, statements[0], "ORDER BY name LIMIT 2 FOR UPDATE")
	for _, s := range statements {
		require.NoError(t, db.Exec(s).Error, s)
	}
	var n int64
	require.NoError(t, db.Model(&Tag{}).Count(&n).Error)
	assert.EqualValues(t, 3, n)
	plans, err := dtde.Explain(db, func(tx *gorm.DB) *gorm.DB { return tx.Where("id > ?", 0).Order("name").Limit(2).Delete(&Tag{}) })
	require.NoError(t, err)
	require.Len(t, plans, 1)
	assert.True(t, plans[0].First)
	assert.Len(t, plans[0].Statements, 3)
}
