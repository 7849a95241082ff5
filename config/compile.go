package config

import (
	"fmt"
	"reflect"
	"strings"

	"gorm.io/gorm/schema"
)

// Environment is what [Compile] has to be told by the packages above this one. Parse,
// Strategy and Fields are required; Manual, IDShard and the text functions only when
// an entity needs them.
type Environment struct {
	// Dialect is the dialector's name: "sqlite", "postgres", "mysql" or "sqlserver".
	Dialect string
	// Parse gives GORM's schema of a model; its Table is the logical name.
	Parse func(model any) (*schema.Schema, error)
	// Strategy makes an entity's strategy (strategies.New).
	Strategy func(spec StrategySpec, keys []KeyColumn, shards []Shard) (Strategy, error)
	// Fields lists a strategy's key fields in order (strategies.Fields).
	Fields func(spec StrategySpec) []string
	// Manual reads the predicates of manual tables: the key columns that they speak
	// of and the strategy that they make.
	Manual func(s *schema.Schema, shards []Shard) (keys []KeyColumn, strategy Strategy, err error)
	// TextEqual and TextOrder tell whether a text column compares by bytes and without
	// padding, for equality and for order. nil means that it does exactly if dtde makes
	// the tables, because its migrations declare key columns so.
	TextEqual, TextOrder func(e Entity, f *schema.Field) bool
	// IDShard reads the shard's id from a primary key that carries its slot, of so many
	// slots; it returns nil if so many do not fit.
	IDShard func(slots int) func(id Value) (string, bool)
}

// The defaults of [Config].
const (
	DefaultMaxParallelShards     = 8
	DefaultMaxParallelStatements = 64
	DefaultMaxShards             = 1024
	DefaultMaxShardsPerEntity    = 4096
	DefaultMaxBufferedRows       = 1_000_000
)

// WithDefaults is a copy of c in which every limit that is 0 has its default.
func (c Config) WithDefaults() Config {
	set := func(value *int, otherwise int) {
		if *value == 0 {
			*value = otherwise
		}
	}
	set(&c.MaxParallelShards, DefaultMaxParallelShards)
	set(&c.MaxParallelStatements, DefaultMaxParallelStatements)
	set(&c.MaxShards, DefaultMaxShards)
	set(&c.MaxShardsPerEntity, DefaultMaxShardsPerEntity)
	set(&c.MaxBufferedRows, DefaultMaxBufferedRows)
	c.Breaker = c.Breaker.or(BreakerSettings{DefaultBreakerFailures, DefaultBreakerPause})
	c.Entities = append([]Entity(nil), c.Entities...)
	c.Databases = append([]Database(nil), c.Databases...)
	for i := range c.Databases {
		if d := &c.Databases[i]; !d.Own || d.replicated() {
			d.Breaker = d.Breaker.or(c.Breaker)
		}
	}
	c.Contains = append([]ContainmentRule(nil), c.Contains...)
	return c
}

// Compile checks the settings and makes the catalog of them, at epoch 0. It reports
// all faults together: the error matches ErrConfig, and [Faults] lists what it holds.
// Whether tables and columns exist in the database is not checked here.
func Compile(c Config, env Environment) (*Catalog, error) {
	f := &faults{}
	checkLimits(f, c)
	c = c.WithDefaults()
	databases := checkDatabases(f, c.Databases, c.Drivers, env.Dialect)
	var tables []*Table
	var references []*Reference
	models := map[reflect.Type]bool{}
	rules := append([]ContainmentRule(nil), c.Contains...)
	var opened []compiler
	for _, e := range c.Entities { // all, for the relations of one decide types of another's columns
		k := compiler{faults: f, env: env, limit: c.MaxShardsPerEntity, listed: sharded(databases), all: databases}
		if k.open(e, models) {
			opened = append(opened, k)
		}
	}
	for i := range opened {
		k := &opened[i]
		switch {
		case k.isReference():
			references = append(references, k.reference())
		default:
			k.compile()
			tables = append(tables, k.table)
			rules = append(rules, k.contained...)
		}
	}
	checkNames(f, tables, env.Dialect)
	checkReferences(f, references, tables, env.Dialect)
	checkRelations(f, tables)
	group(f, tables)
	contained := compileContainments(f, rules, tables)
	if err := f.err(); err != nil {
		return nil, err
	}
	return NewCatalog(0, tables...).withReferences(references).withDatabases(sharded(databases)).withContainments(contained), nil
}

// compiler turns one entity into a Table.
type compiler struct {
	*faults
	env       Environment
	limit     int         // shards of one entity
	listed    []*Database // those that shards may live in
	all       []*Database
	name      string
	entity    Entity
	schema    *schema.Schema
	table     *Table
	tagged    Temporal          // what tags say of versions
	contained []ContainmentRule // by tags
}

func (k *compiler) fault(field, format string, args ...any) {
	k.add(k.name, field, format, args...)
}

