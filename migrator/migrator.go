package migrator

import (
	"errors"
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/migrator"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// Migrator is the driver's migrator, acting on all shards of an entity where the
// driver's acts on a table. Everything about a model that dtde does not own, and
// about a physical table by its name, is the driver's own. Like GORM's it is made
// for one call chain and not for concurrent use.
type Migrator struct {
	db      *gorm.DB
	inner   gorm.Migrator
	driver  gorm.Dialector
	catalog *config.Catalog
	hooks   Hooks
}

var (
	_ gorm.Migrator                       = Migrator{}
	_ migrator.BuildIndexOptionsInterface = Migrator{}
)

// Unwrap gives the driver's own migrator.
func (m Migrator) Unwrap() gorm.Migrator { return m.inner }

// aim is what a schema call is about: an entity's shards, and the model whose
// columns are meant.
type aim struct {
	table  *config.Table
	shards []*config.Shard
	model  any // for a logical name the entity's
	// named tells that the caller named the physical table itself, by db.Table: also
	// one that the program looks after, or that is no shard.
	named bool
}

// aimAt tells which entity a call with this value is about; ok is false for a model,
// a name or a physical table that is the driver's business.
func (m Migrator) aimAt(value any) (a aim, ok bool) {
	if name, isName := value.(string); isName {
		t, ok := m.byName(name)
		if !ok {
			return aim{}, false
		}
		return aim{table: t, shards: t.Shards, model: reflect.New(t.ModelType).Interface()}, true
	}
	s, err := m.callersSchema(value)
	if err != nil {
		return aim{}, false // the driver's migrator reports it as it always does
	}
	t, ok := m.owned(s)
	if !ok {
		return aim{}, false
	}
	a = aim{table: t, shards: t.Shards, model: reflect.New(s.ModelType).Interface()}
	namespace, name, simple := named(m.db.Statement)
	if !simple {
		return aim{}, false
	}
	if name == "" || name == t.LogicalName {
		return a, true
	}
	// db.Table(physical): that table only, as if it were a shard if it is none (yet).
	a.named = true
	for _, shard := range t.Shards {
		if shard.Name() == name && (namespace == "" || namespace == shard.Namespace()) {
			a.shards = []*config.Shard{shard}
			return a, true
		}
	}
	if namespace != "" {
		name = namespace + "." + name
	}
	a.shards = []*config.Shard{{ID: name, Table: name}}
	return a, true
}

// named is the table that the caller named by db.Table; "" without one. simple is
// false for an expression, which is for the driver to make sense of.
func named(stmt *gorm.Statement) (namespace, name string, simple bool) {
	if stmt.TableExpr == nil || stmt.Table == "" {
		return "", stmt.Table, stmt.TableExpr == nil
	}
	bare := strings.Map(func(r rune) rune {
		if strings.ContainsRune("\"`[]", r) {
			return -1
		}
		return r
	}, stmt.TableExpr.SQL)
	if len(stmt.TableExpr.Vars) > 0 || strings.ContainsAny(bare, " (") {
		return "", "", false
	}
	if i := strings.LastIndexByte(bare, '.'); i >= 0 {
		return bare[:i], bare[i+1:], true
	}
	return "", bare, true
}

// callersSchema is GORM's schema of a model, as the caller's statements have it.
func (m Migrator) callersSchema(value any) (*schema.Schema, error) {
	stmt := &gorm.Statement{DB: m.db}
	if err := stmt.Parse(value); err != nil {
		return nil, err
	}
	return stmt.Schema, nil
}

// owned finds the entity of a model, or of another model on the same table.
func (m Migrator) owned(s *schema.Schema) (*config.Table, bool) { return owner(m.catalog, s) }

func owner(c *config.Catalog, s *schema.Schema) (*config.Table, bool) {
	if t, ok := c.ByModel(s.ModelType); ok {
		return t, true
	}
	return byName(c, s.Table)
}

func (m Migrator) byName(name string) (*config.Table, bool) { return byName(m.catalog, name) }

// byName finds the entity of a logical name, with or without its schema.
func byName(c *config.Catalog, name string) (*config.Table, bool) {
	namespace := ""
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		namespace, name = name[:i], name[i+1:]
	}
	t, ok := c.ByName(name)
	return t, ok && (namespace == "" || namespace == t.Namespace)
}

