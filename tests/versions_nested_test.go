package tests

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
)

// Broker is a model without versions that is read beside policies.
type Broker struct {
	ID     int64  `gorm:"primaryKey;autoIncrement:false"`
	Number string `gorm:"size:20"`
}

// TestLensReachesSubqueries: a subquery that is built from another *gorm.DB is read
// through the lens of the statement around it, unless it has one of its own; it stays as
// it is for the next statement.
func TestLensReachesSubqueries(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, db *gorm.DB, _ *time.Time) {
		require.NoError(t, db.AutoMigrate(&Broker{}))
		require.NoError(t, db.Create(&[]Broker{{1, "A"}, {2, "B"}, {3, "none"}}).Error)
		save := func(number string, premium int, at int) {
			_, err := dtde.SaveWithVersioning(db, &Policy{Number: number, Premium: premium}, dtde.Effective(day(at)))
			require.NoError(t, err)
		}
		save("A", 100, 1)
		save("A", 200, 10)
		save("B", 200, 1)
		save("B", 100, 10)
		cheap := func() *gorm.DB { return db.Model(&Policy{}).Select("number").Where("premium < ?", 150) }
		numbers := func(tx *gorm.DB, sub *gorm.DB) []string {
			var list []string
			require.NoError(t, tx.Model(&Broker{}).Where("number IN (?)", sub).Order("id").Pluck("number", &list).Error)
			return list
		}
		at := func(n int) *gorm.DB { return db.Scopes(dtde.ValidAt(day(n))) }
		assert.Equal(t, []string{"A", "B"}, numbers(db, cheap()), "no lens: every version")
		assert.Equal(t, []string{"A"}, numbers(at(5), cheap()))
		assert.Equal(t, []string{"B"}, numbers(at(15), cheap()))
		assert.Equal(t, []string{"A"}, numbers(db.WithContext(dtde.WithAsOf(context.Background(), day(5))), cheap()))
		assert.Equal(t, []string{"B"}, numbers(at(5), cheap().Scopes(dtde.ValidAt(day(15)))), "its own lens wins")
		shared := cheap().Session(&gorm.Session{})
		assert.Equal(t, []string{"A"}, numbers(at(5), shared))
		assert.Equal(t, []string{"B"}, numbers(at(15), shared), "what is shared is not changed")
		assert.Equal(t, []string{"A", "B"}, numbers(db, shared))

		var policies []Policy
		require.NoError(t, at(5).Where("number = 'B' OR number IN (?)", cheap()).Order("number").Find(&policies).Error)
		require.Len(t, policies, 2, "temporal around temporal")
		assert.Equal(t, []int{100, 200}, []int{policies[0].Premium, policies[1].Premium})
		var count int64
		require.NoError(t, at(15).Model(&Policy{}).Not(db.Where("number IN (?)", cheap())).Count(&count).Error)
		assert.EqualValues(t, 1, count, "inside groups of conditions")
		require.NoError(t, at(15).Table("(?) AS c", cheap()).Count(&count).Error)
		assert.EqualValues(t, 1, count, "as a table")
		nested := db.Model(&Broker{}).Select("number").Where("number IN (?)", cheap())
		assert.Equal(t, []string{"B"}, numbers(at(15), nested), "a subquery of a subquery")
	})
}

// TestLensReachesEveryFormOfSubquery: named arguments, comparisons, selected and assigned
// values, joins.
func TestLensReachesEveryFormOfSubquery(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, db *gorm.DB, _ *time.Time) {
		require.NoError(t, db.AutoMigrate(&Broker{}))
		require.NoError(t, db.Create(&[]Broker{{1, "A"}, {2, "B"}, {150, "C"}}).Error)
		for _, v := range []struct {
			number      string
			premium, at int
		}{{"A", 100, 1}, {"A", 200, 10}, {"B", 200, 1}, {"B", 100, 10}} {
			_, err := dtde.SaveWithVersioning(db, &Policy{Number: v.number, Premium: v.premium}, dtde.Effective(day(v.at)))
			require.NoError(t, err)
		}
		cheap := func() *gorm.DB { return db.Model(&Policy{}).Select("number").Where("premium < ?", 150) }
		ofB := func() *gorm.DB { return db.Model(&Policy{}).Select("premium").Where("number = ?", "B") } // 200, then 100
		at := func(n int) *gorm.DB { return db.Scopes(dtde.ValidAt(day(n))).Model(&Broker{}).Order("id") }
		for name, where := range map[string]func(tx *gorm.DB) *gorm.DB{
			"named":      func(tx *gorm.DB) *gorm.DB { return tx.Where("number IN (@cheap)", sql.Named("cheap", cheap())) },
			"named map":  func(tx *gorm.DB) *gorm.DB { return tx.Where("number IN (@cheap)", map[string]any{"cheap": cheap()}) },
			"map":        func(tx *gorm.DB) *gorm.DB { return tx.Where(map[string]any{"number": gorm.Expr("(?)", cheap())}) },
			"expression": func(tx *gorm.DB) *gorm.DB { return tx.Where("number IN (?)", gorm.Expr("?", cheap())) },
			"IN": func(tx *gorm.DB) *gorm.DB {
				return tx.Where(clause.IN{Column: "number", Values: []any{gorm.Expr("(?)", cheap())}})
			},
			"join's text": func(tx *gorm.DB) *gorm.DB { return tx.Joins("JOIN (?) AS c ON c.number = brokers.number", cheap()) },
		} {
			for instant, want := range map[int][]string{5: {"A"}, 15: {"B"}} {
				var list []string
				require.NoError(t, where(at(instant)).Pluck("brokers.number", &list).Error, name)
				assert.Equal(t, want, list, name)
			}
		}
		for name, where := range map[string]func(tx *gorm.DB) *gorm.DB{
			"Gt":  func(tx *gorm.DB) *gorm.DB { return tx.Where(clause.Gt{Column: "id", Value: gorm.Expr("(?)", ofB())}) },
			"Gte": func(tx *gorm.DB) *gorm.DB { return tx.Where(clause.Gte{Column: "id", Value: gorm.Expr("(?)", ofB())}) },
			"Lt":  func(tx *gorm.DB) *gorm.DB { return tx.Not(clause.Lt{Column: "id", Value: gorm.Expr("(?)", ofB())}) },
			"Lte": func(tx *gorm.DB) *gorm.DB { return tx.Not(clause.Lte{Column: "id", Value: gorm.Expr("(?)", ofB())}) },
		} {
			for instant, want := range map[int]int64{5: 0, 15: 1} {
				var n int64
				require.NoError(t, where(db.Scopes(dtde.ValidAt(day(instant))).Model(&Broker{})).Count(&n).Error, name)
				assert.Equal(t, want, n, name)
			}
		}
		for instant, want := range map[int]int64{5: 200, 15: 100} {
			var n int64
			require.NoError(t, at(instant).Where("id = 1").Select("(?)", ofB()).Scan(&n).Error)
			assert.Equal(t, want, n, "selected")
			require.NoError(t, at(instant).Where("id > 2").Update("id", ofB()).Error)
			require.NoError(t, db.Model(&Broker{}).Select("MAX(id)").Scan(&n).Error)
			assert.Equal(t, want, n, "assigned")
			require.NoError(t, at(instant).Where("id > 2").Updates(map[string]any{"id": gorm.Expr("(?) + 1", ofB())}).Error)
			require.NoError(t, db.Model(&Broker{}).Select("MAX(id)").Scan(&n).Error)
			assert.Equal(t, want+1, n, "assigned in an expression")
		}
	})
}
