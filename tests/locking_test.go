package tests

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// servers runs f on the databases that have row locks.
func servers(t *testing.T, f func(t *testing.T, db *gorm.DB)) {
	t.Helper()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		if d.Name == "sqlite" {
			t.Skip("SQLite locks the database, not rows")
		}
		f(t, d.Open(t))
	})
}

// locked tells which of the regions' rows a second connection can't lock right now.
func locked(t *testing.T, other *gorm.DB) []string {
	t.Helper()
	out := []string{}
	for _, region := range []string{"apac", "eu", "us"} {
		err := other.Transaction(func(tx *gorm.DB) error {
			return tx.Raw("SELECT id FROM customers_" + region + " WHERE status = 'mine' FOR UPDATE NOWAIT").Scan(&[]int64{}).Error
		})
		if err != nil {
			require.Regexp(t, "could not obtain lock|Lock wait timeout|NOWAIT", err.Error())
			out = append(out, region)
		}
	}
	return out
}

func TestLockingReadIsSeenFromASecondConnection(t *testing.T) {
	t.Parallel()
	update := clause.Locking{Strength: "UPDATE"}
	cases := []struct {
		name string
		read func(tx *gorm.DB) *gorm.DB
		want []string
	}{
		{"one shard", func(tx *gorm.DB) *gorm.DB {
			return tx.Clauses(update).Where("region = ? AND status = ?", "US", "mine").Find(&[]Customer{})
		}, []string{"us"}},
		{"two shards", func(tx *gorm.DB) *gorm.DB {
			return tx.Clauses(update).Where("region IN ? AND status = ?", []string{"US", "EU"}, "mine").Find(&[]Customer{})
		}, []string{"eu", "us"}},
		{"all shards", func(tx *gorm.DB) *gorm.DB {
			return tx.Clauses(update).Where("status = ?", "mine").Find(&[]Customer{})
		}, []string{"apac", "eu", "us"}},
		{"ordered by a number", func(tx *gorm.DB) *gorm.DB {
			return tx.Clauses(update).Where("status = ?", "mine").Order("spent DESC").Find(&[]Customer{})
		}, []string{"apac", "eu", "us"}},
		{"rows", func(tx *gorm.DB) *gorm.DB {
			rows, err := tx.Model(&Customer{}).Clauses(update).Where("status = ?", "mine").Rows()
			if err == nil {
				for rows.Next() {
					continue
				}
				err = rows.Close()
			}
			return &gorm.DB{Error: err}
		}, []string{"apac", "eu", "us"}},
		{"raw", func(tx *gorm.DB) *gorm.DB {
			return tx.Raw("SELECT * FROM customers WHERE region = 'EU' AND status = 'mine' FOR UPDATE").Scan(&[]Customer{})
		}, []string{"eu"}},
		{"none", func(tx *gorm.DB) *gorm.DB { return tx.Where("status = ?", "mine").Find(&[]Customer{}) }, []string{}},
	}
	servers(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		nine(t, db)
		require.NoError(t, db.Model(&Customer{}).Where("id <= 3").Update("status", "mine").Error)
		other := beside(t, db)
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
					require.NoError(t, c.read(tx).Error)
					assert.Equal(t, c.want, locked(t, other))
					return nil
				}))
				assert.Empty(t, locked(t, other), "the locks end with the transaction")
			})
		}
	})
}

func TestLockingReadsReturnTheirRows(t *testing.T) {
	t.Parallel()
	servers(t, func(t *testing.T, db *gorm.DB) {
		nine(t, db)
		sent := testenv.Record(db)
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			require.Len(t, names(t, tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("spent > ?", 1)), 7)
			require.Len(t, names(t, tx.Clauses(clause.Locking{Strength: "SHARE"})), 9)
			return nil
		}))
		var visited []string
		for _, s := range sent.Statements() {
			assert.NotContains(t, s, "UNION")
			if _, rest, ok := strings.Cut(s, "customers_"); ok && strings.Contains(s, "UPDATE") {
				visited = append(visited, strings.FieldsFunc(rest, func(r rune) bool { return r < 'a' || r > 'z' })[0])
			}
		}
		assert.Equal(t, []string{"eu", "us", "apac"}, visited, "in visiting order")
	})
}

func TestLockingReadsThatAreRefused(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		nine(t, db)
		plain := db.Name() == "sqlite" // GORM's SQLite driver leaves locking clauses out
		for name, read := range map[string]func(tx *gorm.DB) error{
			"limit": func(tx *gorm.DB) error {
				return tx.Clauses(clause.Locking{Strength: "UPDATE"}).Order("spent").Limit(2).Find(&[]Customer{}).Error
			},
			"first": func(tx *gorm.DB) error {
				return tx.Clauses(clause.Locking{Strength: "UPDATE"}).First(&Customer{}).Error
			},
			"skip locked": func(tx *gorm.DB) error {
				return tx.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).Find(&[]Customer{}).Error
			},
			"a union": func(tx *gorm.DB) error {
				return tx.Clauses(clause.Locking{Strength: "UPDATE"}).Scopes(dtde.Reads(dtde.ReadUnion)).Find(&[]Customer{}).Error
			},
		} {
			err := db.Transaction(read)
			if err == nil && plain {
				continue
			}
			assert.ErrorIs(t, err, dtde.ErrUnsupported, name)
		}
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			var out []Customer
			require.NoError(t, tx.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).
				Where("region = ?", "US").Order("spent").Limit(2).Find(&out).Error)
			require.Len(t, out, 2)
			return nil
		}), "one shard takes them")
	})
}

func TestLockedShardIsWaitedForAndNamed(t *testing.T) {
	t.Parallel()
	servers(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		nine(t, db)
		other := beside(t, db)
		holder := other.Begin()
		require.NoError(t, holder.Exec("UPDATE customers_us SET status = 'held'").Error)
		// The time runs from when its turn has come, so that it can't end at a shard before.
		ctx, expire := testenv.Expiring(t)
		sent := testenv.Record(db)
		sent.Before(func(_ context.Context, sql string) error {
			if strings.Contains(sql, "customers_us") {
				time.AfterFunc(300*time.Millisecond, expire)
			}
			return nil
		})
		err := db.WithContext(ctx).Model(&Customer{}).Where("spent >= 0").Update("status", "late").Error
		sent.Before(nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, holder.Rollback().Error)
		var shard *dtde.ShardError
		require.ErrorAs(t, err, &shard)
		assert.Equal(t, "US", shard.Shard)
		assert.Empty(t, names(t, db.Where("status = ?", "late")))
	})
}
