package tests

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/internal/bars"
	dbservers "github.com/go-dtde/dtde/internal/testenv/servers"
)

// databaseBars measure reads over three servers beside plain GORM on each of them.
func databaseBars(t testing.TB, r *bars.Report) {
	t.Helper()
	const each, delay = 100_000, 20 * time.Millisecond
	d := newDepots(t, each)
	s := openSpread(t, d, nil)
	for _, pool := range append(s.pools, d.plain...) {
		pool.SetMaxIdleConns(8)
	}
	plain := make([]*gorm.DB, len(d.plain))
	for i, pool := range d.plain {
		plain[i] = openGORM(t, pool)
	}
	table := func(i int) *gorm.DB { return plain[i].Table(depotTable(i)) }

	r.Section("Three PostgreSQL servers with %d rows each, beside plain GORM on them", each)
	const id = 3*500 + 1
	r.Ratio("point read of one server", 1.15, func() error {
		var c Consignment
		return s.db.Where("region = ?", "US").First(&c, id).Error
	}, func() error {
		var c Consignment
		return table(1).Where("region = ?", "US").First(&c, id).Error
	})

	const least, most = 0, 3000 // by weight: a hundredth of each server's rows
	ours := func() error {
		var out []Consignment
		if err := s.db.Where("weight BETWEEN ? AND ?", least, most).Order("id").Find(&out).Error; err != nil {
			return err
		}
		return idsAscend(out)
	}
	one := func(i int) ([]Consignment, error) {
		var out []Consignment
		err := table(i).Where("weight BETWEEN ? AND ?", least, most).Order("id").Find(&out).Error
		return out, err
	}
	byHand := func() error { return handScatter(one) }
	r.Ratio("all three servers, in goroutines by hand", 1.15, ours, byHand)
	for _, server := range d.set.Postgres {
		server.Proxy.Delay(delay)
	}
	if ratio, err := againstSlowest(ours, one); err != nil {
		r.Fault("with a delay", err)
	} else {
		r.Figure(fmt.Sprintf("with %v in front of each, ÷ the slowest one", delay), "%.3f ×", ratio, 1.3)
	}
	for _, server := range d.set.Postgres {
		server.Proxy.Delay(0)
	}
	siblingBars(t, r, d, s)
	deepPageOverServers(t, r, d, s)
}

// againstSlowest is the time of a scatter by that of the slowest server alone.
func againstSlowest(ours bars.Run, one func(i int) ([]Consignment, error)) (float64, error) {
	const calls = 15
	all, err := bars.Median(ours, calls)
	if err != nil {
		return 0, err
	}
	slowest := time.Duration(0)
	for i := range depotRegions {
		alone, err := bars.Median(func() error { _, err := one(i); return err }, calls)
		if err != nil {
			return 0, err
		}
		slowest = max(slowest, alone)
	}
	return float64(all) / float64(slowest), nil
}

// handScatter asks all servers at once and merges what they answer by id.
func handScatter(one func(i int) ([]Consignment, error)) error {
	parts := make([][]Consignment, len(depotRegions))
	faults := make([]error, len(depotRegions))
	var group sync.WaitGroup
	for i := range parts {
		group.Go(func() { parts[i], faults[i] = one(i) })
	}
	group.Wait()
	for _, err := range faults {
		if err != nil {
			return err
		}
	}
	var out []Consignment
	for _, part := range parts {
		out = append(out, part...)
	}
	slices.SortFunc(out, func(a, b Consignment) int { return cmp.Compare(a.ID, b.ID) })
	return idsAscend(out)
}

func idsAscend(out []Consignment) error {
	if len(out) == 0 || !slices.IsSortedFunc(out, func(a, b Consignment) int { return cmp.Compare(a.ID, b.ID) }) {
		return fmt.Errorf("%d rows in no order", len(out))
	}
	return nil
}

// amongRows is where a connection is cut: some of a server's rows have come.
const amongRows = 200_000 // bytes

