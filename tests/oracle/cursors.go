package oracle

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
)

// cursor reads page after page by dtde.After; the plain table reads the whole in one.
func (g *generator) cursor() *operation {
	var keys []string
	mergeable := true
	for range g.r.IntN(3) {
		c := pick(g, columnsOfModels)
		if g.chance(35) {
			c = columnNamed(pick(g, []string{"parent", "name"}))
		}
		if c.kind == idColumn || strings.Contains(strings.Join(keys, ","), c.name) {
			continue
		}
		mergeable = mergeable && g.merges(c)
		keys = append(keys, c.name+pick(g, []string{"", " DESC"}))
	}
	desc := g.chance(30)
	if desc || len(keys) > 0 || g.chance(50) {
		mergeable = mergeable && g.merges(columnNamed("id"))
		keys = append(keys, "id"+map[bool]string{true: " DESC"}[desc])
	}
	// GORM puts no parentheses around text with OR beside a line break, or MariaDB's other
	// ways to say so, whatever is added to it, as the cursor's condition is.
	calls := slices.DeleteFunc(g.conditions(g.r.IntN(2)), func(c call) bool {
		return strings.Contains(c.text, `\n`) || g.engine == "mariadb" && (strings.Contains(c.text, "||") || strings.Contains(c.text, "XOR"))
	})
	if len(keys) > 0 {
		calls = append(calls, orderCall(strings.Join(keys, ", ")))
		if mergeable {
			calls = append(calls, g.hints(true)...)
		}
	}
	size := 1 + g.r.IntN(6)
	pages := 2 + g.r.IntN(4)
	return statement{kind: "cursor", rule: rule{ordered: true}, calls: calls, finisher: fmt.Sprintf("Scopes(dtde.After(cursor)).Limit(%d).Find(&rows), %d pages", size, pages), run: func(s *session, db *gorm.DB) *answer {
		if s.plain || s.unsharded {
			rows := s.model.many()
			if len(keys) == 0 {
				db = db.Order("id")
			}
			a := s.answer(db.Limit(size * pages).Find(rows))
			a.rows, a.affected = toRecords(rows, s.precision), 0
			return a
		}
		return s.pages(db.Session(&gorm.Session{}), size, pages)
	}}.operation()
}

// pages reads by cursors, at most so many pages.
func (s *session) pages(db *gorm.DB, size, pages int) *answer {
	var all []record
	for cursor := ""; pages > 0; pages-- {
		rows := s.model.many()
		tx := db.Scopes(dtde.After(cursor)).Limit(size).Find(rows)
		a := s.answer(tx)
		if tx.Error != nil {
			return a
		}
		all = append(all, toRecords(rows, s.precision)...)
		list := reflect.ValueOf(rows).Elem()
		if list.Len() < size || pages == 1 {
			a.rows, a.affected = all, 0
			return a
		}
		var err error
		if cursor, err = dtde.CursorOf(tx, list.Index(list.Len()-1).Addr().Interface()); err != nil {
			a.err = err
			a.class, a.reason = s.classify(err)
			return a
		}
	}
	return &answer{class: classOK, rows: all}
}

// iterate reads row by row in a loop, which may end early.
func (g *generator) iterate() *operation {
	o := g.order()
	stop := 0
	if g.chance(25) && o.total {
		stop = 1 + g.r.IntN(5)
	}
	into := g.chance(50)
	columns := []string{"region", "level", "name", "amount"}
	calls := joinLists([]call{modelCall}, g.filters(o.sessions(columns...)), o.calls)
	if into {
		calls = append(calls, selectCall("region, level, name, amount"))
	}
	o.keys = within(o.keys, columns...)
	return statement{
		kind: "iterate", rule: rule{ordered: o.total, keys: o.keys}, calls: calls, finisher: fmt.Sprintf("for row, err := range dtde.Iterate (at most %d)", stop),
		run: func(s *session, db *gorm.DB) *answer {
			switch {
			case into:
				return iterated[summary](s, db, stop)
			case s.model == documents:
				return iterated[Document](s, db, stop)
			case s.model == records:
				return iterated[Record](s, db, stop)
			}
			return iterated[Item](s, db, stop)
		},
	}.operation()
}

func iterated[T any](s *session, db *gorm.DB, stop int) *answer {
	a := &answer{}
	for row, err := range dtde.Iterate[T](db) {
		if err != nil {
			a.err = err
			break
		}
		a.rows = append(a.rows, toRecords(&row, s.precision)...)
		if len(a.rows) == stop {
			break
		}
	}
	a.class, a.reason = s.classify(a.err)
	return a
}
