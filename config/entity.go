package config

import (
	"time"

	"gorm.io/gorm"
)

// Config is everything that dtde is told. Register copies it.
type Config struct {
	// Entities lists every model that dtde owns.
	Entities []Entity
	// Databases are those that shards live in; empty means the *gorm.DB itself. dtde's
	// own tables and every model that is not sharded stay in the *gorm.DB.
	Databases []Database
	// Drivers make the dialectors of databases that are given by driver and DSN.
	Drivers map[string]func(dsn string) gorm.Dialector
	// Cluster names this program in the transactions that it prepares in several
	// databases: the same in all of its processes, and of no other program on the same
	// servers. "" draws a name that is kept in the *gorm.DB's own database.
	Cluster string
	// Breaker says when databases beside the *gorm.DB are left alone because they are
	// down; a database's own settings win over it.
	Breaker BreakerSettings
	// MaxParallelShards bounds the shards of one statement that are read at a time
	// by sessions; 0 means 8, at most 256.
	MaxParallelShards int
	// MaxParallelStatements bounds, over all reads of several shards that run in this
	// process at a time, the statements that they have begun beside their first: each
	// read can always go on with one. Rows that a statement has begun to give don't count.
	// 0 means 64.
	MaxParallelStatements int
	// MaxShards bounds the shards of one statement; above it the statement is
	// refused with ErrTooManyShards. 0 means 1024.
	MaxShards int
	// MaxShardsPerEntity bounds the shards of one entity at Use; 0 means 4096.
	MaxShardsPerEntity int
	// MaxBufferedRows bounds the rows that one merge may hold in memory; 0 means 1,000,000.
	MaxBufferedRows int
	// Reads insists on a form for reads over several shards of one database; the
	// zero value lets the planner choose. A scope on the statement wins over it.
	Reads ReadForm
	// NodeID fixes the node part of generated ids, 1 to 1023; 0 leases one in the
	// database, so that two processes cannot share it by accident.
	NodeID int
	// Bulk is how BulkInsert gets rows into a database that has no Bulk of its own, the
	// *gorm.DB itself included; nil means by INSERT statements of many rows.
	Bulk Bulk
	// Observer is told of every routed statement; nil costs nothing.
	Observer Observer
	// Contains are the rules between temporal parents and children; none by default.
	Contains []ContainmentRule
}

// ReadForm is how a read over several shards of one database is carried out.
type ReadForm uint8

// The forms.
const (
	// ReadAuto lets the planner choose.
	ReadAuto ReadForm = iota
	// ReadUnion insists on one statement over UNION ALL.
	ReadUnion
	// ReadSessions insists on one statement per shard on one snapshot, merged in Go.
	ReadSessions
)

// String is the form's name, as plans and files have it.
func (f ReadForm) String() string {
	switch f {
	case ReadUnion:
		return "union"
	case ReadSessions:
		return "sessions"
	}
	return "auto"
}

// StorageMode says where an entity's shards live.
type StorageMode uint8

// The storage modes. The zero value means Tables.
const (
	// Tables: many tables in one database.
	Tables StorageMode = iota + 1
	// Manual: tables that exist already; dtde issues no DDL for them.
	Manual
	// Databases: tables in many databases, those of the entity's group. A shard whose id
	// is that of a database lives there; the others are dealt out in turn.
	Databases
)

// String is the mode's name in lower case.
func (m StorageMode) String() string {
	switch m {
	case Manual:
		return "manual"
	case 0, Tables:
		return "tables"
	case Databases:
		return "databases"
	}
	return "invalid"
}

// KeySource says where a sharded entity's primary keys come from.
type KeySource uint8

// The key sources. The zero value picks TimeOrdered for a single integer primary
// key, UUIDv7 for a single text or 16-byte one, and None otherwise.
const (
	// KeyAuto picks by the primary key's type.
	KeyAuto KeySource = iota
	// KeyTimeOrdered is dtde's 64-bit time-ordered generator.
	KeyTimeOrdered
	// KeyUUIDv7 is RFC 9562 version 7.
	KeyUUIDv7
	// KeySequence draws from a sequence in the database that all shards share.
	KeySequence
	// KeyCustom calls the program's own function.
	KeyCustom
	// KeyNone leaves the primary key to the program.
	KeyNone
)

