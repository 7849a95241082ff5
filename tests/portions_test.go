package tests

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Fare keeps its history by two columns.
type Fare struct {
	ID        int64  `gorm:"primaryKey"`
	Line      string `gorm:"size:20"`
	Class     int
	Dept      string
	Amount    int
	Seats     *uint8
	Tag       string
	ValidFrom time.Time
	ValidTo   *time.Time
}

// fares opens the entity in each layout.
func fares(t *testing.T, f func(t *testing.T, db *gorm.DB)) {
	t.Helper()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		for _, layout := range layouts {
			t.Run(layout, func(t *testing.T) {
				db := d.Open(t, &gorm.Config{NowFunc: func() time.Time { return day(40) }})
				e := dtde.Model(&Fare{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Line", "Class")
				switch layout {
				case "by key":
					e = e.ShardByHash("Line", 4)
				case "by start":
					e = e.ShardByDate("ValidFrom", dtde.Year, time.Date(2008, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
				}
				require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{e}})))
				require.NoError(t, db.AutoMigrate(&Fare{}))
				f(t, db)
			})
		}
	})
}

// printed are all fares, by line, class and start.
func printed(t *testing.T, db *gorm.DB) string {
	t.Helper()
	var rows []Fare
	check(t, db.Order("line, class, valid_from").Find(&rows))
	var parts []string
	for _, r := range rows {
		to := "∞"
		if r.ValidTo != nil {
			to = r.ValidTo.UTC().Format(time.DateOnly)
		}
		parts = append(parts, fmt.Sprintf("%s%d %s%d [%s, %s)", r.Line, r.Class, r.Dept, r.Amount, r.ValidFrom.UTC().Format(time.DateOnly), to))
	}
	return strings.Join(parts, "\n")
}

