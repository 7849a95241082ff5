package tests

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// date is midnight of a day, in UTC.
func date(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }

// quarterly puts a process with quarterly shards of policies on a database.
func quarterly(t *testing.T, db *gorm.DB) *dtde.Plugin {
	t.Helper()
	plugin := dtde.Register(dtde.Config{Entities: []dtde.Entity{
		dtde.Model(&Policy{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Number").
			ShardByDate("ValidFrom", dtde.Quarter, date(2024, 1, 1), date(2025, 1, 1)),
		dtde.Model(&Rider{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Code"),
	}})
	require.NoError(t, db.Use(plugin))
	return plugin
}

// fourQuarters has one version in each quarter of 2024, none of which crosses one.
func fourQuarters(t *testing.T, d testenv.DB) (*gorm.DB, *dtde.Plugin) {
	t.Helper()
	db := d.Open(t, &gorm.Config{NowFunc: func() time.Time { return date(2024, 11, 15) }, DisableForeignKeyConstraintWhenMigrating: true})
	plugin := quarterly(t, db)
	require.NoError(t, db.AutoMigrate(&Policy{}, &Rider{}))
	for q := range 4 {
		from := date(2024, 1+3*q, 10)
		_, err := dtde.Put(db, &Policy{Number: "a", Premium: q + 1}, dtde.Period{From: from, To: from.AddDate(0, 2, 10)})
		require.NoError(t, err)
	}
	for _, shard := range []string{"2024_q1", "2024_q2", "2024_q3"} {
		require.NoError(t, plugin.Seal(t.Context(), &Policy{}, shard, time.Time{}))
	}
	return db, plugin
}

// visited are the shards that a read visits, and the premiums that it finds.
func visited(t *testing.T, db *gorm.DB, scopes ...func(*gorm.DB) *gorm.DB) (shards, premiums string) {
	t.Helper()
	var list []Policy
	var report dtde.Report
	require.NoError(t, db.Scopes(scopes...).Scopes(dtde.WithReport(&report)).Find(&list).Error)
	var ids, found []string
	for _, s := range report.Shards {
		ids = append(ids, s.Shard)
	}
	for _, p := range list {
		found = append(found, fmt.Sprint(p.Premium))
	}
	slices.Sort(ids)
	slices.Sort(found)
	return strings.Join(ids, " "), strings.Join(found, " ")
}

func TestSealedShardsAreLeftOut(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, plugin := fourQuarters(t, d)
		assert.Equal(t, []dtde.Seal{
			{Shard: "2024_q1", Bound: date(2024, 4, 1)}, {Shard: "2024_q2", Bound: date(2024, 7, 1)}, {Shard: "2024_q3", Bound: date(2024, 10, 1)},
		}, plugin.Seals(&Policy{}))
		for _, c := range []struct {
			name             string
			lens             func(*gorm.DB) *gorm.DB
			shards, premiums string
		}{
			{"valid at", dtde.ValidAt(date(2024, 6, 15)), "2024_q2", "2"},
			{"valid at a bound", dtde.ValidAt(date(2024, 4, 1)), "2024_q2", ""},
			{"valid before a bound", dtde.ValidAt(date(2024, 4, 1).Add(-time.Second)), "2024_q1", ""},
			{"current", dtde.Current(), "2024_q4", "4"},
			{"between", dtde.ValidBetween(date(2024, 3, 1), date(2024, 7, 1)), "2024_q1 2024_q2", "1 2"},
			{"between, from a bound", dtde.ValidBetween(date(2024, 4, 1), date(2024, 7, 1)), "2024_q2", "2"},
			{"contained in", dtde.ValidContainedIn(date(2024, 4, 1), date(2024, 10, 1)), "2024_q2 2024_q3", "2 3"},
			{"all versions", dtde.AllVersions(), "2024_q1 2024_q2 2024_q3 2024_q4", "1 2 3 4"},
			{"latest", dtde.Latest(), "2024_q1 2024_q2 2024_q3 2024_q4", "4"},
		} {
			shards, premiums := visited(t, db, c.lens)
			assert.Equal(t, c.shards, shards, c.name)
			assert.Equal(t, c.premiums, premiums, c.name)
		}
		var list []Policy
		plans, err := dtde.Explain(db, func(tx *gorm.DB) *gorm.DB { return tx.Scopes(dtde.ValidAt(date(2024, 11, 20))).Find(&list) })
		require.NoError(t, err)
		assert.Contains(t, plans[0].String(), "without 3 sealed before")

		other := testenv.Reopen(t, db, &gorm.Config{})
		assert.Len(t, quarterly(t, other).Seals(&Policy{}), 3, "another process knows them from the catalog")
		shards, _ := visited(t, other, dtde.ValidAt(date(2024, 6, 15)))
		assert.Equal(t, "2024_q2", shards)
	})
}

// TestOpenVersionKeepsItsShard: with one open version in the first quarter it can't be
// sealed, and stays in the plan.
func TestOpenVersionKeepsItsShard(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, plugin := fourQuarters(t, d)
		require.NoError(t, plugin.Unseal(t.Context(), &Policy{}, "2024_q1"))
		_, err := dtde.SaveWithVersioning(db, &Policy{Number: "open", Premium: 9}, dtde.Effective(date(2024, 2, 1)))
		require.NoError(t, err)
		require.ErrorIs(t, plugin.Seal(t.Context(), &Policy{}, "2024_q1", time.Time{}), dtde.ErrSealed)

		shards, premiums := visited(t, db, dtde.ValidAt(date(2024, 6, 15)))
		assert.Equal(t, "2024_q1 2024_q2", shards)
		assert.Equal(t, "2 9", premiums)
		// ended in June, it allows a later bound
		_, err = dtde.Terminate(db, &Policy{Number: "open"}, date(2024, 6, 20))
		require.NoError(t, err)
		require.ErrorIs(t, plugin.Seal(t.Context(), &Policy{}, "2024_q1", time.Time{}), dtde.ErrSealed)
		require.NoError(t, plugin.Seal(t.Context(), &Policy{}, "2024_q1", date(2024, 6, 20)))
		shards, _ = visited(t, db, dtde.ValidAt(date(2024, 6, 19)))
		assert.Equal(t, "2024_q1 2024_q2", shards)
		shards, _ = visited(t, db, dtde.ValidAt(date(2024, 6, 20)))
		assert.Equal(t, "2024_q2", shards)
	})
}

