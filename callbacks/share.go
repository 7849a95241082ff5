package callbacks

import (
	"context"
	"sync"

	"github.com/go-dtde/dtde/resolver"
)

// share is what one read may have begun at a time: one statement, and as many more as
// MaxParallelShards allows and the process's budget has. A statement counts until as much
// of its rows is read as is read ahead, so that it never waits for the reader.
type share struct {
	budget *resolver.Budget
	turns  chan struct{}

	mu    sync.Mutex
	begun int // statements that may still want a turn, or have it
	more  int // what the budget gave
}

// share takes what a read of n statements may begin at a time; close gives it back.
func (r *Runtime) share(n int) *share {
	more := r.budget.Take(min(n, r.config.MaxParallelShards) - 1)
	return &share{budget: r.budget, turns: make(chan struct{}, 1+more), begun: n, more: more}
}

// atATime is how many statements may be begun at a time.
func (s *share) atATime() int { return cap(s.turns) }

// enter waits for a turn; leave ends it.
func (s *share) enter(ctx context.Context, failed <-chan struct{}) error {
	select {
	case s.turns <- struct{}{}:
		return nil
	case <-ctx.Done():
	case <-failed:
	}
	return context.Canceled
}

// leave ends a turn, and gives back what the statements that are left can't use.
func (s *share) leave() {
	<-s.turns
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun--
	s.keep(max(s.begun-1, 0))
}

// keep gives back all but n; the lock is held.
func (s *share) keep(n int) {
	if s.more > n {
		s.budget.Give(s.more - n)
		s.more = n
	}
}

// close gives everything back. A second call does nothing.
func (s *share) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep(0)
}
