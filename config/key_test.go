package config

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

type (
	namedInt    int32
	namedUint   uint8
	namedString string
	namedBool   bool
	namedBytes  []byte
	namedTime   time.Time
	valuerInt   struct{ n int64 }
	pointerInt  struct{ n int64 }
	valuerText  string
	failing     struct{}
	nested      struct{}
)

func (v valuerInt) Value() (driver.Value, error)   { return v.n, nil }
func (v *pointerInt) Value() (driver.Value, error) { return v.nilOr() }
func (v *pointerInt) nilOr() (driver.Value, error) {
	if v == nil {
		return int64(-1), nil
	}
	return v.n, nil
}
func (v valuerText) Value() (driver.Value, error) { return "<" + string(v) + ">", nil }
func (failing) Value() (driver.Value, error)      { return nil, errors.New("no") }
func (nested) Value() (driver.Value, error)       { return valuerInt{1}, nil }

func to[T any](v T) *T { return &v }

func TestConvert(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 5, 17, 10, 30, 0, 123456789, time.FixedZone("CET", 3600))
	id := uuid.MustParse("018f8f00-0000-7000-8000-0000000000ab")
	columns := map[Kind]*KeyColumn{
		KindInt: {Kind: KindInt}, KindString: {Kind: KindString}, KindBool: {Kind: KindBool},
		KindBytes: {Kind: KindBytes}, KindTime: {Kind: KindTime},
	}
	// Each case converts for one kind of column only; a KindInvalid for none. NULL
	// converts for all.
	cases := []struct {
		name  string
		given any
		kind  Kind
		want  Value
	}{
		{"int", 7, KindInt, Int(7)},
		{"int8", int8(-7), KindInt, Int(-7)},
		{"int16", int16(7), KindInt, Int(7)},
		{"int32", int32(7), KindInt, Int(7)},
		{"int64", int64(math.MinInt64), KindInt, Int(math.MinInt64)},
		{"uint", uint(7), KindInt, Int(7)},
		{"uint8", uint8(7), KindInt, Int(7)},
		{"uint16", uint16(7), KindInt, Int(7)},
		{"uint32", uint32(7), KindInt, Int(7)},
		{"uint64", uint64(math.MaxUint64), KindInt, Uint(math.MaxUint64)},
		{"uintptr", uintptr(7), KindInt, Int(7)},
		{"named int", namedInt(7), KindInt, Int(7)},
		{"named uint", namedUint(7), KindInt, Int(7)},
		{"pointer", to(7), KindInt, Int(7)},
		{"pointer to pointer", to(to(namedInt(7))), KindInt, Int(7)},
		{"pointer to interface", to(any(7)), KindInt, Int(7)},
		{"whole float", 7.0, KindInt, Int(7)},
		{"negative zero", math.Copysign(0, -1), KindInt, Int(0)},
		{"whole float32", float32(7), KindInt, Int(7)},
		{"fraction", 7.5, KindInvalid, Value{}},
		{"inexact float", float64(1 << 53), KindInvalid, Value{}},
		{"not a number", math.NaN(), KindInvalid, Value{}},
		{"infinity", math.Inf(1), KindInvalid, Value{}},
		{"valuer", valuerInt{7}, KindInt, Int(7)},
		{"pointer to valuer", &valuerInt{7}, KindInt, Int(7)},
		{"pointer to pointer to valuer", to(&valuerInt{7}), KindInt, Int(7)},
		{"pointer valuer", &pointerInt{7}, KindInt, Int(7)},
		{"nil pointer valuer is asked, as drivers do", (*pointerInt)(nil), KindInt, Int(-1)},
		{"failing valuer", failing{}, KindInvalid, Value{}},
		{"valuer of a valuer", nested{}, KindInvalid, Value{}},
		{"valuer of text", valuerText("a"), KindString, Text("<a>")},
		{"sql.NullInt64", sql.NullInt64{Int64: 7, Valid: true}, KindInt, Int(7)},
		{"sql.NullInt32", sql.NullInt32{Int32: 7, Valid: true}, KindInt, Int(7)},
		{"sql.NullInt16", &sql.NullInt16{Int16: 7, Valid: true}, KindInt, Int(7)},
		{"sql.NullByte", sql.NullByte{Byte: 7, Valid: true}, KindInt, Int(7)},
		{"sql.Null", sql.Null[namedInt]{V: 7, Valid: true}, KindInt, Int(7)},
		{"sql.NullString", sql.NullString{String: "a", Valid: true}, KindString, Text("a")},
		{"sql.NullBool", sql.NullBool{Bool: true, Valid: true}, KindBool, Bool(true)},
		{"sql.NullTime", sql.NullTime{Time: at, Valid: true}, KindTime, Time(at)},
		{"gorm.DeletedAt", gorm.DeletedAt{Time: at, Valid: true}, KindTime, Time(at)},
		{"string", "us", KindString, Text("us")},
		{"named string", namedString("us"), KindString, Text("us")},
		{"pointer to string", to("us"), KindString, Text("us")},
		{"padded number", "007", KindString, Text("007")},
		{"named bool", namedBool(true), KindBool, Bool(true)},
		{"bytes", []byte("ab"), KindBytes, Bytes([]byte("ab"))},
		{"empty bytes", []byte{}, KindBytes, Bytes(nil)},
		{"named bytes", namedBytes("ab"), KindBytes, Bytes([]byte("ab"))},
		{"array", [2]byte{'a', 'b'}, KindBytes, Bytes([]byte("ab"))},
		{"pointer to array", &[2]byte{'a', 'b'}, KindBytes, Bytes([]byte("ab"))},
		{"time", at, KindTime, Time(at)},
		{"pointer to time", &at, KindTime, Time(at)},
		{"named time", namedTime(at), KindTime, Time(at)},
		{"pointer to named time", to(namedTime(at)), KindTime, Time(at)},
		{"uuid", id, KindString, Text(id.String())},
		{"pointer to uuid", &id, KindString, Text(id.String())},
		{"list", []int{1}, KindInvalid, Value{}},
		{"list of strings", []string{"a"}, KindInvalid, Value{}},
		{"array of ints", [1]int{1}, KindInvalid, Value{}},
		{"struct", struct{ A int }{1}, KindInvalid, Value{}},
		{"map", map[string]int{}, KindInvalid, Value{}},
		{"function", func() {}, KindInvalid, Value{}},
		{"channel", make(chan int), KindInvalid, Value{}},
		{"complex", complex(1, 0), KindInvalid, Value{}},
		{"expression", clause.Expr{SQL: "now()"}, KindInvalid, Value{}},
		{"subquery", &gorm.DB{}, KindInvalid, Value{}},
		{"nil", nil, KindNull, Null()},
		{"nil pointer", (*int)(nil), KindNull, Null()},
		{"nil pointer to pointer", to((*int)(nil)), KindNull, Null()},
		{"nil valuer", (*valuerInt)(nil), KindNull, Null()},
		{"pointer to nil valuer", to((*valuerInt)(nil)), KindNull, Null()},
		{"nil time", (*time.Time)(nil), KindNull, Null()},
		{"nil bytes", []byte(nil), KindNull, Null()},
		{"nil named bytes", namedBytes(nil), KindNull, Null()},
		{"pointer to nil interface", to(any(nil)), KindNull, Null()},
		{"sql.NullString of NULL", sql.NullString{}, KindNull, Null()},
		{"sql.Null of NULL", sql.Null[int]{}, KindNull, Null()},
		{"gorm.DeletedAt of NULL", gorm.DeletedAt{}, KindNull, Null()},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for kind, column := range columns {
				got, ok := column.Convert(c.given)
				want := kind == c.kind || c.kind == KindNull
				assert.Equal(t, want, ok, "%s column", kind)
				if want {
					assert.Equal(t, c.want, got)
				}
			}
		})
	}
}