func TestSealedShardsRefuseLongVersions(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, plugin := fourQuarters(t, d)
		stale := testenv.Reopen(t, db, &gorm.Config{}) // a process that has not heard of the last seal
		require.NoError(t, plugin.Unseal(t.Context(), &Policy{}, "2024_q2"))
		quarterly(t, stale)
		require.NoError(t, plugin.Seal(t.Context(), &Policy{}, "2024_q2", time.Time{}))
		before := timeline(t, db, "a")
		open, late := date(2024, 5, 1), date(2024, 8, 1)
		for name, process := range map[string]*gorm.DB{"the process that sealed": db, "a stale one": stale} {
			for what, write := range map[string]func(tx *gorm.DB) error{
				"an open version": func(tx *gorm.DB) error {
					_, err := dtde.SaveWithVersioning(tx, &Policy{Number: "new", Premium: 1}, dtde.Effective(open))
					return err
				},
				"a later end": func(tx *gorm.DB) error {
					_, err := dtde.Put(tx, &Policy{Number: "a", Premium: 2}, dtde.Period{From: date(2024, 4, 10), To: late})
					return err
				},
				"over several shards": func(tx *gorm.DB) error {
					_, err := dtde.UpdatePortion(tx.Where("number = ?", "a").Model(&Policy{}), dtde.Period{From: date(2024, 1, 15), To: date(2024, 1, 20)}, map[string]any{"premium": 5})
					if err == nil {
						_, err = dtde.Put(tx, &Policy{Number: "a", Premium: 7}, dtde.Period{From: date(2024, 5, 1), To: late})
					}
					return err
				},
				"a plain create": func(tx *gorm.DB) error {
					return tx.Create(&[]Policy{{Number: "b", Premium: 1, ValidFrom: date(2024, 11, 1)}, {Number: "c", Premium: 1, ValidFrom: open, ValidTo: &late}}).Error
				},
				"a bulk insert": func(tx *gorm.DB) error {
					_, err := dtde.BulkInsert(tx, []Policy{{Number: "b", Premium: 1, ValidFrom: date(2024, 11, 1)}, {Number: "c", Premium: 1, ValidFrom: open}})
					return err
				},
				"SQL text": func(tx *gorm.DB) error {
					return tx.Exec("UPDATE policies SET valid_to = ? WHERE premium = 2", late).Error
				},
				"a plain update": func(tx *gorm.DB) error {
					return tx.Model(&Policy{}).Where("number = ? AND premium = ?", "a", 2).Update("valid_to", late).Error
				},
			} {
				err := process.Transaction(write)
				require.ErrorIs(t, err, dtde.ErrSealed, "%s: %s", name, what)
				assert.Equal(t, before, timeline(t, db, "a"), "%s: %s", name, what)
				var n int64
				require.NoError(t, db.Model(&Policy{}).Count(&n).Error)
				assert.EqualValues(t, 4, n, "%s: %s: nothing is written", name, what)
			}
		}
		// what stays below the bound is welcome
		_, err := dtde.UpdatePortion(stale.Where("number = ?", "a").Model(&Policy{}), dtde.Period{From: date(2024, 5, 1), To: date(2024, 5, 10)}, map[string]any{"premium": 20})
		require.NoError(t, err)
	})
}

