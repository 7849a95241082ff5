package tests

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// TestTiersDoNotConcernACreate has a row go where its key says: InTiers narrows reads,
// updates and deletes.
func TestTiersDoNotConcernACreate(t *testing.T) {
	t.Parallel()
	db := testenv.SQLite().Open(t)
	require.NoError(t, db.Use(dtde.Register(dtde.Config{
		NodeID: 1, Entities: []dtde.Entity{dtde.Model(&Sachet{}).ShardByHash("ID", 4)},
	})))
	require.NoError(t, db.AutoMigrate(&Sachet{}))
	require.NoError(t, db.Scopes(dtde.InTiers(dtde.Hot)).Create(&[]Sachet{{ID: 1}, {ID: 2}}).Error)
	var n int64
	require.NoError(t, db.Model(&Sachet{}).Count(&n).Error)
	assert.EqualValues(t, 2, n)
}
