package testenv

import (
	"bytes"
	"context"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"
)

const (
	leakLabel = "dtde-leak-check"
	// A wait ends as soon as nothing is left; only what stays for good takes all of it.
	leakWait = 20 * time.Second
)

var leakChecks atomic.Int64

// LeakCheck fails the test at its end if goroutines that it started from here
// on are still running, or connections of dbs are still in use, after a wait of
// twenty seconds. Call it on the test's goroutine, after opening dbs. Goroutines
// are told apart by a profiler label that children inherit, so parallel tests
// don't disturb each other; those that database/sql and the MySQL driver keep
// for an idle pool don't count.
func LeakCheck(t testing.TB, dbs ...*gorm.DB) {
	t.Helper()
	leakCheck(t, leakWait, dbs)
}

func leakCheck(t testing.TB, wait time.Duration, dbs []*gorm.DB) {
	t.Helper()
	id := mark()
	t.Cleanup(func() {
		leaked, inUse := leaks(id), connectionsInUse(t, dbs)
		for end := time.Now().Add(wait); (leaked != "" || inUse > 0) && time.Now().Before(end); {
			time.Sleep(5 * time.Millisecond)
			leaked, inUse = leaks(id), connectionsInUse(t, dbs)
		}
		if leaked != "" {
			t.Errorf("testenv: goroutines left behind:\n%s", leaked)
		}
		if inUse > 0 {
			t.Errorf("testenv: %d connections still in use", inUse)
		}
	})
}

// mark marks this goroutine, and those that it starts from here on.
func mark() string {
	id := strconv.FormatInt(leakChecks.Add(1), 10)
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels(leakLabel, id)))
	return id
}

// Started returns a function that waits until the goroutines that the test starts from here
// on have ended, as LeakCheck does at its end: a driver may tidy up behind a statement that
// has failed already, as pgx does, which dials once more to cancel it.
func Started(t testing.TB) (ended func()) {
	t.Helper()
	id := mark()
	return func() {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); leaks(id) != ""; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("testenv: goroutines go on:\n%s", leaks(id))
			}
		}
	}
}

func connectionsInUse(t testing.TB, dbs []*gorm.DB) int {
	t.Helper()
	total := 0
	for _, db := range dbs {
		pool, err := db.DB()
		if err != nil {
			t.Errorf("testenv: no pool to check for leaks: %v", err)
			continue
		}
		total += pool.Stats().InUse
	}
	return total
}

// keptByPool are functions of goroutines that live as long as a pool or an idle
// connection does, and of the test itself.
var keptByPool = []string{
	"database/sql.(*DB).connectionOpener",
	"database/sql.(*DB).connectionCleaner",
	"mysql.(*mysqlConn).startWatcher",
	"testing.tRunner",
	"testing.(*B).runN",
}

// leaks returns the stacks of the goroutines with that label, "" if none.
func leaks(id string) string {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return err.Error()
	}
	label := strconv.Quote(leakLabel) + ":" + strconv.Quote(id)
	var found []string
stacks:
	for _, stack := range strings.Split(profile.String(), "\n\n") {
		if !strings.Contains(stack, label) {
			continue
		}
		for _, kept := range keptByPool {
			if strings.Contains(stack, kept) {
				continue stacks
			}
		}
		found = append(found, stack)
	}
	return strings.Join(found, "\n\n")
}
