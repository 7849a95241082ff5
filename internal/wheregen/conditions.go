package wheregen

import (
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"pgregory.net/rapid"
)

// Condition is a drawn condition.
type Condition struct {
	// Text says how it was made, for failure messages.
	Text string
	// Apply adds it to a statement.
	Apply func(db *gorm.DB) *gorm.DB
}

// Draw draws a chain of Where, Or and Not. fresh starts nested groups.
func (m *Model) Draw(t *rapid.T, fresh func() *gorm.DB) Condition { return m.chain(t, fresh, 2) }

// step is one call of a chain.
type step struct {
	method string
	query  any
	args   []any
	text   string
}

func (m *Model) chain(t *rapid.T, fresh func() *gorm.DB, depth int) Condition {
	n := rapid.IntRange(1, 3).Draw(t, "steps")
	steps := make([]step, n)
	var texts []string
	for i := range steps {
		s := m.drawStep(t, fresh, depth)
		s.method = rapid.SampledFrom([]string{"Where", "Where", "Or", "Not"}).Draw(t, "method")
		steps[i] = s
		for _, a := range s.args {
			s.text += fmt.Sprintf(", %s", printed(a))
		}
		texts = append(texts, s.method+"("+s.text+")")
	}
	return Condition{Text: strings.Join(texts, "."), Apply: func(db *gorm.DB) *gorm.DB {
		for _, s := range steps {
			query := s.query
			if nested, ok := query.(func() *gorm.DB); ok {
				query = nested()
			}
			switch s.method {
			case "Where":
				db = db.Where(query, s.args...)
			case "Or":
				db = db.Or(query, s.args...)
			case "Not":
				db = db.Not(query, s.args...)
			}
		}
		return db
	}}
}

// printed shows an argument with its type, lists element by element.
func printed(a any) string {
	if list, ok := a.([]any); ok {
		texts := make([]string, len(list))
		for i := range list {
			texts[i] = printed(list[i])
		}
		return "[" + strings.Join(texts, " ") + "]"
	}
	return fmt.Sprintf("%T(%+q)", a, fmt.Sprintf("%v", a))
}

func (m *Model) drawStep(t *rapid.T, fresh func() *gorm.DB, depth int) step {
	kinds := []string{"text", "text", "leaf", "clause", "map", "named", "inline"}
	if m.Struct != nil {
		kinds = append(kinds, "struct")
	}
	if depth > 0 {
		kinds = append(kinds, "group", "group", "tree")
	}
	switch rapid.SampledFrom(kinds).Draw(t, "kind") {
	case "group":
		inner := m.chain(t, fresh, depth-1)
		return step{query: func() *gorm.DB { return inner.Apply(fresh()) }, text: inner.Text}
	case "tree":
		e, text := m.Tree(t, depth)
		return step{query: e, text: text}
	case "clause":
		e, text := m.clauseLeaf(t)
		return step{query: e, text: text}
	case "map":
		values := m.drawMap(t)
		return step{query: values, text: fmt.Sprintf("%#v", values)}
	case "struct":
		s := m.Struct(t)
		return step{query: s, text: fmt.Sprintf("%+v", s)}
	case "named":
		c, d := m.column(t), m.column(t)
		sql := rapid.SampledFrom([]string{"%s = @one", "%s >= @one AND %s = @two", "%s < @one or %s <> @two", "%s IN (@one, @two)"}).Draw(t, "named")
		if strings.Count(sql, "%s") == 1 {
			sql = fmt.Sprintf(sql, c.Name)
		} else {
			sql = fmt.Sprintf(sql, c.Name, d.Name)
		}
		return step{query: sql, args: []any{map[string]any{"one": c.value(t), "two": d.value(t)}}, text: sql}
	case "inline":
		c := m.column(t)
		return step{query: c.Name, args: []any{c.plain(t)}, text: c.Name}
	case "text":
		sql, args := m.Fragment(t, 2)
		return step{query: sql, args: args, text: sql}
	}
	sql, args := m.leafText(t)
	return step{query: sql, args: args, text: sql}
}

// Tree draws a nested clause expression, also in shapes that GORM's own methods do
// not make.
func (m *Model) Tree(t *rapid.T, depth int) (clause.Expression, string) {
	if depth == 0 || rapid.IntRange(0, 3).Draw(t, "leaf") == 0 {
		if rapid.Bool().Draw(t, "fragment") {
			sql, args := m.Fragment(t, 1)
			text := sql
			for _, a := range args {
				text += ", " + printed(a)
			}
			return clause.Expr{SQL: sql, Vars: args}, text
		}
		return m.clauseLeaf(t)
	}
	n := rapid.IntRange(1, 3).Draw(t, "children")
	children := make([]clause.Expression, n)
	texts := make([]string, n)
	for i := range children {
		children[i], texts[i] = m.Tree(t, depth-1)
	}
	list := strings.Join(texts, "; ")
	switch rapid.SampledFrom([]string{"and", "or", "not"}).Draw(t, "node") {
	case "and":
		return clause.AndConditions{Exprs: children}, "and[" + list + "]"
	case "or":
		return clause.OrConditions{Exprs: children}, "or[" + list + "]"
	}
	return clause.NotConditions{Exprs: children}, "not[" + list + "]"
}

func (m *Model) drawMap(t *rapid.T) map[string]any {
	values := map[string]any{}
	for range rapid.IntRange(1, 2).Draw(t, "fields") {
		c := m.column(t)
		name := rapid.SampledFrom([]string{c.Name, m.Table + "." + c.Name}).Draw(t, "key")
		switch rapid.IntRange(0, 4).Draw(t, "map") {
		case 0:
			values[name] = c.value(t)
		case 1:
			list := make([]any, rapid.IntRange(0, 3).Draw(t, "n"))
			for i := range list {
				list[i] = c.plain(t)
			}
			values[name] = list
		case 2:
			values[name] = nil
		default:
			values[name] = c.plain(t)
		}
	}
	return values
}