// TestSealingWithTwoProcesses has one process seal and unseal while another writes
// versions that break the seal and a third reads: what is valid is always seen.
func TestSealingWithTwoProcesses(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, plugin := fourQuarters(t, d)
		for _, shard := range []string{"2024_q1", "2024_q2", "2024_q3"} {
			require.NoError(t, plugin.Unseal(t.Context(), &Policy{}, shard))
		}
		writer, reader := testenv.Reopen(t, db, &gorm.Config{}), testenv.Reopen(t, db, &gorm.Config{})
		quarterly(t, writer)
		quarterly(t, reader)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var wg sync.WaitGroup
		var mu sync.Mutex
		written := map[string]bool{} // valid in June, committed
		gone := map[string]bool{}    // being ended
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				number := fmt.Sprintf("w%d", i)
				_, err := dtde.SaveWithVersioning(writer, &Policy{Number: number, Premium: i}, dtde.Effective(date(2024, 2, 1)))
				if err != nil {
					assert.ErrorIs(t, err, dtde.ErrSealed)
					continue
				}
				mu.Lock()
				written[number] = true
				mu.Unlock()
				time.Sleep(5 * time.Millisecond)
				mu.Lock()
				gone[number] = true
				mu.Unlock()
				_, err = dtde.Terminate(writer, &Policy{Number: number}, date(2024, 3, 1))
				assert.NoError(t, err)
			}
		})
		wg.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				must := []string{}
				for number := range written {
					if !gone[number] {
						must = append(must, number)
					}
				}
				mu.Unlock()
				var list []Policy
				if err := reader.Scopes(dtde.ValidAt(date(2024, 6, 15))).Find(&list).Error; !assert.NoError(t, err) {
					return
				}
				found := map[string]bool{}
				for _, p := range list {
					found[p.Number] = true
				}
				mu.Lock()
				for _, number := range must {
					if !found[number] && !gone[number] {
						assert.Fail(t, "a version that is valid was not read", number)
					}
				}
				mu.Unlock()
			}
		})
		sealed := 0
		for range 40 {
			if err := plugin.Seal(t.Context(), &Policy{}, "2024_q1", time.Time{}); err == nil {
				sealed++
				if sealed == 2 {
					break
				}
				assert.NoError(t, plugin.Unseal(t.Context(), &Policy{}, "2024_q1"))
			} else {
				assert.ErrorIs(t, err, dtde.ErrSealed)
			}
			time.Sleep(3 * time.Millisecond)
		}
		stop()
		wg.Wait()
		if sealed == 0 {
			require.NoError(t, plugin.Seal(t.Context(), &Policy{}, "2024_q1", time.Time{}))
		}
		if sealed != 1 {
			var shards, premiums string
			require.Eventually(t, func() bool {
				shards, premiums = visited(t, reader, dtde.ValidAt(date(2024, 6, 15)))
				return shards == "2024_q2"
			}, time.Minute, 100*time.Millisecond, "the reader hears of the seal")
			assert.Equal(t, "2", premiums)
		}
	})
}

