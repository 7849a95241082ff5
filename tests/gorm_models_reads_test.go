package tests

import (
	"database/sql"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	gt "gorm.io/gorm/utils/tests"
)

// gormModelReads are queries of GORM's own models.
var gormModelReads = []surfaceCase{
	{"query", func(w *witness, db *gorm.DB) {
		us := []gt.User{*gormUser("f1", userParts{Company: true}), *gormUser("f2", userParts{}), *gormUser("f3", userParts{Account: true})}
		us[1].Age = 30
		us[2].Age = 30
		w.tx(db.Create(&us))
		var u gt.User
		w.tx(db.Where("name = ?", "f1").First(&u), u)
		u = gt.User{}
		w.tx(db.First(&u, us[1].ID), u)
		u = gt.User{}
		w.tx(db.First(&u, fmt.Sprint(us[1].ID)), u)
		u = gt.User{}
		w.tx(db.First(&u, "id = ?", us[2].ID), u)
		u = gt.User{}
		w.tx(db.Where(map[string]any{"name": "f2", "age": 30}).First(&u), u)
		u = gt.User{}
		w.tx(db.Where(&gt.User{Name: "f2"}).Or(&gt.User{Name: "f3"}).Order("name desc").First(&u), u)
		u = gt.User{Model: gorm.Model{ID: us[0].ID}}
		w.tx(db.First(&u), u)
		u = gt.User{Model: gorm.Model{ID: us[0].ID}}
		w.tx(db.Where("name = ?", "f2").First(&u), u)
		w.tx(db.Model(&gt.User{}).Where("name = ?", "f9").First(&map[string]any{}))
		m := map[string]any{}
		w.tx(db.Model(&gt.User{}).Select("name", "age").Where("name = ?", "f2").Take(&m), m)
		var ms []map[string]any
		w.tx(db.Table("users").Select("name, age").Order("name").Find(&ms), ms)
		var got []gt.User
		w.tx(db.Find(&got, "name LIKE ? AND age > ?", "f%", 20), len(got))
		w.tx(db.Where([]uint{us[0].ID, us[2].ID}).Order("name").Find(&got), got)
		w.tx(db.Not([]uint{us[0].ID}).Order("name").Find(&got), got)
		w.tx(db.Not(map[string]any{"name": []string{"f1", "f2"}}).Find(&got), got)
		w.tx(db.Not(gt.User{Name: "f1", Age: 18}).Order("name").Find(&got), got)
		w.tx(db.Where("name = ?", "f1").Or(map[string]any{"name": "f2", "age": 30}).Order("name").Find(&got), got)
		w.tx(db.Where(db.Where("name = ?", "f1").Where(db.Where("age = ?", 18).Or("age = ?", 19))).Or(db.Where("name = ?", "f3")).Order("name").Find(&got), got)
		w.tx(db.Where("(name, age) IN ?", [][]any{{"f1", 18}, {"f2", 30}}).Order("name").Find(&got), got)
		w.tx(db.Where("name = @n OR age = @a", sql.Named("n", "f1"), sql.Named("a", 30)).Order("name").Find(&got), got)
		w.tx(db.Where("name = @Name", gt.User{Name: "f3"}).Find(&got), got)
		w.tx(db.Where(struct {
			Name string
			Age  int
		}{Name: "f3"}).Find(&got), got)
		w.tx(db.Where(&gt.User{Name: "f1", Age: 0}, "name", "Age").Find(&got), got)
		w.tx(db.Where("name IN (?)", []string{}).Find(&got), got)
		w.tx(db.Where("name IN ?", []string(nil)).Find(&got), got)
		w.tx(db.Where(clause.Like{Column: "name", Value: "f%"}).Order(clause.OrderByColumn{Column: clause.Column{Name: "name"}, Desc: true}).Find(&got), got)
		w.tx(db.Clauses(clause.OrderBy{Expression: clause.Expr{SQL: "CASE WHEN name = ? THEN 0 ELSE 1 END, name", Vars: []any{"f3"}}}).Find(&got), got)
		w.tx(db.Order("age desc, name").Limit(1).Offset(1).Find(&got), got)
		w.tx(db.Limit(2).Offset(1).Order("name").Limit(-1).Offset(-1).Find(&got), got)
		w.tx(db.Limit(0).Find(&got), got)
		u = gt.User{}
		w.tx(db.Order("name").Last(&u), u)
		w.tx(db.Last(&gt.User{}))
		var u2 gt.User
		w.tx(db.Order("age").Order("name desc").Take(&u2), u2)
		w.tx(db.Table("users AS x").Where("x.name = ?", "f1").Find(&got), got)
		w.tx(db.Table("(?) as u", db.Model(&gt.User{}).Select("name", "age")).Where("age = ?", 18).Find(&got), got)
		w.tx(db.Table("(?) as u, (?) as c", db.Model(&gt.User{}).Select("name", "company_id"), db.Model(&gt.Company{}).Select("id AS cid, name AS cname")).Where("u.company_id = c.cid").Select("u.name, c.cname").Find(&ms), ms)
		w.tx(db.Select("users.*").Where("age > (?)", db.Model(&gt.User{}).Select("AVG(age)")).Order("name").Find(&got), got)
		w.tx(db.Where("EXISTS (?)", db.Model(&gt.Account{}).Select("1").Where("accounts.user_id = users.id")).Find(&got), got)
	}},
	{"pluck scan count", func(w *witness, db *gorm.DB) {
		us := []gt.User{*gormUser("p1", userParts{Pets: 1}), *gormUser("p2", userParts{}), *gormUser("p2", userParts{Pets: 2}), *gormUser("p3", userParts{})}
		us[2].Age = 33
		w.tx(db.Create(&us))
		var names []string
		w.tx(db.Model(&gt.User{}).Order("name").Pluck("name", &names), names)
		w.tx(db.Model(&gt.User{}).Distinct().Order("name").Pluck("Name", &names), names)
		w.tx(db.Model(&gt.User{}).Distinct("name").Order("name DESC").Find(&names), names)
		w.tx(db.Model(&gt.User{}).Select("name").Group("name").Having("COUNT(*) > 1").Find(&names), names)
		var ages []uint
		w.tx(db.Model(&gt.User{}).Order("age, name").Pluck("age + 1", &ages), ages)
		w.tx(db.Table("users").Order("age").Pluck("age", &ages), ages)
		var times []time.Time
		w.tx(db.Model(&gt.User{}).Pluck("created_at", &times), len(times))
		var pt []*time.Time
		w.tx(db.Model(&gt.User{}).Pluck("deleted_at", &pt), pt)
		var n int64
		w.tx(db.Model(&gt.User{}).Where("name = ?", "p2").Count(&n), n)
		w.tx(db.Model(&gt.User{}).Select("name").Count(&n), n)
		w.tx(db.Model(&gt.User{}).Distinct("name").Count(&n), n)
		w.tx(db.Model(&gt.User{}).Select("DISTINCT name").Count(&n), n)
		w.tx(db.Model(&gt.User{}).Select("count(distinct(name))").Count(&n), n)
		w.tx(db.Model(&gt.User{}).Select("name as n").Count(&n), n)
		w.tx(db.Model(&gt.User{}).Select("count(*), name").Group("name").Count(&n), n)
		w.tx(db.Model(&gt.User{}).Group("name").Count(&n), n)
		w.tx(db.Model(&gt.User{}).Group("name").Where("name = 'none'").Count(&n), n)
		w.tx(db.Table("users").Select("name").Distinct().Count(&n), n)
		w.tx(db.Model(&gt.User{}).Order("name").Limit(1).Count(&n), n)
		w.tx(db.Model(&gt.User{}).Joins("LEFT JOIN pets ON pets.user_id = users.id").Count(&n), n)
		w.tx(db.Model(&gt.User{}).Distinct("users.id").Joins("JOIN pets ON pets.user_id = users.id").Count(&n), n)
		var got []gt.User
		w.tx(db.Where("age > ?", 1).Order("name, age").Find(&got).Limit(-1).Offset(-1).Count(&n), n)
		type R struct {
			Name  string
			Total int
		}
		var rs []R
		w.tx(db.Model(&gt.User{}).Select("name, sum(age) as total").Group("name").Order("name").Scan(&rs), rs)
		w.tx(db.Model(&gt.User{}).Select("name, sum(age) as total").Where("name LIKE ?", "p%").Group("name").Having("name = ?", "p2").Find(&rs), rs)
		var r R
		w.tx(db.Model(&gt.User{}).Select("name, count(*) as total").Group("name").Order("total DESC, name").Limit(1).Scan(&r), r)
		var a, b int
		w.err(db.Model(&gt.User{}).Select("MIN(age), MAX(age)").Row().Scan(&a, &b), a, b)
		rows, err := db.Model(&gt.User{}).Where("name = ?", "p2").Order("age").Rows()
		w.err(err)
		for rows.Next() {
			var u gt.User
			w.err(db.ScanRows(rows, &u), u)
		}
		rows.Close()
		w.tx(db.Raw("SELECT name, age AS total FROM users WHERE name = @name ORDER BY age", map[string]any{"name": "p2"}).Scan(&rs), rs)
		w.tx(db.Raw("SELECT COUNT(*) FROM users WHERE age IN ?", []int{18, 33}).Scan(&n), n)
		w.tx(db.Raw("SELECT name FROM users WHERE id = ?", us[0].ID).First(&names), names)
		w.tx(db.Raw("SELECT * FROM users WHERE name LIKE ? ORDER BY name, age", "p%").Find(&got), got)
		w.tx(db.Exec("UPDATE users SET age = age + ? WHERE name = ?", 1, "p2"))
		w.tx(db.Exec("DELETE FROM pets WHERE user_id IN (SELECT id FROM users WHERE name = ?)", "p2"))
		w.tx(db.Exec("INSERT INTO companies (name) SELECT name FROM users WHERE age > ?", 18))
	}},
	{"joins", func(w *witness, db *gorm.DB) {
		us := []gt.User{*gormUser("j1", everyPart), *gormUser("j2", userParts{Company: true, Account: true}), *gormUser("j3", userParts{Manager: true, NamedPet: true})}
		w.tx(db.Create(&us))
		var got []gt.User
		w.tx(db.Joins("Company").Joins("Manager").Joins("Account").Joins("NamedPet", db.Where("? = ?", 1, 1)).Order("users.name").Order(clause.OrderByColumn{Column: clause.Column{Table: "NamedPet", Name: "name"}}).Find(&got, "users.name LIKE ?", "j_"), got)
		w.tx(db.InnerJoins("Company").InnerJoins("Account").Order("users.name DESC").Find(&got), got)
		w.tx(db.Joins("Manager.Company").Joins("Manager.Account").Order("users.name").Find(&got), len(got))
		w.tx(db.Joins("inner join pets on pets.user_id = users.id AND pets.name = ?", "j1_pet_1").Joins("join accounts on accounts.user_id = users.id AND accounts.number = ?", "j1_account").Where("users.name = ?", "j1").First(&got), got)
		w.tx(db.Joins("inner join pets on pets.user_id = users.id AND pets.name = @Name", gt.Pet{Name: "j1_pet_1"}).Find(&got), got)
		on := db.Where(&gt.Pet{Name: "j1_pet_2"})
		var u gt.User
		w.tx(db.Joins("NamedPet", on).Where("users.name = ?", "j1").First(&u), u)
		type R struct {
			Name string
			Pet  string
		}
		var rs []R
		w.tx(db.Table("users").Select("users.name, pets.name as pet").Joins("left join pets on pets.user_id = users.id").Order("users.name, pets.name").Where("users.name LIKE 'j_'").Scan(&rs), rs)
		w.tx(db.Model(&gt.User{}).Select("users.name, pets.name as pet").Joins("left join pets on pets.user_id = users.id").Order("users.name, pets.name").Where("users.name LIKE 'j_'").Scan(&rs), rs)
		w.tx(db.Joins("Account", db.Select("number")).Order("users.name").Find(&got), got)
		w.tx(db.Joins("Account", db.Omit("number")).Order("users.name").Find(&got), got)
		w.tx(db.Joins("Account", db.Unscoped().Where("number LIKE ?", "j2%")).Order("users.name").Find(&got), got)
		var n int64
		w.tx(db.Model(&gt.User{}).Joins("Company").Where("Company.name <> ?", "").Count(&n), n)
		var ids []uint
		w.tx(db.Model(&gt.User{}).Joins("Account").Where("number = ?", "j1_account").Pluck("users.id", &ids), len(ids))
		var pets []gt.Pet
		w.tx(db.Joins("JOIN users u ON u.id = pets.user_id").Where("u.name = ?", "j1").Order("pets.name").Find(&pets), pets)
		w.tx(db.Joins("Toy").Order("pets.name").Find(&pets), pets)
		w.tx(db.Joins("JOIN user_speaks us ON us.user_id = users.id JOIN languages l ON l.code = us.language_code").Where("l.name LIKE ?", "%locale_1").Find(&got), got)
		w.tx(db.Joins("JOIN (?) t ON t.manager_id = users.id", db.Model(&gt.User{}).Select("manager_id, COUNT(*) c").Where("manager_id IS NOT NULL").Group("manager_id")).Where("t.c >= ?", 2).Find(&got), got)
		w.tx(db.Where("company_id IN (?)", db.Model(&gt.Company{}).Select("id").Where("name LIKE ?", "%j2")).Find(&got), got)
		w.tx(db.Joins("Manager", func(tx *gorm.DB) *gorm.DB { return tx.Where("1=1") }).Find(&got))
		w.tx(db.Joins("Nope").Find(&got))
		w.tx(db.Preload("Manager.Team", inNames).Joins("Manager").Where("users.name = ?", "j1").Find(&got), got)
		w.tx(db.Preload("Nope").Find(&got))
		w.tx(db.Preload("Company.Nope").Find(&got))
		w.tx(db.Joins("Company").Preload("Company").Order("users.name").Find(&got), got)
		w.tx(db.Joins("Account").Preload("Account").Order("users.name").Find(&got), got)
		w.tx(db.Joins("Company").Select("users.name", "Company.name").Order("users.name").Find(&got), got)
		w.tx(db.Joins("Company").Limit(1).Offset(1).Order("Company.name").Where("Company.id IS NOT NULL").Find(&got), got)
		w.tx(db.Joins("Account").Where(&gt.User{Name: "j2"}).Or(gt.Account{Number: "j1_account"}).Order("users.name").Find(&got), got)
		w.tx(db.Joins("Account").Where(map[string]any{"Account.number": "j2_account"}).Find(&got), got)
		w.tx(db.Joins("Account").Order("Account.number DESC").First(&u), u)
	}},
	{"dtos and types", func(w *witness, db *gorm.DB) {
		us := []gt.User{*gormUser("t1", userParts{}), *gormUser("t2", userParts{Company: true})}
		w.tx(db.Create(&us))
		type API struct {
			Name string
			Age  int
		}
		var a []API
		w.tx(db.Model(&gt.User{}).Order("name").Limit(10).Find(&a), a)
		var pa []*API
		w.tx(db.Model(&gt.User{}).Order("name").Find(&pa), pa)
		var one API
		w.tx(db.Model(&gt.User{}).Order("name").First(&one), one)
		one = API{}
		w.tx(db.Table("users").Order("name DESC").Take(&one), one)
		var arr [1]gt.User
		w.tx(db.Order("name").Find(&arr), arr)
		var arr2 [5]gt.User
		w.tx(db.Order("name").Find(&arr2), arr2)
		var p *gt.User
		w.tx(db.Order("name").First(&p), p)
		var ps *[]gt.User
		w.tx(db.Order("name").Find(&ps), ps)
		var s string
		w.tx(db.Model(&gt.User{}).Select("name").Where("name = ?", "t1").Scan(&s), s)
		w.tx(db.Model(&gt.User{}).Select("name").Where("name = ?", "t9").Scan(&s), s)
		type Emb struct {
			gt.User
			Company string
			Extra   int
		}
		var em []Emb
		w.tx(db.Model(&gt.User{}).Select("users.*, companies.name AS company, 5 AS extra").Joins("LEFT JOIN companies ON companies.id = users.company_id").Order("users.name").Scan(&em), em)
		w.tx(db.Session(&gorm.Session{QueryFields: true}).Order("name").Find(&us), us)
		w.tx(db.Session(&gorm.Session{QueryFields: true}).Model(&gt.User{}).Order("name").Find(&a), a)
		w.tx(db.Session(&gorm.Session{QueryFields: true}).Omit("name").Order("name").Find(&us), us)
		w.tx(db.Session(&gorm.Session{PrepareStmt: true}).Order("name").Find(&us, "age > ?", 3), us)
		w.tx(db.Session(&gorm.Session{SkipHooks: true}).Create(gormUser("sk", userParts{Pets: 1})))
		w.tx(db.Session(&gorm.Session{NewDB: true}).Model(&gt.User{}).Where("name = ?", "sk").Update("age", 4))
	}},
	{"scopes", func(w *witness, db *gorm.DB) {
		us := []gt.User{*gormUser("s1", userParts{}), *gormUser("s2", userParts{}), *gormUser("s3", userParts{})}
		w.tx(db.Create(&us))
		n1 := func(d *gorm.DB) *gorm.DB { return d.Where("name = ?", "s1") }
		n23 := func(d *gorm.DB) *gorm.DB { return d.Where("name IN ?", []string{"s2", "s3"}) }
		var got []gt.User
		w.tx(db.Scopes(n1).Find(&got), got)
		w.tx(db.Scopes(n1, n23).Find(&got), got)
		w.tx(db.Scopes(n23).Scopes(func(d *gorm.DB) *gorm.DB { return d.Order("name DESC").Limit(1) }).Find(&got), got)
		w.tx(db.Scopes(func(d *gorm.DB) *gorm.DB { return d.Table("users") }).Order("name").Find(&got), got)
		w.tx(db.Scopes(func(d *gorm.DB) *gorm.DB { return d.Table("users x").Where("x.name > ?", "s1") }).Order("x.name").Find(&got), got)
		w.tx(db.Scopes(n1).Delete(&gt.User{}))
		w.tx(db.Scopes(n23).Model(&gt.User{}).Update("age", 1))
		var n int64
		w.tx(db.Model(&gt.User{}).Scopes(n23).Count(&n), n)
		w.tx(db.Where(n23(db)).Find(&got), len(got))
		w.tx(db.Scopes(func(d *gorm.DB) *gorm.DB { return d.Joins("Company") }).Order("users.name").Find(&got), got)
	}},
}
