package tests

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// fragile has 4 contracts, one per shard, and a unique index on the last shard's
// table alone, so that a write fails there after the others went well. The holder
// "taken" is in use on the last shard.
func fragile(t *testing.T, db *gorm.DB) (rows []Contract, last string) {
	t.Helper()
	plugin := use(t, db, entities(dtde.Model(&Contract{}).ShardByHash("Number", 4)))
	byShard := map[string]Contract{}
	for i := 0; len(byShard) < 4; i++ {
		c := Contract{ID: int64(i + 1), Number: fmt.Sprintf("C-%d", i), Holder: "old"}
		s, err := plugin.Resolve(&Contract{}, c.Number)
		require.NoError(t, err)
		if _, ok := byShard[s.ID]; !ok {
			byShard[s.ID] = c
		}
	}
	for _, s := range plugin.Shards(&Contract{}) {
		rows, last = append(rows, byShard[s.ID]), s.Table
	}
	require.NoError(t, db.Create(&rows).Error)
	plain := beside(t, db)
	require.NoError(t, plain.Table(last).Create(&Contract{ID: 900, Number: rows[3].Number, Holder: "taken"}).Error)
	length := ""
	if db.Name() == "mysql" {
		length = "(64)"
	}
	require.NoError(t, plain.Exec("CREATE UNIQUE INDEX only_here ON "+last+" (holder"+length+")").Error)
	return rows, last
}

// renumbered are new contracts, one per shard; the last one's holder is taken.
func renumbered(rows []Contract) []Contract {
	out := make([]Contract, len(rows))
	for i, r := range rows {
		out[i] = Contract{ID: r.ID + 1000, Number: r.Number, Holder: fmt.Sprint("new", i)}
	}
	out[len(out)-1].Holder = "taken"
	return out
}

func TestSplitWritesAreAllOrNothing(t *testing.T) {
	t.Parallel()
	writes := map[string]func(tx *gorm.DB, rows []Contract) error{
		"create": func(tx *gorm.DB, rows []Contract) error { bad := renumbered(rows); return tx.Create(&bad).Error },
		"create maps": func(tx *gorm.DB, rows []Contract) error {
			var maps []map[string]any
			for _, r := range renumbered(rows) {
				maps = append(maps, map[string]any{"id": r.ID, "contract_number": r.Number, "holder": r.Holder})
			}
			return tx.Model(&Contract{}).Create(maps).Error
		},
		"update": func(tx *gorm.DB, _ []Contract) error {
			return tx.Model(&Contract{}).Where("id < ?", 900).Update("holder", "taken").Error
		},
		"save": func(tx *gorm.DB, rows []Contract) error {
			bad := append([]Contract(nil), rows...)
			for i := range bad {
				bad[i].Holder = "taken"
			}
			return tx.Save(&bad).Error
		},
	}
	ways := map[string]func(db *gorm.DB) *gorm.DB{
		"default":                func(db *gorm.DB) *gorm.DB { return db },
		"SkipDefaultTransaction": func(db *gorm.DB) *gorm.DB { return db.Session(&gorm.Session{SkipDefaultTransaction: true}) },
		"PrepareStmt":            func(db *gorm.DB) *gorm.DB { return db.Session(&gorm.Session{PrepareStmt: true}) },
		"PrepareStmt and SkipDefaultTransaction": func(db *gorm.DB) *gorm.DB {
			return db.Session(&gorm.Session{PrepareStmt: true, SkipDefaultTransaction: true})
		},
	}
	onEach(t, func(t *testing.T, db *gorm.DB) {
		db.Session(&gorm.Session{PrepareStmt: true}) // GORM's cache of statements has a goroutine for good
		testenv.LeakCheck(t, db)
		rows, last := fragile(t, db)
		plain := beside(t, db)
		before := contents(t, plain, "contracts")
		for write, run := range writes {
			for way, session := range ways {
				t.Run(write+"/"+way, func(t *testing.T) {
					err := run(session(db), rows)
					require.Error(t, err)
					var shard *dtde.ShardError
					require.ErrorAs(t, err, &shard, "the failure names its shard")
					assert.True(t, strings.HasSuffix(last, "_"+shard.Shard), "shard %q", shard.Shard)
					assert.Equal(t, before, contents(t, plain, "contracts"))
				})
				t.Run(write+"/"+way+"/inside", func(t *testing.T) {
					require.NoError(t, session(db).Transaction(func(tx *gorm.DB) error {
						require.NoError(t, tx.Create(&Contract{ID: 5000, Number: "mine", Holder: "mine"}).Error)
						require.Error(t, run(tx, rows))
						var mine []Contract
						require.NoError(t, tx.Where("contract_number = ?", "mine").Find(&mine).Error)
						require.Len(t, mine, 1, "earlier work survives")
						var n int64
						require.NoError(t, tx.Model(&Contract{}).Count(&n).Error)
						require.EqualValues(t, 6, n, "the failed write left nothing")
						return nil
					}))
					require.NoError(t, db.Where("contract_number = ?", "mine").Delete(&Contract{}).Error)
					assert.Equal(t, before, contents(t, plain, "contracts"))
				})
			}
		}
		t.Run("by hand", func(t *testing.T) {
			tx := db.Begin()
			require.Error(t, writes["create"](tx, rows))
			good := Contract{ID: 6000, Number: "good", Holder: "good"}
			require.NoError(t, tx.Create(&good).Error)
			require.NoError(t, tx.Rollback().Error)
			assert.Equal(t, before, contents(t, plain, "contracts"))
		})
		t.Run("Connection", func(t *testing.T) {
			require.NoError(t, db.Connection(func(tx *gorm.DB) error {
				require.Error(t, writes["create"](tx, rows))
				require.Error(t, writes["update"](tx.Session(&gorm.Session{SkipDefaultTransaction: true}), rows))
				return nil
			}))
			assert.Equal(t, before, contents(t, plain, "contracts"))
		})
	})
}

