package strategies_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/strategies"
)

func withDefault(s config.StrategySpec, id string) config.StrategySpec {
	s.Default = id
	return s
}

func TestValueRouting(t *testing.T) {
	t.Parallel()
	plain := config.ByValue("T", "EU", "US", "APAC")
	rest := withDefault(plain, "rest")
	all := []string{"EU", "US", "APAC", "rest"}
	for _, c := range []struct {
		name          string
		set           config.Set
		plain, others []string // with a default shard
	}{
		{"point", texts("US"), []string{"US"}, []string{"US"}},
		{"unknown point", texts("FR"), nil, []string{"rest"}},
		{"other case", texts("us"), nil, []string{"rest"}},
		{"padded", texts("US "), nil, []string{"rest"}},
		{"null", config.Point(config.Null()), nil, nil},
		{"nothing", config.Set{}, nil, nil},
		{"in", texts("APAC", "EU"), []string{"EU", "APAC"}, []string{"EU", "APAC"}},
		{"in with an unknown", texts("APAC", "FR"), []string{"APAC"}, []string{"APAC", "rest"}},
		{"not", not(texts("US")), []string{"EU", "APAC"}, []string{"EU", "APAC", "rest"}},
		{"not in", not(texts("US", "FR", "EU")), []string{"APAC"}, []string{"APAC", "rest"}},
		{"range", atLeast(config.Text("EU")), []string{"EU", "US"}, []string{"EU", "US", "rest"}},
		{"range between values", config.HalfOpen(config.Text("F"), config.Text("G")), nil, []string{"rest"}},
		{"not null", config.NotNull(), all[:3], all},
		{"all", config.Full(), all[:3], all},
	} {
		got, open := route(build(t, plain, textKey), all, c.set)
		sameIDs(t, c.plain, got)
		require.False(t, open, c.name)
		got, _ = route(build(t, rest, textKey), all, c.set)
		sameIDs(t, c.others, got)
	}
	ids, _ := route(build(t, plain, textKey), []string{"US", "EU"}, not(texts("APAC")))
	require.Equal(t, []string{"US", "EU"}, ids, "in the order of the known shards")
}

func TestValueDefaultShardIsLeftOutWhenEveryValueIsListed(t *testing.T) {
	t.Parallel()
	numbers := build(t, withDefault(config.ByValue("N", "1", "2", "3"), "rest"), intKey)
	ids, _ := route(numbers, numbers.Shards(), closed(config.Int(1), config.Int(3)))
	require.Equal(t, []string{"1", "2", "3"}, ids)
	ids, _ = route(numbers, numbers.Shards(), closed(config.Int(2), config.Int(4)))
	require.Equal(t, []string{"2", "3", "rest"}, ids)
	bools := build(t, withDefault(config.ByValue("B", "true", "false"), "rest"), boolKey)
	ids, _ = route(bools, bools.Shards(), config.NotNull())
	require.Equal(t, []string{"true", "false"}, ids)
}

func TestValueFoldsCaseOnDemand(t *testing.T) {
	t.Parallel()
	spec := config.ByValue("T", "Straße", "kilo", "US")
	spec.FoldCase = true
	s := build(t, spec, textKey)
	for key, want := range map[string]string{
		"STRAßE": "Straße", "straẞe": "Straße", // the capital sharp s folds to the small one
		"KILO": "kilo", "\u212Ailo": "kilo", // the Kelvin sign folds to k
		"us": "US", "uſ": "US", // the long s folds to s
	} {
		require.Equal(t, want, place(t, s, config.Text(key)), key)
		ids, _ := route(s, s.Shards(), texts(key))
		require.Equal(t, []string{want}, ids, key)
	}
	for _, other := range []string{"STRASSE", "US ", "Ús", "us\xff"} {
		_, err := s.Place([]config.Value{config.Text(other)})
		require.ErrorIs(t, err, config.ErrShardNotFound, other)
	}
	ids, _ := route(s, s.Shards(), texts("us", "KILO"))
	require.Equal(t, []string{"kilo", "US"}, ids)
	ids, _ = route(s, s.Shards(), not(texts("us")))
	require.Equal(t, s.Shards(), ids, "a range or a negation says nothing of other spellings")
	require.NotEqual(t, s.Fingerprint(), build(t, config.ByValue("T", "Straße", "kilo", "US"), textKey).Fingerprint())
}

func TestValueOfATextColumnThatDoesNotCompareByBytesIsNotPruned(t *testing.T) {
	t.Parallel()
	s := build(t, config.ByValue("T", "EU", "US"), anyText)
	ids, _ := route(s, s.Shards(), texts("EU"))
	require.Equal(t, s.Shards(), ids)
}

