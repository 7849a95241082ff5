package oracle

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// createOne creates one row.
func (g *generator) createOne() *operation {
	r := g.newRow()
	if !g.spoil(r) {
		g.learn(r)
	}
	calls := g.mode()
	if g.chance(10) {
		calls = append(calls, omitCall("Tags", "Parent"))
		r.Tags, r.Parent = nil, nil
	}
	return g.create("create", []*row{r}, calls, false)
}

// createBatch creates n rows with one call.
func (g *generator) createBatch(n int) *operation {
	rows := make([]*row, n)
	spoiled := false
	for i := range rows {
		rows[i] = g.newRow()
		spoiled = len(g.rows) > 10 && i == n-1 && g.spoil(rows[i]) || spoiled
	}
	if !spoiled {
		g.learn(rows...)
	}
	return g.create("create", rows, g.mode(), true)
}

func values(rows []*row) []row {
	out := make([]row, len(rows))
	for i, r := range rows {
		out[i] = *r
	}
	return out
}

// create makes the operation; the rows are copied as they are now.
func (g *generator) create(kind string, rows []*row, calls []call, batch bool) *operation {
	return creation(kind, values(rows), calls, batch)
}

func creation(kind string, list []row, calls []call, batch bool) *operation {
	finisher := "Create(&" + rowsText(list) + ")"
	if !batch {
		finisher = "Create(&Model" + list[0].String() + ")"
	}
	fewer := func(i int) *operation {
		if len(list) == 1 {
			return nil
		}
		return creation(kind, slices.Concat(list[:i], list[i+1:]), calls, batch)
	}
	return statement{kind: kind, pieces: len(list), smaller: fewer, write: true, calls: calls, finisher: finisher, run: func(s *session, db *gorm.DB) *answer {
		if batch {
			dest := s.slice(list)
			return s.created(db.Create(dest.Interface()), list, dest)
		}
		dest := s.model.one()
		setValue(dest, s.value(list[0]))
		return s.created(db.Create(dest), list, reflect.ValueOf(dest))
	}}.operation()
}

// created is the answer of a create with its destination, a pointer to a struct or
// to a slice.
func (s *session) created(tx *gorm.DB, list []row, dest reflect.Value) *answer {
	a := s.answer(tx)
	if a.class != classOK {
		return a
	}
	for i := range list {
		v := dest.Elem()
		if v.Kind() == reflect.Slice {
			v = v.Index(i)
		}
		if err := s.adopt(list[i], v); err != nil {
			a.class, a.err = classFailed, err
			return a
		}
	}
	a.written = toRecords(dest.Interface(), s.precision)
	return a
}

func (g *generator) createInBatches() *operation {
	n := 3 + g.r.IntN(8)
	size := 1 + g.r.IntN(4)
	rows := make([]*row, n)
	spoiled := false
	for i := range rows {
		rows[i] = g.newRow()
		spoiled = i == n-1 && g.spoil(rows[i]) || spoiled
	}
	if !spoiled {
		g.learn(rows...)
	}
	list := values(rows)
	return statement{kind: "create in batches", write: true, finisher: fmt.Sprintf("CreateInBatches(&%s, %d)", rowsText(list), size), run: func(s *session, db *gorm.DB) *answer {
		dest := s.slice(list)
		return s.created(db.CreateInBatches(dest.Interface(), size), list, dest)
	}}.operation()
}

// createMaps creates rows from maps, which carry their ids.
func (g *generator) createMaps() *operation {
	n := 1 + g.r.IntN(4)
	rows := make([]*row, n)
	for i := range rows {
		rows[i] = g.newRow()
		rows[i].generated = false
		rows[i].Tags = nil
	}
	// A NULL where none may be fails in the database, after rows of other shards went in.
	null := n > 1 && !g.isKey("region") && g.chance(20)
	if !null {
		g.learn(rows...)
	}
	list := values(rows)
	single := n == 1 && g.chance(60)
	finisher := fmt.Sprintf("Create(maps of %s)", rowsText(list))
	if null {
		finisher = fmt.Sprintf("Create(maps of %s, the last one without a region)", rowsText(list))
	}
	return statement{kind: "create maps", write: true, rule: rule{looseWritten: true}, calls: []call{modelCall}, finisher: finisher, run: func(s *session, db *gorm.DB) *answer {
		maps := make([]map[string]any, n)
		for i, r := range list {
			maps[i] = map[string]any{
				"id": s.id(r.n), "region": string(r.Region), "name": r.Name, "level": r.Level, "amount": r.Amount,
				"cents": r.Cents, "price": r.Price, "active": r.Active, "code": string(r.Code), "parent": r.Parent,
				// A map gets no autoCreateTime.
				"ordered_at": r.OrderedAt, "created_at": s.clock.now(), "updated_at": s.clock.now(),
			}
		}
		if null {
			maps[n-1]["region"] = nil
		}
		if single {
			return s.answer(db.Create(&maps[0]))
		}
		// By pointer: of a slice by value GORM can't read what RETURNING gives.
		return s.answer(db.Create(&maps))
	}}.operation()
}

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

// dryRun builds SQL and sends nothing.
func (g *generator) dryRun() *operation {
	kind := g.r.IntN(4)
	r := *g.newRow()
	r.generated = false
	c := g.atom()
	text := []string{"Find(&rows)", "Create(&Model" + r.String() + ")", `Update("amount", 1)`, "Delete(&Model{})"}[kind]
	calls := []call{sessionCall("DryRun: true")}
	if kind == 2 {
		calls = append(calls, modelCall)
	}
	if kind != 1 {
		calls = append(calls, whereCall("Where", c))
	}
	return statement{kind: "dry run", calls: calls, finisher: text, run: func(s *session, db *gorm.DB) *answer {
		var tx *gorm.DB
		switch kind {
		case 0:
			tx = db.Find(s.model.many())
		case 1:
			dest := s.model.one()
			setValue(dest, s.value(r))
			tx = db.Create(dest)
		case 2:
			tx = db.Update("amount", 1)
		default:
			tx = db.Delete(s.model.one())
		}
		a := s.answer(tx)
		if a.class == classOK && strings.TrimSpace(tx.Statement.SQL.String()) == "" && a.form != "none" {
			a.class, a.err = classFailed, errors.New("oracle: DryRun made no SQL")
		}
		return a
	}}.operation()
}
