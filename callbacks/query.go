package callbacks

import (
	"database/sql"
	"reflect"
	"slices"

	"gorm.io/gorm"
	gormcallbacks "gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
	"github.com/go-dtde/dtde/temporal"
)

// query replaces gorm:query, which also builds subqueries.
func (r *Runtime) query(db *gorm.DB) {
	r.find(db)
	r.leaveRefusal(db)
}

func (r *Runtime) find(db *gorm.DB) {
	stmt := db.Statement
	r.afterCursor(db, true)
	if db.Error != nil {
		return
	}
	if stmt.SQL.Len() > 0 {
		r.raw(db, rawQuery, r.inner.query)
		return
	}
	t, alias := r.owned(stmt)
	if t != nil || len(stmt.Preloads) > 0 {
		bindScope(stmt)
	}
	if t == nil {
		r.unowned(db, r.inner.query)
		return
	}
	r.toServers(db)
	r.read(db, t, alias, false, r.fetch)
}

// read plans a select and runs it with run, and again with a newer catalog when
// another process made a shard that the plan could not know. The catalog's epoch is
// asked for after the rows were read, since what is read earlier than the epoch can
// not miss a shard; early asks before, for rows that stay open on the only connection.
func (r *Runtime) read(db *gorm.DB, t *config.Table, alias string, early bool, run func(db *gorm.DB, p *planner.Plan, alias string, w *watch)) {
	stmt := db.Statement
	applySoftDelete(stmt)
	lens, err := r.see(db, t, alias)
	if err != nil {
		fail(db, err)
		return
	}
	ends, whole := r.endsSeen(stmt, t, lens), r.whole(stmt, t, lens)
	if resolver.Pinned(stmt.ConnPool) {
		ends = nil // a replica may be from before a shard was sealed
	}
	watch := r.watch(stmt, t, planner.Select)
	var from clause.Clause
	var hadFrom bool
	if r.dynamic || ends != nil { // otherwise nothing is read again
		from, hadFrom = stmt.Clauses["FROM"]
	}
	_, appends := stmt.Dest.(*[]map[string]any)
	kept := destLength(stmt, appends)
	vars := stmt.Vars // of the statement around a subquery
	for attempt := 0; ; attempt++ {
		p, err := r.planRead(stmt, t, alias, lens, ends, whole)
		if err != nil {
			fail(db, err)
			watch.done(db, nil)
			return
		}
		watch.resolved(p)
		carry(stmt, p)
		changed, older, relies := false, false, p.Open || p.Sealed || ends != nil && r.overdue()
		first := relies && (early && !db.DryRun || db.DryRun && !r.root.DryRun) // subqueries are built in DryRun
		if first {
			changed, older, err = r.confirm(stmt.Context, stmt.ConnPool, p.Epoch)
		}
		if changed = changed || older && p.Sealed; err == nil && !changed {
			run(db, p, alias, watch)
			noteMissing(db, p)
			if relies && !first && !db.DryRun && (db.Error == nil || notFound(db.Error)) {
				changed, older, err = r.confirm(stmt.Context, stmt.ConnPool, p.Epoch)
				changed = changed || older && p.Sealed
			}
		}
		if older {
			ends = nil
		}
		if err != nil || !changed {
			fail(db, err)
			watch.done(db, p)
			return
		}
		switch opened := stmt.Dest.(type) {
		case *sql.Rows:
			_ = opened.Close()
		case *sql.Row:
			_ = opened.Scan() // which closes it
		}
		if attempt == maxReplans {
			fail(db, &config.ShardError{Entity: t.Name, Operation: "select", Cause: config.ErrStaleCatalog})
			watch.done(db, p)
			return
		}
		db.Error, db.RowsAffected = nil, 0
		stmt.SQL.Reset()
		stmt.Vars = vars
		if stmt.Clauses["FROM"] = from; !hadFrom {
			delete(stmt.Clauses, "FROM")
		}
		truncate(stmt, kept, appends)
		if fresh, ok := r.current(stmt.ConnPool).ByModel(t.ModelType); ok {
			t = fresh
		}
	}
}

