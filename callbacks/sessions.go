package callbacks

import (
	"context"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
)

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
	if sessions.Lanes() == 1 { // no other lane is to be stopped, and SQLite's driver starts a goroutine for each row of a context that can end
		ctx = stmt.Context
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
