package oracle

import (
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// nestedSave creates an owner with what it has, or a child with its owner, in one call.
func (g *generator) nestedSave() *operation {
	o := g.newNode()
	var pets []Pet
	for range g.r.IntN(3) {
		pets = append(pets, g.pet(nil))
	}
	var clubs []Club
	for range g.r.IntN(3) {
		if g.chance(50) && len(g.graph.clubs) > 0 {
			n := pick(g, g.graph.clubs)
			clubs = append(clubs, Club{ID: int64(n), Name: "known"})
		} else {
			clubs = append(clubs, g.club())
		}
	}
	var card *Card
	if g.chance(60) {
		card = g.card()
	}
	var notes []Note
	if g.chance(40) {
		notes = append(notes, g.note(), g.note())
	}
	var staff []node
	for range g.r.IntN(2) {
		s := g.newNode()
		s.generated = false
		staff = append(staff, *s)
		g.graph.owners = append(g.graph.owners, s)
	}
	var city *City
	if g.chance(30) {
		city = &City{ID: int64(g.number(&g.graph.cities)), Name: "new"}
	}
	var boss *node
	if g.chance(20) {
		b := g.newNode()
		b.generated = false
		boss = b
		g.graph.owners = append(g.graph.owners, b)
	}
	g.graph.owners = append(g.graph.owners, o)
	kind := g.r.IntN(6)
	if kind == 2 {
		o.generated = false // Save of a row with a key updates first
	}
	me := *o
	value := func(s *session) Owner {
		v := s.owner(me)
		v.Pets, v.Clubs, v.Notes = append([]Pet(nil), pets...), append([]Club(nil), clubs...), append([]Note(nil), notes...)
		if card != nil {
			v.Card = pointer(*card)
		}
		for _, m := range staff {
			v.Staff = append(v.Staff, s.owner(m))
		}
		if city != nil {
			v.City, v.CityID = pointer(*city), nil
		}
		if boss != nil {
			v.Boss, v.BossID = pointer(s.owner(*boss)), nil
		}
		return v
	}
	finisher := []string{"Create", "Create", "Save", "Session(FullSaveAssociations).Create", "Select(Pets, Clubs, City).Create", "Omit(Clubs.*, Notes, Boss).Create"}[kind]
	return statement{kind: "nested save", write: true, finisher: fmt.Sprintf("%s(Owner%s with %d pets, clubs %s, card %t, %d notes, staff %s, city %t, boss %t)", finisher, me,
		len(pets), idsText(clubs), card != nil, len(notes), nodesText(staff), city != nil, boss != nil), run: func(s *session, db *gorm.DB) *answer {
		v := value(s)
		var tx *gorm.DB
		switch kind {
		case 2:
			tx = db.Save(&v)
		case 3:
			tx = db.Session(&gorm.Session{FullSaveAssociations: true}).Create(&v)
		case 4:
			v.BossID, v.CityID = nil, nil
			tx = db.Select("ID", "Region", "Name", "Joined", "Pets", "Clubs", "City").Create(&v)
		case 5:
			tx = db.Omit("Clubs.*", "Notes", "Boss").Create(&v)
		default:
			tx = db.Create(&v)
		}
		a := s.answer(tx)
		if a.class == classOK {
			s.adoptKey(me, v.ID)
			a.written = nestedAll(&v, true, s.precision)
		}
		return a
	}}.operation()
}

func idsText(clubs []Club) string {
	var parts []string
	for _, c := range clubs {
		parts = append(parts, fmt.Sprint(c.ID))
	}
	return "[" + strings.Join(parts, " ") + "]"
}

// graphUpdate changes owners or pets by what other models say.
func (g *generator) graphUpdate() *operation {
	level := g.r.IntN(6)
	var calls []call
	var values map[string]any
	switch g.r.IntN(4) {
	case 0:
		calls = []call{modelOfGraph(Owner{}), whereCall("Where", g.ownerCondition(false))}
		values = map[string]any{"level": gorm.Expr("level + ?", 1), "name": "changed"}
	case 1:
		calls = []call{modelOfGraph(Pet{}), whereCall("Where", condition{"weight > ?", []any{level}})}
		values = map[string]any{"weight": gorm.Expr("weight - 1")}
	case 2:
		calls = []call{modelOfGraph(Owner{}), whereCall("Where", condition{"city_id IN (SELECT id FROM cities WHERE name <> ?)", []any{"a"}})}
		values = map[string]any{"level": level}
	default:
		o := *pick(g, g.graph.owners)
		calls = []call{{text: "Model(&Owner" + o.String() + ")", apply: func(s *session, db *gorm.DB) *gorm.DB {
			o.generated = false
			return db.Model(pointer(s.owner(o)))
		}}}
		values = map[string]any{"name": "named"}
	}
	calls[len(calls)-1].optional = false
	return statement{kind: "update expression", write: true, calls: calls, finisher: "Updates(" + goText(values) + ")", run: func(s *session, db *gorm.DB) *answer {
		return s.answer(db.Updates(values))
	}}.operation()
}

// graphDelete deletes owners softly, or pets.
func (g *generator) graphDelete() *operation {
	if g.chance(50) || len(g.graph.owners) < 8 {
		n := 0
		if len(g.graph.pets) > 0 {
			n = pick(g, g.graph.pets)
		}
		return statement{kind: "delete", write: true, finisher: fmt.Sprintf("Delete(&Pet{}, %d)", n), run: func(s *session, db *gorm.DB) *answer {
			return s.answer(db.Delete(&Pet{}, n))
		}}.operation()
	}
	o := *pick(g, g.graph.owners)
	return statement{kind: "delete", write: true, finisher: "Delete(&Owner" + o.String() + ")", run: func(s *session, db *gorm.DB) *answer {
		o := o
		o.generated = false
		return s.answer(db.Delete(pointer(s.owner(o))))
	}}.operation()
}

// selectDelete deletes an owner with what it has.
func (g *generator) selectDelete() *operation {
	o := *pick(g, g.graph.owners)
	relations := [][]string{{"Pets"}, {"Clubs", "Card"}, {clause.Associations}, {"Notes"}}[g.r.IntN(4)]
	return statement{kind: "nested save", write: true, finisher: fmt.Sprintf("Select(%v).Delete(&Owner%s)", relations, o), run: func(s *session, db *gorm.DB) *answer {
		o := o
		o.generated = false
		return s.answer(db.Select(relations).Delete(pointer(s.owner(o))))
	}}.operation()
}
