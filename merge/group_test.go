package merge_test

import (
	"database/sql/driver"
	"math"
	"math/big"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/merge"
)

// rawRow is a row before grouping: a key and a value, both may be NULL.
type rawRow struct {
	key   driver.Value
	value driver.Value // int64, or decimal text of scale 2, or nil
}

// aggregateOf is what an engine answers over rows: count(*), count(value), sum, min, max, in the order of first keys.
func aggregateOf(rows []rawRow, textual bool) [][]driver.Value {
	var order []driver.Value
	groups := map[driver.Value][]rawRow{}
	for _, r := range rows {
		if _, found := groups[r.key]; !found {
			order = append(order, r.key)
		}
		groups[r.key] = append(groups[r.key], r)
	}
	var result [][]driver.Value
	for _, key := range order {
		var n int64
		var sum, least, most *big.Rat
		for _, r := range groups[key] {
			if r.value == nil {
				continue
			}
			n++
			var v *big.Rat
			if textual {
				v, _ = new(big.Rat).SetString(r.value.(string))
			} else {
				v = new(big.Rat).SetInt64(r.value.(int64))
			}
			if sum == nil {
				sum, least, most = new(big.Rat), v, v
			}
			sum.Add(sum, v)
			if v.Cmp(least) < 0 {
				least = v
			}
			if v.Cmp(most) > 0 {
				most = v
			}
		}
		show := func(r *big.Rat) driver.Value {
			switch {
			case r == nil:
				return nil
			case textual:
				return r.FloatString(2)
			}
			return r.Num().Int64()
		}
		result = append(result, []driver.Value{key, int64(len(groups[key])), n, show(sum), show(least), show(most)})
	}
	return result
}

var partialColumns = []string{"key", "count(*)", "count", "sum", "min", "max"}

var partialSpec = merge.GroupSpec{MaxGroups: 100, Columns: []merge.GroupColumn{
	{Func: merge.Key, Column: 0}, {Func: merge.Count, Column: 1}, {Func: merge.Count, Column: 2},
	{Func: merge.Sum, Column: 3}, {Func: merge.Min, Column: 4}, {Func: merge.Max, Column: 5},
}}

func TestGroupOfPartialsIsAggregateOfAll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		textual := rapid.Bool().Draw(t, "decimal text")
		var all []rawRow
		var trackers []*tracked
		var sources []merge.Source
		for range rapid.IntRange(1, 5).Draw(t, "shards") {
			rows := make([]rawRow, rapid.IntRange(0, 8).Draw(t, "rows"))
			for i := range rows {
				if k := rapid.IntRange(0, 3).Draw(t, "key"); k > 0 {
					rows[i].key = int64(k)
				}
				switch v := rapid.Int64Range(-300, 300).Draw(t, "value"); {
				case v%5 == 0:
				case textual:
					rows[i].value = big.NewRat(v, 100).FloatString(2)
				default:
					rows[i].value = v
				}
			}
			all = append(all, rows...)
			s := track(partialColumns, aggregateOf(rows, textual))
			trackers = append(trackers, s)
			types := make([]merge.ColumnType, len(partialColumns))
			if textual {
				types[4].DatabaseTypeName, types[5].DatabaseTypeName = "DECIMAL", "DECIMAL"
			}
			sources = append(sources, merge.WithColumnTypes(s, types))
		}
		want := aggregateOf(all, textual)
		bound := rapid.IntRange(0, 5).Draw(t, "max groups")
		spec := partialSpec
		spec.MaxGroups = bound
		src := merge.Group(merge.Concat(sources...), spec)
		got, err := drain(src)
		requireClosedOnce(t, trackers...)
		if len(want) > bound {
			require.ErrorIs(t, err, merge.ErrTooManyRows)
			return
		}
		require.NoError(t, err)
		require.NoError(t, src.Close())
		require.Equal(t, want, got)
	})
}

