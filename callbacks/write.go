package callbacks

import (
	"context"
	"database/sql"
	"reflect"
	"slices"
	"time"

	"gorm.io/gorm"
	gormcallbacks "gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
)

// update replaces gorm:update.
func (r *Runtime) update(db *gorm.DB) {
	stmt := db.Statement
	r.afterCursor(db, false)
	if db.Error != nil {
		return
	}
	t, alias := r.owned(stmt)
	if t == nil || stmt.SQL.Len() > 0 {
		r.unownedWrite(db, r.inner.update)
		return
	}
	if err := refusePartial(stmt); err != nil {
		fail(db, err)
		return
	}
	if savesVersion(stmt, t) {
		r.saveVersion(db)
		return
	}
	if stmt.Schema != nil {
		for _, c := range stmt.Schema.UpdateClauses {
			stmt.AddClause(c)
		}
	}
	stmt.AddClauseIfNotExists(clause.Update{})
	if _, ok := stmt.Clauses["SET"]; !ok {
		if pk := r.identity(t); pk != nil { // which SQL Server never updates
			omits := stmt.Omits
			stmt.Omits = append(slices.Clone(omits), pk.DBName)
			defer func() { stmt.Omits = omits }()
		}
		set := gormcallbacks.ConvertToAssignments(stmt)
		if len(set) == 0 {
			return
		}
		defer delete(stmt.Clauses, "SET")
		stmt.AddClause(set)
	}
	set, _ := stmt.Clauses["SET"].Expression.(clause.Set)
	r.write(db, t, alias, planner.Update, set, r.inner.updateClauses)
}

// delete replaces gorm:delete. A soft delete is an update that GORM's clause builds.
func (r *Runtime) delete(db *gorm.DB) {
	stmt := db.Statement
	r.afterCursor(db, false)
	if db.Error != nil {
		return
	}
	t, alias := r.owned(stmt)
	if t == nil || stmt.SQL.Len() > 0 {
		r.collapseUnowned(db, r.inner.delete)
		return
	}
	if err := refusePartial(stmt); err != nil {
		fail(db, err)
		return
	}
	if stmt.Schema != nil {
		for _, c := range stmt.Schema.DeleteClauses {
			stmt.AddClause(c)
		}
	}
	if stmt.SQL.Len() > 0 {
		// the soft delete clause has built its update over the logical name; its
		// clauses are what counts
		stmt.SQL.Reset()
		stmt.Vars = nil
		set, _ := stmt.Clauses["SET"].Expression.(clause.Set)
		r.write(db, t, alias, planner.Update, set, r.inner.updateClauses)
		return
	}
	stmt.AddClauseIfNotExists(clause.Delete{})
	r.deleteConditions(stmt)
	stmt.AddClauseIfNotExists(clause.From{})
	r.write(db, t, alias, planner.Delete, nil, r.inner.deleteClauses)
}

// deleteConditions adds the primary keys of the destination and of the model, as
// GORM's delete does.
func (r *Runtime) deleteConditions(stmt *gorm.Statement) {
	if stmt.Schema == nil {
		return
	}
	add := func(rows [][]any) {
		if column, in := schema.ToQueryValues(stmt.Table, stmt.Schema.PrimaryFieldDBNames, rows); len(in) > 0 {
			stmt.AddClause(clause.Where{Exprs: []clause.Expression{clause.IN{Column: column, Values: in}}})
		}
	}
	_, rows := schema.GetIdentityFieldValuesMap(stmt.Context, stmt.ReflectValue, stmt.Schema.PrimaryFields)
	add(rows)
	if stmt.ReflectValue.CanAddr() && stmt.Dest != stmt.Model && stmt.Model != nil {
		_, rows = schema.GetIdentityFieldValuesMap(stmt.Context, reflect.ValueOf(stmt.Model), stmt.Schema.PrimaryFields)
		add(rows)
	}
}

