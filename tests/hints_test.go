package tests

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/hints"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Ledger has indexes to hint at: one that GORM names and one that the model does.
type Ledger struct {
	ID     int64  `gorm:"primaryKey"`
	Region string `gorm:"size:8;index"`
	Amount int    `gorm:"index:by_amount"`
}

// hintCase is a statement with hints; both sides must give the same, and each shard that the
// statement visits must be hinted at.
type hintCase struct {
	name string
	run  func(db *gorm.DB) (any, error)
	// want are how often the text of each shard's part stands in what is sent.
	want map[string]int
}

// ledgers opens a plain table and one that is sharded by three regions.
func ledgers(t *testing.T, d testenv.DB) (plain, db *gorm.DB, sent *testenv.Recorder) {
	t.Helper()
	plain, db = d.Open(t), d.Open(t)
	use(t, db, entities(dtde.Model(&Ledger{}).ShardBy("Region", "EU", "US", "APAC")))
	require.NoError(t, plain.AutoMigrate(&Ledger{}))
	for _, side := range []*gorm.DB{plain, db} {
		for i := range 30 {
			require.NoError(t, side.Create(&Ledger{ID: int64(i + 1), Region: []string{"EU", "US", "APAC"}[i%3], Amount: i * 7 % 19}).Error)
		}
	}
	return plain, db, testenv.Record(db)
}

func ledgersIn(tx *gorm.DB) (any, error) {
	var list []Ledger
	err := tx.Find(&list).Error
	return list, err
}

func counted(tx *gorm.DB) (any, error) {
	var n int64
	err := tx.Model(&Ledger{}).Count(&n).Error
	return n, err
}

func changed(tx *gorm.DB) (any, error) { return tx.RowsAffected, tx.Error }

// TestIndexHints: on MariaDB, each shard is read and written with the hint, by the name that
// the shard's own index has.
func TestIndexHints(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		if d.Name != "mariadb" {
			return // the others have none
		}
		plain, db, sent := ledgers(t, d)
		amount, region := hints.UseIndex("by_amount"), hints.ForceIndex("idx_ledgers_region")
		all := map[string]int{"USE INDEX (`by_amount": 3}
		for _, c := range []hintCase{
			{"one shard", func(db *gorm.DB) (any, error) {
				return ledgersIn(db.Clauses(amount).Where("region = ?", "EU").Order("id"))
			}, map[string]int{"USE INDEX (`by_amount": 1}},
			{"a union", func(db *gorm.DB) (any, error) {
				return ledgersIn(db.Clauses(amount).Where("amount > ?", 5).Order("id"))
			}, all},
			{"a page", func(db *gorm.DB) (any, error) {
				return ledgersIn(db.Clauses(amount).Order("amount, id").Offset(3).Limit(7))
			}, all},
			{"a count", func(db *gorm.DB) (any, error) { return counted(db.Clauses(amount).Where("amount > ?", 5)) }, all},
			{"groups", func(db *gorm.DB) (any, error) {
				var rows []map[string]any
				err := db.Model(&Ledger{}).Clauses(amount).Select("amount, COUNT(*) AS n").Group("amount").Order("amount").Find(&rows).Error
				return fmt.Sprint(rows), err
			}, all},
			{"sessions", func(db *gorm.DB) (any, error) {
				return ledgersIn(db.Scopes(dtde.Reads(dtde.ReadSessions)).Clauses(amount).Where("amount > ?", 5).Order("id"))
			}, all},
			{"an index that GORM names", func(db *gorm.DB) (any, error) {
				return ledgersIn(db.Clauses(region).Where("region <> ?", "EU").Order("id"))
			},
				map[string]int{"FORCE INDEX (`idx_ledgers_us_region`)": 1, "FORCE INDEX (`idx_ledgers_apac_region`)": 1}},
			{"two of them", func(db *gorm.DB) (any, error) {
				return ledgersIn(db.Clauses(hints.UseIndex("by_amount", "idx_ledgers_region").ForOrderBy()).Where("amount > ?", 2).Order("id"))
			}, map[string]int{"USE INDEX FOR ORDER BY (`by_amount": 3, "idx_ledgers_eu_region": 1}},
			{"a join", func(db *gorm.DB) (any, error) {
				return ledgersIn(db.Clauses(amount).Joins("JOIN (SELECT 3 AS n) few ON few.n < ledgers.amount").Where("ledgers.region = ?", "US").Order("id"))
			}, map[string]int{"USE INDEX (`by_amount": 1}},
			{"a locking read", func(db *gorm.DB) (any, error) {
				return ledgersIn(db.Clauses(amount, clause.Locking{Strength: "UPDATE"}).Order("id"))
			}, all},
			{"an update", func(db *gorm.DB) (any, error) {
				return changed(db.Model(&Ledger{}).Clauses(amount).Where("amount > ?", 9).Update("amount", gorm.Expr("amount + 1")))
			}, all},
			{"rows one by one", func(db *gorm.DB) (any, error) {
				rows, err := db.Model(&Ledger{}).Clauses(amount).Where("amount < ?", 12).Order("id").Select("id").Rows()
				n := 0
				for err == nil && rows.Next() {
					n++
				}
				if err == nil {
					err = rows.Close()
				}
				return n, err
			}, all},
		} {
			t.Run(c.name, func(t *testing.T) { runHinted(t, plain, db, sent, c) })
		}
		_, err := ledgersIn(db.Clauses(hints.UseIndex("no_such")).Order("id"))
		require.Error(t, err, "as of one table")
	})
}