func TestPreparedConfig(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t, &gorm.Config{PrepareStmt: true})
		rows, _ := fragile(t, db)
		plain := beside(t, db)
		before := contents(t, plain, "contracts")
		require.Error(t, db.Model(&Contract{}).Where("id < ?", 900).Update("holder", "taken").Error)
		assert.Equal(t, before, contents(t, plain, "contracts"))
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			bad := renumbered(rows)
			require.Error(t, tx.Create(&bad).Error)
			return tx.Create(&Contract{ID: 5000, Number: "mine", Holder: "mine"}).Error
		}))
		assert.Equal(t, 6, count(t, plain, "contracts"))
		var out []Contract
		require.NoError(t, db.Find(&out).Error)
		assert.Len(t, out, 6)
	})
}

// three creates one customer per region under a name, and counts all.
func three(t *testing.T, tx *gorm.DB, name string) {
	t.Helper()
	require.NoError(t, tx.Create(&[]Customer{{Name: name, Region: "EU"}, {Name: name, Region: "US"}, {Name: name, Region: "APAC"}}).Error)
}

func TestNestedTransactionsAndSavePoints(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		use(t, db, entities(customers()))
		plain := beside(t, db)
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			three(t, tx, "outer")
			require.ErrorIs(t, tx.Transaction(func(tx *gorm.DB) error {
				three(t, tx, "inner")
				require.NoError(t, tx.Model(&Customer{}).Where("name = ?", "outer").Update("status", "lost").Error)
				return boom
			}), boom)
			require.NoError(t, tx.Transaction(func(tx *gorm.DB) error { three(t, tx, "kept"); return nil }))
			return nil
		}))
		assert.Equal(t, []string{"kept", "kept", "kept", "outer", "outer", "outer"}, names(t, db))
		assert.Empty(t, names(t, db.Where("status = ?", "lost")))

		require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error { three(t, tx, "gone"); return boom }), boom)
		assert.Equal(t, 6, count(t, plain, "customers"))

		tx := db.Begin()
		three(t, tx, "a")
		require.NoError(t, tx.SavePoint("p").Error)
		three(t, tx, "b")
		require.NoError(t, tx.RollbackTo("p").Error)
		three(t, tx, "c")
		require.NoError(t, tx.Commit().Error)
		assert.Equal(t, []string{"a", "a", "a", "c", "c", "c"}, names(t, db.Where("name IN ?", []string{"a", "b", "c"})))

		// a save point made before anything was said to the database
		tx = db.Begin()
		require.NoError(t, tx.SavePoint("early").Error)
		three(t, tx, "d")
		require.NoError(t, tx.RollbackTo("early").Error)
		require.NoError(t, tx.Commit().Error)
		assert.Empty(t, names(t, db.Where("name = ?", "d")))
		require.Error(t, tx.Create(&Customer{Name: "late", Region: "EU"}).Error, "the transaction is over")

		require.Panics(t, func() {
			_ = db.Transaction(func(tx *gorm.DB) error { three(t, tx, "panic"); panic("boom") })
		})
		assert.Equal(t, 12, count(t, plain, "customers"))
	})
}

