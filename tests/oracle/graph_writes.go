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

// some draws owners, each once.
func (g *generator) some(n int) []*node {
	var list []*node
	taken := map[int]bool{}
	for range n {
		if o := pick(g, g.graph.owners); !taken[o.n] {
			taken[o.n] = true
			list = append(list, o)
		}
	}
	return list
}

// modelOfOwners is db.Model of owners with their keys.
func modelOfOwners(list []*node) call {
	var copies []node
	for _, o := range list {
		copies = append(copies, *o)
	}
	return call{text: "Model(" + nodesText(copies) + ")", apply: func(s *session, db *gorm.DB) *gorm.DB {
		values := make([]Owner, len(copies))
		for i, o := range copies {
			o.generated = false
			values[i] = s.owner(o)
		}
		if len(values) == 1 {
			return db.Model(&values[0])
		}
		return db.Model(&values)
	}}
}

var ownerRelations = []string{"City", "Boss", "Staff", "Pets", "Card", "Clubs", "Notes"}

// associationRead finds or counts what owners have.
func (g *generator) associationRead() *operation {
	relation := pick(g, ownerRelations)
	calls := []call{modelOfOwners(g.some(1 + g.r.IntN(3)))}
	if g.chance(30) {
		calls = append(calls, whereCall("Where", condition{"id > ?", []any{g.r.IntN(20)}}))
	}
	if g.chance(40) {
		return statement{kind: "association", rule: rule{ordered: true}, calls: calls, finisher: fmt.Sprintf("Association(%q).Count()", relation), run: func(s *session, db *gorm.DB) *answer {
			association := db.Association(relation)
			n := association.Count()
			a := &answer{err: association.Error, rows: toRecords(n, s.precision)}
			a.class, a.reason = s.classify(a.err)
			return a
		}}.operation()
	}
	calls = append(calls, orderCall("id"))
	return statement{kind: "association", rule: rule{ordered: true}, calls: calls, finisher: fmt.Sprintf("Association(%q).Find(&rows)", relation), run: func(s *session, db *gorm.DB) *answer {
		dest := map[string]any{"City": &[]City{}, "Boss": &[]Owner{}, "Staff": &[]Owner{}, "Pets": &[]Pet{}, "Card": &[]Card{}, "Clubs": &[]Club{}, "Notes": &[]Note{}}[relation]
		a := &answer{err: db.Association(relation).Find(dest)}
		a.class, a.reason = s.classify(a.err)
		a.rows = nestedAll(dest, false, s.precision)
		return a
	}}.operation()
}

// associationWrite changes what an owner has.
func (g *generator) associationWrite() *operation {
	relation := pick(g, []string{"City", "Staff", "Pets", "Pets", "Card", "Clubs", "Clubs", "Clubs", "Notes", "Owners"})
	method := pick(g, []string{"Append", "Append", "Replace", "Delete", "Clear"})
	owners := g.some(1)
	calls := []call{modelOfOwners(owners)}
	var values []func(s *session) any
	var texts []string
	add := func(text string, v func(s *session) any) { texts, values = append(texts, text), append(values, v) }
	unscoped := false
	switch relation {
	case "City":
		n := pick(g, g.graph.cities)
		add(fmt.Sprintf("City %d", n), func(*session) any { return &City{ID: int64(n), Name: "again"} })
	case "Staff":
		o := g.some(1)[0]
		if method == "Append" || method == "Replace" {
			if g.chance(40) {
				o = g.newNode()
				o.generated = false
				g.graph.owners = append(g.graph.owners, o)
			}
		}
		me := *o
		me.generated = false
		add("Owner"+me.String(), func(s *session) any { return pointer(s.owner(me)) })
	case "Pets":
		unscoped = g.v.graph.petsByOwner && method != "Append"
		if method == "Append" || method == "Replace" {
			for range 1 + g.r.IntN(2) {
				p := g.pet(nil)
				add(fmt.Sprintf("new pet %d", p.ID), func(*session) any { return pointer(p) })
			}
			break
		}
		for range 1 + g.r.IntN(2) {
			if len(g.graph.pets) > 0 {
				n := pick(g, g.graph.pets)
				add(fmt.Sprintf("pet %d", n), func(*session) any { return &Pet{ID: int64(n)} })
			}
		}
	case "Card":
		unscoped = g.v.graph.cardsByOwner
		c := *g.card()
		add(fmt.Sprintf("card %d", c.ID), func(*session) any { return pointer(c) })
	case "Notes":
		unscoped = true
		n := g.note()
		add(fmt.Sprintf("note %d", n.ID), func(*session) any { return pointer(n) })
	case "Clubs":
		if g.chance(30) {
			calls = []call{modelOfOwners(g.some(2))}
		}
		for range 1 + g.r.IntN(2) {
			if g.chance(60) {
				n := pick(g, g.graph.clubs)
				add(fmt.Sprintf("club %d", n), func(*session) any { return &Club{ID: int64(n), Name: "again"} })
			} else {
				c := g.club()
				add(fmt.Sprintf("new club %d", c.ID), func(*session) any { return pointer(c) })
			}
		}
		if strings.HasPrefix(calls[0].text, "Model([]Owner{{") && strings.Count(calls[0].text, "ID: id(") > 1 && (method == "Append" || method == "Replace") {
			// One value, or one list, per owner.
			first := values[0]
			values, texts = []func(s *session) any{first, first}, []string{texts[0], texts[0]}
			if n := strings.Count(calls[0].text, "{ID: id("); n != 2 {
				values, texts = values[:1], texts[:1]
			}
		}
	default: // of a club
		n := pick(g, g.graph.clubs)
		calls = []call{{text: fmt.Sprintf("Model(&Club{ID: %d})", n), apply: func(_ *session, db *gorm.DB) *gorm.DB { return db.Model(&Club{ID: int64(n)}) }}}
		for _, o := range g.some(1 + g.r.IntN(2)) {
			me := *o
			me.generated = false
			bare := g.v.graph.bareOwners && g.chance(40)
			add("Owner"+me.String(), func(s *session) any {
				if bare {
					return &Owner{ID: s.key(int64(me.n))}
				}
				return pointer(s.owner(me))
			})
		}
	}
	if method == "Delete" && len(values) == 0 {
		method = "Clear"
	}
	text := fmt.Sprintf("Association(%q)", relation)
	if unscoped {
		text += ".Unscoped()"
	}
	finisher := text + "." + method + "(" + strings.Join(texts, ", ") + ")"
	return statement{kind: "association write", write: true, calls: calls, finisher: finisher, run: func(s *session, db *gorm.DB) *answer {
		association := db.Association(relation)
		if unscoped {
			association = association.Unscoped()
		}
		var args []any
		for _, v := range values {
			args = append(args, v(s))
		}
		a := &answer{}
		switch method {
		case "Append":
			a.err = association.Append(args...)
		case "Replace":
			a.err = association.Replace(args...)
		case "Delete":
			a.err = association.Delete(args...)
		default:
			a.err = association.Clear()
		}
		a.class, a.reason = s.classify(a.err)
		if a.class == classOK {
			a.written = nestedAll(association.DB.Statement.Model, true, s.precision)
			for _, v := range args {
				a.written = append(a.written, nestedAll(v, true, s.precision)...)
			}
		}
		return a
	}}.operation()
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
