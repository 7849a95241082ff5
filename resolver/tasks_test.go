package resolver

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTasks(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	untilCancelled := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	t.Run("go on beside their starter", func(t *testing.T) {
		t.Parallel()
		block := make(chan struct{})
		var n atomic.Int64
		tasks := Start(ctx, 3, 3, nil, func(context.Context, int) error { <-block; n.Add(1); return nil })
		assert.Zero(t, n.Load())
		close(block)
		require.NoError(t, tasks.Wait())
		require.NoError(t, tasks.Wait(), "again")
		assert.Equal(t, int64(3), n.Load())
		select {
		case <-tasks.Failed():
			assert.Fail(t, "none failed")
		default:
		}
	})
	t.Run("one failure cancels the others", func(t *testing.T) {
		t.Parallel()
		tasks := Start(ctx, 3, 3, nil, func(ctx context.Context, i int) error {
			if i == 1 {
				return errSomething
			}
			return untilCancelled(ctx)
		})
		<-tasks.Failed()
		assert.Equal(t, errSomething, tasks.Wait())
	})
	t.Run("unless it spares them", func(t *testing.T) {
		t.Parallel()
		ended := make(chan error, 1)
		tasks := Start(ctx, 2, 2, func(error) bool { return true }, func(ctx context.Context, i int) error {
			if i == 1 {
				return errSomething
			}
			time.Sleep(10 * time.Millisecond)
			ended <- ctx.Err()
			return nil
		})
		<-tasks.Failed()
		assert.Equal(t, errSomething, tasks.Wait())
		require.NoError(t, <-ended)
	})
	t.Run("their context ends with their starter's", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(ctx)
		tasks := Start(ctx, 2, 2, nil, func(ctx context.Context, _ int) error { return untilCancelled(ctx) })
		cancel()
		require.ErrorIs(t, tasks.Wait(), context.Canceled)
	})
	t.Run("stopped", func(t *testing.T) {
		t.Parallel()
		tasks := Start(ctx, 1, 2, nil, func(ctx context.Context, _ int) error { _ = untilCancelled(ctx); return nil })
		tasks.Stop()
		require.ErrorIs(t, tasks.Wait(), context.Canceled, "one was not called")
	})
	t.Run("a panic is raised by Wait", func(t *testing.T) {
		t.Parallel()
		tasks := Start(ctx, 2, 2, nil, func(ctx context.Context, i int) error {
			if i == 1 {
				panic("boom")
			}
			return untilCancelled(ctx)
		})
		<-tasks.Failed()
		assert.PanicsWithValue(t, "boom", func() { _ = tasks.Wait() })
	})
}

func TestBudget(t *testing.T) {
	t.Parallel()
	b := NewBudget(5)
	assert.Equal(t, 3, b.Take(3))
	assert.Equal(t, 2, b.Take(3))
	assert.Zero(t, b.Take(1))
	assert.Zero(t, b.Take(0))
	assert.Equal(t, 5, b.Used())
	b.Give(4)
	assert.Equal(t, 4, b.Take(9))
	b.Give(5)
	assert.Zero(t, b.Used())
}
