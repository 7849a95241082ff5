package resolver_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/resolver"
)

func TestNestedTransactions(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		for _, c := range []struct {
			name          string
			before, inner bool // what is written before the nested one, and whether it fails
			after         bool
			want          []int64
		}{
			{"all", true, false, true, []int64{1, 2, 3, 4}},
			{"inner fails", true, true, true, []int64{1, 4}},
			{"inner fails first", false, true, true, []int64{4}},
			{"inner first", false, false, false, []int64{2, 3}},
			{"inner fails alone", false, true, false, nil},
		} {
			t.Run(c.name, func(t *testing.T) {
				db, _ := open(t, d, resolver.PoolOptions{})
				testenv.LeakCheck(t, db)
				var undone []string
				require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
					own, _ := resolver.Transaction(tx.Statement.ConnPool)
					own.SetValue("k", "outer")
					own.OnRollback(func() { undone = append(undone, "outer") })
					if c.before {
						require.NoError(t, tx.Create(&item{ID: 1}).Error)
					}
					err := tx.Transaction(func(nested *gorm.DB) error {
						own.SetValue("k", "inner")
						own.SetValue("new", true)
						own.OnRollback(func() { undone = append(undone, "inner") })
						require.NoError(t, nested.Create(&item{ID: 2}).Error)
						require.NoError(t, nested.Transaction(func(deep *gorm.DB) error {
							own.OnRollback(func() { undone = append(undone, "deep") })
							return deep.Create(&item{ID: 3}).Error
						}))
						if c.inner {
							return errBack
						}
						return nil
					})
					if c.inner {
						require.ErrorIs(t, err, errBack)
						assert.Equal(t, []string{"deep", "inner"}, undone)
						assert.Equal(t, "outer", own.Value("k"))
						assert.Nil(t, own.Value("new"))
					} else {
						require.NoError(t, err)
						assert.Empty(t, undone)
						assert.Equal(t, "inner", own.Value("k"))
					}
					if c.after {
						return tx.Create(&item{ID: 4}).Error
					}
					return nil
				}))
				assert.NotContains(t, undone, "outer")
				var got []int64
				require.NoError(t, db.Model(&item{}).Order("id").Pluck("id", &got).Error)
				if len(c.want) == 0 {
					assert.Empty(t, got)
				} else {
					assert.Equal(t, c.want, got)
				}
			})
		}
	})
}

// What is registered after a save point that is rolled back does not run at commit.
func TestRollbackToForgetsHooks(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		for _, begun := range []bool{false, true} {
			db, _ := open(t, d, resolver.PoolOptions{})
			var ran []string
			tx := db.Begin()
			require.NoError(t, tx.Error)
			own, _ := resolver.Transaction(tx.Statement.ConnPool)
			hooks := func(name string) {
				own.OnBeforeCommit(func(context.Context) error { ran = append(ran, "before "+name); return nil })
				own.OnAfterCommit(func() { ran = append(ran, "after "+name) })
				own.OnRollback(func() { ran = append(ran, "undo "+name) })
				own.OnAfterRollback(func() { ran = append(ran, "rolled back "+name) })
			}
			if begun {
				require.NoError(t, tx.Create(&item{ID: 1}).Error)
			}
			hooks("0")
			require.NoError(t, tx.SavePoint("Sp1").Error)
			hooks("1")
			require.NoError(t, tx.SavePoint("sp2").Error)
			hooks("2")
			require.NoError(t, tx.RollbackTo("sp2").Error)
			require.NoError(t, tx.RollbackTo("sp2").Error) // still there
			assert.Equal(t, []string{"undo 2"}, ran)
			require.NoError(t, tx.RollbackTo("sp1").Error)
			assert.Equal(t, []string{"undo 2", "undo 1"}, ran)
			ran = nil
			require.NoError(t, tx.Create(&item{ID: 2}).Error)
			require.NoError(t, tx.Commit().Error)
			assert.Equal(t, []string{"before 0", "after 0"}, ran)
		}
	})
}

