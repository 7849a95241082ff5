package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/store"
)

// home is a database with the table of decisions.
func home(t *testing.T, d testenv.DB) (store.Decisions, *gorm.DB) {
	t.Helper()
	db := d.Open(t)
	decisions := store.DecisionsFor(db.Name())
	there, err := decisions.There(t.Context(), pool(t, db))
	require.NoError(t, err)
	require.False(t, there)
	for range 2 { // the second finds it
		require.NoError(t, decisions.Ensure(t.Context(), pool(t, db)))
	}
	there, err = decisions.There(t.Context(), pool(t, db))
	require.NoError(t, err)
	require.True(t, there)
	return decisions, db
}

// decide decides for a commit in a transaction of its own.
func decide(t *testing.T, decisions store.Decisions, db *gorm.DB, txid string, deadline time.Time) error {
	t.Helper()
	tx := begin(t, db)
	err := decisions.Decide(t.Context(), tx, txid, []string{"p:1", "p:2"}, deadline)
	if err != nil {
		require.NoError(t, tx.Rollback())
		return err
	}
	return tx.Commit()
}

// TestDecisions: of a decision and a tombstone the first one holds, in every engine.
func TestDecisions(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		decisions, db := home(t, d)
		ctx := t.Context()
		deadline, err := decisions.Deadline(ctx, pool(t, db), time.Time{})
		require.NoError(t, err)
		assert.InDelta(t, time.Hour.Seconds(), time.Until(deadline).Seconds(), 600)
		known, err := decisions.Deadline(ctx, nil, deadline)
		require.NoError(t, err)
		assert.Equal(t, deadline.Add(time.Hour), known, "of a clock that is known")

		require.NoError(t, decide(t, decisions, db, "yes", deadline))
		committed, err := decisions.Settle(ctx, pool(t, db), "yes")
		require.NoError(t, err)
		assert.True(t, committed)

		for range 2 {
			committed, err = decisions.Settle(ctx, pool(t, db), "no")
			require.NoError(t, err)
			assert.False(t, committed)
		}
		require.Error(t, decide(t, decisions, db, "no", deadline), "a tombstone is there")
		require.Error(t, decide(t, decisions, db, "late", time.Now().Add(-12*time.Hour)), "the deadline has passed")
		committed, err = decisions.Settle(ctx, pool(t, db), "late")
		require.NoError(t, err)
		assert.False(t, committed)

		name, err := decisions.Cluster(ctx, pool(t, db), "first")
		require.NoError(t, err)
		assert.Equal(t, "first", name)
		name, err = decisions.Cluster(ctx, pool(t, db), "second")
		require.NoError(t, err)
		assert.Equal(t, "first", name)
	})
}

// TestDecisionsAreForced, with a trace that keeps them.
func TestDecisionsAreForced(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		decisions, db := home(t, d)
		ctx := t.Context()
		require.NoError(t, decisions.Force(ctx, pool(t, db), "new", true))
		_, err := decisions.Settle(ctx, pool(t, db), "old")
		require.NoError(t, err)
		require.NoError(t, decisions.Force(ctx, pool(t, db), "old", true))
		for _, txid := range []string{"new", "old"} {
			committed, err := decisions.Settle(ctx, pool(t, db), txid)
			require.NoError(t, err)
			assert.True(t, committed, txid)
		}
		var notes []string
		require.NoError(t, db.Raw("SELECT note FROM dtde_decisions ORDER BY txid").Scan(&notes).Error)
		require.Len(t, notes, 2)
		assert.Contains(t, notes[0], "forced over nothing at 2")
		assert.Contains(t, notes[1], "forced over aborted at 2")
		require.NoError(t, decisions.Forget(ctx, pool(t, db), "old"))
		var n int
		require.NoError(t, db.Raw("SELECT COUNT(*) FROM dtde_decisions").Scan(&n).Error)
		assert.Equal(t, 2, n)
	})
}

