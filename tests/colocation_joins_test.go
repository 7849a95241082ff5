package tests

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Shopper is sharded by the hash of its id, and everything of a shopper with it.
type Shopper struct {
	ID        int64 `gorm:"primaryKey;autoIncrement:false"`
	Name      string
	Tier      int
	CountryID int64
	Country   *Land
	Baskets   []Basket `gorm:"constraint:OnDelete:CASCADE"`
}

// Basket is co-located with its shopper.
type Basket struct {
	ID        int64 `gorm:"primaryKey;autoIncrement:false"`
	ShopperID int64 `gorm:"primaryKey;autoIncrement:false"`
	Shopper   *Shopper
	Total     int
	Lines     []BasketLine `gorm:"foreignKey:BasketID,ShopperID;references:ID,ShopperID;constraint:OnDelete:CASCADE"`
}

// BasketLine is co-located with its basket.
type BasketLine struct {
	ID        int64 `gorm:"primaryKey;autoIncrement:false"`
	BasketID  int64
	ShopperID int64
	Basket    *Basket  `gorm:"foreignKey:BasketID,ShopperID;references:ID,ShopperID;constraint:OnDelete:CASCADE"`
	Shopper   *Shopper `gorm:"constraint:-"`
	Amount    int
}

// Land is a reference entity.
type Land struct {
	ID   int64 `gorm:"primaryKey;autoIncrement:false" dtde:"reference"`
	Name string
}

const colocatedSlots = 4

func colocated(extra ...dtde.Entity) dtde.Config {
	return dtde.Config{Entities: append([]dtde.Entity{
		dtde.Model(&Shopper{}).ShardByHash("ID", colocatedSlots),
		dtde.Model(&Basket{}).ShardByHash("ShopperID", colocatedSlots).CoLocatedWith(&Shopper{}),
		dtde.Model(&BasketLine{}).ShardByHash("ShopperID", colocatedSlots).CoLocatedWith(&Basket{}),
		dtde.Model(&Land{}),
	}, extra...)}
}

// shopping fills a database. Some shoppers have no basket, some baskets no lines.
func shopping(t testing.TB, db *gorm.DB) {
	t.Helper()
	require.NoError(t, db.AutoMigrate(&Land{}, &Shopper{}, &Basket{}, &BasketLine{}))
	require.NoError(t, db.Create(&[]Land{{ID: 1, Name: "NO"}, {ID: 2, Name: "DE"}}).Error)
	var shoppers []Shopper
	var baskets []Basket
	var lines []BasketLine
	for i := int64(1); i <= 12; i++ {
		shoppers = append(shoppers, Shopper{ID: i, Name: fmt.Sprintf("s%d", i), Tier: int(i % 3), CountryID: i%2 + 1})
		for k := range i % 4 {
			b := Basket{ID: 10*i + k, ShopperID: i, Total: int(7*i+5*k) % 11}
			baskets = append(baskets, b)
			for n := range k {
				lines = append(lines, BasketLine{ID: 100*b.ID + n, BasketID: b.ID, ShopperID: i, Amount: int(n + k)})
			}
		}
	}
	require.NoError(t, db.Create(&shoppers).Error)
	require.NoError(t, db.Create(&baskets).Error)
	require.NoError(t, db.Create(&lines).Error)
}

// joinCase is a read of co-located entities, and how many shards' tables it may name,
// per entity; -1 leaves that open.
type joinCase struct {
	name                  string
	read                  func(db *gorm.DB) (any, *gorm.DB)
	shopper, basket, line int
}

func mapsOf(tx *gorm.DB) (any, *gorm.DB) {
	var out []map[string]any
	tx = tx.Find(&out)
	lines := make([]string, len(out))
	for i := range out {
		lines[i] = typed(out[i])
	}
	slices.Sort(lines)
	return lines, tx
}