func TestSavePointsBeforeTheRealBegin(t *testing.T) {
	t.Parallel()
	db, pool := open(t, testenv.SQLite(), resolver.PoolOptions{})
	testenv.LeakCheck(t, db)
	sent := testenv.Record(db)
	ctx := context.Background()
	tx := beginTx(t, pool, ctx, nil)
	for _, s := range []string{
		"SAVEPOINT a", "SAVEPOINT b", "SAVEPOINT c", "ROLLBACK TO SAVEPOINT b",
		"SAVEPOINT d", "RELEASE SAVEPOINT b", "SAVEPOINT e",
	} {
		result, err := tx.ExecContext(ctx, s)
		require.NoError(t, err)
		n, err := result.RowsAffected()
		require.NoError(t, err)
		assert.Zero(t, n)
	}
	assert.Empty(t, sent.Statements())
	_, err := tx.ExecContext(ctx, "DELETE FROM items")
	require.NoError(t, err)
	assert.Equal(t, []string{"BEGIN", "SAVEPOINT a", "SAVEPOINT e", "DELETE FROM items"}, sent.Statements())
	require.NoError(t, tx.Rollback())

	unknown := beginTx(t, pool, ctx, nil)
	_, err = unknown.ExecContext(ctx, "ROLLBACK TO SAVEPOINT nowhere")
	require.ErrorContains(t, err, "no such savepoint", "the engine's own answer")
	require.NoError(t, unknown.Rollback())

	sent.Before(func(_ context.Context, sql string) error {
		if strings.HasPrefix(sql, "SAVEPOINT") {
			return errBack
		}
		return nil
	})
	failing := beginTx(t, pool, ctx, nil)
	_, err = failing.ExecContext(ctx, "SAVEPOINT a")
	require.NoError(t, err)
	_, err = failing.ExecContext(ctx, "DELETE FROM items")
	require.ErrorIs(t, err, errBack)
	require.ErrorIs(t, failing.Commit(), errBack)
}

// A save point that was set behind our back: everything may be rolled back.
func TestUnseenSavePoint(t *testing.T) {
	t.Parallel()
	db, _ := open(t, testenv.SQLite(), resolver.PoolOptions{})
	var ran []string
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		own, _ := resolver.Transaction(tx.Statement.ConnPool)
		real, err := resolver.SQLTx(tx.Statement.ConnPool)
		require.NoError(t, err)
		_, err = real.Exec("SAVEPOINT unseen")
		require.NoError(t, err)
		own.OnRollback(func() { ran = append(ran, "undo 1") })
		own.OnAfterCommit(func() { ran = append(ran, "after") })
		own.OnRollback(func() { ran = append(ran, "undo 2") })
		require.NoError(t, tx.RollbackTo("unseen").Error)
		assert.Equal(t, []string{"undo 2", "undo 1"}, ran)
		return nil
	}))
	assert.Equal(t, []string{"undo 2", "undo 1", "after"}, ran)
}

func TestPrepareStmtSessionStaysInTheTransaction(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		for _, c := range []struct {
			name   string
			config *gorm.Config
			opts   resolver.PoolOptions
			in     func(*gorm.DB) *gorm.DB
		}{
			{"session", &gorm.Config{}, resolver.PoolOptions{}, func(tx *gorm.DB) *gorm.DB {
				return tx.Session(&gorm.Session{PrepareStmt: true})
			}},
			{"config", &gorm.Config{PrepareStmt: true}, resolver.PoolOptions{}, func(tx *gorm.DB) *gorm.DB { return tx }},
			{"both", &gorm.Config{PrepareStmt: true}, resolver.PoolOptions{}, func(tx *gorm.DB) *gorm.DB {
				return tx.Session(&gorm.Session{PrepareStmt: true})
			}},
			{"own", &gorm.Config{SkipDefaultTransaction: true}, resolver.PoolOptions{PrepareStmt: true}, func(tx *gorm.DB) *gorm.DB { return tx }},
		} {
			t.Run(c.name, func(t *testing.T) {
				db, _ := open(t, d, c.opts, c.config)
				c.in(db) // GORM's own cache keeps a goroutine for ever
				testenv.LeakCheck(t, db)
				for round := range 3 {
					err := db.Transaction(func(tx *gorm.DB) error {
						in := c.in(tx)
						for i := range 3 {
							require.NoError(t, in.Create(&item{ID: int64(i + 1)}).Error)
						}
						assert.EqualValues(t, 3, count(t, in))
						require.ErrorIs(t, in.Transaction(func(nested *gorm.DB) error {
							require.NoError(t, c.in(nested).Create(&item{ID: 9}).Error)
							return errBack
						}), errBack)
						assert.EqualValues(t, 3, count(t, tx))
						return errBack
					})
					require.ErrorIs(t, err, errBack)
					assert.Zero(t, count(t, db), "round %d", round)
				}
				on := c.in(db.Session(&gorm.Session{}))
				require.NoError(t, on.Create(&item{ID: 1}).Error)
				require.NoError(t, on.Session(&gorm.Session{}).Transaction(func(tx *gorm.DB) error {
					_, ours := resolver.Transaction(tx.Statement.ConnPool)
					assert.True(t, ours)
					return tx.Create(&item{ID: 2}).Error
				}))
				assert.EqualValues(t, 2, count(t, db))
			})
		}
	})
}

func TestTransactionErrorClass(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, _ := open(t, d, resolver.PoolOptions{}, &gorm.Config{TranslateError: true})
		require.NoError(t, db.Create(&item{ID: 1}).Error)
		err := db.Transaction(func(tx *gorm.DB) error { return tx.Create(&item{ID: 1}).Error })
		require.True(t, errors.Is(err, gorm.ErrDuplicatedKey), "%v", err)
	})
}