// TestSealsAndOlderSnapshots: a transaction that began before a shard was sealed still
// sees what was valid then.
func TestSealsAndOlderSnapshots(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, plugin := fourQuarters(t, d)
		require.NoError(t, plugin.Unseal(t.Context(), &Policy{}, "2024_q1"))
		_, err := dtde.SaveWithVersioning(db, &Policy{Number: "open", Premium: 9}, dtde.Effective(date(2024, 2, 1)))
		require.NoError(t, err)
		level := sql.LevelRepeatableRead
		if d.Name == "sqlite" {
			level = sql.LevelDefault
		}
		old := db.Begin(&sql.TxOptions{Isolation: level})
		require.NoError(t, old.Error)
		defer old.Rollback()
		_, premiums := visited(t, old, dtde.ValidAt(date(2024, 6, 15)))
		require.Equal(t, "2 9", premiums)
		if d.Name == "postgres" {
			// the lock that sealing needs waits for the snapshot's readers
			return
		}
		other := testenv.Reopen(t, db, &gorm.Config{})
		second := quarterly(t, other)
		_, err = dtde.Terminate(other, &Policy{Number: "open"}, date(2024, 3, 1))
		require.NoError(t, err)
		if d.Name == "mariadb" {
			return // likewise
		}
		require.NoError(t, second.Seal(t.Context(), &Policy{}, "2024_q1", time.Time{}))
		_, premiums = visited(t, db, dtde.ValidAt(date(2024, 6, 15))) // this process hears of it
		assert.Equal(t, "2", premiums)
		_, premiums = visited(t, old, dtde.ValidAt(date(2024, 6, 15)))
		assert.Equal(t, "2 9", premiums, "the snapshot is the older one")
	})
}

func TestSealRefusals(t *testing.T) {
	t.Parallel()
	db, plugin := fourQuarters(t, testenv.SQLite())
	ctx := t.Context()
	require.ErrorIs(t, plugin.Seal(ctx, &Policy{}, "2031_q1", time.Time{}), dtde.ErrShardNotFound)
	require.ErrorIs(t, plugin.Seal(ctx, &Rider{}, "table", date(2024, 4, 1)), dtde.ErrUnsupported)
	require.ErrorIs(t, plugin.Seal(ctx, &struct{ ID int }{}, "x", time.Time{}), dtde.ErrNotRegistered)
	require.NoError(t, plugin.Seal(ctx, &Policy{}, "2024_q1", date(2026, 1, 1)), "what holds says more")
	assert.Equal(t, date(2024, 4, 1), plugin.Seals(&Policy{})[0].Bound)
	require.NoError(t, plugin.Seal(ctx, &Policy{}, "2024_q1", date(2024, 3, 25)))
	assert.Equal(t, date(2024, 3, 25), plugin.Seals(&Policy{})[0].Bound, "tightened")
	require.ErrorIs(t, plugin.Seal(ctx, &Policy{}, "2024_q1", date(2024, 3, 1)), dtde.ErrSealed)
	assert.Equal(t, date(2024, 3, 25), plugin.Seals(&Policy{})[0].Bound, "as it was")
	late := date(2024, 3, 30)
	require.ErrorIs(t, db.Create(&Policy{Number: "x", ValidFrom: date(2024, 3, 1), ValidTo: &late}).Error, dtde.ErrSealed)

	canceled, cancel := context.WithCancel(ctx)
	time.AfterFunc(100*time.Millisecond, cancel)
	require.ErrorIs(t, plugin.Unseal(canceled, &Policy{}, "2024_q1"), context.Canceled)
	assert.Len(t, plugin.Seals(&Policy{}), 2, "nobody reads by it any more")
	require.ErrorIs(t, db.Create(&Policy{Number: "x", ValidFrom: date(2024, 3, 1), ValidTo: &late}).Error, dtde.ErrSealed)
	require.NoError(t, plugin.Unseal(ctx, &Policy{}, "2024_q1"))
	require.NoError(t, db.Create(&Policy{Number: "x", ValidFrom: date(2024, 3, 1), ValidTo: &late}).Error)
}

// TestSealsAfterACrash: a process that dies between the steps of sealing or unsealing
// leaves the database's rule without its record. Nothing is left out of reads then, what
// breaks the rule is refused, and both calls begin anew.
func TestSealsAfterACrash(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		first, _ := fourQuarters(t, d)
		pool, err := first.DB()
		require.NoError(t, err)
		crash := func() (*gorm.DB, *dtde.Plugin) {
			_, err := pool.Exec("DELETE FROM dtde_catalog WHERE kind = 'seal'")
			require.NoError(t, err)
			_, err = pool.Exec("UPDATE dtde_catalog SET number = number + 1 WHERE kind = 'epoch'")
			require.NoError(t, err)
			db := testenv.Reopen(t, first, &gorm.Config{})
			return db, quarterly(t, db)
		}
		early := func(db *gorm.DB) error {
			_, err := dtde.Put(db, &Policy{Number: "early", Premium: 7}, dtde.Period{From: date(2024, 2, 1), To: date(2024, 5, 1)})
			return err
		}
		db, plugin := crash()
		assert.Empty(t, plugin.Seals(&Policy{}))
		shards, _ := visited(t, db, dtde.ValidAt(date(2024, 6, 15)))
		assert.Equal(t, "2024_q1 2024_q2", shards)
		require.ErrorIs(t, early(db), dtde.ErrSealed)
		require.NoError(t, plugin.Seal(t.Context(), &Policy{}, "2024_q1", date(2024, 4, 10)), "another bound")
		shards, _ = visited(t, db, dtde.ValidAt(date(2024, 6, 15)))
		assert.Equal(t, "2024_q2", shards)
		require.ErrorIs(t, early(db), dtde.ErrSealed)

		db, plugin = crash()
		require.NoError(t, plugin.Unseal(t.Context(), &Policy{}, "2024_q1"))
		require.NoError(t, early(db))
		shards, premiums := visited(t, db, dtde.ValidAt(date(2024, 4, 20)))
		assert.Equal(t, "2024_q1 2024_q2", shards)
		assert.Equal(t, "2 7", premiums)
	})
}

