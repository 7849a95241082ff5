package oracle

import (
	"errors"
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// upsert inserts rows of which some exist; their shard keys stay as they are.
func (g *generator) upsert() *operation {
	n := 1 + g.r.IntN(4)
	var list []row
	taken := map[int]bool{}
	for range n {
		r := *g.newRow()
		r.generated = false
		if old := g.any(); g.chance(55) && !taken[old.n] {
			key := r
			r = *old
			r.generated = false
			r.Amount, r.Name, r.Cents = key.Amount, key.Name, key.Cents
			if !g.isKey("level") && g.chance(50) {
				r.Level = key.Level
			}
		} else {
			fresh := r
			g.learn(&fresh)
		}
		if taken[r.n] {
			continue
		}
		taken[r.n] = true
		list = append(list, r)
	}
	kinds := []struct {
		text     string
		conflict clause.OnConflict
	}{
		{"clause.OnConflict{DoNothing: true}", clause.OnConflict{DoNothing: true}},
		{"clause.OnConflict{UpdateAll: true}", clause.OnConflict{UpdateAll: true}},
		{`clause.OnConflict{Columns: id, UpdateAll: true}`, clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, UpdateAll: true}},
		{`clause.OnConflict{Columns: id, DoUpdates: AssignmentColumns(amount, name)}`, clause.OnConflict{
			Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"amount", "name"}),
		}},
		{`clause.OnConflict{Columns: id, DoUpdates: Assignments(cents: 7)}`, clause.OnConflict{
			Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.Assignments(map[string]any{"cents": 7}),
		}},
		{`clause.OnConflict{Columns: id, DoUpdates: Assignments(amount: items.amount + 1)}`, clause.OnConflict{
			Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.Assignments(map[string]any{"amount": gorm.Expr(g.v.model.table + ".amount + 1")}),
		}},
		{`clause.OnConflict{Columns: id, DoNothing: true}`, clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoNothing: true}},
	}
	k := pick(g, kinds)
	if k.conflict.UpdateAll && g.isKey("created_at") {
		k = kinds[3] // UpdateAll leaves created_at alone, but the row's value is another one
	}
	if g.isKey("created_at") {
		// The creation date of a row that exists is not known here.
		fresh := list[:0]
		for _, r := range list {
			r.n = g.next
			g.next++
			fresh = append(fresh, r)
		}
		list = fresh
	}
	return upsertion(k.text, k.conflict, list, len(list) == 1 && g.chance(50))
}

func upsertion(text string, conflict clause.OnConflict, list []row, single bool) *operation {
	fewer := func(i int) *operation {
		if len(list) == 1 {
			return nil
		}
		return upsertion(text, conflict, slices.Concat(list[:i], list[i+1:]), single)
	}
	return statement{
		kind: "upsert", pieces: len(list), smaller: fewer, write: true,
		// With RETURNING, GORM counts all rows or none as affected by DO NOTHING.
		rule:     rule{looseWritten: true, looseAffected: conflict.DoNothing},
		calls:    []call{fixed("Clauses("+text+")", func(db *gorm.DB) *gorm.DB { return db.Clauses(conflict) })},
		finisher: "Create(&" + rowsText(list) + ")",
		run: func(s *session, db *gorm.DB) *answer {
			dest := s.slice(list)
			if single {
				return s.answer(db.Create(dest.Elem().Index(0).Addr().Interface()))
			}
			return s.answer(db.Create(dest.Interface()))
		},
	}.operation()
}

// save writes a whole row: one that exists, one with a new id, or one without.
func (g *generator) save() *operation {
	var r row
	present := g.chance(60)
	if present {
		old := g.any()
		g.touch(old)
		r = *old
		r.generated = false
	} else {
		fresh := g.newRow()
		g.learn(fresh)
		r = *fresh
	}
	text := r.String()
	return statement{kind: "save", write: true, calls: g.mode(), finisher: "Save(&Model" + text + ")", run: func(s *session, db *gorm.DB) *answer {
		dest := s.model.one()
		setValue(dest, s.value(r))
		if r.generated && !s.generates() {
			// Without a key Save is Create; here the key is the one that the other side got.
			return s.created(db.Create(dest), []row{r}, reflect.ValueOf(dest))
		}
		if present && !s.keepsCreation(r, dest) {
			return &answer{class: classOK}
		}
		return s.created(db.Save(dest), []row{r}, reflect.ValueOf(dest))
	}}.operation()
}

