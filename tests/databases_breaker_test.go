package tests

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/mysql"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
	dbservers "github.com/go-dtde/dtde/internal/testenv/servers"
)

// databaseLog keeps the events of databases.
type databaseLog struct {
	mu     sync.Mutex
	events []dtde.DatabaseEvent
}

func (l *databaseLog) ShardResolved(context.Context, dtde.ShardResolved) {}
func (l *databaseLog) QueryExecuted(context.Context, dtde.QueryExecuted) {}
func (l *databaseLog) DatabaseChanged(_ context.Context, e dtde.DatabaseEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

// kinds lists what happened so far: "down US".
func (l *databaseLog) kinds() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var kinds []string
	for _, e := range l.events {
		kinds = append(kinds, string(e.Kind)+" "+e.Database)
	}
	return kinds
}

// healthOf is what plugin.Health says of one database.
func healthOf(t *testing.T, p *dtde.Plugin, id string) dtde.DatabaseHealth {
	t.Helper()
	list, err := p.Health(t.Context())
	require.NoError(t, err)
	for _, h := range list {
		if h.ID == id {
			return h
		}
	}
	require.FailNow(t, "no such database", id)
	return dtde.DatabaseHealth{}
}

const breakerPause = 3 * time.Second

// healthyLimit is a database's timeout in tests where it answers some of the time:
// what a busy machine keeps, for the answer must come, and what a test can wait for.
const healthyLimit = 2 * time.Second

func openBreakers(t *testing.T, d *depots, events *databaseLog) *spread {
	t.Helper()
	return openSpread(t, d, func(c *dtde.Config) {
		c.Breaker = dtde.BreakerSettings{Failures: 3, Pause: breakerPause}
		c.Observer = events
	})
}

func pointRead(db *gorm.DB, region string) error {
	var c Consignment
	return db.Where("region = ?", region).First(&c).Error
}

func TestBreakerOfKilledServer(t *testing.T) {
	t.Parallel()
	d := newDepots(t, 10)
	events := &databaseLog{}
	s := openBreakers(t, d, events)
	faulty := d.set.Postgres[faultyServer]
	ended := testenv.Started(t)
	require.NoError(t, pointRead(s.db, "US"))
	faulty.Kill(t)
	for range 3 {
		err := pointRead(s.db, "US")
		require.Error(t, err)
		require.NotErrorIs(t, err, dtde.ErrDatabaseDown, "it was sent")
	}
	ended() // behind each connection that broke pgx dials again, to cancel what it did
	before := faulty.Proxy.Connections()
	err := pointRead(s.db, "US")
	require.ErrorIs(t, err, dtde.ErrDatabaseDown)
	var down *dtde.DatabaseDownError
	require.ErrorAs(t, err, &down)
	assert.Equal(t, "US", down.Database)
	assert.WithinDuration(t, time.Now(), down.Until, breakerPause)
	var all []Consignment
	err = s.db.Find(&all).Error
	require.ErrorIs(t, err, dtde.ErrDatabaseDown)
	assert.Contains(t, err.Error(), "US")
	require.ErrorIs(t, s.db.Create(&Consignment{ID: 1000, Region: "US"}).Error, dtde.ErrDatabaseDown, "inside a transaction, too")
	assert.Equal(t, before, faulty.Proxy.Connections(), "nothing was sent")
	require.NoError(t, pointRead(s.db, "EU"), "the others go on")
	assert.Equal(t, []string{"down US"}, events.kinds())

	time.Sleep(breakerPause)
	err = pointRead(s.db, "US")
	require.Error(t, err)
	require.NotErrorIs(t, err, dtde.ErrDatabaseDown, "one tries")
	require.ErrorIs(t, pointRead(s.db, "US"), dtde.ErrDatabaseDown, "and it stays down")

	health := healthOf(t, s.plugin, "US")
	require.Error(t, health.Err)
	assert.Equal(t, dtde.BreakerOpen, health.Breaker.State)
	assert.GreaterOrEqual(t, health.Breaker.Failures, 3)
	require.Error(t, health.Breaker.Err)
	assert.Equal(t, dtde.BreakerClosed, healthOf(t, s.plugin, "EU").Breaker.State)

	faulty.Start(t)
	time.Sleep(breakerPause)
	assert.Equal(t, []string{"down US"}, events.kinds())
	require.NoError(t, pointRead(s.db, "US"))
	assert.Equal(t, []string{"down US", "up US"}, events.kinds())
	health = healthOf(t, s.plugin, "US")
	require.NoError(t, health.Err)
	assert.Equal(t, dtde.BreakerStatus{State: dtde.BreakerClosed}, health.Breaker)
	require.NoError(t, s.db.Find(&all).Error)
	assert.Len(t, all, 30)
}

