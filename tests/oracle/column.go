package oracle

import (
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// column is what conditions and orders know of a model's column.
type column struct {
	name, field string
	kind        columnKind
	nullable    bool
	// value is the column of a row that the generator knows.
	value func(r *row) any
}

type columnKind uint8

const (
	idColumn columnKind = iota
	textColumn
	intColumn
	floatColumn
	boolColumn
	timeColumn
)

var columnsOfModels = []column{
	{"id", "ID", idColumn, false, func(r *row) any { return rowID(r.n) }},
	{"region", "Region", textColumn, false, func(r *row) any { return string(r.Region) }},
	{"name", "Name", textColumn, true, func(r *row) any {
		if r.Name == nil {
			return nil
		}
		return *r.Name
	}},
	{"level", "Level", intColumn, false, func(r *row) any { return r.Level }},
	{"amount", "Amount", intColumn, false, func(r *row) any { return r.Amount }},
	{"cents", "Cents", intColumn, false, func(r *row) any { return r.Cents }},
	{"price", "Price", floatColumn, false, func(r *row) any { return r.Price }},
	{"active", "Active", boolColumn, false, func(r *row) any { return r.Active }},
	{"code", "Code", textColumn, false, func(r *row) any { return string(r.Code) }},
	{"parent", "Parent", intColumn, true, func(r *row) any {
		if r.Parent == nil {
			return nil
		}
		return *r.Parent
	}},
	{"ordered_at", "OrderedAt", timeColumn, false, func(r *row) any { return r.OrderedAt }},
}

func columnNamed(name string) column {
	for _, c := range columnsOfModels {
		if c.name == name {
			return c
		}
	}
	panic("oracle: no column " + name)
}

// column picks a column, more often one of the shard key.
func (g *generator) column() column {
	if len(g.v.keys) > 0 && g.chance(45) {
		name := pick(g, g.v.keys)
		if name == "created_at" {
			name = "ordered_at"
		}
		return columnNamed(name)
	}
	return pick(g, columnsOfModels)
}

// value picks a value for a column: mostly one that some row has, never nil.
func (g *generator) value(c column) any {
	if len(g.rows) > 0 && g.chance(75) {
		if v := c.value(pick(g, g.rows)); v != nil {
			return v
		}
	}
	fresh := g.draw()
	if c.kind == idColumn {
		return rowID(g.next + g.r.IntN(5))
	}
	if v := c.value(&fresh); v != nil {
		return v
	}
	switch c.kind {
	case intColumn:
		return g.r.IntN(5)
	default:
		return "nobody"
	}
}

// disguise gives the same value as another Go type.
func (g *generator) disguise(c column, v any) any {
	if g.chance(70) {
		return v
	}
	switch x := v.(type) {
	case string:
		switch g.r.IntN(4) {
		case 0:
			return Text(x)
		case 1:
			return &x
		case 2:
			return sql.NullString{String: x, Valid: true}
		}
	case int:
		switch g.r.IntN(4) {
		case 0:
			return int8(x)
		case 1:
			return sql.NullInt64{Int64: int64(x), Valid: true}
		case 2:
			return &x
		}
	case int64:
		if x >= 0 {
			return uint32(x)
		}
	case time.Time:
		switch g.r.IntN(3) {
		case 0:
			return sql.NullTime{Time: x, Valid: true}
		case 1:
			return &x
		default:
			if g.engine != "sqlite" { // which compares times as text
				return x.In(newYork)
			}
		}
	}
	return v
}

// literal writes a value into SQL text; ok is false for values that have none here.
func (g *generator) literal(v any) (string, bool) {
	switch x := v.(type) {
	case string:
		if strings.ContainsAny(x, `\?@`) {
			return "", false
		}
		return "'" + strings.ReplaceAll(x, "'", "''") + "'", true
	case int, int64:
		return fmt.Sprint(x), true
	}
	return "", false
}

// quote writes an identifier as the engine does.
func (g *generator) quote(name string) string {
	if g.engine == "mariadb" {
		return "`" + name + "`"
	}
	return `"` + name + `"`
}

// spell names a column in SQL text: bare, qualified or quoted.
func (g *generator) spell(c column) string {
	switch g.r.IntN(6) {
	case 0:
		return g.v.model.table + "." + c.name
	case 1:
		return g.quote(c.name)
	case 2:
		return g.quote(g.v.model.table) + "." + g.quote(c.name)
	case 3:
		if g.engine != "postgres" {
			return strings.ToUpper(c.name)
		}
	}
	return c.name
}
