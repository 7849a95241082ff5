package resolver_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/resolver"
)

const tables = 8

// eight makes eight tables with a row each.
func eight(t testing.TB, d testenv.DB) (*gorm.DB, *resolver.Pool) {
	t.Helper()
	db := d.Open(t)
	for i := range tables {
		require.NoError(t, db.Exec(fmt.Sprintf("CREATE TABLE part_%d (n INT)", i)).Error)
		require.NoError(t, db.Exec(fmt.Sprintf("INSERT INTO part_%d VALUES (1)", i)).Error)
	}
	return db, install(t, db, resolver.PoolOptions{})
}

// write adds a row to each table per transaction until the function returned is called.
func write(t testing.TB, db *gorm.DB) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	var written atomic.Int64
	first := make(chan struct{})
	wait.Add(1)
	go func() {
		defer wait.Done()
		for ctx.Err() == nil {
			err := db.Session(&gorm.Session{NewDB: true}).Transaction(func(tx *gorm.DB) error {
				for i := range tables {
					if err := tx.Exec(fmt.Sprintf("INSERT INTO part_%d VALUES (1)", i)).Error; err != nil {
						return err
					}
				}
				return nil
			})
			assert.NoError(t, err)
			if written.Add(1) == 1 {
				close(first)
			}
		}
	}()
	<-first
	return func() {
		cancel()
		wait.Wait()
	}
}

// total counts all tables over the sessions.
func total(ctx context.Context, s *resolver.Sessions) (int64, error) {
	var sum atomic.Int64
	err := s.Each(ctx, func(ctx context.Context, i int) error {
		n, err := countPart(ctx, s, i)
		sum.Add(n)
		return err
	})
	return sum.Load(), err
}

func countPart(ctx context.Context, s *resolver.Sessions, i int) (n int64, err error) {
	rows, err := s.Query(ctx, i, fmt.Sprintf("SELECT COUNT(*) FROM part_%d", i), nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, err
		}
	}
	return n, rows.Err()
}

func TestSessionsSeeOneState(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, pool := eight(t, d)
		testenv.LeakCheck(t, db)
		stop := write(t, db)
		defer stop()
		ctx := context.Background()
		wide := 0
		for range 60 {
			s, err := resolver.OpenSessions(ctx, pool, db.Name(), tables, tables)
			require.NoError(t, err)
			if s.Lanes() > 1 {
				wide++
			}
			assert.Equal(t, tables, s.Len())
			assert.Equal(t, s.Lanes() < tables, s.Sequential())
			if d.Name != "postgres" {
				assert.Equal(t, 1, s.Lanes())
			}
			sum, err := total(ctx, s)
			s.Close()
			s.Close()
			require.NoError(t, err)
			require.Zero(t, sum%tables, "torn: %d", sum)
		}
		if d.Name == "postgres" {
			assert.Positive(t, wide, "never more than one connection")
		}
	})
}

// Inside a transaction its own writes are seen, on its own connection.
func TestSessionsInATransaction(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, _ := eight(t, d)
		testenv.LeakCheck(t, db)
		stop := write(t, db)
		defer stop()
		ctx := context.Background()
		opts := &sql.TxOptions{Isolation: sql.LevelRepeatableRead}
		if d.Name == "sqlite" {
			opts = nil
		}
		for range 10 {
			require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
				if d.Name != "sqlite" { // there the writer is locked out by this
					require.NoError(t, tx.Exec("INSERT INTO part_0 VALUES (1)").Error)
				}
				s, err := resolver.OpenSessions(ctx, tx.Statement.ConnPool, db.Name(), tables, tables)
				require.NoError(t, err)
				assert.True(t, s.Sequential())
				sum, err := total(ctx, s)
				require.NoError(t, err)
				s.Close()
				if d.Name != "sqlite" {
					sum--
				}
				require.Zero(t, sum%tables, "torn: %d", sum)
				require.NoError(t, tx.Exec("SELECT 1").Error, "still usable")
				return errBack
			}, opts), errBack)
		}
	})
}

// Refused where each statement would see a state of its own.
func TestSessionsRefused(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, pool := eight(t, d)
		testenv.LeakCheck(t, db)
		ctx := context.Background()
		refused := func(p gorm.ConnPool, dialect string, n int) string {
			s, err := resolver.OpenSessions(ctx, p, dialect, n, 4)
			if err == nil {
				s.Close()
				return ""
			}
			var unsupported *config.UnsupportedError
			require.ErrorAs(t, err, &unsupported)
			require.ErrorIs(t, err, config.ErrUnsupported)
			assert.NotEmpty(t, unsupported.Hint)
			return unsupported.Reason
		}
		in := func(opts *sql.TxOptions, n int) string {
			tx := beginTx(t, pool, ctx, opts)
			defer func() { require.NoError(t, tx.Rollback()) }()
			assert.Equal(t, refused(tx, db.Name(), n), refused(tx, db.Name(), n))
			return refused(tx, db.Name(), n)
		}
		assert.Equal(t, "sessions-engine", refused(pool, "sqlserver", 2))
		conn, err := sqlDB(t, db).Conn(ctx)
		require.NoError(t, err)
		assert.Equal(t, "sessions-connection", refused(conn, db.Name(), 2))
		assert.Empty(t, refused(conn, db.Name(), 1))
		require.NoError(t, conn.Close())

		given, err := sqlDB(t, db).Begin()
		require.NoError(t, err)
		want := map[string]string{"postgres": "sessions-isolation", "mariadb": "sessions-isolation"}[d.Name]
		assert.Equal(t, want, refused(given, db.Name(), 2))
		wrapped, err := resolver.Wrap(given, resolver.PoolOptions{})
		require.NoError(t, err)
		assert.Equal(t, want, refused(wrapped, db.Name(), 2))
		require.NoError(t, given.Rollback())

		if d.Name == "sqlite" {
			assert.Empty(t, in(nil, 2))
			return
		}
		assert.Equal(t, map[string]string{"postgres": "sessions-isolation", "mariadb": ""}[d.Name], in(nil, 2), "the engine's default")
		assert.Equal(t, "sessions-isolation", in(&sql.TxOptions{Isolation: sql.LevelReadCommitted}, 2))
		assert.Empty(t, in(&sql.TxOptions{Isolation: sql.LevelReadCommitted}, 1))
		assert.Empty(t, in(&sql.TxOptions{Isolation: sql.LevelRepeatableRead}, 2))
		assert.Empty(t, in(&sql.TxOptions{Isolation: sql.LevelSerializable}, 2))
	})
}

