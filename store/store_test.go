package store_test

import (
	"context"
	"database/sql"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/store"
)

// open gives a prepared store over a fresh database.
func open(t testing.TB, d testenv.DB) (*store.Store, *gorm.DB) {
	t.Helper()
	db := d.Open(t)
	s := over(t, db, time.Now)
	require.NoError(t, s.Ensure(t.Context()))
	return s, db
}

// over is a store of its own on a database, as a process has it.
func over(t testing.TB, db *gorm.DB, now func() time.Time) *store.Store {
	t.Helper()
	s, err := store.New(pool(t, db), db.Name(), now)
	require.NoError(t, err)
	return s
}

// another is a second process's store on the same database.
func another(t testing.TB, db *gorm.DB) *store.Store {
	t.Helper()
	return over(t, testenv.Reopen(t, db), time.Now)
}

func pool(t testing.TB, db *gorm.DB) *sql.DB {
	t.Helper()
	p, err := db.DB()
	require.NoError(t, err)
	return p
}

func begin(t testing.TB, db *gorm.DB) *sql.Tx {
	t.Helper()
	tx, err := pool(t, db).Begin()
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	db := testenv.SQLite().Open(t)
	_, err := store.New(pool(t, db), "oracle", nil)
	require.ErrorIs(t, err, store.ErrDialect)
	require.ErrorIs(t, err, config.Err)
	_, err = store.New(struct{ gorm.ConnPool }{pool(t, db)}, "sqlite", nil)
	require.ErrorIs(t, err, store.ErrNoTransactions)
}

func TestEnsure(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		s, ctx := over(t, db, nil), t.Context()
		there, err := s.Exists(ctx)
		require.NoError(t, err)
		assert.False(t, there)
		_, err = s.Epoch(ctx, nil)
		require.Error(t, err, "no table")

		var wg sync.WaitGroup
		for range 6 {
			p := another(t, db)
			wg.Go(func() { assert.NoError(t, p.Ensure(ctx)) })
		}
		wg.Wait()
		there, err = s.Exists(ctx)
		require.NoError(t, err)
		assert.True(t, there)
		epoch, err := s.Epoch(ctx, nil)
		require.NoError(t, err)
		assert.EqualValues(t, 1, epoch)

		_, err = s.Announce(ctx, nil, "orders", "2024")
		require.NoError(t, err)
		require.NoError(t, s.Ensure(ctx))
		state, err := s.Load(ctx, nil)
		require.NoError(t, err)
		assert.Equal(t, store.State{
			Epoch: 2, Shards: map[string][]string{"orders": {"2024"}}, Placement: map[string][]string{},
		}, state, "Ensure leaves what is there")

		require.NoError(t, db.Exec("DELETE FROM dtde_catalog WHERE kind = 'epoch'").Error)
		_, err = s.Epoch(ctx, nil)
		require.ErrorIs(t, err, store.ErrNotPrepared)
		_, err = s.Load(ctx, nil)
		require.ErrorIs(t, err, store.ErrNotPrepared)
		_, err = s.Announce(ctx, nil, "orders", "2025")
		require.ErrorIs(t, err, store.ErrNotPrepared)
	})
}

func TestNamesCompareByBytes(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		s, _ := open(t, d)
		ctx := t.Context()
		ids := []string{"1", "11", "EU", "eu", "e\u0301u", "éu", "ß", "ss", " a", "a%_'\"\\;--"}
		_, err := s.Announce(ctx, nil, "orders", ids...)
		require.NoError(t, err)
		_, err = s.Announce(ctx, nil, "Orders", "EU")
		require.NoError(t, err)
		state, err := s.Load(ctx, nil)
		require.NoError(t, err)
		assert.ElementsMatch(t, ids, state.Shards["orders"])
		assert.IsIncreasing(t, state.Shards["orders"])
		assert.Equal(t, []string{"EU"}, state.Shards["Orders"])
	})
}

func TestAnnounce(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		one, db := open(t, d)
		two, ctx := another(t, db), t.Context()
		epoch, err := one.Announce(ctx, nil, "orders", "2024_05", "2024_06")
		require.NoError(t, err)
		assert.EqualValues(t, 2, epoch, "one change for both")
		epoch, err = two.Announce(ctx, nil, "orders", "2024_06")
		require.NoError(t, err)
		assert.EqualValues(t, 2, epoch, "known already")
		epoch, err = two.Announce(ctx, nil, "orders", "2024_07", "2024_06")
		require.NoError(t, err)
		assert.EqualValues(t, 3, epoch)
		state, err := one.Load(ctx, nil)
		require.NoError(t, err)
		assert.Equal(t, []string{"2024_05", "2024_06", "2024_07"}, state.Shards["orders"])

		for _, bad := range []string{"", "a ", "\x00", "\xff", string(make([]rune, 191))} {
			_, err := one.Announce(ctx, nil, "orders", "2030", bad)
			require.ErrorIs(t, err, store.ErrName)
			_, err = one.Announce(ctx, nil, bad, "2030")
			require.ErrorIs(t, err, store.ErrName)
		}
		after, err := one.Load(ctx, nil)
		require.NoError(t, err)
		assert.Equal(t, state, after, "a refusal changes nothing")
	})
}

