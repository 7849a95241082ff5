package tests

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Employee keeps the history of who works where; its times are stored as finely as its
// columns are.
type Employee struct {
	ID        int64 `gorm:"primaryKey"`
	Name      string
	Dept      string
	ValidFrom time.Time
	ValidTo   *time.Time
}

// Badge is an Employee whose columns hold milliseconds.
type Badge struct {
	ID        int64 `gorm:"primaryKey"`
	Name      string
	Dept      string
	ValidFrom time.Time  `gorm:"precision:3"`
	ValidTo   *time.Time `gorm:"precision:3"`
}

// eachEmployment opens both models on every engine, on one table and on shards.
func eachEmployment(t *testing.T, f func(t *testing.T, db *gorm.DB, now *time.Time, d testenv.DB)) {
	t.Helper()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		for _, layout := range layouts {
			t.Run(layout, func(t *testing.T) {
				now := day(1)
				db := d.Open(t, &gorm.Config{NowFunc: func() time.Time { return now }})
				var entities []dtde.Entity
				for _, model := range []any{&Employee{}, &Badge{}} {
					e := dtde.Model(model).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Name")
					switch layout {
					case "by key":
						e = e.ShardByHash("Name", 4)
					case "by start":
						zone, err := time.LoadLocation("Europe/Berlin") // years begin there
						require.NoError(t, err)
						e = e.ShardByDate("ValidFrom", dtde.Year, time.Date(2000, 1, 1, 0, 0, 0, 0, zone), time.Date(2030, 1, 1, 0, 0, 0, 0, zone))
					}
					entities = append(entities, e)
				}
				excluding(t, d, db)
				require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: entities})))
				require.NoError(t, db.AutoMigrate(&Employee{}, &Badge{}))
				f(t, db, &now, d)
			})
		}
	})
}

// employed prints a name's versions with times in a layout.
func employed(t *testing.T, db *gorm.DB, name, layout string) string {
	t.Helper()
	rows, err := dtde.Timeline(db, &Employee{Name: name})
	require.NoError(t, err)
	var parts []string
	for _, r := range rows {
		to := "∞"
		if r.ValidTo != nil {
			to = r.ValidTo.UTC().Format(layout)
		}
		parts = append(parts, fmt.Sprintf("%s [%s, %s)", r.Dept, r.ValidFrom.UTC().Format(layout), to))
	}
	return strings.Join(parts, " ")
}

