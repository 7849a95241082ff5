package callbacks

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
)

// openMerged opens every shard's rows and merges them as the plan says. What it
// returns closes them all; on error nothing is left open.
func (r *Runtime) openMerged(ctx context.Context, cancel context.CancelFunc, db *gorm.DB, p *planner.Plan, sqls []shardSQL, sessions *resolver.Sessions, w *watch) (merge.Source, error) {
	// rows that nobody sorts are read shard after shard: none have to be kept
	streams := sessions.Sequential() && len(p.Merge.Order) == 0 && !p.Merge.Sum
	sources := make([]merge.Source, len(sqls))
	times := make([]time.Duration, len(sqls))
	open := func(ctx context.Context, i int) error {
		began := time.Now()
		src, err := sessionRows(ctx, p, sqls, sessions, i)
		if err == nil {
			sources[i] = w.count(&shardSource{Source: src, plan: p, shard: sqls[i].shard})
			if sessions.Sequential() && !streams {
				sources[i], err = merge.Buffer(sources[i], r.config.MaxBufferedRows)
				err = shardFailure(p, sqls[i].shard, err)
			}
		}
		times[i] = time.Since(began)
		r.trace(db, began, sqls[i], -1, err)
		return err
	}
	first := len(sqls)
	if streams {
		first = sessions.Lanes()
	}
	var err error
	var failed atomic.Bool
	if sessions.Sequential() && !streams {
		err = sessions.Each(ctx, open)
	} else {
		// the rows outlive Each, so they are opened under a context that does, too
		err = resolver.Each(ctx, sessions.Lanes(), first, func(_ context.Context, i int) error {
			err := open(ctx, i)
			if err == nil {
				return nil
			}
			cancel()
			if failed.Swap(true) && errors.Is(err, context.Canceled) {
				return nil // stopped because of the first failure, which is reported
			}
			return err
		})
	}
	if err != nil {
		for _, s := range sources {
			if s != nil {
				_ = s.Close()
			}
		}
		return nil, err
	}
	for i := range first {
		w.took(sqls[i].shard.ID, times[i])
	}
	if !streams {
		return r.mergeSources(p, sources)
	}
	// each shard takes over the lane of one that has ended
	return r.finishMerge(p, merge.Sequence(sources[:first:first], len(sqls), func(i int) (merge.Source, error) {
		if err := open(ctx, i); err != nil {
			return nil, err
		}
		w.took(sqls[i].shard.ID, times[i])
		return sources[i], nil
	})), nil
}

// sessionRows sends one session's statement.
func sessionRows(ctx context.Context, p *planner.Plan, sqls []shardSQL, sessions *resolver.Sessions, i int) (merge.Source, error) {
	rows, err := sessions.Query(ctx, i, sqls[i].text, sqls[i].vars)
	var src merge.Source
	if err == nil {
		src, err = merge.FromRows(rows)
	}
	return src, shardFailure(p, sqls[i].shard, err)
}

// mergeSources carries out the plan's merge steps.
func (r *Runtime) mergeSources(p *planner.Plan, sources []merge.Source) (merge.Source, error) {
	m := &p.Merge
	if m.Sum {
		return sum(sources)
	}
	var src merge.Source
	if len(m.Order) == 0 {
		src = merge.Concat(sources...)
	} else {
		keys := make([]merge.OrderKey, len(m.Order))
		for i, o := range m.Order {
			at := columnIndex(sources[0].Columns(), o.Column)
			if at < 0 {
				for _, s := range sources {
					_ = s.Close()
				}
				return nil, &config.UnsupportedError{
					Entity: p.Entity, Reason: "sessions-order",
					Problem: "sessions can not order by a column that is not selected",
					Hint:    "select " + o.Column + ", or let the read use a union",
				}
			}
			keys[i] = merge.OrderKey{Column: at, Desc: o.Desc, NullsFirst: o.NullsFirst}
		}
		src = merge.Ordered(keys, sources...)
	}
	return r.finishMerge(p, src), nil
}

// finishMerge carries out the steps that come after the rows are in one stream.
func (r *Runtime) finishMerge(p *planner.Plan, src merge.Source) merge.Source {
	m := &p.Merge
	if m.Groups != nil {
		src = r.groups(m.Groups, src)
	}
	if m.Distinct {
		src = merge.Distinct(src, r.config.MaxBufferedRows)
	}
	if m.Offset > 0 || m.Limit >= 0 {
		src = merge.Limit(src, int64(m.Offset), int64(m.Limit))
	}
	if n := len(m.Hidden); n > 0 {
		src = merge.Project(src, len(src.Columns())-n)
	}
	return src
}

func columnIndex(columns []string, name string) int {
	for i, c := range columns {
		if strings.EqualFold(c, name) {
			return i
		}
	}
	return -1
}

// sum adds the one count that each source holds.
func sum(sources []merge.Source) (merge.Source, error) {
	columns := sources[0].Columns()
	total := merge.Group(merge.Concat(sources...), merge.GroupSpec{
		Columns:   []merge.GroupColumn{{Name: columns[0], Func: merge.Count, Column: 0}},
		MaxGroups: 1,
	})
	row := make([]driver.Value, 1)
	if err := total.Next(row); err != nil {
		_ = total.Close()
		return nil, err
	}
	return merge.FromValues(columns, [][]driver.Value{row}), total.Close()
}
