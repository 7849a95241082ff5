package tests

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/plugin/dbresolver"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Crate is sharded, and read from replicas that are told from their source by what they
// hold: a row's Place is where it was read.
type Crate struct {
	ID     int64 `gorm:"primaryKey;autoIncrement:false"`
	Region string
	Place  string
	Day    time.Time
	Labels []CrateLabel
}

// CrateLabel is not sharded.
type CrateLabel struct {
	ID      int64 `gorm:"primaryKey"`
	CrateID int64
	Place   string
}

// CrateLog makes its shards on demand.
type CrateLog struct {
	ID    int64 `gorm:"primaryKey;autoIncrement:false"`
	Day   time.Time
	Place string
}

// CrateTerm keeps versions.
type CrateTerm struct {
	ID        int64 `gorm:"primaryKey"`
	Number    int64
	Place     string
	ValidFrom time.Time
	ValidTo   *time.Time
}

func crates() []dtde.Entity {
	return []dtde.Entity{
		dtde.Model(&Crate{}).ShardBy("Region", "EU", "US"),
		dtde.Model(&CrateLog{}).ShardByDate("Day", dtde.Year, time.Date(2022, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)),
		dtde.Model(&CrateTerm{}).ShardByHash("Number", 2).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Number"),
	}
}

var crateDay = time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)

// fleet is one source and its replicas: independent databases with the same tables.
type fleet struct {
	replicas []*gorm.DB // plain
	sent     []*testenv.Recorder
	db       *gorm.DB // the source with dtde
	plugin   *dtde.Plugin
}

// launch makes a source and n replicas, each with two crates whose Place names the server,
// and opens the source with dtde as open says.
func launch(t *testing.T, d testenv.DB, n int, open func(t *testing.T, f *fleet)) *fleet {
	t.Helper()
	f := &fleet{db: d.Open(t)}
	for range n {
		f.replicas = append(f.replicas, d.Open(t))
	}
	for i, at := range append([]*gorm.DB{f.db}, f.replicas...) {
		place := "source"
		if i > 0 {
			place = fmt.Sprintf("replica %d", i)
		}
		stock(t, at, place)
		f.sent = append(f.sent, testenv.Record(at))
	}
	open(t, f)
	for _, sent := range f.sent {
		sent.Reset()
	}
	return f
}

// stock makes the tables in a database, with rows that name it.
func stock(t *testing.T, at *gorm.DB, place string) {
	t.Helper()
	other := testenv.Reopen(t, at)
	require.NoError(t, other.Use(dtde.Register(dtde.Config{Entities: crates(), NodeID: 1})))
	require.NoError(t, other.AutoMigrate(&Crate{}, &CrateLabel{}, &CrateLog{}, &CrateTerm{}))
	require.NoError(t, other.Create(&[]Crate{
		{ID: 1, Region: "EU", Place: place, Day: crateDay, Labels: []CrateLabel{{ID: 1, Place: place}}},
		{ID: 2, Region: "US", Place: place, Day: crateDay, Labels: []CrateLabel{{ID: 2, Place: place}}},
	}).Error)
	require.NoError(t, other.Create(&CrateLog{ID: 1, Day: crateDay, Place: place}).Error)
	require.NoError(t, other.Create(&CrateTerm{ID: 1, Number: 1, Place: place, ValidFrom: crateDay}).Error)
}

func (f *fleet) dialectors() (all []gorm.Dialector) {
	for _, r := range f.replicas {
		all = append(all, r.Dialector)
	}
	return all
}

// quietReplicas checks that nothing was sent to the replicas since the last time.
func (f *fleet) quietReplicas(t *testing.T, what string) {
	t.Helper()
	for i, sent := range f.sent[1:] {
		assert.Empty(t, sent.Statements(), "%s on replica %d", what, i+1)
		sent.Reset()
	}
}

// busyReplicas counts the replicas that something was sent to.
func (f *fleet) busyReplicas() (n int) {
	for _, sent := range f.sent[1:] {
		if len(sent.Statements()) > 0 {
			n++
		}
		sent.Reset()
	}
	return n
}

func (f *fleet) use(t *testing.T, change func(*dtde.Config)) {
	t.Helper()
	cfg := dtde.Config{Entities: crates(), NodeID: 1}
	if change != nil {
		change(&cfg)
	}
	f.plugin = dtde.Register(cfg)
	require.NoError(t, f.db.Use(f.plugin))
}

