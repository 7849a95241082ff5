package callbacks

import (
	"errors"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
	"github.com/go-dtde/dtde/temporal"
)

// rewriting is one of the planner's ways to rewrite text.
type rewriting func(*config.Catalog, planner.Dialect, string, func(string) string, func(*config.Table) (string, error)) (string, []*config.Table, error)

// rewrite replaces the sharded tables that a built statement reads by name (in joins,
// in subqueries written as text) by the union of their shards, and gives them back.
func (r *Runtime) rewrite(stmt *gorm.Statement) ([]*config.Table, error) {
	return r.rewriteBy(stmt, planner.RewriteTables)
}

func (r *Runtime) rewriteBy(stmt *gorm.Statement, rewritten rewriting) ([]*config.Table, error) {
	if r.dynamic && !r.root.DryRun {
		if _, err := r.refreshIfStale(stmt.Context, stmt.ConnPool); err != nil {
			return nil, err
		}
	}
	text, tables, err := rewritten(r.current(stmt.ConnPool), r.dialect, stmt.SQL.String(), r.quote,
		func(t *config.Table) (string, error) { return r.derived(stmt, t, t.Shards) })
	if err != nil || len(tables) == 0 {
		return nil, err
	}
	stmt.SQL.Reset()
	stmt.SQL.WriteString(text)
	return tables, nil
}

// rewriteBuilt rewrites what GORM built of a statement on an entity. Text that cannot be
// taken apart stays as it is: should it name a sharded table, the engine says that there
// is none, and its own table is aimed already.
func (r *Runtime) rewriteBuilt(stmt *gorm.Statement) error {
	if err := r.joinsThere(stmt); err != nil {
		return err
	}
	_, err := r.rewriteBy(stmt, planner.RewriteBuilt)
	if unreadable(err) {
		return nil
	}
	return err
}

// unreadable tells that text could not be taken apart.
func unreadable(err error) bool {
	var unsupported *config.UnsupportedError
	return errors.As(err, &unsupported) && unsupported.Reason == "raw-text"
}

// derived is the union of shards as a table expression without an alias.
func (r *Runtime) derived(stmt *gorm.Statement, t *config.Table, shards []*config.Shard) (string, error) {
	if r.dialect.Name == "sqlite" && len(shards) > maxSQLiteBranches {
		return "", &config.UnsupportedError{
			Entity: t.Name, Reason: "union-too-wide", Problem: "a join or subquery over more shards than the engine's union takes",
			Hint: "narrow it, or use two queries",
		}
	}
	columns := r.columns(stmt, t)
	var b strings.Builder
	b.WriteByte('(')
	if t.Validity.Cut() && len(t.Shards) > 0 {
		w := r.parts(stmt, t)
		w.all(&b)
		b.WriteByte(')')
		return b.String(), nil
	}
	for i, s := range shards {
		if i > 0 {
			b.WriteString(" UNION ALL ")
		}
		b.WriteString("SELECT " + columns + " FROM " + r.placedName(s))
	}
	if len(shards) == 0 {
		r.writeEmpty(&b, columns, t, t.LogicalName, true)
	}
	b.WriteByte(')')
	return b.String(), nil
}

// maxSQLiteBranches is SQLite's limit of terms in one compound SELECT.
const maxSQLiteBranches = 500

// subtext tells whether the statement has text that could read tables of its own:
// joins, and fragments with a SELECT.
func subtext(stmt *gorm.Statement) bool {
	if len(stmt.Joins) > 0 {
		return true
	}
	for _, s := range stmt.Selects {
		if selects(s) {
			return true
		}
	}
	return hasInside(stmt, isSubtext)
}

// isSubtext tells whether a value or expression is text that could read tables.
func isSubtext(v any) bool {
	switch v := v.(type) {
	case temporal.Later:
		return true
	case *gorm.DB: // a db.Raw, which GORM writes as it is; other queries dtde builds, tables and all
		return v != nil && v.Statement != nil && v.Statement.SQL.Len() > 0
	case clause.Expr:
		return selects(v.SQL)
	case *clause.Expr:
		return v != nil && selects(v.SQL)
	case clause.NamedExpr:
		return selects(v.SQL)
	case clause.From:
		return len(v.Joins) > 0 || slices.ContainsFunc(v.Tables, isOther)
	case clause.Insert:
		return isOther(v.Table)
	case clause.Update:
		return isOther(v.Table)
	case clause.Select:
		for i := range v.Columns {
			if v.Columns[i].Raw && selects(v.Columns[i].Name) {
				return true
			}
		}
	case clause.GroupBy:
		for i := range v.Columns {
			if v.Columns[i].Raw && selects(v.Columns[i].Name) {
				return true
			}
		}
	case clause.OrderBy:
		for i := range v.Columns {
			if v.Columns[i].Column.Raw && selects(v.Columns[i].Column.Name) {
				return true
			}
		}
	}
	return false
}

// isOther tells whether a clause names a table of its own beside the statement's.
func isOther(t clause.Table) bool { return t.Name != "" && t.Name != clause.CurrentTable }

// selects tells whether a fragment has a SELECT of its own.
func selects(s string) bool { return len(s) > len("select") && containsWord(s, "select") }

// unownedText runs GORM's callback for a statement on a model that dtde does not own
// whose text may read sharded tables: it is built first, then rewritten, then run.
func (r *Runtime) unownedText(db *gorm.DB, run func(*gorm.DB)) {
	stmt := db.Statement
	if stmt.SQL.Len() == 0 && !r.buildOnly(db, run) {
		return
	}
	if r.refusedInside(db) {
		return
	}
	if t := r.mentioned(r.current(stmt.ConnPool), stmt.SQL.String()); t == nil && !r.marked(stmt.SQL.String()) {
		r.runBuilt(db, run)
		return
	}
	tables, err := r.rewrite(stmt)
	if err != nil && !unreadable(err) {
		fail(db, err)
		return
	}
	r.carryReads(stmt, tables)
	if fault := r.settle(stmt, resolver.DatabaseOf(stmt.ConnPool), false); fault != nil {
		fail(db, fault)
		return
	}
	r.runBuilt(db, run)
	if len(tables) > 0 {
		db.Error = youngError(tables[0].Name, db.Error)
	}
	if err != nil && db.Error != nil {
		db.Error = joinErrors(err, db.Error)
	}
}

// buildOnly has GORM's callback build the statement; false means that it failed.
func (r *Runtime) buildOnly(db *gorm.DB, run func(*gorm.DB)) bool {
	dry := *db.Config
	dry.DryRun = true
	before := db.Config
	db.Config = &dry
	run(db)
	db.Config = before
	return db.Error == nil
}

// runBuilt runs GORM's callback on text that is there already.
func (r *Runtime) runBuilt(db *gorm.DB, run func(*gorm.DB)) {
	if !db.DryRun {
		run(db)
	}
}
