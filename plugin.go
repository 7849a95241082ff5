package dtde

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/callbacks"
	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/keys"
	"github.com/go-dtde/dtde/migrator"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
	"github.com/go-dtde/dtde/store"
	"github.com/go-dtde/dtde/strategies"
)

// Plugin is dtde on one *gorm.DB. Its methods are safe for concurrent use once
// db.Use has succeeded.
type Plugin struct {
	config    config.Config
	db        *gorm.DB
	runtime   *callbacks.Runtime
	opened    *resolver.Databases // nil: the *gorm.DB's own only
	commit    *resolver.TwoPhase
	servers   *callbacks.Servers
	elsewhere *callbacks.Elsewhere // nil: the *gorm.DB's own only
	// replicas are the *gorm.DB's own of the settings.
	replicas *resolver.Replicas
}

// Register makes the plugin of a configuration, which it copies. Nothing is checked
// or done before db.Use.
func Register(c Config) *Plugin { return &Plugin{config: c.WithDefaults()} }

// Name is "dtde", under which GORM keeps the plugin.
func (p *Plugin) Name() string { return "dtde" }

// Initialize is called by db.Use. It validates everything and reports all faults
// together; when it fails, nothing about db has changed.
func (p *Plugin) Initialize(db *gorm.DB) error {
	if p.runtime != nil && sibling(db, p.db) {
		return p.replicaOf(db)
	}
	if p.runtime != nil {
		return fmt.Errorf("%w: one plugin value serves one *gorm.DB; call Register again", ErrConfig)
	}
	servers, err := callbacks.TakeOver(db)
	if err == nil {
		err = p.initialize(db, servers)
	}
	if err != nil {
		servers.GiveBack()
	}
	return err
}

// initialize is Initialize while the program's dbresolver, if there is one, stays still.
func (p *Plugin) initialize(db *gorm.DB, servers *callbacks.Servers) error {
	ctx := context.Background()
	dialect, err := dialectOf(db)
	if err != nil {
		return err
	}
	databases, commit, err := p.databases(db, dialect.Name)
	if err != nil {
		return err
	}
	options := resolver.PoolOptions{Dialect: dialect.Name, PrepareStmt: db.PrepareStmt, Databases: databases, Commit: commit}
	replicas := p.ownReplicas(db, options)
	if replicas != nil && servers.Resolving() {
		return errTwoResolvers
	}
	options.Replicas = replicas
	pool, err := resolver.Wrap(db.ConnPool, options)
	if err != nil {
		return err
	}
	catalog, err := p.compile(db, pool, dialect)
	if err != nil {
		return err
	}
	if !db.DryRun {
		if err := inspect(db, pool, catalog, false); err != nil {
			return err
		}
	}
	tables, err := store.New(pool, dialect.Name, time.Now)
	if err != nil {
		return err
	}
	root := db.Session(&gorm.Session{NewDB: true, Context: ctx})
	source := resolver.ToSource(pool, nil)
	runtime := callbacks.New(callbacks.Settings{
		Config: p.config, Catalog: catalog, Dialect: dialect, Dialector: db.Dialector, Pool: source, DB: root, Store: tables, Servers: servers,
	})
	if !db.DryRun {
		if err := runtime.Open(ctx); err != nil {
			return err
		}
	}
	if commit != nil && dialect.Name == "sqlite" && !db.DryRun && commit.Databases.Prepare() {
		if err := commit.Name(ctx); err != nil { // a transaction that writes there would be in its own way
			return err
		}
	}
	if err := servers.Start(pool, p.config.Breaker, p.replicated()); err != nil {
		return err
	}
	if p.elsewhere != nil {
		if err := p.elsewhere.Serve(runtime, db); err != nil {
			return err
		}
	}
	if err := runtime.Register(db); err != nil {
		return err
	}
	wrapped := migrator.Wrap(db.Dialector, runtime.Catalog, p.hooks(runtime.Hooks(), commit))
	db.Dialector = wrapped
	root.Dialector = wrapped
	db.ConnPool, db.Statement.ConnPool = pool, pool
	root.ConnPool = source
	p.db, p.runtime, p.opened, p.commit, p.servers, p.replicas = db, runtime, databases, commit, servers, replicas
	return nil
}

