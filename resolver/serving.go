package resolver

import (
	"context"
	"database/sql"
	"sync"

	"gorm.io/gorm"
)

// mode says which server of its database a pool's statements go to.
type mode uint8

const (
	// everyday: the source.
	everyday mode = iota
	// onSource: the source, and what is made of the pool for part of a statement, too.
	onSource
	// onReplicas: a replica, for each statement another.
	onReplicas
	// oneRead: a replica of each database, the same for all statements of one read.
	oneRead
)

// serving is how a view of a pool serves its statements.
type serving struct {
	mode mode
	read *reading
	// outer is the pool that the view stands for in owner's statement.
	outer gorm.ConnPool
	owner *gorm.Statement
}

// reading are the servers that the statements of one read go to.
type reading struct {
	session *Session // whose writes it must see, or nil

	mu    sync.Mutex
	picks []*pick
}

// base is the pool without its view.
func (p *Pool) base() *Pool {
	if p.prepares && p.preparing != nil {
		return p.preparing
	}
	return p.plain
}

// like is p as c serves, for another database.
func (p *Pool) like(c *Pool) *Pool {
	if c.mode == everyday {
		return p
	}
	return &Pool{poolCore: p.poolCore, prepares: p.prepares, serving: serving{mode: c.mode, read: c.read}}
}

// view makes a view of a pool of dtde's for a statement; other connections stay as they are.
func view(p gorm.ConnPool, s serving) gorm.ConnPool {
	inner, prepared := Unwrap(p)
	pool, ok := inner.(*Pool)
	if !ok {
		return p
	}
	s.outer = p
	return &Pool{poolCore: pool.poolCore, prepares: (pool.prepares || prepared) && pool.preparing != nil, serving: s}
}

// servingOf is how p serves; ok is false for what is no pool of dtde's.
func servingOf(p gorm.ConnPool) (s serving, ok bool) {
	p, _ = Unwrap(p)
	pool, ok := p.(*Pool)
	if !ok {
		return serving{}, false
	}
	return pool.serving, true
}

// ToSource is p for statements that must see what was written last: all of them, and those
// that are made of it for parts of a statement, go to the sources, never to replicas.
// [Leave] undoes it for owner, nil for nobody.
func ToSource(p gorm.ConnPool, owner *gorm.Statement) gorm.ConnPool {
	if s, ok := servingOf(p); !ok || s.mode == onSource {
		return p
	}
	return view(p, serving{mode: onSource, owner: owner})
}

// ToReplicas is p for statements that each go to a replica; a transaction is begun there,
// too, and only reads. [Leave] undoes it for owner.
func ToReplicas(p gorm.ConnPool, owner *gorm.Statement) gorm.ConnPool {
	return view(p, serving{mode: onReplicas, owner: owner})
}

// Everyday is p for statements that are no part of something larger. [Leave] undoes it for
// owner.
func Everyday(p gorm.ConnPool, owner *gorm.Statement) gorm.ConnPool {
	if s, ok := servingOf(p); !ok || s.mode == everyday {
		return p
	}
	return view(p, serving{owner: owner})
}

// Instead is p for a statement that ran on outer before. [Leave] undoes it for owner.
func Instead(outer, p gorm.ConnPool, owner *gorm.Statement) gorm.ConnPool {
	s, ok := servingOf(p)
	if !ok {
		return p
	}
	s.owner = owner
	v := view(p, s)
	if pool, ok := v.(*Pool); ok {
		pool.outer = outer
	}
	return v
}

// Leave gives the pool that a statement had before the views of its own.
func Leave(p gorm.ConnPool, owner *gorm.Statement) gorm.ConnPool {
	for {
		pool, ok := p.(*Pool)
		if !ok || pool.owner != owner || pool.outer == nil {
			return p
		}
		p = pool.outer
	}
}

// OneRead is p for the statements of one read: in each database they go to one replica,
// chosen when the first is sent, as far as it answers; to the source if none does. given, if
// not nil, is a replica that the program's dbresolver has chosen for p's own database. The
// read sees what ctx's session wrote (see [WithSession]), unless insist is set: then replicas
// are read in any case. [Leave] undoes it for owner.
func OneRead(ctx context.Context, p, given gorm.ConnPool, insist bool, owner *gorm.Statement) gorm.ConnPool {
	r := &reading{}
	if !insist {
		r.session = sessionOf(ctx)
	}
	v, ok := view(p, serving{mode: oneRead, read: r, owner: owner}).(*Pool)
	if !ok {
		return p
	}
	if inner, _ := Unwrap(given); inner != nil {
		if replica, ok := inner.(*Pool); ok && replica.poolCore != v.poolCore {
			r.picks = append(r.picks, &pick{source: v.poolCore, session: r.session, servers: []server{replica.plain}})
		}
	}
	return v
}

// Same tells whether statements on both go to one server's pool in the same way.
func Same(a, b gorm.ConnPool) bool {
	a, aPrepares := Unwrap(a)
	b, bPrepares := Unwrap(b)
	x, ok := a.(*Pool)
	y, both := b.(*Pool)
	if !ok || !both {
		return a == b && aPrepares == bPrepares
	}
	return x.poolCore == y.poolCore && (x.prepares || aPrepares) == (y.prepares || bPrepares) && x.mode == y.mode
}

// Pinned tells whether p's statements are part of one read.
func Pinned(p gorm.ConnPool) bool {
	s, _ := servingOf(p)
	return s.mode == oneRead
}

// OnSource tells whether p is [ToSource]'s.
func OnSource(p gorm.ConnPool) bool {
	s, _ := servingOf(p)
	return s.mode == onSource
}

// OnReplicas tells whether p is [ToReplicas]'s.
func OnReplicas(p gorm.ConnPool) bool {
	s, _ := servingOf(p)
	return s.mode == onReplicas
}

// pick gives the choice of a server for p's next statement.
func (p *Pool) pick() *pick {
	fresh := func(session *Session) *pick {
		k := &pick{source: p.poolCore, session: session}
		if p.replicas != nil {
			k.policy = p.replicas.policy
			for _, one := range p.replicas.list {
				k.servers = append(k.servers, one)
			}
		}
		return k
	}
	if p.mode == onReplicas {
		return fresh(nil)
	}
	p.read.mu.Lock()
	defer p.read.mu.Unlock()
	for _, k := range p.read.picks {
		if k.source == p.poolCore {
			return k
		}
	}
	k := fresh(p.read.session)
	p.read.picks = append(p.read.picks, k)
	return k
}

// onServer runs f on the server that p's statements go to. If it does not answer, and has
// not yet answered to this read, f runs on the next; again is false where that could do
// something twice.
func onServer[T any](ctx context.Context, p *Pool, again bool, f func(*Pool) (T, error)) (T, error) {
	k := p.pick()
	for {
		s, err := k.serve(ctx)
		if err != nil {
			var none T
			return none, err
		}
		on := s.plain
		if p.prepares {
			on = on.Prepared()
		}
		s.calls.Add(1)
		v, err := f(on)
		s.calls.Add(-1)
		if !k.passOn(ctx, s.poolCore, again, err) {
			return v, err
		}
	}
}

// beginReading begins a transaction on a replica, which only reads.
func (p *Pool) beginReading(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	s, err := p.pick().serve(ctx)
	if err != nil {
		return (*Tx)(nil), err
	}
	if p.prepares {
		s = s.Prepared()
	}
	reads := sql.TxOptions{ReadOnly: true}
	if opts != nil {
		reads.Isolation = opts.Isolation
	}
	return newTx(ctx, s, &reads), nil
}
