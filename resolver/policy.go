package resolver

import (
	"math/rand/v2"

	"gorm.io/gorm"
	"gorm.io/plugin/dbresolver"

	"github.com/go-dtde/dtde/config"
)

// policyOf is the policy that a database's settings name: dbresolver's own, but for
// LeastBusy. dbresolver's RoundRobinPolicy is not safe for concurrent use; its strict one is.
func policyOf(p config.ReplicaPolicy, custom config.ReplicaChooser) config.ReplicaChooser {
	switch {
	case custom != nil:
		return custom
	case p == config.RoundRobinReplica:
		return dbresolver.StrictRoundRobinPolicy()
	case p == config.LeastBusyReplica:
		return LeastBusy{}
	}
	return dbresolver.RandomPolicy{}
}

// LeastBusy is a policy, also for a dbresolver of the program's own, that chooses the pool
// with the fewest statements under way in this process, rows that are still read and
// transactions included; among equals any. It is safe for concurrent use.
type LeastBusy struct{}

var _ dbresolver.Policy = LeastBusy{}

// Resolve chooses among at least one pool.
func (LeastBusy) Resolve(pools []gorm.ConnPool) gorm.ConnPool {
	least, equals := -1, 0
	chosen := pools[0]
	for _, p := range pools {
		switch n := inFlight(p); {
		case least < 0 || n < least:
			least, equals, chosen = n, 1, p
		case n == least:
			if equals++; rand.IntN(equals) == 0 { //nolint:gosec // no secret
				chosen = p
			}
		}
	}
	return chosen
}

// inFlight counts what a pool is doing; 0 for one that does not tell.
func inFlight(p gorm.ConnPool) int {
	if counts, ok := p.(interface{ InFlight() int }); ok {
		return counts.InFlight()
	}
	if db, err := sqlDB(p); err == nil {
		return db.Stats().InUse
	}
	return 0
}

// InFlight counts the statements that are under way on the pool: those that hold a
// connection, and those that wait for one.
func (p *Pool) InFlight() int {
	busy := int(p.calls.Load())
	if db, err := p.GetDBConn(); err == nil {
		busy = max(busy, db.Stats().InUse)
	}
	return busy
}
