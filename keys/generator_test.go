package keys_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/keys"
)

var start = time.Date(2025, 3, 30, 0, 59, 59, 0, time.UTC)

// clock is one that tests set.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time          { return start.Add(time.Duration(c.offset.Load())) }
func (c *clock) advance(d time.Duration) { c.offset.Add(int64(d)) }

func newGenerator(t testing.TB, node int, now func() time.Time) *keys.Generator {
	t.Helper()
	g, err := keys.New(node, now)
	require.NoError(t, err)
	return g
}

func TestLayoutIsFixed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		at   time.Time
		node int
		ids  []int64
	}{
		{"the first millisecond", time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), 1, []int64{4096, 4097, 4098}},
		{"one second in, highest node", time.Date(2024, 1, 1, 0, 0, 1, 0, time.UTC), 1023, []int64{4198494208, 4198494209}},
		{"a zone does not matter", time.Date(2024, 1, 1, 2, 0, 1, 0, time.FixedZone("", 7200)), 1023, []int64{4198494208}},
		{"2026", time.Date(2026, 7, 1, 12, 30, 0, 123e6, time.UTC), 7, []int64{330686477623128064}},
		{"the last millisecond", time.UnixMilli(keys.EpochMillis + 1<<41 - 1), 1023, []int64{9223372036854771712}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := newGenerator(t, c.node, func() time.Time { return c.at })
			for i, want := range c.ids {
				id, err := g.Next()
				require.NoError(t, err)
				assert.Equal(t, want, id)
				at, node, sequence := keys.Decompose(id)
				assert.Equal(t, c.at.UTC(), at)
				assert.Equal(t, c.node, node)
				assert.Equal(t, i, sequence)
			}
		})
	}
}

func TestNewRefusesNodes(t *testing.T) {
	t.Parallel()
	for _, node := range []int{-1, 0, 1024, 1 << 40} {
		_, err := keys.New(node, time.Now)
		require.ErrorIs(t, err, keys.ErrNode)
		require.ErrorIs(t, err, config.Err)
		require.ErrorIs(t, keys.NewWithheld(time.Now).Grant(keys.Grant{Node: node}), keys.ErrNode)
	}
}

func TestIDsAreUniqueOverGoroutinesAndNodes(t *testing.T) {
	t.Parallel()
	const workers, each = 8, 5000
	one, two := newGenerator(t, 1, time.Now), newGenerator(t, 2, time.Now)
	var wg sync.WaitGroup
	lists := make([][]int64, workers)
	for w := range workers {
		wg.Go(func() {
			g := one
			if w%2 == 1 {
				g = two
			}
			for i := range each {
				var id int64
				var err error
				if i%3 == 0 {
					id, err = g.NextSlot(i%8, 8)
				} else {
					id, err = g.Next()
				}
				if !assert.NoError(t, err) {
					return
				}
				lists[w] = append(lists[w], id)
			}
		})
	}
	wg.Wait()
	seen := map[int64]bool{}
	for _, list := range lists {
		assert.True(t, slices.IsSorted(list), "each goroutine sees rising ids")
		for _, id := range list {
			assert.Positive(t, id)
			assert.False(t, seen[id], "id %d twice", id)
			seen[id] = true
		}
	}
	assert.Len(t, seen, workers*each)
}

func TestFullSequenceBorrowsFromTheNextMillisecond(t *testing.T) {
	t.Parallel()
	c := &clock{}
	g := newGenerator(t, 3, c.now)
	var last int64
	for range 3 * 4096 {
		id, err := g.Next()
		require.NoError(t, err)
		require.Greater(t, id, last)
		last = id
	}
	at, _, sequence := keys.Decompose(last)
	assert.Equal(t, start.Add(2*time.Millisecond), at)
	assert.Equal(t, 4095, sequence)
	c.advance(10 * time.Millisecond)
	id, err := g.Next()
	require.NoError(t, err)
	at, _, sequence = keys.Decompose(id)
	assert.Equal(t, start.Add(10*time.Millisecond), at, "the clock has caught up")
	assert.Zero(t, sequence)
}

