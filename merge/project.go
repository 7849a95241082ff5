package merge

import (
	"database/sql/driver"
	"fmt"
)

// Project keeps the first n columns of src and drops the others, which only the merge needed (order keys that are not
// selected, counts behind an average). An n outside 0…columns makes Next fail with [ErrColumns].
func Project(src Source, n int) Source {
	return &projected{src: src, n: n, row: make([]driver.Value, len(src.Columns()))}
}

type projected struct {
	src Source
	n   int
	row []driver.Value
}

func (p *projected) kept() int { return min(max(p.n, 0), len(p.row)) }

func (p *projected) Columns() []string         { return p.src.Columns()[:p.kept()] }
func (p *projected) ColumnTypes() []ColumnType { return columnTypes(p.src)[:p.kept()] }

func (p *projected) Next(dest []driver.Value) error {
	if p.n != p.kept() {
		return fmt.Errorf("%w: keeping %d of %d", ErrColumns, p.n, len(p.row))
	}
	if err := checkWidth(dest, p.Columns()); err != nil {
		return err
	}
	if err := p.src.Next(p.row); err != nil {
		return err
	}
	copy(dest, p.row)
	return nil
}

func (p *projected) Close() error { return p.src.Close() }
