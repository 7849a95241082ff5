package callbacks

import (
	"context"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
)

// openTogether reads what is left of every shard by one statement per lane, and merges
// the lanes; a single one skips the rows before the page itself. The rows are few: they
// are kept in memory.
func (pg *pager) openTogether(ctx context.Context, page merge.Page, m planner.Merge, keys keyRange, w *watch) (merge.Source, error) {
	asked, skipped, err := pg.pageAt(page.Reversed, keys, m.Offset, m.Limit)
	if err != nil {
		return nil, err
	}
	if skipped {
		m.Offset = 0
	}
	sources := make([]merge.Source, len(asked))
	counted := make([]map[int64]int64, len(asked))
	times := make([]time.Duration, len(asked))
	lanes := pg.sessions.Lanes()
	err = resolver.Each(ctx, pg.parallel, lanes, func(ctx context.Context, lane int) error {
		for i := range asked {
			if asked[i].lane != lane {
				continue
			}
			began := time.Now()
			rows, err := pg.sessions.QueryLane(ctx, lane, asked[i].text, asked[i].vars)
			var src merge.Source
			if err == nil {
				src, err = merge.FromRows(rows)
			}
			if err == nil {
				counted[i] = map[int64]int64{}
				sources[i], err = merge.Buffer(&perShard{Source: src, rows: counted[i]}, pg.r.config.MaxBufferedRows)
			}
			times[i] = time.Since(began)
			pg.r.trace(pg.db, began, asked[i].shardSQL, -1, err)
			if err != nil {
				return shardFailure(pg.plan, asked[i].shard, err)
			}
		}
		return nil
	})
	if err != nil {
		for _, s := range sources {
			if s != nil {
				_ = s.Close()
			}
		}
		return nil, err
	}
	for i := range asked {
		for _, shard := range asked[i].shards {
			id := pg.plan.Targets[shard].Shard.ID
			w.took(id, times[i])
			w.affected(id, counted[i][int64(shard)])
		}
	}
	rest := *pg.plan
	rest.Merge = m
	src, err := pg.r.mergeSources(&rest, sources)
	if err != nil {
		return nil, err
	}
	src = merge.Project(src, len(src.Columns())-1)
	if page.Reversed {
		src, err = merge.Reversed(src, pg.r.config.MaxBufferedRows)
	}
	return src, mergeError(err)
}

// pageAt builds the statements of a page; skipped tells that a single one leaves out the
// rows before it.
func (pg *pager) pageAt(reversed bool, keys keyRange, offset, limit int) (asked []questions, skipped bool, err error) {
	if before := pg.plan.Statements; pg.sessions.Lanes() == 1 && offset > 0 {
		asked, err = pg.pages(reversed, keys, offset, limit)
		if err != nil || len(asked) == 1 {
			return asked, true, err
		}
		pg.plan.Statements = before // too many shards for one
	}
	asked, err = pg.pages(reversed, keys, 0, offset+limit)
	return asked, false, err
}

// perShard counts rows by the shard that their last column names.
type perShard struct {
	merge.Source
	rows map[int64]int64
}

// Next reads a row.
func (s *perShard) Next(dest []driver.Value) error {
	err := s.Source.Next(dest)
	if err != nil {
		return err
	}
	shard, ok := dest[len(dest)-1].(int64)
	if !ok {
		return fmt.Errorf("a row's shard of type %T", dest[len(dest)-1])
	}
	s.rows[shard]++
	return nil
}

// ColumnTypes are those of the rows.
func (s *perShard) ColumnTypes() []merge.ColumnType {
	if typed, ok := s.Source.(merge.TypedSource); ok {
		return typed.ColumnTypes()
	}
	return nil
}
