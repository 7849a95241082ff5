package callbacks

import (
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// registered refuses a model that dtde routes, where it would not be routed; nil for others.
func (r *Runtime) registered(s *schema.Schema) error {
	catalog := r.catalog.Load()
	_, owned := catalog.ByModel(s.ModelType)
	_, reference := catalog.ReferenceByModel(s.ModelType)
	if owned || reference {
		return &config.UnsupportedError{
			Entity: s.Name, Reason: "database-model", Problem: "a model of Config.Entities through OnDatabase, which would pass its shards by",
			Hint: "use the *gorm.DB that dtde is used on, or the transaction",
		}
	}
	if fault, known := r.foreign.find(s); known {
		return fault
	}
	return r.foreign.add(s, false)
}

// foreign refuses a statement on another database that would need more than it has.
func (e *Elsewhere) foreign(stmt *gorm.Statement, database string) error {
	if err := e.models(stmt); err != nil {
		return err
	}
	return e.strangers(stmt, database)
}

// models refuses a statement on, or joined with, a model that dtde routes.
func (e *Elsewhere) models(stmt *gorm.Statement) error {
	s := stmt.Schema
	if s == nil && stmt.Model != nil { // of a subquery, which is parsed only when it is built
		parsed := &gorm.Statement{DB: stmt.DB}
		if parsed.Parse(stmt.Model) == nil {
			s = parsed.Schema
		}
	}
	if s == nil {
		return e.table(stmt)
	}
	if err := e.runtime.registered(s); err != nil {
		return err
	}
	for _, join := range stmt.Joins {
		at := s
		for _, name := range strings.Split(join.Name, ".") {
			rel := at.Relationships.Relations[name]
			if rel == nil {
				break
			}
			at = rel.FieldSchema
			if err := e.runtime.registered(at); err != nil {
				return err
			}
		}
	}
	return e.table(stmt)
}

// table refuses db.Table with an entity's name in a database that has its shards.
func (e *Elsewhere) table(stmt *gorm.Statement) error {
	t := e.runtime.byName(e.runtime.catalog.Load(), stmt.Table)
	door, here := stmt.DB.Plugins["dtde"].(*Door)
	if t == nil || !here {
		return nil
	}
	for _, s := range t.Shards {
		if s.Database == door.database {
			return e.runtime.registered(t.Schema)
		}
	}
	return nil
}

// strangers refuses a statement with a subquery of another database, whose tables aren't
// there.
func (e *Elsewhere) strangers(stmt *gorm.Statement, database string) error {
	var err error
	is := func(v any) bool {
		if sub, ok := v.(*gorm.DB); ok && err == nil {
			err = e.stranger(sub, database)
		}
		return err != nil
	}
	_ = hasInside(stmt, is) || holds(stmt.Dest, is) // the latter of an update
	return err
}

// stranger refuses one subquery, or what is within it.
func (e *Elsewhere) stranger(sub *gorm.DB, database string) error {
	at, dialect := "", e.main.Dialector.Name()
	if door, ok := sub.Plugins["dtde"].(*Door); ok {
		at = door.database
	}
	if database != "" {
		dialect = e.databases.Dialect(database)
	}
	_, dtdes := sub.Plugins["dtde"]
	if dtdes && at != database || sub.Dialector.Name() != dialect {
		return &config.UnsupportedError{
			Entity: modelName(sub.Statement), Reason: "database-subquery", Problem: "a subquery of another database than the statement's",
			Hint: "read its values first and give those",
		}
	}
	if database == "" {
		return e.strangers(sub.Statement, database)
	}
	return e.foreign(sub.Statement, database)
}

// modelName is the struct's name of a statement's model; "" without one.
func modelName(stmt *gorm.Statement) string {
	t := reflect.TypeOf(stmt.Model)
	for t != nil && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice) {
		t = t.Elem()
	}
	if t == nil {
		return ""
	}
	return t.Name()
}
