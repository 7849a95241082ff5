package tests

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Depot is sharded otherwise than what refers to it, so that no foreign key can hold.
type Depot struct {
	ID       int64 `gorm:"primaryKey;autoIncrement:false"`
	Name     string
	Parcels  []Parcel  `gorm:"constraint:OnDelete:CASCADE,OnUpdate:CASCADE"`
	Stickers []Sticker `gorm:"constraint:OnDelete:SET NULL"`
	Ramps    []Ramp    `gorm:"constraint:OnDelete:RESTRICT"`
	Lamps    []Lamp    `gorm:"constraint:OnDelete:CASCADE"`
}

// Parcel is sharded by its region.
type Parcel struct {
	ID      int64 `gorm:"primaryKey;autoIncrement:false"`
	DepotID int64
	Region  string  `gorm:"size:8"`
	Stamps  []Stamp `gorm:"constraint:OnDelete:CASCADE"`
}

// Stamp is not sharded and refers to a sharded parcel.
type Stamp struct {
	ID       int64 `gorm:"primaryKey;autoIncrement:false"`
	ParcelID int64
}

// Sticker loses its depot.
type Sticker struct {
	ID      int64 `gorm:"primaryKey;autoIncrement:false"`
	DepotID *int64
	Region  string `gorm:"size:8"`
	Gone    gorm.DeletedAt
}

// Ramp keeps its depot from going.
type Ramp struct {
	ID      int64 `gorm:"primaryKey;autoIncrement:false"`
	DepotID int64
	Region  string `gorm:"size:8"`
}

// Lamp is not sharded and goes with its depot.
type Lamp struct {
	ID      int64 `gorm:"primaryKey;autoIncrement:false"`
	DepotID int64
}

// keyCase is a write; both sides must end alike and hold the same rows afterwards.
type keyCase struct {
	name string
	run  func(db *gorm.DB) error
	// refused is what the sharded side may say instead; nothing has happened then.
	refused string
}

// side is what a write ended with: the error's class and RowsAffected are the caller's.
func keyClass(err error) string {
	switch {
	case err == nil:
		return "no error"
	case errors.Is(err, gorm.ErrForeignKeyViolated),
		strings.Contains(err.Error(), "FOREIGN KEY constraint failed"): // RESTRICT, which SQLite's driver does not translate
		return "foreign key violated"
	}
	return "another error: " + err.Error()
}

func affected(tx *gorm.DB, want int64) error {
	if tx.Error == nil && tx.RowsAffected != want {
		return fmt.Errorf("%d rows affected instead of %d", tx.RowsAffected, want)
	}
	return tx.Error
}

// keyContents lists all rows of the models.
func keyContents(t testing.TB, db *gorm.DB, models ...any) []string {
	t.Helper()
	var all []string
	for _, model := range models {
		var rows []map[string]any
		require.NoError(t, db.Unscoped().Model(model).Find(&rows).Error)
		for _, r := range rows {
			all = append(all, fmt.Sprintf("%T %s", model, typed(r)))
		}
	}
	slices.Sort(all)
	return all
}

func runKeyCases(t *testing.T, twin, db *gorm.DB, cases []keyCase, models ...any) {
	t.Helper()
	require.Equal(t, keyContents(t, twin, models...), keyContents(t, db, models...))
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := keyContents(t, db, models...)
			got := c.run(db)
			if c.refused != "" {
				var unsupported *dtde.UnsupportedError
				require.ErrorAs(t, got, &unsupported)
				assert.Equal(t, c.refused, unsupported.Reason)
				assert.Equal(t, before, keyContents(t, db, models...))
				return
			}
			want := c.run(twin)
			require.Equal(t, keyClass(want), keyClass(got))
			assert.Equal(t, keyContents(t, twin, models...), keyContents(t, db, models...))
		})
	}
}

