package tests

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/plugin/dbresolver"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/testenv"
)

// placeRead tells where a read was answered.
func placeRead(t *testing.T, db *gorm.DB) string {
	t.Helper()
	var c Crate
	require.NoError(t, db.Where("region = ?", "EU").First(&c).Error)
	return c.Place
}

// TestReplicaPolicies: how reads are spread.
func TestReplicaPolicies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy dtde.ReplicaPolicy
		custom dtde.ReplicaChooser
		read   func(t *testing.T, f *fleet)
	}{
		"random": {read: func(t *testing.T, f *fleet) {
			seen := map[string]int{}
			for range 60 {
				seen[placeRead(t, f.db)]++
			}
			assert.Len(t, seen, 3, "%v", seen)
		}},
		"round robin": {policy: dtde.RoundRobinReplica, read: func(t *testing.T, f *fleet) {
			seen := map[string]int{}
			for range 9 {
				seen[placeRead(t, f.db)]++
			}
			assert.Equal(t, map[string]int{"replica 1": 3, "replica 2": 3, "replica 3": 3}, seen)
		}},
		"least busy": {policy: dtde.LeastBusyReplica, read: func(t *testing.T, f *fleet) {
			busy := map[string]int{}
			for range 6 { // each read holds its server while its rows are open
				rows, err := f.db.Model(&Crate{}).Where("region = ?", "EU").Select("place").Rows()
				require.NoError(t, err)
				defer func() { _ = rows.Close() }()
				require.True(t, rows.Next())
				var place string
				require.NoError(t, rows.Scan(&place))
				busy[place]++
			}
			assert.Equal(t, map[string]int{"replica 1": 2, "replica 2": 2, "replica 3": 2}, busy)
		}},
		"its own": {custom: dbresolver.PolicyFunc(func(pools []gorm.ConnPool) gorm.ConnPool { return pools[len(pools)-1] }), read: func(t *testing.T, f *fleet) {
			for range 5 {
				assert.Equal(t, "replica 3", placeRead(t, f.db))
			}
		}},
		"its own, wrong": {custom: dbresolver.PolicyFunc(func([]gorm.ConnPool) gorm.ConnPool { return nil }), read: func(t *testing.T, f *fleet) {
			require.ErrorIs(t, f.db.First(&Crate{}).Error, dtde.ErrConfig)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.read(t, launch(t, testenv.SQLite(), 3, func(t *testing.T, f *fleet) {
				f.use(t, func(cfg *dtde.Config) {
					cfg.Databases = []dtde.Database{{ID: "main", Own: true, Replicas: f.dialectors(), ReplicaPolicy: c.policy, CustomPolicy: c.custom}}
				})
			}))
		})
	}
}

// TestLeastBusyCountsWaiters: also for a dbresolver of the program's own, and for reads that wait
// for a connection.
func TestLeastBusyCountsWaiters(t *testing.T) {
	t.Parallel()
	f := launch(t, testenv.SQLite(), 2, func(t *testing.T, f *fleet) {
		require.NoError(t, f.db.Use(dbresolver.Register(dbresolver.Config{Replicas: f.dialectors(), Policy: dtde.LeastBusy{}})))
		f.use(t, nil)
	})
	pool, err := f.replicas[0].DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(1)
	held, err := pool.Conn(t.Context())
	require.NoError(t, err)
	for range 10 {
		assert.Equal(t, "replica 2", placeRead(t, f.db))
	}
	require.NoError(t, held.Close())
}

