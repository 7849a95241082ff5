package tests

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Pledge has versions; RecordedPledge is the same table later on, with system time.
type Pledge struct {
	ID        int64  `gorm:"primaryKey"`
	Name      string `gorm:"size:40"`
	Amount    int
	ValidFrom time.Time
	ValidTo   *time.Time
}

// TableName names the table that both have.
func (Pledge) TableName() string { return "pledges" }

// RecordedPledge is a Pledge with system time.
type RecordedPledge struct {
	Pledge
	RecordedFrom time.Time
	RecordedTo   *time.Time
}

// TestTurningOnSystemTime: tables that are there already are named by Validate, and
// AutoMigrate makes them keep to it without losing a version.
func TestTurningOnSystemTime(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		for _, layout := range []string{"one table", "by key"} {
			t.Run(layout, func(t *testing.T) {
				now := day(10)
				config := func() *gorm.Config { return &gorm.Config{NowFunc: func() time.Time { return now }} }
				use := func(db *gorm.DB, e dtde.Entity) (*gorm.DB, *dtde.Plugin) {
					e = e.HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Name")
					if layout == "by key" {
						e = e.ShardByHash("Name", 3)
					}
					plugin := dtde.Register(dtde.Config{Entities: []dtde.Entity{e}})
					require.NoError(t, db.Use(plugin))
					return db, plugin
				}
				db := d.Open(t, config())
				excluding(t, d, db)
				before, plugin := use(db, dtde.Model(&Pledge{}))
				require.NoError(t, before.AutoMigrate(&Pledge{}))
				for i, at := range []int{1, 5} {
					_, err := dtde.SaveWithVersioning(before, &Pledge{Name: "a", Amount: 10 * (i + 1)}, dtde.Effective(day(at)))
					require.NoError(t, err)
				}
				_, err := plugin.Validate()
				require.NoError(t, err)

				now = day(20)
				after, plugin := use(testenv.Reopen(t, db, config()), dtde.Model(&RecordedPledge{}).System("RecordedFrom", "RecordedTo"))
				_, err = plugin.Validate()
				require.ErrorContains(t, err, "system time was turned on after the table")
				require.ErrorContains(t, err, "recorded_from")
				require.NoError(t, after.AutoMigrate(&RecordedPledge{}))
				_, err = plugin.Validate()
				require.NoError(t, err)
				require.NoError(t, after.AutoMigrate(&RecordedPledge{}), "again")

				now = day(30)
				key := func() *RecordedPledge { return &RecordedPledge{Pledge: Pledge{Name: "a"}} }
				_, err = dtde.UpdatePortion(after.Model(key()), dtde.Period{From: day(1), To: day(3)}, map[string]any{"amount": 7})
				require.NoError(t, err, "the same start again, of another belief")
				_, err = dtde.SaveWithVersioning(after, &RecordedPledge{Pledge: Pledge{Name: "a", Amount: 30}}, dtde.Effective(day(6)))
				require.NoError(t, err, "a second open version, of another belief")
				amounts := func(scopes ...func(*gorm.DB) *gorm.DB) (list []int) {
					t.Helper()
					require.NoError(t, after.Model(&RecordedPledge{}).Scopes(scopes...).Order("valid_from").Pluck("amount", &list).Error)
					return list
				}
				assert.Equal(t, []int{7, 10, 20, 30}, amounts(dtde.AllVersions()))
				assert.Equal(t, []int{10, 20}, amounts(dtde.KnownAt(day(25))), "as it was taken over")
				assert.Empty(t, amounts(dtde.KnownAt(day(15))), "nobody recorded anything then")
				findings, err := dtde.Check(after, key())
				require.NoError(t, err)
				assert.Empty(t, findings)
			})
		}
	})
}
