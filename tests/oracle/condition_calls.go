package oracle

import (
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// whereCall makes a call of Where, Or or Not with a condition.
func whereCall(method string, c condition) call {
	return call{
		text:     method + "(" + c.text() + ")",
		optional: true,
		apply: func(s *session, db *gorm.DB) *gorm.DB {
			query, args := c.resolve(s)
			switch method {
			case "Or":
				return db.Or(query, args...)
			case "Not":
				return db.Not(query, args...)
			}
			return db.Where(query, args...)
		},
	}
}

// conditions draws up to n calls of conditions.
func (g *generator) conditions(n int) []call {
	var calls []call
	for i := range n {
		switch k := g.r.IntN(20); {
		case k < 12:
			calls = append(calls, whereCall("Where", g.atom()))
		case k < 14 && i > 0:
			calls = append(calls, whereCall("Or", g.atom()))
		case k < 15:
			calls = append(calls, whereCall("Not", g.atom()))
		case k < 17:
			inner := group{g.conditions(1 + g.r.IntN(2))}
			if g.chance(60) {
				inner.calls = append(inner.calls, whereCall("Or", g.atom()))
			}
			method := "Where"
			if g.chance(30) && i > 0 {
				method = "Or"
			} else if g.chance(20) {
				method = "Not"
			}
			calls = append(calls, whereCall(method, condition{inner, nil}))
		case k < 18:
			calls = append(calls, g.scoped())
		case k < 19:
			calls = append(calls, g.clauseTree())
		default:
			calls = append(calls, whereCall("Where", g.atom()))
		}
	}
	return calls
}

// scoped is a condition inside db.Scopes.
func (g *generator) scoped() call {
	inner := whereCall("Where", g.atom())
	return call{
		text:     "Scopes(func(tx *gorm.DB) *gorm.DB { return tx." + inner.text + " })",
		optional: true,
		apply: func(s *session, db *gorm.DB) *gorm.DB {
			return db.Scopes(func(tx *gorm.DB) *gorm.DB { return inner.apply(s, tx) })
		},
	}
}

// clauseTree is a condition of nested clause expressions.
func (g *generator) clauseTree() call {
	leaf := func() (func(s *session) clause.Expression, string) {
		c := columnNamed(pick(g, []string{"region", "level", "amount", "id"}))
		v := g.value(c)
		return func(s *session) clause.Expression {
			return clause.Eq{Column: clause.Column{Name: c.name}, Value: s.resolve(v)}
		}, fmt.Sprintf("Eq{%q, %s}", c.name, goText(v))
	}
	a, at := leaf()
	b, bt := leaf()
	c, ct := leaf()
	kind := g.r.IntN(4)
	return call{
		text:     fmt.Sprintf("Clauses(%s)", fmt.Sprintf([]string{"Or(%s, %s, %s)", "And(%s, Or(%s, %s))", "And(%s, Not(%s, %s))", "Not(Or(%s, %s), %s)"}[kind], at, bt, ct)),
		optional: true,
		apply: func(s *session, db *gorm.DB) *gorm.DB {
			x, y, z := a(s), b(s), c(s)
			switch kind {
			case 0:
				return db.Where(clause.Or(x, y, z))
			case 1:
				return db.Where(clause.And(x, clause.Or(y, z)))
			case 2:
				return db.Where(clause.And(x, clause.Not(y, z)))
			}
			return db.Where(clause.Not(clause.Or(x, y), z))
		},
	}
}

// inline draws a condition that finishers take as their last arguments.
func (g *generator) inline() (condition, bool) {
	if !g.chance(25) {
		return condition{}, false
	}
	c := g.atom()
	if _, isGroup := c.query.(group); isGroup {
		return condition{}, false
	}
	return c, true
}

func (c condition) inlineArgs(s *session) []any {
	query, args := c.resolve(s)
	return append([]any{query}, args...)
}

// keyed draws the condition that names one row's shard key and id.
func (g *generator) keyed(r *row) condition {
	m := map[string]any{"id": rowID(r.n)}
	for _, name := range g.v.keys {
		if name != "created_at" && name != "id" {
			m[name] = columnNamed(name).value(r)
		}
	}
	return condition{m, nil}
}

// byKey draws the condition of one shard key value, for statements that go to one
// shard only.
func (g *generator) byKey() condition {
	m := map[string]any{}
	r := pick(g, g.rows)
	for _, name := range g.v.keys {
		if name == "created_at" {
			return condition{"1 = 1", nil}
		}
		m[name] = columnNamed(name).value(r)
	}
	if len(m) == 0 {
		m["level"] = r.Level
	}
	if g.chance(50) {
		return condition{m, nil}
	}
	var texts []string
	var args []any
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		texts = append(texts, name+" = ?")
		args = append(args, m[name])
	}
	return condition{strings.Join(texts, " AND "), args}
}
