package callbacks

import (
	"slices"
	"sync/atomic"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// Per-statement settings live in Statement.Settings under unexported struct keys, so
// that no string of the program can collide with them.
type (
	scopeKey  struct{}
	recordKey struct{}
)

// scope is what the shard scopes of one statement ask for. GORM copies settings to
// the statements of preloads and associations; bound names the statement that the
// scope was meant for, so that it does not reach those.
type scope struct {
	bound  *gorm.Statement
	shards []string
	tiers  []config.Tier
	all    bool
	form   config.ReadForm
	// report is filled when the statement has run; nil if nobody asked.
	report *config.Report
	// partial is where shards are noted that do not answer and are left out; nil means
	// that they fail the read.
	partial *config.PartialReport
	// after is a keyset cursor, "" the first page; nil if none was given.
	after *string
}

// scoped tells that a scope or an Explain was ever asked for in this process. Before
// that there is nothing to look for in a statement's settings, and looking into an
// empty sync.Map allocates.
var scoped atomic.Bool

// recorder collects the plans of every statement below one Explain.
type recorder struct{ plans []*planner.Plan }

func loadScope(stmt *gorm.Statement) (scope, bool) {
	if !scoped.Load() {
		return scope{}, false
	}
	v, ok := stmt.Settings.Load(scopeKey{})
	if !ok {
		return scope{}, false
	}
	s := v.(scope)
	return s, s.bound == nil || s.bound == stmt
}

func changeScope(db *gorm.DB, change func(*scope)) *gorm.DB {
	s, ok := loadScope(db.Statement)
	if !ok {
		s = scope{}
	}
	s.bound = nil
	s.shards = append([]string(nil), s.shards...)
	change(&s)
	scoped.Store(true)
	db.Statement.Settings.Store(scopeKey{}, s)
	return db
}

// bindScope ties a scope to the statement that now runs.
func bindScope(stmt *gorm.Statement) {
	if !scoped.Load() {
		return
	}
	v, ok := stmt.Settings.Load(scopeKey{})
	if !ok {
		return
	}
	if s := v.(scope); s.bound == nil {
		s.bound = stmt
		stmt.Settings.Store(scopeKey{}, s)
	}
}

// OnShard is a scope that sends the statement to the named shards only.
func OnShard(ids ...string) func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB {
		return changeScope(db, func(s *scope) { s.shards, s.all = append(s.shards, ids...), false })
	}
}

// AllShards is a scope that sends the statement to every shard, whatever its
// conditions say.
func AllShards() func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB {
		return changeScope(db, func(s *scope) { s.shards, s.all = nil, true })
	}
}

// InTiers is a scope that narrows a read, an update or a delete to the shards of these
// tiers.
func InTiers(tiers ...config.Tier) func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB {
		return changeScope(db, func(s *scope) { s.tiers = append(slices.Clone(s.tiers), tiers...) })
	}
}

// Reads is a scope that insists on a form for a read over several shards.
func Reads(form config.ReadForm) func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB {
		return changeScope(db, func(s *scope) { s.form = form })
	}
}

// planCarrier keeps a statement's plan among its clauses, where it costs no
// allocation and travels with the *gorm.DB that the finisher returns.
const planCarrier = "dtde:plan"

// carry keeps the plan with the statement, and with a surrounding Explain.
func carry(stmt *gorm.Statement, p *planner.Plan) {
	stmt.Clauses[planCarrier] = clause.Clause{Expression: carried{p}}
	if !scoped.Load() {
		return
	}
	if v, ok := stmt.Settings.Load(recordKey{}); ok {
		rec := v.(*recorder)
		rec.plans = append(rec.plans, p)
	}
}

// Plans gives the plan of what tx just executed; nil if dtde did not route it.
func Plans(tx *gorm.DB) []*planner.Plan {
	if v, ok := tx.Statement.Settings.Load(recordKey{}); ok {
		return v.(*recorder).plans
	}
	if c, ok := tx.Statement.Clauses[planCarrier].Expression.(carried); ok {
		return []*planner.Plan{c.plan}
	}
	return nil
}

// carried is a plan as a clause that is never built.
type carried struct{ plan *planner.Plan }

// Build writes nothing.
func (carried) Build(clause.Builder) {}

// Explain runs fn in DryRun on a session of its own and gives the plans of all the
// statements that it made, in order.
func Explain(db *gorm.DB, fn func(tx *gorm.DB) *gorm.DB) ([]*planner.Plan, error) {
	scoped.Store(true)
	rec := &recorder{}
	tx := db.Session(&gorm.Session{DryRun: true, SkipDefaultTransaction: true, Initialized: true})
	tx.Statement.Settings.Store(recordKey{}, rec)
	out := fn(tx.Session(&gorm.Session{}))
	return rec.plans, out.Error
}
