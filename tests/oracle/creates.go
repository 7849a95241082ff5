package oracle

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
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
