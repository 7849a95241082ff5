package tests

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Probe has numbers of every kind that a variance is taken of.
type Probe struct {
	ID     int64 `gorm:"primaryKey;autoIncrement:false"`
	Place  int64
	Count  *int32
	Total  *int64
	Cost   *string  `gorm:"type:decimal(14,3)"`
	Level  *float64 `gorm:"type:double precision"`
	Reason string   `gorm:"size:8"`
}

// spreadFunctions are the standard names and their short forms.
var spreadFunctions = []string{"VAR_POP", "VAR_SAMP", "STDDEV_POP", "STDDEV_SAMP", "STDDEV", "VARIANCE"}

// TestVariancesAreThePlainTables takes variances and standard deviations of ints, decimals and
// floats, over all rows, none, one, NULLs and groups, in each form. PostgreSQL's of exact
// numbers are the same to the last digit; floating point is added in another order.
func TestVariancesAreThePlainTables(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		if d.Name == "sqlite" {
			t.Skip("SQLite has no variance: TestVariancesOfSQLite checks what it says")
		}
		f := openProbes(t, d)
		apart := map[string]string(nil)
		if d.Name == "mariadb" {
			apart = map[string]string{"sessions": "sessions-select", "three databases": "sessions-select"}
		}
		wheres := map[string]func(tx *gorm.DB) *gorm.DB{
			"all rows": func(tx *gorm.DB) *gorm.DB { return tx },
			"none":     func(tx *gorm.DB) *gorm.DB { return tx.Where("place = ?", 99) },
			"one":      func(tx *gorm.DB) *gorm.DB { return tx.Where("id = ?", 7) },
			"two":      func(tx *gorm.DB) *gorm.DB { return tx.Where("id IN ?", []int{7, 9}) },
			"NULLs":    func(tx *gorm.DB) *gorm.DB { return tx.Where("place = 4") },
			"equal":    func(tx *gorm.DB) *gorm.DB { return tx.Where("place = 5") },
		}
		for _, column := range []string{"count", "total", "cost", "level", "place"} {
			var list []string
			for _, function := range spreadFunctions {
				list = append(list, function+"("+column+") AS "+strings.ToLower(function))
			}
			for name, where := range wheres {
				t.Run(column+", "+name, func(t *testing.T) {
					not := apart
					if name == "one" { // one shard
						not = nil
					}
					f.same(t, func(tx *gorm.DB) *gorm.DB { return where(tx.Model(&Probe{}).Select(strings.Join(list, ", "))) }, not)
				})
			}
		}
		for name, build := range map[string]func(tx *gorm.DB) *gorm.DB{
			"groups": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("place, variance(count) AS v, stddev_pop(cost) AS s, COUNT(*) AS n").Group("place").Order("place")
			},
			"HAVING and ORDER BY": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("place, var_samp(count) AS v").Group("place").Having("var_samp(count) > 3 AND stddev_pop(total) IS NOT NULL").Order("v DESC, place").Limit(3)
			},
			"ordered by what is not selected": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("place, stddev_samp(count) AS s").Group("place").Having("count(*) > 1").Order("var_pop(count) DESC, place")
			},
			"beside counts of different values": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("place, count(distinct count) AS d, variance(total) AS v, stddev(level) AS l").Group("place").Order("place")
			},
		} {
			t.Run(name, func(t *testing.T) { f.same(t, func(tx *gorm.DB) *gorm.DB { return build(tx.Model(&Probe{})) }, apart) })
		}
		t.Run("of expressions", func(t *testing.T) {
			not := map[string]string{"sessions": "sessions-select", "three databases": "sessions-select"}
			f.same(t, func(tx *gorm.DB) *gorm.DB {
				return tx.Model(&Probe{}).Select("variance(count + place) AS v, stddev(cost * 2) AS s")
			}, not)
		})
		if d.Name == "postgres" { // MariaDB has no DISTINCT in them
			t.Run("of different values", func(t *testing.T) {
				not := map[string]string{"sessions": "sessions-select", "three databases": "sessions-select"}
				f.same(t, func(tx *gorm.DB) *gorm.DB {
					return tx.Model(&Probe{}).Select("var_samp(DISTINCT count) AS v, stddev(DISTINCT place) AS s")
				}, not)
			})
		}
		t.Run("in SQL text", func(t *testing.T) {
			not := map[string]string(nil)
			if d.Name == "mariadb" {
				not = map[string]string{"three databases": "sessions-select"}
			}
			f.same(t, func(tx *gorm.DB) *gorm.DB {
				return tx.Raw("SELECT place, STDDEV_POP(count) AS s, VAR_SAMP(cost) AS v FROM probes WHERE id > ? GROUP BY place HAVING STDDEV_POP(count) > 0 ORDER BY place", 3)
			}, not)
		})
	})
}

// TestVariancesOfSQLite: the engine says that it has none, whichever way it is asked.
func TestVariancesOfSQLite(t *testing.T) {
	t.Parallel()
	f := openProbes(t, testenv.SQLite())
	for _, function := range spreadFunctions {
		var v any
		assert.ErrorContains(t, f.plain.Model(&Probe{}).Select(function+"(count)").Scan(&v).Error, "no such function")
		assert.ErrorContains(t, f.forms["union"].Model(&Probe{}).Select(function+"(count)").Scan(&v).Error, "no such function")
		assert.ErrorIs(t, f.forms["three databases"].Model(&Probe{}).Select(function+"(count)").Scan(&v).Error, dtde.ErrUnsupported)
	}
}

// openProbes fills the probes of each form. Values far from zero beside each other, and
// costs of different sizes, are what sums of squares would lose in floating point.
func openProbes(t *testing.T, d testenv.DB) *groupForms {
	t.Helper()
	var all []Probe
	costs := []string{"0.001", "99999999999.999", "-17.250", "3.000", "1000000.500"}
	for i := range int64(90) {
		g := Probe{ID: i, Place: i % 6, Reason: "r"}
		if i%5 > 0 && g.Place != 4 {
			count, total, level := int32(i*7%31), math.MaxInt32*i*i-5, 1e6+float64(i*i%17)/7
			cost := costs[i%5]
			if g.Place == 5 {
				count, total, level, cost = 12, 1<<40, 0.1, "2.500"
			}
			g.Count, g.Total, g.Level, g.Cost = &count, &total, &level, &cost
		}
		all = append(all, g)
	}
	fill := func(db *gorm.DB) *gorm.DB {
		require.NoError(t, db.AutoMigrate(&Probe{}))
		require.NoError(t, bestEffort(db).Create(&all).Error)
		return db
	}
	f := &groupForms{engine: d.Name, plain: fill(d.Open(t)), forms: map[string]*gorm.DB{}}
	one := d.Open(t)
	sharded := func(in config.StorageMode) dtde.Entity {
		return dtde.Model(&Probe{}).ShardByHash("ID", 5).WithStorageMode(in)
	}
	require.NoError(t, one.Use(dtde.Register(entities(sharded(dtde.Tables)))))
	three, _ := overDatabases(t, d, sharded(dtde.Databases))
	f.forms["union"] = fill(one)
	f.forms["sessions"] = one.Scopes(dtde.Reads(dtde.ReadSessions)).Session(&gorm.Session{})
	f.forms["three databases"] = fill(three)
	return f
}