// TestSealingAtOnce: two processes that seal and unseal one shard at once leave it sealed,
// or unsealed and writable; what the one has recorded the other's rule does not lack.
func TestSealingAtOnce(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, plugin := fourQuarters(t, d)
		other := quarterly(t, testenv.Reopen(t, db, &gorm.Config{}))
		late := date(2024, 5, 1)
		for round := range 3 {
			var wg sync.WaitGroup
			wg.Go(func() {
				for range 10 {
					err := plugin.Seal(t.Context(), &Policy{}, "2024_q1", time.Time{})
					if err != nil && !assert.ErrorIs(t, err, dtde.ErrConflict) {
						return
					}
					time.Sleep(150 * time.Millisecond)
				}
			})
			wg.Go(func() { assert.NoError(t, other.Unseal(t.Context(), &Policy{}, "2024_q1")) })
			wg.Wait()
			fresh := testenv.Reopen(t, db, &gorm.Config{})
			sealed := len(quarterly(t, fresh).Seals(&Policy{})) == 3
			err := fresh.Create(&Policy{Number: fmt.Sprint("x", round), ValidFrom: date(2024, 2, 1), ValidTo: &late}).Error
			if sealed {
				require.ErrorIs(t, err, dtde.ErrSealed)
				continue
			}
			require.NoError(t, fresh.Where("number = ?", fmt.Sprint("x", round)).Delete(&Policy{}).Error)
		}
	})
}

// sealedPolicy is Policy after a change of the model for which SQLite's driver makes the
// table anew, and its triggers are gone.
type sealedPolicy struct {
	ID        int64 `gorm:"primaryKey"`
	Number    string
	Premium   int `gorm:"check:premium < 1000000"`
	Note      string
	ValidFrom time.Time
	ValidTo   *time.Time
}

func (sealedPolicy) TableName() string { return "policies" }

func TestSealSurvivesMigrations(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, _ := fourQuarters(t, d)
		next := testenv.Reopen(t, db, &gorm.Config{})
		require.NoError(t, next.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{
			dtde.Model(&sealedPolicy{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Number").
				ShardByDate("ValidFrom", dtde.Quarter, date(2024, 1, 1), date(2025, 1, 1)),
		}})))
		require.NoError(t, next.AutoMigrate(&sealedPolicy{}))
		require.Error(t, next.Create(&sealedPolicy{Number: "x", Premium: 1000000, ValidFrom: date(2024, 11, 1)}).Error, "the table is the new one")
		require.ErrorIs(t, next.Create(&sealedPolicy{Number: "x", ValidFrom: date(2024, 5, 1)}).Error, dtde.ErrSealed)
		require.NoError(t, next.Migrator().DropTable(&sealedPolicy{}))
		require.NoError(t, next.AutoMigrate(&sealedPolicy{}))
		require.NoError(t, next.Create(&sealedPolicy{Number: "x", ValidFrom: date(2024, 5, 1)}).Error, "with the tables their seals are gone")
		var list []sealedPolicy
		require.NoError(t, next.Scopes(dtde.ValidAt(date(2024, 8, 1))).Find(&list).Error)
		assert.Len(t, list, 1)
	})
}

