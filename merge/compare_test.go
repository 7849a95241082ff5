package merge_test

import (
	"database/sql/driver"
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/merge"
)

func sign(c int) int {
	switch {
	case c < 0:
		return -1
	case c > 0:
		return 1
	}
	return 0
}

func TestCompare(t *testing.T) {
	t.Parallel()
	noon := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	cases := []struct {
		name string
		a, b driver.Value
		want int
	}{
		{"integers", int64(-2), int64(1), -1},
		{"integers of other widths", int32(7), int64(7), 0},
		{"unsigned above signed", uint64(math.MaxUint64), int64(math.MaxInt64), 1},
		{"unsigned against negative", uint64(0), int64(-1), 1},
		{"2^53+1 is not 2^53", int64(1<<53 + 1), float64(1 << 53), 1},
		{"max int64 below 2^63", int64(math.MaxInt64), float64(1 << 63), -1},
		{"min int64 is -2^63", int64(math.MinInt64), float64(-1 << 63), 0},
		{"below min int64", int64(math.MinInt64), -1e19, 1},
		{"max uint64 below 2^64", uint64(math.MaxUint64), math.Ldexp(1, 64), -1},
		{"2^63 unsigned and float", uint64(1 << 63), float64(1 << 63), 0},
		{"unsigned above small float", uint64(1 << 63), 1.5, 1},
		{"negative fraction", int64(-1), -1.5, 1},
		{"fraction", int64(1), 1.5, -1},
		{"float32", float32(0.5), 0.5, 0},
		{"negative zero", math.Copysign(0, -1), 0.0, 0},
		{"NaN is last", math.NaN(), math.Inf(1), 1},
		{"NaN equals NaN", math.NaN(), math.NaN(), 0},
		{"integer before NaN", int64(1), math.NaN(), -1},
		{"infinity", int64(math.MaxInt64), math.Inf(1), -1},
		{"bools", false, true, -1},
		{"equal bools", true, true, 0},
		{"text by bytes", "B", "a", -1},
		{"text and bytes", "ab", []byte("abc"), -1},
		{"bytes and text", []byte("abc"), "ab", 1},
		{"same text and bytes", []byte("ab"), "ab", 0},
		{"bytes", []byte{0xff}, []byte{0x7f, 1}, 1},
		{"one instant in two zones", noon, noon.In(time.FixedZone("x", 7200)), 0},
		{"times", noon, noon.Add(1), -1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := merge.Compare(c.a, c.b)
			require.NoError(t, err)
			assert.Equal(t, c.want, sign(got))
			got, err = merge.Compare(c.b, c.a)
			require.NoError(t, err)
			assert.Equal(t, -c.want, sign(got), "mirrored")
		})
	}
}

func TestCompareRefusesToGuess(t *testing.T) {
	t.Parallel()
	cases := map[string][2]driver.Value{
		"text with number":   {"1", int64(1)},
		"bool with number":   {true, int64(1)},
		"time with text":     {time.Now(), "2024-01-01"},
		"bytes with float":   {[]byte("1"), 1.0},
		"unknown kind":       {[16]byte{}, [16]byte{}},
		"NULL":               {nil, int64(1)},
		"NULL with NULL":     {nil, nil},
		"number with struct": {int64(1), struct{}{}},
	}
	for name, pair := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := merge.Compare(pair[0], pair[1])
			require.ErrorIs(t, err, merge.ErrIncomparable)
			_, err = merge.Compare(pair[1], pair[0])
			require.ErrorIs(t, err, merge.ErrIncomparable)
		})
	}
}

// numbers near all the places where conversions round or overflow.
func genNumber() *rapid.Generator[driver.Value] {
	return rapid.Custom(func(t *rapid.T) driver.Value {
		base := rapid.SampledFrom([]float64{0, 1, 1 << 53, 1 << 62, 1 << 63, -1 << 63, -1 << 53}).Draw(t, "base")
		delta := rapid.Int64Range(-3, 3).Draw(t, "delta")
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			i, _ := big.NewFloat(base).Int64()
			if i == math.MaxInt64 && delta > 0 || i == math.MinInt64 && delta < 0 {
				delta = 0
			}
			return i + delta
		case 1:
			u, _ := big.NewFloat(math.Abs(base)).Uint64()
			return u + uint64(max(delta, 0))
		}
		return base + float64(delta)/2
	})
}

