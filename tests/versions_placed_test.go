package tests

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Placement is sharded by neither its key nor its start: each version lives where its
// region says.
type Placement struct {
	ID        int64 `gorm:"primaryKey"`
	Code      string
	Region    string
	Count     int
	ValidFrom time.Time
	ValidTo   *time.Time
}

// placements puts a process on a database, or with others on several: EU's shard is in
// the first of them, that of US in the second.
func placements(t *testing.T, db *gorm.DB, others ...gorm.Dialector) {
	t.Helper()
	c := dtde.Config{}
	entity := dtde.Model(&Placement{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Code").ShardBy("Region", "APAC", "EU", "US")
	if len(others) == 2 {
		c.Databases = []dtde.Database{{ID: "own", Own: true}, {ID: "eu", Dialector: others[0]}, {ID: "us", Dialector: others[1]}}
		entity = entity.WithShards(dtde.Shard{ID: "APAC", Database: "own"}, dtde.Shard{ID: "EU", Database: "eu"}, dtde.Shard{ID: "US", Database: "us"})
	}
	c.Entities = []dtde.Entity{entity}
	plugin := dtde.Register(c)
	require.NoError(t, db.Use(plugin))
	t.Cleanup(func() { _ = plugin.Close() })
}

// TestVersionsPlacedByAnotherColumn has two processes write the histories of a few keys
// whose versions are on any shard, at READ COMMITTED, where row locks hold nothing that
// is not there yet: no version is lost or doubled, no increment either.
func TestVersionsPlacedByAnotherColumn(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		placedByAnotherColumn(t, d)
		if d.Name == "postgres" { // which alone commits over several databases
			placedByAnotherColumn(t, d, d.Dialector(t), d.Dialector(t))
		}
	})
}

func placedByAnotherColumn(t *testing.T, d testenv.DB, others ...gorm.Dialector) {
	t.Helper()
	config := func() *gorm.Config { return &gorm.Config{NowFunc: func() time.Time { return day(40) }} }
	db := d.Open(t, config())
	placements(t, db, others...)
	require.NoError(t, db.AutoMigrate(&Placement{}))
	other := testenv.Reopen(t, db, config())
	placements(t, other, others...)
	regions := []string{"APAC", "EU", "US"}
	level := sql.LevelReadCommitted
	if d.Name == "sqlite" {
		level = sql.LevelDefault
	}
	const writers, rounds = 6, 12
	var wg sync.WaitGroup
	var mu sync.Mutex
	added := map[string]int{}
	var first sync.WaitGroup
	for i := range writers { // all at once begin the histories of keys that have no row
		process := []*gorm.DB{db, other}[i%2]
		first.Go(func() {
			for k := range 3 {
				var err error
				for range 20 { // MariaDB ends deadlocks by ending one of the two
					if _, err = dtde.SaveWithVersioning(process, &Placement{Code: fmt.Sprintf("k%d", k), Region: regions[(i+k)%3]}, dtde.Effective(day(1))); err == nil {
						break
					}
				}
				assert.NoError(t, err)
			}
		})
	}
	first.Wait()
	for w := range writers {
		process := db
		if w%2 == 1 {
			process = other
		}
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 1))
			for i := range rounds {
				code := fmt.Sprintf("k%d", i%3)
				region := regions[rng.IntN(3)]
				a := 1 + rng.IntN(30)
				var err error
				for range 200 {
					err = process.Transaction(func(tx *gorm.DB) error {
						switch i % 4 {
						case 0, 1:
							_, err := dtde.PatchVersion(tx, &Placement{Code: code}, map[string]any{"region": region}, dtde.Effective(day(a)))
							return err
						case 2:
							_, err := dtde.UpdatePortion(tx.Model(&Placement{}).Where("code = ?", code), dtde.Period{From: day(a), To: day(a + 5)}, map[string]any{"region": region})
							return err
						default:
							_, err := dtde.ChangePortion(tx.Model(&Placement{}).Where("code = ?", code), dtde.Period{From: day(1)}, func(p *Placement) error { p.Count++; return nil })
							return err
						}
					}, &sql.TxOptions{Isolation: level})
					if err == nil {
						break
					}
					time.Sleep(time.Duration(rng.IntN(4)) * time.Millisecond)
				}
				if !assert.NoError(t, err) {
					return
				}
				if i%4 == 3 {
					mu.Lock()
					added[code]++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	for i := range 3 {
		key := &Placement{Code: fmt.Sprintf("k%d", i)}
		findings, err := dtde.Check(db, key)
		require.NoError(t, err)
		assert.Empty(t, findings, "a history that is whole")
		rows, err := dtde.Timeline(db, key)
		require.NoError(t, err)
		require.NotEmpty(t, rows)
		assert.True(t, rows[0].ValidFrom.Equal(day(1)))
		for _, r := range rows {
			assert.Equal(t, added[key.Code], r.Count, "%s from %s: no increment is lost", key.Code, r.ValidFrom)
		}
		for _, region := range regions { // each where it belongs
			var n int64
			require.NoError(t, db.Model(&Placement{}).Scopes(dtde.OnShard(region)).Where("code = ? AND region <> ?", key.Code, region).Count(&n).Error)
			assert.Zero(t, n)
		}
	}
}

// TestFirstVersionsOfAKey has many begin the same history at once, each on a shard of its
// own: one comes first, the others follow it.
func TestFirstVersionsOfAKey(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t, &gorm.Config{})
		placements(t, db)
		require.NoError(t, db.AutoMigrate(&Placement{}))
		other := testenv.Reopen(t, db, &gorm.Config{})
		placements(t, other)
		for round := range 8 {
			code := fmt.Sprintf("k%d", round)
			var wg sync.WaitGroup
			for i, region := range []string{"APAC", "EU", "US"} {
				process := []*gorm.DB{db, other}[i%2]
				wg.Go(func() {
					_, err := dtde.SaveWithVersioning(process, &Placement{Code: code, Region: region}, dtde.Effective(day(1+i)))
					assert.NoError(t, err)
				})
			}
			wg.Wait()
			findings, err := dtde.Check(db, &Placement{Code: code})
			require.NoError(t, err)
			assert.Empty(t, findings)
		}
	})
}
