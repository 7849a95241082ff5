package resolver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"
	"github.com/stretchr/testify/assert"

	"github.com/go-dtde/dtde/config"
)

func TestLost(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	cases := []struct {
		name string
		err  error
		lost bool
	}{
		{"nil", nil, false},
		{"nobody listens", refused, true},
		{"wrapped", fmt.Errorf("a: %w", fmt.Errorf("b: %w", refused)), true},
		{"joined", errors.Join(errSomething, refused), true},
		{"unknown host", &net.DNSError{Err: "no such host", IsNotFound: true}, true},
		{"reset", &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, true},
		{"ended among the rows", fmt.Errorf("rows: %w", io.ErrUnexpectedEOF), true},
		{"bad connection", driver.ErrBadConn, true},
		{"the database's timeout", &timeoutError{cause: context.DeadlineExceeded}, true},
		{"left alone", &DatabaseDownError{Cause: errSomething}, true},
		{"PostgreSQL is shut down", &pgconn.PgError{Code: "57P01"}, true},
		{"PostgreSQL starts up", fmt.Errorf("dial: %w", &pgconn.PgError{Code: "57P03"}), true},
		{"PostgreSQL has no room", &pgconn.PgError{Code: "53300"}, true},
		{"PostgreSQL broke the connection", &pgconn.PgError{Code: "08006"}, true},
		{"MySQL's connection broke", mysql.ErrInvalidConn, true},
		{"MySQL has no room", &mysql.MySQLError{Number: 1040}, true},
		{"MySQL is shut down", &mysql.MySQLError{Number: 1053}, true},
		{"SQLite's file", sqlite3.Error{Code: sqlite3.ErrCantOpen}, true},

		{"the caller's end", context.Canceled, false},
		{"the caller's deadline", fmt.Errorf("x: %w", context.DeadlineExceeded), false},
		{"the caller's deadline in a dial", &net.OpError{Op: "dial", Err: context.DeadlineExceeded}, false},
		{"PostgreSQL's constraint", &pgconn.PgError{Code: "23505"}, false},
		{"PostgreSQL cancelled it", &pgconn.PgError{Code: "57014"}, false},
		{"MySQL's constraint", &mysql.MySQLError{Number: 1062}, false},
		{"SQLite is busy", sqlite3.Error{Code: sqlite3.ErrBusy}, false},
		{"no rows", sql.ErrNoRows, false},
		{"in doubt", &InDoubtError{Cause: refused}, false},
		{"dtde's own", config.ErrTooManyRows, false},
		{"unknown", errSomething, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.lost, Lost(c.err))
		})
	}
}
