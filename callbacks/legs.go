package callbacks

import (
	"context"
	"database/sql/driver"
	"io"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
)

// aheadBounds are how much of each database's rows is read before the merge asks for it:
// enough to notice while another is slow that one has failed, and to keep all at work.
var aheadBounds = merge.AheadBounds{Rows: 4096, Bytes: 1 << 20}

// legs is a read of several databases: one statement in each, all at a time, whose rows
// are read ahead. The first failure of any stops the others.
type legs struct {
	r       *Runtime
	db      *gorm.DB
	plan    *planner.Plan
	sqls    []shardSQL
	scatter *resolver.Scatter
	share   *share
	tasks   *resolver.Tasks
	rows    []*merge.Ahead
	times   []time.Duration
}

// openLegs sends a plan's statements to their databases and merges their rows.
func (r *Runtime) openLegs(db *gorm.DB, p *planner.Plan, sqls []shardSQL, w *watch) (merge.Source, error) {
	stmt := db.Statement
	l := &legs{
		r: r, db: db, plan: p, sqls: sqls, rows: make([]*merge.Ahead, len(sqls)), times: make([]time.Duration, len(sqls)),
		scatter: resolver.OpenScatter(stmt.ConnPool, p.Databases()), share: r.share(len(sqls)),
	}
	if partial := partialFor(stmt); partial != nil {
		defer l.end()
		return l.openPartial(stmt.Context, partial, w)
	}
	ctx := stmt.Context
	l.scatter.Hold(ctx)
	if p.Merge.FirstCome {
		defer l.end()
		return r.firstCome(ctx, db, p, sqls, &firstCome{
			lanes: len(sqls), laneOf: func(i int) int { return i }, limit: l.share.atATime(), spare: l.spare(),
			query: l.query, done: l.scatter.End,
		}, w)
	}
	ready := make(chan struct{}) // rows are made with the tasks' own channel
	l.tasks = resolver.Start(ctx, len(sqls), len(sqls), l.spare(), func(ctx context.Context, i int) error {
		<-ready
		return l.run(ctx, i)
	})
	for i := range l.rows {
		l.rows[i] = merge.NewAhead(aheadBounds, l.tasks.Failed(), l.tasks.Wait)
	}
	close(ready)
	sources := make([]merge.Source, len(sqls))
	for i, rows := range l.rows {
		select {
		case <-rows.Opened():
			sources[i] = w.count(&shardSource{Source: rows, plan: p, shard: sqls[i].shard})
			continue
		case <-l.tasks.Failed():
		case <-ctx.Done(): // perhaps before they began
		}
		err := l.end()
		if err == nil { // they were faster than its end
			err = ctx.Err()
		}
		return nil, err
	}
	for i := range sqls {
		w.took(sqls[i].shard.ID, l.times[i])
	}
	src, err := r.mergeSources(p, sources)
	if err != nil {
		for _, rows := range l.rows {
			_ = rows.Close()
		}
		_ = l.end()
		return nil, err
	}
	return &legSource{Source: src, legs: l, watch: w}, nil
}

// spare is nil outside a transaction. A statement that is cancelled takes its connection,
// and so the whole transaction, with it; after an error that a database answered, a save
// point may go on.
func (l *legs) spare() func(error) bool {
	if !resolver.InTransaction(l.db.Statement.ConnPool) {
		return nil
	}
	ctx := l.db.Statement.Context
	return func(err error) bool { return !resolver.Lost(err) && ctx.Err() == nil }
}

// end waits until every statement has ended, and gives everything back.
func (l *legs) end() error {
	defer l.share.close()
	defer l.scatter.Close()
	if l.tasks == nil {
		return nil
	}
	return l.tasks.Wait() // or its panic
}

// run sends one statement and reads its rows.
func (l *legs) run(ctx context.Context, i int) error {
	if err := l.share.enter(ctx, l.tasks.Failed()); err != nil {
		return err
	}
	leave := sync.OnceFunc(l.share.leave)
	defer leave()
	began := time.Now()
	src, err := l.query(ctx, i)
	l.times[i] = time.Since(began)
	l.r.trace(l.db, began, l.sqls[i], -1, err)
	if err != nil {
		return err
	}
	defer l.scatter.End(i)
	err = l.rows[i].Fill(src, leave)
	return shardFailure(l.plan, l.sqls[i].shard, err)
}

// query sends one statement.
func (l *legs) query(ctx context.Context, i int) (merge.Source, error) {
	rows, err := l.scatter.Query(ctx, i, l.sqls[i].text, l.sqls[i].vars)
	var src merge.Source
	if err == nil {
		src, err = merge.FromRows(rows)
	}
	if err != nil {
		l.scatter.End(i)
		return nil, shardFailure(l.plan, l.sqls[i].shard, err)
	}
	return &legRows{Source: src, ctx: ctx, scatter: l.scatter, at: i}, nil
}

// legRows are a database's rows; what breaks them is told to its breaker.
type legRows struct {
	merge.Source
	ctx     context.Context
	scatter *resolver.Scatter
	at      int
}

// Next reads a row.
func (s *legRows) Next(dest []driver.Value) error {
	err := s.Source.Next(dest)
	if err == nil || err == io.EOF {
		return err
	}
	return s.scatter.Broke(s.ctx, s.at, err)
}

// ColumnTypes are those of the rows.
func (s *legRows) ColumnTypes() []merge.ColumnType {
	if typed, ok := s.Source.(merge.TypedSource); ok {
		return typed.ColumnTypes()
	}
	return nil
}

// legSource ends the statements when its rows end.
type legSource struct {
	merge.Source
	legs   *legs
	watch  *watch
	closed bool
}

// Next reads a row. A failure is told as the statement's, and not as that of the rows
// that the merge was waiting for.
func (s *legSource) Next(dest []driver.Value) error {
	err := s.Source.Next(dest)
	if err == nil || err == io.EOF {
		return err
	}
	select {
	case <-s.legs.tasks.Failed():
		if first := s.legs.tasks.Wait(); first != nil {
			return first
		}
	default:
	}
	return err
}

// ColumnTypes are those of the merged rows.
func (s *legSource) ColumnTypes() []merge.ColumnType {
	if typed, ok := s.Source.(merge.TypedSource); ok {
		return typed.ColumnTypes()
	}
	return nil
}

// Close closes the rows and waits until every statement has ended.
func (s *legSource) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	defer s.watch.closed()
	err := s.Source.Close()
	_ = s.legs.end() // a failure was told, or came after the last row that was wanted
	return err
}
