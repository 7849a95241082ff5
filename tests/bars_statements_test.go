package tests

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/bars"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Account is sharded by the hash of its id.
type Account struct {
	ID        int64 `gorm:"primaryKey"`
	Name      string
	Email     string
	Balance   int64
	CreatedAt time.Time
}

// Entry is sharded by the hash of its tenant.
type Entry struct {
	ID        int64 `gorm:"primaryKey"`
	Tenant    int64 `gorm:"index"`
	Name      string
	Amount    int64
	CreatedAt time.Time
}

// Unsharded is a model that dtde does not own.
type Unsharded struct {
	ID        int64 `gorm:"primaryKey"`
	Name      string
	Email     string
	Balance   int64
	CreatedAt time.Time
}

const (
	barTenants       = 50
	barRowsPerTenant = 200
	// barTenant has a hundred rows that one condition finds.
	barTenant = 7
	// barFirstID is above what a sequence, which given ids don't move, will reach.
	barFirstID = 1_000_000
	barID      = barFirstID + 42
)

// pair is the same data in plain tables and in sharded ones, each in a database of
// its own on the same engine.
type pair struct{ sharded, plain *gorm.DB }

// barPair fills both sides alike: ids are given, since those that are made differ.
func barPair(t testing.TB, d testenv.DB, databases ...dtde.Database) pair {
	t.Helper()
	p := pair{sharded: d.Open(t), plain: d.Open(t)}
	plugin := dtde.Register(dtde.Config{NodeID: 1, Databases: databases, Entities: []dtde.Entity{
		dtde.Model(&Account{}).ShardByHash("ID", 8),
		dtde.Model(&Entry{}).ShardByHash("Tenant", 8),
	}})
	require.NoError(t, p.sharded.Use(plugin))
	for _, db := range []*gorm.DB{p.sharded, p.plain} {
		require.NoError(t, db.AutoMigrate(&Account{}, &Entry{}, &Unsharded{}))
		var accounts []Account
		var plain []Unsharded
		for id := int64(barFirstID); id < barFirstID+1000; id++ {
			name := fmt.Sprintf("name %d", id)
			accounts = append(accounts, Account{ID: id, Name: name, Email: name + "@example.com", Balance: id - barFirstID})
			plain = append(plain, Unsharded{ID: id, Name: name, Email: name + "@example.com", Balance: id - barFirstID})
		}
		require.NoError(t, db.CreateInBatches(&accounts, 200).Error)
		require.NoError(t, db.CreateInBatches(&plain, 200).Error)
		var entries []Entry
		for i := range int64(barTenants * barRowsPerTenant) {
			entries = append(entries, Entry{ID: barFirstID + i, Tenant: i % barTenants, Name: fmt.Sprintf("entry %d", i), Amount: i / barTenants})
		}
		require.NoError(t, db.CreateInBatches(&entries, 1000).Error)
		if d.Name != "mariadb" {
			require.NoError(t, db.Exec("ANALYZE").Error) // now, and not at some time during the measurement
		}
	}
	return p
}

// statement is a statement that both sides run.
type statement struct {
	name string
	run  func(db *gorm.DB) bars.Run
}

// barIDs gives plain GORM primary keys where dtde makes them itself, so that both send
// the same columns. They go on from bar to bar.
func barIDs(db *gorm.DB) func() int64 {
	if _, sharded := db.Plugins["dtde"]; sharded {
		return func() int64 { return 0 }
	}
	return func() int64 { return barNextID.Add(1) }
}

var barNextID atomic.Int64

func init() { barNextID.Store(1 << 40) }

// routed are statements that one shard answers.
var routed = []statement{
	{"First by key", func(db *gorm.DB) bars.Run {
		return func() error {
			var a Account
			return db.First(&a, barID).Error
		}
	}},
	{"Find 100 rows", func(db *gorm.DB) bars.Run {
		return func() error {
			var es []Entry
			return expectRows(db.Where("tenant = ? AND amount < ?", barTenant, 100).Find(&es), len(es), 100)
		}
	}},
	{"Create 1", func(db *gorm.DB) bars.Run {
		id := barIDs(db)
		return func() error {
			return db.Create(&Account{ID: id(), Name: "a", Email: "a@example.com", Balance: 1}).Error
		}
	}},
	{"Create 100", func(db *gorm.DB) bars.Run {
		id := barIDs(db)
		return func() error {
			es := make([]Entry, 100)
			for i := range es {
				es[i] = Entry{ID: id(), Tenant: barTenants + 1, Name: "e", Amount: int64(i)}
			}
			return db.Create(&es).Error
		}
	}},
	{"Update", func(db *gorm.DB) bars.Run {
		n := 0
		return func() error {
			n++
			return db.Model(&Account{}).Where("id = ?", barID).Update("balance", n).Error
		}
	}},
	{"Delete", func(db *gorm.DB) bars.Run {
		return func() error { return db.Where("id = ?", -1).Delete(&Account{}).Error }
	}},
}

