package tests

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Sample is sharded over 8 shards by the value of Slot.
type Sample struct {
	ID   int64  `gorm:"primaryKey;autoIncrement:false"`
	Slot string `gorm:"size:4"`
	Pad  string `gorm:"size:500"`
}

// AfterFind must not run for streamed rows, as it does not with GORM's ScanRows.
func (r *Sample) AfterFind(*gorm.DB) error {
	r.Slot = "hooked"
	return nil
}

var sampleSlots = []string{"a", "b", "c", "d", "e", "f", "g", "h"}

func samples() dtde.Entity { return dtde.Model(&Sample{}).ShardBy("Slot", sampleSlots...) }

// fillSamples puts side × side rows of 400 bytes into each shard.
func fillSamples(t *testing.T, db *gorm.DB, side int) (total int) {
	t.Helper()
	for i, slot := range sampleSlots {
		require.NoError(t, db.Exec(fmt.Sprintf(`INSERT INTO samples_%s (id, slot, pad)
			WITH RECURSIVE s(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM s WHERE x < %d)
			SELECT (a.x * %d + b.x) * 8 + %d, '%s', '%s' FROM s AS a CROSS JOIN s AS b`,
			slot, side-1, side, i, slot, strings.Repeat("x", 400))).Error)
	}
	return side * side * len(sampleSlots)
}

// streamForms are the scopes under which streams are tried.
var streamForms = map[string]func(*gorm.DB) *gorm.DB{"union": dtde.Reads(dtde.ReadUnion), "sessions": dtde.Reads(dtde.ReadSessions)}

func poolOfSize(t *testing.T, db *gorm.DB, open int) (inUse func() int) {
	t.Helper()
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(open)
	pool.SetMaxIdleConns(open)
	return func() int { return pool.Stats().InUse }
}

// returned waits for connections that database/sql gives back in the background.
func returned(t *testing.T, inUse func() int) {
	t.Helper()
	require.Eventually(t, func() bool { return inUse() == 0 }, 20*time.Second, time.Millisecond, "connections are given back")
}

// heapInUse is what is in use after a collection.
func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestStreamsInConstantMemory is not parallel: it looks at the heap.
func TestStreamsInConstantMemory(t *testing.T) {
	side := 80 // 51,200 rows, 20 MB
	if testing.Short() {
		side = 30
	}
	for _, d := range testenv.Databases(t) {
		t.Run(d.Name, func(t *testing.T) {
			db := d.Open(t)
			testenv.LeakCheck(t, db)
			cfg := entities(samples())
			cfg.MaxBufferedRows = 100 // what is kept is refused
			use(t, db, cfg)
			inUse := poolOfSize(t, db, 12)
			total := fillSamples(t, db, side)
			streams := map[string]func(tx *gorm.DB, each func(slot string)) error{
				"iterate": func(tx *gorm.DB, each func(string)) error {
					for r, err := range dtde.Iterate[Sample](tx) {
						if err != nil {
							return err
						}
						each(r.Slot)
					}
					return nil
				},
				"rows": func(tx *gorm.DB, each func(string)) error {
					rows, err := tx.Model(&Sample{}).Rows()
					if err != nil {
						return err
					}
					defer func() { _ = rows.Close() }()
					for rows.Next() {
						var r Sample
						if err := tx.ScanRows(rows, &r); err != nil {
							return err
						}
						each(r.Slot)
					}
					return rows.Err()
				},
			}
			for form, scope := range streamForms {
				for name, stream := range streams {
					t.Run(form+"/"+name, func(t *testing.T) {
						before, most, seen, slots := heapInUse(), int64(0), 0, map[string]bool{}
						require.NoError(t, stream(db.Scopes(scope).Session(&gorm.Session{}), func(slot string) {
							if seen++; seen%(total/4) == 0 {
								most = max(most, heapInUse()-before)
							}
							slots[slot] = true
						}))
						assert.Equal(t, total, seen)
						assert.Len(t, slots, 8, "no hook has run")
						assert.Less(t, most, int64(6<<20), "the heap grows with the rows")
						returned(t, inUse)
					})
				}
			}
			t.Run("batches", func(t *testing.T) {
				before, most, seen := heapInUse(), int64(0), 0
				var page []Sample
				require.NoError(t, db.FindInBatches(&page, total/20, func(*gorm.DB, int) error {
					seen += len(page)
					most = max(most, heapInUse()-before)
					return nil
				}).Error)
				assert.Equal(t, total, seen)
				assert.Less(t, most, int64(10<<20), "the heap grows with the rows")
			})
		})
	}
}