// dialectOf finds out which engine db talks to.
func dialectOf(db *gorm.DB) (planner.Dialect, error) {
	d := planner.Dialect{Name: db.Dialector.Name()}
	switch d.Name {
	case "sqlite", "postgres", "sqlserver":
		return d, nil
	case "mysql":
		if db.DryRun {
			return d, nil
		}
		var version string
		if err := db.Session(&gorm.Session{NewDB: true}).Raw("SELECT VERSION()").Scan(&version).Error; err != nil {
			return d, err
		}
		d.MariaDB = strings.Contains(version, "MariaDB")
		return d, nil
	}
	return d, &ConfigError{Field: "Dialector", Problem: "dtde has no SQL for " + d.Name + ": use SQLite, PostgreSQL, MySQL, MariaDB or SQL Server"}
}

// compile makes the first catalog of the settings.
func (p *Plugin) compile(db *gorm.DB, pool gorm.ConnPool, dialect planner.Dialect) (*config.Catalog, error) {
	parse := func(model any) (*schema.Schema, error) {
		stmt := &gorm.Statement{DB: db}
		err := stmt.Parse(model)
		return stmt.Schema, err
	}
	catalog, err := config.Compile(p.config, config.Environment{
		Dialect:  dialect.Name,
		Parse:    parse,
		Strategy: strategies.New,
		Fields:   strategies.Fields,
		Manual: func(s *schema.Schema, shards []config.Shard) ([]config.KeyColumn, config.Strategy, error) {
			return manual(db, pool, s, shards, dialect)
		},
		// what text columns really do is asked of the database when the tables are known
		TextEqual: func(config.Entity, *schema.Field) bool { return true },
		TextOrder: func(e config.Entity, _ *schema.Field) bool { return dialect.Name == "sqlite" || ordered(e.Strategy) },
		IDShard:   idShard,
	})
	if err != nil {
		return nil, err
	}
	for _, t := range catalog.Tables() {
		if t.Validity.Cut() {
			if err := t.CutAtBoundaries(); err != nil {
				return nil, err
			}
		}
	}
	return withFacts(db, pool, withFixedDates(catalog))
}

// idShard reads the shard from an id that carries its slot.
func idShard(slots int) func(config.Value) (string, bool) {
	if slots < 1 || slots > keys.MaxSlots {
		return nil
	}
	return func(id config.Value) (string, bool) {
		i, ok := id.AsInt()
		if !ok {
			return "", false
		}
		slot, ok := keys.SlotOf(i, slots)
		return fmt.Sprint(slot), ok
	}
}

// withFixedDates gives entities whose shards would be made on demand, but whose
// tables dtde must not make, all shards of their range: the program made them.
func withFixedDates(c *config.Catalog) *config.Catalog {
	shards := map[string][]*config.Shard{}
	for _, t := range c.Tables() {
		dynamic, ok := t.Dynamic()
		if !ok || t.Migrations {
			continue
		}
		ids, ok := dynamic.Upto(config.Time(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)))
		if !ok {
			continue
		}
		for _, id := range ids {
			shards[t.LogicalName] = append(shards[t.LogicalName], t.ShardTable(id))
		}
	}
	if len(shards) == 0 {
		return c
	}
	return c.With(c.Epoch, shards)
}

// withFacts looks at how the key columns of tables that exist really compare. Where
// dtde may change them, AutoMigrate will; until then nothing is pruned that the
// columns do not bear out.
//
// Databases beside the *gorm.DB's own are not dialled for that: what AutoMigrate
// declares is taken for granted there.
func withFacts(db *gorm.DB, pool gorm.ConnPool, c *config.Catalog) (*config.Catalog, error) {
	if db.DryRun {
		return c, nil
	}
	for _, t := range c.Tables() {
		if t.Migrations && !slices.Contains(t.DatabaseIDs(), "") && len(t.Shards) > 0 {
			continue
		}
		key, err := factsIn(db, pool, t, t.Migrations)
		if err != nil {
			return nil, err
		}
		if t.Migrations {
			c = c.WithKeys(t.LogicalName, key)
		}
	}
	return c, nil
}

