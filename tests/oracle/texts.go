package oracle

import (
	"fmt"

	"gorm.io/gorm"
)

// textRead is SQL text with a join, a CTE, a UNION, a window or a subquery.
func (g *generator) textRead() *operation {
	table := g.v.model.table
	region, level, amount := pick(g, g.v.regions), g.r.IntN(g.v.levels), g.r.IntN(40)
	type text struct {
		sql     string
		args    []any
		ordered bool
	}
	all := []text{
		{"WITH few AS (SELECT id, level, amount FROM " + table + " WHERE level <= ?) SELECT level, COUNT(*) AS n, SUM(amount) AS total FROM few GROUP BY level ORDER BY level", []any{level}, true},
		{"WITH a AS (SELECT id FROM " + table + " WHERE region = ?), b AS (SELECT id FROM " + table + " WHERE amount > ?) SELECT a.id FROM a JOIN b ON a.id = b.id ORDER BY a.id", []any{region, amount}, true},
		{"SELECT id, 'low' AS which FROM " + table + " WHERE amount < ? UNION ALL SELECT id, 'region' FROM " + table + " WHERE region = ?", []any{amount, region}, false},
		{"SELECT region FROM " + table + " WHERE level = ? UNION SELECT region FROM " + table + " WHERE active = ?", []any{level, true}, false},
		{"SELECT level FROM " + table + " UNION SELECT level FROM rates ORDER BY level", nil, true},
		{"SELECT level FROM rates WHERE level NOT IN (SELECT level FROM " + table + " WHERE amount > ?) ORDER BY level", []any{amount}, true},
		{"SELECT * FROM (SELECT id, level, ROW_NUMBER() OVER (PARTITION BY level ORDER BY amount DESC, id) AS place FROM " + table + ") AS ranked WHERE place <= 2 ORDER BY id", nil, true},
		{"SELECT id, SUM(amount) OVER (ORDER BY id) AS running FROM " + table + " WHERE region = ? ORDER BY id", []any{region}, true},
		{"SELECT i.id, r.bonus FROM " + table + " i LEFT JOIN rates r ON r.level = i.level WHERE i.amount >= ? ORDER BY i.id LIMIT 8", []any{amount}, true},
		{"SELECT a.id AS a, b.id AS b FROM " + table + " a, " + table + " b WHERE a.level = b.level AND a.id < b.id AND a.region = ?", []any{region}, false},
		{"SELECT COUNT(*) AS n FROM " + table + " WHERE EXISTS (SELECT 1 FROM " + table + " AS other WHERE other.level = " + table + ".level AND other.region = ?)", []any{region}, true},
		{"SELECT DISTINCT level FROM " + table + " WHERE region <> ? ORDER BY level DESC", []any{region}, true},
		{"SELECT r.level, (SELECT MAX(amount) FROM " + table + " i WHERE i.level = r.level) AS most FROM rates r ORDER BY r.level", nil, true},
		{"SELECT region, COUNT(*) AS n FROM " + table + " GROUP BY region HAVING COUNT(*) > ? ORDER BY region", []any{1}, true},
	}
	if g.engine != "mariadb" {
		all = append(all, text{"SELECT id FROM " + table + " WHERE level = ? EXCEPT SELECT id FROM " + table + " WHERE region = ?", []any{level, region}, false})
	}
	t := pick(g, all)
	return statement{kind: "text", rule: rule{ordered: t.ordered, loose: true}, finisher: fmt.Sprintf("Raw(%s).Scan(&maps)", argsText(append([]any{t.sql}, t.args...))), run: func(s *session, db *gorm.DB) *answer {
		rows := []map[string]any{}
		a := s.answer(db.Raw(t.sql, t.args...).Scan(&rows))
		a.rows = toRecords(rows, s.precision)
		return a
	}}.operation()
}

// textWrite is SQL text that writes: to some rows of all shards, or new ones.
func (g *generator) textWrite() *operation {
	table := g.v.model.table
	region, level, amount := pick(g, g.v.regions), g.r.IntN(g.v.levels), g.r.IntN(60)
	var sql string
	var args []any
	kind := g.r.IntN(8)
	if kind == 5 && g.v.spread {
		kind = 1 // the other table is in every database there, and text writes to one
	}
	switch kind {
	case 0:
		sql, args = "UPDATE "+table+" SET cents = cents + ?, price = 1.25 WHERE amount < ?", []any{level, amount}
	case 1:
		sql, args = "UPDATE "+table+" SET amount = amount + 1 WHERE level = ? OR region = ?", []any{level, region}
	case 2:
		sql, args = "UPDATE "+table+" SET cents = (SELECT MAX(bonus) FROM rates WHERE rates.level <= ?) WHERE level IN (?, ?)", []any{3 + level, level, level + 1}
	case 3:
		sql, args = "DELETE FROM "+table+" WHERE level = ? AND amount > ?", []any{level, amount}
	case 4:
		sql, args = "DELETE FROM "+table+" WHERE region = ? AND level IN (SELECT level FROM rates WHERE bonus > ?)", []any{region, amount}
	case 5:
		sql, args = "UPDATE rates SET bonus = bonus WHERE level IN (SELECT level FROM "+table+" WHERE amount > ?)", []any{amount}
	default:
		return g.textInsert()
	}
	return execution(sql, args)
}

