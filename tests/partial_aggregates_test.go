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

// Tally is sharded by the hash of its id.
type Tally struct {
	ID     int64 `gorm:"primaryKey;autoIncrement:false"`
	Kind   int64
	Small  *int32
	Amount *int64
	Price  *string `gorm:"type:decimal(12,2)"`
	Weight float64
	Sold   bool
	Name   string
}

// PlainTally holds the same rows in one table.
type PlainTally Tally

const tallyShards = 5

func tallies(t *testing.T, db *gorm.DB) {
	t.Helper()
	use(t, db, entities(dtde.Model(&Tally{}).ShardByHash("ID", tallyShards)))
	require.NoError(t, db.AutoMigrate(&PlainTally{}))
	var all []Tally
	var plain []PlainTally
	for i := range int64(300) {
		r := Tally{ID: i + 1, Kind: i % 7, Weight: float64(i) / 4, Sold: i%3 == 0, Name: string(rune('a' + i%5))}
		if i%4 > 0 && i%7 != 6 { // one kind has NULLs only
			small, amount, price := int32(i), i*i*1_000_003, []string{"0.10", "1234567.25", "-3.75", "7.00"}[i%4]
			// SQLite keeps decimals as floats, so these are sums of quarters
			r.Small, r.Amount, r.Price = &small, &amount, &price
		}
		all, plain = append(all, r), append(plain, PlainTally(r))
	}
	require.NoError(t, db.Create(&all).Error)
	require.NoError(t, db.Create(&plain).Error)
}

func TestPartialAggregatesAreThePlainTables(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		tallies(t, db)
		for name, build := range map[string]func(tx *gorm.DB) *gorm.DB{
			"every function": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("count(*), count(amount), sum(small), sum(amount), avg(small), avg(amount), min(amount), max(amount)")
			},
			"decimals": func(tx *gorm.DB) *gorm.DB { return tx.Select("sum(price) AS s, avg(price) AS a") },
			"floats": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("sum(weight) AS s, min(weight) AS least, max(weight), avg(weight)")
			},
			"an expression": func(tx *gorm.DB) *gorm.DB { return tx.Select("sum(amount * 2 + kind) AS s, count(amount + small) n") },
			"no rows": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("count(*) AS n, sum(amount), avg(price), min(kind)").Where("kind > 100")
			},
			"no groups": func(tx *gorm.DB) *gorm.DB { return tx.Select("kind, count(*) AS n").Where("kind > 100").Group("kind") },
			"groups": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, count(*) AS n, sum(price) AS s, avg(amount) AS a, max(small) AS m").Group("kind").Order("kind")
			},
			"several arguments": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind", "sold", "sum(amount) AS s").Group("kind, sold").Order("sold desc, kind")
			},
			"a field's name": func(tx *gorm.DB) *gorm.DB { return tx.Select("Kind", "COUNT(*) AS n").Group("kind").Order("kind DESC") },
			"NULL as a key":  func(tx *gorm.DB) *gorm.DB { return tx.Select("small, count(*) AS n").Group("small").Order("small") },
			"by alias": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, sum(small) AS total").Group("kind").Order("total DESC, kind")
			},
			"by an aggregate": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, SUM(small), count(*)").Group("kind").Order("count(*), sum( small ) desc")
			},
			"a page of groups": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, avg(price) AS a").Group("kind").Order("kind").Offset(2).Limit(3)
			},
			"a hidden key":  func(tx *gorm.DB) *gorm.DB { return tx.Select("max(weight) AS w").Group("kind").Order("kind DESC") },
			"a key's alias": func(tx *gorm.DB) *gorm.DB { return tx.Select("kind AS k, count(*) AS n").Group("kind").Order("k") },
			"having": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, count(*) AS n").Group("kind").Having("count(*) > ? AND sum(small) IS NOT NULL", 10).Having("kind < ?", int32(5)).Order("kind")
			},
			"having what is not selected": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind").Group("kind").Having("max(small) BETWEEN ? AND ? OR NOT (kind <> 3 OR count(amount) = -1)", 100, 297).Order("kind")
			},
			"having NULLs": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, sum(amount) AS s").Group("kind").Having("sum(amount) NOT BETWEEN 0 AND 5 OR min(small) IS NULL").Order("kind")
			},
			"having decimals and floats": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, sum(price) AS s").Group("kind").Having("sum(price) >= 3703699 AND sum(weight) > ?", uint8(200)).Order("sum(weight) DESC")
			},
			"having by its name": func(tx *gorm.DB) *gorm.DB {
				many := "many > 42"
				if tx.Name() == "postgres" { // knows no names there
					many = "count(*) > 42"
				}
				return tx.Select("kind, count(*) AS many").Group("kind").Having(many).Order("kind")
			},
			"having none": func(tx *gorm.DB) *gorm.DB { return tx.Select("kind").Group("kind").Having("count(*) > ?", 1000) },
			"having, then a page": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind").Group("kind").Having("kind >= 2").Order("kind").Offset(1).Limit(2)
			},
			"having and an average": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, avg(small) AS a").Group("kind").Having("count(small) > 30").Order("kind")
			},
			"different values": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("sum(distinct kind) AS s, avg(distinct kind) AS a, count(distinct small) AS n, sum(DISTINCT small) AS m, sum(kind) AS all_of_them, max(distinct kind)")
			},
			"different decimals and floats": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("sold, sum(distinct price) AS s, avg(distinct price) AS a, sum(distinct weight) AS w, avg(distinct weight) AS v").Group("sold").Order("sold")
			},
			"different values of groups": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, avg(distinct small) AS a, sum(distinct(small)) AS s, count(*) AS n").Group("kind").Order("sum(distinct small) DESC, kind")
			},
			"different values of an expression": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("sum(distinct amount % 10) AS s, avg(distinct kind * 2) AS a, avg(small) AS all_of_them")
			},
			"different values of none": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("sum(distinct kind) AS s, avg(distinct small) AS a, count(*) AS n").Where("kind > 100")
			},
			"different values in HAVING": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind").Group("kind").Having("sum(distinct small) > 6000 AND count(distinct sold) = 2").Order("kind")
			},
			"different values of a shard": func(tx *gorm.DB) *gorm.DB { return tx.Select("sum(distinct id) AS s, avg(distinct id) AS a") },
			"different values of both":    func(tx *gorm.DB) *gorm.DB { return tx.Select("sum(distinct id) AS s, avg(distinct kind) AS a") },
			"DISTINCT":                    func(tx *gorm.DB) *gorm.DB { return tx.Distinct("count(*) AS n").Group("kind").Order("n") },
			"its shard key":               func(tx *gorm.DB) *gorm.DB { return tx.Select("count(distinct id) AS n, count(*) AS m") },
		} {
			t.Run(name, func(t *testing.T) {
				var got, want []map[string]any
				tx := build(db.Model(&Tally{}).Scopes(dtde.Reads(dtde.ReadSessions))).Find(&got)
				require.NoError(t, tx.Error)
				plain := build(db.Model(&PlainTally{})).Find(&want)
				require.NoError(t, plain.Error)
				assert.Equal(t, want, got)
				assert.Equal(t, plain.RowsAffected, tx.RowsAffected)
				assert.Equal(t, tallyShards, len(dtde.Plans(tx)[0].Statements))
				assert.Equal(t, columnsOf(t, build(db.Model(&PlainTally{}))), columnsOf(t, build(db.Model(&Tally{}).Scopes(dtde.Reads(dtde.ReadSessions)))))
			})
		}
	})
}