// fleets are the ways to have replicas.
var fleets = map[string]func(t *testing.T, f *fleet){
	"settings": func(t *testing.T, f *fleet) {
		f.use(t, func(c *dtde.Config) {
			c.Databases = []dtde.Database{{ID: "main", Own: true, Replicas: f.dialectors()}}
		})
	},
	"dbresolver before": func(t *testing.T, f *fleet) {
		require.NoError(t, f.db.Use(dbresolver.Register(dbresolver.Config{Replicas: f.dialectors()})))
		f.use(t, nil)
	},
	"dbresolver after": func(t *testing.T, f *fleet) {
		f.use(t, nil)
		require.NoError(t, f.db.Use(dbresolver.Register(dbresolver.Config{Replicas: f.dialectors()})))
	},
	"dbresolver before, prepared": func(t *testing.T, f *fleet) {
		f.db.PrepareStmt = true
		f.db.ConnPool = gorm.NewPreparedStmtDB(f.db.ConnPool, 0, 0)
		f.db.Statement.ConnPool = f.db.ConnPool
		require.NoError(t, f.db.Use(dbresolver.Register(dbresolver.Config{Replicas: f.dialectors()})))
		f.use(t, nil)
	},
}

// TestReplicas runs everything with two replicas on every database and in every way to have
// them.
func TestReplicas(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		for name, open := range fleets {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f := launch(t, d, 2, open)
				f.answerReads(t)
				f.keepNothing(t)
				f.areNotWrittenTo(t)
			})
		}
	})
}

// crateReads read places of crates in every way there is.
var crateReads = map[string]func(db *gorm.DB) ([]string, error){
	"find": func(db *gorm.DB) ([]string, error) {
		var all []Crate
		err := db.Find(&all).Error
		return placesOf(all), err
	},
	"first": func(db *gorm.DB) ([]string, error) {
		var c Crate
		err := db.Where("region = ?", "EU").First(&c).Error
		return []string{c.Place}, err
	},
	"pluck": func(db *gorm.DB) (places []string, err error) {
		return places, db.Model(&Crate{}).Pluck("place", &places).Error
	},
	"sessions": func(db *gorm.DB) ([]string, error) {
		var all []Crate
		err := db.Scopes(dtde.Reads(dtde.ReadSessions)).Order("id").Find(&all).Error
		return placesOf(all), err
	},
	"page": func(db *gorm.DB) ([]string, error) {
		var all []Crate
		err := db.Scopes(dtde.Reads(dtde.ReadSessions)).Order("id").Offset(1).Limit(1).Find(&all).Error
		return placesOf(all), err
	},
	"rows": func(db *gorm.DB) (places []string, err error) {
		rows, err := db.Model(&Crate{}).Select("place").Rows()
		if err != nil {
			return nil, err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var place string
			if err := rows.Scan(&place); err != nil {
				return nil, err
			}
			places = append(places, place)
		}
		return places, rows.Err()
	},
	"row": func(db *gorm.DB) ([]string, error) {
		var place string
		err := db.Model(&Crate{}).Select("MIN(place)").Row().Scan(&place)
		return []string{place}, err
	},
	"group": func(db *gorm.DB) (places []string, err error) {
		return places, db.Model(&Crate{}).Select("MIN(place) AS place").Group("region").Scan(&places).Error
	},
	"preload": func(db *gorm.DB) ([]string, error) {
		var all []Crate
		err := db.Preload("Labels").Find(&all).Error
		places := placesOf(all)
		for _, c := range all {
			for _, l := range c.Labels {
				places = append(places, l.Place)
			}
		}
		return places, err
	},
	"join": func(db *gorm.DB) (places []string, err error) {
		return places, db.Model(&Crate{}).Joins("JOIN crate_labels l ON l.crate_id = crates.id").Pluck("l.place", &places).Error
	},
	"iterate": func(db *gorm.DB) (places []string, err error) {
		for c, err := range dtde.Iterate[Crate](db) {
			if err != nil {
				return nil, err
			}
			places = append(places, c.Place)
		}
		return places, nil
	},
	"batches": func(db *gorm.DB) (places []string, err error) {
		var all []Crate
		return places, db.FindInBatches(&all, 1, func(*gorm.DB, int) error {
			places = append(places, placesOf(all)...)
			return nil
		}).Error
	},
	"raw": func(db *gorm.DB) (places []string, err error) {
		return places, db.Raw("SELECT place FROM crates WHERE region = ?", "US").Scan(&places).Error
	},
	"raw union": func(db *gorm.DB) (places []string, err error) {
		return places, db.Raw("SELECT place FROM crates").Scan(&places).Error
	},
	"raw find": func(db *gorm.DB) ([]string, error) {
		var all []Crate
		err := db.Raw("SELECT * FROM crates").Find(&all).Error
		return placesOf(all), err
	},
	"raw join": func(db *gorm.DB) (places []string, err error) {
		return places, db.Raw("SELECT a.place FROM crates a JOIN crates b ON b.id = a.id").Scan(&places).Error
	},
	"generics": func(db *gorm.DB) ([]string, error) {
		all, err := gorm.G[Crate](db).Find(context.Background())
		return placesOf(all), err
	},
	"on demand": func(db *gorm.DB) (places []string, err error) {
		return places, db.Model(&CrateLog{}).Pluck("place", &places).Error
	},
	"as of": func(db *gorm.DB) (places []string, err error) {
		return places, db.Model(&CrateTerm{}).Scopes(dtde.ValidAt(crateDay.AddDate(0, 1, 0))).Pluck("place", &places).Error
	},
}

