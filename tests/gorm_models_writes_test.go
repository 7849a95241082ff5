package tests

import (
	"context"
	"database/sql"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	gt "gorm.io/gorm/utils/tests"
)

// gormModelWrites are creates, updates, deletes and transactions of GORM's own models.
var gormModelWrites = []surfaceCase{
	{"create full", func(w *witness, db *gorm.DB) {
		u := gormUser("a", everyPart)
		u.NamedPet = &gt.Pet{Name: "np", Toy: gt.Toy{Name: "nptoy"}}
		w.tx(db.Create(u), u)
		gormUsers(w, db, "a")
		us := []*gt.User{gormUser("b", everyPart), gormUser("c", everyPart), gormUser("d", userParts{})}
		w.tx(db.Create(&us), us)
		gormUsers(w, db, "")
		arr := [2]gt.User{*gormUser("e", everyPart), *gormUser("f", userParts{Pets: 1})}
		w.tx(db.Create(&arr), arr)
		gormUsers(w, db, "e")
	}},
	{"create map", func(w *witness, db *gorm.DB) {
		w.tx(db.Model(&gt.User{}).Create(map[string]any{"Name": "m1", "Age": 3}))
		m := map[string]any{"name": "m4", "age": 20}
		w.tx(db.Table("users").Create(&m))
		w.tx(db.Model(&gt.User{}).Create(map[string]any{"Name": clause.Expr{SQL: "UPPER(?)", Vars: []any{"m5"}}, "Age": gorm.Expr("1 + ?", 4)}))
	}},
	{"create twice", func(w *witness, db *gorm.DB) {
		u := gormUser("a", userParts{Account: true, Pets: 1})
		w.tx(db.Create(u))
		w.tx(db.Create(u))
		u.Pets = append(u.Pets, &gt.Pet{Name: "p2"})
		w.tx(db.Clauses(clause.OnConflict{DoNothing: true}).Create(u))
		w.tx(db.Save(u))
		u.Pets[0].Name = "changed"
		w.tx(db.Save(u))
		w.tx(db.Session(&gorm.Session{FullSaveAssociations: true}).Save(u))
		u.Pets[0].Name = "changed again"
		u.Account.Number = "n2"
		w.tx(db.Session(&gorm.Session{FullSaveAssociations: true}).Updates(u))
		w.tx(db.Session(&gorm.Session{FullSaveAssociations: true}).Create(u))
	}},
	{"select omit create", func(w *witness, db *gorm.DB) {
		w.tx(db.Select("Name", "Account").Create(gormUser("a", everyPart)))
		w.tx(db.Omit("Account", "Age").Create(gormUser("b", everyPart)))
		w.tx(db.Omit(clause.Associations).Create(gormUser("c", everyPart)))
		w.tx(db.Select("*").Omit("Pets").Create(gormUser("d", everyPart)))
		w.tx(db.Omit("Languages.*", "Company").Create(gormUser("e", userParts{Pets: 1})))
		w.tx(db.Select("Pets.Name", "Pets", "Name").Create(gormUser("f", everyPart)))
		w.tx(db.Select(clause.Associations).Create(gormUser("g", everyPart)))
	}},
	{"batches", func(w *witness, db *gorm.DB) {
		var us []gt.User
		for i := range 25 {
			us = append(us, *gormUser(fmt.Sprintf("u%02d", i), userParts{Pets: i % 3}))
		}
		w.tx(db.CreateInBatches(&us, 7))
		var got []gt.User
		n := 0
		w.tx(db.Where("age > ?", 1).FindInBatches(&got, 4, func(tx *gorm.DB, b int) error {
			n += len(got)
			for i := range got {
				got[i].Age = uint(b)
			}
			return tx.Save(&got).Error
		}), n)
		var p []*gt.Pet
		w.tx(db.Limit(6).FindInBatches(&p, 4, func(tx *gorm.DB, b int) error { w.see(len(p)); return nil }))
		s := db.Session(&gorm.Session{CreateBatchSize: 3})
		us = nil
		for i := range 8 {
			us = append(us, *gormUser(fmt.Sprintf("v%02d", i), userParts{Toys: 1}))
		}
		w.tx(s.Create(&us))
		w.err(gorm.G[gt.User](db).Where("name LIKE 'v%'").FindInBatches(context.Background(), 3, func(c []gt.User, b int) error { w.see([]int{len(c), b}); return nil }))
	}},
	{"updates", func(w *witness, db *gorm.DB) {
		us := []*gt.User{gormUser("a", userParts{}), gormUser("b", userParts{}), gormUser("c", userParts{})}
		w.tx(db.Create(&us))
		w.tx(db.Model(us[1]).Update("Age", 10), us[1])
		w.tx(db.Model(us[1]).Updates(map[string]any{"Active": true, "age": 5}), us[1])
		w.tx(db.Model(us[1]).Updates(gt.User{Age: 2}), us[1])
		w.tx(db.Table("users").Where("name in ?", []string{"b"}).Updates(gt.User{Name: "b2"}))
		w.tx(db.Table("users").Where("name = ?", "b2").Updates(map[string]any{"name": "b3", "age": gorm.Expr("age + ?", 100)}))
		w.tx(db.Model(us[0]).Updates(map[string]any{"age": gorm.Expr("age + ?", 100)}), us[0])
		w.tx(db.Model(us[0]).UpdateColumn("age", gorm.Expr("age * 2")), us[0])
		w.tx(db.Model(us[0]).UpdateColumns(map[string]any{"name": "a2", "age": 7}), us[0])
		w.tx(db.Model(us[0]).Omit("name").Updates(gt.User{Name: "no", Age: 8}), us[0])
		w.tx(db.Model(us[0]).Select("name", "active").Updates(gt.User{Name: "yes", Age: 9}), us[0])
		w.tx(db.Model(us[0]).Select("*").Updates(gt.User{Name: "all"}))
		w.tx(db.Model(&gt.User{}).Update("age", 3))
		w.tx(db.Session(&gorm.Session{AllowGlobalUpdate: true}).Model(&gt.User{}).Update("age", 3))
		w.tx(db.Model(&[]gt.User{*us[1], *us[2]}).Update("age", 4))
		w.tx(db.Model(&[]*gt.User{us[1], us[2]}).Where("name = ?", "c").Update("age", 6))
		w.tx(db.Model(&gt.User{}).Where("name = ?", "c").Update("name", db.Model(&gt.User{}).Select("MAX(name)").Where("age < ?", 100)))
		w.tx(db.Model(&gt.User{}).Where("age = ?", 4).Updates(map[string]any{"company_id": db.Model(&gt.Company{}).Select("id").Where("name = ?", "no")}))
		var r []gt.User
		w.tx(db.Model(&r).Clauses(clause.Returning{}).Where("age > ?", 0).Update("active", true))
		w.see(len(r))
	}},
	{"updates associations", func(w *witness, db *gorm.DB) {
		u := gormUser("a", everyPart)
		w.tx(db.Create(u))
		w.tx(db.Model(u).Updates(gt.User{Name: "a1", Account: gt.Account{Number: "new"}, Pets: []*gt.Pet{{Name: "extra"}}}), u)
		gormUsers(w, db, "a")
		u.Company = gt.Company{Name: "second"}
		u.Manager = &gt.User{Name: "boss2"}
		w.tx(db.Save(u))
		gormUsers(w, db, "a")
		u.Languages = append(u.Languages, gt.Language{Code: "zz", Name: "zz"})
		u.Friends = append(u.Friends, &gt.User{Name: "newfriend"})
		u.Team = append(u.Team, gt.User{Name: "a_newteam"})
		w.tx(db.Select("Languages", "Friends", "Team").Save(u))
		gormUsers(w, db, "")
		u.Languages[0].Name = "renamed"
		u.Friends[0].Name = "renamed friend"
		u.Toys[0].Name = "renamed toy"
		w.tx(db.Session(&gorm.Session{FullSaveAssociations: true}).Save(u))
		gormUsers(w, db, "")
		w.tx(db.Omit("Pets").Session(&gorm.Session{FullSaveAssociations: true}).Updates(u))
	}},
	{"delete", func(w *witness, db *gorm.DB) {
		us := []gt.User{*gormUser("a", everyPart), *gormUser("b", everyPart), *gormUser("c", userParts{})}
		w.tx(db.Create(&us))
		w.tx(db.Delete(&us[1]))
		w.tx(db.Where("name = ?", "c").Delete(&gt.User{}))
		w.tx(db.Unscoped().Where("name = ?", "c").Delete(&gt.User{}))
		w.tx(db.Delete(&gt.User{}))
		w.tx(db.Delete(&gt.User{}, us[0].ID))
		w.tx(db.Delete(&gt.User{}, []uint{us[0].ID, us[1].ID}))
		w.tx(db.Unscoped().Delete(&us))
		var none []gt.User
		w.tx(db.Delete(none))
		w.tx(db.Delete(&none))
		u := gormUser("sel", userParts{Account: true, Pets: 2, Toys: 1, Languages: 2})
		w.tx(db.Create(u))
		w.tx(db.Select("Account", "Pets", "Toys", "Languages").Delete(u))
		us = []gt.User{*gormUser("x", everyPart), *gormUser("y", everyPart)}
		w.tx(db.Create(&us))
		w.tx(db.Select(clause.Associations).Delete(&us))
		us = []gt.User{*gormUser("x2", everyPart), *gormUser("y2", everyPart)}
		w.tx(db.Create(&us))
		w.tx(db.Unscoped().Select(clause.Associations).Delete(&us))
		type Slim struct{ ID uint }
		us = []gt.User{*gormUser("x3", userParts{}), *gormUser("y3", userParts{})}
		w.tx(db.Create(&us))
		w.tx(db.Table("users").Delete(&Slim{ID: us[0].ID}))
		w.tx(db.Clauses(clause.Returning{}).Where("name LIKE ?", "y%").Delete(&us))
	}},
	{"soft delete", func(w *witness, db *gorm.DB) {
		us := []gt.User{*gormUser("a", userParts{Pets: 2}), *gormUser("b", userParts{Pets: 1})}
		w.tx(db.Create(&us))
		w.tx(db.Delete(&us[0]))
		var n int64
		w.tx(db.Model(&gt.User{}).Count(&n), n)
		w.tx(db.Unscoped().Model(&gt.User{}).Count(&n), n)
		w.tx(db.Model(&gt.User{}).Where("name = ?", "a").Or("name = ?", "b").Count(&n), n)
		var age sql.NullInt64
		w.tx(db.Model(&gt.User{}).Select("MAX(age)").Scan(&age), age)
		w.tx(db.Unscoped().Model(&gt.User{}).Where("deleted_at IS NOT NULL").Update("deleted_at", nil))
		w.tx(db.Delete(&gt.Pet{}, "name LIKE ?", "a%"))
		var got []gt.User
		w.tx(db.Joins("JOIN pets ON pets.user_id = users.id AND pets.deleted_at IS NULL").Order("users.name").Find(&got), got)
		w.tx(db.Preload("Pets", func(tx *gorm.DB) *gorm.DB { return tx.Unscoped().Order("name") }).Order("name").Find(&got), got)
	}},
	{"first or", func(w *witness, db *gorm.DB) {
		var u1, u2, u3, u4, u5 gt.User
		w.tx(db.Where(&gt.User{Name: "foi", Age: 33}).FirstOrInit(&u1), u1)
		w.tx(db.FirstOrInit(&u2, map[string]any{"name": "foi2"}), u2)
		w.tx(db.Where(&gt.User{Name: "foc", Age: 33}).FirstOrCreate(&u3), u3)
		w.tx(db.Where(&gt.User{Name: "foc", Age: 33}).FirstOrCreate(&u4), u4)
		w.tx(db.Where(&gt.User{Name: "foc3"}).Attrs("age", 44).FirstOrCreate(&u5), u5)
		w.tx(db.Where(&gt.User{Name: "foc3"}).Assign("age", 55).FirstOrCreate(&u5), u5)
		var u6 gt.User
		w.tx(db.Where(&gt.User{Name: "emb"}).Assign(gt.User{Age: 44, Account: gt.Account{Number: "123"}, Pets: []*gt.Pet{{Name: "fp1"}, {Name: "fp2"}}}).FirstOrCreate(&u6), u6)
		var u7 gt.User
		w.tx(db.Where("name = ?", "emb").Attrs(&gt.User{Age: 1}).FirstOrInit(&u7), u7)
		var u8 gt.User
		w.tx(db.Where("nome = 3").FirstOrCreate(&u8))
		var u9 gt.User
		w.tx(db.Where(gt.User{Name: "upd"}).Assign(map[string]any{"age": 12}).FirstOrCreate(&u9), u9)
		u9 = gt.User{}
		w.tx(db.Where(gt.User{Name: "upd"}).Assign(map[string]any{"age": 13, "active": true}).FirstOrCreate(&u9), u9)
		l := gt.Language{}
		w.tx(db.FirstOrCreate(&l, gt.Language{Code: "x", Name: "y"}), l)
		w.tx(db.FirstOrCreate(&gt.Language{Code: "q", Name: "q"}))
		w.tx(db.FirstOrCreate(&gt.Language{Code: "x2", Name: "nope"}, "code = ?", "x"))
	}},
	{"upsert", func(w *witness, db *gorm.DB) {
		l := gt.Language{Code: "u", Name: "U"}
		w.tx(db.Clauses(clause.OnConflict{DoNothing: true}).Create(&l))
		w.tx(db.Clauses(clause.OnConflict{DoNothing: true}).Create(&gt.Language{Code: "u", Name: "V"}))
		w.tx(db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "code"}}, DoUpdates: clause.Assignments(map[string]any{"name": "new"})}).Create(&l))
		w.tx(db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&gt.Language{Code: "u", Name: "W"}))
		ls := []gt.Language{{Code: "u", Name: "1"}, {Code: "v", Name: "2"}, {Code: "w", Name: "3"}}
		w.tx(db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "code"}}, DoUpdates: clause.AssignmentColumns([]string{"name"})}).Create(&ls))
		ls[1].Name = "22"
		ls = append(ls, gt.Language{Code: "x", Name: "4"})
		w.tx(db.Save(&ls))
		w.tx(db.Save(&gt.Language{Code: "y", Name: "5"}))
		w.tx(db.Save(&gt.Language{Code: "y", Name: "6"}))
		u := gormUser("a", userParts{})
		w.tx(db.Create(u))
		u.Age = 99
		w.tx(db.Clauses(clause.OnConflict{UpdateAll: true}).Create(u), u)
		us := []gt.User{*u, *gormUser("b", userParts{})}
		us[0].Name = "a2"
		w.tx(db.Save(&us), us)
		us[1].Age = 1
		ps := []*gt.User{&us[0], &us[1], gormUser("c", userParts{Pets: 1})}
		w.tx(db.Save(ps), ps)
		w.tx(db.Save(&gt.User{Model: gorm.Model{ID: 987654}, Name: "absent"}))
		w.tx(db.Model(&gt.User{}).Where("name = ?", "absent").Save(&gt.User{Name: "absent2"}))
	}},
	{"transactions", func(w *witness, db *gorm.DB) {
		w.err(db.Transaction(func(tx *gorm.DB) error {
			w.tx(tx.Create(gormUser("a", everyPart)))
			w.err(tx.Transaction(func(tx2 *gorm.DB) error {
				w.tx(tx2.Create(gormUser("b", everyPart)))
				return gorm.ErrInvalidData
			}))
			tx.SavePoint("sp")
			w.tx(tx.Create(gormUser("c", userParts{})))
			tx.RollbackTo("sp")
			w.tx(tx.Create(gormUser("d", userParts{Pets: 1})))
			gormUsers(w, tx, "")
			return nil
		}))
		tx := db.Begin()
		w.tx(tx.Create(gormUser("e", everyPart)))
		w.tx(tx.Rollback())
		w.tx(tx.Create(gormUser("f", userParts{})))
		w.err(db.Connection(func(c *gorm.DB) error { return c.Create(gormUser("g", everyPart)).Error }))
		s := db.Session(&gorm.Session{SkipDefaultTransaction: true})
		w.tx(s.Create(gormUser("h", everyPart)))
	}},
}
