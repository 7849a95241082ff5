package callbacks

import (
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/planner"
)

// collapseUnowned runs a delete on a model that dtde does not own, with what its foreign
// keys demand on sharded tables and cannot have of the database.
func (r *Runtime) collapseUnowned(db *gorm.DB, run func(*gorm.DB)) {
	stmt := db.Statement
	if stmt.Schema == nil || stmt.SQL.Len() > 0 || db.DryRun || db.Error != nil || stmt.Table != stmt.Schema.Table || len(stmt.Schema.DeleteClauses) > 0 && !stmt.Unscoped {
		r.unownedWrite(db, run)
		return
	}
	demands, err := r.demands(stmt.Table, planner.Delete)
	if err != nil || !demands {
		fail(db, err)
		r.unownedWrite(db, run)
		return
	}
	where, had := stmt.Clauses["WHERE"]
	r.deleteConditions(stmt)
	named := stmt.Clauses["WHERE"]
	missing := missingWhere(db)
	if stmt.Clauses["WHERE"] = where; !had {
		delete(stmt.Clauses, "WHERE")
	}
	if missing {
		r.unownedWrite(db, run)
		return
	}
	fail(db, r.atomically(db, func() error {
		c := newCollapse(r, db, planner.Delete, stmt.Schema.Name)
		columns := c.columnsOf(stmt.Schema, nil)
		rows, err := r.aboutToGo(db, named, columns)
		if err != nil {
			return err
		}
		if err := c.add(stmt.Schema, columns, rows, nil); err != nil {
			return err
		}
		return c.carryOut(func() error {
			r.unownedWrite(db, run)
			return db.Error
		})
	}))
}

// aboutToGo reads and locks the rows that a delete on a model that dtde does not own is
// about. A condition that reads sharded tables is in the way of the lock: the delete is
// then confined to the rows that were read.
func (r *Runtime) aboutToGo(db *gorm.DB, where clause.Clause, columns []string) ([][]any, error) {
	stmt := db.Statement
	text := subtext(stmt) || r.many && nested(stmt)
	first := session(db).Model(reflect.New(stmt.Schema.ModelType).Interface()).Unscoped()
	first.Statement.Clauses["WHERE"] = where
	for _, name := range []string{"ORDER BY", "LIMIT"} {
		if part, ok := stmt.Clauses[name]; ok && slices.Contains(r.inner.deleteClauses, name) {
			first.Statement.Clauses[name] = part
		}
	}
	if !text {
		first = first.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate})
	}
	rows, err := readRows(first, columns)
	if n := len(stmt.Schema.PrimaryFields); text && err == nil && n > 0 && len(rows) > 0 && len(rows) <= guardBatch {
		keys := make([][]any, len(rows))
		for i := range rows {
			keys[i] = rows[i][:n]
		}
		stmt.AddClause(clause.Where{Exprs: []clause.Expression{r.primaryIn(stmt.Schema.PrimaryFields, keys)}})
	}
	return rows, err
}
