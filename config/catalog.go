package config

import (
	"reflect"
	"sort"
	"time"

	"gorm.io/gorm/schema"
)

// Table is an entity as it was compiled: the metadata that plugin.Entity gives.
// It is immutable.
type Table struct {
	// Name is the model's type name, ModelType its struct type.
	Name      string
	ModelType reflect.Type
	// Schema is GORM's parsed schema under the logical table name.
	Schema *schema.Schema
	// LogicalName is the table's name in statements, without a schema; it is never a
	// real table. Namespace is the schema it was qualified with, or "".
	LogicalName, Namespace string
	// Keys are the shard key columns; empty for a strategy without a key (maxrows).
	Keys []KeyColumn
	// Strategy places and routes. StrategyName is its name.
	Strategy     Strategy
	StrategyName string
	// Storage is where the shards live.
	Storage StorageMode
	// Shards are all known shards, by rank, then in the strategy's order.
	Shards []*Shard
	// IDs are the shards' ids, in the same order.
	IDs []string
	// Migrations tells whether dtde may issue DDL for the shards.
	Migrations bool
	// LocalUnique names the unique indexes that hold per shard only, by consent.
	LocalUnique map[string]bool
	// KeySpec is the primary key generator, with its Source decided.
	KeySpec KeySpec
	// Primary is the single primary key column as a key value, or nil if the primary
	// key is composite or of a kind that cannot be one.
	Primary *KeyColumn
	// IDShard gives the shard whose slot a generated primary key carries; nil unless
	// KeySpec.CarrySlot. Every row's id carries its shard: inserts see to that.
	IDShard func(id Value) (shard string, ok bool)
	// Fingerprint is what decides placement, as it stands in dtde_catalog.
	Fingerprint string
	// Validity is how the entity keeps its versions; nil if it keeps none.
	Validity *Validity
	// Unsharded tells that dtde owns the entity for its versions only: its one shard,
	// UnshardedShard, is the table of the logical name.
	Unsharded bool
	// Spec is what the entity was compiled from.
	Spec Entity
	// Group names the entities that are co-located with each other, this one among
	// them: the logical name of the first. "" for an entity that is co-located with none.
	Group string

	databases []*Database // of its group
	dealt     bool        // a shard was dealt out to one of them

	seals map[string]time.Time // of sealed shards, the bounds

	byID   map[string]*Shard
	orders map[string]int // id → position in Shards
}

// Shard finds a shard by its exact id.
func (t *Table) Shard(id string) (*Shard, bool) {
	s, ok := t.byID[id]
	return s, ok
}

// Position is the shard's place in visiting order; it must be one of the table's.
func (t *Table) Position(id string) int { return t.orders[id] }

// Dynamic gives the strategy as one that makes shards at run time, if it is.
func (t *Table) Dynamic() (DynamicStrategy, bool) {
	d, ok := t.Strategy.(DynamicStrategy)
	return d, ok
}

// KeyIndex is the position of a column among the shard key's columns, or -1.
func (t *Table) KeyIndex(column string) int {
	for i := range t.Keys {
		if t.Keys[i].Column == column {
			return i
		}
	}
	return -1
}

// ShardTable derives the shard of an id that the strategy makes at run time.
func (t *Table) ShardTable(id string) *Shard {
	name := t.LogicalName + "_" + TableSuffix(id)
	if t.Namespace != "" {
		name = t.Namespace + "." + name
	}
	s := &Shard{ID: id, Table: name}
	t.dealOut(s)
	return s
}

// withShards is a copy of t that also knows the given shards.
func (t *Table) withShards(shards []*Shard) *Table {
	c := *t
	c.Shards = append(append([]*Shard(nil), t.Shards...), shards...)
	c.index()
	return &c
}

// index sorts the shards and builds the look-ups. Derived ids of one strategy sort
// in its own order (t.Strategy.Shards), ids made at run time by name after them.
func (t *Table) index() {
	rank := map[string]int{}
	for i, id := range t.Strategy.Shards() {
		rank[id] = i
	}
	sort.SliceStable(t.Shards, func(i, j int) bool {
		a, b := t.Shards[i], t.Shards[j]
		if a.Rank() != b.Rank() {
			return a.Rank() < b.Rank()
		}
		ra, oka := rank[a.ID]
		rb, okb := rank[b.ID]
		if oka != okb {
			return oka
		}
		if oka && ra != rb {
			return ra < rb
		}
		return a.ID < b.ID
	})
	t.byID = make(map[string]*Shard, len(t.Shards))
	t.orders = make(map[string]int, len(t.Shards))
	t.IDs = make([]string, len(t.Shards))
	for i, s := range t.Shards {
		t.byID[s.ID], t.orders[s.ID], t.IDs[i] = s, i, s.ID
	}
}

// Catalog is everything dtde knows at one moment. It is immutable and safe for
// concurrent use; changes make a new one with a higher epoch.
type Catalog struct {
	// Epoch is the number of the state in dtde_catalog that this catalog reflects.
	Epoch int64

	references []*Reference

	databases []*Database
	contained []*Contained

	tables  []*Table
	byModel map[reflect.Type]*Table
	byName  map[string]*Table
}

// NewCatalog builds a catalog of compiled tables.
func NewCatalog(epoch int64, tables ...*Table) *Catalog {
	c := &Catalog{Epoch: epoch, tables: tables, byModel: map[reflect.Type]*Table{}, byName: map[string]*Table{}}
	for _, t := range tables {
		if t.byID == nil {
			t.index()
		}
		c.byModel[t.ModelType] = t
		c.byName[t.LogicalName] = t
	}
	return c
}

// Tables lists the entities in the order of Config.Entities.
func (c *Catalog) Tables() []*Table { return c.tables }

// ByModel finds the entity of a struct type.
func (c *Catalog) ByModel(t reflect.Type) (*Table, bool) {
	table, ok := c.byModel[t]
	return table, ok
}

// ByName finds the entity of a logical table name (unqualified).
func (c *Catalog) ByName(name string) (*Table, bool) {
	table, ok := c.byName[name]
	return table, ok
}

// With is a copy at a higher epoch whose entity (by logical name) also knows the
// given shards; ids that it knows already are left as they are.
func (c *Catalog) With(epoch int64, shards map[string][]*Shard) *Catalog {
	tables := make([]*Table, len(c.tables))
	for i, t := range c.tables {
		var fresh []*Shard
		seen := map[string]bool{}
		for _, s := range shards[t.LogicalName] {
			if _, known := t.byID[s.ID]; !known && !seen[s.ID] {
				seen[s.ID] = true
				fresh = append(fresh, s)
			}
		}
		if tables[i] = t; len(fresh) > 0 {
			tables[i] = t.withShards(fresh)
		}
	}
	return NewCatalog(epoch, tables...).withReferences(c.references).withDatabases(c.databases).withContainments(c.contained)
}

// WithKeys is a copy in which the entity (by logical name) has other facts about its
// key columns; the columns themselves must be the same.
func (c *Catalog) WithKeys(logicalName string, keys []KeyColumn) *Catalog {
	tables := make([]*Table, len(c.tables))
	for i, t := range c.tables {
		if tables[i] = t; t.LogicalName == logicalName {
			changed := *t
			changed.Keys = keys
			tables[i] = &changed
		}
	}
	return NewCatalog(c.Epoch, tables...).withReferences(c.references).withDatabases(c.databases).withContainments(c.contained)
}
