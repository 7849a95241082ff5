package merge

import (
	"bytes"
	"cmp"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// ErrIncomparable means that the order or equality of two values isn't known here: their kinds differ, or their type has
// an order of its own that only the engine knows.
var ErrIncomparable = errors.New("merge: values can not be compared")

// Comparer orders two values that are not NULL: below 0 if a comes first, 0 if they are equal, above 0 if b comes first.
// It must be a total order. Errors match [ErrIncomparable] and never contain the values.
type Comparer func(a, b driver.Value) (int, error)

// Compare is the [Comparer] of values by their Go kind: numbers (all integer and float kinds, exactly, also across
// kinds; NaN equals itself and follows all others), bool (false first), text ([]byte and string, by bytes), time.Time
// (by instant). Everything else, NULL included, is [ErrIncomparable].
func Compare(a, b driver.Value) (int, error) {
	switch x := a.(type) {
	case int64:
		if y, ok := b.(int64); ok {
			return cmp.Compare(x, y), nil
		}
	case string:
		switch y := b.(type) {
		case string:
			return strings.Compare(x, y), nil
		case []byte:
			return compareText(x, y), nil
		}
	case []byte:
		switch y := b.(type) {
		case []byte:
			return bytes.Compare(x, y), nil
		case string:
			return -compareText(y, x), nil
		}
	case time.Time:
		if y, ok := b.(time.Time); ok {
			return x.Compare(y), nil
		}
	case bool:
		if y, ok := b.(bool); ok {
			switch {
			case x == y:
				return 0, nil
			case y:
				return -1, nil
			}
			return 1, nil
		}
	}
	x, okX := numberOf(a)
	y, okY := numberOf(b)
	if okX && okY {
		return x.compare(y), nil
	}
	return 0, fmt.Errorf("%w: %T with %T", ErrIncomparable, a, b)
}

func compareText(a string, b []byte) int {
	// The compiler compares string(b) in place, without allocating it.
	switch {
	case a < string(b):
		return -1
	case a > string(b):
		return 1
	}
	return 0
}

type numberKind uint8

const (
	signed numberKind = iota
	unsigned
	floating
)

// number is a value of any of Go's numeric kinds. An unsigned that fits an int64 is kept as signed.
type number struct {
	kind numberKind
	i    int64
	u    uint64
	f    float64
}

func numberOf(v driver.Value) (number, bool) {
	switch v := v.(type) {
	case int64:
		return number{i: v}, true
	case int:
		return number{i: int64(v)}, true
	case int32:
		return number{i: int64(v)}, true
	case int16:
		return number{i: int64(v)}, true
	case int8:
		return number{i: int64(v)}, true
	case uint64:
		return unsignedNumber(v), true
	case uint:
		return unsignedNumber(uint64(v)), true
	case uint32:
		return number{i: int64(v)}, true
	case uint16:
		return number{i: int64(v)}, true
	case uint8:
		return number{i: int64(v)}, true
	case float64:
		return number{kind: floating, f: v}, true
	case float32:
		return number{kind: floating, f: float64(v)}, true
	}
	return number{}, false
}

func unsignedNumber(u uint64) number {
	if u <= math.MaxInt64 {
		return number{i: int64(u)}
	}
	return number{kind: unsigned, u: u}
}

func (n number) compare(m number) int {
	switch {
	case n.kind == m.kind:
		switch n.kind {
		case signed:
			return cmp.Compare(n.i, m.i)
		case unsigned:
			return cmp.Compare(n.u, m.u)
		default:
			return compareFloats(n.f, m.f)
		}
	case n.kind == floating:
		return -m.compareFloat(n.f)
	case m.kind == floating:
		return n.compareFloat(m.f)
	case n.kind == unsigned: // above MaxInt64
		return 1
	}
	return -1
}

func compareFloats(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	case a == b:
		return 0
	}
	switch aNaN, bNaN := math.IsNaN(a), math.IsNaN(b); {
	case aNaN && bNaN:
		return 0
	case aNaN:
		return 1
	}
	return -1
}

const (
	two63 = float64(1 << 63)
	two64 = 2 * two63
)

// compareFloat compares an integer with f without rounding the integer.
func (n number) compareFloat(f float64) int {
	if math.IsNaN(f) {
		return -1
	}
	whole := math.Floor(f)
	c := 0
	if n.kind == unsigned {
		switch {
		case whole >= two64:
			return -1
		case whole < two63:
			return 1
		}
		c = cmp.Compare(n.u, uint64(whole))
	} else {
		switch {
		case whole >= two63:
			return -1
		case whole < -two63:
			return 1
		}
		c = cmp.Compare(n.i, int64(whole))
	}
	if c == 0 && f > whole {
		return -1
	}
	return c
}