// unsharded are statements on a model that dtde does not own.
var unsharded = []statement{
	{"unsharded First", func(db *gorm.DB) bars.Run {
		return func() error {
			var u Unsharded
			return db.First(&u, barID).Error
		}
	}},
	{"unsharded Create", func(db *gorm.DB) bars.Run {
		return func() error {
			return db.Create(&Unsharded{Name: "a", Email: "a@example.com", Balance: 1}).Error
		}
	}},
}

// scattered are statements that all 8 shards answer.
var scattered = []statement{
	{"scatter over 8: top 20", func(db *gorm.DB) bars.Run {
		return func() error {
			var as []Account
			return expectRows(db.Where("balance > ?", 100).Order("id").Limit(20).Find(&as), len(as), 20)
		}
	}},
	{"scatter over 8: count", func(db *gorm.DB) bars.Run {
		return func() error {
			var n int64
			return db.Model(&Account{}).Where("balance > ?", 100).Count(&n).Error
		}
	}},
}

// expectRows fails a read that did not find what it was to be measured with.
func expectRows(tx *gorm.DB, got, want int) error {
	if tx.Error == nil && !tx.DryRun && got != want {
		return fmt.Errorf("%d rows, not %d", got, want)
	}
	return tx.Error
}

// dry is the session in which a statement is only built. Without a default
// transaction: GORM would begin one also in DryRun, and dtde's is cheaper.
func dry(db *gorm.DB) *gorm.DB {
	return db.Session(&gorm.Session{DryRun: true, SkipDefaultTransaction: true})
}

func dryRunBars(t testing.TB, r *bars.Report) {
	t.Helper()
	p := barPair(t, testenv.SQLite())
	r.Section("DryRun, dtde ÷ plain GORM")
	for _, s := range routed {
		r.CPURatio("DryRun, "+s.name, 1.3, s.run(dry(p.sharded)), s.run(dry(p.plain)))
	}
	for _, s := range unsharded {
		r.CPURatio("DryRun, "+s.name, 1.03, s.run(dry(p.sharded)), s.run(dry(p.plain)))
	}
	own := statement{"Create 1, plain GORM with a key of the database", func(db *gorm.DB) bars.Run {
		return func() error { return db.Create(&Account{Name: "a", Email: "a@example.com", Balance: 1}).Error }
	}}
	r.CPURatio("DryRun, "+own.name, bars.NoBar, own.run(dry(p.sharded)), own.run(dry(p.plain)))
	for _, s := range scattered {
		r.CPURatio("DryRun, "+s.name, bars.NoBar, s.run(dry(p.sharded)), s.run(dry(p.plain)))
	}
	r.Section("Allocations in DryRun beyond plain GORM's")
	for i, s := range routed {
		most := float64(bars.NoBar)
		if i == 0 {
			most = 20
		}
		r.Extra("allocations, "+s.name, int(most), s.run(dry(p.sharded)), s.run(dry(p.plain)))
	}
	r.Extra("allocations, "+unsharded[0].name, 0, unsharded[0].run(dry(p.sharded)), unsharded[0].run(dry(p.plain)))
	r.Extra("allocations, "+unsharded[1].name, 2, unsharded[1].run(dry(p.sharded)), unsharded[1].run(dry(p.plain)))
}

// realBars compares statements that are really sent. Only First has a bar: what the
// others cost is the engine's, mostly.
func realBars(t testing.TB, r *bars.Report, d testenv.DB) {
	t.Helper()
	p := barPair(t, d)
	r.Section("Real statements on %s, dtde ÷ plain GORM", d.Name)
	for i, s := range routed {
		most := float64(bars.NoBar)
		if i == 0 && d.Name != "mariadb" {
			most = 1.1
		}
		r.Ratio(d.Name+", "+s.name, most, s.run(p.sharded), s.run(p.plain))
	}
	for _, s := range unsharded {
		r.Ratio(d.Name+", "+s.name, bars.NoBar, s.run(p.sharded), s.run(p.plain))
	}
	for _, s := range scattered {
		r.Ratio(d.Name+", "+s.name, bars.NoBar, s.run(p.sharded), s.run(p.plain))
	}
}
