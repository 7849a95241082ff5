package resolver_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/resolver"
)

var errBack = errors.New("roll back")

func beginTx(t testing.TB, pool *resolver.Pool, ctx context.Context, opts *sql.TxOptions) *resolver.Tx {
	t.Helper()
	conn, err := pool.BeginTx(ctx, opts)
	require.NoError(t, err)
	return conn.(*resolver.Tx)
}

func TestTxBeginsWithItsFirstStatement(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, _ := open(t, d, resolver.PoolOptions{})
		testenv.LeakCheck(t, db)
		sent := testenv.Record(db)

		require.NoError(t, db.Transaction(func(*gorm.DB) error { return nil }))
		require.ErrorIs(t, db.Transaction(func(*gorm.DB) error { return errBack }), errBack)
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			return tx.Transaction(func(*gorm.DB) error { return nil })
		}))
		assert.Empty(t, sent.Statements(), "nothing touched, nothing sent")

		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			assert.Empty(t, sent.Statements())
			return tx.Exec("INSERT INTO items (id, name) VALUES (1, 'a')").Error
		}))
		assert.Equal(t, []string{"BEGIN", "INSERT INTO items (id, name) VALUES (1, 'a')", "COMMIT"}, sent.Statements())

		sent.Reset()
		require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(&item{ID: 2}).Error)
			return errBack
		}), errBack)
		all := sent.Statements()
		assert.Equal(t, "ROLLBACK", all[len(all)-1])
		assert.EqualValues(t, 1, count(t, db))
	})
}

func TestTxOptionsReachTheDatabase(t *testing.T) {
	t.Parallel()
	d := testenv.Only(t, "postgres")
	_, pool := open(t, d, resolver.PoolOptions{})
	opts := &sql.TxOptions{Isolation: sql.LevelSerializable, ReadOnly: true}
	tx := beginTx(t, pool, context.Background(), opts)
	*opts = sql.TxOptions{} // copied at begin
	var level string
	require.NoError(t, tx.QueryRowContext(context.Background(), "SHOW transaction_isolation").Scan(&level))
	assert.Equal(t, "serializable", level)
	_, err := tx.ExecContext(context.Background(), "INSERT INTO items (id) VALUES (1)")
	require.ErrorContains(t, err, "read-only")
	require.NoError(t, tx.Rollback())
}

func TestTxAfterItsEnd(t *testing.T) {
	t.Parallel()
	db, pool := open(t, testenv.SQLite(), resolver.PoolOptions{})
	testenv.LeakCheck(t, db)
	ctx := context.Background()
	stmt, err := pool.PrepareContext(ctx, "SELECT 1")
	require.NoError(t, err)
	defer func() { require.NoError(t, stmt.Close()) }()

	for _, begun := range []bool{false, true} {
		for name, end := range map[string]func(*resolver.Tx) error{
			"commit":   (*resolver.Tx).Commit,
			"rollback": (*resolver.Tx).Rollback,
		} {
			t.Run(fmt.Sprintf("%s, begun %v", name, begun), func(t *testing.T) {
				tx := beginTx(t, pool, ctx, nil)
				assert.Equal(t, ctx, tx.Context())
				if begun {
					_, err := tx.ExecContext(ctx, "DELETE FROM items")
					require.NoError(t, err)
				}
				require.NoError(t, end(tx))
				require.ErrorIs(t, tx.Commit(), sql.ErrTxDone)
				require.ErrorIs(t, tx.Rollback(), sql.ErrTxDone)
				_, err := tx.ExecContext(ctx, "DELETE FROM items")
				require.ErrorIs(t, err, sql.ErrTxDone)
				_, err = tx.ExecContext(ctx, "SAVEPOINT a")
				require.ErrorIs(t, err, sql.ErrTxDone)
				_, err = tx.QueryContext(ctx, "SELECT 1") //nolint:rowserrcheck // there are none
				require.ErrorIs(t, err, sql.ErrTxDone)
				_, err = tx.PrepareContext(ctx, "SELECT 1")
				require.ErrorIs(t, err, sql.ErrTxDone)
				var n int
				require.ErrorIs(t, tx.QueryRowContext(ctx, "SELECT 1").Scan(&n), sql.ErrTxDone)
				require.ErrorIs(t, tx.StmtContext(ctx, stmt).QueryRow().Scan(&n), sql.ErrTxDone)
				_, err = tx.StmtContext(ctx, stmt).Exec()
				require.ErrorIs(t, err, sql.ErrTxDone)
			})
		}
	}
}