// write plans an update or delete and runs it, shard by shard in one transaction
// when there are several.
func (r *Runtime) write(db *gorm.DB, t *config.Table, alias string, op planner.Operation, set clause.Set, clauses []string) {
	stmt := db.Statement
	if missingWhere(db) {
		fail(db, gorm.ErrMissingWhereClause)
		return
	}
	r.spreadTuples(stmt)
	if err := unversioned(stmt, t, op); err != nil {
		fail(db, err)
		return
	}
	if err := r.narrow(db, t, alias); err != nil {
		fail(db, err)
		return
	}
	watch := r.watch(stmt, t, op)
	p, err := r.planWrite(db, t, alias, op, set, clauses)
	if err != nil {
		fail(db, err)
		watch.done(db, nil)
		return
	}
	watch.resolved(p)
	carry(stmt, p)
	w := &writer{r: r, db: db, plan: p, alias: alias, clauses: clauses, set: set, watch: watch}
	if w.changesPeriods() {
		fail(db, w.noting(w.run))
	} else {
		fail(db, w.run())
	}
	if result := stmt.Result; result != nil {
		result.RowsAffected = db.RowsAffected
	}
	watch.done(db, p)
}

// planWrite plans on a catalog that is current when the plan depends on it.
func (r *Runtime) planWrite(db *gorm.DB, t *config.Table, alias string, op planner.Operation, set clause.Set, clauses []string) (*planner.Plan, error) {
	for attempt := 0; ; attempt++ {
		s := r.statement(db.Statement, op, t, alias)
		s.WriteLimits = slices.Contains(clauses, "LIMIT")
		p, err := planner.PlanWrite(&s, set)
		if unplaced(err) {
			return r.planUnplaced(db, &s, alias, err)
		}
		if err != nil || !p.Open || db.DryRun {
			return p, err
		}
		if err := r.claim(db.Statement.Context, db.Statement.ConnPool, t); err != nil {
			return nil, err
		}
		changed, _, err := r.confirm(db.Statement.Context, db.Statement.ConnPool, p.Epoch)
		if err != nil || !changed {
			return p, err
		}
		if attempt == maxReplans {
			return nil, &config.ShardError{Entity: t.Name, Operation: op.String(), Cause: config.ErrStaleCatalog}
		}
		if fresh, ok := r.current(db.Statement.ConnPool).ByModel(t.ModelType); ok {
			t = fresh
		}
	}
}

// missingWhere is GORM's guard against updates and deletes of a whole table.
func missingWhere(db *gorm.DB) bool {
	if db.AllowGlobalUpdate {
		return false
	}
	where, ok := db.Statement.Clauses["WHERE"]
	if !ok {
		return true
	}
	if _, soft := db.Statement.Clauses["soft_delete_enabled"]; soft {
		w, _ := where.Expression.(clause.Where)
		return len(w.Exprs) <= 1
	}
	return false
}

// writer carries out a plan of updates or deletes.
type writer struct {
	r       *Runtime
	db      *gorm.DB
	plan    *planner.Plan
	alias   string
	clauses []string
	set     clause.Set
	watch   *watch
	rows    []merge.Source // RETURNING, shard by shard
	sqls    []shardSQL     // DryRun

	moving map[string]any // columns that rows take to another shard with these values
	moved  [][]any        // primary keys of rows that moved so
}

func (w *writer) run() error {
	if w.plan.Form == planner.None {
		w.db.RowsAffected = 0
		return w.returnNothing()
	}
	a := aim(w.db.Statement)
	defer a.restore()
	w.plan.Statements = nil
	acts, err := w.acts()
	if err != nil {
		return err
	}
	do := func() error { return w.send(&a) }
	if acts {
		do = func() error { return w.act(&a) }
	}
	if w.plan.First {
		return w.first(&a, do)
	}
	return do()
}

