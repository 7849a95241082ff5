package tests

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/testenv"
)

// TallyMark is co-located with the tally that it belongs to.
type TallyMark struct {
	ID      int64 `gorm:"primaryKey;autoIncrement:false"`
	TallyID int64
	Grade   int32
	Worth   *int64
	Label   string `gorm:"size:10"`
}

// joinMarks joins tallies with their marks.
const joinMarks = "JOIN tally_marks ON tally_marks.tally_id = tallies.id"

// groupForms are the same tallies and marks in one plain table each, and sharded: read by
// a union, by sessions on one database, and from three databases.
type groupForms struct {
	engine string
	plain  *gorm.DB
	forms  map[string]*gorm.DB
}

// openGroupForms fills the tables; MariaDB's texts are all of one case, so that which of
// several equal ones stands for them is no question.
func openGroupForms(t *testing.T, d testenv.DB) *groupForms {
	t.Helper()
	sharded := func(in config.StorageMode) []dtde.Entity {
		return []dtde.Entity{
			dtde.Model(&Tally{}).ShardByHash("ID", tallyShards).WithStorageMode(in),
			dtde.Model(&TallyMark{}).ShardByHash("TallyID", tallyShards).WithStorageMode(in).CoLocatedWith(&Tally{}),
		}
	}
	all, marks := tallyRows(120)
	fill := func(db *gorm.DB) *gorm.DB {
		require.NoError(t, db.AutoMigrate(&Tally{}, &TallyMark{}))
		require.NoError(t, bestEffort(db).Create(&all).Error)
		require.NoError(t, bestEffort(db).Create(&marks).Error)
		return db
	}
	f := &groupForms{engine: d.Name, plain: fill(d.Open(t)), forms: map[string]*gorm.DB{}}
	one := d.Open(t)
	require.NoError(t, one.Use(dtde.Register(entities(sharded(dtde.Tables)...))))
	three, _ := overDatabases(t, d, sharded(dtde.Databases)...)
	f.forms["union"] = fill(one)
	f.forms["sessions"] = one.Scopes(dtde.Reads(dtde.ReadSessions)).Session(&gorm.Session{})
	f.forms["three databases"] = fill(three)
	return f
}

// tallyRows are rows with NULLs, groups of NULLs only, and decimals that SQLite, which has
// none, holds exactly, too.
func tallyRows(n int64) (all []Tally, marks []TallyMark) {
	for i := range n {
		r := Tally{ID: i + 1, Kind: i % 7, Weight: float64(i) / 4, Sold: i%3 == 0, Name: string(rune('a' + i%5))}
		if i%4 > 0 && r.Kind != 6 {
			small, amount, price := int32(i*i%23), i*i*1_000_003, []string{"0.50", "34567.25", "-3.75", "7.00"}[i%4]
			r.Small, r.Amount, r.Price = &small, &amount, &price
		}
		all = append(all, r)
		for k := range i % 3 {
			m := TallyMark{ID: i*10 + k, TallyID: r.ID, Grade: int32((i + k) % 4), Label: string(rune('p' + i%2))}
			if k == 0 {
				m.Worth = &all[i].Kind
			}
			marks = append(marks, m)
		}
	}
	return all, marks
}

// same compares a read in each form with the plain table's, in its order; floating point
// within what adding in another order may change. not are forms that refuse it, with
// their reason.
func (f *groupForms) same(t *testing.T, build func(tx *gorm.DB) *gorm.DB, not map[string]string) {
	t.Helper()
	var want []map[string]any
	plain := build(f.plain).Find(&want)
	require.NoError(t, plain.Error)
	for _, form := range slices.Sorted(maps.Keys(f.forms)) {
		var got []map[string]any
		tx := build(f.forms[form]).Find(&got)
		if reason := not[form]; reason != "" {
			var refusal *dtde.UnsupportedError
			require.ErrorAs(t, tx.Error, &refusal, form)
			assert.Equal(t, reason, refusal.Reason, form)
			continue
		}
		require.NoError(t, tx.Error, form)
		assert.Equal(t, plain.RowsAffected, tx.RowsAffected, form)
		if d := rowsDiffer(want, got); d != "" {
			assert.Fail(t, form+": "+d, "%v", dtde.Plans(tx))
		}
		assert.Equal(t, columnsOf(t, build(f.plain)), columnsOf(t, build(f.forms[form])), form)
	}
}