func TestTxStatements(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, pool := open(t, d, resolver.PoolOptions{})
		testenv.LeakCheck(t, db)
		ctx := context.Background()
		insert, err := pool.PrepareContext(ctx, "INSERT INTO items (id, name) VALUES (1, 'x')")
		require.NoError(t, err)
		defer func() { require.NoError(t, insert.Close()) }()
		tx := beginTx(t, pool, ctx, nil)
		same, err := tx.GetDBConn()
		require.NoError(t, err)
		assert.Same(t, sqlDB(t, db), same)
		require.NoError(t, tx.Ping())
		_, err = tx.StmtContext(ctx, insert).ExecContext(ctx) // inside, though prepared outside
		require.NoError(t, err)
		counts, err := tx.PrepareContext(ctx, "SELECT COUNT(*) FROM items")
		require.NoError(t, err)
		var n int
		require.NoError(t, counts.QueryRowContext(ctx).Scan(&n))
		assert.Equal(t, 1, n)
		require.NoError(t, tx.Rollback())
		assert.Zero(t, count(t, db))
	})
}

func TestTxHooks(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, _ := open(t, d, resolver.PoolOptions{})
		testenv.LeakCheck(t, db)
		type key struct{}
		register := func(tx *gorm.DB, ran *[]string, failing error) {
			own, ok := resolver.Transaction(tx.Statement.ConnPool)
			require.True(t, ok)
			say := func(s string) func() { return func() { *ran = append(*ran, s) } }
			own.OnAfterCommit(say("committed 1"))
			own.OnRollback(say("undo 1"))
			own.OnAfterRollback(say("rolled back"))
			own.OnRollback(say("undo 2"))
			own.OnBeforeCommit(func(ctx context.Context) error {
				assert.NoError(t, ctx.Err())
				*ran = append(*ran, "before 1")
				own.OnBeforeCommit(func(context.Context) error { *ran = append(*ran, "before 2"); return failing })
				own.OnAfterCommit(say("committed 2"))
				// a hook may write
				return tx.Session(&gorm.Session{NewDB: true}).Create(&item{Name: "hook"}).Error
			})
			own.SetValue(key{}, 1)
			assert.Equal(t, 1, own.Value(key{}))
			assert.Nil(t, own.Value("other"))
		}
		for _, c := range []struct {
			name     string
			block    error
			hook     error
			want     []string
			wantRows int64
		}{
			{"commit", nil, nil, []string{"before 1", "before 2", "committed 1", "committed 2"}, 2},
			{"rollback", errBack, nil, []string{"undo 2", "undo 1", "rolled back"}, 0},
			{"hook fails", nil, errBack, []string{"before 1", "before 2", "undo 2", "undo 1", "rolled back"}, 0},
		} {
			t.Run(c.name, func(t *testing.T) {
				require.NoError(t, db.Exec("DELETE FROM items").Error)
				var ran []string
				err := db.Transaction(func(tx *gorm.DB) error {
					require.NoError(t, tx.Create(&item{Name: "x"}).Error)
					register(tx, &ran, c.hook)
					return c.block
				})
				if c.block == nil && c.hook == nil {
					require.NoError(t, err)
				} else {
					require.Equal(t, errBack, err)
				}
				assert.Equal(t, c.want, ran)
				assert.Equal(t, c.wantRows, count(t, db))
			})
		}
	})
}

