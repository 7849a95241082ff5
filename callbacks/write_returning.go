package callbacks

import (
	"context"
	"database/sql"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
)

// returning tells whether the statement returns rows, and how GORM scans them.
func (w *writer) returning() (gorm.ScanMode, bool) {
	if !slices.Contains(w.clauses, "RETURNING") {
		return 0, false
	}
	c, ok := w.db.Statement.Clauses["RETURNING"]
	if !ok {
		return 0, false
	}
	cols, _ := c.Expression.(clause.Returning)
	if len(cols.Columns) == 0 || len(cols.Columns) == 1 && cols.Columns[0].Name == "*" {
		return 0, true
	}
	return gorm.ScanUpdate, true
}

// scan hands the rows of all shards to GORM at once.
func (w *writer) scan() error {
	rows, err := merge.Rows(context.WithoutCancel(w.db.Statement.Context), merge.Concat(w.rows...))
	if err != nil {
		return err
	}
	mode, _ := w.returning()
	w.scanRows(rows, mode)
	return nil
}

func (w *writer) scanRows(rows *sql.Rows, mode gorm.ScanMode) {
	stmt := w.db.Statement
	if w.plan.Operation == planner.Update && stmt.ReflectValue.CanAddr() {
		dest := stmt.Dest
		stmt.Dest = stmt.ReflectValue.Addr().Interface()
		defer func() { stmt.Dest = dest }()
	}
	scan(w.db, rows, mode)
}
