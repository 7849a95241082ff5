package tests

import (
	"gorm.io/gorm"
	gt "gorm.io/gorm/utils/tests"
)

// gormModelAssociations are the methods of Association on each of their kinds.
var gormModelAssociations = []surfaceCase{
	{"associations belongs to", func(w *witness, db *gorm.DB) {
		u := gormUser("a", userParts{Company: true, Manager: true})
		w.tx(db.Create(u))
		var c gt.Company
		w.err(db.Model(u).Association("Company").Find(&c), c)
		w.see(db.Model(u).Association("Company").Count())
		w.err(db.Model(u).Association("Company").Append(&gt.Company{Name: "c2"}), u.Company)
		w.err(db.Model(u).Association("Manager").Append(gormUser("m2", userParts{})), u.Manager)
		w.err(db.Model(u).Association("Company").Replace(&gt.Company{Name: "c3"}))
		w.err(db.Model(u).Association("Company").Delete(&gt.Company{ID: 1 << 30}))
		w.err(db.Model(u).Association("Company").Delete(&u.Company))
		w.err(db.Model(u).Association("Manager").Clear(), u)
		us := []gt.User{*gormUser("b", userParts{Company: true}), *gormUser("c", userParts{Manager: true})}
		w.tx(db.Create(&us))
		w.see(db.Model(&us).Association("Company").Count())
		w.err(db.Model(&us).Association("Company").Append(&gt.Company{Name: "s1"}, &gt.Company{Name: "s2"}))
		w.err(db.Model(&us).Association("Manager").Append([]gt.User{*gormUser("bm", userParts{}), *gormUser("cm", userParts{})}))
		var ms []gt.User
		w.err(db.Model(&us).Order("name").Association("Manager").Find(&ms), ms)
		w.err(db.Model(&us).Association("Manager").Delete(us[0].Manager))
		w.err(db.Model(&us).Association("Company").Clear())
		w.err(db.Model(u).Association("Company").Unscoped().Replace(&gt.Company{Name: "c4"}))
		w.err(db.Model(u).Association("Company").Unscoped().Clear())
	}},
	{"associations has one", func(w *witness, db *gorm.DB) {
		u := gormUser("a", userParts{Account: true, NamedPet: true})
		w.tx(db.Create(u))
		w.see(db.Model(u).Association("Account").Count())
		w.err(db.Model(u).Association("Account").Append(&gt.Account{Number: "n2"}), u.Account)
		w.err(db.Model(u).Association("Account").Replace(&gt.Account{Number: "n3"}))
		var acc gt.Account
		w.err(db.Model(u).Association("Account").Find(&acc), acc)
		w.err(db.Model(u).Association("Account").Delete(&gt.Account{}))
		w.err(db.Model(u).Association("Account").Delete(&u.Account))
		w.err(db.Model(u).Association("NamedPet").Append(&gt.Pet{Name: "np2", Toy: gt.Toy{Name: "t"}}))
		w.err(db.Model(u).Association("NamedPet").Clear())
		p := &gt.Pet{Name: "p", Toy: gt.Toy{Name: "toy"}}
		w.tx(db.Create(p))
		w.err(db.Model(p).Association("Toy").Replace(&gt.Toy{Name: "toy2"}))
		w.err(db.Model(p).Association("Toy").Unscoped().Replace(&gt.Toy{Name: "toy3"}))
		w.err(db.Model(p).Association("Toy").Clear())
		us := []gt.User{*gormUser("b", userParts{Account: true}), *gormUser("c", userParts{})}
		w.tx(db.Create(&us))
		w.err(db.Model(&us).Association("Account").Append(&gt.Account{Number: "x1"}, &gt.Account{Number: "x2"}))
		w.err(db.Model(&us).Association("Account").Append(&gt.Account{Number: "x1"}))
		w.see(db.Model(&us).Association("Account").Count())
		w.err(db.Model(&us).Association("Account").Clear())
	}},
	{"associations has many", func(w *witness, db *gorm.DB) {
		u := gormUser("a", userParts{Pets: 2, Toys: 2, Team: 2, Tools: 2})
		w.tx(db.Create(u))
		w.err(db.Model(u).Association("Pets").Append(&gt.Pet{Name: "p3"}, &gt.Pet{Name: "p4"}))
		w.err(db.Model(u).Association("Pets").Append([]gt.Pet{{Name: "p5"}}))
		w.err(db.Model(u).Association("Pets").Delete(u.Pets[0]))
		w.err(db.Model(u).Association("Pets").Unscoped().Delete(u.Pets[0]))
		w.err(db.Model(u).Association("Toys").Replace(&u.Toys[0], &gt.Toy{Name: "newtoy"}))
		w.err(db.Model(u).Association("Toys").Unscoped().Replace(&gt.Toy{Name: "newtoy2"}))
		w.err(db.Model(u).Association("Tools").Append(gt.Tools{Name: "t"}))
		w.err(db.Model(u).Association("Tools").Clear())
		w.err(db.Model(u).Association("Team").Replace(&gt.User{Name: "t1"}, &u.Team[1]))
		w.see(db.Model(u).Association("Team").Count())
		w.see(db.Model(u).Where("name = ?", "t1").Association("Team").Count())
		var team []gt.User
		w.err(db.Model(u).Order("name").Association("Team").Find(&team, "name <> ?", "t1"), team)
		w.err(db.Model(u).Association("Team").Unscoped().Clear())
		us := []gt.User{*gormUser("b", userParts{Pets: 1}), *gormUser("c", userParts{Pets: 2})}
		w.tx(db.Create(&us))
		w.err(db.Model(&us).Association("Pets").Append(&gt.Pet{Name: "bb"}, []*gt.Pet{{Name: "cc"}, {Name: "cd"}}))
		w.see(db.Model(&us).Association("Pets").Count())
		w.err(db.Model(&us).Association("Pets").Replace([]*gt.Pet{{Name: "b9"}}, []*gt.Pet{{Name: "c8"}, {Name: "c9"}}))
		w.err(db.Model(&us).Association("Pets").Delete(us[0].Pets[0], us[1].Pets[1]))
		w.err(db.Model(&us).Association("Pets").Unscoped().Clear())
		gormUsers(w, db, "")
		w.err(db.Model(&gt.User{}).Association("Pets").Find(&[]gt.Pet{}))
		w.err(db.Model(&gt.User{}).Association("Pets").Append(&gt.Pet{Name: "z"}))
		w.err(db.Omit("Pets.Name").Model(u).Association("Pets").Append(&gt.Pet{Name: "omitted"}))
	}},
	{"associations many to many", func(w *witness, db *gorm.DB) {
		u := gormUser("a", userParts{Languages: 2, Friends: 2})
		w.tx(db.Create(u))
		w.err(db.Model(u).Association("Languages").Append(&gt.Language{Code: "x", Name: "x"}, &gt.Language{Code: "y", Name: "y"}))
		w.err(db.Model(u).Association("Languages").Append(&u.Languages[0]))
		w.see(len(u.Languages))
		w.see(db.Model(u).Association("Languages").Count())
		w.err(db.Model(u).Association("Languages").Delete(&u.Languages[0]))
		w.err(db.Model(u).Association("Languages").Replace(&u.Languages[0], &gt.Language{Code: "z", Name: "z"}))
		w.see(db.Model(u).Association("Languages").Count())
		w.err(db.Model(u).Association("Friends").Append(gormUser("fr", userParts{Pets: 1})))
		var fs []gt.User
		w.err(db.Model(u).Order("name DESC").Limit(2).Association("Friends").Find(&fs), fs)
		w.err(db.Model(u).Association("Friends").Delete(u.Friends[0]))
		w.err(db.Model(u).Association("Friends").Unscoped().Delete(u.Friends[0]))
		us := []gt.User{*gormUser("b", userParts{Languages: 1}), *gormUser("c", userParts{Friends: 1})}
		w.tx(db.Create(&us))
		w.err(db.Model(&us).Association("Languages").Append(&gt.Language{Code: "q1", Name: "q1"}, []gt.Language{{Code: "q2", Name: "q2"}, {Code: "q1", Name: "q1"}}))
		w.see(db.Model(&us).Association("Languages").Count())
		w.see(db.Model(&us).Distinct().Association("Languages").Count())
		w.err(db.Model(&us).Association("Languages").Replace(&gt.Language{Code: "r1", Name: "r1"}, &gt.Language{Code: "r2", Name: "r2"}))
		gormUsers(w, db, "")
		w.err(db.Model(&us).Association("Languages").Clear())
		w.err(db.Omit("Languages.*").Model(u).Association("Languages").Append(&gt.Language{Code: "r1"}))
		w.err(db.Model(u).Association("Languages").Append([]*gt.Language{{Code: "r2", Name: "other"}}))
	}},
}
