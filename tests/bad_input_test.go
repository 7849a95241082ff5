package tests

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Client may lack its region.
type Client struct {
	ID     int64 `gorm:"primaryKey"`
	Name   string
	Region *string `gorm:"size:32"`
}

// secret is a value that no error text may hold.
const secret = "s3cret-value"

// refusals are statements that must be refused with an error and write nothing.
var refusals = []struct {
	name string
	run  func(tx *gorm.DB) error
	want error
	// batches: several statements, which only a transaction makes one
	batches bool
}{
	{"no shard key (NULL)", func(tx *gorm.DB) error { return tx.Create(&Client{Name: secret}).Error }, dtde.ErrMissingShardKey, false},
	{"no shard key (map)", func(tx *gorm.DB) error {
		return tx.Model(&Client{}).Create(map[string]any{"name": secret}).Error
	}, dtde.ErrMissingShardKey, false},
	{"shard key omitted", func(tx *gorm.DB) error {
		return tx.Omit("Region").Create(&Customer{Name: secret, Region: "US"}).Error
	}, dtde.ErrMissingShardKey, false},
	{"shard key is an expression", func(tx *gorm.DB) error {
		return tx.Model(&Customer{}).Create(map[string]any{"name": secret, "region": gorm.Expr("upper(?)", "us")}).Error
	}, dtde.ErrMissingShardKey, false},
	{"an empty string is an unknown value", func(tx *gorm.DB) error { return tx.Create(&Customer{Name: secret}).Error }, dtde.ErrShardNotFound, false},
	{"unknown value", func(tx *gorm.DB) error { return tx.Create(&Customer{Name: "x", Region: secret}).Error }, dtde.ErrShardNotFound, false},
	{"value in another case", func(tx *gorm.DB) error { return tx.Create(&Customer{Name: secret, Region: "us"}).Error }, dtde.ErrShardNotFound, false},
	{"date before the range", func(tx *gorm.DB) error {
		return tx.Create(&Order{Customer: secret, OrderDate: utc(2019, 12, 31)}).Error
	}, dtde.ErrShardNotFound, false},
	{"date after the range", func(tx *gorm.DB) error {
		return tx.Create(&Order{Customer: secret, OrderDate: utc(2025, 1, 1)}).Error
	}, dtde.ErrShardNotFound, false},
	{"zero date", func(tx *gorm.DB) error { return tx.Create(&Order{Customer: secret}).Error }, dtde.ErrShardNotFound, false},
	{"read-only shard", func(tx *gorm.DB) error { return tx.Create(&Customer{Name: secret, Region: "APAC"}).Error }, dtde.ErrReadOnlyShard, false},
	{"batch whose last row is bad", func(tx *gorm.DB) error {
		return tx.Create(&[]Customer{{Name: secret, Region: "EU"}, {Name: "b", Region: "US"}, {Name: "c", Region: "XX"}}).Error
	}, dtde.ErrShardNotFound, false},
	{"batch whose last row is read-only", func(tx *gorm.DB) error {
		return tx.Create(&[]Customer{{Name: secret, Region: "EU"}, {Name: "b", Region: "US"}, {Name: "c", Region: "APAC"}}).Error
	}, dtde.ErrReadOnlyShard, false},
	{"batches whose last row is bad", func(tx *gorm.DB) error {
		return tx.CreateInBatches(&[]Customer{{Name: secret, Region: "EU"}, {Name: "b", Region: "US"}, {Name: "c", Region: "XX"}}, 2).Error
	}, dtde.ErrShardNotFound, true},
	{"maps whose last row is bad", func(tx *gorm.DB) error {
		return tx.Model(&Customer{}).Create([]map[string]any{{"name": secret, "region": "EU"}, {"name": "b", "region": "XX"}}).Error
	}, dtde.ErrShardNotFound, false},
	{"update over a read-only shard", func(tx *gorm.DB) error {
		return tx.Model(&Customer{}).Where("name <> ?", secret).Update("status", secret).Error
	}, dtde.ErrReadOnlyShard, false},
	{"global update over a read-only shard", func(tx *gorm.DB) error {
		return tx.Session(&gorm.Session{AllowGlobalUpdate: true}).Model(&Customer{}).Update("status", secret).Error
	}, dtde.ErrReadOnlyShard, false},
	{"update that moves into a read-only shard", func(tx *gorm.DB) error {
		return tx.Model(&Customer{}).Where("region = ?", "EU").Update("region", "APAC").Error
	}, dtde.ErrReadOnlyShard, false},
	{"update that moves to an unknown value", func(tx *gorm.DB) error {
		return tx.Model(&Customer{}).Where("region = ?", "EU").Update("region", secret).Error
	}, dtde.ErrShardNotFound, false},
	{"delete over a read-only shard", func(tx *gorm.DB) error {
		return tx.Where("name <> ?", secret).Delete(&Customer{}).Error
	}, dtde.ErrReadOnlyShard, false},
	{"delete on the read-only shard", func(tx *gorm.DB) error {
		return tx.Where("region = ?", "APAC").Delete(&Customer{}).Error
	}, dtde.ErrReadOnlyShard, false},
	{"raw insert into a read-only shard", func(tx *gorm.DB) error {
		return tx.Exec("INSERT INTO customers (id, name, region) VALUES (?, ?, ?)", 77, secret, "APAC").Error
	}, dtde.ErrReadOnlyShard, false},
	{"raw delete on the read-only shard", func(tx *gorm.DB) error {
		return tx.Exec("DELETE FROM customers WHERE region = ?", "APAC").Error
	}, dtde.ErrReadOnlyShard, false},
	{"update above MaxShards", func(tx *gorm.DB) error {
		return tx.Model(&User{}).Where("name <> ?", secret).Update("age", 1).Error
	}, dtde.ErrTooManyShards, false},
	{"delete above MaxShards", func(tx *gorm.DB) error { return tx.Where("name <> ?", secret).Delete(&User{}).Error }, dtde.ErrTooManyShards, false},
	{"insert above MaxShards", func(tx *gorm.DB) error {
		users := make([]User, 200)
		for i := range users {
			users[i] = User{ID: int64(1000 + i), Name: secret}
		}
		return tx.Create(&users).Error
	}, dtde.ErrTooManyShards, false},
	{"read above MaxShards", func(tx *gorm.DB) error { return tx.Find(&[]User{}).Error }, dtde.ErrTooManyShards, false},
	{"unknown shard by name", func(tx *gorm.DB) error {
		return tx.Scopes(dtde.OnShard("nowhere")).Where("name <> ?", secret).Delete(&Customer{}).Error
	}, dtde.ErrShardNotFound, false},
	{"raw insert into several shards, one read-only", func(tx *gorm.DB) error {
		return tx.Exec("INSERT INTO customers (id, name, region) VALUES (80, ?, 'EU'), (81, 'x', 'APAC')", secret).Error
	}, dtde.ErrReadOnlyShard, false},
	{"raw insert into several shards, one unknown", func(tx *gorm.DB) error {
		return tx.Exec("INSERT INTO customers (id, name, region) VALUES (80, 'x', 'EU'), (81, 'x', ?)", secret).Error
	}, dtde.ErrShardNotFound, false},
	{"raw insert of a query into several shards, one unknown", func(tx *gorm.DB) error {
		return tx.Exec("INSERT INTO customers (id, name, region) SELECT 80, 'x', 'EU' UNION ALL SELECT 81, 'x', '" + secret + "'").Error
	}, dtde.ErrShardNotFound, false},
}

