package oracle

import (
	"database/sql"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm/clause"
)

// condition is one argument list of Where, Or, Not, First, …
type condition struct {
	query any
	args  []any
}

func (c condition) text() string { return argsText(append([]any{c.query}, c.args...)) }

func (c condition) resolve(s *session) (any, []any) { return s.resolve(c.query), s.resolveAll(c.args) }

// atom draws one condition.
func (g *generator) atom() condition {
	c := g.column()
	v := g.value(c)
	d := g.disguise(c, v)
	name := g.spell(c)
	switch g.r.IntN(22) {
	case 0, 1, 2, 3:
		return condition{name + " = ?", []any{d}}
	case 4:
		op := pick(g, []string{"<>", "!="})
		return condition{fmt.Sprintf("%s %s ?", name, op), []any{d}}
	case 5, 6:
		return g.comparison(c, name, d)
	case 7:
		return condition{name + " = @wanted", []any{sql.Named("wanted", d)}}
	case 8:
		return condition{"(" + name + " = @a OR " + name + " = @b)", []any{map[string]any{"a": d, "b": g.value(c)}}}
	case 9:
		return g.mapCondition(c, v)
	case 10:
		return condition{g.partialOf(c, v), nil}
	case 11:
		return g.expression(c, v)
	case 12, 13:
		return g.in(c, name)
	case 14:
		return g.between(c, name)
	case 15:
		return g.null()
	case 16:
		return g.like()
	case 17:
		if text, ok := g.literal(v); ok {
			return condition{pick(g, []string{text + " = " + name, name + " = " + text, "(" + name + " = " + text + ")"}), nil}
		}
		return condition{"? = " + name, []any{d}}
	case 18, 19:
		return g.fragment()
	case 20:
		return g.tuple()
	default:
		return g.compound(c, name, v)
	}
}

func (g *generator) comparison(c column, name string, v any) condition {
	if c.kind == boolColumn || c.kind == idColumn && g.v.model != items {
		return condition{name + " = ?", []any{v}}
	}
	op := pick(g, []string{"<", "<=", ">", ">="})
	if c.kind == timeColumn && g.chance(15) {
		day := v
		if p, ok := v.(time.Time); ok {
			day = p.Format(time.DateOnly)
		}
		return condition{name + " " + op + " ?", []any{day}}
	}
	if g.chance(20) {
		return condition{"? " + op + " " + name, []any{v}}
	}
	if g.chance(30) {
		other := g.value(c)
		return condition{fmt.Sprintf("%s > ? AND %s <= ?", name, c.name), []any{v, other}}
	}
	return condition{name + " " + op + " ?", []any{v}}
}

func (g *generator) mapCondition(c column, v any) condition {
	m := map[string]any{c.name: v}
	if g.chance(30) {
		other := g.column()
		m[other.name] = g.value(other)
	}
	if g.chance(30) && c.kind != idColumn {
		m[c.name] = []any{v, g.value(c)}
	}
	return condition{m, nil}
}

// partialOf is a struct condition; GORM leaves zero fields out.
func (g *generator) partialOf(c column, v any) partial {
	p := partial{map[string]any{c.field: v}}
	if g.chance(30) {
		other := g.column()
		p.fields[other.field] = g.value(other)
	}
	return p
}

func (g *generator) expression(c column, v any) condition {
	col := any(c.name)
	switch g.r.IntN(3) {
	case 0:
		col = clause.Column{Name: c.name}
	case 1:
		col = clause.Column{Table: clause.CurrentTable, Name: c.name}
	}
	switch g.r.IntN(6) {
	case 0:
		return condition{clause.Neq{Column: col, Value: v}, nil}
	case 1:
		if c.kind == intColumn || c.kind == timeColumn {
			return condition{clause.Gt{Column: col, Value: v}, nil}
		}
	case 2:
		if c.kind == intColumn || c.kind == timeColumn {
			return condition{clause.Lte{Column: col, Value: v}, nil}
		}
	case 3:
		return condition{clause.IN{Column: col, Values: []any{v, g.value(c)}}, nil}
	case 4:
		if c.kind == textColumn {
			return condition{clause.Like{Column: col, Value: "%" + fmt.Sprint(v)}, nil}
		}
	}
	return condition{clause.Eq{Column: col, Value: v}, nil}
}

