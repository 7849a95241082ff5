package bulksuite

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Run checks BulkInsert on one engine: over bulk, or by INSERT statements if it is nil.
func Run(t *testing.T, d testenv.DB, bulk dtde.Bulk) {
	for name, test := range map[string]func(*testing.T, *suite){
		"same rows":         sameRows,
		"chunks":            chunks,
		"over databases":    overDatabases,
		"date shards":       dateShards,
		"counted shards":    countedShards,
		"transaction":       transaction,
		"failing row":       failingRow,
		"failing chunk":     failingChunk,
		"cancelled":         cancelled,
		"failing stream":    failingStream,
		"read-only":         readOnly,
		"given keys":        givenKeys,
		"hooks":             hooks,
		"associations":      associations,
		"pointers and maps": pointersAndMaps,
		"select and omit":   selectAndOmit,
		"on conflict":       onConflict,
		"versions":          versions,
		"plain models":      plainModels,
		"key sources":       keySources,
		"observed":          observed,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, &suite{DB: d, bulk: bulk})
		})
	}
}

// suite is what each test is given.
type suite struct {
	testenv.DB
	bulk dtde.Bulk
	rows atomic.Int64 // that went through the bulk
	// slow makes the bulk wait before it sends: what comes next is sooner if it does not wait.
	slow time.Duration
}

// counting counts the rows that a Bulk takes.
type counting struct {
	dtde.Bulk
	rows *atomic.Int64
	slow time.Duration
}

func (c counting) InsertRows(ctx context.Context, on gorm.ConnPool, into dtde.BulkTable, rows dtde.BulkRows) (int64, error) {
	time.Sleep(c.slow)
	n, err := c.Bulk.InsertRows(ctx, on, into, rows)
	c.rows.Add(n)
	return n, err
}

// open opens a database with dtde and the tables of the entities.
func (s *suite) open(t *testing.T, cfg dtde.Config, models ...any) *gorm.DB {
	t.Helper()
	db, _ := s.openDatabases(t, cfg, models...)
	return db
}

func (s *suite) openDatabases(t *testing.T, cfg dtde.Config, models ...any) (*gorm.DB, *dtde.Plugin) {
	t.Helper()
	db := s.Open(t, &gorm.Config{TranslateError: true, NowFunc: func() time.Time { return now }})
	if s.bulk != nil {
		cfg.Bulk = counting{s.bulk, &s.rows, s.slow}
	}
	plugin := dtde.Register(cfg)
	require.NoError(t, db.Use(plugin))
	t.Cleanup(func() { _ = plugin.Close() })
	for _, m := range models {
		require.NoError(t, db.AutoMigrate(m))
	}
	return db, plugin
}

// plain opens a database without dtde.
func (s *suite) plain(t *testing.T, models ...any) *gorm.DB {
	t.Helper()
	db := s.Open(t, &gorm.Config{NowFunc: func() time.Time { return now }})
	for _, m := range models {
		require.NoError(t, db.AutoMigrate(m))
	}
	return db
}

// used checks that so many rows went by the Bulk, if there is one.
func (s *suite) used(t *testing.T, rows int) {
	t.Helper()
	if s.bulk != nil {
		require.EqualValues(t, rows, s.rows.Load(), "rows by the engine's own bulk path")
	}
}

// tables is one table per region.
func tables() dtde.Config {
	return dtde.Config{Entities: []dtde.Entity{dtde.Model(&Cargo{}).ShardBy("Region", "EU", "US", "APAC")}}
}

// all reads every cargo, the deleted included.
func all(t *testing.T, db *gorm.DB) []Cargo {
	t.Helper()
	var out []Cargo
	require.NoError(t, db.Unscoped().Order("seq").Find(&out).Error)
	return out
}

func count(t *testing.T, db *gorm.DB, model any) int {
	t.Helper()
	var n int64
	require.NoError(t, db.Model(model).Unscoped().Count(&n).Error)
	return int(n)
}
