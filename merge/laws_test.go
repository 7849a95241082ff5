package merge_test

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/merge"
)

var lawColumns = []string{"a", "b", "origin"}

// genParts draws the rows of some shards: two columns with many ties and NULLs, and one that tells every row apart.
func genParts(t *rapid.T) [][][]driver.Value {
	parts := make([][][]driver.Value, rapid.IntRange(0, 6).Draw(t, "shards"))
	for i := range parts {
		parts[i] = make([][]driver.Value, rapid.IntRange(0, 8).Draw(t, "rows"))
		for j := range parts[i] {
			row := []driver.Value{nil, nil, fmt.Sprintf("%d/%d", i, j)}
			if !rapid.Bool().Draw(t, "null") {
				row[0] = rapid.Int64Range(0, 4).Draw(t, "a")
			}
			if rapid.IntRange(0, 4).Draw(t, "null b") > 0 {
				row[1] = rapid.SampledFrom([]string{"", "x", "y", "z"}).Draw(t, "b")
			}
			parts[i][j] = row
		}
	}
	return parts
}

func genKeys(t *rapid.T) []merge.OrderKey {
	keys := make([]merge.OrderKey, rapid.IntRange(0, 2).Draw(t, "keys"))
	for i := range keys {
		keys[i] = merge.OrderKey{Column: rapid.IntRange(0, 1).Draw(t, "column"), Desc: rapid.Bool().Draw(t, "desc"),
			NullsFirst: rapid.Bool().Draw(t, "nulls first")}
	}
	return keys
}

// naiveOrder is the order of the keys written a second time, without anything of the package.
func naiveOrder(keys []merge.OrderKey) func(a, b []driver.Value) int {
	return func(a, b []driver.Value) int {
		for _, k := range keys {
			x, y := a[k.Column], b[k.Column]
			rank := func(v driver.Value) int {
				switch {
				case v != nil:
					return 1
				case k.NullsFirst:
					return 0
				}
				return 2
			}
			c := cmp.Compare(rank(x), rank(y))
			if c == 0 && x != nil {
				if k.Column == 0 {
					c = cmp.Compare(x.(int64), y.(int64))
				} else {
					c = cmp.Compare(x.(string), y.(string))
				}
				if k.Desc {
					c = -c
				}
			}
			if c != 0 {
				return c
			}
		}
		return 0
	}
}

func trackAll(parts [][][]driver.Value) ([]*tracked, []merge.Source) {
	trackers, sources := make([]*tracked, len(parts)), make([]merge.Source, len(parts))
	for i, rows := range parts {
		trackers[i] = track(lawColumns, rows)
		sources[i] = trackers[i]
	}
	return trackers, sources
}

func page(rows [][]driver.Value, offset, limit int64) [][]driver.Value {
	rows = rows[min(max(offset, 0), int64(len(rows))):]
	if limit >= 0 {
		rows = rows[:min(limit, int64(len(rows)))]
	}
	if len(rows) == 0 {
		return nil
	}
	return rows
}

func TestOrderedIsStableSortOfConcatenation(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts, keys := genParts(t), genKeys(t)
		for _, rows := range parts {
			slices.SortStableFunc(rows, naiveOrder(keys))
		}
		want := slices.Concat(parts...)
		slices.SortStableFunc(want, naiveOrder(keys))
		trackers, sources := trackAll(parts)
		require.Equal(t, page(want, 0, -1), mustDrain(t, merge.Ordered(keys, sources...)))
		requireClosedOnce(t, trackers...)

		offset, limit := rapid.Int64Range(-1, 20).Draw(t, "offset"), rapid.Int64Range(-1, 20).Draw(t, "limit")
		trackers, sources = trackAll(parts)
		require.Equal(t, page(want, offset, limit), mustDrain(t, merge.Limit(merge.Ordered(keys, sources...), offset, limit)))
		requireClosedOnce(t, trackers...)
		if limit >= 0 {
			reads := 0
			for _, s := range trackers {
				reads += s.reads
			}
			require.LessOrEqual(t, reads, int(max(offset, 0)+limit)+len(parts), "a page must not read on")
		}
	})
}

