package oracle

import (
	"context"
	"fmt"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// modelOfGraph is db.Model of a new value like the given one.
func modelOfGraph(value any) call {
	typ := reflect.TypeOf(value)
	return call{text: "Model(&" + typ.Name() + "{})", apply: func(_ *session, db *gorm.DB) *gorm.DB { return db.Model(reflect.New(typ).Interface()) }}
}

// ownerCondition draws a condition on owners; qualified as joins need it.
func (g *generator) ownerCondition(qualified bool) condition {
	o := pick(g, g.graph.owners)
	t := ""
	if qualified {
		t = "owners."
	}
	switch g.r.IntN(7) {
	case 0:
		return condition{t + "region = ?", []any{string(o.Region)}}
	case 1:
		return condition{t + "region = ? AND " + t + "level < ?", []any{string(o.Region), o.Level + 2}}
	case 2:
		return condition{t + "id IN ?", []any{[]rowID{rowID(o.n), rowID(pick(g, g.graph.owners).n), rowID(pick(g, g.graph.owners).n)}}}
	case 3:
		return condition{t + "id = ?", []any{rowID(o.n)}}
	case 4:
		return condition{t + "joined <= ?", []any{o.Joined}}
	case 5:
		return condition{t + "boss_id IS NULL", nil}
	default:
		return condition{t + "level >= ?", []any{g.r.IntN(5)}}
	}
}

// preloadCall loads a relation: as it is, in order, with conditions, or part of it.
func (g *generator) preloadCall(path string, list bool) call {
	ordered := func(db *gorm.DB) *gorm.DB { return db.Order("id") }
	kind := g.r.IntN(6)
	level := g.r.IntN(6)
	c := call{optional: true}
	switch {
	case kind == 0 && list:
		c.text = fmt.Sprintf("Preload(%q, id > ?, id(%d))", path, level)
		c.apply = func(s *session, db *gorm.DB) *gorm.DB {
			return db.Preload(path, "id > ?", s.key(int64(level)), ordered)
		}
	case kind == 1 && list:
		c.text = fmt.Sprintf("Preload(%q, Order(id DESC).Where(id <> ?))", path)
		c.apply = func(s *session, db *gorm.DB) *gorm.DB {
			return db.Preload(path, func(tx *gorm.DB) *gorm.DB { return tx.Order("id DESC").Where("id <> ?", s.key(int64(level))) })
		}
	case kind == 2 && list:
		c.text = fmt.Sprintf("Preload(%q, Order(id).Limit(3))", path)
		c.apply = func(_ *session, db *gorm.DB) *gorm.DB {
			return db.Preload(path, func(tx *gorm.DB) *gorm.DB { return tx.Order("id").Limit(3) })
		}
	case kind == 3:
		c.text = fmt.Sprintf("Preload(%q, Unscoped().Order(id))", path)
		c.apply = func(_ *session, db *gorm.DB) *gorm.DB {
			return db.Preload(path, func(tx *gorm.DB) *gorm.DB { return tx.Unscoped().Order("id") })
		}
	default:
		c.text = fmt.Sprintf("Preload(%q)", path)
		c.apply = func(_ *session, db *gorm.DB) *gorm.DB { return db.Preload(path) }
	}
	return c
}

// preloadPaths are relations with what tells lists, by the model that is read.
var preloadPaths = map[string][]string{
	"Owner": {"City", "Boss", "*Staff", "*Pets", "Card", "*Clubs", "*Notes", "Boss.Boss", "*Staff.Staff", "*Staff.Pets", "Boss.Card", "*Boss.Clubs", "*Clubs.Owners", "*Pets", "*City.Owners"},
	"Pet":   {"Owner", "Owner.City", "*Owner.Pets", "Owner.Boss", "*Owner.Clubs"},
	"City":  {"*Owners", "*Owners.Pets", "Owners.Card", "*Owners.Clubs"},
	"Club":  {"*Owners", "Owners.City", "*Owners.Pets"},
}

// preload reads rows with their relations.
func (g *generator) preload() *operation {
	var calls []call
	var dest func() any
	name := pick(g, []string{"Owner", "Owner", "Owner", "Pet", "City", "Club"})
	switch name {
	case "Owner":
		calls = append(calls, g.hints(true)...)
		calls = append(calls, whereCall("Where", g.ownerCondition(false)))
		dest = func() any { return &[]Owner{} }
	case "Pet":
		calls = append(calls, g.hints(true)...)
		calls = append(calls, whereCall("Where", condition{"weight >= ?", []any{g.r.IntN(5)}}))
		dest = func() any { return &[]Pet{} }
	case "City":
		dest = func() any { return &[]City{} }
	default:
		dest = func() any { return &[]Club{} }
	}
	if g.chance(12) {
		calls = append(calls, call{text: "Preload(clause.Associations)", optional: true, apply: func(_ *session, db *gorm.DB) *gorm.DB { return db.Preload(clause.Associations) }})
	}
	for range 1 + g.r.IntN(3) {
		path := pick(g, preloadPaths[name])
		list := path[0] == '*'
		if list {
			path = path[1:]
		}
		calls = append(calls, g.preloadCall(path, list))
	}
	calls = append(calls, orderCall("id"))
	if g.chance(25) {
		calls = append(calls, limitCall(1+g.r.IntN(4)))
	}
	batches := g.chance(12)
	finisher := "Find(&[]" + name + ")"
	if batches {
		finisher = "FindInBatches(&[]" + name + ", 2)"
	}
	return statement{kind: "preload", rule: rule{ordered: true}, calls: calls, finisher: finisher, run: func(s *session, db *gorm.DB) *answer {
		rows := dest()
		if batches {
			var all []record
			a := s.answer(db.FindInBatches(rows, 2, func(*gorm.DB, int) error {
				all = append(all, nestedAll(rows, false, s.precision)...)
				return nil
			}))
			a.rows = all
			return a
		}
		a := s.answer(db.Find(rows))
		a.rows = nestedAll(rows, false, s.precision)
		return a
	}}.operation()
}

// joinOf is a relation join, left or inner, perhaps with a condition of its own.
func (g *generator) joinOf(relation string, conditions ...string) call {
	inner := g.chance(45)
	method := map[bool]string{false: "Joins", true: "InnerJoins"}[inner]
	c := call{text: fmt.Sprintf("%s(%q)", method, relation)}
	on := ""
	if len(conditions) > 0 && g.chance(30) {
		on = pick(g, conditions)
		c.text = fmt.Sprintf("%s(%q, db.Where(%q))", method, relation, on)
	}
	c.apply = func(s *session, db *gorm.DB) *gorm.DB {
		var args []any
		if on != "" {
			args = append(args, s.db.Session(&gorm.Session{NewDB: true}).Where(on))
		}
		if inner {
			return db.InnerJoins(relation, args...)
		}
		return db.Joins(relation, args...)
	}
	return c
}

// relationJoin reads rows joined with their relations.
func (g *generator) relationJoin() *operation {
	switch k := g.r.IntN(100); {
	case k < 30:
		return g.petJoin()
	case k < 40:
		return g.genericJoin()
	}
	var calls []call
	taken := map[string]bool{}
	for range 1 + g.r.IntN(2) {
		relation := pick(g, []string{"City", "Boss", "Card", "Boss.City", "Boss.Boss", "Boss.Card"})
		if taken[relation] {
			continue
		}
		taken[relation] = true
		switch relation {
		case "Boss.City", "Boss.Boss", "Boss.Card":
			if !taken["Boss"] {
				taken["Boss"] = true
				calls = append(calls, g.joinOf("Boss"))
			}
			calls = append(calls, g.joinOf(relation))
		case "City":
			calls = append(calls, g.joinOf(relation, "name <> 'a'"))
		case "Boss":
			calls = append(calls, g.joinOf(relation, "level > 3", "region = 'EU'"))
		default:
			calls = append(calls, g.joinOf(relation, "digits > 20"))
		}
	}
	if g.chance(70) {
		calls = append(calls, whereCall("Where", g.ownerCondition(true)))
	}
	if taken["City"] && g.chance(25) {
		calls = append(calls, whereCall("Where", condition{g.quote("City") + "." + g.quote("name") + " <> ?", []any{"b"}}))
	}
	if taken["Boss"] && g.chance(25) {
		calls = append(calls, whereCall("Where", condition{g.quote("Boss") + ".level >= ?", []any{g.r.IntN(5)}}))
	}
	if g.chance(20) {
		calls = append(calls, g.preloadCall(pick(g, []string{"Pets", "Clubs"}), true))
	}
	if g.chance(15) {
		calls = append([]call{modelOfGraph(Owner{})}, calls...)
		return statement{kind: "relation join", rule: rule{ordered: true}, calls: calls, finisher: "Count(&n)", run: func(s *session, db *gorm.DB) *answer {
			var n int64
			a := s.answer(db.Count(&n))
			a.rows = toRecords(n, s.precision)
			return a
		}}.operation()
	}
	calls = append(calls, orderCall(pick(g, []string{"owners.id", "owners.id DESC", "owners.level, owners.id"})))
	calls = append(calls, g.graphPage()...)
	return readOwners("relation join", calls)
}

func (g *generator) graphPage() []call {
	switch g.r.IntN(4) {
	case 0:
		return []call{limitCall(1 + g.r.IntN(5))}
	case 1:
		return []call{limitCall(1 + g.r.IntN(5)), offsetCall(g.r.IntN(5))}
	}
	return nil
}

func readOwners(kind string, calls []call) *operation {
	return statement{kind: kind, rule: rule{ordered: true}, calls: calls, finisher: "Find(&[]Owner)", run: func(s *session, db *gorm.DB) *answer {
		var rows []Owner
		a := s.answer(db.Find(&rows))
		a.rows = nestedAll(rows, false, s.precision)
		return a
	}}.operation()
}

// petJoin joins from the child's side.
func (g *generator) petJoin() *operation {
	calls := []call{g.joinOf("Owner", "level >= 2")}
	if g.chance(40) {
		calls = append(calls, g.joinOf(pick(g, []string{"Owner.City", "Owner.Boss", "Owner.Card"})))
	}
	if g.chance(50) {
		calls = append(calls, whereCall("Where", condition{g.quote("Owner") + ".region = ?", []any{pick(g, g.v.regions)}}))
	}
	if g.chance(40) {
		calls = append(calls, whereCall("Where", condition{"pets.weight < ?", []any{2 + g.r.IntN(8)}}))
	}
	calls = append(calls, orderCall("pets.id"))
	calls = append(calls, g.graphPage()...)
	return statement{kind: "relation join", rule: rule{ordered: true}, calls: calls, finisher: "Find(&[]Pet)", run: func(s *session, db *gorm.DB) *answer {
		var rows []Pet
		a := s.answer(db.Find(&rows))
		a.rows = nestedAll(rows, false, s.precision)
		return a
	}}.operation()
}

// genericJoin joins through GORM's generic interface, with conditions on both tables.
func (g *generator) genericJoin() *operation {
	digits, level := g.r.IntN(40), g.r.IntN(6)
	return statement{kind: "relation join", rule: rule{ordered: true}, finisher: fmt.Sprintf(
		`G[Owner](db).Joins(InnerJoin.AssociationFrom("Card", G[Card](db)).As("c"), "?.owner_id = ?.id AND (?.digits > %d OR ?.level > %d)").Order("owners.id").Find(ctx)`, digits, level,
	), run: func(s *session, db *gorm.DB) *answer {
		on := func(b gorm.JoinBuilder, joined, current clause.Table) error {
			b.Where("?.owner_id = ?.id", joined, current).Where("?.digits > ? OR ?.level > ?", joined, digits, current, level)
			return nil
		}
		a := &answer{}
		var found []Owner
		ctx := context.WithoutCancel(db.Statement.Context)
		found, a.err = gorm.G[Owner](db.Session(&gorm.Session{})).Joins(clause.InnerJoin.AssociationFrom("Card", gorm.G[Card](db.Session(&gorm.Session{NewDB: true}))).As("c"), on).Order("owners.id").Find(ctx)
		a.class, a.reason = s.classify(a.err)
		a.rows = nestedAll(found, false, s.precision)
		return a
	}}.operation()
}

// graphRawJoin joins several models by SQL text.
func (g *generator) graphRawJoin() *operation {
	level := g.r.IntN(6)
	owner := modelOfGraph(Owner{})
	switch g.r.IntN(5) {
	case 0:
		return intoMaps("raw join", []call{
			owner, joinCall("JOIN pets ON pets.owner_id = owners.id AND pets.weight > ?", level), selectCall("owners.id, pets.id AS pet, pets.weight"), orderCall("owners.id, pets.id"),
		}, true)
	case 1:
		return intoMaps("raw join", []call{
			owner, joinCall("JOIN memberships m ON m.owner_id = owners.id"), joinCall("JOIN clubs ON clubs.id = m.club_id"), whereCall("Where", g.ownerCondition(true)),
			selectCall("owners.id, clubs.id AS club"), orderCall("owners.id, clubs.id"),
		}, true)
	case 2:
		return intoMaps("raw join", []call{
			modelOfGraph(City{}), joinCall("LEFT JOIN owners ON owners.city_id = cities.id AND owners.deleted_at IS NULL"), selectCall("cities.id, COUNT(owners.id) AS n, MAX(owners.level) AS top"),
			fixed(`Group("cities.id")`, func(db *gorm.DB) *gorm.DB { return db.Group("cities.id") }), orderCall("cities.id"),
		}, true)
	case 3:
		return readOwners("raw join", []call{
			whereCall("Where", condition{"EXISTS (SELECT 1 FROM pets WHERE pets.owner_id = owners.id AND pets.weight > ?)", []any{level}}), orderCall("id"),
		})
	default:
		return intoMaps("raw join", []call{
			owner, joinCall("LEFT JOIN owners AS boss ON boss.id = owners.boss_id"), whereCall("Where", condition{"boss.level > owners.level OR boss.id IS NULL", nil}),
			selectCall("owners.id, boss.id AS boss"), orderCall("owners.id"),
		}, true)
	}
}
