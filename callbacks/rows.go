package callbacks

import (
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// rowSet is the destination of a create, whatever its shape, as a list of rows.
type rowSet struct {
	stmt *gorm.Statement
	maps []map[string]any // a map or a slice of maps
	list reflect.Value    // a slice or array of structs or pointers
	one  reflect.Value    // a struct
}

// newRowSet reads the statement's destination; ok is false for shapes that GORM
// refuses itself.
func newRowSet(stmt *gorm.Statement) (rows rowSet, ok bool) {
	rows.stmt = stmt
	switch dest := stmt.Dest.(type) {
	case map[string]any:
		rows.maps = []map[string]any{dest}
		return rows, dest != nil
	case *map[string]any:
		rows.maps = []map[string]any{*dest}
		return rows, *dest != nil
	case []map[string]any:
		rows.maps = dest
		return rows, len(dest) > 0
	case *[]map[string]any:
		rows.maps = *dest
		return rows, len(*dest) > 0
	}
	switch stmt.ReflectValue.Kind() {
	case reflect.Struct:
		rows.one = stmt.ReflectValue
		return rows, stmt.Schema != nil
	case reflect.Slice, reflect.Array:
		rows.list = stmt.ReflectValue
		for i := range rows.list.Len() {
			if !reflect.Indirect(rows.list.Index(i)).IsValid() {
				return rows, false
			}
		}
		return rows, stmt.Schema != nil && rows.list.Len() > 0
	}
	return rows, false
}

// len is the number of rows.
func (s *rowSet) len() int {
	switch {
	case s.maps != nil:
		return len(s.maps)
	case s.list.IsValid():
		return s.list.Len()
	}
	return 1
}

// at is row i as a struct.
func (s *rowSet) at(i int) reflect.Value {
	if s.list.IsValid() {
		return reflect.Indirect(s.list.Index(i))
	}
	return s.one
}

// get reads a field of row i; present is false if a map has no such key.
func (s *rowSet) get(i int, f *schema.Field) (v any, zero, present bool) {
	if s.maps == nil {
		v, zero = f.ValueOf(s.stmt.Context, s.at(i))
		return v, zero, true
	}
	m := s.maps[i]
	if v, present = m[f.DBName]; !present {
		v, present = m[f.Name]
	}
	return v, v == nil, present
}

// zero tells whether a field of row i has its zero value, without boxing the value.
func (s *rowSet) zero(i int, f *schema.Field) bool {
	if s.maps == nil && direct(f) {
		return s.at(i).Field(f.StructField.Index[0]).IsZero()
	}
	_, zero, _ := s.get(i, f)
	return zero
}

// direct tells a field that stands in the model's struct itself, as it is.
func direct(f *schema.Field) bool {
	return len(f.StructField.Index) == 1 && f.StructField.Index[0] >= 0 && f.Serializer == nil
}

// setInt writes a whole number to a field of row i.
func (s *rowSet) setInt(i int, f *schema.Field, n int64) error {
	if s.maps == nil && direct(f) {
		if v := s.at(i).Field(f.StructField.Index[0]); v.Kind() == reflect.Int64 && v.CanSet() {
			v.SetInt(n)
			return nil
		}
	}
	return s.set(i, f, n)
}

// set writes a field of row i.
func (s *rowSet) set(i int, f *schema.Field, v any) error {
	if s.maps == nil {
		return f.Set(s.stmt.Context, s.at(i), v)
	}
	if s.maps[i] == nil {
		return gorm.ErrInvalidData
	}
	delete(s.maps[i], f.Name)
	s.maps[i][f.DBName] = v
	return nil
}

// model is row i for a program's key function: a pointer to the struct, or the map.
func (s *rowSet) model(i int) any {
	if s.maps != nil {
		return s.maps[i]
	}
	if rv := s.at(i); rv.CanAddr() {
		return rv.Addr().Interface()
	}
	return s.at(i).Interface()
}

// pick makes a destination of some rows; the elements are the caller's own.
func (s *rowSet) pick(rows []int) any {
	if s.maps != nil {
		maps := make([]map[string]any, len(rows))
		for i, row := range rows {
			maps[i] = s.maps[row]
		}
		return &maps
	}
	elem := s.list.Type().Elem()
	if elem.Kind() == reflect.Struct {
		elem = reflect.PointerTo(elem)
	}
	list := reflect.MakeSlice(reflect.SliceOf(elem), len(rows), len(rows))
	for i, row := range rows {
		v := s.list.Index(row)
		if v.Kind() == reflect.Struct {
			v = v.Addr()
		}
		list.Index(i).Set(v)
	}
	ptr := reflect.New(list.Type())
	ptr.Elem().Set(list)
	return ptr.Interface()
}

// unpick copies rows back that GORM replaced instead of filling them.
func (s *rowSet) unpick(rows []int, dest any) {
	if s.maps != nil {
		return
	}
	list := reflect.ValueOf(dest).Elem()
	for i, row := range rows {
		if i >= list.Len() {
			return
		}
		from, to := list.Index(i), s.list.Index(row)
		switch {
		case to.Kind() == reflect.Struct && from.Kind() == reflect.Pointer && !from.IsNil() && from.Pointer() != to.Addr().Pointer():
			to.Set(from.Elem())
		case to.Kind() == reflect.Pointer && from.Pointer() != to.Pointer() && to.CanSet():
			to.Set(from)
		}
	}
}
