package testenv

import (
	"os"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// The environment variables that name the servers. Their user must be allowed
// to create databases.
const (
	PostgresVariable = "DTDE_POSTGRES_DSN"
	MySQLVariable    = "DTDE_MYSQL_DSN"
)

// DB is one kind of database that tests run on. It is a value without any
// resource of its own and safe for concurrent use.
type DB struct {
	// Name is "sqlite", "postgres" or "mariadb", fit for a subtest.
	Name string

	engine engine
}

// SQLite is the database that needs no server, through the C driver.
func SQLite() DB { return DB{Name: "sqlite", engine: sqliteC} }

// Databases returns every kind of database that this run has: SQLite always,
// PostgreSQL and MariaDB if their variable is set. One without is left out with
// a line in the log; with CI=true it ends the test as failed.
func Databases(t testing.TB) []DB {
	t.Helper()
	all := []DB{SQLite()}
	for _, server := range []struct {
		variable string
		db       DB
	}{
		{PostgresVariable, DB{Name: "postgres", engine: postgresServer}},
		{MySQLVariable, DB{Name: "mariadb", engine: mariadbServer}},
	} {
		switch {
		case os.Getenv(server.variable) != "":
			all = append(all, server.db)
		case os.Getenv("CI") == "true":
			t.Fatalf("testenv: %s is not set, and with CI=true no database may be left out", server.variable)
		default:
			t.Logf("testenv: *** %s LEFT OUT: %s is not set (run through scripts/with-databases.sh)", server.db.Name, server.variable)
		}
	}
	return all
}

// Only returns the database with that name, and skips the test where this run
// doesn't have it (with CI=true: fails it).
func Only(t testing.TB, name string) DB {
	t.Helper()
	if name == "sqlite" {
		return SQLite()
	}
	for _, d := range Databases(t) {
		if d.Name == name {
			return d
		}
	}
	t.Skipf("testenv: this run has no %s", name)
	return DB{}
}

// Each runs f as a parallel subtest on every database of this run.
func Each(t *testing.T, f func(t *testing.T, d DB)) {
	t.Helper()
	for _, d := range Databases(t) {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			f(t, d)
		})
	}
}

// Open makes an empty database for this test alone and opens it with GORM, by
// default with a silent logger. Pool and database are gone when the test ends.
func (d DB) Open(t testing.TB, opts ...gorm.Option) *gorm.DB {
	t.Helper()
	return openGORM(t, d.Dialector(t), opts)
}

// OpenAt opens a database that is there already, of a server that the test started,
// over a pool of its own that is gone when the test ends.
func (d DB) OpenAt(t testing.TB, dsn string, opts ...gorm.Option) *gorm.DB {
	t.Helper()
	return openGORM(t, d.engine.dialector(openPool(t, d.engine, dsn)), opts)
}

// Dialector makes an empty database for this test alone and returns a dialector
// that isn't opened by GORM yet, over a pool of its own. Both are gone when the
// test ends.
func (d DB) Dialector(t testing.TB) gorm.Dialector {
	t.Helper()
	return d.engine.dialector(openPool(t, d.engine, d.engine.create(t)))
}

// OpenModernc is SQLite's Open through the driver that needs no C compiler.
func OpenModernc(t testing.TB, opts ...gorm.Option) *gorm.DB {
	t.Helper()
	return DB{Name: "sqlite", engine: sqliteGo}.Open(t, opts...)
}

// Reopen opens the database behind db once more, over a pool of its own, as a
// second process would. db must come from this package; plugins of db are not
// taken along.
func Reopen(t testing.TB, db *gorm.DB, opts ...gorm.Option) *gorm.DB {
	t.Helper()
	return openGORM(t, ReopenDialector(t, db), opts)
}

// ReopenDialector is Reopen without opening it: for a replica, or for a
// database that dtde opens itself.
func ReopenDialector(t testing.TB, db *gorm.DB) gorm.Dialector {
	t.Helper()
	d, err := driverOf(db)
	if err != nil {
		t.Fatal(err)
	}
	return d.engine.dialector(openPool(t, d.engine, d.dsn))
}

// DSN returns what a second process needs to open the database behind db, which
// must come from this package.
func DSN(t testing.TB, db *gorm.DB) string {
	t.Helper()
	d, err := driverOf(db)
	if err != nil {
		t.Fatal(err)
	}
	return d.dsn
}

func openGORM(t testing.TB, dialector gorm.Dialector, opts []gorm.Option) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(dialector, append([]gorm.Option{silence{}}, opts...)...)
	if err != nil {
		t.Fatalf("testenv: open with GORM: %v", err)
	}
	return db
}

// silence is an option of its own, since a second *gorm.Config would replace
// the caller's as a whole.
type silence struct{}

func (silence) Apply(config *gorm.Config) error {
	if config.Logger == nil {
		config.Logger = logger.Default.LogMode(logger.Silent)
	}
	return nil
}

func (silence) AfterInitialize(*gorm.DB) error { return nil }
