package merge

import (
	"database/sql/driver"
	"fmt"
	"math/big"
)

// decimal is unscaled / 10^scale.
type decimal struct {
	unscaled big.Int
	scale    int
}

type text interface{ ~string | ~[]byte }

// numeral is the text of a decimal number without leading zeros and without trailing zeros behind the point.
type numeral[T text] struct {
	negative    bool
	whole, frac T
}

// parseNumeral reads [+-]digits[.digits]. Exponents, spaces, NaN and infinities are not numerals: what an engine means
// by them is not known here.
func parseNumeral[T text](s T) (n numeral[T], ok bool) {
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		n.negative = s[0] == '-'
		s = s[1:]
	}
	point := len(s)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.' && point == len(s):
			point = i
		case c < '0' || c > '9':
			return n, false
		}
	}
	n.whole, n.frac = s[:point], s[point:]
	if len(n.frac) > 0 {
		n.frac = n.frac[1:]
	}
	if len(n.whole)+len(n.frac) == 0 {
		return n, false
	}
	for len(n.whole) > 0 && n.whole[0] == '0' {
		n.whole = n.whole[1:]
	}
	for len(n.frac) > 0 && n.frac[len(n.frac)-1] == '0' {
		n.frac = n.frac[:len(n.frac)-1]
	}
	if len(n.whole)+len(n.frac) == 0 {
		n.negative = false
	}
	return n, true
}

func compareNumerals[T, U text](a numeral[T], b numeral[U]) int {
	if a.negative != b.negative {
		if a.negative {
			return -1
		}
		return 1
	}
	c := len(a.whole) - len(b.whole)
	if c == 0 {
		c = compareBytes(a.whole, b.whole)
	}
	if c == 0 {
		c = compareBytes(a.frac, b.frac)
	}
	if a.negative {
		c = -c
	}
	return c
}

func compareBytes[T, U text](a T, b U) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if a[i] != b[i] {
			return int(a[i]) - int(b[i])
		}
	}
	return len(a) - len(b)
}

// CompareDecimal is the [Comparer] of numeric columns, whose values some drivers return as text: numbers of any kind and
// decimal text compare by value, exactly. Text that is no plain decimal ("NaN", "1e5") is [ErrIncomparable]. Other
// kinds compare as in [Compare].
func CompareDecimal(a, b driver.Value) (int, error) {
	var c int
	ok := false
	switch x := a.(type) {
	case string:
		c, ok = compareNumeralWith(x, b)
	case []byte:
		c, ok = compareNumeralWith(x, b)
	default:
		if _, isNumber := numberOf(a); !isNumber {
			return Compare(a, b)
		}
		switch y := b.(type) {
		case string:
			c, ok = compareNumeralWith(y, a)
			c = -c
		case []byte:
			c, ok = compareNumeralWith(y, a)
			c = -c
		default:
			return Compare(a, b)
		}
	}
	if !ok {
		return 0, fmt.Errorf("%w: %T with %T as numbers", ErrIncomparable, a, b)
	}
	return c, nil
}

func compareNumeralWith[T text](a T, b driver.Value) (int, bool) {
	x, ok := parseNumeral(a)
	if !ok {
		return 0, false
	}
	switch y := b.(type) {
	case string:
		n, ok := parseNumeral(y)
		return compareNumerals(x, n), ok
	case []byte:
		n, ok := parseNumeral(y)
		return compareNumerals(x, n), ok
	}
	n, ok := numberOf(b)
	if !ok {
		return 0, false
	}
	if n.kind == floating {
		// NaN and +Inf follow every number, -Inf precedes all.
		if r := new(big.Rat).SetFloat64(n.f); r != nil {
			d, _ := parseDecimal(string(a))
			return d.rat().Cmp(r), true
		}
		return -n.compare(number{}), true
	}
	d, _ := parseDecimal(string(a))
	var y big.Int
	n.setInt(&y)
	y.Mul(&y, powerOfTen(d.scale))
	return d.unscaled.Cmp(&y), true
}

// setInt sets i to an integer number.
func (n number) setInt(i *big.Int) {
	if n.kind == unsigned {
		i.SetUint64(n.u)
		return
	}
	i.SetInt64(n.i)
}

// parseDecimal keeps trailing zeros: the scale of a NUMERIC is part of its text.
func parseDecimal(s string) (*decimal, bool) {
	if _, ok := parseNumeral(s); !ok {
		return nil, false
	}
	d := &decimal{}
	digits := s
	for i := range len(s) {
		if s[i] == '.' {
			d.scale = len(s) - i - 1
			digits = s[:i] + s[i+1:]
			break
		}
	}
	_, ok := d.unscaled.SetString(digits, 10)
	return d, ok
}

func powerOfTen(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

func (d *decimal) rat() *big.Rat { return new(big.Rat).SetFrac(&d.unscaled, powerOfTen(d.scale)) }

// add sets d to d+e; the scale becomes the larger one.
func (d *decimal) add(e *decimal) {
	if e.scale > d.scale {
		d.unscaled.Mul(&d.unscaled, powerOfTen(e.scale-d.scale))
		d.scale = e.scale
	}
	other := &e.unscaled
	if e.scale < d.scale {
		other = new(big.Int).Mul(other, powerOfTen(d.scale-e.scale))
	}
	d.unscaled.Add(&d.unscaled, other)
}

// String writes all digits of the scale, also zeros.
func (d *decimal) String() string {
	var magnitude big.Int
	digits := magnitude.Abs(&d.unscaled).String()
	for len(digits) <= d.scale {
		digits = "0" + digits
	}
	if d.scale > 0 {
		digits = digits[:len(digits)-d.scale] + "." + digits[len(digits)-d.scale:]
	}
	if d.unscaled.Sign() < 0 {
		return "-" + digits
	}
	return digits
}
