package tests

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// surfaceRelations are preloads and joins.
var surfaceRelations = []surfaceCase{
	{"DB.Preload", func(w *witness, db *gorm.DB) {
		for _, relation := range []string{"Company", "Parent", "Children", "Pets", "Card", "Tags", "Photos"} {
			var out []Member
			w.tx(db.Preload(relation, inOrder).Order("id").Find(&out), out)
		}
		var one Member
		w.tx(db.Preload("Pets", inOrder, "weight > ?", 0).Preload("Card", "digits = ?", 1).First(&one, 2), one)
		one = Member{}
		w.tx(db.Preload("Pets", "1 = 0").Preload("Children", inOrder, "age > ?", 21).First(&one), one)
		var tags []Tag
		w.tx(db.Preload("Members", inOrder).Order("id").Find(&tags), tags)
		var companies []Company
		w.tx(db.Preload("Members", func(tx *gorm.DB) *gorm.DB { return tx.Order("members.age DESC, id").Where("region <> ?", "US") }).Order("id").Find(&companies), companies)
		w.tx(db.Preload("Nothing").Find(&companies))
		var unscoped []Tag
		w.tx(db.Preload("Members", func(tx *gorm.DB) *gorm.DB { return tx.Unscoped().Order("id") }).Order("id").Find(&unscoped), unscoped)
	}},
	{"DB.Preload/nested", func(w *witness, db *gorm.DB) {
		var out []Member
		w.tx(db.Preload("Children", inOrder).Preload("Children.Children", inOrder).Preload("Children.Pets", inOrder).Preload("Children.Pets.Photo").
			Preload("Children.Company").Preload("Children.Tags", inOrder).Where("parent_id IS NULL").Order("id").Find(&out), out)
		w.tx(db.Preload("Parent.Parent").Preload("Parent.Photos", inOrder).Order("id").Find(&out), out)
		w.tx(db.Preload(clause.Associations, inOrder).Order("id").Find(&out), out)
		w.tx(db.Preload("Children", inOrder).Preload("Children."+clause.Associations, inOrder).Where("id < 3").Order("id").Find(&out), out)
		var pets []Pet
		w.tx(db.Preload("Member.Company").Preload("Member.Tags", inOrder).Preload("Photo").Order("id").Find(&pets), pets)
		var companies []Company
		w.tx(db.Preload("Members", inOrder).Preload("Members.Pets", func(tx *gorm.DB) *gorm.DB { return tx.Order("weight DESC") }).Preload("Members.Card").Order("id").Find(&companies), companies)
	}},
	{"DB.Preload/conditions", func(w *witness, db *gorm.DB) {
		var out []Member
		w.tx(db.Preload("Pets", func(tx *gorm.DB) *gorm.DB {
			return tx.Select("id", "member_id", "name").Where("weight > ?", 1).Order("id DESC")
		}).
			Where("region IN ?", []string{"EU", "US"}).Order("id").Find(&out), out)
		w.tx(db.Preload("Children", func(tx *gorm.DB) *gorm.DB { return tx.Where("region = ?", "EU").Order("id") }).Order("id").Find(&out), out)
		w.tx(db.Preload("Photos", func(tx *gorm.DB) *gorm.DB { return tx.Order("title DESC").Limit(2) }).Order("id").Find(&out), out)
		w.tx(db.Preload("Tags", "name <> ?", "red").Where("id = 5").Find(&out), out)
		var batch []Member
		w.tx(db.Preload("Pets", inOrder).FindInBatches(&batch, 3, func(*gorm.DB, int) error { w.see(batch); return nil }))
	}},
	{"DB.Joins", func(w *witness, db *gorm.DB) {
		var out []Member
		w.tx(db.Joins("Company").Order("members.id").Find(&out), out)
		w.tx(db.Joins("Card").Where("Card.digits > ?", 0).Order("members.id").Find(&out))
		w.tx(db.Joins("Company").Joins("Card").Joins("Parent").Order("members.id DESC").Limit(4).Find(&out), out)
		w.tx(db.Joins("Company", db.Where(&Company{Name: "bolt"})).Order("members.id").Find(&out), out)
		w.tx(db.Joins("Parent.Company").Order("members.id").Find(&out), out)
		w.tx(db.Joins("LEFT JOIN pets ON pets.member_id = members.id AND pets.weight > ?", 2).Where("pets.id IS NULL").Order("members.id").Find(&out), out)
		w.tx(db.Joins("JOIN member_tags mt ON mt.member_id = members.id").Joins("JOIN tags ON tags.id = mt.tag_id").Where("tags.name = ?", "blue").Order("members.id").Find(&out), out)
		w.tx(db.Joins("JOIN (?) AS heavy ON heavy.member_id = members.id", db.Model(&Pet{}).Select("member_id, SUM(weight) AS kg").Group("member_id")).Where("heavy.kg > ?", 7).Order("members.id").Find(&out), out)
		var pets []Pet
		w.tx(db.Joins("Member.Company").Joins("Member").Order("pets.id").Find(&pets), pets)
		var maps []map[string]any
		w.tx(db.Model(&Member{}).Select("members.name, companies.name AS company").Joins("JOIN companies ON companies.id = members.company_id").Where("members.region = ?", "US").Order("members.id").Scan(&maps), maps)
		w.tx(db.Model(&Company{}).Select("companies.id, COUNT(members.id) AS n").Joins("LEFT JOIN members ON members.company_id = companies.id").Group("companies.id").Order("companies.id").Find(&maps), maps)
	}},
	{"DB.InnerJoins", func(w *witness, db *gorm.DB) {
		var out []Member
		w.tx(db.InnerJoins("Company").Order("members.id").Find(&out), out)
		w.tx(db.InnerJoins("Card").InnerJoins("Parent").Order("members.id").Find(&out), out)
		w.tx(db.InnerJoins("Company", db.Where("name = ?", "acme")).Where("members.age > ?", 20).Order("members.id").Find(&out), out)
		w.tx(db.InnerJoins("Parent").InnerJoins("Parent.Company").Order("members.id").Find(&out), out)
		w.tx(db.InnerJoins("pets", "1 = 1").Order("members.id").Find(&out))
		var n int64
		w.tx(db.Model(&Pet{}).InnerJoins("Member").Count(&n), n)
	}},
	{"DB.Joins/and preloads", func(w *witness, db *gorm.DB) {
		var out []Member
		w.tx(db.Joins("Company").Preload("Pets", inOrder).Preload("Tags", inOrder).Order("members.id").Find(&out), out)
		w.tx(db.Joins("Parent").Preload("Parent.Pets", inOrder).Preload("Parent.Company").Order("members.id").Find(&out), out)
		var pets []Pet
		w.tx(db.InnerJoins("Member").Preload("Member.Children", inOrder).Preload("Photo").Order("pets.id").Find(&pets), pets)
	}},
	{"DB.SetupJoinTable", func(w *witness, db *gorm.DB) {
		w.err(db.SetupJoinTable(&Member{}, "Tags", &MemberTag{}))
		w.err(db.SetupJoinTable(&Member{}, "Pets", &MemberTag{}))
		w.err(db.Model(&Member{ID: 6}).Association("Tags").Append(&Tag{ID: 2}))
		var joins []MemberTag
		w.tx(db.Order("member_id, tag_id").Find(&joins), joins)
	}},
}

