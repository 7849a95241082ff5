package migrator

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/resolver"
)

// workspace is where the driver's migrator runs for one call: a *gorm.DB of its own
// on the caller's connection pool. Its schemas are its own too, so they can be
// changed to what one physical table needs, and nothing of that is seen by the
// caller's statements. (GORM's own db.Table(name).AutoMigrate leaves relations to
// that name behind in the schemas of other models.) GORM's callbacks are the plain
// ones: a statement of the migrator is never routed.
type workspace struct {
	db     *gorm.DB
	driver gorm.Dialector

	collation string // see mysqlCollation

	unenforced []unenforced // see warnUnenforced
}

// newWorkspace opens a workspace on db's pool, context and settings.
func newWorkspace(db *gorm.DB, driver gorm.Dialector) (*workspace, error) {
	w := &workspace{driver: driver}
	c := db.Config
	fresh, err := gorm.Open(forward(dialector{
		Dialector: driver,
		migrator:  w.migrator,
		initialize: func(db *gorm.DB) error {
			callbacks.RegisterDefaultCallbacks(db, &callbacks.Config{})
			return nil
		},
	}), &gorm.Config{
		DefaultTransactionTimeout:                c.DefaultTransactionTimeout,
		DefaultContextTimeout:                    c.DefaultContextTimeout,
		NamingStrategy:                           c.NamingStrategy,
		Logger:                                   c.Logger,
		NowFunc:                                  c.NowFunc,
		DryRun:                                   c.DryRun,
		DisableAutomaticPing:                     true,
		DisableForeignKeyConstraintWhenMigrating: c.DisableForeignKeyConstraintWhenMigrating,
		IgnoreRelationshipsWhenMigrating:         c.IgnoreRelationshipsWhenMigrating,
		DisableNestedTransaction:                 c.DisableNestedTransaction,
		TranslateError:                           c.TranslateError,
		ClauseBuilders:                           maps.Clone(c.ClauseBuilders),
		ConnPool:                                 db.Statement.ConnPool,
	})
	if err != nil {
		return nil, fmt.Errorf("dtde: open a session to migrate on: %w", err)
	}
	fresh.PrepareStmt = c.PrepareStmt // only after Open, which would wrap the pool once more
	ctx := db.Statement.Context
	if ctx == nil {
		ctx = context.Background()
	}
	fresh = fresh.Session(&gorm.Session{Context: ctx})
	db.Statement.Settings.Range(func(k, v any) bool {
		fresh.Statement.Settings.Store(k, v) // gorm:table_options
		return true
	})
	w.db = fresh
	return w, nil
}

// migrator is the driver's own, for a session of the workspace.
func (w *workspace) migrator(db *gorm.DB) gorm.Migrator { return w.driver.Migrator(db) }

// parse gives the workspace's schema of a model, under its own table name.
func (w *workspace) parse(model any) (*schema.Schema, error) {
	stmt := &gorm.Statement{DB: w.db}
	if err := stmt.Parse(model); err != nil {
		return nil, err
	}
	return stmt.Schema, nil
}

// takeJoinTables repeats what db.SetupJoinTable did to the caller's schema.
func (w *workspace) takeJoinTables(relations map[string]*schema.Relationship, callers *schema.Schema) error {
	for name, rel := range relations {
		if rel.JoinTable == nil || rel.Schema != callers || rel.JoinTable.ModelType.Name() == "" {
			continue
		}
		model, join := reflect.New(callers.ModelType).Interface(), reflect.New(rel.JoinTable.ModelType).Interface()
		if err := w.db.SetupJoinTable(model, name, join); err != nil {
			return err
		}
	}
	return nil
}

// shard is the workspace's session for one physical table, under which the model has
// the schema that the table needs.
func (w *workspace) shard(t *config.Table, s *config.Shard, model any, links []link) (*gorm.DB, error) {
	if err := w.reaches(t, s); err != nil {
		return nil, err
	}
	db, err := w.in(s.Database)
	if err != nil {
		return nil, err
	}
	db = db.Table(s.Table)
	stmt := &gorm.Statement{DB: w.db}
	// The name without the schema is what the migrator asks by; see Statement.Table.
	if err := stmt.ParseWithSpecialTableName(model, db.Statement.Table); err != nil {
		return nil, err
	}
	tailor(w, stmt.Schema, t, s, links)
	return db, nil
}

// in is the workspace's session on one of the databases.
func (w *workspace) in(database string) (*gorm.DB, error) {
	pool, err := resolver.On(w.db.Statement.ConnPool, database)
	if err != nil {
		return nil, err
	}
	db := w.db.Session(&gorm.Session{})
	db.Config.ConnPool, db.Statement.ConnPool = pool, pool
	return db, nil
}

// reaches refuses a table in another schema where the driver's migrator looks for
// tables in the current one only, and would create what is there.
func (w *workspace) reaches(t *config.Table, s *config.Shard) error {
	namespace := s.Namespace()
	switch w.driver.Name() {
	case "mysql":
	case "sqlite":
		if strings.EqualFold(namespace, "main") {
			return nil
		}
	default:
		return nil
	}
	if namespace == "" {
		return nil
	}
	return &config.UnsupportedError{
		Entity: t.Name, Reason: "qualified-migration",
		Problem: "schema calls on " + s.Table + ", in another database than the connection's",
		Hint:    "connect to that database, or set MigrationsDisabled and make the tables yourself",
	}
}

// query is a session that reads also in DryRun, as GORM's own migrator does.
func (w *workspace) query() *gorm.DB {
	q := w.db.Session(&gorm.Session{NewDB: true})
	q.DryRun = false
	return q
}

// dry tells that statements are built and not sent.
func (w *workspace) dry() bool { return w.db.DryRun }
