package strategies_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/strategies"
)

func TestRange(t *testing.T) {
	t.Parallel()
	// Given out of order, with a gap from 20 to 30.
	s := build(t, config.ByRange("N", config.Range{ID: "mid", From: 10, To: "20"}, config.Range{ID: "low", To: 10}, config.Range{ID: "high", From: int8(30)}), intKey)
	all := []string{"mid", "low", "high"}
	require.Equal(t, all, s.Shards())
	for key, want := range map[int64]string{math.MinInt64: "low", 9: "low", 10: "mid", 19: "mid", 30: "high", math.MaxInt64: "high"} {
		require.Equal(t, want, place(t, s, config.Int(key)))
	}
	require.Equal(t, "high", place(t, s, config.Uint(math.MaxUint64)))
	for _, gap := range []int64{20, 29} {
		_, err := s.Place([]config.Value{config.Int(gap)})
		require.ErrorIs(t, err, config.ErrShardNotFound)
	}
	for _, c := range []struct {
		name string
		set  config.Set
		want []string
	}{
		{"point", ints(10), []string{"mid"}},
		{"point in the gap", ints(25), nil},
		{"null", config.Point(config.Null()), nil},
		{"in", ints(1, 25, 30), []string{"low", "high"}},
		{"below", below(config.Int(10)), []string{"low"}},
		{"up to", closed(config.Int(0), config.Int(10)), []string{"mid", "low"}},
		{"above", above(config.Int(19)), []string{"high"}},
		{"gap", closed(config.Int(20), config.Int(29)), nil},
		{"over the gap", closed(config.Int(19), config.Int(30)), []string{"mid", "high"}},
		{"not", not(ints(10)), all},
		{"not a range", not(closed(config.Int(10), config.Int(19))), []string{"low", "high"}},
		{"all", config.Full(), all},
	} {
		got, open := route(s, all, c.set)
		sameIDs(t, c.want, got)
		require.False(t, open, c.name)
	}
}

func TestRangeExplicitShards(t *testing.T) {
	t.Parallel()
	s, err := strategies.New(config.ByRange("N", config.Range{ID: "a", To: 10}), []config.KeyColumn{intKey},
		[]config.Shard{{ID: "a", ReadOnly: true}, {ID: "b", From: 10, To: 20}})
	require.NoError(t, err)
	require.Equal(t, "b", place(t, s, config.Int(10)))
	s, err = strategies.New(config.ByRange("N", config.Range{ID: "a", To: 10}), []config.KeyColumn{intKey}, []config.Shard{{ID: "a", To: 5}})
	require.NoError(t, err)
	_, err = s.Place([]config.Value{config.Int(7)})
	require.ErrorIs(t, err, config.ErrShardNotFound)
}

func TestRangeFaults(t *testing.T) {
	t.Parallel()
	_, err := strategies.New(config.ByRange("N",
		config.Range{ID: "a", From: 0, To: 10}, config.Range{ID: "b", From: 9, To: 12}, config.Range{ID: "c", From: 5, To: 5},
		config.Range{ID: "d", From: "x"}, config.Range{ID: "a", From: 50}, config.Range{From: 60}), []config.KeyColumn{intKey}, []config.Shard{{ID: "e"}})
	for _, want := range []string{`b: the range overlaps that of "a"`, "c: the range is empty", "d: from is no value", "a: the shard has two ranges", "a range has no shard id", "e: the shard has no range"} {
		require.ErrorContains(t, err, want)
	}
	for name, ranges := range map[string][]config.Range{
		"inside a wide one": {{ID: "wide", From: 0, To: 100}, {ID: "x", From: 1, To: 2}, {ID: "y", From: 50, To: 60}},
		"of the last two":   {{ID: "x", From: 0, To: 10}, {ID: "y", From: 20, To: 40}, {ID: "z", From: 30, To: 50}},
		"two open starts":   {{ID: "x", To: 2}, {ID: "y", To: 60}},
		"after an open end": {{ID: "x", From: 2}, {ID: "y", From: 60}},
	} {
		_, err := strategies.New(config.ByRange("N", ranges...), []config.KeyColumn{intKey}, nil)
		require.ErrorContains(t, err, "overlaps", name)
	}
	_, err = strategies.New(config.ByRange("N"), []config.KeyColumn{intKey}, nil)
	require.ErrorContains(t, err, "no shards")
	unordered := textKey
	unordered.BytesOrder = false
	_, err = strategies.New(config.ByRange("T", config.Range{ID: "a", From: "a"}), []config.KeyColumn{unordered}, nil)
	require.ErrorContains(t, err, "orders text otherwise than by bytes")
}

func TestRangeOfTimesInAZone(t *testing.T) {
	t.Parallel()
	spec := config.ByRange("At", config.Range{ID: "old", To: "2024-01-01"}, config.Range{ID: "new", From: "2024-01-01"})
	spec.Location = berlin(t)
	s := build(t, spec, timeKey)
	require.Equal(t, "old", place(t, s, at("2023-12-31T22:59:59Z")))
	require.Equal(t, "new", place(t, s, at("2023-12-31T23:00:00Z")))
	require.Equal(t, "strategy=range/1\nrange[\"new\"]=[2023-12-31T23:00:00Z, )\nrange[\"old\"]=(, 2023-12-31T23:00:00Z)", s.Fingerprint())
}