func TestAnnouncementsAtOnce(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		s, db := open(t, d)
		ctx := t.Context()
		lists := [][]string{{"a", "b"}, {"b", "a"}, {"c", "a", "b"}, {"b"}}
		var wg sync.WaitGroup
		for _, p := range []*store.Store{another(t, db), another(t, db)} {
			for _, ids := range lists {
				wg.Go(func() {
					for _, entity := range []string{"orders", "items"} {
						epoch, err := p.Announce(ctx, nil, entity, ids...)
						assert.NoError(t, err)
						state, err := p.Load(ctx, nil)
						assert.NoError(t, err)
						assert.GreaterOrEqual(t, state.Epoch, epoch)
						assert.Subset(t, state.Shards[entity], ids)
					}
				})
			}
		}
		wg.Wait()
		state, err := s.Load(ctx, nil)
		require.NoError(t, err)
		for _, entity := range []string{"orders", "items"} {
			assert.Equal(t, []string{"a", "b", "c"}, state.Shards[entity])
		}
		assert.LessOrEqual(t, state.Epoch, int64(7), "at most one change per new shard")
	})
}

// A reader that sees a row in a new shard sees the epoch of its announcement.
func TestAnnouncementComesBeforeTheRows(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		writer, db := open(t, d)
		ctx := t.Context()
		reader := another(t, db)
		before, err := reader.Epoch(ctx, nil)
		require.NoError(t, err)

		if d.Name != "sqlite" {
			tx := begin(t, db)
			epoch, err := writer.Announce(ctx, tx, "orders", "2024")
			require.NoError(t, err)
			require.NoError(t, tx.Rollback())
			after, err := reader.Epoch(ctx, nil)
			require.NoError(t, err)
			assert.Equal(t, epoch, after, "committed on a connection of its own")
			assert.Greater(t, after, before)
			return
		}
		tx := begin(t, db)
		_, err = tx.Exec("CREATE TABLE orders_2024 (id integer)")
		require.NoError(t, err)
		_, err = writer.Announce(ctx, tx, "orders", "2024")
		require.NoError(t, err, "inside: a second connection would wait for the lock")
		inside, err := writer.Epoch(ctx, tx)
		require.NoError(t, err)
		assert.Greater(t, inside, before)
		outside, err := reader.Epoch(ctx, nil)
		require.NoError(t, err)
		assert.Equal(t, before, outside)
		require.NoError(t, tx.Rollback())
		after, err := reader.Epoch(ctx, nil)
		require.NoError(t, err)
		assert.Equal(t, before, after, "undone with its table")
	})
}

func TestEpochIsOneConstantStatement(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		s, db := open(t, d)
		sent := testenv.Record(db)
		for range 2 {
			_, err := s.Epoch(t.Context(), begin(t, db))
			require.NoError(t, err)
		}
		const want = "SELECT number FROM dtde_catalog WHERE entity = '' AND kind = 'epoch' AND item = ''"
		var texts []string
		for _, text := range sent.Statements() {
			if text != "BEGIN" {
				texts = append(texts, text)
			}
		}
		assert.Equal(t, []string{want, want}, texts)
	})
}

func TestAGivenTransactionIsUsedAndNotEnded(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		_, db := open(t, d)
		tx := begin(t, db)
		s, err := store.New(tx, db.Name(), nil)
		require.NoError(t, err)
		_, err = s.Announce(t.Context(), nil, "orders", "2024")
		require.NoError(t, err)
		state, err := s.Load(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, []string{"2024"}, state.Shards["orders"])
		require.NoError(t, tx.Rollback())
	})
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		s, db := open(t, d)
		testenv.LeakCheck(t, db)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Announce(ctx, nil, "orders", "2024")
		require.ErrorIs(t, err, context.Canceled)
		_, err = s.Reserve(ctx, nil, "log", 1, 1, numbered)
		require.ErrorIs(t, err, context.Canceled)
		_, err = s.LeaseNode(ctx, nil, time.Minute)
		require.ErrorIs(t, err, context.Canceled)
	})
}
