package oracle

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
)

// answer is what an operation gave on one side.
type answer struct {
	// class is "ok", a class of error that both sides must share, or "refused".
	class string
	// reason is the code of a refusal.
	reason   string
	err      error
	affected int64
	// rows are the result, pool what a read without its LIMIT and OFFSET gives (the
	// plain side's, where the rule needs it).
	rows []record
	pool []record
	// written are the destinations after a write.
	written []record
	hooks   string
	// form is how the sharded side carried it out: "one", "union", …
	form string
	sql  []string
	// steps are the answers of a transaction's operations, in order.
	steps []*answer
}

// The classes of answers.
const (
	classOK      = "ok"
	classRefused = "refused"
	classFailed  = "some error"
	// classViolated is a foreign key that does not hold.
	classViolated = "foreign key violated"
	// classDuplicate is GORM's with TranslateError; without, it is some error.
	classDuplicate = "gorm.ErrDuplicatedKey"
)

// errBlock ends a transaction on purpose.
var errBlock = errors.New("oracle: the program rolls back")

// classify names the class of an error, and the code of a refusal.
func classify(err error) (class, reason string) {
	var unsupported *dtde.UnsupportedError
	switch {
	case err == nil:
		return classOK, ""
	case errors.As(err, &unsupported):
		return classRefused, unsupported.Reason
	case errors.Is(err, dtde.Err):
		for _, s := range sentinels {
			if errors.Is(err, s.err) {
				return classRefused, s.name
			}
		}
	}
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return "gorm.ErrRecordNotFound", ""
	case errors.Is(err, gorm.ErrMissingWhereClause):
		return "gorm.ErrMissingWhereClause", ""
	case errors.Is(err, gorm.ErrDuplicatedKey):
		return classDuplicate, ""
	case errors.Is(err, errBlock):
		return "rolled back", ""
	case errors.Is(err, context.DeadlineExceeded):
		return "timed out", ""
	case errors.Is(err, gorm.ErrForeignKeyViolated), strings.Contains(strings.ToLower(err.Error()), "foreign key constraint"):
		return classViolated, "" // whether the database says it or dtde
	case strings.HasPrefix(err.Error(), "Error 1412 "):
		// MariaDB says so of a table that is younger than the snapshot, and its driver
		// only while rows are read: from Rows, Row and Scan it comes as it is.
		return classRefused, "young-table"
	}
	return classFailed, ""
}

// sentinels are the refusals without a code of their own, by name. A duplicate key
// or another failure of the database inside a ShardError is none of them.
var sentinels = []struct {
	name string
	err  error
}{
	{"ErrShardNotFound", dtde.ErrShardNotFound},
	{"ErrMissingShardKey", dtde.ErrMissingShardKey},
	{"ErrShardKeyChanged", dtde.ErrShardKeyChanged},
	{"ErrReadOnlyShard", dtde.ErrReadOnlyShard},
	{"ErrTooManyShards", dtde.ErrTooManyShards},
	{"ErrTooManyRows", dtde.ErrTooManyRows},
	{"ErrStaleCatalog", dtde.ErrStaleCatalog},
	{"ErrNotRegistered", dtde.ErrNotRegistered},
	{"ErrUnsupported", dtde.ErrUnsupported},
}

// String shows the answer for a report.
func (a *answer) String() string {
	if a == nil {
		return "nothing"
	}
	var b strings.Builder
	b.WriteString(a.class)
	if a.reason != "" {
		fmt.Fprintf(&b, " [%s]", a.reason)
	}
	if a.err != nil {
		fmt.Fprintf(&b, ": %v", a.err)
	}
	fmt.Fprintf(&b, "; affected %d", a.affected)
	if a.form != "" {
		fmt.Fprintf(&b, "; form %s", a.form)
	}
	if a.hooks != "" {
		fmt.Fprintf(&b, "; hooks %s", a.hooks)
	}
	list := func(what string, rows []record) {
		for i, r := range rows {
			if i == maxShown {
				fmt.Fprintf(&b, "\n      … %d %s in all", len(rows), what)
				return
			}
			fmt.Fprintf(&b, "\n      %s %d: %s", what, i, r)
		}
	}
	list("row", a.rows)
	list("written", a.written)
	for i, s := range a.steps {
		fmt.Fprintf(&b, "\n    step %d: %s", i, strings.ReplaceAll(s.String(), "\n", "\n  "))
	}
	return b.String()
}

// maxShown bounds the rows of an answer in a report.
const maxShown = 30