func TestBorrowingIsBounded(t *testing.T) {
	t.Parallel()
	c := &clock{}
	g := newGenerator(t, 3, c.now)
	g.SetMaxBorrow(2 * time.Millisecond)
	for range 3 * 4096 {
		_, err := g.Next()
		require.NoError(t, err)
	}
	_, err := g.Next()
	require.ErrorIs(t, err, keys.ErrTooFast)
	c.advance(time.Millisecond)
	_, err = g.Next()
	require.NoError(t, err)
}

func TestClockSteps(t *testing.T) {
	t.Parallel()
	c := &clock{}
	g := newGenerator(t, 3, c.now)
	first, err := g.Next()
	require.NoError(t, err)

	c.advance(-keys.DefaultMaxBorrow)
	second, err := g.Next()
	require.NoError(t, err, "a small step back is ridden out")
	assert.Equal(t, first+1, second, "in the last millisecond")

	c.advance(-time.Millisecond)
	_, err = g.Next()
	require.ErrorIs(t, err, keys.ErrClockBack)

	c.advance(time.Millisecond)
	third, err := g.Next()
	require.NoError(t, err)
	assert.Equal(t, second+1, third, "a refused id is not lost")

	c.advance(time.Hour)
	fourth, err := g.Next()
	require.NoError(t, err)
	at, _, _ := keys.Decompose(fourth)
	assert.Equal(t, c.now(), at)
}

func TestClockOutOfRange(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{{}, time.UnixMilli(keys.EpochMillis - 1), time.UnixMilli(keys.EpochMillis + 1<<41)} {
		_, err := newGenerator(t, 1, func() time.Time { return at }).Next()
		require.ErrorIs(t, err, keys.ErrClockRange)
	}
	end := func() time.Time { return time.UnixMilli(keys.EpochMillis + 1<<41 - 1) }
	g := newGenerator(t, 1, end)
	for range 4096 {
		_, err := g.Next()
		require.NoError(t, err)
	}
	_, err := g.Next()
	require.Error(t, err, "the last millisecond has no next one")
}

func TestGrant(t *testing.T) {
	t.Parallel()
	c := &clock{}
	g := keys.NewWithheld(c.now)
	_, err := g.Next()
	require.ErrorIs(t, err, keys.ErrNotGranted)

	grant := keys.Grant{
		Node: 9, After: start.Add(3 * time.Millisecond),
		Ceiling: start.Add(time.Second), Deadline: start.Add(500 * time.Millisecond),
	}
	require.NoError(t, g.Grant(grant))
	id, err := g.Next()
	require.NoError(t, err)
	at, node, _ := keys.Decompose(id)
	assert.Equal(t, start.Add(4*time.Millisecond), at, "after what the holder before may have used")
	assert.Equal(t, 9, node)

	c.advance(500*time.Millisecond - 1)
	_, err = g.Next()
	require.NoError(t, err)
	c.advance(1)
	_, err = g.Next()
	require.ErrorIs(t, err, keys.ErrNotGranted, "the deadline has passed")

	grant.Node, grant.Deadline = 5, start.Add(time.Hour)
	require.NoError(t, g.Grant(grant))
	next, err := g.Next()
	require.NoError(t, err)
	assert.Greater(t, next, id, "ids rise over a change of node")
	c.advance(501 * time.Millisecond)
	_, err = g.Next()
	require.ErrorIs(t, err, keys.ErrNotGranted, "beyond the ceiling, with the deadline far away")

	grant.Ceiling = start.Add(time.Hour)
	require.NoError(t, g.Grant(grant))
	id, err = g.Next()
	require.NoError(t, err)
	at, _, _ = keys.Decompose(id)
	assert.Equal(t, at, g.Revoke())
	_, err = g.Next()
	require.ErrorIs(t, err, keys.ErrNotGranted)
}

func TestSlotRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := &clock{}
		g, err := keys.New(rapid.IntRange(1, keys.MaxNode).Draw(t, "node"), c.now)
		require.NoError(t, err)
		slots := rapid.IntRange(1, keys.MaxSlots).Draw(t, "slots")
		var last int64
		for range rapid.IntRange(1, 50).Draw(t, "ids") {
			c.advance(time.Duration(rapid.IntRange(-2000, 2000).Draw(t, "step")) * time.Microsecond)
			slot := rapid.IntRange(0, slots-1).Draw(t, "slot")
			id, err := g.NextSlot(slot, slots)
			require.NoError(t, err)
			got, ok := keys.SlotOf(id, slots)
			require.True(t, ok)
			require.Equal(t, slot, got)
			require.Greater(t, id, last)
			last = id
		}
	})
}

