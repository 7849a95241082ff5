package callbacks

import (
	"context"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
)

// firstCome is how the statements of a read of any one row are sent: the lanes side by
// side, so many at a time, and the statements of a lane one after another.
type firstCome struct {
	lanes, limit int
	laneOf       func(i int) int
	spare        func(error) bool
	query        func(ctx context.Context, i int) (merge.Source, error)
	done         func(i int) // statement i has ended

	mu    sync.Mutex
	row   merge.Source // the first that was found
	none  merge.Source // of a statement without
	times []time.Duration
}

// firstCome gives the first row that any of a plan's statements gives; those that have
// none yet are cancelled. Without a row it waits for all.
func (r *Runtime) firstCome(ctx context.Context, db *gorm.DB, p *planner.Plan, sqls []shardSQL, f *firstCome, w *watch) (merge.Source, error) {
	f.times = make([]time.Duration, len(sqls))
	err := resolver.First(ctx, f.limit, f.lanes, f.spare, func(ctx context.Context, lane int) (bool, error) {
		for i := range sqls {
			if f.laneOf(i) != lane {
				continue
			}
			if f.over() {
				return false, nil
			}
			began := time.Now()
			src, err := f.query(ctx, i)
			found := false
			if err == nil {
				src, found, err = merge.BufferOne(w.count(&shardSource{Source: src, plan: p, shard: sqls[i].shard}))
			}
			f.done(i)
			f.times[i] = time.Since(began)
			if err == nil || !f.over() { // else it was cancelled
				r.trace(db, began, sqls[i], -1, err)
			}
			if err != nil {
				return false, shardFailure(p, sqls[i].shard, err)
			}
			if f.take(src, found); found {
				return true, nil
			}
		}
		return false, nil
	})
	for i, took := range f.times {
		if took > 0 {
			w.took(sqls[i].shard.ID, took)
		}
	}
	if err != nil {
		return nil, err
	}
	if f.row == nil {
		f.row = f.none
	}
	return r.finishMerge(p, f.row), nil
}

// over tells that a row was found.
func (f *firstCome) over() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.row != nil
}

// take keeps what one statement gave.
func (f *firstCome) take(src merge.Source, found bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case found && f.row == nil:
		f.row = src
	case !found && f.none == nil:
		f.none = src
	}
}
