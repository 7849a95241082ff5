package merge

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// ErrUnordered means that a source of [Ordered] was not sorted by the given keys, for example because its engine orders
// text by a collation and not by bytes. A merge of it would be in no order at all.
var ErrUnordered = errors.New("merge: source is not in the order of the keys")

// OrderKey is one term of an ORDER BY.
type OrderKey struct {
	// Column is the position of the column in the rows, from 0.
	Column int
	// Desc is true for descending order. It doesn't move NULLs.
	Desc bool
	// NullsFirst puts NULLs before all values, whatever Desc is; otherwise they come last.
	NullsFirst bool
	// Compare orders two values that are not NULL. If nil, [ComparerFor] the column's type in the first source.
	Compare Comparer
}

// Ordered merges sources that are each sorted by keys into one sorted stream. It is stable: rows with equal keys come
// in the order of their sources, and within a source as they were. It fails with [ErrUnordered] if a source proves not
// to be sorted, with [ErrIncomparable] if values can't be compared, and with [ErrColumns] as [Concat] does. Only the row
// that is due next is read from each source; a source's following row is read when the next one is asked for.
func Ordered(keys []OrderKey, sources ...Source) Source {
	o := &ordered{branches: newBranches(sources), keys: keys}
	if o.failure == nil && len(sources) > 0 {
		o.failure = checkKeys(keys, o.columns)
	}
	return o
}

type ordered struct {
	branches
	keys    []OrderKey // with comparers, once started
	rows    [][]driver.Value
	spare   []driver.Value // the next row is read here, to compare it with its predecessor
	heap    []int          // sources that have a row, the least first
	started bool
	taken   bool // the row of heap[0] was delivered
	typed   int
}

func (o *ordered) ColumnTypes() []ColumnType {
	if len(o.sources) == 0 {
		return nil
	}
	return columnTypes(o.sources[o.typed])
}

func (o *ordered) Next(dest []driver.Value) error {
	if err := o.check(); err != nil {
		return err
	}
	if err := checkWidth(dest, o.columns); err != nil {
		return o.abort(err)
	}
	if err := o.settle(); err != nil {
		return err
	}
	if len(o.heap) == 0 {
		return io.EOF
	}
	o.typed, o.taken = o.heap[0], true
	copy(dest, o.rows[o.typed])
	return nil
}

// settle brings the least row that was not yet delivered to the top of the heap.
func (o *ordered) settle() error {
	if !o.started {
		return o.start()
	}
	if !o.taken {
		return nil
	}
	o.taken = false
	top := o.heap[0]
	more, err := o.read(top, true)
	if err != nil {
		return err
	}
	if !more {
		last := len(o.heap) - 1
		o.heap[0] = o.heap[last]
		o.heap = o.heap[:last]
	}
	return o.sink(0)
}

func (o *ordered) start() error {
	o.started = true
	width := len(o.columns)
	cells := make([]driver.Value, (len(o.sources)+1)*width)
	o.rows, o.heap = make([][]driver.Value, len(o.sources)), make([]int, 0, len(o.sources))
	if len(o.sources) > 0 {
		o.keys = withComparers(o.keys, o.sources[0])
	}
	for i := range o.sources {
		o.rows[i], cells = cells[:width:width], cells[width:]
	}
	o.spare = cells
	for i := range o.sources {
		more, err := o.read(i, false)
		if err != nil {
			return err
		}
		if more {
			o.heap = append(o.heap, i)
		}
	}
	for i := len(o.heap)/2 - 1; i >= 0; i-- {
		if err := o.sink(i); err != nil {
			return err
		}
	}
	return nil
}

// read fetches the next row of source i; at its end it closes it and reports false.
func (o *ordered) read(i int, verify bool) (bool, error) {
	err := o.sources[i].Next(o.spare)
	if err == io.EOF {
		if err := o.closeOne(i); err != nil {
			return false, o.fail(i, err)
		}
		return false, nil
	}
	if err != nil {
		return false, o.fail(i, err)
	}
	if verify {
		c, err := compareRows(o.keys, o.rows[i], o.spare)
		if err == nil && c > 0 {
			err = ErrUnordered
		}
		if err != nil {
			return false, o.fail(i, err)
		}
	}
	o.rows[i], o.spare = o.spare, o.rows[i]
	return true, nil
}

// sink moves the source at position i of the heap down to its place.
func (o *ordered) sink(i int) error {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(o.heap); child++ {
			before, err := o.before(o.heap[child], o.heap[least])
			if err != nil {
				return o.abort(err)
			}
			if before {
				least = child
			}
		}
		if least == i {
			return nil
		}
		o.heap[i], o.heap[least] = o.heap[least], o.heap[i]
		i = least
	}
}

func (o *ordered) before(a, b int) (bool, error) {
	c, err := compareRows(o.keys, o.rows[a], o.rows[b])
	return c < 0 || c == 0 && a < b, err
}

func checkKeys(keys []OrderKey, columns []string) error {
	for _, key := range keys {
		if key.Column < 0 || key.Column >= len(columns) {
			return fmt.Errorf("%w: order by column %d of %d", ErrColumns, key.Column, len(columns))
		}
	}
	return nil
}

// withComparers returns keys with every Compare set.
func withComparers(keys []OrderKey, src Source) []OrderKey {
	complete := make([]OrderKey, len(keys))
	var types []ColumnType
	for i, key := range keys {
		if key.Compare == nil {
			if types == nil {
				types = columnTypes(src)
			}
			key.Compare = ComparerFor(types[key.Column])
		}
		complete[i] = key
	}
	return complete
}

func compareRows(keys []OrderKey, a, b []driver.Value) (int, error) {
	for i := range keys {
		key := &keys[i]
		x, y := a[key.Column], b[key.Column]
		if x == nil || y == nil {
			if x == nil && y == nil {
				continue
			}
			if (x == nil) == key.NullsFirst {
				return -1, nil
			}
			return 1, nil
		}
		c, err := key.Compare(x, y)
		if err != nil {
			return 0, fmt.Errorf("merge: ordering by column %d: %w", key.Column, err)
		}
		if c != 0 {
			if key.Desc {
				return -c, nil
			}
			return c, nil
		}
	}
	return 0, nil
}
