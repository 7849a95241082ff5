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
			if y, both := g.(float64); isFloat && both && math.Abs(x-y) <= 1e-12*math.Abs(x) {
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
