package oracle

import (
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// kinWrite is a write on models with composite keys.
func kinWrite(kind, text string, shapes []string, run func(s *session, db *gorm.DB) *answer) *operation {
	return kinStatement(statement{kind: kind, write: true, finisher: text, run: run}, shapes...)
}

// held tells whether the database has a table's key to its parent on both sides.
func (g *generator) held(table string) bool { return g.v.kin.held[table] }

// estateSave creates estates with all that belongs to them.
func (g *generator) estateSave() *operation {
	var list []Estate
	for range 1 + g.r.IntN(3) {
		list = append(list, g.withKin(g.newEstate()))
	}
	kind := g.r.IntN(7)
	main, agent, k := g.chance(35), g.chance(70), g.place()
	if main {
		for i := range list {
			list[i].No += 1000 // free in its main estate's area, which is known when it runs
		}
	}
	var texts []string
	for _, e := range list {
		texts = append(texts, e.String())
	}
	finisher := []string{"Create", "Create", "Create", "Save", "Session(FullSaveAssociations).Create", "Omit(Claims, Deed).Create", "CreateInBatches(2)"}[kind]
	return kinWrite("nested save", fmt.Sprintf("%s(%s; main estate(%d): %t, agent(%d): %t)", finisher, strings.Join(texts, ", "), k, main, k, agent), []string{"creates"}, func(s *session, db *gorm.DB) *answer {
		var rows []Estate
		for _, e := range list {
			e = e.copied()
			if m := s.estate(k); main && m.No != 0 {
				e.Area, e.MainNo = m.Area, pointer(m.No)
			}
			if a := s.agent(k); agent && a.ID != 0 {
				e.AgentID = pointer(a.ID)
			}
			rows = append(rows, e)
		}
		var tx *gorm.DB
		switch kind {
		case 3:
			tx = db.Save(&rows)
		case 4:
			tx = db.Session(&gorm.Session{FullSaveAssociations: true}).Create(&rows)
		case 5:
			tx = db.Omit("Claims", "Deed").Create(&rows)
		case 6:
			tx = db.CreateInBatches(&rows, 2)
		default:
			tx = db.Create(&rows)
		}
		a := s.answer(tx)
		if a.class == classOK {
			a.written = nestedAll(rows, true, s.precision)
		}
		return a
	})
}

// childCreate creates rows of estates or houses that are there; where the database has
// the key on both sides, of some that are not.
func (g *generator) childCreate() *operation {
	k, n := g.place(), g.r.IntN(20)
	id, other := g.serial(), g.serial()
	lost := int64(0)
	orphan := func(table string) string {
		if g.held(table) && g.chance(30) {
			lost = 5000
			return ", without its parent"
		}
		return ""
	}
	switch g.r.IntN(5) {
	case 0:
		text := orphan("houses")
		return kinWrite("create", fmt.Sprintf("Create(2 houses %d of estate(%d) and (%d)%s)", id, k, k+1, text), nil, func(s *session, db *gorm.DB) *answer {
			x, y := s.estate(k), s.estate(k+1)
			rows := []House{{Area: x.Area, EstateNo: x.No, No: id, Size: n}, {Area: y.Area, EstateNo: y.No + lost, No: other, Kind: "k", Size: n}}
			return s.answer(db.Create(&rows))
		})
	case 1:
		text := orphan("rooms")
		return kinWrite("create", fmt.Sprintf("Create(room %d of house(%d)%s)", id, k, text), nil, func(s *session, db *gorm.DB) *answer {
			h := s.house(k)
			if h.No == 0 {
				return s.nothing(db)
			}
			return s.answer(db.Create(&Room{Area: h.Area, EstateNo: h.EstateNo, HouseNo: h.No + lost, No: id, Floor: n}))
		})
	case 2:
		text := orphan("deeds")
		return kinWrite("create", fmt.Sprintf("Create(deed of estate(%d)%s)", k, text), nil, func(s *session, db *gorm.DB) *answer {
			e := s.estate(k)
			return s.answer(db.Create(&Deed{Area: e.Area, EstateNo: e.No + lost, Serial: n}))
		})
	case 3:
		text := orphan("claims")
		return kinWrite("create", fmt.Sprintf("Create(claims %d, %d of estate(%d) and none%s)", id, other, k, text), nil, func(s *session, db *gorm.DB) *answer {
			e := s.estate(k)
			if e.No == 0 {
				return s.nothing(db)
			}
			return s.answer(db.Create(&[]Claim{{ID: id, EstateArea: &e.Area, EstateNo: pointer(e.No + lost), Amount: n}, {ID: other, Amount: n}}))
		})
	}
	return kinWrite("nested save", fmt.Sprintf("Create(claim %d of a new estate, house %d of estate(%d))", id, other, k), []string{"creates"}, func(s *session, db *gorm.DB) *answer {
		e := s.keyOfEstate(k)
		h := House{No: other, Size: n, Estate: e, Rooms: []Room{{No: 1}, {No: 2, Floor: 3}}}
		a := s.answer(db.Create(&h))
		if a.class != classOK {
			return a
		}
		a.written = nestedAll(h, true, s.precision)
		c := Claim{ID: id, Amount: n, Estate: &Estate{Area: e.Area, No: 2000 + id, Name: "with a claim"}}
		b := s.answer(db.Create(&c))
		b.written = append(a.written, nestedAll(c, true, s.precision)...)
		return b
	})
}

// kinUpsert meets composite keys that exist.
func (g *generator) kinUpsert() *operation {
	k, worth := g.place(), g.r.IntN(40)
	fresh := g.newEstate()
	kind := g.r.IntN(5)
	text := []string{"DoNothing", "UpdateAll", "Columns: area, no; UpdateAll", "Columns: area, no; DoUpdates: worth", "Columns: area, no; DoUpdates: worth + 1"}[kind]
	conflict := func() clause.OnConflict {
		columns := []clause.Column{{Name: "area"}, {Name: "no"}}
		switch kind {
		case 0:
			return clause.OnConflict{DoNothing: true}
		case 1:
			return clause.OnConflict{UpdateAll: true}
		case 2:
			return clause.OnConflict{Columns: columns, UpdateAll: true}
		case 3:
			return clause.OnConflict{Columns: columns, DoUpdates: clause.AssignmentColumns([]string{"worth"})}
		}
		return clause.OnConflict{Columns: columns, DoUpdates: clause.Assignments(map[string]any{"worth": gorm.Expr("estates.worth + ?", 1)})}
	}
	return kinWrite("upsert", fmt.Sprintf("Clauses(clause.OnConflict{%s}).Create(estate(%d), its neighbour of the next number, %s)", text, k, fresh), nil, func(s *session, db *gorm.DB) *answer {
		e := s.estate(k)
		rows := []Estate{{Area: e.Area, No: e.No, Name: "again", Worth: worth, MainNo: e.MainNo, AgentID: e.AgentID}, {Area: e.Area, No: e.No + 3000, Name: "next"}, fresh}
		a := s.answer(db.Clauses(conflict()).Create(&rows))
		if a.class == classOK {
			a.written = nestedAll(rows, true, s.precision)
		}
		return a
	})
}

// kinSave updates by the whole key, or inserts.
func (g *generator) kinSave() *operation {
	k, worth := g.place(), g.r.IntN(40)
	fresh := g.chance(40)
	number := g.serial()
	return kinWrite("save", fmt.Sprintf("Save(house(%d), of another number: %t)", k, fresh), nil, func(s *session, db *gorm.DB) *answer {
		h := s.house(k)
		if h.No == 0 {
			return s.nothing(db)
		}
		h.Size = worth
		if fresh {
			h.No = number
		}
		return s.answer(db.Save(&h))
	})
}

func (g *generator) kinFirstOrCreate() *operation {
	k, number := g.place(), g.serial()
	kind := g.r.IntN(3)
	return kinWrite("first or create", fmt.Sprintf("%s of estate(%d) or number %d", []string{"FirstOrCreate", "Assign.FirstOrCreate", "Attrs.FirstOrInit"}[kind], k, number), nil, func(s *session, db *gorm.DB) *answer {
		e := s.keyOfEstate(k)
		if number%2 == 0 {
			e.No = 4000 + number
		}
		var out Estate
		var tx *gorm.DB
		switch kind {
		case 0:
			tx = db.Where(&Estate{Area: e.Area, No: e.No}).FirstOrCreate(&out)
		case 1:
			tx = db.Where("area = ? AND no = ?", e.Area, e.No).Assign(Estate{Worth: 7}).Attrs(Estate{Area: e.Area, No: e.No}).FirstOrCreate(&out)
		default:
			tx = db.Where(&Estate{Area: e.Area, No: e.No}).Attrs(Estate{Worth: 7}).FirstOrInit(&out)
		}
		a := s.answer(tx)
		a.written = nestedAll(out, true, s.precision)
		return a
	})
}

// kinUpdate changes rows that composite keys name, or all of several shards.
func (g *generator) kinUpdate() *operation {
	k, n := g.place(), g.r.IntN(30)
	switch g.r.IntN(5) {
	case 0:
		return kinWrite("update", fmt.Sprintf("Model(&Estate{key of estate(%d)}).Update(worth, %d)", k, n), nil, func(s *session, db *gorm.DB) *answer {
			return s.answer(db.Model(s.keyOfEstate(k)).Update("worth", n))
		})
	case 1:
		where := g.estateWhere(false)
		return kinStatement(statement{kind: "update expression", write: true, calls: []call{modelOfGraph(Estate{}), where}, finisher: `Updates(worth + 1)`, run: func(s *session, db *gorm.DB) *answer {
			return s.answer(db.Where("worth < ?", 1000).Updates(map[string]any{"worth": gorm.Expr("worth + ?", 1), "name": "changed"}))
		}})
	case 2:
		return kinWrite("update", fmt.Sprintf("Model(&House{key of house(%d)}).Updates(House{Kind, Size: %d})", k, n+1), nil, func(s *session, db *gorm.DB) *answer {
			return s.answer(db.Model(s.keyOfHouse(k)).Updates(House{Kind: "upd", Size: n + 1}))
		})
	case 3:
		return kinWrite("update expression", fmt.Sprintf("Model(&House{}).Where(those of estates worth over %d).Update(size + 1)", n), []string{"subqueries"}, func(s *session, db *gorm.DB) *answer {
			return s.answer(db.Model(&House{}).Where("(area, estate_no) IN (?)", s.db.Session(&gorm.Session{NewDB: true}).Model(&Estate{}).Select("area, no").Where("worth > ?", n)).Update("size", gorm.Expr("size + 1")))
		})
	}
	return kinWrite("update", fmt.Sprintf("Model(&[]Estate{keys of estate(%d, %d)}).Update(agent)", k, k+3), nil, func(s *session, db *gorm.DB) *answer {
		return s.answer(db.Model(&[]Estate{*s.keyOfEstate(k), *s.keyOfEstate(k + 3)}).Update("agent_id", s.agent(k).ID))
	})
}

// kinMove changes columns of keys, with children or without: to another shard often.
func (g *generator) kinMove() *operation {
	k, other, number := g.place(), g.place(), g.serial()
	shapes := []string{"moves with children"}
	switch g.r.IntN(6) {
	case 0: // fails where something belongs to it
		area := pick(g, g.v.regions)
		return kinWrite("update key", fmt.Sprintf("Model(&Estate{key of estate(%d)}).Updates(area %s, no %d, main_no NULL)", k, area, number), shapes, func(s *session, db *gorm.DB) *answer {
			return s.answer(db.Model(s.keyOfEstate(k)).Updates(map[string]any{"area": area, "no": number, "main_no": nil}))
		})
	case 1:
		return kinWrite("update key", fmt.Sprintf("Model(&House{key of house(%d)}).Updates(estate(%d), no %d)", k, other, number), shapes, func(s *session, db *gorm.DB) *answer {
			e := s.estate(other)
			return s.answer(db.Model(s.keyOfHouse(k)).Updates(map[string]any{"area": e.Area, "estate_no": e.No, "no": number}))
		})
	case 2: // with its rooms: they first, to a house of the same number there
		return kinWrite("update key", fmt.Sprintf("house(%d) anew at estate(%d), its rooms moved there", k, other), shapes, func(s *session, db *gorm.DB) *answer {
			h, e := s.house(k), s.estate(other)
			if h.No == 0 {
				return s.nothing(db)
			}
			if a := s.answer(db.Create(&House{Area: e.Area, EstateNo: e.No, No: number, Kind: h.Kind, Size: h.Size})); a.class != classOK {
				return a
			}
			return s.answer(db.Model(&Room{}).Where("area = ? AND estate_no = ? AND house_no = ?", h.Area, h.EstateNo, h.No).
				Updates(map[string]any{"area": e.Area, "estate_no": e.No, "house_no": number}))
		})
	case 3:
		return kinWrite("update key", fmt.Sprintf("Model(&Claim{claim(%d)}).Updates(estate(%d))", k, other), shapes, func(s *session, db *gorm.DB) *answer {
			e := s.estate(other)
			return s.answer(db.Model(&Claim{ID: s.claim(k).ID}).Updates(map[string]any{"estate_area": e.Area, "estate_no": e.No}))
		})
	case 4: // several houses to one estate; their numbers are none that others have
		return kinWrite("update key", fmt.Sprintf("Model(&House{}).Where(of estate(%d), no > 2).Updates(estate(%d))", k, other), shapes, func(s *session, db *gorm.DB) *answer {
			h, e := s.house(k), s.estate(other)
			return s.answer(db.Model(&House{}).Where("area = ? AND estate_no = ? AND no > ?", h.Area, h.EstateNo, 2).Updates(map[string]any{"area": e.Area, "estate_no": e.No, "size": 3}))
		})
	}
	return kinWrite("update key", fmt.Sprintf("Model(&Estate{key of estate(%d)}).Updates(main estate(%d) of its area)", k, other), shapes, func(s *session, db *gorm.DB) *answer {
		e := s.estate(k)
		return s.answer(db.Model(&Estate{Area: e.Area, No: e.No}).Update("main_no", s.main(e, other).No))
	})
}

// kinReturning reads what it changes.
func (g *generator) kinReturning() *operation {
	n := g.r.IntN(12)
	if g.engine == "mariadb" || g.chance(40) {
		return kinWrite("returning", fmt.Sprintf("Clauses(Returning).Where(floor = %d).Delete(&rooms)", n%4), nil, func(s *session, db *gorm.DB) *answer {
			var rows []Room
			a := s.answer(db.Clauses(clause.Returning{}).Where("floor = ? AND no > ?", n%4, 1).Delete(&rows))
			a.rows = nestedAll(rows, false, s.precision)
			return a
		})
	}
	return kinWrite("returning", fmt.Sprintf("Model(&houses).Clauses(Returning).Where(size < %d).Update(size + 2)", n), nil, func(s *session, db *gorm.DB) *answer {
		var rows []House
		a := s.answer(db.Model(&rows).Clauses(clause.Returning{}).Where("size < ?", n).Update("size", gorm.Expr("size + 2")))
		a.rows = nestedAll(rows, false, s.precision)
		return a
	})
}

// kinRawWrite is SQL text on rows that no key acts on, or whose key the database has.
func (g *generator) kinRawWrite() *operation {
	k, n := g.place(), g.r.IntN(12)
	switch g.r.IntN(5) {
	case 0:
		return kinWrite("raw write", fmt.Sprintf("Exec(UPDATE houses SET size = size + 1 of house(%d))", k), nil, func(s *session, db *gorm.DB) *answer {
			h := s.house(k)
			return s.answer(db.Exec("UPDATE houses SET size = size + 1 WHERE area = ? AND estate_no = ? AND no = ?", h.Area, h.EstateNo, h.No))
		})
	case 1:
		return kinWrite("raw write", fmt.Sprintf("Exec(DELETE FROM rooms of house(%d))", k), nil, func(s *session, db *gorm.DB) *answer {
			h := s.house(k)
			return s.answer(db.Exec("DELETE FROM rooms WHERE area = ? AND estate_no = ? AND house_no = ?", h.Area, h.EstateNo, h.No))
		})
	case 2:
		return kinWrite("raw write", fmt.Sprintf("Exec(INSERT INTO rooms of house(%d) and (%d))", k, k+1), nil, func(s *session, db *gorm.DB) *answer {
			x, y := s.house(k), s.house(k+1)
			if x.No == 0 {
				return s.nothing(db)
			}
			return s.answer(db.Exec("INSERT INTO rooms (area, estate_no, house_no, no, floor) VALUES (?, ?, ?, ?, ?), (?, ?, ?, ?, ?)", x.Area, x.EstateNo, x.No, 50+n, n, y.Area, y.EstateNo, y.No, 80+n, 1))
		})
	case 3:
		return kinWrite("raw write", fmt.Sprintf("Exec(UPDATE estates SET worth = %d WHERE worth > 20)", n), nil, func(s *session, db *gorm.DB) *answer {
			return s.answer(db.Exec("UPDATE estates SET worth = ? WHERE worth > ? OR no = ?", n, 20, k))
		})
	}
	return kinWrite("raw write", fmt.Sprintf("Exec(DELETE FROM fees WHERE sum = %d)", n), nil, func(s *session, db *gorm.DB) *answer {
		return s.answer(db.Exec("DELETE FROM fees WHERE sum = ? AND EXISTS (SELECT 1 FROM estates e WHERE e.area = fees.estate_area AND e.no = fees.estate_no AND e.worth > ?)", n, n))
	})
}