func TestSortIsStableSort(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts, keys := genParts(t), genKeys(t)
		want := slices.Concat(parts...)
		trackers, sources := trackAll(parts)
		got := mustDrain(t, merge.Sort(merge.WithColumnTypes(merge.Concat(sources...), nil), keysFor(parts, keys), 100))
		slices.SortStableFunc(want, naiveOrder(keys))
		require.Equal(t, page(want, 0, -1), got)
		requireClosedOnce(t, trackers...)
	})
}

// keysFor drops the keys where there is no source, which has no columns to order by.
func keysFor(parts [][][]driver.Value, keys []merge.OrderKey) []merge.OrderKey {
	if len(parts) == 0 {
		return nil
	}
	return keys
}

func TestConcatAndBufferAreTheConcatenation(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := genParts(t)
		want := slices.Concat(parts...)
		trackers, sources := trackAll(parts)
		require.Equal(t, page(want, 0, -1), mustDrain(t, merge.Concat(sources...)))
		requireClosedOnce(t, trackers...)

		bound := rapid.IntRange(0, 20).Draw(t, "bound")
		trackers, sources = trackAll(parts)
		buffer, err := merge.Buffer(merge.Concat(sources...), bound)
		requireClosedOnce(t, trackers...)
		if len(want) > bound {
			require.ErrorIs(t, err, merge.ErrTooManyRows)
			return
		}
		require.NoError(t, err)
		require.Equal(t, page(want, 0, -1), mustDrain(t, buffer))
	})
}

func TestDistinctIsFirstOccurrence(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := genParts(t)
		var want [][]driver.Value
		seen := map[[2]driver.Value]bool{}
		for _, row := range slices.Concat(parts...) {
			if k := [2]driver.Value(row); !seen[k] {
				seen[k] = true
				want = append(want, row[:2])
			}
		}
		bound := rapid.IntRange(0, 30).Draw(t, "bound")
		trackers, sources := trackAll(parts)
		src := merge.Distinct(merge.Project(merge.Concat(sources...), min(2, 3*len(parts))), bound)
		got, err := drain(src)
		if len(want) > bound {
			require.ErrorIs(t, err, merge.ErrTooManyRows)
			want = want[:bound]
		} else {
			require.NoError(t, err)
		}
		requireClosedOnce(t, trackers...)
		require.NoError(t, src.Close())
		require.Equal(t, page(want, 0, -1), got)
	})
}

// chains are all operators over several sources, for the laws that hold for each.
func chains() map[string]func(sources ...merge.Source) merge.Source {
	keys := []merge.OrderKey{{Column: 0}}
	return map[string]func(sources ...merge.Source) merge.Source{
		"concat":   merge.Concat,
		"ordered":  func(s ...merge.Source) merge.Source { return merge.Ordered(keys, s...) },
		"limit":    func(s ...merge.Source) merge.Source { return merge.Limit(merge.Ordered(keys, s...), 1, 100) },
		"distinct": func(s ...merge.Source) merge.Source { return merge.Distinct(merge.Concat(s...), 100) },
		"project":  func(s ...merge.Source) merge.Source { return merge.Project(merge.Ordered(keys, s...), 1) },
		"sort":     func(s ...merge.Source) merge.Source { return merge.Sort(merge.Concat(s...), keys, 100) },
		"typed":    func(s ...merge.Source) merge.Source { return merge.WithColumnTypes(merge.Concat(s...), nil) },
		"group": func(s ...merge.Source) merge.Source {
			return merge.Group(merge.Concat(s...), merge.GroupSpec{MaxGroups: 100,
				Columns: []merge.GroupColumn{{Func: merge.Key}}})
		},
		"buffer": func(s ...merge.Source) merge.Source {
			src, err := merge.Buffer(merge.Ordered(keys, s...), 100)
			if err != nil {
				return failed{err}
			}
			return src
		},
	}
}

type failed struct{ err error }

func (failed) Columns() []string           { return []string{"a"} }
func (f failed) Next([]driver.Value) error { return f.err }
func (failed) Close() error                { return nil }

