package resolver

import "gorm.io/gorm"

// SharedPool tells whether p is a pool of connections, of which one may be lost
// without harm: not a transaction, and not a single connection.
func SharedPool(p gorm.ConnPool) bool {
	p, _ = Unwrap(p)
	if pool, ok := p.(*Pool); ok {
		p, _ = Unwrap(pool.inner)
	}
	return isPool(p)
}
