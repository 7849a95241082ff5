package oracle

import (
	"fmt"
	"strings"

	"gorm.io/gorm"
)

// firstOrLast orders by the primary key, after what the caller orders by.
func (g *generator) firstOrLast() *operation {
	key := pick(g, []string{"", "", "level", "amount desc", "region", "ordered_at desc", "parent"})
	merges := g.merges(columnNamed("id"))
	if key != "" {
		merges = merges && g.merges(columnNamed(strings.TrimSuffix(key, " desc")))
	}
	calls := g.filters(merges)
	if key != "" {
		calls = append(calls, orderCall(key))
	}
	last := g.chance(40)
	inline, has := g.inline()
	finisher := "First(&row)"
	if last {
		finisher = "Last(&row)"
	}
	intoMap := g.chance(15)
	if intoMap {
		calls = append([]call{modelCall}, calls...)
	}
	if has {
		finisher = strings.TrimSuffix(finisher, ")") + ", " + inline.text() + ")"
	}
	return statement{kind: "first", rule: rule{ordered: true}, calls: calls, finisher: finisher, run: func(s *session, db *gorm.DB) *answer {
		dest := s.model.one()
		if intoMap {
			dest = map[string]any{}
		}
		var args []any
		if has {
			args = inline.inlineArgs(s)
		}
		var tx *gorm.DB
		if last {
			tx = db.Last(dest, args...)
		} else {
			tx = db.First(dest, args...)
		}
		a := s.answer(tx)
		a.rows = toRecords(dest, s.precision)
		return a
	}}.operation()
}

// take leaves the choice open.
func (g *generator) take() *operation {
	calls := g.filters(true)
	return statement{
		kind: "take", rule: rule{choice: true}, calls: calls, finisher: "Take(&row)",
		run: func(s *session, db *gorm.DB) *answer {
			dest := s.model.one()
			a := s.answer(db.Take(dest))
			if a.class == classOK {
				a.rows = toRecords(dest, s.precision)
			}
			return a
		},
		pool: func(s *session, db *gorm.DB) []record {
			rows := s.model.many()
			db.Find(rows)
			return toRecords(rows, s.precision)
		},
	}.operation()
}

// byPrimaryKey takes the key from the destination, or from inline arguments.
func (g *generator) byPrimaryKey() *operation {
	r := *g.any()
	calls := g.mode()
	kind := g.r.IntN(5)
	if kind == 4 {
		calls = append(calls, whereCall("Where", g.keyed(&r)))
	}
	finisher := []string{"First(&Model{ID: id(%d)})", "First(&row, id(%d))", "First(&row, \"id = ?\", id(%d))", "Find(&rows, []ID{id(%d)})", "Take(&row) // by key and id(%d)"}[kind]
	return statement{kind: "by primary key", rule: rule{ordered: true}, calls: calls, finisher: fmt.Sprintf(finisher, r.n), run: func(s *session, db *gorm.DB) *answer {
		dest := s.model.one()
		id := s.id(r.n)
		var tx *gorm.DB
		switch kind {
		case 0:
			setValue(dest, s.model.fill(row{}, id))
			tx = db.First(dest)
		case 1:
			if _, isText := id.(string); isText {
				tx = db.First(dest, "id = ?", id)
			} else {
				tx = db.First(dest, id)
			}
		case 2:
			tx = db.First(dest, "id = ?", id)
		case 3:
			rows := s.model.many()
			ids := s.resolve([]rowID{rowID(r.n), rowID(r.n + 1)})
			a := s.answer(db.Order("id").Find(rows, "id IN ?", ids))
			a.rows = toRecords(rows, s.precision)
			return a
		default:
			tx = db.Take(dest)
		}
		a := s.answer(tx)
		a.rows = toRecords(dest, s.precision)
		return a
	}}.operation()
}

func (g *generator) firstOrInit() *operation {
	c, r := g.column(), *g.any()
	for c.kind == idColumn || c.value(&r) == nil {
		c = pick(g, columnsOfModels)
	}
	wanted := partial{map[string]any{c.field: c.value(&r)}}
	amount := g.r.IntN(500)
	calls := joinLists(g.mode(), []call{whereCall("Where", condition{wanted, nil})})
	if g.chance(50) {
		calls = append(calls, fixed(fmt.Sprintf(`Attrs(map[string]any{"amount": %d})`, amount), func(db *gorm.DB) *gorm.DB {
			return db.Attrs(map[string]any{"amount": amount})
		}))
	}
	if g.chance(30) {
		calls = append(calls, fixed(fmt.Sprintf(`Assign(map[string]any{"cents": %d})`, amount), func(db *gorm.DB) *gorm.DB {
			return db.Assign(map[string]any{"cents": amount})
		}))
	}
	return statement{kind: "first or init", rule: rule{ordered: true}, calls: calls, finisher: "FirstOrInit(&row)", run: func(s *session, db *gorm.DB) *answer {
		dest := s.model.one()
		a := s.answer(db.FirstOrInit(dest))
		a.rows = toRecords(dest, s.precision)
		return a
	}}.operation()
}