// TestResolverOfSomeModels: Use, and resolvers for some tables.
func TestResolverOfSomeModels(t *testing.T) {
	t.Parallel()
	f := launch(t, testenv.SQLite(), 3, func(t *testing.T, f *fleet) {
		d := f.dialectors()
		require.NoError(t, f.db.Use(dbresolver.
			Register(dbresolver.Config{Replicas: d[:1]}).
			Register(dbresolver.Config{Replicas: d[1:2]}, &CrateLog{}).
			Register(dbresolver.Config{Sources: d[2:], Replicas: d[2:]}, "elsewhere")))
		f.use(t, nil)
	})
	assert.Equal(t, "replica 1", placeRead(t, f.db))
	var places []string
	require.NoError(t, f.db.Model(&CrateLog{}).Pluck("place", &places).Error)
	assert.Equal(t, []string{"replica 2"}, places)
	assert.Equal(t, "replica 3", placeRead(t, f.db.Clauses(dbresolver.Use("elsewhere"))))
	assert.Equal(t, "replica 3", placeRead(t, f.db.Clauses(dbresolver.Use("elsewhere"), dbresolver.Write)))
	assert.Equal(t, "source", placeRead(t, f.db.Clauses(dbresolver.Write)))
	require.NoError(t, f.db.Clauses(dbresolver.Use("elsewhere")).Create(&Crate{ID: 77, Region: "EU", Day: crateDay}).Error)
	count := func(db *gorm.DB) (n int64) {
		require.NoError(t, db.Table("crates_eu").Where("id = 77").Count(&n).Error)
		return n
	}
	assert.EqualValues(t, 1, count(f.replicas[2]))
	assert.Zero(t, count(f.db.Clauses(dbresolver.Write)))
	tx := f.db.Clauses(dbresolver.Use("elsewhere"), dbresolver.Write).Begin()
	require.NoError(t, tx.Create(&Crate{ID: 78, Region: "US", Day: crateDay}).Error)
	require.NoError(t, tx.Rollback().Error)

	// Health knows them by now.
	health, err := f.db.Plugins["dtde"].(*dtde.Plugin).Health(t.Context())
	require.NoError(t, err)
	require.Len(t, health, 4)
	for i, h := range health {
		assert.Equal(t, []any{"", i, i > 0, true}, []any{h.ID, h.Replica, h.Resolved, h.Opened})
		require.NoError(t, h.Err)
		assert.Positive(t, h.Open, i)
	}
	pool, err := f.replicas[1].DB() // the second that was asked
	require.NoError(t, err)
	require.NoError(t, pool.Close())
	health, err = f.db.Plugins["dtde"].(*dtde.Plugin).Health(t.Context())
	require.NoError(t, err)
	require.Error(t, health[2].Err)
	require.NoError(t, health[3].Err)
}

// TestResolverBesideDatabases: a program that had a dbresolver before dtde reaches the shards
// in its other databases.
func TestResolverBesideDatabases(t *testing.T) {
	t.Parallel()
	for _, first := range []bool{true, false} {
		name := map[bool]string{true: "before", false: "after"}[first]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testenv.Each(t, func(t *testing.T, d testenv.DB) {
				own, replica, eu, us, euReplica := d.Open(t), d.Open(t), d.Open(t), d.Open(t), d.Open(t)
				cfg := dtde.Config{
					NodeID: 1,
					Databases: []dtde.Database{
						{ID: "EU", Dialector: eu.Dialector, Replicas: []gorm.Dialector{euReplica.Dialector}}, {ID: "US", Dialector: us.Dialector},
					},
					Entities: []dtde.Entity{dtde.Model(&Crate{}).ShardBy("Region", "EU", "US").WithStorageMode(dtde.Databases)},
				}
				require.NoError(t, replica.AutoMigrate(&CrateLabel{}))
				require.NoError(t, replica.Create(&CrateLabel{ID: 1, CrateID: 1, Place: "replica"}).Error)
				require.NoError(t, euReplica.Table("crates_eu").AutoMigrate(&Crate{}))
				require.NoError(t, euReplica.Table("crates_eu").Create(map[string]any{"id": 1, "region": "EU", "place": "replica", "day": crateDay}).Error)
				resolver := func() {
					require.NoError(t, own.Use(dbresolver.Register(dbresolver.Config{Replicas: []gorm.Dialector{replica.Dialector}})))
				}
				if first {
					resolver()
				}
				plugin := dtde.Register(cfg)
				require.NoError(t, own.Use(plugin))
				if !first {
					resolver()
				}
				require.NoError(t, own.AutoMigrate(&Crate{}, &CrateLabel{}))
				create := func(db *gorm.DB) error {
					return db.Create(&[]Crate{{ID: 1, Region: "EU", Place: "source", Day: crateDay}, {ID: 2, Region: "US", Place: "source", Day: crateDay}}).Error
				}
				ctx := dtde.BestEffort(t.Context())
				if d.Name == "sqlite" {
					require.Error(t, own.Transaction(func(tx *gorm.DB) error {
						require.NoError(t, create(tx))
						return context.Canceled
					}))
				}
				require.NoError(t, create(own.WithContext(ctx)))
				var all []Crate
				require.NoError(t, own.Preload("Labels").Order("id").Find(&all).Error)
				require.Len(t, all, 2)
				assert.Equal(t, []string{"replica", "source"}, placesOf(all), "US has none")
				require.Len(t, all[0].Labels, 1)
				assert.Equal(t, "replica", all[0].Labels[0].Place)
				require.NoError(t, own.Clauses(dbresolver.Write).Preload("Labels").Order("id").Find(&all).Error)
				assert.Equal(t, []string{"source", "source"}, placesOf(all))
				assert.Empty(t, all[0].Labels)
				require.NoError(t, own.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
					require.NoError(t, tx.Order("id").Find(&all).Error)
					assert.Equal(t, []string{"source", "source"}, placesOf(all))
					return tx.Model(&Crate{}).Where("region = ?", "US").Update("place", "x").Error
				}))
			})
		})
	}
}

