package tests

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
)

// TestScopedLensNarrowsPlainWrites: an update or delete with the scope of a lens means the
// versions that it sees, not all; a lens of the context is for reads.
func TestScopedLensNarrowsPlainWrites(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, db *gorm.DB, _ *time.Time) {
		refill := func() {
			for _, number := range []string{"A", "B"} {
				_, err := dtde.DeletePortion(db.Model(&Policy{}).Where("number = ?", number), dtde.Period{})
				require.NoError(t, err)
				for premium, from := range map[int]int{1: 1, 2: 10, 3: 32} {
					_, err := dtde.SaveWithVersioning(db, &Policy{Number: number, Premium: premium}, dtde.Effective(day(from)))
					require.NoError(t, err)
				}
			}
		}
		refill()
		before := timeline(t, db, "A")
		at := func(n int) *gorm.DB { return db.Scopes(dtde.ValidAt(day(n))) }
		tx := at(12).Model(&Policy{}).Where("number = ?", "A").Update("premium", 9)
		if tx.Error != nil { // versions that are cut
			require.ErrorIs(t, tx.Error, dtde.ErrUnversionedWrite)
			return
		}
		assert.EqualValues(t, 1, tx.RowsAffected)
		assert.Equal(t, "1 [2024-01-01, 2024-01-10) 9 [2024-01-10, 2024-02-01) 3 [2024-02-01, ∞)", timeline(t, db, "A"))

		tx = at(12).Where("premium < 9 OR number = 'A'").Delete(&Policy{})
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 2, tx.RowsAffected, "an OR does not reach the lens")
		assert.Equal(t, "1 [2024-01-01, 2024-01-10) 3 [2024-02-01, ∞)", timeline(t, db, "B"))

		refill()
		tx = db.Scopes(dtde.Latest()).Model(&Policy{}).Where("number = ?", "A").Update("premium", 4)
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 1, tx.RowsAffected)
		var latest []Policy
		tx = db.Scopes(dtde.Latest()).Where("number = ?", "A").Find(&latest)
		require.NoError(t, tx.Error)
		if !strings.HasSuffix(t.Name(), "by_start") { // what is latest, other shards say
			assert.Len(t, dtde.Plans(tx)[0].ShardIDs(), 1, "the lens does not hide the key")
		}
		require.Len(t, latest, 1)
		assert.Equal(t, 4, latest[0].Premium)
		tx = db.Scopes(dtde.ValidBetween(day(1), day(10))).Where("number = ?", "B").Delete(&Policy{})
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 1, tx.RowsAffected)
		require.ErrorIs(t, at(12).Delete(&Policy{}).Error, gorm.ErrMissingWhereClause, "a lens alone is no condition")

		refill()
		require.Equal(t, before, timeline(t, db, "A"))
		ctx := dtde.WithAsOf(context.Background(), day(12))
		tx = db.WithContext(ctx).Model(&Policy{}).Where("number = ?", "A").Update("premium", 9)
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 3, tx.RowsAffected)

		// the calls that write versions say their period themselves
		refill()
		_, err := dtde.SaveWithVersioning(at(12), &Policy{Number: "A", Premium: 5}, dtde.Effective(day(33)))
		require.NoError(t, err)
		assert.Equal(t, "1 [2024-01-01, 2024-01-10) 2 [2024-01-10, 2024-02-01) 3 [2024-02-01, 2024-02-02) 5 [2024-02-02, ∞)", timeline(t, db, "A"))
	})
}

// TestLensReachesSubqueriesOfWrites of an entity, as those of other models' writes.
func TestLensReachesSubqueriesOfWrites(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, db *gorm.DB, _ *time.Time) {
		for premium, from := range map[int]int{100: 1, 200: 10} {
			_, err := dtde.SaveWithVersioning(db, &Policy{Number: "A", Premium: premium}, dtde.Effective(day(from)))
			require.NoError(t, err)
		}
		_, err := dtde.SaveWithVersioning(db, &Rider{Code: "r", PolicyNumber: "A"}, dtde.Effective(day(1)))
		require.NoError(t, err)
		cheap := db.Model(&Policy{}).Select("number").Where("premium < ?", 150)
		for n, want := range map[int]int64{5: 1, 15: 0} {
			tx := db.Scopes(dtde.ValidAt(day(n))).Model(&Rider{}).Where("code = 'r' AND policy_number IN (?)", cheap).Update("text", "cheap")
			if tx.Error != nil {
				require.ErrorIs(t, tx.Error, dtde.ErrUnversionedWrite)
				return
			}
			assert.Equal(t, want, tx.RowsAffected)
		}
	})
}
