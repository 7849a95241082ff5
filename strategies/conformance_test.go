package strategies_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/strategies"
	"github.com/go-dtde/dtde/strategies/strategytest"
)

type draw = func(*rapid.T) config.Value

func drawInt(from, to int64) draw {
	return func(t *rapid.T) config.Value { return config.Int(rapid.Int64Range(from, to).Draw(t, "int")) }
}

func drawText(of ...string) draw {
	return func(t *rapid.T) config.Value {
		if rapid.IntRange(0, 3).Draw(t, "known text") > 0 {
			return config.Text(rapid.SampledFrom(of).Draw(t, "text"))
		}
		return config.Text(rapid.StringN(0, 4, 12).Draw(t, "any text"))
	}
}

func drawTime(from, to string) draw {
	return func(t *rapid.T) config.Value {
		a, b := at(from).AsTime().Unix(), at(to).AsTime().Unix()
		s := rapid.Int64Range(a, b).Draw(t, "second")
		if rapid.Bool().Draw(t, "midnight") {
			s -= s % 86400
		}
		return config.Time(time.Unix(s, rapid.SampledFrom([]int64{0, 1, 999_999_999}).Draw(t, "nano")))
	}
}

func drawKey(columns ...draw) func(*rapid.T) []config.Value {
	return func(t *rapid.T) []config.Value {
		key := make([]config.Value, len(columns))
		for i, c := range columns {
			key[i] = c(t)
		}
		return key
	}
}

