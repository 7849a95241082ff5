package callbacks

import (
	"database/sql/driver"
	"reflect"
	"time"

	"gorm.io/gorm"
)

// bindHook gives SQLite the hook that binds times of statements on dtde's models in
// UTC. SQLite stores and compares times as text: two zones of one instant would
// differ, and a row could be on one side of a boundary by its instant and on the
// other by its text. Other engines compare instants and need none.
func (r *Runtime) bindHook() func(*gorm.Statement, any) {
	if r.dialect.Name != "sqlite" {
		return nil
	}
	return func(stmt *gorm.Statement, v any) {
		if stmt.Schema == nil || len(stmt.Vars) == 0 {
			return
		}
		switch v.(type) {
		case string, int64, int, bool, float64, []byte, nil: // most values, told quickly
			return
		}
		if _, foreign := r.foreign.find(stmt.Schema); foreign {
			return
		}
		if _, owned := r.catalog.Load().ByModel(stmt.Schema.ModelType); owned {
			if t, ok := v.(time.Time); ok && t.Location() == time.UTC {
				return
			}
			if t, ok := instant(v); ok {
				stmt.Vars[len(stmt.Vars)-1] = again(stmt.Vars[:len(stmt.Vars)-1], t)
			}
		}
	}
}

// again gives an instant as a value: the one that stands a row before, where rows are
// created at one instant, so that none is made for each.
func again(vars []any, t time.Time) any {
	for i := len(vars) - 1; i >= max(0, len(vars)-rowBefore); i-- {
		if was, ok := vars[i].(time.Time); ok && was == t {
			return vars[i]
		}
	}
	return t
}

// rowBefore is how many values back the last row's is looked for.
const rowBefore = 16

// instant gives the UTC time of a value that a driver would bind as a time.
func instant(v any) (time.Time, bool) {
	switch t := v.(type) {
	case time.Time:
		return t.UTC(), true
	case *time.Time:
		if t == nil {
			return time.Time{}, false
		}
		return t.UTC(), true
	case driver.Valuer:
		if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && rv.IsNil() {
			return time.Time{}, false
		}
		if inner, err := t.Value(); err == nil {
			if at, ok := inner.(time.Time); ok {
				return at.UTC(), true
			}
		}
	}
	return time.Time{}, false
}

// utcTimes puts the times among SQL text's arguments into UTC.
func utcTimes(vars []any) {
	for i, v := range vars {
		if t, ok := instant(v); ok {
			vars[i] = t
		}
	}
}
