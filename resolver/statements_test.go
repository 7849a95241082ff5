package resolver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/internal/testenv"
)

func (s *statements) texts() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var texts []string
	for e := s.order.Front(); e != nil; e = e.Next() {
		texts = append(texts, e.Value.(*prepared).text)
	}
	return texts
}

func preparing(t *testing.T, d testenv.DB, maxStatements int) (*gorm.DB, *Pool) {
	t.Helper()
	db := d.Open(t)
	pool, err := NewPool(db.ConnPool, PoolOptions{Dialect: db.Name(), PrepareStmt: true, MaxStatements: maxStatements})
	require.NoError(t, err)
	db.ConnPool, db.Statement.ConnPool = pool, pool
	return db, pool
}

func one(t *testing.T, p gorm.ConnPool, query string) (n int) {
	t.Helper()
	require.NoError(t, p.QueryRowContext(context.Background(), query).Scan(&n), query)
	return n
}

// counting counts what a pool is asked to prepare.
type counting struct {
	*sql.DB
	mu     sync.Mutex
	n      map[string]int
	before func(ctx context.Context, query string) error
}

func (c *counting) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	c.mu.Lock()
	c.n[query]++
	c.mu.Unlock()
	if c.before != nil {
		if err := c.before(ctx, query); err != nil {
			return nil, err
		}
	}
	return c.DB.PrepareContext(ctx, query)
}

func newCounting(t *testing.T, maxStatements int) (*counting, *Pool) {
	t.Helper()
	raw, err := testenv.SQLite().Open(t).DB()
	require.NoError(t, err)
	c := &counting{DB: raw, n: map[string]int{}}
	pool, err := NewPool(c, PoolOptions{MaxStatements: maxStatements})
	require.NoError(t, err)
	return c, pool
}

func TestStatementsAreKeptAndEvicted(t *testing.T) {
	t.Parallel()
	c, plain := newCounting(t, 2)
	one(t, plain, "SELECT 1")
	assert.Empty(t, c.n, "not asked to prepare")
	pool := plain.Prepared()
	for range 3 {
		assert.Equal(t, 1, one(t, pool, "SELECT 1"))
		assert.Equal(t, 2, one(t, pool, "SELECT 2"))
	}
	assert.Equal(t, map[string]int{"SELECT 1": 1, "SELECT 2": 1}, c.n)
	one(t, pool, "SELECT 1")
	one(t, pool, "SELECT 3")
	assert.Equal(t, []string{"SELECT 3", "SELECT 1"}, pool.statements.texts(), "the one used longest ago goes")
	assert.Equal(t, 1000, newStatements(0).limit)

	// Rows stay open when their statement is evicted.
	rows, err := pool.QueryContext(context.Background(), "SELECT 4 UNION ALL SELECT 5")
	require.NoError(t, err)
	p := pool.statements.ready("SELECT 4 UNION ALL SELECT 5")
	one(t, pool, "SELECT 6")
	one(t, pool, "SELECT 7")
	assert.True(t, p.dropped)
	_, err = p.stmt.Exec()
	require.NoError(t, err, "in use: not closed")
	pool.statements.release(p, nil)
	_, err = p.stmt.Exec()
	require.ErrorContains(t, err, "closed")
	n := 0
	for rows.Next() {
		n++
	}
	require.NoError(t, rows.Err())
	require.NoError(t, rows.Close())
	assert.Equal(t, 2, n)
	assert.Zero(t, c.Stats().InUse)
}

func TestStatementThatCannotBePrepared(t *testing.T) {
	t.Parallel()
	c, plain := newCounting(t, 0)
	pool := plain.Prepared()
	c.before = func(context.Context, string) error { return errors.New("not in the prepared protocol") }
	assert.Equal(t, 1, one(t, pool, "SELECT 1"), "runs as it is")
	_, err := pool.ExecContext(context.Background(), "SELEKT 1")
	require.ErrorContains(t, err, "syntax error", "the engine's own answer")
	_, err = pool.QueryContext(context.Background(), "SELEKT 1") //nolint:rowserrcheck // none
	require.ErrorContains(t, err, "syntax error")
	assert.Empty(t, pool.statements.texts())
}

