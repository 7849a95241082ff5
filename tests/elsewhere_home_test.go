package tests

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/driver/sqlserver"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/store"
)

// ended notes what an observer hears of transactions.
type ended struct{ kinds []config.TransactionEventKind }

func (*ended) ShardResolved(context.Context, dtde.ShardResolved) {}
func (*ended) QueryExecuted(context.Context, dtde.QueryExecuted) {}
func (e *ended) TransactionEnded(_ context.Context, event dtde.TransactionEvent) {
	e.kinds = append(e.kinds, event.Kind)
}

// homes runs f for a PostgreSQL program beside each other engine.
func homes(t *testing.T, f func(t *testing.T, main, other testenv.DB)) {
	t.Helper()
	main := testenv.Only(t, "postgres")
	for _, other := range testenv.Databases(t) {
		if other.Name != "postgres" {
			t.Run(other.Name, func(t *testing.T) {
				t.Parallel()
				f(t, main, other)
			})
		}
	}
}

// TestAHomeThatHasEnded: an error that the program ignores rolled the other engine's
// transaction back, or a statement committed it; then it goes on in autocommit. Nothing may be
// committed elsewhere.
func TestAHomeThatHasEnded(t *testing.T) {
	t.Parallel()
	homes(t, func(t *testing.T, main, other testenv.DB) {
		b := openBeside(t, main, other, nil).ready(t)
		check(t, b.ledger.Create(&Posting{ID: 1}))
		breaks, stays := "CREATE TABLE breaks (id int)", int64(1) // what MariaDB commits with it
		if other.Name == "sqlite" {
			breaks, stays = "INSERT OR ROLLBACK INTO postings (id, amount) VALUES (1, 0)", 0
		}
		err := b.db.Transaction(func(tx *gorm.DB) error {
			ledger := dtde.OnDatabase(tx, "ledger")
			check(t, tx.Create(&Freight{ID: 1, Region: "own"}))
			check(t, ledger.Create(&Posting{ID: 2}))
			_ = ledger.Exec(breaks).Error
			_ = ledger.Create(&Posting{ID: 3}).Error // in autocommit
			return nil
		})
		var failed *dtde.DatabaseError
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, "ledger", failed.Database)
		assert.Contains(t, err.Error(), "has ended before its commit")
		freights, _ := b.counts(t)
		assert.Zero(t, freights, "nothing is committed elsewhere")
		var n int64
		check(t, b.ledger.Model(&Posting{}).Where("id = 2").Count(&n))
		assert.Equal(t, stays, n)
		pending, err := b.plugin.InDoubt(t.Context())
		require.NoError(t, err)
		assert.Empty(t, pending)
	})
}

// TestWhoIsTheHome: only a writer; what is only read there needs no decision, and what is only
// written there is a plain COMMIT.
func TestWhoIsTheHome(t *testing.T) {
	t.Parallel()
	homes(t, func(t *testing.T, main, other testenv.DB) {
		seen := &ended{}
		b := openBeside(t, main, other, func(c *dtde.Config) { c.Observer = seen }).ready(t)
		check(t, b.ledger.Create(&Posting{ID: 1}))
		decisions := func(db *gorm.DB) (n int64) {
			if db.Migrator().HasTable("dtde_decisions") {
				check(t, db.Table("dtde_decisions").Where("txid <> ''").Count(&n))
			}
			return n
		}
		run := func(name string, onLedger, onEU, onOwn bool, there, prepared int64) {
			seen.kinds = nil
			before := decisions(b.ledger)
			id := time.Now().UnixNano()
			require.NoError(t, b.db.Transaction(func(tx *gorm.DB) error {
				ledger := dtde.OnDatabase(tx, "ledger")
				check(t, ledger.First(&Posting{}, 1))
				if onOwn {
					check(t, tx.Create(&Freight{ID: id, Region: "own"}))
				}
				if onEU {
					check(t, tx.Create(&Freight{ID: id + 1, Region: "EU"}))
				}
				if onLedger {
					check(t, ledger.Create(&Posting{ID: id}))
				}
				return nil
			}), name)
			assert.Equal(t, there, decisions(b.ledger)-before, name)
			assert.Equal(t, prepared > 0, len(seen.kinds) > 0, "%s: %v", name, seen.kinds)
		}
		run("read there, one writer", false, false, true, 0, 0)
		run("read there, two writers", false, true, true, 0, 1)
		run("written there only", true, false, false, 0, 0)
		run("written there and in one", true, true, false, 1, 1)
		run("written in all", true, true, true, 1, 2)
	})
}