var heldCases = []keyCase{
	{"a child without a parent", func(db *gorm.DB) error { return db.Create(&Basket{ID: 1, ShopperID: 99}).Error }, ""},
	{"a child of a child without one", func(db *gorm.DB) error { return db.Create(&BasketLine{ID: 1, BasketID: 1, ShopperID: 3}).Error }, ""},
	{"a child with one", func(db *gorm.DB) error { return db.Create(&Basket{ID: 1, ShopperID: 3, Total: 1}).Error }, ""},
	{"several, one without", func(db *gorm.DB) error {
		return db.Create(&[]Basket{{ID: 2, ShopperID: 3}, {ID: 2, ShopperID: 4}, {ID: 2, ShopperID: 77}}).Error
	}, ""},
	{"with its associations", func(db *gorm.DB) error {
		return db.Create(&Shopper{ID: 40, CountryID: 1, Baskets: []Basket{{ID: 3, Lines: []BasketLine{{ID: 9}}}}}).Error
	}, ""},
	{"a move to a shopper that is not there", func(db *gorm.DB) error {
		return affected(db.Model(&Basket{}).Where("id = ?", 1).Update("shopper_id", 98), 1)
	}, ""},
	{"a move of a basket with lines", func(db *gorm.DB) error {
		return affected(db.Model(&Basket{}).Where("id = ?", 72).Update("shopper_id", 4), 1)
	}, ""},
	{"a move of a basket without lines", func(db *gorm.DB) error {
		return affected(db.Model(&Basket{}).Where("id IN ?", []int{1, 70}).Updates(map[string]any{"shopper_id": 4, "total": gorm.Expr("total + 100")}), 2)
	}, ""},
	{"a move to several at once, some of them there", func(db *gorm.DB) error {
		return affected(db.Model(&Basket{}).Where("id IN ?", []int{1, 70, 30}).Updates(map[string]any{"shopper_id": 8, "total": gorm.Expr("total + 100")}), 3)
	}, ""},
	{"a move computed", func(db *gorm.DB) error {
		return db.Model(&BasketLine{}).Where("shopper_id = ?", 7).Updates(map[string]any{"shopper_id": 4, "basket_id": gorm.Expr("basket_id + 1")}).Error
	}, "move-expression"},
	{"a line to another basket", func(db *gorm.DB) error {
		return db.Model(&BasketLine{}).Where("basket_id = ? AND shopper_id = ?", 72, 7).Updates(map[string]any{"shopper_id": 10, "basket_id": 101}).Error
	}, ""},
	{"a change of a shopper's id", func(db *gorm.DB) error { return affected(db.Model(&Shopper{}).Where("id = ?", 11).Update("id", 60), 1) }, ""},
	{"a change of the id of one without baskets", func(db *gorm.DB) error { return affected(db.Model(&Shopper{}).Where("id = ?", 12).Update("id", 61), 1) }, ""},
	{"a delete that cascades", func(db *gorm.DB) error { return affected(db.Delete(&Shopper{}, 11), 1) }, ""},
	{"a delete of several", func(db *gorm.DB) error { return affected(db.Where("tier = ?", 1).Delete(&Shopper{}), 3) }, ""},
	{"a reference entity that is used", func(db *gorm.DB) error { return db.Delete(&Land{}, 1).Error }, ""},
}

func translate(c *gorm.Config) { c.TranslateError = true }

type translating struct{}

func (translating) Apply(c *gorm.Config) error     { translate(c); return nil }
func (translating) AfterInitialize(*gorm.DB) error { return nil }

func TestCoLocatedForeignKeys(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		twin, db := d.Open(t, translating{}), d.Open(t, translating{})
		shopping(t, twin)
		plugin := dtde.Register(colocated())
		require.NoError(t, db.Use(plugin))
		shopping(t, db)
		shopping2 := []any{&Land{}, &Shopper{}, &Basket{}, &BasketLine{}}
		require.NoError(t, db.AutoMigrate(shopping2...), "again")
		warnings, err := plugin.Validate()
		require.NoError(t, err)
		assert.Empty(t, warnings)
		for _, c := range []struct {
			model any
			name  string
		}{{&Basket{}, "fk_shoppers_baskets"}, {&BasketLine{}, "fk_baskets_lines"}, {&Shopper{}, "fk_shoppers_country"}} {
			assert.Equal(t, twin.Migrator().HasConstraint(c.model, c.name), db.Migrator().HasConstraint(c.model, c.name), c.name)
			assert.True(t, db.Migrator().HasConstraint(c.model, c.name), c.name)
		}
		for _, db := range []*gorm.DB{twin, db} { // on SQLite both rebuild the table, and lose what cascades
			require.NoError(t, db.Migrator().DropConstraint(&BasketLine{}, "fk_baskets_lines"))
			assert.False(t, db.Migrator().HasConstraint(&BasketLine{}, "fk_baskets_lines"))
			require.NoError(t, db.Migrator().CreateConstraint(&BasketLine{}, "fk_baskets_lines"))
			assert.True(t, db.Migrator().HasConstraint(&BasketLine{}, "fk_baskets_lines"))
		}
		runKeyCases(t, twin, db, heldCases, shopping2...)
		require.NoError(t, db.Migrator().DropTable(shopping2...))
		assert.False(t, db.Migrator().HasTable("baskets_0"))
	})
}