// columnsOf gives names and types of a statement's columns, as a caller of Rows sees
// them before the first row.
func columnsOf(t *testing.T, tx *gorm.DB) (columns []string) {
	t.Helper()
	rows, err := tx.Rows()
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	types, err := rows.ColumnTypes()
	require.NoError(t, err)
	for _, c := range types {
		columns = append(columns, c.Name()+" "+c.DatabaseTypeName())
	}
	require.NoError(t, rows.Err())
	return columns
}

func TestPartialAggregatesByFinisher(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		tallies(t, db)
		sessions := db.Scopes(dtde.Reads(dtde.ReadSessions)).Session(&gorm.Session{})
		var groups, total, distinct int64
		require.NoError(t, sessions.Model(&Tally{}).Group("kind").Count(&groups).Error)
		require.NoError(t, sessions.Model(&Tally{}).Select("sum(small)").Where("kind = ?", 2).Row().Scan(&total))
		require.NoError(t, sessions.Model(&Tally{}).Distinct("id").Count(&distinct).Error)
		var want int64
		require.NoError(t, db.Model(&PlainTally{}).Select("sum(small)").Where("kind = ?", 2).Scan(&want).Error)
		assert.Equal(t, []int64{7, want, 300}, []int64{groups, total, distinct})
		var sums []int64
		require.NoError(t, sessions.Model(&Tally{}).Group("kind").Pluck("count(*)", &sums).Error)
		assert.Len(t, sums, 7)
	})
}

