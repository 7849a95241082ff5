package resolver

import (
	"context"
	"sync/atomic"
	"time"
)

// firstPatience is how much longer than the first of several calls the others may take
// before they are cancelled: a statement that is cancelled takes its connection with it,
// and dialling anew costs about as much.
const firstPatience = 5 * time.Millisecond

// First calls f for every i in [0, n), at most limit at a time, until one has found what
// they all look for. Then no more are called, the others are cancelled if they aren't
// soon ready, and what becomes of them doesn't matter: First returns nil once they have
// ended. A failure before that cancels the others, and is returned as that of [Each].
// spare is that of [Start]; with one, calls that have begun are never cancelled for
// another that has found it.
func First(ctx context.Context, limit, n int, spare func(error) bool, f func(ctx context.Context, i int) (found bool, err error)) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	var won atomic.Bool
	var late *time.Timer // the winner's
	err := Start(inner, limit, n, spare, func(ctx context.Context, i int) error {
		if won.Load() {
			return nil
		}
		found, err := f(ctx, i)
		if found && !won.Swap(true) && spare == nil {
			late = time.AfterFunc(firstPatience, cancel)
		}
		if won.Load() {
			return nil
		}
		return err
	}).Wait()
	if !won.Load() {
		return err
	}
	if late != nil {
		late.Stop()
	}
	return nil
}