// TestDecisionsAreCollected: a committed one is listed after its deadline, a tombstone goes a
// day after its own.
func TestDecisionsAreCollected(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		decisions, db := home(t, d)
		ctx := t.Context()
		deadline, err := decisions.Deadline(ctx, pool(t, db), time.Time{})
		require.NoError(t, err)
		require.NoError(t, decide(t, decisions, db, "yes", deadline))
		_, err = decisions.Settle(ctx, pool(t, db), "no")
		require.NoError(t, err)
		list := func() map[string][]string {
			all, err := decisions.Committed(ctx, pool(t, db))
			require.NoError(t, err)
			require.NoError(t, decisions.ForgetAborted(ctx, pool(t, db)))
			return all
		}
		left := func() (n int) {
			require.NoError(t, db.Raw("SELECT COUNT(*) FROM dtde_decisions").Scan(&n).Error)
			return n
		}
		age := func(hours int) {
			text, by := "UPDATE dtde_decisions SET deadline = deadline - ?", any(int64(hours)*3_600_000)
			if d.Name == "postgres" {
				text, by = "UPDATE dtde_decisions SET deadline = deadline - make_interval(hours => ?)", hours
			}
			require.NoError(t, db.Exec(text, by).Error)
		}
		assert.Empty(t, list())
		age(2)
		assert.Equal(t, map[string][]string{"yes": {"p:1", "p:2"}}, list())
		assert.Equal(t, 2, left())
		age(22)
		list()
		assert.Equal(t, 2, left())
		age(2)
		list()
		assert.Equal(t, 1, left(), "the tombstone is older than a day")
		require.NoError(t, decisions.Forget(ctx, pool(t, db), "yes"))
		assert.Zero(t, left())
	})
}

// TestSettleWaitsForADecision: while a coordinator is between its decision and its commit,
// who asks waits, and hears what it did.
func TestSettleWaitsForADecision(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		decisions, db := home(t, d)
		deadline, err := decisions.Deadline(t.Context(), pool(t, db), time.Time{})
		require.NoError(t, err)
		asker := pool(t, testenv.Reopen(t, db))
		if d.Name == "sqlite" { // whose driver waits for its own time, whatever the context says
			asker.SetMaxOpenConns(1)
			_, err := asker.Exec("PRAGMA busy_timeout = 100")
			require.NoError(t, err)
		}
		for _, commits := range []bool{true, false} {
			txid := map[bool]string{true: "commits", false: "rolls back"}[commits]
			tx := begin(t, db)
			require.NoError(t, decisions.Decide(t.Context(), tx, txid, []string{"p"}, deadline))
			short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			_, err := decisions.Settle(short, asker, txid)
			cancel()
			require.Error(t, err, "nobody knows yet")
			type answer struct {
				committed bool
				err       error
			}
			answers := make(chan answer, 1)
			go func() {
				committed, err := decisions.Settle(context.Background(), pool(t, db), txid)
				answers <- answer{committed, err}
			}()
			time.Sleep(50 * time.Millisecond)
			if commits {
				require.NoError(t, tx.Commit())
			} else {
				require.NoError(t, tx.Rollback())
			}
			assert.Equal(t, answer{commits, nil}, <-answers)
		}
	})
}

// TestDecisionsWithoutABusyTimeout: SQLite's only writer is somebody else, and the driver says
// so at once.
func TestDecisionsWithoutABusyTimeout(t *testing.T) {
	t.Parallel()
	decisions, db := home(t, testenv.SQLite())
	tx := begin(t, db)
	_, err := tx.Exec("UPDATE dtde_decisions SET note = note")
	require.NoError(t, err)
	pool := pool(t, db)
	pool.SetMaxOpenConns(2)
	conn, err := pool.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.ExecContext(t.Context(), "PRAGMA busy_timeout = 0")
	require.NoError(t, err)
	go func() {
		time.Sleep(100 * time.Millisecond)
		_ = tx.Rollback()
	}()
	committed, err := decisions.Settle(t.Context(), conn, "x")
	require.NoError(t, err)
	assert.False(t, committed)
}

// TestDecisionsInsideSQLite: the table is made by the transaction that needs it, which holds
// the write lock.
func TestDecisionsInsideSQLite(t *testing.T) {
	t.Parallel()
	db := testenv.SQLite().Open(t)
	decisions := store.DecisionsFor("sqlite")
	require.True(t, decisions.Inside())
	require.NoError(t, db.Exec("CREATE TABLE entries (id int)").Error)
	tx := begin(t, db)
	_, err := tx.Exec("INSERT INTO entries VALUES (1)")
	require.NoError(t, err)
	require.NoError(t, decisions.Ensure(t.Context(), tx))
	deadline, err := decisions.Deadline(t.Context(), tx, time.Time{})
	require.NoError(t, err)
	require.NoError(t, decisions.Decide(t.Context(), tx, "x", nil, deadline))
	require.NoError(t, tx.Commit())
	committed, err := decisions.Settle(t.Context(), pool(t, db), "x")
	require.NoError(t, err)
	assert.True(t, committed)
}

// TestDecisionsOfAnUnknownEngine are none.
func TestDecisionsOfAnUnknownEngine(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, store.DecisionsFor("oracle").Ensure(t.Context(), nil), store.ErrDialect)
}
