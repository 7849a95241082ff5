package tests

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	dbservers "github.com/go-dtde/dtde/internal/testenv/servers"
)

// Customers_EU on server 1 and Customers_US on server 2: what is asked of one region
// connects to its server only. (A row with a key of the program's own is the exception:
// whether the key is taken, the other servers must say.)
func TestRegionUSConnectsToItsServerOnly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		run  func(t *testing.T, db *gorm.DB)
	}{
		{"find", func(t *testing.T, db *gorm.DB) {
			var out []Consignment
			require.NoError(t, db.Where("region = ?", "US").Find(&out).Error)
			assert.Len(t, out, 10)
			for _, one := range out {
				assert.Equal(t, "US", one.Region)
			}
		}},
		{"count", func(t *testing.T, db *gorm.DB) {
			var n int64
			require.NoError(t, db.Model(&Consignment{}).Where("region = ?", "US").Count(&n).Error)
			assert.EqualValues(t, 10, n)
		}},
		{"create", func(t *testing.T, db *gorm.DB) {
			require.NoError(t, db.Create(&Consignment{Region: "US", Label: "new"}).Error)
		}},
		{"update", func(t *testing.T, db *gorm.DB) {
			tx := db.Model(&Consignment{}).Where("region = ? AND weight >= 0", "US").Update("label", "seen")
			require.NoError(t, tx.Error)
			assert.EqualValues(t, 10, tx.RowsAffected)
		}},
		{"delete", func(t *testing.T, db *gorm.DB) {
			tx := db.Where("region = ?", "US").Delete(&Consignment{})
			require.NoError(t, tx.Error)
			assert.EqualValues(t, 10, tx.RowsAffected)
		}},
		{"a transaction", func(t *testing.T, db *gorm.DB) {
			require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
				if err := tx.Create(&Consignment{Region: "US"}).Error; err != nil {
					return err
				}
				var out []Consignment
				if err := tx.Where("region = ?", "US").Find(&out).Error; err != nil {
					return err
				}
				assert.Len(t, out, 11, "it sees its own row")
				return nil
			}))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDepots(t, 10)
			s := openSpread(t, d, nil)
			dbservers.LeakCheck(t, d.set, append(s.pools, s.own)...)
			assert.Equal(t, []int{0, 0, 0}, d.connections(), "Use dials none of them")
			c.run(t, s.db)
			got := d.connections()
			assert.Zero(t, got[0])
			assert.Positive(t, got[1])
			assert.Zero(t, got[2])
		})
	}
}

// What needs all servers gives what one table gives.
func TestThreeServersAreOneTable(t *testing.T) {
	t.Parallel()
	d := newDepots(t, 100)
	s := openSpread(t, d, nil)
	dbservers.LeakCheck(t, d.set, append(s.pools, s.own)...)
	var all []Consignment
	require.NoError(t, s.db.Order("id").Find(&all).Error)
	require.Len(t, all, 300)
	for i, one := range all {
		assert.EqualValues(t, i, one.ID)
		assert.Equal(t, depotRegions[i%3], one.Region)
	}
	var page []Consignment
	require.NoError(t, s.db.Order("id DESC").Offset(100).Limit(10).Find(&page).Error)
	require.Len(t, page, 10)
	assert.EqualValues(t, 199, page[0].ID)
	var n int64
	require.NoError(t, s.db.Model(&Consignment{}).Where("id < ?", 50).Count(&n).Error)
	assert.EqualValues(t, 50, n)
	var sum int64
	require.NoError(t, s.db.Model(&Consignment{}).Select("SUM(id)").Scan(&sum).Error)
	assert.EqualValues(t, 299*300/2, sum)
}

// A transaction over servers is all there or not at all.
func TestTransactionOverThreeServers(t *testing.T) {
	t.Parallel()
	d := newDepots(t, 10)
	s := openSpread(t, d, nil)
	dbservers.LeakCheck(t, d.set, append(s.pools, s.own)...)
	rows := []Consignment{{ID: 1000, Region: "EU"}, {ID: 1001, Region: "US"}, {ID: 1002, Region: "APAC"}}
	count := func() (n int64) {
		require.NoError(t, s.db.Model(&Consignment{}).Where("id >= ?", 1000).Count(&n).Error)
		return n
	}
	err := s.db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(&rows).Error)
		return assert.AnError
	})
	require.ErrorIs(t, err, assert.AnError)
	assert.Zero(t, count())
	require.NoError(t, s.db.Create(&rows).Error)
	assert.EqualValues(t, 3, count())

	// One that fails on the last server leaves nothing on the others.
	more := []Consignment{{ID: 2000, Region: "EU"}, {ID: 2001, Region: "US"}, {ID: 1002, Region: "APAC"}}
	require.Error(t, s.db.Create(&more).Error, "the key is there")
	assert.EqualValues(t, 3, count())

	// So does one whose error is ignored: PREPARE of an aborted transaction says nothing.
	err = s.db.Transaction(func(tx *gorm.DB) error {
		for i := range more {
			tx.Create(&more[i])
		}
		return nil
	})
	require.Error(t, err)
	assert.EqualValues(t, 3, count())
}
