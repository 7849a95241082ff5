package tests

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// surfaceWrite are the methods that write.
var surfaceWrite = []surfaceCase{
	{"DB.Create", func(w *witness, db *gorm.DB) {
		m := Member{ID: 20, Region: "US", Name: "c"}
		w.tx(db.Create(&m), m)
		rows := []Member{{ID: 21, Region: "EU", Name: "x"}, {ID: 22, Region: "US", Name: "y"}, {ID: 23, Region: "EU", Name: "z"}}
		w.tx(db.Create(&rows), rows)
		w.tx(db.Create([]*Tag{{ID: 21, Name: "t"}, {ID: 22, Name: "u"}}))
		w.tx(db.Model(&Member{}).Create(map[string]any{"id": 24, "region": "APAC", "name": "map", "age": clause.Expr{SQL: "1 + ?", Vars: []any{2}}}))
		w.tx(db.Model(&Pet{}).Create(&[]map[string]any{{"id": 20, "name": "a"}, {"id": 21, "name": "b"}, {"id": 22, "name": "c"}}))
		w.tx(db.Create(&Member{ID: 1, Region: "US"}))
		w.tx(db.Create(&[]Member{{ID: 20, Region: "EU"}, {ID: 25, Region: "EU"}}))
		w.tx(db.Create(&[]Member{{ID: 26, Region: "EU"}, {ID: 27, Region: "US", Name: "bad"}}))
		w.tx(db.Create(&[]Member{}))
		w.tx(db.Select("ID", "Region").Create(&Member{ID: 28, Region: "US", Name: "left out", Age: 4}))
		g := Gizmo{Code: "new", Serial: 1, Labels: []string{"p"}, Origin: "given", Change: "no", Shown: "no", Secret: "yes"}
		w.tx(db.Create(&g), g)
		w.tx(db.Create(&Gizmo{Code: "a", Serial: 1}))
	}},
	{"DB.Create/relations", func(w *witness, db *gorm.DB) {
		m := Member{
			ID: 20, Region: "US", Name: "whole", Company: &Company{ID: 9, Name: "nine"}, Parent: &Member{ID: 21, Region: "EU", Name: "parent"},
			Children: []Member{{ID: 22, Region: "APAC", Name: "child", Pets: []Pet{{ID: 22, Name: "deep", Photo: &Photo{ID: 23, Title: "pet"}}}}, {ID: 23, Region: "US", Name: "child two"}},
			Pets:     []Pet{{ID: 20, Name: "p"}, {ID: 21, Name: "q", Photo: &Photo{ID: 20, Title: "pet"}}}, Card: &Card{ID: 20, Number: "n"},
			Tags: []Tag{{ID: 1}, {ID: 20, Name: "fresh"}}, Photos: []Photo{{ID: 21, Title: "x"}, {ID: 22, Title: "y"}},
		}
		w.tx(db.Create(&m), m)
	}},
	{"DB.CreateInBatches", func(w *witness, db *gorm.DB) {
		rows := make([]Member, 7)
		for i := range rows {
			rows[i] = Member{ID: int64(20 + i), Region: []string{"US", "EU", "APAC"}[i%3], Name: "b", Pets: []Pet{{ID: int64(20 + i)}}}
		}
		w.tx(db.CreateInBatches(&rows, 3), rows)
		w.tx(db.CreateInBatches([]Tag{{ID: 30}, {ID: 31}, {ID: 32}}, 100))
		w.tx(db.CreateInBatches(&[]Tag{{ID: 40}, {ID: 41}, {ID: 1}}, 2))
	}},
	{"DB.Create/on conflict", func(w *witness, db *gorm.DB) {
		key := []clause.Column{{Name: "id"}}
		rows := func() *[]Member {
			return &[]Member{{ID: 1, Region: "EU", Name: "new", Age: 1}, {ID: 2, Region: "US", Name: "new", Age: 2}, {ID: 70, Region: "US", Name: "new", Age: 3}}
		}
		on := func(c clause.OnConflict) *gorm.DB { return db.Clauses(c) }
		w.tx(on(clause.OnConflict{DoNothing: true}).Create(&Member{ID: 1, Region: "EU", Name: "new"}))
		w.tx(on(clause.OnConflict{Columns: key, DoNothing: true}).Create(&Tag{ID: 1, Name: "x"}))
		w.tx(on(clause.OnConflict{Columns: key, DoNothing: true}).Create(&Tag{ID: 50, Name: "x"}))
		w.tx(on(clause.OnConflict{Columns: key, DoUpdates: clause.AssignmentColumns([]string{"age"})}).Create(rows()))
		w.tx(on(clause.OnConflict{Columns: key, DoUpdates: clause.Assignments(map[string]any{"name": "set", "age": gorm.Expr("members.age + ?", 7)})}).Create(rows()))
		w.tx(on(clause.OnConflict{UpdateAll: true}).Create(rows()))
		w.tx(on(clause.OnConflict{UpdateAll: true}).Create(&[]MemberTag{{1, 1, 77}, {4, 4, 78}}))
		w.tx(on(clause.OnConflict{Columns: []clause.Column{{Name: "code"}, {Name: "serial"}}, UpdateAll: true}).Create(&Gizmo{Code: "a", Serial: 2, Labels: []string{"up"}, Origin: "not"}))
	}},
	{"DB.Save", func(w *witness, db *gorm.DB) {
		m := Member{ID: 4, Region: "EU", Name: "saved", Age: 1}
		w.tx(db.Save(&m), m)
		m = Member{ID: 80, Region: "US", Name: "absent"}
		w.tx(db.Save(&m), m)
		rows := []Member{{ID: 5, Region: "US", Name: "s5"}, {ID: 81, Region: "APAC", Name: "s81"}}
		w.tx(db.Save(&rows), rows)
		m = Member{ID: 7, Region: "US", Name: "moved"}
		w.tx(db.Save(&m))
		w.tx(db.Save(&Gizmo{Code: "b", Serial: 1, Labels: []string{"s"}, Origin: "not", Change: "changed", Secret: "not"}))
		w.tx(db.Save(&Gizmo{Code: "q", Serial: 1, Origin: "first"}))
		w.tx(db.Select("Name").Save(&Member{ID: 3, Name: "selected", Age: 1}))
		w.tx(db.Omit("Name").Save(&Member{ID: 6, Region: "APAC", Name: "omitted"}))
		w.tx(db.Save(&Member{ID: 2, Region: "US", Name: "bad"}))
		w.tx(db.Save(&Member{ID: 9, Region: "APAC", Name: "deleted already"}))
	}},
	{"DB.Updates/shard key that stays, and the row", func(w *witness, db *gorm.DB) {
		m := Member{ID: 1} // which is there already: nothing moves, and its age goes up once
		w.tx(db.Model(&m).Clauses(clause.Returning{}).Updates(map[string]any{"region": "EU", "age": gorm.Expr("age + 1")}), m)
		m = Member{ID: 2}
		w.tx(db.Model(&m).Clauses(clause.Returning{}).Updates(map[string]any{"region": "EU", "age": gorm.Expr("age + 1")}), m)
	}},
	{"DB.Update", func(w *witness, db *gorm.DB) {
		m := Member{ID: 2}
		w.tx(db.Model(&m).Update("age", 30), m)
		w.tx(db.Model(&Member{}).Where("region = ?", "EU").Update("age", gorm.Expr("age + ?", 100)))
		w.tx(db.Model(&Member{}).Where("age < ?", 23).Update("score", nil))
		w.tx(db.Model(&Member{}).Where("id = ?", 77).Update("age", 1))
		w.tx(db.Model(&Member{}).Update("age", 1))
		w.tx(db.Model(&Member{ID: 3}).Update("region", "EU"))
		w.tx(db.Model(&Pet{}).Where("weight > ?", 3).Update("name", db.Model(&Company{}).Select("MAX(name)")))
		w.tx(db.Model(&Company{}).Where("id = ?", 1).Update("name", db.Model(&Tag{}).Select("name").Where("id = 2")))
		w.tx(db.Model(&Member{}).Where("id IN (?)", db.Model(&Pet{}).Select("member_id").Where("weight = 5")).Update("age", 77))
		w.tx(db.Model(&[]Member{{ID: 4}, {ID: 5}}).Update("age", 78))
		w.tx(db.Model(&Gizmo{Code: "a", Serial: 1}).Update("origin", "not"))
		w.tx(db.Model(&Gizmo{Code: "a", Serial: 1}).Update("labels", []string{"l"}))
		w.tx(db.Model(&Member{ID: 5}).Update("no_such", 1))
	}},
	{"DB.Updates", func(w *witness, db *gorm.DB) {
		m := Member{ID: 2}
		w.tx(db.Model(&m).Updates(Member{Name: "u", Age: 0}), m)
		w.tx(db.Model(&Member{}).Where("age > ?", 22).Updates(map[string]any{"name": "old", "score": gorm.Expr("id * 2")}))
		w.tx(db.Where("region = ?", "EU").Updates(&Member{Name: "eu"}))
		w.tx(db.Model(&m).Select("Name", "Age").Updates(Member{Age: 3}))
		w.tx(db.Model(&m).Select("*").Omit("Region", "ID").Updates(Member{Age: 3}))
		w.tx(db.Model(&Member{}).Where("name = ?", "m6").Updates(map[string]any{"region": "EU", "age": 66}))
		w.tx(db.Model(&Gizmo{}).Where("code IN ?", []string{"a", "c"}).Updates(Gizmo{Change: "up", Origin: "not", Spot: Spot{9, 9}, Secret: "not"}))
		w.tx(db.Updates(&Member{ID: 1, Name: "bad"}))
		w.tx(db.Model(&Pet{ID: 4}).Updates(Pet{Name: "with", Photo: &Photo{ID: 40, Title: "made"}}))
	}},
	{"DB.UpdateColumn", func(w *witness, db *gorm.DB) {
		on, hooks := withHooks(db)
		w.tx(on.Model(&Member{ID: 2}).UpdateColumn("age", 31))
		w.tx(on.Model(&Member{}).Where("region IN ?", []string{"EU", "APAC"}).UpdateColumn("age", gorm.Expr("age - 1")))
		w.see(*hooks)
	}},
	{"DB.UpdateColumns", func(w *witness, db *gorm.DB) {
		on, hooks := withHooks(db)
		w.tx(on.Model(&Member{ID: 2}).UpdateColumns(Member{Age: 31, Name: "uc"}))
		w.tx(on.Model(&Member{}).Where("company_id = ?", 1).UpdateColumns(map[string]any{"age": 4, "name": gorm.Expr("region")}))
		w.see(*hooks)
	}},
	{"DB.Delete", func(w *witness, db *gorm.DB) {
		on, hooks := withHooks(db)
		w.tx(on.Delete(&Member{ID: 1}))
		w.tx(on.Delete(&Member{}, 2))
		w.tx(on.Delete(&Member{}, []int64{3, 4, 99}))
		w.tx(on.Delete(&[]Member{{ID: 5}, {ID: 6}}))
		w.tx(on.Where("age > ?", 20).Delete(&Member{}))
		w.see(*hooks)
		w.tx(db.Delete(&Member{}))
		w.tx(db.Delete(&Pet{}, "weight > ? AND member_id IS NOT NULL", 2))
		w.tx(db.Where("member_id IN (?)", db.Model(&Member{}).Unscoped().Select("id").Where("region = ?", "EU")).Delete(&MemberTag{}))
		w.tx(db.Delete(&Gizmo{Code: "a", Serial: 1}))
		w.tx(db.Delete(&[]Gizmo{{Code: "a", Serial: 2}, {Code: "c", Serial: 3}, {Code: "zz", Serial: 3}}))
		w.tx(db.Select("Pets", "Tags", "Card").Delete(&Member{ID: 7}))
	}},
	{"DB.Delete/selected relations", func(w *witness, db *gorm.DB) {
		w.tx(db.Select("Pets", "Tags", "Photos").Unscoped().Delete(&Member{ID: 1}))
		w.tx(db.Select(clause.Associations).Delete(&Member{ID: 2}))
	}},
	{"DB.Exec", func(w *witness, db *gorm.DB) {
		w.tx(db.Exec("UPDATE members SET age = age + ? WHERE region = ?", 5, "EU"))
		w.tx(db.Exec("UPDATE members SET name = @n WHERE age > @a", map[string]any{"n": "ex", "a": 22}))
		w.tx(db.Exec("DELETE FROM pets WHERE weight > ?", 3))
		w.tx(db.Exec("INSERT INTO tags (id, name) VALUES (?, ?)", 90, "raw"))
		w.tx(db.Exec("UPDATE companies SET name = (SELECT MAX(name) FROM tags) WHERE id = 2"))
	}},
}
