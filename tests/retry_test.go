package tests

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Purse is money that two transactions fight for.
type Purse struct {
	ID    int64  `gorm:"primaryKey"`
	Owner string `gorm:"size:40"`
	Coins int
}

// onServers runs f on PostgreSQL and MariaDB: SQLite has one writer.
func onServers(t *testing.T, f func(t *testing.T, db *gorm.DB)) {
	t.Helper()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		if db.Name() == "sqlite" {
			t.Skip("it has one writer")
		}
		f(t, db)
	})
}

// purses makes two purses on two shards.
func purses(t *testing.T, db *gorm.DB) {
	t.Helper()
	use(t, db, entities(dtde.Model(&Purse{}).ShardBy("Owner", "ann", "bob")))
	require.NoError(t, db.Create(&[]Purse{{ID: 1, Owner: "ann", Coins: 10}, {ID: 2, Owner: "bob", Coins: 10}}).Error)
}

func coins(t *testing.T, db *gorm.DB) (out []int) {
	t.Helper()
	require.NoError(t, db.Model(&Purse{}).Order("id").Pluck("coins", &out).Error)
	return out
}

// meet has two goroutines wait for each other, once.
func meet() func() {
	var both sync.WaitGroup
	both.Add(2)
	return func() { both.Done(); both.Wait() }
}

// TestTransactionAfterADeadlock: two transactions take the same two rows the other way
// round; the database ends one, which is run again.
func TestTransactionAfterADeadlock(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, db *gorm.DB) {
		purses(t, db)
		testenv.LeakCheck(t, db)
		met := meet()
		var attempts atomic.Int64
		ended := make(chan struct{}) // the one that was not ended by the database
		end := sync.OnceFunc(func() { close(ended) })
		var group sync.WaitGroup
		for _, owners := range [][]string{{"ann", "bob"}, {"bob", "ann"}} {
			group.Go(func() {
				defer end()
				first := true
				assert.NoError(t, dtde.Transaction(db.WithContext(t.Context()), func(tx *gorm.DB) error {
					attempts.Add(1)
					if !first { // or the two could meet once more on their way to the same rows
						<-ended
					}
					for i, owner := range owners {
						if err := tx.Model(&Purse{}).Where("owner = ?", owner).Update("coins", gorm.Expr("coins + 1")).Error; err != nil {
							return fmt.Errorf("pay %s: %w", owner, err)
						}
						if i == 0 && first {
							first = false
							met()
						}
					}
					return nil
				}))
			})
		}
		group.Wait()
		assert.EqualValues(t, 3, attempts.Load(), "one of them was run twice")
		assert.Equal(t, []int{12, 12}, coins(t, db))
	})
}

// TestTransactionAfterASerializationFailure: two transactions each read both purses and
// empty one; one table in serial order would leave one of them full.
func TestTransactionAfterASerializationFailure(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, db *gorm.DB) {
		purses(t, db)
		testenv.LeakCheck(t, db)
		met := meet()
		var attempts atomic.Int64
		var group sync.WaitGroup
		for _, owner := range []string{"ann", "bob"} {
			group.Go(func() {
				first := true
				assert.NoError(t, dtde.Transaction(db.WithContext(t.Context()), func(tx *gorm.DB) error {
					attempts.Add(1)
					var total int
					if err := tx.Model(&Purse{}).Select("SUM(coins)").Scan(&total).Error; err != nil {
						return err
					}
					if first {
						first = false
						met()
					}
					if total < 20 {
						return nil
					}
					return tx.Model(&Purse{}).Where("owner = ?", owner).Update("coins", 0).Error
				}, dtde.TransactionOptions{TxOptions: sql.TxOptions{Isolation: sql.LevelSerializable}, Attempts: 10}))
			})
		}
		group.Wait()
		assert.GreaterOrEqual(t, attempts.Load(), int64(3))
		left := coins(t, db)
		assert.Equal(t, 10, left[0]+left[1], "%v", left)
	})
}

// conflict is a statement that fails as a serialization failure does.
func conflict(db *gorm.DB) string {
	if db.Name() == "postgres" {
		return "DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$"
	}
	return "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'conflict'"
}

