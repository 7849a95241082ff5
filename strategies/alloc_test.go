package strategies_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/strategies"
)

// Placing a row and routing one key are on the path of every statement.
func TestOneKeyAllocatesNothing(t *testing.T) {
	from, to := at("2020-01-01").AsTime(), at("2030-01-01").AsTime()
	fold := withDefault(config.ByValue("T", "EU", "US"), "rest")
	fold.FoldCase = true
	ring := config.ByRing("N", config.RingNode{ID: "a"}, config.RingNode{ID: "b"})
	custom := ring
	custom.RingHash = config.RingHash{Name: "length/1", Sum: func(b []byte) uint64 { return uint64(len(b)) << 56 }}
	manual, err := strategies.NewManual([]strategies.ManualTable{table("a", box(below(config.Int(5)))), table("b", box(atLeast(config.Int(5))))})
	require.NoError(t, err)
	long := config.Text(strings.Repeat("long", 100))
	for _, c := range []struct {
		name     string
		strategy config.Strategy
		key      []config.Value
	}{
		{"value", build(t, config.ByValue("T", "EU", "US"), textKey), []config.Value{config.Text("US")}},
		{"value int", build(t, config.ByValue("N", "1", "2"), intKey), []config.Value{config.Int(2)}},
		{"value folded", build(t, fold, textKey), []config.Value{config.Text("us")}},
		{"date", build(t, config.ByDate("At", config.Month, from, to), timeKey), []config.Value{at("2024-05-17")}},
		{"date in a zone", build(t, config.ByDate("At", config.Day, from.In(berlin(t)), to.In(berlin(t))), timeKey), []config.Value{at("2024-05-17")}},
		{"hash", build(t, config.ByHash("N", 8), intKey), []config.Value{config.Int(7)}},
		{"hash text", build(t, config.ByHash("T", 8), textKey), []config.Value{config.Text("C-000001")}},
		{"hash long text", build(t, config.ByHash("T", 8), textKey), []config.Value{long}},
		{"ring", build(t, ring, intKey), []config.Value{config.Int(7)}},
		{"ring with its own hash", build(t, custom, intKey), []config.Value{config.Int(7)}},
		{"alphabet", build(t, config.ByAlphabet("T", "A-M", "N-Z"), textKey), []config.Value{config.Text("zoe")}},
		{"range", build(t, config.ByRange("N", config.Range{ID: "a", To: 5}, config.Range{ID: "b", From: 5}), intKey), []config.Value{config.Int(7)}},
		{"composite", build(t, compositeOf(config.ByValue("T", "EU", "US"), config.ByHash("N", 4)), textKey, intKey), []config.Value{config.Text("US"), config.Int(7)}},
		{"composite by month", build(t, compositeOf(config.ByValue("T", "EU", "US"), config.ByDate("At", config.Month, from, to)), textKey, timeKey), []config.Value{config.Text("US"), at("2024-05-17")}},
		{"computed", build(t, byCountry(), textKey), []config.Value{config.Text("+1 5")}},
		{"custom", build(t, customOf(scripted{shards: []string{"a"}, id: "a", name: "x", print: "x", routing: config.Routing{IDs: []string{"a"}}}), intKey), []config.Value{config.Int(1)}},
		{"manual", manual, []config.Value{config.Int(7)}},
	} {
		id := place(t, c.strategy, c.key...)
		known := c.strategy.Shards()
		if len(known) == 0 {
			known = []string{"US_2024_04", "US_2024_05", "2024_05", "2024_05_17"}
		}
		query := config.RouteQuery{Known: known}
		for _, v := range c.key {
			query.Keys = append(query.Keys, config.Point(v))
		}
		require.Equal(t, []string{id}, c.strategy.Route(query).IDs, c.name)
		require.Zero(t, testing.AllocsPerRun(200, func() { _, _ = c.strategy.Place(c.key) }), "%s: Place", c.name)
		require.Zero(t, testing.AllocsPerRun(200, func() { c.strategy.Route(query) }), "%s: Route", c.name)
		refused := make([]config.Value, len(c.key))
		for i := range refused {
			refused[i] = config.Null()
		}
		if c.name != "custom" {
			require.Zero(t, testing.AllocsPerRun(200, func() { _, _ = c.strategy.Place(refused) }), "%s: a refused key", c.name)
		}
	}
}
