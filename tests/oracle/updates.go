package oracle

import (
	"fmt"
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// assignment draws new values for columns that are not in the shard key, as a map or
// as a struct.
func (g *generator) assignment() (m map[string]any, asStruct partial) {
	m = map[string]any{}
	fresh := g.draw()
	candidates := []column{columnNamed("amount"), columnNamed("cents"), columnNamed("name"), columnNamed("price"), columnNamed("active"), columnNamed("parent")}
	for _, name := range []string{"level", "code", "ordered_at", "region"} {
		if !g.isKey(name) {
			candidates = append(candidates, columnNamed(name))
		}
	}
	asStruct = partial{map[string]any{}}
	for range 1 + g.r.IntN(3) {
		c := pick(g, candidates)
		v := c.value(&fresh)
		m[c.name] = v
		if v != nil {
			asStruct.fields[c.field] = v
		}
	}
	return m, asStruct
}

// target draws how an update or delete says which rows are meant: the row it aims
// at, or nil.
func (g *generator) target() ([]call, *row) {
	r := g.any()
	switch g.r.IntN(6) {
	case 0, 1:
		return []call{modelOfRow(*r)}, r
	case 2:
		return []call{modelCall, whereCall("Where", g.keyed(r))}, r
	case 3:
		return []call{modelOfRow(*r), whereCall("Where", g.byKey())}, r
	default:
		calls := []call{modelCall, whereCall("Where", g.atom())}
		if g.chance(40) {
			calls = append(calls, g.conditions(2)...)
		}
		return calls, nil
	}
}

// update changes columns of one row, or of those that match.
func (g *generator) update() *operation {
	calls, _ := g.target()
	calls = joinLists(g.mode(), calls)
	m, p := g.assignment()
	var finisher string
	var run func(s *session, db *gorm.DB) *gorm.DB
	name, value := "", any(nil)
	for k, v := range m {
		if name == "" || k < name {
			name, value = k, v
		}
	}
	switch g.r.IntN(8) {
	case 0, 1:
		finisher = fmt.Sprintf("Update(%q, %s)", name, goText(value))
		run = func(_ *session, db *gorm.DB) *gorm.DB { return db.Update(name, value) }
	case 2:
		finisher = "Updates(" + goText(m) + ")"
		run = func(_ *session, db *gorm.DB) *gorm.DB { return db.Updates(m) }
	case 3:
		finisher = "Updates(" + p.String() + ")"
		run = func(s *session, db *gorm.DB) *gorm.DB { return db.Updates(s.resolve(p)) }
	case 4:
		finisher = fmt.Sprintf("UpdateColumn(%q, %s)", name, goText(value))
		run = func(_ *session, db *gorm.DB) *gorm.DB { return db.UpdateColumn(name, value) }
	case 5:
		finisher = "UpdateColumns(" + goText(m) + ")"
		run = func(_ *session, db *gorm.DB) *gorm.DB { return db.UpdateColumns(m) }
	case 6:
		by := 1 + g.r.IntN(5)
		finisher = fmt.Sprintf(`Update("amount", gorm.Expr("amount + ?", %d))`, by)
		run = func(_ *session, db *gorm.DB) *gorm.DB { return db.Update("amount", gorm.Expr("amount + ?", by)) }
	default:
		finisher = `Updates(map[string]any{"cents": gorm.Expr("cents + level"), "amount": clause.Expr{SQL: "CASE WHEN active THEN ? ELSE amount END", Vars: 5}})`
		run = func(_ *session, db *gorm.DB) *gorm.DB {
			return db.Updates(map[string]any{
				"cents": gorm.Expr("cents + level"), "amount": clause.Expr{SQL: "CASE WHEN active THEN ? ELSE amount END", Vars: []any{5}},
			})
		}
	}
	if strings.HasPrefix(finisher, "Updates") && g.chance(20) {
		if g.chance(50) {
			calls = append(calls, selectList([]string{name}))
		} else {
			calls = append(calls, omitCall(name))
		}
	}
	return statement{kind: "update", write: true, calls: calls, finisher: finisher, run: func(s *session, db *gorm.DB) *answer {
		return s.answer(run(s, db))
	}}.operation()
}

// updateMany changes the rows of several shards.
func (g *generator) updateMany() *operation {
	calls := []call{modelCall}
	if g.chance(15) {
		calls = append([]call{sessionCall("AllowGlobalUpdate: true")}, calls...)
	} else {
		calls = append(calls, whereCall("Where", pick(g, []condition{
			{"amount > ?", []any{g.r.IntN(60)}}, {"active = ?", []any{g.chance(50)}}, {"name IS NULL", nil},
			{"level IN ?", []any{[]int{0, 1, 2, 3}}}, {"1 = 1", nil},
		})))
	}
	if g.chance(10) {
		calls = append(calls, unscoped)
	}
	if g.chance(20) {
		calls = append(calls, g.advice("update")...)
	}
	by := g.r.IntN(7)
	return statement{kind: "update many", write: true, calls: calls, finisher: fmt.Sprintf(`Updates(map[string]any{"amount": gorm.Expr("amount + ?", %d), "cents": 3})`, by), run: func(s *session, db *gorm.DB) *answer {
		return s.answer(db.Updates(map[string]any{"amount": gorm.Expr("amount + ?", by), "cents": 3}))
	}}.operation()
}

// failing is an update that fails on one row's shard, after others were changed.
func (g *generator) failing() *operation {
	if g.isKey("region") {
		return g.updateMany()
	}
	n := g.any().n
	calls := []call{modelCall, whereCall("Where", condition{"amount > ?", []any{g.r.IntN(20) - 12}})}
	if g.chance(50) {
		calls = append([]call{sessionCall("SkipDefaultTransaction: true")}, calls...)
	}
	finisher := fmt.Sprintf(`Updates(map[string]any{"cents": 11, "region": gorm.Expr("CASE WHEN id = ? THEN NULL ELSE region END", id(%d))})`, n)
	return statement{kind: "failing", write: true, calls: calls, finisher: finisher, run: func(s *session, db *gorm.DB) *answer {
		return s.answer(db.Updates(map[string]any{"cents": 11, "region": gorm.Expr("CASE WHEN id = ? THEN NULL ELSE region END", s.id(n))}))
	}}.operation()
}

// updateKey writes the shard key: with the value that it has, or with another one.
func (g *generator) updateKey() *operation {
	if len(g.v.keys) == 0 || g.isKey("created_at") || g.isKey("id") {
		return g.update()
	}
	r := g.any()
	c := columnNamed(pick(g, g.v.keys))
	value := c.value(r)
	fresh := g.draw()
	if g.chance(45) {
		value = c.value(&fresh)
	}
	calls := []call{modelOfRow(*r)}
	switch g.r.IntN(3) {
	case 0:
		calls = []call{modelCall, whereCall("Where", g.keyed(r))}
	case 1:
		calls = append(calls, whereCall("Where", condition{map[string]any{c.name: c.value(r)}, nil}))
	}
	switch c.name {
	case "level":
		r.Level, _ = value.(int)
	case "region":
		r.Region = Text(value.(string))
	case "code":
		r.Code = Text(value.(string))
	case "ordered_at":
		r.OrderedAt = fresh.OrderedAt
		value = fresh.OrderedAt
	}
	amount := g.r.IntN(90)
	values := map[string]any{c.name: value, "amount": amount}
	for _, name := range g.v.keys { // a move needs all of them
		if name != c.name && g.chance(93) {
			values[name] = columnNamed(name).value(r)
		}
	}
	return statement{kind: "update key", write: true, calls: calls, finisher: "Updates(" + goText(values) + ")", run: func(s *session, db *gorm.DB) *answer {
		return s.answer(db.Updates(values))
	}}.operation()
}

// deleteOne deletes a row by its primary key.
func (g *generator) deleteOne() *operation {
	r := g.any()
	g.forget(r)
	n := r.n
	calls := g.mode()
	if g.chance(30) {
		calls = append(calls, unscoped)
	}
	kind := g.r.IntN(4)
	finisher := fmt.Sprintf([]string{"Delete(&Model{ID: id(%d)})", "Delete(&Model{}, id(%d))", "Delete(&[]Model{{ID: id(%d)}, …})", "Delete(&Model{}) // by id(%d) and key"}[kind], n)
	if kind == 3 {
		calls = append(calls, whereCall("Where", g.keyed(r)))
		calls[len(calls)-1].optional = false
	}
	return statement{kind: "delete", write: true, calls: calls, finisher: finisher, run: func(s *session, db *gorm.DB) *answer {
		dest := s.model.one()
		id := s.id(n)
		switch kind {
		case 0:
			setValue(dest, s.model.fill(row{}, id))
			return s.answer(db.Delete(dest))
		case 1:
			if _, isText := id.(string); isText {
				return s.answer(db.Delete(dest, "id = ?", id))
			}
			return s.answer(db.Delete(dest, id))
		case 2:
			list := reflect.New(reflect.SliceOf(s.model.typ))
			for _, k := range []int{n, n + 1, n + 7} {
				list.Elem().Set(reflect.Append(list.Elem(), s.model.fill(row{}, s.id(k))))
			}
			return s.answer(db.Delete(list.Interface()))
		}
		return s.answer(db.Delete(dest))
	}}.operation()
}

// deleteMany deletes what matches.
func (g *generator) deleteMany() *operation {
	c := g.column()
	calls := []call{whereCall("Where", condition{c.name + " = ?", []any{g.value(c)}}), whereCall("Where", g.atom())}
	calls[0].optional = false
	if g.chance(25) {
		calls = append(calls, unscoped)
	}
	if g.chance(15) {
		calls = []call{whereCall("Where", g.byKey())}
		calls[0].optional = false
	}
	inline := g.chance(20)
	finisher := "Delete(&Model{})"
	if inline {
		finisher = `Delete(&Model{}, "amount < ?", 20)`
	}
	return statement{kind: "delete many", write: true, calls: calls, finisher: finisher, run: func(s *session, db *gorm.DB) *answer {
		if inline {
			return s.answer(db.Delete(s.model.one(), "amount < ?", 20))
		}
		return s.answer(db.Delete(s.model.one()))
	}}.operation()
}

// missingWhere must be refused by GORM's own guard.
func (g *generator) missingWhere() *operation {
	update := g.chance(50)
	finisher := "Delete(&Model{})"
	if update {
		finisher = `Model(&Model{}).Update("amount", 1)`
	}
	return statement{kind: "missing where", write: true, finisher: finisher, run: func(s *session, db *gorm.DB) *answer {
		if update {
			return s.answer(db.Model(s.model.one()).Update("amount", 1))
		}
		return s.answer(db.Delete(s.model.one()))
	}}.operation()
}

// returning reads what an update or delete changed, where the engine can.
func (g *generator) returning() *operation {
	by := 1 + g.r.IntN(5)
	c := g.column()
	calls := []call{whereCall("Where", condition{c.name + " = ?", []any{g.value(c)}})}
	calls[0].optional = false
	text, columns := "clause.Returning{}", []clause.Column(nil)
	if g.chance(40) {
		text, columns = "clause.Returning{Columns: id, amount}", []clause.Column{{Name: "id"}, {Name: "amount"}}
	}
	calls = append(calls, fixed("Clauses("+text+")", func(db *gorm.DB) *gorm.DB { return db.Clauses(clause.Returning{Columns: columns}) }))
	// MariaDB has it for DELETE, but not for UPDATE.
	isDelete := g.chance(40) || g.engine == "mariadb"
	finisher := fmt.Sprintf(`Model(&rows).Update("amount", gorm.Expr("amount + ?", %d))`, by)
	if isDelete {
		finisher = "Unscoped().Delete(&rows)"
	}
	return statement{kind: "returning", write: true, calls: calls, finisher: finisher, run: func(s *session, db *gorm.DB) *answer {
		rows := s.model.many()
		var tx *gorm.DB
		if isDelete {
			tx = db.Unscoped().Delete(rows)
		} else {
			tx = db.Model(rows).Update("amount", gorm.Expr("amount + ?", by))
		}
		a := s.answer(tx)
		if a.class == classOK {
			a.rows = toRecords(rows, s.precision)
		}
		return a
	}}.operation()
}

// rawWrite is SQL text with the key in its where clause.
func (g *generator) rawWrite() *operation {
	if len(g.v.keys) == 0 || g.isKey("created_at") {
		return g.deleteOne()
	}
	r := g.any()
	var parts []string
	var args []any
	for _, name := range g.v.keys {
		if name != "created_at" {
			parts = append(parts, name+" = ?")
			args = append(args, columnNamed(name).value(r))
		}
	}
	parts, args = append(parts, "id = ?"), append(args, rowID(r.n))
	where := " WHERE " + strings.Join(parts, " AND ")
	sql := "UPDATE " + g.v.model.table + " SET amount = amount + 1" + where
	if g.chance(40) {
		sql = "DELETE FROM " + g.v.model.table + where
	}
	return statement{kind: "raw write", write: true, finisher: "Exec(" + argsText(append([]any{sql}, args...)) + ")", run: func(s *session, db *gorm.DB) *answer {
		return s.answer(db.Exec(sql, s.resolveAll(args)...))
	}}.operation()
}