func placesOf(all []Crate) (places []string) {
	for _, c := range all {
		places = append(places, c.Place)
	}
	return places
}

// answerReads: a read is answered by one replica, all of it; a read that asks for
// the source, is part of a transaction or locks, by the source.
func (f *fleet) answerReads(t *testing.T) {
	t.Helper()
	from := func(what string, db *gorm.DB, read func(*gorm.DB) ([]string, error)) string {
		places, err := read(db)
		require.NoError(t, err, what)
		require.NotEmpty(t, places, what)
		for _, place := range places {
			if what != "batches" { // several reads
				assert.Equal(t, places[0], place, what)
			}
		}
		return places[0]
	}
	for name, read := range crateReads {
		assert.Contains(t, from(name, f.db, read), "replica", name)
		assert.Equal(t, "source", from(name, f.db.Clauses(dbresolver.Write), read), name)
		assert.Equal(t, "source", from(name, f.db.Session(&gorm.Session{}).Clauses(dbresolver.Write).Session(&gorm.Session{}), read), name)
		assert.Contains(t, from(name, f.db.Clauses(dbresolver.Read), read), "replica", name)
		assert.Contains(t, from(name, f.db.Session(&gorm.Session{PrepareStmt: true}), read), "replica", name)
		require.NoError(t, f.db.Transaction(func(tx *gorm.DB) error {
			if name == "sessions" || name == "page" {
				return nil // refused at this isolation level
			}
			assert.Equal(t, "source", from(name, tx, read), name)
			return nil
		}))
	}
	_ = f.busyReplicas()
	if f.db.Name() != "sqlite" {
		var all []Crate
		require.NoError(t, f.db.Clauses(clause.Locking{Strength: "UPDATE"}).Find(&all).Error)
		assert.Equal(t, "source", all[0].Place)
		var places []string
		require.NoError(t, f.db.Raw("SELECT place FROM crates WHERE region = 'EU' FOR UPDATE").Scan(&places).Error)
		assert.Equal(t, []string{"source"}, places)
	}
	var n int64
	require.NoError(t, f.db.Clauses(dbresolver.Write).Model(&Crate{}).Count(&n).Error)
	f.quietReplicas(t, "source")
	require.NoError(t, f.db.Model(&Crate{}).Count(&n).Error)
	assert.Equal(t, 1, f.busyReplicas())
}

