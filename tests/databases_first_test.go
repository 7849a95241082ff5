package tests

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	dbservers "github.com/go-dtde/dtde/internal/testenv/servers"
)

// anyRow is a read of one row in no order, and the row's id.
type anyRow struct {
	name string
	read func(tx *gorm.DB) (int64, error)
}

func anyRows() []anyRow {
	return []anyRow{
		{"Take", func(tx *gorm.DB) (int64, error) {
			var c Consignment
			err := tx.Take(&c).Error
			return c.ID, err
		}},
		{"Take with a condition", func(tx *gorm.DB) (int64, error) {
			var c Consignment
			err := tx.Where("weight >= 0").Take(&c, "label <> ?", "").Error
			return c.ID, err
		}},
		{"Limit(1).Find", func(tx *gorm.DB) (int64, error) {
			var l []Consignment
			if err := tx.Limit(1).Find(&l).Error; err != nil || len(l) != 1 {
				return 0, fmt.Errorf("%d rows, %w", len(l), err)
			}
			return l[0].ID, nil
		}},
		{"Take a map", func(tx *gorm.DB) (int64, error) {
			m := map[string]any{}
			err := tx.Model(&Consignment{}).Take(&m).Error
			id, _ := m["id"].(int64)
			return id, err
		}},
		{"Pluck", func(tx *gorm.DB) (int64, error) {
			var l []int64
			err := tx.Model(&Consignment{}).Limit(1).Pluck("id", &l).Error
			return append(l, 0)[0], err
		}},
		{"Row", func(tx *gorm.DB) (id int64, err error) {
			err = tx.Model(&Consignment{}).Select("id").Limit(1).Row().Scan(&id)
			return id, err
		}},
		{"Rows", func(tx *gorm.DB) (id int64, err error) {
			rows, err := tx.Model(&Consignment{}).Select("id").Limit(1).Rows()
			if err != nil {
				return 0, err
			}
			defer func() { _ = rows.Close() }()
			if rows.Next() {
				err = rows.Scan(&id)
			}
			return id, err
		}},
		{"gorm.G", func(tx *gorm.DB) (int64, error) {
			c, err := gorm.G[Consignment](tx).Take(tx.Statement.Context)
			return c.ID, err
		}},
	}
}

// TestTakeNeedsNoOther: a row of any shard is the answer although the others hang; their
// statements are cancelled, and their connections given back.
func TestTakeNeedsNoOther(t *testing.T) {
	t.Parallel()
	const each = 20
	d := newDepots(t, each)
	s := openSpread(t, d, nil)
	inUse := func() (n int) {
		for _, pool := range s.pools {
			n += pool.Stats().InUse
		}
		return n
	}
	// Whether the servers were told isn't looked at: one may miss that a statement was
	// cancelled which it had not begun yet.
	check := func(t *testing.T, answers int) {
		for _, r := range anyRows() {
			id, err := r.read(s.db.WithContext(t.Context()))
			require.NoError(t, err, r.name)
			assert.EqualValues(t, answers, id%3, r.name)
			assert.Zero(t, inUse(), r.name)
		}
	}
	for answers := range depotRegions {
		t.Run("all but "+depotRegions[answers]+" wait for a lock", func(t *testing.T) {
			dbservers.LeakCheck(t, d.set, s.pools...)
			for i := range depotRegions {
				if i != answers {
					t.Cleanup(d.hold(t, i))
				}
			}
			check(t, answers)
		})
		t.Run("all but "+depotRegions[answers]+" are far away", func(t *testing.T) {
			dbservers.LeakCheck(t, d.set, s.pools...)
			for i, server := range d.set.Postgres {
				if i != answers {
					server.Proxy.Delay(time.Minute)
					defer server.Proxy.Delay(0)
					defer server.Proxy.Cut() // what is under way
				}
			}
			check(t, answers)
		})
		t.Run("all but "+depotRegions[answers]+" have no row", func(t *testing.T) {
			for i := range depotRegions {
				if i != answers {
					_, err := d.direct[i].Exec("ALTER TABLE " + depotTable(i) + " RENAME TO away; CREATE TABLE " + depotTable(i) + " (LIKE away)")
					require.NoError(t, err)
					defer func() {
						_, err := d.direct[i].Exec("DROP TABLE " + depotTable(i) + "; ALTER TABLE away RENAME TO " + depotTable(i))
						require.NoError(t, err)
					}()
				}
			}
			quiet(s.pools) // of prepared statements that know the other table
			check(t, answers)
		})
	}
	quiet(s.pools)
	t.Run("without a row all are waited for", func(t *testing.T) {
		release := d.hold(t, 2)
		done := make(chan error, 1)
		go func() { done <- s.db.Where("weight < 0").Take(&Consignment{}).Error }()
		require.Eventually(t, func() bool { return d.waiting(t, 2) == 1 }, 20*time.Second, 5*time.Millisecond)
		release()
		require.ErrorIs(t, <-done, gorm.ErrRecordNotFound)
	})
	t.Run("an order waits for all", func(t *testing.T) {
		defer d.hold(t, 2)()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, s.db.WithContext(ctx).First(&Consignment{}).Error, context.DeadlineExceeded, "First is by the primary key")
		ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, s.db.WithContext(ctx).Order("weight").Take(&Consignment{}).Error, context.DeadlineExceeded)
	})
	t.Run("a failure before a row", func(t *testing.T) {
		for _, i := range []int{0, 2} {
			t.Cleanup(d.hold(t, i))
		}
		require.NoError(t, d.set.Postgres[faultyServer].Proxy.Refuse(true))
		d.set.Postgres[faultyServer].Proxy.Cut()
		defer func() { require.NoError(t, d.set.Postgres[faultyServer].Proxy.Refuse(false)) }()
		quiet(s.pools)
		var failed *dtde.ShardError
		require.ErrorAs(t, s.db.Take(&Consignment{}).Error, &failed)
		assert.Equal(t, "US", failed.Shard)
	})
	t.Run("inside a transaction its connections are kept", func(t *testing.T) {
		release := d.hold(t, 2)
		time.AfterFunc(200*time.Millisecond, release)
		require.NoError(t, s.db.Transaction(func(tx *gorm.DB) error {
			for range 3 {
				if err := tx.Take(&Consignment{}).Error; err != nil {
					return err
				}
			}
			var n int64
			if err := tx.Model(&Consignment{}).Count(&n).Error; err != nil {
				return err
			}
			assert.EqualValues(t, 3*each, n)
			return nil
		}))
	})
	t.Run("the report and the plan", func(t *testing.T) {
		var report dtde.Report
		tx := s.db.Scopes(dtde.WithReport(&report)).Take(&Consignment{})
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 1, report.Rows)
		require.Len(t, dtde.Plans(tx), 1)
		assert.Contains(t, dtde.Plans(tx)[0].String(), "whichever comes first, limit 1")
	})
}

