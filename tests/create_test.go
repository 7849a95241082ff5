package tests

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// mixed are customers of all regions in a mixed order; names tell the order.
func mixed() []Customer {
	regions := []string{"US", "EU", "APAC", "EU", "US", "US", "APAC"}
	out := make([]Customer, len(regions))
	for i, r := range regions {
		out[i] = Customer{Name: fmt.Sprint("n", i), Region: r, Spent: i}
	}
	return out
}

// same checks that each row's key was written back to the row that it belongs to.
func same(t *testing.T, db *gorm.DB, rows []Customer) {
	t.Helper()
	for i, r := range rows {
		require.NotZero(t, r.ID)
		require.Equal(t, fmt.Sprint("n", i), r.Name)
		var one Customer
		require.NoError(t, db.First(&one, r.ID).Error)
		require.Equal(t, r, one)
	}
}

func TestCreateEveryShape(t *testing.T) {
	t.Parallel()
	shapes := map[string]func(t *testing.T, db *gorm.DB) (tx *gorm.DB, rows []Customer){
		"one": func(_ *testing.T, db *gorm.DB) (*gorm.DB, []Customer) {
			c := mixed()[0]
			return db.Create(&c), []Customer{c}
		},
		"slice": func(_ *testing.T, db *gorm.DB) (*gorm.DB, []Customer) {
			rows := mixed()
			return db.Create(&rows), rows
		},
		"slice value": func(_ *testing.T, db *gorm.DB) (*gorm.DB, []Customer) {
			rows := mixed()
			return db.Create(rows), rows
		},
		"pointers": func(_ *testing.T, db *gorm.DB) (*gorm.DB, []Customer) {
			var ptrs []*Customer
			for _, c := range mixed() {
				ptrs = append(ptrs, &c)
			}
			tx := db.Create(&ptrs)
			var rows []Customer
			for _, p := range ptrs {
				rows = append(rows, *p)
			}
			return tx, rows
		},
		"pointers by value": func(_ *testing.T, db *gorm.DB) (*gorm.DB, []Customer) {
			var ptrs []*Customer
			for _, c := range mixed() {
				ptrs = append(ptrs, &c)
			}
			tx := db.Create(ptrs)
			var rows []Customer
			for _, p := range ptrs {
				rows = append(rows, *p)
			}
			return tx, rows
		},
		"array": func(_ *testing.T, db *gorm.DB) (*gorm.DB, []Customer) {
			rows := [7]Customer(mixed())
			return db.Create(&rows), rows[:]
		},
		"batches": func(_ *testing.T, db *gorm.DB) (*gorm.DB, []Customer) {
			rows := mixed()
			return db.CreateInBatches(&rows, 3), rows
		},
		"batches of the session": func(_ *testing.T, db *gorm.DB) (*gorm.DB, []Customer) {
			rows := mixed()
			return db.Session(&gorm.Session{CreateBatchSize: 2}).Create(&rows), rows
		},
		"save": func(_ *testing.T, db *gorm.DB) (*gorm.DB, []Customer) {
			rows := mixed()
			return db.Save(&rows), rows
		},
		"maps": func(t *testing.T, db *gorm.DB) (*gorm.DB, []Customer) {
			var maps []map[string]any
			for _, c := range mixed() {
				maps = append(maps, map[string]any{"Name": c.Name, "region": c.Region, "spent": c.Spent, "status": ""})
			}
			tx := db.Model(&Customer{}).Create(&maps)
			var rows []Customer
			require.NoError(t, db.Order("name").Find(&rows).Error)
			return tx, rows
		},
		"map": func(t *testing.T, db *gorm.DB) (*gorm.DB, []Customer) {
			tx := db.Model(&Customer{}).Create(map[string]any{"name": "n0", "Region": "US", "spent": 0, "status": ""})
			var rows []Customer
			require.NoError(t, db.Find(&rows).Error)
			return tx, rows
		},
		"select": func(_ *testing.T, db *gorm.DB) (*gorm.DB, []Customer) {
			rows := mixed()
			return db.Select("Name", "Region", "Status", "Spent").Create(&rows), rows
		},
		"keys given": func(_ *testing.T, db *gorm.DB) (*gorm.DB, []Customer) {
			rows := mixed()
			for i := range rows {
				rows[i].ID = int64(100 - i)
			}
			return db.Create(&rows), rows
		},
	}
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(customers()))
		for name, shape := range shapes {
			t.Run(name, func(t *testing.T) {
				tx, rows := shape(t, db)
				require.NoError(t, tx.Error)
				assert.EqualValues(t, len(rows), tx.RowsAffected)
				same(t, db, rows)
				require.NoError(t, db.Session(&gorm.Session{AllowGlobalUpdate: true}).Delete(&Customer{}).Error)
			})
		}
		assert.ErrorIs(t, db.Create(&[]Customer{}).Error, gorm.ErrEmptySlice)
		assert.Error(t, db.Create((*Customer)(nil)).Error)
	})
}

