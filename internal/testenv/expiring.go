package testenv

import (
	"context"
	"sync"
	"testing"
)

// Expiring is a context whose deadline passes when the test says so, and not before: for what
// must time out once it has got somewhere, however slow the machine is.
func Expiring(t testing.TB) (ctx context.Context, expire func()) {
	t.Helper()
	e := &expiring{Context: t.Context(), done: make(chan struct{})}
	expire = sync.OnceFunc(func() { close(e.done) })
	t.Cleanup(expire) // also where the test failed before
	return e, expire
}

type expiring struct {
	context.Context // the values
	done            chan struct{}
}

func (e *expiring) Done() <-chan struct{} { return e.done }

func (e *expiring) Err() error {
	select {
	case <-e.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}
