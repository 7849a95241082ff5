package tests

import (
	"context"
	"crypto/md5"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Policy keeps its history; Riders belong to it by its number.
type Policy struct {
	ID        int64 `gorm:"primaryKey"`
	Number    string
	Premium   int
	ValidFrom time.Time
	ValidTo   *time.Time
	Riders    []Rider `gorm:"foreignKey:PolicyNumber;references:Number"`
}

// Rider keeps its history, too.
type Rider struct {
	ID           int64 `gorm:"primaryKey"`
	Code         string
	PolicyNumber string
	Text         string
	ValidFrom    time.Time
	ValidTo      time.Time // an open end is the sentinel
}

// versioned opens the two models in one of the layouts.
func versioned(t *testing.T, d testenv.DB, layout string, clock func() time.Time) *gorm.DB {
	t.Helper()
	db := d.Open(t, &gorm.Config{NowFunc: clock, DisableForeignKeyConstraintWhenMigrating: true})
	policy := dtde.Model(&Policy{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Number")
	rider := dtde.Model(&Rider{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Code")
	switch layout {
	case "by key":
		policy, rider = policy.ShardByHash("Number", 4), rider.ShardByHash("Code", 3)
	case "by start, cut":
		policy = policy.ShardByDate("ValidFrom", dtde.Month, day(1), time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)).SplitAtShardBoundaries()
		rider = rider.ShardByDate("ValidFrom", dtde.Year, day(1), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)).SplitAtShardBoundaries()
	case "by start":
		from, to := day(1), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
		policy, rider = policy.ShardByDate("ValidFrom", dtde.Month, from, to), rider.ShardByDate("ValidFrom", dtde.Year, from, to)
	}
	excluding(t, d, db)
	require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{policy, rider}})))
	require.NoError(t, db.AutoMigrate(&Policy{}, &Rider{}))
	return db
}

// excluding gives PostgreSQL what dtde's exclusion constraints need, so that every write of
// a test is held to them. The extension comes with the server's package on Debian.
func excluding(t *testing.T, d testenv.DB, db *gorm.DB) {
	t.Helper()
	if d.Name != "postgres" {
		return
	}
	if err := db.Exec("CREATE EXTENSION IF NOT EXISTS btree_gist").Error; err != nil {
		if os.Getenv("CI") == "true" {
			require.NoError(t, err, "with CI=true the server must have btree_gist")
		}
		t.Logf("*** exclusion constraints LEFT OUT: the server has no btree_gist")
	}
}

// day is the n-th day of 2024, in UTC.
func day(n int) time.Time { return time.Date(2024, 1, n, 0, 0, 0, 0, time.UTC) }

var layouts = []string{"one table", "by key", "by start", "by start, cut"}

func eachLayout(t *testing.T, f func(t *testing.T, db *gorm.DB, now *time.Time)) {
	t.Helper()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		for _, layout := range layouts {
			t.Run(layout, func(t *testing.T) {
				now := day(40)
				f(t, versioned(t, d, layout, func() time.Time { return now }), &now)
			})
		}
	})
}

// timeline prints a policy's versions.
func timeline(t *testing.T, db *gorm.DB, number string) string {
	t.Helper()
	rows, err := dtde.Timeline(db, &Policy{Number: number})
	require.NoError(t, err)
	var parts []string
	for _, r := range rows {
		to := "∞"
		if r.ValidTo != nil {
			to = r.ValidTo.UTC().Format(time.DateOnly)
		}
		parts = append(parts, fmt.Sprintf("%d [%s, %s)", r.Premium, r.ValidFrom.UTC().Format(time.DateOnly), to))
	}
	return strings.Join(parts, " ")
}