var leftOutCases = []keyCase{
	{"cascades over shards", func(db *gorm.DB) error { return affected(db.Delete(&Depot{}, 1), 1) }, ""},
	{"sets NULL", func(db *gorm.DB) error { return affected(db.Where("id = ?", 2).Delete(&Depot{}), 1) }, ""},
	{"is restricted", func(db *gorm.DB) error { return db.Delete(&Depot{}, 3).Error }, ""},
	{"is restricted for one of several", func(db *gorm.DB) error { return db.Delete(&Depot{}, []int{4, 3, 5}).Error }, ""},
	{"several", func(db *gorm.DB) error { return affected(db.Delete(&Depot{}, []int{4, 5}), 2) }, ""},
	{"in a transaction that fails", func(db *gorm.DB) error {
		return db.Transaction(func(tx *gorm.DB) error {
			if err := affected(tx.Delete(&Depot{}, 6), 1); err != nil {
				return err
			}
			return gorm.ErrForeignKeyViolated
		})
	}, ""},
	{"by their relation", func(db *gorm.DB) error { return affected(db.Where("region = ?", "a").Delete(&Parcel{}), 3) }, ""},
	{"no row", func(db *gorm.DB) error { return affected(db.Delete(&Depot{}, 99), 0) }, ""},
	{"the first rows, one of them restricted", func(db *gorm.DB) error {
		return db.Where("id IN ?", []int{3, 6, 7}).Order("id").Limit(1).Delete(&Depot{}).Error
	}, ""},
	{"the first rows", func(db *gorm.DB) error {
		want := map[bool]int64{true: 1, false: 2}[db.Name() == "mysql"] // the others take no LIMIT
		return affected(db.Where("id IN ?", []int{6, 7}).Order("id DESC").Limit(1).Delete(&Depot{}), want)
	}, ""},
	{"it is made anew where it is gone", func(db *gorm.DB) error {
		return db.FirstOrCreate(&Depot{ID: 6, Parcels: []Parcel{{ID: 600, Region: "b"}}}).Error
	}, ""},
	{"an update of other columns", func(db *gorm.DB) error {
		return affected(db.Model(&Depot{}).Where("id = ?", 6).Updates(map[string]any{"id": 6, "name": "x"}), 1)
	}, ""},
	{"an id that is referred to", func(db *gorm.DB) error { return db.Model(&Depot{}).Where("id = ?", 6).Update("id", 66).Error }, "foreign-key-update"},
	{"SQL text", func(db *gorm.DB) error { return db.Exec("DELETE FROM depots WHERE id = ?", 6).Error }, "foreign-key-raw"},
}

