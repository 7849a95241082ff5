package merge

import (
	"context"
	"database/sql/driver"
	"slices"
)

// PagePart is a page's part of one shard: skip Skip rows and take Limit, in the order of the keys, or, if Reversed, in
// the reverse order, to be turned round again.
type PagePart struct {
	// Shard is the position of the shard among those that were asked.
	Shard       int
	Skip, Limit int64
	Reversed    bool
}

// WalkPage finds a page of shards whose rows don't mix in the order of the keys: it counts shard after shard, leaving
// behind those that end before the page. fits is false if the shards' first and last rows show that they do mix, by the
// first key; nothing is known then. Without parts the offset is behind the last row. ask is as in [FindPage].
func WalkPage(ctx context.Context, q PageQuery, ask func(reversed bool) PageShards) (parts []PagePart, fits bool, err error) {
	order, fits, err := inLine(ctx, q, ask)
	if err != nil || !fits {
		return nil, false, err
	}
	skip, limit := q.Offset, q.Limit
	asked := make([]bool, q.Shards)
	for _, i := range order {
		if limit == 0 {
			break
		}
		asked[i] = true
		counts, err := ask(false).Counts(ctx, nil, nil, asked, 0)
		if err != nil {
			return nil, false, err
		}
		asked[i] = false
		n := counts[i]
		if n <= skip {
			skip -= n
			continue
		}
		part := PagePart{Shard: i, Skip: skip, Limit: min(limit, n-skip)}
		if after := n - skip - part.Limit; q.Reverse && after < skip {
			part.Skip, part.Reversed = after, true
		}
		parts = append(parts, part)
		limit -= part.Limit
		skip = 0
	}
	return parts, true, nil
}

// inLine orders the shards that have rows, and makes sure that they follow one another.
func inLine(ctx context.Context, q PageQuery, ask func(reversed bool) PageShards) (order []int, fits bool, err error) {
	lead := withCompare(q.Keys[:1])
	at := make([]int64, q.Shards)
	firsts, err := ask(false).Keys(ctx, nil, at)
	if err != nil {
		return nil, false, err
	}
	lasts, err := ask(true).Keys(ctx, nil, at)
	if err != nil {
		return nil, false, err
	}
	compare := func(a, b []driver.Value) int {
		c, fault := compareRows(lead, a, b)
		if fault != nil {
			err = fault
		}
		return c
	}
	for i := range firsts {
		if firsts[i] != nil {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return compare(firsts[a], firsts[b]) })
	for i := 1; i < len(order); i++ {
		if compare(lasts[order[i-1]], firsts[order[i]]) >= 0 {
			return nil, false, err
		}
	}
	return order, err == nil, err
}
