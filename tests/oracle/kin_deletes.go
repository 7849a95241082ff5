package oracle

import (
	"fmt"

	"gorm.io/gorm"
)

// estateDelete deletes estates with what their foreign keys take along or set NULL. A
// deed keeps its estate; often it is deleted before.
func (g *generator) estateDelete() *operation {
	k, n := g.place(), g.r.IntN(12)
	shapes := []string{"cascades"}
	freed := g.chance(50)
	text := map[bool]string{true: "without their deeds, ", false: ""}[freed]
	free := func(s *session, e ...Estate) {
		if freed {
			for _, x := range e {
				s.db.Session(&gorm.Session{NewDB: true}).Where("area = ? AND estate_no = ?", x.Area, x.No).Delete(&Deed{})
			}
		}
	}
	// How many rows of those that match a cascade among them has taken before depends on
	// the order in which the table is read, but on PostgreSQL.
	loose := rule{looseAffected: g.engine != "postgres"}
	switch g.r.IntN(8) {
	case 0, 1:
		return kinWrite("delete", fmt.Sprintf("%sDelete(&Estate{key of estate(%d)})", text, k), shapes, func(s *session, db *gorm.DB) *answer {
			e := s.estate(k)
			free(s, e)
			return s.answer(db.Delete(&Estate{Area: e.Area, No: e.No}))
		})
	case 2:
		return kinWrite("delete", fmt.Sprintf("%sWhere(area = ? AND no = ?, estate(%d)).Delete(&Estate{})", text, k), shapes, func(s *session, db *gorm.DB) *answer {
			e := s.estate(k)
			free(s, e)
			return s.answer(db.Where("area = ? AND no = ?", e.Area, e.No).Delete(&Estate{}))
		})
	case 3:
		return kinStatement(statement{kind: "delete many", write: true, rule: loose, finisher: fmt.Sprintf("%sWhere(worth = %d).Delete(&Estate{})", text, n), run: func(s *session, db *gorm.DB) *answer {
			var list []Estate
			s.db.Session(&gorm.Session{NewDB: true}).Where("worth = ?", n).Find(&list)
			free(s, list...)
			return s.answer(db.Where("worth = ?", n).Delete(&Estate{}))
		}}, shapes...)
	case 4:
		return kinStatement(statement{kind: "delete many", write: true, rule: loose, finisher: fmt.Sprintf("Where(without houses and worth > %d).Delete(&Estate{})", n), run: func(s *session, db *gorm.DB) *answer {
			return s.answer(db.Where("worth > ? AND NOT EXISTS (SELECT 1 FROM houses h WHERE h.area = estates.area AND h.estate_no = estates.no)", 2*n+10).Delete(&Estate{}))
		}}, append(shapes, "subqueries")...)
	case 5:
		return kinWrite("delete", fmt.Sprintf("Select(Houses, Deed).Delete(&Estate{key of estate(%d)})", k), append(shapes, "nested saves"), func(s *session, db *gorm.DB) *answer {
			e := s.keyOfEstate(k)
			if e.No == 0 {
				return s.nothing(db)
			}
			return s.answer(db.Select("Houses", "Deed").Delete(e))
		})
	case 6:
		return kinWrite("delete", fmt.Sprintf("Delete(&Agent{}, agent(%d)) and a new one", k), shapes, func(s *session, db *gorm.DB) *answer {
			a := s.agent(k)
			b := s.answer(db.Delete(&Agent{}, a.ID))
			if b.class != classOK {
				return b
			}
			return s.answer(db.Create(&Agent{ID: a.ID + 6, Name: a.Name}))
		})
	}
	return kinWrite("delete", fmt.Sprintf("Delete(&House{key of house(%d)})", k), shapes, func(s *session, db *gorm.DB) *answer {
		return s.answer(db.Delete(s.keyOfHouse(k)))
	})
}