func TestPortionsOfAQuery(t *testing.T) {
	t.Parallel()
	fares(t, func(t *testing.T, db *gorm.DB) {
		date := func(text string) time.Time {
			at, err := time.Parse(time.DateOnly, text)
			require.NoError(t, err)
			return at
		}
		end := date("2011-11-12")
		check(t, db.Create(&[]Fare{
			{Line: "A", Class: 1, Dept: "x", ValidFrom: date("2010-01-01"), ValidTo: &end},
			{Line: "A", Class: 2, Dept: "y", ValidFrom: date("2009-06-01")},
			{Line: "B", Class: 1, Dept: "x", ValidFrom: date("2011-01-01")},
		}))
		var first Fare
		check(t, db.First(&first, "line = ? AND class = ?", "A", 1))

		// the worked case: three rows, the row keeps its id and shrinks
		r, err := dtde.UpdatePortion(db.Model(&Fare{}).Where("line = ?", "A").Where("class = ?", 1),
			dtde.Period{From: date("2011-02-03"), To: date("2011-09-10")}, map[string]any{"dept": "new"})
		require.NoError(t, err)
		assert.Equal(t, dtde.VersionResult{Changed: true, Touched: 1}, r)
		assert.Equal(t, "A1 x0 [2010-01-01, 2011-02-03)\nA1 new0 [2011-02-03, 2011-09-10)\nA1 x0 [2011-09-10, 2011-11-12)\n"+
			"A2 y0 [2009-06-01, ∞)\nB1 x0 [2011-01-01, ∞)", printed(t, db))
		var kept Fare
		check(t, db.First(&kept, first.ID))
		assert.Equal(t, "new", kept.Dept)

		// several keys, only the versions that the query names, an OR that the period binds, too
		r, err = dtde.Increment(db.Model(&Fare{}).Where("dept = ?", "x").Or("line = ?", "none").Or("class = ?", 2),
			dtde.Period{From: date("2011-06-01"), To: date("2012-01-01")}, map[string]any{"Amount": 5})
		require.NoError(t, err)
		assert.Equal(t, 3, r.Touched, "the first of A1 ends before, the second is not named")
		assert.Equal(t, "A1 x0 [2010-01-01, 2011-02-03)\nA1 new0 [2011-02-03, 2011-09-10)\nA1 x5 [2011-09-10, 2011-11-12)\n"+
			"A2 y0 [2009-06-01, 2011-06-01)\nA2 y5 [2011-06-01, 2012-01-01)\nA2 y0 [2012-01-01, ∞)\n"+
			"B1 x0 [2011-01-01, 2011-06-01)\nB1 x5 [2011-06-01, 2012-01-01)\nB1 x0 [2012-01-01, ∞)", printed(t, db))

		// a pattern, and a lens of the request that does not narrow it
		asOf := db.WithContext(dtde.WithAsOf(context.Background(), date("2031-01-01")))
		r, err = dtde.DeletePortion(asOf.Model(&Fare{}).Where("line LIKE ?", "A%"), dtde.Period{From: date("2010-06-01"), To: date("2011-10-01")})
		require.NoError(t, err)
		assert.Equal(t, 5, r.Touched)
		assert.Equal(t, "A1 x0 [2010-01-01, 2010-06-01)\nA1 x5 [2011-10-01, 2011-11-12)\n"+
			"A2 y0 [2009-06-01, 2010-06-01)\nA2 y5 [2011-10-01, 2012-01-01)\nA2 y0 [2012-01-01, ∞)\n"+
			"B1 x0 [2011-01-01, 2011-06-01)\nB1 x5 [2011-06-01, 2012-01-01)\nB1 x0 [2012-01-01, ∞)", printed(t, db))
		before := printed(t, db)

		// nothing to do, and what is refused
		for name, c := range map[string]struct {
			query  *gorm.DB
			period dtde.Period
			values map[string]any
			err    error
			says   string
		}{
			"empty":            {query: db.Model(&Fare{}).Where("class > ?", 0), period: dtde.Period{From: date("2011-01-01"), To: date("2011-01-01")}},
			"nobody":           {query: db.Model(&Fare{}).Where("line = ?", "none"), period: dtde.Period{From: date("2011-01-01")}},
			"inverted":         {query: db.Model(&Fare{}).Where("line = ?", "none"), period: dtde.Period{From: date("2011-01-02"), To: date("2011-01-01")}, err: dtde.ErrPeriod},
			"no condition":     {query: db.Model(&Fare{}), err: gorm.ErrMissingWhereClause},
			"no model":         {query: db.Where("class = ?", 1), err: gorm.ErrInvalidValue},
			"a limit":          {query: db.Model(&Fare{}).Where("class = 1").Limit(1), err: dtde.ErrUnsupported, says: "portion-query"},
			"distinct":         {query: db.Model(&Fare{}).Where("class = 1").Distinct(), err: dtde.ErrUnsupported, says: "portion-query"},
			"a column's name":  {query: db.Model(&Fare{}).Where("class = 1"), values: map[string]any{"nope": 1}, err: dtde.ErrConfig},
			"the key":          {query: db.Model(&Fare{}).Where("class = 1"), values: map[string]any{"Line": "Z"}, err: dtde.ErrUnsupported, says: "version-column"},
			"the period":       {query: db.Model(&Fare{}).Where("class = 1"), values: map[string]any{"valid_to": nil}, err: dtde.ErrUnsupported, says: "version-column"},
			"an expression":    {query: db.Model(&Fare{}).Where("class = 1"), values: map[string]any{"amount": gorm.Expr("amount + 1")}, err: dtde.ErrUnsupported, says: "version-expression"},
			"a failed query":   {query: func() *gorm.DB { q := db.Model(&Fare{}).Where("class = 1"); _ = q.AddError(errStop); return q }(), err: errStop},
			"an unknown model": {query: db.Model(&Member{}).Where("1 = 1"), err: dtde.ErrUnsupported, says: "not-temporal"},
		} {
			values := c.values
			if values == nil {
				values = map[string]any{"amount": 77}
			}
			r, err := dtde.UpdatePortion(c.query, c.period, values)
			if c.err == nil {
				require.NoError(t, err, name)
			} else {
				require.ErrorIs(t, err, c.err, name)
				assert.Contains(t, err.Error(), c.says, name)
			}
			assert.Equal(t, dtde.VersionResult{}, r, name)
		}
		assert.Equal(t, before, printed(t, db))

		// models that carry keys; a scope's condition; the caller's transaction
		named := db.Model(&[]Fare{{Line: "A", Class: 2}, {Line: "B", Class: 1}})
		r, err = dtde.UpdatePortion(named, dtde.Period{From: date("2013-01-01")}, map[string]any{"Amount": 9})
		require.NoError(t, err)
		assert.Equal(t, 2, r.Touched)
		r, err = dtde.UpdatePortion(db.Model(&Fare{Line: "B", Class: 1}), dtde.Period{From: date("2025-01-01")}, map[string]any{"tag": "only"})
		require.NoError(t, err)
		assert.Equal(t, 1, r.Touched, "one key")
		var byID Fare
		check(t, db.First(&byID, "tag = ?", "only"))
		r, err = dtde.UpdatePortion(db.Model(&Fare{ID: byID.ID}), dtde.Period{From: date("2010-01-01")}, map[string]any{"tag": "by id"})
		require.NoError(t, err)
		assert.Equal(t, 1, r.Touched, "one row")
		seats := uint8(250)
		r, err = dtde.UpdatePortion(db.Model(&Fare{}).Scopes(func(tx *gorm.DB) *gorm.DB { return tx.Where("amount = ?", 9) }),
			dtde.Period{From: date("2014-01-01")}, map[string]any{"seats": seats})
		require.NoError(t, err)
		assert.Equal(t, 3, r.Touched)
		_, err = dtde.Increment(db.Model(&Fare{}).Where("class > 0"), dtde.Period{From: date("2014-01-01")}, map[string]any{"seats": 6})
		require.ErrorIs(t, err, dtde.ErrRange)
		_, err = dtde.Increment(db.Model(&Fare{}).Where("class > 0"), dtde.Period{From: date("2014-01-01")}, map[string]any{"dept": 6})
		require.ErrorIs(t, err, dtde.ErrConfig)
		require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
			_, err := dtde.Increment(tx.Model(&Fare{}).Where("class > 0"), dtde.Period{From: date("2010-01-01")}, map[string]any{"seats": -249})
			require.NoError(t, err)
			return errStop
		}), errStop)
		var last []Fare
		check(t, db.Scopes(dtde.ValidAt(date("2020-01-01"))).Order("line").Find(&last))
		require.Len(t, last, 2)
		for _, f := range last {
			assert.Equal(t, 9, f.Amount)
			assert.Equal(t, &seats, f.Seats)
		}
		calls := 0
		_, err = dtde.ChangePortion(db.Model(&Fare{Line: "A", Class: 2}), dtde.Period{From: date("2014-01-01")}, func(f *Fare) error {
			calls++
			return errStop
		})
		require.ErrorIs(t, err, errStop)
		assert.Equal(t, 1, calls)
		require.ErrorIs(t, func() error {
			_, err := dtde.ChangePortion(db.Model(&Fare{Line: "A"}), dtde.Period{}, func(*Policy) error { return nil })
			return err
		}(), dtde.ErrConfig)
	})
}

