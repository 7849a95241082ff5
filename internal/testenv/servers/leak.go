package servers

import (
	"context"
	"database/sql"
	"fmt"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/go-dtde/dtde/internal/testenv"
)

// leakWait is how long what a test leaves behind may take to go away.
const leakWait = 20 * time.Second

// LeakCheck fails the test at its end, after a wait of twenty seconds, if goroutines
// that it started from here on still run, connections of pools are in use, or a
// server that runs has sessions at work or idle inside a transaction, or prepared
// transactions. Call it on the test's goroutine, after opening pools.
func LeakCheck(t testing.TB, set *Set, pools ...*sql.DB) {
	t.Helper()
	testenv.LeakCheck(t)
	t.Cleanup(func() {
		var left []string
		for end := time.Now().Add(leakWait); ; time.Sleep(20 * time.Millisecond) {
			left = leftBehind(set, pools)
			if len(left) == 0 {
				return
			}
			if time.Now().After(end) {
				break
			}
		}
		t.Errorf("servers: left behind:\n%s", strings.Join(left, "\n"))
	})
}

// notTheTests takes the mark of a leak check off a goroutine that lives as long as a
// server does, and off those that it starts.
func notTheTests() { pprof.SetGoroutineLabels(context.Background()) }

func leftBehind(set *Set, pools []*sql.DB) []string {
	var left []string
	for i, pool := range pools {
		if n := pool.Stats().InUse; n > 0 {
			left = append(left, fmt.Sprintf("pool %d: %d connections in use", i, n))
		}
	}
	for _, s := range set.Postgres {
		if s.Running() {
			left = append(left, s.busySessions()...)
			left = append(left, s.prepared()...)
		}
	}
	return left
}

// busySessions are a PostgreSQL server's client sessions that aren't idle.
func (s *Server) busySessions() []string {
	return s.column(`SELECT concat_ws(' ', 'session', state, wait_event, left(query, 80)) FROM pg_stat_activity
		WHERE backend_type = 'client backend' AND state <> 'idle' AND pid <> pg_backend_pid()`)
}

func (s *Server) prepared() []string {
	return s.column("SELECT 'prepared transaction ' || gid FROM pg_prepared_xacts")
}

// column gives the texts of one column, each behind the server's name.
func (s *Server) column(query string) []string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	rows, err := s.admin.QueryContext(ctx, query)
	if err != nil {
		return []string{s.Name + ": " + err.Error()}
	}
	defer func() { _ = rows.Close() }()
	var texts []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return []string{s.Name + ": " + err.Error()}
		}
		texts = append(texts, s.Name+": "+text)
	}
	if err := rows.Err(); err != nil {
		texts = append(texts, s.Name+": "+err.Error())
	}
	return texts
}
