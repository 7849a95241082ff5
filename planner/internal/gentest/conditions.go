package gentest

import (
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
func Draw(t *rapid.T, fresh func() *gorm.DB) Condition {
	return chain(t, fresh, 2)
}

// step is one call of a chain.
type step struct {
	method string
	query  any
	args   []any
	text   string
}

func chain(t *rapid.T, fresh func() *gorm.DB, depth int) Condition {
	n := rapid.IntRange(1, 3).Draw(t, "steps")
	steps := make([]step, n)
	var texts []string
	for i := range steps {
		s := drawStep(t, fresh, depth)
		s.method = rapid.SampledFrom([]string{"Where", "Where", "Or", "Not"}).Draw(t, "method")
		steps[i] = s
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

func drawStep(t *rapid.T, fresh func() *gorm.DB, depth int) step {
	kinds := []string{"text", "text", "leaf", "clause", "map", "struct", "named", "inline"}
	if depth > 0 {
		kinds = append(kinds, "group", "group", "tree")
	}
	switch rapid.SampledFrom(kinds).Draw(t, "kind") {
	case "group":
		inner := chain(t, fresh, depth-1)
		return step{query: func() *gorm.DB { return inner.Apply(fresh()) }, text: inner.Text}
	case "tree":
		e, text := Tree(t, depth)
		return step{query: e, text: text}
	case "clause":
		e, text := clauseLeaf(t)
		return step{query: e, text: text}
	case "map":
		m := drawMap(t)
		return step{query: m, text: "map"}
	case "struct":
		o := Order{Name: rapid.SampledFrom([]string{"", "US", "x"}).Draw(t, "name"), Amount: rapid.Int64Range(0, 5).Draw(t, "amount")}
		if rapid.Bool().Draw(t, "with region") {
			o.Region = &Regions[rapid.IntRange(0, len(Regions)-1).Draw(t, "region")]
		}
		if o.Name == "" && o.Amount == 0 && o.Region == nil {
			o.Name = "x"
		}
		return step{query: &o, text: "struct"}
	case "named":
		v := rapid.SampledFrom(Codes).Draw(t, "code")
		sql := rapid.SampledFrom([]string{"code = @code", "code >= @code AND name = @name", "code < @code or name = @name"}).Draw(t, "named")
		return step{query: sql, args: []any{map[string]any{"code": v, "name": "US"}}, text: sql}
	case "inline":
		return step{query: "region", args: []any{Regions[rapid.IntRange(0, len(Regions)-1).Draw(t, "region")]}, text: "region"}
	case "text":
		sql, args := Fragment(t, 2)
		return step{query: sql, args: args, text: sql}
	}
	sql, args := leafText(t)
	return step{query: sql, args: args, text: sql}
}

// Tree draws a nested clause expression, also in shapes that GORM's own methods do
// not make.
func Tree(t *rapid.T, depth int) (clause.Expression, string) {
	if depth == 0 || rapid.IntRange(0, 3).Draw(t, "leaf") == 0 {
		if rapid.Bool().Draw(t, "fragment") {
			sql, args := Fragment(t, 1)
			return clause.Expr{SQL: sql, Vars: args}, sql
		}
		return clauseLeaf(t)
	}
	n := rapid.IntRange(1, 3).Draw(t, "children")
	children := make([]clause.Expression, n)
	texts := make([]string, n)
	for i := range children {
		children[i], texts[i] = Tree(t, depth-1)
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

func drawMap(t *rapid.T) map[string]any {
	m := map[string]any{}
	switch rapid.IntRange(0, 3).Draw(t, "map") {
	case 0:
		m["region"] = rapid.SampledFrom(Regions).Draw(t, "region")
	case 1:
		m["region"] = rapid.SliceOfN(rapid.SampledFrom(Regions), 0, 3).Draw(t, "regions")
	case 2:
		m["orders.code"] = rapid.SampledFrom(Codes).Draw(t, "code")
		m["name"] = "US"
	case 3:
		m["code"] = nil
	}
	return m
}