var joinCases = []joinCase{
	{"a relation, its parent's key given", func(db *gorm.DB) (any, *gorm.DB) {
		var out []Basket
		tx := db.Joins("Shopper").Where("baskets.shopper_id = ?", 7).Order("baskets.id").Find(&out)
		return out, tx
	}, 1, 1, 0},
	{"the joined side's key given", func(db *gorm.DB) (any, *gorm.DB) {
		var out []Basket
		tx := db.Joins("Shopper").Where(clause.Eq{Column: clause.Column{Table: "Shopper", Name: "id"}, Value: 7}).Order("baskets.id").Find(&out)
		return out, tx
	}, 1, 1, 0},
	{"the joined side's key given or no partner at all", func(db *gorm.DB) (any, *gorm.DB) {
		return mapsOf(db.Model(&Shopper{}).Select("shoppers.id, b.id AS basket").Joins("LEFT JOIN baskets b ON b.shopper_id = shoppers.id").Where("b.shopper_id = ? OR b.id IS NULL", 7))
	}, 4, 4, 0},
	{"two keys", func(db *gorm.DB) (any, *gorm.DB) {
		var out []Basket
		tx := db.InnerJoins("Shopper").Where("baskets.shopper_id IN ?", []int{3, 7}).Order("baskets.id").Find(&out)
		return out, tx
	}, 2, 2, 0},
	{"nested relations", func(db *gorm.DB) (any, *gorm.DB) {
		var out []BasketLine
		tx := db.Joins("Basket").Joins("Basket.Shopper").Where("basket_lines.shopper_id = ?", 7).Order("basket_lines.id").Find(&out)
		return out, tx
	}, 1, 1, 1},
	{"nested inner relations, the last one's key given", func(db *gorm.DB) (any, *gorm.DB) {
		var out []BasketLine
		tx := db.InnerJoins("Basket").InnerJoins("Basket.Shopper").Where(clause.Eq{Column: clause.Column{Table: "Basket__Shopper", Name: "id"}, Value: 7}).Order("basket_lines.id").Find(&out)
		return out, tx
	}, 1, 1, 1},
	{"a raw left join", func(db *gorm.DB) (any, *gorm.DB) {
		return mapsOf(db.Model(&Shopper{}).Select("shoppers.id, b.total").Joins("LEFT JOIN baskets b ON b.shopper_id = shoppers.id").Where("shoppers.id = ?", 8))
	}, 1, 1, 0},
	{"a left join keeps the left side's shards", func(db *gorm.DB) (any, *gorm.DB) {
		return mapsOf(db.Model(&Shopper{}).Select("shoppers.id, b.total").Joins("LEFT JOIN baskets b ON b.shopper_id = shoppers.id AND b.shopper_id = ?", 7))
	}, 4, 1, 0},
	{"an inner join does not", func(db *gorm.DB) (any, *gorm.DB) {
		return mapsOf(db.Model(&Shopper{}).Select("shoppers.id, b.total").Joins("JOIN baskets b ON b.shopper_id = shoppers.id AND b.shopper_id = ?", 7))
	}, 1, 1, 0},
	{"a join by another column", func(db *gorm.DB) (any, *gorm.DB) {
		return mapsOf(db.Model(&Shopper{}).Select("shoppers.id, b.total").Joins("JOIN baskets b ON b.total = shoppers.id").Where("shoppers.id = ?", 7))
	}, 1, 4, 0},
	{"a join on the key or something else", func(db *gorm.DB) (any, *gorm.DB) {
		return mapsOf(db.Model(&Shopper{}).Select("shoppers.id, b.total").Joins("JOIN baskets b ON b.shopper_id = shoppers.id OR b.total = 3").Where("shoppers.id = ?", 7))
	}, 1, 4, 0},
	{"a right join", func(db *gorm.DB) (any, *gorm.DB) {
		return mapsOf(db.Model(&Shopper{}).Select("shoppers.id, b.id AS basket").Joins("RIGHT JOIN baskets b ON b.shopper_id = shoppers.id AND shoppers.id = ?", 7))
	}, -1, 4, 0},
	{"left, then inner", func(db *gorm.DB) (any, *gorm.DB) {
		return mapsOf(db.Model(&Shopper{}).Select("shoppers.id, b.total, l.amount").Joins("LEFT JOIN baskets b ON b.shopper_id = shoppers.id").
			Joins("JOIN basket_lines l ON l.shopper_id = b.shopper_id AND l.basket_id = b.id").Where("l.shopper_id = ?", 7))
	}, 1, 1, 1},
	{"left, then left with the last one's key", func(db *gorm.DB) (any, *gorm.DB) {
		return mapsOf(db.Model(&Shopper{}).Select("shoppers.id, b.total, l.amount").Joins("LEFT JOIN baskets b ON b.shopper_id = shoppers.id").
			Joins("LEFT JOIN basket_lines l ON l.shopper_id = b.shopper_id AND l.basket_id = b.id AND l.shopper_id = ?", 7))
	}, 4, 4, 1},
	{"a table list", func(db *gorm.DB) (any, *gorm.DB) {
		return mapsOf(db.Raw("SELECT s.name, b.total FROM shoppers s, baskets b WHERE s.id = b.shopper_id AND s.id = ?", 7))
	}, 1, 1, 0},
	{"raw text with a reference entity", func(db *gorm.DB) (any, *gorm.DB) {
		return mapsOf(db.Raw("SELECT s.name, b.total, c.name AS land FROM lands c JOIN shoppers s ON s.country_id = c.id JOIN baskets b ON s.id = b.shopper_id WHERE b.shopper_id = ?", 7))
	}, 1, 1, 0},
	{"a reference entity's relation", func(db *gorm.DB) (any, *gorm.DB) {
		var out []Shopper
		tx := db.Joins("Country").Where("shoppers.id = ?", 7).Find(&out)
		return out, tx
	}, 1, 0, 0},
	{"EXISTS", func(db *gorm.DB) (any, *gorm.DB) {
		return mapsOf(db.Model(&Shopper{}).Select("id").Where("id = ? AND EXISTS (SELECT 1 FROM baskets b WHERE b.shopper_id = shoppers.id)", 7))
	}, 1, 1, 0},
	{"NOT EXISTS", func(db *gorm.DB) (any, *gorm.DB) {
		return mapsOf(db.Model(&Shopper{}).Select("id").Where("id IN ? AND NOT EXISTS (?)", []int{7, 8}, db.Model(&Basket{}).Select("1").Where("baskets.shopper_id = shoppers.id")))
	}, -1, -1, 0},
	{"a scalar subquery", func(db *gorm.DB) (any, *gorm.DB) {
		return mapsOf(db.Model(&Shopper{}).Select("id, (SELECT MAX(b.total) FROM baskets b WHERE b.shopper_id = shoppers.id) AS top").Where("id = ?", 7))
	}, 1, 1, 0},
	{"IN with a built subquery", func(db *gorm.DB) (any, *gorm.DB) {
		return mapsOf(db.Model(&Shopper{}).Select("id, name").Where("shoppers.id IN (?)", db.Model(&Basket{}).Select("shopper_id").Where("total > ?", 2)).Where("shoppers.id = ?", 7))
	}, 1, -1, 0},
	{"NOT IN", func(db *gorm.DB) (any, *gorm.DB) {
		return mapsOf(db.Model(&Shopper{}).Select("id, name").Where("shoppers.id NOT IN (?)", db.Model(&Basket{}).Select("shopper_id").Where("shopper_id = ?", 7)))
	}, 4, -1, 0},
	{"a built subquery joined", func(db *gorm.DB) (any, *gorm.DB) {
		sums := db.Model(&Basket{}).Select("shopper_id, SUM(total) AS total, COUNT(*) AS n").Group("shopper_id")
		return mapsOf(db.Model(&Shopper{}).Select("shoppers.id, q.total, q.n").Joins("LEFT JOIN (?) q ON q.shopper_id = shoppers.id", sums).Where("shoppers.id = ?", 7))
	}, 1, 1, 0},
	{"a subquery that groups by something else", func(db *gorm.DB) (any, *gorm.DB) {
		return mapsOf(db.Raw("SELECT s.id, q.n FROM shoppers s JOIN (SELECT MAX(shopper_id) AS shopper_id, COUNT(*) AS n FROM baskets GROUP BY total) q ON q.shopper_id = s.id WHERE s.id = ?", 11))
	}, 1, 4, 0},
	{"a subquery with LIMIT", func(db *gorm.DB) (any, *gorm.DB) {
		return mapsOf(db.Raw("SELECT s.id, q.total FROM shoppers s JOIN (SELECT shopper_id, total FROM baskets ORDER BY total DESC, id LIMIT 5) q ON q.shopper_id = s.id WHERE s.id = ?", 11))
	}, 1, 4, 0},
	{"a self join", func(db *gorm.DB) (any, *gorm.DB) {
		return mapsOf(db.Raw("SELECT a.id, b.id AS other FROM baskets a JOIN baskets b ON a.shopper_id = b.shopper_id AND a.id < b.id WHERE a.shopper_id = ?", 7))
	}, 0, 2, 0},
	{"a count over a join", func(db *gorm.DB) (any, *gorm.DB) {
		var n int64
		tx := db.Model(&Basket{}).InnerJoins("Shopper").Where("baskets.shopper_id = ?", 7).Count(&n)
		return n, tx
	}, 1, 1, 0},
	{"everything", func(db *gorm.DB) (any, *gorm.DB) {
		var out []BasketLine
		tx := db.Joins("Basket").Joins("Shopper").Order("basket_lines.id").Find(&out)
		return out, tx
	}, 4, 4, 4},
}

