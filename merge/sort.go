package merge

import (
	"database/sql/driver"
	"io"
	"slices"
)

// Sort orders all rows of src by keys, stably: for rows that no shard could order, such as merged groups. It reads src
// to its end on the first Next and closes it; more than maxRows rows are [ErrTooManyRows].
func Sort(src Source, keys []OrderKey, maxRows int) Source {
	return &sorted{src: owned{Source: src}, keys: keys, maxRows: maxRows}
}

type sorted struct {
	src     owned
	keys    []OrderKey
	maxRows int
	rows    *buffered // once src is read
	order   []int
	next    int
	failure error
}

func (s *sorted) Columns() []string { return s.src.Columns() }

func (s *sorted) ColumnTypes() []ColumnType {
	if s.rows != nil {
		return s.rows.after
	}
	return s.src.ColumnTypes()
}

func (s *sorted) Next(dest []driver.Value) error {
	if s.failure != nil {
		return s.failure
	}
	if err := checkWidth(dest, s.Columns()); err != nil {
		return err
	}
	if s.rows == nil {
		if err := s.read(); err != nil {
			s.failure = s.src.end(err)
			return s.failure
		}
	}
	if s.next == len(s.order) {
		return io.EOF
	}
	copy(dest, s.rows.row(s.order[s.next]))
	s.next++
	return nil
}

func (s *sorted) read() error {
	if err := checkKeys(s.keys, s.Columns()); err != nil {
		return err
	}
	keys := withComparers(s.keys, &s.src)
	rows, err := buffer(&s.src, s.maxRows)
	if err != nil {
		return err
	}
	order := make([]int, rows.count)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		c, failed := compareRows(keys, rows.row(a), rows.row(b))
		if failed != nil {
			err = failed
		}
		return c
	})
	if err != nil {
		return err
	}
	s.rows, s.order = rows, order
	return nil
}

func (s *sorted) Close() error {
	if s.failure == nil {
		s.failure = ErrClosed
	}
	s.rows, s.order = nil, nil
	return s.src.Close()
}