func letterRanges(ids ...string) config.StrategySpec {
	return config.ByAlphabet("T", ids...)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	from, to := at("2022-01-01").AsTime(), at("2026-01-01").AsTime()
	in := func(name string) (time.Time, time.Time) {
		loc := location(t, name)
		return time.Date(2022, 1, 1, 0, 0, 0, 0, loc), time.Date(2026, 1, 1, 0, 0, 0, 0, loc)
	}
	date := func(unit config.DateUnit, zone string) config.StrategySpec {
		a, b := in(zone)
		return config.ByDate("At", unit, a, b)
	}
	moment := drawTime("2021-06-01", "2026-06-01")
	words := drawText("Ärger", "aab", "Bob", "mN", "zebra", "ıx", "ſun", "9lives", "", "Zz", "[", "`", "\xff", "\x80a", "{")
	withDefault := func(s config.StrategySpec, id string) config.StrategySpec { s.Default = id; return s }
	fold := config.ByValue("T", "EU", "us", "straße")
	fold.FoldCase = true
	region := drawText("EU", "US", "APAC", "eu")
	year := func(f []config.Value) (config.Value, error) {
		s := f[0].AsString()
		if s == "" {
			return config.Null(), nil
		}
		return config.Int(int64(len(s))), nil
	}
	total := func(f []config.Value) (config.Value, error) {
		a, _ := f[0].AsInt()
		b, _ := f[1].AsInt()
		if a == 7 {
			return config.Value{}, fmt.Errorf("seven is not taken")
		}
		return config.Time(time.Unix((a+b)*1_000_000, 0)), nil
	}
	for _, c := range []struct {
		name string
		spec config.StrategySpec
		keys []config.KeyColumn
		gen  func(*rapid.T) []config.Value
	}{
		{"value", config.ByValue("T", "EU", "US", "APAC"), []config.KeyColumn{textKey}, drawKey(region)},
		{"value default", withDefault(config.ByValue("T", "EU", "US"), "rest"), []config.KeyColumn{textKey}, drawKey(region)},
		{"value int default", withDefault(config.ByValue("N", "1", "2", "3"), "rest"), []config.KeyColumn{intKey}, drawKey(drawInt(-1, 5))},
		{"value bool", config.ByValue("B", "true", "false"), []config.KeyColumn{boolKey}, drawKey(func(t *rapid.T) config.Value { return config.Bool(rapid.Bool().Draw(t, "bool")) })},
		{"value folded", withDefault(fold, "rest"), []config.KeyColumn{textKey}, drawKey(drawText("eu", "Eu", "US", "STRAßE", "STRASSE", "uſ"))},
		{"value of unknown collation", config.ByValue("T", "EU", "US"), []config.KeyColumn{anyText}, drawKey(region)},
		{"date day", date(config.Day, "UTC"), []config.KeyColumn{timeKey}, drawKey(moment)},
		{"date week", date(config.Week, "Europe/Berlin"), []config.KeyColumn{timeKey}, drawKey(moment)},
		{"date month", date(config.Month, "America/New_York"), []config.KeyColumn{timeKey}, drawKey(moment)},
		{"date quarter", date(config.Quarter, "Asia/Tokyo"), []config.KeyColumn{timeKey}, drawKey(moment)},
		{"date year", date(config.Year, "Pacific/Apia"), []config.KeyColumn{timeKey}, drawKey(moment)},
		{"date only", date(config.Month, "America/New_York"), []config.KeyColumn{dateKey}, drawKey(moment)},
		{"date unbounded", config.StrategySpec{Kind: "date", Fields: []string{"At"}, Unit: config.Day, Location: berlin(t)}, []config.KeyColumn{timeKey}, drawKey(drawTime("1890-01-01", "2200-01-01"))},
		{"hash int", config.ByHash("N", 8), []config.KeyColumn{intKey}, drawKey(drawInt(-50, 50))},
		{"hash text", config.ByHash("T", 3), []config.KeyColumn{textKey}, drawKey(words)},
		{"hash time", config.ByHash("At", 5), []config.KeyColumn{{Column: "at", Kind: config.KindTime, Precision: time.Millisecond}}, drawKey(moment)},
		{"ring", config.ByRing("N", config.RingNode{ID: "a"}, config.RingNode{ID: "b", Weight: 3}), []config.KeyColumn{intKey}, drawKey(drawInt(-50, 50))},
		{"alphabet", letterRanges("A-M", "N-Y", "Z"), []config.KeyColumn{textKey}, drawKey(words)},
		{"alphabet default", withDefault(letterRanges("A-M", "N-Z", "Ä", "0-9"), "other"), []config.KeyColumn{textKey}, drawKey(words)},
		{"alphabet of blocks", withDefault(letterRanges("Z-ǅ", "一-龥"), "other"), []config.KeyColumn{textKey}, drawKey(drawText("z", "\x80", "\xc2", "\xc3\xc0", "À", "ÿ", "Ā", "ǆ", "ǅ", "七", "龥", "\xe4\xb9", "\xe4\xff\xff", "豈"))},
		{"alphabet of unknown order", letterRanges("A-M", "N-Z"), []config.KeyColumn{{Column: "t", Kind: config.KindString, BytesEqual: true}}, drawKey(words)},
		{"range int", config.ByRange("N", config.Range{ID: "low", To: 0}, config.Range{ID: "high", From: 20}, config.Range{ID: "mid", From: "0", To: 10}), []config.KeyColumn{intKey}, drawKey(drawInt(-5, 25))},
		{"range text", config.ByRange("T", config.Range{ID: "x", From: "a", To: "n"}, config.Range{ID: "y", From: "n"}), []config.KeyColumn{textKey}, drawKey(words)},
		{"range time", config.ByRange("At", config.Range{ID: "old", To: "2023-01-01"}, config.Range{ID: "new", From: from.AddDate(1, 0, 0)}), []config.KeyColumn{timeKey}, drawKey(moment)},
		{"maxrows", config.StrategySpec{Kind: "maxrows", MaxRows: 10}, nil, drawKey()},
		{"composite fixed", config.StrategySpec{Kind: "composite", Parts: []config.StrategySpec{config.ByValue("T", "EU", "US"), config.ByHash("N", 4)}},
			[]config.KeyColumn{textKey, intKey}, drawKey(region, drawInt(0, 20))},
		{"composite by month", config.StrategySpec{Kind: "composite", Parts: []config.StrategySpec{config.ByValue("T", "EU", "US"), config.ByDate("At", config.Month, from, to)}},
			[]config.KeyColumn{textKey, timeKey}, drawKey(region, moment)},
		{"composite of three", config.StrategySpec{Kind: "composite", Parts: []config.StrategySpec{config.ByDate("At", config.Week, from, to), withDefault(config.ByValue("T", "EU", "E"), "o"), config.ByDate("D", config.Year, from, to)}},
			[]config.KeyColumn{timeKey, textKey, dateKey}, drawKey(moment, region, moment)},
		{"computed", config.StrategySpec{Kind: "computed", Fields: []string{"T"}, Compute: year, ComputeName: "length/1", InnerKind: config.KindInt, Inner: &config.StrategySpec{Kind: "hash", Slots: 3}},
			[]config.KeyColumn{textKey}, drawKey(words)},
		{"computed by date", config.StrategySpec{Kind: "computed", Fields: []string{"N", "M"}, Compute: total, ComputeName: "sum/1", InnerKind: config.KindTime, Inner: &config.StrategySpec{Kind: "date", Unit: config.Week, From: "1970-01-01", To: "1971-01-01"}},
			[]config.KeyColumn{intKey, column("m", config.KindInt)}, drawKey(drawInt(0, 20), drawInt(0, 20))},
		{"custom", config.StrategySpec{Kind: "custom", Fields: []string{"T"}, Custom: byLength{}}, []config.KeyColumn{textKey}, drawKey(words)},
		{"composite of custom", config.StrategySpec{Kind: "composite", Parts: []config.StrategySpec{{Kind: "custom", Fields: []string{"T"}, Custom: byLength{}}, config.ByDate("At", config.Year, from, to)}},
			[]config.KeyColumn{textKey, timeKey}, drawKey(words, moment)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			again := func() (config.Strategy, error) { return strategies.New(c.spec, c.keys, nil) }
			s, err := again()
			require.NoError(t, err)
			strategytest.Run(t, s, c.keys, c.gen, again)
		})
	}
}

