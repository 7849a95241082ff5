package config

import (
	"context"
	"time"
)

// Observer is told of what dtde does. Its methods are called synchronously on the
// goroutine of the statement, must be quick and safe for concurrent use, and must
// not use the same transaction. A nil Observer costs nothing.
type Observer interface {
	// ShardResolved is called once a statement's shards are chosen, before it runs.
	ShardResolved(ctx context.Context, e ShardResolved)
	// QueryExecuted is called after a statement ran, also when it failed.
	QueryExecuted(ctx context.Context, e QueryExecuted)
}

// ShardResolved says which shards a statement was routed to, and why.
type ShardResolved struct {
	// At is when, in UTC.
	At time.Time
	// Entity is the model's name, Operation "select", "insert", "update", "delete" or "raw".
	Entity, Operation string
	// Shards are the ids, in visiting order.
	Shards []string
	// Reason says why these shards.
	Reason string
	// CorrelationID comes from the context (see WithCorrelationID) or was made for the statement.
	CorrelationID string
}

// QueryExecuted says how a statement went.
type QueryExecuted struct {
	// At is when it ended, in UTC.
	At time.Time
	// Entity is the model's name, Operation "select", "insert", "update", "delete" or "raw".
	Entity, Operation string
	// Shards are the ids, in visiting order.
	Shards []string
	// Form is "one", "union", "sessions", "steps" or "none".
	Form string
	// Reason says why these shards.
	Reason string
	// Rows is GORM's RowsAffected.
	Rows int64
	// Resolution is the time that routing took, Total the whole statement's.
	Resolution, Total time.Duration
	// PerShard has the time of each statement sent, by shard id; a union's one
	// statement stands under every shard that it read.
	PerShard map[string]time.Duration
	// CorrelationID is the same as ShardResolved's.
	CorrelationID string
	// Err is the statement's error, or nil.
	Err error
}

// TransactionObserver is an [Observer] that is also told of transactions over several
// databases. Its method is called synchronously, as those of an Observer are.
type TransactionObserver interface {
	// TransactionEnded is called at each step that decides about the transaction's end.
	TransactionEnded(ctx context.Context, e TransactionEvent)
}

// VersionObserver is an [Observer] that is also told of versions. Its method is called
// synchronously, after the transaction has committed.
type VersionObserver interface {
	// VersionChanged is called once per row that a write of versions made or changed.
	VersionChanged(ctx context.Context, e VersionEvent)
}

// VersionEventKind says what happened to a version.
type VersionEventKind string

// The kinds of events.
const (
	// VersionCreated: a row was made.
	VersionCreated VersionEventKind = "created"
	// VersionInvalidated: a row was closed, changed or removed.
	VersionInvalidated VersionEventKind = "invalidated"
)

// VersionEvent is one row that a write of versions made or changed.
type VersionEvent struct {
	// At is when it was sent, in UTC.
	At   time.Time
	Kind VersionEventKind
	// Entity is the model's name, Key the values of its entity key.
	Entity string
	Key    []any
	// Step is what was done to the row: "insert", "close", "shrink", "rewrite", …
	Step string
	// From is the row's start; of one that was changed, the start before. To is its end
	// now, OldTo the end before; the zero time is open.
	From, To, OldTo time.Time
	// CorrelationID comes from the context (see WithCorrelationID).
	CorrelationID string
}

// TransactionEventKind says what happened to a transaction over several databases.
type TransactionEventKind string

// The kinds of events.
const (
	// TransactionPrepared: every participant but the home is prepared.
	TransactionPrepared TransactionEventKind = "prepared"
	// TransactionCommitted: it is committed everywhere.
	TransactionCommitted TransactionEventKind = "committed"
	// TransactionInDoubt: it waits for recovery in the databases named; if Commit
	// returned no error, it is decided and recovery will commit it there.
	TransactionInDoubt TransactionEventKind = "in doubt"
	// TransactionRecovered: recovery has committed it in the database named.
	TransactionRecovered TransactionEventKind = "recovered"
	// TransactionRolledBack: recovery has rolled it back in the database named.
	TransactionRolledBack TransactionEventKind = "rolled back"
)

// TransactionEvent is one step of a transaction over several databases.
type TransactionEvent struct {
	// At is when, in UTC.
	At   time.Time
	Kind TransactionEventKind
	// Transaction is the id that the participants share.
	Transaction string
	// Databases are those concerned; "" is the *gorm.DB's own.
	Databases []string
	// Err is what went wrong, or nil.
	Err error
}

type correlationKey struct{}

// WithCorrelationID returns a context whose statements carry id in their events.
func WithCorrelationID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, correlationKey{}, id)
}

// CorrelationID gives the context's id, or "".
func CorrelationID(ctx context.Context) string {
	id, _ := ctx.Value(correlationKey{}).(string)
	return id
}
