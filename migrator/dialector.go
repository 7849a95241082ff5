package migrator

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/resolver"
)

// Hooks let the plugin keep its records in step with the tables. A nil hook is left
// out. None is called in DryRun, nor for an entity without migrations. They run on
// the goroutine of the schema call, and db is a session of its caller: a write
// through it is part of the caller's transaction, if there is one.
type Hooks struct {
	// BeforeTable is called once per entity and call, before its first CREATE or
	// ALTER; an error stops the call.
	BeforeTable func(ctx context.Context, db *gorm.DB, t *config.Table) error
	// AfterTables is called once per AutoMigrate or CreateTable that had entities,
	// when all of their tables exist.
	AfterTables func(ctx context.Context, db *gorm.DB, made []Made) error
	// Bind is called when a statement binds a value, which is then the last of
	// stmt.Vars and may be replaced there. nil costs nothing.
	Bind func(stmt *gorm.Statement, v any)
	// AfterDrop is called once per DropTable that had entities, when their tables
	// are gone.
	AfterDrop func(ctx context.Context, db *gorm.DB, dropped []Made) error
}

// Made is an entity with the shards that a schema call acted on.
type Made struct {
	// Table is the entity.
	Table *config.Table
	// Shards are those whose tables were made, changed or dropped.
	Shards []*config.Shard
}

// Wrap makes a dialector whose migrator acts on all shards of the entities in
// catalog(), which is asked at every call and must be safe for concurrent use. The
// result has SavePoint and RollbackTo, Translate and Apply exactly if inner has
// them, and Unwrap() gorm.Dialector in any case.
func Wrap(inner gorm.Dialector, catalog func() *config.Catalog, hooks Hooks) gorm.Dialector {
	return forward(dialector{Dialector: inner, bind: hooks.Bind, migrator: func(db *gorm.DB) gorm.Migrator {
		c := catalog()
		if c == nil || len(c.Tables()) == 0 {
			return inner.Migrator(db)
		}
		db = db.Session(&gorm.Session{Context: db.Statement.Context}) // a statement of its own
		db.Statement.ConnPool = resolver.ToSource(db.Statement.ConnPool, nil)
		return Migrator{db: db, inner: inner.Migrator(db), driver: inner, catalog: c, hooks: hooks}
	}})
}

// Unwrap gives the driver's own dialector of one that Wrap made, or d itself.
func Unwrap(d gorm.Dialector) gorm.Dialector {
	for {
		w, ok := d.(interface{ Unwrap() gorm.Dialector })
		if !ok {
			return d
		}
		d = w.Unwrap()
	}
}

// dialector is the driver's with another migrator.
type dialector struct {
	gorm.Dialector
	migrator   func(*gorm.DB) gorm.Migrator
	initialize func(*gorm.DB) error
	bind       func(*gorm.Statement, any)
}

// BindVarTo lets the Bind hook see the value first.
func (d dialector) BindVarTo(writer clause.Writer, stmt *gorm.Statement, v any) {
	if d.bind != nil {
		d.bind(stmt, v)
	}
	d.Dialector.BindVarTo(writer, stmt, v)
}

func (d dialector) Migrator(db *gorm.DB) gorm.Migrator { return d.migrator(db) }

func (d dialector) Initialize(db *gorm.DB) error {
	if d.initialize != nil {
		return d.initialize(db)
	}
	return d.Dialector.Initialize(db)
}

// Unwrap gives the driver's own dialector.
func (d dialector) Unwrap() gorm.Dialector { return d.Dialector }

type applier interface {
	Apply(config *gorm.Config) error
}

// GORM asks for the optional interfaces by type assertion, and takes their being
// there for an answer: so there is one type for each combination.
type (
	withSave struct {
		dialector
		gorm.SavePointerDialectorInterface
	}
	withTranslate struct {
		dialector
		gorm.ErrorTranslator
	}
	withApply struct {
		dialector
		applier
	}
	withSaveTranslate struct {
		dialector
		gorm.SavePointerDialectorInterface
		gorm.ErrorTranslator
	}
	withSaveApply struct {
		dialector
		gorm.SavePointerDialectorInterface
		applier
	}
	withTranslateApply struct {
		dialector
		gorm.ErrorTranslator
		applier
	}
	withAll struct {
		dialector
		gorm.SavePointerDialectorInterface
		gorm.ErrorTranslator
		applier
	}
)

func forward(d dialector) gorm.Dialector {
	save, hasSave := d.Dialector.(gorm.SavePointerDialectorInterface)
	translate, hasTranslate := d.Dialector.(gorm.ErrorTranslator)
	apply, hasApply := d.Dialector.(applier)
	switch {
	case hasSave && hasTranslate && hasApply:
		return withAll{d, save, translate, apply}
	case hasSave && hasTranslate:
		return withSaveTranslate{d, save, translate}
	case hasSave && hasApply:
		return withSaveApply{d, save, apply}
	case hasTranslate && hasApply:
		return withTranslateApply{d, translate, apply}
	case hasSave:
		return withSave{d, save}
	case hasTranslate:
		return withTranslate{d, translate}
	case hasApply:
		return withApply{d, apply}
	}
	return d
}
