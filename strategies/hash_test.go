package strategies_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/strategies"
)

// golden are the hashes and the slots of 8 that stored rows rely on. A change here
// means that every hash-sharded table has to be migrated.
var golden = []struct {
	key  config.Value
	hash uint64
	slot int
}{
	{config.Bool(false), 0x15dfcf47ca3cd8e1, 0},
	{config.Bool(true), 0x437ddce9957b7af2, 2},
	{config.Int(0), 0xf5adc69e5be05289, 7},
	{config.Int(1), 0x56a1bdd1083c2acc, 2},
	{config.Int(2), 0x603f895183a78305, 3},
	{config.Int(3), 0xe7f7e5608e6ad74e, 7},
	{config.Int(7), 0x81100e094cbdfa1a, 4},
	{config.Int(8), 0x5f2d4594920f6a83, 2},
	{config.Int(9), 0x9b9dabc6c9c5fb8c, 4},
	{config.Int(10), 0x361e72bf549bc2e0, 1},
	{config.Int(11), 0xf3af906ac7f838e2, 7},
	{config.Int(42), 0xe7f3b473a4ca3d25, 7},
	{config.Int(100), 0x13c903dfe6c650fa, 0},
	{config.Int(1000), 0xd938b79381bbd100, 6},
	{config.Int(65535), 0x35703f303bcd232b, 1},
	{config.Int(2147483647), 0xd2589896b9e42d56, 6},
	{config.Int(2147483648), 0x5de31eaa3f2e2694, 2},
	{config.Int(9007199254740992), 0x526b4c31b165ef15, 2},
	{config.Int(4611686018427387904), 0x8f390f2b1916a143, 4},
	{config.Int(-1), 0xeb04a6b14ccb4d2e, 7},
	{config.Int(-2), 0xd30694372d64e081, 6},
	{config.Int(-2147483648), 0xb7a7ba9f2a501604, 5},
	{config.Int(math.MaxInt64), 0xf9ebe5bcd111b3f9, 7},
	{config.Int(math.MinInt64), 0x4df6a1c8e9895d69, 2},
	{config.Uint(7), 0x81100e094cbdfa1a, 4},
	{config.Uint(math.MaxInt64 + 1), 0x1d2b64ee8e32e53c, 0},
	{config.Uint(math.MaxUint64), 0xaf4e0ecbef4685f2, 5},
	{config.Text(""), 0x1b0a14dc7631f093, 0},
	{config.Text("a"), 0x2cb7c283776f0bad, 1},
	{config.Text("A"), 0x1bba5b39c13a1717, 0},
	{config.Text("US"), 0x1aa42280e0ab31bb, 0},
	{config.Text("us"), 0x8d0a4eddf972f1db, 4},
	{config.Text("EU"), 0xd7598b275e1aa069, 6},
	{config.Text("Ä"), 0xbcf30395208b1876, 5},
	{config.Text("ß"), 0x0cc14918a4e96ebb, 0},
	{config.Text("日本"), 0xe48d5cd1976e83ea, 7},
	{config.Text("a "), 0xee6f23621e6a3d91, 7},
	{config.Text("1"), 0xbb65e37b3a6c3508, 5},
	{config.Text("42"), 0x1e7746de34c6d481, 0},
	{config.Text("C-0000001"), 0x0ad4225abdfdc9fd, 0},
	{config.Text("\xff"), 0x1603175b9e9e17ab, 0},
	{config.Text(strings.Repeat("x", 126)), 0x98ecf57ec70fede7, 4},
	{config.Text(strings.Repeat("x", 127)), 0x642775c1a1df1abe, 3},
	{config.Bytes(nil), 0x0c3fb9ffc2159d13, 0},
	{config.Bytes([]byte("a")), 0xe2e0fef8d2d506b7, 7},
	{config.Bytes([]byte{0, 1, 2, 255}), 0xdf1fa067ebee25ae, 6},
	{at("1970-01-01"), 0x1929a16813bcd7d1, 0},
	{at("2024-05-17"), 0xc2658e97491b65cd, 6},
	{at("2024-05-17T10:11:12.123456Z"), 0x12512c8d5369a482, 0},
	{at("2024-05-17T12:11:12.123456+02:00"), 0x12512c8d5369a482, 0},
	{at("1969-12-31T23:59:59.999999999Z"), 0x0fa32a8fbb53f48d, 0},
}

func TestGoldenHashes(t *testing.T) {
	t.Parallel()
	require.GreaterOrEqual(t, len(golden), 40)
	for _, g := range golden {
		name := g.key.Kind().String() + " " + g.key.String()
		require.Equal(t, fmt.Sprintf("%#016x", g.hash), fmt.Sprintf("%#016x", strategies.Hash(g.key)), name)
		require.Equal(t, g.slot, strategies.Slot(g.hash, 8), name)
		s := build(t, config.ByHash("K", 8), column("k", g.key.Kind()))
		require.Equal(t, fmt.Sprint(g.slot), place(t, s, g.key), name)
	}
}