func dateOf(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

// TestForPortionOf: {A [2010-01-01, 2011-11-12)}, dept set for [2011-02-03, 2011-09-10).
func TestForPortionOf(t *testing.T) {
	t.Parallel()
	eachEmployment(t, func(t *testing.T, db *gorm.DB, _ *time.Time, _ testenv.DB) {
		row := &Employee{Name: "A", Dept: "one"}
		_, err := dtde.Put(db, row, dtde.Period{From: dateOf(2010, 1, 1), To: dateOf(2011, 11, 12)})
		require.NoError(t, err)
		r, err := dtde.UpdatePortion(db.Model(&Employee{}).Where("name = ?", "A"), dtde.Period{From: dateOf(2011, 2, 3), To: dateOf(2011, 9, 10)}, map[string]any{"dept": "two"})
		require.NoError(t, err)
		assert.Equal(t, 1, r.Touched)
		assert.Equal(t, "one [2010-01-01, 2011-02-03) two [2011-02-03, 2011-09-10) one [2011-09-10, 2011-11-12)", employed(t, db, "A", time.DateOnly))
		var middle Employee
		require.NoError(t, db.Scopes(dtde.ValidAt(dateOf(2011, 5, 1))).First(&middle, "name = ?", "A").Error)
		assert.Equal(t, row.ID, middle.ID, "the row keeps its id and shrinks")
		r, err = dtde.UpdatePortion(db.Model(&Employee{Name: "A"}), dtde.Period{From: dateOf(2011, 3, 1), To: dateOf(2011, 3, 1)}, map[string]any{"dept": "three"})
		require.NoError(t, err)
		assert.Zero(t, r, "from = to touches nothing")
		_, err = dtde.UpdatePortion(db.Model(&Employee{Name: "A"}), dtde.Period{From: dateOf(2011, 3, 2), To: dateOf(2011, 3, 1)}, map[string]any{"dept": "three"})
		require.ErrorIs(t, err, dtde.ErrPeriod)
	})
}

// TestSaveBetween: a save at 5 on {A [1, 9), C [9, ∞)}.
func TestSaveBetween(t *testing.T) {
	t.Parallel()
	eachEmployment(t, func(t *testing.T, db *gorm.DB, _ *time.Time, _ testenv.DB) {
		for _, v := range []struct {
			dept string
			at   int
		}{{"A", 1}, {"C", 9}, {"B", 5}} {
			_, err := dtde.SaveWithVersioning(db, &Employee{Name: "x", Dept: v.dept}, dtde.Effective(day(v.at)))
			require.NoError(t, err)
		}
		assert.Equal(t, "A [01-01, 01-05) B [01-05, 01-09) C [01-09, ∞)", employed(t, db, "x", "01-02"))
	})
}

// TestOneInstant: a closed version's end is the next one's start, to the microsecond and
// to whatever else the engine stores, under a clock of nanoseconds.
func TestOneInstant(t *testing.T) {
	t.Parallel()
	eachEmployment(t, func(t *testing.T, db *gorm.DB, now *time.Time, d testenv.DB) {
		start := time.Date(2024, 3, 1, 12, 0, 0, 987_654_321, time.UTC)
		for i := range 6 {
			*now = start.Add(time.Duration(i) * 1_234_567_891)
			_, err := dtde.SaveWithVersioning(db, &Employee{Name: "x", Dept: fmt.Sprint(i)})
			require.NoError(t, err)
			_, err = dtde.SaveWithVersioning(db, &Badge{Name: "x", Dept: fmt.Sprint(i)})
			require.NoError(t, err)
		}
		rows, err := dtde.Timeline(db, &Employee{Name: "x"})
		require.NoError(t, err)
		require.Len(t, rows, 6)
		for i := range 5 {
			require.NotNil(t, rows[i].ValidTo)
			assert.True(t, rows[i].ValidTo.Equal(rows[i+1].ValidFrom), "%v and %v", rows[i].ValidTo, rows[i+1].ValidFrom)
			stored := map[string]time.Duration{"sqlite": time.Nanosecond, "postgres": time.Microsecond, "mariadb": time.Millisecond}[d.Name]
			at := start.Add(time.Duration(i) * 1_234_567_891)
			assert.True(t, rows[i].ValidFrom.Equal(at.Truncate(stored)), "cut, not rounded: %v of %v", rows[i].ValidFrom, at)
		}
		badges, err := dtde.Timeline(db, &Badge{Name: "x"})
		require.NoError(t, err)
		require.Len(t, badges, 6)
		for i, b := range badges {
			at := start.Add(time.Duration(i) * 1_234_567_891)
			cut, within := at.Truncate(time.Millisecond), 999_999*time.Nanosecond
			if d.Name == "sqlite" { // whose text holds what it is given, whatever is declared
				cut, within = at, 0
			}
			assert.True(t, b.ValidFrom.Equal(cut), "a nanosecond clock on a millisecond column: %v of %v", b.ValidFrom, at)
			if i < 5 {
				require.NotNil(t, b.ValidTo)
				assert.True(t, b.ValidTo.Equal(badges[i+1].ValidFrom))
			}
			for _, read := range []struct {
				at   time.Time
				dept string
			}{{cut, b.Dept}, {at, b.Dept}, {cut.Add(within), b.Dept}} { // what is bound is cut, too
				var found Badge
				require.NoError(t, db.Scopes(dtde.ValidAt(read.at)).Take(&found, "name = ?", "x").Error)
				assert.Equal(t, read.dept, found.Dept, "as of %v", read.at)
			}
		}
	})
}

// TestNightOfSummerTime: the hour that a local clock reads twice is two hours, and the one
// that it leaves out is none; times come in the zone, or in any.
func TestNightOfSummerTime(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	eachEmployment(t, func(t *testing.T, db *gorm.DB, now *time.Time, _ testenv.DB) {
		twice := time.Date(2024, 10, 27, 0, 30, 0, 0, time.UTC).In(berlin) // half past two, the first of them
		again := twice.Add(time.Hour).In(berlin)
		require.Equal(t, twice.Format("15:04"), again.Format("15:04"))
		for i, at := range []time.Time{twice.Add(-2 * time.Hour), twice, again} {
			_, err := dtde.SaveWithVersioning(db, &Employee{Name: "autumn", Dept: fmt.Sprint(i)}, dtde.Effective(at))
			require.NoError(t, err)
		}
		assert.Equal(t, "0 [22:30, 00:30) 1 [00:30, 01:30) 2 [01:30, ∞)", employed(t, db, "autumn", "15:04"))
		tokyo := time.FixedZone("", 9*60*60)
		for at, dept := range map[time.Time]string{
			twice.Add(-time.Second): "0", twice: "1", again.Add(-time.Second): "1", again: "2", twice.In(tokyo): "1", again.In(tokyo): "2",
		} {
			var e Employee
			require.NoError(t, db.Scopes(dtde.ValidAt(at)).Take(&e, "name = ?", "autumn").Error)
			assert.Equal(t, dept, e.Dept, "at %v", at)
		}
		// 2024-03-31 02:00 is 03:00: a day of 23 hours
		_, err := dtde.Put(db, &Employee{Name: "spring", Dept: "night"}, dtde.Period{From: time.Date(2024, 3, 31, 0, 0, 0, 0, berlin), To: time.Date(2024, 4, 1, 0, 0, 0, 0, berlin)})
		require.NoError(t, err)
		rows, err := dtde.Timeline(db, &Employee{Name: "spring"})
		require.NoError(t, err)
		require.Len(t, rows, 1)
		assert.Equal(t, 23*time.Hour, rows[0].ValidTo.Sub(rows[0].ValidFrom))
		// a clock that shows the zone
		*now = time.Date(2024, 10, 27, 0, 45, 0, 0, time.UTC).In(berlin)
		_, err = dtde.SaveWithVersioning(db, &Employee{Name: "clock", Dept: "a"})
		require.NoError(t, err)
		*now = now.Add(30 * time.Minute) // 02:15 on the wall, later all the same
		_, err = dtde.SaveWithVersioning(db, &Employee{Name: "clock", Dept: "b"})
		require.NoError(t, err)
		assert.Equal(t, "a [00:45, 01:15) b [01:15, ∞)", employed(t, db, "clock", "15:04"))
	})
}

// TestTwiceInOneInstant: within one transaction the second save edits in place, else it
// starts a tick later.
func TestTwiceInOneInstant(t *testing.T) {
	t.Parallel()
	eachEmployment(t, func(t *testing.T, db *gorm.DB, now *time.Time, d testenv.DB) {
		tick := map[string]time.Duration{"sqlite": time.Nanosecond, "postgres": time.Microsecond, "mariadb": time.Millisecond}[d.Name]
		*now = day(5)
		if d.Name == "mariadb" { // whose transaction can't see a shard that is made after its snapshot
			_, err := dtde.SaveWithVersioning(db, &Employee{Name: "first"})
			require.NoError(t, err)
		}
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			for _, dept := range []string{"a", "b", "c"} {
				if _, err := dtde.SaveWithVersioning(tx, &Employee{Name: "one", Dept: dept}); err != nil {
					return err
				}
				*now = now.Add(time.Second) // a transaction has one instant, whatever its clock does
			}
			return nil
		}))
		assert.Equal(t, "c [2024-01-05 00:00:00, ∞)", employed(t, db, "one", time.DateTime))
		*now = day(6)
		for _, dept := range []string{"a", "b", "c"} {
			_, err := dtde.SaveWithVersioning(db, &Employee{Name: "other", Dept: dept})
			require.NoError(t, err)
		}
		rows, err := dtde.Timeline(db, &Employee{Name: "other"})
		require.NoError(t, err)
		require.Len(t, rows, 3)
		for i, r := range rows {
			assert.True(t, r.ValidFrom.Equal(day(6).Add(time.Duration(i)*tick)), "%d: %v", i, r.ValidFrom)
		}
		r, err := dtde.SaveWithVersioning(db, &Employee{Name: "other", Dept: "c"})
		require.NoError(t, err)
		assert.False(t, r.Changed, "the same again")
	})
}

