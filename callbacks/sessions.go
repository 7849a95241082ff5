package callbacks

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
	gormcallbacks "gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
)

// shardSQL is one shard's statement of a plan that has several.
type shardSQL struct {
	shard *config.Shard
	text  string
	vars  []any
}

// fetchSessions reads shard by shard on one snapshot and scans the merged rows.
func (r *Runtime) fetchSessions(db *gorm.DB, p *planner.Plan, alias string, w *watch) {
	src, err := r.openSessionSource(db, p, alias, w)
	if err != nil {
		fail(db, err)
		return
	}
	if src == nil {
		return
	}
	rows, err := merge.Rows(db.Statement.Context, src)
	if err != nil {
		fail(db, err)
		return
	}
	scan(db, rows, 0)
}

// openSessionSource opens the sessions and gives their merged rows, which close the
// sessions when they are closed; nil in DryRun.
func (r *Runtime) openSessionSource(db *gorm.DB, p *planner.Plan, alias string, w *watch) (src merge.Source, err error) {
	stmt := db.Statement
	if len(stmt.Vars) > 0 || isSubquery(stmt) {
		return nil, &config.UnsupportedError{
			Entity: p.Entity, Reason: "subquery-sessions",
			Problem: "a subquery that needs one statement per shard",
			Hint:    "let it read by a union, or run it on its own first",
		}
	}
	paged := r.pages(stmt, p) && !db.DryRun
	var sqls []shardSQL
	if !paged { // DryRun shows the plain fetch, which needs no answers
		sqls, err = r.buildSessions(db, p, alias)
		if err != nil || db.DryRun || db.Error != nil {
			return nil, err
		}
	}
	if p.Locking {
		return r.lockInOrder(db, p, sqls, w)
	}
	if p.Legs != nil && !paged {
		return r.openLegs(db, p, sqls, w)
	}
	leave, err := r.visitPlan(stmt, p)
	defer leave()
	if err != nil {
		return nil, err
	}
	share := r.share(lanesOf(p, paged))
	defer func() {
		if src == nil {
			share.close()
		}
	}()
	// the sessions live as long as their rows; a failure of one stops the others
	ctx, cancel := context.WithCancel(stmt.Context)
	var sessions *resolver.Sessions
	switch {
	case p.Legs != nil:
		ids := make([]string, len(p.Targets))
		for i := range p.Targets {
			ids[i] = p.Targets[i].Shard.Database
		}
		sessions, err = resolver.OpenSnapshots(ctx, stmt.ConnPool, r.dialect.Name, ids)
	default:
		sessions, err = resolver.OpenSessions(ctx, stmt.ConnPool, r.dialect.Name, len(p.Targets), share.atATime())
	}
	if err != nil {
		cancel()
		return nil, err
	}
	var rows merge.Source
	switch {
	case p.Merge.FirstCome && sessions.Lanes() > 1:
		rows, err = r.firstCome(ctx, db, p, sqls, &firstCome{
			lanes: sessions.Lanes(), limit: sessions.Lanes(), laneOf: sessions.LaneOf,
			query: func(ctx context.Context, i int) (merge.Source, error) { return sessionRows(ctx, p, sqls, sessions, i) },
			done:  func(int) {},
		}, w)
	case paged:
		rows, err = r.openPage(ctx, cancel, db, p, alias, sessions, share.atATime(), w)
	default:
		rows, err = r.openMerged(ctx, cancel, db, p, sqls, sessions, w)
	}
	if err != nil {
		cancel()
		sessions.Close()
		return nil, err
	}
	return &sessionSource{Source: rows, sessions: sessions, share: share, cancel: cancel, watch: w}, nil
}

// lanesOf is how many statements of a plan by sessions may run at a time.
func lanesOf(p *planner.Plan, paged bool) int {
	switch {
	case p.Legs != nil:
		return len(p.Legs)
	case paged:
		return pagingLanes
	}
	return len(p.Targets)
}

// sessionSource ends its sessions when its rows end.
type sessionSource struct {
	merge.Source
	sessions *resolver.Sessions
	share    *share
	cancel   context.CancelFunc
	watch    *watch
}