// Nobody waits for another's prepare, and one that was evicted meanwhile is closed.
func TestStatementBeingPrepared(t *testing.T) {
	t.Parallel()
	c, plain := newCounting(t, 1)
	pool := plain.Prepared()
	started, release := make(chan struct{}), make(chan struct{})
	c.before = func(_ context.Context, query string) error {
		if query == "SELECT 1" {
			close(started)
			<-release
		}
		return nil
	}
	done := make(chan int)
	go func() {
		p := pool.statements.acquire(context.Background(), c, "SELECT 1")
		n := 0
		if p != nil {
			_ = p.stmt.QueryRow().Scan(&n)
			pool.statements.release(p, nil)
			if p.stmt.QueryRow().Err() == nil {
				n = -1
			}
		}
		done <- n
	}()
	<-started
	assert.Equal(t, 1, one(t, pool, "SELECT 1"), "meanwhile as it is")
	assert.Equal(t, 2, one(t, pool, "SELECT 2"), "evicts it")
	close(release)
	assert.Equal(t, 1, <-done, "used once, then closed")
	assert.Equal(t, []string{"SELECT 2"}, pool.statements.texts())

	c.before = func(context.Context, string) error { // fails after its eviction
		c.before = nil
		pool.statements.acquire(context.Background(), c, "SELECT 4")
		return errors.New("no")
	}
	assert.Equal(t, 3, one(t, pool, "SELECT 3"))
	assert.Equal(t, []string{"SELECT 4"}, pool.statements.texts())
}

func TestStatementsInsideTransactions(t *testing.T) {
	t.Parallel()
	c, plain := newCounting(t, 0)
	c.SetMaxOpenConns(1)
	pool := plain.Prepared()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	one(t, pool, "SELECT 1")
	conn, err := plain.BeginTx(ctx, nil)
	require.NoError(t, err)
	assert.Same(t, conn.(*Tx).Prepared().txCore, conn.(*Tx).txCore)
	tx := conn.(*Tx).Prepared()
	assert.Same(t, tx, tx.Prepared())
	for range 3 {
		assert.Equal(t, 1, one(t, tx, "SELECT 1")) // the pool's
		assert.Equal(t, 2, one(t, tx, "SELECT 2")) // prepared here on its second use
	}
	assert.NotNil(t, tx.stmts["SELECT 1"])
	assert.NotNil(t, tx.stmts["SELECT 2"])
	assert.Equal(t, map[string]int{"SELECT 1": 1}, c.n, "the pool isn't asked while its connection is held")
	for i := range 3 * maxTxStatements {
		one(t, tx, fmt.Sprintf("SELECT %d", i))
	}
	assert.Len(t, tx.stmts, maxTxStatements)
	for range 3 {
		_, err = tx.ExecContext(ctx, "SELEKT 1")
		require.ErrorContains(t, err, "syntax error")
		_, err = tx.QueryContext(ctx, "SELEKT 1") //nolint:rowserrcheck // none
		require.ErrorContains(t, err, "syntax error")
		require.ErrorContains(t, tx.QueryRowContext(ctx, "SELEKT 1").Err(), "syntax error")
	}
	require.NoError(t, tx.Commit())
	assert.Zero(t, c.Stats().InUse)

	// One that fails is forgotten, and the transaction goes on.
	_, err = pool.ExecContext(ctx, "CREATE TABLE only (id INT PRIMARY KEY)")
	require.NoError(t, err)
	conn, err = pool.BeginTx(ctx, nil)
	require.NoError(t, err)
	tx = conn.(*Tx)
	const insert = "INSERT INTO only VALUES (?)"
	for _, id := range []int{1, 2, 2, 3, 3, 4} {
		if _, err = tx.ExecContext(ctx, insert, id); err != nil {
			require.ErrorContains(t, err, "UNIQUE")
			assert.NotContains(t, tx.stmts, insert)
		}
	}
	assert.Equal(t, 4, one(t, tx, "SELECT COUNT(*) FROM only"))
	require.NoError(t, tx.Commit())
}

