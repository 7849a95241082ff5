package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

type note struct {
	ID   int64 `gorm:"primaryKey"`
	Text string
	At   time.Time
}

func TestOpenGivesEachTestItsOwnDatabase(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, d DB) {
		one, two := d.Open(t), d.Open(t)
		require.NoError(t, one.AutoMigrate(&note{}))
		assert.False(t, two.Migrator().HasTable(&note{}), "a fresh database sees another test's table")

		at := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
		require.NoError(t, one.Create(&note{ID: 1, Text: "Grüße 🙂", At: at}).Error)
		var got note
		require.NoError(t, Reopen(t, one).First(&got, 1).Error, "a second pool sees the first one's rows")
		assert.Equal(t, "Grüße 🙂", got.Text)
		assert.True(t, at.Equal(got.At), got.At)
		assert.Equal(t, DSN(t, one), DSN(t, Reopen(t, one)))
		assert.NotEqual(t, DSN(t, one), DSN(t, two))
	})
}

func TestDatabaseIsGoneAfterTheTest(t *testing.T) {
	t.Parallel()
	for _, d := range Databases(t) {
		if d.Name == "sqlite" {
			continue // its folder is the testing package's
		}
		var dsn string
		t.Run(d.Name, func(t *testing.T) { dsn = DSN(t, d.Open(t)) })
		pool, err := newPool(d.engine, dsn)
		require.NoError(t, err)
		if d.Name != "postgres" { // whose databases are reused
			assert.Error(t, pool.Ping(), "%s: the database outlives its test", d.Name)
		}
		require.NoError(t, pool.Close())
	}
}

func TestReusedDatabaseIsEmpty(t *testing.T) {
	t.Parallel()
	d := Only(t, "postgres")
	admin, err := postgresAdmin()
	require.NoError(t, err)
	var r reused
	held := r.take(t, admin) // so that the other one isn't dropped
	name := r.take(t, admin)
	open := func() *gorm.DB { return d.OpenAt(t, postgresDSN(os.Getenv(PostgresVariable), name)) }
	db := open()
	for _, statement := range []string{
		"CREATE EXTENSION btree_gist", `CREATE COLLATION mine FROM "C"`, "CREATE TABLE notes (id BIGINT PRIMARY KEY)", "CREATE SCHEMA other",
		"CREATE TABLE other.notes (id BIGINT REFERENCES public.notes (id))", "CREATE VIEW seen AS SELECT * FROM notes",
		"ALTER DATABASE " + name + " SET timezone = 'Asia/Tokyo'",
	} {
		require.NoError(t, db.Exec(statement).Error)
	}
	r.give(t, admin, name) // with a connection that is still open
	require.Equal(t, name, r.take(t, admin))
	db = open()
	var left []string
	require.NoError(t, db.Raw(`SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname !~ '^pg_|^information_schema$'`).Scan(&left).Error)
	assert.Empty(t, left)
	require.NoError(t, db.Raw("SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'").Scan(&left).Error)
	assert.Empty(t, left)
	var zone string
	require.NoError(t, db.Raw("SHOW timezone").Scan(&zone).Error)
	assert.Equal(t, "UTC", zone)
	require.NoError(t, db.Exec("CREATE TABLE notes (id BIGINT PRIMARY KEY)").Error)

	tx := db.Begin()
	require.NoError(t, tx.Exec("INSERT INTO notes VALUES (1)").Error)
	require.NoError(t, tx.Exec("PREPARE TRANSACTION '"+name+"'").Error)
	require.Error(t, empty(name), "a prepared transaction is left")
	require.NoError(t, db.Exec("ROLLBACK PREPARED '"+name+"'").Error)
	r.give(t, admin, name)
	r.give(t, admin, held)
	assert.Empty(t, r.empty)
	var there int
	require.NoError(t, admin.QueryRow("SELECT COUNT(*) FROM pg_database WHERE datname IN ($1, $2)", name, held).Scan(&there))
	assert.Zero(t, there, "none stays")
}

func TestSQLiteChecksForeignKeys(t *testing.T) {
	t.Parallel()
	for name, db := range map[string]*gorm.DB{"c": SQLite().Open(t), "modernc": OpenModernc(t)} {
		var on int
		var mode string
		require.NoError(t, db.Raw("PRAGMA foreign_keys").Scan(&on).Error)
		require.NoError(t, db.Raw("PRAGMA journal_mode").Scan(&mode).Error)
		assert.Equal(t, 1, on, name)
		assert.Equal(t, "wal", mode, name)
	}
}

func TestOpenLeavesTheCallersConfigAlone(t *testing.T) {
	t.Parallel()
	db := SQLite().Open(t, &gorm.Config{SkipDefaultTransaction: true, PrepareStmt: true})
	assert.True(t, db.SkipDefaultTransaction)
	assert.True(t, db.PrepareStmt)
}

// failure is what a test that should fail ended with.
type failure struct {
	testing.TB
	failed []string
}

func (f *failure) Helper()           {}
func (f *failure) Cleanup(fn func()) { f.TB.Cleanup(fn) }
func (f *failure) Errorf(format string, args ...any) {
	f.failed = append(f.failed, fmt.Sprintf(format, args...))
}
func (f *failure) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	panic(f)
}
func (f *failure) Logf(format string, args ...any) { f.TB.Logf(format, args...) }

