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

// TestFewOfAnInstantComeFromTheNewestShards: a page in no order of what is valid at an
// instant looks at the shards of late starts first, and its pages are still all of it.
func TestFewOfAnInstantComeFromTheNewestShards(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		for _, first := range []string{"", "2024_q2"} {
			db := d.Open(t, &gorm.Config{NowFunc: func() time.Time { return date(2024, 8, 15) }, DisableForeignKeyConstraintWhenMigrating: true})
			policy := dtde.Model(&Policy{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Number").
				ShardByDate("ValidFrom", dtde.Quarter, date(2024, 1, 1), date(2025, 1, 1))
			expected := []string{"2024_q3", "2024_q2", "2024_q1"}
			if first != "" {
				policy = policy.WithShards(dtde.Shard{ID: first, Priority: 50})
				expected = []string{"2024_q2", "2024_q3", "2024_q1"}
			}
			require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{policy,
				dtde.Model(&Rider{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Code")}})))
			require.NoError(t, db.AutoMigrate(&Policy{}, &Rider{}))
			for i := range 24 { // the fourth quarter's is to come
				_, err := dtde.SaveWithVersioning(db, &Policy{Number: fmt.Sprint("n", i), Premium: i}, dtde.Effective(date(2024, 1+i/2, 1+i)))
				require.NoError(t, err)
			}
			at := dtde.ValidAt(date(2024, 9, 30))
			order := func(scopes func(*gorm.DB) *gorm.DB) []string {
				plans, err := dtde.Explain(db, func(tx *gorm.DB) *gorm.DB { return scopes(tx).Find(&[]Policy{}) })
				require.NoError(t, err)
				require.Len(t, plans, 1)
				return plans[0].ShardIDs()
			}
			assert.Equal(t, expected, order(func(tx *gorm.DB) *gorm.DB { return tx.Scopes(at).Limit(3) }))
			assert.Equal(t, expected, order(func(tx *gorm.DB) *gorm.DB { return tx.Scopes(at).Where("premium > ?", 1).Offset(2).Limit(3) }))
			visiting := []string{"2024_q1", "2024_q2", "2024_q3"}
			if first != "" {
				visiting = []string{"2024_q2", "2024_q1", "2024_q3"}
			}
			assert.Equal(t, visiting, order(func(tx *gorm.DB) *gorm.DB { return tx.Scopes(at).Order("premium").Limit(3) }), "an order decides")
			assert.Equal(t, visiting, order(func(tx *gorm.DB) *gorm.DB { return tx.Scopes(at) }), "all of them: nothing to gain")
			seen := map[int]bool{}
			for page := 0; ; page++ {
				var list []Policy
				require.NoError(t, db.Scopes(at).Limit(5).Offset(5*page).Find(&list).Error)
				for _, p := range list {
					assert.False(t, seen[p.Premium], "on two pages")
					seen[p.Premium] = true
				}
				if len(list) < 5 {
					break
				}
			}
			assert.Len(t, seen, 18)
			var few []Policy
			require.NoError(t, db.Scopes(at).Limit(6).Find(&few).Error)
			require.Len(t, few, 6)
			for _, p := range few {
				assert.GreaterOrEqual(t, p.ValidFrom.Month(), map[string]time.Month{"": time.July, "2024_q2": time.April}[first], "MariaDB, too, gives the first branch's rows first")
			}
		}
	})
}
