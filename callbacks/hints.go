package callbacks

import (
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// hints are a locking clause as SQL Server has it. That engine takes FOR UPDATE in
// cursors only; a statement locks by hints on the table that it reads.
type hints struct {
	stmt   *gorm.Statement
	clause clause.Clause
	text   string
}

// takeLock turns the statement's locking clause into hints, where the engine wants
// them, until restore puts the clause back.
func (r *Runtime) takeLock(stmt *gorm.Statement, p *planner.Plan) (h hints, err error) {
	if r.dialect.Name != "sqlserver" {
		return h, nil
	}
	c, ok := stmt.Clauses["FOR"]
	if !ok || c.Expression == nil {
		return h, nil
	}
	lock, known := c.Expression.(clause.Locking)
	text, named := lockHints[strings.ToUpper(lock.Strength)]
	option, offered := lockOptions[strings.ToUpper(lock.Options)]
	if !known || !named || !offered || lock.Table.Name != "" || len(stmt.Joins) > 0 {
		return h, &config.UnsupportedError{
			Entity: p.Entity, Reason: "lock-hints",
			Problem: "a locking read that SQL Server has no table hint for",
			Hint:    "lock by UPDATE or SHARE, with SKIP LOCKED or NOWAIT if need be, and without joins",
		}
	}
	if internal(stmt) { // a key's versions: also the ones that are not there yet
		text = "UPDLOCK, HOLDLOCK"
	}
	delete(stmt.Clauses, "FOR")
	return hints{stmt, c, " WITH (" + text + option + ")"}, nil
}

var (
	// both locks are held until the transaction ends
	lockHints   = map[string]string{clause.LockingStrengthUpdate: "UPDLOCK, ROWLOCK", clause.LockingStrengthShare: "REPEATABLEREAD, ROWLOCK"}
	lockOptions = map[string]string{"": "", clause.LockingOptionsSkipLocked: ", READPAST", clause.LockingOptionsNoWait: ", NOWAIT"}
)

// put adds the hints to the one table that the statement is aimed at.
func (h *hints) put() {
	if h.text != "" && len(h.stmt.TableExpr.Vars) == 0 {
		h.stmt.TableExpr = &clause.Expr{SQL: h.stmt.TableExpr.SQL + h.text}
	}
}

func (h *hints) restore() {
	if h.text != "" {
		h.stmt.Clauses["FOR"] = h.clause
	}
}