// TestReplicasHooks: hooks of a write read the source, those of a read its replica; a write in
// a read's hook goes to the source.
func TestReplicasHooks(t *testing.T) {
	t.Parallel()
	for name, open := range fleets {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := launch(t, testenv.SQLite(), 2, open)
			var places []string
			var mu sync.Mutex
			note := func(db *gorm.DB) {
				if _, inner := db.Get("inner"); inner || db.Statement.Schema == nil || db.Statement.Schema.Name != "Crate" {
					return
				}
				tx := db.Session(&gorm.Session{NewDB: true}).Set("inner", true).Session(&gorm.Session{})
				var c Crate
				require.NoError(t, tx.First(&c, 1).Error)
				if db.Statement.Dest != nil && db.Statement.SQL.Len() > 0 {
					require.NoError(t, tx.Create(&CrateLabel{Place: "hook"}).Error)
				}
				mu.Lock()
				defer mu.Unlock()
				places = append(places, c.Place)
			}
			require.NoError(t, f.db.Callback().Query().After("gorm:after_query").Register("test:read", note))
			require.NoError(t, f.db.Callback().Create().After("gorm:create").Register("test:write", note))
			for range 4 {
				places = nil
				at := placeRead(t, f.db)
				assert.Equal(t, []string{at}, places)
			}
			places = nil
			require.NoError(t, f.db.Session(&gorm.Session{SkipDefaultTransaction: true}).Create(&Crate{ID: 5, Region: "EU", Day: crateDay}).Error)
			assert.Equal(t, []string{"source"}, places)
			var n int64
			require.NoError(t, f.db.Clauses(dbresolver.Write).Model(&CrateLabel{}).Where("place = 'hook'").Count(&n).Error)
			assert.NotZero(t, n)
			for _, replica := range f.replicas {
				require.NoError(t, replica.Model(&CrateLabel{}).Where("place = 'hook'").Count(&n).Error)
				assert.Zero(t, n)
			}
		})
	}
}

// TestCursorOfAReplica: what is asked about a row is asked of the server that it came from.
func TestCursorOfAReplica(t *testing.T) {
	t.Parallel()
	for name, open := range fleets {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := launch(t, testenv.SQLite(), 2, open)
			for i, at := range f.replicas { // times are asked for
				require.NoError(t, at.Table("crates_eu").Where("id = 1").Update("day", crateDay.AddDate(0, 0, i)).Error)
			}
			for range 8 {
				var all []Crate
				page := f.db.Order("day").Scopes(dtde.After("")).Limit(1).Find(&all)
				require.NoError(t, page.Error)
				_, err := dtde.CursorOf(page, all[0])
				require.NoError(t, err)
			}
			_ = f.busyReplicas()
			var all []Crate
			page := f.db.Clauses(dbresolver.Write).Order("day").Scopes(dtde.After("")).Limit(1).Find(&all)
			_, err := dtde.CursorOf(page, all[0])
			require.NoError(t, err)
			f.quietReplicas(t, "the source's cursor")
		})
	}
}