// childDelete deletes what belongs to others.
func (g *generator) childDelete() *operation {
	k, n := g.place(), g.r.IntN(20)
	switch g.r.IntN(4) {
	case 0:
		return kinWrite("delete", fmt.Sprintf("Delete(&Deed{of estate(%d)})", k), nil, func(s *session, db *gorm.DB) *answer {
			e := s.estate(k)
			return s.answer(db.Delete(&Deed{Area: e.Area, EstateNo: e.No}))
		})
	case 1:
		return kinWrite("delete many", fmt.Sprintf("Where(size = %d).Delete(&House{})", n), []string{"cascades"}, func(s *session, db *gorm.DB) *answer {
			return s.answer(db.Where("size = ?", n).Delete(&House{}))
		})
	case 2:
		return kinWrite("delete", fmt.Sprintf("Delete(&Claim{}, claim(%d)), unscoped: %t", k, n > 9), nil, func(s *session, db *gorm.DB) *answer {
			if n > 9 {
				db = db.Unscoped()
			}
			return s.answer(db.Delete(&Claim{}, s.claim(k).ID))
		})
	}
	return kinWrite("delete", fmt.Sprintf("Delete(&room(%d))", k), nil, func(s *session, db *gorm.DB) *answer {
		r := s.room(k)
		return s.answer(db.Delete(&r))
	})
}

// kinBatchDelete deletes rows by a list of composite keys.
func (g *generator) kinBatchDelete() *operation {
	a, b, c := g.place(), g.place(), g.place()
	switch g.r.IntN(3) {
	case 0:
		return kinStatement(statement{kind: "batch delete", write: true, rule: rule{looseAffected: g.engine != "postgres"}, finisher: fmt.Sprintf("Delete(&[]Estate{keys of estate(%d, %d)})", a, b), run: func(s *session, db *gorm.DB) *answer {
			return s.answer(db.Delete(&[]Estate{*s.keyOfEstate(a), *s.keyOfEstate(b)}))
		}}, "cascades")
	case 1:
		return kinWrite("batch delete", fmt.Sprintf("Delete(&[]House{keys of house(%d, %d, %d)})", a, b, c), []string{"cascades"}, func(s *session, db *gorm.DB) *answer {
			return s.answer(db.Delete(&[]House{*s.keyOfHouse(a), *s.keyOfHouse(b), *s.keyOfHouse(c)}))
		})
	}
	return kinWrite("batch delete", fmt.Sprintf("Delete(&[]Room{room(%d, %d)})", a, b), nil, func(s *session, db *gorm.DB) *answer {
		return s.answer(db.Delete(&[]Room{s.room(a), s.room(b)}))
	})
}

// kinLimited writes the first rows of several shards in the order of a composite key, by
// the builder. Only MariaDB has that; for the others GORM leaves order and limit out.
func (g *generator) kinLimited() *operation {
	n, limit := g.r.IntN(12), 1+g.r.IntN(4)
	switch g.r.IntN(3) {
	case 0:
		return kinWrite("update", fmt.Sprintf("Model(&House{}).Where(size > %d).Order(no, estate_no, area).Limit(%d).Update(size)", n, limit), []string{"limited writes"}, func(s *session, db *gorm.DB) *answer {
			return s.answer(db.Model(&House{}).Where("size > ?", n).Order("no, estate_no, area").Limit(limit).Update("size", gorm.Expr("size + ?", 1)))
		})
	case 1:
		return kinWrite("delete many", fmt.Sprintf("Where(floor >= %d).Order(area DESC, …).Limit(%d).Delete(&Room{})", n%4, limit), []string{"limited writes"}, func(s *session, db *gorm.DB) *answer {
			return s.answer(db.Where("floor >= ?", 1+n%4).Order("area DESC, estate_no, house_no, no").Limit(limit).Delete(&Room{}))
		})
	}
	return kinWrite("delete many", fmt.Sprintf("Where(size = %d).Order(size DESC, key).Limit(%d).Delete(&House{})", n, limit), []string{"limited writes", "cascades"}, func(s *session, db *gorm.DB) *answer {
		return s.answer(db.Where("size IN ?", []int{n, n + 1}).Order("size DESC, area, estate_no, no").Limit(limit).Delete(&House{}))
	})
}
