package callbacks

import (
	"reflect"
	"slices"

	"gorm.io/gorm"
	gormcallbacks "gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
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
	r.deleteConditions(stmt)
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
