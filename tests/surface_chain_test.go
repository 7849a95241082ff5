package tests

import (
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// inOrder makes what would be any order the twins' common one.
func inOrder(tx *gorm.DB) *gorm.DB { return tx.Order("id") }

// remark is a clause of the program's own, as an index or optimizer hint is.
type remark struct{ after, text string }

func (r remark) ModifyStatement(stmt *gorm.Statement) {
	c := stmt.Clauses[r.after]
	c.AfterNameExpression = clause.Expr{SQL: r.text}
	stmt.Clauses[r.after] = c
}

func (remark) Build(clause.Builder) {}

// surfaceChain are the methods that build a statement.
var surfaceChain = []surfaceCase{
	{"DB.Model", func(w *witness, db *gorm.DB) {
		var names []string
		w.tx(db.Model(&Member{}).Order("name").Pluck("name", &names), names)
		w.tx(db.Model([]Member{}).Where("region = ?", "EU").Order("name").Pluck("name", &names), names)
		var m Member
		w.tx(db.Model(&Member{ID: 3}).First(&m), m)
	}},
	{"DB.Where", func(w *witness, db *gorm.DB) {
		for _, where := range []func(tx *gorm.DB) *gorm.DB{
			func(tx *gorm.DB) *gorm.DB { return tx.Where("region = ? AND age > ?", "EU", 20) },
			func(tx *gorm.DB) *gorm.DB { return tx.Where("region IN ?", []string{"US", "APAC"}) },
			func(tx *gorm.DB) *gorm.DB {
				return tx.Where("region = @r OR name = @n", map[string]any{"r": "EU", "n": "m2"})
			},
			func(tx *gorm.DB) *gorm.DB {
				return tx.Where(&Member{Region: "US", Age: 0}, "Region", "Age")
			},
			func(tx *gorm.DB) *gorm.DB { return tx.Where(Member{Region: "US"}) },
			func(tx *gorm.DB) *gorm.DB {
				return tx.Where(map[string]any{"region": []string{"EU", "US"}, "score": nil})
			},
			func(tx *gorm.DB) *gorm.DB { return tx.Where([]int64{2, 5, 99}) },
			func(tx *gorm.DB) *gorm.DB { return tx.Where(7) },
			func(tx *gorm.DB) *gorm.DB { return tx.Where(clause.Gte{Column: "age", Value: 22}) },
			func(tx *gorm.DB) *gorm.DB {
				return tx.Where(db.Where("region = ?", "EU").Or("age = ?", 20)).Where("id > ?", 2)
			},
			func(tx *gorm.DB) *gorm.DB {
				return tx.Where("(region, age) IN ?", [][]any{{"EU", 20}, {"US", 22}})
			},
			func(tx *gorm.DB) *gorm.DB {
				return tx.Where("id IN (?)", db.Model(&Pet{}).Select("member_id").Where("weight > ?", 3))
			},
			func(tx *gorm.DB) *gorm.DB { return tx.Where("region = ?", "NOWHERE") },
			func(tx *gorm.DB) *gorm.DB { return tx.Where("company_id IS NULL AND score IS NOT NULL") },
		} {
			var out []Member
			w.tx(where(db).Order("members.id").Find(&out), out)
		}
	}},
	{"DB.Where/correlated subquery", func(w *witness, db *gorm.DB) {
		var out []Member
		w.tx(db.Where("EXISTS (?)", db.Model(&Card{}).Select("1").Where("cards.member_id = members.id")).Order("id").Find(&out), out)
		w.tx(db.Where("age > (?)", db.Model(&Pet{}).Select("COUNT(*) * 20").Where("pets.member_id = members.id")).Order("id").Find(&out), out)
	}},
	{"DB.Not", func(w *witness, db *gorm.DB) {
		for _, not := range [][]any{
			{"region = ?", "EU"}, {map[string]any{"region": []string{"EU", "US"}}}, {Member{Region: "US", Age: 22}},
			{[]int64{1, 2}}, {db.Where("region = ?", "EU").Or("age = ?", 22)}, {"score IS NULL"},
		} {
			var out []Member
			w.tx(db.Not(not[0], not[1:]...).Order("id").Find(&out), out)
		}
	}},
	{"DB.Or", func(w *witness, db *gorm.DB) {
		var out []Member
		w.tx(db.Where("region = ?", "EU").Or("age = ?", 22).Order("id").Find(&out), out)
		w.tx(db.Where("region = ?", "EU").Or(Member{Region: "US", Age: 21}).Or(map[string]any{"id": 3}).Order("id").Find(&out), out)
		w.tx(db.Or("region = ?", "APAC").Order("id").Find(&out), out)
		w.tx(db.Where("id = ?", 1).Or(db.Where("region = ?", "APAC").Not("id = ?", 3)).Order("id").Find(&out), out)
	}},
	{"DB.Select", func(w *witness, db *gorm.DB) {
		var out []Member
		w.tx(db.Select("id", "Name").Order("id").Find(&out), out)
		w.tx(db.Select([]string{"id", "age"}).Order("id").Find(&out), out)
		w.tx(db.Select("id, age * ? AS age", 10).Order("id").Find(&out), out)
		w.tx(db.Select("*").Where("region = ?", "US").Order("id").Find(&out), out)
		var maps []map[string]any
		w.tx(db.Model(&Member{}).Select("id, COALESCE(score, ?) AS points, region", -1).Order("id").Find(&maps), maps)
		var dto []struct {
			Region string
			Oldest int
		}
		w.tx(db.Model(&Member{}).Select("region, MAX(age) AS oldest").Group("region").Order("region").Scan(&dto), dto)
	}},
	{"DB.Omit", func(w *witness, db *gorm.DB) {
		var out []Member
		w.tx(db.Omit("Age", "company_id").Order("id").Find(&out), out)
		w.tx(db.Omit("Age").Create(&Member{ID: 30, Region: "EU", Name: "n", Age: 5}))
		w.tx(db.Omit("Pets", "Card").Create(&Member{ID: 31, Region: "US", Pets: []Pet{{ID: 30}}, Card: &Card{ID: 30}, Photos: []Photo{{ID: 30}}}))
		w.tx(db.Omit(clause.Associations).Create(&Member{ID: 32, Region: "US", Pets: []Pet{{ID: 31}}, Photos: []Photo{{ID: 31}}}))
		w.tx(db.Omit("Tags.*").Create(&Member{ID: 33, Region: "APAC", Tags: []Tag{{ID: 1}, {ID: 3}}}))
	}},
	{"DB.MapColumns", func(w *witness, db *gorm.DB) {
		var out []map[string]any
		w.tx(db.Model(&Member{}).MapColumns(map[string]string{"name": "title"}).Order("id").Find(&out), out)
	}},
	{"DB.Distinct", func(w *witness, db *gorm.DB) {
		var ages []int
		w.tx(db.Model(&Member{}).Distinct().Order("age").Pluck("age", &ages), ages)
		var out []Member
		w.tx(db.Distinct("region", "age").Order("region, age DESC").Find(&out), out)
		var n int64
		w.tx(db.Model(&Member{}).Distinct("age").Count(&n), n)
		w.tx(db.Model(&Member{}).Distinct("age", "region").Where("region <> ?", "US").Limit(2).Order("age, region").Find(&out), out)
	}},
	{"DB.Group", func(w *witness, db *gorm.DB) {
		var out []map[string]any
		w.tx(db.Model(&Member{}).Select("age, COUNT(*) AS n, SUM(id) AS ids").Group("age").Order("age").Find(&out), out)
		out = nil
		w.tx(db.Model(&Member{}).Select("region, age, AVG(score) AS a").Group("region").Group("age").Order("region, age").Find(&out), out)
		var n int64
		w.tx(db.Model(&Member{}).Group("age").Count(&n), n)
	}},
	{"DB.Having", func(w *witness, db *gorm.DB) {
		var out []map[string]any
		w.tx(db.Model(&Member{}).Select("age, COUNT(*) AS n").Group("age").Having("COUNT(*) > ?", 1).Order("n DESC, age").Limit(2).Find(&out), out)
		out = nil
		w.tx(db.Model(&Member{}).Select("age").Group("age").Having("SUM(id) BETWEEN ? AND ?", 3, 9).Having("COUNT(score) > 0").Order("age").Find(&out), out)
	}},
	{"DB.Order", func(w *witness, db *gorm.DB) {
		for _, order := range []any{
			"age DESC, id", clause.OrderByColumn{Column: clause.Column{Name: "id"}, Desc: true}, "age % 3, name DESC",
			clause.OrderBy{Expression: clause.Expr{SQL: "CASE region WHEN ? THEN 0 ELSE 1 END, id", Vars: []any{"US"}}},
			clause.OrderBy{Columns: []clause.OrderByColumn{{Column: clause.Column{Name: "age"}}, {Column: clause.PrimaryColumn, Desc: true}}},
			"score DESC, id",
		} {
			var out []Member
			w.tx(db.Order(order).Find(&out), out)
		}
		var out []Member
		w.tx(db.Order("age").Order("id DESC").Find(&out), out)
		w.tx(db.Order("age").Clauses(clause.OrderBy{Columns: []clause.OrderByColumn{{Column: clause.Column{Name: "id"}, Reorder: true}}}).Find(&out), out)
	}},
	{"DB.Limit", func(w *witness, db *gorm.DB) {
		for _, limit := range []int{0, 1, 3, 100, -1} {
			var out []Member
			w.tx(db.Order("age DESC, id").Limit(limit).Find(&out), out)
		}
		var out []Member
		w.tx(db.Order("id").Limit(2).Limit(-1).Find(&out), out)
	}},
	{"DB.Offset", func(w *witness, db *gorm.DB) {
		for _, offset := range []int{0, 2, 7, 50} {
			var out []Member
			w.tx(db.Order("age DESC, id").Offset(offset).Limit(3).Find(&out), out)
		}
		var out []Member
		w.tx(db.Order("id").Offset(2).Limit(3).Offset(-1).Find(&out), out)
	}},
	{"DB.Scopes", func(w *witness, db *gorm.DB) {
		in := func(region string) func(*gorm.DB) *gorm.DB {
			return func(tx *gorm.DB) *gorm.DB { return tx.Where("region = ?", region) }
		}
		page := func(tx *gorm.DB) *gorm.DB { return tx.Order("id DESC").Limit(2) }
		var out []Member
		w.tx(db.Scopes(in("EU"), page).Find(&out), out)
		var n int64
		w.tx(db.Model(&Member{}).Scopes(in("US")).Count(&n), n)
		w.tx(db.Model(&Member{}).Scopes(in("US")).Update("age", 1))
		w.tx(db.Scopes(in("APAC")).Delete(&Member{}))
		w.tx(db.Scopes(func(tx *gorm.DB) *gorm.DB { _ = tx.AddError(errSurface); return tx }).Find(&out))
	}},
	{"DB.Unscoped", func(w *witness, db *gorm.DB) {
		var out []Member
		w.tx(db.Unscoped().Order("id DESC").Find(&out), out)
		var n int64
		w.tx(db.Unscoped().Model(&Member{}).Where("deleted_at IS NOT NULL").Count(&n), n)
		w.tx(db.Unscoped().Model(&Member{}).Where("id = ?", 9).Update("deleted_at", nil))
		w.tx(db.Unscoped().Where("age = ?", 22).Delete(&Member{}))
	}},
	{"DB.Table", func(w *witness, db *gorm.DB) {
		var out []Member
		w.tx(db.Table("members").Where("region = ?", "US").Order("id").Find(&out), out)
		w.tx(db.Table("members AS m").Where("m.age > ?", 20).Order("m.id DESC").Limit(3).Find(&out), out)
		w.tx(db.Model(&Member{}).Table("members m").Where("m.region = ?", "EU").Order("m.id").Find(&out), out)
		var maps []map[string]any
		w.tx(db.Table("pets").Select("name, weight").Where("weight > ?", 2).Order("id").Find(&maps), maps)
		var n int64
		w.tx(db.Table("members").Count(&n), n)
		w.tx(db.Table("(?) AS old", db.Model(&Member{}).Select("region, age").Where("age >= ?", 22)).Where("old.region <> ?", "EU").Count(&n), n)
		w.tx(db.Table("tags").Where("id = ?", 2).Updates(map[string]any{"name": "lime"}))
		w.tx(db.Table("tags").Create(map[string]any{"id": 9, "name": "t"}))
		w.tx(db.Table("photos").Where("owner_type = ?", "pets").Delete(&Photo{}))
		w.tx(db.Table("pets").Create(&[]Pet{{ID: 50, Name: "x"}, {ID: 51, Name: "y"}}))
	}},
	{"DB.Clauses", func(w *witness, db *gorm.DB) {
		var out []Member
		w.tx(db.Clauses(clause.Where{Exprs: []clause.Expression{clause.Eq{Column: clause.Column{Name: "region"}, Value: "EU"}}},
			clause.OrderBy{Columns: []clause.OrderByColumn{{Column: clause.PrimaryColumn, Desc: true}}}).Find(&out), out)
		w.tx(db.Clauses(clause.Select{Columns: []clause.Column{{Name: "id"}, {Name: "age"}}}).Order("id").Find(&out), out)
		w.tx(db.Clauses(clause.Limit{Limit: pointer(2), Offset: 1}).Order("age, id").Find(&out), out)
		w.tx(db.Clauses(clause.And(clause.Gt{Column: "age", Value: 20}, clause.Or(clause.Like{Column: "name", Value: "m2"}, clause.IN{Column: "id", Values: []any{3, 4}}))).Order("id").Find(&out), out)
		w.tx(db.Clauses(remark{"SELECT", "/* read */"}).Where("age > ?", 21).Order("id").Find(&out), out)
		w.tx(db.Clauses(clause.Locking{Strength: "UPDATE"}).Where("region = ?", "EU").Order("id").Find(&out), out)
	}},
	{"DB.Clauses/returning", func(w *witness, db *gorm.DB) {
		var gone []Member
		tx := db.Clauses(clause.Returning{}).Where("age < ?", 22).Unscoped().Delete(&gone)
		w.tx(tx)
		w.say(len(gone))
		if db.Name() == "mysql" {
			return // MariaDB's UPDATE has no RETURNING
		}
		var pets []Pet
		w.tx(db.Model(&pets).Clauses(clause.Returning{Columns: []clause.Column{{Name: "id"}, {Name: "weight"}}}).Where("id = ?", 3).Update("weight", gorm.Expr("weight + ?", 10)), pets)
		pets = nil
		w.tx(db.Model(&pets).Clauses(clause.Returning{}).Where("id IN ?", []int{1, 2, 4, 8}).Update("name", "back"))
		seen := map[string]int{}
		for _, p := range pets {
			seen[fmt.Sprint(p.ID, p.Name, p.Weight)]++
		}
		w.see(seen)
	}},
	{"DB.Raw", func(w *witness, db *gorm.DB) {
		var out []Member
		w.tx(db.Raw("SELECT * FROM members WHERE region = ? ORDER BY id", "EU").Scan(&out), out)
		w.tx(db.Raw("SELECT * FROM members WHERE age > @age ORDER BY id DESC", map[string]any{"age": 21}).Find(&out), out)
		var maps []map[string]any
		w.tx(db.Raw("SELECT c.name, COUNT(*) AS n FROM members m JOIN companies c ON c.id = m.company_id GROUP BY c.name ORDER BY c.name").Scan(&maps), maps)
		var n int64
		w.tx(db.Raw("WITH old AS (SELECT * FROM members WHERE age > ?) SELECT COUNT(*) FROM old JOIN pets ON pets.member_id = old.id", 20).Scan(&n), n)
		var names []string
		w.tx(db.Raw("SELECT name FROM tags UNION ALL SELECT name FROM pets ORDER BY 1").Scan(&names), names)
	}},
	{"DB.Debug", func(w *witness, db *gorm.DB) {
		quiet := db.Session(&gorm.Session{Logger: db.Logger})
		var out []Member
		w.tx(quiet.Debug().Session(&gorm.Session{Logger: db.Logger}).Where("age = ?", 21).Order("id").Find(&out), out)
	}},
}
