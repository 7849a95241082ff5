package store

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/internal/testenv"
)

func TestForget(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		ctx := context.Background()
		db := d.Open(t)
		s, err := New(db.ConnPool, db.Name(), nil)
		require.NoError(t, err)
		require.NoError(t, s.Ensure(ctx))
		_, err = s.Announce(ctx, nil, "orders", "2024_01", "2024_02")
		require.NoError(t, err)
		require.NoError(t, s.RecordPlacement(ctx, "orders", []string{"strategy=date/1"}))
		before, err := s.Epoch(ctx, nil)
		require.NoError(t, err)

		require.NoError(t, s.Forget(ctx, nil, "orders", "2024_01"))
		state, err := s.Load(ctx, nil)
		require.NoError(t, err)
		assert.Equal(t, []string{"2024_02"}, state.Shards["orders"])
		assert.Greater(t, state.Epoch, before, "other processes notice")
		assert.NotEmpty(t, state.Placement["orders"])

		require.NoError(t, s.Forget(ctx, nil, "orders"))
		state, err = s.Load(ctx, nil)
		require.NoError(t, err)
		assert.Empty(t, state.Shards["orders"])
		assert.Empty(t, state.Placement["orders"])
		assert.ErrorIs(t, s.Forget(ctx, nil, ""), ErrName)
	})
}
