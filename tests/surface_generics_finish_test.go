package tests

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

func assign(column string, value any) clause.Assignment {
	return clause.Assignment{Column: clause.Column{Name: column}, Value: value}
}

// surfaceGenericFinishers are the methods that end a chain of gorm.G.
var surfaceGenericFinishers = []surfaceCase{
	{"Interface.Raw", func(w *witness, db *gorm.DB) {
		see, ctx := found[[]Member](w), context.Background()
		see(gorm.G[Member](db).Raw("SELECT * FROM members WHERE region = ? ORDER BY id", "US").Find(ctx))
		found[[]string](w)(gorm.G[string](db).Raw("SELECT name FROM tags ORDER BY name").Find(ctx))
	}},
	{"Interface.Exec", func(w *witness, db *gorm.DB) {
		ctx := context.Background()
		w.err(gorm.G[Member](db).Exec(ctx, "UPDATE members SET age = age + ? WHERE region = ?", 5, "EU"))
		w.err(gorm.G[Member](db).Exec(ctx, "DELETE FROM members WHERE age > ?", 24))
		w.err(gorm.G[Member](db).Exec(ctx, "UPDATE nothing SET age = 1"))
	}},
	{"CreateInterface.Create", func(w *witness, db *gorm.DB) {
		ctx := context.Background()
		m := Member{ID: 20, Region: "US", Name: "g", Pets: []Pet{{ID: 20}}, Tags: []Tag{{ID: 1}}}
		w.err(gorm.G[Member](db).Create(ctx, &m), m)
		w.err(gorm.G[Member](db).Create(ctx, &Member{ID: 1, Region: "EU"}))
		w.err(gorm.G[Member](db, clause.OnConflict{UpdateAll: true}).Create(ctx, &Member{ID: 2, Region: "US", Name: "up"}))
		result := gorm.WithResult()
		w.err(gorm.G[Tag](db, result).Create(ctx, &Tag{ID: 20}), result.RowsAffected)
	}},
	{"CreateInterface.CreateInBatches", func(w *witness, db *gorm.DB) {
		rows := []Member{{ID: 20, Region: "US"}, {ID: 21, Region: "EU"}, {ID: 22, Region: "APAC"}, {ID: 23, Region: "US"}, {ID: 24, Region: "EU"}}
		w.err(gorm.G[Member](db).CreateInBatches(context.Background(), &rows, 2), rows)
	}},
	{"CreateInterface.Delete ChainInterface.Delete", func(w *witness, db *gorm.DB) {
		see, ctx := found[int](w), context.Background()
		see(gorm.G[Member](db).Delete(ctx))
		see(gorm.G[Member](db).Where("age > ?", 22).Delete(ctx))
		see(gorm.G[Pet](db).Where("weight = ?", 3).Delete(ctx))
	}},
	{"CreateInterface.Update ChainInterface.Update", func(w *witness, db *gorm.DB) {
		see, ctx := found[int](w), context.Background()
		see(gorm.G[Member](db).Update(ctx, "age", 1))
		see(gorm.G[Member](db).Where("region = ?", "EU").Update(ctx, "age", gorm.Expr("age * 2")))
		see(members(db).Where("age = ?", 22).Update(ctx, "name", "two"))
	}},
	{"CreateInterface.Updates ChainInterface.Updates", func(w *witness, db *gorm.DB) {
		see, ctx := found[int](w), context.Background()
		see(gorm.G[Member](db).Updates(ctx, Member{Age: 1}))
		see(members(db).Updates(ctx, Member{Name: "u", Age: 9}))
		see(members(db).Where("region = ?", "US").Select("age, name").Updates(ctx, Member{Age: 3}))
	}},
	{"CreateInterface.Count ChainInterface.Count", func(w *witness, db *gorm.DB) {
		see, ctx := found[int64](w), context.Background()
		see(gorm.G[Member](db).Count(ctx, "*"))
		see(members(db).Count(ctx, "score"))
		see(members(db).Where("region = ?", "EU").Distinct("age").Count(ctx, "age"))
	}},
	{"CreateInterface.Build ChainInterface.Build", func(w *witness, db *gorm.DB) {
		see, ctx := found[[]Company](w), context.Background()
		see(gorm.G[Company](db).Where("id IN (?)", gorm.G[Member](db).Select("company_id")).Order("id").Find(ctx))
		see(gorm.G[Company](db).Where("id IN (?)", members(db).Where("region = ? AND age > ?", "APAC", 22).Select("company_id")).Order("id").Find(ctx))
		var b built
		gorm.G[Member](db).Build(&b)
		members(db).Build(&b)
		w.say(len(b.text))
	}},
	{"CreateInterface.Set SetCreateOrUpdateInterface.Create", func(w *witness, db *gorm.DB) {
		ctx := context.Background()
		w.err(gorm.G[Member](db).Set(assign("id", 20), assign("region", "US"), assign("name", "set"), assign("updated_at", utc(2025, 1, 1))).Create(ctx))
		w.err(gorm.G[Tag](db).Set(assign("id", 20), assign("name", "set")).Create(ctx))
	}},
	{"CreateInterface.Set/update SetCreateOrUpdateInterface.Update", func(w *witness, db *gorm.DB) {
		see, ctx := found[int](w), context.Background()
		see(gorm.G[Member](db).Set(assign("age", 1)).Update(ctx))
		see(gorm.G[Tag](db.Session(&gorm.Session{AllowGlobalUpdate: true})).Set(assign("name", "set")).Update(ctx))
	}},
	{"ChainInterface.Set SetUpdateOnlyInterface.Update", func(w *witness, db *gorm.DB) {
		see, ctx := found[int](w), context.Background()
		see(members(db).Where("region = ?", "EU").Set(assign("age", gorm.Expr("age + 1")), assign("name", "set")).Update(ctx))
		see(members(db).Set(assign("score", nil)).Update(ctx))
		see(gorm.G[Gizmo](db).Where("code = ?", "a").Set(assign("size_width", 50)).Update(ctx))
	}},
	{"ChainInterface.Set/relations", func(w *witness, db *gorm.DB) {
		see, ctx := found[int](w), context.Background()
		of := func(name string, kind clause.AssociationOpType) clause.Association {
			return clause.Association{Association: name, Type: kind}
		}
		some := gorm.G[Member](db).Where("members.id IN ?", []int{1, 2})
		create := of("Pets", clause.OpCreate)
		create.Values = []any{&Pet{ID: 30, Name: "made"}}
		see(gorm.G[Member](db).Where("id = ?", 4).Set(create).Update(ctx))
		change := of("Pets", clause.OpUpdate)
		change.Conditions, change.Set = []clause.Expression{clause.Gt{Column: "weight", Value: 0}}, []clause.Assignment{assign("name", "changed")}
		see(some.Set(change, assign("age", 70)).Update(ctx))
		see(some.Set(of("Pets", clause.OpUnlink)).Update(ctx))
		see(some.Set(of("Tags", clause.OpUnlink)).Update(ctx))
		see(gorm.G[Member](db).Where("members.id = ?", 4).Set(of("Card", clause.OpDelete)).Update(ctx))
		see(gorm.G[Member](db).Where("members.id = ?", 5).Set(of("Company", clause.OpUnlink)).Update(ctx))
	}},
	{"ExecInterface.Scan", func(w *witness, db *gorm.DB) {
		var rows []smallMember
		w.err(gorm.G[Member](db).Where("region = ?", "EU").Order("id").Scan(context.Background(), &rows), rows)
	}},
	{"ExecInterface.First", func(w *witness, db *gorm.DB) {
		see, ctx := found[Member](w), context.Background()
		see(gorm.G[Member](db).First(ctx))
		see(members(db).Where("region = ?", "APAC").First(ctx))
		see(members(db).Where("region = ?", "NOWHERE").First(ctx))
	}},
	{"ExecInterface.Last", func(w *witness, db *gorm.DB) {
		see, ctx := found[Member](w), context.Background()
		see(gorm.G[Member](db).Last(ctx))
		see(members(db).Where("age = 20").Last(ctx))
	}},
	{"ExecInterface.Take", func(w *witness, db *gorm.DB) {
		see, ctx := found[Member](w), context.Background()
		see(members(db).Where("name = ?", "m5").Take(ctx))
		see(members(db).Where("name = ?", "nobody").Take(ctx))
	}},
	{"ExecInterface.Find", func(w *witness, db *gorm.DB) {
		found[[]Gizmo](w)(gorm.G[Gizmo](db).Order("code, serial").Find(context.Background()))
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		found[[]Member](w)(gorm.G[Member](db).Find(ctx))
	}},
	{"ExecInterface.FindInBatches", func(w *witness, db *gorm.DB) {
		ctx := context.Background()
		w.err(gorm.G[Member](db).FindInBatches(ctx, 3, func(data []Member, batch int) error { w.see(batch, data); return nil }))
		w.err(members(db).FindInBatches(ctx, 2, func([]Member, int) error { return errSurface }))
	}},
	{"ExecInterface.Row", func(w *witness, db *gorm.DB) {
		var sum int
		w.err(gorm.G[Member](db).Select("SUM(age)").Row(context.Background()).Scan(&sum), sum)
	}},
	{"ExecInterface.Rows", func(w *witness, db *gorm.DB) {
		rows, err := members(db).Select("name").Order("name DESC").Rows(context.Background())
		w.err(err)
		for rows.Next() {
			var name string
			w.err(rows.Scan(&name), name)
		}
		w.err(rows.Close())
	}},
}

// built is a builder that is no statement.
type built struct{ text []byte }

func (b *built) WriteByte(c byte) error            { b.text = append(b.text, c); return nil }
func (b *built) WriteString(s string) (int, error) { b.text = append(b.text, s...); return len(s), nil }
func (*built) WriteQuoted(any)                     {}
func (*built) AddVar(clause.Writer, ...any)        {}
func (*built) AddError(err error) error            { return err }
