package config

import (
	"database/sql/driver"
	"math"
	"reflect"
	"strconv"
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
	// DateOnly tells that the column stores a calendar date without time of day.
	DateOnly bool
}

// KindOf gives the kind of a field's values, or KindInvalid if it cannot be a key
// column: floating point and decimal numbers, JSON, and everything else that does
// not compare exactly.
func KindOf(f *schema.Field) Kind {
	switch f.GORMDataType {
	case schema.Bool:
		return KindBool
	case schema.Int, schema.Uint:
		return KindInt
	case schema.String:
		return KindString
	case schema.Time:
		return KindTime
	case schema.Bytes:
		return KindBytes
	}
	switch t := f.IndirectFieldType; t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return KindInt
	case reflect.String:
		return KindString
	case reflect.Bool:
		return KindBool
	}
	return KindInvalid
}

// maxExactFloat is the largest magnitude up to which every integer is a float64.
const maxExactFloat = 1 << 53

// Convert turns a Go value, as GORM hands it to the driver, into a key value of the
// column's kind. ok is false if the type does not convert without loss: the caller
// then does not prune, or refuses. Pointers, named types and driver.Valuer (also
// sql.Null…) are seen through; nil is NULL.
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
		rv := reflect.ValueOf(v)
		if rv.Kind() == reflect.Pointer && rv.IsNil() {
			return Null(), true
		}
		inner, err := x.Value()
		if err != nil {
			return Value{}, false
		}
		if _, again := inner.(driver.Valuer); again {
			return Value{}, false
		}
		return k.Convert(inner)
	}
	rv := reflect.ValueOf(v)
	for rv.Kind() == reflect.Pointer || rv.Kind() == reflect.Interface {
		if rv.IsNil() {
			return Null(), true
		}
		rv = rv.Elem()
		if rv.CanInterface() {
			if inner, valuer := rv.Interface().(driver.Valuer); valuer {
				return k.Convert(inner)
			}
			if t, isTime := rv.Interface().(time.Time); isTime {
				return k.fromTime(t)
			}
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
			return Bytes(b), true
		}
	case reflect.Struct:
		if rv.CanInterface() {
			if t, isTime := rv.Interface().(time.Time); isTime {
				return k.fromTime(t)
			}
		}
		if rv.Type().ConvertibleTo(reflect.TypeFor[time.Time]()) {
			return k.fromTime(rv.Convert(reflect.TypeFor[time.Time]()).Interface().(time.Time))
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
		return Text(s), true
	case KindInt:
		i, err := strconv.ParseInt(s, 10, 64)
		if err == nil && strconv.FormatInt(i, 10) == s && i > -maxExactFloat && i < maxExactFloat {
			return Int(i), true
		}
	}
	return Value{}, false
}

func (k *KeyColumn) fromBytes(b []byte) (Value, bool) {
	if b == nil {
		return Null(), true
	}
	switch k.Kind {
	case KindBytes:
		return Bytes(b), true
	case KindString:
		return Text(string(b)), true
	}
	return Value{}, false
}

func (k *KeyColumn) fromTime(t time.Time) (Value, bool) {
	if k.Kind != KindTime {
		return Value{}, false
	}
	if k.Precision > 0 {
		t = t.UTC().Truncate(k.Precision)
	}
	return Time(t), true
}
