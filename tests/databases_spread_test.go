package tests

import (
	"context"
	"database/sql"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/go-dtde/dtde"
)

// spread is dtde over the depots: the *gorm.DB is a database of its own on the first
// server, reached around the proxies, and each region lives in a database of its name.
type spread struct {
	*depots
	db     *gorm.DB
	plugin *dtde.Plugin
	pools  []*sql.DB // of the regions' databases, through the proxies
	own    *sql.DB
}

func consignments() dtde.Entity {
	return dtde.Model(&Consignment{}).ShardBy("Region", depotRegions...).WithStorageMode(dtde.Databases)
}

// openSpread puts dtde over the depots; change, if not nil, may change the settings.
func openSpread(t testing.TB, d *depots, change func(*dtde.Config)) *spread {
	t.Helper()
	s := &spread{depots: d}
	home := d.set.Postgres[0]
	s.own = openPGX(t, home.DirectDSN(home.CreateDatabase(t)))
	cfg := entities(consignments())
	for i, region := range depotRegions {
		pool := openPGX(t, d.set.Postgres[i].DSN(d.names[i]))
		s.pools = append(s.pools, pool)
		cfg.Databases = append(cfg.Databases, dtde.Database{ID: region, Dialector: postgres.New(postgres.Config{Conn: pool})})
	}
	if change != nil {
		change(&cfg)
	}
	s.db = openGORM(t, s.own)
	s.plugin = dtde.Register(cfg)
	require.NoError(t, s.db.Use(s.plugin))
	return s
}

func openGORM(t testing.TB, pool *sql.DB) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(postgres.New(postgres.Config{Conn: pool}), &gorm.Config{Logger: logger.Default.LogMode(logger.Silent)})
	require.NoError(t, err)
	return db
}

// scatter is a read of every consignment through the public API.
func (s *spread) scatter() scatter {
	return scatter{name: "dtde", names: true, ahead: true, pools: append(slices.Clone(s.pools), s.own), read: func(ctx context.Context) (int, error) {
		var all []Consignment
		err := s.db.WithContext(ctx).Find(&all).Error
		return len(all), err
	}}
}

// connections are those that each server's proxy has seen.
func (d *depots) connections() []int {
	var n []int
	for _, server := range d.set.Postgres {
		n = append(n, server.Proxy.Connections())
	}
	return n
}
