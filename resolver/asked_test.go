package resolver

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/internal/testenv"
)

// TestQuestionsArePrepared: a text that sessions ask again is prepared once, from the third
// time on, without a second connection, and sees what is there then.
func TestQuestionsArePrepared(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	raw, err := testenv.SQLite().Open(t).DB()
	require.NoError(t, err)
	raw.SetMaxOpenConns(1)
	c := &counting{DB: raw, n: map[string]int{}}
	pool, err := NewPool(c, PoolOptions{Dialect: "sqlite"})
	require.NoError(t, err)
	ask := func(text string, args ...any) (n int) {
		s, err := OpenSessions(ctx, pool, "sqlite", 2, 1)
		require.NoError(t, err)
		defer s.Close()
		for range 2 { // in one session it stays one text of its own
			rows, err := s.AskLane(ctx, 0, text, args)
			require.NoError(t, err)
			for n = -1; rows.Next(); {
				require.NoError(t, rows.Scan(&n))
			}
			require.NoError(t, rows.Err())
			require.NoError(t, rows.Close())
		}
		return n
	}
	_, err = raw.Exec("CREATE TABLE asked (n integer)")
	require.NoError(t, err)
	const text = "SELECT n FROM asked WHERE n > ? ORDER BY n DESC LIMIT 1"
	for i := range 6 {
		_, err = raw.Exec("INSERT INTO asked VALUES (?)", i)
		require.NoError(t, err)
		assert.Equal(t, i, ask(text, -1))
		assert.Equal(t, min(i, 1), c.n[text], "asked %d times before", 2*i)
	}
	assert.Equal(t, -1, ask(text, 7))

	_, err = raw.Exec("ALTER TABLE asked ADD COLUMN m integer")
	require.NoError(t, err)
	assert.Equal(t, 5, ask(text, -1))
	_, err = raw.Exec("DROP TABLE asked")
	require.NoError(t, err, "a statement that is kept holds no table")
	_, err = raw.Exec("CREATE TABLE asked (m integer, n integer)")
	require.NoError(t, err)
	_, err = raw.Exec("INSERT INTO asked VALUES (1, 2)")
	require.NoError(t, err)
	assert.Equal(t, 2, ask(text, -1))
	assert.Equal(t, 1, c.n[text])

	for i := range 2 * keptQuestions {
		for range 2 {
			assert.Equal(t, i, ask(fmt.Sprintf("SELECT %d WHERE ? = 1", i), 1))
		}
	}
	assert.Len(t, pool.questions.kept.texts(), keptQuestions)
	for i := range 3 * askedOnce {
		pool.questions.asked(fmt.Sprint(i))
	}
	assert.LessOrEqual(t, len(pool.questions.once), askedOnce)
	assert.Zero(t, raw.Stats().InUse)
}

// TestQuestionsElsewhere: on other engines, and on the caller's own transaction, questions
// go as they are.
func TestQuestionsElsewhere(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c, _ := newCounting(t, 0)
	for _, dialect := range []string{"postgres", "mysql", "sqlserver"} {
		other, err := NewPool(c, PoolOptions{Dialect: dialect})
		require.NoError(t, err)
		assert.Nil(t, other.questions)
	}
	pool, err := NewPool(c, PoolOptions{Dialect: "sqlite"})
	require.NoError(t, err)
	tx, err := pool.BeginTx(ctx, nil)
	require.NoError(t, err)
	s, err := OpenSessions(ctx, tx, "sqlite", 2, 1)
	require.NoError(t, err)
	for range 4 {
		rows, err := s.AskLane(ctx, 0, "SELECT 1", nil)
		require.NoError(t, err)
		require.NoError(t, rows.Close())
	}
	s.Close()
	require.NoError(t, tx.(*Tx).Rollback())
	assert.Empty(t, c.n)
}
