package tests

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Rate is bitemporal: what held when, and what was believed when.
type Rate struct {
	ID           int64 `gorm:"primaryKey"`
	Code         string
	Percent      int
	ValidFrom    time.Time
	ValidTo      *time.Time
	RecordedFrom time.Time
	RecordedTo   *time.Time
}

// listening collects events of versions.
type listening struct{ seen []string }

func (l *listening) ShardResolved(context.Context, dtde.ShardResolved) {}
func (l *listening) QueryExecuted(context.Context, dtde.QueryExecuted) {}
func (l *listening) VersionChanged(_ context.Context, e dtde.VersionEvent) {
	l.seen = append(l.seen, fmt.Sprintf("%s %v %s", e.Entity, e.Key[0], e.Kind))
}

// TestSystemTime: the past is corrected, and what was believed before stays readable.
func TestSystemTime(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		for _, sharded := range []bool{false, true} {
			t.Run(fmt.Sprint("sharded ", sharded), func(t *testing.T) {
				now, events := day(10), &listening{}
				db := d.Open(t, &gorm.Config{NowFunc: func() time.Time { return now }})
				e := dtde.Model(&Rate{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Code").System("RecordedFrom", "RecordedTo")
				if sharded {
					e = e.ShardByHash("Code", 3)
				}
				require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{e}, Observer: events})))
				require.NoError(t, db.AutoMigrate(&Rate{}))
				save := func(percent, at int) {
					t.Helper()
					_, err := dtde.SaveWithVersioning(db, &Rate{Code: "x", Percent: percent}, dtde.Effective(day(at)))
					require.NoError(t, err)
				}
				save(5, 1)
				now = day(20)
				save(7, 15) // backdated: known from the 20th on
				now = day(30)
				_, err := dtde.UpdatePortion(db.Model(&Rate{Code: "x"}), dtde.Period{From: day(3), To: day(5)}, map[string]any{"Percent": 6})
				require.NoError(t, err)
				read := func(scopes ...func(*gorm.DB) *gorm.DB) int {
					t.Helper()
					var r Rate
					check(t, db.Scopes(scopes...).First(&r, "code = ?", "x"))
					return r.Percent
				}
				assert.Equal(t, 7, read(dtde.ValidAt(day(16))))
				assert.Equal(t, 5, read(dtde.ValidAt(day(16)), dtde.KnownAt(day(12))))
				assert.Equal(t, 7, read(dtde.ValidAt(day(16)), dtde.KnownAt(day(20))))
				assert.Equal(t, 6, read(dtde.ValidAt(day(4))))
				assert.Equal(t, 5, read(dtde.ValidAt(day(4)), dtde.KnownAt(day(29))))
				var all int64
				check(t, db.Model(&Rate{}).Count(&all))
				assert.Greater(t, all, int64(4), "superseded rows stay")
				rows, err := dtde.Timeline(db, &Rate{Code: "x"})
				require.NoError(t, err)
				require.Len(t, rows, 4)
				assert.Contains(t, events.seen, "Rate x created")
				assert.Contains(t, events.seen, "Rate x invalidated")
				seen := len(events.seen)
				_ = db.Transaction(func(tx *gorm.DB) error {
					_, err := dtde.SaveWithVersioning(tx, &Rate{Code: "x", Percent: 9})
					require.NoError(t, err)
					return gorm.ErrInvalidData
				})
				assert.Len(t, events.seen, seen, "events come after the commit only")
			})
		}
	})
}
