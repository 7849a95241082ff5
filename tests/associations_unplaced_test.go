package tests

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
)

// Boat has one anchor, which is sharded by its boat, and sails with crews that are
// known by their names.
type Boat struct {
	ID     int64 `gorm:"primaryKey"`
	Anchor *Anchor
	Crews  []Crew `gorm:"many2many:boat_crews"`
}

type Anchor struct {
	ID     int64 `gorm:"primaryKey"`
	BoatID *int64
	Kilos  int
}

type Crew struct {
	ID   int64  `gorm:"primaryKey"`
	Port string `gorm:"size:8"`
}

func boats(t *testing.T, db *gorm.DB) {
	t.Helper()
	db.DisableForeignKeyConstraintWhenMigrating = true
	use(t, db, entities(
		dtde.Model(&Anchor{}).ShardByHash("BoatID", 3),
		dtde.Model(&Crew{}).ShardBy("Port", "KIEL", "OSLO"),
	))
	require.NoError(t, db.AutoMigrate(&Boat{}))
	require.NoError(t, db.Create(&[]Boat{{ID: 1}, {ID: 2}, {ID: 3}}).Error)
	require.NoError(t, db.Create(&[]Crew{{ID: 1, Port: "KIEL"}, {ID: 2, Port: "OSLO"}}).Error)
}

// GORM takes the parent away from a has-one's former rows, also where there are none.
func TestFirstRowOfAHasOneShardedByItsParent(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		boats(t, db)
		boat := Boat{ID: 2}
		require.NoError(t, db.Model(&boat).Association("Anchor").Append(&Anchor{ID: 7, Kilos: 40}))
		var anchor Anchor
		require.NoError(t, db.First(&anchor, "boat_id = ?", 2).Error)
		assert.Equal(t, int64(7), anchor.ID)
		none := db.Model(&Anchor{}).Where("boat_id = ?", 3).Update("boat_id", nil)
		require.NoError(t, none.Error)
		assert.Zero(t, none.RowsAffected)

		// a row that would lose its shard is refused, and stays
		require.ErrorIs(t, db.Model(&Anchor{}).Where("boat_id = ?", 2).Update("boat_id", nil).Error, dtde.Err)
		require.NoError(t, db.First(&anchor, "boat_id = ?", 2).Error)
	})
}

// GORM inserts the members of a many to many relation with DO NOTHING; those that are
// there need no shard key.
func TestMembersByTheirKeysAlone(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		boats(t, db)
		require.NoError(t, db.Model(&Boat{ID: 1}).Association("Crews").Append(&Crew{ID: 2}, &Crew{ID: 1}))
		require.NoError(t, db.Model(&Boat{ID: 2}).Association("Crews").Append([]Crew{{ID: 1}, {ID: 5, Port: "OSLO"}}))
		var crews []Crew
		require.NoError(t, db.Model(&Boat{ID: 1}).Order("id").Association("Crews").Find(&crews))
		assert.Equal(t, []Crew{{ID: 1, Port: "KIEL"}, {ID: 2, Port: "OSLO"}}, crews)
		require.NoError(t, db.Model(&Boat{ID: 2}).Order("id").Association("Crews").Find(&crews))
		assert.Equal(t, []Crew{{ID: 1, Port: "KIEL"}, {ID: 5, Port: "OSLO"}}, crews)

		// one that is not there has no shard
		require.ErrorIs(t, db.Clauses(clause.OnConflict{DoNothing: true}).Create(&[]Crew{{ID: 1}, {ID: 9}}).Error, dtde.ErrShardNotFound)
		var n int64
		require.NoError(t, db.Model(&Crew{}).Count(&n).Error)
		assert.Equal(t, int64(3), n)
	})
}
