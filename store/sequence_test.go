package store_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/store"
)

func TestSequence(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		one, db := open(t, d)
		two, ctx := another(t, db), t.Context()
		var wg sync.WaitGroup
		for _, s := range []*store.Store{one, two, another(t, db)} {
			wg.Go(func() { assert.NoError(t, s.EnsureSequence(ctx, "orders_seq")) })
		}
		wg.Wait()
		first, err := one.NextSequence(ctx, nil, "orders_seq", 3)
		require.NoError(t, err)
		assert.Equal(t, []int64{1, 2, 3}, first)
		require.NoError(t, one.EnsureSequence(ctx, "orders_seq"), "and leaves it as it is")
		more, err := two.NextSequence(ctx, nil, "orders_seq", 250)
		require.NoError(t, err)
		assert.Len(t, more, 250)
		assert.IsIncreasing(t, more)
		assert.Greater(t, more[0], int64(3))

		tx := begin(t, db)
		inside, err := one.NextSequence(ctx, tx, "orders_seq", 2)
		require.NoError(t, err)
		require.Len(t, inside, 2)
		require.NoError(t, tx.Rollback())

		none, err := one.NextSequence(ctx, nil, "orders_seq", 0)
		require.NoError(t, err)
		assert.Empty(t, none)
		_, err = one.NextSequence(ctx, nil, "missing_seq", 1)
		require.Error(t, err)
		for _, bad := range []string{"", "a b", "a';--", "a.b.c", "1a", "a`", string(slices.Repeat([]byte("a"), 64))} {
			require.ErrorIs(t, one.EnsureSequence(ctx, bad), store.ErrName)
			_, err = one.NextSequence(ctx, nil, bad, 1)
			require.ErrorIs(t, err, store.ErrName)
		}
		_, err = one.NextSequence(ctx, nil, "orders_seq", 100_001)
		require.ErrorIs(t, err, store.ErrName)
	})
}

func TestSequenceAtOnce(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		s, db := open(t, d)
		ctx := t.Context()
		require.NoError(t, s.EnsureSequence(ctx, "Orders_Seq"))
		stores := []*store.Store{s, another(t, db)}
		var mu sync.Mutex
		seen := map[int64]bool{}
		var wg sync.WaitGroup
		for w := range 6 {
			wg.Go(func() {
				for i := range 10 {
					numbers, err := stores[w%2].NextSequence(ctx, nil, "Orders_Seq", 1+i)
					if !assert.NoError(t, err) || !assert.Len(t, numbers, 1+i) {
						return
					}
					mu.Lock()
					for _, n := range numbers {
						assert.Positive(t, n)
						assert.False(t, seen[n], "%d twice", n)
						seen[n] = true
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		assert.Len(t, seen, 6*55)
	})
}

func TestSequenceInSchema(t *testing.T) {
	t.Parallel()
	d := testenv.Only(t, "postgres")
	s, db := open(t, d)
	require.NoError(t, db.Exec(`CREATE SCHEMA "Sales"`).Error)
	require.NoError(t, s.EnsureSequence(t.Context(), "Sales.orders_seq"))
	numbers, err := s.NextSequence(t.Context(), nil, "Sales.orders_seq", 2)
	require.NoError(t, err)
	assert.Equal(t, []int64{1, 2}, numbers)
}