// send runs the plan's statements.
func (w *writer) send(a *aimed) error {
	if w.plan.Moves && w.db.DryRun && w.plan.Destination != nil {
		w.build(a, w.plan.Destination)
		return nil
	}
	if w.plan.Moves {
		return w.r.atomically(w.db, func() error {
			if err := w.move(a); err != nil || w.rows == nil {
				return err
			}
			return w.scan()
		})
	}
	if len(w.plan.Targets) == 1 {
		return w.one(a, &w.plan.Targets[0])
	}
	if w.db.DryRun {
		for i := range w.plan.Targets {
			s := w.build(a, &w.plan.Targets[i])
			w.sqls = append(w.sqls, s)
		}
		w.db.Statement.SQL.Reset()
		w.db.Statement.Vars = nil
		w.db.Statement.SQL.WriteString(w.r.explainAll(w.sqls))
		return nil
	}
	return w.r.atomically(w.db, func() error {
		var total int64
		for i := range w.plan.Targets {
			n, err := w.step(a, &w.plan.Targets[i])
			if err != nil {
				return err
			}
			total += n
		}
		if w.rows != nil {
			return w.scan()
		}
		w.db.RowsAffected = total
		return nil
	})
}

// returnNothing has RETURNING of no shard empty the destination, as that of one table
// would that has no matching row.
func (w *writer) returnNothing() error {
	if _, returning := w.returning(); !returning || w.db.DryRun {
		return nil
	}
	w.rows = []merge.Source{merge.FromValues(w.plan.Table.Schema.DBNames, nil)}
	return w.scan()
}

// one runs the only statement in place: GORM logs it as it logs its own.
func (w *writer) one(a *aimed, target *planner.Target) error {
	stmt := w.db.Statement
	leave, err := w.r.visit(stmt, target.Shard)
	defer leave()
	if err != nil {
		return err
	}
	w.build(a, target)
	if w.db.DryRun || w.db.Error != nil {
		return nil
	}
	if mode, returning := w.returning(); returning {
		rows, err := stmt.ConnPool.QueryContext(stmt.Context, stmt.SQL.String(), stmt.Vars...)
		if err != nil {
			return w.r.shardError(w.plan, err)
		}
		w.scanRows(rows, mode)
		return nil
	}
	result, err := stmt.ConnPool.ExecContext(stmt.Context, stmt.SQL.String(), stmt.Vars...)
	if err != nil {
		return w.r.shardError(w.plan, err)
	}
	w.db.RowsAffected, _ = result.RowsAffected()
	if stmt.Result != nil {
		stmt.Result.Result = result
	}
	return nil
}

// step runs the statement of one of several shards.
func (w *writer) step(a *aimed, target *planner.Target) (n int64, err error) {
	stmt := w.db.Statement
	leave, err := w.r.visit(stmt, target.Shard)
	defer leave()
	if err != nil {
		return 0, err
	}
	s := w.build(a, target)
	if w.db.Error != nil {
		return 0, nil
	}
	began := time.Now()
	if _, returning := w.returning(); returning {
		var rows *sql.Rows
		if rows, err = stmt.ConnPool.QueryContext(stmt.Context, s.text, s.vars...); err == nil {
			var src merge.Source
			if src, err = merge.FromRows(rows); err == nil {
				counted := w.watch.count(&shardSource{Source: src, plan: w.plan, shard: target.Shard})
				if src, err = merge.Buffer(counted, w.r.config.MaxBufferedRows); err == nil {
					w.rows = append(w.rows, src)
				}
			}
		}
	} else {
		var result sql.Result
		if result, err = stmt.ConnPool.ExecContext(stmt.Context, s.text, s.vars...); err == nil {
			n, _ = result.RowsAffected()
		}
	}
	w.watch.took(target.Shard.ID, time.Since(began))
	w.watch.affected(target.Shard.ID, n)
	w.r.trace(w.db, began, s, n, err)
	stmt.SQL.Reset()
	stmt.Vars = nil
	if err != nil {
		return 0, &config.ShardError{Entity: w.plan.Entity, Shard: target.Shard.ID, Operation: w.plan.Operation.String(), Cause: translated(w.db, explained(w.plan.Entity, w.plan.Operation.String(), mergeError(err)))}
	}
	return n, nil
}

