package strategies_test

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/strategies"
)

func nodes(n int) []config.RingNode {
	var out []config.RingNode
	for i := range n {
		out = append(out, config.RingNode{ID: fmt.Sprintf("node%d", i)})
	}
	return out
}

func spread(t testing.TB, s config.Strategy, keys int) map[string]int {
	counts := map[string]int{}
	for i := range keys {
		counts[place(t, s, config.Int(int64(i)))]++
	}
	return counts
}

// With 160 points each, a shard's part differs from the even one by about 8 % (one in
// the root of 160); 25 % is three times that.
func TestRingIsEven(t *testing.T) {
	t.Parallel()
	const keys = 40_000
	for _, n := range []int{1, 2, 5, 8, 20} {
		for id, got := range spread(t, build(t, config.ByRing("N", nodes(n)...), intKey), keys) {
			require.InEpsilon(t, keys/n, got, 0.25, "%s of %d", id, n)
		}
	}
}

func TestRingRespectsWeights(t *testing.T) {
	t.Parallel()
	const keys = 60_000
	s := build(t, config.ByRing("N", config.RingNode{ID: "a", Weight: 1}, config.RingNode{ID: "b", Weight: 2}, config.RingNode{ID: "c", Weight: 3}), intKey)
	for id, share := range map[string]float64{"a": 1. / 6, "b": 2. / 6, "c": 3. / 6} {
		require.InEpsilon(t, keys*share, spread(t, s, keys)[id], 0.25, id)
	}
}

func TestRingMovesFewKeysAndOnlyToTheNewShard(t *testing.T) {
	t.Parallel()
	const keys = 40_000
	for _, n := range []int{1, 3, 7} {
		before := build(t, config.ByRing("N", nodes(n)...), intKey)
		after := build(t, config.ByRing("N", nodes(n+1)...), intKey)
		moved := 0
		for i := range keys {
			a, b := place(t, before, config.Int(int64(i))), place(t, after, config.Int(int64(i)))
			if a != b {
				require.Equal(t, fmt.Sprintf("node%d", n), b)
				moved++
			}
		}
		require.InEpsilon(t, keys/(n+1), moved, 0.25, "of %d", n)
		require.NotEqual(t, before.Fingerprint(), after.Fingerprint())
	}
}

// The places that stored rows rely on.
func TestRingGolden(t *testing.T) {
	t.Parallel()
	s := build(t, config.ByRing("N", nodes(4)...), intKey)
	got := ""
	for i := range 32 {
		got += place(t, s, config.Int(int64(i)))[4:]
	}
	require.Equal(t, "20310323302321232120333210111330", got)
}

func TestRingOrderOfShardsDecidesNothing(t *testing.T) {
	t.Parallel()
	list := nodes(5)
	turned := []config.RingNode{list[4], list[2], list[0], list[1], list[3]}
	a, b := build(t, config.ByRing("N", list...), intKey), build(t, config.ByRing("N", turned...), intKey)
	require.Equal(t, a.Fingerprint(), b.Fingerprint())
	for i := range 5000 {
		require.Equal(t, place(t, a, config.Int(int64(i))), place(t, b, config.Int(int64(i))))
	}
}

func TestRingHash(t *testing.T) {
	t.Parallel()
	calls := 0
	spec := config.ByRing("N", nodes(3)...)
	spec.VirtualNodes = 10
	spec.RingHash = config.RingHash{Name: "fnv/1", Sum: func(b []byte) uint64 {
		calls++
		h := fnv.New64a()
		_, _ = h.Write(b)
		return h.Sum64()
	}}
	s := build(t, spec, intKey)
	require.Equal(t, 30, calls)
	place(t, s, config.Int(1))
	require.Equal(t, 31, calls)
	require.Contains(t, s.Fingerprint(), `hash="fnv/1"`)
	// All points at one place: the ring still gives every key one shard.
	spec.RingHash = config.RingHash{Name: "bad/1", Sum: func([]byte) uint64 { return math.MaxUint64 }}
	require.Equal(t, "node0", place(t, build(t, spec, intKey), config.Int(1)))
}

// A key belongs to the first point at or after its hash; of two points at one place, to
// that of the smaller id.
func TestRingPointsAndTies(t *testing.T) {
	t.Parallel()
	places := map[string]uint64{"a#0": 10, "b#0": 20, "c#0": 20}
	sum := func(b []byte) uint64 {
		if b[1] == 16 {
			return places[string(b[2:])]
		}
		return binary.LittleEndian.Uint64(b[2:])
	}
	for _, list := range [][]config.RingNode{{{ID: "a"}, {ID: "b"}, {ID: "c"}}, {{ID: "c"}, {ID: "b"}, {ID: "a"}}} {
		spec := config.ByRing("N", list...)
		spec.VirtualNodes, spec.RingHash = 1, config.RingHash{Name: "itself/1", Sum: sum}
		s := build(t, spec, intKey)
		for key, want := range map[int64]string{0: "a", 10: "a", 11: "b", 20: "b", 21: "a"} {
			require.Equal(t, want, place(t, s, config.Int(key)), key)
		}
	}
}

func TestRingRouting(t *testing.T) {
	t.Parallel()
	s := build(t, config.ByRing("N", nodes(4)...), intKey)
	want := map[string]bool{}
	for i := range 3 {
		want[place(t, s, config.Int(int64(i)))] = true
	}
	ids, _ := route(s, s.Shards(), ints(0, 1, 2))
	require.Len(t, ids, len(want))
	ids, _ = route(s, s.Shards(), ints(1))
	require.Equal(t, []string{place(t, s, config.Int(1))}, ids)
}

func TestRingFaults(t *testing.T) {
	t.Parallel()
	spec := config.ByRing("N", config.RingNode{ID: "a", Weight: -1}, config.RingNode{ID: "b", Weight: 1001}, config.RingNode{ID: "c"}, config.RingNode{ID: "c"}, config.RingNode{})
	spec.VirtualNodes = 1025
	spec.RingHash.Name = "nothing"
	_, err := strategies.New(spec, []config.KeyColumn{intKey}, nil)
	for _, want := range []string{"a: the weight", "b: the weight", "c: the shard is on the ring twice", "no id", "virtual nodes must be 1 to 1024", "both a name and a function"} {
		require.ErrorContains(t, err, want)
	}
	_, err = strategies.New(config.ByRing("N"), []config.KeyColumn{intKey}, nil)
	require.ErrorContains(t, err, "1 to 4096 shards")
	heavy := nodes(8)
	for i := range heavy {
		heavy[i].Weight = 1000
	}
	_, err = strategies.New(config.ByRing("N", heavy...), []config.KeyColumn{intKey}, nil)
	require.ErrorContains(t, err, "points on the ring")
}
