package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/keys"
)

// DefaultLease is a good length of a node's lease: renewed twice or so per hour of use,
// and a killed process's node is free again soon enough with 1,023 of them.
const DefaultLease = 10 * time.Minute

// Node is a process's leased node with its id generator. It leases at the first use and
// renews at a use when less than half of the lease is left, so that it needs no
// goroutine; a process that makes no ids for long loses its node and takes another. It
// is safe for concurrent use.
type Node struct {
	store     *Store
	ttl       time.Duration
	generator *keys.Generator
	fresh     atomic.Pointer[horizon] // nil: look closer

	mu    sync.Mutex
	lease *Lease
	// tentative is the caller's transaction on SQLite in which the lease was last
	// written: if that is rolled back, so is the lease.
	tentative any
}

// horizon is how far no renewal is needed: by the monotonic clock, and by the wall
// clock, which ids are made of.
type horizon struct {
	renew time.Time
	wall  int64
	end   time.Time // until here the lease holds, by the monotonic clock
}

// clear tells that nothing needs to be done at now.
func (h *horizon) clear(now time.Time) bool {
	return h != nil && now.Before(h.renew) && now.UnixMilli() < h.wall
}

// Node makes a Node that leases for ttl at a time (DefaultLease if 0 or less), without
// sending anything yet.
func (s *Store) Node(ttl time.Duration) *Node {
	if ttl <= 0 {
		ttl = DefaultLease
	}
	return &Node{store: s, ttl: ttl, generator: keys.NewWithheld(s.now)}
}

// Bounds of the wait for a renewal, which must not hang where the caller's transaction
// has the pool's only connection.
const (
	maxRenewWait = time.Second
	maxLeaseWait = 15 * time.Second
)

// Generator gives the generator, with the lease taken or renewed if need be. Call it
// once per statement; the generator is good for the ids of that statement. It is the
// same one each time. While the lease holds, a failing renewal is no error. pool is
// where the caller's statement runs (see the package); in a pool with a single
// connection, call it once before the first transaction.
func (n *Node) Generator(ctx context.Context, pool gorm.ConnPool) (*keys.Generator, error) {
	now := n.store.now()
	h := n.fresh.Load()
	if h.clear(now) {
		return n.generator, nil
	}
	if !n.mu.TryLock() {
		if h != nil && now.Before(h.end) && now.UnixMilli() < h.wall {
			return n.generator, nil // another call renews: no need to wait for it
		}
		n.mu.Lock()
	}
	defer n.mu.Unlock()
	now = n.store.now() // another call may have renewed meanwhile
	if n.fresh.Load().clear(now) {
		return n.generator, nil
	}
	if err := n.secure(ctx, pool, now); err != nil {
		return nil, err
	}
	return n.generator, nil
}

// secure makes sure that the lease is held and recorded.
func (n *Node) secure(ctx context.Context, pool gorm.ConnPool, now time.Time) error {
	if err := n.store.Claim(ctx, pool); err != nil {
		return err
	}
	if n.lease != nil && n.tentative != nil {
		switch err := n.lease.Confirm(ctx, pool); {
		case errors.Is(err, ErrLeaseLost):
			n.drop()
		case err != nil:
			return err
		default:
			if identity(n.store.writing(pool)) != n.tentative {
				// Another transaction sees it, so it was committed.
				n.tentative = nil
				n.settle(n.lease.Grant())
			}
			if now.Before(n.renewAt(n.lease.Grant())) {
				return nil
			}
		}
	}
	if n.lease != nil {
		done, err := n.renew(ctx, pool, now)
		if done || err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, maxLeaseWait)
	defer cancel()
	lease, err := n.store.LeaseNode(ctx, pool, n.ttl)
	if err != nil {
		return err
	}
	n.lease = lease
	return n.written(pool)
}

// renew tries to; done is false if the node is lost.
func (n *Node) renew(ctx context.Context, pool gorm.ConnPool, now time.Time) (done bool, err error) {
	grant := n.lease.Grant()
	holds := now.Before(grant.Deadline) && !now.After(grant.Ceiling)
	wait := maxLeaseWait
	if holds {
		wait = maxRenewWait
	}
	bounded, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	switch err := n.lease.Renew(bounded, pool); {
	case err == nil:
		return true, n.written(pool)
	case errors.Is(err, ErrLeaseLost):
		n.drop()
		return false, nil
	case holds && ctx.Err() == nil && n.store.writing(pool) == n.store.pool:
		// Not in the caller's transaction, which may not survive a failed statement.
		later := n.store.now().Add(n.ttl / 10)
		if later.After(grant.Deadline) {
			later = grant.Deadline
		}
		n.fresh.Store(&horizon{renew: later, wall: grant.Ceiling.UnixMilli(), end: grant.Deadline})
		return true, nil
	default:
		return false, err
	}
}

// written passes a lease that was just taken or renewed on to the generator.
func (n *Node) written(pool gorm.ConnPool) error {
	grant := n.lease.Grant()
	n.tentative = nil
	if tx, ok := n.store.inside(pool); ok {
		n.tentative = identity(tx)
		n.fresh.Store(nil)
	} else {
		n.settle(grant)
	}
	return n.generator.Grant(grant)
}

// settle lets calls go by without a look at the lease until half of it has passed.
func (n *Node) settle(grant keys.Grant) {
	n.fresh.Store(&horizon{
		renew: n.renewAt(grant),
		wall:  grant.Ceiling.Add(-keys.DefaultMaxBorrow - n.ttl/2).UnixMilli(),
		end:   grant.Deadline,
	})
}

func (n *Node) renewAt(grant keys.Grant) time.Time { return grant.Deadline.Add(-n.ttl / 2) }

// drop forgets a lost lease.
func (n *Node) drop() {
	n.lease, n.tentative = nil, nil
	n.fresh.Store(nil)
	n.generator.Revoke()
}

// Run keeps the lease, renewing it at every third of its length, until ctx is done,
// whose error it returns. The caller starts it on a goroutine of its own, if at all:
// for a process that makes ids rarely and wants no wait for a lease then. Failures are
// tried again at the next third.
func (n *Node) Run(ctx context.Context) error {
	ticker := time.NewTicker(max(n.ttl/3, time.Millisecond))
	defer ticker.Stop()
	for {
		n.keep(ctx)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

func (n *Node) keep(ctx context.Context) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.store.now()
	if n.lease != nil && n.tentative == nil {
		if done, err := n.renew(ctx, nil, now); done || err != nil {
			return
		}
	}
	_ = n.secure(ctx, nil, now) // the next third, or the next id, tries again
}

// Release gives the node back and stops the generator; a later Generator leases anew.
func (n *Node) Release(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	lease := n.lease
	if lease == nil {
		return nil
	}
	n.lease, n.tentative = nil, nil
	n.fresh.Store(nil)
	return lease.Release(ctx, n.generator.Revoke())
}

// identity tells transactions apart below GORM's statement cache, which wraps one
// transaction anew in each session.
func identity(pool gorm.ConnPool) any {
	if prepared, ok := pool.(*gorm.PreparedStmtTX); ok {
		return prepared.Tx
	}
	return pool
}
