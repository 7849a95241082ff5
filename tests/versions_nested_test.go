package tests

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

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
