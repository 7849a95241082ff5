package config

import (
	"database/sql/driver"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm/schema"
)

// KeyColumn is one column of a shard key.
type KeyColumn struct {
	// Field is the model's field.
	Field *schema.Field
	// Column is its column name.
	Column string
	// Kind is the kind of its values.
	Kind Kind
	// BytesEqual tells that the column compares text for equality by bytes and
	// without padding; without it text is not pruned at all. Always true for other kinds.
	BytesEqual bool
	// BytesOrder tells that the column orders text by bytes; without it ranges of
	// text are not pruned. Always true for other kinds.
	BytesOrder bool
	// Precision is the column's resolution in time (KindTime): values are cut to it
	// as the engine stores them; 0 means nanoseconds.
	Precision time.Duration
	// DateOnly tells that the column stores a calendar date without time of day: only
	// a midnight in UTC converts.
	DateOnly bool
	// Zoneless tells that the engine stores a time as its clock reads and forgets the
	// zone (PostgreSQL's timestamp): only times at UTC's offset convert.
	Zoneless bool
	// UUID tells that the column's type is UUID and the field's is text: text converts
	// if it is a UUID, to its lower case form.
	UUID bool
	// Padded tells that the engine ignores trailing spaces (char(n)): text converts
	// to what is left without them.
	Padded bool
	// Length is the n of a binary(n) column, which the engine fills with zeros: only
	// byte strings of this length convert. 0 means any length.
	Length int
}

// maxExactFloat is the largest magnitude up to which every integer is a float64.
const maxExactFloat = 1 << 53

// Convert turns a Go value, as GORM hands it to the driver, into a key value of the
// column's kind, as the engine stores it: times are cut to the column's precision.
// ok is false if the type does not convert without loss: the caller then does not
// prune, or refuses. Pointers, named types and driver.Valuer (also sql.Null…) are
// seen through; nil is NULL.
//
// A bound of a comparison that was cut may not be where the engine compares: drivers
// and engines differ in whether they cut it first. The planner widens those.
func (k *KeyColumn) Convert(v any) (val Value, ok bool) {
	switch x := v.(type) {
	case nil:
		return Null(), true
	case int64:
		return k.fromInt(x)
	case int:
		return k.fromInt(int64(x))
	case string:
		return k.fromString(x)
	case time.Time:
		return k.fromTime(x)
	case []byte:
		return k.fromBytes(x)
	case driver.Valuer:
		return k.fromValuer(x)
	}
	return k.fromReflect(reflect.ValueOf(v))
}

var (
	valuerType = reflect.TypeFor[driver.Valuer]()
	timeType   = reflect.TypeFor[time.Time]()
)

// fromValuer asks v for its value, as database/sql does it: a nil pointer to a type
// whose Value has a value receiver is NULL and is not called.
func (k *KeyColumn) fromValuer(v driver.Valuer) (Value, bool) {
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Pointer && rv.IsNil() && rv.Type().Elem().Implements(valuerType) {
		return Null(), true
	}
	inner, err := v.Value()
	if err != nil {
		return Value{}, false
	}
	if _, again := inner.(driver.Valuer); again {
		return Value{}, false
	}
	return k.Convert(inner)
}

func (k *KeyColumn) fromReflect(rv reflect.Value) (Value, bool) {
	for rv.Kind() == reflect.Pointer || rv.Kind() == reflect.Interface {
		if rv.IsNil() {
			return Null(), true
		}
		// Asking the type first saves boxing what is not a Valuer.
		if rv = rv.Elem(); rv.IsValid() && rv.Type().Implements(valuerType) && rv.CanInterface() {
			return k.fromValuer(rv.Interface().(driver.Valuer))
		}
	}
	switch rv.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return k.fromInt(rv.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if u := rv.Uint(); u <= math.MaxInt64 {
			return k.fromInt(int64(u))
		} else if k.Kind == KindInt {
			return Uint(u), true
		}
	case reflect.Float32, reflect.Float64:
		if f := rv.Float(); k.Kind == KindInt && f == math.Trunc(f) && math.Abs(f) < maxExactFloat {
			return Int(int64(f)), true
		}
	case reflect.Bool:
		if k.Kind == KindBool {
			return Bool(rv.Bool()), true
		}
	case reflect.String:
		return k.fromString(rv.String())
	case reflect.Slice:
		if rv.Type().Elem().Kind() == reflect.Uint8 {
			return k.fromBytes(rv.Bytes())
		}
	case reflect.Array:
		if rv.Type().Elem().Kind() == reflect.Uint8 && k.Kind == KindBytes {
			b := make([]byte, rv.Len())
			reflect.Copy(reflect.ValueOf(b), rv)
			return k.fromBytes(b)
		}
	case reflect.Struct:
		if k.Kind == KindTime && rv.CanInterface() && rv.Type().ConvertibleTo(timeType) {
			return k.fromTime(rv.Convert(timeType).Interface().(time.Time))
		}
	}
	return Value{}, false
}

func (k *KeyColumn) fromInt(i int64) (Value, bool) {
	if k.Kind == KindInt {
		return Int(i), true
	}
	return Value{}, false
}

// fromString takes text for a text column, and a canonical decimal number for an
// integer column; every engine compares those exactly.
func (k *KeyColumn) fromString(s string) (Value, bool) {
	switch k.Kind {
	case KindString:
		if k.UUID {
			return canonicalUUID(s)
		}
		if k.Padded {
			s = strings.TrimRight(s, " ")
		}
		return Text(s), true
	case KindInt:
		i, err := strconv.ParseInt(s, 10, 64)
		if err == nil && strconv.FormatInt(i, 10) == s && i > -maxExactFloat && i < maxExactFloat {
			return Int(i), true
		}
	}
	return Value{}, false
}

// canonicalUUID takes the usual form of a UUID, 8-4-4-4-12 hexadecimal digits, in
// either case. The engines read other forms too; those do not convert.
func canonicalUUID(s string) (Value, bool) {
	if len(s) != 36 {
		return Value{}, false
	}
	for i := range len(s) {
		c := s[i]
		hyphen := i == 8 || i == 13 || i == 18 || i == 23
		digit := c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
		if hyphen != (c == '-') || !hyphen && !digit {
			return Value{}, false
		}
	}
	return Text(strings.ToLower(s)), true
}

// fromBytes takes a byte string for a byte column only: beside text the engines
// differ (SQLite's x'5553' is not 'US').
func (k *KeyColumn) fromBytes(b []byte) (Value, bool) {
	switch {
	case b == nil:
		return Null(), true
	case k.Kind != KindBytes || k.Length > 0 && len(b) != k.Length:
		return Value{}, false
	}
	return Bytes(b), true
}

func (k *KeyColumn) fromTime(t time.Time) (Value, bool) {
	if k.Kind != KindTime {
		return Value{}, false
	}
	if k.Zoneless {
		if _, offset := t.Zone(); offset != 0 {
			return Value{}, false
		}
	}
	t = t.UTC()
	if k.DateOnly {
		return Time(t), t.Equal(t.Truncate(24 * time.Hour))
	}
	if k.Precision > 0 {
		t = t.Truncate(k.Precision)
	}
	return Time(t), true
}