// PostgreSQL refuses a prepared statement whose result has changed since.
func TestSchemaChangeUnderPreparedStatements(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, pool := preparing(t, d, 0)
		testenv.LeakCheck(t, db)
		ctx := context.Background()
		columns := func(p gorm.ConnPool, query string) (int, error) {
			rows, err := p.QueryContext(ctx, query)
			if err != nil {
				return 0, err
			}
			defer func() { _ = rows.Close() }()
			names, err := rows.Columns()
			return len(names), err
		}
		require.NoError(t, db.Exec("CREATE TABLE things (a INT)").Error)
		require.NoError(t, db.Exec("INSERT INTO things VALUES (1)").Error)
		raw, err := db.DB() // as another program would change it
		require.NoError(t, err)
		alter := []func(string) error{
			func(s string) error { return db.Exec(s).Error },
			func(s string) error {
				return db.Transaction(func(tx *gorm.DB) error {
					if err := tx.Exec("INSERT INTO things VALUES (1, 2)").Error; err != nil {
						return err
					}
					if n, err := columns(tx.Statement.ConnPool, "SELECT * FROM things"); n != 2 || err != nil {
						return fmt.Errorf("%d before, %w", n, err)
					}
					if err := tx.Exec(s).Error; err != nil {
						return err
					}
					if n, err := columns(tx.Statement.ConnPool, "SELECT a, b1 FROM things"); n != 2 || err != nil {
						return fmt.Errorf("%d after, %w", n, err)
					}
					return nil
				})
			},
			func(s string) error { _, err := raw.Exec(s); return err },
		}
		for i := range 3 {
			add := fmt.Sprintf("ALTER TABLE things ADD COLUMN b%d INT", i)
			for range 2 {
				n, err := columns(pool, "SELECT * FROM things")
				require.NoError(t, err)
				assert.Equal(t, i+1, n)
			}
			assert.Contains(t, pool.statements.texts(), "SELECT * FROM things")
			require.NoError(t, alter[i](add))
		}
		if db.Name() != "postgres" {
			return
		}
		n, err := columns(pool, "SELECT * FROM things")
		require.NoError(t, err)
		assert.Equal(t, 4, n)
		_, err = raw.Exec("ALTER TABLE things ADD COLUMN c INT")
		require.NoError(t, err)
		conn, err := pool.BeginTx(ctx, nil)
		require.NoError(t, err)
		tx := conn.(*Tx)
		if _, err = columns(tx, "SELECT * FROM things"); err != nil { // on the connection that prepared it
			require.ErrorContains(t, err, "cached plan")
			assert.NotContains(t, pool.statements.texts(), "SELECT * FROM things", "forgotten, not repeated")
		}
		require.NoError(t, tx.Rollback())
	})
}

func TestChangesSchema(t *testing.T) {
	t.Parallel()
	for statement, want := range map[string]bool{
		"ALTER TABLE a ADD b INT": true, " create table a (b int)": true, "DROP INDEX i": true, "rename table a to b": true,
		"SELECT 1": false, "INSERT INTO a VALUES ('DROP')": false, "": false, "DROP": false,
	} {
		assert.Equal(t, want, changesSchema(statement), statement)
	}
}

func TestStatementsConcurrently(t *testing.T) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, pool := preparing(t, d, 3)
		testenv.LeakCheck(t, db)
		raw, err := db.DB()
		require.NoError(t, err)
		raw.SetMaxOpenConns(2)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		require.NoError(t, Each(ctx, 8, 8, func(ctx context.Context, g int) error {
			for i := range 40 {
				want := (g + i) % 7
				query := fmt.Sprintf("SELECT %d", want)
				var p gorm.ConnPool = pool
				var tx *Tx
				if i%4 == 0 {
					conn, err := pool.BeginTx(ctx, nil)
					if err != nil {
						return err
					}
					tx = conn.(*Tx)
					p = tx
				}
				var got int
				if err := p.QueryRowContext(ctx, query).Scan(&got); err != nil {
					return err
				}
				if got != want {
					return fmt.Errorf("%s gave %d", query, got)
				}
				if tx != nil {
					if err := tx.Commit(); err != nil {
						return err
					}
				}
			}
			return nil
		}))
		assert.LessOrEqual(t, len(pool.statements.texts()), 3)
	})
}
