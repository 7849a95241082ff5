package resolver

import (
	"reflect"
	"sync"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
)

// Adopter makes pools of dtde's of those that a program's dbresolver chooses, one of each. It
// is safe for concurrent use.
type Adopter struct {
	own     *Pool
	breaker config.BreakerSettings

	mu    sync.Mutex
	pools map[gorm.ConnPool]*Pool
}

// NewAdopter makes one for the *gorm.DB with this pool. Each pool that is adopted has a
// breaker. It is nil for a connection that is no pool.
func NewAdopter(own gorm.ConnPool, s config.BreakerSettings) *Adopter {
	own, _ = Unwrap(own)
	pool, ok := own.(*Pool)
	if !ok || !isPool(pool.inner) {
		return nil
	}
	return &Adopter{own: pool, breaker: s, pools: map[gorm.ConnPool]*Pool{}}
}

// Adopt gives dtde's pool for one that dbresolver chose: the *gorm.DB's own, or another of
// the same database. A transaction, a single connection, and what is dtde's already stay as
// they are.
func (a *Adopter) Adopt(p gorm.ConnPool) gorm.ConnPool {
	inner, prepared := Unwrap(p)
	if a == nil || inner == nil || !isPool(inner) || !reflect.TypeOf(inner).Comparable() {
		return p
	}
	if _, ours := inner.(*Pool); ours {
		return p
	}
	pool := a.own.base()
	if inner != a.own.inner {
		pool = a.pool(inner)
	}
	if prepared {
		return pool.Prepared()
	}
	return pool
}

// pool adopts a pool other than the *gorm.DB's own.
func (a *Adopter) pool(inner gorm.ConnPool) *Pool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if pool := a.pools[inner]; pool != nil {
		return pool
	}
	pool, err := NewPool(inner, PoolOptions{Dialect: a.own.dialect, Databases: a.own.databases, Commit: a.own.commit})
	if err != nil { // only for a nil pool
		return a.own
	}
	pool.replica = len(a.pools) + 1
	pool.breaker = newBreaker("", pool.replica, a.breaker, nil)
	pool.of.Store(a.own.poolCore)
	a.pools[inner] = pool
	return pool
}

// Servers lists the servers that were adopted so far, in that order: the *gorm.DB's own
// excepted.
func (a *Adopter) Servers() []*Pool {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]*Pool, len(a.pools))
	for _, p := range a.pools {
		list[p.replica-1] = p
	}
	return list
}

// Adopted tells whether p is another server than the *gorm.DB's own, which dbresolver chose.
func Adopted(p gorm.ConnPool) bool {
	p, _ = Unwrap(p)
	pool, ok := p.(*Pool)
	return ok && pool.of.Load() != nil
}

// Ready tells whether statements are sent to p's server.
func Ready(p gorm.ConnPool) bool {
	p, _ = Unwrap(p)
	pool, ok := p.(*Pool)
	return !ok || pool.breaker.ready()
}
