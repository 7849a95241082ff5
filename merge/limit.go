package merge

import (
	"database/sql/driver"
	"io"
)

// Limit leaves out the first offset rows of src and ends after limit rows; a limit below 0 means no limit, an offset
// below 0 none. Rows after the last one are never read: src is closed by the first Next beyond the limit.
func Limit(src Source, offset, limit int64) Source {
	return &limited{src: owned{Source: src}, skip: max(offset, 0), left: limit}
}

type limited struct {
	src     owned
	skip    int64
	left    int64 // below 0: no limit
	failure error // also io.EOF
}

func (l *limited) Columns() []string         { return l.src.Columns() }
func (l *limited) ColumnTypes() []ColumnType { return l.src.ColumnTypes() }

func (l *limited) Next(dest []driver.Value) error {
	if l.failure != nil {
		return l.failure
	}
	if l.left == 0 {
		return l.end(io.EOF)
	}
	for ; l.skip > 0; l.skip-- {
		if err := l.src.Next(dest); err != nil {
			return l.end(err)
		}
	}
	if err := l.src.Next(dest); err != nil {
		return l.end(err)
	}
	if l.left > 0 {
		l.left--
	}
	return nil
}

// end closes the source at once: a page that is complete needs its connections no longer.
func (l *limited) end(err error) error {
	l.failure = l.src.end(err)
	return l.failure
}

func (l *limited) Close() error {
	if l.failure == nil || l.failure == io.EOF {
		l.failure = ErrClosed
	}
	return l.src.Close()
}
