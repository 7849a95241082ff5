package resolver

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"
)

// failed is a context that has ended with an error of our choice. database/sql has no
// constructor for a Row or Stmt that carries an error, but makes them when a call's
// context has ended.
type failed struct{ err error }

var ended = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

func (f failed) Deadline() (time.Time, bool) { return time.Time{}, false }
func (f failed) Done() <-chan struct{}       { return ended }
func (f failed) Err() error                  { return f.err }
func (f failed) Value(any) any               { return nil }

var _ context.Context = failed{}

// failedRow is a row whose Scan and Err give err. A Tx looks at the context before
// anything else, so the zero value does.
func failedRow(err error) *sql.Row { return new(sql.Tx).QueryRowContext(failed{err}, "") }

// failedStmt is a statement whose every use gives err.
func failedStmt(err error) *sql.Stmt { return new(sql.Tx).StmtContext(failed{err}, nil) }

// FailedPool gives a pool on which everything fails with err.
func FailedPool(err error) gorm.ConnPool { return failedPool{err} }

type failedPool struct{ err error }

var _ gorm.ConnPoolBeginner = failedPool{}

func (p failedPool) PrepareContext(context.Context, string) (*sql.Stmt, error) { return nil, p.err }

func (p failedPool) ExecContext(context.Context, string, ...any) (sql.Result, error) {
	return nil, p.err
}

func (p failedPool) QueryContext(context.Context, string, ...any) (*sql.Rows, error) {
	return nil, p.err
}

func (p failedPool) QueryRowContext(context.Context, string, ...any) *sql.Row {
	return failedRow(p.err)
}

// BeginTx gives a typed nil, as *sql.DB does: GORM looks for it.
func (p failedPool) BeginTx(context.Context, *sql.TxOptions) (gorm.ConnPool, error) {
	return (*Tx)(nil), p.err
}