// restricted has a read-only shard with a row, dates up to 2025, and users on more
// shards than one statement may visit.
func restricted(t *testing.T, db *gorm.DB) {
	t.Helper()
	use(t, db, dtde.Config{MaxShards: 6, Entities: []dtde.Entity{
		customers().WithShards(dtde.Shard{ID: "APAC", ReadOnly: true}),
		dtde.Model(&Client{}).ShardBy("Region", "EU", "US"),
		dtde.Model(&Order{}).ShardByDate("OrderDate", dtde.Year, utc(2020, 1, 1), utc(2025, 1, 1)),
		dtde.Model(&User{}).ShardByHash("ID", 8),
	}})
	eu := "EU"
	require.NoError(t, db.Create(&[]Customer{{ID: 1, Name: "e", Region: "EU"}, {ID: 2, Name: "u", Region: "US"}}).Error)
	require.NoError(t, db.Create(&Client{ID: 1, Name: "e", Region: &eu}).Error)
	require.NoError(t, db.Create(&Order{ID: 1, OrderDate: utc(2024, 1, 1)}).Error)
	require.NoError(t, db.Create(&[]User{{ID: 1, Name: "one"}, {ID: 2, Name: "two"}}).Error)
	require.NoError(t, beside(t, db).Table("customers_apac").Create(&Customer{ID: 3, Name: "a", Region: "APAC"}).Error)
}

// everything is what all tables of restricted hold.
func everything(t *testing.T, plain *gorm.DB) []map[string][]string {
	t.Helper()
	var all []map[string][]string
	for _, prefix := range []string{"customers", "clients", "orders", "users"} {
		all = append(all, contents(t, plain, prefix))
	}
	return all
}