func TestSlotRange(t *testing.T) {
	t.Parallel()
	g := newGenerator(t, 1, time.Now)
	for _, c := range [][2]int{{0, 0}, {0, -1}, {0, 257}, {-1, 8}, {8, 8}} {
		_, err := g.NextSlot(c[0], c[1])
		require.ErrorIs(t, err, keys.ErrSlot)
	}
	for _, c := range []struct {
		id    int64
		slots int
		slot  int
		ok    bool
	}{
		{4096 + 5, 8, 5, true},
		{4096 + 5, 6, 5, true},
		{4096 + 6, 6, 0, false}, // three bits, but no slot 6
		{4096 + 255, 256, 255, true},
		{4096 + 5, 1, 0, true},
		{4096, 0, 0, false},
		{4096, 257, 0, false},
		{0, 8, 0, false},
		{-4091, 8, 0, false},
	} {
		slot, ok := keys.SlotOf(c.id, c.slots)
		assert.Equal(t, c.ok, ok, "%d of %d", c.id, c.slots)
		assert.Equal(t, c.slot, slot, "%d of %d", c.id, c.slots)
	}
}

func TestSlotsLeaveRoom(t *testing.T) {
	t.Parallel()
	c := &clock{}
	g := newGenerator(t, 1, c.now)
	for range 4096 / 256 {
		id, err := g.NextSlot(200, 256)
		require.NoError(t, err)
		at, _, _ := keys.Decompose(id)
		require.Equal(t, start, at)
	}
	id, err := g.NextSlot(200, 256)
	require.NoError(t, err)
	at, _, sequence := keys.Decompose(id)
	assert.Equal(t, start.Add(time.Millisecond), at)
	assert.Equal(t, 200, sequence)
}

func TestNoAllocations(t *testing.T) {
	g := newGenerator(t, 1, time.Now)
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = g.Next() }))
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = g.NextSlot(3, 8) }))
}

func TestUUIDv7(t *testing.T) {
	t.Parallel()
	last := ""
	for range 10_000 {
		u, err := keys.UUIDv7()
		require.NoError(t, err)
		require.EqualValues(t, 7, u.Version())
		require.Greater(t, u.String(), last)
		last = u.String()
	}
}

func BenchmarkNext(b *testing.B) {
	g := newGenerator(b, 1, time.Now)
	g.SetMaxBorrow(time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Next(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNextSlot(b *testing.B) {
	g := newGenerator(b, 1, time.Now)
	g.SetMaxBorrow(time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.NextSlot(3, 8); err != nil {
			b.Fatal(err)
		}
	}
}

func TestFill(t *testing.T) {
	t.Parallel()
	t.Run("the ids of as many calls of Next", func(t *testing.T) {
		t.Parallel()
		c := &clock{}
		one, all := newGenerator(t, 3, c.now), newGenerator(t, 3, c.now)
		for _, n := range []int{0, 1, 5, 10_000} {
			ids := make([]int64, n)
			require.NoError(t, all.Fill(ids))
			for i := range ids {
				id, err := one.Next()
				require.NoError(t, err)
				require.Equal(t, id, ids[i])
			}
			c.advance(time.Millisecond)
		}
	})
	t.Run("its bounds", func(t *testing.T) {
		t.Parallel()
		c := &clock{}
		g := newGenerator(t, 3, c.now)
		g.SetMaxBorrow(0)
		require.ErrorIs(t, g.Fill(make([]int64, 5000)), keys.ErrTooFast, "a millisecond has 4096")
		require.ErrorIs(t, keys.NewWithheld(c.now).Fill(make([]int64, 1)), keys.ErrNotGranted)
		require.NoError(t, g.Grant(keys.Grant{Node: 4, After: start, Ceiling: start.Add(time.Minute), Deadline: start.Add(time.Second)}))
		c.advance(time.Second)
		require.ErrorIs(t, g.Fill(make([]int64, 1)), keys.ErrNotGranted)
	})
}