// KeySpec is an entity's key generator.
type KeySpec struct {
	// Source is where keys come from.
	Source KeySource
	// Func makes a key (KeyCustom); it is called once per row whose key is zero and
	// must be safe for concurrent use. model is a pointer to the row, or the map.
	Func func(model any) (any, error)
	// Sequence names the database sequence (KeySequence); "" derives it.
	Sequence string
	// CarrySlot puts the hash slot into a time-ordered id, so that a query by the id
	// alone goes to one shard.
	CarrySlot bool
}

// Entity is a model with its settings, built by [Model] and its methods. It is a
// value: each method returns a changed copy.
type Entity struct {
	// Model is a pointer to the GORM model.
	Model any
	// Name is the model's type name; from a file it is what finds the Model.
	Name string
	// Strategy says how rows are spread; Kind "" means that tags say it.
	Strategy StrategySpec
	// Storage is where shards live; 0 means Tables, or Databases if there is a group.
	Storage StorageMode
	// Group is the shard group whose databases the shards live in (Databases).
	Group string
	// Shards are explicit shards; one with a derived id replaces the derived one.
	Shards []Shard
	// NoMigrations leaves the tables to the program: dtde issues no DDL for them.
	NoMigrations bool
	// LocalUnique names unique indexes that hold per shard only, with the program's consent.
	LocalUnique []string
	// Keys is the primary key generator.
	Keys KeySpec
	// Partner is a pointer to the model of the entity with which this one is co-located;
	// see [Entity.CoLocatedWith]. PartnerName is that model's type name: tags and files
	// have it instead.
	Partner     any
	PartnerName string
	// Reference tells that the model is a reference entity; see [Entity.AsReference].
	Reference bool
	// Temporal says how the entity keeps versions; zero for one that keeps none.
	Temporal Temporal
}

// Model lists a model; without further calls its settings come from its tags.
func Model(model any) Entity { return Entity{Model: model} }

// ShardBy spreads rows by the value of a field: one shard per value. Without values
// there must be explicit shards.
func (e Entity) ShardBy(field string, values ...string) Entity {
	e.Strategy = ByValue(field, values...)
	return e
}

// ShardByDate spreads rows over shards of one unit each, made on demand within
// [from, to). Boundaries are in from's location.
func (e Entity) ShardByDate(field string, unit DateUnit, from, to time.Time) Entity {
	e.Strategy = ByDate(field, unit, from, to)
	return e
}

// ShardByHash spreads rows over a fixed number of slots by a stable hash of the
// key. slots can never be changed without a data migration.
func (e Entity) ShardByHash(field string, slots int) Entity {
	e.Strategy = ByHash(field, slots)
	return e
}

// ShardByRing spreads rows over named shards on a consistent hash ring.
func (e Entity) ShardByRing(field string, nodes ...RingNode) Entity {
	e.Strategy = ByRing(field, nodes...)
	return e
}

// ShardByAlphabet spreads rows by the first letter of a text field; each range is
// "A-M" or a single letter.
func (e Entity) ShardByAlphabet(field string, ranges ...string) Entity {
	e.Strategy = ByAlphabet(field, ranges...)
	return e
}

// ShardByRange spreads rows by [From, To) ranges of a field.
func (e Entity) ShardByRange(field string, ranges ...Range) Entity {
	e.Strategy = ByRange(field, ranges...)
	return e
}

// ShardByMaxRows fills one shard after the other, each with at most maxRows rows.
func (e Entity) ShardByMaxRows(maxRows int64) Entity {
	e.Strategy = StrategySpec{Kind: "maxrows", MaxRows: maxRows}
	return e
}

// ShardByComposite spreads rows by several keys at once, outermost first.
func (e Entity) ShardByComposite(parts ...StrategySpec) Entity {
	e.Strategy = StrategySpec{Kind: "composite", Parts: parts}
	return e
}

