package store_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/store"
)

// numbered names shards 1, 2, 3, …
func numbered(_ context.Context, after string) (string, error) {
	if after == "" {
		return "1", nil
	}
	n, err := strconv.Atoi(after)
	return strconv.Itoa(n + 1), err
}

func TestReserve(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		one, db := open(t, d)
		two, ctx := another(t, db), t.Context()
		active, err := one.Active(ctx, nil, "log")
		require.NoError(t, err)
		assert.Empty(t, active)
		for _, c := range []struct {
			name string
			s    *store.Store
			want int
			out  []store.Reservation
		}{
			{"nothing", one, 0, nil},
			{"the first shard", one, 4, []store.Reservation{{"1", 4}}},
			{"another process", two, 3, []store.Reservation{{"1", 3}}},
			{"split", one, 5, []store.Reservation{{"1", 3}, {"2", 2}}},
			{"a stale hint", two, 1, []store.Reservation{{"2", 1}}},
			{"over several", two, 29, []store.Reservation{{"2", 7}, {"3", 10}, {"4", 10}, {"5", 2}}},
			{"exactly full", one, 8, []store.Reservation{{"5", 8}}},
			{"then the next", one, 1, []store.Reservation{{"6", 1}}},
		} {
			out, err := c.s.Reserve(ctx, nil, "log", c.want, 10, numbered)
			require.NoError(t, err, c.name)
			assert.Equal(t, c.out, out, c.name)
		}
		active, err = two.Active(ctx, nil, "log")
		require.NoError(t, err)
		assert.Equal(t, "6", active)
		state, err := one.Load(ctx, nil)
		require.NoError(t, err)
		assert.Equal(t, []string{"1", "2", "3", "4", "5", "6"}, state.Shards["log"], "announced")
		assert.EqualValues(t, 7, state.Epoch)
	})
}

func TestReserveRefuses(t *testing.T) {
	t.Parallel()
	s, _ := open(t, testenv.SQLite())
	ctx := t.Context()
	_, err := s.Reserve(ctx, nil, "log", 1, 0, numbered)
	require.ErrorIs(t, err, store.ErrRotation)
	_, err = s.Reserve(ctx, nil, "log", 2, 1, func(context.Context, string) (string, error) { return "1", nil })
	require.ErrorIs(t, err, store.ErrRotation)
	_, err = s.Reserve(ctx, nil, "log", 2000, 1, numbered)
	require.ErrorIs(t, err, store.ErrRotation)
	full := errors.New("no table")
	_, err = s.Reserve(ctx, nil, "other", 1, 1, func(context.Context, string) (string, error) { return "", full })
	require.ErrorIs(t, err, full)
	_, err = s.Reserve(ctx, nil, "other", 1, 1, func(context.Context, string) (string, error) { return "a ", nil })
	require.ErrorIs(t, err, store.ErrName)
}

func TestReserveInsideSQLiteTransaction(t *testing.T) {
	t.Parallel()
	s, db := open(t, testenv.SQLite())
	ctx := t.Context()
	_, err := s.Reserve(ctx, nil, "log", 9, 10, numbered)
	require.NoError(t, err)
	tx := begin(t, db)
	out, err := s.Reserve(ctx, tx, "log", 3, 10, numbered)
	require.NoError(t, err)
	assert.Equal(t, []store.Reservation{{"1", 1}, {"2", 2}}, out)
	require.NoError(t, tx.Rollback())
	out, err = s.Reserve(ctx, nil, "log", 1, 10, numbered)
	require.NoError(t, err)
	assert.Equal(t, []store.Reservation{{"1", 1}}, out, "the room came back with the rollback, though the hint is shard 2")
}

func TestReserveNeverOverfills(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		s, db := open(t, d)
		ctx := t.Context()
		const workers, calls, maxRows = 8, 12, 17
		stores := []*store.Store{another(t, db), another(t, db)}
		var mu sync.Mutex
		rows, total := map[string]int{}, 0
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for i := range calls {
					want := 1 + (w*7+i*5)%23
					out, err := stores[w%2].Reserve(ctx, nil, "log", want, maxRows, numbered)
					if !assert.NoError(t, err) {
						return
					}
					mu.Lock()
					got := 0
					for _, r := range out {
						rows[r.Shard] += r.Rows
						got += r.Rows
					}
					assert.Equal(t, want, got)
					total += got
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		active, err := s.Active(ctx, nil, "log")
		require.NoError(t, err)
		assert.Equal(t, strconv.Itoa((total-1)/maxRows+1), active, "no shard was skipped")
		for shard, n := range rows {
			if shard != active {
				assert.Equal(t, maxRows, n, "shard %s is exactly full", shard)
			}
		}
		assert.Equal(t, (total-1)%maxRows+1, rows[active])
		state, err := s.Load(ctx, nil)
		require.NoError(t, err)
		assert.Len(t, state.Shards["log"], len(rows))
		assert.EqualValues(t, 1+len(rows), state.Epoch, "one change per shard")
	})
}
