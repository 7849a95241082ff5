package tests

import (
	"database/sql"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// surfaceSubtext has SQL text that reads sharded tables wherever GORM takes a value.
var surfaceSubtext = []surfaceCase{
	{"DB.Raw/as a value of a condition", func(w *witness, db *gorm.DB) {
		heavy := func() *gorm.DB { return db.Raw("SELECT member_id FROM pets WHERE weight > ?", 2) }
		text := gorm.Expr("(SELECT MAX(member_id) FROM pets WHERE weight > ?)", 2)
		for _, where := range []func(tx *gorm.DB) *gorm.DB{
			func(tx *gorm.DB) *gorm.DB { return tx.Where("id IN (?)", heavy()) },
			func(tx *gorm.DB) *gorm.DB { return tx.Where("region = ? AND id IN (?)", "EU", heavy()) },
			func(tx *gorm.DB) *gorm.DB {
				return tx.Where("region = @r AND id IN (@heavy)", sql.Named("r", "EU"), sql.Named("heavy", heavy()))
			},
			func(tx *gorm.DB) *gorm.DB {
				return tx.Where("region = @r AND id IN (@heavy)", map[string]any{"r": "US", "heavy": heavy()})
			},
			func(tx *gorm.DB) *gorm.DB { return tx.Not("id IN (?)", heavy()) },
			func(tx *gorm.DB) *gorm.DB { return tx.Where("region = ?", "EU").Or("id IN (?)", heavy()) },
			func(tx *gorm.DB) *gorm.DB { return tx.Where("id = ?", text) },
			func(tx *gorm.DB) *gorm.DB { return tx.Where(map[string]any{"id": text}) },
			func(tx *gorm.DB) *gorm.DB { return tx.Where(clause.Gte{Column: "id", Value: text}) },
			func(tx *gorm.DB) *gorm.DB { return tx.Where(clause.IN{Column: "id", Values: []any{1, text}}) },
		} {
			var found []Member
			w.tx(where(db).Order("id").Find(&found), found)
			var n int64
			w.tx(where(db.Model(&Member{})).Count(&n), n)
		}
		var names []string
		w.tx(db.Model(&Member{}).Group("name").Having("MAX(id) > (?)", db.Raw("SELECT MIN(weight) FROM pets")).Order("name").Pluck("name", &names), names)
		w.tx(db.Model(&Company{}).Where("id IN (?)", db.Raw("SELECT company_id FROM members WHERE age > ?", 21)).Order("id").Pluck("name", &names), names)
		var n int64
		w.tx(db.Table("(?) AS t", heavy()).Select("COUNT(*)").Scan(&n), n)
	}},
	{"DB.Raw/as a value of a write", func(w *witness, db *gorm.DB) {
		age := func() *gorm.DB { return db.Raw("SELECT COUNT(*) FROM pets WHERE weight > ?", 2) }
		w.tx(db.Model(&Member{}).Where("id IN (?)", db.Raw("SELECT member_id FROM pets WHERE weight > ?", 2)).Update("age", 77))
		w.tx(db.Model(&Member{}).Where("region = ?", "EU").Update("age", gorm.Expr("age + (?)", age())))
		w.tx(db.Model(&Company{}).Where("id = ?", 1).Update("name", gorm.Expr("(?)", db.Raw("SELECT MAX(name) FROM members"))))
		w.tx(db.Model(&Company{}).Create(map[string]any{"id": 9, "name": gorm.Expr("(SELECT MIN(name) FROM members)")}))
		w.tx(db.Where("id IN (?)", db.Raw("SELECT member_id FROM pets WHERE weight > ?", 4)).Delete(&Member{}))
		w.tx(db.Delete(&Company{}, "id NOT IN (?)", db.Raw("SELECT company_id FROM members WHERE age = ?", 77)))
	}},
}

func TestSurfaceTextAsValue(t *testing.T) {
	t.Parallel()
	runSurface(t, surfaceSubtext, gorm.Config{})
}