func (g *generator) in(c column, name string) condition {
	n := 1 + g.r.IntN(5)
	if g.chance(6) {
		n = 1000
	}
	if c.kind == idColumn {
		ids := make([]rowID, n)
		for i := range ids {
			ids[i], _ = g.value(c).(rowID)
			if n == 1000 {
				ids[i] = rowID(1 + g.r.IntN(2000))
			}
		}
		if g.chance(30) {
			return condition{ids, nil} // primary keys alone
		}
		return condition{name + pick(g, []string{" IN ?", " IN (?)", " NOT IN ?"}), []any{ids}}
	}
	values := make([]any, n)
	for i := range values {
		values[i] = g.value(c)
		if n == 1000 {
			switch x := values[i].(type) {
			case string:
				values[i] = fmt.Sprintf("%s%d", x, i%200)
			case int:
				values[i] = x + i%300
			}
		}
	}
	if g.chance(10) {
		values = []any{}
	}
	return condition{name + pick(g, []string{" IN ?", " IN (?)", " NOT IN ?", " IN ?"}), []any{values}}
}

func (g *generator) between(c column, name string) condition {
	if c.kind == boolColumn || c.kind == idColumn {
		c = columnNamed(pick(g, []string{"level", "ordered_at", "amount"}))
		name = g.spell(c)
	}
	not := ""
	if g.chance(25) {
		not = "NOT "
	}
	return condition{name + " " + not + "BETWEEN ? AND ?", []any{g.value(c), g.value(c)}}
}

func (g *generator) null() condition {
	name := pick(g, []string{"name", "parent", "region", "level"})
	return condition{name + pick(g, []string{" IS NULL", " IS NOT NULL"}), nil}
}

func (g *generator) like() condition {
	c := columnNamed(pick(g, []string{"region", "name", "code"}))
	v, _ := g.value(c).(string)
	if v == "" {
		v = "x"
	}
	first := string([]rune(v)[:1])
	pattern := pick(g, []string{first + "%", "%" + first, "%" + first + "%", v, "_%", strings.ToLower(first) + "%"})
	return condition{g.spell(c) + pick(g, []string{" LIKE ?", " NOT LIKE ?", " LIKE ?"}), []any{pattern}}
}

// tuple compares several columns at once.
func (g *generator) tuple() condition {
	if len(g.rows) == 0 {
		return condition{"1 = 1", nil}
	}
	var pairs [][]any
	for range 1 + g.r.IntN(3) {
		r := pick(g, g.rows)
		pairs = append(pairs, []any{string(r.Region), r.Level})
	}
	return condition{"(region, level) IN ?", []any{pairs}}
}

// compound is AND, OR and NOT in one text.
func (g *generator) compound(c column, name string, v any) condition {
	other := g.column()
	w, u := g.value(other), g.value(c)
	switch g.r.IntN(8) {
	case 0:
		return condition{fmt.Sprintf("%s = ? OR %s = ?", name, other.name), []any{v, w}}
	case 1:
		return condition{fmt.Sprintf("NOT (%s = ?)", name), []any{v}}
	case 2:
		return condition{fmt.Sprintf("NOT (%s = ? OR %s = ?)", name, c.name), []any{v, u}}
	case 3:
		return condition{fmt.Sprintf("(%s = ? AND %s <> ?) OR amount > ?", name, other.name), []any{v, w, g.r.IntN(60)}}
	case 4:
		return condition{fmt.Sprintf("%s = ? AND %s = ?", name, other.name), []any{v, w}}
	case 5:
		return condition{fmt.Sprintf("NOT NOT %s = ? AND NOT %s <> ?", name, c.name), []any{v, v}}
	case 6:
		return condition{fmt.Sprintf("%s = ? or\n\t%s in (?, ?)", name, c.name), []any{v, u, g.value(c)}}
	default:
		return condition{fmt.Sprintf("(%s = ? OR (%s = ? AND NOT (%s = ?)))", name, c.name, other.name), []any{v, u, w}}
	}
}
