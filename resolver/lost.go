package resolver

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"reflect"
	"strings"
	"syscall"

	"github.com/go-dtde/dtde/config"
)

// Lost tells whether err says that a database did not answer: it could not be connected
// to, the connection broke, it shuts down, or its Timeout has passed. What a database
// answers, such as a violated constraint, is no such error, and neither is the end of a
// caller's own context. It knows the errors of package net and those of drivers for
// PostgreSQL (a method SQLState), MySQL and MariaDB (a field Number) and SQLite (by their text).
func Lost(err error) bool {
	if err == nil || errors.Is(err, config.ErrInDoubt) {
		return false
	}
	if errors.Is(err, config.ErrDatabaseDown) || errors.Is(err, errTimeout) {
		return true
	}
	return unanswered(err)
}

func unanswered(err error) bool {
	switch err { //nolint:errorlint // walks the chain itself
	case nil, context.Canceled, context.DeadlineExceeded: // the latter is a net.Error, too
		return false
	case driver.ErrBadConn, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, errTimeout:
		return true
	}
	switch e := err.(type) { //nolint:errorlint // walks the chain itself
	case interface{ SQLState() string }:
		return lostState(e.SQLState())
	case *net.OpError:
		// Of a context that ended, the drivers' own words say nothing more.
		return !endedContext(e.Err)
	case net.Error, syscall.Errno:
		return true
	case interface{ Unwrap() error }:
		return unanswered(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if unanswered(inner) {
				return true
			}
		}
		return false
	}
	if text := err.Error(); text == "invalid connection" || strings.HasPrefix(text, "unable to open database file") {
		return true // go-sql-driver/mysql's and SQLite's
	}
	switch mysqlNumber(err) {
	case 1040, // too many connections
		1053, // server shutdown in progress
		1077, 1079, 1080,
		1927: // connection was killed
		return true
	}
	return false
}

// endedContext tells the error of a context that a driver has turned into a deadline.
func endedContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// lostState tells the SQLSTATEs of PostgreSQL that are about the connection.
func lostState(state string) bool {
	switch state {
	case "57P01", "57P02", "57P03", // shut down, crashed, starting up
		"57P05", // idle session timeout
		"53300": // too many connections
		return true
	}
	return strings.HasPrefix(state, "08")
}

// mysqlNumber is the number of an error of a driver for MySQL, or 0.
func mysqlNumber(err error) uint64 {
	v := reflect.ValueOf(err)
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct || v.Type().Name() != "MySQLError" {
		return 0
	}
	if n := v.FieldByName("Number"); n.IsValid() && n.CanUint() {
		return n.Uint()
	}
	return 0
}
