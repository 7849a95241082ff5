package merge

import (
	"database/sql/driver"
	"errors"
	"io"
	"sync"
)

// Ahead is a source whose rows are read before they are asked for, by [Ahead.Fill], which its owner calls on another
// goroutine. So the failure of one of several such sources is noticed also while the reader waits for another. Rows
// ahead are bounded, by number and by bytes.
//
// Fill is called once, and the methods of Source by one reader; the two may run at the same time. Columns may be called
// after Opened.
type Ahead struct {
	bounds AheadBounds
	failed <-chan struct{}
	reason func() error
	opened chan struct{}

	columns []string
	types   []ColumnType

	arrived chan struct{}
	room    chan struct{}

	mu      sync.Mutex
	waiting bool       // the reader is
	part    *aheadRows // being filled; the reader takes it rather than wait
	queue   []*aheadRows
	spare   []*aheadRows
	rows    int // queued, those that the reader is at included
	bytes   int
	ended   bool
	closed  bool

	at   *aheadRows // the reader's
	next int
	done error
}

// AheadBounds are how much may be read ahead; whichever is reached first holds Fill up. Both must be positive.
type AheadBounds struct {
	// Rows counts rows.
	Rows int
	// Bytes counts texts and byte slices by their length and every value by 16 more.
	Bytes int
}

// aheadRows are some rows that are handed over together.
type aheadRows struct {
	cells []driver.Value
	n     int
	bytes int
}

const (
	// mostTogether is how many rows are handed over together at most; it begins with one, so that the first is not
	// late, and doubles.
	mostTogether = 64
	// cellBytes is what a value takes beside its text.
	cellBytes = 16
)

// NewAhead makes a source that is to be filled. When failed is closed, Next returns what reason gives: a failure of this
// source's Fill, or of another that the reader can't do without.
func NewAhead(bounds AheadBounds, failed <-chan struct{}, reason func() error) *Ahead {
	return &Ahead{
		bounds: bounds, failed: failed, reason: reason,
		opened: make(chan struct{}), arrived: make(chan struct{}, 1), room: make(chan struct{}, 1),
	}
}

// Opened is closed once Fill has read the first row, or found that there is none.
func (a *Ahead) Opened() <-chan struct{} { return a.opened }

// Fill reads src to its end, until it fails or the reader closes, and closes it. held is called when it has to wait for
// the reader for the first time. The error is src's; the reader gets it only as the reason that NewAhead was given.
func (a *Ahead) Fill(src Source, held func()) error {
	err := a.fill(src, held)
	closing := src.Close()
	if err == io.EOF {
		if closing == nil {
			a.end()
		}
		err = nil
	}
	return errors.Join(err, closing)
}

func (a *Ahead) fill(src Source, held func()) error {
	// What the engine says of its rows may depend on the first; without one this is all there is.
	a.columns, a.types = src.Columns(), columnTypes(src)
	row, opened := make([]driver.Value, len(a.columns)), false
	for size := 1; ; {
		err := src.Next(row)
		if !opened && (err == nil || err == io.EOF) {
			if opened = true; err == nil {
				a.types = columnTypes(src)
			}
			close(a.opened)
		}
		if err == io.EOF {
			a.flush()
		}
		if err != nil {
			return err
		}
		if !a.add(row, size) {
			continue
		}
		if size = min(2*size, mostTogether); !a.wait(held) {
			return nil
		}
	}
}

// add adds a row to those that are handed over together, and tells whether they were.
func (a *Ahead) add(row []driver.Value, size int) (handed bool) {
	bytes := weight(row)
	a.mu.Lock()
	if a.part == nil {
		a.part = a.empty(size * len(row))
	}
	p := a.part
	copy(p.cells[p.n*len(row):], row)
	p.n++
	p.bytes += bytes
	if handed = p.n >= size || p.bytes >= a.bounds.Bytes; handed {
		a.hand()
	}
	wake := handed || a.waiting
	a.mu.Unlock()
	if wake {
		signal(a.arrived)
	}
	return handed
}