// TestBreakerIsEndedByHealth: who asks for the health need not wait for the pause.
func TestBreakerIsEndedByHealth(t *testing.T) {
	t.Parallel()
	d := newDepots(t, 10)
	events := &databaseLog{}
	s := openSpread(t, d, func(c *dtde.Config) {
		c.Databases[faultyServer].Breaker = dtde.BreakerSettings{Failures: 1, Pause: time.Hour}
		c.Observer = events
	})
	proxy := d.set.Postgres[faultyServer].Proxy
	quiet(s.pools)
	require.NoError(t, proxy.Refuse(true))
	require.Error(t, pointRead(s.db, "US"))
	require.ErrorIs(t, pointRead(s.db, "US"), dtde.ErrDatabaseDown)
	require.Error(t, healthOf(t, s.plugin, "US").Err)
	require.ErrorIs(t, pointRead(s.db, "US"), dtde.ErrDatabaseDown)
	require.NoError(t, proxy.Refuse(false))
	assert.Equal(t, dtde.BreakerClosed, healthOf(t, s.plugin, "US").Breaker.State)
	require.NoError(t, pointRead(s.db, "US"))
	assert.Equal(t, []string{"down US", "up US"}, events.kinds())
}

// TestBreakerIgnores what is no failure of the database.
func TestBreakerIgnores(t *testing.T) {
	t.Parallel()
	d := newDepots(t, 10)
	events := &databaseLog{}
	s := openBreakers(t, d, events)
	for range 5 {
		require.Error(t, s.db.Create(&Consignment{ID: 1, Region: "US"}).Error, "a duplicate key")
		require.Error(t, s.db.Where("region = ? AND 1 / (weight - weight) > 0", "US").Find(&[]Consignment{}).Error)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, pointRead(s.db.WithContext(ctx), "US"), context.Canceled)
	}
	release := d.hold(t, faultyServer)
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		require.ErrorIs(t, pointRead(s.db.WithContext(ctx), "US"), context.DeadlineExceeded)
		cancel()
	}
	release()
	require.NoError(t, pointRead(s.db, "US"))
	assert.Empty(t, events.kinds())
	assert.Equal(t, dtde.BreakerStatus{State: dtde.BreakerClosed}, healthOf(t, s.plugin, "US").Breaker)
}

// TestBreakerCountsTimeouts: a server that has vanished gives no other sign.
func TestBreakerCountsTimeouts(t *testing.T) {
	t.Parallel()
	d := newDepots(t, 10)
	s := openSpread(t, d, func(c *dtde.Config) {
		c.Databases[faultyServer].Timeout = healthyLimit
		c.Databases[faultyServer].Breaker = dtde.BreakerSettings{Failures: 3, Pause: time.Hour}
	})
	require.NoError(t, pointRead(s.db, "US"))
	proxy := d.set.Postgres[faultyServer].Proxy
	proxy.Swallow(true)
	defer proxy.Swallow(false)
	for range 2 {
		err := pointRead(s.db, "US")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, `database "US"`)
	}
	err := s.db.Transaction(func(tx *gorm.DB) error { return pointRead(tx, "US") })
	require.ErrorIs(t, err, context.DeadlineExceeded, "a statement in a transaction has the limit, too")
	require.ErrorIs(t, pointRead(s.db, "US"), dtde.ErrDatabaseDown)
}

// TestBreakerLetsCommitsThrough: what is prepared is ended, whatever the breaker says.
func TestBreakerLetsCommitsThrough(t *testing.T) {
	t.Parallel()
	d := newDepots(t, 10)
	s := openSpread(t, d, func(c *dtde.Config) { c.Breaker = dtde.BreakerSettings{Failures: 1, Pause: time.Hour} })
	create := func(tx *gorm.DB, id int64) error {
		for i, region := range depotRegions {
			if err := tx.Create(&Consignment{ID: id + int64(i), Region: region}).Error; err != nil {
				return err
			}
		}
		return nil
	}
	require.NoError(t, s.db.Transaction(func(tx *gorm.DB) error { return create(tx, 200) }), "which makes dtde_decisions")
	err := s.db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, create(tx, 100))
		for _, server := range d.set.Postgres {
			require.NoError(t, server.Proxy.Refuse(true))
		}
		quiet(s.pools)
		for _, region := range depotRegions {
			require.Error(t, pointRead(s.db, region))
			require.ErrorIs(t, pointRead(s.db, region), dtde.ErrDatabaseDown)
		}
		return nil
	})
	for _, server := range d.set.Postgres {
		require.NoError(t, server.Proxy.Refuse(false))
	}
	require.NoError(t, err)
	for i := range depotRegions {
		var n int
		require.NoError(t, d.direct[i].QueryRow("SELECT COUNT(*) FROM "+depotTable(i)).Scan(&n))
		assert.Equal(t, 12, n)
		require.NoError(t, d.direct[i].QueryRow("SELECT COUNT(*) FROM pg_prepared_xacts").Scan(&n))
		assert.Zero(t, n)
	}
	left, err := s.plugin.Recover(t.Context())
	require.NoError(t, err)
	assert.Empty(t, left)
	require.ErrorIs(t, pointRead(s.db, "EU"), dtde.ErrDatabaseDown, "recovery does not end the pause")
}