// TestSessionSticksToTheSource: where no engine tells positions.
func TestSessionSticksToTheSource(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		f := launch(t, d, 1, fleets["settings"])
		ctx := dtde.ReadYourWrites(t.Context(), dtde.ReadYourWritesSettings{Stick: time.Hour})
		brief := dtde.ReadYourWrites(t.Context(), dtde.ReadYourWritesSettings{Stick: time.Nanosecond})
		assert.Equal(t, "replica 1", placeRead(t, f.db.WithContext(ctx)), "nothing was written")
		require.NoError(t, f.db.WithContext(ctx).Create(&CrateLabel{ID: 90, Place: "x"}).Error, "also to what is not sharded")
		require.NoError(t, f.db.WithContext(brief).Create(&CrateLabel{ID: 91, Place: "x"}).Error)
		assert.Equal(t, "source", placeRead(t, f.db.WithContext(ctx)))
		assert.Equal(t, "source", placeRead(t, f.db.WithContext(context.WithValue(ctx, t, 1))))
		assert.Equal(t, "replica 1", placeRead(t, f.db.WithContext(brief)))
		assert.Equal(t, "replica 1", placeRead(t, f.db))
	})
}

// TestTwoResolvers: replicas of one database in two places are refused, whichever comes first.
func TestTwoResolvers(t *testing.T) {
	t.Parallel()
	d := testenv.SQLite()
	settings := func(db *gorm.DB) *dtde.Plugin {
		return dtde.Register(dtde.Config{Entities: crates(), NodeID: 1, Databases: []dtde.Database{
			{ID: "main", Own: true, Replicas: []gorm.Dialector{d.Dialector(t)}},
		}})
	}
	before := d.Open(t)
	require.NoError(t, before.Use(dbresolver.Register(dbresolver.Config{Replicas: []gorm.Dialector{d.Dialector(t)}})))
	require.ErrorIs(t, before.Use(settings(before)), dtde.ErrConfig)
	require.NoError(t, before.Migrator().CreateTable(&CrateLabel{}), "nothing has changed")
	after := d.Open(t)
	require.NoError(t, after.Use(settings(after)))
	require.ErrorIs(t, after.Use(dbresolver.Register(dbresolver.Config{Replicas: []gorm.Dialector{d.Dialector(t)}})), dtde.ErrConfig)
}

// TestBorrowedPlugins: a *gorm.DB that is opened with another one's plugins sends nothing.
func TestBorrowedPlugins(t *testing.T) {
	t.Parallel()
	f := launch(t, testenv.SQLite(), 1, fleets["dbresolver after"])
	borrowed := *f.db.Config
	other, err := gorm.Open(testenv.SQLite().Dialector(t), &borrowed)
	require.NoError(t, err)
	require.ErrorIs(t, other.Find(&[]Crate{}).Error, dtde.ErrConfig)
	require.ErrorIs(t, other.Exec("SELECT 1").Error, dtde.ErrConfig)
	assert.Equal(t, "replica 1", placeRead(t, f.db))
}

