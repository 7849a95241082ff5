package bulksuite

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// transaction: a save point within the caller's.
func transaction(t *testing.T, s *suite) {
	db := s.open(t, tables(), &Cargo{})
	undone := errors.New("undone")
	err := db.Transaction(func(tx *gorm.DB) error {
		n, err := dtde.BulkInsert(tx, cargoes(50), dtde.BulkChunk(20))
		require.NoError(t, err)
		require.EqualValues(t, 50, n)
		require.Equal(t, 50, count(t, tx, &Cargo{}), "the transaction sees them")
		return undone
	})
	require.ErrorIs(t, err, undone)
	require.Zero(t, count(t, db, &Cargo{}))

	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		rows := cargoes(40)
		require.NoError(t, tx.Create(&rows[0]).Error)
		twice := cargoes(40)
		twice[39].ID, twice[39].Region = rows[0].ID, rows[0].Region
		_, err := dtde.BulkInsert(tx, twice, dtde.BulkChunk(15))
		require.Error(t, err)
		require.Equal(t, 1, count(t, tx, &Cargo{}), "the transaction goes on as it was")
		_, err = dtde.BulkInsert(tx, rows[1:])
		return err
	}))
	require.Equal(t, 40, count(t, db, &Cargo{}))
	s.used(t, int(s.rows.Load()))
	testenv.LeakCheck(t, db)
}

// failingRow leaves nothing, and is told with its shard.
func failingRow(t *testing.T, s *suite) {
	db := s.open(t, tables(), &Cargo{})
	first := cargoes(1)
	require.NoError(t, db.Create(&first).Error)
	rows := cargoes(100)
	rows[99].ID, rows[99].Region = first[0].ID, first[0].Region
	n, err := dtde.BulkInsert(db, rows, dtde.BulkChunk(30))
	require.Error(t, err)
	require.Zero(t, n)
	require.ErrorIs(t, err, gorm.ErrDuplicatedKey)
	var shard *dtde.ShardError
	require.ErrorAs(t, err, &shard)
	assert.Equal(t, first[0].Region, shard.Shard)
	require.Equal(t, 1, count(t, db, &Cargo{}))
	testenv.LeakCheck(t, db)
}

// failingChunk: a row that can't be placed, while the chunk before is on its way.
func failingChunk(t *testing.T, s *suite) {
	db := s.open(t, tables(), &Cargo{})
	rows := cargoes(100)
	rows[60].Region = "nowhere"
	_, err := dtde.BulkInsert(db, rows, dtde.BulkChunk(30))
	require.ErrorIs(t, err, dtde.ErrShardNotFound)
	require.Zero(t, count(t, db, &Cargo{}))
	testenv.LeakCheck(t, db)
}

func stream(rows []Cargo, at int, then func() error) iter.Seq2[Cargo, error] {
	return func(yield func(Cargo, error) bool) {
		for i := range rows {
			if i == at {
				if err := then(); err != nil {
					yield(Cargo{}, err)
					return
				}
			}
			if !yield(rows[i], nil) {
				return
			}
		}
	}
}

// cancelled in the middle: nothing is left.
func cancelled(t *testing.T, s *suite) {
	db := s.open(t, tables(), &Cargo{})
	ctx, cancel := context.WithCancel(context.Background())
	_, err := dtde.BulkInsertFrom(db.WithContext(ctx), stream(cargoes(100), 55, func() error { cancel(); return nil }), dtde.BulkChunk(20))
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, count(t, db, &Cargo{}))
	testenv.LeakCheck(t, db)
	n, err := dtde.BulkInsertFrom(db, stream(cargoes(100), -1, nil), dtde.BulkChunk(20))
	require.NoError(t, err)
	require.EqualValues(t, 100, n)
	require.Equal(t, 100, count(t, db, &Cargo{}))
}

// failingStream ends it with the stream's own error.
func failingStream(t *testing.T, s *suite) {
	db := s.open(t, tables(), &Cargo{})
	broken := errors.New("the file ended early")
	_, err := dtde.BulkInsertFrom(db, stream(cargoes(100), 55, func() error { return broken }), dtde.BulkChunk(20))
	require.ErrorIs(t, err, broken)
	require.Zero(t, count(t, db, &Cargo{}))
}

// readOnly shards refuse.
func readOnly(t *testing.T, s *suite) {
	cfg := dtde.Config{Entities: []dtde.Entity{dtde.Model(&Cargo{}).ShardBy("Region", "EU", "US", "APAC").
		WithShards(dtde.Shard{ID: "US", ReadOnly: true})}}
	db := s.open(t, cfg, &Cargo{})
	_, err := dtde.BulkInsert(db, cargoes(20), dtde.BulkChunk(1))
	require.ErrorIs(t, err, dtde.ErrReadOnlyShard)
	require.Zero(t, count(t, db, &Cargo{}))
}