// TestOptimizerHints: the comment stands in each SELECT that the shards run, on every engine.
func TestOptimizerHints(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		plain, db, sent := ledgers(t, d)
		hint := hints.New("SeqScan(ledgers)")
		for _, c := range []hintCase{
			{"one shard", func(db *gorm.DB) (any, error) {
				return ledgersIn(db.Clauses(hint).Where("region = ?", "EU").Order("id"))
			}, map[string]int{"/*+ SeqScan(ledgers) */": 1}},
			{"a union", func(db *gorm.DB) (any, error) { return ledgersIn(db.Clauses(hint).Where("amount > ?", 5).Order("id")) }, map[string]int{"/*+ SeqScan(ledgers) */": 4}},
			{"a page", func(db *gorm.DB) (any, error) {
				return ledgersIn(db.Clauses(hint).Order("amount, id").Offset(3).Limit(7))
			}, map[string]int{"/*+ SeqScan(ledgers) */": 4}},
			{"a comment", func(db *gorm.DB) (any, error) {
				return ledgersIn(db.Clauses(hints.Comment("select", "for the report")).Order("id"))
			}, map[string]int{"/* for the report */": 1}},
			{"a comment behind", func(db *gorm.DB) (any, error) {
				return ledgersIn(db.Clauses(hints.CommentAfter("order by", "behind")).Where("amount > ?", 5).Order("id"))
			}, map[string]int{"/* behind */": 1}},
			{"an update", func(db *gorm.DB) (any, error) {
				return changed(db.Model(&Ledger{}).Clauses(hint).Where("amount > ?", 9).Update("amount", gorm.Expr("amount + 1")))
			}, map[string]int{"/*+ SeqScan(ledgers) */": 3}},
		} {
			t.Run(c.name, func(t *testing.T) { runHinted(t, plain, db, sent, c) })
		}
	})
}

func runHinted(t *testing.T, plain, db *gorm.DB, sent *testenv.Recorder, c hintCase) {
	t.Helper()
	want, err := c.run(plain)
	require.NoError(t, err)
	sent.Reset()
	got, err := c.run(db)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	texts := strings.Join(sent.Statements(), "\n")
	for text, n := range c.want {
		assert.Len(t, regexp.MustCompile(regexp.QuoteMeta(text)).FindAllString(texts, -1), n, "%s in\n%s", text, texts)
	}
}