func execution(sql string, args []any) *operation {
	return statement{kind: "raw write", write: true, finisher: "Exec(" + argsText(append([]any{sql}, args...)) + ")", run: func(s *session, db *gorm.DB) *answer {
		return s.answer(db.Exec(sql, s.resolveAll(args)...))
	}}.operation()
}

// textInsert inserts rows whose values are arguments.
func (g *generator) textInsert() *operation {
	n := 1 + g.r.IntN(4)
	sql := "INSERT INTO " + g.v.model.table + " (id, region, name, level, amount, cents, price, active, tags, code, parent, ordered_at, created_at, updated_at) VALUES "
	var list []row
	for i := range n {
		r := g.newRow()
		r.generated = false
		if i > 0 {
			sql += ", "
			if first := list[0]; g.chance(30) { // all of them on one shard
				r.Region, r.Level, r.Code, r.OrderedAt = first.Region, first.Level, first.Code, first.OrderedAt
			}
		}
		r.Tags = nil
		g.learn(r)
		list = append(list, *r)
		sql += "(?, ?, ?, ?, ?, ?, ?, ?, 'null', ?, ?, ?, ?, ?)"
	}
	return statement{kind: "raw write", write: true, finisher: "Exec(INSERT of " + rowsText(list) + ")", run: func(s *session, db *gorm.DB) *answer {
		var args []any
		for _, r := range list {
			args = append(args, s.id(r.n), string(r.Region), r.Name, r.Level, r.Amount, r.Cents, r.Price, r.Active, string(r.Code), r.Parent, r.OrderedAt, s.clock.now(), s.clock.now())
		}
		return s.answer(db.Exec(sql, args...))
	}}.operation()
}

// updateExpression assigns what the database computes, also from the other table.
func (g *generator) updateExpression() *operation {
	table := g.v.model.table
	bonus := func(level int) *assignedQuery { return &assignedQuery{level: level} }
	var m map[string]any
	switch g.r.IntN(6) {
	case 0:
		m = map[string]any{"amount": gorm.Expr("amount * ? - level", 2), "cents": gorm.Expr("CASE WHEN active THEN cents + 1 ELSE ? END", 3)}
	case 1:
		m = map[string]any{"cents": bonus(g.r.IntN(7))}
	case 2:
		m = map[string]any{"cents": gorm.Expr("COALESCE((SELECT bonus FROM rates WHERE rates.level = "+table+".level), ?)", 1)}
	case 3:
		m = map[string]any{"amount": gorm.Expr("amount + ?", 1), "name": gorm.Expr("NULL")}
	case 4:
		m = map[string]any{"parent": gorm.Expr("level + ?", g.r.IntN(3)), "amount": bonus(g.r.IntN(7))}
	default:
		m = map[string]any{"price": gorm.Expr("price + level * 0.25"), "active": gorm.Expr("NOT active")}
	}
	calls := joinLists(g.mode(), []call{modelCall, whereCall("Where", g.atom())})
	calls[len(calls)-1].optional = false
	if g.chance(30) {
		calls = append(calls, whereCall("Where", condition{"level IN (SELECT level FROM rates WHERE bonus >= ?)", []any{g.r.IntN(10)}}))
	}
	columns := g.chance(30)
	finisher := "Updates(" + goText(m) + ")"
	if columns {
		finisher = "UpdateColumns(" + goText(m) + ")"
	}
	return statement{kind: "update expression", write: true, calls: calls, finisher: finisher, run: func(s *session, db *gorm.DB) *answer {
		values := map[string]any{}
		for name, v := range m {
			if q, ok := v.(*assignedQuery); ok {
				v = s.db.Session(&gorm.Session{NewDB: true}).Model(&Rate{}).Select("COALESCE(MAX(bonus), 0)").Where("level <= ?", q.level)
			}
			values[name] = v
		}
		if columns {
			return s.answer(db.UpdateColumns(values))
		}
		return s.answer(db.Updates(values))
	}}.operation()
}

// assignedQuery is the largest bonus up to a level, as a subquery.
type assignedQuery struct{ level int }

// batchDelete deletes by a list of primary keys.
func (g *generator) batchDelete() *operation {
	var ids []rowID
	for range 1 + g.r.IntN(4) {
		r := g.any()
		ids = append(ids, rowID(r.n))
		if len(g.rows) > 6 {
			g.forget(r)
		}
	}
	ids = append(ids, rowID(g.next+3))
	kind := g.r.IntN(4)
	finisher := fmt.Sprintf([]string{"Delete(&[]Model{ids %s})", "Delete(&Model{}, %s)", "Where(%s).Delete(&Model{})", `Delete(&Model{}, "id IN ?", %s)`}[kind], goText(ids))
	calls := g.mode()
	if g.chance(30) {
		calls = append(calls, unscoped)
	}
	return statement{kind: "batch delete", write: true, calls: calls, finisher: finisher, run: func(s *session, db *gorm.DB) *answer {
		list := s.resolve(ids)
		switch kind {
		case 0:
			return s.answer(db.Delete(s.named(ids)))
		case 1:
			if s.model == items {
				return s.answer(db.Delete(s.model.one(), list))
			}
			return s.answer(db.Delete(s.named(ids)))
		case 2:
			return s.answer(db.Where("id IN ?", list).Delete(s.model.one()))
		}
		return s.answer(db.Delete(s.model.one(), "id IN ?", list))
	}}.operation()
}