func TestDuplicateKeysAreRefusedOverShards(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t, &gorm.Config{TranslateError: true})
		use(t, db, entities(customers()))
		require.NoError(t, db.Create(&Customer{ID: 1, Name: "first", Region: "US"}).Error)
		plain := beside(t, db)
		for name, bad := range map[string][]Customer{
			"same shard":    {{ID: 1, Region: "US"}},
			"another shard": {{ID: 1, Region: "EU"}},
			"in one batch":  {{ID: 5, Region: "EU"}, {ID: 5, Region: "APAC"}},
			"last of batch": {{ID: 6, Region: "EU"}, {ID: 7, Region: "US"}, {ID: 1, Region: "APAC"}},
		} {
			assert.ErrorIs(t, db.Create(&bad).Error, gorm.ErrDuplicatedKey, name)
			assert.Equal(t, 1, count(t, plain, "customers"), name)
		}
	})
}

// TestGivenKeysAreLookedForAtOnce: however many shards there are, one statement asks those of
// a database, and a row's own shard, whose table knows, is left out.
func TestGivenKeysAreLookedForAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(dtde.Model(&Customer{}).ShardBy("Region", "EU", "US", "APAC", "MEA", "LATAM")))
		looked := func(run func() error) (n int) {
			sent := testenv.Record(db)
			require.NoError(t, run())
			for _, text := range sent.Statements() {
				if strings.HasPrefix(text, "SELECT") {
					n++
					assert.NotContains(t, text, "customers_us", "the rows' own shard")
				}
			}
			return n
		}
		require.Equal(t, 1, looked(func() error { return db.Create(&Customer{ID: 7, Name: "a", Region: "US"}).Error }))
		require.Equal(t, 2, looked(func() error { // 501 keys are two batches
			rows := make([]Customer, 501)
			for i := range rows {
				rows[i] = Customer{ID: int64(100 + i), Name: "b", Region: "US"}
			}
			return db.Create(&rows).Error
		}))
		for _, region := range []string{"EU", "APAC", "LATAM"} {
			err := db.Create(&[]Customer{{ID: 3, Region: region}, {ID: 600, Region: region}}).Error
			require.ErrorIs(t, err, gorm.ErrDuplicatedKey, region)
		}
		require.Equal(t, 502, count(t, beside(t, db), "customers"))
	})
}

// TestLocalPrimary: a program may consent to keys that are unique per shard only, and nothing
// is looked for.
func TestLocalPrimary(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t, &gorm.Config{TranslateError: true})
		use(t, db, entities(customers().WithLocalUnique("primary")))
		sent := testenv.Record(db)
		for _, region := range []string{"EU", "US"} {
			require.NoError(t, db.Create(&Customer{ID: 1, Name: region, Region: region}).Error)
		}
		for _, text := range sent.Statements() {
			assert.False(t, strings.HasPrefix(text, "SELECT"), text)
		}
		require.ErrorIs(t, db.Create(&Customer{ID: 1, Region: "US"}).Error, gorm.ErrDuplicatedKey, "a shard's own")
		require.NoError(t, db.Create(&[]Customer{{ID: 2, Name: "a", Region: "EU"}, {ID: 2, Name: "b", Region: "APAC"}}).Error)
		assert.Equal(t, []string{"EU", "US", "a", "b"}, names(t, db))
	})
}

