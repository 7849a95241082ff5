package tests

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/bars"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Reading is sharded by the hash of its id; there are a million of them.
type Reading struct {
	ID     int64 `gorm:"primaryKey;autoIncrement:false"`
	Kind   int64 `gorm:"index"`
	Score  int64
	Label  string
	Placed time.Time
}

const barShards = 8

// readings puts dtde on a new database with so many readings, n/8 in each shard, and
// their model's tables analysed. An id of shard s is one that hashes there only for
// the rows that a bar asks for by id, so nothing here looks for others by id.
func readings(t testing.TB, d testenv.DB, n int) *gorm.DB {
	t.Helper()
	db := d.Open(t)
	require.NoError(t, db.Use(dtde.Register(entities(dtde.Model(&Reading{}).ShardByHash("ID", barShards)))))
	require.NoError(t, db.AutoMigrate(&Reading{}))
	for s := range barShards {
		table := fmt.Sprintf("readings_%d", s)
		// one statement per shard: rows s+1, s+9, …
		source := fmt.Sprintf("WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < %d) SELECT i FROM g", n/barShards)
		switch d.Name {
		case "postgres":
			source = fmt.Sprintf("SELECT i FROM generate_series(1::bigint, %d) AS i", n/barShards)
		case "mariadb":
			source = fmt.Sprintf("SELECT CAST(seq AS SIGNED) AS i FROM seq_1_to_%d", n/barShards)
		}
		id := fmt.Sprintf("(i * %d + %d)", barShards, s)
		require.NoError(t, db.Exec(fmt.Sprintf(
			"INSERT INTO %s (id, kind, score, label, placed) SELECT %s, %s %% 1000, (%s * 7919) %% 1000003, 'an event of some length', '2024-01-01 00:00:00' FROM (%s) AS src",
			table, id, id, id, source)).Error)
		analyse := map[string]string{"sqlite": "ANALYZE ", "postgres": "ANALYZE ", "mariadb": "ANALYZE TABLE "}[d.Name]
		require.NoError(t, db.Exec(analyse+table).Error)
	}
	// one row that First finds: created by dtde, so it is where it belongs
	require.NoError(t, db.Create(&Reading{ID: -1, Kind: -1, Label: "first", Placed: utc(2024, 1, 1)}).Error)
	return db
}

// targetBars are the design's targets in milliseconds, over 1,000,000 rows.
func targetBars(t testing.TB, r *bars.Report, d testenv.DB) {
	t.Helper()
	began := time.Now()
	db := readings(t, d, 1_000_000)
	r.Section("1,000,000 rows in %d shards on %s (loaded in %.0f s), milliseconds beside the design's targets", barShards, d.Name, time.Since(began).Seconds())
	find := func(want int, build func(tx *gorm.DB) *gorm.DB) bars.Run {
		return func() error {
			var es []Reading
			return expectRows(build(db).Find(&es), len(es), want)
		}
	}
	r.Milliseconds(d.Name+", one shard: First by key", 50, func() error {
		var e Reading
		return db.First(&e, -1).Error
	})
	r.Milliseconds(d.Name+", one shard: 100 rows by an index", 50, find(100, func(tx *gorm.DB) *gorm.DB {
		return tx.Scopes(dtde.OnShard("3")).Where("kind = ?", 3).Limit(100)
	}))
	r.Milliseconds(d.Name+", several shards: rows of one kind by an index", 100, find(1000, func(tx *gorm.DB) *gorm.DB {
		return tx.Where("kind = ?", 7)
	}))
	r.Milliseconds(d.Name+", several shards: count by an index", 100, func() error {
		var n int64
		return db.Model(&Reading{}).Where("kind = ?", 7).Count(&n).Error
	})
	r.Milliseconds(d.Name+", a page of 10, by key, after 10", 100, find(10, func(tx *gorm.DB) *gorm.DB {
		return tx.Order("id").Offset(10).Limit(10)
	}))
	r.Milliseconds(d.Name+", a page of 10, by an index, after 1,000", 100, find(10, func(tx *gorm.DB) *gorm.DB {
		return tx.Order("kind").Offset(1000).Limit(10)
	}))
	r.Milliseconds(d.Name+", a page of 10 that sorts all rows", bars.NoBar, find(10, func(tx *gorm.DB) *gorm.DB {
		return tx.Order("score").Offset(10).Limit(10)
	}))
	r.Milliseconds(d.Name+", all shards with a limit of 100", 200, find(100, func(tx *gorm.DB) *gorm.DB {
		return tx.Limit(100)
	}))
	r.Milliseconds(d.Name+", all shards by key with a limit of 100", 200, find(100, func(tx *gorm.DB) *gorm.DB {
		return tx.Order("id DESC").Limit(100)
	}))
	r.Milliseconds(d.Name+", all shards, a condition without an index, limit 100", 200, find(100, func(tx *gorm.DB) *gorm.DB {
		return tx.Where("score > ?", 500_000).Order("id").Limit(100)
	}))
}

// formBars print how the forms of a read compare; what the planner chooses by itself
// is the first column.
func formBars(t testing.TB, r *bars.Report, d testenv.DB) {
	t.Helper()
	db := readings(t, d, 200_000)
	r.Section("Forms over %d shards with 200,000 rows on %s, ms: chosen, union, sessions", barShards, d.Name)
	type shape struct {
		name string
		run  func(tx *gorm.DB) error
	}
	for _, s := range []shape{
		{"top 20 by an indexed column", func(tx *gorm.DB) error {
			var es []Reading
			return expectRows(tx.Order("kind").Limit(20).Find(&es), len(es), 20)
		}},
		{"top 20 by the key", func(tx *gorm.DB) error {
			var es []Reading
			return expectRows(tx.Order("id").Limit(20).Find(&es), len(es), 20)
		}},
		{"top 20 with a condition", func(tx *gorm.DB) error {
			var es []Reading
			return expectRows(tx.Where("kind > ?", 500).Order("kind").Limit(20).Find(&es), len(es), 20)
		}},
		{"20 rows in no order", func(tx *gorm.DB) error {
			var es []Reading
			return expectRows(tx.Limit(20).Find(&es), len(es), 20)
		}},
		{"COUNT of all", func(tx *gorm.DB) error {
			var n int64
			return tx.Model(&Reading{}).Count(&n).Error
		}},
		{"COUNT with a condition", func(tx *gorm.DB) error {
			var n int64
			return tx.Model(&Reading{}).Where("score > ?", 500_000).Count(&n).Error
		}},
		{"GROUP BY", func(tx *gorm.DB) error {
			var out []struct{ Kind, N int64 }
			return tx.Model(&Reading{}).Select("kind, count(*) AS n").Group("kind").Find(&out).Error
		}},
		{"OFFSET 1000 by an indexed column", func(tx *gorm.DB) error {
			var es []Reading
			return expectRows(tx.Order("kind").Offset(1000).Limit(20).Find(&es), len(es), 20)
		}},
	} {
		var texts []string
		for _, form := range []config.ReadForm{dtde.ReadAuto, dtde.ReadUnion, dtde.ReadSessions} {
			took, err := bars.Median(func() error { return s.run(db.Scopes(dtde.Reads(form))) }, 5)
			if errors.Is(err, dtde.ErrUnsupported) {
				texts = append(texts, "refused")
				continue
			}
			if err != nil {
				r.Fault(d.Name+", "+s.name, err)
				return
			}
			texts = append(texts, fmt.Sprintf("%.1f", float64(took)/float64(time.Millisecond)))
		}
		r.Line(d.Name+", "+s.name, strings.Join(texts, "  "))
	}
}
