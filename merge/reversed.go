package merge

import (
	"database/sql/driver"
)

// Reversed reads all of src, at most maxRows rows, closes it, and gives its rows back in the reverse order. Errors are
// those of [Buffer].
func Reversed(src Source, maxRows int) (Source, error) {
	b, err := buffer(src, maxRows)
	if err != nil {
		return nil, err
	}
	width := len(b.columns)
	for low, high := 0, b.count-1; low < high; low, high = low+1, high-1 {
		swap(b.cells[low*width:(low+1)*width], b.cells[high*width:(high+1)*width])
	}
	return b, nil
}

func swap(a, b []driver.Value) {
	for i := range a {
		a[i], b[i] = b[i], a[i]
	}
}