// keepsCreation gives a destination the row's own creation date, which the
// generator does not know; false if there is no such row.
func (s *session) keepsCreation(r row, dest any) bool {
	found := s.model.one()
	db := s.db.Session(&gorm.Session{NewDB: true}).Unscoped()
	if err := db.First(found, "id = ?", s.id(r.n)).Error; err != nil {
		return !errors.Is(err, gorm.ErrRecordNotFound)
	}
	old, now := reflect.ValueOf(found).Elem(), reflect.ValueOf(dest).Elem()
	for _, name := range []string{"CreatedAt", "DeletedAt"} {
		now.FieldByName(name).Set(old.FieldByName(name))
	}
	return true
}

// saveMany is an upsert of whole rows.
func (g *generator) saveMany() *operation {
	var list []row
	taken := map[int]bool{}
	for range 2 + g.r.IntN(3) {
		if old := g.any(); !taken[old.n] && g.chance(60) && !g.isKey("created_at") {
			g.touch(old)
			taken[old.n] = true
			r := *old
			r.generated = false
			list = append(list, r)
			continue
		}
		fresh := g.newRow()
		fresh.generated = false
		g.learn(fresh)
		taken[fresh.n] = true
		list = append(list, *fresh)
	}
	return statement{kind: "save", write: true, rule: rule{looseWritten: true}, finisher: "Save(&" + rowsText(list) + ")", run: func(s *session, db *gorm.DB) *answer {
		return s.answer(db.Save(s.slice(list).Interface()))
	}}.operation()
}

// touch changes some fields of a row that are not its shard key.
func (g *generator) touch(r *row) {
	fresh := g.draw()
	r.Amount, r.Cents, r.Name, r.Active = fresh.Amount, fresh.Cents, fresh.Name, fresh.Active
	if !g.isKey("level") {
		r.Level = fresh.Level
	}
	if g.chance(30) {
		r.Tags = fresh.Tags
	}
}

// firstOrCreate looks a row up and makes it with an id of its own.
func (g *generator) firstOrCreate() *operation {
	fresh := g.newRow()
	fresh.generated = false
	wanted := partial{map[string]any{"Code": string(fresh.Code), "Region": string(fresh.Region)}}
	if g.chance(50) {
		old := g.any()
		wanted = partial{map[string]any{"Code": string(old.Code), "Level": old.Level}}
		fresh.Code, fresh.Level = old.Code, old.Level
	}
	g.learn(fresh)
	r := *fresh
	assign := g.chance(35)
	calls := []call{whereCall("Where", condition{wanted, nil})}
	calls[0].optional = false
	calls = append(calls, call{text: "Attrs(Model" + r.String() + ")", apply: func(s *session, db *gorm.DB) *gorm.DB {
		v := s.model.fill(r, s.id(r.n))
		p := s.model.one()
		setValue(p, v)
		return db.Attrs(p)
	}})
	if assign {
		calls = append(calls, fixed(`Assign(map[string]any{"cents": 4711})`, func(db *gorm.DB) *gorm.DB {
			return db.Assign(map[string]any{"cents": 4711})
		}))
	}
	return statement{kind: "first or create", write: true, calls: calls, finisher: "FirstOrCreate(&row)", run: func(s *session, db *gorm.DB) *answer {
		dest := s.model.one()
		a := s.answer(db.FirstOrCreate(dest))
		if a.class == classOK {
			a.written = toRecords(dest, s.precision)
		}
		return a
	}}.operation()
}
