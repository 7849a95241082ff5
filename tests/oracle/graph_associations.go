package oracle

import (
	"fmt"
	"strings"

	"gorm.io/gorm"
)

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
			bare := g.chance(40) // GORM inserts it with DO NOTHING
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