// TestSealsInAnotherDatabase seals a shard that lives beside the catalog's database.
func TestSealsInAnotherDatabase(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t, &gorm.Config{NowFunc: func() time.Time { return date(2024, 11, 15) }})
		plugin := dtde.Register(dtde.Config{
			Cluster:   "sealing",
			Databases: []dtde.Database{{ID: "main", Own: true}, {ID: "old", Dialector: d.Dialector(t)}},
			Entities: []dtde.Entity{
				dtde.Model(&Placement{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Code").
					ShardByDate("ValidFrom", dtde.Quarter, date(2024, 1, 1), date(2025, 1, 1)).
					WithShards(dtde.Shard{ID: "2024_q1", Database: "old"}, dtde.Shard{ID: "2024_q2", Database: "old"}, dtde.Shard{ID: "2024_q3", Database: "main"}),
			},
		})
		require.NoError(t, db.Use(plugin))
		require.NoError(t, db.AutoMigrate(&Placement{}))
		require.NoError(t, plugin.EnsureShards(t.Context(), date(2024, 12, 31)))
		for q := range 3 {
			from, to := date(2024, 1+3*q, 10), date(2024, 2+3*q, 10)
			require.NoError(t, db.Create(&Placement{ID: int64(q + 1), Code: fmt.Sprint(q), Count: q + 1, ValidFrom: from, ValidTo: &to}).Error)
		}
		for _, shard := range []string{"2024_q1", "2024_q2"} {
			require.NoError(t, plugin.Seal(t.Context(), &Placement{}, shard, time.Time{}))
		}
		plans, err := dtde.Explain(db, func(tx *gorm.DB) *gorm.DB { return tx.Scopes(dtde.ValidAt(date(2024, 5, 15))).Find(&[]Placement{}) })
		require.NoError(t, err)
		assert.Equal(t, []string{"2024_q2"}, plans[0].ShardIDs())
		require.ErrorIs(t, db.Create(&Placement{ID: 9, Code: "x", ValidFrom: date(2024, 5, 1)}).Error, dtde.ErrSealed)
		require.NoError(t, plugin.Unseal(t.Context(), &Placement{}, "2024_q2"))
		require.NoError(t, db.Create(&Placement{ID: 9, Code: "x", ValidFrom: date(2024, 5, 1)}).Error)
	})
}

// TestOldShardsHaveAnIndexOnTheEnd: as-of reads find the few versions that are still
// valid in a shard of old starts by an index.
func TestOldShardsHaveAnIndexOnTheEnd(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t, &gorm.Config{DisableForeignKeyConstraintWhenMigrating: true})
		quarterly(t, db)
		require.NoError(t, db.AutoMigrate(&Policy{}, &Rider{}))
		var rows []Policy
		for i := range 4000 {
			from := date(2024, 1, 1).Add(time.Duration(i) * 20 * time.Minute)
			to := from.Add(time.Hour)
			rows = append(rows, Policy{Number: fmt.Sprint(i), ValidFrom: from, ValidTo: &to})
		}
		rows[7].ValidTo = nil
		require.NoError(t, db.CreateInBatches(rows, 500).Error)
		analyze := map[string]string{"mariadb": "ANALYZE TABLE policies_2024_q1"}[d.Name]
		if analyze == "" {
			analyze = "ANALYZE"
		}
		pool, err := db.DB()
		require.NoError(t, err)
		_, err = pool.Exec(analyze)
		require.NoError(t, err)
		plans, err := dtde.Explain(db, func(tx *gorm.DB) *gorm.DB { return tx.Scopes(dtde.ValidAt(date(2024, 8, 1))).Find(&[]Policy{}) })
		require.NoError(t, err)
		require.Equal(t, []string{"2024_q1"}, plans[0].ShardIDs())
		at := date(2024, 8, 1)
		text := map[string]string{"sqlite": "EXPLAIN QUERY PLAN "}[d.Name]
		if text == "" {
			text = "EXPLAIN "
		}
		explained, err := pool.Query(text+plans[0].Statements[0].Text, at, at)
		require.NoError(t, err)
		defer func() { _ = explained.Close() }()
		columns, err := explained.Columns()
		require.NoError(t, err)
		var all strings.Builder
		for explained.Next() {
			cells := make([]sql.NullString, len(columns))
			into := make([]any, len(columns))
			for i := range cells {
				into[i] = &cells[i]
			}
			require.NoError(t, explained.Scan(into...))
			for i, c := range cells {
				if columns[i] != "possible_keys" {
					all.WriteString(c.String + "\n")
				}
			}
		}
		assert.Contains(t, all.String(), "idx_version_end", "%s", all.String())
		var found []Policy
		require.NoError(t, db.Scopes(dtde.ValidAt(at)).Find(&found).Error)
		assert.Len(t, found, 1)
	})
}
