package tests

import (
	"testing"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
)

// TestSQLServerJoins: joins, windows, grouped and common table expressions over shards.
func TestSQLServerJoins(t *testing.T) {
	t.Parallel()
	goldenCases(t, "joins.sql", []goldenCase{
		{"join of one shard with all of another", func(db *gorm.DB) *gorm.DB {
			return db.Joins("JOIN [users] ON [users].[id] = [customers].[id]").Where("[customers].[region] = ?", "US").Find(&[]Customer{})
		}},
		{"left join of all with a condition", func(db *gorm.DB) *gorm.DB {
			return db.Joins("LEFT JOIN [users] ON [users].[id] = [customers].[id] AND [users].[age] > ?", 30).Find(&[]Customer{})
		}},
		{"join with itself", func(db *gorm.DB) *gorm.DB {
			return db.Table("customers AS c").Joins("JOIN [customers] AS [d] ON [d].[name] = c.name").Where("c.region = ?", "EU").Find(&[]map[string]any{})
		}},
		{"window", func(db *gorm.DB) *gorm.DB {
			return db.Model(&Customer{}).Select("id, RANK() OVER (PARTITION BY region ORDER BY spent DESC) AS place").Find(&[]map[string]any{})
		}},
		{"groups with HAVING in order", func(db *gorm.DB) *gorm.DB {
			return db.Model(&Customer{}).Select("status, COUNT(*) AS n").Group("status").Having("COUNT(*) > ?", 1).Order("n DESC").Limit(3).Find(&[]map[string]any{})
		}},
		{"EXISTS", func(db *gorm.DB) *gorm.DB {
			return db.Where("EXISTS (SELECT 1 FROM [users] WHERE [users].[id] = [customers].[id])").Find(&[]Customer{})
		}},
		{"text with WITH", func(db *gorm.DB) *gorm.DB {
			return db.Raw("WITH rich AS (SELECT region FROM customers WHERE spent > ?) SELECT COUNT(*) AS n FROM rich", 3).Find(&[]map[string]any{})
		}},
		{"a page of one shard by a cursor", func(db *gorm.DB) *gorm.DB {
			return db.Scopes(dtde.After("")).Where("region = ?", "US").Order("name, id").Limit(5).Find(&[]Customer{})
		}},
	})
}
