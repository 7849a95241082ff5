package callbacks

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// exec replaces gorm:raw, which serves Exec.
func (r *Runtime) exec(db *gorm.DB) {
	if db.Error != nil {
		return
	}
	r.raw(db, r.inner.raw)
}

// raw aims SQL text that names a sharded table at its one shard, and lets run send
// it. Text that names none goes through untouched.
func (r *Runtime) raw(db *gorm.DB, run func(*gorm.DB)) {
	stmt := db.Statement
	rs, err := planner.AnalyzeRaw(r.current(stmt.ConnPool), r.dialect, stmt.SQL.String(), stmt.Vars)
	if err != nil {
		fail(db, err)
		return
	}
	if rs == nil {
		run(db)
		return
	}
	bindScope(stmt)
	watch := r.watch(stmt, rs.Table, planner.Raw)
	p, err := r.planRaw(stmt, rs)
	if err != nil {
		fail(db, err)
		watch.done(db, nil)
		return
	}
	watch.resolved(p)
	carry(stmt, p)
	shard := p.Targets[0].Shard
	text := rs.Render(shard, r.quote)
	p.Statements = nil
	p.Sent(shard, text, len(stmt.Vars))
	stmt.SQL.Reset()
	stmt.SQL.WriteString(text)
	if r.dialect.Name == "sqlite" {
		utcTimes(stmt.Vars)
	}
	run(db)
	watch.done(db, p)
}

// planRaw plans text as the builder's statement with the same conditions; it must
// come down to one shard.
func (r *Runtime) planRaw(stmt *gorm.Statement, rs *planner.RawStatement) (*planner.Plan, error) {
	for attempt := 0; ; attempt++ {
		t := rs.Table
		if fresh, ok := r.current(stmt.ConnPool).ByModel(t.ModelType); ok {
			t = fresh
		}
		s := r.statement(stmt, rs.Operation, t, rs.Alias)
		s.Clauses = map[string]clause.Clause{}
		if rs.Where != nil {
			s.Clauses["WHERE"] = clause.Clause{Name: "WHERE", Expression: clause.Where{Exprs: rs.Where}}
		}
		var p *planner.Plan
		var err error
		switch rs.Operation {
		case planner.Insert:
			p, err = r.planRawInsert(stmt, &s, rs)
		case planner.Select:
			p, err = planner.PlanRead(&s)
		default:
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
			changed, err := r.refreshIfStale(stmt.Context, stmt.ConnPool)
			if err != nil {
				return nil, err
			}
			if changed && attempt < maxReplans {
				continue
			}
		}
		return r.oneShard(p, t, rs)
	}
}

// oneShard insists on one shard. When no shard can hold a row, any of them gives
// the right answer; a writable one is taken.
func (r *Runtime) oneShard(p *planner.Plan, t *config.Table, rs *planner.RawStatement) (*planner.Plan, error) {
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
	if len(p.Targets) == 0 && rs.Operation != planner.Insert && !rs.Limited {
		for _, s := range t.Shards {
			if !s.ReadOnly || rs.Operation == planner.Select {
				p.Targets, p.Form = []planner.Target{{Shard: s}}, planner.One
				return p, nil
			}
		}
	}
	return nil, &config.UnsupportedError{
		Entity: t.Name, Reason: "raw-shards",
		Problem: "SQL text over more than one shard",
		Hint:    "name the shard key in its WHERE clause, use the builder, or say where with dtde.OnShard",
	}
}

// planRawInsert places the rows of INSERT … VALUES, making the shard if need be.
func (r *Runtime) planRawInsert(stmt *gorm.Statement, s *planner.Statement, rs *planner.RawStatement) (*planner.Plan, error) {
	if rs.Values == nil && len(s.OnShard) == 0 {
		return nil, &config.UnsupportedError{
			Entity: s.Table.Name, Reason: "raw-insert",
			Problem: "an INSERT whose rows are not plain values",
			Hint:    "use db.Create, or say where with dtde.OnShard",
		}
	}
	p, err := planner.PlanInsert(s, rs.Values)
	if err != nil || stmt.DryRun {
		return p, err
	}
	for i := range p.Targets {
		if p.Targets[i].New && len(p.Targets) == 1 {
			if err := r.ensureShards(stmt.Context, stmt.ConnPool, s.Table, []string{p.Targets[i].Shard.ID}); err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}