func TestGroupWithoutKeysIsOneRow(t *testing.T) {
	t.Parallel()
	columns := []string{"count", "sum", "min", "max", "sum2", "count2"}
	spec := merge.GroupSpec{MaxGroups: 1, Average: merge.AverageFloat, Columns: []merge.GroupColumn{
		{Func: merge.Count, Column: 0}, {Func: merge.Sum, Column: 1}, {Func: merge.Min, Column: 2},
		{Func: merge.Max, Column: 3}, {Name: "avg", Func: merge.Avg, Column: 4, Counts: 5},
	}}
	empty := []driver.Value{int64(0), nil, nil, nil, nil, int64(0)}
	full := []driver.Value{int64(2), int64(5), int64(2), int64(3), int64(5), int64(2)}
	nothing := []driver.Value{int64(0), nil, nil, nil, nil}
	something := []driver.Value{int64(2), int64(5), int64(2), int64(3), 2.5}
	for name, c := range map[string]struct {
		partials [][]driver.Value
		want     []driver.Value
	}{
		"no partial rows":  {nil, nothing},
		"empty shards":     {[][]driver.Value{empty, empty}, nothing},
		"one has rows":     {[][]driver.Value{empty, full, empty}, something},
		"both have rows":   {[][]driver.Value{full, full}, []driver.Value{int64(4), int64(10), int64(2), int64(3), 2.5}},
		"a single partial": {[][]driver.Value{full}, something},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := merge.Group(merge.FromValues(columns, c.partials), spec)
			assert.Equal(t, []string{"count", "sum", "min", "max", "avg"}, src.Columns())
			assert.Equal(t, [][]driver.Value{c.want}, mustDrain(t, src))
		})
	}
}

func sumOf(fn merge.Func, typeName string, values ...driver.Value) ([][]driver.Value, error) {
	var rows [][]driver.Value
	for _, v := range values {
		rows = append(rows, []driver.Value{v})
	}
	src := merge.WithColumnTypes(merge.FromValues([]string{"v"}, rows), []merge.ColumnType{{DatabaseTypeName: typeName}})
	return drain(merge.Group(src, merge.GroupSpec{MaxGroups: 1, Columns: []merge.GroupColumn{{Func: fn}}}))
}

func TestTotals(t *testing.T) {
	t.Parallel()
	noon := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	const top, bottom = int64(math.MaxInt64), int64(math.MinInt64)
	cases := []struct {
		name   string
		fn     merge.Func
		typ    string
		values []driver.Value
		want   driver.Value
	}{
		{"integers", merge.Sum, "", []driver.Value{int64(1), nil, int32(2)}, int64(3)},
		{"passes the limit and returns", merge.Sum, "", []driver.Value{top, int64(1), int64(-1)}, top},
		{"passes the lower limit and returns", merge.Sum, "", []driver.Value{bottom, int64(-1), int64(1)}, bottom},
		{"large unsigned and back", merge.Sum, "", []driver.Value{uint64(math.MaxUint64), bottom, int64(0)}, top},
		{"largest scale", merge.Sum, "", []driver.Value{"1.5", "2.250", "-0.75"}, "3.000"},
		{"decimal bytes", merge.Sum, "", []driver.Value{[]byte("0.10"), []byte("-0.25")}, []byte("-0.15")},
		{"digits beyond float64", merge.Sum, "", []driver.Value{"9007199254740993", "0.01"}, "9007199254740993.01"},
		{"beyond int64 as decimal", merge.Sum, "", []driver.Value{"9223372036854775807", "1"}, "9223372036854775808"},
		{"integer and decimal text", merge.Sum, "", []driver.Value{int64(1), "0.5"}, "1.5"},
		{"decimal text and integer", merge.Sum, "", []driver.Value{"0.5", int64(1)}, "1.5"},
		{"overflowed integer and text", merge.Sum, "", []driver.Value{top, int64(1), "0.5"}, "9223372036854775808.5"},
		{"floats", merge.Sum, "", []driver.Value{0.5, float32(0.25)}, 0.75},
		{"integers then float", merge.Sum, "", []driver.Value{int64(1), 0.5, int64(2)}, 3.5},
		{"overflowed integers then float", merge.Sum, "", []driver.Value{top, top, 0.0}, math.Ldexp(1, 64)},
		{"float4 is rounded", merge.Sum, "FLOAT4", []driver.Value{float64(float32(16777216)), 1.0}, float64(float32(16777216))},
		{"infinite partial", merge.Sum, "", []driver.Value{math.Inf(1), 1.0}, math.Inf(1)},
		{"all NULL", merge.Sum, "", []driver.Value{nil, nil}, nil},
		{"count of NULLs", merge.Count, "", []driver.Value{int64(0), int64(0)}, int64(0)},
		{"count as text", merge.Count, "", []driver.Value{[]byte("2"), int64(3)}, int64(5)},
		{"min of times", merge.Min, "", []driver.Value{noon, nil, noon.Add(-1)}, noon.Add(-1)},
		{"max of text", merge.Max, "", []driver.Value{"a", "b", "B"}, "b"},
		{"max of decimal text", merge.Max, "NUMERIC", []driver.Value{"9.5", "10.0"}, "10.0"},
		{"min keeps the first of equals", merge.Min, "NUMERIC", []driver.Value{"1.0", "1.00"}, "1.0"},
		{"max of NULLs", merge.Max, "", []driver.Value{nil}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := sumOf(c.fn, c.typ, c.values...)
			require.NoError(t, err)
			assert.Equal(t, [][]driver.Value{{c.want}}, got)
		})
	}
}

