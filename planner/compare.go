package planner

import (
	"database/sql/driver"
	"reflect"
	"strings"
	"time"

	"github.com/go-dtde/dtde/config"
)

// result is what a comparison of a key column with a constant says.
type result struct {
	// set holds every value for which it is true or, negated, false.
	set config.Set
	// exact tells that the set holds no others.
	exact bool
	// null tells that the constant is NULL: never true, never false.
	null bool
}

const day = 24 * time.Hour

// dateSlack is how far an instant can be from the calendar date that an engine or a
// driver makes of it: a day's length, and the time zones of both sides.
const dateSlack = 3 * day

// compare evaluates column op v; ok is false if nothing certain can be said.
func compare(k *config.KeyColumn, op word, v any, negated bool) (r result, ok bool) {
	c, ok := newConstant(k, v)
	if !ok {
		return result{}, false
	}
	if c.lo.IsNull() {
		return compareNull(op, negated), true
	}
	if k.Kind == config.KindString && !k.BytesEqual {
		return result{}, false
	}
	if negated {
		op, negated = negate(op)
	}
	r.exact = c.lo == c.hi
	switch op {
	case opEq, opSame:
		if r.set = config.Point(c.lo); c.lo != c.hi {
			r.set = config.Between(config.Bound{Value: c.lo, Inclusive: true}, config.Bound{Value: c.hi, Inclusive: true})
		}
	case opNe:
		if r.set = config.NotNull(); r.exact {
			r.set = config.Point(c.lo).Complement()
		}
		if negated { // NOT (k <=> v)
			r.set = r.set.Union(config.Point(config.Null()))
		}
	default:
		if k.Kind == config.KindString && !k.BytesOrder {
			return result{}, false
		}
		r.set = ranged(op, c, r.exact)
	}
	return r, true
}

func compareNull(op word, negated bool) result {
	switch {
	case op != opSame:
		return result{exact: true, null: true}
	case negated:
		return result{set: config.NotNull(), exact: true}
	}
	return result{set: config.Point(config.Null()), exact: true}
}

// negate is the operator that is true where op is false; nulls tells that it is also
// true for NULL.
func negate(op word) (not word, nulls bool) {
	switch op {
	case opNe:
		return opEq, false
	case opLt:
		return opGe, false
	case opLe:
		return opGt, false
	case opGt:
		return opLe, false
	case opGe:
		return opLt, false
	}
	return opNe, op == opSame
}

// ranged is the range of values before or after a constant; one that is not exact
// belongs to it itself.
func ranged(op word, c constant, exact bool) config.Set {
	switch op {
	case opLt:
		return below(c.hi, !exact)
	case opLe:
		return below(c.hi, true)
	case opGt:
		return above(c.lo, !exact)
	}
	return above(c.lo, true)
}

func below(v config.Value, inclusive bool) config.Set {
	return config.Between(config.Bound{Open: true}, config.Bound{Value: v, Inclusive: inclusive})
}

func above(v config.Value, inclusive bool) config.Set {
	return config.Between(config.Bound{Value: v, Inclusive: inclusive}, config.Bound{Open: true})
}

// constant is a constant as a column sees it: a value between lo and hi, which are
// equal unless the engine may see it a little differently than Go does.
type constant struct{ lo, hi config.Value }

// newConstant converts v; ok is false if it does not convert to the column's kind.
func newConstant(k *config.KeyColumn, v any) (c constant, ok bool) {
	switch v.(type) {
	case string, int64, int, uint64, time.Time:
	default:
		if v, ok = bare(v); !ok {
			return c, false
		}
	}
	if k.Kind == config.KindTime {
		return timeConstant(k, v)
	}
	c.lo, ok = k.Convert(v)
	c.hi = c.lo
	return c, ok
}

// timeConstant converts v for a column of times.
func timeConstant(k *config.KeyColumn, v any) (constant, bool) {
	if t, isText := timeText(v); isText {
		// Which zone the engine reads it in is not known here.
		if k.DateOnly {
			return about(t, dateSlack), true
		}
		if _, offset := t.Zone(); offset != 0 {
			// SQLite compares the text with its clock, and not the instant.
			return about(t, day+time.Duration(max(offset, -offset))*time.Second), true
		}
		return about(t, day), true
	}
	instant := config.KeyColumn{Kind: config.KindTime}
	lo, ok := instant.Convert(v)
	if !ok || lo.IsNull() {
		return constant{lo: lo, hi: lo}, ok
	}
	at := lo.AsTime()
	t, plain := v.(time.Time)
	_, offset := t.Zone()
	switch local := !plain || offset != 0; {
	case k.DateOnly && (local || !at.Equal(at.Truncate(day))):
		return about(at, dateSlack), true
	case k.Zoneless && local:
		return about(at, day), true
	}
	if k.Precision > 0 {
		// The engine compares with the constant as it is, or rounds it.
		if cut := at.Truncate(k.Precision); !cut.Equal(at) {
			return constant{lo: config.Time(cut), hi: config.Time(cut.Add(k.Precision))}, true
		}
	}
	return constant{lo: lo, hi: lo}, true
}

func about(t time.Time, slack time.Duration) constant {
	return constant{lo: config.Time(t.Add(-slack)), hi: config.Time(t.Add(slack))}
}

// bare sees through pointers and driver.Valuer as the driver does. ok is false for a
// nil slice, which some drivers send as NULL and some as an empty value.
func bare(v any) (any, bool) {
	for range 4 {
		if valuer, ok := v.(driver.Valuer); ok {
			if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && rv.IsNil() {
				return nil, true
			}
			inner, err := valuer.Value()
			if err != nil {
				return nil, false
			}
			v = inner
			continue
		}
		rv := reflect.ValueOf(v)
		switch rv.Kind() {
		case reflect.Pointer:
			if rv.IsNil() {
				return nil, true
			}
			v = rv.Elem().Interface()
			continue
		case reflect.Slice:
			if rv.IsNil() {
				return nil, false
			}
			if rv.Type().Elem().Kind() == reflect.Uint8 {
				return rv.Bytes(), true
			}
		}
		return v, true
	}
	return nil, false
}

// timeLayouts are the texts that every engine reads as the same date and time.
var timeLayouts = [...]string{
	"2006-01-02", "2006-01-02 15:04:05", "2006-01-02T15:04:05", time.RFC3339, "2006-01-02 15:04:05Z07:00",
}

// timeText reads a text as a time, in its zone or else UTC.
func timeText(v any) (time.Time, bool) {
	var s string
	switch x := v.(type) {
	case string:
		s = x
	case []byte:
		s = string(x)
	default:
		return time.Time{}, false
	}
	if len(s) < len("2006-01-02") || len(s) > 40 || strings.ContainsAny(s, ",") {
		return time.Time{}, false
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