func TestTxHookPanics(t *testing.T) {
	t.Parallel()
	db, _ := open(t, testenv.SQLite(), resolver.PoolOptions{})
	testenv.LeakCheck(t, db)
	undone := false
	assert.PanicsWithValue(t, "hook", func() {
		_ = db.Transaction(func(tx *gorm.DB) error {
			own, _ := resolver.Transaction(tx.Statement.ConnPool)
			own.OnRollback(func() { undone = true })
			own.OnBeforeCommit(func(context.Context) error { panic("hook") })
			return tx.Create(&item{ID: 1}).Error
		})
	})
	assert.True(t, undone)
	assert.Zero(t, count(t, db))
}

// A commit that the database refuses runs the hooks of a rollback.
func TestTxCommitFails(t *testing.T) {
	t.Parallel()
	db, pool := open(t, testenv.SQLite(), resolver.PoolOptions{})
	testenv.LeakCheck(t, db)
	sent := testenv.Record(db)
	sent.Before(func(_ context.Context, sql string) error {
		if sql == "COMMIT" {
			return errBack
		}
		return nil
	})
	var ran []string
	tx := beginTx(t, pool, context.Background(), nil)
	tx.OnAfterCommit(func() { ran = append(ran, "committed") })
	tx.OnRollback(func() { ran = append(ran, "undo") })
	tx.OnAfterRollback(func() { ran = append(ran, "rolled back") })
	_, err := tx.ExecContext(context.Background(), "INSERT INTO items (id) VALUES (1)")
	require.NoError(t, err)
	require.ErrorIs(t, tx.Commit(), errBack)
	assert.Equal(t, []string{"undo", "rolled back"}, ran)
	require.ErrorIs(t, tx.Rollback(), sql.ErrTxDone)
	assert.Len(t, ran, 2, "once")
}

func TestTxBeginFails(t *testing.T) {
	t.Parallel()
	db, pool := open(t, testenv.SQLite(), resolver.PoolOptions{})
	testenv.LeakCheck(t, db)
	sent := testenv.Record(db)
	failing := atomic.Bool{}
	failing.Store(true)
	sent.Before(func(_ context.Context, sql string) error {
		if sql == "BEGIN" && failing.Load() {
			return errBack
		}
		return nil
	})
	undone := 0
	tx := beginTx(t, pool, context.Background(), nil)
	tx.OnRollback(func() { undone++ })
	ctx := context.Background()
	_, err := tx.ExecContext(ctx, "INSERT INTO items (id) VALUES (1)")
	require.ErrorIs(t, err, errBack)
	failing.Store(false) // it stays failed: what came before is lost
	_, err = tx.ExecContext(ctx, "INSERT INTO items (id) VALUES (2)")
	require.ErrorIs(t, err, errBack)
	require.ErrorIs(t, tx.QueryRowContext(ctx, "SELECT 1").Err(), errBack)
	_, err = tx.ExecContext(ctx, "SAVEPOINT a")
	require.ErrorIs(t, err, errBack)
	require.ErrorIs(t, tx.Commit(), errBack)
	assert.Equal(t, 1, undone)
	assert.Zero(t, count(t, db))

	failing.Store(true)
	require.ErrorIs(t, db.Create(&item{ID: 1}).Error, errBack)
}

