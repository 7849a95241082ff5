package merge_test

import (
	"database/sql/driver"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/merge"
)

func TestHaving(t *testing.T) {
	t.Parallel()
	compare := func(op merge.ConditionOp, value int64) merge.Condition { return merge.Condition{Op: op, Value: value} }
	of := func(op merge.ConditionOp, parts ...merge.Condition) merge.Condition {
		return merge.Condition{Op: op, Of: parts}
	}
	null := merge.Condition{Op: merge.IsNull}
	for name, c := range map[string]struct {
		value     driver.Value
		condition merge.Condition
		stays     bool
	}{
		"equal":                     {int64(3), compare(merge.Equal, 3), true},
		"not equal":                 {int64(3), compare(merge.NotEqual, 3), false},
		"less":                      {int64(2), compare(merge.Less, 3), true},
		"not less":                  {int64(3), compare(merge.Less, 3), false},
		"less or equal":             {int64(3), compare(merge.LessOrEqual, 3), true},
		"greater":                   {"3.01", compare(merge.Greater, 3), true},
		"greater or equal":          {[]byte("-3.00"), compare(merge.GreaterOrEqual, -3), true},
		"decimals by value":         {"10", compare(merge.Greater, 9), true},
		"beyond int64":              {"9223372036854775808000", compare(merge.Greater, 1<<53), true},
		"unsigned":                  {uint64(math.MaxUint64), compare(merge.Greater, -1), true},
		"float":                     {2.5, compare(merge.Greater, 2), true},
		"NaN":                       {math.NaN(), compare(merge.Greater, 1<<53), true},
		"NULL is neither":           {nil, compare(merge.Equal, 3), false},
		"nor is its opposite":       {nil, of(merge.Not, compare(merge.Equal, 3)), false},
		"NULL":                      {nil, null, true},
		"not NULL":                  {int64(1), of(merge.Not, null), true},
		"both":                      {int64(5), of(merge.And, compare(merge.Greater, 3), compare(merge.Less, 6)), true},
		"one of both":               {int64(7), of(merge.And, compare(merge.Greater, 3), compare(merge.Less, 6)), false},
		"either":                    {int64(7), of(merge.Or, compare(merge.Less, 3), compare(merge.Greater, 6)), true},
		"neither":                   {int64(4), of(merge.Or, compare(merge.Less, 3), compare(merge.Greater, 6)), false},
		"unknown or true":           {nil, of(merge.Or, compare(merge.Less, 3), null), true},
		"unknown and true":          {nil, of(merge.And, compare(merge.Less, 3), null), false},
		"not (unknown and false)":   {nil, of(merge.Not, of(merge.And, compare(merge.Less, 3), of(merge.Not, null))), true},
		"not (unknown and true)":    {nil, of(merge.Not, of(merge.And, compare(merge.Less, 3), null)), false},
		"all of nothing":            {int64(1), of(merge.And), true},
		"one of nothing":            {int64(1), of(merge.Or), false},
		"the bound of exact values": {float64(1 << 53), compare(merge.Equal, 1<<53), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows := mustDrain(t, merge.Having(merge.FromValues([]string{"v"}, [][]driver.Value{{c.value}}), c.condition))
			assert.Len(t, rows, map[bool]int{true: 1}[c.stays])
		})
	}
	for name, c := range map[string]struct {
		value     driver.Value
		condition merge.Condition
		err       error
	}{
		"text":                {"three", compare(merge.Equal, 3), merge.ErrNotNumeric},
		"a truth value":       {true, compare(merge.Equal, 1), merge.ErrNotNumeric},
		"another column":      {int64(1), merge.Condition{Op: merge.Less, Column: 1}, merge.ErrColumns},
		"no kind of operator": {int64(1), merge.Condition{}, merge.ErrGroupSpec},
		"a part that fails":   {"x", of(merge.Not, of(merge.And, compare(merge.Less, 3))), merge.ErrNotNumeric},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := track([]string{"v"}, [][]driver.Value{{c.value}, {int64(1)}})
			src := merge.Having(s, c.condition)
			_, err := drain(src)
			require.ErrorIs(t, err, c.err)
			requireClosedOnce(t, s)
			require.ErrorIs(t, src.Next(make([]driver.Value, 1)), c.err)
			require.NoError(t, src.Close())
		})
	}
	src := merge.Having(merge.FromValues([]string{"v"}, nil), null)
	require.NoError(t, src.Close())
	require.ErrorIs(t, src.Next(make([]driver.Value, 1)), merge.ErrClosed)
}
