package callbacks

import (
	"strings"

	"gorm.io/gorm"
	gormcallbacks "gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// shardSQL is one shard's statement of a plan that has several.
type shardSQL struct {
	shard *config.Shard
	text  string
	vars  []any
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
	shown := selectHidden(stmt, &p.Merge)
	restore := func() {
		shown()
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