func TestIterateStops(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		use(t, db, entities(samples()))
		require.NoError(t, db.AutoMigrate(&Plain{}))
		inUse := poolOfSize(t, db, 12)
		total := fillSamples(t, db, 25)
		for form, scope := range streamForms {
			t.Run(form, func(t *testing.T) {
				seen := 0
				for _, err := range dtde.Iterate[*Sample](db.Scopes(scope)) {
					require.NoError(t, err)
					if seen++; seen == 3 {
						break
					}
				}
				assert.Equal(t, 3, seen)
				returned(t, inUse)

				assert.Panics(t, func() {
					for range dtde.Iterate[Sample](db.Scopes(scope)) {
						panic("in the loop")
					}
				})
				returned(t, inUse)

				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var failures []error
				seen = 0
				for r, err := range dtde.Iterate[Sample](db.WithContext(ctx).Scopes(scope)) {
					if err != nil {
						failures = append(failures, err)
						assert.Zero(t, r)
						continue
					}
					if seen++; seen == 10 {
						cancel()
					}
				}
				require.Len(t, failures, 1, "one error, the last element")
				require.Less(t, seen, total)
				returned(t, inUse)

				// again, and inside a transaction, which goes on afterwards
				q := dtde.Iterate[Sample](db.Scopes(scope).Where("slot IN ?", []string{"a", "c"}))
				for range 2 {
					n := 0
					for _, err := range q {
						require.NoError(t, err)
						n++
					}
					assert.Equal(t, total/4, n)
				}
			})
		}
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			for _, err := range dtde.Iterate[Sample](tx) {
				require.NoError(t, err)
				break
			}
			return tx.Create(&Sample{ID: -1, Slot: "h"}).Error
		}))
		require.NoError(t, db.Take(&Sample{}, "id = ?", -1).Error, "the transaction has outlived the loop")

		// other destinations, unsharded models, failures
		require.NoError(t, db.Create(&[]Plain{{ID: 1, Name: "one"}, {ID: 2, Name: "two"}}).Error)
		var names []string
		for p, err := range dtde.Iterate[Plain](db.Order("id desc")) {
			require.NoError(t, err)
			names = append(names, p.Name)
		}
		assert.Equal(t, []string{"two", "one"}, names)
		for id, err := range dtde.Iterate[int64](db.Model(&Sample{}).Select("id").Order("id").Limit(1)) {
			require.NoError(t, err)
			assert.EqualValues(t, -1, id)
		}
		for m, err := range dtde.Iterate[map[string]any](db.Table("samples").Where("id = ?", -1)) {
			require.NoError(t, err)
			assert.EqualValues(t, "h", fmt.Sprint(m["slot"]))
		}
		for range dtde.Iterate[Sample](db.Where("slot = ?", "MARS")) {
			t.Error("a row on Mars")
		}
		n := 0
		for _, err := range dtde.Iterate[Sample](db.Where("nonsense = 1")) {
			n++
			require.Error(t, err)
		}
		assert.Equal(t, 1, n)
		returned(t, inUse)
	})
}

// TestStreamsShareASmallPool: reads that hold a part of the pool and want more of it
// must not wait for each other.
func TestStreamsShareASmallPool(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		use(t, db, entities(samples()))
		total := fillSamples(t, db, 10)
		inUse := poolOfSize(t, db, 4)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // only where they wait for each other
		defer cancel()
		var readers sync.WaitGroup
		for range 6 {
			for _, scope := range streamForms {
				readers.Add(1)
				go func() {
					defer readers.Done()
					n := 0
					for _, err := range dtde.Iterate[Sample](db.WithContext(ctx).Scopes(scope)) {
						if !assert.NoError(t, err) {
							return
						}
						if n++; n%(total/4) == 0 {
							time.Sleep(5 * time.Millisecond) // with its rows open
						}
					}
					assert.Equal(t, total, n)
				}()
			}
		}
		readers.Wait()
		returned(t, inUse)
	})
}

func TestSessionsThatKeepRowsAreBounded(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		cfg := entities(samples())
		cfg.MaxBufferedRows = 10
		use(t, db, cfg)
		inUse := poolOfSize(t, db, 2) // PostgreSQL, too, has one session then
		total := fillSamples(t, db, 5)
		ordered := db.Scopes(dtde.Reads(dtde.ReadSessions)).Order("id").Session(&gorm.Session{})
		rows, err := ordered.Model(&Sample{}).Rows()
		if err == nil {
			_ = rows.Close()
		}
		require.ErrorIs(t, err, dtde.ErrTooManyRows)
		var out []Sample
		require.ErrorIs(t, ordered.Find(&out).Error, dtde.ErrTooManyRows)
		require.NoError(t, ordered.Limit(10).Find(&out).Error, "each shard sends no more than its limit")
		assert.Len(t, out, 10)
		require.NoError(t, db.Scopes(dtde.Reads(dtde.ReadSessions)).Find(&out).Error)
		assert.Len(t, out, total, "rows that nobody sorts are not kept")
		returned(t, inUse)
	})
}

// TestShardsAreOpenedInTurn: a stream that ends early asks no further shard.
func TestShardsAreOpenedInTurn(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		use(t, db, entities(samples()))
		poolOfSize(t, db, 2)
		fillSamples(t, db, 5)
		sent := testenv.Record(db)
		for _, err := range dtde.Iterate[Sample](db.Scopes(dtde.Reads(dtde.ReadSessions))) {
			require.NoError(t, err)
			break
		}
		text := strings.Join(sent.Statements(), "\n")
		assert.Contains(t, text, "samples_a")
		assert.NotContains(t, text, "samples_b")
	})
}
