package dtde

import (
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/callbacks"
	"github.com/go-dtde/dtde/temporal"
)

// UpdatePortion sets the named columns or fields of the versions that a query names, in a
// period of their validity, as SQL's UPDATE … FOR PORTION OF:
//
//	dtde.UpdatePortion(db.Model(&Price{}).Where("product LIKE ?", "A%"), dtde.Period{From: a, To: b}, map[string]any{"amount": 90})
//
// Every version that the query names and that overlaps the period is touched, also of
// many keys and over shards: its row keeps its id and shrinks to what lies inside the
// period, what is left outside becomes new rows with the old data. An empty period
// touches nothing, one that ends before it starts is ErrPeriod. The query is a model,
// conditions, joins and scopes; a lens narrows it only if it is a scope of its own. A
// model that carries an entity key (db.Model(&Price{Product: "A1"})), or a slice of them,
// names these keys' versions. Without any condition it is gorm.ErrMissingWhereClause, as
// a plain update is. All or nothing, in the query's transaction or one of its own.
func UpdatePortion(query *gorm.DB, period Period, values map[string]any) (VersionResult, error) {
	return portion(query, period, func(r *callbacks.Runtime, s *schema.Schema) (temporal.Operation[callbacks.Row], error) {
		change, err := r.Changing(query.Statement.Context, s, values)
		return temporal.UpdatePortion(period, change), err
	})
}

// Increment is UpdatePortion that adds numbers, which may be negative, to columns or
// fields: version by version, each from its own value. NULL stays NULL; a sum that the
// field's type does not hold is ErrRange.
func Increment(query *gorm.DB, period Period, by map[string]any) (VersionResult, error) {
	return portion(query, period, func(r *callbacks.Runtime, s *schema.Schema) (temporal.Operation[callbacks.Row], error) {
		change, err := r.Incrementing(query.Statement.Context, s, by)
		return temporal.UpdatePortion(period, change), err
	})
}

// ChangePortion is UpdatePortion with a function that is called once per overlapping
// version, with a copy of its row, and changes it. T is the query's model. It may be
// called again when the transaction is tried again.
func ChangePortion[T any](query *gorm.DB, period Period, change func(*T) error) (VersionResult, error) {
	return portion(query, period, func(_ *callbacks.Runtime, s *schema.Schema) (temporal.Operation[callbacks.Row], error) {
		if s.ModelType != reflect.TypeFor[T]() {
			return temporal.Operation[callbacks.Row]{}, &ConfigError{Entity: s.Name, Problem: "the function changes a " + reflect.TypeFor[T]().String()}
		}
		return temporal.UpdatePortion(period, func(row callbacks.Row) (callbacks.Row, error) {
			c := reflect.New(s.ModelType)
			c.Elem().Set(row)
			err := change(c.Interface().(*T))
			return c.Elem(), err
		}), nil
	})
}

// DeletePortion takes a period out of the versions that a query names, as SQL's DELETE …
// FOR PORTION OF: a row shrinks to what lies outside the period, one that surrounds it
// keeps its id on the left and gets a new row on the right, one that lies inside is gone.
// The query is UpdatePortion's.
func DeletePortion(query *gorm.DB, period Period) (VersionResult, error) {
	return portion(query, period, func(*callbacks.Runtime, *schema.Schema) (temporal.Operation[callbacks.Row], error) {
		return temporal.DeletePortion[callbacks.Row](period), nil
	})
}

func portion(query *gorm.DB, period Period, operation func(*callbacks.Runtime, *schema.Schema) (temporal.Operation[callbacks.Row], error)) (VersionResult, error) {
	r, err := runtimeOf(query)
	if err != nil {
		return VersionResult{}, err
	}
	touched, changed, err := r.WritePortions(callbacks.PortionWrite{
		Query: query, Period: period,
		Operation: func(s *schema.Schema) (temporal.Operation[callbacks.Row], error) { return operation(r, s) },
	})
	return VersionResult{Changed: changed, Touched: touched}, err
}