// areNotWrittenTo: nothing of a write is sent to a replica, above all not what is
// read for it.
func (f *fleet) areNotWrittenTo(t *testing.T) {
	t.Helper()
	_, err := crateReads["find"](f.db) // which also opens them
	require.NoError(t, err)
	_ = f.busyReplicas()
	for name, db := range map[string]*gorm.DB{
		"default": f.db, "without transactions": f.db.Session(&gorm.Session{SkipDefaultTransaction: true}),
		"prepared": f.db.Session(&gorm.Session{PrepareStmt: true}),
	} {
		at := int64(1000 * (1 + len(name)))
		year := 2026 + len(name)%3
		for i, write := range []func() error{
			func() error {
				return db.Create(&Crate{ID: at, Region: "EU", Day: crateDay, Labels: []CrateLabel{{Place: "x"}}}).Error
			},
			func() error {
				return db.Create(&[]Crate{{ID: at + 1, Region: "EU", Day: crateDay}, {ID: at + 2, Region: "US", Day: crateDay}}).Error
			},
			func() error {
				err := db.Create(&Crate{ID: at + 1, Region: "US", Day: crateDay}).Error // is on the other shard
				if err == nil {
					return fmt.Errorf("the key is there")
				}
				return nil
			},
			func() error {
				return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Crate{ID: at + 1, Region: "EU", Place: "new", Day: crateDay}).Error
			},
			func() error { return db.Save(&Crate{ID: at + 1, Region: "EU", Place: "saved", Day: crateDay}).Error },
			func() error { return db.Model(&Crate{}).Where("id = ?", at+1).Update("place", "updated").Error },
			func() error { return db.Model(&Crate{}).Where("id = ?", at+1).Update("region", "US").Error },
			func() error {
				return db.Model(&Crate{}).Where("id > ?", at).Order("id").Limit(1).Update("place", "first").Error
			},
			func() error { return db.Where("id = ?", at+2).Delete(&Crate{}).Error },
			func() error { return db.Exec("UPDATE crates SET place = ? WHERE region = 'EU'", "source").Error },
			func() error {
				return db.Exec("UPDATE crates SET place = ?", "source").Error
			},
			func() error {
				return db.Where(Crate{ID: at + 5, Region: "EU"}).Attrs(Crate{Day: crateDay}).FirstOrCreate(&Crate{}).Error
			},
			func() error {
				return db.Model(&Crate{ID: at, Region: "EU"}).Association("Labels").Append(&CrateLabel{Place: "y"})
			},
			func() error {
				return db.Create(&CrateLog{ID: at, Day: time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)}).Error
			},
			func() error {
				term := CrateTerm{Number: at, Place: "a", ValidFrom: crateDay}
				_, err := dtde.SaveWithVersioning(db, &term)
				return err
			},
			func() error {
				term := CrateTerm{Number: at, Place: "b", ValidFrom: crateDay.AddDate(0, 0, 1)}
				_, err := dtde.SaveWithVersioning(db, &term)
				return err
			},
			func() error {
				_, err := dtde.BulkInsert(db, []Crate{{ID: at + 7, Region: "EU", Day: crateDay}, {ID: at + 8, Region: "US", Day: crateDay}})
				return err
			},
			func() error { return db.AutoMigrate(&Crate{}, &CrateLog{}) },
			func() error {
				return f.plugin.EnsureShards(t.Context(), time.Date(2022, 6, 1, 0, 0, 0, 0, time.UTC))
			},
			func() error {
				_, err := f.plugin.Validate()
				return err
			},
		} {
			require.NoError(t, write(), "%s: write %d", name, i)
			f.quietReplicas(t, fmt.Sprintf("%s: write %d", name, i))
		}
	}
}

// keepNothing: what a finisher returns is as it was before.
func (f *fleet) keepNothing(t *testing.T) {
	t.Helper()
	var all []Crate
	read := f.db.Find(&all)
	require.NoError(t, read.Error)
	_ = f.busyReplicas()
	tx := read.Session(&gorm.Session{NewDB: true}).Begin()
	require.NoError(t, tx.Error)
	require.NoError(t, tx.Create(&Crate{ID: 50, Region: "EU", Day: crateDay}).Error)
	require.NoError(t, tx.Commit().Error)
	require.NoError(t, f.db.Find(&all).Session(&gorm.Session{NewDB: true}).Create(&Crate{ID: 51, Region: "US", Day: crateDay}).Error)
	_ = f.busyReplicas()
	tx = f.db.Clauses(dbresolver.Write).Begin()
	require.NoError(t, tx.Error)
	_, ok := dtdeTransaction(tx)
	assert.True(t, ok, "it is dtde's")
	require.NoError(t, tx.Find(&all).Error)
	require.NoError(t, tx.Rollback().Error)
	assert.Equal(t, "source", all[0].Place)
	f.quietReplicas(t, "source")
	if f.db.Name() == "sqlite" {
		return // whose driver has no read-only transactions
	}
	tx = f.db.Clauses(dbresolver.Read).Begin()
	require.NoError(t, tx.Error)
	require.NoError(t, tx.Find(&all).Error)
	assert.Contains(t, all[0].Place, "replica")
	require.Error(t, tx.Create(&Crate{ID: 60, Region: "EU", Day: crateDay}).Error, "it only reads")
	require.NoError(t, tx.Rollback().Error)
}

func dtdeTransaction(tx *gorm.DB) (string, bool) {
	name := fmt.Sprintf("%T", tx.Statement.ConnPool)
	return name, strings.Contains(name, "resolver.Tx") || strings.Contains(name, "PreparedStmtTX")
}
