package planner

import (
	"github.com/go-dtde/dtde/config"
)

// Box is a region of the shard key: one set per key column, all of them holding.
type Box []config.Set

// Predicate is what a WHERE clause says about the shard key. It never says less
// than the clause admits: every row for which the clause is true lies in one of the
// boxes, and its primary key in that box's id set.
type Predicate struct {
	// Boxes are the admitted regions, their union counts. None means that no row matches.
	Boxes []Box
	// IDs are the sets of the primary key that go with each box, by position; nil
	// when the entity's ids do not carry their shard.
	IDs []config.Set
	// ID is the union of IDs, or Full.
	ID config.Set
	// Exact tells that the boxes say precisely what the clause says.
	Exact bool
	// Unknown lists the fragments that were not understood.
	Unknown []string
}
