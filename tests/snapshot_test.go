package tests

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Part is sharded over 8 shards by the value of Slot.
type Part struct {
	ID   int64  `gorm:"primaryKey"`
	Slot string `gorm:"size:4"`
	N    int
}

func TestCountsAreAlwaysWhole(t *testing.T) {
	t.Parallel()
	slots := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	const enough = 4
	span := 2 * time.Second
	if testing.Short() {
		span = 300 * time.Millisecond
	}
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		use(t, db, entities(dtde.Model(&Part{}).ShardBy("Slot", slots...)))
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		end := time.Now().Add(span)
		var writer sync.WaitGroup
		var wrote int
		var failure error
		writer.Add(1)
		go func() {
			defer writer.Done()
			for ; ctx.Err() == nil && failure == nil; wrote++ {
				rows := make([]Part, 8)
				for i := range rows {
					rows[i] = Part{Slot: slots[i], N: wrote}
				}
				failure = db.Create(&rows).Error
			}
		}()
		reads := map[string]int{}
		for time.Now().Before(end) || reads["union"] < enough { // a busy machine gets the time that it needs
			for form, scope := range map[string]func(*gorm.DB) *gorm.DB{"union": dtde.Reads(dtde.ReadUnion), "sessions": dtde.Reads(dtde.ReadSessions)} {
				var n int64
				require.NoError(t, db.Model(&Part{}).Scopes(scope).Count(&n).Error, form)
				require.Zero(t, n%8, "%s counted %d: half of a transaction", form, n)
				var parts []Part
				require.NoError(t, db.Scopes(scope).Where("n % 3 = 0").Find(&parts).Error, form)
				require.Zero(t, len(parts)%8, "%s found %d rows", form, len(parts))
				reads[form]++
			}
		}
		cancel()
		writer.Wait()
		require.NoError(t, failure)
		assert.Positive(t, wrote, "the writer wrote")
	})
}
