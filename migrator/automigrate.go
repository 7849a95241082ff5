package migrator

import (
	"maps"
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// AutoMigrate creates and changes every shard's table, and the tables of the other
// models as GORM does, each after what it depends on. Foreign keys that would refer
// to a sharded table are left out with a warning, unless the two are co-located and
// the foreign key carries the shard key: those refer to the shard of the same id. An entity without migrations is
// left alone.
func (m Migrator) AutoMigrate(values ...any) error {
	return m.tables(values, true, func(inner gorm.Migrator, values []any) error {
		return inner.AutoMigrate(values...)
	})
}

// CreateTable creates every shard's table, which must not exist.
func (m Migrator) CreateTable(values ...any) error {
	return m.tables(values, false, func(inner gorm.Migrator, values []any) error {
		return inner.CreateTable(values...)
	})
}

// tables makes tables: AutoMigrate (auto) or CreateTable, as the driver's run has it.
func (m Migrator) tables(values []any, auto bool, run func(gorm.Migrator, []any) error) error {
	if err := m.unlisted(values); err != nil {
		return err
	}
	references, err := m.references(values, run)
	if err != nil {
		return err
	}
	switch concerned := m.concerns(values); {
	case !concerned && references:
		// the driver's migrator would come back here for each table, and make the others twice
		w, err := newWorkspace(m.db, m.driver)
		if err != nil {
			return err
		}
		return run(w.target(m.db).Migrator(), values)
	case !concerned:
		return run(m.inner, values)
	}
	w, ordered, err := m.order(values, auto)
	if err != nil {
		return err
	}
	// A workspace of their own: a schema parsed under a shard's table leaves relations
	// to that table behind in the schemas of other models.
	shards, err := newWorkspace(m.db, m.driver)
	if err != nil {
		return err
	}
	var made []Made
	var rest []any
	flush := func() error {
		defer func() { rest = nil }()
		if len(rest) == 0 {
			return nil
		}
		return run(w.target(m.db).Migrator(), rest)
	}
	for _, o := range ordered {
		if o.table == nil {
			rest = append(rest, o.value)
			continue
		}
		if err := flush(); err != nil {
			return err
		}
		if err := mayChange(o.aim, "CreateTable"); err != nil {
			if !auto {
				return err
			}
			w.db.Logger.Info(w.db.Statement.Context, "dtde: AutoMigrate leaves the tables of %s alone: its migrations are disabled", o.table.Name)
			continue
		}
		if m.hooks.BeforeTable != nil && !w.dry() && o.table.Migrations {
			if err := m.hooks.BeforeTable(w.db.Statement.Context, m.session(), o.table); err != nil {
				return err
			}
		}
		for _, s := range o.shards {
			if err := shards.makeTable(o, s, auto); err != nil {
				return failed(o.table, s, err)
			}
		}
		if o.table.Migrations {
			made = append(made, Made{Table: o.table, Shards: o.shards})
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if len(made) > 0 && m.hooks.AfterTables != nil && !w.dry() {
		return m.hooks.AfterTables(w.db.Statement.Context, m.session(), made)
	}
	return nil
}

// session is what hooks get: the caller's, without its statement.
func (m Migrator) session() *gorm.DB { return m.db.Session(&gorm.Session{NewDB: true}) }

// step is one model in the order in which tables are made; table is nil for one that
// dtde does not own.
type step struct {
	aim
	value any
	links []link
}

// unlisted refuses a model that carries dtde tags and isn't listed: made as one table,
// it would look sharded and be none.
func (m Migrator) unlisted(values []any) error {
	for _, value := range values {
		if _, isName := value.(string); isName {
			continue
		}
		s, err := m.callersSchema(value)
		if err != nil {
			continue // the driver says it better
		}
		_, reference := m.catalog.ReferenceByModel(s.ModelType)
		if _, own := m.owned(s); !own && !reference && config.HasTags(s) {
			return &config.ShardError{
				Entity: s.Name, Operation: "migrate", Cause: config.ErrNotRegistered,
				Hint: "add dtde.Model(&" + s.Name + "{}) to Config.Entities, or remove its dtde tags",
			}
		}
	}
	return nil
}

// concerns tells whether any of the models, or what GORM would reach from them
// through relations, is an entity.
func (m Migrator) concerns(values []any) bool {
	seen := map[*schema.Schema]bool{}
	var visit func(s *schema.Schema) bool
	visit = func(s *schema.Schema) bool {
		if s == nil || seen[s] {
			return false
		}
		seen[s] = true
		if _, ok := m.owned(s); ok {
			return true
		}
		s.Relationships.Mux.RLock()
		defer s.Relationships.Mux.RUnlock()
		for _, rel := range s.Relationships.Relations {
			if visit(rel.FieldSchema) || visit(rel.Schema) || visit(rel.JoinTable) {
				return true
			}
		}
		return false
	}
	for _, value := range values {
		if _, ok := m.aimAt(value); ok {
			return true
		}
		if _, isName := value.(string); isName {
			continue
		}
		s, err := m.callersSchema(value)
		if err != nil {
			continue
		}
		_, own := m.owned(s)
		if own && m.db.Statement.Table != "" {
			continue // db.Table(name) of a table that is no shard: the driver's business
		}
		if visit(s) {
			return true
		}
	}
	return false
}

// order opens a workspace and puts the models, with those that GORM adds, into
// GORM's order; logical names stand for their entity's model. Models that dtde does
// not own come out without relations to entities.
func (m Migrator) order(values []any, auto bool) (*workspace, []step, error) {
	w, err := newWorkspace(m.db, m.driver)
	if err != nil {
		return nil, nil, err
	}
	models := make([]any, len(values))
	for i, value := range values {
		models[i] = value
		if name, isName := value.(string); isName {
			if t, ok := m.byName(name); ok {
				models[i] = reflect.New(t.ModelType).Interface()
			}
			continue
		}
		s, err := m.callersSchema(value)
		if err != nil {
			return nil, nil, err
		}
		if err := w.adopt(s); err != nil {
			return nil, nil, err
		}
	}
	if r, ok := w.driver.Migrator(w.db).(interface {
		ReorderModels(values []any, autoAdd bool) []any
	}); ok {
		models = r.ReorderModels(models, auto)
	}
	return w, m.steps(w, models), nil
}

// steps takes foreign keys to entities out of every model's schema, with a warning.
func (m Migrator) steps(w *workspace, models []any) []step {
	steps := make([]step, len(models))
	var plain []*schema.Schema
	for i, model := range models {
		steps[i] = step{value: model}
		if _, isName := model.(string); isName {
			continue
		}
		s, err := w.parse(model)
		if err != nil {
			continue // the driver's migrator reports it
		}
		links, out := w.foreignKeys(s, m.catalog)
		w.warn(out)
		a, ok := m.aimAt(reflect.New(s.ModelType).Interface())
		if !ok {
			// A join table has no name of its own, but its relations have.
			plain = append(plain, s)
			continue
		}
		steps[i].aim, steps[i].links = a, links
	}
	// Only now: what a schema knows of its relations decides foreign keys of others.
	for _, s := range plain {
		isolate(s, m.catalog)
	}
	return steps
}

// target is the workspace's session for models that dtde does not own, aimed at the
// caller's table if it named one.
func (w *workspace) target(caller *gorm.DB) *gorm.DB {
	db := w.db.Session(&gorm.Session{})
	if caller.Statement.TableExpr != nil || caller.Statement.Table != "" {
		db = db.Table(caller.Statement.Table)
		db.Statement.TableExpr = caller.Statement.TableExpr
	}
	return db
}

// makeTable creates one shard's table or, for AutoMigrate, changes the one that is there.
func (w *workspace) makeTable(o step, s *config.Shard, auto bool) error {
	db, err := w.shard(o.table, s, o.model, o.links)
	if err != nil {
		return err
	}
	w.warnUnenforced()
	if !auto {
		if err := db.Migrator().CreateTable(o.model); err != nil {
			return err
		}
		return w.exclude(db, o.table, s)
	}
	query, exec := w.sessions(db)
	if !query.Migrator().HasTable(o.model) {
		created, err := w.create(exec, o.table, s, o.model)
		if err != nil {
			return err
		}
		if created {
			return w.reseal(exec, o.table, s)
		}
	}
	if err := w.collate(db, o, s); err != nil {
		return err
	}
	if err := w.changeSealed(db, o, s); err != nil {
		return err
	}
	if err := w.turnOnSystem(db, o.table, s); err != nil {
		return err
	}
	return w.exclude(db, o.table, s)
}

// sessions are GORM's two for migrations: in DryRun the one reads all the same, and
// the other prints what it does not send.
func (w *workspace) sessions(db *gorm.DB) (query, exec *gorm.DB) {
	if two, ok := w.driver.Migrator(db).(interface {
		GetQueryAndExecTx() (queryTx, execTx *gorm.DB)
	}); ok && w.dry() {
		return two.GetQueryAndExecTx()
	}
	return db, db
}

// change has the driver change an existing table, and adds the foreign keys itself:
// GORM would take the parent's model for one of this table's, and migrate that too.
func (w *workspace) change(db *gorm.DB, o step) error {
	stmt := &gorm.Statement{DB: w.db}
	if err := stmt.ParseWithSpecialTableName(o.model, db.Statement.Table); err != nil {
		return err
	}
	foreign := stmt.Schema.Relationships.Relations
	stmt.Schema.Relationships.Relations = map[string]*schema.Relationship{}
	err := db.Migrator().AutoMigrate(o.model)
	stmt.Schema.Relationships.Relations = foreign
	if err != nil {
		return err
	}
	query, exec := w.sessions(db)
	for _, key := range slices.Sorted(maps.Keys(foreign)) {
		name := foreign[key].ParseConstraint().Name
		if query.Migrator().HasConstraint(o.model, name) {
			continue
		}
		if err := exec.Migrator().CreateConstraint(o.model, name); err != nil {
			return err
		}
	}
	return nil
}
