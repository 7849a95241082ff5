package dtde

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/callbacks"
	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/observe"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
)

// The nouns of package config, under the names that a program uses.
type (
	// Config is everything that dtde is told.
	Config = config.Config
	// Entity is a model with its settings; see Model.
	Entity = config.Entity
	// Shard is one place for an entity's rows.
	Shard = config.Shard
	// Database is one of the databases that shards live in.
	Database = config.Database
	// BreakerSettings say when a database that is down is left alone.
	BreakerSettings = config.BreakerSettings
	// BreakerStatus is how a database stands with its breaker.
	BreakerStatus = resolver.BreakerStatus
	// PoolSettings are those of a database's pool of connections.
	PoolSettings = config.PoolSettings
	// Tier says how a shard is used.
	Tier = config.Tier
	// TransactionObserver is an Observer that is told of transactions over databases.
	TransactionObserver = config.TransactionObserver
	// DatabaseObserver is an Observer that is told of databases that go down and come back.
	DatabaseObserver = config.DatabaseObserver
	// DatabaseEvent is a change of one database.
	DatabaseEvent = config.DatabaseEvent
	// DatabaseDownError is a statement that was not sent, because its database is down.
	DatabaseDownError = resolver.DatabaseDownError
	// TransactionEvent is one step of a transaction over several databases.
	TransactionEvent = config.TransactionEvent
	// PartialCommitError says how a transaction of best effort ended.
	PartialCommitError = resolver.PartialCommitError
	// DatabaseError is a failure in one database of several.
	DatabaseError = resolver.DatabaseError
	// InDoubtError is a commit of which nobody can tell how it ended.
	InDoubtError = resolver.InDoubtError
	// Range is one shard of a range strategy: keys in [From, To).
	Range = config.Range
	// RingNode is one shard of a consistent ring.
	RingNode = config.RingNode
	// RingHash is the hash of a consistent ring.
	RingHash = config.RingHash
	// KeySpec is an entity's primary key generator.
	KeySpec = config.KeySpec
	// StrategySpec describes a strategy as data.
	StrategySpec = config.StrategySpec
	// Strategy maps shard keys to shards; a program may bring its own.
	Strategy = config.Strategy
	// Table is an entity's compiled metadata.
	Table = config.Table
	// Reference is a reference entity's compiled metadata.
	Reference = config.Reference
	// Warning is what Validate finds that is no fault.
	Warning = config.Warning
	// Value is one typed shard key value.
	Value = config.Value
	// Set is a set of shard key values.
	Set = config.Set
	// Observer is told of every routed statement.
	Observer = config.Observer
	// ShardResolved is the event of a statement whose shards are chosen.
	ShardResolved = config.ShardResolved
	// QueryExecuted is the event of a statement that ran.
	QueryExecuted = config.QueryExecuted
	// Plan says which shards a statement visits, how, and why.
	Plan = planner.Plan
	// ConfigError is one fault in the settings.
	ConfigError = config.ConfigError
	// ShardError is a failure on, or about, one shard.
	ShardError = config.ShardError
	// UnsupportedError is the refusal of a statement without an exact answer.
	UnsupportedError = config.UnsupportedError
)

// The widths of a date shard.
const (
	Day     = config.Day
	Week    = config.Week
	Month   = config.Month
	Quarter = config.Quarter
	Year    = config.Year
)

// The storage modes.
const (
	Tables    = config.Tables
	Manual    = config.Manual
	Databases = config.Databases
)

// The tiers of shards.
const (
	Hot     = config.Hot
	Warm    = config.Warm
	Cold    = config.Cold
	Archive = config.Archive
)

// The forms of a read over several shards of one database, for Config.Reads and Reads.
const (
	ReadAuto     = config.ReadAuto
	ReadUnion    = config.ReadUnion
	ReadSessions = config.ReadSessions
)

// The states of a breaker.
const (
	BreakerClosed   = resolver.BreakerClosed
	BreakerOpen     = resolver.BreakerOpen
	BreakerHalfOpen = resolver.BreakerHalfOpen
)

// The primary key generators, for KeySpec.
const (
	KeyAuto        = config.KeyAuto
	KeyTimeOrdered = config.KeyTimeOrdered
	KeyUUIDv7      = config.KeyUUIDv7
	KeySequence    = config.KeySequence
	KeyCustom      = config.KeyCustom
	KeyNone        = config.KeyNone
)

