package tests

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Tallied is what the writers share: they count in it, and each leaves notes of its own.
type Tallied struct {
	ID        int64  `gorm:"primaryKey"`
	Name      string `gorm:"size:40"`
	Count     int
	Note      string
	ValidFrom time.Time
	ValidTo   *time.Time
}

// writingTime is how long the writers write: DTDE_WRITERS_SECONDS, or ten in CI.
func writingTime(t *testing.T) time.Duration {
	t.Helper()
	if text := os.Getenv("DTDE_WRITERS_SECONDS"); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err, "DTDE_WRITERS_SECONDS")
		return time.Duration(n) * time.Second
	}
	if os.Getenv("CI") == "true" {
		return 10 * time.Second
	}
	return 2 * time.Second
}

// TestEightWriters has eight writers at READ COMMITTED, in two processes, save,
// patch, increment and delete portions of one key's versions: no increment and no note is
// lost, no two versions overlap, and none is missing.
func TestEightWriters(t *testing.T) {
	t.Parallel()
	for _, d := range testenv.Databases(t) {
		if d.Name == "sqlite" {
			continue // one writer at a time, by its lock
		}
		for _, layout := range layouts {
			t.Run(d.Name+" "+layout, func(t *testing.T) {
				t.Parallel()
				writeTogether(t, d, layout)
			})
		}
	}
}

func writeTogether(t *testing.T, d testenv.DB, layout string) {
	t.Helper()
	use := func(db *gorm.DB) *gorm.DB {
		e := dtde.Model(&Tallied{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Name")
		switch layout {
		case "by key":
			e = e.ShardByHash("Name", 4)
		case "by start":
			e = e.ShardByDate("ValidFrom", dtde.Month, day(1), day(1).AddDate(0, 6, 0))
		}
		require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{e}})))
		return db
	}
	first := d.Open(t)
	excluding(t, d, first)
	dsn := testenv.DSN(t, first)
	if d.Name == "mariadb" { // PostgreSQL's sessions begin so
		dsn += "&tx_isolation=%27READ-COMMITTED%27"
	}
	processes := []*gorm.DB{use(d.OpenAt(t, dsn)), use(d.OpenAt(t, dsn))}
	require.NoError(t, processes[0].AutoMigrate(&Tallied{}))
	require.NoError(t, processes[0].Plugins["dtde"].(*dtde.Plugin).EnsureShards(t.Context(), day(1).AddDate(0, 6, 0)))
	_, err := dtde.SaveWithVersioning(processes[0], &Tallied{Name: "one", Note: "begin"}, dtde.Effective(day(1)))
	require.NoError(t, err)

	const writers, instants = 8, 5
	var (
		group      sync.WaitGroup
		increments atomic.Int64
		writes     atomic.Int64
		notes      [writers][instants]string // what each saved last at its own instants
		until      = time.Now().Add(writingTime(t))
	)
	own := func(w, i int) time.Time { return day(10 + 9*w).Add(time.Duration(i) * 13 * time.Hour) }
	key := func() *Tallied { return &Tallied{Name: "one"} }
	for w := range writers {
		db := processes[w%2]
		group.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 7))
			for round := 0; time.Now().Before(until); round++ {
				i := rng.IntN(instants)
				note := fmt.Sprintf("%d.%d.%d", w, i, round)
				kind := rng.IntN(10)
				var err error
				for attempt := range 100 { // a deadlock that came eight times is the program's to try again
					switch {
					case kind < 3: // all of them count in [1, 2), most in more than that
						_, err = dtde.Increment(db.Model(key()), dtde.Period{From: day(1), To: day(2 + rng.IntN(20))}, map[string]any{"count": 1})
					case kind < 4:
						_, err = dtde.ChangePortion(db.Model(key()), dtde.Period{From: day(1)}, func(x *Tallied) error { x.Count++; return nil })
					case kind < 7:
						_, err = dtde.SaveWithVersioning(db, &Tallied{Name: "one", Note: note}, dtde.Effective(own(w, i)))
					case kind < 9:
						_, err = dtde.PatchVersion(db, key(), map[string]any{"note": note}, dtde.Effective(own(w, i)))
					default: // its own stretch of nothing
						_, err = dtde.DeletePortion(db.Model(key()), dtde.Period{From: day(100 + w), To: day(101 + w)})
					}
					if err == nil {
						break
					}
					time.Sleep(time.Duration(rng.IntN(1+attempt)) * time.Millisecond)
				}
				if !assert.NoError(t, err) {
					return
				}
				switch {
				case kind < 4:
					increments.Add(1)
				case kind < 9:
					notes[w][i] = note
				}
				writes.Add(1)
			}
		})
	}
	group.Wait()
	require.False(t, t.Failed())
	t.Logf("%d writes, %d of them increments", writes.Load(), increments.Load())
	var versions []Tallied
	require.NoError(t, processes[0].Order("valid_from").Find(&versions).Error)
	require.NotEmpty(t, versions)
	for i, v := range versions[:len(versions)-1] {
		require.NotNil(t, v.ValidTo, "version %d of %d is open", i, len(versions))
		require.True(t, v.ValidFrom.Before(*v.ValidTo), "version %d is empty", i)
		require.False(t, v.ValidTo.After(versions[i+1].ValidFrom), "versions %d and %d overlap", i, i+1)
		if !v.ValidTo.Equal(versions[i+1].ValidFrom) {
			require.False(t, v.ValidTo.Before(day(100)), "a gap after version %d that nobody made", i)
		}
	}
	at := func(when time.Time) (v Tallied) {
		t.Helper()
		require.NoError(t, processes[1].Scopes(dtde.ValidAt(when)).Take(&v, "name = ?", "one").Error)
		return v
	}
	assert.EqualValues(t, increments.Load(), at(day(1)).Count, "increments are lost")
	for w := range writers {
		for i := range instants {
			if notes[w][i] != "" {
				assert.Equal(t, notes[w][i], at(own(w, i)).Note, "what writer %d saved at its instant %d", w, i)
			}
		}
	}
}