func rat(v driver.Value) *big.Rat {
	switch v := v.(type) {
	case int64:
		return new(big.Rat).SetInt64(v)
	case uint64:
		return new(big.Rat).SetUint64(v)
	}
	return new(big.Rat).SetFloat64(v.(float64))
}

func TestNumbersCompareExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := genNumber().Draw(t, "a"), genNumber().Draw(t, "b")
		want := rat(a).Cmp(rat(b))
		for name, compare := range map[string]merge.Comparer{"Compare": merge.Compare, "CompareDecimal": merge.CompareDecimal} {
			got, err := compare(a, b)
			require.NoError(t, err)
			require.Equal(t, want, sign(got), "%s(%T %v, %T %v)", name, a, a, b, b)
		}
	})
}

func genDecimal() *rapid.Generator[string] {
	return rapid.StringMatching(`-?(0{0,2}[0-9]{1,20}(\.[0-9]{0,12})?|\.[0-9]{1,5})`)
}

func TestDecimalTextComparesExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := genDecimal().Draw(t, "a")
		x, ok := new(big.Rat).SetString(a)
		require.True(t, ok)
		var b driver.Value
		var y *big.Rat
		if rapid.Bool().Draw(t, "text") {
			s := genDecimal().Draw(t, "b")
			y, _ = new(big.Rat).SetString(s)
			b = []byte(s)
		} else {
			b = genNumber().Draw(t, "b")
			y = rat(b)
		}
		got, err := merge.CompareDecimal(a, b)
		require.NoError(t, err)
		require.Equal(t, x.Cmp(y), sign(got), "%v with %v", a, b)
		got, err = merge.CompareDecimal(b, []byte(a))
		require.NoError(t, err)
		require.Equal(t, y.Cmp(x), sign(got), "%v with %v", b, a)
	})
}

func TestCompareDecimalEdges(t *testing.T) {
	t.Parallel()
	for name, pair := range map[string][2]driver.Value{
		"no digits":         {"-", "1"},
		"empty":             {"", int64(1)},
		"exponent":          {"1e5", "1"},
		"two points":        {"1.2.3", "1"},
		"NaN text":          {"NaN", 1.0},
		"second not number": {"1", "x"},
		"bool with text":    {true, "1"},
		"text with bool":    {"1", true},
		"text with time":    {"1", time.Now()},
	} {
		_, err := merge.CompareDecimal(pair[0], pair[1])
		require.ErrorIs(t, err, merge.ErrIncomparable, name)
	}
	for _, c := range []struct {
		a, b driver.Value
		want int
	}{
		{"1", math.NaN(), -1}, {"1", math.Inf(1), -1}, {"-1", math.Inf(-1), 1}, {"-0.00", "0", 0}, {"+1", "1.0", 0},
		{false, true, -1}, {"10", "9", 1},
	} {
		got, err := merge.CompareDecimal(c.a, c.b)
		require.NoError(t, err)
		assert.Equal(t, c.want, sign(got), "%v with %v", c.a, c.b)
	}
}

func TestComparerForColumnTypes(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"NUMERIC": 1, "decimal(10,2)": 1, "UNSIGNED BIGINT": 1, "TEXT": -1, "varchar(20)": -1, "": -1} {
		got, err := merge.ComparerFor(merge.ColumnType{DatabaseTypeName: name})("10", "9")
		require.NoError(t, err, name)
		assert.Equal(t, want, sign(got), name)
	}
	for _, name := range []string{"INTERVAL", "ENUM", "TIME", "JSON", "BPCHAR", "16421", "CITEXT"} {
		compare := merge.ComparerFor(merge.ColumnType{DatabaseTypeName: name})
		_, err := compare("10 days", []byte("9 days"))
		require.ErrorIs(t, err, merge.ErrIncomparable, name)
		got, err := compare(int64(1), int64(2))
		require.NoError(t, err, name)
		assert.Negative(t, got)
	}
}
