package store_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/keys"
	"github.com/go-dtde/dtde/store"
)

// clock is a process's own clock, ahead of the real one by what tests set.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// expire makes a node's lease end on the database's clock, as if its time had passed.
func expire(t testing.TB, db *gorm.DB, node int) {
	t.Helper()
	require.NoError(t, db.Exec("UPDATE dtde_nodes SET expires_at = 0 WHERE node = ?", node).Error)
}

func TestLeaseNode(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		one, db := open(t, d)
		two, ctx := another(t, db), t.Context()
		sent := time.Now()
		a, err := one.LeaseNode(ctx, nil, time.Minute)
		require.NoError(t, err)
		answered := time.Now()
		b, err := two.LeaseNode(ctx, nil, time.Minute)
		require.NoError(t, err)
		assert.Equal(t, []int{1, 2}, []int{a.Node(), b.Node()}, "the lowest free ones")
		assert.False(t, a.Deadline().Before(sent.Add(time.Minute)))
		assert.False(t, a.Deadline().After(answered.Add(time.Minute)))

		var row struct{ ExpiresAt, IdsUntil int64 }
		require.NoError(t, db.Raw("SELECT expires_at, ids_until FROM dtde_nodes WHERE node = 1").Scan(&row).Error)
		assert.InDelta(t, a.Deadline().UnixMilli(), row.ExpiresAt, 5000, "the database's clock, in ms")
		assert.Equal(t, a.Grant().Ceiling.UnixMilli(), row.IdsUntil)

		before := a.Deadline()
		require.NoError(t, a.Renew(ctx, nil))
		require.NoError(t, a.Renew(ctx, nil))
		assert.True(t, a.Deadline().After(before))
		require.NoError(t, a.Confirm(ctx, nil))

		require.NoError(t, a.Release(ctx, time.Now()))
		require.ErrorIs(t, a.Renew(ctx, nil), store.ErrLeaseLost)
		time.Sleep(2 * time.Millisecond)
		c, err := two.LeaseNode(ctx, nil, time.Minute)
		require.NoError(t, err)
		assert.Equal(t, 1, c.Node(), "released")
		require.NoError(t, a.Release(ctx, time.Now()), "a lost lease is not there to release")
		require.NoError(t, c.Renew(ctx, nil))
	})
}

func TestLeasesAtOnceDiffer(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		_, db := open(t, d)
		stores := []*store.Store{another(t, db), another(t, db)}
		const workers = 12
		nodes := make(chan int, workers)
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				l, err := stores[w%2].LeaseNode(t.Context(), nil, time.Minute)
				if assert.NoError(t, err) {
					nodes <- l.Node()
				}
			})
		}
		wg.Wait()
		close(nodes)
		seen := map[int]bool{}
		for node := range nodes {
			assert.False(t, seen[node], "node %d twice", node)
			assert.LessOrEqual(t, node, workers)
			seen[node] = true
		}
		assert.Len(t, seen, workers)
	})
}

func TestKilledHolder(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		killed, db := open(t, d)
		ctx := t.Context()
		dead, err := killed.LeaseNode(ctx, nil, time.Minute)
		require.NoError(t, err)
		expire(t, db, dead.Node())

		// Its lease is over, but it may have made ids up to its ceiling.
		soon, err := another(t, db).LeaseNode(ctx, nil, time.Minute)
		require.NoError(t, err)
		assert.Equal(t, 2, soon.Node())

		late := &clock{}
		late.advance(time.Hour)
		heir, err := over(t, testenv.Reopen(t, db), late.now).LeaseNode(ctx, nil, time.Minute)
		require.NoError(t, err)
		assert.Equal(t, dead.Node(), heir.Node())
		assert.False(t, heir.Grant().After.Before(dead.Grant().Ceiling), "the heir's ids begin after the dead one's last")
		require.ErrorIs(t, dead.Renew(ctx, nil), store.ErrLeaseLost)
		require.ErrorIs(t, dead.Confirm(ctx, nil), store.ErrLeaseLost)
	})
}

// The database's clock jumps ahead, so that it frees a node whose holder goes on: who
// takes nodes then gets another.
func TestDatabaseClockJumps(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		one, db := open(t, d)
		ctx := t.Context()
		holder, err := one.LeaseNode(ctx, nil, time.Minute)
		require.NoError(t, err)
		expire(t, db, holder.Node())
		other, err := another(t, db).LeaseNode(ctx, nil, time.Minute)
		require.NoError(t, err)
		assert.NotEqual(t, holder.Node(), other.Node())
		require.NoError(t, holder.Renew(ctx, nil))
	})
}

