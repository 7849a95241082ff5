package merge

import (
	"database/sql/driver"
	"fmt"
	"math/big"
	"reflect"
)

// AverageRule is how an engine divides a sum by a count. Float sums are divided as float64 under every rule. The zero
// value is invalid. SQL Server has no rule: its AVG of integers is an integer, which sum and count don't tell.
type AverageRule uint8

// The rules, by engine.
const (
	// AverageFloat returns float64 always: SQLite.
	AverageFloat AverageRule = iota + 1
	// AveragePostgres returns decimal text of at least 16 significant digits, with the scale that PostgreSQL's numeric
	// division chooses, rounded half away from zero.
	AveragePostgres
	// AverageMySQL returns decimal text with four digits more than the sum, the default of div_precision_increment,
	// at most 38 behind the point, rounded half away from zero except where the server itself cuts (see mysqlCuts):
	// MariaDB and MySQL.
	AverageMySQL
)

const (
	mysqlIncrement = 4
	mysqlMaxScale  = 38
)

func (rule AverageRule) valid() bool { return rule >= AverageFloat && rule <= AverageMySQL }

// divide returns the average of count values that add up to sum, NULL for none.
func (rule AverageRule) divide(sum, count *total) (driver.Value, error) {
	n, err := count.int64()
	if err != nil {
		return nil, err
	}
	values := n.(int64)
	switch {
	case values < 0 || (values == 0) != (sum.kind == noTotal):
		return nil, fmt.Errorf("%w: sum and count of an average contradict each other", ErrNotNumeric)
	case values == 0:
		return nil, nil
	case sum.kind == floatTotal:
		v, err := sum.result()
		if err != nil {
			return nil, err
		}
		return v.(float64) / float64(values), nil
	}
	dividend := sum.decimal()
	switch rule {
	case AverageFloat:
		return dividend.float() / float64(values), nil
	case AveragePostgres:
		divisor := &decimal{}
		divisor.unscaled.SetInt64(values)
		return sum.text(dividend.divide(&divisor.unscaled, postgresScale(dividend, divisor), false)), nil
	default:
		scale := min(dividend.scale+mysqlIncrement, mysqlMaxScale)
		return []byte(dividend.divide(big.NewInt(values), scale, mysqlCuts(dividend.scale, scale)).String()), nil
	}
}

// divide returns d/n with the given scale, rounded half away from zero or cut.
func (d *decimal) divide(n *big.Int, scale int, cut bool) *decimal {
	dividend, divisor := new(big.Int).Set(&d.unscaled), new(big.Int).Set(n)
	if shift := scale - d.scale; shift >= 0 {
		dividend.Mul(dividend, powerOfTen(shift))
	} else {
		divisor.Mul(divisor, powerOfTen(-shift))
	}
	result := &decimal{scale: scale}
	sign := dividend.Sign()
	dividend.Abs(dividend)
	var rest big.Int
	result.unscaled.QuoRem(dividend, divisor, &rest)
	if !cut && rest.Lsh(&rest, 1).Cmp(divisor) >= 0 {
		result.unscaled.Add(&result.unscaled, one)
	}
	if sign < 0 {
		result.unscaled.Neg(&result.unscaled)
	}
	return result
}

// mysqlWord is the number of decimal digits that the server keeps together.
const mysqlWord = 9

// mysqlCuts reports whether the server has no digit left to round a quotient of the given scale by: it divides to whole
// words, as many as the sum's scale and the increment need, and cuts there (seen: 2.00000 / 3 is 0.666666666).
func mysqlCuts(sumScale, scale int) bool {
	sumDigits := (sumScale + mysqlWord - 1) / mysqlWord * mysqlWord
	increment := max(mysqlIncrement-(sumDigits-sumScale), 0)
	computed := (sumDigits + increment + mysqlWord - 1) / mysqlWord * mysqlWord
	return computed <= scale
}

// PostgreSQL keeps numerics in digits of base 10,000 and chooses the scale of a quotient from the first digits.
const (
	pgDigits      = 4
	pgSignificant = 16
	pgMaxScale    = 1000
)

// postgresScale is select_div_scale of PostgreSQL's numeric.c for d divided by an integer.
func postgresScale(d, divisor *decimal) int {
	weight, first := pgLeading(d)
	divisorWeight, divisorFirst := pgLeading(divisor)
	quotientWeight := weight - divisorWeight
	if first <= divisorFirst {
		quotientWeight--
	}
	scale := pgSignificant - quotientWeight*pgDigits
	return min(max(scale, d.scale, 0), pgMaxScale)
}

// pgLeading returns the first base-10,000 digit that is not 0 and its weight: 0 is the digit before the point.
func pgLeading(d *decimal) (weight, first int) {
	var magnitude big.Int
	digits := magnitude.Abs(&d.unscaled).String()
	if digits == "0" {
		return 0, 0
	}
	// exponent of the leading decimal digit, and its place in its group of four
	exponent := len(digits) - 1 - d.scale
	weight = exponent / pgDigits
	if exponent < 0 && exponent%pgDigits != 0 {
		weight--
	}
	length := exponent - weight*pgDigits + 1
	for i := range length {
		first *= 10
		if i < len(digits) {
			first += int(digits[i] - '0')
		}
	}
	return weight, first
}

// resultType is the type of an average whose partial sum has type t.
func (rule AverageRule) resultType(t ColumnType) ColumnType {
	if rule != AveragePostgres || kindOf(t) != numericColumn {
		return t
	}
	if t.DatabaseTypeName == "FLOAT8" || t.DatabaseTypeName == "NUMERIC" {
		return t
	}
	// The sum of small integers is a bigint, their average a numeric: without this a caller would scan it into an int64.
	return ColumnType{DatabaseTypeName: "NUMERIC", ScanType: reflect.TypeFor[float64](),
		Nullable: t.Nullable, HasNullable: t.HasNullable}
}
