package callbacks

import (
	"reflect"
	"strings"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
	"github.com/go-dtde/dtde/store"
)

// Runtime is what the callbacks of one *gorm.DB share: the current catalog, the
// database's pool and dtde's own tables. It is safe for concurrent use.
type Runtime struct {
	catalog   atomic.Pointer[config.Catalog]
	fixed     atomic.Pointer[config.Catalog] // without the shards made at run time
	config    config.Config
	dialect   planner.Dialect
	dialector gorm.Dialector
	pool      gorm.ConnPool
	root      *gorm.DB // a session without a statement, on the pool
	store     *store.Store
	ids       *idSource
	dynamic   bool // an entity makes shards at run time
	temporal  bool // an entity keeps versions
	contained []*config.Contained
	budget    *resolver.Budget
	many      bool // there are databases beside the *gorm.DB's own

	haveCatalog atomic.Bool  // dtde_catalog exists
	confirmed   atomic.Int64 // when the epoch was last asked for, in nanoseconds since began
	tracing     sync.Mutex   // one statement of several is logged at a time

	inner   inner
	servers *Servers // nil in tests of single parts

	tableExprs  sync.Map // *config.Shard → *aliasedTable
	columnLists sync.Map // *schema.Schema → string
	unions      sync.Map // *schema.Schema → *unionText

	versionTexts sync.Map // directText → string
	plainInserts sync.Map // *config.Table → bool, see directInsert
	callbacksOwn int      // how many callbacks there are if nobody else has any; see ownCallbacks
	returns      bool     // creates have RETURNING
	foreign      foreignModels
	refusals     refusals

	keysOnce    sync.Once
	foreignKeys foreignKeys
}

// inner are GORM's own callbacks, and what its driver says it can do.
type inner struct {
	query, preload, afterQuery       func(*gorm.DB)
	create, update, delete, row, raw func(*gorm.DB)
	updateClauses, deleteClauses     []string
}

// Settings is what New needs.
type Settings struct {
	// Config is the program's, with its defaults filled in; Catalog is compiled of it.
	Config  config.Config
	Catalog *config.Catalog
	// Dialect and Dialector are the engine's.
	Dialect   planner.Dialect
	Dialector gorm.Dialector
	// Pool is what statements run on, DB a session without a statement on it.
	Pool gorm.ConnPool
	DB   *gorm.DB
	// Store reads and writes dtde's own tables.
	Store *store.Store
	// Servers choose the servers of statements; nil leaves them where they are.
	Servers *Servers
}

// New makes the runtime; Register puts it to work.
func New(s Settings) *Runtime {
	r := &Runtime{
		config: s.Config, dialect: s.Dialect, dialector: s.Dialector, pool: s.Pool,
		root: s.DB, store: s.Store, budget: resolver.NewBudget(s.Config.MaxParallelStatements), servers: s.Servers,
	}
	for _, d := range s.Catalog.Databases() {
		r.many = r.many || !d.Own
	}
	r.catalog.Store(s.Catalog)
	r.fixed.Store(s.Catalog)
	for _, t := range s.Catalog.Tables() {
		_, dynamic := t.Dynamic()
		r.dynamic = r.dynamic || dynamic
		r.temporal = r.temporal || t.Validity != nil
	}
	r.contained = s.Catalog.Containments()
	r.ids = newIDSource(r)
	return r
}

// Catalog is the current catalog.
func (r *Runtime) Catalog() *config.Catalog { return r.catalog.Load() }

// owned finds the entity that a statement is about, and the name under which it
// stands there. A statement aimed at a physical table by db.Table is not dtde's to
// route.
func (r *Runtime) owned(stmt *gorm.Statement) (t *config.Table, alias string) {
	if stmt.Schema == nil && stmt.Table == "" && stmt.TableExpr == nil {
		return nil, ""
	}
	if stmt.Schema == nil {
		return r.ownedByName(r.current(stmt.ConnPool), stmt)
	}
	fault, foreign := r.foreign.find(stmt.Schema)
	if !foreign {
		catalog := r.current(stmt.ConnPool)
		if t, ok := catalog.ByModel(stmt.Schema.ModelType); ok {
			if stmt.Table == t.LogicalName && (stmt.TableExpr == nil || t.Namespace != "" || namesOnly(stmt.TableExpr.SQL, t.LogicalName)) {
				return t, stmt.Table
			}
			return r.ownedByName(catalog, stmt)
		}
		_, reference := catalog.ReferenceByModel(stmt.Schema.ModelType)
		fault = r.foreign.add(stmt.Schema, reference)
	}
	if fault != nil {
		_ = stmt.AddError(fault)
	}
	if stmt.Table == stmt.Schema.Table || stmt.Table == "" && stmt.TableExpr == nil {
		return nil, ""
	}
	return r.ownedByName(r.current(stmt.ConnPool), stmt)
}