func TestReadsInsideSeeOwnWrites(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		use(t, db, entities(customers()))
		for _, form := range []string{"union", "sessions"} {
			scope := dtde.Reads(dtde.ReadUnion)
			if form == "sessions" {
				scope = dtde.Reads(dtde.ReadSessions)
			}
			opts := &sql.TxOptions{Isolation: sql.LevelRepeatableRead}
			if db.Name() == "sqlite" {
				opts = nil
			}
			require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
				three(t, tx, form)
				require.Equal(t, []string{form, form, form}, names(t, tx.Scopes(scope).Where("name = ?", form)))
				var n int64
				require.NoError(t, tx.Model(&Customer{}).Scopes(scope).Where("name = ?", form).Count(&n).Error)
				require.EqualValues(t, 3, n)
				require.NoError(t, tx.Where("name = ?", form).Delete(&Customer{}).Error)
				require.Empty(t, names(t, tx.Scopes(scope).Where("name = ?", form)))
				return nil
			}, opts))
		}
	})
}

func TestTransactionWithoutStatementSendsNothing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(customers()))
		sent := testenv.Record(db)
		require.NoError(t, db.Transaction(func(*gorm.DB) error { return nil }))
		tx := db.Begin()
		require.NoError(t, tx.SavePoint("p").Error)
		require.NoError(t, tx.Rollback().Error)
		assert.Empty(t, sent.Statements())
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error { return tx.Create(&Customer{ID: 1, Region: "EU"}).Error }))
		all := sent.Statements()
		assert.Equal(t, "BEGIN", all[0])
		assert.Equal(t, "COMMIT", all[len(all)-1])
		for _, c := range sent.Calls() {
			assert.Equal(t, sent.Calls()[0].Conn, c.Conn, "one transaction is one connection")
		}
	})
}

func TestSQLTxIsTheTransaction(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		use(t, db, entities(customers()))
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			raw, err := dtde.SQLTx(tx)
			require.NoError(t, err)
			_, err = raw.ExecContext(context.Background(), "INSERT INTO customers_eu (id, name, region) VALUES (7, 'raw', 'EU')")
			require.NoError(t, err)
			require.Equal(t, []string{"raw"}, names(t, tx))
			return nil
		}))
		assert.Equal(t, []string{"raw"}, names(t, db))
		_, err := dtde.SQLTx(db)
		require.Error(t, err, "there is no transaction")
	})
}

// Touchy fails its own insert when its name says so, and counts its hooks.
type Touchy struct {
	ID     int64 `gorm:"primaryKey"`
	Name   string
	Region string `gorm:"size:8"`
}

var errHook = errors.New("hook says no")

func (x *Touchy) BeforeCreate(*gorm.DB) error {
	if x.Name == "before" {
		return errHook
	}
	return nil
}

func (x *Touchy) AfterCreate(tx *gorm.DB) error {
	if x.Name == "after" {
		return errHook
	}
	return tx.Session(&gorm.Session{NewDB: true}).Create(&Plain{Name: x.Name, Region: x.Region}).Error
}

func (x *Touchy) AfterUpdate(*gorm.DB) error { return errHook }

func TestHookErrorsRollEverythingBack(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		use(t, db, entities(dtde.Model(&Touchy{}).ShardBy("Region", "EU", "US")))
		require.NoError(t, db.AutoMigrate(&Plain{}))
		plain := beside(t, db)
		for _, name := range []string{"before", "after"} {
			err := db.Create(&[]Touchy{{Name: "good", Region: "EU"}, {Name: name, Region: "US"}}).Error
			require.ErrorIs(t, err, errHook)
			assert.Zero(t, count(t, plain, "touch"), name)
			assert.Zero(t, count(t, plain, "plains"), name)
		}
		x := Touchy{Name: "good", Region: "EU"}
		require.NoError(t, db.Create(&x).Error)
		assert.Equal(t, 1, count(t, plain, "plains"), "a hook writes in the same transaction")
		require.ErrorIs(t, db.Model(&x).Update("name", "changed").Error, errHook)
		require.ErrorIs(t, db.Model(&x).Update("region", "US").Error, errHook)
		var out []Touchy
		require.NoError(t, db.Find(&out).Error)
		assert.Equal(t, []Touchy{{ID: x.ID, Name: "good", Region: "EU"}}, out)
	})
}