func TestVersionsWorkedCases(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, db *gorm.DB, now *time.Time) {
		save := func(number string, premium, at int, opts ...dtde.VersionOption) dtde.VersionResult {
			t.Helper()
			r, err := dtde.SaveWithVersioning(db, &Policy{Number: number, Premium: premium}, append(opts, dtde.Effective(day(at)))...)
			require.NoError(t, err)
			return r
		}
		save("a", 1, 1)
		save("a", 3, 9)
		save("a", 2, 5)
		assert.Equal(t, "1 [2024-01-01, 2024-01-05) 2 [2024-01-05, 2024-01-09) 3 [2024-01-09, ∞)", timeline(t, db, "a"))
		assert.False(t, save("a", 3, 12).Changed, "nothing changed")
		save("a", 4, 3, dtde.Supersede())
		assert.Equal(t, "1 [2024-01-01, 2024-01-03) 4 [2024-01-03, ∞)", timeline(t, db, "a"))

		// FOR PORTION OF over a month's end
		save("b", 10, 20)
		_, err := dtde.Terminate(db, &Policy{Number: "b"}, day(75))
		require.NoError(t, err)
		r, err := dtde.UpdatePortion(db.Model(&Policy{Number: "b"}), dtde.Period{From: day(30), To: day(50)}, map[string]any{"premium": 11})
		require.NoError(t, err)
		assert.Equal(t, 1, r.Touched)
		assert.Equal(t, "10 [2024-01-20, 2024-01-30) 11 [2024-01-30, 2024-02-19) 10 [2024-02-19, 2024-03-15)", timeline(t, db, "b"))
		_, err = dtde.ChangePortion(db.Model(&Policy{Number: "b"}), dtde.Period{From: day(25), To: day(40)}, func(p *Policy) error { p.Premium += 100; return nil })
		require.NoError(t, err)
		assert.Equal(t, "10 [2024-01-20, 2024-01-25) 110 [2024-01-25, 2024-01-30) 111 [2024-01-30, 2024-02-09) 11 [2024-02-09, 2024-02-19) 10 [2024-02-19, 2024-03-15)", timeline(t, db, "b"))
		_, err = dtde.DeletePortion(db.Model(&Policy{Number: "b"}), dtde.Period{From: day(28), To: day(60)})
		require.NoError(t, err)
		assert.Equal(t, "10 [2024-01-20, 2024-01-25) 110 [2024-01-25, 2024-01-28) 10 [2024-02-29, 2024-03-15)", timeline(t, db, "b"))
		_, err = dtde.Put(db, &Policy{Number: "b", Premium: 7}, dtde.Period{From: day(24), To: day(61)})
		require.NoError(t, err)
		assert.Equal(t, "10 [2024-01-20, 2024-01-24) 7 [2024-01-24, 2024-03-01) 10 [2024-03-01, 2024-03-15)", timeline(t, db, "b"))
		_, err = dtde.DeletePortion(db.Model(&Policy{Number: "b"}), dtde.Period{From: day(9), To: day(3)})
		require.ErrorIs(t, err, dtde.ErrPeriod)
		findings, err := dtde.Check(db, &Policy{Number: "b"})
		require.NoError(t, err)
		assert.Empty(t, findings)

		// the clock: twice in one instant, and stepping back
		*now = day(70)
		p := Policy{Number: "c", Premium: 1}
		_, err = dtde.SaveWithVersioning(db, &p)
		require.NoError(t, err)
		assert.NotZero(t, p.ID)
		assert.True(t, p.ValidFrom.Equal(day(70)))
		next := Policy{Number: "c", Premium: 2}
		_, err = dtde.SaveWithVersioning(db, &next)
		require.NoError(t, err)
		assert.True(t, next.ValidFrom.After(day(70)), "a tick later")
		var closed Policy
		require.NoError(t, db.First(&closed, "id = ?", p.ID).Error)
		require.NotNil(t, closed.ValidTo)
		assert.True(t, closed.ValidTo.Equal(next.ValidFrom), "one instant")
		*now = day(69)
		_, err = dtde.SaveWithVersioning(db, &Policy{Number: "c", Premium: 3})
		require.ErrorIs(t, err, dtde.ErrClock)
		*now = day(71)
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			for i := range 3 { // in one transaction: edited in place
				if _, err := dtde.SaveWithVersioning(tx, &Policy{Number: "c", Premium: 10 + i}); err != nil {
					return err
				}
			}
			return nil
		}))
		rows, err := dtde.Timeline(db, &Policy{Number: "c"})
		require.NoError(t, err)
		require.Len(t, rows, 3)
		assert.Equal(t, 12, rows[2].Premium)
		_, err = dtde.SaveWithVersioning(db, &Policy{Number: "c", Premium: 99}, dtde.IfVersion(day(1)))
		require.ErrorIs(t, err, dtde.ErrConflict)
		_, err = dtde.Revert(db, &Policy{Number: "c"}, day(70), dtde.Effective(day(80)))
		require.NoError(t, err)
		var now80 Policy
		require.NoError(t, db.Scopes(dtde.ValidAt(day(85))).First(&now80, "number = ?", "c").Error)
		assert.Equal(t, 1, now80.Premium)
		// rolled back with the caller's transaction
		boom := errors.New("boom")
		require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
			_, err := dtde.SaveWithVersioning(tx, &Policy{Number: "c", Premium: 50}, dtde.Effective(day(90)))
			require.NoError(t, err)
			return boom
		}), boom)
		require.NotContains(t, timeline(t, db, "c"), "50 ")
	})
}