// build writes one shard's statement into the caller's own.
func (w *writer) build(a *aimed, target *planner.Target) shardSQL {
	stmt, clauses := w.db.Statement, w.clauses
	stmt.SQL.Reset()
	stmt.Vars = nil
	stmt.Table, stmt.TableExpr = w.alias, w.r.asTable(target.Shard, w.alias)
	if a.had {
		stmt.Clauses["WHERE"] = a.where
	}
	if target.Where != nil {
		stmt.Clauses["WHERE"] = clause.Clause{Name: "WHERE", Expression: clause.Where{Exprs: target.Where}}
	}
	text := subtext(stmt)
	clauses = w.r.aimWrite(stmt, target.Shard, w.alias, w.plan.Operation, clauses)
	unhint := w.r.hintWrite(stmt, w.plan.Table, target.Shard)
	stmt.Build(clauses...)
	unhint()
	if stmt.Table != w.alias {
		w.requalify(target.Shard)
	}
	if text && w.db.Error == nil {
		fail(w.db, w.r.rewriteBuilt(stmt))
	}
	if built := stmt.SQL.String(); w.db.Error == nil && (text || w.r.many && containsWord(built, "select")) {
		w.r.together(stmt, target.Shard.Database)
		fail(w.db, w.r.settle(stmt, target.Shard.Database, true))
	}
	s := shardSQL{target.Shard, stmt.SQL.String(), stmt.Vars}
	if len(w.plan.Targets) > 1 && w.db.Error == nil && w.readsItself(s) {
		fail(w.db, writesWhatItReads(w.plan))
	}
	w.r.refusedInside(w.db)
	w.plan.Sent(target.Shard, s.text, len(s.vars))
	return s
}

// requalify gives the logical name's place before columns to the shard's, in a DELETE that
// takes no alias.
func (w *writer) requalify(s *config.Shard) {
	stmt := w.db.Statement
	if text := stmt.SQL.String(); containsWord(text, w.alias) {
		if text, ok := planner.Requalify(w.r.dialect, text, w.alias, w.r.quote(s.Name())); ok {
			setText(stmt, text)
		}
	}
}

// readsItself tells whether one of several steps also reads the entity's tables.
func (w *writer) readsItself(s shardSQL) bool {
	if !containsWord(s.text, "select") {
		return false
	}
	for _, shard := range w.plan.Table.Shards {
		at := indexWord(s.text, shard.Name())
		if at < 0 {
			continue
		}
		if shard != s.shard || indexWord(s.text[at+len(shard.Name()):], shard.Name()) >= 0 {
			return true
		}
	}
	return false
}

// aimWrite fits the aliased table to what the dialect takes in UPDATE and DELETE.
func (r *Runtime) aimWrite(stmt *gorm.Statement, s *config.Shard, alias string, op planner.Operation, clauses []string) []string {
	switch {
	case r.dialect.Name == "sqlserver" && op == planner.Update:
		// UPDATE [orders] SET … OUTPUT … FROM [orders_eu] AS [orders] WHERE …
		stmt.Clauses["UPDATE"] = clause.Clause{Name: "UPDATE", Expression: clause.Update{Table: clause.Table{Name: alias}}}
		stmt.Clauses["FROM"] = clause.Clause{Name: "FROM", Expression: clause.From{}}
	case r.dialect.Name == "sqlserver":
		// DELETE [orders] OUTPUT … FROM [orders_eu] AS [orders] WHERE …
		stmt.Clauses["DELETE"] = clause.Clause{Expression: clause.Delete{Modifier: r.quote(alias)}}
		return []string{"DELETE", "RETURNING", "FROM", "WHERE"}
	case r.dialect.Name == "mysql" && op == planner.Delete:
		_, ordered := stmt.Clauses["ORDER BY"]
		_, limited := stmt.Clauses["LIMIT"]
		_, returning := stmt.Clauses["RETURNING"]
		if !ordered && !limited && !returning {
			// the multi-table form is the one that takes an alias
			stmt.Clauses["DELETE"] = clause.Clause{Expression: clause.Delete{Modifier: r.quote(alias)}}
			return clauses
		}
		stmt.Table, stmt.TableExpr = s.Name(), &clause.Expr{SQL: r.quote(s.Table)}
	}
	return clauses
}

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
