package tests

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Shop is a plain parent of sharded children, Sale one of these, with plain children
// and a sharded sister of its own.
type Shop struct {
	ID    int64 `gorm:"primaryKey"`
	Name  string
	Sales []Sale `gorm:"foreignKey:ShopID"`
}

type Sale struct {
	ID     int64  `gorm:"primaryKey"`
	Region string `gorm:"size:8"`
	ShopID int64
	Shop   *Shop `gorm:"constraint:-"`
	Amount int
	Notes  []Note `gorm:"foreignKey:SaleID;constraint:-"`
	Gifts  []Gift `gorm:"foreignKey:SaleID;constraint:-"`
}

type Note struct {
	ID     int64 `gorm:"primaryKey"`
	SaleID int64
	Text   string
}

type Gift struct {
	ID     int64 `gorm:"primaryKey"`
	SaleID int64
	Name   string
}

func shops(t *testing.T, db *gorm.DB) {
	t.Helper()
	plugin := dtde.Register(entities(
		dtde.Model(&Sale{}).ShardBy("Region", "EU", "US", "APAC"),
		dtde.Model(&Gift{}).ShardByHash("SaleID", 4),
	))
	require.NoError(t, db.Use(plugin))
	db.DisableForeignKeyConstraintWhenMigrating = true
	require.NoError(t, db.AutoMigrate(&Shop{}, &Sale{}, &Note{}, &Gift{}))
}

func theShop() Shop {
	shop := Shop{Name: "shop"}
	for i, r := range []string{"US", "EU", "APAC", "EU"} {
		shop.Sales = append(shop.Sales, Sale{
			Region: r, Amount: i,
			Notes: []Note{{Text: fmt.Sprint("a", i)}, {Text: fmt.Sprint("b", i)}},
			Gifts: []Gift{{Name: fmt.Sprint("g", i)}, {Name: fmt.Sprint("h", i)}},
		})
	}
	return shop
}

func TestAssociationsOverShards(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		shops(t, db)
		shop := theShop()
		require.NoError(t, db.Create(&shop).Error)
		plain := beside(t, db)
		assert.Len(t, contents(t, plain, "sales")["sales_eu"], 2)
		for i, s := range shop.Sales {
			require.NotZero(t, s.ID)
			assert.Equal(t, shop.ID, s.ShopID)
			assert.Equal(t, i, s.Amount)
			for _, n := range s.Notes {
				assert.Equal(t, s.ID, n.SaleID)
			}
			for _, g := range s.Gifts {
				assert.Equal(t, s.ID, g.SaleID)
				assert.NotZero(t, g.ID)
			}
		}

		var back Shop
		require.NoError(t, db.Preload("Sales", func(tx *gorm.DB) *gorm.DB { return tx.Order("amount") }).
			Preload("Sales.Notes", func(tx *gorm.DB) *gorm.DB { return tx.Order("text") }).
			Preload("Sales.Gifts", func(tx *gorm.DB) *gorm.DB { return tx.Order("name") }).First(&back, shop.ID).Error)
		assert.Equal(t, shop, back)

		// a filtered preload goes to one shard
		plans, err := dtde.Explain(db, func(tx *gorm.DB) *gorm.DB {
			return tx.Where("shop_id = ? AND region = ?", shop.ID, "EU").Find(&[]Sale{})
		})
		require.NoError(t, err)
		require.Len(t, plans, 1)
		assert.Equal(t, []string{"EU"}, plans[0].ShardIDs())

		// OnShard is meant for the statement, not for its preloads
		var eu []Sale
		require.NoError(t, db.Scopes(dtde.OnShard("EU")).Preload("Notes").Preload("Gifts").Preload("Shop").Order("amount").Find(&eu).Error)
		require.Len(t, eu, 2)
		for _, s := range eu {
			assert.Len(t, s.Notes, 2)
			assert.Len(t, s.Gifts, 2)
			require.NotNil(t, s.Shop)
			assert.Equal(t, "shop", s.Shop.Name)
		}

		// a sharded parent, created alone, over several shards
		sales := []Sale{{Region: "APAC", Notes: []Note{{Text: "x"}}}, {Region: "US", Notes: []Note{{Text: "y"}}, Shop: &Shop{Name: "other"}}}
		require.NoError(t, db.Create(&sales).Error)
		require.Equal(t, sales[0].ID, sales[0].Notes[0].SaleID)
		require.NotZero(t, sales[1].Shop.ID)
		require.Equal(t, sales[1].Shop.ID, sales[1].ShopID)

		// association mode
		require.NoError(t, db.Model(&shop).Association("Sales").Append(&Sale{Region: "US", Amount: 9}))
		assert.EqualValues(t, 5, db.Model(&shop).Association("Sales").Count())
		var found []Sale
		require.NoError(t, db.Model(&shop).Where("region = ?", "US").Association("Sales").Find(&found))
		assert.Len(t, found, 2)
		require.NoError(t, db.Model(&shop).Association("Sales").Delete(&found[0]))
		assert.EqualValues(t, 4, db.Model(&shop).Association("Sales").Count())

		// saving the parent again saves what changed below it
		shop.Sales[1].Amount = 77
		require.NoError(t, db.Session(&gorm.Session{FullSaveAssociations: true}).Save(&shop).Error)
		var changed Sale
		require.NoError(t, db.First(&changed, shop.Sales[1].ID).Error)
		assert.Equal(t, 77, changed.Amount)
	})
}

func TestAssociationThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		shops(t, db)
		plain := beside(t, db)
		shop := theShop()
		shop.Sales[3].Region = "MARS"
		require.ErrorIs(t, db.Create(&shop).Error, dtde.ErrShardNotFound)
		for _, prefix := range []string{"shops", "sales", "notes", "gifts"} {
			assert.Zero(t, count(t, plain, prefix), prefix)
		}
	})
}

func TestJoinsWithAPlainModel(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		shops(t, db)
		shop := theShop()
		require.NoError(t, db.Create(&shop).Error)
		// a sharded model joined with a plain one is exact
		var sales []Sale
		require.NoError(t, db.Joins("Shop").Where("sales.region IN ?", []string{"EU", "US"}).Order("sales.amount").Find(&sales).Error)
		require.Len(t, sales, 3)
		assert.Equal(t, "shop", sales[0].Shop.Name)
		var total int64
		require.NoError(t, db.Model(&Sale{}).Joins("JOIN shops ON shops.id = sales.shop_id").Where("shops.name = ?", "shop").Count(&total).Error)
		assert.EqualValues(t, 4, total)
		var parents []Shop
		require.NoError(t, db.Where("id IN (?)", db.Model(&Sale{}).Select("shop_id").Where("amount = ?", 2)).Find(&parents).Error)
		assert.Len(t, parents, 1)
	})
}

func TestPreloadsSeeTheContext(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		shops(t, db)
		shop := theShop()
		require.NoError(t, db.Create(&shop).Error)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		var back Shop
		require.ErrorIs(t, db.WithContext(ctx).Preload("Sales").First(&back, shop.ID).Error, context.Canceled)
	})
}
