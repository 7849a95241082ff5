package tests

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	gt "gorm.io/gorm/utils/tests"
)

// gormModelGenerics are what gorm.G does on the models, associations in Set too.
var gormModelGenerics = []surfaceCase{
	{"generics", func(w *witness, db *gorm.DB) {
		u := gt.User{Name: "g", Age: 18}
		w.err(gorm.G[gt.User](db).Create(context.Background(), &u), u)
		for _, g := range []func() (gt.User, error){
			func() (gt.User, error) { return gorm.G[gt.User](db).Where("name = ?", "g").First(context.Background()) },
			func() (gt.User, error) { return gorm.G[gt.User](db).Where("name = ?", "g").Take(context.Background()) },
			func() (gt.User, error) {
				return gorm.G[gt.User](db).Select("name").Where("name = ?", "g").Last(context.Background())
			},
			func() (gt.User, error) {
				return gorm.G[gt.User](db).Omit("name").Where("name = ?", "g").First(context.Background())
			},
			func() (gt.User, error) {
				return gorm.G[gt.User](db).Table("users as u").Where("u.name = ?", "g").First(context.Background())
			},
			func() (gt.User, error) {
				return gorm.G[gt.User](db).Where("name = ?", "none").First(context.Background())
			},
		} {
			r, err := g()
			w.err(err, r)
		}
		m, err := gorm.G[map[string]any](db).Table("users").Where("name = ?", "g").MapColumns(map[string]string{"name": "user_name"}).Take(context.Background())
		w.err(err, fmt.Sprint(m["user_name"]))
		us := []gt.User{{Name: "g1"}, {Name: "g2", Age: 2}, {Name: "g2", Age: 3}}
		w.err(gorm.G[gt.User](db).CreateInBatches(context.Background(), &us, 2))
		n, err := gorm.G[gt.User](db).Where("name like ?", "g%").Count(context.Background(), "*")
		w.err(err, n)
		n, err = gorm.G[gt.User](db).Where("name like ?", "g%").Count(context.Background(), "DISTINCT name")
		w.err(err, n)
		f, err := gorm.G[gt.User](db).Raw("SELECT * FROM users WHERE name LIKE ? ORDER BY name, age", "g%").Find(context.Background())
		w.err(err, f)
		f, err = gorm.G[gt.User](db).Where("name like ?", "g%").Offset(2).Limit(2).Order("name, age").Find(context.Background())
		w.err(err, f)
		w.err(gorm.G[gt.User](db).Exec(context.Background(), "INSERT INTO users(name) VALUES(?)", "ge"))
		k, err := gorm.G[gt.User](db).Where("name = ?", "g1").Update(context.Background(), "name", "g1b")
		w.err(err, k)
		k, err = gorm.G[gt.User](db).Where("name = ?", "g2").Updates(context.Background(), gt.User{Name: "g2b", Age: 7})
		w.err(err, k)
		var name string
		w.err(gorm.G[gt.User](db).Raw("SELECT name FROM users WHERE id = ?", u.ID).Row(context.Background()).Scan(&name), name)
		rows, err := gorm.G[gt.User](db).Raw("SELECT name FROM users WHERE id IN ?", []uint{u.ID, us[0].ID}).Rows(context.Background())
		w.err(err)
		c := 0
		for rows.Next() {
			c++
		}
		rows.Close()
		w.see(c)
		k, err = gorm.G[gt.User](db).Where("name = ?", "g1b").Delete(context.Background())
		w.err(err, k)
		_, err = gorm.G[gt.User](db).Delete(context.Background())
		w.err(err)
		f, err = gorm.G[gt.User](db).Scopes(func(s *gorm.Statement) { s.Where("name = ?", "g2b") }).Distinct("name").Find(context.Background())
		w.err(err, f)
		f, err = gorm.G[gt.User](db).Select("name").Where("name like ?", "g%").Group("name").Having("COUNT(id) > ?", 1).Find(context.Background())
		w.err(err, f)
		f, err = gorm.G[gt.User](db).Where("name IN (?)", gorm.G[gt.User](db).Select("name").Where("name LIKE ?", "g2%")).Order("name").Find(context.Background())
		w.err(err, f)
		f, err = gorm.G[gt.User](db).Or("name = ?", "g").Or("name = ?", "ge").Not("age = ?", 5).Order("name").Find(context.Background())
		w.err(err, f)
		j := gt.User{Name: "gj", Company: gt.Company{Name: "gc"}, Account: gt.Account{Number: "ga"}, Pets: []*gt.Pet{{Name: "gp1"}, {Name: "gp2"}}}
		w.err(gorm.G[gt.User](db).Create(context.Background(), &j))
		r, err := gorm.G[gt.User](db).Joins(clause.Has("Company"), func(db gorm.JoinBuilder, j, c clause.Table) error { db.Where("?.name = ?", j, "gc"); return nil }).First(context.Background())
		w.err(err, r)
		r, err = gorm.G[gt.User](db).Joins(clause.LeftJoin.Association("Company").As("t"), func(db gorm.JoinBuilder, j, c clause.Table) error { db.Where("?.name = ?", j, "zz"); return nil }).Where("users.name = ?", "gj").First(context.Background())
		w.err(err, r)
		r, err = gorm.G[gt.User](db).Joins(clause.LeftJoin.AssociationFrom("Account", gorm.G[gt.Account](db).Select("id", "user_id", "number").Where("number = ?", "ga")).As("t"), nil).Where("users.name = ?", "gj").First(context.Background())
		w.err(err, r)
		r, err = gorm.G[gt.User](db).Preload("Pets", func(db gorm.PreloadBuilder) error { db.Order("name DESC").LimitPerRecord(1); return nil }).Where("name = ?", "gj").First(context.Background())
		w.err(err, r)
		f, err = gorm.G[gt.User](db).Preload("Pets", func(db gorm.PreloadBuilder) error {
			db.Select("id", "user_id", "name").Where("name <> ?", "gp1")
			return nil
		}).Where("name LIKE ?", "gj").Find(context.Background())
		w.err(err, f)
		res := gorm.WithResult()
		e := gt.User{Name: "res"}
		w.err(gorm.G[gt.User](db, res).Create(context.Background(), &e), res.RowsAffected)
		_, err = gorm.G[gt.User](db, clause.OnConflict{DoNothing: true}).Where("1 = 0").Update(context.Background(), "age", 3)
		w.err(err)
	}},
	{"generics associations", func(w *witness, db *gorm.DB) {
		w.err(gorm.G[gt.User](db).Set(clause.Assignment{Column: clause.Column{Name: "name"}, Value: "s"}, clause.Assignment{Column: clause.Column{Name: "age"}, Value: 25}).Create(context.Background()))
		set := func(name string, a ...clause.Assigner) {
			n, err := gorm.G[gt.User](db).Where("name = ?", name).Set(a...).Update(context.Background())
			w.err(err, n)
			gormUsers(w, db, name)
		}
		as := func(a string, t clause.AssociationOpType, f func(*clause.Association)) clause.Association {
			x := clause.Association{Association: a, Type: t}
			f(&x)
			return x
		}
		name := func(n string) func(*clause.Association) {
			return func(a *clause.Association) {
				a.Set = []clause.Assignment{{Column: clause.Column{Name: "name"}, Value: n}}
			}
		}
		set("s", as("Pets", clause.OpCreate, name("sp")))
		set("s", as("Pets", clause.OpCreate, name("sp2")), as("Toys", clause.OpCreate, name("st")))
		set("s", as("Pets", clause.OpUpdate, func(a *clause.Association) {
			name("sp3")(a)
			a.Conditions = []clause.Expression{clause.Eq{Column: clause.Column{Name: "name"}, Value: "sp2"}}
		}))
		set("s", as("Pets", clause.OpUnlink, func(a *clause.Association) {
			a.Conditions = []clause.Expression{clause.Eq{Column: clause.Column{Name: "name"}, Value: "sp"}}
		}))
		set("s", as("Pets", clause.OpCreate, func(a *clause.Association) { a.Values = []any{&gt.Pet{Name: "cv"}} }))
		set("s", as("Languages", clause.OpCreate, func(a *clause.Association) {
			a.Values = []any{gt.Language{Code: "l1", Name: "l1"}, gt.Language{Code: "l2", Name: "l2"}}
		}))
		set("s", as("Languages", clause.OpUnlink, func(a *clause.Association) {
			a.Conditions = []clause.Expression{clause.Eq{Column: clause.Column{Name: "code"}, Value: "l1"}}
		}))
		set("s", as("Languages", clause.OpUpdate, name("renamed")))
		set("s", as("Languages", clause.OpDelete, func(a *clause.Association) {
			a.Conditions = []clause.Expression{clause.Eq{Column: clause.Column{Name: "code"}, Value: "l2"}}
		}))
		set("s", as("Company", clause.OpCreate, func(a *clause.Association) { a.Values = []any{gt.Company{Name: "bc"}} }))
		set("s", as("Company", clause.OpUnlink, func(a *clause.Association) {}))
		set("s", as("Pets", clause.OpCreate, name("mix")), clause.Assignment{Column: clause.Column{Name: "age"}, Value: 30})
		set("s", as("Account", clause.OpCreate, func(a *clause.Association) { a.Values = []any{&gt.Account{Number: "acc"}} }))
		set("s", as("Account", clause.OpDelete, func(a *clause.Association) {}))
		set("s", as("Pets", clause.OpDelete, func(a *clause.Association) {}))
		set("s", as("Friends", clause.OpCreate, name("sf")))
		set("s", as("Manager", clause.OpCreate, name("sm")))
		set("s", as("Team", clause.OpCreate, name("s_team")))
		set("s", as("Team", clause.OpUnlink, func(a *clause.Association) {}))
	}},
}