// tablesNamed counts how often a text names tables of an entity's shards.
func tablesNamed(text, logical string) int {
	return len(regexp.MustCompile(`\b`+logical+`_\d+\b`).FindAllString(text, -1))
}

func TestCoLocatedJoins(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		twin, db := d.Open(t), d.Open(t)
		shopping(t, twin)
		require.NoError(t, db.Use(dtde.Register(colocated())))
		shopping(t, db)
		recorder := testenv.Record(db)
		for _, c := range joinCases {
			t.Run(c.name, func(t *testing.T) {
				want, plain := c.read(twin)
				require.NoError(t, plain.Error)
				recorder.Reset()
				got, tx := c.read(db)
				require.NoError(t, tx.Error)
				assert.Equal(t, want, got)
				sent := recorder.Statements()
				require.Len(t, sent, 1)
				for logical, most := range map[string]int{"shoppers": c.shopper, "baskets": c.basket, "basket_lines": c.line} {
					if most >= 0 {
						assert.Equal(t, most, tablesNamed(sent[0], logical), "%s in %s", logical, sent[0])
					}
				}
				if c.shopper <= 1 && c.basket <= 1 && c.line <= 1 && min(c.shopper, c.basket, c.line) >= 0 {
					assert.NotContains(t, sent[0], "UNION")
				}
				plans, err := dtde.Explain(db, func(tx *gorm.DB) *gorm.DB { _, tx = c.read(tx); return tx })
				require.NoError(t, err)
				require.NotEmpty(t, plans)
			})
		}
	})
}
