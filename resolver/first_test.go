package resolver_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/resolver"
)

func TestFirst(t *testing.T) {
	t.Parallel()
	testenv.LeakCheck(t)
	boom := errors.New("boom")
	block := func(ctx context.Context) (bool, error) { <-ctx.Done(); return false, ctx.Err() }
	none := func(error) bool { return true }
	t.Run("one that finds it cancels the others", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, resolver.First(t.Context(), 3, 3, nil, func(ctx context.Context, i int) (bool, error) {
			if i == 1 {
				return true, nil
			}
			return block(ctx)
		}))
	})
	t.Run("but not those that are nearly there", func(t *testing.T) {
		t.Parallel()
		begun, first := make(chan struct{}), make(chan struct{})
		var cancelled atomic.Bool
		require.NoError(t, resolver.First(t.Context(), 2, 2, nil, func(ctx context.Context, i int) (bool, error) {
			if i == 0 {
				<-begun
				defer close(first)
				return true, nil
			}
			close(begun)
			<-first
			cancelled.Store(ctx.Err() != nil)
			return true, nil
		}))
		assert.False(t, cancelled.Load())
	})
	t.Run("none finds it", func(t *testing.T) {
		t.Parallel()
		var calls atomic.Int64
		require.NoError(t, resolver.First(t.Context(), 2, 5, nil, func(context.Context, int) (bool, error) {
			calls.Add(1)
			return false, nil
		}))
		assert.Equal(t, int64(5), calls.Load())
	})
	t.Run("nothing is called that isn't needed", func(t *testing.T) {
		t.Parallel()
		calls := 0
		require.NoError(t, resolver.First(t.Context(), 1, 5, nil, func(_ context.Context, i int) (bool, error) {
			calls++
			return i == 2, nil
		}))
		assert.Equal(t, 3, calls)
	})
	t.Run("a failure cancels the others and is told", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, boom, resolver.First(t.Context(), 3, 3, nil, func(ctx context.Context, i int) (bool, error) {
			if i == 1 {
				return false, boom
			}
			return block(ctx)
		}))
	})
	t.Run("a failure after one has found it does not matter", func(t *testing.T) {
		t.Parallel()
		begun := make(chan struct{})
		require.NoError(t, resolver.First(t.Context(), 2, 2, nil, func(ctx context.Context, i int) (bool, error) {
			if i == 1 {
				close(begun)
				<-ctx.Done()
				return false, boom
			}
			<-begun
			return true, nil
		}))
	})
	t.Run("who must be spared is waited for", func(t *testing.T) {
		t.Parallel()
		begun := make(chan struct{})
		var cancelled, ended atomic.Bool
		require.NoError(t, resolver.First(t.Context(), 2, 2, none, func(ctx context.Context, i int) (bool, error) {
			if i == 0 {
				<-begun
				return true, nil
			}
			close(begun)
			select {
			case <-ctx.Done():
				cancelled.Store(true)
			case <-time.After(50 * time.Millisecond):
			}
			ended.Store(true)
			return false, nil
		}))
		assert.True(t, ended.Load())
		assert.False(t, cancelled.Load())
	})
	t.Run("the caller's end", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Millisecond, cancel)
		require.ErrorIs(t, resolver.First(ctx, 2, 4, nil, func(ctx context.Context, _ int) (bool, error) { return block(ctx) }), context.Canceled)
	})
	t.Run("a panic", func(t *testing.T) {
		t.Parallel()
		assert.PanicsWithValue(t, "boom", func() {
			_ = resolver.First(t.Context(), 2, 2, nil, func(ctx context.Context, i int) (bool, error) {
				if i == 0 {
					panic("boom")
				}
				return block(ctx)
			})
		})
	})
}