func TestNoFreeNode(t *testing.T) {
	t.Parallel()
	s, db := open(t, testenv.SQLite())
	ctx := t.Context()
	require.NoError(t, db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1023)
		INSERT INTO dtde_nodes SELECT i, 'x', 9e15, 9e15 FROM n`).Error)
	_, err := s.LeaseNode(ctx, nil, time.Minute)
	require.ErrorIs(t, err, store.ErrNoNode)
	require.NoError(t, db.Exec("UPDATE dtde_nodes SET expires_at = 0, ids_until = 0 WHERE node = 1023").Error)
	l, err := s.LeaseNode(ctx, nil, time.Minute)
	require.NoError(t, err)
	assert.Equal(t, keys.MaxNode, l.Node())
}

func nodeOf(t testing.TB, g *keys.Generator) int {
	t.Helper()
	id, err := g.Next()
	require.NoError(t, err)
	_, node, _ := keys.Decompose(id)
	return node
}

func TestNodeRenewsWhenUsed(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		_, db := open(t, d)
		own := testenv.Reopen(t, db)
		c, ctx := &clock{}, t.Context()
		n := over(t, own, c.now).Node(time.Minute)
		sent := testenv.Record(own)
		g, err := n.Generator(ctx, nil)
		require.NoError(t, err)
		assert.Equal(t, 1, nodeOf(t, g))
		assert.NotEmpty(t, sent.Statements())

		sent.Reset()
		for range 3 {
			same, err := n.Generator(ctx, nil)
			require.NoError(t, err)
			assert.Same(t, g, same)
		}
		c.advance(29 * time.Second)
		_, err = n.Generator(ctx, nil)
		require.NoError(t, err)
		assert.Empty(t, sent.Statements(), "more than half of the lease is left")

		c.advance(2 * time.Second)
		_, err = n.Generator(ctx, nil)
		require.NoError(t, err)
		assert.Len(t, sent.Statements(), 1, "one renewal")
		c.advance(29 * time.Second)
		_, err = n.Generator(ctx, nil)
		require.NoError(t, err)
		assert.Len(t, sent.Statements(), 1)
		assert.Equal(t, 1, nodeOf(t, g))

		require.NoError(t, n.Release(ctx))
		require.NoError(t, n.Release(ctx))
		_, err = g.Next()
		require.ErrorIs(t, err, keys.ErrNotGranted)
		g, err = n.Generator(ctx, nil)
		require.NoError(t, err)
		nodeOf(t, g)
	})
}

// A process is paused beyond its lease, another takes its node, and it wakes up.
func TestPausedProcess(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		_, db := open(t, d)
		mine, theirs, ctx := &clock{}, &clock{}, t.Context()
		paused := over(t, testenv.Reopen(t, db), mine.now).Node(time.Minute)
		other := over(t, testenv.Reopen(t, db), theirs.now).Node(time.Minute)
		g, err := paused.Generator(ctx, nil)
		require.NoError(t, err)
		var last int64
		for range 10 {
			last, err = g.Next()
			require.NoError(t, err)
		}

		expire(t, db, 1)
		theirs.advance(2 * time.Minute)
		h, err := other.Generator(ctx, nil)
		require.NoError(t, err)
		first, err := h.Next()
		require.NoError(t, err)
		_, node, _ := keys.Decompose(first)
		require.Equal(t, 1, node)
		assert.Greater(t, first, last)

		// Its clocks stood still: what it still makes, nobody else does.
		still, err := g.Next()
		require.NoError(t, err)
		assert.Less(t, still, first)
		// Its clocks went on: it makes nothing, and gets another node.
		mine.advance(2 * time.Minute)
		_, err = g.Next()
		require.ErrorIs(t, err, keys.ErrNotGranted)
		g, err = paused.Generator(ctx, nil)
		require.NoError(t, err)
		assert.Equal(t, 2, nodeOf(t, g))

		// And the same, but nobody took the node: it keeps it.
		mine.advance(time.Hour)
		expire(t, db, 2)
		_, err = g.Next()
		require.ErrorIs(t, err, keys.ErrNotGranted)
		g, err = paused.Generator(ctx, nil)
		require.NoError(t, err)
		assert.Equal(t, 2, nodeOf(t, g))
	})
}

func TestFailingRenewal(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		_, db := open(t, d)
		own := testenv.Reopen(t, db)
		c, ctx := &clock{}, t.Context()
		n := over(t, own, c.now).Node(time.Minute)
		g, err := n.Generator(ctx, nil)
		require.NoError(t, err)
		var tries atomic.Int32
		away := errors.New("the server is away")
		sent := testenv.Record(own)
		sent.Before(func(context.Context, string) error { tries.Add(1); return away })
		c.advance(40 * time.Second)
		for range 3 {
			_, err = n.Generator(ctx, nil)
			require.NoError(t, err, "the lease holds")
			assert.Equal(t, 1, nodeOf(t, g))
		}
		assert.EqualValues(t, 1, tries.Load(), "it doesn't try at every use")
		c.advance(21 * time.Second)
		_, err = n.Generator(ctx, nil)
		require.ErrorIs(t, err, away)
		_, err = g.Next()
		require.ErrorIs(t, err, keys.ErrNotGranted)
		sent.Before(nil)
		_, err = n.Generator(ctx, nil)
		require.NoError(t, err)
		assert.Equal(t, 1, nodeOf(t, g))
	})
}

func TestNodeInsideTransaction(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		s, db := open(t, d)
		ctx := t.Context()
		require.NoError(t, db.Exec("CREATE TABLE plain (id integer)").Error)
		n := s.Node(time.Minute)
		tx := begin(t, db)
		_, err := tx.Exec("INSERT INTO plain VALUES (1)")
		require.NoError(t, err)
		g, err := n.Generator(ctx, tx)
		require.NoError(t, err, "on SQLite a second connection would wait for this one's lock")
		assert.Equal(t, 1, nodeOf(t, g))
		require.NoError(t, tx.Rollback())

		if d.Name == "sqlite" {
			// The lease went with it, and another process takes the node.
			other, err := another(t, db).LeaseNode(ctx, nil, time.Minute)
			require.NoError(t, err)
			require.Equal(t, 1, other.Node())
		}
		tx = begin(t, db)
		g, err = n.Generator(ctx, tx)
		require.NoError(t, err)
		want := 1
		if d.Name == "sqlite" {
			want = 2
		}
		assert.Equal(t, want, nodeOf(t, g))
		require.NoError(t, tx.Commit())

		// A commit settles it: one look, then none.
		sent := testenv.Record(db)
		for range 3 {
			_, err = n.Generator(ctx, begin(t, db))
			require.NoError(t, err)
		}
		selects := 0
		for _, text := range sent.Statements() {
			if strings.HasPrefix(text, "SELECT") { // SQLite claims its write lock before it looks
				selects++
			}
		}
		assert.LessOrEqual(t, selects, 1)
		assert.Equal(t, want, nodeOf(t, g))
	})
}

func TestNodeInSavePoint(t *testing.T) {
	t.Parallel()
	s, db := open(t, testenv.SQLite())
	ctx := t.Context()
	n := s.Node(time.Minute)
	tx := begin(t, db)
	for _, text := range []string{"INSERT INTO dtde_catalog VALUES ('x', 'x', 'x', '', 0)", "SAVEPOINT a"} {
		_, err := tx.Exec(text)
		require.NoError(t, err)
	}
	_, err := n.Generator(ctx, tx)
	require.NoError(t, err)
	_, err = tx.Exec("ROLLBACK TO a")
	require.NoError(t, err)
	_, err = n.Generator(ctx, tx)
	require.NoError(t, err)
	require.NoError(t, tx.Commit())
	var holders int64
	require.NoError(t, db.Raw("SELECT COUNT(*) FROM dtde_nodes").Scan(&holders).Error)
	assert.EqualValues(t, 1, holders, "leased again after the save point was undone")
}

func TestRunKeepsTheLease(t *testing.T) {
	t.Parallel()
	s, db := open(t, testenv.SQLite())
	testenv.LeakCheck(t, db)
	n := s.Node(6 * time.Second) // renewed every two, so that a machine that stands still for a moment loses nothing
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error)
	go func() { ended <- n.Run(ctx) }()
	var last int64
	for range 3 { // leased, and renewed twice
		before := last
		require.Eventually(t, func() bool {
			const until = "SELECT COALESCE(MAX(ids_until), 0) FROM dtde_nodes WHERE node = 1"
			return db.Raw(until).Scan(&last).Error == nil && last > before
		}, 20*time.Second, 10*time.Millisecond)
	}
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	var nodes int64
	require.NoError(t, db.Raw("SELECT COUNT(*) FROM dtde_nodes").Scan(&nodes).Error)
	assert.EqualValues(t, 1, nodes)
}

func TestNodeFromManyGoroutines(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		_, db := open(t, d)
		nodes := []*store.Node{another(t, db).Node(40 * time.Millisecond), another(t, db).Node(40 * time.Millisecond)}
		var mu sync.Mutex
		seen := map[int64]bool{}
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for range 40 {
					g, err := nodes[w%2].Generator(t.Context(), nil)
					if !assert.NoError(t, err) {
						return
					}
					if id, err := g.Next(); err == nil {
						mu.Lock()
						assert.False(t, seen[id])
						seen[id] = true
						mu.Unlock()
					} else {
						assert.ErrorIs(t, err, keys.ErrNotGranted)
					}
					time.Sleep(time.Millisecond)
				}
			})
		}
		wg.Wait()
		assert.Greater(t, len(seen), 8)
	})
}
