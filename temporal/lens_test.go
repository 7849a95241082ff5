package temporal

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/config"
)

type lensRow struct {
	ID      int64
	Number  string
	From    time.Time
	To      *time.Time
	SysFrom time.Time
	SysTo   time.Time `gorm:"not null"`
}

func lensValidity(t *testing.T, startOnly, system bool) *config.Validity {
	t.Helper()
	s, err := schema.Parse(&lensRow{}, &sync.Map{}, schema.NamingStrategy{})
	require.NoError(t, err)
	v := &config.Validity{
		Valid: config.PeriodColumns{From: s.FieldsByName["From"], To: s.FieldsByName["To"], Precision: time.Second, Open: config.OpenNull, Nullable: true},
		Key:   []config.KeyColumn{config.KeyColumnOf(s.FieldsByName["Number"], "sqlite")},
	}
	if startOnly {
		v.Valid.To = nil
	}
	if system {
		v.System = &config.PeriodColumns{From: s.FieldsByName["SysFrom"], To: s.FieldsByName["SysTo"], Precision: time.Second, Open: config.OpenSentinel}
	}
	return v
}

// sees is the lens's meaning in Go.
func sees(l Lens, v Version[string], timeline []Version[string]) bool {
	switch l.Kind {
	case LensAt:
		return v.Valid.Contains(l.At)
	case LensBetween:
		return v.Valid.Overlaps(l.Period) || l.IncludeEnd && !l.Period.IsOpen() && (v.Valid.From.Equal(l.Period.To) || v.Valid.Contains(l.Period.To))
	case LensContainedIn:
		return l.Period.Covers(v.Valid)
	case LensLatest:
		return !slices.ContainsFunc(timeline, func(w Version[string]) bool { return w.Row == v.Row && w.Valid.From.After(v.Valid.From) })
	}
	return true
}

// TestLensOnRows compares every lens with its meaning, on histories that Plan made.
func TestLensOnRows(t *testing.T) {
	t.Parallel()
	for _, startOnly := range []bool{false, true} {
		for _, system := range []bool{false, true} {
			t.Run(fmt.Sprintf("start only %v, system %v", startOnly, system), func(t *testing.T) {
				t.Parallel()
				db, err := gorm.Open(sqlite.Open("file:"+t.TempDir()+"/lens.db"), &gorm.Config{})
				require.NoError(t, err)
				require.NoError(t, db.AutoMigrate(&lensRow{}))
				v := lensValidity(t, startOnly, system)
				rapid.Check(t, func(rt *rapid.T) { lensOnRows(rt, db, v) })
			})
		}
	}
}

func lensOnRows(rt *rapid.T, db *gorm.DB, v *config.Validity) {
	require.NoError(rt, db.Where("1 = 1").Delete(&lensRow{}).Error)
	var rows []Version[string]
	for _, key := range []string{"a", "b"} {
		tb := newTable(Rules[int]{System: v.System != nil, StartOnly: v.StartOnly()})
		for clock := range rapid.IntRange(1, 4).Draw(rt, "saves") {
			clear(tb.touched)
			from := rapid.IntRange(0, 12).Draw(rt, "from")
			op := Save(rapid.IntRange(1, 3).Draw(rt, "row")).Effective(sec(from))
			if clock > 1 && !v.StartOnly() && rapid.Bool().Draw(rt, "delete") {
				op = DeletePortion[int](per(from, from+3))
			}
			_, err := tb.run(op, clock*2)
			require.NoError(rt, err)
		}
		for _, r := range tb.rows {
			rows = append(rows, Version[string]{Row: key, ID: int64(len(rows) + 1), Valid: r.Valid, System: r.System})
		}
	}
	for i, r := range rows {
		row := lensRow{ID: r.ID.(int64), Number: r.Row, From: r.Valid.From, SysFrom: r.System.From, SysTo: Sentinel}
		if !r.Valid.IsOpen() {
			row.To = &rows[i].Valid.To
		} else if i%2 == 0 {
			row.To = &Sentinel // read as open, too
		}
		if !r.System.IsOpen() {
			row.SysTo = r.System.To
		}
		require.NoError(rt, db.Create(&row).Error)
	}
	a := sec(rapid.IntRange(0, 16).Draw(rt, "a"))
	b := a.Add(time.Duration(rapid.IntRange(0, 6).Draw(rt, "length")) * time.Second)
	lens := rapid.SampledFrom([]Lens{
		ValidAt(a), ValidAt(a.Add(300 * time.Millisecond)), ValidAt(Sentinel), ValidBetween(a, b), ValidBetween(a, b).Inclusive(), ValidBetween(a, time.Time{}),
		ValidContainedIn(a, b), ValidContainedIn(a, time.Time{}), AllVersions(), Latest(),
	}).Draw(rt, "lens")
	var knownAt time.Time
	if v.System != nil && rapid.Bool().Draw(rt, "known at") {
		knownAt = sec(rapid.IntRange(0, 8).Draw(rt, "known"))
		lens = lens.KnownAt(knownAt)
	}
	require.NoError(rt, lens.Check(v))

	var timeline []Version[string]
	for _, key := range []string{"a", "b"} {
		one := Timeline(slices.DeleteFunc(slices.Clone(rows), func(r Version[string]) bool { return r.Row != key }), knownAt)
		if v.StartOnly() {
			one = DeriveEnds(one)
		}
		timeline = append(timeline, one...)
	}
	var want, got []int64
	cut := lens.cut(v)
	for _, r := range timeline {
		if sees(cut, r, timeline) {
			want = append(want, r.ID.(int64))
			assert.True(rt, lens.Starts(v).Contains(config.Time(r.Valid.From)), "%v misses the start of %s", lens.Starts(v), r.Valid)
			end := config.Null()
			if !r.Valid.IsOpen() {
				end = config.Time(r.Valid.To)
			}
			assert.True(rt, lens.Ends(v).Contains(end), "%v misses the end of %s", lens.Ends(v), r.Valid)
		}
	}
	tx := db.Model(&lensRow{}).Where(clause.And(lens.Conditions(v, Target{Table: clause.CurrentTable, Source: "lens_rows"})...))
	require.NoError(rt, tx.Pluck("id", &got).Error)
	assert.ElementsMatch(rt, want, got, "%+v: %v", lens, timeline)
}