// TestClockThatStepsBack: up to the tolerance the open version's start counts, beyond it
// is an error that says what to do, and nothing is written.
func TestClockThatStepsBack(t *testing.T) {
	t.Parallel()
	eachEmployment(t, func(t *testing.T, db *gorm.DB, now *time.Time, _ testenv.DB) {
		*now = day(5)
		_, err := dtde.SaveWithVersioning(db, &Employee{Name: "x", Dept: "a"})
		require.NoError(t, err)
		*now = day(5).Add(-900 * time.Millisecond) // the tolerance is a second
		r, err := dtde.SaveWithVersioning(db, &Employee{Name: "x", Dept: "b"})
		require.NoError(t, err)
		assert.False(t, r.At.Before(day(5)))
		assert.Less(t, r.At.Sub(day(5)), 2*time.Millisecond, "a tick after the open version's start")
		before := employed(t, db, "x", time.RFC3339Nano)
		*now = day(5).Add(-2 * time.Second)
		_, err = dtde.SaveWithVersioning(db, &Employee{Name: "x", Dept: "c"})
		require.ErrorIs(t, err, dtde.ErrClock)
		var fault *dtde.ValidityError
		require.ErrorAs(t, err, &fault)
		assert.Equal(t, "Employee", fault.Entity)
		assert.Contains(t, fault.Hint, "Effective")
		assert.Equal(t, before, employed(t, db, "x", time.RFC3339Nano))
		_, err = dtde.SaveWithVersioning(db, &Employee{Name: "x", Dept: "c"}, dtde.Effective(day(4)))
		require.NoError(t, err, "said so, it is the past's business")
	})
}
