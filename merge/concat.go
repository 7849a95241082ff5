package merge

import (
	"database/sql/driver"
	"io"
)

// Concat returns the rows of all sources, one source after another. Each is closed as soon as it ends. The columns are
// the first source's; others must have the same names, else Next fails with [ErrColumns]. Without sources the result
// has no columns and no rows.
func Concat(sources ...Source) Source {
	return &concat{branches: newBranches(sources)}
}

type concat struct {
	branches
	current int
	typed   int // the source that the last row came from
}

func (c *concat) ColumnTypes() []ColumnType {
	if len(c.sources) == 0 {
		return nil
	}
	return columnTypes(c.sources[c.typed])
}

func (c *concat) Next(dest []driver.Value) error {
	if err := c.check(); err != nil {
		return err
	}
	for c.current < len(c.sources) {
		err := c.sources[c.current].Next(dest)
		if err == nil {
			c.typed = c.current
			return nil
		}
		if err != io.EOF {
			return c.fail(c.current, err)
		}
		if err := c.closeOne(c.current); err != nil {
			return c.fail(c.current, err)
		}
		c.current++
	}
	return io.EOF
}