func TestLenses(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, db *gorm.DB, now *time.Time) {
		for _, v := range []struct {
			number      string
			premium, at int
		}{{"a", 1, 5}, {"a", 2, 35}, {"a", 3, 65}, {"b", 9, 20}} {
			_, err := dtde.SaveWithVersioning(db, &Policy{Number: v.number, Premium: v.premium}, dtde.Effective(day(v.at)))
			require.NoError(t, err)
		}
		for _, v := range []struct {
			text string
			at   int
		}{{"old", 5}, {"new", 36}} {
			_, err := dtde.SaveWithVersioning(db, &Rider{Code: "r", PolicyNumber: "a", Text: v.text}, dtde.Effective(day(v.at)))
			require.NoError(t, err)
		}
		premiums := func(tx *gorm.DB) (list []int) {
			t.Helper()
			check(t, tx.Model(&Policy{}).Order("premium").Pluck("premium", &list))
			return list
		}
		*now = day(40)
		assert.Equal(t, []int{1, 2, 3, 9}, premiums(db))
		assert.Equal(t, []int{1}, premiums(db.Scopes(dtde.ValidAt(day(5)))))
		assert.Empty(t, premiums(db.Scopes(dtde.ValidAt(day(4)))))
		assert.Equal(t, []int{2, 9}, premiums(db.Scopes(dtde.ValidAt(day(35)))))
		assert.Equal(t, []int{2, 9}, premiums(db.Scopes(dtde.Current())))
		assert.Equal(t, []int{1, 2, 9}, premiums(db.Scopes(dtde.ValidBetween(day(10), day(65)))))
		assert.Equal(t, []int{1, 2, 3, 9}, premiums(db.Scopes(dtde.ValidBetween(day(10), day(65)), dtde.Inclusive())))
		assert.Equal(t, []int{2}, premiums(db.Scopes(dtde.ValidContainedIn(day(30), day(70)))))
		assert.Equal(t, []int{3, 9}, premiums(db.Scopes(dtde.Latest())))
		assert.Equal(t, []int{1, 2, 3, 9}, premiums(db.Scopes(dtde.AllVersions())))
		assert.Equal(t, []int{2, 9}, premiums(db.WithContext(dtde.WithAsOf(context.Background(), day(40)))))
		assert.Equal(t, []int{1}, premiums(db.WithContext(dtde.WithAsOf(context.Background(), day(40))).Scopes(dtde.ValidAt(day(6)))), "a scope wins")
		assert.Equal(t, []int{2}, premiums(db.Scopes(dtde.ValidAt(day(40))).Where("number = ?", "zzz").Or("number = ?", "a")), "an OR does not get around it")
		var n int64
		check(t, db.Scopes(dtde.ValidAt(day(40))).Model(&Policy{}).Count(&n))
		assert.EqualValues(t, 2, n)
		_, err := dtde.Terminate(db, &Policy{Number: "b"}, day(30))
		require.NoError(t, err)
		assert.Equal(t, []int{2}, premiums(db.Scopes(dtde.ValidAt(day(40)))))

		// preloads, associations and joins see what the parent sees
		for at, text := range map[int]string{10: "old", 40: "new"} {
			var p Policy
			check(t, db.Scopes(dtde.ValidAt(day(at))).Preload("Riders").First(&p, "number = ?", "a"))
			require.Len(t, p.Riders, 1, text)
			assert.Equal(t, text, p.Riders[0].Text)
			var riders []Rider
			require.NoError(t, db.Scopes(dtde.ValidAt(day(at))).Model(&p).Association("Riders").Find(&riders))
			require.Len(t, riders, 1)
			assert.Equal(t, text, riders[0].Text)
		}
		err = db.Scopes(dtde.AllVersions()).Preload("Riders").Find(&[]Policy{}).Error
		require.ErrorIs(t, err, dtde.ErrUnsupported)
		require.Contains(t, err.Error(), "preload-versions")
		require.ErrorIs(t, db.Scopes(dtde.ValidBetween(day(9), day(3))).Find(&[]Policy{}).Error, dtde.ErrPeriod)
		require.Error(t, db.Scopes(dtde.KnownAt(day(9))).Find(&[]Policy{}).Error, "no system time")
	})
}

