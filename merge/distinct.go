package merge

import (
	"database/sql/driver"
	"fmt"
	"io"
)

// Distinct returns each row of src once, at its first place. Rows are equal as in SELECT DISTINCT: NULL equals NULL,
// numbers by value (decimal text too in numeric columns), times by instant, text by bytes. Values that can't be compared
// are [ErrIncomparable]. It keeps a key of every row that it returned; more than maxRows of them are [ErrTooManyRows],
// and a maxRows of 0 or less allows none.
func Distinct(src Source, maxRows int) Source {
	return &distinct{src: owned{Source: src}, maxRows: maxRows, seen: make(map[string]struct{})}
}

type distinct struct {
	src     owned
	maxRows int
	kinds   []columnKind
	seen    map[string]struct{}
	key     []byte
	failure error
}

func (d *distinct) Columns() []string         { return d.src.Columns() }
func (d *distinct) ColumnTypes() []ColumnType { return d.src.ColumnTypes() }

func (d *distinct) Next(dest []driver.Value) error {
	if d.failure != nil {
		return d.failure
	}
	if d.kinds == nil {
		d.kinds = kindsOf(d.src.ColumnTypes())
	}
	for {
		err := d.src.Next(dest)
		fresh := false
		if err == nil {
			fresh, err = d.add(dest)
		}
		if err != nil {
			d.seen = nil
			d.failure = d.src.end(err)
			return d.failure
		}
		if fresh {
			return nil
		}
	}
}

func (d *distinct) add(row []driver.Value) (bool, error) {
	key := d.key[:0]
	var err error
	for i, v := range row {
		if key, err = appendIdentity(key, v, d.kinds[i]); err != nil {
			return false, fmt.Errorf("merge: distinct column %d: %w", i, err)
		}
	}
	d.key = key
	if _, found := d.seen[string(key)]; found {
		return false, nil
	}
	if len(d.seen) >= d.maxRows {
		return false, fmt.Errorf("%w: more than %d distinct ones", ErrTooManyRows, max(d.maxRows, 0))
	}
	d.seen[string(key)] = struct{}{}
	return true, nil
}

func (d *distinct) Close() error {
	if d.failure == nil || d.failure == io.EOF {
		d.failure = ErrClosed
	}
	d.seen = nil
	return d.src.Close()
}
