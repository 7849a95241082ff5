package config

import "time"

// Strategy maps shard keys to shard ids. It is the contract that every built-in
// strategy keeps and that a program's own must keep:
//
//   - total: every key that Check accepts gets an id or a typed error, never a panic;
//   - deterministic and stable: the same key gives the same id in every process, on
//     every machine, for ever. Changing it is a data migration, and Fingerprint
//     must change with it;
//   - sound: if Place(key) is id and id is among q.Known and every key value is in
//     its set, then Route(q) lists id;
//   - pure: no clock, no randomness, no I/O, safe for concurrent use.
//
// strategies/strategytest checks all of that for any implementation.
type Strategy interface {
	// Name is the strategy's name as it stands in metadata, tags and files.
	Name() string
	// Fingerprint describes everything that decides placement, in a form that stays
	// the same as long as Place does.
	Fingerprint() string
	// Check tells whether the strategy can take these key columns, in this order.
	Check(keys []KeyColumn) error
	// Shards lists the ids that exist from the start, in visiting order. It may be
	// empty for a strategy whose shards are made at run time.
	Shards() []string
	// Place gives the id of the shard that holds rows with this key. The error
	// wraps ErrMissingShardKey or ErrShardNotFound.
	Place(key []Value) (string, error)
	// Route gives the shards that can hold rows whose key lies in the query's sets.
	Route(q RouteQuery) Routing
}

// DynamicStrategy is a Strategy whose shards are made at run time.
type DynamicStrategy interface {
	Strategy
	// Owns tells whether id is one that Place can return, so that a shard read from
	// dtde_catalog belongs to these settings.
	Owns(id string) bool
	// Upto lists, in order, the ids of the shards for keys up to an instant, for
	// EnsureShards; ok is false if the strategy does not go by time.
	Upto(until Value) (ids []string, ok bool)
}

// RouteQuery is what a Strategy is asked.
type RouteQuery struct {
	// Keys has one set per key column, in the entity's order.
	Keys []Set
	// Known are the ids of the shards that exist, in visiting order.
	Known []string
}

// Routing is a Strategy's answer.
type Routing struct {
	// All means every known shard; IDs is then ignored.
	All bool
	// IDs is a subset of the query's Known, in the same order.
	IDs []string
	// Open means that keys in the sets could also live in shards that are not among
	// Known because they are made at run time: the caller makes sure that its
	// catalog is current before it trusts the answer.
	Open bool
}

// StrategySpec describes a strategy as data, the way tags, the fluent form and files
// all do; strategies.New makes the Strategy.
type StrategySpec struct {
	// Kind is "value", "date", "hash", "ring", "alphabet", "range", "maxrows",
	// "composite", "custom", "computed" or "manual".
	Kind string
	// Fields are the key's Go field names or column names, in order. For composite it
	// is empty: the parts have them.
	Fields []string
	// Values are the ids of a value strategy's derived shards, each also its one value.
	Values []string
	// Default is the id of the shard for values that have no shard (value, alphabet);
	// "" means that such a key is ErrShardNotFound.
	Default string
	// FoldCase makes a value strategy treat keys that differ by Unicode case as one.
	FoldCase bool
	// Unit is the width of a date shard.
	Unit DateUnit
	// From and To bound a date strategy: [From, To) in UTC instants, as any value
	// that KeyColumn.Convert takes for a time.
	From, To any
	// Location is the time zone of the boundaries; nil means UTC. Its name goes into
	// the fingerprint.
	Location *time.Location
	// Slots is the number of hash slots, fixed for good.
	Slots int
	// Ranges are the shards of a range strategy.
	Ranges []Range
	// Letters are the shards of an alphabet strategy, each "A-M" or "Q".
	Letters []string
	// MaxRows is the number of rows at which a maxrows shard is full.
	MaxRows int64
	// Nodes are the shards of a ring, with their weights.
	Nodes []RingNode
	// VirtualNodes is the number of points per weight unit on a ring; 0 means 160.
	VirtualNodes int
	// RingHash is the ring's hash; nil means the same stable hash as for slots. Its
	// Name goes into the fingerprint.
	RingHash RingHash
	// Parts are a composite's strategies, outermost first.
	Parts []StrategySpec
	// Custom is the program's own Strategy (kind "custom").
	Custom Strategy
	// Compute derives the key that Inner routes by from the values of Fields (kind
	// "computed"). It must be pure and stable; ComputeName goes into the fingerprint.
	Compute func(fields []Value) (Value, error)
	// ComputeName names Compute and its version, e.g. "country-of-phone/1".
	ComputeName string
	// Inner routes a computed key; its Fields are ignored.
	Inner *StrategySpec
	// InnerKind is the kind of the value that Compute returns.
	InnerKind Kind
}

// Range is one shard of a range strategy: keys in [From, To). A nil end is open.
type Range struct {
	// ID is the shard's id.
	ID string
	// From is inclusive, To exclusive; values that KeyColumn.Convert takes, or nil.
	From, To any
}

// RingNode is one shard of a consistent ring.
type RingNode struct {
	// ID is the shard's id.
	ID string
	// Weight is relative, 1 to 1000; 0 means 1.
	Weight int
}

// RingHash is the hash of a consistent ring.
type RingHash struct {
	// Name identifies the function and its version.
	Name string
	// Sum hashes b; it must be stable for ever.
	Sum func(b []byte) uint64
}

// DateUnit is the width of a date shard.
type DateUnit uint8

// The widths. The zero value is invalid.
const (
	// Day shards are named 2024_05_17.
	Day DateUnit = iota + 1
	// Week shards are ISO 8601 weeks, named 2024_w20 (week year and week).
	Week
	// Month shards are named 2024_05.
	Month
	// Quarter shards are named 2024_q2.
	Quarter
	// Year shards are named 2024.
	Year
)

var unitNames = [...]string{"", "day", "week", "month", "quarter", "year"}

// String is the unit's name in lower case, as tags and files have it.
func (u DateUnit) String() string {
	if int(u) < len(unitNames) {
		return unitNames[u]
	}
	return ""
}

// ParseDateUnit reads a unit's name; ok is false if there is none such.
func ParseDateUnit(s string) (u DateUnit, ok bool) {
	for i, n := range unitNames {
		if i > 0 && n == s {
			return DateUnit(i), true
		}
	}
	return 0, false
}
