package tests

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/plugin/dbresolver"

	"github.com/go-dtde/dtde"
	dbservers "github.com/go-dtde/dtde/internal/testenv/servers"
)

// standbys is dtde over one PostgreSQL server with streaming standbys.
type standbys struct {
	source   *dbservers.Server
	replicas []*dbservers.Server
	db       *gorm.DB
	plugin   *dtde.Plugin
	events   *databaseLog
}

// newStandbys starts a source with n standbys, each reached through its proxy.
func newStandbys(t *testing.T, n int, change func(*dtde.Config)) *standbys {
	t.Helper()
	s := &standbys{source: dbservers.Start(t, dbservers.Options{Postgres: 1}).Postgres[0], events: &databaseLog{}}
	name := s.source.CreateDatabase(t)
	own := dtde.Database{ID: "main", Own: true, Breaker: dtde.BreakerSettings{Failures: 2, Pause: time.Hour}}
	for range n {
		replica := s.source.Standby(t)
		s.replicas = append(s.replicas, replica)
		own.Replicas = append(own.Replicas, postgres.New(postgres.Config{Conn: openPGX(t, replica.DSN(name))}))
	}
	cfg := dtde.Config{Entities: crates(), NodeID: 1, Databases: []dtde.Database{own}, Observer: s.events}
	if change != nil {
		change(&cfg)
	}
	s.db = openGORM(t, openPGX(t, s.source.DSN(name)))
	s.plugin = dtde.Register(cfg)
	require.NoError(t, s.db.Use(s.plugin))
	require.NoError(t, s.db.AutoMigrate(&Crate{}, &CrateLabel{}, &CrateLog{}, &CrateTerm{}))
	require.NoError(t, s.db.Create(&[]Crate{{ID: 1, Region: "EU", Day: crateDay}, {ID: 2, Region: "US", Day: crateDay}}).Error)
	for _, replica := range s.replicas {
		replica.CatchUp(t, s.source)
	}
	return s
}

func (s *standbys) count(t *testing.T, db *gorm.DB) (n int64) {
	t.Helper()
	require.NoError(t, db.Model(&Crate{}).Count(&n).Error)
	return n
}

// trips are the round trips to the source and to each standby since the last call.
func (s *standbys) trips(last *[]int64) []int64 {
	now := []int64{s.source.Proxy.RoundTrips()}
	for _, replica := range s.replicas {
		now = append(now, replica.Proxy.RoundTrips())
	}
	since := append([]int64(nil), now...)
	for i := range *last {
		since[i] -= (*last)[i]
	}
	*last = now
	return since
}