func TestTotalsThatAreRefused(t *testing.T) {
	t.Parallel()
	const top = int64(math.MaxInt64)
	for name, c := range map[string]struct {
		fn     merge.Func
		typ    string
		values []driver.Value
		want   error
	}{
		"overflow":             {merge.Sum, "", []driver.Value{top, int64(1)}, merge.ErrOverflow},
		"underflow":            {merge.Sum, "", []driver.Value{-top, int64(-2)}, merge.ErrOverflow},
		"large unsigned":       {merge.Sum, "", []driver.Value{uint64(math.MaxUint64)}, merge.ErrOverflow},
		"float overflow":       {merge.Sum, "", []driver.Value{math.MaxFloat64, math.MaxFloat64}, merge.ErrOverflow},
		"count overflow":       {merge.Count, "", []driver.Value{"9223372036854775807", int64(1)}, merge.ErrOverflow},
		"interval":             {merge.Sum, "", []driver.Value{"1 day"}, merge.ErrNotNumeric},
		"NaN text":             {merge.Sum, "", []driver.Value{"NaN"}, merge.ErrNotNumeric},
		"bool":                 {merge.Sum, "", []driver.Value{true}, merge.ErrNotNumeric},
		"text then float":      {merge.Sum, "", []driver.Value{"1", 1.0}, merge.ErrNotNumeric},
		"float then text":      {merge.Sum, "", []driver.Value{1.0, []byte("1")}, merge.ErrNotNumeric},
		"fractional count":     {merge.Count, "", []driver.Value{"1.5"}, merge.ErrNotNumeric},
		"float count":          {merge.Count, "", []driver.Value{1.0}, merge.ErrNotNumeric},
		"max of an enum":       {merge.Max, "ENUM", []driver.Value{"a"}, merge.ErrIncomparable},
		"min of mixed kinds":   {merge.Min, "", []driver.Value{"a", int64(1)}, merge.ErrIncomparable},
		"key of opaque text":   {merge.Key, "INTERVAL", []driver.Value{"1 mon"}, merge.ErrIncomparable},
		"key that is no digit": {merge.Key, "NUMERIC", []driver.Value{"NaN"}, merge.ErrIncomparable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := sumOf(c.fn, c.typ, c.values...)
			require.ErrorIs(t, err, c.want)
		})
	}
}