// TestVersionedOnly: plain writes to a marked entity are refused.
func TestVersionedOnly(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{
			dtde.Model(&Policy{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Number").VersionedOnly().CurrentByDefault(),
			dtde.Model(&Rider{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Code").VersionOnSave().ShardByHash("Code", 3),
		}})))
		db.DisableForeignKeyConstraintWhenMigrating = true
		require.NoError(t, db.AutoMigrate(&Policy{}, &Rider{}))
		_, err := dtde.SaveWithVersioning(db, &Policy{Number: "a", Premium: 1}, dtde.Effective(day(1)))
		require.NoError(t, err)
		_, err = dtde.SaveWithVersioning(db, &Policy{Number: "a", Premium: 2}, dtde.Effective(day(9)))
		require.NoError(t, err)
		require.ErrorIs(t, db.Model(&Policy{}).Where("number = ?", "a").Update("premium", 5).Error, dtde.ErrUnversionedWrite)
		require.ErrorIs(t, db.Where("number = ?", "a").Delete(&Policy{}).Error, dtde.ErrUnversionedWrite)
		var current []Policy
		check(t, db.Find(&current))
		require.Len(t, current, 1, "current by default")
		require.Equal(t, 2, current[0].Premium)
		check(t, db.Scopes(dtde.AllVersions()).Find(&current))
		require.Len(t, current, 2)

		r := Rider{Code: "r", PolicyNumber: "a", Text: "one", ValidFrom: day(1)}
		check(t, db.Create(&r))
		require.Equal(t, 9999, r.ValidTo.Year())
		r.Text = "two"
		saved := db.Save(&r)
		check(t, saved)
		require.EqualValues(t, 1, saved.RowsAffected)
		rows, err := dtde.Timeline(db, &Rider{Code: "r"})
		require.NoError(t, err)
		require.Len(t, rows, 2)
		require.True(t, rows[0].ValidTo.Equal(rows[1].ValidFrom))
		require.Equal(t, rows[1].ID, r.ID)
	})
}

// TestWritersOfOneKey: several writers lose no update and leave no overlap.
func TestWritersOfOneKey(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		if d.Name == "sqlite" {
			return // one writer at a time, by its lock
		}
		for _, layout := range []string{"one table", "by key"} {
			t.Run(layout, func(t *testing.T) {
				db := versioned(t, d, layout, time.Now)
				const writers, each = 8, 6
				var group sync.WaitGroup
				failed := make([]error, writers)
				for w := range writers {
					group.Go(func() {
						for range each {
							_, err := dtde.ChangePortion(db.Model(&Policy{Number: "shared"}), dtde.Period{From: day(1)}, func(p *Policy) error { p.Premium++; return nil })
							if err == nil && w%2 == 0 {
								_, err = dtde.SaveWithVersioning(db, &Policy{Number: fmt.Sprint("own", w), Premium: w})
							}
							failed[w] = errors.Join(failed[w], err)
						}
					})
				}
				// the first version comes while they are at it
				_, err := dtde.SaveWithVersioning(db, &Policy{Number: "first", Premium: 0})
				require.NoError(t, err)
				group.Wait()
				for _, err := range failed {
					require.NoError(t, err)
				}
				_, err = dtde.SaveWithVersioning(db, &Policy{Number: "shared"}, dtde.Effective(day(2)))
				require.NoError(t, err)
				failed = make([]error, writers)
				for w := range writers {
					group.Go(func() {
						for range each {
							_, err := dtde.ChangePortion(db.Model(&Policy{Number: "shared"}), dtde.Period{From: day(3)}, func(p *Policy) error { p.Premium++; return nil })
							failed[w] = errors.Join(failed[w], err)
						}
					})
				}
				group.Wait()
				require.NoError(t, errors.Join(failed...))
				var last Policy
				check(t, db.Scopes(dtde.ValidAt(day(10))).First(&last, "number = ?", "shared"))
				require.Equal(t, writers*each, last.Premium)
				findings, err := dtde.Check(db, &Policy{Number: "shared"})
				require.NoError(t, err)
				require.Empty(t, findings)
				// several first versions of one key at once: one history
				failed = make([]error, writers)
				for w := range writers {
					group.Go(func() {
						_, failed[w] = dtde.SaveWithVersioning(db, &Policy{Number: "new", Premium: w + 1})
					})
				}
				group.Wait()
				require.NoError(t, errors.Join(failed...))
				findings, err = dtde.Check(db, &Policy{Number: "new"})
				require.NoError(t, err)
				require.Empty(t, findings)
			})
		}
	})
}

