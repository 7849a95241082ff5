package oracle

import (
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
)

// kinWhere is a condition whose values are found when it runs.
func kinWhere(text string, apply func(s *session, db *gorm.DB) *gorm.DB) call {
	return call{text: "Where(" + text + ")", optional: true, apply: apply}
}

// estateWhere draws a condition on estates, with their key in one of its forms.
func (g *generator) estateWhere(qualified bool) call {
	t := map[bool]string{true: "estates."}[qualified]
	a, b := g.place(), g.place()
	area, n := pick(g, g.v.regions), g.r.IntN(30)
	switch g.r.IntN(9) {
	case 0:
		return kinWhere(fmt.Sprintf("area = ? AND no = ?, key of estate(%d)", a), func(s *session, db *gorm.DB) *gorm.DB {
			e := s.estate(a)
			return db.Where(t+"area = ? AND "+t+"no = ?", e.Area, e.No)
		})
	case 1:
		return kinWhere(fmt.Sprintf("(area, no) IN ?, keys of estate(%d, %d)", a, b), func(s *session, db *gorm.DB) *gorm.DB {
			x, y := s.estate(a), s.estate(b)
			return db.Where("("+t+"area, "+t+"no) IN ?", [][]any{{string(x.Area), x.No}, {string(y.Area), y.No}})
		})
	case 2:
		return kinWhere(fmt.Sprintf("clause.IN of key columns, estate(%d, %d)", a, b), func(s *session, db *gorm.DB) *gorm.DB {
			x, y := s.estate(a), s.estate(b)
			return db.Where(clause.IN{
				Column: []clause.Column{{Table: clause.CurrentTable, Name: "area"}, {Table: clause.CurrentTable, Name: "no"}},
				Values: []any{[]any{x.Area, x.No}, []any{y.Area, y.No}},
			})
		})
	case 3:
		return kinWhere(fmt.Sprintf("&Estate{key of estate(%d)}", a), func(s *session, db *gorm.DB) *gorm.DB { return db.Where(s.keyOfEstate(a)) })
	case 4:
		return kinWhere(fmt.Sprintf("map of estate(%d)", a), func(s *session, db *gorm.DB) *gorm.DB {
			e := s.estate(a)
			return db.Where(map[string]any{"area": e.Area, "no": []int64{e.No, e.No + 1}})
		})
	case 5:
		return kinWhere(fmt.Sprintf("area = ? AND no = ? OR area = ? AND no = ?, estate(%d, %d)", a, b), func(s *session, db *gorm.DB) *gorm.DB {
			x, y := s.estate(a), s.estate(b)
			return db.Where(t+"area = ? AND "+t+"no = ? OR "+t+"area = ? AND "+t+"no = ?", x.Area, x.No, y.Area, y.No)
		})
	case 6:
		return whereCall("Where", condition{t + "area = ?", []any{area}})
	case 7:
		return whereCall("Where", condition{t + "no <= ? AND " + t + "area <> ?", []any{n, area}})
	default:
		return whereCall("Where", condition{t + "worth >= ?", []any{n}})
	}
}

// kinHints insists on a form; on sessions where they can be merged by a text key.
func (g *generator) kinHints() []call {
	switch {
	case g.engine == "sqlite":
		return g.hints(true)
	case g.chance(20) && !g.v.spread:
		return []call{hint(dtde.ReadUnion)}
	}
	return nil
}