func TestBadInputWritesNothing(t *testing.T) {
	t.Parallel()
	ways := []struct {
		name string
		run  func(t *testing.T, db *gorm.DB, f func(tx *gorm.DB) error) error
	}{
		{"default transaction", func(_ *testing.T, db *gorm.DB, f func(tx *gorm.DB) error) error { return f(db) }},
		{"SkipDefaultTransaction", func(_ *testing.T, db *gorm.DB, f func(tx *gorm.DB) error) error {
			return f(db.Session(&gorm.Session{SkipDefaultTransaction: true}))
		}},
		{"the caller's transaction", func(t *testing.T, db *gorm.DB, f func(tx *gorm.DB) error) (err error) {
			require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
				require.NoError(t, tx.Create(&Customer{ID: 50, Name: "before", Region: "EU"}).Error)
				err = f(tx)
				// the transaction goes on as if nothing had been asked
				require.NoError(t, tx.Model(&Customer{}).Where("id = ? AND region = ?", 50, "EU").Update("name", "after").Error)
				require.Equal(t, []string{"after"}, names(t, tx.Where("id = ?", 50)))
				return tx.Where("id = ? AND region = ?", 50, "EU").Delete(&Customer{}).Error
			}))
			return err
		}},
		{"PrepareStmt", func(_ *testing.T, db *gorm.DB, f func(tx *gorm.DB) error) error {
			return f(db.Session(&gorm.Session{PrepareStmt: true}))
		}},
	}
	onEach(t, func(t *testing.T, db *gorm.DB) {
		db.Session(&gorm.Session{PrepareStmt: true}) // GORM's cache of statements has a goroutine for good
		testenv.LeakCheck(t, db)
		restricted(t, db)
		plain := beside(t, db)
		for _, c := range refusals {
			for _, way := range ways {
				if c.batches && way.name == "SkipDefaultTransaction" {
					continue // GORM itself keeps the batches before the bad one then
				}
				t.Run(c.name+"/"+way.name, func(t *testing.T) {
					before := everything(t, plain)
					err := way.run(t, db, c.run)
					require.ErrorIs(t, err, c.want)
					require.ErrorIs(t, err, dtde.Err)
					if c.want != dtde.ErrUnsupported { //nolint:errorlint // identity of the case
						var shard *dtde.ShardError
						require.ErrorAs(t, err, &shard)
						assert.NotEmpty(t, shard.Entity)
						assert.NotEmpty(t, shard.Operation)
					}
					assert.NotContains(t, err.Error(), secret)
					assert.Equal(t, before, everything(t, plain), "nothing was written anywhere")
				})
			}
		}
	})
}

func TestReadOnlyShardsAreAlwaysRead(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		restricted(t, db)
		assert.Equal(t, []string{"a", "e", "u"}, names(t, db))
		assert.Equal(t, []string{"a", "e", "u"}, names(t, db.Scopes(dtde.Reads(dtde.ReadSessions))))
		assert.Equal(t, []string{"a"}, names(t, db.Where("region = ?", "APAC")))
		var n int64
		require.NoError(t, db.Model(&Customer{}).Count(&n).Error)
		assert.EqualValues(t, 3, n)
		// writes that leave it out go on
		tx := db.Model(&Customer{}).Where("region <> ?", "APAC").Update("status", "x")
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 2, tx.RowsAffected)
	})
}

// Unlisted has tags that nobody listed.
type Unlisted struct {
	ID     int64  `gorm:"primaryKey"`
	Region string `gorm:"size:8" dtde:"shardKey;strategy:value;values:EU,US"`
}

func TestTaggedModelThatIsNotListed(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(customers()))
		plain := beside(t, db)
		require.NoError(t, plain.AutoMigrate(&Unlisted{}))
		for name, run := range map[string]func() error{
			"create":    func() error { return db.Create(&Unlisted{Region: "EU"}).Error },
			"find":      func() error { return db.Find(&[]Unlisted{}).Error },
			"update":    func() error { return db.Model(&Unlisted{ID: 1}).Update("region", "EU").Error },
			"delete":    func() error { return db.Delete(&Unlisted{ID: 1}).Error },
			"count":     func() error { var n int64; return db.Model(&Unlisted{}).Count(&n).Error },
			"migration": func() error { return db.AutoMigrate(&Unlisted{}) },
		} {
			assert.ErrorIs(t, run(), dtde.ErrNotRegistered, name)
		}
		assert.Zero(t, count(t, plain, "unlisted"))
	})
}

