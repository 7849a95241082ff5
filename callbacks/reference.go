package callbacks

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
)

// unownedWrite runs GORM's callback for a write to a model that is not sharded. A
// reference entity is written to every database, in one transaction.
func (r *Runtime) unownedWrite(db *gorm.DB, run func(*gorm.DB)) {
	stmt := db.Statement
	if !r.many || stmt.Schema == nil || stmt.SQL.Len() > 0 {
		r.unowned(db, run)
		return
	}
	ref, ok := r.catalog.Load().ReferenceByModel(stmt.Schema.ModelType)
	if !ok || stmt.Table != ref.Schema.Table {
		r.unowned(db, run)
		return
	}
	if !structs(stmt.Dest) && stmt.ReflectValue.Kind() != reflect.Struct && stmt.ReflectValue.Kind() != reflect.Slice {
		fail(db, &config.UnsupportedError{
			Entity: ref.Name, Reason: "reference-map", Problem: "a create from maps of a reference entity, whose databases would number the rows each for itself",
			Hint: "create structs",
		})
		return
	}
	if db.DryRun {
		r.unowned(db, run)
		return
	}
	fail(db, r.atomically(db, func() error { return r.everywhere(db, run) }))
}

// structs tells whether a destination holds structs, which get the keys of their rows.
func structs(dest any) bool {
	t := reflect.TypeOf(dest)
	for t != nil && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
		t = t.Elem()
	}
	return t != nil && t.Kind() == reflect.Struct
}

// everywhere runs one write in the *gorm.DB's own database, which generates what is to
// be generated, and then, with that, in every other.
func (r *Runtime) everywhere(db *gorm.DB, run func(*gorm.DB)) error {
	stmt := db.Statement
	cfg, now, before := *db.Config, db.NowFunc(), db.Config
	cfg.NowFunc = func() time.Time { return now }
	db.Config = &cfg
	defer func() { db.Config = before }()
	clauses := maps.Clone(stmt.Clauses)
	r.unowned(db, run)
	if db.Error != nil {
		return nil
	}
	affected := db.RowsAffected
	for _, d := range r.catalog.Load().Databases() {
		if d.Own {
			continue
		}
		stmt.SQL.Reset()
		stmt.Vars = nil
		stmt.Clauses = maps.Clone(clauses)
		leave, err := r.visitDatabase(stmt, d.ID)
		if err == nil {
			r.unowned(db, run)
		}
		leave()
		if err == nil {
			err = db.Error
		}
		if err != nil {
			db.Error = nil
			return &resolver.DatabaseError{Database: d.ID, Step: "write a reference entity", Cause: translated(db, err)}
		}
	}
	db.RowsAffected = affected
	return nil
}

// referenceText refuses SQL text that writes to a reference entity where it would have
// to be written to several databases.
func (r *Runtime) referenceText(stmt *gorm.Statement) error {
	if !r.many {
		return nil
	}
	text := stmt.SQL.String()
	word := strings.TrimLeft(text, " \t\r\n(")
	if i := strings.IndexAny(word, " \t\r\n"); i > 0 {
		word = word[:i]
	}
	switch strings.ToUpper(word) {
	case "INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "TRUNCATE", "WITH":
	default:
		return nil
	}
	var names []string
	for _, ref := range r.catalog.Load().References() {
		if !containsWord(text, ref.Schema.Table) {
			continue
		}
		readable := true
		if names == nil {
			names, readable = planner.Written(r.dialect, text)
		}
		if !readable || slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, ref.Schema.Table) }) {
			return &config.UnsupportedError{
				Entity: ref.Name, Reason: "reference-text", Problem: "SQL text that writes to a reference entity, which every database has",
				Hint: "use db.Create, db.Updates or db.Delete",
			}
		}
	}
	return nil
}

// joinsThere refuses a relation join in another database with a model that only the
// *gorm.DB's own has.
func (r *Runtime) joinsThere(stmt *gorm.Statement) error {
	if !r.many || stmt.Schema == nil || resolver.DatabaseOf(stmt.ConnPool) == "" {
		return nil
	}
	catalog := r.catalog.Load()
	for _, join := range stmt.Joins {
		relation := stmt.Schema
		for _, name := range strings.Split(join.Name, ".") {
			rel := relation.Relationships.Relations[name]
			if rel == nil {
				break
			}
			relation = rel.FieldSchema
			_, reference := catalog.ReferenceByModel(relation.ModelType)
			if _, owned := catalog.ByModel(relation.ModelType); !owned && !reference {
				return &config.UnsupportedError{
					Entity: stmt.Schema.Name, Reason: "databases-join",
					Problem: "a join of a shard in another database with " + relation.Name + ", which only the program's own database has",
					Hint:    "list it with AsReference, which has it written to every database, or use Preload",
				}
			}
		}
	}
	return nil
}