// The errors of dtde, for errors.Is. All of them match Err.
var (
	Err                 = config.Err
	ErrConfig           = config.ErrConfig
	ErrShardNotFound    = config.ErrShardNotFound
	ErrMissingShardKey  = config.ErrMissingShardKey
	ErrUnsupported      = config.ErrUnsupported
	ErrReadOnlyShard    = config.ErrReadOnlyShard
	ErrTooManyShards    = config.ErrTooManyShards
	ErrTooManyRows      = config.ErrTooManyRows
	ErrPlacementChanged = config.ErrPlacementChanged
	ErrShardKeyChanged  = config.ErrShardKeyChanged
	ErrNotRegistered    = config.ErrNotRegistered
	ErrStaleCatalog     = config.ErrStaleCatalog
	ErrInDoubt          = config.ErrInDoubt
	ErrPartialCommit    = config.ErrPartialCommit
	ErrDatabaseDown     = config.ErrDatabaseDown
)

// Model lists a model in Config.Entities; without further calls its settings come
// from its tags.
func Model(model any) Entity { return config.Model(model) }

// ManualTable is a table that exists already and the rows that it holds, as in
// db.Where. Its shard id is the table's name.
func ManualTable(table, predicate string, args ...any) Shard {
	return config.ManualTable(table, predicate, args...)
}

// ByValue describes a value strategy, for ShardByComposite.
func ByValue(field string, values ...string) StrategySpec { return config.ByValue(field, values...) }

// ByDate describes a date strategy over [from, to), for ShardByComposite.
func ByDate(field string, unit config.DateUnit, from, to time.Time) StrategySpec {
	return config.ByDate(field, unit, from, to)
}

// ByHash describes a hash strategy, for ShardByComposite.
func ByHash(field string, slots int) StrategySpec { return config.ByHash(field, slots) }

// ByRing describes a ring strategy, for ShardByComposite.
func ByRing(field string, nodes ...RingNode) StrategySpec { return config.ByRing(field, nodes...) }

// ByAlphabet describes an alphabet strategy, for ShardByComposite.
func ByAlphabet(field string, ranges ...string) StrategySpec {
	return config.ByAlphabet(field, ranges...)
}

// ByRange describes a range strategy, for ShardByComposite.
func ByRange(field string, ranges ...Range) StrategySpec { return config.ByRange(field, ranges...) }

// OnShard is a scope that sends the statement to the named shards only; an unknown
// id is ErrShardNotFound. It does not reach preloads and associations.
func OnShard(ids ...string) func(*gorm.DB) *gorm.DB { return callbacks.OnShard(ids...) }

// AllShards is a scope that sends the statement to every shard, whatever its
// conditions say.
func AllShards() func(*gorm.DB) *gorm.DB { return callbacks.AllShards() }

// InTiers is a scope that narrows a read, an update or a delete to shards of these
// tiers.
func InTiers(tiers ...Tier) func(*gorm.DB) *gorm.DB { return callbacks.InTiers(tiers...) }

// Reads is a scope that insists on a form for a read over several shards; it is
// refused with ErrUnsupported where that form is not exact.
func Reads(form config.ReadForm) func(*gorm.DB) *gorm.DB { return callbacks.Reads(form) }

// Explain runs fn in DryRun and gives the plans of all routed statements that it
// made, in order: which shards, why, and the SQL for each.
//
//	plans, err := dtde.Explain(db, func(tx *gorm.DB) *gorm.DB { return tx.Where("region = ?", "US").Find(&out) })
func Explain(db *gorm.DB, fn func(tx *gorm.DB) *gorm.DB) ([]*Plan, error) {
	return callbacks.Explain(db, fn)
}

// Plans gives the plan of the statement that tx, as a finisher returned it, just
// executed; none if dtde did not route it. Plans of preloads and associations are
// seen by Explain and by the observer.
func Plans(tx *gorm.DB) []*Plan { return callbacks.Plans(tx) }

// SQLTx gives the *sql.Tx of a transaction, for code that wants one. It begins the
// transaction in the database if no statement has yet. With several databases it is that
// of the shard given, else of the *gorm.DB's own.
func SQLTx(tx *gorm.DB, shard ...*Shard) (*sql.Tx, error) {
	pool := tx.Statement.ConnPool
	if len(shard) > 0 {
		var err error
		if pool, err = resolver.On(pool, shard[0].Database); err != nil {
			return nil, err
		}
	}
	return resolver.SQLTx(pool)
}

// WithCorrelationID returns a context whose statements carry id in their events.
func WithCorrelationID(ctx context.Context, id string) context.Context {
	return config.WithCorrelationID(ctx, id)
}

// SlogObserver is an Observer that writes every event to an slog.Logger.
func SlogObserver(options observe.SlogOptions) Observer { return observe.NewSlog(options) }
