package tests

import (
	"testing"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/internal/testenv"
)

// TestDifferentValuesAreThePlainTables adds and averages each value once, in each form.
func TestDifferentValuesAreThePlainTables(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		f := openProbes(t, d)
		for name, build := range map[string]func(tx *gorm.DB) *gorm.DB{
			"all rows": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("SUM(DISTINCT count) AS s, AVG(DISTINCT count) AS a, SUM(count) AS t, AVG(count) AS m, COUNT(DISTINCT place) AS p")
			},
			"decimals": func(tx *gorm.DB) *gorm.DB { return tx.Select("SUM(DISTINCT cost) AS s, AVG(DISTINCT cost) AS a") },
			"wide":     func(tx *gorm.DB) *gorm.DB { return tx.Select("SUM(DISTINCT total) AS s, AVG(DISTINCT total) AS a") },
			"none": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("SUM(DISTINCT count) AS s, AVG(DISTINCT cost) AS a").Where("place = 99")
			},
			"NULLs": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("SUM(DISTINCT count) AS s, AVG(DISTINCT cost) AS a").Where("place = 4")
			},
			"equal": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("SUM(DISTINCT count) AS s, AVG(DISTINCT cost) AS a").Where("place = 5")
			},
			"groups": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("place, SUM(DISTINCT count % 5) AS s, AVG(DISTINCT cost) AS a, COUNT(*) AS n").Group("place").Order("place")
			},
			"HAVING and ORDER BY": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("place").Group("place").Having("SUM(DISTINCT count) > 12").Order("AVG(DISTINCT count) DESC, place")
			},
			"of the shard key": func(tx *gorm.DB) *gorm.DB {
				return tx.Select("SUM(DISTINCT id) AS s, AVG(DISTINCT id) AS a, SUM(DISTINCT place) AS p")
			},
		} {
			t.Run(name, func(t *testing.T) {
				f.same(t, func(tx *gorm.DB) *gorm.DB { return build(tx.Model(&Probe{})) }, nil)
			})
		}
	})
}
