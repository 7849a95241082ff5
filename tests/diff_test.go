package tests

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// changes prints differences.
func changes[T any](list []dtde.Difference[T]) (out []string) {
	for _, d := range list {
		text := fmt.Sprint(d.Key, " ", d.Before != nil, " ", d.After != nil)
		for _, c := range d.Columns {
			text += fmt.Sprintf(" %s %v→%v", c.Column, c.Before, c.After)
		}
		out = append(out, text)
	}
	return out
}

// TestDiff: what changed between two instants, key by key and column by column.
func TestDiff(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, db *gorm.DB, now *time.Time) {
		save := func(number string, premium, at int) {
			t.Helper()
			_, err := dtde.SaveWithVersioning(db, &Policy{Number: number, Premium: premium}, dtde.Effective(day(at)))
			require.NoError(t, err)
		}
		save("a", 1, 5)
		save("a", 2, 35)
		save("a", 1, 65)
		save("b", 9, 20)
		save("c", 4, 40)
		_, err := dtde.Terminate(db, &Policy{Number: "b"}, day(50))
		require.NoError(t, err)
		diff := func(query *gorm.DB, before, after func(*gorm.DB) *gorm.DB) []string {
			t.Helper()
			list, err := dtde.Diff[Policy](query, before, after)
			require.NoError(t, err)
			return changes(list)
		}
		assert.Equal(t, []string{"[a] true true premium 1→2", "[b] false true premium <nil>→9", "[c] false true premium <nil>→4"},
			diff(db, dtde.ValidAt(day(10)), dtde.ValidAt(day(45))))
		assert.Equal(t, []string{"[b] true false premium 9→<nil>"}, diff(db.Where("number <> ?", "c").Where("premium > ?", 5), dtde.ValidAt(day(45)), dtde.ValidAt(day(50))))
		assert.Empty(t, diff(db.Model(&Policy{Number: "a"}), dtde.ValidAt(day(10)), dtde.ValidAt(day(70))), "the same data in another version")
		*now = day(36)
		assert.Equal(t, []string{"[a] true true premium 2→1"}, diff(db.Model(&Policy{Number: "a"}), dtde.Current(), dtde.Latest()))
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			_, err := dtde.SaveWithVersioning(tx, &Policy{Number: "a", Premium: 77}, dtde.Effective(day(36)))
			require.NoError(t, err)
			assert.Equal(t, []string{"[a] true true premium 2→77"}, diff(tx.Model(&Policy{Number: "a"}), dtde.ValidAt(day(35)), dtde.Current()), "its own writes, too")
			return nil
		}))
		_, err = dtde.Diff[Policy](db, dtde.ValidAt(day(10)), dtde.AllVersions())
		require.ErrorIs(t, err, dtde.ErrUnsupported)
		require.ErrorContains(t, err, "diff-versions")
		_, err = dtde.Diff[Policy](db.Limit(1), dtde.ValidAt(day(10)), dtde.Current())
		require.ErrorContains(t, err, "diff-query")
		_, err = dtde.Diff[Policy](db.Model(&Rider{}), dtde.ValidAt(day(10)), dtde.Current())
		require.ErrorIs(t, err, gorm.ErrInvalidValue)

		versions, err := dtde.Timeline(db, &Policy{Number: "a"})
		require.NoError(t, err)
		columns, err := dtde.DiffVersions(db, &versions[0], &versions[1])
		require.NoError(t, err)
		assert.Equal(t, []dtde.ColumnDifference{{Column: "premium", Before: 1, After: 2}}, columns)
	})
}

// TestDiffOfKnowledge: what was believed of one instant, and what is.
func TestDiffOfKnowledge(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		now := day(10)
		db := d.Open(t, &gorm.Config{NowFunc: func() time.Time { return now }})
		require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{
			dtde.Model(&Rate{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Code").System("RecordedFrom", "RecordedTo").ShardByHash("Code", 3),
		}})))
		require.NoError(t, db.AutoMigrate(&Rate{}))
		for i, percent := range []int{5, 7} {
			now = day(10 + 10*i)
			_, err := dtde.SaveWithVersioning(db, &Rate{Code: "x", Percent: percent}, dtde.Effective(day(1+2*i)))
			require.NoError(t, err)
		}
		for at, expected := range map[int][]string{2: nil, 3: {"[x] true true percent 5→7"}} {
			list, err := dtde.Diff[Rate](db.Scopes(dtde.ValidAt(day(at))), dtde.KnownAt(day(12)), dtde.KnownAt(day(25)))
			require.NoError(t, err)
			assert.Equal(t, expected, changes(list), "of day %d", at)
		}
	})
}