// ColumnTypes are those of the merged rows.
func (s *sessionSource) ColumnTypes() []merge.ColumnType {
	if typed, ok := s.Source.(merge.TypedSource); ok {
		return typed.ColumnTypes()
	}
	return nil
}

// Close closes the rows first, then the sessions that they came from.
func (s *sessionSource) Close() error {
	defer s.watch.closed()
	defer s.cancel()
	defer s.share.close()
	defer s.sessions.Close()
	return s.Source.Close()
}

// buildSessions builds every shard's statement, one after another on the caller's
// own. In DryRun the texts are left in the statement, values inlined.
func (r *Runtime) buildSessions(db *gorm.DB, p *planner.Plan, alias string) ([]shardSQL, error) {
	stmt := db.Statement
	text := subtext(stmt)
	lock, err := r.takeLock(stmt, p)
	if err != nil {
		return nil, err
	}
	defer lock.restore()
	hint := r.takeIndexHint(stmt)
	defer hint.put()
	a := aim(stmt)
	limit, limited := stmt.Clauses["LIMIT"]
	from, sourced := stmt.Clauses["FROM"]
	whole := r.takePartials(stmt, p)
	restore := func() {
		whole()
		a.restore()
		if limited {
			stmt.Clauses["LIMIT"] = limit
		}
	}
	defer restore()
	sqls := make([]shardSQL, 0, len(p.Targets))
	p.Statements = nil
	for _, part := range sessionParts(p, r.dialect, text || r.many && nested(stmt)) {
		if a.had {
			stmt.Clauses["WHERE"] = a.where
		}
		if target := &part.Targets[0]; part.Form == planner.One {
			stmt.Table, stmt.TableExpr = alias, hint.behind(r.asTable(target.Shard, alias), p.Table, target.Shard)
			if target.Where != nil {
				stmt.Clauses["WHERE"] = clause.Clause{Name: "WHERE", Expression: clause.Where{Exprs: target.Where}}
			}
		} else {
			r.aimRead(stmt, part.Plan, alias, &hint)
		}
		lock.put()
		if delete(stmt.Clauses, "FROM"); sourced { // GORM adds the joins once more
			stmt.Clauses["FROM"] = from
		}
		delete(stmt.Clauses, "LIMIT")
		if n := p.BranchLimit; n > 0 {
			stmt.AddClause(clause.Limit{Limit: &n})
		}
		gormcallbacks.BuildQuerySQL(db)
		if db.Error != nil || r.refusedInside(db) {
			return nil, nil
		}
		if text {
			if err := r.rewriteBuilt(stmt); err != nil {
				return nil, err
			}
		}
		if built := stmt.SQL.String(); text || r.marked(built) {
			r.together(stmt, planDatabase(part.Plan))
		}
		if err := r.settle(stmt, planDatabase(part.Plan), text || r.many && nests(part.Plan, stmt.SQL.String())); err != nil {
			return nil, err
		}
		sqls = append(sqls, shardSQL{part.shard, stmt.SQL.String(), stmt.Vars})
		p.Statements = append(p.Statements, planner.SQL{Shards: part.ShardIDs(), Text: stmt.SQL.String(), Args: len(stmt.Vars)})
		stmt.SQL.Reset()
		stmt.Vars = nil
	}
	if db.DryRun {
		stmt.SQL.WriteString(r.explainAll(sqls))
	}
	return sqls, nil
}

// sessionPart is what one session reads, as a plan of its own.
type sessionPart struct {
	*planner.Plan
	shard *config.Shard
}

// sessionParts takes a plan apart: by databases, else by shards. beside is [planner.Leg.Plan]'s.
func sessionParts(p *planner.Plan, d planner.Dialect, beside bool) []sessionPart {
	legs := p.Legs
	if legs == nil {
		legs = make([]planner.Leg, len(p.Targets))
		for i := range p.Targets {
			legs[i] = planner.Leg{Database: p.Targets[i].Shard.Database, Targets: p.Targets[i : i+1]}
		}
	}
	parts := make([]sessionPart, len(legs))
	for i := range legs {
		parts[i] = sessionPart{legs[i].Plan(p, d, beside), legShard(&legs[i])}
	}
	return parts
}

