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

// visitPlan visits the one database that a plan's targets lie in.
func (r *Runtime) visitPlan(stmt *gorm.Statement, p *planner.Plan) (leave func(), err error) {
	if !r.many || len(p.Targets) == 0 || p.Legs != nil || p.Locking || r.root.DryRun {
		return stay, nil
	}
	return r.visitDatabase(stmt, p.Targets[0].Shard.Database)
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

// sameDatabase refuses text that runs in one database and reads an entity's shards in
// another, which that database does not have.
func (r *Runtime) sameDatabase(stmt *gorm.Statement, tables []*config.Table) error {
	if !r.many || r.root.DryRun {
		return nil
	}
	id := resolver.DatabaseOf(stmt.ConnPool)
	for _, t := range tables {
		for _, s := range t.Shards {
			if s.Database != id {
				return databasesApart(t)
			}
		}
	}
	return nil
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
