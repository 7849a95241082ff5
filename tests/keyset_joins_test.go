package tests

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Barrel is sharded; it may belong to a warehouse, which is not, and lie on another barrel.
type Barrel struct {
	ID          int64  `gorm:"primaryKey;autoIncrement:false"`
	Region      string `gorm:"size:8"`
	Weight      int
	WarehouseID *int64
	Warehouse   *Warehouse
	BelowID     *int64
	Below       *Barrel
	Seals       []BarrelSeal
}

// Warehouse has a town.
type Warehouse struct {
	ID   int64  `gorm:"primaryKey;autoIncrement:false"`
	Town string `gorm:"size:16"`
}

// BarrelSeal is sharded otherwise than its barrel.
type BarrelSeal struct {
	ID       int64 `gorm:"primaryKey;autoIncrement:false"`
	BarrelID int64
	Kind     int
}

// barrels opens a plain side and a sharded one with the same rows.
func barrels(t *testing.T, d testenv.DB) (plain, db *gorm.DB) {
	t.Helper()
	config := func() *gorm.Config { return &gorm.Config{DisableForeignKeyConstraintWhenMigrating: true} }
	plain, db = d.Open(t, config()), d.Open(t, config())
	require.NoError(t, db.Use(dtde.Register(entities(dtde.Model(&Barrel{}).ShardBy("Region", "EU", "US", "APAC"), dtde.Model(&BarrelSeal{}).ShardByHash("ID", 3)))))
	for _, side := range []*gorm.DB{plain, db} {
		require.NoError(t, side.AutoMigrate(&Warehouse{}, &Barrel{}, &BarrelSeal{}))
		require.NoError(t, side.Create(&[]Warehouse{{1, "Lyon"}, {2, "Oslo"}, {3, "Lima"}}).Error)
		for i := range int64(40) {
			c := Barrel{ID: i + 1, Region: []string{"EU", "US", "APAC"}[i%3], Weight: int(i * 7 % 11)}
			if house := i%4 + 1; house < 4 {
				c.WarehouseID = &house
			}
			if i > 5 {
				below := i - i%5
				c.BelowID = &below
			}
			require.NoError(t, side.Create(&c).Error)
			require.NoError(t, side.Create(&[]BarrelSeal{{i*2 + 1, i + 1, int(i % 3)}, {i*2 + 2, i + 1, int(i % 4)}}).Error)
		}
	}
	return plain, db
}

// TestCursorsOverJoins: rows that are joined with what they belong to page by a cursor.
func TestCursorsOverJoins(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		plain, db := barrels(t, d)
		for name, of := range map[string]func(tx *gorm.DB) *gorm.DB{
			"left": func(tx *gorm.DB) *gorm.DB { return tx.Joins("Warehouse") },
			"inner, with a condition that has OR": func(tx *gorm.DB) *gorm.DB {
				return tx.InnerJoins("Warehouse").Where("barrels.weight > ?", 6).Or(`"Warehouse"."town" = ?`, "Oslo")
			},
			"with a condition of its own": func(tx *gorm.DB) *gorm.DB {
				return tx.Joins("Warehouse", plain.Where(&Warehouse{Town: "Lyon"})).Where("barrels.weight < ? OR barrels.region = ?", 4, "US")
			},
			"itself, nested": func(tx *gorm.DB) *gorm.DB { return tx.Joins("Below").Joins("Below.Warehouse").Where("barrels.id > 3") },
		} {
			t.Run(name, func(t *testing.T) {
				if d.Name == "mariadb" && name == "inner, with a condition that has OR" {
					of = func(tx *gorm.DB) *gorm.DB {
						return tx.InnerJoins("Warehouse").Where("barrels.weight > ?", 6).Or("Warehouse.town = ?", "Oslo")
					}
				}
				for _, order := range []string{"barrels.id", "barrels.weight DESC, barrels.id"} {
					var want []Barrel
					require.NoError(t, of(plain).Order(order).Find(&want).Error)
					require.Greater(t, len(want), 10)
					var got []Barrel
					for cursor := ""; ; {
						var page []Barrel
						res := of(db).Order(order).Scopes(dtde.After(cursor)).Limit(6).Find(&page)
						require.NoError(t, res.Error)
						if len(page) == 0 {
							break
						}
						got = append(got, page...)
						var err error
						cursor, err = dtde.CursorOf(res, &page[len(page)-1])
						require.NoError(t, err)
						require.LessOrEqual(t, len(got), len(want))
					}
					assert.Equal(t, want, got)
				}
			})
		}
		for name, tx := range map[string]*gorm.DB{
			"text":     db.Joins("JOIN barrel_seals s ON s.barrel_id = barrels.id"),
			"relation": db.Joins("Seals"),
		} {
			refusedAs(t, "cursor-shape", tx.Scopes(dtde.After("")).Find(&[]Barrel{}).Error)
			_ = name
		}
	})
}

// TestFindInBatchesOverSessions: batches with conditions, also OR, and preloads give each row
// once with its children, in sessions as in a union.
func TestFindInBatchesOverSessions(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		plain, db := barrels(t, d)
		read := func(tx *gorm.DB) (all []Barrel) {
			var page []Barrel
			sizes := 0
			res := tx.Where("weight > ? OR region = ?", 2, "EU").Preload("Warehouse"). // GORM loops for ever over .Or
													Preload("Seals", "kind > ?", 0, func(tx *gorm.DB) *gorm.DB { return tx.Order("id") }).
													FindInBatches(&page, 7, func(tx *gorm.DB, n int) error {
					all = append(all, page...)
					sizes += int(tx.RowsAffected)
					return nil
				})
			require.NoError(t, res.Error)
			assert.EqualValues(t, len(all), res.RowsAffected)
			assert.Len(t, all, sizes)
			return all
		}
		want := read(plain)
		require.Greater(t, len(want), 20)
		assert.Equal(t, want, read(db))
		assert.Equal(t, want, read(db.Scopes(dtde.Reads(dtde.ReadSessions)).Session(&gorm.Session{})))
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			assert.Equal(t, want, read(tx.Scopes(dtde.Reads(dtde.ReadSessions)).Session(&gorm.Session{})))
			return nil
		}, &sql.TxOptions{Isolation: map[string]sql.IsolationLevel{"postgres": sql.LevelRepeatableRead}[d.Name]}))
	})
}
