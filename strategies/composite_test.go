package strategies_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/strategies"
)

func compositeOf(parts ...config.StrategySpec) config.StrategySpec {
	return config.StrategySpec{Kind: "composite", Parts: parts}
}

func TestCompositeOfFixedParts(t *testing.T) {
	t.Parallel()
	s := build(t, compositeOf(config.ByValue("T", "EU", "US"), config.ByHash("N", 3)), textKey, intKey)
	all := []string{"EU_0", "EU_1", "EU_2", "US_0", "US_1", "US_2"}
	require.Equal(t, all, s.Shards())
	_, dynamic := s.(config.DynamicStrategy)
	require.False(t, dynamic)
	slot := place(t, build(t, config.ByHash("N", 3), intKey), config.Int(5))
	require.Equal(t, "US_"+slot, place(t, s, config.Text("US"), config.Int(5)))
	for _, c := range []struct {
		name string
		sets []config.Set
		want []string
	}{
		{"both", []config.Set{texts("US"), ints(5)}, []string{"US_" + slot}},
		{"outer only", []config.Set{texts("US"), config.Full()}, all[3:]},
		{"inner only", []config.Set{config.Full(), ints(5)}, []string{"EU_" + slot, "US_" + slot}},
		{"not", []config.Set{not(texts("US")), ints(5)}, []string{"EU_" + slot}},
		{"unknown", []config.Set{texts("FR"), config.Full()}, nil},
		{"null", []config.Set{config.Full(), config.Point(config.Null())}, nil},
		{"all", []config.Set{config.Full(), config.Full()}, all},
	} {
		got, open := route(s, all, c.sets...)
		sameIDs(t, c.want, got)
		require.False(t, open, c.name)
	}
	_, err := s.Place([]config.Value{config.Text("FR"), config.Null()})
	require.ErrorIs(t, err, config.ErrMissingShardKey)
	_, err = s.Place([]config.Value{config.Text("FR"), config.Int(1)})
	require.ErrorIs(t, err, config.ErrShardNotFound)
}

func TestCompositeByMonth(t *testing.T) {
	t.Parallel()
	spec := compositeOf(config.ByValue("T", "EU", "US"), config.ByDate("At", config.Month, at("2024-01-01").AsTime(), at("2025-01-01").AsTime()))
	s := build(t, spec, textKey, timeKey)
	d := s.(config.DynamicStrategy)
	require.Empty(t, s.Shards())
	require.Equal(t, "EU_2024_05", place(t, s, config.Text("EU"), at("2024-05-17")))
	ids, ok := d.Upto(at("2024-02-01"))
	require.True(t, ok)
	require.Equal(t, []string{"EU_2024_01", "EU_2024_02", "US_2024_01", "US_2024_02"}, ids)
	for id, owned := range map[string]bool{"EU_2024_05": true, "US_2024_12": true, "EU_2025_01": false, "FR_2024_01": false, "EU": false, "2024_05": false, "EU_": false, "EU_2024_05_1": false, "": false} {
		require.Equal(t, owned, d.Owns(id), id)
	}
	may := config.HalfOpen(at("2024-05-01"), at("2024-06-01"))
	spring := config.HalfOpen(at("2024-04-01"), at("2024-06-01"))
	known := []string{"EU_2024_04", "EU_2024_05", "US_2024_04"}
	for _, c := range []struct {
		name string
		sets []config.Set
		want []string
		open bool
	}{
		{"one key", []config.Set{texts("EU"), config.Point(at("2024-05-17"))}, []string{"EU_2024_05"}, false},
		{"one key whose shard is not there yet", []config.Set{texts("US"), config.Point(at("2024-05-17"))}, nil, true},
		{"a month of one region", []config.Set{texts("EU"), may}, []string{"EU_2024_05"}, false},
		{"a month that another region has", []config.Set{texts("US"), may}, nil, true},
		{"a month of all regions", []config.Set{config.Full(), may}, []string{"EU_2024_05"}, true},
		{"two months of one region", []config.Set{texts("EU"), spring}, []string{"EU_2024_04", "EU_2024_05"}, false},
		{"all months of one region", []config.Set{texts("US"), config.Full()}, []string{"US_2024_04"}, true},
		{"an unknown region", []config.Set{texts("FR"), config.Full()}, nil, false},
		{"outside the bounds", []config.Set{config.Full(), atLeast(at("2025-01-01"))}, nil, false},
		{"all", []config.Set{config.Full(), config.Full()}, known, true},
	} {
		got, open := route(s, known, c.sets...)
		sameIDs(t, c.want, got)
		require.Equal(t, c.open, open, c.name)
	}
	// A shard from before the bounds were narrowed is still found.
	got, _ := route(s, []string{"EU_2023_12"}, texts("EU"), config.Point(at("2023-12-05")))
	require.Equal(t, []string{"EU_2023_12"}, got)
}

