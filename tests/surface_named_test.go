package tests

import "gorm.io/gorm"

// surfaceNamed are cases whose tables' names come from the naming strategy, so that
// none stands in the text.
var surfaceNamed = []surfaceCase{
	{"DB.Find", func(w *witness, db *gorm.DB) {
		var out []Member
		w.tx(db.Where("region IN ?", []string{"EU", "US"}).Order("age, id").Find(&out), out)
		w.tx(db.Joins("Company").Joins("Card").Order("id").Find(&out), out)
		w.tx(db.Preload("Pets", inOrder).Preload("Tags", inOrder).Preload("Children", inOrder).Preload("Photos", inOrder).Order("id").Find(&out), out)
		w.tx(db.Where("id IN (?)", db.Model(&Pet{}).Select("member_id")).Order("id").Find(&out), out)
		w.tx(db.Table("app_members AS m").Where("m.age > ?", 21).Order("m.id").Find(&out), out)
		w.tx(db.Raw("SELECT * FROM app_members WHERE age > ? ORDER BY id", 21).Scan(&out), out)
		var gizmos []Gizmo
		w.tx(db.Order("code, serial").Find(&gizmos), gizmos)
	}},
	{"DB.Create", func(w *witness, db *gorm.DB) {
		w.tx(db.Create(&[]Member{{ID: 20, Region: "US", Pets: []Pet{{ID: 20}}, Tags: []Tag{{ID: 1}}}, {ID: 21, Region: "EU", Card: &Card{ID: 20}}}))
		w.tx(db.Save(&Member{ID: 4, Region: "EU", Name: "saved"}))
	}},
	{"DB.Updates", func(w *witness, db *gorm.DB) {
		w.tx(db.Model(&Member{}).Where("age > ?", 20).Updates(map[string]any{"age": gorm.Expr("age + 1")}))
		w.tx(db.Model(&Member{ID: 1}).Update("region", "US"))
		w.tx(db.Exec("UPDATE app_members SET age = 0 WHERE region = ?", "EU"))
	}},
	{"DB.Delete", func(w *witness, db *gorm.DB) {
		w.tx(db.Delete(&Member{}, []int64{1, 2}))
		w.tx(db.Unscoped().Where("age > ?", 22).Delete(&Member{}))
		w.tx(db.Where("weight > 2").Delete(&Pet{}))
	}},
	{"Association.Replace", func(w *witness, db *gorm.DB) {
		w.err(db.Model(&Member{ID: 1}).Association("Tags").Replace(&Tag{ID: 3}, &Tag{ID: 4}))
		w.err(db.Model(&Member{ID: 1}).Association("Pets").Clear())
		w.say(db.Model(&Member{ID: 1}).Association("Tags").Count())
	}},
}