// FileVersion is a version of a file in a source repository.
type FileVersion struct {
	ID        int64  `gorm:"primaryKey"`
	Path      string `gorm:"index"`
	Top       string
	Blob      string
	ValidFrom time.Time
	ValidTo   *time.Time
}

// TestRepositoryHistory replays 13 years of a repository and compares what was valid at
// many instants with digests.
func TestRepositoryHistory(t *testing.T) {
	t.Parallel()
	testenv.WithoutRace(t, "one goroutine writes 6,000 versions, one after the other")
	folder := os.Getenv("DTDE_DATA")
	if folder == "" {
		folder = filepath.Join("..", "..", "shared", "data")
	}
	changes := readCSV(t, filepath.Join(folder, "gorm_files.csv"))
	checks := readCSV(t, filepath.Join(folder, "gorm_files_check.csv"))
	if changes == nil || checks == nil {
		t.Skipf("the data is absent: there is no gorm_files.csv in %s (set DTDE_DATA)", folder)
	}
	from, to := time.Date(2012, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	entity := dtde.Model(&FileVersion{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Path")
	for name, e := range map[string]dtde.Entity{
		"by hash of path": entity.ShardByHash("Path", 8), "by year of start": entity.ShardByDate("ValidFrom", dtde.Year, from, to),
	} {
		for _, d := range testenv.Databases(t) {
			if d.Name == "mariadb" && name == "by year of start" {
				continue // minutes: each of 6,000 writes locks and reads twenty tables, twice
			}
			t.Run(d.Name+" "+name, func(t *testing.T) {
				t.Parallel()
				db := d.Open(t, &gorm.Config{SkipDefaultTransaction: true})
				require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{e}})))
				require.NoError(t, db.AutoMigrate(&FileVersion{}))
				replay(t, db, changes)
				for _, c := range checks {
					at := instantOf(t, c["at"])
					var files []FileVersion
					check(t, db.Scopes(dtde.ValidAt(at)).Find(&files))
					lines := make([]string, len(files))
					for i, f := range files {
						lines[i] = f.Path + " " + f.Blob
					}
					slices.Sort(lines)
					sum := md5.Sum([]byte(strings.Join(lines, "\n")))
					assert.Equal(t, c["files"], strconv.Itoa(len(files)), c["at"])
					assert.Equal(t, c["digest"], hex.EncodeToString(sum[:]), c["at"])
				}
			})
		}
	}
}

// replay saves and terminates in time order, many to a transaction.
func replay(t *testing.T, db *gorm.DB, changes []map[string]string) {
	t.Helper()
	type event struct {
		at   time.Time
		ends bool
		row  map[string]string
	}
	var events []event
	starts := map[string]bool{}
	for _, c := range changes {
		events = append(events, event{at: instantOf(t, c["valid_from"]), row: c})
		starts[c["path"]+" "+c["valid_from"]] = true
	}
	for _, c := range changes {
		if c["valid_to"] != "" && !starts[c["path"]+" "+c["valid_to"]] {
			events = append(events, event{at: instantOf(t, c["valid_to"]), ends: true, row: c})
		}
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	for chunk := range slices.Chunk(events, 500) {
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			for _, e := range chunk {
				var err error
				if e.ends {
					_, err = dtde.Terminate(tx, &FileVersion{Path: e.row["path"]}, e.at)
				} else {
					_, err = dtde.SaveWithVersioning(tx, &FileVersion{Path: e.row["path"], Top: e.row["top"], Blob: e.row["blob"]}, dtde.Effective(e.at))
				}
				if err != nil {
					return fmt.Errorf("%s at %v: %w", e.row["path"], e.at, err)
				}
			}
			return nil
		}))
	}
}

func instantOf(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return at
}

// readCSV reads a file with a header; nil if it is absent.
func readCSV(t *testing.T, path string) []map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	require.NoError(t, err)
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	rows := make([]map[string]string, len(records)-1)
	for i, r := range records[1:] {
		rows[i] = map[string]string{}
		for k, name := range records[0] {
			rows[i][name] = r[k]
		}
	}
	return rows
}