// Keys are one group exactly where the engine's GROUP BY says so.
func TestGroupKeys(t *testing.T) {
	t.Parallel()
	noon := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		typ    string
		values []driver.Value
		want   int
	}{
		"integers of all kinds":  {"", []driver.Value{int64(1), uint64(1), 1.0, int8(1), float32(1)}, 1},
		"large unsigned, float":  {"", []driver.Value{uint64(1 << 63), math.Ldexp(1, 63), int64(math.MinInt64)}, 2},
		"huge floats":            {"", []driver.Value{1e300, 1e301, math.Inf(1), math.Inf(-1)}, 4},
		"zeros":                  {"", []driver.Value{0.0, math.Copysign(0, -1), int64(0)}, 1},
		"NaNs":                   {"", []driver.Value{math.NaN(), math.Float64frombits(0x7ff8000000000abc)}, 1},
		"text and bytes":         {"", []driver.Value{"a", []byte("a"), "A", "a "}, 3},
		"text is not a number":   {"", []driver.Value{"1", int64(1)}, 2},
		"numeric text":           {"NUMERIC", []driver.Value{"1", int64(1), "1.00", 1.0, "-0", "0.0"}, 2},
		"numeric fractions":      {"NUMERIC", []driver.Value{"0.10", "0.1", "0.5", 0.5, "0.3", "123456789012345678901234567890"}, 4},
		"numeric beyond int64":   {"NUMERIC", []driver.Value{"18446744073709551615", uint64(math.MaxUint64)}, 1},
		"instants":               {"", []driver.Value{noon, noon.In(time.FixedZone("x", 60)), noon.Add(1)}, 2},
		"NULLs":                  {"", []driver.Value{nil, nil, "", int64(0), false}, 4},
		"enum":                   {"ENUM", []driver.Value{"a", "b", "a"}, 2},
		"bools":                  {"", []driver.Value{true, false, true}, 2},
		"bool is not its number": {"", []driver.Value{true, int64(1)}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var rows [][]driver.Value
			for _, v := range c.values {
				rows = append(rows, []driver.Value{v, int64(1)})
			}
			src := merge.WithColumnTypes(merge.FromValues([]string{"k", "n"}, rows), []merge.ColumnType{{DatabaseTypeName: c.typ}, {}})
			groups := mustDrain(t, merge.Group(src, merge.GroupSpec{MaxGroups: 9, Columns: []merge.GroupColumn{
				{Func: merge.Count, Column: 1}, {Func: merge.Key, Column: 0}}}))
			assert.Len(t, groups, c.want)
			var n int64
			for _, g := range groups {
				n += g[0].(int64)
			}
			assert.Len(t, c.values, int(n))
		})
	}
	t.Run("two keys don't run together", func(t *testing.T) {
		t.Parallel()
		src := merge.FromValues([]string{"a", "b"}, [][]driver.Value{{"x", "yz"}, {"xy", "z"}, {"x", "yz"},
			{"xs\x00y", "z"}, {"x", "ys\x00z"}}) // the last two show why lengths are encoded
		assert.Len(t, mustDrain(t, merge.Distinct(src, 9)), 4)
	})
}

func TestGroupSpecIsChecked(t *testing.T) {
	t.Parallel()
	float4 := []merge.ColumnType{{DatabaseTypeName: "FLOAT4"}}
	for name, c := range map[string]struct {
		spec  merge.GroupSpec
		types []merge.ColumnType
		want  error
	}{
		"no function":        {merge.GroupSpec{Columns: []merge.GroupColumn{{}}}, nil, merge.ErrGroupSpec},
		"unknown function":   {merge.GroupSpec{Columns: []merge.GroupColumn{{Func: 99}}}, nil, merge.ErrGroupSpec},
		"average rule":       {merge.GroupSpec{Columns: []merge.GroupColumn{{Func: merge.Avg}}}, nil, merge.ErrGroupSpec},
		"column outside":     {merge.GroupSpec{Columns: []merge.GroupColumn{{Func: merge.Sum, Column: 1}}}, nil, merge.ErrColumns},
		"counts outside":     {merge.GroupSpec{Average: merge.AverageFloat, Columns: []merge.GroupColumn{{Func: merge.Avg, Counts: 1}}}, nil, merge.ErrColumns},
		"no group allowed":   {merge.GroupSpec{Columns: []merge.GroupColumn{{Func: merge.Count}}}, nil, merge.ErrTooManyRows},
		"average of rounded": {merge.GroupSpec{MaxGroups: 1, Average: merge.AveragePostgres, Columns: []merge.GroupColumn{{Func: merge.Avg}}}, float4, merge.ErrGroupSpec},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := track([]string{"a"}, nil)
			src := merge.Group(merge.WithColumnTypes(s, c.types), c.spec)
			require.ErrorIs(t, src.Next(make([]driver.Value, len(src.Columns()))), c.want)
			requireClosedOnce(t, s)
			require.NoError(t, src.Close())
			requireClosedOnce(t, s)
		})
	}
}

func average(rule merge.AverageRule, sum, count driver.Value) (driver.Value, error) {
	rows, err := drain(merge.Group(merge.FromValues([]string{"s", "n"}, [][]driver.Value{{sum, count}}), merge.GroupSpec{
		MaxGroups: 1, Average: rule, Columns: []merge.GroupColumn{{Func: merge.Avg, Column: 0, Counts: 1}}}))
	if err != nil {
		return nil, err
	}
	return rows[0][0], nil
}

