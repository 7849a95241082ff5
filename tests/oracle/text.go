package oracle

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm/clause"
)

// goText writes a value as it could stand in a Go program.
func goText(v any) string {
	switch x := v.(type) {
	case nil:
		return "nil"
	case rowID:
		return fmt.Sprintf("id(%d)", int(x))
	case partial:
		return x.String()
	case group:
		return "db" + chainText(x.calls)
	case subquery:
		return "db.Model(model)" + chainText(x.calls)
	case row:
		return x.String()
	case time.Time:
		return fmt.Sprintf("time(%q)", x.Format(time.RFC3339Nano))
	case map[string]any:
		keys := make([]string, 0, len(x))
		for k := range x {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		parts := make([]string, len(keys))
		for i, k := range keys {
			parts[i] = fmt.Sprintf("%q: %s", k, goText(x[k]))
		}
		return "map[string]any{" + strings.Join(parts, ", ") + "}"
	case clause.Expr:
		return fmt.Sprintf("gorm.Expr(%s)", argsText(append([]any{x.SQL}, x.Vars...)))
	}
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.Pointer:
		if rv.IsNil() {
			return "nil"
		}
		return "&" + goText(rv.Elem().Interface())
	case reflect.Slice:
		parts := make([]string, 0, rv.Len())
		for i := range rv.Len() {
			if i == 12 {
				parts = append(parts, fmt.Sprintf("… %d in all", rv.Len()))
				break
			}
			parts = append(parts, goText(rv.Index(i).Interface()))
		}
		return rv.Type().String() + "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprintf("%#v", v)
}

func argsText(args []any) string {
	parts := make([]string, len(args))
	for i, a := range args {
		parts[i] = goText(a)
	}
	return strings.Join(parts, ", ")
}

func chainText(calls []call) string {
	var b strings.Builder
	for _, c := range calls {
		b.WriteByte('.')
		b.WriteString(c.text)
	}
	return b.String()
}

// String writes the row's fields that are not zero.
func (r row) String() string {
	var b strings.Builder
	if r.generated {
		fmt.Fprintf(&b, "{ID: <generated as id(%d)>", r.n)
	} else {
		fmt.Fprintf(&b, "{ID: id(%d)", r.n)
	}
	v := reflect.ValueOf(r.Columns)
	for i := range v.NumField() {
		if !v.Field(i).IsZero() {
			fmt.Fprintf(&b, ", %s: %s", v.Type().Field(i).Name, goText(v.Field(i).Interface()))
		}
	}
	b.WriteByte('}')
	return b.String()
}

// String writes the fields of a partial value.
func (p partial) String() string {
	names := make([]string, 0, len(p.fields))
	for name := range p.fields {
		names = append(names, name)
	}
	slices.Sort(names)
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = name + ": " + goText(p.fields[name])
	}
	return "Model{" + strings.Join(parts, ", ") + "}"
}
