package callbacks

import (
	"strings"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
)

// A statement runs on the *gorm.DB's own database unless it visits another one: for
// that time its ConnPool is that database's, or, in a transaction, the branch there.

func stay() {}

// visit has the statement talk to a shard's database until leave is called, which must
// be done also after an error.
func (r *Runtime) visit(stmt *gorm.Statement, s *config.Shard) (leave func(), err error) {
	if !r.many || s == nil || r.root.DryRun {
		return stay, nil
	}
	return r.visitDatabase(stmt, s.Database)
}

func (r *Runtime) visitDatabase(stmt *gorm.Statement, id string) (leave func(), err error) {
	pool, err := resolver.On(stmt.ConnPool, id)
	if err != nil {
		return stay, err
	}
	before := stmt.ConnPool
	stmt.ConnPool = pool
	return func() { stmt.ConnPool = before }, nil
}

// home is the *gorm.DB's own database, where dtde's tables are, for a statement that may
// be visiting another one.
func (r *Runtime) home(pool gorm.ConnPool) gorm.ConnPool {
	if !r.many {
		return pool
	}
	own, err := resolver.On(pool, "")
	if err != nil { // a connection that is not dtde's is nowhere else
		return pool
	}
	return own
}

// visitPlan visits the one database that a plan's targets lie in; without any, that of
// the shard whose empty rows are read.
func (r *Runtime) visitPlan(stmt *gorm.Statement, p *planner.Plan) (leave func(), err error) {
	if !r.many || p.Legs != nil || p.Locking || r.root.DryRun || isSubquery(stmt) {
		return stay, nil
	}
	return r.visitDatabase(stmt, planDatabase(p))
}

// within runs f while the statement visits a shard's database.
func (r *Runtime) within(stmt *gorm.Statement, s *config.Shard, f func() error) error {
	leave, err := r.visit(stmt, s)
	defer leave()
	if err != nil {
		return err
	}
	return f()
}

// visitRaw visits the database of a plan for SQL text that runs as one statement.
func (r *Runtime) visitRaw(stmt *gorm.Statement, p *planner.Plan) (leave func(), err error) {
	if !r.many || p.Form == planner.Steps {
		return stay, nil
	}
	if len(p.Databases()) > 1 {
		return stay, databasesApart(p.Table)
	}
	return r.visitPlan(stmt, p)
}

func databasesApart(t *config.Table) error {
	return &config.UnsupportedError{
		Entity: t.Name, Reason: "databases-join",
		Problem: "one statement over tables in several databases",
		Hint:    "narrow it to shards of one database, or use the builder, Preload or two queries",
	}
}

// planDatabase is the one database of a plan that is a single statement.
func planDatabase(p *planner.Plan) string {
	if len(p.Targets) > 0 {
		return p.Targets[0].Shard.Database
	}
	if s := p.Table.Empty(); s != nil {
		return s.Database
	}
	return ""
}

// legShard names what one leg reads, for errors, logs and reports.
func legShard(l *planner.Leg) *config.Shard {
	if len(l.Targets) == 1 {
		return l.Targets[0].Shard
	}
	ids := make([]string, len(l.Targets))
	for i := range l.Targets {
		ids[i] = l.Targets[i].Shard.ID
	}
	return &config.Shard{ID: strings.Join(ids, ","), Database: l.Database}
}
