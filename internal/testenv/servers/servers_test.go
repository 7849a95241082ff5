package servers

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/internal/testenv"
)

func pool(t *testing.T, s *Server, database string) *sql.DB {
	t.Helper()
	db, err := sql.Open(s.kind.driver(), s.DSN(database))
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestServersKeepWhatWasCommitted(t *testing.T) {
	t.Parallel()
	set := Start(t, Options{Postgres: 2, MariaDB: true, Durable: true})
	require.Len(t, set.All(), 3)
	for _, s := range set.All() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			name := s.CreateDatabase(t)
			db := pool(t, s, name)
			_, err := db.Exec("CREATE TABLE kept (id INT)")
			require.NoError(t, err)
			for i, end := range []func(testing.TB){s.Kill, s.StopImmediate} {
				_, err = db.Exec("INSERT INTO kept VALUES (" + strconv.Itoa(i) + ")")
				require.NoError(t, err)
				end(t)
				assert.False(t, s.Running())
				require.Error(t, db.Ping())
				s.Start(t)
				assert.True(t, s.Running())
				var n int
				require.NoError(t, db.QueryRow("SELECT COUNT(*) FROM kept").Scan(&n))
				assert.Equal(t, i+1, n)
			}
		})
	}
}

// TestKilledServersLeaveNoSharedMemory: the machine has a few thousand segments for all.
func TestKilledServersLeaveNoSharedMemory(t *testing.T) {
	t.Parallel()
	var held []string
	t.Run("servers", func(t *testing.T) {
		set := Start(t, Options{Postgres: 2})
		for _, s := range set.Postgres {
			held = append(held, sharedMemory(s.folder))
		}
		set.Postgres[0].Kill(t) // and the other when the test ends
		for _, id := range held {
			assert.Contains(t, segments(t), id)
		}
	})
	require.Len(t, held, 2)
	for _, id := range held {
		assert.NotContains(t, segments(t), id)
	}
}

// segments are the System V segments of this machine.
func segments(t *testing.T) (ids []string) {
	t.Helper()
	text, err := os.ReadFile("/proc/sysvipc/shm")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 {
			ids = append(ids, fields[1])
		}
	}
	return ids
}

func TestLeaksAreSeen(t *testing.T) {
	t.Parallel()
	set := Start(t, Options{Postgres: 1})
	s := set.Postgres[0]
	db := pool(t, s, s.CreateDatabase(t))
	assert.Empty(t, leftBehind(set, []*sql.DB{db}))
	tx, err := db.Begin()
	require.NoError(t, err)
	_, err = tx.Exec("SELECT 1")
	require.NoError(t, err)
	left := strings.Join(leftBehind(set, []*sql.DB{db}), "\n")
	assert.Contains(t, left, "pool 0: 1 connections in use")
	assert.Contains(t, left, "idle in transaction")
	_, err = tx.Exec("PREPARE TRANSACTION 'left'")
	require.NoError(t, err)
	_ = tx.Rollback()
	assert.Equal(t, s.Name+": prepared transaction left", strings.Join(leftBehind(set, []*sql.DB{db}), "\n"))
	_, err = db.Exec("ROLLBACK PREPARED 'left'")
	require.NoError(t, err)
	assert.Empty(t, leftBehind(set, []*sql.DB{db}))
}

// A process that is killed leaves neither servers nor folders.
func TestServersDieWithTheirProcess(t *testing.T) {
	if os.Getenv("DTDE_SERVERS_CHILD") != "" {
		set := Start(t, Options{Postgres: 1})
		_, _ = os.Stdout.WriteString("server " + strconv.Itoa(set.Postgres[0].process.pid) + " " + set.Postgres[0].folder + "\n")
		time.Sleep(time.Minute)
		return
	}
	t.Parallel()
	need(t, Options{Postgres: 1})
	child := exec.Command(os.Args[0], "-test.run", "^TestServersDieWithTheirProcess$", "-test.v")
	child.Env = append(os.Environ(), "DTDE_SERVERS_CHILD=1")
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	var pid int
	var folder string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) == 3 && fields[0] == "server" {
			pid, err = strconv.Atoi(fields[1])
			require.NoError(t, err)
			folder = fields[2]
			break
		}
	}
	require.NoError(t, child.Process.Kill())
	_ = child.Wait()
	require.NotEmpty(t, folder)
	assert.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Dir(folder))
		return errors.Is(err, os.ErrNotExist) && syscall.Kill(pid, 0) != nil
	}, 20*time.Second, 50*time.Millisecond)
}

