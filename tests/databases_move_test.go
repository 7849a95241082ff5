package tests

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Pallet has bytes in its first column, and a text, which MariaDB's driver gives as bytes.
type Pallet struct {
	Seal   []byte
	Code   string `gorm:"primaryKey;size:20"`
	Region string `gorm:"size:8"`
	Weight *int64
}

// TestRowsMoveOverDatabasesAsTheyAre: what a move reads in one database is what the other
// one gets, whichever column comes first.
func TestRowsMoveOverDatabasesAsTheyAre(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, _ := overDatabases(t, d, dtde.Model(&Pallet{}).ShardBy("Region", "eu", "us", "own").WithStorageMode(dtde.Databases))
		plain := d.Open(t)
		weight := int64(7)
		for _, side := range []*gorm.DB{db, plain} {
			require.NoError(t, side.AutoMigrate(&Pallet{}))
			require.NoError(t, bestEffort(side).Create(&[]Pallet{
				{[]byte("n"), "one", "eu", &weight}, {[]byte{0, 255, '?'}, "two", "eu", nil}, {nil, "three", "eu", &weight}, {[]byte{}, "four", "us", nil},
			}).Error)
			tx := bestEffort(side).Model(&Pallet{}).Where("region IN ?", []string{"eu", "us"}).Update("region", "own")
			require.NoError(t, tx.Error)
			assert.EqualValues(t, 4, tx.RowsAffected)
		}
		var want, got []Pallet
		require.NoError(t, plain.Find(&want).Error)
		require.NoError(t, db.Find(&got).Error)
		assert.ElementsMatch(t, want, got)
	})
}
