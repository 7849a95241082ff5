package resolver_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/resolver"
)

// item is the model of these tests.
type item struct {
	ID   int64 `gorm:"primaryKey"`
	Name string
}

// install puts a pool in place of the engine's own, as the plugin does.
func install(t testing.TB, db *gorm.DB, opts resolver.PoolOptions) *resolver.Pool {
	t.Helper()
	opts.Dialect = db.Name()
	pool, err := resolver.NewPool(db.ConnPool, opts)
	require.NoError(t, err)
	db.ConnPool, db.Statement.ConnPool = pool, pool
	return pool
}

// open gives a database with the model's table and dtde's pool.
func open(t testing.TB, d testenv.DB, opts resolver.PoolOptions, gormOpts ...gorm.Option) (*gorm.DB, *resolver.Pool) {
	t.Helper()
	db := d.Open(t, gormOpts...)
	require.NoError(t, db.AutoMigrate(&item{}))
	return db, install(t, db, opts)
}

func count(t testing.TB, db *gorm.DB) int64 {
	t.Helper()
	var n int64
	require.NoError(t, db.Session(&gorm.Session{NewDB: true}).Model(&item{}).Count(&n).Error)
	return n
}

func sqlDB(t testing.TB, db *gorm.DB) *sql.DB {
	t.Helper()
	pool, err := db.DB()
	require.NoError(t, err)
	return pool
}

func TestPoolIsTransparent(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, pool := open(t, d, resolver.PoolOptions{})
		testenv.LeakCheck(t, db)
		require.NoError(t, pool.Ping())
		require.NoError(t, db.Create(&[]item{{ID: 1, Name: "a"}, {ID: 2, Name: "b"}}).Error)
		var got item
		require.NoError(t, db.First(&got, 2).Error)
		assert.Equal(t, "b", got.Name)
		var name string
		require.NoError(t, db.Raw("SELECT name FROM items WHERE id = 1").Row().Scan(&name))
		assert.Equal(t, "a", name)
		stmt, err := pool.PrepareContext(context.Background(), "SELECT COUNT(*) FROM items")
		require.NoError(t, err)
		require.NoError(t, stmt.Close())
	})
}

func TestConnectionStaysOnOneConnection(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, _ := open(t, d, resolver.PoolOptions{})
		testenv.LeakCheck(t, db)
		require.NoError(t, db.Connection(func(tx *gorm.DB) error {
			assert.IsType(t, &sql.Conn{}, tx.Statement.ConnPool)
			require.NoError(t, tx.Exec("CREATE TEMPORARY TABLE mine (id INT)").Error)
			require.NoError(t, tx.Exec("INSERT INTO mine VALUES (1)").Error)
			require.NoError(t, tx.Create(&item{ID: 1}).Error)
			return tx.Transaction(func(tx *gorm.DB) error { return tx.Create(&item{ID: 2}).Error })
		}))
		assert.EqualValues(t, 2, count(t, db))
	})
}

// A pool over a single connection behaves as plain GORM over it.
func TestPoolOverSingleConnections(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, _ := open(t, d, resolver.PoolOptions{})
		ctx := context.Background()

		t.Run("a *sql.Conn begins transactions", func(t *testing.T) {
			conn, err := sqlDB(t, db).Conn(ctx)
			require.NoError(t, err)
			defer func() { require.NoError(t, conn.Close()) }()
			pool, err := resolver.NewPool(conn, resolver.PoolOptions{PrepareStmt: true})
			require.NoError(t, err)
			assert.Same(t, pool, pool.Prepared())
			_, err = pool.GetDBConn()
			require.ErrorIs(t, err, gorm.ErrInvalidDB)
			on := db.Session(&gorm.Session{NewDB: true, Context: ctx})
			on.Statement.ConnPool = pool
			require.Error(t, on.Transaction(func(tx *gorm.DB) error {
				require.NoError(t, tx.Create(&item{ID: 100}).Error)
				return errors.New("roll back")
			}))
			require.NoError(t, on.Session(&gorm.Session{}).Create(&item{ID: 101}).Error)
		})
		assert.EqualValues(t, 1, count(t, db))

		t.Run("a given *sql.Tx does not", func(t *testing.T) {
			given, err := sqlDB(t, db).Begin()
			require.NoError(t, err)
			pool, err := resolver.NewPool(given, resolver.PoolOptions{})
			require.NoError(t, err)
			_, err = pool.BeginTx(ctx, nil)
			require.ErrorIs(t, err, gorm.ErrInvalidTransaction)
			assert.True(t, resolver.InTransaction(pool))
			_, ours := resolver.Transaction(pool)
			assert.False(t, ours)
			same, err := resolver.SQLTx(pool)
			require.NoError(t, err)
			assert.Same(t, given, same)
			on := db.Session(&gorm.Session{NewDB: true, Context: ctx})
			on.Statement.ConnPool = pool
			require.NoError(t, on.Create(&item{ID: 102}).Error)
			require.NoError(t, given.Rollback())
		})
		assert.EqualValues(t, 1, count(t, db))
	})
}