// rowsDiffer tells the first difference of two results.
func rowsDiffer(want, got []map[string]any) string {
	if len(want) != len(got) {
		return fmt.Sprintf("%d rows instead of %d", len(got), len(want))
	}
	for i := range want {
		for _, name := range slices.Sorted(maps.Keys(want[i])) {
			w, g := want[i][name], got[i][name]
			x, isFloat := w.(float64)
			if y, both := g.(float64); isFloat && both && math.Abs(x-y) <= 1e-9*math.Abs(x)+1e-12 {
				continue
			}
			if !assert.ObjectsAreEqual(w, g) {
				return fmt.Sprintf("row %d: %s is %T %v instead of %T %v", i, name, g, indirect(g), w, indirect(w))
			}
		}
	}
	return ""
}

// indirect is what a pointer of a scanned value points to.
func indirect(v any) any {
	switch p := v.(type) {
	case *string:
		if p != nil {
			return *p
		}
	case *int64:
		if p != nil {
			return *p
		}
	case *int32:
		if p != nil {
			return *p
		}
	}
	return v
}

// TestLimitsOverDatabases: LIMIT over databases cuts each shard's rows only where a shard
// has what ORDER BY and DISTINCT are about.
func TestLimitsOverDatabases(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		f := openGroupForms(t, d)
		many := make([]int64, 60)
		for i := range many {
			many[i] = int64(2*i + 1)
		}
		wheres := map[string]func(tx *gorm.DB) *gorm.DB{
			"all rows":   func(tx *gorm.DB) *gorm.DB { return tx },
			"an IN list": func(tx *gorm.DB) *gorm.DB { return tx.Where("tallies.id IN ?", many) },
			"a range":    func(tx *gorm.DB) *gorm.DB { return tx.Where("tallies.kind > ?", 1) },
		}
		for name, build := range map[string]func(tx *gorm.DB) *gorm.DB{
			"distinct": func(tx *gorm.DB) *gorm.DB { return tx.Distinct("kind", "sold").Order("kind, sold").Limit(5) },
			"distinct, a page": func(tx *gorm.DB) *gorm.DB {
				return tx.Distinct("kind", "sold").Order("kind DESC, sold").Offset(2).Limit(5)
			},
			"an alias":       func(tx *gorm.DB) *gorm.DB { return tx.Select("id AS x, small").Order("x DESC").Limit(5) },
			"another's name": func(tx *gorm.DB) *gorm.DB { return tx.Select("id AS kind, small").Order("kind DESC").Limit(5) },
			"beside expressions": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("id, kind, small + 1 AS s").Order("kind DESC, id").Limit(5).Offset(3)
			},
		} {
			for where, narrow := range wheres {
				t.Run(name+", "+where, func(t *testing.T) {
					f.same(t, func(tx *gorm.DB) *gorm.DB { return narrow(build(tx.Model(&Tally{}))) }, nil)
				})
			}
		}
	})
}