// dateShards are made on demand, also while the chunk before is on its way.
func dateShards(t *testing.T, s *suite) {
	at := func(year int) time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC) }
	db, plugin := s.openDatabases(t, dtde.Config{Entities: []dtde.Entity{
		dtde.Model(&Cargo{}).ShardByDate("SoldAt", dtde.Month, at(2022), at(2026)),
	}}, &Cargo{})
	rows := cargoes(120)
	_, err := dtde.BulkInsert(db, rows, dtde.BulkChunk(10))
	require.NoError(t, err)
	s.used(t, 120)
	require.Equal(t, 120, count(t, db, &Cargo{}))
	for i := range rows {
		var found []Cargo
		require.NoError(t, db.Unscoped().Where("sold_at = ?", rows[i].SoldAt).Where("seq = ?", i).Find(&found).Error)
		require.Len(t, found, 1, "row %d is where it is looked for", i)
	}
	require.NotEmpty(t, plugin.Shards(&Cargo{}))
	_, err = dtde.BulkInsert(db, []Cargo{{SoldAt: at(2030)}})
	require.ErrorIs(t, err, dtde.ErrShardNotFound)
}

// countedShards keep their count.
func countedShards(t *testing.T, s *suite) {
	db, plugin := s.openDatabases(t, dtde.Config{Entities: []dtde.Entity{dtde.Model(&Cargo{}).ShardByMaxRows(30)}}, &Cargo{})
	for _, n := range []int{10, 75, 35} {
		_, err := dtde.BulkInsert(db, cargoes(n), dtde.BulkChunk(20))
		require.NoError(t, err)
	}
	require.Equal(t, 120, count(t, db, &Cargo{}))
	for _, shard := range plugin.Shards(&Cargo{}) {
		var n int64
		require.NoError(t, db.Model(&Cargo{}).Unscoped().Scopes(dtde.OnShard(shard.ID)).Count(&n).Error)
		require.LessOrEqual(t, n, int64(30), shard.ID)
	}
	require.GreaterOrEqual(t, len(plugin.Shards(&Cargo{})), 4)
}

// overDatabases: three databases, in one transaction.
func overDatabases(t *testing.T, s *suite) {
	cfg := dtde.Config{
		Databases: []dtde.Database{{ID: "EU", Dialector: s.Dialector(t)}, {ID: "US", Dialector: s.Dialector(t)}, {ID: "APAC", Own: true}},
		Entities:  []dtde.Entity{dtde.Model(&Cargo{}).ShardBy("Region", "EU", "US", "APAC").WithStorageMode(dtde.Databases)},
	}
	db, _ := s.openDatabases(t, cfg, &Cargo{})
	ctx := context.Background()
	if s.Name != "postgres" {
		_, err := dtde.BulkInsert(db, cargoes(10))
		require.ErrorIs(t, err, dtde.ErrUnsupported)
		require.Zero(t, count(t, db, &Cargo{}))
		ctx = dtde.BestEffort(ctx)
	}
	before := int(s.rows.Load())
	rows := cargoes(200)
	n, err := dtde.BulkInsert(db.WithContext(ctx), rows, dtde.BulkChunk(45))
	require.NoError(t, err)
	require.EqualValues(t, 200, n)
	s.used(t, before+200)
	twin, want := s.plain(t, &Cargo{}), cargoes(200)
	create(t, twin, want)
	sameStored(t, all(t, twin), all(t, db), false)

	// a row that one database refuses leaves nothing in the others, and within a
	// transaction leaves that usable in all of them
	for _, at := range []int{0, 50, 199} {
		bad := cargoes(200)
		bad[at].ID, bad[at].Region = rows[at].ID, rows[at].Region
		_, err = dtde.BulkInsert(db.WithContext(ctx), bad, dtde.BulkChunk(45))
		require.ErrorIs(t, err, gorm.ErrDuplicatedKey, at)
		require.Equal(t, 200, count(t, db, &Cargo{}), at)
		added := cargoes(9)
		require.NoError(t, db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			bad := cargoes(200)
			bad[at].ID, bad[at].Region = rows[at].ID, rows[at].Region
			_, err := dtde.BulkInsert(tx, bad, dtde.BulkChunk(45))
			require.Error(t, err)
			_, err = dtde.BulkInsert(tx, added)
			return err
		}), "at %d", at)
		require.Equal(t, 209, count(t, db, &Cargo{}), fmt.Sprint(at))
		for i := range added {
			require.NoError(t, db.WithContext(ctx).Unscoped().Where("region = ?", added[i].Region).Delete(&added[i]).Error)
		}
	}
	testenv.LeakCheck(t, db)
}