// TestRecoveryAsksAHomeOfAnotherEngine: what is prepared is ended as it decided, rolled back
// for good where it did not, left and listed while it can't be asked, and forced.
func TestRecoveryAsksAHomeOfAnotherEngine(t *testing.T) {
	t.Parallel()
	homes(t, func(t *testing.T, main, other testenv.DB) {
		b := openBeside(t, main, other, func(c *dtde.Config) { c.Cluster = "asked" }).ready(t)
		eu := dtde.OnDatabase(b.db, "EU")
		prepare := func(home, tx string, id int64) string {
			gid := "dtde:asked:" + home + ":" + tx + ":EU"
			require.NoError(t, eu.Connection(func(c *gorm.DB) error {
				check(t, c.Exec("BEGIN"))
				check(t, c.Exec("INSERT INTO freights_eu (id, region) VALUES (?, 'EU')", id))
				return c.Exec("PREPARE TRANSACTION '" + gid + "'").Error
			}))
			return gid
		}
		pool, err := b.ledger.DB()
		require.NoError(t, err)
		decisions := store.DecisionsFor(b.ledger.Name())
		deadline, err := decisions.Deadline(t.Context(), pool, time.Time{})
		require.NoError(t, err)
		sqlTx, err := pool.Begin()
		require.NoError(t, err)
		gid := prepare("ledger", "yes", 1)
		require.NoError(t, decisions.Decide(t.Context(), sqlTx, "yes", []string{gid}, deadline))
		require.NoError(t, sqlTx.Commit())
		prepare("ledger", "no", 2)
		prepare("gone", "nobody", 3)
		pending, err := b.plugin.InDoubt(t.Context())
		require.NoError(t, err)
		assert.Len(t, pending, 3)
		left, err := b.plugin.Recover(t.Context())
		require.NoError(t, err)
		require.Len(t, left, 1)
		assert.Equal(t, "gone", left[0].Home)
		ids := func() (ids []int64) {
			check(t, b.db.Model(&Freight{}).Order("id").Pluck("id", &ids))
			return ids
		}
		assert.Equal(t, []int64{1}, ids())
		// A coordinator that was only slow can't decide any more.
		sqlTx, err = pool.Begin()
		require.NoError(t, err)
		require.Error(t, decisions.Decide(t.Context(), sqlTx, "no", nil, deadline))
		require.NoError(t, sqlTx.Rollback())
		require.Error(t, b.plugin.ResolveInDoubt(t.Context(), "nobody", true), "its home can't note it, but it is ended")
		prepare("ledger", "forced", 4)
		require.NoError(t, b.plugin.ResolveInDoubt(t.Context(), "forced", true))
		assert.Equal(t, []int64{1, 3, 4}, ids())
		var note string
		check(t, b.ledger.Raw("SELECT note FROM dtde_decisions WHERE txid = 'forced'").Scan(&note))
		assert.True(t, strings.HasPrefix(note, "forced over nothing at "), note)
		// Collected once its deadline has passed, and everybody has answered.
		aged := "UPDATE dtde_decisions SET deadline = deadline - 7200000"
		check(t, b.ledger.Exec(aged))
		left, err = b.plugin.Recover(t.Context())
		require.NoError(t, err)
		require.Empty(t, left)
		var states []string
		check(t, b.ledger.Raw("SELECT txid FROM dtde_decisions ORDER BY txid").Scan(&states))
		assert.Equal(t, []string{"forced", "no"}, states, "the trace and the tombstone stay")
	})
}