// TestGroupsInEachForm: what shards count, sum and compare in part is what one table
// gives, whatever is grouped by, counted once, or ordered by without being selected.
func TestGroupsInEachForm(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		f := openGroupForms(t, d)
		odd := "CASE WHEN kind > 3 AND name <> 'b' THEN kind * 2 ELSE -1 END"
		for name, c := range map[string]struct {
			build func(tx *gorm.DB) *gorm.DB
			not   map[string]map[string]string // by engine
		}{
			"an expression": {build: func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind % 2 AS odd, count(*) AS n, sum(small) AS s").Group("kind % 2").Order("kind % 2 DESC")
			}},
			"its alias": {build: func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind % 3 AS third, avg(price) AS a").Group("third").Order("third")
			}},
			"not selected": {build: func(tx *gorm.DB) *gorm.DB { return tx.Select("count(*) AS n").Group("kind % 3").Order("kind % 3") }},
			"two of them": {build: func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind % 2 AS odd", "sold", "length(name) AS l", "max(weight) AS w").Group("kind % 2, sold, length(name)").Order("odd, sold DESC")
			}},
			"a case": {build: func(tx *gorm.DB) *gorm.DB { return tx.Select(odd + " AS c, count(*) AS n").Group(odd).Order("c") }},
			"by what is null": {build: func(tx *gorm.DB) *gorm.DB {
				return tx.Select("coalesce(small, -1) % 5 AS c, count(small) AS n").Group("coalesce(small, -1) % 5").Having("count(*) > 3").Order("c")
			}},
			"text in other letters": {build: func(tx *gorm.DB) *gorm.DB {
				return tx.Select("upper(name) AS u, count(*) AS n, sum(kind) AS k").Group("upper(name)").Order("k, n")
			}, not: map[string]map[string]string{"mariadb": {"sessions": "sessions-group", "three databases": "sessions-group"}}},
			"a case of texts": {build: func(tx *gorm.DB) *gorm.DB {
				return tx.Select("CASE WHEN kind > 3 THEN 'a' ELSE 'b' END AS c, count(*) AS n").Group("CASE WHEN kind > 3 THEN 'a' ELSE 'b' END").Order("n")
			}, not: map[string]map[string]string{"mariadb": {"sessions": "sessions-group", "three databases": "sessions-group"}}},
			"decimals": {build: func(tx *gorm.DB) *gorm.DB { return tx.Select("price, count(*) AS n").Group("price").Order("price") }},
			"floats": {build: func(tx *gorm.DB) *gorm.DB {
				return tx.Select("weight, count(*) AS n").Group("weight").Order("weight DESC").Limit(9)
			}},
			"least decimal": {build: func(tx *gorm.DB) *gorm.DB { return tx.Select("min(price) AS a, max(price) AS b") }},
			"different": {build: func(tx *gorm.DB) *gorm.DB {
				return tx.Select("count(distinct kind) AS n, count(distinct small) AS s, count(*) AS c")
			}},
			"different, none": {build: func(tx *gorm.DB) *gorm.DB {
				return tx.Select("count(distinct kind) AS n, sum(small) AS s, avg(price) AS a").Where("kind > 90")
			}},
			"different ids": {build: func(tx *gorm.DB) *gorm.DB {
				return tx.Select("count(distinct id) AS n, count(distinct weight) AS w, sum(price) AS s")
			}},
			"different by group": {build: func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, count(distinct small) AS n, avg(small) AS a, min(weight) AS w").Group("kind").Having("count(distinct small) > 5").Order("n DESC, kind")
			}},
			"different only in HAVING": {build: func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, sum(amount) AS s").Group("kind").Having("count(distinct price) >= 3").Order("count(distinct sold), kind")
			}},
			"different expressions": {build: func(tx *gorm.DB) *gorm.DB {
				return tx.Select("count(distinct kind % 3) AS n, count(distinct(kind)) AS k")
			}},
			"least of different": {build: func(tx *gorm.DB) *gorm.DB { return tx.Select("min(distinct small) AS a, max(distinct amount) AS b") }},
			"ordered by what is not selected": {build: func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind").Group("kind").Order("sum(amount) DESC, avg(small), kind").Limit(4)
			}},
			"zero instead of no sum": {build: func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, coalesce(sum(small), 0) AS s, COALESCE(SUM(price), 0) AS p").Group("kind").Having("coalesce(sum(small), 0) >= 0").Order("s DESC, kind")
			}},
			"zero of no rows": {build: func(tx *gorm.DB) *gorm.DB { return tx.Select("coalesce(sum(amount), 0) AS s").Where("kind > 90") }},
			"one of": {build: func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind").Group("kind").Having("count(*) IN (17, 18) AND sum(small) NOT IN (1,2)").Order("kind")
			}},
			"an average in HAVING": {build: func(tx *gorm.DB) *gorm.DB {
				return tx.Select("kind, count(*) AS n").Group("kind").Having("avg(small) > 8 AND avg(amount) IS NOT NULL").Order("kind")
			}, not: map[string]map[string]string{"mariadb": {"sessions": "sessions-group", "three databases": "sessions-group"}}},
			"distinct expressions": {build: func(tx *gorm.DB) *gorm.DB { return tx.Distinct("kind % 3 AS third", "sold").Limit(100) }, not: map[string]map[string]string{"any": {}}},
			"distinct decimals":    {build: func(tx *gorm.DB) *gorm.DB { return tx.Distinct("sold", "price") }, not: map[string]map[string]string{"any": {}}},
		} {
			t.Run(name, func(t *testing.T) {
				build := func(tx *gorm.DB) *gorm.DB { return c.build(tx.Model(&Tally{})) }
				if _, any := c.not["any"]; any {
					f.sameSet(t, build)
					return
				}
				f.same(t, build, c.not[f.engine])
			})
		}
		t.Run("by Count", func(t *testing.T) {
			for _, form := range slices.Sorted(maps.Keys(f.forms)) {
				for _, count := range []func(tx *gorm.DB) *gorm.DB{
					func(tx *gorm.DB) *gorm.DB { return tx.Distinct("kind") },
					func(tx *gorm.DB) *gorm.DB { return tx.Distinct("small").Where("sold = ?", true) },
					func(tx *gorm.DB) *gorm.DB { return tx.Distinct("price").Where("kind > 90") },
				} {
					var want, got int64
					require.NoError(t, count(f.plain.Model(&Tally{})).Count(&want).Error)
					tx := count(f.forms[form].Model(&Tally{})).Count(&got)
					require.NoError(t, tx.Error, form)
					assert.Equal(t, want, got, form)
					assert.EqualValues(t, 1, tx.RowsAffected, form)
				}
			}
		})
		if f.engine == "mariadb" {
			t.Run("combinations", func(t *testing.T) {
				f.same(t, func(tx *gorm.DB) *gorm.DB {
					return tx.Model(&Tally{}).Select("sold, count(distinct kind, small) AS n, count(distinct small, price, kind % 2) AS m").Group("sold").Order("sold")
				}, nil)
			})
		}
	})
}