func TestCompositeFaults(t *testing.T) {
	t.Parallel()
	year := config.ByDate("At", config.Year, at("2020-01-01").AsTime(), at("2030-01-01").AsTime())
	for _, c := range []struct {
		name string
		spec config.StrategySpec
		keys []config.KeyColumn
		want string
	}{
		{"one part", compositeOf(config.ByHash("N", 2)), []config.KeyColumn{intKey}, "at least two parts"},
		{"a joined id twice", compositeOf(config.ByValue("T", "a", "a_b"), config.ByValue("U", "b_c", "c")), []config.KeyColumn{textKey, textKey}, "a_b_c: two combinations give this id: a with b_c and a_b with c"},
		{"dates between ids like dates", compositeOf(config.ByValue("T", "a", "a_2024"), year, config.ByValue("U", "x", "2024_x")), []config.KeyColumn{textKey, timeKey, textKey}, "cannot be told apart"},
		{"too many", compositeOf(config.ByHash("N", 4096), config.ByHash("M", 17)), []config.KeyColumn{intKey, intKey}, "more than 65536"},
		{"nested", compositeOf(config.ByHash("N", 2), compositeOf(config.ByHash("M", 2), config.ByHash("O", 2))), []config.KeyColumn{intKey, intKey, intKey}, "cannot be a composite"},
		{"rows", compositeOf(config.ByHash("N", 2), config.StrategySpec{Kind: "maxrows", MaxRows: 1}), []config.KeyColumn{intKey}, "cannot be a maxrows"},
		{"field twice", compositeOf(config.ByHash("N", 2), config.ByHash("N", 3)), []config.KeyColumn{intKey, intKey}, "in the shard key twice"},
		{"faults of parts, first", compositeOf(config.ByHash("N", 0), config.ByValue("T")), []config.KeyColumn{intKey, textKey}, "slots"},
		{"faults of parts, second", compositeOf(config.ByHash("N", 0), config.ByValue("T")), []config.KeyColumn{intKey, textKey}, "no shards"},
		{"setting of a part", config.StrategySpec{Kind: "composite", Default: "x", Parts: []config.StrategySpec{config.ByHash("N", 2), config.ByHash("M", 2)}}, []config.KeyColumn{intKey, intKey}, "default shard has no effect"},
	} {
		_, err := strategies.New(c.spec, c.keys, nil)
		require.ErrorIs(t, err, config.ErrConfig, c.name)
		require.ErrorContains(t, err, c.want, c.name)
	}
	// With one side that can be told apart all is well.
	build(t, compositeOf(config.ByValue("T", "a", "a_2024"), year, config.ByValue("U", "x", "y")), textKey, timeKey, textKey)
	build(t, compositeOf(year, config.ByValue("U", "x", "2024_x")), timeKey, textKey)
}

func TestCompositeOfAComputedDate(t *testing.T) {
	t.Parallel()
	dayOf := func(f []config.Value) (config.Value, error) {
		n, _ := f[0].AsInt()
		return config.Time(time.Unix(n*86400, 0)), nil
	}
	s := build(t, compositeOf(config.ByValue("T", "a", "a_1970"), config.StrategySpec{
		Kind: "computed", Fields: []string{"N"}, Compute: dayOf, ComputeName: "day/1", InnerKind: config.KindTime,
		Inner: &config.StrategySpec{Kind: "date", Unit: config.Month, From: "1970-01-01", To: "1971-01-01"},
	}), textKey, intKey)
	d := s.(config.DynamicStrategy)
	require.Equal(t, "a_1970_1970_02", place(t, s, config.Text("a_1970"), config.Int(40)))
	require.True(t, d.Owns("a_1970_1970_02"))
	ids, ok := d.Upto(at("1970-01-31"))
	require.True(t, ok)
	require.Equal(t, []string{"a_1970_01", "a_1970_1970_01"}, ids)
	known := []string{"a_1970_1970_02", "a_1970_01", "a_1970_02"}
	got, open := route(s, known, texts("a"), ints(1, 40))
	require.Equal(t, []string{"a_1970_01", "a_1970_02"}, got)
	require.False(t, open)
	got, open = route(s, known, texts("a_1970"), ints(40))
	require.Equal(t, []string{"a_1970_1970_02"}, got)
	require.False(t, open)
	_, open = route(s, known, texts("a_1970"), ints(1, 40))
	require.True(t, open)
	// Days beyond the bounds may have had a shard before they were narrowed.
	old := []string{"a_1970_01", "a_1971_05"}
	for _, days := range []config.Set{ints(500), ints(1, 500)} {
		got, _ = route(s, old, texts("a"), days)
		require.Contains(t, got, "a_1971_05")
	}
}

// Ids made at run time are taken apart by all goroutines at once.
func TestCompositeLearnsConcurrently(t *testing.T) {
	t.Parallel()
	s := build(t, compositeOf(config.ByValue("T", "EU", "US"), config.ByDate("At", config.Day, at("2024-01-01").AsTime(), at("2025-01-01").AsTime())), textKey, timeKey)
	var known []string
	for i := range 300 {
		known = append(known, "EU_"+at("2024-01-01").AsTime().AddDate(0, 0, i).Format("2006_01_02"))
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for i := range known {
				when := config.Time(at("2024-01-01").AsTime().AddDate(0, 0, i))
				id, err := s.Place([]config.Value{config.Text("EU"), when})
				assert.NoError(t, err)
				assert.Equal(t, known[i], id)
				ids, _ := route(s, known[:i+1], texts("EU"), atLeast(when))
				assert.Equal(t, known[i:i+1], ids)
			}
		}()
	}
	wait.Wait()
}
