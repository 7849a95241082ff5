package tests

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/bars"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Sheet is sharded by the hash of its id.
type Sheet struct {
	ID    int64 `gorm:"primaryKey;autoIncrement:false"`
	Kind  int64 `gorm:"index"`
	Label string
}

// PlainSheet is the same in one table.
type PlainSheet Sheet

const (
	sheetShards = 16
	sheets      = 200_000
)

// sheetTables fills both sides through their models, so that rows lie where their ids
// hash to.
func sheetTables(t testing.TB, d testenv.DB) *gorm.DB {
	t.Helper()
	db := d.Open(t)
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxIdleConns(4) // as the docs of sessions advise: otherwise each read dials
	require.NoError(t, db.Use(dtde.Register(entities(dtde.Model(&Sheet{}).ShardByHash("ID", sheetShards)))))
	require.NoError(t, db.AutoMigrate(&Sheet{}, &PlainSheet{}))
	const batch = 5000
	for from := 0; from < sheets; from += batch {
		sharded, plain := make([]Sheet, batch), make([]PlainSheet, batch)
		for i := range sharded {
			id := int64(from + i + 1)
			sharded[i] = Sheet{ID: id, Kind: id * 7919 % 1000, Label: "a label of some length"}
			plain[i] = PlainSheet(sharded[i])
		}
		require.NoError(t, db.CreateInBatches(&sharded, batch).Error)
		require.NoError(t, db.CreateInBatches(&plain, batch).Error)
	}
	switch d.Name {
	case "postgres":
		require.NoError(t, db.Exec("VACUUM ANALYZE").Error)
	case "sqlite":
		require.NoError(t, db.Exec("ANALYZE").Error)
	}
	return db
}

// pageBars compare a deep page by sessions with that of a single indexed table. The
// design's bar is PostgreSQL's, and the page's by key.
func pageBars(t testing.TB, r *bars.Report, d testenv.DB) {
	t.Helper()
	db := sheetTables(t, d)
	r.Section("Deep pages over %d hash shards with %d rows on %s, by sessions ÷ one indexed table", sheetShards, sheets, d.Name)
	for i, p := range []struct {
		order  string
		offset int
	}{{"id", 50_000}, {"id DESC", 50_000}, {"kind, id", 50_000}, {"id", 190_000}} {
		name := fmt.Sprintf("%s, ORDER BY %s OFFSET %d", d.Name, p.order, p.offset)
		page := func(tx *gorm.DB) *gorm.DB { return tx.Order(p.order).Offset(p.offset).Limit(20) }
		ours := func() error {
			var out []Sheet
			return expectRows(page(db.Scopes(dtde.Reads(dtde.ReadSessions))).Find(&out), len(out), 20)
		}
		plain := func() error {
			var out []PlainSheet
			return expectRows(page(db).Find(&out), len(out), 20)
		}
		sent := testenv.Record(db)
		if err := ours(); err != nil {
			r.Fault(name, err)
			continue
		}
		moved, statements := movedRows(t, sent.Calls())
		most := float64(bars.NoBar)
		if i == 0 && d.Name == "postgres" {
			most = 2
		}
		r.Figure(name+", rows moved", "%.0f rows", float64(moved), 10_000)
		r.Line(name+", statements", fmt.Sprint(statements))
		r.Ratio(name+", time", most, ours, plain)
	}
}
