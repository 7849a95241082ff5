package oracle

import (
	"database/sql/driver"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cell is one value in a form that both sides write alike.
type cell struct {
	name string
	text string
	// number is the value of a floating point cell.
	number  float64
	isFloat bool
}

// record is one row of an answer.
type record []cell

func (r record) String() string {
	parts := make([]string, len(r))
	for i, c := range r {
		parts[i] = c.name + "=" + c.text
	}
	return "{" + strings.Join(parts, " ") + "}"
}

func (r record) find(name string) (cell, bool) {
	for _, c := range r {
		if strings.EqualFold(c.name, name) {
			return c, true
		}
	}
	return cell{}, false
}

// key is the record as text; floating point cells are left out if loose.
func (r record) key(loose bool) string {
	var b strings.Builder
	for _, c := range r {
		b.WriteString(c.name)
		b.WriteByte('=')
		if !loose || !c.isFloat {
			b.WriteString(c.text)
		}
		b.WriteByte(' ')
	}
	return b.String()
}

// toCell writes a value; times as instants cut to the engine's precision.
func toCell(name string, v any, precision time.Duration) cell {
	c := cell{name: name}
	switch x := v.(type) {
	case nil:
		c.text = "NULL"
		return c
	case time.Time:
		if x.IsZero() {
			c.text = "zero time"
			return c
		}
		c.text = x.UTC().Truncate(precision).Format(time.RFC3339Nano)
		return c
	case []byte:
		c.text = "bytes:" + strconv.Quote(string(x))
		return c
	case driver.Valuer:
		if rv := reflect.ValueOf(v); rv.Kind() != reflect.Pointer || !rv.IsNil() {
			inner, err := x.Value()
			if err != nil {
				c.text = "error"
				return c
			}
			return toCell(name, inner, precision)
		}
		c.text = "NULL"
		return c
	}
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.Pointer, reflect.Interface:
		if rv.IsNil() {
			c.text = "NULL"
			return c
		}
		return toCell(name, rv.Elem().Interface(), precision)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		c.text = strconv.FormatInt(rv.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		c.text = strconv.FormatUint(rv.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		c.number, c.isFloat = rv.Float(), true
		c.text = strconv.FormatFloat(rv.Float(), 'g', -1, 64) + "f"
	case reflect.Bool:
		c.text = strconv.FormatBool(rv.Bool())
	case reflect.String:
		c.text = strconv.Quote(rv.String())
	default:
		c.text = fmt.Sprintf("%v", v)
	}
	return c
}

// toRecord writes a struct with its embedded ones, a map, or a single value.
func toRecord(v reflect.Value, precision time.Duration) record {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return record{{text: "nil"}}
		}
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Map:
		var r record
		for _, key := range v.MapKeys() {
			r = append(r, toCell(fmt.Sprint(key.Interface()), v.MapIndex(key).Interface(), precision))
		}
		slices.SortFunc(r, func(a, b cell) int { return strings.Compare(a.name, b.name) })
		return r
	case reflect.Struct:
		if _, isTime := v.Interface().(time.Time); isTime {
			break
		}
		if _, isValue := v.Interface().(driver.Valuer); isValue {
			break
		}
		var r record
		for i := range v.NumField() {
			f := v.Type().Field(i)
			switch {
			case f.Anonymous && f.Type.Kind() == reflect.Struct:
				r = append(r, toRecord(v.Field(i), precision)...)
			case f.IsExported():
				r = append(r, toCell(columnName(f.Name), v.Field(i).Interface(), precision))
			}
		}
		return r
	}
	return record{toCell("value", v.Interface(), precision)}
}

// toRecords writes a slice, or a single value as one record.
func toRecords(dest any, precision time.Duration) []record {
	v := reflect.ValueOf(dest)
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if v.Kind() != reflect.Slice {
		return []record{toRecord(v, precision)}
	}
	records := make([]record, v.Len())
	for i := range records {
		records[i] = toRecord(v.Index(i), precision)
	}
	return records
}

// columnName is the suite's short form of GORM's naming: OrderedAt is ordered_at.
func columnName(field string) string {
	if field == "ID" {
		return "id"
	}
	var b strings.Builder
	for i, r := range field {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// near tells whether two floating point results of one aggregate agree.
func near(a, b float64) bool {
	return a == b || math.Abs(a-b) <= 1e-9*math.Max(math.Abs(a), math.Abs(b))
}