func TestWrapOfAGivenTransaction(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		base, _ := open(t, d, resolver.PoolOptions{})
		given, err := sqlDB(t, base).Begin()
		require.NoError(t, err)
		wrapped, err := resolver.Wrap(given, resolver.PoolOptions{Dialect: base.Name()})
		require.NoError(t, err)
		again, err := resolver.Wrap(wrapped, resolver.PoolOptions{})
		require.NoError(t, err)
		assert.Same(t, wrapped, again)
		db := base.Session(&gorm.Session{NewDB: true, Context: context.Background()})
		db.Statement.ConnPool = wrapped
		same, err := db.DB()
		require.NoError(t, err)
		assert.Same(t, sqlDB(t, base), same)

		var ran []string
		tx, ok := resolver.Transaction(wrapped)
		require.True(t, ok)
		tx.OnBeforeCommit(func(context.Context) error { ran = append(ran, "before"); return nil })
		tx.OnAfterCommit(func() { ran = append(ran, "after") })
		require.NoError(t, db.Session(&gorm.Session{}).Create(&item{ID: 1}).Error)
		require.Error(t, db.Session(&gorm.Session{}).Transaction(func(nested *gorm.DB) error { // a save point
			tx.OnRollback(func() { ran = append(ran, "undo") })
			require.NoError(t, nested.Create(&item{ID: 2}).Error)
			return errors.New("roll back")
		}))
		require.NoError(t, db.Session(&gorm.Session{}).Commit().Error)
		assert.Equal(t, []string{"undo", "before", "after"}, ran)
		require.ErrorIs(t, given.Rollback(), sql.ErrTxDone)
		assert.EqualValues(t, 1, count(t, base))
	})
}

func TestNewPool(t *testing.T) {
	t.Parallel()
	db := testenv.SQLite().Open(t)
	raw := db.ConnPool

	_, err := resolver.NewPool(nil, resolver.PoolOptions{})
	require.ErrorIs(t, err, gorm.ErrInvalidDB)

	plain, err := resolver.NewPool(raw, resolver.PoolOptions{})
	require.NoError(t, err)
	assert.NotSame(t, plain, plain.Prepared())
	assert.Same(t, plain.Prepared(), plain.Prepared().Prepared())
	again, err := resolver.NewPool(plain, resolver.PoolOptions{})
	require.NoError(t, err)
	assert.Same(t, plain, again)
	again, err = resolver.NewPool(gorm.NewPreparedStmtDB(plain, 0, 0), resolver.PoolOptions{})
	require.NoError(t, err)
	assert.Same(t, plain.Prepared(), again)

	wrapped, err := resolver.NewPool(gorm.NewPreparedStmtDB(raw, 0, 0), resolver.PoolOptions{})
	require.NoError(t, err)
	assert.Same(t, wrapped, wrapped.Prepared())
	inner, err := wrapped.GetDBConn()
	require.NoError(t, err)
	assert.Same(t, raw, inner)
}

// foreign is another plugin's pool: it begins transactions as a ConnPool.
type foreign struct {
	*sql.DB
	begin func(context.Context, *sql.TxOptions) (gorm.ConnPool, error)
}

func (f foreign) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	return f.begin(ctx, opts)
}

func (f foreign) GetDBConn() (*sql.DB, error) { return f.DB, nil }

