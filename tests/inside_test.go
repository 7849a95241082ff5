package tests

import (
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
)

// insides have SQL text, or another statement, at a depth of an expression where a walk
// over expressions may miss it.
var insides = []surfaceCase{
	{"DB.Where/text inside values", func(w *witness, db *gorm.DB) {
		heavy := gorm.Expr("SELECT AVG(weight) FROM pets")
		owners := gorm.Expr("(SELECT MAX(member_id) FROM pets WHERE weight > ?)", 1)
		for _, tx := range []*gorm.DB{
			db.Where("age > (?)", gorm.Expr("SELECT MIN(m.age) FROM members m")),
			db.Where("age + 1 > (@least)", sql.Named("least", gorm.Expr("SELECT MIN(m.age) FROM members m"))),
			db.Where("age + 1 > (@least)", map[string]any{"least": gorm.Expr("SELECT MIN(m.age) FROM members m")}),
			db.Where(map[string]any{"id": owners}),
			db.Where(clause.Neq{Column: "id", Value: owners}),
			db.Where(clause.Gt{Column: "id", Value: owners}),
			db.Where(clause.Gte{Column: "id", Value: owners}),
			db.Where(clause.Lt{Column: "id", Value: owners}),
			db.Where(clause.Lte{Column: "id", Value: owners}),
			db.Where(clause.IN{Column: "id", Values: []any{owners, 1}}),
			db.Where(clause.Like{Column: "name", Value: gorm.Expr("(SELECT MIN(name) FROM members)")}),
			db.Not(db.Where(clause.Or(clause.Gt{Column: "id", Value: owners}, clause.Eq{Column: "id", Value: 1}))),
			db.Joins("Company", db.Where("? > 0", gorm.Expr("(?)", heavy))),
		} {
			var ids []int64
			w.tx(tx.Model(&Member{}).Order("members.id").Pluck("members.id", &ids), ids)
		}
	}},
	{"DB.Where/statements inside values", func(w *witness, db *gorm.DB) {
		owner := func() *gorm.DB { return db.Model(&Pet{}).Select("MAX(member_id)").Where("weight > ?", 1) }
		for _, tx := range []*gorm.DB{
			db.Where(clause.Gt{Column: "id", Value: gorm.Expr("(?)", owner())}),
			db.Where(clause.Lte{Column: "id", Value: gorm.Expr("(?)", owner())}),
			db.Where("id = (@id)", sql.Named("id", owner())),
			db.Where("id = (@id)", map[string]any{"id": owner()}),
			db.Where("id >= ?", gorm.Expr("(?)", owner())),
		} {
			var ids []int64
			w.tx(tx.Model(&Member{}).Order("id").Pluck("id", &ids), ids)
		}
	}},
	{"DB.Clauses/text inside columns and order", func(w *witness, db *gorm.DB) {
		var names []string
		w.tx(db.Model(&Member{}).Clauses(clause.OrderBy{Expression: clause.CommaExpression{Exprs: []clause.Expression{
			clause.Expr{SQL: "(SELECT COUNT(*) FROM pets WHERE pets.member_id = members.id) DESC"}, clause.Expr{SQL: "members.id"},
		}}}).Pluck("name", &names), names)
		var rows []map[string]any
		w.tx(db.Model(&Member{}).Clauses(clause.Select{Expression: clause.CommaExpression{Exprs: []clause.Expression{
			clause.Expr{SQL: "name"}, clause.Expr{SQL: "(SELECT COUNT(*) FROM pets) AS pets"},
		}}}).Order("id").Find(&rows), len(rows))
		for _, row := range rows {
			w.see(row["name"], row["pets"])
		}
	}},
	{"DB.Updates/text inside values", func(w *witness, db *gorm.DB) {
		w.tx(db.Model(&Member{}).Where("id < ?", 5).Update("age", gorm.Expr("? + age", gorm.Expr("(SELECT MAX(weight) FROM pets)"))))
		w.tx(db.Model(&Member{}).Where(clause.Gt{Column: "id", Value: gorm.Expr("(SELECT MAX(member_id) FROM pets)")}).Update("age", 1))
	}},
}

func TestInsideExpressions(t *testing.T) {
	t.Parallel()
	runSurface(t, insides, gorm.Config{})
}

// TestLensReachesInsideExpressions: a subquery gets the lens of the statement around it
// wherever it stands.
func TestLensReachesInsideExpressions(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, db *gorm.DB, _ *time.Time) {
		require.NoError(t, db.AutoMigrate(&Broker{}))
		require.NoError(t, db.Create(&[]Broker{{150, "A"}, {250, "B"}}).Error)
		for at, premium := range map[int]int{1: 100, 10: 200} {
			_, err := dtde.SaveWithVersioning(db, &Policy{Number: "A", Premium: premium}, dtde.Effective(day(at)))
			require.NoError(t, err)
		}
		most := func() *gorm.DB { return db.Model(&Policy{}).Select("MAX(premium)") }
		for name, where := range map[string]func() *gorm.DB{
			"greater": func() *gorm.DB { return db.Where(clause.Gt{Column: "id", Value: gorm.Expr("(?)", most())}) },
			"named":   func() *gorm.DB { return db.Where("id > (@most)", sql.Named("most", most())) },
			"map":     func() *gorm.DB { return db.Where("id > (@most)", map[string]any{"most": most()}) },
			"text":    func() *gorm.DB { return db.Where("id > ?", gorm.Expr("(?)", most())) },
			"not":     func() *gorm.DB { return db.Not(clause.Lte{Column: "id", Value: gorm.Expr("(?)", most())}) },
		} {
			for at, want := range map[int]int64{5: 2, 15: 1} {
				var n int64
				require.NoError(t, where().Scopes(dtde.ValidAt(day(at))).Model(&Broker{}).Count(&n).Error)
				assert.Equal(t, want, n, "%s at %d", name, at)
			}
		}
	})
}
