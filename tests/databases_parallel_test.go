package tests

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde"
	dbservers "github.com/go-dtde/dtde/internal/testenv/servers"
)

// Stowage is spread as consignments are, and visits the servers the other way round.
type Stowage struct {
	ID     int64 `gorm:"primaryKey"`
	Region string
	Label  string
}

// openTight puts dtde over the depots with so many connections each, and fills stowages.
func openTight(t *testing.T, d *depots, connections, stowages int, change func(*dtde.Config)) *spread {
	t.Helper()
	s := openSpread(t, d, func(c *dtde.Config) {
		shards := make([]dtde.Shard, len(depotRegions))
		for i, region := range depotRegions {
			shards[i] = dtde.Shard{ID: region, Priority: 300 - i}
		}
		c.Entities = append(c.Entities, dtde.Model(&Stowage{}).ShardBy("Region", depotRegions...).WithShards(shards...).WithStorageMode(dtde.Databases))
		if change != nil {
			change(c)
		}
	})
	require.NoError(t, s.db.AutoMigrate(&Stowage{}))
	for i, pool := range d.direct {
		_, err := pool.Exec(fmt.Sprintf("INSERT INTO stowages_%s SELECT 3 * i + %d, '%s', repeat('y', 200) FROM generate_series(1, %d) AS i",
			[]string{"eu", "us", "apac"}[i], i, depotRegions[i], stowages))
		require.NoError(t, err)
	}
	for _, pool := range s.pools {
		pool.SetMaxOpenConns(connections)
	}
	return s
}

// allEnd waits for goroutines that could wait for each other.
func allEnd(t *testing.T, group *sync.WaitGroup, cancel func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(5 * time.Minute): // a busy machine took more than one for what the tests do
		cancel()
		assert.Fail(t, "they wait for each other")
		<-done
	}
}

// TestScattersShareSmallPools: with one connection per database, reads that visit the
// databases in different orders, with more rows than are read ahead, must not hold one
// connection each and wait for the other's.
func TestScattersShareSmallPools(t *testing.T) {
	t.Parallel()
	const each, readers = 6000, 4
	d := newDepots(t, each)
	s := openTight(t, d, 1, each, nil)
	dbservers.LeakCheck(t, d.set, s.pools...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var group sync.WaitGroup
	for range readers {
		group.Go(func() {
			n := 0
			for _, err := range dtde.Iterate[Consignment](s.db.WithContext(ctx).Order("id")) {
				if !assert.NoError(t, err) {
					return
				}
				n++
			}
			assert.Equal(t, 3*each, n)
		})
		group.Go(func() {
			var all []Stowage
			assert.NoError(t, s.db.WithContext(ctx).Order("id DESC").Find(&all).Error)
			assert.Len(t, all, 3*each)
		})
		group.Go(func() {
			var page []Stowage
			assert.NoError(t, s.db.WithContext(ctx).Order("id").Offset(3000).Limit(10).Find(&page).Error)
			assert.Len(t, page, 10)
			assert.NoError(t, pointRead(s.db.WithContext(ctx), "US"))
		})
	}
	allEnd(t, &group, cancel)
}

// TestTransactionsAndScattersShareSmallPools: a transaction takes its connections in the
// order of its statements; a read in all databases in that of all reads.
func TestTransactionsAndScattersShareSmallPools(t *testing.T) {
	t.Parallel()
	d := newDepots(t, 5000)
	s := openTight(t, d, 1, 1, nil)
	dbservers.LeakCheck(t, d.set, s.pools...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 3 {
				tx := s.db.WithContext(ctx).Begin()
				assert.NoError(t, tx.Find(&[]Consignment{}).Error, "a read in all of them takes them in order")
				assert.NoError(t, tx.Rollback().Error)
			}
		})
		group.Go(func() {
			for range 3 {
				var all []Consignment
				assert.NoError(t, s.db.WithContext(ctx).Order("id").Find(&all).Error)
			}
		})
	}
	allEnd(t, &group, cancel)
}

// TestStatementsOfAProcessAreBounded: beside the first statement of each read there are
// no more than the process may have, and reads that wait for others' rows go on.
func TestStatementsOfAProcessAreBounded(t *testing.T) {
	t.Parallel()
	const most, readers = 2, 4
	d := newDepots(t, 20)
	s := openSpread(t, d, func(c *dtde.Config) { c.MaxParallelStatements = most })
	dbservers.LeakCheck(t, d.set, s.pools...)
	var releases []func()
	for i := range d.set.Postgres {
		releases = append(releases, d.hold(t, i))
	}
	waiting := func() (n int) {
		for i := range d.set.Postgres {
			n += d.waiting(t, i)
		}
		return n
	}
	var group sync.WaitGroup
	for range readers {
		group.Go(func() {
			var all []Consignment
			assert.NoError(t, s.db.WithContext(t.Context()).Order("id").Find(&all).Error)
			assert.Len(t, all, 60)
		})
	}
	require.Eventually(t, func() bool { return waiting() == readers+most }, 20*time.Second, 10*time.Millisecond)
	time.Sleep(100 * time.Millisecond)
	assert.Equal(t, readers+most, waiting(), "no more are begun")
	for _, release := range releases {
		release()
	}
	allEnd(t, &group, func() {})
	// Afterwards the whole budget is there again.
	for i := range d.set.Postgres {
		t.Cleanup(d.hold(t, i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := s.scatter().begin(ctx)
	require.Eventually(t, func() bool { return waiting() == 3 }, 20*time.Second, 10*time.Millisecond)
	cancel()
	require.ErrorIs(t, result(t, done).err, context.Canceled)
}

// TestScattersNest: a read for each row of a read, with a budget that the first has used
// up, and half of the connections in its hands.
func TestScattersNest(t *testing.T) {
	t.Parallel()
	const each = 6000
	d := newDepots(t, each)
	s := openTight(t, d, 4, 10, func(c *dtde.Config) { c.MaxParallelStatements = 1 })
	dbservers.LeakCheck(t, d.set, s.pools...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			n := 0
			for c, err := range dtde.Iterate[Consignment](s.db.WithContext(ctx).Order("id")) {
				if !assert.NoError(t, err) {
					return
				}
				if n++; c.ID%997 == 0 {
					var inner []Stowage
					assert.NoError(t, s.db.WithContext(ctx).Order("id").Find(&inner).Error)
					assert.Len(t, inner, 30)
				}
			}
			assert.Equal(t, 3*each, n)
		})
	}
	allEnd(t, &group, cancel)
}
