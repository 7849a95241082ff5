package resolver

import (
	"context"
	"database/sql/driver"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
)

// testBreaker opens after three failures, for ten seconds of a clock that stands still.
func testBreaker() (b *Breaker, now *time.Time, events *[]config.DatabaseEvent) {
	events = new([]config.DatabaseEvent)
	b = newBreaker("eu", 0, config.BreakerSettings{Failures: 3, Pause: 10 * time.Second}, func(_ context.Context, e config.DatabaseEvent) {
		*events = append(*events, e)
	})
	now = new(time.Time)
	*now = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	b.now = func() time.Time { return *now }
	return b, now, events
}

// send is one statement that ends so; it tells whether it was sent.
func send(b *Breaker, o outcome) bool {
	turn, err := b.enter()
	if err != nil {
		return false
	}
	b.leave(context.Background(), turn, o, driver.ErrBadConn)
	return true
}

func TestBreaker(t *testing.T) {
	t.Parallel()
	t.Run("opens after failures in a row", func(t *testing.T) {
		t.Parallel()
		b, now, events := testBreaker()
		for range 2 {
			require.True(t, send(b, lost))
		}
		require.True(t, send(b, answered), "begins the count anew")
		for range 2 {
			require.True(t, send(b, lost))
			require.True(t, send(b, silent), "says nothing")
		}
		assert.Equal(t, BreakerClosed, b.status().State)
		assert.Equal(t, 2, b.status().Failures)
		assert.Empty(t, *events)
		require.True(t, send(b, lost))
		assert.Equal(t, BreakerStatus{State: BreakerOpen, Failures: 3, Until: now.Add(10 * time.Second), Err: driver.ErrBadConn}, b.status())
		_, err := b.enter()
		var down *DatabaseDownError
		require.ErrorAs(t, err, &down)
		require.ErrorIs(t, err, config.ErrDatabaseDown)
		require.ErrorIs(t, err, config.Err)
		require.ErrorIs(t, err, driver.ErrBadConn)
		assert.Equal(t, "eu", down.Database)
		assert.Equal(t, now.Add(10*time.Second), down.Until)
		require.Len(t, *events, 1)
		assert.Equal(t, config.DatabaseEvent{At: *now, Kind: config.DatabaseDown, Database: "eu", Err: driver.ErrBadConn}, (*events)[0])
	})
	opened := func(t *testing.T) (b *Breaker, now *time.Time, events *[]config.DatabaseEvent) {
		b, now, events = testBreaker()
		for range 3 {
			require.True(t, send(b, lost))
		}
		*events = nil
		return b, now, events
	}
	t.Run("one tries after the pause", func(t *testing.T) {
		t.Parallel()
		b, now, events := opened(t)
		*now = now.Add(10*time.Second - 1)
		require.False(t, send(b, answered))
		*now = now.Add(1)
		assert.Equal(t, BreakerHalfOpen, b.status().State)
		turn, err := b.enter()
		require.NoError(t, err)
		require.False(t, send(b, answered), "another is trying")
		b.leave(context.Background(), turn, lost, driver.ErrBadConn)
		require.False(t, send(b, answered), "the next pause")
		assert.Empty(t, *events, "it is down still")
		*now = now.Add(10 * time.Second)
		require.True(t, send(b, silent), "its caller gave up")
		require.True(t, send(b, answered), "so another tries")
		assert.Equal(t, BreakerStatus{State: BreakerClosed}, b.status())
		require.Len(t, *events, 1)
		assert.Equal(t, config.DatabaseUp, (*events)[0].Kind)
	})
	t.Run("statements from before say nothing", func(t *testing.T) {
		t.Parallel()
		b, _, events := opened(t)
		b.leave(context.Background(), false, answered, nil)
		b.leave(context.Background(), false, lost, driver.ErrBadConn)
		assert.Equal(t, BreakerOpen, b.status().State)
		assert.Empty(t, *events)
	})
	t.Run("is healed", func(t *testing.T) {
		t.Parallel()
		b, _, events := opened(t)
		b.healed(context.Background())
		require.True(t, send(b, answered))
		require.Len(t, *events, 1)
		assert.Equal(t, config.DatabaseUp, (*events)[0].Kind)
	})
	t.Run("there may be none", func(t *testing.T) {
		t.Parallel()
		b := newBreaker("eu", 0, config.BreakerSettings{Failures: -1}, nil)
		require.Nil(t, b)
		for range 10 {
			require.True(t, send(b, lost))
		}
		b.healed(context.Background())
		assert.Equal(t, BreakerClosed, b.status().State)
		require.Nil(t, newBreaker("eu", 0, config.BreakerSettings{}, nil))
		assert.NotPanics(t, func() { // nobody is told
			b := newBreaker("eu", 0, config.BreakerSettings{Failures: 1}, nil)
			send(b, lost)
		})
	})
}

var errSomething = errors.New("something else")
