package callbacks

import (
	"errors"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
)

// exec replaces gorm:raw, which serves Exec.
func (r *Runtime) exec(db *gorm.DB) {
	if db.Error != nil {
		return
	}
	r.raw(db, rawExec, r.inner.raw)
}

// rawCall is the call that SQL text came by.
type rawCall uint8

const (
	rawExec  rawCall = iota // Exec, whose rows nobody reads
	rawQuery                // Raw with Find, First and the like
	rawRow                  // Raw with Row, Rows and Scan
)

// raw aims SQL text that names a sharded table at its one shard, and lets run send
// it. Text that names none goes through untouched.
func (r *Runtime) raw(db *gorm.DB, call rawCall, run func(*gorm.DB)) {
	stmt := db.Statement
	if r.refusedInside(db) {
		return
	}
	rs, err := planner.AnalyzeRaw(r.current(stmt.ConnPool), r.dialect, stmt.SQL.String(), stmt.Vars)
	if rs == nil && err == nil {
		err := r.referenceText(stmt)
		if err == nil {
			err = r.unownedActions(stmt.SQL.String())
		}
		if r.marked(stmt.SQL.String()) && err == nil {
			r.rawServers(db, call)
			r.rawText(db, run, nil)
			return
		}
		if err != nil {
			fail(db, err)
			return
		}
		run(db)
		return
	}
	bindScope(stmt)
	if err == nil && r.rawApart(db, rs, call) {
		return
	}
	r.rawServers(db, call)
	if err == nil && rs.Table.Validity.Cut() {
		if rs.Operation != planner.Select {
			fail(db, uncut(rs.Table, rs.Operation))
			return
		}
		r.rawText(db, run, nil)
		return
	}
	if err != nil {
		r.rawText(db, run, err)
		return
	}
	if rs.Operation != planner.Select {
		if err := refusePartial(stmt); err != nil {
			fail(db, err)
			return
		}
	}
	watch := r.watch(stmt, rs.Table, planner.Raw)
	if rs.Insert != nil {
		p, err := r.rawInsert(db, rs, call, run, watch)
		fail(db, err)
		watch.done(db, p)
		return
	}
	p, err := r.planRaw(stmt, rs)
	if err == nil {
		rs, err = r.rawReading(stmt, rs, p)
	}
	if err != nil {
		fail(db, err)
		watch.done(db, nil)
		return
	}
	watch.resolved(p)
	carry(stmt, p)
	if r.dialect.Name == "sqlite" {
		utcTimes(stmt.Vars)
	}
	p.Statements = nil
	leave, err := r.visitRaw(stmt, p)
	defer leave()
	if err != nil {
		fail(db, err)
		watch.done(db, p)
		return
	}
	switch p.Form {
	case planner.Union:
		text, _, err := planner.RewriteTables(r.current(stmt.ConnPool), r.dialect, stmt.SQL.String(), r.quote,
			func(t *config.Table) (string, error) { return r.derived(stmt, t, p.Shards()) })
		if err != nil {
			fail(db, err)
			break
		}
		setText(stmt, text)
		if err := r.settle(stmt, planDatabase(p), nests(p, text)); err != nil {
			fail(db, err)
			break
		}
		p.Sent(nil, stmt.SQL.String(), len(stmt.Vars))
		run(db)
		db.Error = explained(p.Entity, "raw", db.Error)
	case planner.Steps:
		if p.First {
			fail(db, r.rawFirst(db, rs, p, call, watch))
			break
		}
		steps := make([]rawStep, len(p.Targets))
		for i := range p.Targets {
			steps[i].shardSQL = shardSQL{p.Targets[i].Shard, r.rawOn(stmt, rs, p.Targets[i].Shard), stmt.Vars}
		}
		if chosen, err := r.rawReads(rs, p, steps); err != nil {
			fail(db, err)
		} else if chosen {
			fail(db, r.rawChosen(db, rs, p, call, watch))
		} else {
			fail(db, r.rawSteps(db, p, call, steps, watch))
		}
	default:
		shard := p.Targets[0].Shard
		text := r.rawOn(stmt, rs, shard)
		setText(stmt, text)
		if err := r.settle(stmt, shard.Database, rs.Nests || strings.Count(strings.ToLower(text), "select") > 1); err != nil {
			fail(db, err)
			break
		}
		p.Sent(shard, stmt.SQL.String(), len(stmt.Vars))
		run(db)
		db.Error = explained(p.Entity, "raw", db.Error)
	}
	watch.done(db, p)
}

func setText(stmt *gorm.Statement, text string) {
	stmt.SQL.Reset()
	stmt.SQL.WriteString(text)
}

