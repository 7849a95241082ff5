package store

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/internal/testenv"
)

func leased(t *testing.T) (*Node, *testenv.Recorder) {
	t.Helper()
	db := testenv.SQLite().Open(t)
	pool, err := db.DB()
	require.NoError(t, err)
	s, err := New(pool, "sqlite", nil)
	require.NoError(t, err)
	require.NoError(t, s.Ensure(t.Context()))
	n := s.Node(0)
	_, err = n.Generator(t.Context(), nil)
	require.NoError(t, err)
	return n, testenv.Record(db)
}

// A suspended machine's monotonic clock stands still: the wall clock alone tells.
func TestWallClockJumpsAloneRenews(t *testing.T) {
	t.Parallel()
	n, sent := leased(t)
	now := time.Now()
	n.fresh.Store(&horizon{renew: now.Add(time.Hour), wall: now.UnixMilli(), end: now.Add(time.Hour)})
	_, err := n.Generator(t.Context(), nil)
	require.NoError(t, err)
	assert.Len(t, sent.Statements(), 1)
	_, err = n.Generator(t.Context(), nil)
	require.NoError(t, err)
	assert.Len(t, sent.Statements(), 1)
}

func TestOthersDoNotWaitForARenewal(t *testing.T) {
	t.Parallel()
	n, sent := leased(t)
	renewing, release := make(chan struct{}), make(chan struct{})
	sent.Before(func(context.Context, string) error {
		close(renewing)
		<-release
		return nil
	})
	now := time.Now()
	n.fresh.Store(&horizon{renew: now, wall: now.Add(time.Hour).UnixMilli(), end: now.Add(time.Hour)})
	done := make(chan error)
	go func() {
		_, err := n.Generator(context.Background(), nil)
		done <- err
	}()
	<-renewing
	_, err := n.Generator(t.Context(), nil)
	require.NoError(t, err)
	close(release)
	require.NoError(t, <-done)
}

func TestGeneratorCostsNothing(t *testing.T) {
	n, _ := leased(t)
	ctx := t.Context()
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = n.Generator(ctx, nil) }))
}
