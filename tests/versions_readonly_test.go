package tests

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// TestVersionsInReadOnlyShards: a version that lives in a read-only shard can't be closed,
// and then nothing of the write is done, also on shards that would come first.
func TestVersionsInReadOnlyShards(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		now := func() time.Time { return date(2024, 11, 15) }
		db := d.Open(t, &gorm.Config{NowFunc: now, DisableForeignKeyConstraintWhenMigrating: true})
		quarterly(t, db)
		require.NoError(t, db.AutoMigrate(&Policy{}, &Rider{}))
		put := func(db *gorm.DB, premium int, from, to time.Time) error {
			_, err := dtde.Put(db, &Policy{Number: "a", Premium: premium}, dtde.Period{From: from, To: to})
			return err
		}
		require.NoError(t, put(db, 1, date(2024, 1, 5), date(2024, 2, 1)))
		require.NoError(t, put(db, 2, date(2024, 5, 5), date(2024, 9, 1)))
		require.NoError(t, put(db, 3, date(2024, 9, 1), time.Time{}))

		fixed := testenv.Reopen(t, db, &gorm.Config{NowFunc: now})
		var q2 *dtde.Shard
		second := dtde.Register(dtde.Config{Entities: []dtde.Entity{
			dtde.Model(&Policy{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Number").
				ShardByDate("ValidFrom", dtde.Quarter, date(2024, 1, 1), date(2025, 1, 1)).
				WithShards(dtde.Shard{ID: "2024_q2", ReadOnly: true}),
			dtde.Model(&Rider{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Code"),
		}})
		require.NoError(t, fixed.Use(second))
		q2, _ = second.Shard(&Policy{}, "2024_q2")
		require.True(t, q2.ReadOnly)
		before := timeline(t, db, "a")
		require.Equal(t, before, timeline(t, fixed, "a"))
		for name, write := range map[string]func(tx *gorm.DB) error{
			"its end would move":      func(tx *gorm.DB) error { return put(tx, 9, date(2024, 8, 1), date(2024, 9, 1)) },
			"after the first shard's": func(tx *gorm.DB) error { return put(tx, 9, date(2024, 1, 7), date(2024, 8, 1)) },
			"it would go":             func(tx *gorm.DB) error { return put(tx, 9, date(2024, 1, 1), time.Time{}) },
			"it would get a new one":  func(tx *gorm.DB) error { return put(tx, 9, date(2024, 4, 2), date(2024, 4, 3)) },
			"terminate": func(tx *gorm.DB) error {
				_, err := dtde.Terminate(tx, &Policy{Number: "a"}, date(2024, 1, 20))
				return err
			},
		} {
			for _, process := range []*gorm.DB{fixed, fixed.Begin()} {
				require.ErrorIs(t, write(process), dtde.ErrReadOnlyShard, name)
				if process != fixed {
					require.NoError(t, process.Commit().Error)
				}
				assert.Equal(t, before, timeline(t, db, "a"), name)
			}
		}
		// what does not touch it works, and knows of it
		require.NoError(t, put(fixed, 4, date(2024, 10, 1), time.Time{}))
		_, err := dtde.SaveWithVersioning(fixed, &Policy{Number: "a", Premium: 5}, dtde.Effective(date(2024, 2, 10)))
		require.NoError(t, err)
		assert.Equal(t, "1 [2024-01-05, 2024-02-01) 5 [2024-02-10, 2024-05-05) 2 [2024-05-05, 2024-09-01) 3 [2024-09-01, 2024-10-01) 4 [2024-10-01, ∞)", timeline(t, db, "a"))
	})
}