// maxReplans bounds how often one statement is planned again.
const maxReplans = 5

// planRead asks for a plan with everything that GORM will add to the conditions.
func (r *Runtime) planRead(stmt *gorm.Statement, t *config.Table, alias string, lens temporal.Lens, ends *config.Set, whole *planner.Whole) (*planner.Plan, error) {
	if conds := primaryConditions(stmt); len(conds) > 0 {
		where, had := stmt.Clauses["WHERE"]
		stmt.AddClause(clause.Where{Exprs: conds})
		defer func() {
			if stmt.Clauses["WHERE"] = where; !had {
				delete(stmt.Clauses, "WHERE")
			}
		}()
	}
	s := r.statement(stmt, planner.Select, t, alias)
	s.Ends, s.Whole = ends, whole
	s.AtInstant = lens.Kind == temporal.LensAt && t.Validity.ByStart
	p, err := planner.PlanRead(&s)
	if err == nil {
		keepOutside(stmt, p, alias)
	}
	return p, err
}

// fetch runs a read and scans its rows into the destination.
func (r *Runtime) fetch(db *gorm.DB, p *planner.Plan, alias string, w *watch) {
	stmt := db.Statement
	if p.Form == planner.Sessions {
		r.fetchSessions(db, p, alias, w)
		return
	}
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
	rows, err := stmt.ConnPool.QueryContext(stmt.Context, stmt.SQL.String(), stmt.Vars...)
	if err != nil {
		fail(db, r.shardError(p, err))
		return
	}
	scan(db, rows, 0)
	db.Error = youngError(p.Entity, db.Error)
}

// build makes GORM build the statement over its shard, or over the union of them.
func (r *Runtime) build(db *gorm.DB, p *planner.Plan, alias string) {
	stmt := db.Statement
	lock, err := r.takeLock(stmt, p)
	if err != nil {
		fail(db, err)
		return
	}
	if len(stmt.Joins) > 0 {
		nameCurrentTable(stmt, alias)
	}
	text := subtext(stmt)
	a := aimed{stmt: stmt, table: stmt.Table, expr: stmt.TableExpr, tableOnly: !p.Open && !p.Sealed && !p.Pushed}
	if p.Flat = p.Flat && !text && !isSubquery(stmt) && !nested(stmt); !a.tableOnly || p.Flat {
		a = aim(stmt)
	}
	partial, limit := takeParts(stmt, p), r.spellLimit(stmt, p)
	hint := r.takeIndexHint(stmt)
	defer hint.put()
	words := ""
	if !hint.had {
		words = r.plainRead(db, p, alias)
	}
	whole := words == "" && !hint.had && r.fromClause(stmt, p, alias)
	if words == "" && !whole && !p.Flat {
		r.aimRead(stmt, p, alias, &hint)
	}
	lock.put()
	switch {
	case words != "":
		r.buildPlain(db, words, alias)
	case p.Flat:
		r.buildFlat(db, p, alias, &a, &hint)
	default:
		gormcallbacks.BuildQuerySQL(db)
	}
	a.restore()
	lock.restore()
	partial()
	limit()
	if whole {
		delete(stmt.Clauses, "FROM")
	}
	if text && db.Error == nil {
		if err := r.rewriteBuilt(stmt); err != nil {
			fail(db, err)
			return
		}
	}
	if built := stmt.SQL.String(); db.Error == nil && (p.Table.Group != "" && (text || nests(p, built)) || r.marked(built)) {
		r.togetherRead(stmt, p, alias)
	}
	if r.many && db.Error == nil {
		if err := r.settle(stmt, planDatabase(p), text || nests(p, stmt.SQL.String())); err != nil {
			fail(db, err)
			return
		}
	}
	if r.refusedInside(db) {
		return
	}
	p.Statements = nil
	p.Sent(nil, stmt.SQL.String(), len(stmt.Vars))
}

