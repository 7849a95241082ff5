package strategies_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/strategies"
)

func TestFields(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"A"}, strategies.Fields(config.ByHash("A", 2)))
	require.Equal(t, []string{"A", "B", "C"}, strategies.Fields(compositeOf(config.ByHash("A", 2), config.StrategySpec{Kind: "computed", Fields: []string{"B", "C"}})))
	require.Empty(t, strategies.Fields(config.StrategySpec{Kind: "maxrows"}))
}

func TestNewRefusesWhatHasNoEffect(t *testing.T) {
	t.Parallel()
	spec := config.ByHash("N", 8)
	spec.Values, spec.Default, spec.Unit = []string{"a"}, "x", config.Day
	_, err := strategies.New(spec, []config.KeyColumn{intKey}, []config.Shard{{ID: "0", Values: []any{1}}, {ID: "1", From: 5}, {ID: "2", ReadOnly: true}})
	for _, want := range []string{"values has no effect on a hash", "default shard has no effect", "unit has no effect", "0: a shard's values", "1: a shard's from and to"} {
		require.ErrorContains(t, err, want)
	}
	require.Len(t, config.Faults(err), 5)
}

func TestNewFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		spec config.StrategySpec
		keys []config.KeyColumn
		want string
	}{
		{"no kind", config.StrategySpec{}, nil, `no strategy ""`},
		{"unknown kind", config.StrategySpec{Kind: "modulo"}, nil, "there are alphabet, composite"},
		{"manual", config.StrategySpec{Kind: "manual"}, nil, "UseManualSharding"},
		{"no field", config.StrategySpec{Kind: "hash", Slots: 2}, nil, "takes one key field, not 0"},
		{"two fields", config.StrategySpec{Kind: "hash", Slots: 2, Fields: []string{"A", "B"}}, nil, "use a composite"},
		{"custom without a field", config.StrategySpec{Kind: "custom", Custom: byLength{}}, nil, "at least one key field"},
		{"columns missing", config.ByHash("A", 2), nil, "0 key columns for 1 key fields"},
		{"no slots", config.ByHash("A", 0), []config.KeyColumn{intKey}, "1 to 4096, not 0"},
		{"too many slots", config.ByHash("A", 4097), []config.KeyColumn{intKey}, "1 to 4096, not 4097"},
		{"rows with a field", config.StrategySpec{Kind: "maxrows", Fields: []string{"A"}, MaxRows: 1}, []config.KeyColumn{intKey}, "takes no key field"},
		{"no rows", config.StrategySpec{Kind: "maxrows"}, nil, "at least one row"},
		{"no kind of key", config.ByHash("A", 2), []config.KeyColumn{{Column: "f"}}, "f: hash does not take a key of kind invalid"},
		{"fields beside parts", config.StrategySpec{Kind: "composite", Fields: []string{"A"}}, nil, "belong to its parts"},
	} {
		s, err := strategies.New(c.spec, c.keys, nil)
		require.Nil(t, s, c.name)
		require.ErrorIs(t, err, config.ErrConfig, c.name)
		require.ErrorContains(t, err, c.want, c.name)
		require.NotEmpty(t, config.Faults(err)[0].Field, c.name)
	}
}

// A value of another kind than the column's is a key that no shard has, not a panic.
func TestKeysOfTheWrongKindOrNumber(t *testing.T) {
	t.Parallel()
	wrong := []config.Value{config.Int(1), config.Text("x"), config.Bool(true), config.Bytes([]byte("x")), at("2024-01-01"), {}}
	for _, c := range []struct {
		spec config.StrategySpec
		key  config.KeyColumn
	}{
		{withDefault(config.ByValue("K", "a"), "rest"), textKey},
		{withDefault(config.ByValue("K", "1"), "rest"), intKey},
		{config.ByHash("K", 3), intKey},
		{config.ByRing("K", config.RingNode{ID: "a"}), intKey},
		{withDefault(config.ByAlphabet("K", "A-Z"), "rest"), textKey},
		{config.ByRange("K", config.Range{ID: "a", From: 0}), intKey},
		{config.ByDate("K", config.Day, at("2024-01-01").AsTime(), at("2025-01-01").AsTime()), timeKey},
		{byCountry(), textKey},
	} {
		s := build(t, c.spec, c.key)
		for _, v := range wrong {
			if v.Kind() == c.key.Kind {
				continue
			}
			_, err := s.Place([]config.Value{v})
			require.ErrorIs(t, err, config.ErrShardNotFound, "%s of %s", s.Name(), v.Kind())
			s.Route(config.RouteQuery{Keys: []config.Set{config.Point(v)}, Known: s.Shards()})
			s.Route(config.RouteQuery{Keys: []config.Set{atLeast(v)}, Known: s.Shards()})
		}
		for _, key := range [][]config.Value{nil, {config.Int(1), config.Int(2)}} {
			_, err := s.Place(key)
			require.ErrorIs(t, err, config.ErrMissingShardKey, s.Name())
		}
		require.True(t, s.Route(config.RouteQuery{Known: s.Shards()}).All, s.Name())
		require.ErrorIs(t, s.Check(nil), config.ErrConfig)
	}
}

func TestMaxRows(t *testing.T) {
	t.Parallel()
	s := build(t, config.StrategySpec{Kind: "maxrows", MaxRows: 1000})
	m := s.(*strategies.MaxRows)
	require.EqualValues(t, 1000, m.MaxRows)
	require.Equal(t, []string{"1"}, m.Shards())
	require.Equal(t, "2", m.Next("1"))
	require.Equal(t, "11", m.Next("10"))
	for _, bad := range []string{"", "0", "01", "-1", "x", "9223372036854775807"} {
		require.Empty(t, m.Next(bad), bad)
	}
	require.True(t, m.Owns("9223372036854775807"))
	_, err := m.Place(nil)
	require.ErrorIs(t, err, strategies.ErrPlacedByState)
	require.ErrorIs(t, err, config.Err)
	require.Equal(t, config.Routing{All: true, Open: true}, m.Route(config.RouteQuery{Known: []string{"1", "2"}}))
	_, ok := m.Upto(at("2024-01-01"))
	require.False(t, ok)
	require.ErrorIs(t, m.Check([]config.KeyColumn{intKey}), config.ErrConfig)
	require.Equal(t, m.Fingerprint(), build(t, config.StrategySpec{Kind: "maxrows", MaxRows: 5}).Fingerprint())
}
