package merge

import (
	"database/sql/driver"
	"fmt"
	"math"
	"math/big"
)

// Spread says which of the variances and standard deviations a [Variance] column is. The zero value is the variance of
// a population.
type Spread struct {
	// Sample divides by one less than the count: VAR_SAMP, STDDEV_SAMP; NULL for a single value.
	Sample bool
	// Root is the standard deviation.
	Root bool
	// Float: the values are floating point, and Squares the partial VAR_POP. Otherwise they are integers or decimals, and
	// Squares the partial sum of their squares, from which the result is exact.
	Float bool
}

// spreading is the state of a Variance column in one group.
type spreading struct {
	sum, count, squares total // exact values
	n, mean, off        float64
}

// add takes a shard's part. Parts of floats are put together as PostgreSQL does those of its own parallel workers: by the
// difference of their means, which sums of squares would lose.
func (s *spreading) add(c *GroupColumn, row []driver.Value) error {
	if !c.Spread.Float {
		for _, part := range []struct {
			t  *total
			at int
		}{{&s.sum, c.Column}, {&s.count, c.Counts}, {&s.squares, c.Squares}} {
			if err := part.t.add(row[part.at]); err != nil {
				return err
			}
		}
		return nil
	}
	count, ok := numberOf(row[c.Counts])
	if !ok || count.kind != signed {
		return fmt.Errorf("%w: count of a variance is %T", ErrNotNumeric, row[c.Counts])
	}
	if count.i == 0 {
		return nil
	}
	sum, ok := row[c.Column].(float64)
	variance, isFloat := row[c.Squares].(float64)
	if !ok || !isFloat {
		return fmt.Errorf("%w: a variance of %T and %T", ErrNotNumeric, row[c.Column], row[c.Squares])
	}
	n, mean := float64(count.i), sum/float64(count.i)
	off := variance * n
	if s.n == 0 {
		s.n, s.mean, s.off = n, mean, off
		return nil
	}
	apart, all := mean-s.mean, s.n+n
	s.off += off + apart*apart*s.n*n/all
	s.mean += apart * n / all
	s.n = all
	return nil
}

// result gives the variance, or its root; NULL for too few values.
func (s *spreading) result(c *GroupColumn) (driver.Value, error) {
	if c.Spread.Float {
		by := s.n
		if c.Spread.Sample {
			by--
		}
		if by <= 0 {
			return nil, nil
		}
		if v := s.off / by; c.Spread.Root {
			return math.Sqrt(v), nil
		} else {
			return v, nil
		}
	}
	count, err := s.count.int64()
	if err != nil {
		return nil, err
	}
	values := count.(int64)
	if s.sum.kind == floatTotal || s.squares.kind == floatTotal || values < 0 || (values == 0) != (s.sum.kind == noTotal) {
		return nil, fmt.Errorf("%w: the parts of a variance contradict each other", ErrNotNumeric)
	}
	n := big.NewInt(values)
	by := new(big.Int).Set(n)
	if c.Spread.Sample {
		by.Sub(by, one)
	}
	if by.Sign() <= 0 {
		return nil, nil
	}
	return s.sum.text(postgresSpread(s.sum.decimal(), s.squares.decimal(), n, by.Mul(by, n), c.Spread.Root)), nil
}

// postgresSpread is numeric_stddev_internal of PostgreSQL's numeric.c: (n·Σx² − (Σx)²) / by, where by is n·n or n·(n−1).
func postgresSpread(sum, squares *decimal, n, by *big.Int, root bool) *decimal {
	numerator := &decimal{scale: 2 * sum.scale}
	numerator.unscaled.Mul(&sum.unscaled, &sum.unscaled)
	numerator.unscaled.Neg(&numerator.unscaled)
	scaled := &decimal{scale: squares.scale}
	scaled.unscaled.Mul(&squares.unscaled, n)
	numerator.add(scaled)
	if numerator.unscaled.Sign() <= 0 {
		return &decimal{}
	}
	divisor := &decimal{}
	divisor.unscaled.Set(by)
	scale := postgresScale(numerator, divisor)
	result := numerator.divide(by, scale, false)
	if root {
		result = result.root(scale)
	}
	return result
}

// root is the square root with the given scale, rounded half up.
func (d *decimal) root(scale int) *decimal {
	// one digit more than asked for, cut: what it says of the rest decides the rounding
	digits := new(big.Int).Set(&d.unscaled)
	if shift := 2*(scale+1) - d.scale; shift >= 0 {
		digits.Mul(digits, powerOfTen(shift))
	} else {
		digits.Quo(digits, powerOfTen(-shift))
	}
	digits.Sqrt(digits)
	result := &decimal{scale: scale}
	result.unscaled.Quo(digits.Add(digits, big.NewInt(5)), big.NewInt(10))
	return result
}
