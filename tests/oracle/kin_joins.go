package oracle

import (
	"fmt"

	"gorm.io/gorm"
)

// kinJoin joins by composite keys through relations.
func (g *generator) kinJoin() *operation {
	switch g.r.IntN(4) {
	case 0:
		calls := []call{g.joinOf("Estate", "worth > 10", "area = 'n'")}
		if g.chance(50) {
			calls = append(calls, g.joinOf(pick(g, []string{"Estate.Agent", "Estate.Main", "Estate.Deed"})))
		}
		if g.chance(40) {
			calls = append(calls, whereCall("Where", condition{g.quote("Estate") + ".area = ?", []any{pick(g, g.v.regions)}}))
		}
		if g.chance(40) {
			calls = append(calls, whereCall("Where", condition{"houses.size < ?", []any{4 + g.r.IntN(16)}}))
		}
		calls = append(calls, orderCall("houses.area, houses.estate_no, houses.no"))
		return relationsOf[House]("relation join", append(calls, g.graphPage()...), "Find(&[]House)")
	case 1:
		calls := []call{g.joinOf("House", "size > 5"), g.joinOf("House.Estate")}
		if g.chance(50) {
			k := g.place()
			calls = append(calls, kinWhere(fmt.Sprintf("rooms of room(%d)'s house", k), func(s *session, db *gorm.DB) *gorm.DB {
				r := s.room(k)
				return db.Where("rooms.area = ? AND rooms.estate_no = ?", r.Area, r.EstateNo)
			}))
		}
		calls = append(calls, orderCall("rooms.area, rooms.estate_no, rooms.house_no, rooms.no"))
		return relationsOf[Room]("relation join", append(calls, g.graphPage()...), "Find(&[]Room)")
	case 2:
		calls := []call{g.joinOf("Estate", "worth < 30"), orderCall("claims.id")}
		return relationsOf[Claim]("relation join", append(calls, g.graphPage()...), "Find(&[]Claim)")
	}
	calls := []call{g.joinOf("Main", "worth > 4")}
	for _, relation := range []string{"Agent", "Deed", "Main.Agent"} {
		if g.chance(35) {
			calls = append(calls, g.joinOf(relation))
		}
	}
	if g.chance(70) {
		calls = append(calls, g.estateWhere(true))
	}
	if g.chance(20) {
		return kinStatement(statement{kind: "relation join", rule: rule{ordered: true}, calls: append([]call{modelOfGraph(Estate{})}, calls...), finisher: "Count(&n)", run: func(s *session, db *gorm.DB) *answer {
			var n int64
			a := s.answer(db.Count(&n))
			a.rows = toRecords(n, s.precision)
			return a
		}})
	}
	calls = append(calls, orderCall(pick(g, []string{"estates.area, estates.no", "estates.worth DESC, estates.no, estates.area"})))
	return relationsOf[Estate]("relation join", append(calls, g.graphPage()...), "Find(&[]Estate)")
}

// kinMaps reads into maps.
func kinMaps(kind string, ordered bool, calls ...call) *operation {
	return kinStatement(statement{kind: kind, rule: rule{ordered: ordered, loose: true}, calls: calls, finisher: "Find(&maps)", run: func(s *session, db *gorm.DB) *answer {
		rows := []map[string]any{}
		a := s.answer(db.Find(&rows))
		a.rows = toRecords(rows, s.precision)
		return a
	}})
}

const houseOn = "houses ON houses.area = estates.area AND houses.estate_no = estates.no"

// kinRawJoin joins by composite keys in SQL text.
func (g *generator) kinRawJoin() *operation {
	n := g.r.IntN(16)
	switch g.r.IntN(5) {
	case 0:
		return kinMaps("raw join", true, modelOfGraph(Estate{}), joinCall("JOIN "+houseOn+" AND houses.size > ?", n), g.estateWhere(true),
			selectCall("estates.area, estates.no, houses.no AS house, houses.size"), orderCall("estates.area, estates.no, houses.no"))
	case 1:
		return kinMaps("raw join", true, modelOfGraph(Estate{}), joinCall("LEFT JOIN "+houseOn), selectCall("estates.area, estates.no, COUNT(houses.no) AS n, SUM(houses.size) AS total"),
			fixed(`Group("estates.area, estates.no")`, func(db *gorm.DB) *gorm.DB { return db.Group("estates.area, estates.no") }), orderCall("estates.area, estates.no"))
	case 2:
		return kinMaps("raw join", true, modelOfGraph(House{}), joinCall("JOIN estates e ON (e.area, e.no) = (houses.area, houses.estate_no)"),
			joinCall("LEFT JOIN agents ON agents.id = e.agent_id"), whereCall("Where", condition{"e.worth > ? OR agents.id IS NULL", []any{n}}),
			selectCall("houses.area, houses.estate_no, houses.no, agents.name AS agent"), orderCall("houses.area, houses.estate_no, houses.no"))
	case 3:
		return relationsOf[Estate]("raw join", []call{
			whereCall("Where", condition{"EXISTS (SELECT 1 FROM claims WHERE claims.estate_area = estates.area AND claims.estate_no = estates.no AND claims.amount > ?)", []any{n}}), orderCall("area, no"),
		}, "Find(&[]Estate)")
	}
	return kinMaps("raw join", true, modelOfGraph(Estate{}), joinCall("JOIN estates m ON m.area = estates.area AND m.no = estates.main_no"), whereCall("Where", condition{"m.worth >= ?", []any{n}}),
		selectCall("estates.area, estates.no, m.no AS main"), orderCall("estates.area, estates.no"))
}

