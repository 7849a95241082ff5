package config

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Kind is the type of a key column, and of a key value.
type Kind uint8

// The kinds of key. KindNull is a value's only.
const (
	// KindInvalid is the zero value; no key column has it.
	KindInvalid Kind = iota
	// KindNull is SQL's NULL.
	KindNull
	// KindBool orders false before true.
	KindBool
	// KindInt is every signed and unsigned integer width; see [Uint].
	KindInt
	// KindString is text.
	KindString
	// KindBytes is a byte string, e.g. a UUID stored as 16 bytes.
	KindBytes
	// KindTime is an instant, compared as such, whatever its zone.
	KindTime
)

var kindNames = [...]string{"invalid", "null", "bool", "int", "string", "bytes", "time"}

// String is the kind's name in lower case.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "invalid"
}

// Value is one typed, normalised key value. It is comparable with == (two values are
// the same key exactly if they are ==) and usable as a map key.
type Value struct {
	kind Kind
	big  bool  // KindInt: num holds the bits of a uint64 above math.MaxInt64
	nano int32 // KindTime: nanoseconds within the second
	num  int64 // KindInt, KindBool (0, 1), KindTime (Unix seconds)
	str  string
}

// Null is SQL's NULL.
func Null() Value { return Value{kind: KindNull} }

// Bool is a boolean key.
func Bool(b bool) Value {
	if b {
		return Value{kind: KindBool, num: 1}
	}
	return Value{kind: KindBool}
}

// Int is an integer key.
func Int(i int64) Value { return Value{kind: KindInt, num: i} }

// Uint is an integer key too: Uint(7) == Int(7).
func Uint(u uint64) Value { return Value{kind: KindInt, num: int64(u), big: u > math.MaxInt64} }

// Text is a text key, compared by its bytes.
func Text(s string) Value { return Value{kind: KindString, str: s} }

// Bytes is a byte string key; b is copied.
func Bytes(b []byte) Value { return Value{kind: KindBytes, str: string(b)} }

// Time is an instant; its zone is dropped.
func Time(t time.Time) Value {
	return Value{kind: KindTime, num: t.Unix(), nano: int32(t.Nanosecond())}
}

// Kind is the value's kind; KindInvalid for the zero Value.
func (v Value) Kind() Kind { return v.kind }

// IsNull tells SQL's NULL.
func (v Value) IsNull() bool { return v.kind == KindNull }

// AsBool gives a KindBool's value.
func (v Value) AsBool() bool { return v.num != 0 }

// AsInt gives a KindInt's value; ok is false if it is above math.MaxInt64.
func (v Value) AsInt() (i int64, ok bool) { return v.num, v.kind == KindInt && !v.big }

// AsUint gives a KindInt's value; ok is false if it is negative.
func (v Value) AsUint() (u uint64, ok bool) {
	return uint64(v.num), v.kind == KindInt && (v.big || v.num >= 0)
}

// AsString gives the text of a KindString or the bytes of a KindBytes.
func (v Value) AsString() string { return v.str }

// AsTime gives a KindTime's instant, in UTC.
func (v Value) AsTime() time.Time { return time.Unix(v.num, int64(v.nano)).UTC() }

// Any gives the value as the Go value that a driver takes: nil, bool, int64, uint64,
// string, []byte or time.Time (UTC).
func (v Value) Any() any {
	switch v.kind {
	case KindBool:
		return v.AsBool()
	case KindInt:
		if v.big {
			return uint64(v.num)
		}
		return v.num
	case KindString:
		return v.str
	case KindBytes:
		return []byte(v.str)
	case KindTime:
		return v.AsTime()
	}
	return nil
}

// String prints the value for plans and settings; never put it into an error.
func (v Value) String() string {
	switch v.kind {
	case KindNull:
		return "NULL"
	case KindBool:
		return strconv.FormatBool(v.AsBool())
	case KindInt:
		if v.big {
			return strconv.FormatUint(uint64(v.num), 10)
		}
		return strconv.FormatInt(v.num, 10)
	case KindString:
		return strconv.Quote(v.str)
	case KindBytes:
		return "0x" + strings.ToUpper(hexDigits(v.str))
	case KindTime:
		return v.AsTime().Format(time.RFC3339Nano)
	}
	return "invalid"
}

func hexDigits(s string) string {
	const digits = "0123456789abcdef"
	out := make([]byte, 0, 2*len(s))
	for i := range len(s) {
		out = append(out, digits[s[i]>>4], digits[s[i]&15])
	}
	return string(out)
}

// Compare orders two values of one kind: -1, 0 or +1. Text and bytes compare
// bytewise, times as instants. Values of different kinds order by kind; NULL first.
func (v Value) Compare(w Value) int {
	if v.kind != w.kind {
		return sign(int64(v.kind) - int64(w.kind))
	}
	switch v.kind {
	case KindString, KindBytes:
		return strings.Compare(v.str, w.str)
	case KindInt:
		if v.big != w.big {
			if v.big {
				return 1
			}
			return -1
		}
	case KindTime:
		if v.num == w.num {
			return sign(int64(v.nano) - int64(w.nano))
		}
	}
	switch {
	case v.num < w.num:
		return -1
	case v.num > w.num:
		return 1
	}
	return 0
}

func sign(i int64) int {
	switch {
	case i < 0:
		return -1
	case i > 0:
		return 1
	}
	return 0
}

// discrete tells whether the value's kind has a next and a previous value.
func (v Value) discrete() bool { return v.kind == KindInt || v.kind == KindBool }

// next is the smallest value above a discrete one; ok is false at the top.
func (v Value) next() (Value, bool) {
	switch {
	case v.kind == KindBool:
		return Bool(true), v.num == 0
	case !v.big && v.num == math.MaxInt64:
		return Uint(math.MaxInt64 + 1), true
	case v.big && v.num == -1:
		return Value{}, false
	}
	v.num++
	return v, true
}

// prev is the largest value below a discrete one; ok is false at the bottom.
func (v Value) prev() (Value, bool) {
	switch {
	case v.kind == KindBool:
		return Bool(false), v.num == 1
	case v.big && v.num == math.MinInt64:
		return Int(math.MaxInt64), true
	case !v.big && v.num == math.MinInt64:
		return Value{}, false
	}
	v.num--
	return v, true
}