// TestBreakerOfMariaDB: its driver asks for the version when it is opened.
func TestBreakerOfMariaDB(t *testing.T) {
	t.Parallel()
	set := dbservers.Start(t, dbservers.Options{MariaDB: true})
	server := set.MariaDB
	open := func(dsn string) gorm.Dialector { return mysql.Open(dsn) }
	db, err := gorm.Open(open(server.DirectDSN(server.CreateDatabase(t))), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	events := &databaseLog{}
	plugin := dtde.Register(dtde.Config{
		Databases: []dtde.Database{
			{ID: "EU", Dialector: open(server.DSN(server.CreateDatabase(t)))},
			{ID: "US", Dialector: open(server.DSN(server.CreateDatabase(t)))},
		},
		Breaker:  dtde.BreakerSettings{Failures: 2, Pause: breakerPause},
		Entities: []dtde.Entity{dtde.Model(&Freight{}).ShardBy("Region", "EU", "US").WithStorageMode(dtde.Databases)},
		Observer: events,
	})
	require.NoError(t, db.Use(plugin))
	t.Cleanup(func() { _ = plugin.Close() })
	read := func() error { return db.Where("region = ?", "EU").Find(&[]Freight{}).Error }
	require.NoError(t, server.Proxy.Refuse(true))
	for range 2 {
		err := read()
		require.Error(t, err)
		require.NotErrorIs(t, err, dtde.ErrDatabaseDown)
		require.ErrorContains(t, err, `database "EU"`)
	}
	require.ErrorIs(t, read(), dtde.ErrDatabaseDown, "before it was ever opened")
	require.NoError(t, server.Proxy.Refuse(false))
	time.Sleep(breakerPause)
	require.NoError(t, db.AutoMigrate(&Freight{}))
	require.NoError(t, read())
	assert.Equal(t, []string{"down EU", "up EU"}, events.kinds())

	server.Kill(t)
	require.Eventually(t, func() bool { return errors.Is(read(), dtde.ErrDatabaseDown) }, 5*time.Second, 5*time.Millisecond)
	server.Start(t)
	require.Eventually(t, func() bool { return read() == nil }, 10*time.Second, 50*time.Millisecond)
	assert.Equal(t, []string{"down EU", "up EU", "down EU", "up EU"}, events.kinds())
}

// TestBreakerOfSQLite: its databases are files that may be gone.
func TestBreakerOfSQLite(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	open := func(name string) gorm.Dialector {
		return sqlite.Open("file:" + filepath.Join(folder, name))
	}
	db, err := gorm.Open(open("own.db"), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	plugin := dtde.Register(dtde.Config{
		Databases: []dtde.Database{{ID: "EU", Dialector: open(filepath.Join("nowhere", "eu.db"))}, {ID: "US", Dialector: open("us.db")}},
		Breaker:   dtde.BreakerSettings{Failures: 2, Pause: time.Hour},
		Entities:  []dtde.Entity{dtde.Model(&Freight{}).ShardBy("Region", "EU", "US").WithStorageMode(dtde.Databases)},
	})
	require.NoError(t, db.Use(plugin))
	t.Cleanup(func() { _ = plugin.Close() })
	read := func() error { return db.Where("region = ?", "EU").Find(&[]Freight{}).Error }
	for range 2 {
		require.NotErrorIs(t, read(), dtde.ErrDatabaseDown)
	}
	require.ErrorIs(t, read(), dtde.ErrDatabaseDown)
	err = db.Where("region = ?", "US").Find(&[]Freight{}).Error
	require.ErrorContains(t, err, "no such table", "the other is there")
}