// byLength is a program's own strategy: short texts and long ones.
type byLength struct{}

func (byLength) Name() string        { return "length" }
func (byLength) Fingerprint() string { return "length=4" }
func (byLength) Shards() []string    { return []string{"short", "long"} }

func (byLength) Check(keys []config.KeyColumn) error {
	if len(keys) != 1 || keys[0].Kind != config.KindString {
		return fmt.Errorf("one text column is needed")
	}
	return nil
}

func (byLength) Place(key []config.Value) (string, error) {
	switch {
	case key[0].IsNull():
		return "", config.ErrMissingShardKey
	case len(key[0].AsString()) <= 4:
		return "short", nil
	}
	return "long", nil
}

func (b byLength) Route(q config.RouteQuery) config.Routing {
	v, ok := q.Keys[0].Single()
	if !ok {
		return config.Routing{All: true}
	}
	id, err := b.Place([]config.Value{v})
	for i := range q.Known {
		if err == nil && q.Known[i] == id {
			return config.Routing{IDs: q.Known[i : i+1]}
		}
	}
	return config.Routing{}
}

func TestConformanceOfUserDefinedStrategy(t *testing.T) {
	t.Parallel()
	strategytest.Run(t, byLength{}, []config.KeyColumn{textKey}, drawKey(drawText("a", strings.Repeat("b", 5))))
}

func TestConformanceOfManualTables(t *testing.T) {
	t.Parallel()
	make := func() (config.Strategy, error) {
		return strategies.NewManual([]strategies.ManualTable{
			{ID: "old", Boxes: [][]config.Set{{below(config.Int(10)), config.NotNull()}}},
			{ID: "new_eu", Boxes: [][]config.Set{{atLeast(config.Int(10)), texts("EU", "UK")}}},
			{ID: "new_rest", Boxes: [][]config.Set{{atLeast(config.Int(10)), not(texts("EU", "UK", "US"))}, {config.Point(config.Null()), config.Full()}}},
		})
	}
	s, err := make()
	require.NoError(t, err)
	strategytest.Run(t, s, []config.KeyColumn{intKey, textKey}, drawKey(drawInt(5, 15), drawText("EU", "UK", "US", "FR")), make)
}
