package strategies_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/strategies"
)

// scripted answers what a test tells it to.
type scripted struct {
	shards  []string
	id      string
	err     error
	routing config.Routing
	name    string
	print   string
}

func (s scripted) Name() string                           { return s.name }
func (s scripted) Fingerprint() string                    { return s.print }
func (s scripted) Check([]config.KeyColumn) error         { return nil }
func (s scripted) Shards() []string                       { return s.shards }
func (s scripted) Place([]config.Value) (string, error)   { return s.id, s.err }
func (s scripted) Route(config.RouteQuery) config.Routing { return s.routing }

// growing is one that makes shards at run time.
type growing struct{ scripted }

func (growing) Owns(id string) bool                { return id == "new" }
func (growing) Upto(config.Value) ([]string, bool) { return []string{"new"}, true }

func customOf(s config.Strategy) config.StrategySpec {
	return config.StrategySpec{Kind: "custom", Fields: []string{"N"}, Custom: s}
}

func TestCustomIsGuarded(t *testing.T) {
	t.Parallel()
	base := scripted{shards: []string{"a", "b", "c"}, name: "mine", print: "mine=1\nmore=2"}
	known := []string{"a", "b", "c"}
	for _, c := range []struct {
		name    string
		routing config.Routing
		want    config.Routing
	}{
		{"passed on", config.Routing{IDs: []string{"a", "c"}}, config.Routing{IDs: []string{"a", "c"}}},
		{"put in order", config.Routing{IDs: []string{"c", "a"}}, config.Routing{IDs: []string{"a", "c"}}},
		{"named twice", config.Routing{IDs: []string{"a", "a"}}, config.Routing{IDs: []string{"a"}}},
		{"unknown shard", config.Routing{IDs: []string{"a", "x"}}, config.Routing{All: true}},
		{"all", config.Routing{All: true, IDs: []string{"x"}}, config.Routing{All: true}},
	} {
		s := base
		s.routing = c.routing
		got := build(t, customOf(s), intKey).Route(config.RouteQuery{Keys: []config.Set{ints(1)}, Known: known})
		require.Equal(t, c.want, got, c.name)
	}
	for _, c := range []struct {
		name string
		id   string
		err  error
		want error
	}{
		{"placed", "b", nil, nil},
		{"a shard that it lacks", "x", nil, config.ErrShardNotFound},
		{"no shard", "", nil, config.ErrShardNotFound},
		{"an error of its own", "", errNoCountry, errNoCountry},
		{"which is typed too", "", errNoCountry, config.ErrShardNotFound},
		{"missing key", "", config.ErrMissingShardKey, config.ErrMissingShardKey},
	} {
		s := base
		s.id, s.err = c.id, c.err
		id, err := build(t, customOf(s), intKey).Place([]config.Value{config.Int(1)})
		require.Truef(t, errors.Is(err, c.want), "%s: %v", c.name, err)
		if c.want == nil {
			require.Equal(t, c.id, id)
		}
	}
	s := build(t, customOf(base), intKey)
	require.Equal(t, "mine", s.Name())
	require.Equal(t, "strategy=custom/1\ncustom.mine=1\ncustom.more=2", s.Fingerprint())
	_, dynamic := s.(config.DynamicStrategy)
	require.False(t, dynamic)
}

func TestCustomThatMakesShards(t *testing.T) {
	t.Parallel()
	s := build(t, customOf(growing{scripted{id: "new", name: "mine", print: "mine=1", routing: config.Routing{Open: true}}}), intKey)
	d := s.(config.DynamicStrategy)
	require.True(t, d.Owns("new"))
	ids, ok := d.Upto(at("2024-01-01"))
	require.True(t, ok)
	require.Equal(t, []string{"new"}, ids)
	require.Equal(t, "new", place(t, s, config.Int(1)))
	_, open := route(s, nil, ints(1))
	require.True(t, open)
	_, err := build(t, customOf(growing{scripted{name: "mine", print: "mine=1"}}), intKey).Place(nil)
	require.ErrorIs(t, err, config.ErrShardNotFound)
}

func TestCustomFaults(t *testing.T) {
	t.Parallel()
	_, err := strategies.New(customOf(nil), []config.KeyColumn{intKey}, nil)
	require.ErrorContains(t, err, "needs the strategy")
	_, err = strategies.New(customOf(scripted{shards: []string{"a", "", "a"}}), []config.KeyColumn{intKey}, nil)
	for _, want := range []string{"no name", "no fingerprint", "empty shard id", "a: the custom strategy lists the shard twice"} {
		require.ErrorContains(t, err, want)
	}
	_, err = strategies.New(customOf(scripted{name: "x", print: "x"}), []config.KeyColumn{intKey}, nil)
	require.ErrorContains(t, err, "lists no shards")
	_, err = strategies.New(config.StrategySpec{Kind: "custom", Fields: []string{"N"}, Custom: byLength{}}, []config.KeyColumn{intKey}, nil)
	require.ErrorIs(t, err, config.ErrConfig)
	require.ErrorContains(t, err, "one text column")
}
