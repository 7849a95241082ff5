package testenv

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// reused are the PostgreSQL databases of a test binary. Making one costs the server a quarter of a second, since it
// copies some three hundred files, so that a database whose test has ended is emptied for the next one. None stays:
// whenever no test has one, all are dropped.
type reused struct {
	mu    sync.Mutex
	empty []string
	taken int
}

var postgresDatabases reused

// take gives an empty database.
func (r *reused) take(t testing.TB, admin *sql.DB) string {
	t.Helper()
	r.mu.Lock()
	r.taken++
	if last := len(r.empty) - 1; last >= 0 {
		name := r.empty[last]
		r.empty = r.empty[:last]
		r.mu.Unlock()
		return name
	}
	r.mu.Unlock()
	name := randomName()
	// template0: a template1 that somebody is connected to can't be copied.
	administer(t, admin, "CREATE DATABASE "+name+" TEMPLATE template0")
	return name
}

// give takes a database back. One that can't be emptied, because somebody still holds a lock in it, say, is dropped.
func (r *reused) give(t testing.TB, admin *sql.DB, name string) {
	t.Helper()
	var drop []string
	if r.last() || empty(name) != nil {
		drop = []string{name}
	}
	r.mu.Lock()
	r.taken--
	if drop == nil {
		r.empty = append(r.empty, name)
	}
	if r.taken == 0 {
		drop, r.empty = append(drop, r.empty...), nil
	}
	r.mu.Unlock()
	for _, name := range drop {
		administer(t, admin, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
	}
}

// last tells whether no other test has a database.
func (r *reused) last() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.taken == 1
}

// emptyPostgres leaves what template0 has: other connections are ended, all schemas and settings go.
const emptyPostgres = `
SET lock_timeout = '2s';
SET client_min_messages = error;
DO $$
DECLARE named text;
BEGIN
	PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
	IF EXISTS (SELECT 1 FROM pg_prepared_xacts WHERE database = current_database()) THEN
		RAISE EXCEPTION 'a prepared transaction is left';
	END IF;
	FOR named IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
		EXECUTE format('DROP SCHEMA %I CASCADE', named);
	END LOOP;
	EXECUTE format('ALTER DATABASE %I RESET ALL', current_database());
	CREATE SCHEMA public AUTHORIZATION pg_database_owner;
	GRANT USAGE ON SCHEMA public TO PUBLIC;
END $$`

// empty empties a PostgreSQL database.
func empty(name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, postgresDSN(os.Getenv(PostgresVariable), name))
	if err != nil {
		return err
	}
	_, err = conn.PgConn().Exec(ctx, emptyPostgres).ReadAll() // which takes several statements
	return errors.Join(err, conn.Close(ctx))
}
