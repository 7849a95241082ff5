package merge

import (
	"database/sql/driver"
	"fmt"
	"io"
	"strconv"
)

// Condition is a HAVING: what must be true of a merged group, in SQL's logic of three values.
type Condition struct {
	// Op is what it says.
	Op ConditionOp
	// Of are the parts of And, Or and Not (one).
	Of []Condition
	// Column is the position of the compared column, whose values are numbers or NULL.
	Column int
	// Value is what it is compared with, from -2^53 to 2^53, so that it is exact beside floats, too.
	Value int64
}

// ConditionOp is what a [Condition] says. The zero value is invalid.
type ConditionOp uint8

// The kinds of conditions. IsNull has no value.
const (
	And ConditionOp = iota + 1
	Or
	Not
	Equal
	NotEqual
	Less
	LessOrEqual
	Greater
	GreaterOrEqual
	IsNull
)

// Having leaves out the rows of src for which a condition is false or unknown. A value that is no number is
// [ErrNotNumeric].
func Having(src Source, c Condition) Source { return &having{src: owned{Source: src}, condition: c} }

type having struct {
	src       owned
	condition Condition
	failure   error
}

func (h *having) Columns() []string         { return h.src.Columns() }
func (h *having) ColumnTypes() []ColumnType { return h.src.ColumnTypes() }

func (h *having) Next(dest []driver.Value) error {
	if h.failure != nil {
		return h.failure
	}
	for {
		err := h.src.Next(dest)
		holds := isFalse
		if err == nil {
			holds, err = h.condition.eval(dest)
		}
		if err != nil {
			h.failure = h.src.end(err)
			return h.failure
		}
		if holds == isTrue {
			return nil
		}
	}
}

func (h *having) Close() error {
	if h.failure == nil || h.failure == io.EOF {
		h.failure = ErrClosed
	}
	return h.src.Close()
}

// truth orders the three values so that AND is the least of its parts and OR the greatest.
type truth int8

const (
	isFalse truth = iota
	isUnknown
	isTrue
)

func truthOf(holds bool) truth {
	if holds {
		return isTrue
	}
	return isFalse
}

func (c *Condition) eval(row []driver.Value) (truth, error) {
	switch c.Op {
	case And, Or:
		result := truthOf(c.Op == And)
		for i := range c.Of {
			part, err := c.Of[i].eval(row)
			if err != nil {
				return isUnknown, err
			}
			if c.Op == And {
				result = min(result, part)
			} else {
				result = max(result, part)
			}
		}
		return result, nil
	case Not:
		part, err := c.Of[0].eval(row)
		return isTrue - part, err
	}
	if c.Column < 0 || c.Column >= len(row) {
		return isUnknown, fmt.Errorf("%w: HAVING reads column %d of %d", ErrColumns, c.Column, len(row))
	}
	v := row[c.Column]
	if c.Op == IsNull {
		return truthOf(v == nil), nil
	}
	if v == nil {
		return isUnknown, nil
	}
	order, err := compareNumber(v, c.Value)
	if err != nil {
		return isUnknown, err
	}
	switch c.Op {
	case Equal:
		return truthOf(order == 0), nil
	case NotEqual:
		return truthOf(order != 0), nil
	case Less:
		return truthOf(order < 0), nil
	case LessOrEqual:
		return truthOf(order <= 0), nil
	case Greater:
		return truthOf(order > 0), nil
	case GreaterOrEqual:
		return truthOf(order >= 0), nil
	}
	return isUnknown, fmt.Errorf("%w: HAVING with an unknown operator", ErrGroupSpec)
}

// compareNumber orders a value and a number, exactly; NaN is the greatest, as in PostgreSQL.
func compareNumber(v driver.Value, than int64) (int, error) {
	if n, ok := numberOf(v); ok {
		return n.compare(number{i: than}), nil
	}
	var digits string
	switch v := v.(type) {
	case string:
		digits = v
	case []byte:
		digits = string(v)
	}
	n, ok := parseNumeral(digits)
	if !ok {
		return 0, fmt.Errorf("%w: HAVING compares it with a number", ErrNotNumeric)
	}
	m, _ := parseNumeral(strconv.FormatInt(than, 10))
	return compareNumerals(n, m), nil
}