func TestSettingsThatCarrySQL(t *testing.T) {
	t.Parallel()
	const evil = `eu"; DROP TABLE canaries; --`
	file := func(body string) (dtde.Config, error) {
		return config.Load(strings.NewReader(body), config.Registry{Models: map[string]any{"Customer": &Customer{}, "Order": &Order{}}})
	}
	cases := map[string]func() (dtde.Config, error){
		"value": func() (dtde.Config, error) {
			return entities(dtde.Model(&Customer{}).ShardBy("Region", "US", evil)), nil
		},
		"table": func() (dtde.Config, error) {
			return entities(customers().WithShards(dtde.Shard{ID: "EU", Table: evil})), nil
		},
		"qualified table": func() (dtde.Config, error) {
			return entities(customers().WithShards(dtde.Shard{ID: "EU", Table: "main.a b"})), nil
		},
		"field":        func() (dtde.Config, error) { return entities(dtde.Model(&Customer{}).ShardBy(evil, "US")), nil },
		"local unique": func() (dtde.Config, error) { return entities(customers().WithLocalUnique(evil)), nil },
		"sequence": func() (dtde.Config, error) {
			return entities(customers().WithKeys(dtde.KeySpec{Source: dtde.KeySequence, Sequence: evil})), nil
		},
		"ring node": func() (dtde.Config, error) {
			return entities(dtde.Model(&Customer{}).ShardByRing("Region", dtde.RingNode{ID: evil}, dtde.RingNode{ID: "b"})), nil
		},
		"range": func() (dtde.Config, error) {
			return entities(dtde.Model(&User{}).ShardByRange("ID", dtde.Range{ID: evil, From: 0, To: 10})), nil
		},
		"default shard": func() (dtde.Config, error) { return entities(customers().WithDefaultShard(evil)), nil },
		"manual table": func() (dtde.Config, error) {
			return entities(dtde.Model(&Customer{}).UseManualSharding(dtde.ManualTable(evil, "region = ?", "EU"))), nil
		},
		"manual predicate": func() (dtde.Config, error) {
			return entities(dtde.Model(&Customer{}).UseManualSharding(dtde.ManualTable("customers_eu", "region = 'EU'; DROP TABLE canaries"))), nil
		},
		"file: value": func() (dtde.Config, error) {
			return file(`{"entities":[{"model":"Customer","strategy":{"kind":"value","field":"Region","values":["EU","x'); DROP TABLE canaries; --"]}}]}`)
		},
		"file: table": func() (dtde.Config, error) {
			return file(`{"entities":[{"model":"Customer","strategy":{"kind":"value","field":"Region","values":["EU"]},"shards":[{"id":"EU","table":"a\"; DROP TABLE canaries"}]}]}`)
		},
	}
	onEach(t, func(t *testing.T, db *gorm.DB) {
		require.NoError(t, db.Exec("CREATE TABLE canaries (id INTEGER)").Error)
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				cfg, err := c()
				if err == nil {
					mine := testenv.Reopen(t, db)
					err = mine.Use(dtde.Register(cfg))
				}
				require.ErrorIs(t, err, dtde.ErrConfig)
				var fault *dtde.ConfigError
				require.ErrorAs(t, err, &fault)
				assert.True(t, db.Migrator().HasTable("canaries"))
			})
		}
	})
}

func TestErrorsHoldNeitherValuesNorDSN(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		restricted(t, db)
		dsn := testenv.DSN(t, db)
		password := dsn
		if _, rest, ok := strings.Cut(dsn, ":"); ok {
			password = rest
		}
		for _, run := range []func() error{
			func() error { return db.Create(&Customer{ID: 4242, Name: secret, Region: secret}).Error },
			func() error { return db.Create(&[]Customer{{ID: 1, Name: secret, Region: "US"}}).Error },
			func() error {
				return db.Create(&Order{Customer: secret, OrderDate: time.Date(1999, 4, 2, 0, 0, 0, 0, time.UTC)}).Error
			},
			func() error {
				return db.Scopes(dtde.OnShard("nowhere")).Where("name = ?", secret).Find(&[]Customer{}).Error
			},
			func() error {
				return db.Exec("INSERT INTO customers (id, name, region) VALUES (80, ?, 'EU'), (81, 'x', ?)", secret, secret).Error
			},
			func() error {
				return db.Exec("INSERT INTO customers (id, name, region) VALUES (4242, '" + secret + "', 'EU'), (81, 'x', '" + secret + "')").Error
			},
			func() error { return db.Model(&Customer{}).Where("region = ?", "EU").Update("region", secret).Error },
		} {
			err := run()
			require.ErrorIs(t, err, dtde.Err)
			for _, bad := range []string{secret, "4242", "1999", dsn, password} {
				assert.NotContains(t, err.Error(), bad)
			}
		}
	})
}