// TestASQLiteHomeThatIsBusy: recovery meets somebody's write lock: it waits, leaves the
// transaction, and ends it later. The program does not stand still.
func TestASQLiteHomeThatIsBusy(t *testing.T) {
	t.Parallel()
	main := testenv.Only(t, "postgres")
	path := filepath.Join(t.TempDir(), "ledger.db")
	b := openBeside(t, main, testenv.SQLite(), func(c *dtde.Config) {
		c.Cluster = "busy"
		c.Databases[2].Dialector = sqlite.Open("file:" + path + "?_journal_mode=WAL&_busy_timeout=100")
		c.Databases[2].Pool.MaxOpen = 1 // one connection is enough for a commit
	})
	require.NoError(t, b.db.AutoMigrate(&Freight{}))
	require.NoError(t, b.db.Transaction(func(tx *gorm.DB) error { // without a table of decisions
		check(t, tx.Create(&Freight{ID: 1, Region: "own"}))
		ledger := dtde.OnDatabase(tx, "ledger")
		check(t, ledger.Exec("CREATE TABLE postings (id bigint PRIMARY KEY)"))
		return ledger.Exec("INSERT INTO postings VALUES (1)").Error
	}))
	eu := dtde.OnDatabase(b.db, "EU")
	require.NoError(t, eu.Connection(func(c *gorm.DB) error {
		check(t, c.Exec("BEGIN"))
		check(t, c.Exec("INSERT INTO freights_eu (id, region) VALUES (2, 'EU')"))
		return c.Exec("PREPARE TRANSACTION 'dtde:busy:ledger:t:EU'").Error
	}))
	other, err := gorm.Open(sqlite.Open("file:"+path+"?_busy_timeout=100"), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	tx := other.Begin()
	check(t, tx.Exec("INSERT INTO postings VALUES (2)"))
	left, err := b.plugin.Recover(t.Context())
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.ErrorContains(t, left[0].Err, "locked")
	check(t, tx.Rollback())
	left, err = b.plugin.Recover(t.Context())
	require.NoError(t, err)
	require.Empty(t, left)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Positive(t, info.Size())
}

// TestValidateAsksAnotherEngine: it warns of a missing table, which AutoMigrate makes.
func TestValidateAsksAnotherEngine(t *testing.T) {
	t.Parallel()
	homes(t, func(t *testing.T, main, other testenv.DB) {
		b := openBeside(t, main, other, nil)
		require.NoError(t, b.db.AutoMigrate(&Freight{}))
		warnings, err := b.plugin.Validate()
		require.NoError(t, err)
		require.Len(t, warnings, 1)
		assert.Equal(t, "ledger", warnings[0].Subject)
		assert.True(t, strings.HasPrefix(warnings[0].String(), "ledger: the database has no dtde_decisions"), warnings[0])
		require.NoError(t, dtde.OnDatabase(b.db, "ledger").AutoMigrate(&Posting{}, &PostingNote{}))
		warnings, err = b.plugin.Validate()
		require.NoError(t, err)
		assert.Empty(t, warnings)
		assert.True(t, b.db.Migrator().HasTable("dtde_decisions"), "and so does that of the shards")
		health, err := b.plugin.Health(t.Context())
		require.NoError(t, err)
		for _, h := range health {
			assert.True(t, h.Opened, h.ID)
			require.NoError(t, h.Err)
		}
	})
}

// TestCommitsBesideAnotherEngineSideBySide: also where the other engine has one writer.
func TestCommitsBesideAnotherEngineSideBySide(t *testing.T) {
	t.Parallel()
	homes(t, func(t *testing.T, main, other testenv.DB) {
		b := openBeside(t, main, other, nil).ready(t)
		done := make(chan error, 4)
		for w := range cap(done) {
			go func() {
				var err error
				for i := 0; i < 5 && err == nil; i++ {
					err = dtde.Transaction(b.db, func(tx *gorm.DB) error {
						id := int64(100*w + i + 1)
						return errors.Join(dtde.OnDatabase(tx, "ledger").Create(&Posting{ID: id}).Error,
							tx.Create(&Freight{ID: id, Region: "EU"}).Error)
					})
				}
				done <- err
			}()
		}
		for range cap(done) {
			require.NoError(t, <-done)
		}
		freights, postings := b.counts(t)
		assert.Equal(t, []int64{20, 20}, []int64{freights, postings})
	})
}

func oneRow(v driver.Value) [][]driver.Value { return [][]driver.Value{{v}} }

// TestSQLServerAsHome holds what is sent to SQL Server's dialector, in order, and that it is
// T-SQL.
func TestSQLServerAsHome(t *testing.T) {
	t.Parallel()
	main := testenv.Only(t, "postgres")
	s := &script{answers: []scripted{
		{contains: "OBJECT_ID", columns: []string{"n"}, rows: oneRow(int64(1))},
		{contains: "XACT_STATE", columns: []string{"n"}, rows: oneRow(int64(1))},
		{contains: "+ 3600000", columns: []string{"n"}, rows: oneRow(time.Now().Add(time.Hour).UnixMilli())},
		{contains: "INSERT INTO dtde_decisions", affected: 1},
		{contains: "SELECT state", columns: []string{"state"}, rows: oneRow("committed")},
	}}
	b := openBeside(t, main, testenv.SQLite(), func(c *dtde.Config) {
		c.Cluster = "mssql"
		c.Databases[2].Dialector = sqlserver.New(sqlserver.Config{Conn: sql.OpenDB(s)})
	})
	require.NoError(t, b.db.AutoMigrate(&Freight{}))
	require.NoError(t, b.db.Transaction(func(tx *gorm.DB) error {
		ledger := dtde.OnDatabase(tx, "ledger")
		check(t, tx.Create(&Freight{ID: 1, Region: "own"}))
		check(t, tx.SavePoint("p1"))
		check(t, ledger.Exec("UPDATE postings SET amount = ?", 3))
		check(t, tx.SavePoint("p2"))
		check(t, tx.RollbackTo("p2"))
		check(t, tx.Exec("RELEASE SAVEPOINT p1"))
		return nil
	}))
	decisions := store.DecisionsFor("sqlserver")
	fresh := &script{answers: []scripted{{contains: "OBJECT_ID", columns: []string{"n"}, rows: oneRow(int64(0))}}}
	fresh.answers = append(fresh.answers, s.answers...)
	pool := sql.OpenDB(fresh)
	for _, err := range []error{
		decisions.Ensure(t.Context(), pool), errorOf(decisions.Cluster(t.Context(), pool, "x")), errorOf(decisions.Settle(t.Context(), pool, "x")),
		decisions.Force(t.Context(), pool, "x", true), errorOf(decisions.Committed(t.Context(), pool)),
		decisions.Forget(t.Context(), pool, "x"), decisions.ForgetAborted(t.Context(), pool),
	} {
		_ = err // the script answers few of them; the text is what is held
	}
	var out strings.Builder
	for _, call := range append(s.sent, fresh.sent...) {
		out.WriteString(call.text + "\n")
		if !strings.HasPrefix(call.text, "--") {
			assert.Empty(t, checkTSQL(call.text, call.args, nil, nil), call.text)
		}
	}
	golden(t, "home.sql", out.String())
}
