package config

import "time"

// Report says how one call went, shard by shard. dtde fills it when the statement has
// run, also when it failed; of rows that are read afterwards (Rows, an iterator) it is
// complete once they are closed. It is no use to two statements at a time. A statement
// that dtde did not route, or a DryRun, leaves it as it was.
type Report struct {
	// Entity is the model's name, Operation "select", "insert", "update", "delete" or "raw".
	Entity, Operation string
	// Form is "one", "union", "sessions", "steps" or "none".
	Form string
	// Reason says why these shards.
	Reason string
	// Statements is how many were sent for the call; what dtde asks its own tables is
	// not counted.
	Statements int
	// Rows is GORM's RowsAffected: -1 for rows that are read afterwards.
	Rows int64
	// Resolution is the time that routing took, Total the whole call's.
	Resolution, Total time.Duration
	// Shards are the shards of the plan, in visiting order.
	Shards []ShardReport
}

// ShardReport is one shard's part in a call.
type ShardReport struct {
	// Shard is the id.
	Shard string
	// Rows are those that the shard sent or wrote: of a sessions read all that were
	// taken from it, also if the merge dropped some. -1 means that they are not known
	// shard by shard, as of a union's one statement.
	Rows int64
	// Time is how long the shard's statement took, of a stream until its rows were
	// open; a union's one statement stands under every shard.
	Time time.Duration
}
