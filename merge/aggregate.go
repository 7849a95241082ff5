package merge

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"math/big"
)

var (
	// ErrOverflow means that a total doesn't fit the type that its engine would return it in.
	ErrOverflow = errors.New("merge: total is out of range")
	// ErrNotNumeric means that a partial sum or count is not a number that can be added exactly.
	ErrNotNumeric = errors.New("merge: partial aggregate is not a number")
)

// aggregate is the state of one result column in one group.
type aggregate struct {
	value driver.Value // Key, Min and Max so far
	sum   total        // Count, Sum, Avg
	count total        // Avg
	// seen are the different Values, spread is the state of Variance.
	seen   map[string]struct{}
	spread *spreading
}

func (a *aggregate) add(c *GroupColumn, row []driver.Value) error {
	v := row[c.Column]
	switch c.Func {
	case Count, Sum:
		return a.sum.add(v)
	case Avg:
		if err := a.sum.add(v); err != nil {
			return err
		}
		return a.count.add(row[c.Counts])
	case Min, Max:
		return a.addExtreme(c, v)
	case Variance:
		if a.spread == nil {
			a.spread = &spreading{}
		}
		return a.spread.add(c, row)
	}
	return nil
}

func (a *aggregate) addExtreme(c *GroupColumn, v driver.Value) error {
	if v == nil {
		return nil
	}
	if a.value == nil {
		// Compared with itself, so that a kind which has no order is refused even if it comes alone.
		_, err := c.Compare(v, v)
		a.value = v
		return err
	}
	order, err := c.Compare(v, a.value)
	if err != nil {
		return err
	}
	if c.Func == Min && order < 0 || c.Func == Max && order > 0 {
		a.value = v
	}
	return nil
}

func (a *aggregate) result(spec *GroupSpec, column int) (driver.Value, error) {
	switch spec.Columns[column].Func {
	case Count:
		return a.sum.int64()
	case Sum:
		return a.sum.result()
	case Avg:
		return spec.Average.divide(&a.sum, &a.count)
	case CountDistinct:
		return int64(len(a.seen)), nil
	case Variance:
		if a.spread == nil {
			return nil, nil
		}
		return a.spread.result(&spec.Columns[column])
	}
	return a.value, nil
}

type totalKind uint8

const (
	noTotal    totalKind = iota // NULLs only
	intTotal                    // integers, in i
	bigTotal                    // integers, in exact
	exactTotal                  // decimal text, in exact
	floatTotal                  // in f
)

// total adds up numbers of one column. It is small for integers and floats, which are most.
type total struct {
	kind    totalKind
	asBytes bool // decimal text arrived as []byte
	single  bool // the engine rounds to float32
	wasInf  bool // a partial was infinite, so that an infinite total is no overflow
	i       int64
	f       float64
	exact   *decimal
}

func (t *total) add(v driver.Value) error {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return t.addText(v, false)
	case []byte:
		return t.addText(string(v), true)
	}
	n, ok := numberOf(v)
	if !ok {
		return fmt.Errorf("%w: %T", ErrNotNumeric, v)
	}
	if n.kind == floating {
		return t.addFloat(n.f)
	}
	t.addInt(n)
	return nil
}

func (t *total) addInt(n number) {
	switch t.kind {
	case noTotal, intTotal:
		sum := t.i + n.i
		if overflow := (sum > t.i) != (n.i > 0) && n.i != 0; n.kind == signed && !overflow {
			t.kind, t.i = intTotal, sum
			return
		}
		t.exact = t.decimal()
		t.kind = bigTotal
	case floatTotal:
		d := &decimal{}
		n.setInt(&d.unscaled)
		t.f += d.float()
		return
	}
	d := &decimal{}
	n.setInt(&d.unscaled)
	t.exact.add(d)
}

func (t *total) addFloat(f float64) error {
	switch t.kind {
	case exactTotal:
		return fmt.Errorf("%w: decimal text and float64 together", ErrNotNumeric)
	case intTotal, bigTotal:
		t.f = t.decimal().float()
	}
	t.kind = floatTotal
	t.wasInf = t.wasInf || math.IsInf(f, 0)
	t.f += f
	return nil
}

func (t *total) addText(s string, asBytes bool) error {
	d, ok := parseDecimal(s)
	if !ok {
		return fmt.Errorf("%w: text that is no decimal number", ErrNotNumeric)
	}
	switch t.kind {
	case floatTotal:
		return fmt.Errorf("%w: decimal text and float64 together", ErrNotNumeric)
	case noTotal, intTotal:
		t.exact = t.decimal()
	}
	if t.kind != exactTotal {
		t.kind, t.asBytes = exactTotal, asBytes
	}
	t.exact.add(d)
	return nil
}

// decimal returns a total that is not a float.
func (t *total) decimal() *decimal {
	if t.exact != nil {
		return t.exact
	}
	d := &decimal{}
	d.unscaled.SetInt64(t.i)
	return d
}

func (d *decimal) float() float64 {
	f, _ := d.rat().Float64()
	return f
}

func (t *total) result() (driver.Value, error) {
	switch t.kind {
	case intTotal:
		return t.i, nil
	case bigTotal:
		return t.int64()
	case exactTotal:
		return t.text(t.exact), nil
	case floatTotal:
		f := t.f
		if t.single {
			f = float64(float32(f))
		}
		if math.IsInf(f, 0) && !t.wasInf {
			return nil, ErrOverflow
		}
		return f, nil
	}
	return nil, nil
}

// text returns d in the Go kind that decimals arrived in.
func (t *total) text(d *decimal) driver.Value {
	if t.asBytes {
		return []byte(d.String())
	}
	return d.String()
}

// int64 returns a total of integers, 0 for none.
func (t *total) int64() (driver.Value, error) {
	switch t.kind {
	case noTotal, intTotal:
		return t.i, nil
	case floatTotal:
		return nil, fmt.Errorf("%w: an integer was expected", ErrNotNumeric)
	}
	i := t.exact.rat()
	if !i.IsInt() {
		return nil, fmt.Errorf("%w: an integer was expected", ErrNotNumeric)
	}
	if !i.Num().IsInt64() {
		return nil, ErrOverflow
	}
	return i.Num().Int64(), nil
}

var one = big.NewInt(1)