func TestLeftOutForeignKeys(t *testing.T) {
	t.Parallel()
	models := []any{&Depot{}, &Parcel{}, &Stamp{}, &Sticker{}, &Ramp{}, &Lamp{}}
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		twin, db := d.Open(t, translating{}), d.Open(t, translating{})
		plugin := dtde.Register(dtde.Config{Entities: []dtde.Entity{
			dtde.Model(&Depot{}).ShardByHash("ID", 3),
			dtde.Model(&Parcel{}).ShardBy("Region", "a", "b"),
			dtde.Model(&Sticker{}).ShardBy("Region", "a", "b"),
			dtde.Model(&Ramp{}).ShardBy("Region", "a", "b"),
		}})
		require.NoError(t, db.Use(plugin))
		for _, db := range []*gorm.DB{twin, db} {
			require.NoError(t, db.AutoMigrate(models...))
			for i := int64(1); i <= 7; i++ {
				depot := Depot{ID: i, Lamps: []Lamp{{ID: i}}}
				for k, region := range []string{"a", "b"} {
					id := 10*i + int64(k)
					depot.Parcels = append(depot.Parcels, Parcel{ID: id, Region: region, Stamps: []Stamp{{ID: id}}})
					depot.Stickers = append(depot.Stickers, Sticker{ID: id, Region: region, Gone: gorm.DeletedAt{Time: utc(2024, 1, 1), Valid: k == 1}})
				}
				if i == 3 {
					depot.Ramps = []Ramp{{ID: 1, Region: "b"}}
				}
				require.NoError(t, db.Create(&depot).Error)
			}
		}
		warnings, err := plugin.Validate()
		require.NoError(t, err)
		var left []string
		for _, w := range warnings {
			left = append(left, w.Subject)
		}
		assert.ElementsMatch(t, []string{"fk_depots_parcels", "fk_depots_stickers", "fk_depots_ramps", "fk_depots_lamps", "fk_parcels_stamps"}, left)
		runKeyCases(t, twin, db, leftOutCases, models...)
	})
}

// Harbor isn't sharded; Berth is, by the column that refers to it.
type Harbor struct {
	ID     int64   `gorm:"primaryKey;autoIncrement:false"`
	Berths []Berth `gorm:"constraint:OnUpdate:CASCADE,OnDelete:SET NULL"`
	Cranes []Crane `gorm:"constraint:OnUpdate:CASCADE,OnDelete:CASCADE"`
}

type Berth struct {
	ID       int64 `gorm:"primaryKey;autoIncrement:false"`
	HarborID int64
}

// Crane is sharded by another column: all its foreign key's actions can be the database's.
type Crane struct {
	ID       int64 `gorm:"primaryKey;autoIncrement:false"`
	HarborID int64
	Region   string
}

// TestForeignKeyActionsLeaveRowsOnTheirShard: the database would change a shard key in place,
// and the row would be on a shard where nothing looks for it.
func TestForeignKeyActionsLeaveRowsOnTheirShard(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t, translating{})
		plugin := dtde.Register(dtde.Config{Entities: []dtde.Entity{
			dtde.Model(&Berth{}).ShardByHash("HarborID", 8), dtde.Model(&Crane{}).ShardBy("Region", "a", "b"),
		}})
		require.NoError(t, db.Use(plugin))
		require.NoError(t, db.AutoMigrate(&Harbor{}, &Berth{}, &Crane{}))
		for i := int64(1); i <= 8; i++ {
			require.NoError(t, db.Create(&Harbor{ID: i, Berths: []Berth{{ID: i}}, Cranes: []Crane{{ID: i, Region: "b"}}}).Error)
		}
		require.ErrorIs(t, db.Create(&Berth{ID: 9, HarborID: 99}).Error, gorm.ErrForeignKeyViolated, "the key itself is real")
		for i := int64(1); i <= 8; i++ {
			require.ErrorIs(t, db.Model(&Harbor{}).Where("id = ?", i).Update("id", 100+i).Error, gorm.ErrForeignKeyViolated)
			require.ErrorIs(t, db.Delete(&Harbor{}, i).Error, gorm.ErrForeignKeyViolated)
			var found []Berth
			require.NoError(t, db.Where("harbor_id = ?", i).Find(&found).Error)
			assert.Equal(t, []Berth{{ID: i, HarborID: i}}, found)
		}
		require.NoError(t, db.Where("1 = 1").Delete(&Berth{}).Error)
		require.NoError(t, db.Model(&Harbor{}).Where("id = ?", 1).Update("id", 101).Error)
		require.NoError(t, db.Delete(&Harbor{}, 2).Error)
		var cranes []int64
		require.NoError(t, db.Model(&Crane{}).Order("harbor_id").Pluck("harbor_id", &cranes).Error)
		assert.Equal(t, []int64{3, 4, 5, 6, 7, 8, 101}, cranes)
		warnings, err := plugin.Validate()
		require.NoError(t, err)
		require.Len(t, warnings, 1)
		assert.Equal(t, "fk_harbors_berths", warnings[0].Subject)
		assert.Contains(t, warnings[0].Problem, "without ON DELETE SET NULL and ON UPDATE CASCADE")
	})
}

