package merge

import (
	"database/sql/driver"
	"errors"
	"io"
)

// Sequence is [Concat] over n sources of which only some are open at a time, so that rows that share a connection need
// not be kept. opened are the first ones, at least one unless n is 0; whenever a source has ended and is closed, open is
// asked for the next that is not open yet, with its position. The sources must have the columns of the first, else Next
// fails with [ErrColumns]. Sources that were never opened cost nothing. Sequence owns what is opened.
func Sequence(opened []Source, n int, open func(i int) (Source, error)) Source {
	s := &sequence{queue: opened, next: len(opened), n: n, open: open}
	if len(opened) > 0 {
		s.last, s.columns = opened[0], opened[0].Columns()
	}
	for i, src := range opened {
		if err := sameColumns(s.columns, src.Columns()); err != nil {
			s.invalid = &SourceError{Index: i, Err: err}
			break
		}
	}
	return s
}

type sequence struct {
	queue   []Source // open, the first one is read
	read    int      // position of the first in the queue
	next    int      // position that is opened next
	n       int
	open    func(i int) (Source, error)
	columns []string
	last    Source // the source that the last row came from
	invalid error  // found by the constructor, reported by Next
	failure error  // also io.EOF
}

func (s *sequence) Columns() []string { return s.columns }

func (s *sequence) ColumnTypes() []ColumnType {
	if s.last == nil {
		return nil
	}
	return columnTypes(s.last)
}

func (s *sequence) Next(dest []driver.Value) error {
	if s.failure != nil {
		return s.failure
	}
	if s.invalid != nil {
		return s.end(s.invalid)
	}
	for len(s.queue) > 0 {
		err := s.queue[0].Next(dest)
		if err == nil {
			s.last = s.queue[0]
			return nil
		}
		if err != io.EOF {
			return s.end(&SourceError{Index: s.read, Err: err})
		}
		if err := s.advance(); err != nil {
			return s.end(err)
		}
	}
	return s.end(io.EOF)
}

// advance closes the source that has ended and opens another in its place.
func (s *sequence) advance() error {
	ended := s.queue[0]
	s.queue = s.queue[1:]
	if err := ended.Close(); err != nil {
		return &SourceError{Index: s.read, Err: err}
	}
	s.read++
	if s.next >= s.n {
		return nil
	}
	src, err := s.open(s.next)
	if err != nil {
		return &SourceError{Index: s.next, Err: err}
	}
	s.queue = append(s.queue, src)
	if err := sameColumns(s.columns, src.Columns()); err != nil {
		return &SourceError{Index: s.next, Err: err}
	}
	s.next++
	return nil
}

// end closes what is open because of err, the end or a failure.
func (s *sequence) end(err error) error {
	s.failure = err
	if closing := s.closeAll(); closing != nil {
		if err == io.EOF {
			s.failure = closing
		} else {
			s.failure = errors.Join(err, closing)
		}
	}
	return s.failure
}

func (s *sequence) closeAll() error {
	var failures []error
	for i, src := range s.queue {
		if err := src.Close(); err != nil {
			failures = append(failures, &SourceError{Index: s.read + i, Err: err})
		}
	}
	s.queue = nil
	return errors.Join(failures...)
}

func (s *sequence) Close() error {
	if s.failure == nil || s.failure == io.EOF {
		s.failure = ErrClosed
	}
	return s.closeAll()
}