func threeSources() []*tracked {
	return []*tracked{track([]string{"a"}, ints(1, 4, 7)), track([]string{"a"}, ints(2, 5, 8)), track([]string{"a"}, ints(3, 6, 9))}
}

func asSources(trackers []*tracked) []merge.Source {
	sources := make([]merge.Source, len(trackers))
	for i, s := range trackers {
		sources[i] = s
	}
	return sources
}

// Whichever source fails at whichever row: the error surfaces with the source's index, stays, and all are closed.
func TestFailuresCloseEverything(t *testing.T) {
	t.Parallel()
	for name, chain := range chains() {
		for failing := range 3 {
			for row := range 4 {
				t.Run(fmt.Sprintf("%s source %d row %d", name, failing, row), func(t *testing.T) {
					t.Parallel()
					trackers := threeSources()
					trackers[failing].failAt = row
					src := chain(asSources(trackers)...)
					_, err := drain(src)
					require.ErrorIs(t, err, errBroken)
					var which *merge.SourceError
					require.ErrorAs(t, err, &which)
					assert.Equal(t, failing, which.Index)
					assert.Contains(t, err.Error(), fmt.Sprintf("source %d", failing))
					requireClosedOnce(t, trackers...)
					require.ErrorIs(t, src.Next(make([]driver.Value, len(src.Columns()))), errBroken, "a failure stays")
					require.NoError(t, src.Close())
					requireClosedOnce(t, trackers...)
				})
			}
		}
	}
}

// Closing after any number of rows closes all sources once, and the rows don't seem to end.
func TestEarlyCloseClosesEverything(t *testing.T) {
	t.Parallel()
	for name, chain := range chains() {
		for read := range 11 {
			t.Run(fmt.Sprintf("%s after %d rows", name, read), func(t *testing.T) {
				t.Parallel()
				trackers := threeSources()
				src := chain(asSources(trackers)...)
				row := make([]driver.Value, 1)
				for range read {
					_ = src.Next(row)
				}
				require.NoError(t, src.Close())
				requireClosedOnce(t, trackers...)
				require.NoError(t, src.Close())
				requireClosedOnce(t, trackers...)
				require.ErrorIs(t, src.Next(row), merge.ErrClosed)
			})
		}
	}
}

func TestContextEndClosesEverything(t *testing.T) {
	t.Parallel()
	for name, chain := range chains() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trackers := threeSources()
			ctx, cancel := context.WithCancel(t.Context())
			rows, err := merge.Rows(ctx, chain(asSources(trackers)...))
			require.NoError(t, err)
			require.True(t, rows.Next())
			cancel()
			for rows.Next() { // ends when database/sql has noticed
			}
			require.NoError(t, rows.Close())
			requireClosedOnce(t, trackers...)
		})
	}
}

// A source whose Close fails may have hidden a failure: its rows don't count as complete, and no other stays open.
func TestFailingCloseSurfaces(t *testing.T) {
	t.Parallel()
	refused := errors.New("close failed")
	for name, chain := range chains() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trackers := threeSources()
			trackers[1].closeErr = refused
			src := chain(asSources(trackers)...)
			_, err := drain(src)
			require.ErrorIs(t, err, refused)
			_ = src.Close()
			requireClosedOnce(t, trackers...)
		})
	}
}

