package merge_test

import (
	"context"
	"database/sql/driver"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/merge"
)

// wholeOrder is the order of keys of whole numbers, without anything of the package.
func wholeOrder(keys []merge.OrderKey) func(a, b []driver.Value) int {
	return func(a, b []driver.Value) int {
		for _, k := range keys {
			x, xKnown := whole(a[k.Column])
			y, yKnown := whole(b[k.Column])
			switch {
			case !xKnown && !yKnown:
				continue
			case xKnown != yKnown && xKnown == k.NullsFirst:
				return 1
			case xKnown != yKnown:
				return -1
			case x != y && (x < y) != k.Desc:
				return -1
			case x != y:
				return 1
			}
		}
		return 0
	}
}

// whole is a number, or a number as text.
func whole(v driver.Value) (int64, bool) {
	if text, ok := v.(string); ok {
		n, err := strconv.ParseInt(text, 10, 64)
		return n, err == nil
	}
	n, ok := v.(int64)
	return n, ok
}

// fakeShards answer from memory, and count what they are asked.
type fakeShards struct {
	order  func(a, b []driver.Value) int
	shards [][][]driver.Value // each in order
	work   *work
}

// work is what shards had to do: questions in statements, and rows that they went over.
type work struct {
	asked, statements int
	walked            int64
}

func (f *fakeShards) from(i int, from []driver.Value) [][]driver.Value {
	rows := f.shards[i]
	if from == nil {
		return rows
	}
	at := slices.IndexFunc(rows, func(row []driver.Value) bool { return f.order(row, from) >= 0 })
	if at < 0 {
		return nil
	}
	return rows[at:]
}

func (f *fakeShards) Keys(_ context.Context, from []driver.Value, at []int64) ([][]driver.Value, error) {
	keys := make([][]driver.Value, len(f.shards))
	f.work.statements++
	for i := range f.shards {
		if at[i] < 0 {
			continue
		}
		f.work.asked++
		rows := f.from(i, from)
		if at[i] < int64(len(rows)) {
			keys[i] = rows[at[i]]
		}
		f.work.walked += min(at[i]+1, int64(len(rows)))
	}
	return keys, nil
}

func (f *fakeShards) Counts(_ context.Context, from, to []driver.Value, asked []bool, most int64) ([]int64, error) {
	counts := make([]int64, len(f.shards))
	f.work.statements++
	for i := range f.shards {
		if !asked[i] {
			continue
		}
		f.work.asked++
		for _, row := range f.from(i, from) {
			if to == nil || f.order(row, to) < 0 {
				counts[i]++
			}
		}
		if most > 0 {
			counts[i] = min(counts[i], most)
		}
		f.work.walked += counts[i]
	}
	return counts, nil
}

func (f *fakeShards) Between(_ context.Context, from, to [][]driver.Value) ([]int64, error) {
	counts := make([]int64, len(f.shards))
	if slices.ContainsFunc(to, func(key []driver.Value) bool { return key != nil }) {
		f.work.statements++
	}
	for i := range f.shards {
		if to[i] == nil {
			continue
		}
		f.work.asked++
		for _, row := range f.from(i, from[i]) {
			if f.order(row, to[i]) < 0 {
				counts[i]++
			}
		}
		f.work.walked += counts[i]
	}
	return counts, nil
}

// unique tells that no two rows of one shard are equal in the keys.
func (b *book) unique() bool {
	order := wholeOrder(b.keys)
	for _, rows := range b.shards {
		for i := 1; i < len(rows); i++ {
			if order(rows[i-1], rows[i]) == 0 {
				return false
			}
		}
	}
	return true
}

// book is the rows of some shards as a page is looked for in them.
type book struct {
	keys   []merge.OrderKey
	shards [][][]driver.Value
	all    [][]driver.Value // in order
	work   work
}

func newBook(keys []merge.OrderKey, shards [][][]driver.Value) *book {
	b := &book{keys: keys, shards: shards}
	for _, rows := range shards {
		slices.SortStableFunc(rows, wholeOrder(keys))
		b.all = append(b.all, rows...)
	}
	slices.SortStableFunc(b.all, wholeOrder(keys))
	return b
}