// sameSet compares rows in no order.
func (f *groupForms) sameSet(t *testing.T, build func(tx *gorm.DB) *gorm.DB) {
	t.Helper()
	var want []map[string]any
	require.NoError(t, build(f.plain).Find(&want).Error)
	for form, tx := range f.forms {
		var got []map[string]any
		require.NoError(t, build(tx).Find(&got).Error, form)
		assert.ElementsMatch(t, want, got, form)
	}
}

// TestGroupsOverJoins: co-located tables are grouped, summed and made distinct database by
// database, also by the other table's columns.
func TestGroupsOverJoins(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		f := openGroupForms(t, d)
		delete(f.forms, "sessions") // join only over databases
		for name, build := range map[string]func(tx *gorm.DB) *gorm.DB{
			"by the other's column": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("tally_marks.grade, count(*) AS n, sum(tallies.amount) AS s").Group("tally_marks.grade").Order("tally_marks.grade")
			},
			"of the other's columns": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("sum(tally_marks.worth) AS s, avg(tally_marks.grade) AS a, max(tally_marks.worth) AS m, count(distinct tally_marks.grade) AS d, count(distinct tallies.id) AS i")
			},
			"by both": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("tallies.kind, tally_marks.grade AS g, count(tally_marks.worth) AS n").Group("tallies.kind, tally_marks.grade").
					Having("count(*) > 1 AND max(tally_marks.grade) < 3").Order("g DESC, sum(tallies.small), tallies.kind").Limit(9)
			},
			"by expressions of both": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("(tallies.kind + tally_marks.grade) % 4 AS m, count(*) AS n").Group("(tallies.kind + tally_marks.grade) % 4").Order("m")
			},
			"distinct": func(tx *gorm.DB) *gorm.DB { return tx.Distinct("tallies.kind").Order("tallies.kind DESC").Limit(5) },
			"distinct of both": func(tx *gorm.DB) *gorm.DB {
				return tx.Distinct("tallies.kind", "tally_marks.grade").Order("tallies.kind, tally_marks.grade DESC").Offset(3).Limit(11)
			},
			"distinct text": func(tx *gorm.DB) *gorm.DB {
				return tx.Distinct("tallies.sold", "tally_marks.label", "tally_marks.grade").Where("tally_marks.label = ?", "p").Order("tally_marks.grade, tallies.sold")
			},
		} {
			t.Run(name, func(t *testing.T) {
				var not map[string]string
				if name == "distinct text" && f.engine == "mariadb" {
					not = map[string]string{"three databases": "sessions-distinct"}
				}
				f.same(t, func(tx *gorm.DB) *gorm.DB { return build(tx.Model(&Tally{}).Joins(joinMarks)) }, not)
			})
		}
	})
}
