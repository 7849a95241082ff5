package callbacks

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
)

// Partial is a scope that leaves shards out of a read whose database does not answer.
func Partial(report *config.PartialReport) func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB {
		return changeScope(db, func(s *scope) { s.partial = report })
	}
}

// partialFor is the report of a read that may leave out shards; nil if it must not. What
// is read in a transaction is read to be relied on.
func partialFor(stmt *gorm.Statement) *config.PartialReport {
	sc, ok := loadScope(stmt)
	if !ok || sc.partial == nil || resolver.InTransaction(stmt.ConnPool) {
		return nil
	}
	return sc.partial
}

// refusePartial refuses a write: FirstOrCreate, for one, would make a row anew that is on
// a shard which it left out.
func refusePartial(stmt *gorm.Statement) error {
	if sc, ok := loadScope(stmt); ok && sc.partial != nil {
		return &config.UnsupportedError{
			Reason:  "partial-write",
			Problem: "a write under Partial",
			Hint:    "Partial is for reads: leave it out, also of FirstOrCreate",
		}
	}
	return nil
}

// openPartial reads every database to its end, and leaves out those that do not answer:
// a shard is in the answer as a whole or not at all. If none answers, the read fails.
func (l *legs) openPartial(ctx context.Context, report *config.PartialReport, w *watch) (merge.Source, error) {
	l.scatter.Hold(ctx)
	sources := make([]merge.Source, len(l.sqls))
	missing := make([]error, len(l.sqls))
	err := resolver.Each(ctx, l.share.atATime(), len(l.sqls), func(leg context.Context, i int) error {
		src, err := l.readWhole(leg, i, w)
		if err != nil && resolver.Lost(err) && leg.Err() == nil {
			missing[i] = err
			return nil
		}
		sources[i] = src
		return err
	})
	if err != nil {
		return nil, err
	}
	var present []merge.Source
	for i, src := range sources {
		w.took(l.sqls[i].shard.ID, l.times[i])
		if src != nil {
			present = append(present, src)
		}
	}
	for i, err := range missing {
		if err != nil {
			addMissing(report, l.plan, l.plan.Legs[i].Targets, err)
		}
	}
	if len(present) == 0 {
		return nil, errors.Join(missing...)
	}
	return l.r.mergeSources(l.plan, present)
}

// readWhole reads one database's rows.
func (l *legs) readWhole(ctx context.Context, i int, w *watch) (merge.Source, error) {
	began := time.Now()
	src, err := l.query(ctx, i)
	if err == nil {
		src, err = merge.Buffer(w.count(&shardSource{Source: src, plan: l.plan, shard: l.sqls[i].shard}), l.r.config.MaxBufferedRows)
		err = shardFailure(l.plan, l.sqls[i].shard, err)
		l.scatter.End(i)
	}
	l.times[i] = time.Since(began)
	l.r.trace(l.db, began, l.sqls[i], -1, err)
	return src, err
}

// addMissing notes shards that did not answer.
func addMissing(report *config.PartialReport, p *planner.Plan, targets []planner.Target, err error) {
	for i := range targets {
		s := targets[i].Shard
		report.Add(config.MissingShard{Entity: p.Entity, Shard: s.ID, Database: s.Database, Err: err})
	}
}

// noteMissing notes the shards of a read of one database that failed because that did not
// answer.
func noteMissing(db *gorm.DB, p *planner.Plan) {
	if db.Error == nil || p.Locking || len(p.Databases()) != 1 || !resolver.Lost(db.Error) || db.Statement.Context.Err() != nil {
		return
	}
	if report := partialFor(db.Statement); report != nil {
		addMissing(report, p, p.Targets, db.Error)
	}
}