// Many reads on a small pool, with writers: nobody waits for ever.
func TestSessionsOnASmallPool(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		for _, size := range []int{1, 2, 4, 6} {
			db, pool := eight(t, d)
			testenv.LeakCheck(t, db)
			sqlDB(t, db).SetMaxOpenConns(size)
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
			require.NoError(t, resolver.Each(ctx, 6, 6, func(ctx context.Context, g int) error {
				for range 5 {
					s, err := resolver.OpenSessions(ctx, pool, db.Name(), tables, tables)
					if err != nil {
						return err
					}
					assert.LessOrEqual(t, s.Lanes(), max(1, size/2))
					sum, err := total(ctx, s)
					s.Close()
					if err != nil {
						return err
					}
					assert.EqualValues(t, tables, sum)
				}
				return nil
			}))
			cancel()
		}
	})
}

func TestSessionsOpenTogether(t *testing.T) {
	t.Parallel()
	d := testenv.Only(t, "postgres")
	db, pool := eight(t, d)
	testenv.LeakCheck(t, db)
	sqlDB(t, db).SetMaxIdleConns(tables)
	ctx := context.Background()
	for _, c := range []struct{ n, parallel, least, most int }{
		{8, 8, 2, 8}, {8, 3, 2, 3}, {2, 8, 2, 2}, {8, 1, 1, 1}, {8, 0, 1, 1}, {1, 8, 1, 1}, {0, 8, 1, 1},
	} {
		var s *resolver.Sessions
		for range 20 { // a busy server may be slower than a session is patient
			var err error
			s, err = resolver.OpenSessions(ctx, pool, "postgres", c.n, c.parallel)
			require.NoError(t, err)
			if s.Lanes() >= c.least {
				break
			}
			s.Close()
		}
		assert.GreaterOrEqual(t, s.Lanes(), c.least, c)
		assert.LessOrEqual(t, s.Lanes(), c.most, c)
		var open []*sql.Rows
		for i := range s.Lanes() { // rows of different lanes may be open together
			rows, err := s.Query(ctx, i, "SELECT n FROM part_0 WHERE n >= $1", []any{0})
			require.NoError(t, err)
			assert.True(t, rows.Next())
			open = append(open, rows)
		}
		s.Close() // ends them
		for _, rows := range open {
			for rows.Next() {
			}
			_ = rows.Err()
			require.NoError(t, rows.Close())
		}
	}
	assert.Eventually(t, func() bool { return sqlDB(t, db).Stats().InUse == 0 }, 20*time.Second, time.Millisecond)
}

// Whatever fails, at whichever statement: nothing is left behind, and no answer torn.
func TestSessionsFaults(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, pool := eight(t, d)
		testenv.LeakCheck(t, db)
		sent := testenv.Record(db)
		background := context.Background()
		run := func(ctx context.Context) error {
			s, err := resolver.OpenSessions(ctx, pool, db.Name(), tables, 4)
			if err != nil {
				return err
			}
			defer s.Close()
			sum, err := total(ctx, s)
			if err == nil {
				assert.EqualValues(t, tables, sum)
			}
			return err
		}
		for at := range 24 {
			var calls atomic.Int64
			fails := ""
			sent.Before(func(_ context.Context, sql string) error {
				if calls.Add(1) == int64(at+1) {
					fails = sql
					return errBack
				}
				return nil
			})
			err := run(background)
			sent.Before(nil)
			if strings.HasPrefix(fails, "SELECT COUNT") {
				require.ErrorIs(t, err, errBack, "%d %s", at, fails)
			} else if err != nil {
				require.ErrorIs(t, err, errBack, "%d %s", at, fails)
			}

			ctx, cancel := context.WithCancel(background)
			calls.Store(0)
			sent.Before(func(context.Context, string) error {
				if calls.Add(1) == int64(at+1) {
					cancel()
				}
				return nil
			})
			err = run(ctx)
			sent.Before(nil)
			if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, sql.ErrTxDone) {
				require.NoError(t, err)
			}
			cancel()
			assert.Eventually(t, func() bool { return sqlDB(t, db).Stats().InUse == 0 }, 20*time.Second, time.Millisecond)
		}
		require.NoError(t, run(background))
	})
}