var errStop = errors.New("stop")

// TestPortionsAreRowByRow compares random portions with SQL:2011's rule, row by row, over
// keys and shards: which ids there are and what they say.
func TestPortionsAreRowByRow(t *testing.T) {
	t.Parallel()
	seed := seedOf()
	fares(t, func(t *testing.T, db *gorm.DB) {
		rng := rand.New(rand.NewPCG(seed, uint64(len(t.Name()))))
		var rows []Fare // what is to be there
		for _, line := range []string{"A", "AB", "C"} {
			for class := range 2 {
				from := day(1 + rng.IntN(30))
				to := from.AddDate(0, 0, 20+rng.IntN(600))
				rows = append(rows, Fare{Line: line, Class: class, Amount: rng.IntN(4), ValidFrom: from, ValidTo: &to},
					Fare{Line: line, Class: class, Amount: rng.IntN(4), ValidFrom: to})
			}
		}
		check(t, db.Create(&rows))
		conditions := []struct {
			sql  string
			args []any
			in   func(f Fare) bool
		}{
			{"line LIKE ?", []any{"A%"}, func(f Fare) bool { return strings.HasPrefix(f.Line, "A") }},
			{"amount > ?", []any{2}, func(f Fare) bool { return f.Amount > 2 }},
			{"line = ? OR class = ?", []any{"C", 1}, func(f Fare) bool { return f.Line == "C" || f.Class == 1 }},
			{"valid_to IS NULL", nil, func(f Fare) bool { return f.ValidTo == nil }},
			{"line = ? AND class = ?", []any{"AB", 0}, func(f Fare) bool { return f.Line == "AB" && f.Class == 0 }},
		}
		for step := range 15 {
			c := conditions[rng.IntN(len(conditions))]
			from := day(1 + rng.IntN(400))
			period := dtde.Period{From: from}
			if rng.IntN(4) > 0 {
				period.To = from.AddDate(0, 0, rng.IntN(300))
			}
			by, remove := rng.IntN(3), rng.IntN(4) == 0
			var want []string // without the new rows' ids
			touched := 0
			add := func(f Fare, isNew bool) {
				id := fmt.Sprint(f.ID)
				if isNew {
					id = "new"
				}
				to := "∞"
				if f.ValidTo != nil {
					to = f.ValidTo.UTC().Format(time.DateOnly)
				}
				want = append(want, fmt.Sprintf("%s %s%d %d [%s, %s)", id, f.Line, f.Class, f.Amount, f.ValidFrom.UTC().Format(time.DateOnly), to))
			}
			for _, f := range rows {
				start, stop := f.ValidFrom, f.ValidTo
				if period.From.After(start) {
					start = period.From
				}
				if !period.To.IsZero() && (stop == nil || period.To.Before(*stop)) {
					stop = &period.To
				}
				if !c.in(f) || stop != nil && !start.Before(*stop) {
					add(f, false)
					continue
				}
				touched++
				if !remove && by == 0 {
					add(f, false)
					continue
				}
				left, right := f, f
				left.ValidTo, right.ValidFrom = &start, start
				hasLeft := left.ValidFrom.Before(start)
				hasRight := stop != nil && (f.ValidTo == nil || stop.Before(*f.ValidTo))
				if stop != nil {
					right.ValidFrom = *stop
				}
				if hasLeft {
					add(left, !remove)
				}
				if hasRight {
					add(right, !remove || hasLeft)
				}
				if !remove {
					inside := f
					inside.Amount, inside.ValidFrom, inside.ValidTo = f.Amount+by, start, stop
					add(inside, false)
				}
			}
			what := fmt.Sprintf("seed %d, step %d: %s in %s, %v %d", seed, step, c.sql, period, remove, by)
			query := db.Model(&Fare{}).Where(c.sql, c.args...)
			var r dtde.VersionResult
			var err error
			if remove {
				r, err = dtde.DeletePortion(query, period)
			} else {
				r, err = dtde.Increment(query, period, map[string]any{"amount": by})
			}
			require.NoError(t, err, what)
			require.Equal(t, touched, r.Touched, what)
			known := map[int64]bool{}
			for _, f := range rows {
				known[f.ID] = true
			}
			wanted := want
			want = nil
			rows = nil
			check(t, db.Find(&rows))
			for _, f := range rows {
				add(f, !known[f.ID])
			}
			slices.Sort(wanted)
			slices.Sort(want)
			require.Equal(t, wanted, want, what)
		}
	})
}