// TestReplicasOfAFile: settings files name replicas by driver and DSN.
func TestReplicasOfAFile(t *testing.T) {
	folder := t.TempDir()
	at := func(name string) string { return "file:" + filepath.Join(folder, name+".db") }
	t.Setenv("CRATES_REPLICA", at("replica"))
	path := filepath.Join(folder, "dtde.yaml")
	require.NoError(t, os.WriteFile(path, []byte(`
databases:
  - {id: main, own: true, replicas: [{driver: lite, dsnEnv: CRATES_REPLICA}], replicaPolicy: leastBusy, maxOpen: 3}
nodeID: 1
entities:
  - {model: Crate, strategy: {kind: value, field: Region, values: [EU, US]}}
`), 0o600))
	cfg, err := config.LoadFile(path, config.Registry{
		Models:  map[string]any{"Crate": &Crate{}},
		Drivers: map[string]func(string) gorm.Dialector{"lite": func(dsn string) gorm.Dialector { return sqlite.Open(dsn) }},
	})
	require.NoError(t, err)
	open := func(name string) *gorm.DB {
		db, err := gorm.Open(sqlite.Open(at(name)), &gorm.Config{Logger: logger.Discard})
		require.NoError(t, err)
		return db
	}
	stockAt := func(name string) *gorm.DB {
		db := open(name)
		require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: crates(), NodeID: 1})))
		require.NoError(t, db.AutoMigrate(&Crate{}, &CrateLabel{}))
		require.NoError(t, db.Create(&Crate{ID: 1, Region: "EU", Place: name, Day: crateDay}).Error)
		return db
	}
	stockAt("source")
	stockAt("replica")
	db := open("source")
	plugin := dtde.Register(cfg)
	require.NoError(t, db.Use(plugin))
	health, err := plugin.Health(t.Context())
	require.NoError(t, err)
	require.Len(t, health, 2)
	assert.False(t, health[1].Opened)
	assert.Equal(t, "replica", placeRead(t, db))
	health, err = plugin.Health(t.Context())
	require.NoError(t, err)
	assert.True(t, health[1].Opened)
	assert.Equal(t, 1, health[1].Replica)
	require.NoError(t, health[1].Err)
	assert.Equal(t, "source", placeRead(t, db.Clauses(dbresolver.Write)))
	require.NoError(t, plugin.Close())
	assert.Equal(t, "replica", placeRead(t, db), "it is opened again")
	require.NoError(t, plugin.Close())
}

// TestReplicaFaults: what the settings of replicas can have wrong.
func TestReplicaFaults(t *testing.T) {
	t.Parallel()
	d := testenv.SQLite()
	for name, c := range map[string]struct {
		change func(*dtde.Database)
		want   string
	}{
		"policy alone": {func(d *dtde.Database) { d.ReplicaPolicy = dtde.RoundRobinReplica }, "no replicas to choose from"},
		"policy":       {func(d *dtde.Database) { d.ReplicaPolicy = 9; d.Replicas = []gorm.Dialector{d.Dialector} }, "unknown policy"},
		"two policies": {func(d *dtde.Database) {
			d.ReplicaPolicy = dtde.RoundRobinReplica
			d.CustomPolicy = dtde.LeastBusy{}
			d.Replicas = []gorm.Dialector{d.Dialector}
		}, "not both"},
		"nil":           {func(d *dtde.Database) { d.Replicas = []gorm.Dialector{nil} }, "Replicas[0]"},
		"no driver":     {func(d *dtde.Database) { d.ReplicaDSNs = []dtde.ReplicaDSN{{DSN: "x"}} }, "ReplicaDSNs[0]"},
		"unknown":       {func(d *dtde.Database) { d.ReplicaDSNs = []dtde.ReplicaDSN{{Driver: "nobody", DSN: "x"}} }, `"nobody"`},
		"no DSN":        {func(d *dtde.Database) { d.ReplicaDSNs = []dtde.ReplicaDSN{{Driver: "nobody"}} }, "ReplicaDSNs[0].DSN"},
		"no variable":   {func(d *dtde.Database) { d.ReplicaDSNs = []dtde.ReplicaDSN{{Driver: "x", DSNEnv: "DTDE_NOWHERE"}} }, "DTDE_NOWHERE"},
		"other engine":  {func(d *dtde.Database) { d.Replicas = []gorm.Dialector{otherEngine{d.Dialector}} }, "repeats its source"},
		"own's timeout": {func(d *dtde.Database) { *d = dtde.Database{ID: "EU", Own: true, Timeout: time.Second} }, "only for its replicas"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := dtde.Database{ID: "EU", Dialector: d.Dialector(t)}
			c.change(&database)
			err := d.Open(t).Use(dtde.Register(dtde.Config{Entities: crates(), NodeID: 1, Databases: []dtde.Database{database}}))
			require.ErrorIs(t, err, dtde.ErrConfig)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// otherEngine calls itself another.
type otherEngine struct{ gorm.Dialector }

func (otherEngine) Name() string { return "postgres" }
