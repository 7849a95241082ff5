package tests

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// TestBranchesAggregateTheirRows reads groups by one statement whose branches aggregate
// their own rows, and compares with one table: values, order, names and types.
func TestBranchesAggregateTheirRows(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		tallies(t, db)
		dialect := db.Name()
		for name, c := range map[string]struct {
			// rows are the engines whose branches give rows, since parts would not be exact.
			rows  []string
			build func(tx *gorm.DB) *gorm.DB
		}{
			"count": {nil, func(tx *gorm.DB) *gorm.DB { return tx.Select("count(*)") }},
			"counts and bounds": {nil, func(tx *gorm.DB) *gorm.DB {
				return tx.Select("COUNT(*), count(amount), sum(small), sum(amount), min(amount) AS least, MAX(amount), count(distinct id) AS ids")
			}},
			"a condition": {nil, func(tx *gorm.DB) *gorm.DB { return tx.Select("sum(small) AS s").Where("kind IN ?", []int{1, 2}) }},
			"keys": {nil, func(tx *gorm.DB) *gorm.DB {
				return tx.Select("count(*) AS n").Where("id IN ?", []int{1, 2, 3, 4, 5, 6})
			}},
			"no rows": {nil, func(tx *gorm.DB) *gorm.DB {
				return tx.Select("count(*) AS n, sum(amount), min(kind)").Where("kind > 100")
			}},
			"no groups": {nil, func(tx *gorm.DB) *gorm.DB { return tx.Select("kind, count(*) AS n").Where("kind > 100").Group("kind") }},
			"decimals":  {nil, func(tx *gorm.DB) *gorm.DB { return tx.Select("sum(price) AS s, count(price)") }},
			"floats":    {nil, func(tx *gorm.DB) *gorm.DB { return tx.Select("sum(weight) AS s, min(weight) AS least, max(weight)") }},
			"text":      {nil, func(tx *gorm.DB) *gorm.DB { return tx.Select("min(name) AS a, max(name) AS z, count(name) AS n") }},
			"an average": {[]string{"sqlite", "mysql"}, func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, avg(amount) AS a, avg(price) AS p, avg(small)").Group("kind").Order("kind")
			}},
			"no average":  {[]string{"sqlite", "mysql"}, func(tx *gorm.DB) *gorm.DB { return tx.Select("avg(amount) AS a").Where("kind > 100") }},
			"expressions": {[]string{"postgres"}, func(tx *gorm.DB) *gorm.DB { return tx.Select("sum(amount * 2 + kind) AS s, count(amount + small) n") }},
			"of aggregates": {nil, func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, coalesce(sum(small), 0) AS s, sum(amount) - sum(small) * 2 AS d, sum(small) / count(*) AS per").Group("kind").Order("kind")
			}},
			"without a name": {nil, func(tx *gorm.DB) *gorm.DB { return tx.Select("coalesce(sum(small), 0)") }},
			"groups": {nil, func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, count(*) AS n, sum(price) AS s, max(small) AS m").Group("kind").Order("kind")
			}},
			"several arguments": {nil, func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind", "sold", "sum(amount) AS s").Group("kind, sold").Order("sold desc, kind")
			}},
			"a field's name": {nil, func(tx *gorm.DB) *gorm.DB { return tx.Select("Kind", "COUNT(*) AS n").Group("kind").Order("kind DESC") }},
			"NULL as a key":  {nil, func(tx *gorm.DB) *gorm.DB { return tx.Select("small, count(*) AS n").Group("small").Order("small") }},
			"by alias": {nil, func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, sum(small) AS total").Group("kind").Order("total DESC, kind")
			}},
			"by an aggregate": {nil, func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, SUM(small), count(*)").Group("kind").Order("count(*), sum( small ) desc, kind")
			}},
			"a page of groups": {nil, func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, sum(price) AS a").Group("kind").Order("kind").Offset(2).Limit(3)
			}},
			"a hidden key":  {nil, func(tx *gorm.DB) *gorm.DB { return tx.Select("max(weight) AS w").Group("kind").Order("kind DESC") }},
			"a key's alias": {nil, func(tx *gorm.DB) *gorm.DB { return tx.Select("kind AS k, count(*) AS n").Group("kind").Order("k") }},
			"keys alone": {nil, func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, sold").Group("kind").Group("sold").Order("kind, sold")
			}},
			"having": {nil, func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, count(*) AS n").Group("kind").Having("count(*) > ? AND sum(small) IS NOT NULL", 10).Having("kind < ?", 5).Order("kind")
			}},
			"having another": {nil, func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind").Group("kind").Having("max(small) BETWEEN ? AND ? OR kind = 3", 100, 297).Order("kind")
			}},
			"having none": {nil, func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, sum(small) AS s").Group("kind").Having("count(*) > ?", 1000)
			}},
			"an alias that is a column": {[]string{"sqlite", "mysql", "postgres"}, func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, sum(small) AS small").Group("kind").Order("kind")
			}},
			"a column's expression": {nil, func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind + 1 AS next, count(*) AS n").Group("kind").Order("kind")
			}},
			"a filter of its own": {[]string{"sqlite", "mysql", "postgres"}, func(tx *gorm.DB) *gorm.DB {
				return tx.Select("sum(CASE WHEN sold THEN 1 ELSE 0 END) + (SELECT 1) AS s")
			}},
			"case":        {[]string{"postgres"}, func(tx *gorm.DB) *gorm.DB { return tx.Select("sum(CASE WHEN sold THEN small ELSE 0 END) AS s") }},
			"its own key": {[]string{"sqlite", "mysql", "postgres"}, func(tx *gorm.DB) *gorm.DB { return tx.Select("id, count(*) AS n").Group("id").Order("id").Limit(3) }},
		} {
			t.Run(name, func(t *testing.T) {
				var got, want []map[string]any
				plain := c.build(db.Model(&PlainTally{})).Find(&want)
				require.NoError(t, plain.Error)
				tx := c.build(db.Model(&Tally{})).Find(&got)
				require.NoError(t, tx.Error, dtde.Plans(tx))
				assert.Equal(t, want, got)
				assert.Equal(t, plain.RowsAffected, tx.RowsAffected)
				plan := dtde.Plans(tx)[0]
				require.Len(t, plan.Statements, 1)
				inRows := false
				for _, d := range c.rows {
					inRows = inRows || d == dialect
				}
				assert.Equal(t, inRows, plan.Partials == nil, plan)
				assert.Equal(t, columnsOf(t, c.build(db.Model(&PlainTally{}))), columnsOf(t, c.build(db.Model(&Tally{}))))
			})
		}
	})
}