// kinFind reads by composite keys, in their order.
func (g *generator) kinFind() *operation {
	order := pick(g, []string{"area, no", "no DESC, area", "area DESC, no DESC", "worth, no, area"})
	switch g.r.IntN(9) {
	case 6, 7, 8: // in an order that sessions can be merged by
		calls := joinLists(g.hints(true), []call{whereCall("Where", condition{"estate_no > ? OR area = ?", []any{g.r.IntN(9), pick(g, g.v.regions)}}), orderCall("size DESC, estate_no")})
		return kinStatement(statement{kind: "find", rule: rule{keys: []string{"size", "estate_no"}}, calls: calls, finisher: "Find(&[]House)", run: func(s *session, db *gorm.DB) *answer {
			var rows []House
			a := s.answer(db.Find(&rows))
			a.rows = nestedAll(rows, false, s.precision)
			return a
		}})
	case 0: // the key comes from the destination
		k := g.place()
		return kinStatement(statement{kind: "by primary key", rule: rule{ordered: true}, finisher: fmt.Sprintf("Find(&estate with the key of estate(%d))", k), run: func(s *session, db *gorm.DB) *answer {
			e := s.keyOfEstate(k)
			a := s.answer(db.Find(e))
			a.rows = nestedAll(e, false, s.precision)
			return a
		}})
	case 1: // of several
		a, b := g.place(), g.place()
		return kinStatement(statement{kind: "by primary key", rule: rule{ordered: true}, calls: []call{orderCall(order)}, finisher: fmt.Sprintf("Find(&estates with the keys of estate(%d, %d))", a, b), run: func(s *session, db *gorm.DB) *answer {
			list := []Estate{*s.keyOfEstate(a), *s.keyOfEstate(b)}
			answer := s.answer(db.Find(&list))
			answer.rows = nestedAll(list, false, s.precision)
			return answer
		}})
	case 2:
		k := g.place()
		calls := []call{modelOfGraph(House{}), kinWhere(fmt.Sprintf("houses of estate(%d), not its first", k), func(s *session, db *gorm.DB) *gorm.DB {
			e := s.estate(k)
			return db.Where("area = ? AND estate_no = ? AND no <> ?", e.Area, e.No, 1)
		}), orderCall("area, estate_no, no")}
		return relationsOf[House]("find", joinLists(g.kinHints(), calls, g.graphPage()), "Find(&[]House)")
	case 3:
		k := g.place()
		calls := []call{kinWhere(fmt.Sprintf("&Room{key of room(%d)}", k), func(s *session, db *gorm.DB) *gorm.DB {
			r := s.room(k)
			return db.Where(&Room{Area: r.Area, EstateNo: r.EstateNo, HouseNo: r.HouseNo}).Or("floor = ?", k%4)
		}), orderCall("area, estate_no, house_no, no")}
		return relationsOf[Room]("find", joinLists(g.kinHints(), calls, g.graphPage()), "Find(&[]Room)")
	case 4:
		return kinStatement(statement{kind: "find into", rule: rule{ordered: true}, calls: joinLists(g.kinHints(), []call{modelOfGraph(Estate{}), g.estateWhere(false), selectCall("area, no, worth"), orderCall(order)}, g.graphPage()), finisher: "Find(&maps)", run: func(s *session, db *gorm.DB) *answer {
			rows := []map[string]any{}
			a := s.answer(db.Find(&rows))
			a.rows = toRecords(rows, s.precision)
			return a
		}})
	}
	return relationsOf[Estate]("find", joinLists(g.kinHints(), []call{g.estateWhere(false), orderCall(order)}, g.graphPage()), "Find(&[]Estate)")
}

// kinFirst orders by the first column of the key alone, as GORM does.
func (g *generator) kinFirst() *operation {
	where := g.estateWhere(false)
	last := g.chance(40)
	return kinStatement(statement{
		kind: "first", rule: rule{keys: []string{"area"}, choice: true}, calls: []call{where}, finisher: map[bool]string{false: "First(&estate)", true: "Last(&estate)"}[last],
		run: func(s *session, db *gorm.DB) *answer {
			var e Estate
			tx := db.First
			if last {
				tx = db.Last
			}
			a := s.answer(tx(&e))
			if a.class == classOK {
				a.rows = nestedAll(e, false, s.precision)
			}
			return a
		},
		pool: func(s *session, db *gorm.DB) []record {
			var rows []Estate
			db.Find(&rows)
			return nestedAll(rows, false, s.precision)
		},
	})
}

// kinPaths are relations with what tells lists.
var kinPaths = map[string][]string{
	"Estate": {"Main", "Agent", "*Houses", "*Houses.Rooms", "*Houses.Guests", "Deed", "*Claims", "*Fees", "Main.Deed", "*Main.Houses", "*Agent.Estates", "*Houses.Estate.Claims"},
	"House":  {"Estate", "*Rooms", "*Guests", "Estate.Main", "Estate.Agent", "*Estate.Houses", "Estate.Deed"},
	"Claim":  {"Estate", "*Estate.Houses", "*Estate.Claims", "Estate.Main"},
	"Agent":  {"*Estates", "*Estates.Houses", "*Estates.Claims"},
}