// TestReplicaThatLags: a standby that stands still answers from then, unless what must not
// be old is asked of it.
func TestReplicaThatLags(t *testing.T) {
	t.Parallel()
	s := newStandbys(t, 1, nil)
	replica := s.replicas[0]
	require.EqualValues(t, 2, s.count(t, s.db))
	replica.PauseReplay(t)
	require.NoError(t, s.db.Create(&Crate{ID: 3, Region: "EU", Day: crateDay}).Error)
	assert.EqualValues(t, 2, s.count(t, s.db), "a replica's answer")
	assert.EqualValues(t, 3, s.count(t, s.db.Clauses(dbresolver.Write)))
	require.NoError(t, s.db.Transaction(func(tx *gorm.DB) error {
		assert.EqualValues(t, 3, s.count(t, tx))
		return nil
	}))
	var locked []Crate
	require.NoError(t, s.db.Clauses(clause.Locking{Strength: "UPDATE"}).Find(&locked).Error)
	assert.Len(t, locked, 3)

	// what a write reads
	err := s.db.Session(&gorm.Session{SkipDefaultTransaction: true}).Create(&Crate{ID: 3, Region: "US", Day: crateDay}).Error
	require.ErrorIs(t, err, gorm.ErrDuplicatedKey, "the given key is on the other shard")
	found := Crate{ID: 3, Region: "EU"}
	require.NoError(t, s.db.Where(found).FirstOrCreate(&found).Error)
	assert.EqualValues(t, 3, s.count(t, s.db.Clauses(dbresolver.Write)), "it was found")
	require.NoError(t, s.db.Create(&CrateTerm{Number: 7, Place: "a", ValidFrom: crateDay}).Error)
	term := CrateTerm{Number: 7, Place: "b", ValidFrom: crateDay.AddDate(0, 0, 1)}
	_, err = dtde.SaveWithVersioning(s.db, &term)
	require.NoError(t, err)
	var n int64
	require.NoError(t, s.db.Clauses(dbresolver.Write).Scopes(dtde.ValidAt(crateDay.AddDate(1, 0, 0))).Model(&CrateTerm{}).Count(&n).Error)
	assert.EqualValues(t, 1, n, "the version before was closed")

	// a shard that the standby has not heard of
	require.NoError(t, s.db.Create(&CrateLog{ID: 1, Day: crateDay}).Error)
	require.NoError(t, s.db.Model(&CrateLog{}).Count(&n).Error)
	assert.EqualValues(t, 1, n, "its table is not on the standby: the source is asked")
	require.NoError(t, s.db.Scopes(dtde.Reads(dtde.ReadSessions)).Order("id").Find(&[]CrateLog{}).Error)

	replica.ResumeReplay(t)
	replica.CatchUp(t, s.source)
	assert.EqualValues(t, 3, s.count(t, s.db))
	var last []int64
	s.trips(&last)
	require.NoError(t, s.db.Scopes(dtde.Reads(dtde.ReadSessions)).Order("id").Find(&locked).Error)
	require.NoError(t, s.db.Scopes(dtde.Reads(dtde.ReadSessions)).Order("id").Offset(1).Limit(1).Find(&locked).Error)
	since := s.trips(&last)
	assert.Zero(t, since[0], "shared snapshots are the standby's")
	assert.NotZero(t, since[1])
}

// TestReadYourWrites: a session's reads see what it wrote, and others need not.
func TestReadYourWrites(t *testing.T) {
	t.Parallel()
	s := newStandbys(t, 2, nil)
	for _, replica := range s.replicas {
		replica.PauseReplay(t)
	}
	session := dtde.ReadYourWrites(t.Context(), dtde.ReadYourWritesSettings{Wait: time.Minute})
	hasty := dtde.ReadYourWrites(t.Context(), dtde.ReadYourWritesSettings{Wait: -1})
	strict := dtde.ReadYourWrites(t.Context(), dtde.ReadYourWritesSettings{Wait: 20 * time.Millisecond, Strict: true})
	assert.EqualValues(t, 2, s.count(t, s.db.WithContext(strict)), "nothing was written in it")
	var last []int64
	s.trips(&last)
	for i, ctx := range []context.Context{hasty, strict, session} {
		require.NoError(t, s.db.WithContext(ctx).Create(&Crate{ID: int64(10 + i), Region: "US", Day: crateDay}).Error)
	}
	assert.EqualValues(t, 5, s.count(t, s.db.WithContext(hasty)), "the source")
	assert.Equal(t, int64(2), s.count(t, s.db), "without a session")
	assert.Equal(t, int64(2), s.count(t, s.db.WithContext(session).Clauses(dbresolver.Read)), "who insists")
	var n int64
	err := s.db.WithContext(strict).Model(&Crate{}).Count(&n).Error
	require.ErrorIs(t, err, dtde.ErrReplicaBehind)
	require.ErrorIs(t, err, dtde.Err)
	var behind *dtde.ReplicaBehindError
	require.ErrorAs(t, err, &behind)
	assert.Equal(t, 20*time.Millisecond, behind.Waited)

	// one of them goes on, and the read waits for it
	done := make(chan int64)
	go func() {
		var n int64
		_ = s.db.WithContext(session).Model(&Crate{}).Count(&n)
		done <- n
	}()
	select {
	case n := <-done:
		require.FailNow(t, "it did not wait", "%d", n)
	case <-time.After(50 * time.Millisecond):
	}
	s.replicas[1].ResumeReplay(t)
	require.EqualValues(t, 5, <-done)
	s.trips(&last)
	for range 5 {
		assert.EqualValues(t, 5, s.count(t, s.db.WithContext(session)))
		assert.EqualValues(t, 5, s.count(t, s.db.WithContext(strict)))
	}
	since := s.trips(&last)
	assert.Zero(t, since[0], "the position is known, and reached")
	assert.NotZero(t, since[2])

	// transactions count, too: by their begin or by what they write
	s.replicas[1].PauseReplay(t)
	require.NoError(t, s.db.WithContext(hasty).Transaction(func(tx *gorm.DB) error {
		return tx.Create(&Crate{ID: 20, Region: "EU", Day: crateDay}).Error
	}))
	assert.EqualValues(t, 6, s.count(t, s.db.WithContext(hasty)))
	require.NoError(t, s.db.Transaction(func(tx *gorm.DB) error {
		return tx.WithContext(hasty).Create(&Crate{ID: 21, Region: "EU", Day: crateDay}).Error
	}))
	assert.EqualValues(t, 7, s.count(t, s.db.WithContext(hasty)))
	require.NoError(t, s.db.WithContext(hasty).Exec("DELETE FROM crates WHERE region = 'EU' AND id = 20").Error)
	assert.EqualValues(t, 6, s.count(t, s.db.WithContext(hasty)))
	assert.Less(t, s.count(t, s.db), int64(6), "without a session")
	ctx, cancel := context.WithTimeout(session, 50*time.Millisecond)
	defer cancel()
	require.NoError(t, s.db.WithContext(session).Create(&Crate{ID: 22, Region: "EU", Day: crateDay}).Error)
	require.ErrorIs(t, s.db.WithContext(ctx).Model(&Crate{}).Count(&n).Error, context.DeadlineExceeded, "the caller's own limit")
}

