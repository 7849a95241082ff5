package tests

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// The acceptance scenarios of the first issue, each under its name.

func TestShardByRegionGivesValueStrategyAndKeyColumn(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		plugin := use(t, db, entities(customers()))
		meta, ok := plugin.Entity(&Customer{})
		require.True(t, ok)
		assert.Equal(t, "value", meta.StrategyName)
		require.Len(t, meta.Keys, 1)
		assert.Equal(t, "region", meta.Keys[0].Column)
		_, ok = plugin.Entity(&Plain{})
		assert.False(t, ok)
	})
}

func TestRegionUSReadsOnlyCustomersUS(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(customers()))
		require.NoError(t, db.Create(&[]Customer{{Name: "a", Region: "US"}, {Name: "b", Region: "EU"}}).Error)
		sent := testenv.Record(db)
		var out []Customer
		require.NoError(t, db.Where("region = ?", "US").Find(&out).Error)
		require.Len(t, out, 1)
		assert.Equal(t, "a", out[0].Name)
		require.Len(t, sent.Statements(), 1)
		assert.Contains(t, sent.Statements()[0], "customers_us")
		assert.NotContains(t, sent.Statements()[0], "customers_eu")
		assert.NotContains(t, sent.Statements()[0], "customers_apac")
	})
}

func TestYearsGiveOrders2023AndOrders2024(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(dtde.Model(&Order{}).ShardByDate("OrderDate", dtde.Year, utc(2020, 1, 1), utc(2030, 1, 1))))
		require.NoError(t, db.Create(&[]Order{{OrderDate: utc(2023, 5, 1)}, {OrderDate: utc(2024, 5, 1)}}).Error)
		assert.True(t, db.Migrator().HasTable("orders_2023"))
		assert.True(t, db.Migrator().HasTable("orders_2024"))
		sent := testenv.Record(db)
		var out []Order
		require.NoError(t, db.Where("order_date >= ? AND order_date < ?", utc(2024, 1, 1), utc(2025, 1, 1)).Find(&out).Error)
		require.Len(t, out, 1)
		assert.Contains(t, strings.Join(sent.Statements(), "\n"), "orders_2024")
		assert.NotContains(t, strings.Join(sent.Statements(), "\n"), "orders_2023")
	})
}

func TestPageOf1000ContractsIn4Shards(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(dtde.Model(&Contract{}).ShardByHash("Number", 4)))
		contracts := make([]Contract, 1000)
		for i, n := range rand.Perm(1000) {
			contracts[i] = Contract{Number: fmt.Sprintf("C-%04d", n)}
		}
		require.NoError(t, db.CreateInBatches(&contracts, 100).Error)
		var page []Contract
		require.NoError(t, db.Order("contract_number").Offset(10).Limit(10).Find(&page).Error)
		require.Len(t, page, 10)
		for i, c := range page {
			assert.Equal(t, fmt.Sprintf("C-%04d", 10+i), c.Number)
		}
	})
}

func TestManualTablesAreRoutedWithoutDDL(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		for _, year := range []string{"2023", "2024"} {
			require.NoError(t, db.Table("orders_"+year).AutoMigrate(&Order{}))
		}
		sent := testenv.Record(db)
		use(t, db, entities(dtde.Model(&Order{}).UseManualSharding(
			dtde.ManualTable("orders_2023", "order_date >= ? AND order_date < ?", utc(2023, 1, 1), utc(2024, 1, 1)),
			dtde.ManualTable("orders_2024", "order_date >= ? AND order_date < ?", utc(2024, 1, 1), utc(2025, 1, 1)),
		)))
		cfg := db.Session(&gorm.Session{})
		require.NoError(t, cfg.Create(&[]Order{{ID: 1, OrderDate: utc(2023, 5, 1)}, {ID: 2, OrderDate: utc(2024, 5, 1)}}).Error)
		for _, s := range sent.Statements() {
			for _, ddl := range []string{"CREATE ", "ALTER ", "DROP "} {
				assert.NotContains(t, strings.ToUpper(s), ddl)
			}
		}
		sent.Reset()
		var out []Order
		require.NoError(t, db.Where("order_date = ?", utc(2024, 5, 1)).Find(&out).Error)
		require.Len(t, out, 1)
		assert.EqualValues(t, 2, out[0].ID)
		require.Len(t, sent.Statements(), 1)
		assert.Contains(t, sent.Statements()[0], "orders_2024")
		assert.NotContains(t, sent.Statements()[0], "orders_2023")
	})
}

func TestInsertGoesToItsShard(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(customers()))
		rows := []Customer{{Name: "a", Region: "US"}, {Name: "b", Region: "EU"}, {Name: "c", Region: "US"}, {Name: "d", Region: "APAC"}}
		tx := db.Create(&rows)
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 4, tx.RowsAffected)
		for shard, want := range map[string][]string{"us": {"a", "c"}, "eu": {"b"}, "apac": {"d"}} {
			var names []string
			require.NoError(t, db.Table("customers_"+shard).Order("name").Pluck("name", &names).Error)
			assert.Equal(t, want, names)
		}
		seen := map[int64]bool{}
		for _, r := range rows {
			assert.NotZero(t, r.ID)
			assert.False(t, seen[r.ID], "ids are unique over shards")
			seen[r.ID] = true
			var one Customer
			require.NoError(t, db.First(&one, r.ID).Error)
			assert.Equal(t, r, one, "the key was written back to the row that it belongs to")
		}
	})
}

func TestPlainSaveMakesNoVersion(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(customers()))
		c := Customer{Name: "a", Region: "US"}
		require.NoError(t, db.Save(&c).Error)
		c.Name = "b"
		require.NoError(t, db.Save(&c).Error)
		var all []Customer
		require.NoError(t, db.Find(&all).Error)
		assert.Equal(t, []Customer{c}, all)
	})
}
