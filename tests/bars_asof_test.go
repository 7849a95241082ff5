package tests

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/bars"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Gauge is a version of what a meter shows.
type Gauge struct {
	ID        int64 `gorm:"primaryKey"`
	Meter     int64
	Watts     int
	ValidFrom time.Time
	ValidTo   *time.Time
}

// asOfBars compare a page of what is valid at an instant, of a million versions in four
// shards, with the query that one writes by hand on one table with the same rows.
func asOfBars(t testing.TB, r *bars.Report, d testenv.DB) {
	t.Helper()
	if d.Name == "mariadb" {
		return
	}
	const meters, each = 100_000, 10
	r.Section("%s: %d versions in 4 shards, as of an instant, beside one table", d.Name, meters*each)
	start := day(1)
	r.Rounds = 30
	defer func() { r.Rounds = 200 }()
	for layout, e := range map[string]dtde.Entity{
		"by hash of key":      dtde.Model(&Gauge{}).ShardByHash("Meter", 4),
		"by quarter of start": dtde.Model(&Gauge{}).ShardByDate("ValidFrom", dtde.Quarter, start, start.AddDate(1, 0, 0)),
	} {
		db := d.Open(t)
		require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{
			e.HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Meter")}})))
		require.NoError(t, db.AutoMigrate(&Gauge{}))
		plain := testenv.Reopen(t, db)
		require.NoError(t, plain.AutoMigrate(&Gauge{}))
		for from := 0; from < meters*each; from += 5000 {
			batch := make([]Gauge, 5000)
			for i := range batch { // every meter is read ten times a year, each at its own hour
				// A meter's versions lie together on both sides: where the first hundred rows
				// are found decides, since nothing orders them.
				meter, version := (from+i)/each, (from+i)%each
				batch[i] = Gauge{ID: int64(from + i + 1), Meter: int64(meter), Watts: meter * version % 1000,
					ValidFrom: start.Add(time.Duration(version*36*24)*time.Hour + time.Duration(meter)*time.Second)}
				if version < each-1 {
					end := start.Add(time.Duration((version+1)*36*24)*time.Hour + time.Duration(meter)*time.Second)
					batch[i].ValidTo = &end
				}
			}
			require.NoError(t, db.CreateInBatches(batch, 5000).Error)
		}
		table, _ := db.Plugins["dtde"].(*dtde.Plugin).Entity(&Gauge{})
		parts := make([]string, len(table.Shards))
		for i, s := range table.Shards {
			parts[i] = "SELECT id, meter, watts, valid_from, valid_to FROM " + s.Table
		}
		require.NoError(t, plain.Exec("INSERT INTO gauges (id, meter, watts, valid_from, valid_to) "+strings.Join(parts, " UNION ALL ")+" ORDER BY id").Error)
		require.NoError(t, plain.Exec("ANALYZE").Error)
		for _, month := range []int{2, 8, 12} {
			at := time.Date(2024, time.Month(month), 15, 0, 0, 0, 0, time.UTC)
			ours := func() error {
				var list []Gauge
				return db.Scopes(dtde.ValidAt(at)).Limit(100).Find(&list).Error
			}
			byHand := func() error {
				var list []Gauge
				return plain.Where("valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)", at, at).Limit(100).Find(&list).Error
			}
			var mine, theirs []Gauge
			require.NoError(t, db.Scopes(dtde.ValidAt(at)).Limit(100).Find(&mine).Error)
			require.NoError(t, plain.Where("valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)", at, at).Limit(100).Find(&theirs).Error)
			require.Len(t, mine, 100)
			require.Len(t, theirs, 100)
			r.Ratio(fmt.Sprintf("%s: 100 as of %s, to the query by hand", layout, at.Format(time.DateOnly)), 1.2, ours, byHand)
		}
	}
}
