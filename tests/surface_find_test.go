package tests

import (
	"context"

	"gorm.io/gorm"
)

// smallMember is a smaller struct over the same table.
type smallMember struct {
	ID   int64
	Name string
	Age  int
}

// surfaceFind are the methods that read.
var surfaceFind = []surfaceCase{
	{"DB.First", func(w *witness, db *gorm.DB) {
		first := func(tx *gorm.DB, conds ...any) {
			var m Member
			w.tx(tx.First(&m, conds...), m)
		}
		first(db)
		first(db, 5)
		first(db, "5")
		first(db, "region = ?", "APAC")
		first(db.Where("region = ?", "US").Offset(1))
		first(db, 99)
		first(db.Where("age > ?", 22).Order("age DESC"))
		first(db, &Member{Region: "APAC", Age: 20})
		first(db, map[string]any{"name": "m7"})
		var p *Member
		w.tx(db.First(&p, 4), p)
		m := Member{ID: 6}
		w.tx(db.First(&m), m)
		m = Member{ID: 9}
		w.tx(db.First(&m), m)
		var small smallMember
		w.tx(db.Model(&Member{}).First(&small), small)
		var row map[string]any
		w.tx(db.Model(&Member{}).First(&row), row)
		var g Gizmo
		w.tx(db.First(&g, "code = ? AND serial = ?", "a", 2), g)
		w.tx(db.First(&Company{}, 3))
	}},
	{"DB.Last", func(w *witness, db *gorm.DB) {
		var m Member
		w.tx(db.Last(&m), m)
		m = Member{}
		w.tx(db.Where("region = ?", "EU").Last(&m), m)
		m = Member{}
		w.tx(db.Order("age").Last(&m, "age < ?", 24))
		w.tx(db.Last(&Member{}, "age > 100"))
		var g Gizmo
		w.tx(db.Order("code, serial").Last(&g), g)
	}},
	{"DB.Take", func(w *witness, db *gorm.DB) {
		var m Member
		w.tx(db.Take(&m, "name = ?", "m4"), m)
		var small smallMember
		w.tx(db.Model(&Member{}).Take(&small, 8), small)
		var row map[string]any
		w.tx(db.Table("members").Where("name = ?", "m9").Take(&row), row)
		w.tx(db.Take(&Member{}, "name = ?", "m9"))
		w.tx(db.Take(&Gizmo{}, "code = ?", "zz"))
	}},
	{"DB.Find", func(w *witness, db *gorm.DB) {
		var out []Member
		w.tx(db.Order("id").Find(&out, []int64{1, 3, 9}), out)
		w.tx(db.Order("id").Find(&out, "region = ? AND age <> ?", "EU", 20), out)
		w.tx(db.Find(&out, "age > 100"), out)
		var pointers []*Member
		w.tx(db.Order("id DESC").Find(&pointers), pointers)
		var one Member
		w.tx(db.Where("name = ?", "m2").Find(&one), one)
		w.tx(db.Find(&Member{}, 77))
		var array [3]Member
		w.tx(db.Order("id").Limit(3).Find(&array), array)
		var small []smallMember
		w.tx(db.Model(&Member{}).Order("id").Find(&small), small)
		var maps []map[string]any
		w.tx(db.Model(&Member{}).Where("region = ?", "US").Order("id").Find(&maps), maps)
		w.tx(db.Table("members").Where("region = ?", "EU").Order("id").Find(&maps), maps)
		var gizmos []Gizmo
		w.tx(db.Order("code, serial").Find(&gizmos), gizmos)
		w.tx(db.Where(&Gizmo{Code: "a"}).Order("serial DESC").Find(&gizmos), gizmos)
		w.tx(db.Where("spot = ?", Spot{3, 1}).Find(&gizmos), gizmos)
		w.tx(db.Where("size_width > ?", 2).Order("size_height").Find(&gizmos), gizmos)
		w.tx(db.Find(&out, "no_such_column = 1"))
	}},
	{"DB.FindInBatches", func(w *witness, db *gorm.DB) {
		var out []Member
		w.tx(db.Where("age > ?", 20).FindInBatches(&out, 2, func(tx *gorm.DB, batch int) error {
			w.say("batch ", batch)
			w.tx(tx, out)
			for i := range out {
				out[i].Age += 100
			}
			return tx.Save(&out).Error
		}))
		w.tx(db.FindInBatches(&out, 3, func(tx *gorm.DB, batch int) error {
			if batch == 2 {
				return errSurface
			}
			return nil
		}))
		w.tx(db.Limit(5).FindInBatches(&out, 2, func(*gorm.DB, int) error { w.see(out); return nil }))
	}},
	{"DB.FirstOrInit", func(w *witness, db *gorm.DB) {
		var m Member
		w.tx(db.FirstOrInit(&m, Member{Name: "m3"}), m)
		m = Member{}
		w.tx(db.FirstOrInit(&m, Member{Name: "new", Region: "EU"}), m)
		m = Member{}
		w.tx(db.FirstOrInit(&m, map[string]any{"name": "new", "region": "US"}), m)
	}},
	{"DB.Attrs", func(w *witness, db *gorm.DB) {
		var m Member
		w.tx(db.Where(Member{Name: "new"}).Attrs(Member{Region: "EU", Age: 3}).FirstOrInit(&m), m)
		m = Member{}
		w.tx(db.Where(Member{Name: "m1"}).Attrs(Member{Age: 3}).FirstOrInit(&m), m)
		m = Member{}
		w.tx(db.Where(Member{Name: "new"}).Attrs(Member{ID: 40, Region: "EU", Age: 3}).FirstOrCreate(&m), m)
		m = Member{}
		w.tx(db.Where(Member{Name: "new"}).Attrs("age", 9).FirstOrCreate(&m), m)
		m = Member{}
		w.tx(db.Where(map[string]any{"name": "newer"}).Attrs(map[string]any{"id": 41, "region": "US"}).FirstOrCreate(&m), m)
	}},
	{"DB.Assign", func(w *witness, db *gorm.DB) {
		var m Member
		w.tx(db.Where(Member{Name: "m5"}).Assign(Member{Age: 55}).FirstOrInit(&m), m)
		m = Member{}
		w.tx(db.Where(Member{Name: "m5"}).Assign(Member{Age: 56}).FirstOrCreate(&m), m)
		m = Member{}
		w.tx(db.Where(Member{Name: "new"}).Assign(Member{ID: 42, Region: "APAC", Age: 57}).FirstOrCreate(&m), m)
		m = Member{}
		w.tx(db.Where("name = ?", "m6").Assign(map[string]any{"age": 58, "score": 1}).FirstOrCreate(&m), m)
		m = Member{}
		w.tx(db.Where(Member{Name: "m7"}).Assign(Member{Region: "US"}).FirstOrCreate(&m), m)
	}},
	{"DB.FirstOrCreate", func(w *witness, db *gorm.DB) {
		m := Member{}
		w.tx(db.FirstOrCreate(&m, Member{Name: "m8", Region: "US"}), m)
		m = Member{}
		w.tx(db.FirstOrCreate(&m, Member{ID: 43, Name: "new", Region: "US", Age: 4}), m)
		m = Member{ID: 44, Region: "EU"}
		w.tx(db.Where("name = ?", "nobody").FirstOrCreate(&m), m)
		tag := Tag{}
		w.tx(db.FirstOrCreate(&tag, Tag{ID: 8, Name: "eight"}), tag)
		join := MemberTag{}
		w.tx(db.FirstOrCreate(&join, MemberTag{MemberID: 4, TagID: 2}), join)
		join = MemberTag{}
		w.tx(db.Attrs(MemberTag{Since: 99}).FirstOrCreate(&join, MemberTag{MemberID: 1, TagID: 1}), join)
	}},
	{"DB.Count", func(w *witness, db *gorm.DB) {
		count := func(tx *gorm.DB) {
			n := int64(-1)
			w.tx(tx.Count(&n), n)
		}
		count(db.Model(&Member{}))
		count(db.Model(&Member{}).Where("region IN ?", []string{"EU", "US"}))
		count(db.Model(&Member{}).Where("region = ?", "NOWHERE"))
		count(db.Model(&Member{}).Select("score"))
		count(db.Model(&Member{}).Distinct("region"))
		count(db.Model(&Member{}).Select("COUNT(DISTINCT age)"))
		count(db.Model(&Member{}).Order("id").Limit(3))
		count(db.Model(&Pet{}).Joins("Member").Where("age > ?", 20))
		count(db.Table("member_tags").Group("tag_id"))
	}},
	{"DB.Pluck", func(w *witness, db *gorm.DB) {
		var names []string
		w.tx(db.Model(&Member{}).Order("age, id").Pluck("name", &names), names)
		var scores []*int
		w.tx(db.Model(&Member{}).Order("id").Pluck("Score", &scores), scores)
		var ages []int
		w.tx(db.Table("members").Distinct().Order("age").Pluck("age", &ages), ages)
		w.tx(db.Model(&Member{}).Order("id").Pluck("age * 2", &ages), ages)
		var max int
		w.tx(db.Model(&Member{}).Pluck("MAX(age)", &max), max)
		var spots []Spot
		w.tx(db.Model(&Gizmo{}).Order("code, serial").Pluck("spot", &spots), spots)
		w.tx(db.Pluck("name", &names))
	}},
	{"DB.Row", func(w *witness, db *gorm.DB) {
		var sum, n int64
		w.err(db.Model(&Member{}).Select("SUM(age), COUNT(*)").Row().Scan(&sum, &n), sum, n)
		var name string
		w.err(db.Model(&Member{}).Where("region = ?", "US").Order("id DESC").Select("name").Row().Scan(&name), name)
		w.err(db.Model(&Member{}).Where("id = 0").Select("name").Row().Scan(&name))
		w.err(db.Raw("SELECT MIN(name) FROM tags").Row().Scan(&name), name)
	}},
	{"DB.Rows", func(w *witness, db *gorm.DB) {
		rows, err := db.Model(&Member{}).Select("region, COUNT(*)").Group("region").Order("region").Rows()
		w.err(err)
		for rows.Next() {
			var region string
			var n int
			w.err(rows.Scan(&region, &n), region, n)
		}
		w.err(rows.Err())
		w.err(rows.Close())
		rows, err = db.Table("pets").Order("id").Rows()
		w.err(err)
		columns, err := rows.Columns()
		w.err(err, columns)
		w.see(rows.Next(), rows.Next())
		w.err(rows.Close())
		_, err = db.Model(&Member{}).Where("no_such = 1").Rows() //nolint:rowserrcheck // it fails
		w.err(err)
	}},
	{"DB.ScanRows", func(w *witness, db *gorm.DB) {
		rows, err := db.Model(&Gizmo{}).Order("code DESC, serial").Rows()
		w.err(err)
		for rows.Next() {
			var g Gizmo
			w.err(db.ScanRows(rows, &g), g)
		}
		w.err(rows.Close())
		rows, err = db.Model(&Member{}).Where("age > ?", 21).Order("id").Rows()
		w.err(err)
		for rows.Next() {
			row := map[string]any{}
			w.err(db.ScanRows(rows, &row), row)
		}
		w.err(rows.Close())
	}},
	{"DB.Scan", func(w *witness, db *gorm.DB) {
		var out []Member
		w.tx(db.Model(&Member{}).Where("age = ?", 22).Order("id").Scan(&out), out)
		var sum struct{ Total, Many int }
		w.tx(db.Model(&Member{}).Select("SUM(age) AS total, COUNT(*) AS many").Scan(&sum), sum)
		var age int
		w.tx(db.Model(&Member{}).Select("MIN(age)").Where("region = ?", "US").Scan(&age), age)
		row := map[string]any{}
		w.tx(db.Table("tags").Where("id = 3").Scan(&row), row)
		w.tx(db.Table("members").Select("region", "age").Where("id > 5").Order("id").Scan(&out), out)
		w.tx(db.Model(&Member{}).Where("id = 0").Scan(&smallMember{}))
	}},
	{"DB.WithContext", func(w *witness, db *gorm.DB) {
		on, hooks := withHooks(db)
		var out []Member
		w.tx(on.Order("id").Limit(4).Find(&out))
		w.tx(on.Create(&Member{ID: 60, Region: "US", Name: "h"}))
		w.tx(on.Model(&out[1]).Update("age", 5))
		w.tx(on.Delete(&out[2]))
		w.see(*hooks)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		w.tx(db.WithContext(ctx).Find(&out))
		w.tx(db.WithContext(ctx).Create(&Member{ID: 61, Region: "US"}))
		w.tx(db.WithContext(ctx).Model(&Member{}).Where("age > 0").Update("age", 1))
	}},
}