// weight is about what a row takes in memory.
func weight(row []driver.Value) int {
	n := cellBytes * len(row)
	for _, v := range row {
		switch v := v.(type) {
		case string:
			n += len(v)
		case []byte:
			n += len(v)
		}
	}
	return n
}

// empty gives room for so many cells; the lock is held.
func (a *Ahead) empty(cells int) *aheadRows {
	for len(a.spare) > 0 {
		last := len(a.spare) - 1
		rows := a.spare[last]
		if a.spare = a.spare[:last]; len(rows.cells) >= cells {
			return rows
		} // else it is one of the first, which are small
	}
	return &aheadRows{cells: make([]driver.Value, cells)}
}

// hand gives the rows that are being filled to the reader; the lock is held.
func (a *Ahead) hand() {
	if a.part == nil {
		return
	}
	a.queue = append(a.queue, a.part)
	a.rows += a.part.n
	a.bytes += a.part.bytes
	a.part = nil
}

// flush hands the last rows over.
func (a *Ahead) flush() {
	a.mu.Lock()
	a.hand()
	a.mu.Unlock()
	signal(a.arrived)
}

// wait waits until there is room for further rows; false tells that nobody wants them.
func (a *Ahead) wait(held func()) bool {
	for {
		a.mu.Lock()
		full, closed := a.rows >= a.bounds.Rows || a.bytes >= a.bounds.Bytes, a.closed
		a.mu.Unlock()
		switch {
		case closed:
			return false
		case !full:
			select {
			case <-a.failed:
				return false
			default:
				return true
			}
		}
		held()
		select {
		case <-a.room:
		case <-a.failed:
			return false
		}
	}
}

func (a *Ahead) end() {
	a.mu.Lock()
	a.ended = true
	a.mu.Unlock()
	signal(a.arrived)
}

// signal wakes who waits now, or next.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Columns returns the column names, once the source is open.
func (a *Ahead) Columns() []string { return a.columns }

// ColumnTypes are those of the first row, or of the rows if there is none.
func (a *Ahead) ColumnTypes() []ColumnType { return a.types }

// Next reads the next row into dest.
func (a *Ahead) Next(dest []driver.Value) error {
	if a.done != nil {
		return a.done
	}
	width := len(a.columns)
	if err := checkWidth(dest, a.columns); err != nil {
		return err
	}
	if a.at == nil || a.next == a.at.n {
		if a.done = a.advance(); a.done != nil {
			return a.done
		}
	}
	copy(dest, a.at.cells[a.next*width:(a.next+1)*width])
	a.next++
	return nil
}

// advance takes the next rows, waiting for them.
func (a *Ahead) advance() error {
	for {
		select {
		case <-a.failed:
			return a.reason()
		default:
		}
		if found, err := a.take(); found || err != nil {
			return err
		}
		select {
		case <-a.arrived:
		case <-a.failed:
		}
	}
}

// take gives back the rows that were read and takes the next, if they are there.
func (a *Ahead) take() (found bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.at != nil {
		a.rows -= a.at.n
		a.bytes -= a.at.bytes
		a.at.n, a.at.bytes = 0, 0
		a.spare = append(a.spare, a.at)
		a.at = nil
		signal(a.room)
	}
	if len(a.queue) == 0 {
		a.hand()
	}
	if a.waiting = len(a.queue) == 0; a.waiting {
		if a.ended {
			return false, io.EOF
		}
		return false, nil
	}
	a.at, a.next = a.queue[0], 0
	a.queue[0] = nil
	a.queue = a.queue[1:]
	return true, nil
}

// Close lets Fill end; it does not wait for it.
func (a *Ahead) Close() error {
	a.mu.Lock()
	a.closed = true
	a.queue, a.part, a.at = nil, nil, nil
	a.mu.Unlock()
	signal(a.room)
	if a.done == nil || a.done == io.EOF {
		a.done = ErrClosed
	}
	return nil
}