// Cased has text that is equal in any case, on SQLite; as it is everywhere on MariaDB.
type Cased struct {
	ID   int64  `gorm:"primaryKey;autoIncrement:false"`
	Name string `gorm:"type:varchar(20) COLLATE NOCASE"`
}

func TestBranchesGroupByTheColumnsCollation(t *testing.T) {
	t.Parallel()
	db := testenv.SQLite().Open(t)
	use(t, db, entities(dtde.Model(&Cased{}).ShardByHash("ID", 4)))
	var all []Cased
	for i := range int64(60) {
		all = append(all, Cased{ID: i, Name: []string{"a", "A", "b", "Ab", "aB"}[i%5]})
	}
	require.NoError(t, db.Create(&all).Error)
	var counts []int
	tx := db.Model(&Cased{}).Group("name").Order("name").Pluck("count(*)", &counts)
	require.NoError(t, tx.Error)
	assert.Equal(t, []int{24, 24, 12}, counts)
	assert.NotNil(t, dtde.Plans(tx)[0].Partials)
	var least string
	tx = db.Model(&Cased{}).Select("max(name)").Where("name <> ?", "B").Scan(&least)
	require.NoError(t, tx.Error)
	assert.Equal(t, "ab", strings.ToLower(least))
	assert.Nil(t, dtde.Plans(tx)[0].Partials, "an aggregate's value has no collation")
}
