package oracle

import (
	"context"
	"fmt"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// shape draws a read that is more than conditions, order and page on the model:
// subqueries, aliases, joins with itself, and windows.
func (g *generator) shape() *operation {
	return pick(g, []func() *operation{
		g.aliased, g.subquery, g.derived, g.window, g.starred, g.selfJoin, g.exists, g.countShapes, g.named,
	})()
}

// intoMaps is a statement that reads rows into maps.
func intoMaps(kind string, calls []call, ordered bool) *operation {
	return statement{kind: kind, rule: rule{ordered: ordered, loose: true}, calls: calls, finisher: "Find(&maps)", run: func(s *session, db *gorm.DB) *answer {
		rows := []map[string]any{}
		a := s.answer(db.Find(&rows))
		a.rows = toRecords(rows, s.precision)
		return a
	}}.operation()
}

func tableCall(text string, args ...any) call {
	return call{text: "Table(" + argsText(append([]any{text}, args...)) + ")", apply: func(s *session, db *gorm.DB) *gorm.DB {
		return db.Table(text, s.resolveAll(args)...)
	}}
}

// joinCall is db.Joins with SQL text.
func joinCall(text string, args ...any) call {
	return fixed("Joins("+argsText(append([]any{text}, args...))+")", func(db *gorm.DB) *gorm.DB { return db.Joins(text, args...) })
}

// aliased names the table, or gives it another name.
func (g *generator) aliased() *operation {
	level, amount := g.r.IntN(g.v.levels), g.r.IntN(40)
	region := pick(g, g.v.regions)
	table := g.v.model.table
	var calls []call
	switch g.r.IntN(3) {
	case 0:
		calls = []call{tableCall(table), whereCall("Where", condition{"level = ? OR amount > ?", []any{level, amount}})}
	case 1:
		calls = []call{tableCall(table + " AS x"), whereCall("Where", condition{"x.level <= ? AND x.region = ?", []any{level, region}})}
	default:
		calls = []call{tableCall(table + " x"), whereCall("Where", condition{"x.region = ?", []any{region}}), whereCall("Or", condition{"level = ?", []any{level}})}
	}
	calls = append(calls, selectCall("id, region, level, amount"), orderCall("id"))
	if g.chance(30) {
		calls = append(calls, limitCall(4))
	}
	return intoMaps("aliased", calls, true)
}

// subquery compares with what another query over the model gives.
func (g *generator) subquery() *operation {
	inner := joinLists(g.conditions(1), []call{selectCall("level")})
	c := condition{"level IN (?)", []any{subquery{inner}}}
	switch g.r.IntN(4) {
	case 0:
		c = condition{"amount > (?)", []any{subquery{joinLists(g.conditions(1), []call{selectCall("AVG(amount)")})}}}
	case 1:
		c = condition{"id NOT IN (?)", []any{subquery{joinLists(g.conditions(1), []call{selectCall("id")})}}}
	case 2:
		c = condition{"region = (?)", []any{subquery{[]call{selectCall("MAX(region)")}}}}
	}
	calls := []call{modelCall, whereCall("Where", c)}
	if g.chance(40) {
		calls = append(calls, g.conditions(1)...)
	}
	calls = append(calls, selectCall("id, region, level"), orderCall("id"))
	return intoMaps("subquery", calls, true)
}

// derived reads from a subquery.
func (g *generator) derived() *operation {
	inner := joinLists(g.conditions(1), []call{selectCall("region, level, COUNT(*) AS n"), fixed(`Group("region, level")`, func(db *gorm.DB) *gorm.DB { return db.Group("region, level") })})
	return intoMaps("derived table", []call{
		tableCall("(?) AS t", subquery{inner}), selectCall("level, SUM(n) AS n, COUNT(*) AS regions"),
		fixed(`Group("level")`, func(db *gorm.DB) *gorm.DB { return db.Group("level") }), orderCall("level"),
	}, true)
}

// window ranks rows over all shards.
func (g *generator) window() *operation {
	calls := joinLists([]call{modelCall}, g.conditions(g.r.IntN(2)), []call{
		selectCall(pick(g, []string{
			"id, ROW_NUMBER() OVER (ORDER BY level, id) AS position", "id, SUM(amount) OVER (PARTITION BY region ORDER BY id) AS running",
			"id, level, RANK() OVER (ORDER BY level) AS place",
		})), orderCall("id"),
	})
	if g.chance(40) {
		calls = append(calls, limitCall(3), offsetCall(2))
	}
	return intoMaps("window", calls, true)
}

// starred selects all columns and more.
func (g *generator) starred() *operation {
	table := g.v.model.table
	calls := joinLists([]call{modelCall}, g.conditions(1), []call{
		selectCall(pick(g, []string{"*", table + ".*", "DISTINCT region", table + ".id, " + table + ".level + 1 AS next", "region, level, 'EU' AS tag"})),
	})
	return intoMaps("starred", calls, false)
}

// selfJoin joins the model with itself by SQL text.
func (g *generator) selfJoin() *operation {
	table := g.v.model.table
	calls := []call{
		modelCall, joinCall(fmt.Sprintf("JOIN %s AS other ON other.level = %s.level AND other.id <> %s.id", table, table, table)),
		whereCall("Where", condition{table + ".amount > ?", []any{g.r.IntN(40)}}),
		selectCall(fmt.Sprintf("%s.id AS a, other.id AS b", table)),
	}
	if g.chance(40) {
		calls[1] = joinCall(fmt.Sprintf("LEFT JOIN %s AS other ON other.region = %s.region AND other.id < %s.id AND other.active = ?", table, table, table), true)
	}
	return intoMaps("self join", calls, false)
}

// exists asks for a single truth or number.
func (g *generator) exists() *operation {
	calls := joinLists([]call{modelCall}, g.conditions(1), []call{selectCall(pick(g, []string{"COUNT(*) > 0 AS found", "MAX(amount) AS found", "COUNT(DISTINCT name) AS found"}))})
	return statement{kind: "exists", rule: rule{ordered: true}, calls: calls, finisher: "Find(&value)", run: func(s *session, db *gorm.DB) *answer {
		var value []struct{ Found *string }
		a := s.answer(db.Find(&value))
		a.rows = toRecords(value, s.precision)
		return a
	}}.operation()
}

// countShapes counts what is grouped, distinct or cut.
func (g *generator) countShapes() *operation {
	calls := joinLists([]call{modelCall}, g.conditions(1))
	switch g.r.IntN(4) {
	case 0:
		calls = append(calls, fixed(`Group("region, level")`, func(db *gorm.DB) *gorm.DB { return db.Group("region, level") }))
	case 1:
		calls = append(calls, fixed(`Group("level").Having("COUNT(*) > 1")`, func(db *gorm.DB) *gorm.DB { return db.Group("level").Having("COUNT(*) > 1") }))
	case 2:
		calls = append(calls, selectCall("COUNT(DISTINCT region)"))
	default:
		calls = append(calls, fixed(`Distinct("region")`, func(db *gorm.DB) *gorm.DB { return db.Distinct("region") }), limitCall(2))
	}
	return statement{kind: "count shapes", rule: rule{ordered: true}, calls: calls, finisher: "Count(&n)", run: func(s *session, db *gorm.DB) *answer {
		var n int64
		a := s.answer(db.Count(&n))
		a.rows = toRecords(n, s.precision)
		return a
	}}.operation()
}

// named writes the clauses themselves.
func (g *generator) named() *operation {
	level := g.r.IntN(g.v.levels)
	calls := []call{
		fixed(fmt.Sprintf("Clauses(clause.Where{level >= %d OR region IN}, clause.OrderBy{id}, clause.Limit{7})", level), func(db *gorm.DB) *gorm.DB {
			limit := 7
			return db.Clauses(
				clause.Where{Exprs: []clause.Expression{clause.Or(clause.Gte{Column: "level", Value: level}, clause.IN{Column: "region", Values: []any{"EU", "US"}})}},
				clause.OrderBy{Columns: []clause.OrderByColumn{{Column: clause.Column{Name: "id"}}}},
				clause.Limit{Limit: &limit, Offset: 1},
			)
		}),
	}
	return statement{kind: "named clauses", rule: rule{ordered: true}, calls: calls, finisher: "Find(&rows)", run: func(s *session, db *gorm.DB) *answer {
		rows := s.model.many()
		a := s.answer(db.Find(rows))
		a.rows = toRecords(rows, s.precision)
		return a
	}}.operation()
}

// generic uses gorm.G, which starts from the handle anew.
func (g *generator) generic() *operation {
	if g.v.model != items {
		return g.shape()
	}
	c := condition{"level = ?", []any{g.r.IntN(g.v.levels)}}
	if g.chance(50) {
		c = condition{"region = ? OR amount > ?", []any{pick(g, g.v.regions), g.r.IntN(50)}}
	}
	kind := g.r.IntN(6)
	finisher := []string{`Order("id").Find(ctx)`, "First(ctx)", `Count(ctx, "id")`, `Update(ctx, "cents", 9)`, "Delete(ctx)", `Order("id").Limit(3).Find(ctx)`}[kind]
	return statement{kind: "generic", write: kind == 3 || kind == 4, rule: rule{ordered: true}, finisher: "G[Item](db).Where(" + c.text() + ")." + finisher, run: func(s *session, db *gorm.DB) *answer {
		query, args := c.resolve(s)
		chain := gorm.G[Item](db.Session(&gorm.Session{})).Where(query, args...)
		ctx := context.WithoutCancel(db.Statement.Context)
		a := &answer{}
		var found any
		switch kind {
		case 0:
			found, a.err = chain.Order("id").Find(ctx)
		case 1:
			found, a.err = chain.First(ctx)
		case 2:
			found, a.err = chain.Count(ctx, "id")
		case 3:
			found, a.err = chain.Update(ctx, "cents", int64(9))
		case 4:
			found, a.err = chain.Delete(ctx)
		default:
			found, a.err = chain.Order("id").Limit(3).Find(ctx)
		}
		a.class, a.reason = s.classify(a.err)
		if v := reflect.ValueOf(found); v.IsValid() {
			a.rows = toRecords(found, s.precision)
		}
		return a
	}}.operation()
}
