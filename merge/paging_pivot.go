package merge

import (
	"context"
	"database/sql/driver"
	"slices"
	"time"
)

// pivots are the shards of two keys: the one that comes first, and one that fewer rows come before than the positions
// add up to, most likely; -1 if there is none.
func pivots(keys []OrderKey, rows [][]driver.Value) (first, likely int, err error) {
	order := make([]int, 0, len(rows))
	for i, row := range rows {
		if row != nil {
			order = append(order, i)
		}
	}
	if len(order) == 0 {
		return -1, -1, nil
	}
	slices.SortStableFunc(order, func(a, b int) int {
		c, fault := compareRows(keys, rows[a], rows[b])
		if fault != nil {
			err = fault
		}
		return c
	})
	// In shards of about the same density the positions add up to the rank of the mean of the keys.
	lead := keys[0]
	mean, ok := 0.0, true
	for _, i := range order {
		var n float64
		if n, ok = magnitude(rows[i][lead.Column]); !ok {
			break
		}
		mean += n / float64(len(order))
	}
	if !ok {
		return order[0], order[(len(order)-1)/3], err // the middle would be too far every second time
	}
	last := len(order) - 1
	for ; last > 0; last-- {
		if n, _ := magnitude(rows[order[last]][lead.Column]); n == mean || n < mean != lead.Desc {
			break
		}
	}
	return order[0], order[last], err
}

// magnitude gives the values whose mean is taken.
func magnitude(v driver.Value) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	case float64:
		return v, true
	case time.Time:
		return float64(v.Unix()) + float64(v.Nanosecond())/1e9, true
	}
	return 0, false
}

// pageProbe is what one round of [FindPage] knows: per shard the position that was asked for, and the key there.
type pageProbe struct {
	keys    []OrderKey
	unique  bool // as in PageQuery
	from    []driver.Value
	at      []int64
	rows    [][]driver.Value
	holding []bool // shards that have rows from from on, as far as is known
}

// ranks counts, per shard, the rows from from on that come before the key of shard pivot.
func (p *pageProbe) ranks(ctx context.Context, shards PageShards, pivot int) ([]int64, error) {
	key := p.rows[pivot]
	if !p.unique {
		return shards.Counts(ctx, p.from, key, p.holding, 0)
	}
	lower, upper := make([][]driver.Value, len(p.rows)), make([][]driver.Value, len(p.rows))
	sides := make([]int64, len(p.rows))
	for i, row := range p.rows {
		if row == nil {
			if p.holding[i] {
				sides[i], lower[i], upper[i] = 1, p.from, key
			}
			continue
		}
		c, err := compareRows(p.keys, row, key)
		switch {
		case err != nil:
			return nil, err
		case c < 0:
			sides[i], lower[i], upper[i] = 1, row, key
		case c > 0:
			sides[i], lower[i], upper[i] = -1, key, row
		}
	}
	counts, err := shards.Between(ctx, lower, upper)
	if err != nil {
		return nil, err
	}
	for i := range counts {
		counts[i] *= sides[i]
		if p.rows[i] != nil {
			counts[i] += p.at[i]
		}
	}
	return counts, nil
}

func sum(counts []int64) (n int64) {
	for _, c := range counts {
		n += c
	}
	return n
}