// explainAll joins statements with their values inlined, each ready to run.
func (r *Runtime) explainAll(sqls []shardSQL) string {
	texts := make([]string, len(sqls))
	for i, s := range sqls {
		texts[i] = r.dialector.Explain(s.text, s.vars...)
	}
	return strings.Join(texts, ";\n")
}

// openMerged opens every shard's rows and merges them as the plan says. What it
// returns closes them all; on error nothing is left open.
func (r *Runtime) openMerged(ctx context.Context, cancel context.CancelFunc, db *gorm.DB, p *planner.Plan, sqls []shardSQL, sessions *resolver.Sessions, w *watch) (merge.Source, error) {
	// rows that nobody sorts are read shard after shard: none have to be kept
	streams := sessions.Sequential() && len(p.Merge.Order) == 0 && !p.Merge.Sum
	sources := make([]merge.Source, len(sqls))
	times := make([]time.Duration, len(sqls))
	open := func(ctx context.Context, i int) error {
		began := time.Now()
		src, err := sessionRows(ctx, p, sqls, sessions, i)
		if err == nil {
			sources[i] = w.count(&shardSource{Source: src, plan: p, shard: sqls[i].shard})
			if sessions.Sequential() && !streams {
				sources[i], err = merge.Buffer(sources[i], r.config.MaxBufferedRows)
				err = shardFailure(p, sqls[i].shard, err)
			}
		}
		times[i] = time.Since(began)
		r.trace(db, began, sqls[i], -1, err)
		return err
	}
	first := len(sqls)
	if streams {
		first = sessions.Lanes()
	}
	var err error
	var failed atomic.Bool
	if sessions.Sequential() && !streams {
		err = sessions.Each(ctx, open)
	} else {
		// the rows outlive Each, so they are opened under a context that does, too
		err = resolver.Each(ctx, sessions.Lanes(), first, func(_ context.Context, i int) error {
			err := open(ctx, i)
			if err == nil {
				return nil
			}
			cancel()
			if failed.Swap(true) && errors.Is(err, context.Canceled) {
				return nil // stopped because of the first failure, which is reported
			}
			return err
		})
	}
	if err != nil {
		for _, s := range sources {
			if s != nil {
				_ = s.Close()
			}
		}
		return nil, err
	}
	for i := range first {
		w.took(sqls[i].shard.ID, times[i])
	}
	if !streams {
		return r.mergeSources(p, sources)
	}
	// each shard takes over the lane of one that has ended
	return r.finishMerge(p, merge.Sequence(sources[:first:first], len(sqls), func(i int) (merge.Source, error) {
		if err := open(ctx, i); err != nil {
			return nil, err
		}
		w.took(sqls[i].shard.ID, times[i])
		return sources[i], nil
	})), nil
}

// sessionRows sends one session's statement.
func sessionRows(ctx context.Context, p *planner.Plan, sqls []shardSQL, sessions *resolver.Sessions, i int) (merge.Source, error) {
	rows, err := sessions.Query(ctx, i, sqls[i].text, sqls[i].vars)
	var src merge.Source
	if err == nil {
		src, err = merge.FromRows(rows)
	}
	return src, shardFailure(p, sqls[i].shard, err)
}

