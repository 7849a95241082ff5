package merge

import (
	"database/sql/driver"
	"fmt"
	"io"
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// spreadOf merges partial rows of sum, count and squares of each part; nil is a shard
// without values.
func spreadOf(t require.TestingT, spread Spread, parts [][]float64) driver.Value {
	var rows [][]driver.Value
	for _, part := range parts {
		if len(part) == 0 {
			rows = append(rows, []driver.Value{nil, int64(0), nil})
			continue
		}
		sum, squares := 0.0, 0.0
		for _, v := range part {
			sum += v
		}
		mean := sum / float64(len(part))
		for _, v := range part {
			if spread.Float {
				squares += (v - mean) * (v - mean) / float64(len(part))
			} else {
				squares += v * v
			}
		}
		if spread.Float {
			rows = append(rows, []driver.Value{sum, int64(len(part)), squares})
		} else {
			rows = append(rows, []driver.Value{int64(sum), int64(len(part)), fmt.Sprint(int64(squares))})
		}
	}
	src := Group(FromValues([]string{"sum", "count", "squares"}, rows), GroupSpec{
		Columns: []GroupColumn{{Func: Variance, Column: 0, Counts: 1, Squares: 2, Spread: spread}}, MaxGroups: 1,
	})
	row := make([]driver.Value, 1)
	require.NoError(t, src.Next(row))
	require.NoError(t, src.Close())
	return row[0]
}

// TestVarianceVectors are PostgreSQL's own answers.
func TestVarianceVectors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		parts  [][]float64
		spread Spread
		want   driver.Value
	}{
		{[][]float64{{1, 2}, {3, 4, 5}}, Spread{}, "2.0000000000000000"},
		{[][]float64{{1, 2}, {3, 4, 5}}, Spread{Sample: true}, "2.5000000000000000"},
		{[][]float64{{1, 2}, {3, 4, 5}}, Spread{Sample: true, Root: true}, "1.5811388300841897"},
		{[][]float64{{1, 2}, nil, {3, 4, 5}}, Spread{Root: true}, "1.4142135623730950"},
		{[][]float64{{7}}, Spread{}, "0"},
		{[][]float64{{7}, nil}, Spread{Sample: true}, nil},
		{[][]float64{nil, nil}, Spread{}, nil},
		{nil, Spread{Float: true}, nil},
		{[][]float64{{7}}, Spread{Float: true, Sample: true}, nil},
		{[][]float64{{1, 2}, nil, {3, 4, 5}}, Spread{Float: true}, 2.0},
	} {
		want := c.want
		got := spreadOf(t, c.spread, c.parts)
		if b, ok := got.([]byte); ok {
			got = string(b)
		}
		assert.Equal(t, want, got, "%v %+v", c.parts, c.spread)
	}
}

// TestVarianceOfPartsIsOfAll: whichever way values are dealt out, exact variances are the
// same, and floating point ones as near as adding in another order is, also far from zero.
func TestVarianceOfPartsIsOfAll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.SampledFrom([]float64{0, 1000, 1e9}).Draw(t, "base")
		values := rapid.SliceOfN(rapid.IntRange(-99, 99), 1, 30).Draw(t, "values")
		parts := make([][]float64, 4)
		var all []float64
		for _, v := range values {
			at := rapid.IntRange(0, 3).Draw(t, "part")
			parts[at], all = append(parts[at], base+float64(v)), append(all, base+float64(v))
		}
		if base < 1e6 { // the test's own squares are exact
			spread := Spread{Sample: rapid.Bool().Draw(t, "sample"), Root: rapid.Bool().Draw(t, "root")}
			if one, apart := spreadOf(t, spread, [][]float64{all}), spreadOf(t, spread, parts); fmt.Sprint(one) != fmt.Sprint(apart) {
				t.Fatalf("%v instead of %v", apart, one)
			}
		}
		mean, sum := 0.0, 0.0
		for _, v := range all {
			mean += (v - base) / float64(len(all))
		}
		for _, v := range all {
			sum += (v - base - mean) * (v - base - mean)
		}
		got, want := spreadOf(t, Spread{Float: true}, parts).(float64), sum/float64(len(all))
		if math.Abs(got-want) > 1e-5*(1+want) {
			t.Fatalf("%v instead of %v", got, want)
		}
	})
}

func TestRootIsRounded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := &decimal{scale: rapid.IntRange(0, 6).Draw(t, "scale")}
		d.unscaled.SetInt64(rapid.Int64Range(0, math.MaxInt64).Draw(t, "unscaled"))
		scale := rapid.IntRange(0, 12).Draw(t, "digits")
		got := d.root(scale)
		// (got - half)² <= d < (got + half)²
		half := new(big.Rat).SetFrac(one, new(big.Int).Mul(big.NewInt(2), powerOfTen(scale)))
		low, high := new(big.Rat).Sub(got.rat(), half), new(big.Rat).Add(got.rat(), half)
		if low.Sign() > 0 && low.Mul(low, low).Cmp(d.rat()) > 0 || high.Mul(high, high).Cmp(d.rat()) <= 0 {
			t.Fatalf("the root of %s is not %s", d, got)
		}
	})
}

// TestCountDistinct counts over partial rows that are grouped by the values, too.
func TestCountDistinct(t *testing.T) {
	t.Parallel()
	rows := [][]driver.Value{
		{"a", int64(1), []byte("1.50")}, {"a", int64(1), "1.5"}, {"a", nil, "2"}, {"a", int64(2), nil},
		{"b", nil, nil}, {"b", 2.0, "2"}, {"b", int64(2), "2"},
	}
	src := FromValues([]string{"k", "x", "y"}, rows)
	spec := GroupSpec{Columns: []GroupColumn{
		{Func: Key, Column: 0}, {Func: CountDistinct, Column: 1, Values: []int{1}}, {Func: CountDistinct, Column: 1, Values: []int{1, 0}},
	}, MaxGroups: 6}
	merged := Group(src, spec)
	var got [][]driver.Value
	for {
		row := make([]driver.Value, 3)
		if err := merged.Next(row); err == io.EOF {
			break
		} else {
			require.NoError(t, err)
		}
		got = append(got, row)
	}
	assert.Equal(t, [][]driver.Value{{"a", int64(2), int64(2)}, {"b", int64(1), int64(1)}}, got)

	spec.MaxGroups = 5 // two groups, but six values
	few := Group(FromValues([]string{"k", "x", "y"}, rows), spec)
	assert.ErrorIs(t, few.Next(make([]driver.Value, 3)), ErrTooManyRows)
	assert.NoError(t, few.Close())
	spec.Columns[1].Values = []int{3}
	wrong := Group(FromValues([]string{"k", "x", "y"}, rows), spec)
	assert.ErrorIs(t, wrong.Next(make([]driver.Value, 3)), ErrColumns)
	assert.NoError(t, wrong.Close())
	spec.Columns[1] = GroupColumn{Func: Variance, Column: 0, Counts: 1, Squares: 7}
	wrong = Group(FromValues([]string{"k", "x", "y"}, rows), spec)
	assert.ErrorIs(t, wrong.Next(make([]driver.Value, 3)), ErrColumns)
	assert.NoError(t, wrong.Close())
}
