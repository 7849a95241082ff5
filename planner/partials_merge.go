package planner

import (
	"reflect"
	"strings"
	"time"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/merge"
)

// decomposes tells whether parts of an aggregate merge into exactly what the engine
// gives for all rows, in value and type.
func (w *partialWriter) decomposes(a *aggregate) bool {
	var f *schema.Field
	if a.column != "" {
		f = w.s.Table.Schema.LookUpField(a.column)
	}
	switch d := w.s.Dialect; {
	case a.distinct:
		return a.function == merge.Count && w.s.placesBy(a.column)
	case a.function == merge.Count:
		return true
	case a.function == merge.Min || a.function == merge.Max:
		// an aggregate's result has no collation on SQLite
		return !d.sqlite() || f != nil && f.TagSettings["TYPE"] == ""
	case a.function == merge.Sum && d.postgres():
		return w.sumType(f) != ""
	case a.function == merge.Sum:
		return true
	case a.function == merge.Avg && d.postgres():
		kind := w.sumType(f)
		return kind == "bigint" || kind == "numeric"
	}
	// MariaDB's AVG cuts where its division rounds, and SQLite's adds integers that its
	// SUM would overflow with
	return false
}

// sumType is the type of PostgreSQL's SUM of a column; "" if that isn't certain.
func (w *partialWriter) sumType(f *schema.Field) string { return w.s.sumTypeOf(f) }

func (s *Statement) sumTypeOf(f *schema.Field) string {
	if f == nil || f.Serializer != nil || s.Table.StrategyName == "manual" {
		return ""
	}
	if kind := strings.ToLower(f.TagSettings["TYPE"]); kind != "" {
		switch base, _, _ := strings.Cut(kind, "("); base {
		case "numeric", "decimal":
			return "numeric"
		case "double precision", "float8":
			return "double precision"
		}
		return ""
	}
	switch f.DataType {
	case schema.Int, schema.Uint:
		size := f.Size
		if f.DataType == schema.Uint {
			size++
		}
		if size <= 32 {
			return "bigint"
		}
		return "numeric"
	case schema.Float:
		return "numeric"
	}
	return ""
}

// merged is the text that merges the parts of an aggregate; call is the aggregate.
func (w *partialWriter) merged(a *aggregate, text string, call clause.Expr) string {
	if a.function != merge.Avg {
		return w.merging(a.function, w.part(text, call), a)
	}
	total := w.part("sum("+a.argument+")", clause.Expr{SQL: "SUM(" + a.argument + ")"})
	count := w.part("count("+a.argument+")", clause.Expr{SQL: "COUNT(" + a.argument + ")"})
	return "(SUM(" + total + ")/SUM(" + count + "))"
}

func (w *partialWriter) merging(f merge.Func, part string, a *aggregate) string {
	switch f {
	case merge.Min:
		return "MIN(" + part + ")"
	case merge.Max:
		return "MAX(" + part + ")"
	case merge.Count:
		switch {
		case w.s.Dialect.postgres():
			return "CAST(SUM(" + part + ") AS bigint)"
		case w.s.Dialect.mysql():
			return "CAST(SUM(" + part + ") AS SIGNED)"
		}
	case merge.Sum:
		if w.s.Dialect.postgres() && w.sumType(w.s.Table.Schema.LookUpField(a.column)) == "bigint" {
			return "CAST(SUM(" + part + ") AS bigint)"
		}
	}
	return "SUM(" + part + ")"
}

// part gives the name of a part that every branch selects.
func (w *partialWriter) part(text string, e clause.Expr) string {
	if !strings.ContainsAny(text, "'\"`") {
		text = strings.ToLower(strings.Join(strings.Fields(text), ""))
	}
	i, known := w.made[text]
	if !known {
		i = len(w.made)
		w.made[text] = i
		e.SQL += " AS " + partialName(i)
		w.p.Branch = append(w.p.Branch, e)
	}
	return partialName(i)
}

// plainValues tells that values are bound as they are.
func plainValues(values []any) bool {
	for _, v := range values {
		switch v.(type) {
		case time.Time, []byte, nil:
			continue
		}
		switch reflect.TypeOf(v).Kind() {
		case reflect.Bool, reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
			reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		default:
			return false
		}
	}
	return true
}
