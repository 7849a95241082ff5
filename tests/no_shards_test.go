package tests

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
)

// TestBeforeAnyShard: an entity whose shards are made on demand answers like an empty
// table before the first of them, also where columns are compared and summed.
func TestBeforeAnyShard(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		require.NoError(t, db.Use(dtde.Register(entities(
			dtde.Model(&Order{}).ShardByDate("OrderDate", dtde.Year, utc(2023, 1, 1), utc(2026, 1, 1))))))
		var list []Order
		require.NoError(t, db.Where("order_date >= ? AND customer = ? AND amount > ?", utc(2024, 1, 1), "a", 3).
			Order("order_date").Limit(2).Find(&list).Error)
		assert.Empty(t, list)
		assert.ErrorIs(t, db.First(&Order{}, 7).Error, gorm.ErrRecordNotFound)
		var total *int64
		require.NoError(t, db.Model(&Order{}).Select("SUM(amount)").Where("order_date < ?", utc(2024, 1, 1)).Scan(&total).Error)
		assert.Nil(t, total)
		var n int64
		require.NoError(t, db.Model(&Order{}).Where("id IN ?", []int64{1, 2}).Count(&n).Error)
		assert.Zero(t, n)
	})
}
