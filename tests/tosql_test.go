package tests

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// cellsOf prints rows without regard to the Go types that drivers and models give.
func cellsOf(rows []map[string]any) (lines []string) {
	for _, row := range rows {
		line := ""
		for _, column := range slices.Sorted(maps.Keys(row)) {
			v := reflect.ValueOf(row[column])
			for v.Kind() == reflect.Pointer && !v.IsNil() {
				v = v.Elem()
			}
			cell := row[column]
			if v.IsValid() {
				cell = v.Interface()
			}
			if b, ok := cell.([]byte); ok {
				cell = string(b)
			}
			line += fmt.Sprintf("%s=%v ", column, cell)
		}
		lines = append(lines, line)
	}
	return lines
}

// TestToSQLRunsAsItStands takes the text of statements that one statement carries out,
// runs it without dtde, and compares.
func TestToSQLRunsAsItStands(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{
			dtde.Model(&Buyer{}).ShardByHash("ID", 4),
			dtde.Model(&Receipt{}).ShardByHash("BuyerID", 4).CoLocatedWith(&Buyer{}),
			dtde.Model(&Stall{}).ShardBy("Region", "EU", "US", "APAC"),
		}})))
		require.NoError(t, db.AutoMigrate(&Buyer{}, &Receipt{}, &Stall{}))
		for i := range 30 {
			rating := i % 5
			check(t, db.Create(&Stall{ID: int64(i), Region: []string{"EU", "US", "APAC"}[i%3], Name: fmt.Sprint("it's ", i%7), Rating: &rating}))
			check(t, db.Create(&Buyer{ID: int64(i), Region: "EU", Name: fmt.Sprint("b", i), Spent: i * 3}))
			check(t, db.Create(&Receipt{ID: int64(i), BuyerID: int64(i % 10), Amount: i}))
		}
		plain := testenv.Reopen(t, db)
		stalls := func(tx *gorm.DB) *gorm.DB { return tx.Model(&Stall{}).Order("id") }
		for name, read := range map[string]func(*gorm.DB) *gorm.DB{
			"one shard":  func(tx *gorm.DB) *gorm.DB { return stalls(tx).Where("region = ?", "EU") },
			"all shards": stalls,
			"quotes":     func(tx *gorm.DB) *gorm.DB { return stalls(tx).Where("name = ?", "it's 3") },
			"split IN":   func(tx *gorm.DB) *gorm.DB { return tx.Model(&Buyer{}).Where("id IN ?", []int{1, 2, 3, 17}).Order("id") },
			"page":       func(tx *gorm.DB) *gorm.DB { return stalls(tx).Where("rating > ?", 1).Offset(3).Limit(5) },
			"no row":     func(tx *gorm.DB) *gorm.DB { return stalls(tx).Where("region = ? AND region = ?", "EU", "US") },
			"groups": func(tx *gorm.DB) *gorm.DB {
				return tx.Model(&Stall{}).Select("rating, COUNT(*) AS n").Group("rating").Having("COUNT(*) > ?", 2).Order("rating")
			},
			"window": func(tx *gorm.DB) *gorm.DB {
				return stalls(tx).Select("id, RANK() OVER (PARTITION BY region ORDER BY id) AS place")
			},
			"co-located": func(tx *gorm.DB) *gorm.DB {
				return tx.Model(&Receipt{}).Joins("JOIN buyers ON buyers.id = receipts.buyer_id").Select("receipts.id, buyers.name").Where("receipts.buyer_id = ?", 4).Order("receipts.id")
			},
			"join of all": func(tx *gorm.DB) *gorm.DB {
				return tx.Model(&Receipt{}).Joins("JOIN buyers ON buyers.id = receipts.buyer_id").Select("receipts.id, buyers.name").Order("receipts.id")
			},
			"correlated": func(tx *gorm.DB) *gorm.DB {
				return tx.Model(&Buyer{}).Select("id").Where("EXISTS (SELECT 1 FROM receipts WHERE receipts.buyer_id = buyers.id AND receipts.amount > ?)", 15).Order("id")
			},
		} {
			var ours, theirs []map[string]any
			check(t, read(db).Find(&ours))
			text := db.ToSQL(func(tx *gorm.DB) *gorm.DB { return read(tx).Find(&[]map[string]any{}) })
			check(t, plain.Raw(text).Find(&theirs))
			assert.Equal(t, cellsOf(ours), cellsOf(theirs), "%s: %s", name, text)
			if name != "no row" {
				assert.NotEmpty(t, ours, name)
			}
		}
		text := db.ToSQL(func(tx *gorm.DB) *gorm.DB {
			return tx.Model(&Stall{}).Where("region = ?", "US").Update("name", "it's new")
		})
		require.NoError(t, plain.Exec(text).Error, text)
		text = db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Create(&Stall{ID: 99, Region: "APAC", Name: "made"}) })
		require.NoError(t, plain.Exec(text).Error, text)
		text = db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Where("region = ? AND id = ?", "EU", 3).Delete(&Stall{}) })
		require.NoError(t, plain.Exec(text).Error, text)
		var renamed, all int64
		check(t, db.Model(&Stall{}).Where("name = ?", "it's new").Count(&renamed))
		check(t, db.Model(&Stall{}).Count(&all))
		assert.EqualValues(t, 10, renamed)
		assert.EqualValues(t, 30, all)
	})
}