func TestTransactionIsRunAgain(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, db *gorm.DB) {
		purses(t, db)
		db.Session(&gorm.Session{PrepareStmt: true}) // GORM's cache of statements has a goroutine for good
		testenv.LeakCheck(t, db)
		text := conflict(db)
		boom := errors.New("boom")
		// run fails for so many attempts.
		run := func(db *gorm.DB, failing int, fails func(tx *gorm.DB) error, options ...dtde.TransactionOptions) (attempts int, err error) {
			err = dtde.Transaction(db, func(tx *gorm.DB) error {
				if err := tx.Model(&Purse{}).Where("id > 0").Update("coins", gorm.Expr("coins + 1")).Error; err != nil {
					return err
				}
				if attempts++; attempts <= failing {
					return fails(tx)
				}
				return nil
			}, options...)
			return attempts, err
		}
		conflicts := func(tx *gorm.DB) error { return tx.Exec(text).Error }
		before := coins(t, db)
		check := func(t *testing.T, plus int) {
			t.Helper()
			assert.Equal(t, []int{before[0] + plus, before[1] + plus}, coins(t, db))
			before = coins(t, db)
		}
		t.Run("until it goes well", func(t *testing.T) {
			n, err := run(db, 3, conflicts)
			require.NoError(t, err)
			assert.Equal(t, 4, n)
			check(t, 1)
		})
		t.Run("not more often than it may", func(t *testing.T) {
			n, err := run(db, 100, conflicts)
			require.ErrorContains(t, err, "after 5 attempts")
			require.ErrorContains(t, err, "conflict")
			assert.Equal(t, 5, n)
			n, err = run(db, 100, conflicts, dtde.TransactionOptions{Attempts: 2})
			require.ErrorContains(t, err, "after 2 attempts")
			assert.Equal(t, 2, n)
			n, err = run(db, 100, conflicts, dtde.TransactionOptions{Attempts: 1})
			require.Error(t, err)
			assert.Equal(t, 1, n)
			check(t, 0)
		})
		t.Run("not after other failures", func(t *testing.T) {
			for name, fails := range map[string]func(tx *gorm.DB) error{
				"its own":         func(*gorm.DB) error { return boom },
				"a duplicate key": func(tx *gorm.DB) error { return tx.Create(&Purse{ID: 1, Owner: "ann"}).Error },
				"a syntax error":  func(tx *gorm.DB) error { return tx.Exec("SELEKT 1").Error },
				"not found":       func(tx *gorm.DB) error { return tx.First(&Purse{}, 99).Error },
			} {
				n, err := run(db, 1, fails)
				require.Error(t, err, name)
				assert.NotContains(t, err.Error(), "attempts", name)
				assert.Equal(t, 1, n, name)
			}
			check(t, 0)
		})
		t.Run("not after the end of the context", func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			n, err := run(db.WithContext(ctx), 100, func(tx *gorm.DB) error {
				defer cancel()
				return tx.Exec(text).Error
			})
			require.Error(t, err)
			assert.Equal(t, 1, n)
			check(t, 0)
		})
		t.Run("a panic", func(t *testing.T) {
			assert.PanicsWithValue(t, "boom", func() { _, _ = run(db, 1, func(*gorm.DB) error { panic("boom") }) })
			check(t, 0)
		})
		t.Run("inside another the other is run again", func(t *testing.T) {
			outer, inner := 0, 0
			require.NoError(t, dtde.Transaction(db, func(tx *gorm.DB) error {
				outer++
				return dtde.Transaction(tx, func(tx *gorm.DB) error {
					if err := tx.Model(&Purse{}).Where("id > 0").Update("coins", gorm.Expr("coins + 1")).Error; err != nil {
						return err
					}
					if inner++; inner == 1 {
						return conflicts(tx)
					}
					return nil
				})
			}))
			assert.Equal(t, 2, outer)
			assert.Equal(t, 2, inner)
			check(t, 1)
		})
		t.Run("inside a plain one it runs once, behind a save point", func(t *testing.T) {
			n := 0
			require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
				err := dtde.Transaction(tx, func(tx *gorm.DB) error {
					n++
					if err := tx.Model(&Purse{}).Where("id > 0").Update("coins", 0).Error; err != nil {
						return err
					}
					return boom
				})
				require.ErrorIs(t, err, boom)
				return tx.Model(&Purse{}).Where("id > 0").Update("coins", gorm.Expr("coins + 1")).Error
			}))
			assert.Equal(t, 1, n)
			check(t, 1)
		})
		t.Run("on a chain", func(t *testing.T) {
			n, err := run(db.Session(&gorm.Session{PrepareStmt: true}).Clauses(clause.Locking{Strength: "UPDATE"}), 1, conflicts)
			require.NoError(t, err)
			assert.Equal(t, 2, n)
			check(t, 1)
		})
		t.Run("options out of range", func(t *testing.T) {
			for _, options := range [][]dtde.TransactionOptions{{{Attempts: -1}}, {{Attempts: 101}}, {{}, {}}} {
				n, err := run(db, 0, nil, options...)
				require.ErrorIs(t, err, dtde.ErrConfig)
				assert.Zero(t, n)
			}
		})
	})
}

// TestTransactionOverDatabasesIsRunAgain: one of two servers fails while it prepares the
// commit, as serialization failures do; nothing of that attempt stays.
func TestTransactionOverDatabasesIsRunAgain(t *testing.T) {
	t.Parallel()
	d := newDepots(t, 1)
	s := openSpread(t, d, func(c *dtde.Config) { c.Cluster = "retries" })
	for _, statement := range []string{
		"CREATE SEQUENCE conflicts",
		`CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF nextval('conflicts') <= 2 THEN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END IF;
			RETURN NULL;
		END $$`,
		"CREATE CONSTRAINT TRIGGER late AFTER INSERT ON " + depotTable(1) + " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION conflict()",
	} {
		_, err := d.direct[1].Exec(statement)
		require.NoError(t, err)
	}
	attempts := 0
	require.NoError(t, dtde.Transaction(s.db, func(tx *gorm.DB) error {
		attempts++
		return tx.Create([]Consignment{{ID: 100, Region: "EU", Label: "x"}, {ID: 101, Region: "US", Label: "x"}, {ID: 102, Region: "APAC", Label: "x"}}).Error
	}))
	assert.Equal(t, 3, attempts)
	var n int64
	require.NoError(t, s.db.Model(&Consignment{}).Where("label = 'x'").Count(&n).Error)
	assert.EqualValues(t, 3, n)
	for _, pool := range d.direct {
		var prepared int
		require.NoError(t, pool.QueryRow("SELECT COUNT(*) FROM pg_prepared_xacts").Scan(&prepared))
		assert.Zero(t, prepared)
	}
}