// ownedByName finds the entity of db.Table("orders") and db.Table("orders AS o").
func (r *Runtime) ownedByName(catalog *config.Catalog, stmt *gorm.Statement) (*config.Table, string) {
	if stmt.TableExpr == nil || namesOnly(stmt.TableExpr.SQL, stmt.Table) {
		return r.byName(catalog, stmt.Table), stmt.Table
	}
	name, alias, simple := splitAlias(stmt.TableExpr.SQL)
	if simple && !(r.dialect.Name == "postgres" && strings.EqualFold(name, "only")) {
		if t := r.byName(catalog, name); t != nil {
			return t, alias
		}
		return nil, ""
	}
	if t := r.mentioned(catalog, stmt.TableExpr.SQL); t != nil {
		_ = stmt.AddError(&config.UnsupportedError{
			Entity: t.Name, Reason: "table-expression",
			Problem: "a table expression names a sharded table among others",
			Hint:    "use db.Table with one table, or a subquery built with db.Model",
		})
	}
	return nil, ""
}

// byName finds the entity whose logical table the engine takes a name for; nil if there is none.
func (r *Runtime) byName(catalog *config.Catalog, name string) *config.Table {
	if t, ok := catalog.ByName(name); ok {
		return t
	}
	if r.dialect.Name == "sqlite" || r.dialect.Name == "sqlserver" { // whose names differ in more than case
		for _, t := range catalog.Tables() {
			if strings.EqualFold(t.LogicalName, name) {
				return t
			}
		}
	}
	return nil
}

// statement translates a GORM statement for the planner.
func (r *Runtime) statement(stmt *gorm.Statement, op planner.Operation, t *config.Table, alias string) planner.Statement {
	catalog := r.current(stmt.ConnPool)
	if r.dynamic || r.temporal { // the epoch must be that of the shards
		if fresh, ok := catalog.ByModel(t.ModelType); ok {
			t = fresh
		}
	}
	s := planner.Statement{
		Operation: op, Table: t, Alias: alias, Clauses: stmt.Clauses,
		Selects: stmt.Selects, Distinct: stmt.Distinct, Joins: len(stmt.Joins) > 0,
		Dialect: r.dialect, Form: r.config.Reads, MaxShards: r.config.MaxShards,
		Epoch: catalog.Epoch,
	}
	s.InTransaction = resolver.InTransaction(stmt.ConnPool)
	if r.many {
		s.Nested = isSubquery(stmt)
		s.Others, s.Keeps = r.beside(stmt)
	}
	if sc, ok := loadScope(stmt); ok {
		s.OnShard, s.AllShards = sc.shards, sc.all
		s.Tiers = sc.tiers
		if sc.form != config.ReadAuto {
			s.Form = sc.form
		}
	}
	return s
}

// primaryConditions are the conditions that GORM will add from a destination that
// carries primary keys.
func primaryConditions(stmt *gorm.Statement) []clause.Expression {
	if stmt.Schema == nil || stmt.ReflectValue.Kind() != reflect.Struct || stmt.ReflectValue.Type() != stmt.Schema.ModelType {
		return nil
	}
	var conds []clause.Expression
	for _, f := range stmt.Schema.PrimaryFields {
		if v, isZero := f.ValueOf(stmt.Context, stmt.ReflectValue); !isZero {
			conds = append(conds, clause.Eq{Column: clause.Column{Table: stmt.Table, Name: f.DBName}, Value: v})
		}
	}
	return conds
}

// session is a fresh *gorm.DB on the statement's connection or transaction. It works
// also after the statement has failed, when there is something to undo.
func session(db *gorm.DB) *gorm.DB {
	tx := db.Session(&gorm.Session{NewDB: true, Context: db.Statement.Context})
	tx.Error = nil
	return tx
}

// fail ends a statement with one error.
func fail(db *gorm.DB, err error) {
	if err != nil {
		_ = db.AddError(err)
	}
}