func TestMissingServer(t *testing.T) {
	t.Setenv(PostgresVariable, "")
	t.Setenv(MySQLVariable, "")

	t.Setenv("CI", "")
	var names []string
	for _, d := range Databases(t) {
		names = append(names, d.Name)
	}
	assert.Equal(t, []string{"sqlite"}, names)

	t.Setenv("CI", "true")
	f := &failure{TB: t}
	assert.Panics(t, func() { Databases(f) })
	require.Len(t, f.failed, 1)
	assert.Contains(t, f.failed[0], PostgresVariable)
}

func TestRecord(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, d DB) {
		db := d.Open(t)
		require.NoError(t, db.AutoMigrate(&note{}))
		sent := Record(db)
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Exec("INSERT INTO notes (id, text) VALUES (?, ?)", 7, "x").Error)
			require.NoError(t, tx.SavePoint("here").Error)
			return tx.RollbackTo("here").Error
		}))
		calls := sent.Calls()
		require.Len(t, calls, 5, "%q", sent.Statements())
		texts := sent.Statements()
		assert.Equal(t, "BEGIN", texts[0])
		assert.Contains(t, texts[1], "INSERT INTO notes")
		assert.Equal(t, "COMMIT", texts[4])
		assert.Len(t, calls[1].Args, 2)
		for _, c := range calls {
			assert.Equal(t, calls[0].Conn, c.Conn, "one transaction is one connection")
		}

		sent.Reset()
		prepared := db.Session(&gorm.Session{PrepareStmt: true})
		for range 2 {
			var n int64
			require.NoError(t, prepared.Model(&note{}).Where("id = ?", 7).Count(&n).Error)
			assert.EqualValues(t, 1, n)
		}
		assert.Len(t, sent.Statements(), 2, "each execution of a prepared statement, and not its preparation")

		sent.Reset()
		require.Error(t, db.Exec("SELECT no_such_column FROM notes").Error)
		require.Len(t, sent.Calls(), 1)
		assert.Error(t, sent.Calls()[0].Err)
	})
}

func TestRecorderInjectsFaults(t *testing.T) {
	t.Parallel()
	db := SQLite().Open(t)
	require.NoError(t, db.AutoMigrate(&note{}))
	sent := Record(db)
	fault := errors.New("disk full")
	sent.Before(func(_ context.Context, sql string) error {
		if sql == "COMMIT" {
			return fault
		}
		return nil
	})
	require.ErrorIs(t, db.Create(&note{ID: 1}).Error, fault)
	sent.Before(nil)
	var n int64
	require.NoError(t, db.Model(&note{}).Count(&n).Error)
	assert.Zero(t, n, "a commit that never reached the database leaves nothing")
}

func TestRecordRefusesAStranger(t *testing.T) {
	t.Parallel()
	assert.Panics(t, func() { Record(&gorm.DB{Config: &gorm.Config{}}) })
}

func TestSQLServerDryRun(t *testing.T) {
	t.Parallel()
	db := SQLServerDryRun(t, &gorm.Config{PrepareStmt: true})
	var notes []note
	find := db.Where("text = ?", "x").Limit(3).Find(&notes)
	require.NoError(t, find.Error)
	assert.Contains(t, find.Statement.SQL.String(), "FETCH NEXT 3 ROWS ONLY")
	create := db.Create(&note{Text: "x"})
	require.NoError(t, create.Error)
	assert.Contains(t, create.Statement.SQL.String(), `INSERT INTO "notes"`)
	sent := Record(db)
	require.ErrorIs(t, db.Session(&gorm.Session{NewDB: true}).Connection(func(tx *gorm.DB) error {
		_, err := tx.Statement.ConnPool.ExecContext(context.Background(), "DROP TABLE notes")
		return err
	}), errNowhere)
	assert.Equal(t, []string{"DROP TABLE notes"}, sent.Statements())
}

func TestLeakCheck(t *testing.T) {
	t.Parallel()
	LeakCheck(t)
	quiet := func(t *testing.T, wait time.Duration, leak func(db *gorm.DB)) []string {
		t.Helper()
		f := &failure{}
		t.Run("inside", func(t *testing.T) {
			f.TB = t
			db := SQLite().Open(t)
			leakCheck(f, wait, []*gorm.DB{db})
			leak(db)
		})
		return f.failed
	}

	stop := make(chan struct{})
	failed := quiet(t, 300*time.Millisecond, func(*gorm.DB) { go func() { <-stop }() })
	close(stop)
	require.Len(t, failed, 1)
	assert.Contains(t, failed[0], "goroutines left behind")

	var end func()
	failed = quiet(t, 300*time.Millisecond, func(db *gorm.DB) {
		rows, err := db.Raw("SELECT 1").Rows()
		require.NoError(t, err)
		end = func() { _ = rows.Close() }
	})
	end()
	assert.True(t, slices.Contains(failed, "testenv: 1 connections still in use"), "%q", failed)

	assert.Empty(t, quiet(t, leakWait, func(db *gorm.DB) {
		ended := make(chan struct{})
		go func() { time.Sleep(50 * time.Millisecond); close(ended) }()
		var n int
		require.NoError(t, db.Raw("SELECT 1").Scan(&n).Error)
	}), "what ends by itself soon is no leak")
}
