package callbacks

import (
	"maps"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/migrator"
	"github.com/go-dtde/dtde/resolver"
)

// Elsewhere gives *gorm.DBs of the databases beside the *gorm.DB's own, each with the
// callbacks and the dialect of its engine, for models that dtde does not route. It is safe for
// concurrent use once Serve was called.
type Elsewhere struct {
	databases *resolver.Databases
	own       string // the id under which the settings list the *gorm.DB's own; "" for none
	made      func(db *gorm.DB) error
	runtime   *Runtime
	main      *gorm.DB

	mu     sync.Mutex
	opened map[string]*gorm.DB
	ready  map[string]*gorm.DB
}

// NewElsewhere makes one; Of and Serve must follow. own is the id under which the settings list
// the *gorm.DB's own database, "" for none. made is called when an AutoMigrate elsewhere has
// succeeded, with its session.
func NewElsewhere(own string, made func(db *gorm.DB) error) *Elsewhere {
	return &Elsewhere{own: own, made: made, opened: map[string]*gorm.DB{}, ready: map[string]*gorm.DB{}}
}

// Of tells the databases.
func (e *Elsewhere) Of(databases *resolver.Databases) { e.databases = databases }

// Opened notes what GORM's Open gave for a database.
func (e *Elsewhere) Opened(id string, db *gorm.DB) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.opened[id] = db
	delete(e.ready, id)
}

// Serve begins to serve: main is the *gorm.DB that the plugin is used on. Its statements are
// refused where they have subqueries of other databases.
func (e *Elsewhere) Serve(r *Runtime, main *gorm.DB) error {
	e.runtime, e.main = r, main
	return guard(main, func(db *gorm.DB) { fail(db, e.strangers(db.Statement, "")) })
}

// Door is the plugin of a *gorm.DB of another database; it is under dtde's name, so that
// those know where they are.
type Door struct {
	*Elsewhere
	database string
}

// Name is the plugin's.
func (*Door) Name() string { return "dtde" }

// Initialize has nothing to do.
func (*Door) Initialize(*gorm.DB) error { return nil }

// ErrElsewhere is what dtde's own calls say of a *gorm.DB of another database.
var ErrElsewhere error = &config.ConfigError{Problem: "this *gorm.DB is OnDatabase's, which has GORM's calls: give the one that dtde is used on"}

// IsElsewhere tells a *gorm.DB of another database.
func IsElsewhere(db *gorm.DB) bool {
	_, ok := db.Plugins["dtde"].(*Door)
	return ok
}

// Session gives a *gorm.DB of a database: with the context, logger, clock and options of tx,
// and in its transaction, if it is in one. Errors are the session's.
func (e *Elsewhere) Session(tx *gorm.DB, id string) *gorm.DB {
	to := id
	if id == e.own {
		to = ""
	}
	pool, err := resolver.On(tx.Statement.ConnPool, to)
	if err == nil && to == "" {
		return as(e.main, tx, pool)
	}
	var base *gorm.DB
	if err == nil {
		base, err = e.base(id)
	}
	if err != nil {
		return Failed(tx, err)
	}
	return as(base, tx, pool)
}

// base is the *gorm.DB of a database whose pool is open.
func (e *Elsewhere) base(id string) (*gorm.DB, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if db := e.ready[id]; db != nil {
		return db, nil
	}
	db := e.opened[id]
	if db == nil { // only opening it makes a pool
		return nil, &config.ConfigError{Field: id, Problem: "the database was closed meanwhile; ask for it again"}
	}
	if err := guard(db, func(db *gorm.DB) { fail(db, e.foreign(db.Statement, id)) }); err != nil {
		return nil, err
	}
	db.Plugins["dtde"] = &Door{e, id}
	db.Dialector = migrator.Apart(db.Dialector, e.runtime.registered, e.made)
	e.ready[id] = db
	return db, nil
}

// guard registers a callback in front of all others.
func guard(db *gorm.DB, f func(*gorm.DB)) error {
	for _, p := range []interface {
		Register(name string, f func(*gorm.DB)) error
	}{
		db.Callback().Create().Before("*"), db.Callback().Query().Before("*"), db.Callback().Update().Before("*"),
		db.Callback().Delete().Before("*"), db.Callback().Row().Before("*"), db.Callback().Raw().Before("*"),
	} {
		if err := p.Register("dtde:elsewhere", f); err != nil {
			return err
		}
	}
	return nil
}

// as is base for tx, on a pool.
func as(base, tx *gorm.DB, pool gorm.ConnPool) *gorm.DB {
	s := base.Session(&gorm.Session{NewDB: true, Context: tx.Statement.Context})
	c, of := s.Config, tx.Config
	c.SkipDefaultTransaction, c.DisableNestedTransaction = of.SkipDefaultTransaction, of.DisableNestedTransaction
	c.DefaultTransactionTimeout, c.DefaultContextTimeout = of.DefaultTransactionTimeout, of.DefaultContextTimeout
	c.FullSaveAssociations, c.CreateBatchSize, c.QueryFields = of.FullSaveAssociations, of.CreateBatchSize, of.QueryFields
	c.AllowGlobalUpdate, c.PropagateUnscoped, c.TranslateError = of.AllowGlobalUpdate, of.PropagateUnscoped, of.TranslateError
	c.DisableForeignKeyConstraintWhenMigrating = of.DisableForeignKeyConstraintWhenMigrating
	c.IgnoreRelationshipsWhenMigrating = of.IgnoreRelationshipsWhenMigrating
	c.Logger, c.DryRun, c.NowFunc = of.Logger, of.DryRun, of.NowFunc
	if s.Dialector.Name() == "mysql" { // as its driver has it: what is stored is what the model says
		c.NowFunc = func() time.Time { return of.NowFunc().Round(time.Millisecond) }
	}
	s.Error = tx.Error
	s.Statement.ConnPool, c.ConnPool = pool, pool
	s.Statement.SkipHooks = tx.Statement.SkipHooks
	set := false
	tx.Statement.Settings.Range(func(key, value any) bool { // what the program says to its hooks
		if name, ok := key.(string); ok && !strings.HasPrefix(name, "gorm:") {
			if !set {
				s, set = s.Set(name, value), true
			}
			s.Statement.Settings.Store(key, value)
		}
		return true
	})
	if set {
		s = s.Session(&gorm.Session{})
	}
	return s
}

// Failed is a *gorm.DB on which everything fails with err, migrations too.
func Failed(tx *gorm.DB, err error) *gorm.DB {
	s := tx.Session(&gorm.Session{NewDB: true, Context: tx.Statement.Context})
	pool := resolver.FailedPool(err)
	s.Statement.ConnPool, s.Config.ConnPool = pool, pool
	s.Config.Plugins = maps.Clone(s.Config.Plugins)
	delete(s.Config.Plugins, "dtde")
	s.Config.Dialector = migrator.Failed(s.Config.Dialector, err)
	_ = s.AddError(err)
	return s
}