// Wagon is in many tables of one database.
type Wagon struct {
	ID    int64 `gorm:"primaryKey"`
	Train int64
}

// TestTakeOfSessionsNeedsNoOther: the same with one connection for each of some shards of
// one database.
func TestTakeOfSessionsNeedsNoOther(t *testing.T) {
	t.Parallel()
	set := dbservers.Start(t, dbservers.Options{Postgres: 1})
	server := set.Postgres[0]
	name := server.CreateDatabase(t)
	pool, direct := openPGX(t, server.DSN(name)), openPGX(t, server.DirectDSN(name))
	pool.SetMaxIdleConns(10)
	db := openGORM(t, pool)
	require.NoError(t, db.Use(dtde.Register(dtde.Config{
		Entities: []dtde.Entity{dtde.Model(&Wagon{}).ShardByHash("Train", 4)}, MaxParallelShards: 4,
	})))
	require.NoError(t, db.AutoMigrate(&Wagon{}))
	tables := make([]string, 4)
	for i := range tables {
		tables[i] = fmt.Sprintf("wagons_%d", i)
		_, err := direct.Exec(fmt.Sprintf("INSERT INTO %s SELECT 10 * i + %d, 0 FROM generate_series(1, 5) AS i", tables[i], i))
		require.NoError(t, err)
	}
	for answers := range tables {
		t.Run(tables[answers], func(t *testing.T) {
			dbservers.LeakCheck(t, set, pool)
			tx, err := direct.Begin()
			require.NoError(t, err)
			defer func() { _ = tx.Rollback() }()
			for i, table := range tables {
				if i != answers {
					_, err := tx.Exec("LOCK TABLE " + table + " IN ACCESS EXCLUSIVE MODE")
					require.NoError(t, err)
				}
			}
			// A busy machine may not give all the connections in time; with fewer, what waits
			// for a lock may come before the table that has a row.
			require.Eventually(t, func() bool {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				var w Wagon
				err := db.WithContext(ctx).Scopes(dtde.Reads(dtde.ReadSessions)).Take(&w).Error
				if err != nil { // at the deadline database/sql gives the connections back by itself
					assert.Eventually(t, func() bool { return pool.Stats().InUse == 0 }, 10*time.Second, time.Millisecond)
					return false
				}
				assert.Zero(t, pool.Stats().InUse)
				assert.EqualValues(t, answers, w.ID%10)
				return true
			}, time.Minute, time.Millisecond)
		})
	}
	t.Run("one connection reads one after another", func(t *testing.T) {
		require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
			if err := tx.Scopes(dtde.Reads(dtde.ReadSessions)).Take(&Wagon{}).Error; err != nil {
				return err
			}
			return tx.Scopes(dtde.Reads(dtde.ReadSessions)).Where("train < 0").Take(&Wagon{}).Error
		}, &sql.TxOptions{Isolation: sql.LevelRepeatableRead}), gorm.ErrRecordNotFound)
	})
}
