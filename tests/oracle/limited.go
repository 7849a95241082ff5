package oracle

import (
	"fmt"
	"strings"

	"gorm.io/gorm"
)

// limited writes the first rows in some order: by the builder, which leaves order and
// limit out on the engines that have none there, or as SQL text. The order is total, so
// that it is the same rows on both sides.
func (g *generator) limited() *operation {
	limit := 1 + g.r.IntN(5)
	keys := []string{pick(g, []string{"amount", "level DESC", "cents", "parent"}), "id" + pick(g, []string{"", " DESC"})}
	if g.v.spread && !g.merges(columnNamed("id")) {
		return g.updateMany() // several databases, and an order that only the database knows
	}
	order := strings.Join(keys, ", ")
	if g.chance(45) {
		return g.limitedText(order, limit)
	}
	where := pick(g, []condition{
		{"amount > ?", []any{g.r.IntN(60)}}, {"level IN ?", []any{[]int{0, g.r.IntN(g.v.levels)}}}, {"name IS NULL OR level = ?", []any{g.r.IntN(g.v.levels)}}, {"active = ?", []any{g.chance(50)}},
	})
	if g.engine != "mariadb" { // where all that match are written
		where = condition{"level = ? AND amount > ?", []any{g.r.IntN(g.v.levels), g.r.IntN(30)}}
	}
	calls := joinLists(g.mode(), []call{modelCall, whereCall("Where", where), orderCall(order), limitCall(limit)})
	calls[len(calls)-3].optional = false
	if g.chance(35) {
		if g.chance(40) {
			calls = append(calls, unscoped)
		}
		return statement{kind: "delete many", write: true, also: []string{"limited writes"}, calls: calls, finisher: "Delete(&Model{})", run: func(s *session, db *gorm.DB) *answer {
			return s.answer(db.Delete(s.model.one()))
		}}.operation()
	}
	values := map[string]any{"cents": gorm.Expr("cents + ?", 7), "amount": g.r.IntN(80)}
	if len(g.v.keys) == 1 && !g.isKey("id") && !g.isKey("created_at") && g.chance(30) { // the first rows move
		fresh := g.draw()
		values[g.v.keys[0]] = columnNamed(g.v.keys[0]).value(&fresh)
	}
	return statement{kind: "update many", write: true, also: []string{"limited writes"}, calls: calls, finisher: "Updates(" + goText(values) + ")", run: func(s *session, db *gorm.DB) *answer {
		return s.answer(db.Updates(values))
	}}.operation()
}

// limitedText is SQL text with ORDER BY and LIMIT where the engine takes them; elsewhere
// a subquery picks the first rows of one shard.
func (g *generator) limitedText(order string, limit int) *operation {
	table := g.v.model.table
	level, amount := g.r.IntN(g.v.levels), g.r.IntN(50)
	var sql string
	var args []any
	switch {
	case g.engine == "mariadb":
		where := pick(g, []string{" WHERE level <> ? AND amount < ?", " WHERE level = ? OR amount > ?"})
		sql, args = where, []any{level, amount}
		if g.chance(30) {
			sql, args = "", nil
		}
		tail := fmt.Sprintf(" ORDER BY %s LIMIT %d", order, limit)
		if g.chance(30) {
			tail = fmt.Sprintf(" ORDER BY %s LIMIT ?", order)
			args = append(args, limit)
		}
		sql += tail
	case len(g.v.keys) == 0 || g.isKey("created_at") || g.isKey("id"):
		sql, args = " WHERE level = ? AND amount > ?", []any{level, amount}
	default:
		r := g.any()
		var parts []string
		var values []any
		for _, name := range g.v.keys {
			parts, values = append(parts, name+" = ?"), append(values, columnNamed(name).value(r))
		}
		on := strings.Join(parts, " AND ")
		sql = fmt.Sprintf(" WHERE %s AND id IN (SELECT id FROM %s WHERE %s ORDER BY %s LIMIT %d)", on, table, on, order, limit)
		args = append(append(args, values...), values...)
	}
	if g.chance(35) {
		sql = "DELETE FROM " + table + sql
	} else {
		sql, args = "UPDATE "+table+" SET cents = cents + ?, price = 2.5"+sql, append([]any{level}, args...)
	}
	return statement{kind: "raw write", write: true, also: []string{"limited writes"}, finisher: "Exec(" + argsText(append([]any{sql}, args...)) + ")", run: func(s *session, db *gorm.DB) *answer {
		return s.answer(db.Exec(sql, s.resolveAll(args)...))
	}}.operation()
}