// kinPreload follows composite keys.
func (g *generator) kinPreload() *operation {
	name := pick(g, []string{"Estate", "Estate", "House", "Claim", "Agent"})
	var calls []call
	for range 1 + g.r.IntN(3) {
		path := pick(g, kinPaths[name])
		if path[0] == '*' {
			path = path[1:]
		}
		calls = append(calls, g.kinPreloadCall(path))
	}
	if g.chance(15) {
		calls = append(calls, call{text: "Preload(clause.Associations)", optional: true, apply: func(_ *session, db *gorm.DB) *gorm.DB { return db.Preload(clause.Associations) }})
	}
	switch name {
	case "Estate":
		calls = append(calls, g.estateWhere(false), orderCall("area, no"))
		return relationsOf[Estate]("preload", append(calls, g.graphPage()...), "Find(&[]Estate)")
	case "House":
		calls = append(calls, whereCall("Where", condition{"size > ?", []any{g.r.IntN(12)}}), orderCall("area, estate_no, no"))
		return relationsOf[House]("preload", append(calls, g.graphPage()...), "Find(&[]House)")
	case "Claim":
		return relationsOf[Claim]("preload", append(calls, orderCall("id"), limitCall(2+g.r.IntN(8))), "Find(&[]Claim)")
	}
	return relationsOf[Agent]("preload", append(calls, orderCall("id")), "Find(&[]Agent)")
}

func (g *generator) kinPreloadCall(path string) call {
	c := call{text: fmt.Sprintf("Preload(%q)", path), optional: true, apply: func(_ *session, db *gorm.DB) *gorm.DB { return db.Preload(path) }}
	limit := 1 + g.r.IntN(3)
	switch {
	case path == "Houses" && g.chance(50):
		c.text = fmt.Sprintf("Preload(%q, Where(size > %d).Order(no DESC))", path, limit*3)
		c.apply = func(_ *session, db *gorm.DB) *gorm.DB {
			return db.Preload(path, func(tx *gorm.DB) *gorm.DB { return tx.Where("size > ?", limit*3).Order("no DESC") })
		}
	case path == "Claims" && g.chance(50):
		c.text = fmt.Sprintf("Preload(%q, Unscoped().Order(id).Limit(%d))", path, limit)
		c.apply = func(_ *session, db *gorm.DB) *gorm.DB {
			return db.Preload(path, func(tx *gorm.DB) *gorm.DB { return tx.Unscoped().Order("id").Limit(limit) })
		}
	}
	return c
}

// kinStream reads row by row, or in batches, which a composite key does not carry.
func (g *generator) kinStream() *operation {
	batches := g.chance(30)
	calls := joinLists(g.kinHints(), []call{modelOfGraph(House{}), whereCall("Where", condition{"size < ?", []any{3 + g.r.IntN(20)}})})
	if batches {
		return kinStatement(statement{kind: "in batches", rule: rule{looseAffected: true}, calls: calls, finisher: "FindInBatches(&houses, 3, …)", run: func(s *session, db *gorm.DB) *answer {
			var rows []House
			n := 0
			a := s.answer(db.FindInBatches(&rows, 3, func(*gorm.DB, int) error { n += len(rows); return nil }))
			a.rows = toRecords(n, s.precision)
			return a
		}})
	}
	calls = append(calls, orderCall("area, estate_no, no"))
	return kinStatement(statement{kind: "iterate", rule: rule{ordered: true}, calls: calls, finisher: "for house, err := range dtde.Iterate", run: func(s *session, db *gorm.DB) *answer {
		a := &answer{}
		for h, err := range dtde.Iterate[House](db) {
			if err != nil {
				a.err = err
				break
			}
			a.rows = append(a.rows, nestedAll(h, false, s.precision)...)
		}
		a.class, a.reason = s.classify(a.err)
		return a
	}})
}

// kinLock locks what it reads, shard after shard: in an order that merges.
func (g *generator) kinLock() *operation {
	return kinStatement(statement{kind: "locking", rule: rule{keys: []string{"no"}}, calls: []call{
		g.estateWhere(false), orderCall("no"),
		fixed("Clauses(clause.Locking{Strength: \"UPDATE\"})", func(db *gorm.DB) *gorm.DB { return db.Clauses(clause.Locking{Strength: "UPDATE"}) }),
	}, finisher: "Find(&[]Estate)", run: func(s *session, db *gorm.DB) *answer {
		var rows []Estate
		a := s.answer(db.Find(&rows))
		a.rows = nestedAll(rows, false, s.precision)
		return a
	}})
}