func TestProxyCountsAndDelays(t *testing.T) {
	t.Parallel()
	set := Start(t, Options{Postgres: 1})
	s := set.Postgres[0]
	db := pool(t, s, "postgres")
	db.SetMaxOpenConns(1)
	assert.Zero(t, s.Proxy.Connections(), "starting it took none")
	require.NoError(t, db.Ping())
	assert.Equal(t, 1, s.Proxy.Connections())
	assert.Equal(t, 1, s.Proxy.Open())

	before := s.Proxy.RoundTrips()
	for range 5 {
		_, err := db.Exec("SELECT 1") // no arguments: pgx prepares nothing
		require.NoError(t, err)
	}
	assert.InDelta(t, 5, s.Proxy.RoundTrips()-before, 1, "the first may prepare")

	const delay = 200 * time.Millisecond
	s.Proxy.Delay(delay)
	began := time.Now()
	_, err := db.Exec("SELECT 1")
	require.NoError(t, err)
	assert.GreaterOrEqual(t, time.Since(began), 2*delay, "once in each direction")

	// A delay doesn't bound the rate: ten megabytes are three hundred chunks, a minute if each
	// waited for the one before.
	began = time.Now()
	var text string
	require.NoError(t, db.QueryRow("SELECT repeat('x', 10000000)").Scan(&text))
	assert.Len(t, text, 10000000)
	assert.Less(t, time.Since(began), 30*time.Second)
}

func TestProxySeesCancels(t *testing.T) {
	t.Parallel()
	set := Start(t, Options{Postgres: 1})
	s := set.Postgres[0]
	db := pool(t, s, "postgres")
	require.NoError(t, db.Ping())
	s.Proxy.Forget()
	ctx, expire := testenv.Expiring(t)
	ended := make(chan error, 1)
	go func() {
		_, err := db.ExecContext(ctx, "SELECT pg_sleep(60)")
		ended <- err
	}()
	require.Eventually(t, func() bool { return len(leftBehind(set, nil)) == 1 }, 20*time.Second, 5*time.Millisecond, "it is at work")
	expire()
	require.Error(t, <-ended)
	seen := func() bool { _, ok := s.Proxy.First(Cancelled); return ok }
	assert.Eventually(t, seen, 20*time.Second, 5*time.Millisecond)
	assert.Eventually(t, func() bool { return len(leftBehind(set, nil)) == 0 }, 20*time.Second, 5*time.Millisecond)
}

func TestProxyBreaks(t *testing.T) {
	t.Parallel()
	set := Start(t, Options{Postgres: 1})
	s := set.Postgres[0]
	db := pool(t, s, "postgres")

	rows := func() (n int, err error) {
		got, err := db.QueryContext(t.Context(), "SELECT repeat('x', 1000) FROM generate_series(1, 10000)")
		if err != nil {
			return 0, err
		}
		defer func() { _ = got.Close() }()
		for got.Next() {
			n++
		}
		return n, got.Err()
	}
	n, err := rows()
	require.NoError(t, err)
	assert.Equal(t, 10000, n)

	s.Proxy.CutAfter(500_000)
	n, err = rows()
	require.Error(t, err, "in the middle of its rows")
	assert.Positive(t, n)
	assert.Less(t, n, 1000)
	s.Proxy.CutAfter(-1)

	require.NoError(t, db.Ping())
	s.Proxy.Cut()
	_, err = db.Conn(t.Context())
	require.NoError(t, err, "the pool dials anew, or hands out the broken one")

	require.NoError(t, s.Proxy.Refuse(true))
	fresh := pool(t, s, "postgres")
	require.ErrorIs(t, fresh.Ping(), syscall.ECONNREFUSED)
	require.NoError(t, s.Proxy.Refuse(false))
	require.NoError(t, fresh.Ping())

	s.Proxy.Swallow(true)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, fresh.PingContext(ctx), context.DeadlineExceeded)
	s.Proxy.Swallow(false)
	require.Eventually(t, func() bool { return fresh.Ping() == nil }, 20*time.Second, 20*time.Millisecond)
}