func (b *book) ask(reversed bool) merge.PageShards {
	if !reversed {
		return &fakeShards{wholeOrder(b.keys), b.shards, &b.work}
	}
	turned := make([][][]driver.Value, len(b.shards))
	for i, rows := range b.shards {
		turned[i] = slices.Clone(rows)
		slices.Reverse(turned[i])
	}
	return &fakeShards{wholeOrder(merge.ReversedKeys(b.keys)), turned, &b.work}
}

// want is the page as one table gives it.
func (b *book) want(offset, limit int64) [][]driver.Value {
	offset = min(offset, int64(len(b.all)))
	return b.all[offset:min(offset+limit, int64(len(b.all)))]
}

// read fetches what a found page says; moved is the number of rows that leave shards.
func (b *book) read(p merge.Page) (rows [][]driver.Value, moved int) {
	if p.Ended {
		return nil, 0
	}
	f := b.ask(p.Reversed).(*fakeShards)
	for i := range b.shards {
		some := f.from(i, p.From)
		some = some[:min(int64(len(some)), p.Skip+p.Limit)]
		moved += len(some)
		rows = append(rows, some...)
	}
	slices.SortStableFunc(rows, f.order)
	rows = rows[min(p.Skip, int64(len(rows))):]
	rows = slices.Clone(rows[:min(p.Limit, int64(len(rows)))])
	if p.Reversed {
		slices.Reverse(rows)
	}
	return rows, moved
}

// genBook draws shards with skewed sizes and values, NULLs and, unless unique, equal rows.
func genBook(t *rapid.T, unique bool) *book {
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "rows"), 1))
	shards := make([][][]driver.Value, rapid.IntRange(1, 8).Draw(t, "shards"))
	spread := rapid.SampledFrom([]int64{1, 3, 50, 100_000}).Draw(t, "spread")
	apart := rapid.SampledFrom([]int64{0, 0, 10, 1000}).Draw(t, "apart")
	id := int64(0)
	for i := range shards {
		n := rapid.SampledFrom([]int{0, 1, 7, 60, 400}).Draw(t, "size")
		for range n {
			id++
			row := []driver.Value{random.Int64N(spread) + int64(i)*apart, random.Int64N(4), random.Int64N(9)}
			if random.IntN(6) == 0 {
				row[random.IntN(2)] = nil
			}
			if unique {
				row[2] = id*7919%100_003 + 10
			}
			shards[i] = append(shards[i], row)
		}
	}
	keys := make([]merge.OrderKey, 3)
	for i := range keys {
		keys[i] = merge.OrderKey{Column: i, Desc: rapid.Bool().Draw(t, "desc"), NullsFirst: rapid.Bool().Draw(t, "nulls first")}
	}
	return newBook(keys, shards)
}

func genPage(t *rapid.T, b *book) merge.PageQuery {
	return merge.PageQuery{Unique: b.unique(),
		Keys: b.keys, Shards: len(b.shards), Small: rapid.SampledFrom([]int64{1, 20, 300}).Draw(t, "small"),
		Offset:  rapid.Int64Range(0, int64(len(b.all))+20).Draw(t, "offset"),
		Limit:   rapid.SampledFrom([]int64{1, 5, 100}).Draw(t, "limit"),
		Reverse: rapid.Bool().Draw(t, "reverse"),
	}
}

func TestFoundPageIsTheTablesPage(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		unique := rapid.Bool().Draw(t, "unique")
		b := genBook(t, unique)
		q := genPage(t, b)
		page, err := merge.FindPage(context.Background(), q, b.ask)
		require.NoError(t, err)
		rows, _ := b.read(page)
		require.Len(t, rows, len(b.want(q.Offset, q.Limit)))
		order := wholeOrder(b.keys)
		for i, want := range b.want(q.Offset, q.Limit) {
			require.Zero(t, order(want, rows[i]), "row %d: %v, not %v; %+v", i, rows[i], want, page)
		}
		if unique && !page.Ended {
			require.LessOrEqual(t, page.Skip, max(q.Small, 2*int64(len(b.shards))), "the search ends near the page: %+v", page)
		}
	})
}