// The expected texts were returned by PostgreSQL 15 and MariaDB 10.11 for the same sums and counts.
func TestAveragesAsTheEnginesDivide(t *testing.T) {
	t.Parallel()
	type vector struct {
		sum   string
		count int64
		want  string
	}
	postgres := []vector{
		{"1", 3, "0.33333333333333333333"}, {"10", 4, "2.5000000000000000"}, {"-1", 3, "-0.33333333333333333333"},
		{"0", 7, "0.00000000000000000000"}, {"0.00", 7, "0.00000000000000000000"}, {"2", 3, "0.66666666666666666667"},
		{"99999999", 10000, "9999.9999000000000000"}, {"9999", 9999, "1.00000000000000000000"},
		{"0.0001", 3, "0.000033333333333333333333"}, {"0.00001234", 7, "0.000001762857142857142857"},
		{"12345678901234567890.123", 3, "4115226300411522630.041"}, {"-0.5", 2, "-0.25000000000000000000"},
		{"10000", 3, "3333.3333333333333333"}, {"123456789", 123456, "1000.0063909409020218"},
		{"1.5", 10001, "0.000149985001499850014999"},
		{"1000000000000000000000000000000", 7, "142857142857142857142857142857"},
		{"0.000000000000000000000001", 9, "0.00000000000000000000000011111111111111111111"},
		{"100", 9999, "0.01000100010001000100"}, {"5.00000000000000000000000", 3, "1.66666666666666666666667"},
	}
	for _, v := range postgres {
		got, err := average(merge.AveragePostgres, v.sum, v.count)
		require.NoError(t, err)
		assert.Equal(t, v.want, got, "%s / %d", v.sum, v.count)
	}
	mysql := []vector{
		{"2.00000", 3, "0.666666666"}, {"-2.00000", 3, "-0.666666666"}, {"2.00", 3, "0.666667"}, {"-2.00", 3, "-0.666667"},
		{"2", 3, "0.6667"}, {"0.03", 7, "0.004286"}, {"18446744073709551614", 7, "2635249153387078802.0000"},
		{"36893488147419103230", 7, "5270498306774157604.2857"}, {"2.00000000000000", 3, "0.666666666666666666"},
		{"20.00000000000000", 3, "6.666666666666666666"}, {"0.00001", 8, "0.000001250"}, {"0.00005", 7, "0.000007142"},
		{"2.00000000000000000000000000000000000", 3, "0.66666666666666666666666666666666666667"},
	}
	for _, v := range mysql {
		got, err := average(merge.AverageMySQL, []byte(v.sum), v.count)
		require.NoError(t, err)
		assert.Equal(t, []byte(v.want), got, "%s / %d", v.sum, v.count)
	}
	for _, rule := range []merge.AverageRule{merge.AverageFloat, merge.AveragePostgres, merge.AverageMySQL} {
		got, err := average(rule, 1.0, int64(4))
		require.NoError(t, err)
		assert.Equal(t, 0.25, got, "floats divide as floats")
		got, err = average(rule, nil, int64(0))
		require.NoError(t, err)
		assert.Nil(t, got)
		for _, bad := range [][2]driver.Value{{nil, int64(2)}, {int64(1), int64(0)}, {int64(1), int64(-1)}, {int64(1), 0.5}, {true, int64(1)}} {
			_, err = average(rule, bad[0], bad[1])
			require.ErrorIs(t, err, merge.ErrNotNumeric)
		}
	}
	got, err := average(merge.AverageFloat, int64(7), int64(2))
	require.NoError(t, err)
	assert.Equal(t, 3.5, got)
}

// The average of a bigint sum is a numeric: reporting a bigint would make callers scan it into an int64.
func TestAverageColumnType(t *testing.T) {
	t.Parallel()
	columnTypes := func(rule merge.AverageRule, name string) merge.ColumnType {
		src := merge.WithColumnTypes(merge.FromValues([]string{"s", "n"}, nil), []merge.ColumnType{
			{DatabaseTypeName: name, ScanType: reflect.TypeFor[int64]()}, {}})
		g := merge.Group(src, merge.GroupSpec{MaxGroups: 1, Average: rule,
			Columns: []merge.GroupColumn{{Func: merge.Avg, Counts: 1}}}).(merge.TypedSource)
		before := g.ColumnTypes()[0]
		mustDrain(t, g)
		return before
	}
	assert.Equal(t, "NUMERIC", columnTypes(merge.AveragePostgres, "INT8").DatabaseTypeName)
	assert.Equal(t, reflect.TypeFor[float64](), columnTypes(merge.AveragePostgres, "INT8").ScanType)
	assert.Equal(t, "FLOAT8", columnTypes(merge.AveragePostgres, "FLOAT8").DatabaseTypeName)
	assert.Equal(t, "DECIMAL", columnTypes(merge.AverageMySQL, "DECIMAL").DatabaseTypeName)
}