func TestUpsert(t *testing.T) {
	t.Parallel()
	byPrimary := []clause.Column{{Name: "id"}}
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(customers()))
		all := func() []Customer {
			var out []Customer
			require.NoError(t, db.Order("id").Find(&out).Error)
			return out
		}
		require.NoError(t, db.Create(&[]Customer{{ID: 1, Name: "a", Region: "US", Spent: 1}, {ID: 2, Name: "b", Region: "EU", Spent: 2}}).Error)

		require.NoError(t, db.Clauses(clause.OnConflict{DoNothing: true}).
			Create(&[]Customer{{ID: 1, Name: "x", Region: "US"}, {ID: 3, Name: "c", Region: "APAC", Spent: 3}}).Error)
		assert.Equal(t, []Customer{{ID: 1, Name: "a", Region: "US", Spent: 1}, {ID: 2, Name: "b", Region: "EU", Spent: 2}, {ID: 3, Name: "c", Region: "APAC", Spent: 3}}, all())

		require.NoError(t, db.Clauses(clause.OnConflict{DoNothing: true}).Create(&Customer{ID: 1, Name: "x", Region: "EU"}).Error)
		assert.Len(t, all(), 3, "a row with this key is on another shard")

		require.NoError(t, db.Clauses(clause.OnConflict{Columns: byPrimary, DoUpdates: clause.AssignmentColumns([]string{"name"})}).
			Create(&[]Customer{{ID: 1, Name: "a2", Region: "US", Spent: 100}, {ID: 2, Name: "b2", Region: "EU", Spent: 100}, {ID: 4, Name: "d", Region: "EU", Spent: 4}}).Error)
		assert.Equal(t, []Customer{{ID: 1, Name: "a2", Region: "US", Spent: 1}, {ID: 2, Name: "b2", Region: "EU", Spent: 2},
			{ID: 3, Name: "c", Region: "APAC", Spent: 3}, {ID: 4, Name: "d", Region: "EU", Spent: 4}}, all())

		require.NoError(t, db.Clauses(clause.OnConflict{Columns: byPrimary, DoUpdates: clause.Assignments(map[string]any{
			"spent": gorm.Expr("customers.spent + ?", 10),
		})}).Create(&[]Customer{{ID: 1, Name: "x", Region: "US"}, {ID: 3, Name: "x", Region: "APAC"}}).Error)
		assert.Equal(t, 11, all()[0].Spent)
		assert.Equal(t, 13, all()[2].Spent)

		require.NoError(t, db.Clauses(clause.OnConflict{UpdateAll: true}).
			Create(&[]Customer{{ID: 1, Name: "all", Region: "US", Spent: 7}, {ID: 2, Name: "all", Region: "EU", Spent: 7}}).Error)
		assert.Equal(t, Customer{ID: 1, Name: "all", Region: "US", Spent: 7}, all()[0])
		assert.Equal(t, Customer{ID: 2, Name: "all", Region: "EU", Spent: 7}, all()[1])

		err := db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Customer{ID: 1, Name: "moved", Region: "EU"}).Error
		require.ErrorIs(t, err, dtde.ErrShardKeyChanged)
		assert.Len(t, all(), 4)
	})
}

func TestSavePresentAbsentSlice(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(customers()))
		c := Customer{ID: 10, Name: "absent", Region: "US"}
		require.NoError(t, db.Save(&c).Error)
		c.Name, c.Spent = "present", 0
		tx := db.Save(&c)
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 1, tx.RowsAffected)
		rows := []Customer{{ID: 10, Name: "slice", Region: "US"}, {ID: 11, Name: "new", Region: "EU"}, {Name: "none", Region: "APAC"}}
		require.NoError(t, db.Save(&rows).Error)
		require.NotZero(t, rows[2].ID)
		assert.Equal(t, []string{"new", "none", "slice"}, names(t, db))

		c = Customer{ID: 10, Name: "moved", Region: "EU"}
		err := db.Save(&c).Error
		require.NoError(t, err)
		assert.Equal(t, []string{"moved", "new"}, names(t, db.Where("region = ?", "EU")))
		assert.Empty(t, names(t, db.Where("region = ?", "US")))
		require.NoError(t, db.Select("Name").Save(&Customer{ID: 11, Name: "selected"}).Error)
		assert.Equal(t, []string{"selected"}, names(t, db.Where("id = ?", 11)))
	})
}

func TestFirstOrInitAndFirstOrCreate(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(customers()))
		require.NoError(t, db.Create(&Customer{ID: 1, Name: "a", Region: "US", Status: "old"}).Error)
		var c Customer
		require.NoError(t, db.Where(&Customer{Name: "none"}).Attrs(Customer{Region: "EU"}).FirstOrInit(&c).Error)
		assert.Equal(t, Customer{Name: "none", Region: "EU"}, c)
		c = Customer{}
		require.NoError(t, db.Where(&Customer{Name: "a"}).Assign(Customer{Status: "new"}).FirstOrInit(&c).Error)
		assert.Equal(t, Customer{ID: 1, Name: "a", Region: "US", Status: "new"}, c)
		assert.Len(t, names(t, db), 1)

		c = Customer{}
		tx := db.Where(&Customer{Name: "b", Region: "EU"}).Attrs(Customer{Status: "fresh"}).FirstOrCreate(&c)
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 1, tx.RowsAffected)
		assert.NotZero(t, c.ID)
		assert.Equal(t, "fresh", c.Status)
		again := Customer{}
		tx = db.Where(&Customer{Name: "b", Region: "EU"}).Attrs(Customer{Status: "other"}).FirstOrCreate(&again)
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 0, tx.RowsAffected)
		assert.Equal(t, c, again)
		again = Customer{}
		tx = db.Where(&Customer{Name: "b"}).Assign(Customer{Status: "assigned"}).FirstOrCreate(&again)
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 1, tx.RowsAffected)
		var stored Customer
		require.NoError(t, db.First(&stored, c.ID).Error)
		assert.Equal(t, "assigned", stored.Status)
		again = Customer{}
		require.ErrorIs(t, db.Where(&Customer{Name: "nowhere"}).FirstOrCreate(&again).Error, dtde.ErrShardNotFound)
	})
}