func TestLensText(t *testing.T) {
	t.Parallel()
	db, err := gorm.Open(sqlite.Open("file::memory:"), &gorm.Config{DryRun: true})
	require.NoError(t, err)
	at := time.Date(2024, 3, 10, 9, 30, 0, 123_456_789, time.FixedZone("x", 3600))
	for _, c := range []struct {
		name              string
		startOnly, system bool
		lens              Lens
		want              string
	}{
		{"none", false, true, Lens{}, ""},
		{"at", false, false, ValidAt(at), "`c`.`from` <= \"2024-03-10 08:30:00\" AND (`c`.`to` IS NULL OR `c`.`to` > \"2024-03-10 08:30:00\")"},
		{
			"at, start only", true, false, ValidAt(at), "`c`.`from` <= \"2024-03-10 08:30:00\" AND NOT EXISTS (SELECT 1 FROM `contracts_eu` `dtde_later` " +
				"WHERE `dtde_later`.`number` = `c`.`number` AND `dtde_later`.`from` > `c`.`from` AND `dtde_later`.`from` <= \"2024-03-10 08:30:00\")",
		},
		{"all", false, true, AllVersions(), "`c`.`sys_to` >= \"9999-12-31 00:00:00\""},
		{"ever", false, true, AllVersions().KnownEver(), ""},
		{"known at", false, true, Lens{}.KnownAt(at), "`c`.`sys_from` <= \"2024-03-10 08:30:00\" AND `c`.`sys_to` > \"2024-03-10 08:30:00\""},
		{"empty period", false, false, ValidBetween(at, at), "1 = 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conditions := c.lens.Conditions(lensValidity(t, c.startOnly, c.system), Target{Table: "c", Source: "contracts_eu"})
			sql := db.ToSQL(func(tx *gorm.DB) *gorm.DB {
				tx = tx.Table("contracts AS c")
				if len(conditions) > 0 {
					tx = tx.Where(clause.And(conditions...))
				}
				return tx.Find(&[]map[string]any{})
			})
			want := "SELECT * FROM contracts AS c"
			if c.want != "" {
				want += " WHERE " + c.want
			}
			assert.Equal(t, want, sql)
		})
	}
}

func TestLensCheck(t *testing.T) {
	t.Parallel()
	v := lensValidity(t, false, false)
	for _, l := range []Lens{ValidAt(sec(1)).KnownAt(sec(2)), AllVersions().KnownEver(), Latest().Inclusive(), {Kind: 99}} {
		assert.ErrorIs(t, l.Check(v), ErrOption)
	}
	for _, l := range []Lens{ValidBetween(sec(2), sec(1)), ValidContainedIn(sec(2), sec(1))} {
		err := l.Check(v)
		assert.ErrorIs(t, err, ErrPeriod)
		assert.ErrorIs(t, err, config.Err)
		assert.ErrorContains(t, err, "the period ends before it starts")
	}
	assert.NoError(t, ValidBetween(sec(1), sec(1)).Inclusive().Check(v))
	assert.True(t, Lens{}.IsZero())
	assert.False(t, AllVersions().IsZero())
}
