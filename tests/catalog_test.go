package tests

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

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

func monthly() dtde.Config {
	return entities(dtde.Model(&Order{}).ShardByDate("OrderDate", dtde.Month, utc(2024, 1, 1), utc(2030, 1, 1)))
}

// second is another instance of the program on db's database.
func second(t *testing.T, db *gorm.DB, cfg dtde.Config) (*gorm.DB, *dtde.Plugin) {
	t.Helper()
	other := testenv.Reopen(t, db)
	plugin := dtde.Register(cfg)
	require.NoError(t, other.Use(plugin))
	return other, plugin
}

func TestNewMonthIsSeenByTheOtherInstance(t *testing.T) {
	t.Parallel()
	sees := map[string]func(db *gorm.DB, o Order) (int64, error){
		"open range": func(db *gorm.DB, o Order) (int64, error) {
			tx := db.Where("order_date >= ?", o.OrderDate).Find(&[]Order{})
			return tx.RowsAffected, tx.Error
		},
		"equality": func(db *gorm.DB, o Order) (int64, error) {
			tx := db.Where("order_date = ?", o.OrderDate).Find(&[]Order{})
			return tx.RowsAffected, tx.Error
		},
		"everything": func(db *gorm.DB, o Order) (int64, error) {
			tx := db.Where("amount = ?", o.Amount).Find(&[]Order{})
			return tx.RowsAffected, tx.Error
		},
		"another column": func(db *gorm.DB, o Order) (int64, error) {
			tx := db.Where("customer = ?", o.Customer).Find(&[]Order{})
			return tx.RowsAffected, tx.Error
		},
		"sessions": func(db *gorm.DB, o Order) (int64, error) {
			tx := db.Scopes(dtde.Reads(dtde.ReadSessions)).Where("amount = ?", o.Amount).Find(&[]Order{})
			return tx.RowsAffected, tx.Error
		},
		"all shards": func(db *gorm.DB, o Order) (int64, error) {
			tx := db.Scopes(dtde.AllShards()).Where("amount = ?", o.Amount).Find(&[]Order{})
			return tx.RowsAffected, tx.Error
		},
		"count": func(db *gorm.DB, o Order) (n int64, err error) {
			err = db.Model(&Order{}).Where("order_date >= ?", o.OrderDate).Count(&n).Error
			return n, err
		},
		"first by id": func(db *gorm.DB, o Order) (int64, error) {
			tx := db.First(&Order{}, o.ID)
			return tx.RowsAffected, tx.Error
		},
		"take": func(db *gorm.DB, o Order) (int64, error) {
			tx := db.Take(&Order{}, "amount = ?", o.Amount)
			return tx.RowsAffected, tx.Error
		},
		"maps": func(db *gorm.DB, o Order) (int64, error) {
			var maps []map[string]any
			tx := db.Model(&Order{}).Where("amount = ?", o.Amount).Find(&maps)
			return int64(len(maps)), tx.Error
		},
		"rows": func(db *gorm.DB, o Order) (n int64, err error) {
			rows, err := db.Model(&Order{}).Where("amount = ?", o.Amount).Rows()
			if err != nil {
				return 0, err
			}
			defer rows.Close()
			for rows.Next() {
				n++
			}
			return n, rows.Err()
		},
		"pluck": func(db *gorm.DB, o Order) (int64, error) {
			var ids []int64
			err := db.Model(&Order{}).Where("order_date BETWEEN ? AND ?", o.OrderDate, o.OrderDate.AddDate(1, 0, 0)).Pluck("id", &ids).Error
			return int64(len(ids)), err
		},
		"update": func(db *gorm.DB, o Order) (int64, error) {
			tx := db.Model(&Order{}).Where("order_date >= ?", o.OrderDate).Update("customer", "seen")
			return tx.RowsAffected, tx.Error
		},
		"update by id": func(db *gorm.DB, o Order) (int64, error) {
			tx := db.Model(&Order{ID: o.ID}).Update("customer", "seen")
			return tx.RowsAffected, tx.Error
		},
		"soft delete": func(db *gorm.DB, o Order) (int64, error) {
			tx := db.Where("amount = ?", o.Amount).Delete(&Order{})
			return tx.RowsAffected, tx.Error
		},
		"delete": func(db *gorm.DB, o Order) (int64, error) {
			tx := db.Unscoped().Where("order_date = ?", o.OrderDate).Delete(&Order{})
			return tx.RowsAffected, tx.Error
		},
		"upsert": func(db *gorm.DB, o Order) (int64, error) {
			tx := db.Save(&o)
			return 1, tx.Error
		},
		"in a transaction": func(db *gorm.DB, o Order) (n int64, err error) {
			err = db.Transaction(func(tx *gorm.DB) error {
				return tx.Model(&Order{}).Where("amount = ?", o.Amount).Count(&n).Error
			})
			return n, err
		},
		"raw": func(db *gorm.DB, o Order) (int64, error) {
			tx := db.Raw("SELECT * FROM orders WHERE order_date = ?", o.OrderDate).Scan(&[]Order{})
			return tx.RowsAffected, tx.Error
		},
		"prepared": func(db *gorm.DB, o Order) (int64, error) {
			tx := db.Session(&gorm.Session{PrepareStmt: true}).Where("order_date >= ?", o.OrderDate).Find(&[]Order{})
			return tx.RowsAffected, tx.Error
		},
	}
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, monthly())
		require.NoError(t, db.Create(&Order{ID: 1, OrderDate: utc(2024, 5, 1), Amount: 1}).Error)
		month := 0
		for name, see := range sees {
			month++ // one that the other instance doesn't know
			o := Order{ID: int64(100 + month), OrderDate: utc(2025, time.Month(month), 1), Amount: 1000 + month, Customer: name}
			t.Run(name, func(t *testing.T) {
				other, plugin := second(t, db, monthly())
				known := len(plugin.Shards(&Order{}))
				require.NoError(t, db.Create(&o).Error)
				n, err := see(other, o)
				require.NoError(t, err)
				assert.EqualValues(t, 1, n)
				assert.Greater(t, len(plugin.Shards(&Order{})), known)
				var all []Order
				require.NoError(t, db.Unscoped().Find(&all, o.ID).Error)
				assert.LessOrEqual(t, len(all), 1, "no second row elsewhere")
			})
		}
	})
}

