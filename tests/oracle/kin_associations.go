package oracle

import (
	"fmt"

	"gorm.io/gorm"
)

// kinAssociation finds or counts what estates, houses or claims have.
func (g *generator) kinAssociation() *operation {
	k := g.place()
	counts := g.chance(35)
	type source struct {
		relation, order string
		model           func(s *session) any
		dest            func() any
	}
	estatesOf := func(s *session) any { return &[]Estate{*s.keyOfEstate(k), *s.keyOfEstate(k + 5)} }
	withMain := func(s *session) any { return pointer(s.estate(k)) }
	from := pick(g, []source{
		{"Houses", "area, estate_no, no", estatesOf, func() any { return &[]House{} }},
		{"Claims", "id", estatesOf, func() any { return &[]Claim{} }},
		{"Fees", "id", estatesOf, func() any { return &[]Fee{} }},
		{"Main", "area, no", withMain, func() any { return &[]Estate{} }},
		{"Agent", "id", withMain, func() any { return &[]Agent{} }},
		{"Deed", "serial, area, estate_no", withMain, func() any { return &[]Deed{} }},
		{"Rooms", "area, estate_no, house_no, no", func(s *session) any { return s.keyOfHouse(k) }, func() any { return &[]Room{} }},
		{"Estate", "area, no", func(s *session) any { return pointer(s.claim(k)) }, func() any { return &[]Estate{} }},
	})
	text := fmt.Sprintf("Model(place %d).Association(%q)", k, from.relation)
	return kinStatement(statement{kind: "association", rule: rule{ordered: true}, finisher: text + map[bool]string{true: ".Count()", false: ".Find(&rows)"}[counts], run: func(s *session, db *gorm.DB) *answer {
		a := &answer{}
		if counts {
			association := db.Model(from.model(s)).Association(from.relation)
			a.rows = toRecords(association.Count(), s.precision)
			a.err = association.Error
		} else {
			dest := from.dest()
			a.err = db.Model(from.model(s)).Order(from.order).Association(from.relation).Find(dest)
			a.rows = nestedAll(dest, false, s.precision)
		}
		a.class, a.reason = s.classify(a.err)
		return a
	}})
}

// kinAssociationWrite changes what an estate or house has.
func (g *generator) kinAssociationWrite() *operation {
	k, other := g.place(), g.place()
	method := pick(g, []string{"Append", "Append", "Replace", "Delete", "Clear"})
	relation := pick(g, []string{"Houses", "Houses", "Claims", "Claims", "Main", "Agent", "Rooms", "Fees"})
	// What can't do without its parent is deleted.
	unscoped := relation == "Houses" || relation == "Rooms" || relation == "Fees"
	ids := []int64{g.serial(), g.serial()}
	text := fmt.Sprintf("Model(place %d).Association(%q).%s(%v, place %d), unscoped: %t", k, relation, method, ids, other, unscoped)
	var shapes []string
	if unscoped && method != "Append" {
		shapes = append(shapes, "cascades")
	}
	return kinWrite("association write", text, shapes, func(s *session, db *gorm.DB) *answer {
		var owner any = pointer(s.estate(k))
		if relation == "Rooms" {
			owner = s.keyOfHouse(k)
			if s.keyOfHouse(k).No == 0 {
				return s.nothing(db)
			}
		}
		if s.estate(k).No == 0 {
			return s.nothing(db)
		}
		var values []any
		fresh := method == "Append" || method == "Replace"
		switch relation {
		case "Houses":
			if values = []any{pointer(s.house(other))}; fresh {
				values = []any{&House{No: ids[0], Size: 4, Rooms: []Room{{No: 1}}}, &House{No: ids[1]}}
			}
		case "Claims":
			if values = []any{pointer(s.claim(other))}; fresh {
				values = append(values, &Claim{ID: ids[0], Amount: 9})
			}
		case "Main":
			e := s.estate(k)
			values = []any{pointer(s.main(e, other))}
		case "Agent":
			if values = []any{pointer(s.agent(other))}; fresh && other%3 == 0 {
				values = []any{&Agent{ID: 100 + ids[0], Name: "new"}}
			}
		case "Rooms":
			if values = []any{pointer(s.room(other))}; fresh {
				values = []any{&Room{No: ids[0], Floor: 2}}
			}
		default:
			if values = []any{&Fee{ID: int64(other)}}; fresh {
				values = []any{&Fee{ID: ids[0], Sum: 3}}
			}
		}
		association := db.Model(owner).Association(relation)
		if unscoped {
			association = association.Unscoped()
		}
		a := &answer{}
		switch method {
		case "Append":
			a.err = association.Append(values...)
		case "Replace":
			a.err = association.Replace(values...)
		case "Delete":
			a.err = association.Delete(values...)
		default:
			a.err = association.Clear()
		}
		a.class, a.reason = s.classify(a.err)
		if a.class == classOK {
			a.written = nestedAll(owner, true, s.precision)
			for _, v := range values {
				a.written = append(a.written, nestedAll(v, true, s.precision)...)
			}
		}
		return a
	})
}
