package tests

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"

	dbservers "github.com/go-dtde/dtde/internal/testenv/servers"
	"github.com/go-dtde/dtde/resolver"
)

// Consignment is sharded by its region over three servers.
type Consignment struct {
	ID     int64 `gorm:"primaryKey"`
	Region string
	Weight int64
	Label  string
}

// depotRegions are the regions of the servers, in their order.
var depotRegions = []string{"EU", "US", "APAC"}

// depots are three servers with one table of consignments each.
type depots struct {
	set    *dbservers.Set
	names  []string  // of each server's database
	direct []*sql.DB // around the proxies, for arranging and looking
	plain  []*sql.DB // through the proxies, without dtde
}

// depotTable is the table of a server's consignments.
func depotTable(server int) string {
	return "consignments_" + strings.ToLower(depotRegions[server])
}

// newDepots makes n consignments on each server. The one with ID 3·i+s is on server s.
func newDepots(t testing.TB, n int) *depots {
	t.Helper()
	d := &depots{set: dbservers.Start(t, dbservers.Options{Postgres: len(depotRegions)})}
	for s, server := range d.set.Postgres {
		name := server.CreateDatabase(t)
		d.names = append(d.names, name)
		d.direct = append(d.direct, openPGX(t, server.DirectDSN(name)))
		d.plain = append(d.plain, openPGX(t, server.DSN(name)))
		for _, statement := range []string{
			"CREATE TABLE " + depotTable(s) + " (id BIGINT PRIMARY KEY, region TEXT COLLATE \"C\" NOT NULL, weight BIGINT NOT NULL, label TEXT NOT NULL)",
			fmt.Sprintf("INSERT INTO %s SELECT 3 * i + %d, '%s', (i * 7919) %% 1000003, repeat('x', 100) FROM generate_series(0, %d) AS i",
				depotTable(s), s, depotRegions[s], n-1),
			"CREATE INDEX ON " + depotTable(s) + " (weight)",
			"ANALYZE " + depotTable(s),
		} {
			_, err := d.direct[s].Exec(statement)
			require.NoError(t, err)
		}
	}
	return d
}

func openPGX(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	pool, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

// scatter reads every consignment of every server and tells how many there are.
type scatter struct {
	name string
	// names: an error tells the shard that failed.
	names bool
	// ahead: rows of a server are read although another has not answered yet.
	ahead bool
	read  func(ctx context.Context) (int, error)
	pools []*sql.DB
}

// scatters are the ways to read from all three servers.
func (d *depots) scatters(t testing.TB) []scatter {
	return []scatter{
		{name: "resolver.Each", ahead: true, read: d.readEach, pools: d.plain},
		openSpread(t, d, nil).scatter(),
	}
}

// readEach reads the servers side by side with what dtde uses below.
func (d *depots) readEach(ctx context.Context) (int, error) {
	counts := make([]int, len(d.plain))
	err := resolver.Each(ctx, len(d.plain), len(d.plain), func(ctx context.Context, i int) error {
		rows, err := d.plain[i].QueryContext(ctx, "SELECT id, region, weight, label FROM "+depotTable(i))
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var p Consignment
			if err := rows.Scan(&p.ID, &p.Region, &p.Weight, &p.Label); err != nil {
				return err
			}
			counts[i]++
		}
		return rows.Err()
	})
	total := 0
	for _, n := range counts {
		total += n
	}
	return total, err
}