// aimedByFrom tells whether a read of one shard can be aimed by what is kept with the shard.
func (r *Runtime) aimedByFrom(stmt *gorm.Statement, p *planner.Plan) bool {
	return p.Form == planner.One && !p.Pushed && len(stmt.Joins) == 0 && r.dialect.Name != "sqlserver" && !(r.many && isSubquery(stmt))
}

// fromClause aims a plain read of one shard by a FROM clause that is kept with the
// shard; false means that the statement needs its own.
func (r *Runtime) fromClause(stmt *gorm.Statement, p *planner.Plan, alias string) bool {
	if !r.aimedByFrom(stmt, p) {
		return false
	}
	if _, own := stmt.Clauses["FROM"]; own {
		return false
	}
	stmt.Table = alias
	stmt.Clauses["FROM"] = r.aliased(p.Targets[0].Shard, alias).from
	return true
}

// aimRead replaces the statement's table by what the plan reads from.
func (r *Runtime) aimRead(stmt *gorm.Statement, p *planner.Plan, alias string, hint *indexHint) {
	stmt.Table = alias
	if p.Form == planner.One && !p.Pushed {
		stmt.TableExpr = hint.behind(r.tableOf(stmt, p.Targets[0].Shard, alias), p.Table, p.Targets[0].Shard)
		return
	}
	u := &union{r: r, plan: p, stmt: stmt, alias: alias, hint: *hint, optimizer: optimizerHint(stmt)}
	if p.Pushed {
		if w, ok := stmt.Clauses["WHERE"].Expression.(clause.Where); ok {
			u.where = w.Exprs
			delete(stmt.Clauses, "WHERE")
		}
		if keys := primaryConditions(stmt); len(keys) > 0 { // GORM adds them to the outer statement only
			u.where = append(slices.Clone(u.where), keys...)
		}
		u.order = stmt.Clauses["ORDER BY"]
	}
	stmt.TableExpr = u.expr()
}

// applySoftDelete adds the schema's soft delete condition now, so that the plan sees
// it where GORM would put it: before the primary keys of the destination.
func applySoftDelete(stmt *gorm.Statement) {
	if stmt.Schema == nil {
		return
	}
	for _, c := range stmt.Schema.QueryClauses {
		if _, ok := c.(gorm.SoftDeleteQueryClause); ok {
			stmt.AddClause(c)
		}
	}
}

// destLength is the number of rows that a destination which GORM appends to, instead
// of filling it anew, had before the read.
func destLength(stmt *gorm.Statement, appends bool) int {
	if !appends || stmt.ReflectValue.Kind() != reflect.Slice {
		return 0
	}
	return stmt.ReflectValue.Len()
}

func truncate(stmt *gorm.Statement, n int, appends bool) {
	if appends && stmt.ReflectValue.CanSet() {
		stmt.ReflectValue.SetLen(n)
	}
}

// unowned runs GORM's callback for a statement on a model that dtde does not own. If it
// names a sharded table and the engine complains of that name, the failure is told for
// what it is: that name is no table.
func (r *Runtime) unowned(db *gorm.DB, run func(*gorm.DB)) {
	if r.temporal {
		stated := statedLens(db.Statement)
		r.passLens(db, stated)
		if len(db.Statement.Joins) > 0 {
			if err := r.seeJoined(db, stated); err != nil {
				fail(db, err)
				return
			}
		}
	}
	if subtext(db.Statement) || holds(db.Statement.Dest, isSubtext) || r.many && nested(db.Statement) {
		r.unownedText(db, run)
		return
	}
	run(db)
	if db.Error == nil && !db.DryRun || db.Statement.SQL.Len() == 0 || r.refusedInside(db) || db.Error == nil {
		return
	}
	catalog := r.catalog.Load()
	if t := r.mentioned(catalog, db.Statement.SQL.String()); t != nil && r.mentioned(catalog, db.Error.Error()) == t {
		db.Error = joinErrors(&config.UnsupportedError{
			Entity: t.Name, Reason: "foreign-statement",
			Problem: "a statement on another model names a sharded table",
			Hint:    "build the subquery with db.Model, or use two queries",
		}, db.Error)
	}
}
