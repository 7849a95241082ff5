package oracle

import (
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// node is a row of a model with relations as the generator knows it: its number and,
// of an owner, what decides on its shard.
type node struct {
	n         int
	generated bool
	Owner
}

// known are the rows that a program with relations has written.
type known struct {
	owners              []*node
	pets, clubs, cities []int
}

// newNode draws an owner without relations.
func (g *generator) newNode() *node {
	r := g.draw()
	o := &node{n: g.next, generated: g.chance(30) && !g.v.graph.givenOwners}
	g.next++
	o.Region, o.Level, o.Joined = r.Region, r.Level, r.OrderedAt
	o.Name = Text(fmt.Sprint("o", g.r.IntN(9)))
	if len(g.graph.owners) > 0 && g.chance(50) {
		o.BossID = pointer(int64(pick(g, g.graph.owners).n))
	}
	if len(g.graph.cities) > 0 && g.chance(70) {
		o.CityID = pointer(int64(pick(g, g.graph.cities)))
	}
	return o
}

func pointer[T any](v T) *T { return &v }

// number draws and keeps a new row's number.
func (g *generator) number(list *[]int) int {
	n := g.next
	g.next++
	*list = append(*list, n)
	return n
}

func (g *generator) pet(owner *int64) Pet {
	return Pet{ID: int64(g.number(&g.graph.pets)), OwnerID: owner, Name: Text(fmt.Sprint("p", g.r.IntN(9))), Weight: g.r.IntN(9)}
}

func (g *generator) club() Club {
	return Club{ID: int64(g.number(&g.graph.clubs)), Name: Text(fmt.Sprint("c", g.r.IntN(5)))}
}

func (g *generator) note() Note {
	g.next++
	return Note{ID: int64(g.next - 1), Title: Text(fmt.Sprint("n", g.r.IntN(5)))}
}

func (g *generator) card() *Card {
	g.next++
	return &Card{ID: int64(g.next - 1), Digits: g.r.IntN(50)}
}

// graphStart fills the tables: cities, clubs, and owners with what they have.
func (g *generator) graphStart() []*operation {
	cities := []City{{Name: "a"}, {Name: "b"}, {Name: "c"}}
	for i := range cities {
		cities[i].ID = int64(g.number(&g.graph.cities))
	}
	clubs := []Club{g.club(), g.club(), g.club()}
	return []*operation{
		creating("create", fmt.Sprintf("%d cities", len(cities)), func(*session) any { return pointer(slices.Clone(cities)) }),
		creating("create", fmt.Sprintf("%d clubs", len(clubs)), func(*session) any { return pointer(slices.Clone(clubs)) }),
		g.graphOwners(5), g.nestedSave(), g.nestedSave(), g.nestedSave(), g.nestedSave(),
	}
}

// creating creates what make gives, which must be new values each time.
func creating(kind, what string, make func(s *session) any) *operation {
	return statement{kind: kind, write: true, finisher: "Create(&" + what + ")", run: func(s *session, db *gorm.DB) *answer {
		return s.answer(db.Create(make(s)))
	}}.operation()
}

// owner is the node's value on a side; its references are to rows as that side has
// them.
func (s *session) owner(o node) Owner {
	v := o.Owner
	v.ID = 0
	if !o.generated || !s.generates() {
		v.ID = s.key(int64(o.n))
	}
	v.BossID, v.CityID = s.keyOf(o.BossID), s.keyOf(o.CityID)
	return v
}

// key is the primary key of a row with a number.
func (s *session) key(n int64) int64 {
	id, _ := s.id(int(n)).(int64)
	return id
}

func (s *session) keyOf(n *int64) *int64 {
	if n == nil {
		return nil
	}
	return pointer(s.key(*n))
}

// adoptKey keeps a generated key.
func (s *session) adoptKey(o node, id int64) {
	if o.generated && s.generates() {
		s.ids.generated[o.n] = id
	}
}

// graphOwners creates owners without relations.
func (g *generator) graphOwners(n int) *operation {
	var list []node
	var fresh []*node
	for range n {
		o := g.newNode()
		list = append(list, *o)
		fresh = append(fresh, o)
	}
	g.graph.owners = append(g.graph.owners, fresh...)
	return statement{kind: "create", write: true, finisher: "Create(" + nodesText(list) + ")", run: func(s *session, db *gorm.DB) *answer {
		var rows []Owner
		for _, o := range list {
			rows = append(rows, s.owner(o))
		}
		a := s.answer(db.Create(&rows))
		if a.class == classOK {
			for i, o := range list {
				s.adoptKey(o, rows[i].ID)
			}
			a.written = nestedAll(rows, true, s.precision)
		}
		return a
	}}.operation()
}

func nodesText(list []node) string {
	var parts []string
	for _, o := range list {
		parts = append(parts, o.String())
	}
	return "[]Owner{" + strings.Join(parts, ", ") + "}"
}

// String writes the node's fields that are not zero.
func (o node) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "{ID: id(%d)", o.n)
	if o.generated {
		b.WriteString(" <generated>")
	}
	fmt.Fprintf(&b, ", Region: %q, Name: %q, Level: %d, Joined: %s", o.Region, o.Name, o.Level, goText(o.Joined))
	if o.BossID != nil {
		fmt.Fprintf(&b, ", BossID: id(%d)", *o.BossID)
	}
	if o.CityID != nil {
		fmt.Fprintf(&b, ", CityID: %d", *o.CityID)
	}
	return b.String() + "}"
}

// graphChoices are the operations on models with relations.
func (g *generator) graphChoices() []weighted {
	all := []weighted{
		{22, g.preload}, {24, g.relationJoin}, {12, g.associationRead}, {14, g.associationWrite}, {18, g.nestedSave},
		{2, func() *operation { return g.graphOwners(1 + g.r.IntN(3)) }}, {18, g.graphCursor}, {10, g.graphMove}, {7, g.graphRawJoin}, {4, g.graphUpdate}, {3, g.graphDelete}, {2, g.selectDelete},
	}
	if g.depth == 0 {
		all = append(all, weighted{4, g.transaction})
	}
	return all
}