// mayChange refuses DDL for an entity whose tables are the program's.
func mayChange(a aim, operation string) error {
	if a.table.Migrations || a.named {
		return nil
	}
	return &config.UnsupportedError{
		Entity: a.table.Name, Reason: "migrations-disabled",
		Problem: operation + " on tables that dtde issues no DDL for",
		Hint:    "change the tables one by one, as db.Table(name).Migrator()",
	}
}

// failed wraps a shard's error once; the operation's own refusals stay as they are.
func failed(t *config.Table, s *config.Shard, err error) error {
	if err == nil {
		return nil
	}
	var known *config.ShardError
	if errors.As(err, &known) {
		return err
	}
	return &config.ShardError{Entity: t.Name, Shard: s.ID, Operation: "migrate", Cause: err}
}

// each runs f with the driver's migrator and the value to hand it, for every shard.
// It stops at the first error.
func (m Migrator) each(a aim, f func(inner gorm.Migrator, value any, s *config.Shard) error) error {
	w, links, err := m.prepare(a)
	if err != nil {
		return err
	}
	for _, s := range a.shards {
		db, err := w.shard(a.table, s, a.model, links)
		if err != nil {
			return failed(a.table, s, err)
		}
		if err := f(db.Migrator(), a.model, s); err != nil {
			return failed(a.table, s, err)
		}
	}
	return nil
}

// change is each for DDL, which an entity may have ruled out.
func (m Migrator) change(a aim, operation string, f func(inner gorm.Migrator, value any, s *config.Shard) error) error {
	if err := mayChange(a, operation); err != nil {
		return err
	}
	return m.each(a, f)
}

// errMissing ends a search through the shards.
var errMissing = errors.New("missing on a shard")

// everywhere tells whether all shards have what has asks for. An entity whose shards
// are all made on demand, and that has none yet, lacks nothing.
func (m Migrator) everywhere(a aim, has func(inner gorm.Migrator, value any, s *config.Shard) bool) bool {
	return m.each(a, func(inner gorm.Migrator, value any, s *config.Shard) error {
		if !has(inner, value, s) {
			return errMissing
		}
		return nil
	}) == nil
}

// prepare opens a workspace that knows the aim's model, and its foreign keys.
func (m Migrator) prepare(a aim) (*workspace, []link, error) {
	w, err := newWorkspace(m.db, m.driver)
	if err != nil {
		return nil, nil, err
	}
	links, _, err := w.model(m.db, a.model, m.catalog)
	return w, links, err
}

// model has the workspace know a model as the caller does, and gives its foreign keys.
func (w *workspace) model(caller *gorm.DB, model any, all *config.Catalog) ([]link, []leftOut, error) {
	stmt := &gorm.Statement{DB: caller}
	if err := stmt.Parse(model); err != nil {
		return nil, nil, err
	}
	if err := w.adopt(stmt.Schema); err != nil {
		return nil, nil, err
	}
	s, err := w.parse(model)
	if err != nil {
		return nil, nil, err
	}
	links, out := w.foreignKeys(s, all)
	return links, out, nil
}

// FullDataTypeOf is the driver's type of a field, without what a shard key column
// gets on a shard.
func (m Migrator) FullDataTypeOf(f *schema.Field) clause.Expr { return m.inner.FullDataTypeOf(f) }

// GetTypeAliases is the driver's.
func (m Migrator) GetTypeAliases(name string) []string { return m.inner.GetTypeAliases(name) }

// CurrentDatabase is the driver's.
func (m Migrator) CurrentDatabase() string { return m.inner.CurrentDatabase() }

// GetTables lists the database's own tables: those of the shards, not the entities.
func (m Migrator) GetTables() ([]string, error) { return m.inner.GetTables() }

// BuildIndexOptions is the driver's, or GORM's if the driver has none.
func (m Migrator) BuildIndexOptions(options []schema.IndexOption, stmt *gorm.Statement) []any {
	if b, ok := m.inner.(migrator.BuildIndexOptionsInterface); ok {
		return b.BuildIndexOptions(options, stmt)
	}
	plain := migrator.Migrator{Config: migrator.Config{DB: m.db, Dialector: m.driver}}
	return plain.BuildIndexOptions(options, stmt)
}