// open finds the model and its schema; false means that nothing more can be said.
func (k *compiler) open(e Entity, seen map[reflect.Type]bool) bool {
	k.entity, k.name = e, e.Name
	t := reflect.TypeOf(e.Model)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		if k.name == "" && t != nil {
			k.name = t.String()
		}
		k.fault("", "the model must be a pointer to a struct")
		return false
	}
	k.name = t.Name()
	if seen[t] {
		k.fault("", "the model is listed twice")
		return false
	}
	seen[t] = true
	s, err := k.env.Parse(e.Model)
	if err != nil {
		k.attach(k.name, "", "gorm cannot parse the model", err)
		return false
	}
	k.schema = s
	k.table = &Table{
		Name: k.name, ModelType: t, Schema: s,
		Storage: e.Storage, Migrations: !e.NoMigrations && e.Storage != Manual,
		LocalUnique: map[string]bool{},
	}
	if k.table.Storage == 0 {
		k.table.Storage = Tables
	}
	k.table.Namespace, k.table.LogicalName = splitName(s.Table)
	if problem := identifierFault(s.Table, k.env.Dialect); problem != "" {
		k.fault("", "the table's name %s", problem)
	}
	return true
}

// compile runs every check that the faults found so far still allow.
func (k *compiler) compile() {
	k.tags()
	k.databases()
	k.table.Spec = k.entity
	k.primary()
	if k.entity.Strategy.Kind == "manual" || k.entity.Storage == Manual {
		k.manual()
	} else {
		k.derived()
	}
	k.ownTypes()
	k.unique()
	k.keys()
	k.validity()
	if k.table.Strategy == nil {
		return
	}
	k.table.StrategyName = k.table.Strategy.Name()
	k.table.Fingerprint = k.fingerprint()
	k.table.index()
}

// derived makes the strategy of a spec, and its shards.
func (k *compiler) derived() {
	e := &k.entity
	if e.Storage > Databases {
		k.fault("", "unknown storage mode %d", e.Storage)
	}
	if e.Strategy.Kind == "" && !e.Temporal.IsZero() {
		k.oneTable()
		return
	}
	if e.Strategy.Kind == "" {
		k.fault("", "no strategy: give the model dtde tags, or call ShardBy… or UseManualSharding")
		return
	}
	for i := range e.Shards {
		if s := &e.Shards[i]; s.Predicate != "" || len(s.Args) > 0 {
			k.fault(s.ID, "a predicate belongs to a manual table; use UseManualSharding")
		}
	}
	columns, complete := k.columns(k.env.Fields(e.Strategy))
	if !k.settings(&e.Strategy, columns) || !complete {
		return
	}
	strategy, err := k.env.Strategy(e.Strategy, columns, e.Shards)
	if err != nil {
		k.attach(k.name, "strategy", "the strategy cannot be made", err)
		return
	}
	k.table.Keys = columns
	k.table.Strategy = strategy
	k.shards(strategy.Shards())
}

// manual reads the predicates of tables that exist already.
func (k *compiler) manual() {
	e := &k.entity
	switch {
	case e.Strategy.Kind != "" && e.Strategy.Kind != "manual":
		k.fault("", "manual storage finds rows by the tables' predicates; it takes no %s strategy", e.Strategy.Kind)
		return
	case e.Storage != 0 && e.Storage != Manual:
		k.fault("", "manual tables need manual storage")
		return
	case len(e.Shards) == 0:
		k.fault("", "no shards: list the manual tables")
		return
	}
	k.table.Storage, k.table.Migrations = Manual, false
	bad := false
	for i := range e.Shards {
		s := &e.Shards[i]
		if strings.TrimSpace(s.Predicate) == "" {
			k.fault(s.ID, "a manual table needs a predicate that says which rows it holds")
			bad = true
		}
		if s.Table == "" {
			k.fault(s.ID, "a manual table needs its table's name")
			bad = true
		}
		if len(s.Values) > 0 || s.From != nil || s.To != nil {
			k.fault(s.ID, "a manual table has a predicate; values and ranges have no effect on it")
			bad = true
		}
	}
	if bad {
		return
	}
	if k.env.Manual == nil {
		k.fault("", "manual tables are not available here")
		return
	}
	keys, strategy, err := k.env.Manual(k.schema, e.Shards)
	if err != nil {
		k.attach(k.name, "", "the predicates cannot be used", err)
		return
	}
	for i := range keys {
		k.compareAs(&keys[i])
	}
	k.table.Keys, k.table.Strategy = keys, strategy
	k.shards(strategy.Shards())
}

// fingerprint joins what decides placement, in lines that follow the rule of the
// strategies' own: a line that was written once stays, and new ones may come. So the
// layout of ids has its line also when ids carry nothing.
func (k *compiler) fingerprint() string {
	var b strings.Builder
	b.WriteString(strings.TrimRight(k.table.Strategy.Fingerprint(), "\n"))
	for i := range k.table.Keys {
		fmt.Fprintf(&b, "\nkey[%d]=%s %s", i, k.table.Keys[i].Column, k.table.Keys[i].Kind)
	}
	if k.table.KeySpec.CarrySlot {
		b.WriteString("\nid=slot")
	} else {
		b.WriteString("\nid=plain")
	}
	if v := k.table.Validity; v != nil && v.ByStart { // rows of the one kind are misread as the other
		if v.Cut() {
			b.WriteString("\nversions=cut")
		} else {
			b.WriteString("\nversions=whole")
		}
	}
	b.WriteString(k.table.deal())
	return b.String()
}
