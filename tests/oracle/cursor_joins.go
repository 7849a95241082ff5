package oracle

import (
	"fmt"
	"strings"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
)

// pagesOf reads page after page by dtde.After, joined with what the rows belong to, or
// not; the plain table reads the whole in one. key is the primary key in its order.
func pagesOf[T any](g *generator, orders []string, key string, hints []call, joins func() []call, shapes ...string) *operation {
	var calls []call
	order := key
	joined := g.chance(92)
	if joined {
		calls = joins()
		shapes = append(shapes, "cursors over joins")
	} else {
		calls = hints
	}
	switch g.r.IntN(3) {
	case 0:
		order = pick(g, orders) + ", " + key
	case 1:
		order = strings.ReplaceAll(key, ",", " DESC,") + " DESC"
	}
	calls = append(calls, orderCall(order))
	size, pages := 1+g.r.IntN(5), 2+g.r.IntN(4)
	st := statement{kind: "cursor", rule: rule{ordered: true}, calls: calls, finisher: fmt.Sprintf("Scopes(dtde.After(cursor)).Limit(%d).Find(&rows), %d pages", size, pages), run: func(s *session, db *gorm.DB) *answer {
		if s.plain || s.unsharded {
			var rows []T
			a := s.answer(db.Limit(size * pages).Find(&rows))
			a.rows, a.affected = nestedAll(rows, false, s.precision), 0
			return a
		}
		return pagesBy[T](s, db.Session(&gorm.Session{}), size, pages)
	}}
	st.also = shapes
	return st.operation()
}

// pagesBy reads at most so many pages.
func pagesBy[T any](s *session, db *gorm.DB, size, pages int) *answer {
	all := &answer{class: classOK}
	for cursor := ""; pages > 0; pages-- {
		var rows []T
		tx := db.Scopes(dtde.After(cursor)).Limit(size).Find(&rows)
		if tx.Error != nil {
			return s.answer(tx)
		}
		all.rows = append(all.rows, nestedAll(rows, false, s.precision)...)
		if len(rows) < size {
			break
		}
		if cursor, all.err = dtde.CursorOf(tx, &rows[len(rows)-1]); all.err != nil {
			all.class, all.reason = s.classify(all.err)
			break
		}
	}
	return all
}

// graphCursor pages over owners or pets joined with what they belong to.
func (g *generator) graphCursor() *operation {
	if g.chance(50) {
		return pagesOf[Pet](g, []string{"pets.weight", "pets.weight DESC"}, "pets.id", g.hints(true), func() []call {
			calls := []call{g.joinOf("Owner", "level >= 2")}
			if g.chance(40) {
				calls = append(calls, g.joinOf(pick(g, []string{"Owner.City", "Owner.Boss"})))
			}
			calls = append(calls, whereCall("Where", condition{"pets.weight < ?", []any{3 + g.r.IntN(7)}}))
			if g.chance(50) {
				calls = append(calls, whereCall("Or", condition{"pets.weight = ? AND pets.id > ?", []any{g.r.IntN(9), g.r.IntN(9)}}))
			}
			return calls
		})
	}
	return pagesOf[Owner](g, []string{"owners.level DESC", "owners.region, owners.level"}, "owners.id", nil, func() []call {
		calls := []call{g.joinOf("City", "name <> 'a'")}
		if g.chance(50) {
			calls = append(calls, g.joinOf("Boss"))
		}
		return append(calls, whereCall("Where", g.ownerCondition(true)))
	})
}
