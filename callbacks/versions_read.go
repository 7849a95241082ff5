package callbacks

import (
	"reflect"
	"slices"

	"gorm.io/gorm"

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
	versions = h.joined(versions)
	slices.SortStableFunc(versions, func(a, b temporal.Version[Row]) int { return a.Valid.From.Compare(b.Valid.From) })
	return versions, nil
}
