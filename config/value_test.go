package config

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestValues(t *testing.T) {
	t.Parallel()
	berlin := time.FixedZone("CET", 3600)
	at := time.Date(2024, 5, 17, 10, 30, 0, 5000, berlin)
	cases := []struct {
		value Value
		kind  Kind
		text  string
		any   any
	}{
		{Value{}, KindInvalid, "invalid", nil},
		{Null(), KindNull, "NULL", nil},
		{Bool(true), KindBool, "true", true},
		{Bool(false), KindBool, "false", false},
		{Int(-7), KindInt, "-7", int64(-7)},
		{Uint(7), KindInt, "7", int64(7)},
		{Uint(math.MaxUint64), KindInt, "18446744073709551615", uint64(math.MaxUint64)},
		{Text(`it"s`), KindString, `"it\"s"`, `it"s`},
		{Bytes([]byte{0xab, 1}), KindBytes, "0xAB01", []byte{0xab, 1}},
		{Time(at), KindTime, "2024-05-17T09:30:00.000005Z", at.UTC()},
	}
	for _, c := range cases {
		assert.Equal(t, c.kind, c.value.Kind())
		assert.Equal(t, c.text, c.value.String())
		assert.Equal(t, c.any, c.value.Any())
		assert.Equal(t, c.kind == KindNull, c.value.IsNull())
		assert.Zero(t, c.value.Compare(c.value))
	}
	assert.Equal(t, Int(7), Uint(7), "one key, whatever its Go type")
	assert.Equal(t, Time(at), Time(at.UTC()), "one instant, whatever its zone")
	assert.NotEqual(t, Text("a"), Bytes([]byte("a")))
	assert.Equal(t, "invalid", Kind(99).String())
	assert.Equal(t, "time", KindTime.String())

	_, ok := Uint(math.MaxUint64).AsInt()
	assert.False(t, ok)
	u, ok := Uint(math.MaxUint64).AsUint()
	assert.True(t, ok && u == math.MaxUint64)
	_, ok = Int(-1).AsUint()
	assert.False(t, ok)
	_, ok = Text("1").AsInt()
	assert.False(t, ok)
	assert.True(t, Bool(true).AsBool())
	assert.Equal(t, "a", Bytes([]byte("a")).AsString())
}

// TestBytesAreCopied: a caller's buffer is not a key.
func TestBytesAreCopied(t *testing.T) {
	t.Parallel()
	b := []byte("abc")
	v := Bytes(b)
	b[0] = 'x'
	assert.Equal(t, "abc", v.AsString())
	v.Any().([]byte)[0] = 'y'
	assert.Equal(t, "abc", v.AsString())
}

// TestCompareIsATotalOrder over all kinds, and agrees with ==.
func TestCompareIsATotalOrder(t *testing.T) {
	t.Parallel()
	var all []Value
	for _, d := range domains() {
		all = append(all, d.values...)
	}
	all = append(all, Null())
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := rapid.SampledFrom(all).Draw(t, "a"), rapid.SampledFrom(all).Draw(t, "b"), rapid.SampledFrom(all).Draw(t, "c")
		assert.Equal(t, a.Compare(b), -b.Compare(a))
		assert.Equal(t, a == b, a.Compare(b) == 0)
		if a.Compare(b) <= 0 && b.Compare(c) <= 0 {
			assert.LessOrEqual(t, a.Compare(c), 0)
		}
		if !a.IsNull() {
			assert.Negative(t, Null().Compare(a))
		}
	})
	for _, d := range domains() {
		for i := range d.values[1:] {
			assert.Negative(t, d.values[i].Compare(d.values[i+1]), "%s", d.name)
		}
	}
}

// TestNeighbours: next and prev step through the integers and stop at the ends.
func TestNeighbours(t *testing.T) {
	t.Parallel()
	for _, d := range domains() {
		if !d.full {
			continue
		}
		for i := range d.values[1:] {
			next, ok := d.values[i].next()
			assert.True(t, ok)
			assert.Equal(t, d.values[i+1], next)
			prev, ok := d.values[i+1].prev()
			assert.True(t, ok)
			assert.Equal(t, d.values[i], prev)
		}
	}
	for _, v := range []Value{Uint(math.MaxUint64), Bool(true)} {
		_, ok := v.next()
		assert.False(t, ok)
	}
	for _, v := range []Value{Int(math.MinInt64), Bool(false)} {
		_, ok := v.prev()
		assert.False(t, ok)
	}
}