func TestWalkedPageIsTheTablesPage(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := genBook(t, true)
		q := genPage(t, b)
		parts, fits, err := merge.WalkPage(context.Background(), q, b.ask)
		require.NoError(t, err)
		if !fits {
			return
		}
		var rows [][]driver.Value
		for _, p := range parts {
			some := b.ask(p.Reversed).(*fakeShards).shards[p.Shard]
			some = slices.Clone(some[p.Skip : p.Skip+p.Limit])
			if p.Reversed {
				slices.Reverse(some)
			}
			rows = append(rows, some...)
		}
		require.Equal(t, len(b.want(q.Offset, q.Limit)), len(rows))
		for i, want := range b.want(q.Offset, q.Limit) {
			require.Equal(t, want, rows[i], "row %d", i)
		}
	})
}

// line is n rows that shards hold by turns or one after the other.
func line(n, shards int, place func(i int) int) *book {
	parts := make([][][]driver.Value, shards)
	for i := range n {
		s := place(i)
		parts[s] = append(parts[s], []driver.Value{int64(i)})
	}
	return newBook([]merge.OrderKey{{Column: 0}}, parts)
}

func TestSearchMovesFewRows(t *testing.T) {
	t.Parallel()
	const n, shards = 40_000, 16
	random := rand.New(rand.NewPCG(1, 2))
	hashed := func(int) int { return random.IntN(shards) }
	text := func(b *book) { // a value whose mean can't be taken
		for _, row := range b.all {
			row[0] = fmt.Sprintf("%06d", row[0])
		}
	}
	for _, c := range []struct {
		name       string
		place      func(i int) int
		change     func(b *book)
		offset     int64
		moved      int
		statements int
		walked     int64 // rows
	}{
		{"hashed", hashed, nil, 15_000, 16 * (128 + 20), 3, 15_000 * 6 / 5},
		{"hashed, by text", hashed, text, 15_000, 16 * (128 + 20), 5, 15_000 * 6 / 5},
		{"all in one shard", func(int) int { return 3 }, nil, 20_000, 20, 7, 25_100},
		{"nearly all in one shard", func(int) int { return max(0, random.IntN(1000)-985) }, nil, 20_000, 16 * (128 + 20), 11, 33_000},
		{"one after the other", func(i int) int { return i * shards / n }, nil, 20_000, 16 * (128 + 20), 14, 92_000},
		{"near the end", hashed, nil, 39_000, 16 * (128 + 20), 4, 42_000},
		{"behind the end", hashed, nil, 40_000, 0, 2, 40_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := line(n, shards, c.place)
			if c.change != nil {
				c.change(b)
			}
			q := merge.PageQuery{Unique: true, Keys: b.keys, Shards: shards, Offset: c.offset, Limit: 20, Small: 128, Reverse: true}
			page, err := merge.FindPage(context.Background(), q, b.ask)
			require.NoError(t, err)
			done := b.work
			rows, moved := b.read(page)
			assert.ElementsMatch(t, b.want(c.offset, 20), rows)
			assert.LessOrEqual(t, moved, c.moved)
			assert.LessOrEqual(t, done.statements, c.statements, "%d rounds", page.Rounds)
			assert.LessOrEqual(t, done.walked, c.walked)
		})
	}
}

func TestReversedRows(t *testing.T) {
	t.Parallel()
	values := [][]driver.Value{{int64(1), "a"}, {int64(2), "b"}, {int64(3), "c"}}
	src, err := merge.Reversed(merge.FromValues([]string{"n", "s"}, values), 3)
	require.NoError(t, err)
	row := make([]driver.Value, 2)
	for _, want := range []driver.Value{int64(3), int64(2), int64(1)} {
		require.NoError(t, src.Next(row))
		assert.Equal(t, want, row[0])
	}
	_, err = merge.Reversed(merge.FromValues([]string{"n", "s"}, values), 2)
	assert.ErrorIs(t, err, merge.ErrTooManyRows)
}
