package tests

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/bars"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Mote is one of a million rows in eight shards.
type Mote struct {
	ID    int64  `gorm:"primaryKey;autoIncrement:false"`
	Slot  string `gorm:"size:4"`
	Score int64
	Note  string `gorm:"size:100"`
}

// PlainMote holds the same rows in one table.
type PlainMote Mote

// streamBars read a million rows, row by row, from eight shards and from one table.
func streamBars(t testing.TB, r *bars.Report, d testenv.DB) {
	t.Helper()
	const side = 1000
	r.Section("%s: %d rows streamed through 8 shards, beside one table", d.Name, side*side)
	db := d.Open(t)
	require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{dtde.Model(&Mote{}).ShardBy("Slot", sampleSlots...)}})))
	require.NoError(t, db.AutoMigrate(&Mote{}, &PlainMote{}))
	plain := testenv.Reopen(t, db)
	for i, slot := range sampleSlots {
		require.NoError(t, plain.Exec(fmt.Sprintf(`INSERT INTO motes_%s (id, slot, score, note)
			WITH RECURSIVE s(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM s WHERE x < %d)
			SELECT (a.x * %d + b.x) * 8 + %d, '%s', a.x, 'some text that makes a row as long as rows are' FROM s AS a CROSS JOIN s AS b WHERE a.x %% 8 = %d`,
			slot, side-1, side, i, slot, i)).Error)
		require.NoError(t, plain.Exec("INSERT INTO plain_motes SELECT * FROM motes_"+slot).Error)
	}
	if d.Name == "postgres" {
		require.NoError(t, plain.Exec("VACUUM ANALYZE").Error)
	}
	for form, scope := range streamForms {
		var times []float64
		var grown int64
		for range 3 {
			ours, most := streamed[Mote](t, db.Scopes(scope).Session(&gorm.Session{}), side*side)
			theirs, _ := streamed[PlainMote](t, plain, side*side)
			times, grown = append(times, float64(ours)/float64(theirs)), max(grown, most)
		}
		slices.Sort(times)
		r.Figure(form+", time (a rate of 0.8 is 1.25)", "%.3f ×", times[1], 1.25)
		r.Figure(form+", heap growth", "%.1f MiB", float64(grown)/(1<<20), 32)
	}
}

// streamed reads all rows one by one and gives the time, and how far the heap grew
// meanwhile, collected or not.
func streamed[T any](t testing.TB, db *gorm.DB, want int) (took time.Duration, grown int64) {
	t.Helper()
	var m runtime.MemStats
	before, n := heapInUse(), 0
	began := time.Now()
	rows, err := db.Model(new(T)).Rows()
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var row T
		require.NoError(t, db.ScanRows(rows, &row))
		if n++; n%(want/20) == 0 {
			runtime.ReadMemStats(&m)
			grown = max(grown, int64(m.HeapAlloc)-before)
		}
	}
	require.NoError(t, rows.Err())
	require.Equal(t, want, n)
	return time.Since(began), grown
}
