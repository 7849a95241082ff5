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

// TestRowsInTheOrderOfWhatIsNotSelected: rows that are merged come in the order of columns
// that the program does not select, and without them.
func TestRowsInTheOrderOfWhatIsNotSelected(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		f := openProbes(t, d)
		for name, build := range map[string]func(tx *gorm.DB) *gorm.DB{
			"a column":       func(tx *gorm.DB) *gorm.DB { return tx.Select("total").Order("id DESC") },
			"a page":         func(tx *gorm.DB) *gorm.DB { return tx.Select("count", "cost").Order("id").Offset(11).Limit(9) },
			"NULLs and ties": func(tx *gorm.DB) *gorm.DB { return tx.Select("cost, id").Order("count, place DESC, id") },
			"some selected":  func(tx *gorm.DB) *gorm.DB { return tx.Select("place").Order("place, id DESC").Limit(40) },
			"of an argument": func(tx *gorm.DB) *gorm.DB { return tx.Select([]string{"reason", "Total"}).Order("probes.id") },
			"twice":          func(tx *gorm.DB) *gorm.DB { return tx.Select("reason").Order("id").Order("id DESC") },
			"of some rows":   func(tx *gorm.DB) *gorm.DB { return tx.Select("total").Where("place < ?", 3).Or("id = 77").Order("id") },
			"of one row":     func(tx *gorm.DB) *gorm.DB { return tx.Select("total").Where("id = ?", 7).Order("place") },
			"of no rows":     func(tx *gorm.DB) *gorm.DB { return tx.Select("total").Where("place = ?", 99).Order("id") },
			"a far page":     func(tx *gorm.DB) *gorm.DB { return tx.Select("total").Order("id").Offset(1200).Limit(3) },
		} {
			t.Run(name, func(t *testing.T) {
				f.same(t, func(tx *gorm.DB) *gorm.DB { return build(tx.Model(&Probe{})) }, nil)
			})
		}
		for form, db := range f.forms {
			var want, got []int64
			page := func(tx *gorm.DB) *gorm.DB { return tx.Model(&Probe{}).Order("id DESC").Limit(20) }
			require.NoError(t, page(f.plain).Pluck("place", &want).Error, form)
			require.NoError(t, page(db).Pluck("place", &got).Error, form)
			assert.Equal(t, want, got, form)

			type small struct{ Total, Count *int64 }
			var smaller, few []small
			require.NoError(t, page(f.plain).Order("place").Find(&smaller).Error, form)
			require.NoError(t, page(db).Order("place").Find(&few).Error, form)
			assert.Equal(t, smaller, few, form)
			var omitted, less []Probe
			require.NoError(t, page(f.plain.Omit("id", "Place")).Find(&omitted).Error, form)
			require.NoError(t, page(db.Omit("id", "Place")).Find(&less).Error, form)
			assert.Equal(t, omitted, less, form)
			var one, other small
			require.NoError(t, page(f.plain).Take(&one).Error, form)
			require.NoError(t, page(db).Take(&other).Error, form)
			assert.Equal(t, one, other, form)

			var first, plain Probe
			require.NoError(t, f.plain.Select("total").Where("total > 5").Last(&plain).Error, form)
			require.NoError(t, db.Select("total").Where("total > 5").Last(&first).Error, form)
			assert.Equal(t, plain, first, form)

			found := page(db.Select("reason")).Find(&[]Probe{})
			require.NoError(t, found.Error, form)
			assert.EqualValues(t, 20, found.RowsAffected, form)
			if form != "union" {
				assert.Contains(t, dtde.Plans(found)[0].String(), "without id", form)
			}
			assert.Equal(t, columnsOf(t, page(f.plain.Select("reason, place"))), columnsOf(t, page(db.Select("reason, place"))), form)
			for probe, err := range dtde.Iterate[Probe](page(db.Select("place"))) {
				require.NoError(t, err)
				assert.Equal(t, Probe{Place: want[0]}, probe, form)
				break
			}
		}
		// which of the equal rows' columns orders them is the database's to say, if it does
		for form, db := range f.forms {
			err := db.Model(&Probe{}).Distinct("place").Order("id").Find(&[]map[string]any{}).Error
			if form == "union" {
				continue
			}
			var refused *dtde.UnsupportedError
			require.ErrorAs(t, err, &refused, form)
			assert.True(t, strings.HasPrefix(refused.Reason, "sessions-order"), refused.Reason)
		}
	})
}
