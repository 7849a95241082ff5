package merge

import (
	"context"
	"database/sql/driver"
	"slices"
)

// PageShards answers questions about the rows of shards, each shard's in the order of the keys of a page. All answers
// come from one snapshot. A key is a row's values of the keys' columns.
type PageShards interface {
	// Keys gives, per shard, the key of the row at position at[i], from 0, among the rows that don't come before from
	// (nil: among all); nil where there is no such row, and where at[i] is below 0, which asks nothing.
	Keys(ctx context.Context, from []driver.Value, at []int64) ([][]driver.Value, error)
	// Counts counts, per shard with asked[i], the rows that don't come before from and come before to; nil is open. A
	// count stops at most, if most is above 0.
	Counts(ctx context.Context, from, to []driver.Value, asked []bool, most int64) ([]int64, error)
	// Between counts, per shard with to[i], the rows that don't come before from[i] (nil: all) and come before to[i].
	Between(ctx context.Context, from, to [][]driver.Value) ([]int64, error)
}

// PageQuery describes a page of rows from several shards.
type PageQuery struct {
	// Keys order the rows; Column is the position in a key. For [FindPage] they should tell any two rows apart: equal
	// rows are found right, too, but the search ends before them.
	Keys []OrderKey
	// Shards is their number.
	Shards int
	// Offset and Limit are the page's, from 0 and from 1.
	Offset, Limit int64
	// Small is the offset below which searching on costs more than fetching; at least twice the shards.
	Small int64
	// Reverse allows to come from the other end, if that is shorter.
	Reverse bool
	// Unique tells that no two rows of one shard have the same keys. A shard's rows before a pivot are then known from
	// the few between the pivot and its own probe, whose position is known; otherwise they are counted one by one.
	Unique bool
}

// Page says where a page begins: of the rows that don't come before From (nil: of all), in the order of the keys, or in
// the reverse order if Reversed, skip Skip and take Limit. Ended tells that the offset is behind the last row.
type Page struct {
	From        []driver.Value
	Skip, Limit int64
	Reversed    bool
	Ended       bool
	// Rounds is how often the shards were probed.
	Rounds int
}

// maxPageRounds bounds the search; what is left then is fetched.
const maxPageRounds = 64

// FindPage finds a page without fetching the rows before it. Each round takes one key per shard, at positions that add
// up to no more than the offset that is left, and makes one of them the pivot; the rows that come before it are counted
// in every shard and left behind. At most as many as are left come before the smallest key, but one near the middle
// leaves fewer for the next round: that is tried until it was too far once. ask gives the shards in the order of the
// keys, or in the reverse.
//
// A cut is never further than the counts prove, so the result is right for any distribution and with equal rows; only
// its cost differs.
func FindPage(ctx context.Context, q PageQuery, ask func(reversed bool) PageShards) (Page, error) {
	page := Page{Skip: q.Offset, Limit: q.Limit}
	keys := withCompare(q.Keys)
	if q.Offset < 0 || q.Offset > 1<<52 || q.Shards == 0 {
		return page, nil
	}
	if q.Reverse {
		if err := turn(ctx, q, ask(false), &page); err != nil || page.Ended {
			return page, err
		}
		if page.Reversed {
			keys = ReversedKeys(keys)
		}
	}
	return page, advance(ctx, keys, q, ask(page.Reversed), &page)
}

// turn counts the rows, and turns the page round if it is nearer to their end. One shard is asked first: if it has more
// than twice its part of the offset, then so do the others, most likely, and the page is in the first half.
func turn(ctx context.Context, q PageQuery, shards PageShards, page *Page) error {
	part := q.Offset / int64(q.Shards)
	var total int64
	first := make([]bool, q.Shards)
	first[0] = true
	for _, question := range []struct {
		asked []bool
		most  int64
	}{
		{first, 2*part + 1},
		{complement(first), 4*part + 1}, // a shard with more than this has most of the rows behind the page
	} {
		counts, err := shards.Counts(ctx, nil, nil, question.asked, question.most)
		if err != nil {
			return err
		}
		for i, n := range counts {
			if question.asked[i] && n >= question.most {
				return nil
			}
			total += n
		}
	}
	limit := min(q.Limit, total-q.Offset)
	switch after := total - q.Offset - limit; {
	case limit <= 0:
		page.Ended = true
	case after < q.Offset:
		page.Reversed, page.Skip, page.Limit = true, after, limit
	}
	return nil
}