// factsIn looks at the key columns in every database, or in the *gorm.DB's own only.
// Where databases differ, the weaker holds.
func factsIn(db *gorm.DB, pool gorm.ConnPool, t *config.Table, ownOnly bool) (keys []config.KeyColumn, err error) {
	var mu sync.Mutex
	err = perDatabase(db, pool, t, ownOnly, func(db *gorm.DB, part *config.Table) error {
		found, err := migrator.Facts(db, part)
		mu.Lock()
		defer mu.Unlock()
		if keys == nil {
			keys = found
			return err
		}
		for i := range found {
			keys[i].BytesEqual = keys[i].BytesEqual && found[i].BytesEqual
			keys[i].BytesOrder = keys[i].BytesOrder && found[i].BytesOrder
		}
		return err
	})
	return keys, err
}

// manual reads the predicates of tables that exist already.
func manual(db *gorm.DB, pool gorm.ConnPool, s *schema.Schema, shards []config.Shard, d planner.Dialect) ([]config.KeyColumn, config.Strategy, error) {
	var columns []string
	seen := map[string]bool{}
	var faults []error
	for _, sh := range shards {
		names, err := planner.ManualColumns(sh.Predicate, d)
		if err != nil {
			faults = append(faults, &ConfigError{Field: sh.Table, Problem: "the predicate cannot be read", Cause: err})
		}
		for _, n := range names {
			if !seen[n] {
				seen[n] = true
				columns = append(columns, n)
			}
		}
	}
	var key []config.KeyColumn
	for _, c := range columns {
		f := s.LookUpField(c)
		if f == nil {
			faults = append(faults, &ConfigError{Field: c, Problem: "a manual table's predicate names a column that the model does not have"})
			continue
		}
		key = append(key, config.KeyColumnOf(f, d.Name))
	}
	if !db.DryRun {
		t := &config.Table{Schema: s, Keys: key}
		for i := range shards {
			t.Shards = append(t.Shards, &shards[i])
		}
		facts, err := factsIn(db, pool, t, false)
		if err != nil {
			return nil, nil, err
		}
		key = facts
	}
	if len(faults) > 0 {
		return nil, nil, errors.Join(faults...)
	}
	tables := make([]strategies.ManualTable, 0, len(shards))
	for _, sh := range shards {
		boxes, err := planner.ManualBoxes(s, key, d, sh.Predicate, sh.Args)
		if err != nil {
			faults = append(faults, &ConfigError{Field: sh.Table, Problem: "the predicate cannot be decided exactly", Cause: err})
			continue
		}
		sets := make([][]config.Set, len(boxes))
		for i, b := range boxes {
			sets[i] = b
		}
		tables = append(tables, strategies.ManualTable{ID: sh.ID, Boxes: sets})
	}
	if len(faults) > 0 {
		return nil, nil, errors.Join(faults...)
	}
	strategy, err := strategies.NewManual(tables)
	return key, strategy, err
}

// ordered tells whether dtde declares the strategy's text key to order by bytes.
func ordered(s config.StrategySpec) bool {
	return s.Kind == "alphabet" || s.Kind == "range" || slices.ContainsFunc(s.Parts, ordered)
}

// inspect checks the settings against what is in the databases. Unless all is set, those
// beside the *gorm.DB's own are asked about manual tables only: db.Use dials no others.
func inspect(db *gorm.DB, pool gorm.ConnPool, c *config.Catalog, all bool) error {
	var faults []error
	for _, t := range c.Tables() {
		faults = append(faults, perDatabase(db, pool, t, t.Migrations && !all, func(db *gorm.DB, part *config.Table) error {
			found := migrator.Inspect(db, part, t.Migrations)
			if all {
				found = append(found, migrator.InspectSystem(db, part)...)
			}
			return errors.Join(found...)
		}))
	}
	return errors.Join(faults...)
}

// typeOf is a model's struct type.
func typeOf(model any) reflect.Type {
	t := reflect.TypeOf(model)
	for t != nil && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice) {
		t = t.Elem()
	}
	return t
}