// The documented encoding, written down a second time.
func TestHashIsWhatItsDocumentationSays(t *testing.T) {
	t.Parallel()
	le64 := func(u uint64) []byte { return binary.LittleEndian.AppendUint64(nil, u) }
	long := strings.Repeat("long ", 100)
	for _, c := range []struct {
		name string
		key  config.Value
		want []byte
	}{
		{"false", config.Bool(false), []byte{1, 1, 0}},
		{"true", config.Bool(true), []byte{1, 1, 1}},
		{"int", config.Int(-2), append([]byte{1, 2}, le64(math.MaxUint64-1)...)},
		{"every width alike", config.Uint(7), append([]byte{1, 2}, le64(7)...)},
		{"big int", config.Uint(math.MaxUint64), append([]byte{1, 3}, le64(math.MaxUint64)...)},
		{"text", config.Text("äb"), []byte("\x01\x04\xc3\xa4b")},
		{"long text", config.Text(long), append([]byte{1, 4}, long...)},
		{"bytes", config.Bytes([]byte("äb")), []byte("\x01\x05\xc3\xa4b")},
		{"time", config.Time(time.Unix(5, 6)), append(append([]byte{1, 6}, le64(5)...), 6, 0, 0, 0)},
	} {
		require.Equal(t, xxhash.Sum64(c.want), strategies.Hash(c.key), c.name)
	}
}

func TestHashTakesTimesAtTheColumnsPrecision(t *testing.T) {
	t.Parallel()
	second := timeKey
	second.Precision = time.Second
	s := build(t, config.ByHash("At", 1000), second)
	d := build(t, config.ByHash("At", 1000), dateKey)
	require.Equal(t, place(t, s, at("2024-05-17 10:00:00")), place(t, s, at("2024-05-17T10:00:00.999Z")))
	require.Equal(t, place(t, s, at("2024-05-17 10:00:00")), place(t, s, at("2024-05-17T12:00:00+02:00")))
	require.Equal(t, place(t, d, at("2024-05-17")), place(t, d, at("2024-05-17 23:59:59")))
	require.NotEqual(t, s.Fingerprint(), d.Fingerprint())
}

func TestSlotsAreEven(t *testing.T) {
	t.Parallel()
	for _, slots := range []int{1, 2, 3, 7, 8, 1000, strategies.MaxSlots} {
		require.Equal(t, 0, strategies.Slot(0, slots))
		require.Equal(t, slots-1, strategies.Slot(math.MaxUint64, slots))
	}
	// 80,000 sequential ids in 8 slots: each within 3 % of an eighth.
	var counts [8]int
	for i := range 80_000 {
		counts[strategies.Slot(strategies.Hash(config.Int(int64(i))), 8)]++
	}
	for slot, n := range counts {
		require.InDelta(t, 10_000, n, 300, "slot %d", slot)
	}
}

func TestHashRouting(t *testing.T) {
	t.Parallel()
	s := build(t, config.ByHash("N", 8), intKey)
	all := s.Shards()
	require.Equal(t, []string{"0", "1", "2", "3", "4", "5", "6", "7"}, all)
	one := place(t, s, config.Int(1))
	for _, c := range []struct {
		name string
		set  config.Set
		want []string
	}{
		{"point", ints(1), []string{one}},
		{"null", config.Point(config.Null()), nil},
		{"nothing", config.Set{}, nil},
		{"point or null", ints(1).Union(config.Point(config.Null())), []string{one}},
		{"small range", closed(config.Int(1), config.Int(1)), []string{one}},
		{"ten thousand values", closed(config.Int(1), config.Int(10_000)), all},
		{"range beyond counting", atLeast(config.Int(1)), all},
		{"not", not(ints(1)), all},
		{"all", config.Full(), all},
	} {
		got, open := route(s, all, c.set)
		sameIDs(t, c.want, got)
		require.False(t, open, c.name)
	}
	// IN and small ranges are exactly the places of their values.
	for _, set := range []config.Set{ints(3, 5, 90), closed(config.Int(40), config.Int(42)), closed(config.Int(math.MaxInt64), config.Uint(math.MaxInt64+2))} {
		values, ok := set.Enumerate(10)
		require.True(t, ok)
		want := map[string]bool{}
		for _, v := range values {
			want[place(t, s, v)] = true
		}
		got, _ := route(s, all, set)
		require.Len(t, got, len(want))
		for _, id := range got {
			require.True(t, want[id])
		}
	}
}

func TestHashRefusesTextThatDoesNotCompareByBytes(t *testing.T) {
	t.Parallel()
	for _, spec := range []config.StrategySpec{config.ByHash("T", 8), config.ByRing("T", config.RingNode{ID: "a"})} {
		_, err := strategies.New(spec, []config.KeyColumn{anyText}, nil)
		require.ErrorIs(t, err, config.ErrConfig)
		require.ErrorContains(t, err, "by bytes")
	}
}