// TestConvertNumbersInText: '5' is 5 to every engine, '05' is not to all.
func TestConvertNumbersInText(t *testing.T) {
	t.Parallel()
	column := KeyColumn{Kind: KindInt}
	for text, want := range map[string]int64{"5": 5, "-5": -5, "0": 0, "9007199254740991": 1<<53 - 1} {
		for _, given := range []any{text, json.Number(text), namedString(text), &text, sql.NullString{String: text, Valid: true}} {
			got, ok := column.Convert(given)
			assert.True(t, ok, text)
			assert.Equal(t, Int(want), got)
		}
	}
	for _, text := range []string{"", "05", "+5", " 5", "5 ", "-0", "5.0", "5e1", "0x5", "9007199254740992", "x"} {
		_, ok := column.Convert(text)
		assert.False(t, ok, text)
	}
}

func TestConvertForTheColumn(t *testing.T) {
	t.Parallel()
	berlin := time.FixedZone("CET", 3600)
	at := time.Date(2024, 5, 17, 10, 30, 0, 123456789, time.UTC)
	midnight := at.Truncate(24 * time.Hour)
	cases := []struct {
		name   string
		column KeyColumn
		given  any
		want   Value
		ok     bool
	}{
		{"cut to milliseconds", KeyColumn{Kind: KindTime, Precision: time.Millisecond}, at, Time(at.Truncate(time.Millisecond)), true},
		{"cut before 1970", KeyColumn{Kind: KindTime, Precision: time.Second}, time.Unix(-1, 5), Time(time.Unix(-1, 0)), true},
		{"date at midnight", KeyColumn{Kind: KindTime, DateOnly: true}, midnight, Time(midnight), true},
		{"date at midnight elsewhere", KeyColumn{Kind: KindTime, DateOnly: true}, time.Date(2024, 5, 17, 0, 0, 0, 0, berlin), Value{}, false},
		{"date with a time", KeyColumn{Kind: KindTime, DateOnly: true}, at, Value{}, false},
		{"zoneless in UTC", KeyColumn{Kind: KindTime, Zoneless: true}, at, Time(at), true},
		{"zoneless elsewhere", KeyColumn{Kind: KindTime, Zoneless: true}, at.In(berlin), Value{}, false},
		{"uuid", KeyColumn{Kind: KindString, UUID: true}, "018F8F00-0000-7000-8000-0000000000AB", Text("018f8f00-0000-7000-8000-0000000000ab"), true},
		{"uuid in braces", KeyColumn{Kind: KindString, UUID: true}, "{018f8f00-0000-7000-8000-0000000000ab}", Value{}, false},
		{"uuid with a bad digit", KeyColumn{Kind: KindString, UUID: true}, "018g8f00-0000-7000-8000-0000000000ab", Value{}, false},
		{"uuid with a hyphen moved", KeyColumn{Kind: KindString, UUID: true}, "018f8f0-00000-7000-8000-0000000000ab", Value{}, false},
		{"padded", KeyColumn{Kind: KindString, Padded: true}, " us  ", Text(" us"), true},
		{"unpadded", KeyColumn{Kind: KindString}, "us ", Text("us "), true},
		{"bytes of the length", KeyColumn{Kind: KindBytes, Length: 2}, [2]byte{1, 2}, Bytes([]byte{1, 2}), true},
		{"bytes too short", KeyColumn{Kind: KindBytes, Length: 2}, []byte{1}, Value{}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, ok := c.column.Convert(c.given)
			assert.Equal(t, c.ok, ok)
			if ok {
				assert.Equal(t, c.want, got)
			}
		})
	}
}

// TestConvertDoesNotAllocate for the types that keys usually have.
func TestConvertDoesNotAllocate(t *testing.T) {
	at := time.Now()
	cases := []struct {
		column KeyColumn
		given  any
	}{
		{KeyColumn{Kind: KindInt}, int64(1 << 40)}, {KeyColumn{Kind: KindInt}, 1 << 40}, {KeyColumn{Kind: KindInt}, uint32(7)},
		{KeyColumn{Kind: KindInt}, namedInt(7)}, {KeyColumn{Kind: KindString}, "us"}, {KeyColumn{Kind: KindString}, namedString("us")},
		{KeyColumn{Kind: KindTime, Precision: time.Microsecond}, at}, {KeyColumn{Kind: KindBool}, true}, {KeyColumn{Kind: KindInt}, to(7)},
	}
	for _, c := range cases {
		ok := false
		assert.Zero(t, testing.AllocsPerRun(100, func() { _, ok = c.column.Convert(c.given) }), "%T", c.given)
		assert.True(t, ok)
	}
}