// TestReplicaThatIsDown: others answer, at last the source; its breaker is its own.
func TestReplicaThatIsDown(t *testing.T) {
	t.Parallel()
	s := newStandbys(t, 2, func(c *dtde.Config) { c.Databases[0].ReplicaPolicy = dtde.RoundRobinReplica })
	require.EqualValues(t, 2, s.count(t, s.db))
	require.EqualValues(t, 2, s.count(t, s.db))
	s.replicas[0].Kill(t)
	for range 8 {
		assert.EqualValues(t, 2, s.count(t, s.db))
	}
	assert.Equal(t, []string{"down "}, s.events.kinds())
	assert.Equal(t, 1, s.events.events[0].Replica)
	before := s.replicas[0].Proxy.Connections()
	var last []int64
	s.trips(&last)
	for range 4 {
		assert.EqualValues(t, 2, s.count(t, s.db))
	}
	assert.Equal(t, before, s.replicas[0].Proxy.Connections(), "it is left alone")
	assert.Zero(t, s.trips(&last)[0], "the other one answers")
	health, err := s.plugin.Health(t.Context())
	require.NoError(t, err)
	require.Len(t, health, 3)
	require.NoError(t, health[0].Err)
	assert.Equal(t, dtde.BreakerClosed, health[0].Breaker.State, "the source's is its own")
	require.Error(t, health[1].Err)
	assert.Equal(t, dtde.BreakerOpen, health[1].Breaker.State)
	require.NoError(t, health[2].Err)

	s.replicas[1].Kill(t)
	for range 6 {
		assert.EqualValues(t, 2, s.count(t, s.db))
		require.NoError(t, s.db.Scopes(dtde.Reads(dtde.ReadSessions)).Order("id").Find(&[]Crate{}).Error)
	}
	require.NoError(t, s.db.Create(&Crate{ID: 9, Region: "EU", Day: crateDay}).Error)
	assert.EqualValues(t, 3, s.count(t, s.db), "the source's answer")
	s.trips(&last)
	s.replicas[0].Start(t)
	s.replicas[0].CatchUp(t, s.source)
	require.Eventually(t, func() bool {
		health, err = s.plugin.Health(t.Context()) // which ends its pause
		return err == nil && health[1].Err == nil
	}, 10*time.Second, 20*time.Millisecond)
	s.trips(&last)
	assert.EqualValues(t, 3, s.count(t, s.db))
	assert.Zero(t, s.trips(&last)[0])
}

