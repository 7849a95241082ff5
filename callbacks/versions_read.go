package callbacks

import (
	"reflect"
	"slices"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/temporal"
)

// ReadVersions reads all versions of the model's key that are known now, by start.
func (r *Runtime) ReadVersions(db *gorm.DB, model any) ([]temporal.Version[Row], error) {
	h, err := r.versioned(db, model)
	if err != nil {
		return nil, err
	}
	list := reflect.New(reflect.SliceOf(h.table.ModelType))
	if err := h.where().Find(list.Interface()).Error; err != nil {
		return nil, err
	}
	versions, err := h.versions(list.Elem())
	if err != nil {
		return nil, err
	}
	if h.v.System != nil {
		versions = slices.DeleteFunc(versions, func(v temporal.Version[Row]) bool { return !v.System.IsOpen() })
	}
	if h.v.StartOnly() {
		versions = temporal.DeriveEnds(versions)
	}
	slices.SortStableFunc(versions, func(a, b temporal.Version[Row]) int { return a.Valid.From.Compare(b.Valid.From) })
	return versions, nil
}

// Changing gives the function that sets the named columns or fields of a row. Columns
// that say which version it is can't be among them.
func Changing(db *gorm.DB, model any, values map[string]any) (func(Row) (Row, error), error) {
	stmt := &gorm.Statement{DB: db}
	if err := stmt.Parse(model); err != nil {
		return nil, err
	}
	for name := range values {
		if stmt.Schema.LookUpField(name) == nil {
			return nil, &config.ConfigError{Entity: stmt.Schema.Name, Field: name, Problem: "the model has no such field"}
		}
	}
	return func(row Row) (Row, error) {
		c := reflect.New(row.Type()).Elem()
		c.Set(row)
		for name, value := range values {
			if err := stmt.Schema.LookUpField(name).Set(db.Statement.Context, c, value); err != nil {
				return row, err
			}
		}
		return c, nil
	}, nil
}
