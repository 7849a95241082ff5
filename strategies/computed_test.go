package strategies_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/strategies"
)

func countryOf(f []config.Value) (config.Value, error) {
	switch s := f[0].AsString(); {
	case strings.HasPrefix(s, "+49"):
		return config.Text("DE"), nil
	case strings.HasPrefix(s, "+1"):
		return config.Text("US"), nil
	case s == "null":
		return config.Null(), nil
	case s == "kind":
		return config.Int(1), nil
	}
	return config.Value{}, errNoCountry
}

var errNoCountry = errors.New("no country")

func byCountry() config.StrategySpec {
	inner := config.ByValue("ignored", "DE", "US")
	return config.StrategySpec{Kind: "computed", Fields: []string{"T"}, Compute: countryOf, ComputeName: "country/1", InnerKind: config.KindString, Inner: &inner}
}

func TestComputed(t *testing.T) {
	t.Parallel()
	s := build(t, byCountry(), textKey)
	require.Equal(t, []string{"DE", "US"}, s.Shards())
	require.Equal(t, "DE", place(t, s, config.Text("+49 30")))
	for text, want := range map[string]error{"null": config.ErrMissingShardKey, "kind": config.ErrShardNotFound, "030": config.ErrShardNotFound} {
		_, err := s.Place([]config.Value{config.Text(text)})
		require.ErrorIs(t, err, want, text)
	}
	_, err := s.Place([]config.Value{config.Text("030")})
	require.ErrorIs(t, err, errNoCountry)
	_, err = s.Place([]config.Value{config.Null()})
	require.ErrorIs(t, err, config.ErrMissingShardKey)
	for _, c := range []struct {
		name string
		set  config.Set
		want []string
	}{
		{"point", texts("+1 5"), []string{"US"}},
		{"point without a shard", texts("030"), nil},
		{"in", texts("+1 5", "+1 6", "030"), []string{"US"}},
		{"in with null", texts("+1 5").Union(config.Point(config.Null())), []string{"US"}},
		{"null", config.Point(config.Null()), nil},
		{"range", atLeast(config.Text("+49")), []string{"DE", "US"}},
		{"not", not(texts("+1 5")), []string{"DE", "US"}},
	} {
		got, open := route(s, s.Shards(), c.set)
		sameIDs(t, c.want, got)
		require.False(t, open, c.name)
	}
	got, _ := route(build(t, byCountry(), anyText), s.Shards(), texts("+1 5"))
	require.Equal(t, s.Shards(), got)
}

func TestComputedFromTwoFields(t *testing.T) {
	t.Parallel()
	sum := func(f []config.Value) (config.Value, error) {
		a, _ := f[0].AsInt()
		b, _ := f[1].AsInt()
		return config.Int(a + b), nil
	}
	s := build(t, config.StrategySpec{Kind: "computed", Fields: []string{"A", "B"}, Compute: sum, ComputeName: "sum/1", InnerKind: config.KindInt,
		Inner: &config.StrategySpec{Kind: "range", Ranges: []config.Range{{ID: "low", To: 10}, {ID: "high", From: 10}}}}, intKey, intKey)
	require.Equal(t, "high", place(t, s, config.Int(4), config.Int(6)))
	ids, _ := route(s, s.Shards(), closed(config.Int(0), config.Int(4)), ints(1, 5))
	require.Equal(t, []string{"low"}, ids)
	ids, _ = route(s, s.Shards(), closed(config.Int(0), config.Int(5)), ints(1, 5))
	require.Equal(t, []string{"low", "high"}, ids)
	ids, _ = route(s, s.Shards(), closed(config.Int(0), config.Int(2000)), closed(config.Int(-10_000), config.Int(-5000)))
	require.Equal(t, s.Shards(), ids, "too many combinations")
}

func TestComputedExtendsItsInnerStrategyByExplicitShards(t *testing.T) {
	t.Parallel()
	s, err := strategies.New(byCountry(), []config.KeyColumn{textKey}, []config.Shard{{ID: "FR", Values: []any{"FR"}}})
	require.NoError(t, err)
	require.Equal(t, []string{"DE", "US", "FR"}, s.Shards())
}

func TestComputedFaults(t *testing.T) {
	t.Parallel()
	_, err := strategies.New(config.StrategySpec{Kind: "computed", Fields: []string{"T"}}, []config.KeyColumn{textKey}, nil)
	for _, want := range []string{"its function", "a name", "the kind", "inner strategy"} {
		require.ErrorContains(t, err, want)
	}
	for _, inner := range []config.StrategySpec{{Kind: "maxrows", MaxRows: 1}, compositeOf(), byCountry(), {Kind: "hash"}, {Kind: "date", Unit: config.Day}, {Kind: "nothing"}} {
		spec := byCountry()
		spec.Inner = &inner
		_, err := strategies.New(spec, []config.KeyColumn{textKey}, nil)
		require.ErrorIs(t, err, config.ErrConfig, inner.Kind)
	}
	other := byCountry()
	other.ComputeName = "country/2"
	require.NotEqual(t, build(t, byCountry(), textKey).Fingerprint(), build(t, other, textKey).Fingerprint())
}