// child is the environment variable that makes the test binary a second process: its
// value is the database's engine and DSN.
const child = "DTDE_TEST_CHILD"

// TestSecondProcess is what the second process does; in the first it is skipped.
func TestSecondProcess(t *testing.T) {
	engine, dsn, ok := strings.Cut(os.Getenv(child), " ")
	if !ok {
		t.Skip("this is the first process")
	}
	open := map[string]func(string) gorm.Dialector{"sqlite": sqlite.Open, "postgres": postgres.Open, "mysql": mysql.Open}[engine]
	db, err := gorm.Open(open(dsn), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	require.NoError(t, db.Use(dtde.Register(monthly())))
	for i := range 5 {
		require.NoError(t, db.Create(&Order{OrderDate: utc(2026, time.Month(i+1), 1), Customer: "child", Amount: i}).Error)
	}
}

func TestRowsOfARealSecondProcess(t *testing.T) {
	t.Parallel()
	binary, err := os.Executable()
	require.NoError(t, err)
	onEach(t, func(t *testing.T, db *gorm.DB) {
		plugin := use(t, db, monthly())
		require.NoError(t, db.Create(&Order{OrderDate: utc(2025, 1, 1), Customer: "parent"}).Error)
		cmd := exec.CommandContext(t.Context(), binary, "-test.run=^TestSecondProcess$", "-test.count=1")
		cmd.Env = append(os.Environ(), child+"="+db.Name()+" "+testenv.DSN(t, db))
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		require.NotContains(t, string(out), "SKIP")
		assert.Len(t, plugin.Shards(&Order{}), 1, "this process has not been told")
		var orders []Order
		require.NoError(t, db.Where("order_date >= ?", utc(2025, 1, 1)).Find(&orders).Error)
		assert.Len(t, orders, 6)
		ids := map[int64]bool{}
		for _, o := range orders {
			ids[o.ID] = true
		}
		assert.Len(t, ids, 6)
		assert.Len(t, plugin.Shards(&Order{}), 6)
	})
}

func TestConcurrentFirstInsertsOfAMonth(t *testing.T) {
	t.Parallel()
	for _, inside := range []bool{false, true} {
		t.Run(fmt.Sprintf("inside a transaction %v", inside), func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, db *gorm.DB) {
				testenv.LeakCheck(t, db)
				one := use(t, db, monthly())
				other, two := second(t, db, monthly())
				var group sync.WaitGroup
				faults := make([]error, 16)
				for i := range faults {
					group.Add(1)
					go func() {
						defer group.Done()
						on := []*gorm.DB{db, other}[i%2]
						create := func(tx *gorm.DB) error {
							return tx.Create(&Order{OrderDate: utc(2025, time.Month(1+i%3), 1+i), Amount: i}).Error
						}
						if inside {
							faults[i] = on.Transaction(create)
						} else {
							faults[i] = create(on)
						}
					}()
				}
				group.Wait()
				require.NoError(t, errors.Join(faults...))
				for _, on := range []*gorm.DB{db, other} {
					var orders []Order
					require.NoError(t, on.Order("amount").Find(&orders).Error)
					require.Len(t, orders, 16)
					ids := map[int64]bool{}
					for i, o := range orders {
						assert.Equal(t, i, o.Amount)
						ids[o.ID] = true
					}
					assert.Len(t, ids, 16)
				}
				assert.Len(t, one.Shards(&Order{}), 3)
				assert.Len(t, two.Shards(&Order{}), 3)
			})
		})
	}
}