func TestPoolOverAnotherPluginsPool(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		require.NoError(t, db.AutoMigrate(&item{}))
		raw := sqlDB(t, db)
		testenv.LeakCheck(t, db)
		f := foreign{DB: raw, begin: func(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
			return raw.BeginTx(ctx, opts)
		}}
		db.ConnPool, db.Statement.ConnPool = f, f
		pool := install(t, db, resolver.PoolOptions{PrepareStmt: true})
		require.NoError(t, pool.Ping())
		require.NoError(t, db.Create(&item{ID: 1}).Error)
		require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(&item{ID: 2}).Error)
			return errBack
		}), errBack)
		assert.EqualValues(t, 1, count(t, db))
		s, err := resolver.OpenSessions(context.Background(), pool, db.Name(), 2, 2)
		require.NoError(t, err)
		s.Close()
	})
	for name, begin := range map[string]func(context.Context, *sql.TxOptions) (gorm.ConnPool, error){
		"fails":          func(context.Context, *sql.TxOptions) (gorm.ConnPool, error) { return nil, gorm.ErrInvalidTransaction },
		"no transaction": func(context.Context, *sql.TxOptions) (gorm.ConnPool, error) { return &sql.DB{}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testenv.SQLite().Open(t)
			f := foreign{DB: sqlDB(t, db), begin: begin}
			db.ConnPool, db.Statement.ConnPool = f, f
			pool := install(t, db, resolver.PoolOptions{})
			tx := beginTx(t, pool, context.Background(), nil)
			_, err := tx.ExecContext(context.Background(), "SELECT 1")
			require.ErrorIs(t, err, gorm.ErrInvalidTransaction)
			require.NoError(t, tx.Rollback())
		})
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	db, pool := open(t, testenv.SQLite(), resolver.PoolOptions{})
	require.NoError(t, pool.Ping())
	tx := beginTx(t, pool, context.Background(), nil)
	require.NoError(t, tx.Ping())
	real, err := resolver.SQLTx(tx)
	require.NoError(t, err)
	given, err := resolver.NewPool(real, resolver.PoolOptions{})
	require.NoError(t, err)
	require.NoError(t, given.Ping())
	require.NoError(t, tx.Rollback())
	require.NoError(t, sqlDB(t, db).Close())
	require.Error(t, pool.Ping())
	require.Error(t, given.Ping())
	unknown, err := resolver.NewPool(struct{ gorm.ConnPool }{pool}, resolver.PoolOptions{})
	require.NoError(t, err)
	require.ErrorIs(t, unknown.Ping(), gorm.ErrInvalidDB)
	wrapped, err := resolver.Wrap(pool, resolver.PoolOptions{})
	require.NoError(t, err)
	assert.Same(t, pool, wrapped)
}

func TestUnwrap(t *testing.T) {
	t.Parallel()
	db, pool := open(t, testenv.SQLite(), resolver.PoolOptions{})
	stmts := gorm.NewPreparedStmtDB(pool, 0, 0)
	conn, err := pool.BeginTx(context.Background(), nil)
	require.NoError(t, err)
	tx := conn.(*resolver.Tx)
	real, err := sqlDB(t, db).Begin()
	require.NoError(t, err)
	defer func() { require.NoError(t, real.Rollback()) }()

	for _, c := range []struct {
		name     string
		p, inner gorm.ConnPool
		prepared bool
		ours, in bool
	}{
		{"pool", pool, pool, false, false, false},
		{"prepared pool", stmts, pool, true, false, false},
		{"twice", gorm.NewPreparedStmtDB(stmts, 0, 0), pool, true, false, false},
		{"transaction", tx, tx, false, true, true},
		{"prepared transaction", &gorm.PreparedStmtTX{Tx: tx, PreparedStmtDB: stmts}, tx, true, true, true},
		{"transaction twice", &gorm.PreparedStmtTX{Tx: &gorm.PreparedStmtTX{Tx: tx, PreparedStmtDB: stmts}, PreparedStmtDB: stmts}, tx, true, true, true},
		{"somebody's", real, real, false, false, true},
		{"nothing", nil, nil, false, false, false},
	} {
		inner, prepared := resolver.Unwrap(c.p)
		assert.Equal(t, c.inner, inner, c.name)
		assert.Equal(t, c.prepared, prepared, c.name)
		got, ours := resolver.Transaction(c.p)
		assert.Equal(t, c.ours, ours, c.name)
		if ours {
			assert.Same(t, tx, got, c.name)
		}
		assert.Equal(t, c.in, resolver.InTransaction(c.p), c.name)
	}

	_, err = resolver.SQLTx(pool)
	require.ErrorIs(t, err, gorm.ErrInvalidTransaction)
	begun, err := resolver.SQLTx(tx)
	require.NoError(t, err)
	_, err = begun.Exec("INSERT INTO items (id) VALUES (1)")
	require.NoError(t, err)
	require.NoError(t, tx.Commit())
	assert.EqualValues(t, 1, count(t, db))
	never, err := pool.BeginTx(context.Background(), nil)
	require.NoError(t, err)
	require.NoError(t, never.(*resolver.Tx).Commit())
	_, err = resolver.SQLTx(never)
	require.ErrorIs(t, err, sql.ErrTxDone)
}