// siblingBars measure how long the other servers go on working after one has failed.
func siblingBars(t testing.TB, r *bars.Report, d *depots, s *spread) {
	t.Helper()
	for _, where := range []struct {
		name  string
		bytes int64
	}{{"a failure before the rows", 0}, {"a connection is cut among its rows", amongRows}} {
		var longest time.Duration
		for range 10 {
			// One statement that is answered keeps the breaker from taking the failures for an outage.
			if err := pointRead(s.db, depotRegions[faultyServer]); err != nil {
				r.Fault("a read between failures", err)
				return
			}
			took, err := siblingsAfterFault(t, d, s.scatter(), where.bytes)
			if err != nil {
				r.Fault("siblings stop", err)
				return
			}
			longest = max(longest, took)
		}
		r.Figure("siblings told to stop after "+where.name+", longest of 10", "%.1f ms", longest.Seconds()*1000, 100)
	}
}

// siblingsAfterFault has the siblings of a server at work until its connection is cut
// after so many bytes of its rows, and tells how long after that the last of them was told
// to stop.
func siblingsAfterFault(t testing.TB, d *depots, s scatter, after int64) (longest time.Duration, err error) {
	t.Helper()
	faulty := d.set.Postgres[faultyServer]
	var release func()
	for i, server := range d.set.Postgres {
		end := d.hold(t, i)
		defer end()
		if i == faultyServer {
			release = end
		}
		server.Proxy.Forget()
	}
	done := s.begin(context.Background())
	for i := range d.set.Postgres {
		for d.waiting(t, i) == 0 {
			select {
			case a := <-done:
				return 0, fmt.Errorf("the read ended before the failure: %w", a.err)
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	if after > 0 {
		faulty.Proxy.CutAfter(after)
		defer faulty.Proxy.CutAfter(-1)
		release()
	} else {
		faulty.Proxy.Cut()
	}
	if a := <-done; a.err == nil {
		return 0, fmt.Errorf("no error")
	}
	fault, ok := faulty.Proxy.First(dbservers.Broken)
	if !ok {
		return 0, fmt.Errorf("%s was not cut", faulty.Name)
	}
	for i, server := range d.set.Postgres {
		if i == faultyServer {
			continue
		}
		told, ok := server.Proxy.First(dbservers.Cancelled, dbservers.Closed)
		for ; !ok; told, ok = server.Proxy.First(dbservers.Cancelled, dbservers.Closed) {
			if time.Since(fault) > siblingsBound {
				return 0, fmt.Errorf("%s was never told to stop", server.Name)
			}
			time.Sleep(time.Millisecond)
		}
		longest = max(longest, told.Sub(fault))
	}
	return longest, nil
}

// deepPageOverServers compares a deep page with that of one indexed table on one
// server that holds all rows.
func deepPageOverServers(t testing.TB, r *bars.Report, d *depots, s *spread) {
	t.Helper()
	for _, statement := range []string{
		"CREATE TABLE consignments_one (LIKE " + depotTable(0) + " INCLUDING ALL)",
		fmt.Sprintf("INSERT INTO consignments_one SELECT i, '%s', (i / 3 * 7919) %% 1000003, repeat('x', 100) FROM generate_series(0, 299999) AS i", depotRegions[0]),
		"ANALYZE consignments_one",
	} {
		_, err := d.direct[0].Exec(statement)
		require.NoError(t, err)
	}
	one := openGORM(t, d.plain[0])
	for _, order := range []string{"id", "weight, id"} {
		page := func(tx *gorm.DB) error {
			var out []Consignment
			return expectRows(tx.Order(order).Offset(50_000).Limit(20).Find(&out), len(out), 20)
		}
		r.Ratio("ORDER BY "+order+" OFFSET 50000, ÷ one indexed table", 2,
			func() error { return page(s.db) }, func() error { return page(one.Table("consignments_one")) })
	}
}
