package resolver_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/resolver"
)

func TestEachCallsAllWithinTheLimit(t *testing.T) {
	t.Parallel()
	testenv.LeakCheck(t)
	rapid.Check(t, func(t *rapid.T) {
		limit, n := rapid.IntRange(-1, 9).Draw(t, "limit"), rapid.IntRange(0, 30).Draw(t, "n")
		var running, most atomic.Int64
		calls := make([]atomic.Int64, n)
		require.NoError(t, resolver.Each(context.Background(), limit, n, func(ctx context.Context, i int) error {
			now := running.Add(1)
			for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
			}
			calls[i].Add(1)
			runtime.Gosched()
			running.Add(-1)
			return ctx.Err()
		}))
		for i := range calls {
			assert.EqualValues(t, 1, calls[i].Load())
		}
		assert.LessOrEqual(t, most.Load(), int64(max(limit, 1)))
	})
}

func TestEachFailures(t *testing.T) {
	t.Parallel()
	testenv.LeakCheck(t)
	first, second := errors.New("first"), errors.New("second")
	background := context.Background()

	t.Run("cancels its siblings and keeps only reasons", func(t *testing.T) {
		var all sync.WaitGroup
		all.Add(4)
		err := resolver.Each(background, 4, 10, func(ctx context.Context, i int) error {
			if i > 3 {
				t.Error("started after the failure")
			}
			all.Done()
			all.Wait()
			switch i {
			case 2:
				return first
			case 1:
				<-ctx.Done()
				assert.Equal(t, first, context.Cause(ctx))
				return second
			}
			<-ctx.Done()
			return fmt.Errorf("shard %d: %w", i, ctx.Err())
		})
		require.ErrorIs(t, err, first)
		require.ErrorIs(t, err, second)
		assert.NotErrorIs(t, err, context.Canceled)
		assert.Equal(t, "second\nfirst", err.Error(), "in order")
	})
	t.Run("one failure stays as it is", func(t *testing.T) {
		for _, limit := range []int{1, 3} {
			err := resolver.Each(background, limit, 3, func(ctx context.Context, i int) error {
				if i == 1 {
					return first
				}
				return nil
			})
			assert.Same(t, first, err)
		}
	})
	t.Run("one after another stops at the first", func(t *testing.T) {
		calls := 0
		err := resolver.Each(background, 1, 5, func(context.Context, int) error { calls++; return first })
		assert.Same(t, first, err)
		assert.Equal(t, 1, calls)
	})
	t.Run("cancelled from outside", func(t *testing.T) {
		for _, limit := range []int{1, 4} {
			ctx, cancel := context.WithCancel(background)
			err := resolver.Each(ctx, limit, 8, func(ctx context.Context, _ int) error {
				cancel()
				<-ctx.Done()
				return ctx.Err()
			})
			assert.Equal(t, context.Canceled, err, "once")
			cancel()
		}
		ctx, cancel := context.WithCancel(background)
		cancel()
		for _, n := range []int{1, 3} {
			require.ErrorIs(t, resolver.Each(ctx, 2, n, func(context.Context, int) error {
				t.Error("not to be called")
				return nil
			}), context.Canceled)
		}
		require.NoError(t, resolver.Each(ctx, 2, 0, nil))
	})
	t.Run("cancelled from outside after the last call", func(t *testing.T) {
		ctx, cancel := context.WithCancel(background)
		require.NoError(t, resolver.Each(ctx, 1, 2, func(_ context.Context, i int) error {
			if i == 1 {
				cancel()
			}
			return nil
		}))
	})
}

func TestEachPanics(t *testing.T) {
	t.Parallel()
	testenv.LeakCheck(t)
	type value struct{ n int }
	for _, limit := range []int{1, 2, 8} {
		for _, n := range []int{1, 8} {
			var stopped atomic.Int64
			assert.PanicsWithValue(t, value{7}, func() {
				_ = resolver.Each(context.Background(), limit, n, func(ctx context.Context, i int) error {
					if i == 0 {
						panic(value{7})
					}
					<-ctx.Done() // would hang if the panic didn't cancel
					stopped.Add(1)
					return ctx.Err()
				})
			})
		}
	}
}

func TestEachGoexit(t *testing.T) {
	t.Parallel()
	testenv.LeakCheck(t)
	returned, done := false, make(chan struct{})
	go func() {
		defer close(done)
		_ = resolver.Each(context.Background(), 4, 4, func(ctx context.Context, i int) error {
			if i == 0 {
				runtime.Goexit()
			}
			<-ctx.Done()
			return nil
		})
		returned = true
	}()
	<-done
	assert.False(t, returned)
}
