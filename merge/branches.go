package merge

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// SourceError is the failure of one of several merged sources.
type SourceError struct {
	// Index is the position of the source in the operator's argument list, from 0.
	Index int
	// Err is what the source reported.
	Err error
}

// Error names the source and its failure.
func (e *SourceError) Error() string { return fmt.Sprintf("merge: source %d: %v", e.Index, e.Err) }

// Unwrap returns the source's own error.
func (e *SourceError) Unwrap() error { return e.Err }

// branches are the sources of an operator that has several. It closes each of them exactly once, whatever happens.
type branches struct {
	sources []Source
	columns []string
	closed  []bool
	failure error // final, nil while all is well
}

func newBranches(sources []Source) branches {
	b := branches{sources: sources, closed: make([]bool, len(sources))}
	if len(sources) == 0 {
		return b
	}
	b.columns = sources[0].Columns()
	for i, src := range sources[1:] {
		if err := sameColumns(b.columns, src.Columns()); err != nil {
			// Reported by the first Next: the operators' constructors have no error, and closing is its job too.
			b.failure = &SourceError{Index: i + 1, Err: err}
			break
		}
	}
	return b
}

// sameColumns compares names without case: two hand-made tables may spell one column differently, but a column in
// another place would put values under the wrong name.
func sameColumns(want, got []string) error {
	if len(want) != len(got) {
		return fmt.Errorf("%w: %d columns, the first source has %d", ErrColumns, len(got), len(want))
	}
	for i := range want {
		if !strings.EqualFold(want[i], got[i]) {
			return fmt.Errorf("%w: column %d is %q, in the first source %q", ErrColumns, i, got[i], want[i])
		}
	}
	return nil
}

func (b *branches) Columns() []string { return b.columns }

// check returns the failure that Next has to repeat, after making sure that nothing stays open.
func (b *branches) check() error {
	if b.failure != nil && b.failure != ErrClosed {
		b.failure = errors.Join(b.failure, b.closeAll())
	}
	return b.failure
}

// fail records that source i failed and closes all sources.
func (b *branches) fail(i int, err error) error { return b.abort(&SourceError{Index: i, Err: err}) }

// abort records a failure that is no single source's and closes all sources.
func (b *branches) abort(err error) error {
	b.failure = err
	if closing := b.closeAll(); closing != nil {
		b.failure = errors.Join(err, closing)
	}
	return b.failure
}

func (b *branches) closeOne(i int) error {
	if b.closed[i] {
		return nil
	}
	b.closed[i] = true
	return b.sources[i].Close()
}

func (b *branches) closeAll() error {
	var failures []error
	for i := range b.sources {
		if err := b.closeOne(i); err != nil {
			failures = append(failures, &SourceError{Index: i, Err: err})
		}
	}
	return errors.Join(failures...)
}

func (b *branches) Close() error {
	if b.failure == nil {
		b.failure = ErrClosed
	}
	return b.closeAll()
}

// owned is the one source below an operator: it is closed exactly once, and Columns stay readable afterwards.
type owned struct {
	Source
	closed bool
}

func (o *owned) ColumnTypes() []ColumnType { return columnTypes(o.Source) }

func (o *owned) Close() error {
	if o.closed {
		return nil
	}
	o.closed = true
	return o.Source.Close()
}

// end closes the source because of err, its end or a failure, and returns what to report: a failing Close turns the
// end into a failure and never hides one.
func (o *owned) end(err error) error {
	closing := o.Close()
	switch {
	case closing == nil:
		return err
	case err == io.EOF:
		return closing
	}
	return errors.Join(err, closing)
}