// TestReplicasOfDatabases: each database has its own, and a read of one connects to no other.
func TestReplicasOfDatabases(t *testing.T) {
	t.Parallel()
	set := dbservers.Start(t, dbservers.Options{Postgres: 2})
	cfg := dtde.Config{NodeID: 1, Entities: []dtde.Entity{dtde.Model(&Crate{}).ShardBy("Region", "EU", "US").WithStorageMode(dtde.Databases)}}
	var replicas []*dbservers.Server
	for i, region := range []string{"EU", "US"} {
		server := set.Postgres[i]
		name := server.CreateDatabase(t)
		replica := server.Standby(t)
		replicas = append(replicas, replica)
		cfg.Databases = append(cfg.Databases, dtde.Database{
			ID: region, Dialector: postgres.Open(server.DSN(name)), Replicas: []gorm.Dialector{postgres.Open(replica.DSN(name))},
		})
	}
	home := set.Postgres[0]
	own, err := sql.Open("pgx", home.DirectDSN(home.CreateDatabase(t)))
	require.NoError(t, err)
	t.Cleanup(func() { _ = own.Close() })
	db := openGORM(t, own)
	plugin := dtde.Register(cfg)
	require.NoError(t, db.Use(plugin))
	t.Cleanup(func() { _ = plugin.Close() })
	require.NoError(t, db.AutoMigrate(&Crate{}, &CrateLabel{}))
	assert.Zero(t, replicas[0].Proxy.Connections()+replicas[1].Proxy.Connections(), "no read, no replica")
	require.NoError(t, db.Create(&[]Crate{{ID: 1, Region: "EU", Day: crateDay}, {ID: 2, Region: "US", Day: crateDay}}).Error)
	for i, replica := range replicas {
		replica.CatchUp(t, set.Postgres[i])
	}
	trips := func() (n []int64) {
		for i := range replicas {
			n = append(n, set.Postgres[i].Proxy.RoundTrips(), replicas[i].Proxy.RoundTrips())
		}
		return n
	}
	before := trips()
	var c Crate
	require.NoError(t, db.Where("region = ?", "US").First(&c).Error)
	after := trips()
	assert.Equal(t, before[:3], after[:3], "neither the sources nor the other's replica")
	assert.Greater(t, after[3], before[3])
	assert.Zero(t, replicas[0].Proxy.Connections())
	var all []Crate
	require.NoError(t, db.Order("id").Find(&all).Error)
	assert.Len(t, all, 2)
	require.NoError(t, db.Order("id").Offset(1).Limit(1).Find(&all).Error)
	now := trips()
	assert.Equal(t, []int64{after[0], after[2]}, []int64{now[0], now[2]}, "no source")

	replicas[1].PauseReplay(t)
	ctx := dtde.ReadYourWrites(t.Context(), dtde.ReadYourWritesSettings{Wait: -1})
	require.NoError(t, db.WithContext(ctx).Create(&Crate{ID: 3, Region: "US", Day: crateDay}).Error)
	require.NoError(t, db.Find(&all).Error)
	assert.Len(t, all, 2)
	before = trips()
	require.NoError(t, db.WithContext(ctx).Find(&all).Error)
	assert.Len(t, all, 3)
	assert.Equal(t, before[0], trips()[0], "EU was not written to: its replica will do")

	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Find(&all).Error)
		assert.Len(t, all, 3)
		require.NoError(t, tx.Model(&Crate{}).Where("id = ?", 1).Update("place", "x").Error)
		return tx.Model(&Crate{}).Where("id = ?", 2).Update("place", "x").Error
	}))
	replicas[1].ResumeReplay(t)
	replicas[0].Kill(t)
	require.NoError(t, db.Order("id").Find(&all).Error)
	assert.Equal(t, "x", all[0].Place, "the source's")
}
