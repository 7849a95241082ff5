package store

import (
	"errors"
	"strings"

	"github.com/go-dtde/dtde/config"
)

// fault is an error value that matches config.Err.
type fault string

func (f fault) Error() string        { return "dtde: " + string(f) }
func (f fault) Is(target error) bool { return target == config.Err }

// Sentinel errors; match them with errors.Is. All match config.Err.
var (
	// ErrDialect: dtde has no SQL for this kind of database.
	ErrDialect error = fault("no support for this database: use SQLite, PostgreSQL, MariaDB, MySQL or SQL Server")
	// ErrNoTransactions: the pool cannot begin a transaction.
	ErrNoTransactions error = fault("the connection pool cannot begin a transaction")
	// ErrNotPrepared: dtde_catalog exists but lacks the row that counts changes.
	ErrNotPrepared error = fault("dtde_catalog is not prepared: register the plugin, or call Ensure")
	// ErrName: a name is empty, too long for dtde's tables, ends in a space or holds a
	// NUL byte; or a sequence's is not made of letters, digits and underscores.
	ErrName error = fault("a name that dtde cannot store")
	// ErrNoNode: all 1,023 nodes are leased.
	ErrNoNode error = fault("no free node for generated ids: all 1023 are leased in dtde_nodes; wait until one expires")
	// ErrLeaseLost: another process has taken the node after its lease ended.
	ErrLeaseLost error = fault("the lease of the node for generated ids has ended")
	// ErrRotation: max rows or the function that names the next shard make no progress.
	ErrRotation error = fault("no room for the rows: rotating to the next shard makes no progress")
)

// transient tells an error after which the same transaction can succeed: a deadlock, a
// lock that could not be had, a serialization failure. Drivers are not imported, so it
// goes by what their errors can be asked and say.
func transient(err error) bool {
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		code := state.SQLState()
		return code == "40001" || code == "40P01" || code == "55P03"
	}
	var number interface{ SQLErrorNumber() int32 }
	if errors.As(err, &number) {
		return number.SQLErrorNumber() == 1205
	}
	text := err.Error()
	for _, sign := range []string{"Error 1213", "Error 1205", "Error 1020", "database is locked", "database table is locked"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}
