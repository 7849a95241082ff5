package callbacks

import (
	"strconv"
	"strings"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
)

// together narrows what a statement's text reads of co-located entities, and gives the
// places at which it still reads them. A statement inside another is left for that one,
// which also knows the arguments; AllShards insists on all of them. database is where
// the text will run.
func (r *Runtime) together(stmt *gorm.Statement, database string) []planner.Read {
	if sc, ok := loadScope(stmt); ok && sc.all || isSubquery(stmt) {
		return nil
	}
	text := stmt.SQL.String()
	narrow, reads := planner.Together(r.current(stmt.ConnPool), r.dialect, database, text, stmt.Vars, r.quote)
	if narrow != text {
		setText(stmt, narrow)
	}
	return reads
}

// togetherRead narrows a read of an entity, and its plan with it.
func (r *Runtime) togetherRead(stmt *gorm.Statement, p *planner.Plan, alias string) {
	for _, read := range r.together(stmt, planDatabase(p)) {
		if !read.Top || read.Table != p.Table || read.Alias != alias || len(read.Shards) >= len(p.Targets) {
			continue
		}
		p.Reason = planner.Because(p.Reason.String() + "; " + strconv.Itoa(len(read.Shards)) + " of them can hold what co-located entities are joined with")
		p.Targets = keepTargets(p.Targets, read.Shards)
		if len(p.Targets) == 1 {
			p.Form, p.FormReason = planner.One, "one shard"
		}
		return
	}
}

// keepTargets lists the targets of the given shards.
func keepTargets(targets []planner.Target, shards []*config.Shard) []planner.Target {
	var kept []planner.Target
	for i := range targets {
		for _, s := range shards {
			if targets[i].Shard.ID == s.ID {
				kept = append(kept, targets[i])
			}
		}
	}
	return kept
}

// nests tells whether a built text has a SELECT besides that of the statement and of
// the branches of its union.
func nests(p *planner.Plan, text string) bool {
	own := 1
	if p.Form == planner.Union {
		own += len(p.Targets)
	}
	return strings.Count(text, "SELECT ") > own
}

// carryReads notes what a statement's text reads of entities by their names, after it
// was narrowed: all shards, or those that the places at which the entity stands need.
func (r *Runtime) carryReads(stmt *gorm.Statement, tables []*config.Table) {
	reads := r.together(stmt, resolver.DatabaseOf(stmt.ConnPool))
	for _, t := range tables {
		shards, reason := t.Shards, "all shards: the text names "+t.LogicalName
		if some := shardsRead(t, reads); len(some) > 0 && len(some) < len(shards) {
			shards, reason = some, "the text joins "+t.LogicalName+" by its shard key"
		}
		r.carryRead(stmt, t, shards, reason)
	}
}

// shardsRead lists the shards of an entity that are read at any place, in visiting order.
func shardsRead(t *config.Table, reads []planner.Read) []*config.Shard {
	read := map[string]bool{}
	for _, at := range reads {
		for _, s := range at.Shards {
			if at.Table == t {
				read[s.ID] = true
			}
		}
	}
	var shards []*config.Shard
	for _, s := range t.Shards {
		if read[s.ID] {
			shards = append(shards, s)
		}
	}
	return shards
}

// carryRead notes that a statement reads shards of an entity by name.
func (r *Runtime) carryRead(stmt *gorm.Statement, t *config.Table, shards []*config.Shard, reason string) {
	p := &planner.Plan{
		Operation: planner.Raw, Entity: t.Name, Table: t, Epoch: r.current(stmt.ConnPool).Epoch, Form: planner.Union,
		Reason: planner.Because(reason), FormReason: "a derived table in the statement's own text",
	}
	if len(shards) == 1 {
		p.Form, p.FormReason = planner.One, "one shard"
	}
	p.Merge.Limit = -1
	for _, s := range shards {
		p.Targets = append(p.Targets, planner.Target{Shard: s})
	}
	p.Statements = []planner.SQL{{Shards: p.ShardIDs(), Text: stmt.SQL.String(), Args: len(stmt.Vars)}}
	carry(stmt, p)
}
