package callbacks

import (
	"context"
	"math"
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/temporal"
)

// Change makes a new version's row of a version's.
type Change = func(Row) (Row, error)

// Changing gives the function that sets the named columns or fields of a row to values.
// Columns that say which version it is can't be among them, and an expression would have
// to be computed by the database, which knows nothing of what a version is split into.
func (r *Runtime) Changing(ctx context.Context, s *schema.Schema, values map[string]any) (Change, error) {
	fields, err := r.changed(s, values)
	if err != nil {
		return nil, err
	}
	change := func(row Row) (Row, error) {
		c := reflect.New(s.ModelType).Elem()
		c.Set(row)
		for name, f := range fields {
			if err := f.Set(ctx, c, values[name]); err != nil {
				return row, err
			}
		}
		return c, nil
	}
	_, err = change(reflect.New(s.ModelType).Elem()) // a value of the wrong type is told at once
	return change, err
}

// Incrementing gives the function that adds numbers to columns or fields. NULL stays so.
// A result that the field's type does not hold is ErrRange.
func (r *Runtime) Incrementing(ctx context.Context, s *schema.Schema, by map[string]any) (Change, error) {
	fields, err := r.changed(s, by)
	if err != nil {
		return nil, err
	}
	for name, f := range fields {
		if !addable(f.IndirectFieldType, reflect.ValueOf(by[name])) {
			return nil, &config.ConfigError{Entity: s.Name, Field: f.Name, Problem: "a value of this type cannot be added to a field of type " +
				f.FieldType.String() + "; use ChangePortion"}
		}
	}
	return func(row Row) (Row, error) {
		c := reflect.New(s.ModelType).Elem()
		c.Set(row)
		for name, f := range fields {
			old := f.ReflectValueOf(ctx, c)
			for old.Kind() == reflect.Pointer && !old.IsNil() {
				old = old.Elem()
			}
			if old.Kind() == reflect.Pointer {
				continue
			}
			sum, ok := add(old, reflect.ValueOf(by[name]))
			if !ok {
				return row, temporal.ErrRange
			}
			if err := f.Set(ctx, c, sum.Interface()); err != nil {
				return row, err
			}
		}
		return c, nil
	}, nil
}

// changed finds the fields that a change names.
func (r *Runtime) changed(s *schema.Schema, values map[string]any) (map[string]*schema.Field, error) {
	fields := map[string]*schema.Field{}
	t, ok := r.catalog.Load().ByModel(s.ModelType)
	for name, value := range values {
		f := s.LookUpField(name)
		if f == nil || f.DBName == "" {
			return nil, &config.ConfigError{Entity: s.Name, Field: name, Problem: "the model has no such field or column"}
		}
		if ok && t.Validity != nil && identifies(t.Validity, f) {
			return nil, &config.UnsupportedError{
				Entity: s.Name, Reason: "version-column", Problem: "a change of " + f.Name + ", which says which version a row is",
				Hint: "change the versions' data; another key is another history, and periods are what the calls are given",
			}
		}
		switch value.(type) {
		case clause.Expression, *gorm.DB:
			return nil, &config.UnsupportedError{
				Entity: s.Name, Reason: "version-expression", Problem: "a change of " + f.Name + " by an expression",
				Hint: "use Increment, or ChangePortion with a function",
			}
		}
		fields[name] = f
	}
	return fields, nil
}

// identifies tells the columns that say which version a row is.
func identifies(v *config.Validity, f *schema.Field) bool {
	if f.PrimaryKey || f == v.Valid.From || f == v.Valid.To || v.System != nil && (f == v.System.From || f == v.System.To) {
		return true
	}
	return slices.ContainsFunc(v.Key, func(k config.KeyColumn) bool { return k.Field == f })
}

// add adds two numbers; ok is false if the first's type does not hold the sum.
func add(to, by reflect.Value) (sum reflect.Value, ok bool) {
	sum = reflect.New(to.Type()).Elem()
	switch {
	case to.CanInt() && (by.CanInt() || by.CanUint() && by.Uint() <= math.MaxInt64):
		a, b := to.Int(), int64(0)
		if by.CanInt() {
			b = by.Int()
		} else {
			b = int64(by.Uint()) //nolint:gosec // bounded above
		}
		c := a + b
		if (c > a) != (b > 0) && b != 0 || sum.OverflowInt(c) {
			return sum, false
		}
		sum.SetInt(c)
	case to.CanUint() && (by.CanUint() || by.CanInt()):
		a, c := to.Uint(), uint64(0)
		switch {
		case by.CanUint():
			if c = a + by.Uint(); c < a {
				return sum, false
			}
		case by.Int() < 0:
			less := uint64(-(by.Int() + 1)) + 1 //nolint:gosec // the absolute value, also of the least
			if c = a - less; less > a {
				return sum, false
			}
		default:
			if c = a + uint64(by.Int()); c < a { //nolint:gosec // not negative
				return sum, false
			}
		}
		if sum.OverflowUint(c) {
			return sum, false
		}
		sum.SetUint(c)
	case to.CanFloat() && (by.CanFloat() || by.CanInt() || by.CanUint()):
		c := to.Float() + by.Convert(reflect.TypeFor[float64]()).Float()
		if math.IsInf(c, 0) || sum.OverflowFloat(c) {
			return sum, false
		}
		sum.SetFloat(c)
	default:
		return sum, false
	}
	return sum, true
}

// addable tells whether numbers of a value's type can be added to a field's.
func addable(field reflect.Type, by reflect.Value) bool {
	zero := reflect.New(field).Elem()
	whole := by.IsValid() && (by.CanInt() || by.CanUint())
	return whole && (zero.CanInt() || zero.CanUint()) || zero.CanFloat() && (whole || by.IsValid() && by.CanFloat())
}
