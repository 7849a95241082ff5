package callbacks

import (
	"strconv"
	"strings"
	"sync/atomic"

	"gorm.io/gorm"
)

// GORM drops the error of a statement that it builds as a value of another one, and takes
// what text there is: `id IN ()`, which SQLite reads as "no row". A subquery that is refused
// leaves a name instead that no engine knows; the statement around it finds the refusal by
// that.

// refusedName begins the name.
const refusedName = "dtde@refused "

// refusals keeps the last ones, which the statements around them ask for at once.
type refusals struct {
	next atomic.Uint64
	kept [256]atomic.Pointer[refusal]
}

type refusal struct {
	number uint64
	err    error
}

// leaveRefusal leaves the name of a subquery's refusal as its text.
func (r *Runtime) leaveRefusal(db *gorm.DB) {
	if db.Error == nil || !isSubquery(db.Statement) {
		return
	}
	n := r.refusals.next.Add(1)
	r.refusals.kept[n%uint64(len(r.refusals.kept))].Store(&refusal{n, db.Error})
	setText(db.Statement, "SELECT "+r.quote(refusedName+strconv.FormatUint(n, 10)))
}

// nestedRefusal is the refusal of a subquery that a built text has.
func (r *Runtime) nestedRefusal(stmt *gorm.Statement) error {
	_, rest, found := strings.Cut(stmt.SQL.String(), refusedName)
	if !found || isSubquery(stmt) {
		return nil
	}
	end := strings.IndexFunc(rest, func(c rune) bool { return c < '0' || c > '9' })
	n, err := strconv.ParseUint(rest[:max(end, 0)], 10, 64)
	if err != nil {
		return nil
	}
	if kept := r.refusals.kept[n%uint64(len(r.refusals.kept))].Load(); kept != nil && kept.number == n {
		return kept.err
	}
	return nil
}

// refusedInside makes the refusal of a subquery the statement's own error.
func (r *Runtime) refusedInside(db *gorm.DB) bool {
	err := r.nestedRefusal(db.Statement)
	if err != nil {
		db.Error = err
	}
	return err != nil
}
