package callbacks

import (
	"database/sql"
	"database/sql/driver"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
)

// row replaces gorm:row, which serves Row, Rows and Scan.
func (r *Runtime) row(db *gorm.DB) {
	stmt := db.Statement
	if r.afterCursor(db, true); db.Error != nil {
		r.carryError(db)
		return
	}
	if stmt.SQL.Len() > 0 {
		r.raw(db, rawRow, r.inner.row)
		r.carryError(db)
		return
	}
	t, alias := r.owned(stmt)
	if t != nil || len(stmt.Preloads) > 0 {
		bindScope(stmt)
	}
	if t == nil {
		r.unowned(db, r.inner.row)
		r.carryError(db)
		return
	}
	r.toServers(db)
	early := r.dynamic && (resolver.InTransaction(stmt.ConnPool) || r.maxOpen() == 1)
	r.read(db, t, alias, early, r.open)
	r.carryError(db)
}

// open opens a read's rows without scanning them: Statement.Dest is the *sql.Rows
// or *sql.Row that GORM returns to its caller.
func (r *Runtime) open(db *gorm.DB, p *planner.Plan, alias string, w *watch) {
	stmt := db.Statement
	wantRows := false
	if v, ok := stmt.Settings.Load("rows"); ok {
		wantRows, _ = v.(bool)
	}
	if p.Form != planner.Sessions {
		leave, err := r.visitPlan(stmt, p)
		defer leave()
		if err != nil {
			fail(db, err)
			return
		}
		r.build(db, p, alias)
		if db.DryRun || db.Error != nil {
			return
		}
		if !wantRows {
			stmt.Dest = stmt.ConnPool.QueryRowContext(stmt.Context, stmt.SQL.String(), stmt.Vars...)
		} else if rows, err := stmt.ConnPool.QueryContext(stmt.Context, stmt.SQL.String(), stmt.Vars...); err != nil {
			fail(db, r.shardError(p, err))
		} else {
			stmt.Dest = rows
		}
		db.RowsAffected = -1
		return
	}
	src, err := r.openSessionSource(db, p, alias, w)
	switch {
	case err != nil:
		fail(db, err)
		return
	case src == nil:
		return
	case !wantRows:
		stmt.Dest = merge.Row(stmt.Context, src)
	default:
		rows, err := merge.Rows(stmt.Context, src)
		if err != nil {
			fail(db, err)
			return
		}
		stmt.Dest = rows
	}
	db.RowsAffected = -1
}

// carryError gives Row a row that fails with the statement's error, since the
// caller scans what Row returns without looking at db.Error first, and takes the
// rows setting away as GORM does.
func (r *Runtime) carryError(db *gorm.DB) {
	stmt := db.Statement
	v, asked := stmt.Settings.Load("rows")
	if asked {
		stmt.Settings.Delete("rows")
	}
	if db.Error == nil {
		return
	}
	if rows, _ := v.(bool); rows {
		return
	}
	if _, ok := stmt.Dest.(*sql.Row); !ok {
		stmt.Dest = merge.Row(stmt.Context, failed{db.Error})
	}
}

// failed is a source whose only event is an error.
type failed struct{ err error }

func (f failed) Columns() []string         { return []string{""} }
func (f failed) Next([]driver.Value) error { return f.err }
func (f failed) Close() error              { return nil }
