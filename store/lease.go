package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/keys"
)

// Lease is a node that this process holds for a time. Its methods are safe for
// concurrent use.
//
// Two processes cannot make the same id with one node, even by accident:
//
//   - a node is taken by one guarded statement on its row, so that of two that try one
//     gets it; a row is free when its lease has ended on the database's clock;
//   - the holder knows the end of its lease on its own monotonic clock, counted from
//     before the request was sent: for it the lease ends before the database frees it;
//   - the row also records the latest time that the holder's ids may carry (ids_until).
//     Who takes the node over needs a clock that is past it, and makes ids with later
//     times only. So the ids differ even if clocks are wrong, jump or stand still.
//
// A process that was paused beyond its lease, and wakes up, finds its generator refusing
// (keys.ErrNotGranted): Renew gives it the node back if no one took it, else
// ErrLeaseLost, and it leases another. If its clocks stood still with it, it goes on
// making ids up to ids_until, which nobody else makes.
type Lease struct {
	store *Store
	node  int
	token string
	ttl   time.Duration

	mu       sync.Mutex
	after    time.Time
	ceiling  time.Time
	deadline time.Time
}

// LeaseNode takes the lowest node from 1 to 1023 that is free, for ttl, which is at
// least a millisecond. The error is ErrNoNode or the database's.
func (s *Store) LeaseNode(ctx context.Context, pool gorm.ConnPool, ttl time.Duration) (*Lease, error) {
	l := &Lease{store: s, token: rand.Text(), ttl: max(ttl, time.Millisecond)}
	const rounds = 4
	for range rounds {
		taken, err := l.take(ctx, s.writing(pool))
		if err != nil {
			return nil, attempted("lease a node in dtde_nodes", err)
		}
		if taken {
			return l, nil
		}
	}
	return nil, ErrNoNode
}

// candidate is a node whose row, if it has one, says that it is free.
type candidate struct {
	node   int
	hasRow bool
}

func (l *Lease) take(ctx context.Context, q gorm.ConnPool) (bool, error) {
	free, err := l.candidates(ctx, q)
	if err != nil {
		return false, err
	}
	for _, c := range free {
		sent := l.store.now()
		ceiling := l.ceilingFrom(sent)
		var n int64
		err := l.store.retrying(ctx, func() (err error) {
			if c.hasRow {
				n, err = affect(ctx, q, l.store.text.LeaseNode,
					l.token, l.ttl.Milliseconds(), ceiling.UnixMilli(), c.node, sent.UnixMilli())
			} else {
				n, err = affect(ctx, q, l.store.text.AddNode, c.node, l.token, l.ttl.Milliseconds(), ceiling.UnixMilli())
			}
			return err
		})
		if err != nil {
			return false, err
		}
		if n > 0 {
			l.node, l.ceiling, l.deadline = c.node, ceiling, sent.Add(l.ttl)
			l.after = time.UnixMilli(sent.UnixMilli() - 1).UTC()
			return true, nil
		}
	}
	return false, nil
}

// candidates lists the free nodes, lowest first.
func (l *Lease) candidates(ctx context.Context, q gorm.ConnPool) (free []candidate, err error) {
	taken := map[int]bool{}
	rowed := map[int]bool{}
	local := l.store.now().UnixMilli()
	err = query(ctx, q, l.store.text.Nodes, nil, func(rows *sql.Rows) error {
		var node int
		var expires, ids, clock int64
		if err := rows.Scan(&node, &expires, &ids, &clock); err != nil {
			return err
		}
		rowed[node], taken[node] = true, expires >= clock || ids >= local
		return nil
	})
	for node := 1; node <= keys.MaxNode; node++ {
		if !taken[node] {
			free = append(free, candidate{node, rowed[node]})
		}
	}
	return free, err
}

// ceilingFrom is the latest time that ids may carry under a lease that is asked for now.
func (l *Lease) ceilingFrom(sent time.Time) time.Time {
	return time.UnixMilli(sent.Add(l.ttl + keys.DefaultMaxBorrow).UnixMilli()).UTC()
}

// Node is the node's number.
func (l *Lease) Node() int { return l.node }

// Deadline is the end of the lease on the store's clock, with its monotonic reading. It
// comes before the end that the database sees.
func (l *Lease) Deadline() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.deadline
}

// Grant is what the lease allows a generator as of now.
func (l *Lease) Grant() keys.Grant {
	l.mu.Lock()
	defer l.mu.Unlock()
	return keys.Grant{Node: l.node, After: l.after, Ceiling: l.ceiling, Deadline: l.deadline}
}

// Renew extends the lease by its full length from now, also when it has ended and no
// one took the node. The error is ErrLeaseLost, final, or the database's: then the
// lease holds until its deadline and Renew can be tried again.
func (l *Lease) Renew(ctx context.Context, pool gorm.ConnPool) error {
	q := l.store.writing(pool)
	l.mu.Lock()
	defer l.mu.Unlock()
	sent := l.store.now()
	ceiling := l.ceilingFrom(sent)
	if ceiling.Before(l.ceiling) {
		ceiling = l.ceiling // the clock was set back; what was granted stays granted
	}
	n, err := affect(ctx, q, l.store.text.RenewNode, l.ttl.Milliseconds(), ceiling.UnixMilli(), l.node, l.token)
	if err == nil && n == 0 {
		// MySQL counts changed rows only: two renewals in one millisecond change none.
		err = l.held(ctx, q, ceiling)
	}
	if err != nil {
		return attempted("renew the lease of a node in dtde_nodes", err)
	}
	l.ceiling, l.deadline = ceiling, sent.Add(l.ttl)
	return nil
}

// Confirm reads whether the database has the lease as it was last taken or renewed: on
// SQLite that may have been undone with the caller's transaction. The error is
// ErrLeaseLost or the database's.
func (l *Lease) Confirm(ctx context.Context, pool gorm.ConnPool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return attempted("confirm the lease of a node in dtde_nodes", l.held(ctx, l.store.writing(pool), l.ceiling))
}

func (l *Lease) held(ctx context.Context, q gorm.ConnPool, ceiling time.Time) error {
	var holder string
	var ids int64
	err := q.QueryRowContext(ctx, l.store.text.Holder, l.node).Scan(&holder, &ids)
	if errors.Is(err, sql.ErrNoRows) || err == nil && (holder != l.token || ids != ceiling.UnixMilli()) {
		return ErrLeaseLost
	}
	return err
}

// Release frees the node at once. last is the latest time that an id carries that was
// made under the lease (keys.Generator.Revoke gives it): who takes the node next starts
// after it. Make no ids after. Releasing a lost lease does nothing.
func (l *Lease) Release(ctx context.Context, last time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deadline = l.store.now()
	_, err := affect(ctx, l.store.writing(nil), l.store.text.ReleaseNode, last.UnixMilli(), l.node, l.token)
	return attempted("release a node in dtde_nodes", err)
}
