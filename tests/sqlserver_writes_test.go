package tests

import (
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

func TestSQLServerWrites(t *testing.T) {
	t.Parallel()
	goldenCases(t, "writes.sql", []goldenCase{
		{"create", func(db *gorm.DB) *gorm.DB { return db.Create(&Customer{Name: "a", Region: "US"}) }},
		{"create with a given key", func(db *gorm.DB) *gorm.DB { return db.Create(&Customer{ID: 5, Name: "a", Region: "US"}) }},
		{"create without IDENTITY", func(db *gorm.DB) *gorm.DB { return db.Create(&Label{ID: 5, Region: "US"}) }},
		{"create of two columns' key", func(db *gorm.DB) *gorm.DB { return db.Create(&Stock{Region: "US", SKU: "a"}) }},
		{"create a batch on one shard", func(db *gorm.DB) *gorm.DB {
			return db.Create(&[]Customer{{Name: "a", Region: "US"}, {Name: "b", Region: "US"}})
		}},
		{"create a batch over shards", func(db *gorm.DB) *gorm.DB {
			return db.Create([]*Customer{{Name: "a", Region: "US"}, {Name: "b", Region: "EU"}, {Name: "c", Region: "US"}})
		}},
		{"create a map", func(db *gorm.DB) *gorm.DB {
			return db.Model(&Customer{}).Create(map[string]any{"Name": "a", "Region": "US"})
		}},
		{"create maps over shards", func(db *gorm.DB) *gorm.DB {
			return db.Model(&Customer{}).Create([]map[string]any{{"name": "a", "region": "US"}, {"name": "b", "region": "EU"}})
		}},
		{"create a map without a model", func(db *gorm.DB) *gorm.DB {
			return db.Table("customers").Create(map[string]any{"name": "a", "region": "US"})
		}},
		{"create in a schema", func(db *gorm.DB) *gorm.DB { return db.Create(&Invoice{Region: "EU"}) }},
		{"create a map in a schema", func(db *gorm.DB) *gorm.DB {
			return db.Model(&Invoice{}).Create(map[string]any{"region": "EU", "total": 1})
		}},
		{"create on a shard that is not made yet", func(db *gorm.DB) *gorm.DB { return db.Create(&Visit{At: utc(2024, 2, 3)}) }},
		{"do nothing", func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&User{ID: 5, Name: "a"})
		}},
		{"upsert", func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&User{ID: 5, Name: "a"})
		}},
		{"upsert a batch", func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"name"})}).
				Create(&[]User{{ID: 5, Name: "a"}, {ID: 6, Name: "b"}, {ID: 7, Name: "c"}, {ID: 8, Name: "d"}})
		}},
		{"upsert with an expression and a condition", func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: "id"}},
				DoUpdates: clause.Assignments(map[string]any{"age": gorm.Expr("users.age + ?", 1)}),
				Where:     clause.Where{Exprs: []clause.Expression{gorm.Expr("users.age < ?", 100)}},
			}).Create(&User{ID: 5, Name: "a"})
		}},
		{"upsert of two columns' key", func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Stock{Region: "EU", SKU: "a", Count: 1})
		}},
		{"upsert in a schema", func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.OnConflict{
				Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"total"}),
			}).Create(&Invoice{ID: 3, Region: "EU"})
		}},
		{"upsert with a generated key", func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Customer{Name: "a", Region: "EU"})
		}},
		{"save", func(db *gorm.DB) *gorm.DB { return db.Save(&User{ID: 5, Name: "a"}) }},
		{"save without a key", func(db *gorm.DB) *gorm.DB { return db.Save(&Customer{Name: "a", Region: "EU"}) }},
		{"save several", func(db *gorm.DB) *gorm.DB { return db.Save(&[]User{{ID: 5}, {ID: 6}}) }},
		{"update", func(db *gorm.DB) *gorm.DB {
			return db.Model(&Customer{}).Where("region = ?", "US").Update("name", "x")
		}},
		{"update over shards", func(db *gorm.DB) *gorm.DB {
			return db.Model(&Customer{}).Where("customers.spent > ?", 5).Updates(map[string]any{"name": "x", "status": "y"})
		}},
		{"updates of a struct, not its key", func(db *gorm.DB) *gorm.DB {
			return db.Model(&User{ID: 5}).Updates(User{ID: 5, Name: "x"})
		}},
		{"update an expression", func(db *gorm.DB) *gorm.DB {
			return db.Model(&User{ID: 5}).UpdateColumn("age", gorm.Expr("age + ?", 1))
		}},
		{"update with lists, cut for each shard", func(db *gorm.DB) *gorm.DB {
			return db.Model(&User{}).Where("id IN ?", []int64{1, 2, 3}).Update("age", 9)
		}},
		{"update returning", func(db *gorm.DB) *gorm.DB {
			return db.Model(&[]User{}).Clauses(clause.Returning{Columns: []clause.Column{{Name: "id"}, {Name: "age"}}}).
				Where("id = ?", 5).Update("age", 9)
		}},
		{"update returning everything, over shards", func(db *gorm.DB) *gorm.DB {
			return db.Model(&[]User{}).Clauses(clause.Returning{}).Where("age = ?", 5).Update("age", 9)
		}},
		{"update of two columns' keys", func(db *gorm.DB) *gorm.DB {
			return db.Model(&[]Stock{{Region: "EU", SKU: "a"}, {Region: "US", SKU: "b"}}).Update("count", 9)
		}},
		{"update in a schema", func(db *gorm.DB) *gorm.DB {
			return db.Model(&Invoice{}).Where("region = ? AND invoices.total > ?", "EU", 3).Update("total", 9)
		}},
		{"update that no shard has", func(db *gorm.DB) *gorm.DB {
			return db.Model(&Customer{}).Where("region = ?", "MARS").Update("name", "x")
		}},
		{"update of everything", func(db *gorm.DB) *gorm.DB {
			return db.Session(&gorm.Session{AllowGlobalUpdate: true}).Model(&Customer{}).Update("name", "x")
		}},
		{"update with a subquery", func(db *gorm.DB) *gorm.DB {
			return db.Model(&Customer{}).Where("region = ?", "US").Update("spent", db.Model(&User{}).Select("MAX(age)"))
		}},
		{"update with LIMIT, which GORM leaves out there", func(db *gorm.DB) *gorm.DB {
			return db.Model(&Customer{}).Where("spent = ?", 1).Order("id").Limit(5).Update("name", "x")
		}},
		{"delete with LIMIT, which GORM leaves out there", func(db *gorm.DB) *gorm.DB {
			return db.Where("spent = ?", 1).Order("id").Limit(5).Delete(&Customer{})
		}},
		{"update of the key: the statement on its new shard", func(db *gorm.DB) *gorm.DB {
			return db.Model(&Customer{ID: 5}).Update("region", "US")
		}},
		{"delete", func(db *gorm.DB) *gorm.DB { return db.Where("region = ?", "US").Delete(&Customer{}) }},
		{"delete over shards", func(db *gorm.DB) *gorm.DB { return db.Where("customers.spent > ?", 5).Delete(&Customer{}) }},
		{"delete a row", func(db *gorm.DB) *gorm.DB { return db.Delete(&User{ID: 5}) }},
		{"delete a batch by keys", func(db *gorm.DB) *gorm.DB { return db.Delete(&[]User{{ID: 1}, {ID: 2}, {ID: 3}}) }},
		{"delete by ids", func(db *gorm.DB) *gorm.DB { return db.Delete(&User{}, []int64{1, 2, 3}) }},
		{"delete of two columns' keys", func(db *gorm.DB) *gorm.DB {
			return db.Delete(&[]Stock{{Region: "EU", SKU: "a"}, {Region: "US", SKU: "b"}})
		}},
		{"delete returning", func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.Returning{}).Where("region = ?", "US").Delete(&[]Customer{})
		}},
		{"delete returning columns, over shards", func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.Returning{Columns: []clause.Column{{Name: "id"}}}).Where("spent = ?", 1).Delete(&[]Customer{})
		}},
		{"soft delete", func(db *gorm.DB) *gorm.DB { return db.Where("region = ?", "EU").Delete(&Invoice{}) }},
		{"soft delete over shards", func(db *gorm.DB) *gorm.DB { return db.Where("total = ?", 0).Delete(&Invoice{}) }},
		{"soft delete by date", func(db *gorm.DB) *gorm.DB { return db.Where("order_date = ?", utc(2024, 5, 5)).Delete(&Order{}) }},
		{"soft delete returning", func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.Returning{}).Where("region = ?", "EU").Delete(&[]Invoice{})
		}},
		{"delete for good", func(db *gorm.DB) *gorm.DB { return db.Unscoped().Where("region = ?", "EU").Delete(&Invoice{}) }},
		{"delete that no shard has", func(db *gorm.DB) *gorm.DB { return db.Where("region = ?", "MARS").Delete(&Customer{}) }},
		{"delete without conditions", func(db *gorm.DB) *gorm.DB { return db.Delete(&Customer{}) }},
	})
}