func complement(set []bool) []bool {
	others := make([]bool, len(set))
	for i := range set {
		others[i] = !set[i]
	}
	return others
}

// advance moves the page's start until little is left to skip.
func advance(ctx context.Context, keys []OrderKey, q PageQuery, shards PageShards, page *Page) error {
	small := max(q.Small, 2*int64(q.Shards))
	left := slices.Repeat([]int64{-1}, q.Shards) // rows from From on, where known
	weights := slices.Repeat([]int64{1}, q.Shards)
	bold := q.Unique // a pivot that was too far is cheap to take back
	for page.Skip > small && page.Rounds < maxPageRounds {
		page.Rounds++
		at := positions(page.Skip, left, weights)
		rows, err := shards.Keys(ctx, page.From, at)
		if err != nil {
			return err
		}
		first, likely, err := pivots(keys, rows)
		if err != nil {
			return err
		}
		if first < 0 { // no shard has more than its part of the offset
			page.Ended = true
			return nil
		}
		holding, ended := make([]bool, q.Shards), make([]bool, q.Shards)
		ends := false
		for i := range left {
			holding[i] = left[i] != 0
			ended[i] = at[i] >= 0 && rows[i] == nil && left[i] < 0
			ends = ends || ended[i]
		}
		if ends { // such a shard's rows are few: its position bounds them
			sizes, err := shards.Counts(ctx, page.From, nil, ended, 0)
			if err != nil {
				return err
			}
			for i := range ended {
				if ended[i] {
					left[i] = sizes[i]
				}
			}
		}
		probe := pageProbe{keys: keys, unique: q.Unique, from: page.From, at: at, rows: rows, holding: holding}
		pivot := first
		if bold {
			pivot = likely
		}
		counts, err := probe.ranks(ctx, shards, pivot)
		if err == nil && sum(counts) > page.Skip && pivot != first {
			pivot, bold = first, false
			counts, err = probe.ranks(ctx, shards, pivot)
		}
		if err != nil {
			return err
		}
		before := sum(counts)
		if before > page.Skip || before == 0 && !ends {
			// Equal rows, or rows that Go and the engine order differently: this far and no further.
			return nil
		}
		for i, n := range counts {
			weights[i] = n + 1
			if left[i] > 0 {
				left[i] = max(left[i]-n, 0)
			}
		}
		page.From, page.Skip = rows[pivot], page.Skip-before
	}
	return nil
}

// positions divides an offset among the shards: half of it evenly, half by how many rows each gave in the last round,
// and to shards whose rows are known no more than those. -1 stands for a shard that is wholly within its part.
func positions(offset int64, left, weights []int64) []int64 {
	at := make([]int64, len(left))
	active := make([]bool, len(left))
	for i := range active {
		active[i] = left[i] != 0
		at[i] = -1
	}
	for rest := offset; ; {
		n, sum := 0, int64(0)
		for i := range active {
			if active[i] {
				n++
				sum += weights[i]
			}
		}
		again := false
		taken := int64(0)
		for i := range active {
			if !active[i] {
				continue
			}
			half := float64(rest) / 2
			at[i] = int64(half/float64(n) + half*float64(weights[i])/float64(sum))
			if left[i] >= 0 && left[i] <= at[i] {
				taken += left[i]
				at[i], active[i], again = -1, false, true
			}
		}
		if !again {
			return at
		}
		rest -= taken
	}
}

// ReversedKeys order rows the other way round, NULLs included.
func ReversedKeys(keys []OrderKey) []OrderKey {
	reversed := slices.Clone(keys)
	for i := range reversed {
		reversed[i].Desc, reversed[i].NullsFirst = !reversed[i].Desc, !reversed[i].NullsFirst
	}
	return reversed
}

// withCompare sets the comparers that are missing.
func withCompare(keys []OrderKey) []OrderKey {
	complete := slices.Clone(keys)
	for i := range complete {
		if complete[i].Compare == nil {
			complete[i].Compare = Compare
		}
	}
	return complete
}
