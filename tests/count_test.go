package tests

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/internal/testenv"
)

// TestCountsAreAddedOnMariaDB: a count over a union would materialise every row there.
func TestCountsAreAddedOnMariaDB(t *testing.T) {
	t.Parallel()
	db := testenv.Only(t, "mariadb").Open(t)
	nine(t, db)
	sent := testenv.Record(db)
	var n int64
	require.NoError(t, db.Model(&Customer{}).Count(&n).Error)
	assert.EqualValues(t, 9, n)
	require.Len(t, sent.Statements(), 1)
	assert.Contains(t, sent.Statements()[0], "SUM(dtde_0)")
	for _, c := range []struct {
		want int64
		tx   *gorm.DB
	}{
		{5, db.Where("spent > ?", 3)}, {6, db.Where("region IN ?", []string{"EU", "US", "XX"}).Select("name")},
		{0, db.Where("spent > ?", 300)}, {3, db.Distinct("region")}, {3, db.Group("region")},
	} {
		require.NoError(t, c.tx.Model(&Customer{}).Count(&n).Error)
		assert.Equal(t, c.want, n)
	}
	tx := db.Model(&Customer{}).Where("spent >= ?", 0).Session(&gorm.Session{})
	require.NoError(t, tx.Count(&n).Error)
	var out []Customer
	require.NoError(t, tx.Order("id").Find(&out).Error)
	assert.Len(t, out, 9, "the count left nothing behind")
}
