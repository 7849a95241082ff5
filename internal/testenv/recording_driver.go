package testenv

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"

	"gorm.io/gorm"
)

// recordingDriver stands between database/sql and a real driver, for one pool.
// It adds nothing but the recording: what the real driver can, it can.
type recordingDriver struct {
	engine      engine
	dsn         string
	recorder    *Recorder
	connections atomic.Int64
	dial        func(context.Context) (driver.Conn, error)
}

func newPool(e engine, dsn string) (*sql.DB, error) {
	d := &recordingDriver{engine: e, dsn: dsn, recorder: &Recorder{}}
	if dc, ok := e.driver.(driver.DriverContext); ok {
		connector, err := dc.OpenConnector(dsn)
		if err != nil {
			return nil, err
		}
		d.dial = connector.Connect
	} else {
		d.dial = func(context.Context) (driver.Conn, error) { return e.driver.Open(dsn) }
	}
	pool := sql.OpenDB(d)
	// database/sql keeps two. A read by sessions uses more, and would dial anew each time: on
	// PostgreSQL a process of twenty milliseconds.
	pool.SetMaxIdleConns(16)
	return pool, nil
}

// driverOf finds the recording driver below whatever plugins and sessions lie
// over it.
func driverOf(db *gorm.DB) (*recordingDriver, error) {
	pool, err := db.DB()
	if err != nil {
		return nil, fmt.Errorf("testenv: no pool below this gorm.DB: %w", err)
	}
	d, ok := pool.Driver().(*recordingDriver)
	if !ok {
		return nil, fmt.Errorf("testenv: this gorm.DB over %T does not come from testenv", pool.Driver())
	}
	return d, nil
}

func dsnOf(pool *sql.DB) string {
	return pool.Driver().(*recordingDriver).dsn
}

// Connect makes the recording driver a driver.Connector.
func (d *recordingDriver) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	inner, ok := conn.(fullConn)
	if !ok {
		_ = conn.Close()
		return nil, fmt.Errorf("testenv: %T lacks a context method of database/sql/driver", conn)
	}
	return &recordingConn{fullConn: inner, number: int(d.connections.Add(1)), recorder: d.recorder}, nil
}

// Driver makes the recording driver a driver.Connector.
func (d *recordingDriver) Driver() driver.Driver { return d }

// Open makes the recording driver a driver.Driver; pools never call it.
func (d *recordingDriver) Open(string) (driver.Conn, error) {
	return nil, errors.New("testenv: the recording driver is opened by its connector")
}

// fullConn is what all our drivers' connections have. The rest is optional and
// passed on where it is there.
type fullConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.Pinger
	driver.QueryerContext
}

type recordingConn struct {
	fullConn
	number   int
	recorder *Recorder
}

// Unwrap returns the real driver's connection, for what only that can do.
func (c *recordingConn) Unwrap() driver.Conn { return c.fullConn }

func (c *recordingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.recorder.ahead(ctx, query); err != nil {
		return nil, err
	}
	result, err := c.fullConn.ExecContext(ctx, query, args)
	// ErrSkip: nothing was sent, database/sql prepares the statement instead.
	if !errors.Is(err, driver.ErrSkip) {
		c.recorder.add(c.number, query, args, err)
	}
	return result, err
}

func (c *recordingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.recorder.ahead(ctx, query); err != nil {
		return nil, err
	}
	rows, err := c.fullConn.QueryContext(ctx, query, args)
	if !errors.Is(err, driver.ErrSkip) {
		c.recorder.add(c.number, query, args, err)
	}
	return rows, err
}

func (c *recordingConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.fullConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	inner, ok := stmt.(fullStmt)
	if !ok {
		_ = stmt.Close()
		return nil, fmt.Errorf("testenv: %T lacks a context method of database/sql/driver", stmt)
	}
	return &recordingStmt{fullStmt: inner, query: query, conn: c}, nil
}

func (c *recordingConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	text := "BEGIN"
	if level := sql.IsolationLevel(opts.Isolation); level != sql.LevelDefault {
		text += " ISOLATION LEVEL " + level.String()
	}
	if opts.ReadOnly {
		text += " READ ONLY"
	}
	if err := c.recorder.ahead(ctx, text); err != nil {
		return nil, err
	}
	tx, err := c.fullConn.BeginTx(ctx, opts)
	c.recorder.add(c.number, text, nil, err)
	if err != nil {
		return nil, err
	}
	return &recordingTx{tx: tx, ctx: ctx, conn: c}, nil
}

// CheckNamedValue leaves to database/sql what the real driver leaves to it.
func (c *recordingConn) CheckNamedValue(value *driver.NamedValue) error {
	if checker, ok := c.fullConn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(value)
	}
	return driver.ErrSkip
}

func (c *recordingConn) ResetSession(ctx context.Context) error {
	if resetter, ok := c.fullConn.(driver.SessionResetter); ok {
		return resetter.ResetSession(ctx)
	}
	return nil
}

func (c *recordingConn) IsValid() bool {
	if validator, ok := c.fullConn.(driver.Validator); ok {
		return validator.IsValid()
	}
	return true
}

type fullStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type recordingStmt struct {
	fullStmt
	query string
	conn  *recordingConn
}

func (s *recordingStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if err := s.conn.recorder.ahead(ctx, s.query); err != nil {
		return nil, err
	}
	result, err := s.fullStmt.ExecContext(ctx, args)
	s.conn.recorder.add(s.conn.number, s.query, args, err)
	return result, err
}

func (s *recordingStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.conn.recorder.ahead(ctx, s.query); err != nil {
		return nil, err
	}
	rows, err := s.fullStmt.QueryContext(ctx, args)
	s.conn.recorder.add(s.conn.number, s.query, args, err)
	return rows, err
}

func (s *recordingStmt) CheckNamedValue(value *driver.NamedValue) error {
	if checker, ok := s.fullStmt.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(value)
	}
	return s.conn.CheckNamedValue(value)
}

// recordingTx keeps its begin context, as database/sql does.
type recordingTx struct {
	tx   driver.Tx
	ctx  context.Context
	conn *recordingConn
}

func (tx *recordingTx) Commit() error {
	if err := tx.conn.recorder.ahead(tx.ctx, "COMMIT"); err != nil {
		// database/sql takes the transaction for ended: it must be.
		return errors.Join(err, tx.tx.Rollback())
	}
	err := tx.tx.Commit()
	tx.conn.recorder.add(tx.conn.number, "COMMIT", nil, err)
	return err
}

func (tx *recordingTx) Rollback() error {
	err := tx.tx.Rollback()
	tx.conn.recorder.add(tx.conn.number, "ROLLBACK", nil, err)
	return err
}
