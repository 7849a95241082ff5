package tests

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Stubborn sets its primary key anew whenever a row is made.
type Stubborn struct {
	ID        int64 `gorm:"primaryKey;autoIncrement:false"`
	Number    string
	ValidFrom time.Time
	ValidTo   *time.Time
}

// BeforeCreate takes the start for the key.
func (s *Stubborn) BeforeCreate(*gorm.DB) error {
	s.ID = s.ValidFrom.Unix()
	return nil
}

// TestCutVersionsRefuseByCode: what would not be right for versions that are cut is refused by
// its code, and nothing is written.
func TestCutVersionsRefuseByCode(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t, &gorm.Config{NowFunc: func() time.Time { return date(2024, 8, 15) }, DisableForeignKeyConstraintWhenMigrating: true})
		cut := func(model any) dtde.Entity {
			return dtde.Model(model).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Number").
				ShardByDate("ValidFrom", dtde.Quarter, date(2024, 1, 1), date(2025, 1, 1)).SplitAtShardBoundaries()
		}
		require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{cut(&Policy{}), cut(&Stubborn{})}})))
		require.NoError(t, db.AutoMigrate(&Policy{}, &Stubborn{}))
		_, err := dtde.SaveWithVersioning(db, &Policy{Number: "a", Premium: 1}, dtde.Effective(date(2024, 2, 10)))
		require.NoError(t, err)
		for reason, run := range map[string]func() error{
			"cut-lock": func() error { return db.Clauses(clause.Locking{Strength: "UPDATE"}).Find(&[]Policy{}).Error },
			"cut-form": func() error { return db.Scopes(dtde.Reads(dtde.ReadSessions)).Find(&[]Policy{}).Error },
			"cut-repair": func() error {
				_, err := dtde.Repair(db, &Policy{Number: "a"})
				return err
			},
			"cut-key": func() error {
				_, err := dtde.SaveWithVersioning(db, &Stubborn{Number: "s"}, dtde.Effective(date(2024, 2, 10)))
				return err
			},
		} {
			if reason == "cut-lock" && d.Name == "sqlite" { // has no locking reads
				continue
			}
			var unsupported *dtde.UnsupportedError
			require.ErrorAs(t, run(), &unsupported, reason)
			assert.Equal(t, reason, unsupported.Reason)
		}
		var n int64
		require.NoError(t, db.Model(&Stubborn{}).Count(&n).Error)
		assert.Zero(t, n)
	})
}