func TestTxContexts(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, pool := open(t, d, resolver.PoolOptions{})
		testenv.LeakCheck(t, db)
		background := context.Background()

		t.Run("ended before", func(t *testing.T) {
			ctx, cancel := context.WithCancel(background)
			cancel()
			_, err := pool.BeginTx(ctx, nil)
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, db.WithContext(ctx).Transaction(func(*gorm.DB) error { return nil }), context.Canceled)
			require.ErrorIs(t, db.WithContext(ctx).Create(&item{ID: 1}).Error, context.Canceled)
			broken := db.WithContext(ctx).Begin()
			require.ErrorIs(t, broken.Error, context.Canceled)
			broken.Rollback()
		})
		for _, begun := range []bool{false, true} {
			t.Run(fmt.Sprintf("ended before commit, begun %v", begun), func(t *testing.T) {
				ctx, cancel := context.WithCancel(background)
				defer cancel()
				tx := beginTx(t, pool, ctx, nil)
				undone := 0
				tx.OnRollback(func() { undone++ })
				tx.OnBeforeCommit(func(context.Context) error { t.Error("not to be run"); return nil })
				if begun {
					_, err := tx.ExecContext(ctx, "INSERT INTO items (id) VALUES (1)")
					require.NoError(t, err)
				}
				cancel()
				require.ErrorIs(t, tx.Commit(), context.Canceled)
				require.ErrorIs(t, tx.Rollback(), sql.ErrTxDone)
				assert.Equal(t, 1, undone)
			})
		}
		t.Run("a statement's own", func(t *testing.T) {
			tx := beginTx(t, pool, background, nil)
			ctx, cancel := context.WithCancel(background)
			_, err := tx.ExecContext(ctx, "INSERT INTO items (id) VALUES (1)")
			require.NoError(t, err)
			cancel() // the statement is over: the transaction lives on
			_, err = tx.ExecContext(background, "INSERT INTO items (id) VALUES (2)")
			require.NoError(t, err)
			require.NoError(t, tx.Commit())
		})
		assert.EqualValues(t, 2, count(t, db))
	})
}

// A first statement gives up waiting for a connection with its own context.
func TestTxBeginGivesUpWithTheStatement(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, pool := open(t, d, resolver.PoolOptions{})
		testenv.LeakCheck(t, db)
		sqlDB(t, db).SetMaxOpenConns(1)
		busy, err := sqlDB(t, db).Conn(context.Background())
		require.NoError(t, err)
		tx := beginTx(t, pool, context.Background(), nil)
		var wait sync.WaitGroup
		for range 4 { // one begins, the others wait for it
			wait.Add(1)
			go func() {
				defer wait.Done()
				ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
				defer cancel()
				_, err := tx.ExecContext(ctx, "DELETE FROM items")
				assert.ErrorIs(t, err, context.DeadlineExceeded)
			}()
		}
		wait.Wait()
		require.NoError(t, busy.Close())
		require.ErrorIs(t, tx.Commit(), context.DeadlineExceeded)
		require.NoError(t, db.Create(&item{ID: 1}).Error) // the connection is free
	})
}

// The statement's context ends while the begin is on its way.
func TestTxBeginEndsWithTheStatement(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, pool := open(t, d, resolver.PoolOptions{})
		testenv.LeakCheck(t, db)
		sent := testenv.Record(db)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		sent.Before(func(context.Context, string) error { cancel(); return nil })
		tx := beginTx(t, pool, context.Background(), nil)
		_, err := tx.ExecContext(ctx, "DELETE FROM items")
		require.ErrorIs(t, err, context.Canceled)
		sent.Before(nil)
		require.NoError(t, tx.Rollback())
		_, err = beginTx(t, pool, context.Background(), nil).ExecContext(ctx, "DELETE FROM items")
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestTxCosts(t *testing.T) { //nolint:paralleltest // measures allocations
	_, pool := open(t, testenv.SQLite(), resolver.PoolOptions{})
	ctx := context.Background()
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		tx, _ := pool.BeginTx(ctx, nil)
		_ = tx.(*resolver.Tx).Commit()
	}), 1.0)
	raw, err := pool.GetDBConn()
	require.NoError(t, err)
	var writes, reads []float64
	for _, p := range []gorm.ConnPool{raw, pool} { // through the interface, as GORM calls them
		writes = append(writes, testing.AllocsPerRun(200, func() {
			var tx gorm.Tx
			if b, ok := p.(gorm.TxBeginner); ok {
				tx, _ = b.BeginTx(ctx, nil)
			} else {
				conn, _ := p.(gorm.ConnPoolBeginner).BeginTx(ctx, nil)
				tx = conn.(gorm.Tx)
			}
			_, _ = tx.ExecContext(ctx, "UPDATE items SET name = 'x' WHERE id = 1")
			_ = tx.Commit()
		}))
		var n int
		reads = append(reads, testing.AllocsPerRun(200, func() { _ = p.QueryRowContext(ctx, "SELECT 1").Scan(&n) }))
	}
	assert.LessOrEqual(t, writes[1], writes[0]+1)
	assert.LessOrEqual(t, reads[1], reads[0])
}