// TestForeignKeysToAnotherDatabase: what refers to a table that isn't sharded, from shards in
// databases that don't have it, can't be held there.
func TestForeignKeysToAnotherDatabase(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, plugin := overDatabases(t, d, dtde.Model(&Crane{}).ShardBy("Region", "EU", "US", "own").WithStorageMode(dtde.Databases))
		require.NoError(t, db.AutoMigrate(&Harbor{}, &Crane{}))
		db = db.WithContext(dtde.BestEffort(t.Context())) // for the engines without two-phase commit
		harbor := Harbor{ID: 1, Cranes: []Crane{{ID: 1, Region: "EU"}, {ID: 2, Region: "US"}, {ID: 3, Region: "own"}}}
		require.NoError(t, db.Create(&harbor).Error)
		var back Harbor
		require.NoError(t, db.Preload("Cranes", func(tx *gorm.DB) *gorm.DB { return tx.Order("id") }).First(&back, 1).Error)
		require.Equal(t, harbor.Cranes, back.Cranes)
		warnings, err := plugin.Validate()
		require.NoError(t, err)
		require.Len(t, warnings, 1)
		assert.Equal(t, "fk_harbors_cranes", warnings[0].Subject)
		require.NoError(t, db.Delete(&Harbor{}, 1).Error)
		var left int64
		require.NoError(t, db.Model(&Crane{}).Count(&left).Error)
		assert.Zero(t, left, "ON DELETE CASCADE is dtde's to do")
	})
}

// Voyage is sharded by its day, on demand.
type Voyage struct {
	ID   int64     `gorm:"primaryKey;autoIncrement:false"`
	Day  time.Time `gorm:"primaryKey;type:date"`
	Legs []Leg     `gorm:"foreignKey:VoyageID,Day;references:ID,Day"`
}

// Leg is co-located with its voyage.
type Leg struct {
	ID       int64 `gorm:"primaryKey;autoIncrement:false"`
	VoyageID int64
	Day      time.Time `gorm:"type:date"`
}

// TestForeignKeysOnDemand: a shard made by an insert has its foreign keys, also when the
// parent's shard is not there yet.
func TestForeignKeysOnDemand(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t, translating{})
		from, to := utc(2024, 1, 1), utc(2026, 1, 1)
		plugin := dtde.Register(dtde.Config{Entities: []dtde.Entity{
			dtde.Model(&Leg{}).ShardByDate("Day", dtde.Month, from, to).CoLocatedWith(&Voyage{}),
			dtde.Model(&Voyage{}).ShardByDate("Day", dtde.Month, from, to),
		}})
		require.NoError(t, db.Use(plugin))
		require.NoError(t, db.AutoMigrate(&Voyage{}, &Leg{}))
		day := utc(2024, 5, 17)
		assert.ErrorIs(t, db.Create(&Leg{ID: 1, VoyageID: 1, Day: day}).Error, gorm.ErrForeignKeyViolated)
		require.NoError(t, db.Create(&Voyage{ID: 1, Day: day}).Error)
		require.NoError(t, db.Create(&Leg{ID: 1, VoyageID: 1, Day: day}).Error)
		require.NoError(t, db.Create(&Voyage{ID: 2, Day: utc(2024, 7, 1), Legs: []Leg{{ID: 2}}}).Error)
		assert.ErrorIs(t, db.Where("id = ?", 2).Delete(&Voyage{}).Error, gorm.ErrForeignKeyViolated)
		assert.ElementsMatch(t, []string{"2024_05", "2024_07"}, ids(plugin.Shards(&Leg{})))
		assert.ElementsMatch(t, []string{"2024_05", "2024_07"}, ids(plugin.Shards(&Voyage{})))
		var legs []map[string]any
		recorder := testenv.Record(db)
		require.NoError(t, db.Model(&Leg{}).Select("legs.id").Joins("JOIN voyages v ON v.day = legs.day AND v.id = legs.voyage_id").Where("v.day = ?", day).Find(&legs).Error)
		assert.Len(t, legs, 1)
		for _, sent := range recorder.Statements() {
			assert.NotContains(t, sent, "2024_07")
		}
	})
}

func ids(shards []*dtde.Shard) []string {
	var out []string
	for _, s := range shards {
		out = append(out, s.ID)
	}
	return out
}