func TestNewMonthInATransactionThatRollsBack(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, monthly())
		other, _ := second(t, db, monthly())
		boom := errors.New("boom")
		for range 2 { // and then again
			require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
				require.NoError(t, tx.Create(&Order{OrderDate: utc(2025, 1, 1), Amount: 1}).Error)
				var n int64
				require.NoError(t, tx.Model(&Order{}).Count(&n).Error)
				require.EqualValues(t, 1, n, "it sees its own")
				require.ErrorIs(t, tx.Transaction(func(tx *gorm.DB) error {
					require.NoError(t, tx.Create(&Order{OrderDate: utc(2025, 2, 1), Amount: 2}).Error)
					return boom
				}), boom)
				if db.Name() != "mysql" { // its snapshot refuses tables that are younger than itself
					require.NoError(t, tx.Model(&Order{}).Count(&n).Error)
					require.EqualValues(t, 1, n, "back to the save point")
				}
				return boom
			}), boom)
			for _, on := range []*gorm.DB{db, other} {
				var n int64
				require.NoError(t, on.Model(&Order{}).Count(&n).Error)
				assert.Zero(t, n)
			}
		}
		for i, on := range []*gorm.DB{db, other} {
			require.NoError(t, on.Create(&[]Order{{OrderDate: utc(2025, 1, 2), Amount: i}, {OrderDate: utc(2025, 2, 2), Amount: i}}).Error)
		}
		var n int64
		require.NoError(t, db.Model(&Order{}).Count(&n).Error)
		assert.EqualValues(t, 4, n)
	})
}

func TestEnsureShards(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		plugin := use(t, db, monthly())
		other, two := second(t, db, monthly())
		ctx := context.Background()
		require.NoError(t, plugin.EnsureShards(ctx, utc(2024, 4, 15)))
		require.NoError(t, two.EnsureShards(ctx, utc(2024, 5, 1)))
		for _, month := range []string{"2024_01", "2024_02", "2024_03", "2024_04", "2024_05"} {
			assert.True(t, db.Migrator().HasTable("orders_"+month), month)
		}
		assert.False(t, db.Migrator().HasTable("orders_2024_06"))
		sent := testenv.Record(db)
		require.NoError(t, db.Create(&Order{ID: 1, OrderDate: utc(2024, 4, 1)}).Error)
		for _, s := range sent.Statements() {
			assert.NotContains(t, strings.ToUpper(s), "CREATE ")
		}
		var n int64
		require.NoError(t, other.Model(&Order{}).Count(&n).Error)
		assert.EqualValues(t, 1, n)
		require.NoError(t, plugin.EnsureShards(ctx, utc(2040, 1, 1)), "not beyond the strategy's own end")
		assert.Len(t, plugin.Shards(&Order{}), 72)
	})
}

func TestOtherPlacementIsStopped(t *testing.T) {
	t.Parallel()
	hashed := func(slots int) dtde.Config { return entities(dtde.Model(&User{}).ShardByHash("ID", slots)) }
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, hashed(8))
		require.NoError(t, db.Create(&User{ID: 1, Name: "one"}).Error)
		other := testenv.Reopen(t, db)
		require.ErrorIs(t, other.Use(dtde.Register(hashed(16))), dtde.ErrPlacementChanged)
		_, used := other.Config.Plugins["dtde"]
		assert.False(t, used)
		require.NoError(t, other.AutoMigrate(&Plain{}), "nothing about this *gorm.DB has changed")
		require.ErrorIs(t, testenv.Reopen(t, db).Use(dtde.Register(entities(dtde.Model(&User{}).ShardByHash("Name", 8)))), dtde.Err)
		again, _ := second(t, db, hashed(8))
		require.NoError(t, again.First(&User{}, 1).Error)
	})
}

func TestRotationNeverExceedsItsMaximum(t *testing.T) {
	t.Parallel()
	const most = 10
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		cfg := entities(dtde.Model(&User{}).ShardByMaxRows(most))
		use(t, db, cfg)
		other, _ := second(t, db, cfg)
		var group sync.WaitGroup
		faults := make([]error, 8)
		for i := range faults {
			group.Add(1)
			go func() {
				defer group.Done()
				on := []*gorm.DB{db, other}[i%2]
				for k := range 4 {
					rows := make([]User, 1+(i+k)%4)
					faults[i] = errors.Join(faults[i], on.Create(&rows).Error)
					_ = on.Transaction(func(tx *gorm.DB) error {
						_ = tx.Create(&User{Name: "undone"}).Error
						return errors.New("roll back")
					})
				}
			}()
		}
		group.Wait()
		require.NoError(t, errors.Join(faults...))
		total := 0
		for table, rows := range contents(t, beside(t, db), "users") {
			assert.LessOrEqual(t, len(rows), most, table)
			total += len(rows)
		}
		assert.Equal(t, 80, total)
		for _, on := range []*gorm.DB{db, other} {
			var n int64
			require.NoError(t, on.Model(&User{}).Count(&n).Error)
			assert.EqualValues(t, 80, n)
		}
		batch := make([]User, 35)
		require.NoError(t, db.Create(&batch).Error)
		var n int64
		require.NoError(t, other.Model(&User{}).Count(&n).Error)
		assert.EqualValues(t, 115, n)
		assert.Empty(t, usersNamed(t, other, "undone"))
	})
}

// usersNamed are the users of one name.
func usersNamed(t *testing.T, db *gorm.DB, name string) []User {
	t.Helper()
	var out []User
	require.NoError(t, db.Where("name = ?", name).Find(&out).Error)
	return out
}