// surfaceAssociations are the methods of *gorm.Association.
var surfaceAssociations = []surfaceCase{
	{"DB.Association", func(w *witness, db *gorm.DB) {
		w.err(db.Model(&Member{ID: 1}).Association("Nothing").Error)
		w.err(db.Model(&Member{ID: 1}).Association("Pets").Error)
	}},
	{"Association.Find", func(w *witness, db *gorm.DB) {
		var pets []Pet
		w.err(db.Model(&Member{ID: 1}).Order("id").Association("Pets").Find(&pets), pets)
		w.err(db.Model(&[]Member{{ID: 1}, {ID: 2}}).Where("weight > ?", 0).Order("id").Association("Pets").Find(&pets), pets)
		w.err(db.Model(&Member{ID: 3}).Order("id").Association("Pets").Find(&pets, "weight = ?", 3), pets)
		var tags []Tag
		w.err(db.Model(&Member{ID: 3}).Order("id").Association("Tags").Find(&tags), tags)
		var members []Member
		w.err(db.Model(&Tag{ID: 1}).Order("id").Association("Members").Find(&members), members)
		w.err(db.Model(&Member{ID: 1}).Order("id").Association("Children").Find(&members), members)
		var card Card
		w.err(db.Model(&Member{ID: 4}).Association("Card").Find(&card), card)
		var company Company
		w.err(db.Model(&Member{ID: 4, CompanyID: pointer(int64(2))}).Association("Company").Find(&company), company)
		var photos []Photo
		w.err(db.Model(&Member{ID: 1}).Order("id").Association("Photos").Find(&photos), photos)
		w.err(db.Model(&Company{ID: 1}).Where("region = ?", "EU").Order("id").Association("Members").Find(&members), members)
	}},
	{"Association.Append", func(w *witness, db *gorm.DB) {
		m := Member{ID: 4}
		w.err(db.Model(&m).Association("Pets").Append(&Pet{ID: 60, Name: "a"}, &Pet{ID: 61, Name: "b"}), m.Pets)
		w.err(db.Model(&m).Association("Pets").Append(&Pet{ID: 8, Name: "p8"}))
		w.err(db.Model(&m).Association("Tags").Append(&Tag{ID: 1}, &Tag{ID: 60, Name: "new"}), m.Tags)
		w.err(db.Model(&m).Association("Tags").Append([]Tag{{ID: 1}, {ID: 2}}))
		w.err(db.Model(&m).Association("Photos").Append(&Photo{ID: 60, Title: "a"}))
		w.err(db.Model(&m).Association("Company").Append(&Company{ID: 60, Name: "new"}), m.CompanyID)
		w.err(db.Model(&m).Association("Children").Append(&Member{ID: 60, Region: "US", Name: "child"}, &Member{ID: 61, Region: "EU"}))
		w.err(db.Model(&[]Member{{ID: 7}, {ID: 8}}).Association("Tags").Append(&Tag{ID: 3}, &Tag{ID: 4}))
		w.err(db.Model(&[]Member{{ID: 7}, {ID: 8}}).Association("Pets").Append(&[]Pet{{ID: 62}, {ID: 63}}, &Pet{ID: 64}))
		w.err(db.Model(&Tag{ID: 2}).Association("Members").Append(&Member{ID: 7, Region: "EU"}))
	}},
	{"Association.Replace", func(w *witness, db *gorm.DB) {
		m := Member{ID: 1}
		w.err(db.Model(&m).Association("Pets").Replace(&Pet{ID: 60, Name: "only"}), m.Pets)
		w.err(db.Model(&m).Association("Tags").Replace(&Tag{ID: 3}, &Tag{ID: 2}), m.Tags)
		w.err(db.Model(&Member{ID: 4, CompanyID: pointer(int64(2))}).Association("Company").Replace(&Company{ID: 1}))
		w.err(db.Model(&Tag{ID: 1}).Association("Members").Replace(&Member{ID: 4, Region: "EU"}, &Member{ID: 3, Region: "APAC"}))
		w.err(db.Model(&Member{ID: 2}).Association("Children").Replace(&Member{ID: 60, Region: "US"}))
		w.err(db.Model(&Member{ID: 3}).Association("Tags").Replace())
	}},
	{"Association.Delete", func(w *witness, db *gorm.DB) {
		w.err(db.Model(&Member{ID: 1}).Association("Pets").Delete(&Pet{ID: 1}, &Pet{ID: 2}))
		w.err(db.Model(&Member{ID: 1}).Association("Tags").Delete(&Tag{ID: 1}, &Tag{ID: 4}))
		w.err(db.Model(&[]Member{{ID: 2}, {ID: 3}}).Association("Tags").Delete(&Tag{ID: 2}, &Tag{ID: 3}))
		w.err(db.Model(&Member{ID: 4, CompanyID: pointer(int64(2))}).Association("Company").Delete(&Company{ID: 2}))
		w.err(db.Model(&Member{ID: 1}).Association("Children").Delete(&Member{ID: 2}, &Member{ID: 3}))
		w.err(db.Model(&Tag{ID: 1}).Association("Members").Delete(&Member{ID: 3}))
	}},
	{"Association.Clear", func(w *witness, db *gorm.DB) {
		w.err(db.Model(&Member{ID: 1}).Association("Pets").Clear())
		w.err(db.Model(&[]Member{{ID: 1}, {ID: 3}}).Association("Tags").Clear())
		w.err(db.Model(&Member{ID: 2}).Association("Children").Clear())
		w.err(db.Model(&Member{ID: 5, CompanyID: pointer(int64(1))}).Association("Company").Clear())
		w.err(db.Model(&Company{ID: 2}).Association("Members").Clear())
	}},
	{"Association.Count", func(w *witness, db *gorm.DB) {
		for _, relation := range []string{"Company", "Children", "Pets", "Card", "Tags", "Photos"} {
			w.say(relation, db.Model(&Member{ID: 1, CompanyID: pointer(int64(1))}).Association(relation).Count())
			w.say(relation, db.Model(&[]Member{{ID: 1}, {ID: 2}, {ID: 3}}).Association(relation).Count())
		}
		w.say(db.Model(&Tag{ID: 1}).Association("Members").Count())
		w.say(db.Model(&Tag{ID: 1}).Where("region = ?", "APAC").Association("Members").Count())
		w.say(db.Model(&Company{ID: 1}).Where("age > ?", 20).Association("Members").Count())
	}},
	{"Association.Unscoped", func(w *witness, db *gorm.DB) {
		w.err(db.Model(&Member{ID: 1}).Association("Pets").Unscoped().Delete(&Pet{ID: 1}))
		w.err(db.Model(&Member{ID: 2}).Association("Pets").Unscoped().Clear())
		w.err(db.Model(&Member{ID: 1}).Association("Photos").Unscoped().Replace(&Photo{ID: 60, Title: "only"}))
		w.err(db.Model(&Member{ID: 2}).Association("Card").Unscoped().Clear())
		w.err(db.Model(&Member{ID: 1}).Association("Tags").Unscoped().Clear())
	}},
}
