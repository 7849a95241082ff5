package tests

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

type (
	preloading = gorm.PreloadBuilder
	joining    = gorm.JoinBuilder
)

func on(f func(db joining)) func(db joining, joined, current clause.Table) error {
	return func(db joining, _, _ clause.Table) error { f(db); return nil }
}

func with(f func(db preloading)) func(db preloading) error {
	return func(db preloading) error { f(db.Order("id")); return nil }
}

// members is a chain that has begun.
func members(db *gorm.DB) gorm.ChainInterface[Member] {
	return gorm.G[Member](db).Where("members.id > ?", 1)
}

// found writes down what a generic finder gave.
func found[V any](w *witness) func(v V, err error) {
	return func(v V, err error) { w.err(err, v) }
}

// surfaceGenerics are the methods of what gorm.G gives, but for the finishers. Many
// stand in two interfaces, at the start of a chain and behind it.
var surfaceGenerics = []surfaceCase{
	{"CreateInterface.Where ChainInterface.Where", func(w *witness, db *gorm.DB) {
		see, ctx := found[[]Member](w), context.Background()
		see(gorm.G[Member](db).Where("region = ?", "EU").Order("id").Find(ctx))
		see(members(db).Where("region IN ?", []string{"EU", "US"}).Where(Member{Age: 22}).Order("id").Find(ctx))
	}},
	{"CreateInterface.Not ChainInterface.Not", func(w *witness, db *gorm.DB) {
		see, ctx := found[[]Member](w), context.Background()
		see(gorm.G[Member](db).Not("region = ?", "EU").Order("id").Find(ctx))
		see(members(db).Not(map[string]any{"age": 22}).Order("id").Find(ctx))
	}},
	{"CreateInterface.Or ChainInterface.Or", func(w *witness, db *gorm.DB) {
		see, ctx := found[[]Member](w), context.Background()
		see(gorm.G[Member](db).Or("region = ?", "EU").Or("age = 22").Order("id").Find(ctx))
		see(members(db).Where("region = ?", "US").Or("id = ?", 1).Order("id").Find(ctx))
	}},
	{"CreateInterface.Limit ChainInterface.Limit", func(w *witness, db *gorm.DB) {
		see, ctx := found[[]Member](w), context.Background()
		see(gorm.G[Member](db).Limit(3).Order("age, id").Find(ctx))
		see(members(db).Limit(2).Order("age DESC, id").Find(ctx))
	}},
	{"CreateInterface.Offset ChainInterface.Offset", func(w *witness, db *gorm.DB) {
		see, ctx := found[[]Member](w), context.Background()
		see(gorm.G[Member](db).Offset(2).Limit(3).Order("age, id").Find(ctx))
		see(members(db).Offset(4).Limit(30).Order("age, id").Find(ctx))
	}},
	{"CreateInterface.Order ChainInterface.Order", func(w *witness, db *gorm.DB) {
		see, ctx := found[[]Member](w), context.Background()
		see(gorm.G[Member](db).Order("age DESC").Order("id").Find(ctx))
		see(members(db).Order(clause.OrderByColumn{Column: clause.Column{Name: "name"}, Desc: true}).Find(ctx))
	}},
	{"CreateInterface.Select ChainInterface.Select", func(w *witness, db *gorm.DB) {
		see, ctx := found[[]Member](w), context.Background()
		see(gorm.G[Member](db).Select("id, age").Order("id").Find(ctx))
		see(members(db).Select("id, age + ? AS age", 5).Order("id").Find(ctx))
		w.err(gorm.G[Member](db).Select("ID", "Region").Create(ctx, &Member{ID: 20, Region: "US", Name: "left out"}))
	}},
	{"CreateInterface.Omit ChainInterface.Omit", func(w *witness, db *gorm.DB) {
		see, ctx := found[[]Member](w), context.Background()
		see(gorm.G[Member](db).Omit("name", "age").Order("id").Find(ctx))
		see(members(db).Omit("region").Order("id").Find(ctx))
		w.err(gorm.G[Member](db).Omit("Name").Create(ctx, &Member{ID: 20, Region: "US", Name: "left out"}))
	}},
	{"CreateInterface.MapColumns ChainInterface.MapColumns", func(w *witness, db *gorm.DB) {
		ctx := context.Background()
		var maps []map[string]any
		w.err(gorm.G[Member](db).MapColumns(map[string]string{"name": "title"}).Order("id").Scan(ctx, &maps), maps)
		maps = nil
		w.err(members(db).MapColumns(map[string]string{"age": "years"}).Order("id").Scan(ctx, &maps), maps)
	}},
	{"CreateInterface.Distinct ChainInterface.Distinct", func(w *witness, db *gorm.DB) {
		see, ctx := found[[]Member](w), context.Background()
		see(gorm.G[Member](db).Distinct("age").Order("age").Find(ctx))
		see(members(db).Distinct("region", "age").Order("region, age").Find(ctx))
	}},
	{"CreateInterface.Group ChainInterface.Group", func(w *witness, db *gorm.DB) {
		var rows []struct{ Age, N int }
		ctx := context.Background()
		w.err(gorm.G[Member](db).Group("age").Select("age, COUNT(*) AS n").Order("age").Scan(ctx, &rows), rows)
		w.err(members(db).Group("age").Select("age, COUNT(*) AS n").Order("age").Scan(ctx, &rows), rows)
	}},
	{"CreateInterface.Having ChainInterface.Having", func(w *witness, db *gorm.DB) {
		var rows []struct{ Age, N int }
		ctx := context.Background()
		w.err(gorm.G[Member](db).Having("COUNT(*) > ?", 1).Group("age").Select("age, COUNT(*) AS n").Order("age").Scan(ctx, &rows), rows)
		w.err(members(db).Select("age, COUNT(*) AS n").Group("age").Having("SUM(id) > 8").Order("age").Scan(ctx, &rows), rows)
	}},
	{"CreateInterface.Scopes ChainInterface.Scopes", func(w *witness, db *gorm.DB) {
		see, ctx := found[[]Member](w), context.Background()
		eu := func(stmt *gorm.Statement) { stmt.Where("region = ?", "EU") }
		see(gorm.G[Member](db).Scopes(eu).Order("id").Find(ctx))
		see(members(db).Scopes(eu, func(stmt *gorm.Statement) { stmt.Limit(1) }).Order("id").Find(ctx))
	}},
	{"CreateInterface.Table ChainInterface.Table", func(w *witness, db *gorm.DB) {
		see, ctx := found[[]Member](w), context.Background()
		see(gorm.G[Member](db).Table("members").Where("region = ?", "US").Order("id").Find(ctx))
		see(gorm.G[Member](db).Where("m.age > 20").Table("members AS m").Order("m.id").Find(ctx))
		w.err(gorm.G[Tag](db).Table("tags").Create(ctx, &Tag{ID: 20, Name: "t"}))
	}},
	{"CreateInterface.Joins ChainInterface.Joins", func(w *witness, db *gorm.DB) {
		see, ctx := found[[]Member](w), context.Background()
		see(gorm.G[Member](db).Joins(clause.LeftJoin.Association("Company"), nil).Order("members.id").Find(ctx))
		see(members(db).Joins(clause.InnerJoin.Association("Card"), nil).Order("members.id").Find(ctx))
		see(members(db).Joins(clause.InnerJoin.AssociationFrom("Card", gorm.G[Card](db).Where("digits > ?", 0)).As("c"), func(db joining, joined, current clause.Table) error {
			db.Where("?.member_id = members.id", joined)
			return nil
		}).Order("members.id").Find(ctx))
		see(members(db).Joins(clause.InnerJoin.AssociationFrom("Card", gorm.G[Card](db)).As("c"), func(db joining, joined, current clause.Table) error {
			db.Where("?.member_id = ?.id", joined, current).Or("?.digits > ? AND ?.id = 1", joined, 100, current)
			return nil
		}).Order("members.id").Find(ctx))
		see(members(db).Joins(clause.LeftJoin.Association("Company"), func(joining, clause.Table, clause.Table) error { return errSurface }).Order("members.id").Find(ctx))
	}},
	{"JoinBuilder.Where", func(w *witness, db *gorm.DB) {
		found[[]Member](w)(gorm.G[Member](db).Joins(clause.LeftJoin.Association("Company"), on(func(db joining) { db.Where("name = ?", "acme") })).Order("members.id").Find(context.Background()))
	}},
	{"JoinBuilder.Not", func(w *witness, db *gorm.DB) {
		found[[]Member](w)(gorm.G[Member](db).Joins(clause.LeftJoin.Association("Company"), on(func(db joining) { db.Not("name = ?", "acme") })).Order("members.id").Find(context.Background()))
	}},
	{"JoinBuilder.Or", func(w *witness, db *gorm.DB) {
		found[[]Member](w)(gorm.G[Member](db).Joins(clause.LeftJoin.Association("Company"), on(func(db joining) { db.Or("name = ?", "acme") })).Order("members.id").Find(context.Background()))
	}},
	{"JoinBuilder.Select", func(w *witness, db *gorm.DB) {
		found[[]Member](w)(gorm.G[Member](db).Joins(clause.LeftJoin.Association("Parent"), on(func(db joining) { db.Select("id", "age") })).Order("members.id").Find(context.Background()))
	}},
	{"JoinBuilder.Omit", func(w *witness, db *gorm.DB) {
		found[[]Member](w)(gorm.G[Member](db).Joins(clause.InnerJoin.Association("Parent"), on(func(db joining) { db.Omit("age", "name") })).Order("members.id").Find(context.Background()))
	}},
	{"CreateInterface.Preload ChainInterface.Preload", func(w *witness, db *gorm.DB) {
		see, ctx := found[[]Member](w), context.Background()
		see(gorm.G[Member](db).Preload("Pets", with(func(preloading) {})).Preload("Company", nil).Order("id").Find(ctx))
		see(members(db).Preload("Children", with(func(preloading) {})).Preload("Children.Tags", with(func(preloading) {})).Order("id").Find(ctx))
		see(members(db).Preload("Nothing", nil).Order("id").Find(ctx))
	}},
	{"PreloadBuilder.Where", func(w *witness, db *gorm.DB) {
		found[[]Member](w)(gorm.G[Member](db).Preload("Pets", with(func(db preloading) { db.Where("weight > ?", 2) })).Order("id").Find(context.Background()))
	}},
	{"PreloadBuilder.Not", func(w *witness, db *gorm.DB) {
		found[[]Member](w)(gorm.G[Member](db).Preload("Pets", with(func(db preloading) { db.Not("weight > ?", 2) })).Order("id").Find(context.Background()))
	}},
	{"PreloadBuilder.Or", func(w *witness, db *gorm.DB) {
		found[[]Member](w)(gorm.G[Member](db).Preload("Pets", with(func(db preloading) { db.Where("weight > ?", 0).Or("weight < ?", 5) })).Order("id").Find(context.Background()))
	}},
	{"PreloadBuilder.Select", func(w *witness, db *gorm.DB) {
		found[[]Member](w)(gorm.G[Member](db).Preload("Pets", with(func(db preloading) { db.Select("id", "member_id") })).Order("id").Find(context.Background()))
	}},
	{"PreloadBuilder.Omit", func(w *witness, db *gorm.DB) {
		found[[]Member](w)(gorm.G[Member](db).Preload("Pets", with(func(db preloading) { db.Omit("name") })).Order("id").Find(context.Background()))
	}},
	{"PreloadBuilder.Limit", func(w *witness, db *gorm.DB) {
		found[[]Member](w)(gorm.G[Member](db).Preload("Pets", with(func(db preloading) { db.Limit(2) })).Order("id").Find(context.Background()))
	}},
	{"PreloadBuilder.Offset", func(w *witness, db *gorm.DB) {
		found[[]Member](w)(gorm.G[Member](db).Preload("Pets", with(func(db preloading) { db.Offset(1).Limit(3) })).Order("id").Find(context.Background()))
	}},
	{"PreloadBuilder.Order", func(w *witness, db *gorm.DB) {
		found[[]Member](w)(gorm.G[Member](db).Preload("Pets", func(db preloading) error { db.Order("weight DESC"); return nil }).Order("id").Find(context.Background()))
	}},
	{"PreloadBuilder.LimitPerRecord", func(w *witness, db *gorm.DB) {
		see, ctx := found[[]Member](w), context.Background()
		see(gorm.G[Member](db).Preload("Pets", func(db preloading) error { db.Order("id").LimitPerRecord(2); return nil }).Order("id").Find(ctx))
		see(gorm.G[Member](db).Preload("Children", func(db preloading) error {
			db.Order("age").Order("id").Where("age > ?", 20).LimitPerRecord(1)
			return nil
		}).Order("id").Find(ctx))
		see(gorm.G[Member](db).Preload("Tags", func(db preloading) error { db.LimitPerRecord(1); return nil }).Order("id").Find(ctx))
	}},
}
