package planner

import (
	"slices"
	"strconv"

	"github.com/go-dtde/dtde/config"
)

// unsealed leaves out shards whose seal says that every version there has ended before
// the statement can see it.
func (s *Statement) unsealed(r routed) routed {
	if s.Ends == nil || !s.Table.HasSeals() {
		return r
	}
	over := func(shard *config.Shard) bool {
		bound, sealed := s.Table.Sealed(shard.ID)
		held := config.Between(config.Bound{Open: true}, config.Bound{Value: config.Time(bound), Inclusive: true})
		return sealed && !s.Ends.Overlaps(held)
	}
	open := slices.DeleteFunc(slices.Clone(r.shards), over)
	if left := len(r.shards) - len(open); left > 0 {
		r.shards, r.sealed = open, true
		r.reason += "; without " + strconv.Itoa(left) + " sealed before"
	}
	return r
}