func TestValueExplicitShards(t *testing.T) {
	t.Parallel()
	s, err := strategies.New(withDefault(config.ByValue("T", "EU", "US"), "rest"), []config.KeyColumn{textKey}, []config.Shard{
		{ID: "EU", Values: []any{"EU", "UK"}}, {ID: "US", ReadOnly: true}, {ID: "ASIA", Values: []any{"JP", "IN"}}, {ID: "AFRICA"}, {ID: "rest", Table: "others"},
	})
	require.NoError(t, err)
	require.Equal(t, []string{"EU", "US", "ASIA", "AFRICA", "rest"}, s.Shards())
	for key, want := range map[string]string{"EU": "EU", "UK": "EU", "US": "US", "JP": "ASIA", "AFRICA": "AFRICA", "ASIA": "rest", "rest": "rest"} {
		require.Equal(t, want, place(t, s, config.Text(key)), key)
	}
	ids, _ := route(s, s.Shards(), texts("UK", "IN"))
	require.Equal(t, []string{"EU", "ASIA"}, ids)
}

func TestValueKinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		key   config.KeyColumn
		id    string
		value config.Value
	}{
		{intKey, "-7", config.Int(-7)},
		{intKey, "18446744073709551615", config.Uint(1<<64 - 1)},
		{boolKey, "true", config.Bool(true)},
		{rawKey, "0xff01", config.Bytes([]byte{255, 1})},
		{timeKey, "2024-05-17T10:00:00+02:00", at("2024-05-17 08:00:00")},
		{dateKey, "2024-05-17", at("2024-05-17 08:00:00")},
		{textKey, "", config.Text("")},
	} {
		if c.id == "" {
			continue
		}
		require.Equal(t, c.id, place(t, build(t, config.ByValue("K", c.id), c.key), c.value))
	}
	for _, c := range []struct {
		key config.KeyColumn
		bad string
	}{{intKey, "07"}, {intKey, "+7"}, {intKey, "7.0"}, {intKey, ""}, {boolKey, "TRUE"}, {boolKey, "1"}, {rawKey, "ff"}, {rawKey, "0xf"}, {timeKey, "17.5.2024"}} {
		_, err := strategies.New(config.ByValue("K", c.bad), []config.KeyColumn{c.key}, nil)
		require.ErrorIs(t, err, config.ErrConfig, c.bad)
		require.ErrorContains(t, err, "is no value of a key of kind "+c.key.Kind.String())
	}
}

func TestValueFaultsAreReportedTogether(t *testing.T) {
	t.Parallel()
	spec := config.ByValue("N", "1", "x", "2", "2")
	spec.FoldCase = true
	_, err := strategies.New(spec, []config.KeyColumn{intKey}, []config.Shard{{ID: "two", Values: []any{2, 2.5}}, {ID: "1", Values: []any{1, 1}}})
	for _, want := range []string{"folding case needs a text key", "x: x is no value", "2: the value is listed twice", `two: the value 2 belongs to shard "2" already`, "two: 2.5 is no value", "1: the value 1 is listed twice"} {
		require.ErrorContains(t, err, want)
	}
	require.Len(t, config.Faults(err), 6)
}

// Fingerprints may gain lines; a line that goes or changes means that rows moved.
func TestValueFingerprint(t *testing.T) {
	t.Parallel()
	kept := func(before, after config.StrategySpec) bool {
		have := map[string]bool{}
		for l := range strings.SplitSeq(build(t, after, textKey).Fingerprint(), "\n") {
			have[l] = true
		}
		for l := range strings.SplitSeq(build(t, before, textKey).Fingerprint(), "\n") {
			if !have[l] {
				return false
			}
		}
		return true
	}
	two, three := config.ByValue("T", "EU", "US"), config.ByValue("T", "US", "EU", "APAC")
	require.True(t, kept(two, three), "a new value moves nothing")
	require.False(t, kept(three, two), "a value less strands its rows")
	require.True(t, kept(two, withDefault(two, "rest")), "a new default shard moves nothing")
	require.False(t, kept(withDefault(two, "rest"), withDefault(three, "rest")), "a new value's rows are in the default shard")
	require.False(t, kept(withDefault(two, "rest"), withDefault(two, "other")))
	require.True(t, kept(withDefault(two, "rest"), withDefault(config.ByValue("T", "US", "EU"), "rest")), "the order decides nothing")
}