// ShardByFunc spreads rows by the program's own strategy.
func (e Entity) ShardByFunc(field string, strategy Strategy) Entity {
	e.Strategy = StrategySpec{Kind: "custom", Fields: []string{field}, Custom: strategy}
	return e
}

// ShardByComputed spreads rows by a key computed from fields. name names the
// function and its version and is part of the placement fingerprint.
func (e Entity) ShardByComputed(name string, compute func(fields []Value) (Value, error), kind Kind, inner StrategySpec, fields ...string) Entity {
	e.Strategy = StrategySpec{Kind: "computed", Fields: fields, Compute: compute, ComputeName: name, Inner: &inner, InnerKind: kind}
	return e
}

// UseManualSharding reads and writes tables that exist already, each holding the
// rows that its predicate describes. dtde issues no DDL for them.
func (e Entity) UseManualSharding(tables ...Shard) Entity {
	e.Strategy = StrategySpec{Kind: "manual"}
	e.Storage = Manual
	e.Shards = tables
	return e
}

// ManualTable is a table that exists already and the rows that it holds, as in
// db.Where. Its shard id is the table's name.
func ManualTable(table, predicate string, args ...any) Shard {
	return Shard{ID: table, Table: table, Predicate: predicate, Args: args}
}

// WithShards adds explicit shards, or replaces derived ones of the same id.
func (e Entity) WithShards(shards ...Shard) Entity {
	e.Shards = append(append([]Shard(nil), e.Shards...), shards...)
	return e
}

// WithStorageMode sets where shards live.
func (e Entity) WithStorageMode(m StorageMode) Entity { e.Storage = m; return e }

// InGroup binds the entity to a shard group: its shards live in the databases of that
// group and are never looked for outside of it.
func (e Entity) InGroup(group string) Entity {
	e.Group = group
	if e.Storage == 0 {
		e.Storage = Databases
	}
	return e
}

// MigrationsDisabled leaves the tables to the program: dtde issues no DDL.
func (e Entity) MigrationsDisabled() Entity { e.NoMigrations = true; return e }

// WithLocalUnique consents to the named unique indexes holding per shard only. "primary" is
// the primary key: keys that the program gives are then not looked for on other shards.
func (e Entity) WithLocalUnique(indexes ...string) Entity {
	e.LocalUnique = append(append([]string(nil), e.LocalUnique...), indexes...)
	return e
}

// WithKeys sets the primary key generator.
func (e Entity) WithKeys(k KeySpec) Entity { e.Keys = k; return e }

// InLocation sets the time zone of a date strategy's boundaries.
func (e Entity) InLocation(loc *time.Location) Entity {
	e.Strategy.Location = loc
	return e
}

// WithDefaultShard sets the shard for keys that have no shard of their own.
func (e Entity) WithDefaultShard(id string) Entity { e.Strategy.Default = id; return e }

// ByValue describes a value strategy, for composites.
func ByValue(field string, values ...string) StrategySpec {
	return StrategySpec{Kind: "value", Fields: []string{field}, Values: values}
}

// ByDate describes a date strategy, for composites.
func ByDate(field string, unit DateUnit, from, to time.Time) StrategySpec {
	return StrategySpec{Kind: "date", Fields: []string{field}, Unit: unit, From: from, To: to, Location: from.Location()}
}

// ByHash describes a hash strategy, for composites.
func ByHash(field string, slots int) StrategySpec {
	return StrategySpec{Kind: "hash", Fields: []string{field}, Slots: slots}
}

// ByRing describes a ring strategy, for composites.
func ByRing(field string, nodes ...RingNode) StrategySpec {
	return StrategySpec{Kind: "ring", Fields: []string{field}, Nodes: nodes}
}

// ByAlphabet describes an alphabet strategy, for composites.
func ByAlphabet(field string, ranges ...string) StrategySpec {
	return StrategySpec{Kind: "alphabet", Fields: []string{field}, Letters: ranges}
}

// ByRange describes a range strategy, for composites.
func ByRange(field string, ranges ...Range) StrategySpec {
	return StrategySpec{Kind: "range", Fields: []string{field}, Ranges: ranges}
}