// rawText runs text over several tables: what it reads of sharded ones becomes the
// union of their shards. refusal is why it is no statement over one entity.
func (r *Runtime) rawText(db *gorm.DB, run func(*gorm.DB), refusal error) {
	stmt := db.Statement
	if sc, ok := loadScope(stmt); ok && len(sc.shards) > 0 {
		fail(db, &config.UnsupportedError{
			Reason: "raw-onshard", Problem: "OnShard with SQL text over several tables",
			Hint: "name the shard's own table in the text",
		})
		return
	}
	if err := r.referenceText(stmt); err != nil {
		fail(db, err)
		return
	}
	tables, err := r.rewrite(stmt)
	if err != nil {
		var unsupported, first *config.UnsupportedError
		if errors.As(err, &unsupported) && unsupported.Reason == "raw-shape" && errors.As(refusal, &first) && first.Reason != "raw-tables" {
			err = refusal // which knows more of it
		}
		fail(db, err)
		return
	}
	r.carryReads(stmt, tables)
	leave, err := r.settleRaw(stmt)
	defer leave()
	if err != nil {
		fail(db, err)
		return
	}
	run(db)
	if len(tables) > 0 {
		db.Error = explained(tables[0].Name, "raw", db.Error)
	}
}

// settleRaw visits the one database that text over several tables reads, if there is
// one, and makes it the text that runs there.
func (r *Runtime) settleRaw(stmt *gorm.Statement) (leave func(), err error) {
	leave = stay
	database := resolver.DatabaseOf(stmt.ConnPool)
	if ids := r.places(stmt.SQL.String()); r.many && len(ids) == 1 && ids[0] != database && !r.root.DryRun && !isSubquery(stmt) {
		if leave, err = r.visitDatabase(stmt, ids[0]); err != nil {
			return leave, err
		}
		database = ids[0]
	}
	return leave, r.settle(stmt, database, true)
}

// planRaw plans text as the builder's statement with the same conditions.
func (r *Runtime) planRaw(stmt *gorm.Statement, rs *planner.RawStatement) (*planner.Plan, error) {
	for attempt := 0; ; attempt++ {
		t := rs.Table
		if fresh, ok := r.current(stmt.ConnPool).ByModel(t.ModelType); ok {
			t = fresh
		}
		if err := r.rawActions(t, rs); err != nil {
			return nil, err
		}
		s := r.statement(stmt, rs.Operation, t, rs.Alias)
		s.Clauses = map[string]clause.Clause{}
		if rs.Where != nil {
			s.Clauses["WHERE"] = clause.Clause{Name: "WHERE", Expression: clause.Where{Exprs: rs.Where}}
		}
		var p *planner.Plan
		var err error
		if rs.Operation == planner.Select {
			p, err = planner.PlanRead(&s)
		} else {
			rs.LimitClauses(&s)
			p, err = planner.PlanWrite(&s, rs.Set)
		}
		if err != nil {
			return nil, err
		}
		if p.Open && !stmt.DryRun {
			if rs.Operation != planner.Select {
				if err := r.claim(stmt.Context, stmt.ConnPool, t); err != nil {
					return nil, err
				}
			}
			changed, _, err := r.confirm(stmt.Context, stmt.ConnPool, p.Epoch)
			if err != nil {
				return nil, err
			}
			if changed && attempt < maxReplans {
				continue
			}
		}
		return r.rawForm(p, t, rs)
	}
}

// rawForm decides how the text runs: aimed at its one shard, over the union of several
// if it reads, shard by shard if it writes. When no shard can hold a
// row, any of them gives the right answer; a writable one is taken.
func (r *Runtime) rawForm(p *planner.Plan, t *config.Table, rs *planner.RawStatement) (*planner.Plan, error) {
	if p.Moves {
		return nil, &config.ShardError{
			Entity: t.Name, Operation: "raw", Cause: config.ErrShardKeyChanged,
			Hint: "use db.Model(…).Updates, or delete and create in one transaction",
		}
	}
	if len(p.Targets) == 1 {
		p.Form = planner.One
		return p, nil
	}
	if len(p.Targets) == 0 {
		for _, s := range t.Shards {
			if !s.ReadOnly || rs.Operation == planner.Select {
				p.Targets, p.Form = []planner.Target{{Shard: s}}, planner.One
				return p, nil
			}
		}
	}
	switch {
	case len(p.Targets) > 1 && rs.Operation == planner.Select:
		p.Form, p.FormReason = planner.Union, "the text reads a derived table"
		return p, nil
	case len(p.Targets) > 1 && !rs.Limited && (rs.Operation == planner.Update || rs.Operation == planner.Delete):
		p.Form, p.FormReason = planner.Steps, "one step per shard, in visiting order, in one transaction"
		return p, nil
	}
	return nil, &config.UnsupportedError{
		Entity: t.Name, Reason: "raw-shards",
		Problem: "SQL text over more than one shard",
		Hint:    "name the shard key in its WHERE clause, use the builder, or say where with dtde.OnShard",
	}
}