// lockInOrder carries out a locking read: shard after shard in visiting order, so
// that two of them can not wait for each other. Each statement sees the rows as they
// are when it locks them, as one statement would. Outside a transaction the locks end
// with the statement, as those of one statement do.
func (r *Runtime) lockInOrder(db *gorm.DB, p *planner.Plan, sqls []shardSQL, w *watch) (merge.Source, error) {
	stmt := db.Statement
	pool := stmt.ConnPool
	var own *gorm.DB
	if !resolver.InTransaction(pool) {
		if own = session(db).Begin(); own.Error != nil {
			return nil, own.Error
		}
		pool = own.Statement.ConnPool
		defer own.Rollback() // after Commit it does nothing
	}
	sources := make([]merge.Source, 0, len(sqls))
	for i := range sqls {
		began := time.Now()
		on, err := resolver.On(pool, sqls[i].shard.Database)
		if err != nil {
			return nil, err
		}
		rows, err := on.QueryContext(stmt.Context, sqls[i].text, sqls[i].vars...)
		var src merge.Source
		if err == nil {
			src, err = merge.FromRows(rows)
		}
		if err == nil {
			src, err = merge.Buffer(w.count(&shardSource{Source: src, plan: p, shard: sqls[i].shard}), r.config.MaxBufferedRows)
		}
		w.took(sqls[i].shard.ID, time.Since(began))
		r.trace(db, began, sqls[i], -1, err)
		if err != nil {
			return nil, shardFailure(p, sqls[i].shard, err)
		}
		sources = append(sources, src)
	}
	if own != nil {
		if err := own.Commit().Error; err != nil {
			return nil, err
		}
	}
	return r.mergeSources(p, sources)
}

// mergeSources carries out the plan's merge steps.
func (r *Runtime) mergeSources(p *planner.Plan, sources []merge.Source) (merge.Source, error) {
	m := &p.Merge
	if m.Sum {
		return sum(sources)
	}
	var src merge.Source
	if len(m.Order) == 0 {
		src = merge.Concat(sources...)
	} else {
		keys := make([]merge.OrderKey, len(m.Order))
		for i, o := range m.Order {
			at := columnIndex(sources[0].Columns(), o.Column)
			if at < 0 {
				for _, s := range sources {
					_ = s.Close()
				}
				return nil, &config.UnsupportedError{
					Entity: p.Entity, Reason: "sessions-order",
					Problem: "sessions can not order by a column that is not selected",
					Hint:    "select " + o.Column + ", or let the read use a union",
				}
			}
			keys[i] = merge.OrderKey{Column: at, Desc: o.Desc, NullsFirst: o.NullsFirst}
		}
		src = merge.Ordered(keys, sources...)
	}
	return r.finishMerge(p, src), nil
}

// finishMerge carries out the steps that come after the rows are in one stream.
func (r *Runtime) finishMerge(p *planner.Plan, src merge.Source) merge.Source {
	m := &p.Merge
	if m.Groups != nil {
		src = r.groups(m.Groups, src)
	}
	if m.Distinct {
		src = merge.Distinct(src, r.config.MaxBufferedRows)
	}
	if m.Offset > 0 || m.Limit >= 0 {
		src = merge.Limit(src, int64(m.Offset), int64(m.Limit))
	}
	return src
}

func columnIndex(columns []string, name string) int {
	for i, c := range columns {
		if strings.EqualFold(c, name) {
			return i
		}
	}
	return -1
}

// sum adds the one count that each source holds.
func sum(sources []merge.Source) (merge.Source, error) {
	columns := sources[0].Columns()
	total := merge.Group(merge.Concat(sources...), merge.GroupSpec{
		Columns:   []merge.GroupColumn{{Name: columns[0], Func: merge.Count, Column: 0}},
		MaxGroups: 1,
	})
	row := make([]driver.Value, 1)
	if err := total.Next(row); err != nil {
		_ = total.Close()
		return nil, err
	}
	return merge.FromValues(columns, [][]driver.Value{row}), total.Close()
}

// trace logs one of several statements, as GORM logs a single one.
func (r *Runtime) trace(db *gorm.DB, began time.Time, s shardSQL, rows int64, err error) {
	// a session's logger need not be safe for concurrent use: GORM calls it from one goroutine
	r.tracing.Lock()
	defer r.tracing.Unlock()
	db.Logger.Trace(db.Statement.Context, began, func() (string, int64) {
		text, vars := s.text, s.vars
		if filter, ok := db.Logger.(gorm.ParamsFilter); ok {
			text, vars = filter.ParamsFilter(db.Statement.Context, text, vars...)
		}
		return r.dialector.Explain(text, vars...), rows
	}, err)
}
