package tests

import (
	"database/sql"

	"gorm.io/gorm"
)

// surfaceSession are transactions, sessions and the schema.
var surfaceSession = []surfaceCase{
	{"DB.Session", func(w *witness, db *gorm.DB) {
		var out []Member
		chained := db.Where("region = ?", "EU")
		w.tx(chained.Session(&gorm.Session{NewDB: true}).Order("id").Find(&out), out)
		shared := chained.Session(&gorm.Session{})
		w.tx(shared.Where("age > ?", 20).Order("id").Find(&out), out)
		w.tx(shared.Order("id").Find(&out), out)
		w.tx(db.Session(&gorm.Session{QueryFields: true}).Order("id").Find(&out), out)
		var small []smallMember
		w.tx(db.Session(&gorm.Session{QueryFields: true}).Model(&Member{}).Order("id").Find(&small), small)
		w.tx(db.Session(&gorm.Session{PrepareStmt: true}).Where("region = ?", "US").Order("id").Find(&out), out)
		w.tx(db.Session(&gorm.Session{PrepareStmt: true}).Model(&Member{}).Where("age > ?", 22).Update("age", gorm.Expr("age + 1")))
		w.tx(db.Session(&gorm.Session{SkipDefaultTransaction: true}).Create(&[]Member{{ID: 20, Region: "US"}, {ID: 21, Region: "EU"}}))
		w.tx(db.Session(&gorm.Session{CreateBatchSize: 2}).Create(&[]Tag{{ID: 20}, {ID: 21}, {ID: 22}, {ID: 23}, {ID: 24}}))
		w.tx(db.Session(&gorm.Session{AllowGlobalUpdate: true}).Model(&Pet{}).Update("weight", 1))
		w.tx(db.Session(&gorm.Session{AllowGlobalUpdate: true}).Delete(&Photo{}))
		on, hooks := withHooks(db)
		w.tx(on.Session(&gorm.Session{SkipHooks: true}).Create(&Member{ID: 22, Region: "US", Name: "bad"}))
		w.tx(on.Session(&gorm.Session{SkipHooks: true}).Where("id = 22").Delete(&Member{}))
		w.see(*hooks)
		dry := db.Session(&gorm.Session{DryRun: true})
		w.err(dry.Create(&Member{ID: 30, Region: "US"}).Error)
		w.err(dry.Model(&Member{}).Where("age > 0").Update("age", 1).Error)
		w.err(dry.Where("age > 0").Delete(&Member{}).Error)
	}},
	{"DB.Session/full save", func(w *witness, db *gorm.DB) {
		var m Member
		w.tx(db.Preload("Pets", inOrder).Preload("Tags", inOrder).Preload("Photos", inOrder).Preload("Company").Preload("Children", inOrder).First(&m, 1))
		m.Pets[0].Name, m.Tags[0].Name, m.Photos[0].Title, m.Children[1].Name = "full", "full", "full", "full"
		w.tx(db.Save(&m))
		var pet Pet
		w.tx(db.First(&pet, m.Pets[0].ID), pet)
		w.tx(db.Session(&gorm.Session{FullSaveAssociations: true}).Save(&m))
		m.Pets[0].Name = "by updates"
		w.tx(db.Session(&gorm.Session{FullSaveAssociations: true}).Updates(&m))
	}},
	{"DB.Transaction", func(w *witness, db *gorm.DB) {
		w.err(db.Transaction(func(tx *gorm.DB) error {
			w.tx(tx.Create(&[]Member{{ID: 20, Region: "US"}, {ID: 21, Region: "EU"}}))
			var n int64
			w.tx(tx.Model(&Member{}).Count(&n), n)
			w.err(tx.Transaction(func(tx *gorm.DB) error {
				w.tx(tx.Where("age > 0").Delete(&Member{}))
				return errSurface
			}))
			w.tx(tx.Model(&Member{}).Count(&n), n)
			w.err(tx.Transaction(func(tx *gorm.DB) error { return tx.Delete(&Tag{ID: 1}).Error }))
			return nil
		}))
		w.err(db.Transaction(func(tx *gorm.DB) error {
			w.tx(tx.Model(&Member{}).Where("age > 0").Update("age", 0))
			return errSurface
		}))
		w.err(db.Transaction(func(tx *gorm.DB) error {
			var out []Member
			w.tx(tx.Preload("Pets", inOrder).Order("id").Find(&out), out)
			return nil
		}, &sql.TxOptions{Isolation: sql.LevelSerializable}))
	}},
	{"DB.Begin", func(w *witness, db *gorm.DB) {
		tx := db.Begin()
		w.err(tx.Error)
		w.tx(tx.Create(&Member{ID: 20, Region: "US"}))
		w.err(tx.Commit().Error)
		w.err(tx.Commit().Error)
		tx = db.Begin(&sql.TxOptions{Isolation: sql.LevelSerializable})
		w.tx(tx.Create(&Member{ID: 21, Region: "US"}))
		w.err(tx.Rollback().Error)
	}},
	{"DB.Commit", func(w *witness, db *gorm.DB) {
		w.err(db.Commit().Error)
		tx := db.Begin()
		w.tx(tx.Where("region = ?", "EU").Delete(&Member{}))
		w.err(tx.Commit().Error)
		w.tx(tx.Create(&Member{ID: 20, Region: "EU"}))
	}},
	{"DB.Rollback", func(w *witness, db *gorm.DB) {
		w.err(db.Rollback().Error)
		tx := db.Begin()
		w.tx(tx.Where("age > 0").Delete(&Member{}))
		w.tx(tx.Create(&Tag{ID: 20}))
		w.err(tx.Rollback().Error)
		w.err(tx.Rollback().Error)
	}},
	{"DB.SavePoint", func(w *witness, db *gorm.DB) {
		tx := db.Begin()
		w.tx(tx.Create(&Member{ID: 20, Region: "US"}))
		w.err(tx.SavePoint("one").Error)
		w.tx(tx.Create(&Member{ID: 21, Region: "EU"}))
		w.err(tx.SavePoint("two").Error)
		w.tx(tx.Where("id < 20").Delete(&Member{}))
		w.err(tx.RollbackTo("two").Error)
		w.err(tx.Commit().Error)
	}},
	{"DB.RollbackTo", func(w *witness, db *gorm.DB) {
		tx := db.Begin()
		w.err(tx.SavePoint("start").Error)
		w.tx(tx.Create(&[]Member{{ID: 20, Region: "US"}, {ID: 21, Region: "EU"}}))
		w.err(tx.RollbackTo("start").Error)
		w.tx(tx.Create(&Member{ID: 22, Region: "APAC"}))
		var ids []int64
		w.tx(tx.Model(&Member{}).Order("id").Pluck("id", &ids), ids)
		w.err(tx.Commit().Error)
		tx = db.Begin()
		w.err(tx.RollbackTo("unknown").Error)
		w.err(tx.Rollback().Error)
	}},
	{"DB.Connection", func(w *witness, db *gorm.DB) {
		w.err(db.Connection(func(tx *gorm.DB) error {
			tx = tx.Session(&gorm.Session{})
			var out []Member
			w.tx(tx.Preload("Pets", inOrder).Order("age, id").Limit(3).Find(&out), out)
			w.tx(tx.Create(&[]Member{{ID: 20, Region: "US"}, {ID: 21, Region: "EU"}}))
			w.tx(tx.Model(&Member{}).Where("age > 22").Update("age", 1))
			return nil
		}))
		w.err(db.Connection(func(*gorm.DB) error { return errSurface }))
	}},
	{"DB.ToSQL", func(w *witness, db *gorm.DB) {
		for _, text := range []string{
			db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Where("age > ?", 21).Order("id").Find(&[]Member{}) }),
			db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Where("region = ?", "EU").Order("id").Find(&[]Member{}) }),
			db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Joins("Company").Order("members.id").Limit(2).Find(&[]Member{}) }),
		} {
			rows, err := db.Statement.ConnPool.QueryContext(db.Statement.Context, text)
			if w.err(err); err != nil {
				w.say(text, err)
				continue
			}
			for rows.Next() {
				var m Member
				w.err(db.ScanRows(rows, &m), m)
			}
			w.err(rows.Close())
		}
		db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Where("age > 0").Delete(&Member{}) })
	}},
	{"DB.Migrator", func(w *witness, db *gorm.DB) {
		m := db.Migrator()
		for _, model := range surfaceModels {
			w.see(m.HasTable(model))
		}
		w.see(m.HasTable("members"), m.HasTable("nothing"), m.HasColumn(&Member{}, "Age"), m.HasColumn(&Member{}, "nothing"), m.HasIndex(&Member{}, "nothing"))
		types, err := m.ColumnTypes(&Pet{})
		w.err(err)
		for _, c := range types {
			w.say(c.Name(), " ", c.DatabaseTypeName())
		}
	}},
	{"DB.AutoMigrate", func(w *witness, db *gorm.DB) {
		w.err(db.AutoMigrate(surfaceModels...))
		var out []Member
		w.tx(db.Order("id").Find(&out), out)
	}},
}
