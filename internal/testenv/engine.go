package testenv

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	gomysql "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/mattn/go-sqlite3"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	moderncsqlite "modernc.org/sqlite"
)

// engine is how one kind of database is made, dialled and given to GORM.
type engine struct {
	// create makes an empty database that goes when the test ends, and returns
	// its DSN.
	create func(testing.TB) string
	driver driver.Driver
	// dialector is GORM's over an open pool; the DSN is there for who reads it.
	dialector func(*sql.DB) gorm.Dialector
}

var (
	sqliteC = engine{
		create: func(t testing.TB) string {
			return sqliteFile(t.TempDir()) +
				"?_journal_mode=WAL&_busy_timeout=10000&_foreign_keys=on&_synchronous=OFF"
		},
		driver: &sqlite3.SQLiteDriver{},
		dialector: func(pool *sql.DB) gorm.Dialector {
			return sqlite.New(sqlite.Config{Conn: pool, DSN: dsnOf(pool)})
		},
	}
	sqliteGo = engine{
		create: func(t testing.TB) string {
			return sqliteFile(t.TempDir()) +
				"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=synchronous(0)"
		},
		driver: &moderncsqlite.Driver{},
		dialector: func(pool *sql.DB) gorm.Dialector {
			return sqlite.New(sqlite.Config{DriverName: "sqlite", Conn: pool, DSN: dsnOf(pool)})
		},
	}
	postgresServer = engine{
		create: createPostgres,
		driver: stdlib.GetDefaultDriver(),
		dialector: func(pool *sql.DB) gorm.Dialector {
			return postgres.New(postgres.Config{Conn: pool, DSN: dsnOf(pool)})
		},
	}
	mariadbServer = engine{
		create: createMariaDB,
		driver: &gomysql.MySQLDriver{},
		dialector: func(pool *sql.DB) gorm.Dialector {
			return mysql.New(mysql.Config{Conn: pool, DSN: dsnOf(pool)})
		},
	}
)

// The connections that databases are made and dropped on: one pool per server
// for the life of the test binary.
var (
	postgresAdmin = sync.OnceValues(func() (*sql.DB, error) {
		return sql.Open("pgx", os.Getenv(PostgresVariable))
	})
	mariadbAdmin = sync.OnceValues(func() (*sql.DB, error) {
		return sql.Open("mysql", os.Getenv(MySQLVariable))
	})
)

// sqliteFile is the URI of the database file in dir. A subtest's temporary
// folder bears its name, and a subtest without one is called #00: unescaped,
// SQLite would cut the URI at the #, and a % would begin an escape.
func sqliteFile(dir string) string {
	return "file:" + (&url.URL{Path: filepath.ToSlash(filepath.Join(dir, "test.db"))}).EscapedPath()
}

func createPostgres(t testing.TB) string {
	t.Helper()
	admin, err := postgresAdmin()
	if err != nil {
		t.Fatalf("testenv: reach PostgreSQL: %v", err)
	}
	name := postgresDatabases.take(t, admin)
	t.Cleanup(func() { postgresDatabases.give(t, admin, name) })
	return postgresDSN(os.Getenv(PostgresVariable), name)
}

// postgresDSN replaces the database in either form of DSN.
func postgresDSN(dsn, name string) string {
	if u, err := url.Parse(dsn); err == nil && strings.Contains(dsn, "://") {
		u.Path = "/" + name
		return u.String()
	}
	return dsn + " dbname=" + name // the last one counts
}

func createMariaDB(t testing.TB) string {
	t.Helper()
	admin, err := mariadbAdmin()
	if err != nil {
		t.Fatalf("testenv: reach MariaDB: %v", err)
	}
	config, err := gomysql.ParseDSN(os.Getenv(MySQLVariable))
	if err != nil {
		t.Fatalf("testenv: %s can't be parsed", MySQLVariable)
	}
	config.DBName = randomName()
	config.ParseTime = true // GORM's time fields need it
	administer(t, admin, "CREATE DATABASE "+config.DBName+" CHARACTER SET utf8mb4")
	t.Cleanup(func() { administer(t, admin, "DROP DATABASE IF EXISTS "+config.DBName) })
	return config.FormatDSN()
}

func administer(t testing.TB, admin *sql.DB, statement string) {
	t.Helper()
	// Not the test's context: that is cancelled before its cleanups run.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := admin.ExecContext(ctx, statement); err != nil {
		t.Errorf("testenv: %s: %v", statement, err)
		t.FailNow()
	}
}

func randomName() string {
	random := make([]byte, 8)
	_, _ = rand.Read(random) // never fails: it ends the program instead
	return "dtde_" + hex.EncodeToString(random)
}

// openPool opens a recording pool that is closed when the test ends.
func openPool(t testing.TB, e engine, dsn string) *sql.DB {
	t.Helper()
	pool, err := newPool(e, dsn)
	if err != nil {
		t.Fatalf("testenv: open pool: %v", err)
	}
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Errorf("testenv: close pool: %v", err)
		}
	})
	return pool
}