// kinText is SQL text that reads.
func (g *generator) kinText() *operation {
	n, area := g.r.IntN(16), pick(g, g.v.regions)
	sql, args := "", []any(nil)
	kind := "text"
	switch g.r.IntN(5) {
	case 0:
		kind, sql, args = "raw select", "SELECT * FROM estates WHERE area = ? AND no <= ? ORDER BY area, no", []any{area, n}
	case 1:
		kind, sql, args = "raw select", "SELECT area, estate_no, no FROM houses WHERE (area = ? OR size > ?) AND no < 3 ORDER BY area, estate_no, no LIMIT 7", []any{area, n}
	case 2:
		sql, args = "SELECT e.area, e.no, (SELECT COUNT(*) FROM houses h WHERE h.area = e.area AND h.estate_no = e.no) AS houses FROM estates e WHERE e.worth > ? ORDER BY e.area, e.no", []any{n}
	case 3:
		sql, args = "WITH big AS (SELECT area, estate_no, MAX(size) AS size FROM houses GROUP BY area, estate_no) SELECT e.area, e.no, big.size FROM estates e JOIN big ON big.area = e.area AND big.estate_no = e.no WHERE e.area <> ? ORDER BY e.area, e.no", []any{area}
	default:
		sql, args = "SELECT area, no FROM estates WHERE worth > ? UNION SELECT area, estate_no FROM rooms WHERE floor > 1 ORDER BY area, no", []any{n}
	}
	return kinStatement(statement{kind: kind, rule: rule{ordered: true, loose: true}, finisher: fmt.Sprintf("Raw(%s).Scan(&maps)", argsText(append([]any{sql}, args...))), run: func(s *session, db *gorm.DB) *answer {
		rows := []map[string]any{}
		a := s.answer(db.Raw(sql, args...).Scan(&rows))
		a.rows = toRecords(rows, s.precision)
		return a
	}})
}

// kinGroups counts and groups by parts of a key.
func (g *generator) kinGroups() *operation {
	switch g.r.IntN(4) {
	case 0:
		return kinMaps("aggregate", true, modelOfGraph(House{}), selectCall("area, COUNT(*) AS n, COUNT(DISTINCT estate_no) AS estates, MAX(size) AS most"),
			fixed(`Group("area")`, func(db *gorm.DB) *gorm.DB { return db.Group("area") }), orderCall("area"))
	case 1:
		return kinMaps("aggregate", true, modelOfGraph(Room{}), selectCall("area, estate_no, COUNT(*) AS n"),
			fixed(`Group("area, estate_no").Having("COUNT(*) > 1")`, func(db *gorm.DB) *gorm.DB { return db.Group("area, estate_no").Having("COUNT(*) > 1") }), orderCall("n DESC, area, estate_no"), limitCall(4))
	case 2:
		return kinMaps("distinct", true, modelOfGraph(House{}), fixed(`Distinct("estate_no", "area")`, func(db *gorm.DB) *gorm.DB { return db.Distinct("estate_no", "area") }), orderCall("estate_no, area"))
	}
	return kinStatement(statement{kind: "count", rule: rule{ordered: true}, calls: []call{modelOfGraph(Estate{}), g.estateWhere(false)}, finisher: "Count(&n)", run: func(s *session, db *gorm.DB) *answer {
		var n int64
		a := s.answer(db.Count(&n))
		a.rows = toRecords(n, s.precision)
		return a
	}})
}

// kinCursor pages by a composite key, joined with what rows belong to or not.
func (g *generator) kinCursor() *operation {
	if g.chance(50) {
		return pagesOf[House](g, []string{"houses.size", "houses.kind DESC"}, "houses.area, houses.estate_no, houses.no", g.kinHints(), func() []call {
			calls := []call{g.joinOf("Estate")}
			if g.chance(50) {
				calls = append(calls, g.joinOf(pick(g, []string{"Estate.Agent", "Estate.Main"})))
			}
			return append(calls, whereCall("Where", condition{"houses.size < ?", []any{6 + g.r.IntN(15)}}))
		}, "composite keys")
	}
	return pagesOf[Estate](g, []string{"estates.worth DESC", "estates.name"}, "estates.area, estates.no", g.kinHints(), func() []call {
		calls := []call{g.joinOf("Main")}
		if g.chance(50) {
			calls = append(calls, g.joinOf("Agent"))
		}
		return append(calls, g.estateWhere(true))
	}, "composite keys")
}