func TestPartialAggregatesRefused(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		tallies(t, db)
		for name, c := range map[string]struct {
			reason string
			build  func(tx *gorm.DB) *gorm.DB
		}{
			"HAVING two aggregates":   {"sessions-group", func(tx *gorm.DB) *gorm.DB { return tx.Select("kind").Group("kind").Having("sum(amount) > sum(small)") }},
			"HAVING of text":          {"sessions-group", func(tx *gorm.DB) *gorm.DB { return tx.Select("kind").Group("kind").Having("max(name) > 3") }},
			"HAVING beside text":      {"sessions-group", func(tx *gorm.DB) *gorm.DB { return tx.Select("kind").Group("kind").Having("count(*) > '3'") }},
			"HAVING beside a float":   {"sessions-group", func(tx *gorm.DB) *gorm.DB { return tx.Select("kind").Group("kind").Having("count(*) > ?", 3.0) }},
			"HAVING beside a decimal": {"sessions-group", func(tx *gorm.DB) *gorm.DB { return tx.Select("kind").Group("kind").Having("count(*) > 3.5") }},
			"HAVING an expression":    {"sessions-group", func(tx *gorm.DB) *gorm.DB { return tx.Select("kind").Group("kind").Having("count(*) + 1 > 3") }},
			"HAVING another column":   {"sessions-group", func(tx *gorm.DB) *gorm.DB { return tx.Select("kind").Group("kind").Having("small > 3") }},
			"HAVING a subquery": {"sessions-group", func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind").Group("kind").Having("count(*) > (?)", tx.Session(&gorm.Session{NewDB: true}).Model(&PlainTally{}).Select("1"))
			}},
			"HAVING a far number": {"sessions-group", func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind").Group("kind").Having("sum(amount) < ?", int64(1)<<60)
			}},
			"zero beside different values": {"sessions-select", func(tx *gorm.DB) *gorm.DB { return tx.Select("coalesce(sum(small), 0), count(distinct kind)") }},
			"different values after zero": {"sessions-order", func(tx *gorm.DB) *gorm.DB {
				return tx.Select("coalesce(sum(small), 0) AS s").Order("count(distinct kind)")
			}},
			"a position":                     {"sessions-group", func(tx *gorm.DB) *gorm.DB { return tx.Select("kind, count(*)").Group("1") }},
			"a function":                     {"sessions-group", func(tx *gorm.DB) *gorm.DB { return tx.Select("count(*)").Group("hex(kind)") }},
			"a row":                          {"sessions-select", func(tx *gorm.DB) *gorm.DB { return tx.Select("count(distinct (kind, sold))") }},
			"another's alias":                {"sessions-group", func(tx *gorm.DB) *gorm.DB { return tx.Select("count(*) AS n").Group("n") }},
			"a variance of an expression":    {"sessions-select", func(tx *gorm.DB) *gorm.DB { return tx.Select("variance(small + 1)") }},
			"a variance of different values": {"sessions-select", func(tx *gorm.DB) *gorm.DB { return tx.Select("stddev(distinct small)") }},
			"a quotient":                     {"sessions-select", func(tx *gorm.DB) *gorm.DB { return tx.Select("sum(small) / count(*)") }},
			"zero for no different values":   {"sessions-select", func(tx *gorm.DB) *gorm.DB { return tx.Select("coalesce(sum(distinct kind), 0)") }},
			"different values after a sum":   {"sessions-order", func(tx *gorm.DB) *gorm.DB { return tx.Select("count(distinct id)").Order("sum(distinct kind)") }},
			"a bare column":                  {"sessions-select", func(tx *gorm.DB) *gorm.DB { return tx.Select("name, count(*)").Group("kind") }},
			"its order":                      {"sessions-order", func(tx *gorm.DB) *gorm.DB { return tx.Select("kind, count(*) n").Group("kind").Order("abs(kind)") }},
			"a window":                       {"sessions-select", func(tx *gorm.DB) *gorm.DB { return tx.Select("sum(small) over (partition by kind)") }},
			"a filter":                       {"sessions-select", func(tx *gorm.DB) *gorm.DB { return tx.Select("sum(small) filter (where kind = 1)") }},
		} {
			var out []map[string]any
			err := c.build(db.Model(&Tally{}).Scopes(dtde.Reads(dtde.ReadSessions))).Find(&out).Error
			var refusal *dtde.UnsupportedError
			require.ErrorAs(t, err, &refusal, name)
			assert.Equal(t, c.reason, refusal.Reason, name)
		}
		if db.Name() == "mysql" {
			for query, reason := range map[string]string{"variance(small)": "sessions-select", "count(distinct name)": "sessions-select", "count(distinct lower(name))": "sessions-select"} {
				var out []map[string]any
				var refusal *dtde.UnsupportedError
				require.ErrorAs(t, db.Model(&Tally{}).Scopes(dtde.Reads(dtde.ReadSessions)).Select(query).Find(&out).Error, &refusal, query)
				assert.Equal(t, reason, refusal.Reason, query)
			}
			// 'a' = 'A' there
			var out []map[string]any
			err := db.Model(&Tally{}).Scopes(dtde.Reads(dtde.ReadSessions)).Select("name, count(*)").Group("name").Find(&out).Error
			require.ErrorIs(t, err, dtde.ErrUnsupported)
			assert.True(t, strings.Contains(err.Error(), "GROUP BY"))
		}
	})
}
