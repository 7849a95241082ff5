package oracle

import (
	"cmp"
	"fmt"
	"slices"

	"gorm.io/gorm"
)

// A program on models with composite keys names existing rows by their place in the
// order of the keys at the moment when an operation runs: cascades take away more than
// the generator could know.

// existing is the k-th row of a model in the order of its keys, or one that is not there.
// They are put in order here: not every variant can be asked for an order of text.
func existing[T any](s *session, k int, order func(a, b T) int, where ...any) T {
	var rows []T
	s.db.Session(&gorm.Session{NewDB: true}).Find(&rows, where...)
	if len(rows) == 0 {
		var none T
		return none
	}
	slices.SortFunc(rows, order)
	return rows[k%len(rows)]
}

func (s *session) estate(k int) Estate { return existing(s, k, orderOfEstates) }
func (s *session) house(k int) House {
	return existing(s, k, func(a, b House) int {
		return cmp.Or(cmp.Compare(a.Area, b.Area), cmp.Compare(a.EstateNo, b.EstateNo), cmp.Compare(a.No, b.No))
	})
}
func (s *session) room(k int) Room {
	return existing(s, k, func(a, b Room) int {
		return cmp.Or(cmp.Compare(a.Area, b.Area), cmp.Compare(a.EstateNo, b.EstateNo), cmp.Compare(a.HouseNo, b.HouseNo), cmp.Compare(a.No, b.No))
	})
}
func (s *session) claim(k int) Claim {
	return existing(s, k, func(a, b Claim) int { return cmp.Compare(a.ID, b.ID) })
}
func (s *session) agent(k int) Agent {
	return existing(s, k, func(a, b Agent) int { return cmp.Compare(a.ID, b.ID) })
}

func orderOfEstates(a, b Estate) int {
	return cmp.Or(cmp.Compare(a.Area, b.Area), cmp.Compare(a.No, b.No))
}

// main is the k-th of the estates that are in an estate's area.
func (s *session) main(e Estate, k int) Estate {
	return existing(s, k, orderOfEstates, "area = ?", e.Area)
}

// keyOfEstate has the key only, as a program that knows nothing else.
func (s *session) keyOfEstate(k int) *Estate {
	e := s.estate(k)
	return &Estate{Area: e.Area, No: e.No}
}

func (s *session) keyOfHouse(k int) *House {
	h := s.house(k)
	return &House{Area: h.Area, EstateNo: h.EstateNo, No: h.No}
}

// place draws which of the existing rows.
func (g *generator) place() int { return g.r.IntN(60) }

// kinStart fills the tables.
func (g *generator) kinStart() []*operation {
	ops := []*operation{creating("create", "6 agents", func(*session) any {
		var list []Agent
		for i := range 6 {
			list = append(list, Agent{ID: int64(i + 1), Name: Text(fmt.Sprint("a", i))})
		}
		return &list
	})}
	for range 7 {
		ops = append(ops, g.estateSave())
	}
	return ops
}

// newEstate draws one without what belongs to it. Its number stands in other areas, too.
func (g *generator) newEstate() Estate {
	g.next++
	return Estate{Area: Text(pick(g, g.v.regions)), No: int64(g.next/2 + 1), Name: Text(fmt.Sprint("e", g.r.IntN(9))), Worth: g.r.IntN(40)}
}

func (g *generator) newHouse(no int) House {
	h := House{No: int64(no), Kind: Text(fmt.Sprint("k", g.r.IntN(4))), Size: g.r.IntN(20)}
	for i := range g.r.IntN(3) {
		h.Rooms = append(h.Rooms, Room{No: int64(i + 1), Floor: g.r.IntN(4)})
	}
	if g.chance(30) {
		h.Guests = append(h.Guests, Guest{ID: g.serial(), Nights: g.r.IntN(9)})
	}
	return h
}

// serial numbers rows whose key is one column.
func (g *generator) serial() int64 {
	g.next++
	return int64(g.next)
}

// withKin gives an estate what belongs to it; the slices are new ones.
func (g *generator) withKin(e Estate) Estate {
	for i := range g.r.IntN(3) {
		e.Houses = append(e.Houses, g.newHouse(i+1))
	}
	for range g.r.IntN(3) {
		e.Claims = append(e.Claims, Claim{ID: g.serial(), Amount: g.r.IntN(50)})
	}
	for range g.r.IntN(2) {
		e.Fees = append(e.Fees, Fee{ID: g.serial(), Sum: g.r.IntN(9)})
	}
	if g.chance(15) {
		e.Deed = &Deed{Serial: g.r.IntN(90)}
	}
	return e
}

// copied is a deep copy, since a save writes into what it is given.
func (e Estate) copied() Estate {
	e.Houses = slices.Clone(e.Houses)
	for i, h := range e.Houses {
		e.Houses[i].Rooms, e.Houses[i].Guests = slices.Clone(h.Rooms), slices.Clone(h.Guests)
	}
	e.Claims, e.Fees = slices.Clone(e.Claims), slices.Clone(e.Fees)
	if e.Deed != nil {
		e.Deed = pointer(*e.Deed)
	}
	return e
}

func (e Estate) String() string {
	text := fmt.Sprintf("Estate{%s %d %q worth %d", e.Area, e.No, e.Name, e.Worth)
	for _, h := range e.Houses {
		text += fmt.Sprintf(" house %d size %d of %d rooms, %d guests;", h.No, h.Size, len(h.Rooms), len(h.Guests))
	}
	for _, c := range e.Claims {
		text += fmt.Sprintf(" claim %d;", c.ID)
	}
	for _, f := range e.Fees {
		text += fmt.Sprintf(" fee %d;", f.ID)
	}
	if e.Deed != nil {
		text += " deed;"
	}
	return text + "}"
}

// kinChoices are the operations on models with composite keys.
func (g *generator) kinChoices() []weighted {
	all := []weighted{
		{14, g.kinFind}, {3, g.kinFirst}, {8, g.kinPreload}, {8, g.kinJoin}, {17, g.kinCursor}, {6, g.kinRawJoin}, {5, g.kinText}, {5, g.kinGroups}, {3, g.kinStream}, {5, g.kinAssociation},
		{23, g.estateSave}, {7, g.childCreate}, {5, g.kinUpsert}, {4, g.kinSave}, {4, g.kinFirstOrCreate},
		{6, g.kinUpdate}, {25, g.kinMove}, {34, g.estateDelete}, {5, g.childDelete}, {8, g.kinBatchDelete}, {5, g.kinLimited}, {8, g.kinAssociationWrite}, {4, g.kinRawWrite}, {4, g.kinReturning},
	}
	if g.depth == 0 {
		all = append(all, weighted{7, g.transaction})
	} else {
		all = append(all, weighted{90, g.kinLock})
	}
	return all
}

// kinStatement is one on models with composite keys.
func kinStatement(st statement, shapes ...string) *operation {
	st.also = append(st.also, "composite keys")
	st.also = append(st.also, shapes...)
	return st.operation()
}

// relationsOf reads into a slice and shows the rows with their relations.
func relationsOf[T any](kind string, calls []call, finisher string, shapes ...string) *operation {
	return kinStatement(statement{kind: kind, rule: rule{ordered: true}, calls: calls, finisher: finisher, run: func(s *session, db *gorm.DB) *answer {
		var rows []T
		a := s.answer(db.Find(&rows))
		a.rows = nestedAll(rows, false, s.precision)
		return a
	}}, shapes...)
}

// nothing is the answer of an operation whose row is not there.
func (s *session) nothing(db *gorm.DB) *answer { return s.answer(db.Where("1 = 0").Find(&[]House{})) }
