package tests

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// over opens GORM with dtde over a connection or transaction that the program made.
func over(t *testing.T, engine string, pool gorm.ConnPool, cfg dtde.Config) *gorm.DB {
	t.Helper()
	var d gorm.Dialector
	switch engine {
	case "postgres":
		d = postgres.New(postgres.Config{Conn: pool})
	case "mysql":
		d = mysql.New(mysql.Config{Conn: pool})
	default:
		d = sqlite.New(sqlite.Config{Conn: pool})
	}
	db, err := gorm.Open(d, &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	require.NoError(t, db.Use(dtde.Register(cfg)))
	return db
}

func TestGivenTransaction(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		cfg := entities(customers())
		cfg.NodeID = 1 // a lease would need a connection of its own
		use(t, db, cfg)
		plain := beside(t, db)
		pool, err := db.DB()
		require.NoError(t, err)
		for _, commit := range []bool{false, true} {
			real, err := pool.BeginTx(context.Background(), nil)
			require.NoError(t, err)
			mine := over(t, db.Name(), real, cfg)
			three(t, mine, "given")
			require.Error(t, mine.Create(&[]Customer{{ID: 1, Name: "x", Region: "EU"}, {ID: 1, Name: "x", Region: "EU"}, {ID: 2, Name: "y", Region: "US"}}).Error)
			require.NoError(t, mine.Model(&Customer{}).Where("name = ?", "given").Update("status", "seen").Error,
				"the failed write went back to a save point: the transaction is usable")
			require.NoError(t, mine.Transaction(func(tx *gorm.DB) error { three(t, tx, "nested"); return nil }))
			require.ErrorIs(t, mine.Transaction(func(tx *gorm.DB) error { three(t, tx, "undone"); return context.Canceled }), context.Canceled)
			require.Equal(t, []string{"given", "given", "given"}, names(t, mine.Where("status = ?", "seen")))
			raw, err := dtde.SQLTx(mine)
			require.NoError(t, err)
			assert.Same(t, real, raw)
			if !commit {
				require.NoError(t, real.Rollback())
				assert.Zero(t, count(t, plain, "customers"))
				continue
			}
			require.NoError(t, real.Commit())
			assert.Equal(t, 6, count(t, plain, "customers"))
		}
	})
}

func TestGivenConnection(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		cfg := entities(customers())
		cfg.NodeID = 1
		use(t, db, cfg)
		pool, err := db.DB()
		require.NoError(t, err)
		conn, err := pool.Conn(context.Background())
		require.NoError(t, err)
		mine := over(t, db.Name(), conn, cfg)
		three(t, mine, "conn")
		require.Error(t, mine.Create(&[]Customer{{ID: 9, Name: "x", Region: "US"}, {ID: 1, Name: "x", Region: "EU"}, {ID: 1, Name: "x", Region: "EU"}}).Error)
		require.NoError(t, mine.Transaction(func(tx *gorm.DB) error { three(t, tx, "tx"); return nil }))
		require.ErrorIs(t, mine.Transaction(func(tx *gorm.DB) error { three(t, tx, "gone"); return context.Canceled }), context.Canceled)
		assert.Equal(t, []string{"conn", "conn", "conn", "tx", "tx", "tx"}, names(t, mine))
		require.NoError(t, conn.Close())
		assert.Equal(t, []string{"conn", "conn", "conn", "tx", "tx", "tx"}, names(t, db))
	})
}

func TestContextCancelledMidWay(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		use(t, db, entities(customers()))
		three(t, db, "before")
		plain := beside(t, db)
		before := contents(t, plain, "customers")
		sent := testenv.Record(db)
		for name, run := range map[string]func(tx *gorm.DB) error{
			"create": func(tx *gorm.DB) error {
				return tx.Create(&[]Customer{{Name: "x", Region: "EU"}, {Name: "x", Region: "US"}, {Name: "x", Region: "APAC"}}).Error
			},
			"create without default transaction": func(tx *gorm.DB) error {
				return tx.Session(&gorm.Session{SkipDefaultTransaction: true}).Create(&[]Customer{{Name: "x", Region: "EU"}, {Name: "x", Region: "US"}, {Name: "x", Region: "APAC"}}).Error
			},
			"update": func(tx *gorm.DB) error {
				return tx.Model(&Customer{}).Where("name = ?", "before").Update("name", "x").Error
			},
			"delete": func(tx *gorm.DB) error { return tx.Where("name = ?", "before").Delete(&Customer{}).Error },
			"inside": func(tx *gorm.DB) error {
				return tx.Transaction(func(tx *gorm.DB) error {
					_ = tx.Model(&Customer{}).Where("name = ?", "before").Update("name", "x").Error
					return nil // the caller doesn't look; the commit must fail
				})
			},
		} {
			t.Run(name, func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				sent.Before(func(_ context.Context, text string) error {
					if strings.Contains(text, "customers_us") {
						cancel()
					}
					return nil
				})
				err := run(db.WithContext(ctx))
				sent.Before(nil)
				require.Error(t, err)
				assert.True(t, errors.Is(err, context.Canceled) || errors.Is(err, sql.ErrTxDone) || strings.Contains(err.Error(), "interrupt"), "%v", err)
				assert.Equal(t, before, contents(t, plain, "customers"))
			})
		}
		for form, scope := range map[string]func(*gorm.DB) *gorm.DB{"union": dtde.Reads(dtde.ReadUnion), "sessions": dtde.Reads(dtde.ReadSessions)} {
			ctx, cancel := context.WithCancel(context.Background())
			sent.Before(func(_ context.Context, text string) error {
				if strings.Contains(text, "customers_us") {
					cancel()
				}
				return nil
			})
			var out []Customer
			err := db.WithContext(ctx).Scopes(scope).Find(&out).Error
			sent.Before(nil)
			cancel()
			require.Error(t, err, form)
			require.NoError(t, db.Find(&out).Error, "the pool is well")
		}
	})
}
