package resolver

import (
	"context"
	"errors"
	"runtime"
	"sync"
)

// Each calls f for every i in [0, n), at most limit at a time, and returns when all
// calls have returned; limit below 1 means 1, and with 1 they run in order on the
// caller's goroutine. The first failure cancels the context of the others and keeps
// further calls from starting. The errors are joined in the order of i, without those
// that only say that a sibling's failure, or the end of ctx, cancelled them; if ctx has
// ended, the error matches ctx.Err(). A panic of f is raised again on the caller's goroutine, as is runtime.Goexit.
func Each(ctx context.Context, limit, n int, f func(ctx context.Context, i int) error) error {
	if n <= 0 {
		return nil
	}
	if n == 1 { // nothing to cancel
		if err := ctx.Err(); err != nil {
			return err
		}
		return withCause(ctx, f(ctx, 0))
	}
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	g := &group{ctx: inner, cancel: cancel, f: f, errs: make([]error, n), first: -1}
	if limit = min(limit, n); limit <= 1 {
		for g.step() {
		}
		return g.result(ctx)
	}
	g.start(limit)
	return g.end(ctx)
}

// Tasks are calls that go on beside who started them. Their starter must call Wait.
type Tasks struct {
	g   *group
	ctx context.Context
}

// Start calls f for every i in [0, n), at most limit at a time, and returns at once. The
// first failure cancels the context of the others, unless spare, which may be nil, tells
// that they are to end by themselves; they see Failed.
func Start(ctx context.Context, limit, n int, spare func(error) bool, f func(ctx context.Context, i int) error) *Tasks {
	inner, cancel := context.WithCancelCause(ctx)
	g := &group{ctx: inner, cancel: cancel, f: f, errs: make([]error, n), first: -1, spare: spare, failed: make(chan struct{})}
	g.start(min(max(limit, 1), n))
	return &Tasks{g, ctx}
}

// Failed is closed when a call has failed.
func (t *Tasks) Failed() <-chan struct{} { return t.g.failed }

// Wait returns when all calls have returned, with their errors as those of [Each]; it
// raises a panic of theirs again. It may be called more than once.
func (t *Tasks) Wait() error { return t.g.end(t.ctx) }

// Stop cancels the context of the calls, and keeps further ones from starting. It may be
// called at any time; it does not wait for them.
func (t *Tasks) Stop() { t.g.cancel(nil) }

// group is the state of one Each.
type group struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	f      func(context.Context, int) error

	mu       sync.Mutex
	next     int
	errs     []error
	first    int // who failed first, or -1
	panicked bool
	panic    any
	exited   bool

	wait   sync.WaitGroup
	spare  func(error) bool // nil: none
	failed chan struct{}    // nil: nobody looks
	noted  bool             // failed is closed
}

// start makes the calls, so many at a time.
func (g *group) start(limit int) {
	for range limit {
		g.wait.Add(1)
		go func() {
			defer g.wait.Done()
			g.work()
		}()
	}
}

// end waits for the calls.
func (g *group) end(ctx context.Context) error {
	g.wait.Wait()
	if g.failed != nil { // Each cancels by itself
		g.cancel(nil)
	}
	if g.panicked {
		panic(g.panic)
	}
	if g.exited {
		runtime.Goexit()
	}
	return g.result(ctx)
}

// work makes calls until there are none left, and catches what ends a goroutine.
func (g *group) work() {
	normal := false
	defer func() {
		if normal {
			return
		}
		p := recover() // nil after Goexit: panic(nil) is an error value since Go 1.21
		g.mu.Lock()
		defer g.mu.Unlock()
		if p == nil {
			g.exited = true
		} else if !g.panicked {
			g.panicked, g.panic = true, p
		}
		g.cancel(nil)
		g.noteFailure()
	}()
	for g.step() {
	}
	normal = true
}

// step makes one call, unless all are made or the group is cancelled.
func (g *group) step() bool {
	g.mu.Lock()
	if g.next == len(g.errs) || g.ctx.Err() != nil {
		g.mu.Unlock()
		return false
	}
	i := g.next
	g.next++
	g.mu.Unlock()
	err := g.f(g.ctx, i)
	if err != nil {
		g.mu.Lock()
		g.errs[i] = err
		if g.first < 0 {
			g.first = i
		}
		g.mu.Unlock()
		if g.spare == nil || !g.spare(err) {
			g.cancel(err) // first, so that who sees Failed finds its statement cancelled, and reads no rest of it
		}
		g.mu.Lock()
		g.noteFailure()
		g.mu.Unlock()
	}
	return true
}

// noteFailure closes failed; the lock is held.
func (g *group) noteFailure() {
	if g.failed != nil && !g.noted {
		g.noted = true
		close(g.failed)
	}
}

// result joins the failures that are reasons of their own.
func (g *group) result(ctx context.Context) error {
	if g.first < 0 {
		if g.next < len(g.errs) { // stopped from outside
			return g.ctx.Err()
		}
		return nil
	}
	var real []error
	for i, err := range g.errs {
		if err != nil && (i == g.first || !cancellation(err)) {
			real = append(real, err)
		}
	}
	if len(real) == 1 {
		return withCause(ctx, real[0])
	}
	return withCause(ctx, errors.Join(real...))
}

// withCause adds that ctx has ended to a failure that doesn't say so: a connection that
// a driver closed for it may answer the next statement with an error of its own.
func withCause(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		return errors.Join(ended, err)
	}
	return err
}

// cancellation tells an error that comes from a cancelled context, also in the words
// of a server that was asked to stop.
func cancellation(err error) bool {
	if errors.Is(err, context.Canceled) {
		return true
	}
	var state interface{ SQLState() string }
	return errors.As(err, &state) && state.SQLState() == "57014" // query_canceled
}
