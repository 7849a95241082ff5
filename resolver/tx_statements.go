package resolver

import (
	"context"
	"database/sql"
	"slices"

	"gorm.io/gorm"
)

// maxTxStatements bounds the texts that one transaction remembers.
const maxTxStatements = 100

// GetDBConn gives the *sql.DB that the transaction is on.
func (t *Tx) GetDBConn() (*sql.DB, error) {
	if t.pool != nil {
		return t.pool.GetDBConn()
	}
	return sqlDB(t.real)
}

// Ping checks that the database answers.
func (t *Tx) Ping() error {
	db, err := t.GetDBConn()
	if err != nil {
		return err
	}
	return db.Ping()
}

// PrepareContext prepares a statement inside the transaction, which closes it at its end.
func (t *Tx) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	real, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	t.wrote.Store(true) // nobody sees what it is used for
	t.noteSession(ctx)
	return real.PrepareContext(ctx, query)
}

// StmtContext gives a statement of the pool's as one inside the transaction.
func (t *Tx) StmtContext(ctx context.Context, stmt *sql.Stmt) *sql.Stmt {
	real, err := t.open(ctx)
	if err != nil {
		return failedStmt(err)
	}
	t.wrote.Store(true)
	t.noteSession(ctx)
	return real.StmtContext(ctx, stmt)
}

// ExecContext runs a statement without rows, or one about a save point.
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if !t.timed() {
		return t.exec(ctx, query, args)
	}
	g := t.pool.clock(ctx)
	result, err := t.exec(g.inner, query, args)
	return result, g.late(err, false)
}

func (t *Tx) exec(ctx context.Context, query string, args []any) (_ sql.Result, err error) {
	defer func() { err = withCause(ctx, err) }()
	if len(args) == 0 {
		if verb, name := savePoint(query, t.dialect); verb != noPoint {
			return t.point(ctx, verb, name, query)
		}
	}
	real, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	t.wrote.Store(true)
	t.noteSession(ctx)
	if changesSchema(query) {
		defer t.changed()
		return real.ExecContext(ctx, query, args...)
	}
	if !t.prepares {
		return real.ExecContext(ctx, query, args...)
	}
	stmt, err := t.prepared(ctx, real, query)
	if err != nil {
		return nil, err
	}
	if stmt == nil {
		return real.ExecContext(ctx, query, args...)
	}
	result, err := stmt.ExecContext(ctx, args...)
	t.check(query, err)
	return result, err
}

// QueryContext runs a statement with rows, which the caller closes.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if !t.timed() {
		return t.query(ctx, query, args)
	}
	g := t.pool.clock(ctx)
	rows, err := t.query(g.inner, query, args)
	return rows, g.late(err, true)
}

func (t *Tx) query(ctx context.Context, query string, args []any) (_ *sql.Rows, err error) {
	defer func() { err = withCause(ctx, err) }()
	real, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	t.noteQuery(ctx, query)
	if !t.prepares {
		return real.QueryContext(ctx, query, args...)
	}
	stmt, err := t.prepared(ctx, real, query)
	if err != nil {
		return nil, err
	}
	if stmt == nil {
		return real.QueryContext(ctx, query, args...)
	}
	rows, err := stmt.QueryContext(ctx, args...)
	t.check(query, err)
	return rows, err
}

// noteQuery notes a query that may write: everything but a plain SELECT.
func (c *txCore) noteQuery(ctx context.Context, query string) {
	if !mayWrite(query) {
		return
	}
	c.wrote.Store(true)
	c.noteSession(ctx)
}

// noteSession notes the session of a statement that writes, for when it is committed.
func (c *txCore) noteSession(ctx context.Context) {
	s := sessionOf(ctx)
	if s == nil {
		return
	}
	main := c.main()
	main.mu.Lock()
	defer main.mu.Unlock()
	if !slices.Contains(main.sessions, s) {
		main.sessions = append(main.sessions, s)
	}
}

// tellSessions tells the sessions of what wrote that it was, or may have been, committed.
func (c *txCore) tellSessions() {
	if !sessions.Load() {
		return
	}
	c.noteSession(c.ctx)
	c.mu.Lock()
	told := c.sessions
	c.mu.Unlock()
	for _, b := range c.participants() {
		if !b.wrote.Load() {
			continue
		}
		for _, s := range told {
			s.note(b.database, b.pool != nil && b.pool.of.Load() != nil)
		}
	}
}

// QueryRowContext runs a statement with at most one row.
func (t *Tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if !t.timed() {
		return t.queryRow(ctx, query, args)
	}
	g := t.pool.clock(ctx)
	row := t.queryRow(g.inner, query, args)
	if err := row.Err(); err != nil {
		return failedRow(g.late(err, false))
	}
	_ = g.late(nil, true)
	return row
}

func (t *Tx) queryRow(ctx context.Context, query string, args []any) *sql.Row {
	real, err := t.open(ctx)
	if err != nil {
		return failedRow(err)
	}
	t.noteQuery(ctx, query)
	if !t.prepares {
		return real.QueryRowContext(ctx, query, args...)
	}
	stmt, err := t.prepared(ctx, real, query)
	if err != nil {
		return failedRow(err)
	}
	if stmt == nil {
		return real.QueryRowContext(ctx, query, args...)
	}
	row := stmt.QueryRowContext(ctx, args...)
	t.check(query, row.Err())
	return row
}

// prepared gives a statement for a text on the transaction's own connection: from the
// pool's if that is ready, from the second use on prepared here. nil means to run the
// text as it is; nothing is waited for, since the transaction holds a connection.
func (c *txCore) prepared(ctx context.Context, real gorm.Tx, text string) (*sql.Stmt, error) {
	c.mu.Lock()
	stmt, seen := c.stmts[text]
	room := len(c.stmts) < maxTxStatements
	if !seen && room {
		if c.stmts == nil {
			c.stmts = map[string]*sql.Stmt{}
		}
		c.stmts[text] = nil
	}
	c.mu.Unlock()
	if stmt != nil || !seen && !room {
		return stmt, nil
	}
	if p := c.pool.statements.ready(text); p != nil {
		stmt = real.StmtContext(ctx, p.stmt)
		c.pool.statements.release(p, nil)
	} else if seen {
		var err error
		if stmt, err = real.PrepareContext(ctx, text); err != nil {
			return nil, err
		}
	}
	if stmt != nil {
		c.mu.Lock()
		if c.stmts != nil {
			c.stmts[text] = stmt
		}
		c.mu.Unlock()
	}
	return stmt, nil
}

// changed forgets the statements after DDL.
func (c *txCore) changed() {
	if c.pool == nil || c.pool.statements == nil {
		return
	}
	c.mu.Lock()
	clear(c.stmts)
	c.mu.Unlock()
	c.pool.statements.clear()
}

// check forgets a statement that failed. It isn't run again: the engine may have
// rolled back what came before.
func (c *txCore) check(text string, err error) {
	if err == nil {
		return
	}
	c.mu.Lock()
	delete(c.stmts, text)
	c.mu.Unlock()
	if p := c.pool.statements.ready(text); p != nil {
		c.pool.statements.release(p, err)
	}
}
