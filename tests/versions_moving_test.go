package tests

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// byQuarter prints what each quarter's shard holds of policy a: id, premium, period.
func byQuarter(t *testing.T, db *gorm.DB) (out string) {
	t.Helper()
	for _, shard := range []string{"2024_q1", "2024_q2", "2024_q3", "2024_q4"} {
		var list []Policy
		require.NoError(t, db.Scopes(dtde.OnShard(shard)).Where("number = ?", "a").Order("valid_from").Find(&list).Error)
		for _, p := range list {
			to := "∞"
			if p.ValidTo != nil {
				to = p.ValidTo.UTC().Format("01-02")
			}
			out += fmt.Sprintf("%s: %d [%s, %s) ", shard[5:], p.Premium, p.ValidFrom.UTC().Format("01-02"), to)
		}
	}
	return out
}

// TestStartsMoveToTheirShard: leftovers go to their own shards, and so does a row whose
// start moves; it keeps its id. All of it is one transaction: where one of the shards
// refuses its part, nothing is written.
func TestStartsMoveToTheirShard(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t, &gorm.Config{NowFunc: func() time.Time { return date(2024, 11, 15) }, DisableForeignKeyConstraintWhenMigrating: true})
		plugin := quarterly(t, db)
		require.NoError(t, db.AutoMigrate(&Policy{}, &Rider{}))
		require.NoError(t, plugin.EnsureShards(t.Context(), date(2024, 12, 31)))
		begun := Policy{Number: "a", Premium: 1}
		_, err := dtde.Put(db, &begun, dtde.Period{From: date(2024, 2, 10), To: date(2024, 10, 20)})
		require.NoError(t, err)
		require.NoError(t, plugin.Seal(t.Context(), &Policy{}, "2024_q3", time.Time{}))

		portion := func(from, to time.Time, premium int) error {
			_, err := dtde.UpdatePortion(db.Model(&Policy{Number: "a"}), dtde.Period{From: from, To: to}, map[string]any{"premium": premium})
			return err
		}
		// the right leftover would be in the third quarter and end in the fourth
		require.ErrorIs(t, portion(date(2024, 7, 5), date(2024, 9, 20), 2), dtde.ErrSealed)
		assert.Equal(t, "q1: 1 [02-10, 10-20) ", byQuarter(t, db))
		// the row moves to the sealed shard, and ends within it
		require.NoError(t, portion(date(2024, 7, 5), date(2024, 10, 1), 2))
		assert.Equal(t, "q1: 1 [02-10, 07-05) q3: 2 [07-05, 10-01) q4: 1 [10-01, 10-20) ", byQuarter(t, db))
		var moved Policy
		require.NoError(t, db.First(&moved, begun.ID).Error)
		assert.Equal(t, 2, moved.Premium, "it kept its id")
		// and from there to an earlier one
		require.NoError(t, portion(date(2024, 2, 10), date(2024, 7, 5), 2))
		_, err = dtde.Coalesce(db, &Policy{Number: "a"})
		require.NoError(t, err)
		assert.Equal(t, "q1: 2 [02-10, 10-01) q4: 1 [10-01, 10-20) ", byQuarter(t, db))
		_, err = dtde.Put(db, &Policy{Number: "a", Premium: 3}, dtde.Period{From: date(2024, 1, 1), To: date(2024, 7, 1)})
		require.NoError(t, err)
		assert.Equal(t, "q1: 3 [01-01, 07-01) q3: 2 [07-01, 10-01) q4: 1 [10-01, 10-20) ", byQuarter(t, db))
		findings, err := dtde.Check(db, &Policy{Number: "a"})
		require.NoError(t, err)
		assert.Empty(t, findings)
	})
}

// TestVersionsMoveOverDatabases: the same where the shards are in three databases. Where
// the engine can't commit over several, it is refused, and nothing is written.
func TestVersionsMoveOverDatabases(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, plugin := overDatabases(t, d, dtde.Model(&Placement{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Code").
			ShardByDate("ValidFrom", dtde.Quarter, date(2024, 1, 1), date(2025, 1, 1)).
			WithShards(dtde.Shard{ID: "2024_q1", Database: "eu"}, dtde.Shard{ID: "2024_q2", Database: "us"},
				dtde.Shard{ID: "2024_q3", Database: "own"}, dtde.Shard{ID: "2024_q4", Database: "eu"}))
		require.NoError(t, db.AutoMigrate(&Placement{}))
		require.NoError(t, plugin.EnsureShards(t.Context(), date(2024, 12, 31)))
		tx := db
		if d.Name != "postgres" {
			tx = db.WithContext(dtde.BestEffort(context.Background()))
		}
		_, err := dtde.Put(tx, &Placement{Code: "a", Count: 1}, dtde.Period{From: date(2024, 2, 10), To: date(2024, 10, 20)})
		require.NoError(t, err)
		history := func() (out string) {
			rows, err := dtde.Timeline(db, &Placement{Code: "a"})
			require.NoError(t, err)
			for _, r := range rows {
				out += fmt.Sprintf("%d [%s, %s) ", r.Count, r.ValidFrom.UTC().Format("01-02"), r.ValidTo.UTC().Format("01-02"))
			}
			return out
		}
		write := func(tx *gorm.DB) error {
			_, err := dtde.UpdatePortion(tx.Model(&Placement{Code: "a"}), dtde.Period{From: date(2024, 5, 5), To: date(2024, 7, 20)}, map[string]any{"count": 2})
			return err
		}
		if d.Name != "postgres" {
			require.ErrorIs(t, write(db), dtde.ErrUnsupported)
			assert.Equal(t, "1 [02-10, 10-20) ", history())
		}
		require.NoError(t, write(tx))
		assert.Equal(t, "1 [02-10, 05-05) 2 [05-05, 07-20) 1 [07-20, 10-20) ", history())
		for shard, count := range map[string]int{"2024_q1": 1, "2024_q2": 2, "2024_q3": 1} {
			var list []Placement
			require.NoError(t, db.Scopes(dtde.OnShard(shard)).Find(&list).Error)
			require.Len(t, list, 1, shard)
			assert.Equal(t, count, list[0].Count, shard)
		}
		require.Error(t, db.Transaction(func(tx *gorm.DB) error { // rolled back everywhere
			if err := write(tx.WithContext(dtde.BestEffort(context.Background()))); err != nil {
				return err
			}
			_, err := dtde.Terminate(tx, &Placement{Code: "a"}, date(2024, 3, 1))
			require.NoError(t, err)
			return context.Canceled
		}))
		assert.Equal(t, "1 [02-10, 05-05) 2 [05-05, 07-20) 1 [07-20, 10-20) ", history())
	})
}
