package migrator

import (
	"fmt"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// references makes the tables of reference entities in the databases beside the
// *gorm.DB's own, without foreign keys: the rows are copies. some tells that there were
// any.
func (m Migrator) references(values []any, run func(gorm.Migrator, []any) error) (some bool, err error) {
	var listed []any
	for _, value := range values {
		if t := modelType(value); t != nil {
			if _, ok := m.catalog.ReferenceByModel(t); ok {
				listed = append(listed, value)
			}
		}
	}
	if len(listed) == 0 || m.db.DryRun {
		return false, nil
	}
	for _, d := range m.catalog.Databases() {
		if d.Own {
			continue
		}
		if err := m.referencesIn(d, listed, run); err != nil {
			return true, fmt.Errorf("database %q: %w", d.ID, err)
		}
	}
	return true, nil
}

func (m Migrator) referencesIn(d *config.Database, values []any, run func(gorm.Migrator, []any) error) error {
	w, err := newWorkspace(m.db, m.driver)
	if err != nil {
		return err
	}
	db, err := w.in(d.ID)
	if err != nil {
		return err
	}
	db.DisableForeignKeyConstraintWhenMigrating, db.IgnoreRelationshipsWhenMigrating = true, true
	return run(db.Migrator(), values)
}

// everywhere tells whether a model is a reference entity's, whose table every database has.
func everywhere(c *config.Catalog, s *schema.Schema) bool {
	_, is := c.ReferenceByModel(s.ModelType)
	return is
}

// modelType is the struct type of a model; nil if it is none.
func modelType(value any) reflect.Type {
	t := reflect.TypeOf(value)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	return t
}