func TestTxConcurrentFirstStatements(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, pool := open(t, d, resolver.PoolOptions{})
		testenv.LeakCheck(t, db)
		sent := testenv.Record(db)
		tx := beginTx(t, pool, context.Background(), nil)
		var wait sync.WaitGroup
		for i := range 8 {
			wait.Add(1)
			go func() {
				defer wait.Done()
				tx.SetValue(i, i)
				tx.OnRollback(func() {})
				_, err := tx.ExecContext(context.Background(), fmt.Sprintf("INSERT INTO items (id) VALUES (%d)", i+1))
				assert.NoError(t, err)
			}()
		}
		wait.Wait()
		begins := 0
		for _, s := range sent.Statements() {
			if s == "BEGIN" {
				begins++
			}
		}
		assert.Equal(t, 1, begins)
		require.NoError(t, tx.Commit())
		assert.EqualValues(t, 8, count(t, db))
	})
}

// Whatever runs at the same time, one end wins and nothing is left behind.
func TestTxConcurrentEnds(t *testing.T) {
	t.Parallel()
	db, pool := open(t, testenv.SQLite(), resolver.PoolOptions{})
	testenv.LeakCheck(t, db)
	for range 50 {
		tx := beginTx(t, pool, context.Background(), nil)
		var ends, undone, committed atomic.Int32
		tx.OnRollback(func() { undone.Add(1) })
		tx.OnAfterCommit(func() { committed.Add(1) })
		var wait sync.WaitGroup
		for _, f := range []func() error{
			tx.Commit, tx.Rollback, tx.Commit,
			func() error {
				_, err := tx.ExecContext(context.Background(), "DELETE FROM items")
				if err == nil {
					return sql.ErrTxDone
				}
				return err
			},
		} {
			wait.Add(1)
			go func() {
				defer wait.Done()
				if err := f(); err == nil {
					ends.Add(1)
				} else {
					assert.ErrorIs(t, err, sql.ErrTxDone)
				}
			}()
		}
		wait.Wait()
		assert.EqualValues(t, 1, ends.Load())
		assert.EqualValues(t, 1, undone.Load()+committed.Load())
	}
}

// Default transactions and PrepareStmt on a pool of one connection.
func TestPoolOfOne(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		for _, prepare := range []bool{false, true} {
			db, _ := open(t, d, resolver.PoolOptions{PrepareStmt: prepare})
			testenv.LeakCheck(t, db)
			sqlDB(t, db).SetMaxOpenConns(1)
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
			var wait sync.WaitGroup
			for g := range 4 {
				wait.Add(1)
				go func() {
					defer wait.Done()
					for i := range 5 {
						id := int64(g*100 + i + 1)
						on := db.WithContext(ctx)
						assert.NoError(t, on.Create(&item{ID: id}).Error)
						assert.NoError(t, on.Transaction(func(tx *gorm.DB) error {
							var got item
							if err := tx.First(&got, id).Error; err != nil {
								return err
							}
							return tx.Model(&got).Update("name", "n").Error
						}))
						var got item
						assert.NoError(t, on.First(&got, id).Error)
					}
				}()
			}
			wait.Wait()
			cancel()
			assert.EqualValues(t, 20, count(t, db))
		}
	})
}