func TestUnfitSourcesAreRefused(t *testing.T) {
	t.Parallel()
	one := func(columns ...string) *tracked {
		return track(columns, [][]driver.Value{make([]driver.Value, len(columns))})
	}
	key := func(column int) []merge.OrderKey { return []merge.OrderKey{{Column: column}} }
	cases := map[string]struct {
		sources []*tracked
		chain   func(s ...merge.Source) merge.Source
		want    error
	}{
		"other count":          {[]*tracked{one("a"), one("a", "b")}, merge.Concat, merge.ErrColumns},
		"other order":          {[]*tracked{one("a", "b"), one("b", "a")}, merge.Concat, merge.ErrColumns},
		"other order, ordered": {[]*tracked{one("a", "b"), one("b", "a")}, chains()["ordered"], merge.ErrColumns},
		"key outside": {[]*tracked{one("a")}, func(s ...merge.Source) merge.Source {
			return merge.Ordered(key(1), s...)
		}, merge.ErrColumns},
		"negative key": {[]*tracked{one("a")}, func(s ...merge.Source) merge.Source {
			return merge.Sort(s[0], key(-1), 9)
		}, merge.ErrColumns},
		"unsorted": {[]*tracked{track([]string{"a"}, ints(1, 3, 2)), track([]string{"a"}, ints(9))},
			chains()["ordered"], merge.ErrUnordered},
		"incomparable": {[]*tracked{track([]string{"a"}, ints(1)), track([]string{"a"}, [][]driver.Value{{"1"}})},
			chains()["ordered"], merge.ErrIncomparable},
		"incomparable in sort": {[]*tracked{track([]string{"a"}, [][]driver.Value{{"1"}, {int64(1)}})},
			func(s ...merge.Source) merge.Source { return merge.Sort(s[0], key(0), 9) }, merge.ErrIncomparable},
		"unknown kind in distinct": {[]*tracked{track([]string{"a"}, [][]driver.Value{{[16]byte{}}})},
			chains()["distinct"], merge.ErrIncomparable},
		"sort bound": {[]*tracked{track([]string{"a"}, ints(1, 2))},
			func(s ...merge.Source) merge.Source { return merge.Sort(s[0], nil, 1) }, merge.ErrTooManyRows},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := c.chain(asSources(c.sources)...)
			_, err := drain(src)
			require.ErrorIs(t, err, c.want)
			requireClosedOnce(t, c.sources...)
			require.NoError(t, src.Close())
			requireClosedOnce(t, c.sources...)
		})
	}
	t.Run("case of names doesn't matter", func(t *testing.T) {
		t.Parallel()
		require.Len(t, mustDrain(t, merge.Concat(one("id"), one("ID"))), 2)
	})
	t.Run("project out of range", func(t *testing.T) {
		t.Parallel()
		for _, n := range []int{-1, 2} {
			s := one("a")
			src := merge.Project(s, n)
			_, err := drain(src)
			require.ErrorIs(t, err, merge.ErrColumns)
			require.NoError(t, src.Close())
			requireClosedOnce(t, s)
		}
	})
	t.Run("ragged values", func(t *testing.T) {
		t.Parallel()
		_, err := drain(merge.FromValues([]string{"a", "b"}, ints(1)))
		require.ErrorIs(t, err, merge.ErrColumns)
	})
	t.Run("wrong buffer", func(t *testing.T) {
		t.Parallel()
		for name, chain := range chains() {
			require.ErrorIs(t, chain(merge.FromValues([]string{"a"}, ints(1))).Next(nil), merge.ErrColumns, name)
		}
		src := newEngine([]string{"a"}, ints(1)).source(t.Context(), t)
		require.ErrorIs(t, src.Next(nil), merge.ErrColumns)
		require.NoError(t, src.Close())
	})
}

// Numbers that arrive as text must not be merged by their bytes.
func TestOrderedNumericText(t *testing.T) {
	t.Parallel()
	of := func(values ...driver.Value) merge.Source {
		var rows [][]driver.Value
		for _, v := range values {
			rows = append(rows, []driver.Value{v})
		}
		return merge.WithColumnTypes(merge.FromValues([]string{"a"}, rows), []merge.ColumnType{{DatabaseTypeName: "NUMERIC"}})
	}
	got := mustDrain(t, merge.Ordered([]merge.OrderKey{{}}, of("-3", "9.5", "100"), of([]byte("-20"), []byte("10"), []byte("11"))))
	assert.Equal(t, [][]driver.Value{{[]byte("-20")}, {"-3"}, {"9.5"}, {[]byte("10")}, {[]byte("11")}, {"100"}}, got)
	got = mustDrain(t, merge.Distinct(merge.Concat(of("1.0", "2.50", int64(3)), of("1.00", []byte("2.5"), "3.0", 0.5, "0.50")), 9))
	assert.Equal(t, [][]driver.Value{{"1.0"}, {"2.50"}, {int64(3)}, {0.5}}, got)
}
