package oracle

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// summary is a struct of some of the columns, as programs read into.
type summary struct {
	Region string
	Level  int
	Name   *string
	Amount int64
}

func setValue(pointer any, v reflect.Value) { reflect.ValueOf(pointer).Elem().Set(v) }

// readRule is the rule of a read with that order and page.
func readRule(o ordering, page []call) rule {
	return rule{ordered: o.total, keys: o.keys, choice: len(page) > 0 && !o.total}
}

// sessions tells whether sessions can carry a read with that order and those columns
// (none: all).
func (o ordering) sessions(columns ...string) bool {
	return o.simple && (len(columns) == 0 || len(within(o.columns, columns...)) == len(o.columns))
}

// filters draws what narrows a read: mode, form and conditions.
func (g *generator) filters(sessions bool) []call {
	calls := joinLists(g.mode(), g.hints(sessions), g.conditions(pick(g, []int{0, 1, 1, 1, 2, 2, 3})))
	if g.chance(8) {
		calls = append(calls, unscoped)
	}
	if g.chance(18) {
		calls = append(calls, g.advice("select")...)
	}
	return calls
}

// find reads models into a slice, in every shape of conditions, order and page.
func (g *generator) find() *operation {
	o, page := g.order(), g.page()
	var columns []string
	var selected []call
	if g.chance(12) {
		columns = []string{"id", "region", "level", "amount", "name", "ordered_at"}
		selected = []call{selectList(columns)}
	} else if g.chance(8) {
		columns = []string{"id", "region", "level", "amount", "name", "ordered_at", "cents", "code", "parent", "active"}
		selected = []call{omitCall("tags", "price")}
	}
	calls := joinLists(g.filters(o.sessions(columns...)), o.calls, page, selected)
	if columns != nil {
		o.keys = within(o.keys, columns...)
	}
	inline, has := g.inline()
	finisher := "Find(&rows)"
	if has {
		finisher = "Find(&rows, " + inline.text() + ")"
	}
	pointers := g.chance(15)
	dest := func(s *session) any {
		if pointers {
			return reflect.New(reflect.SliceOf(reflect.PointerTo(s.model.typ))).Interface()
		}
		return s.model.many()
	}
	run := func(s *session, db *gorm.DB) *answer {
		rows := dest(s)
		var args []any
		if has {
			args = inline.inlineArgs(s)
		}
		a := s.answer(db.Find(rows, args...))
		a.rows = toRecords(rows, s.precision)
		return a
	}
	return statement{
		kind: "find", rule: readRule(o, page), calls: calls, finisher: finisher, run: run,
		pool: func(s *session, db *gorm.DB) []record { return run(s, db).rows },
	}.operation()
}

// within keeps the keys up to the first that is not among names.
func within(keys []string, names ...string) []string {
	for i, k := range keys {
		found := false
		for _, n := range names {
			found = found || n == k
		}
		if !found {
			return keys[:i]
		}
	}
	return keys
}

// findInto reads some columns into structs, maps and single values.
func (g *generator) findInto() *operation {
	o, page := g.order(), g.page()
	columns := []string{"id", "region", "level", "name", "amount"}
	calls := joinLists([]call{modelCall}, g.filters(o.sessions("region", "level", "name", "amount")), o.calls, page)
	o.keys = within(o.keys, columns...)
	var dest func() any
	var finisher string
	maps := false
	switch g.r.IntN(4) {
	case 0:
		dest, finisher = func() any { return &[]summary{} }, "Find(&summaries)"
	case 1:
		dest, finisher = func() any { return &[]map[string]any{} }, "Find(&maps)"
		calls = append(calls, selectList(columns))
		maps = true
	case 2:
		dest, finisher = func() any { return &[]summary{} }, "Scan(&summaries)"
		calls = append(calls, selectCall("region, level, name, amount"))
	default:
		dest, finisher = func() any { return &[]map[string]any{} }, "Scan(&maps)"
		calls = append(calls, selectCall("id, region, level, name, amount, active, price, ordered_at"))
		maps = true
	}
	run := func(s *session, db *gorm.DB) *answer {
		d := dest()
		var tx *gorm.DB
		if strings.HasPrefix(finisher, "Find") {
			tx = db.Find(d)
		} else {
			tx = db.Scan(d)
		}
		a := s.answer(tx)
		a.rows = toRecords(d, s.precision)
		return a
	}
	if !maps {
		o.keys = within(o.keys, "region", "level", "name", "amount")
	}
	return statement{
		kind: "find into", rule: readRule(o, page), calls: calls, finisher: finisher, run: run,
		pool: func(s *session, db *gorm.DB) []record { return run(s, db).rows },
	}.operation()
}

func (g *generator) inBatches() *operation {
	size := 1 + g.r.IntN(7)
	if g.v.deep { // thousands of statements say no more than a hundred
		size *= 40
	}
	calls := joinLists(g.hints(g.merges(columnNamed("id"))), g.conditions(g.r.IntN(2)))
	if g.chance(25) {
		calls = append(calls, limitCall(1+g.r.IntN(12)))
	}
	stop := g.chance(20)
	return statement{kind: "in batches", rule: rule{ordered: true}, calls: calls, finisher: fmt.Sprintf("FindInBatches(&rows, %d, …)", size), run: func(s *session, db *gorm.DB) *answer {
		dest := s.model.many()
		var all []record
		tx := db.FindInBatches(dest, size, func(tx *gorm.DB, batch int) error {
			all = append(all, record{toCell("batch", batch, s.precision), toCell("affected", tx.RowsAffected, s.precision)})
			all = append(all, toRecords(dest, s.precision)...)
			if stop && batch == 2 || batch == maxBatches {
				return errStop
			}
			return nil
		})
		a := s.answer(tx)
		a.rows = all
		return a
	}}.operation()
}

// maxBatches ends what GORM itself would never end: where its "key > last" meets an OR that it
// puts no parentheses around, each batch is the first one again.
const maxBatches = 400

var errStop = errors.New("oracle: the program stops")

// rowsAndRow reads through Rows, ScanRows and Row.
func (g *generator) rowsAndRow() *operation {
	single := g.chance(40)
	calls := joinLists([]call{modelCall}, g.hints(!single && g.merges(columnNamed("id"))), g.conditions(g.r.IntN(2)))
	if single {
		calls = append(calls, selectCall(pick(g, []string{"COUNT(*)", "MAX(level)", "SUM(amount)"})))
		return statement{kind: "row", rule: rule{ordered: true}, calls: calls, finisher: "Row().Scan(&n)", run: func(s *session, db *gorm.DB) *answer {
			var n *int64
			row := db.Row()
			if row == nil {
				return &answer{class: classFailed, err: errors.New("oracle: Row is nil")}
			}
			err := row.Scan(&n)
			a := &answer{err: err, rows: toRecords(n, s.precision)}
			a.class, a.reason = s.classify(err)
			return a
		}}.operation()
	}
	calls = append(calls, orderCall("id"))
	return statement{kind: "rows", rule: rule{ordered: true}, calls: calls, finisher: "Rows() and ScanRows", run: func(s *session, db *gorm.DB) *answer {
		rows, err := db.Rows()
		a := &answer{err: err}
		if err == nil {
			for rows.Next() {
				dest := s.model.one()
				if err = s.db.Session(&gorm.Session{NewDB: true}).ScanRows(rows, dest); err != nil {
					break
				}
				a.rows = append(a.rows, toRecords(dest, s.precision)...)
			}
			a.err = errors.Join(err, rows.Err(), rows.Close())
		}
		a.class, a.reason = s.classify(a.err)
		return a
	}}.operation()
}

// rawSelect is SQL text on the logical name, with the key in its where clause.
func (g *generator) rawSelect() *operation {
	if len(g.v.keys) == 0 || g.isKey("created_at") {
		return g.find()
	}
	c := g.byKey()
	m, isMap := c.query.(map[string]any)
	text, args := "", c.args
	if isMap {
		var parts []string
		for _, col := range columnsOfModels {
			if v, ok := m[col.name]; ok {
				parts = append(parts, col.name+" = ?")
				args = append(args, v)
			}
		}
		text = strings.Join(parts, " AND ")
	} else {
		text, _ = c.query.(string)
	}
	sql := "SELECT * FROM " + g.v.model.table + " WHERE " + text + " ORDER BY id"
	if g.chance(30) {
		sql = "SELECT id, region, level FROM " + g.v.model.table + " WHERE " + text + " AND level >= ? ORDER BY id DESC LIMIT 5"
		args = append(args, 0)
	}
	return statement{kind: "raw select", rule: rule{ordered: true}, finisher: fmt.Sprintf("Raw(%s).Scan(&rows)", argsText(append([]any{sql}, args...))), run: func(s *session, db *gorm.DB) *answer {
		rows := s.model.many()
		a := s.answer(db.Raw(sql, s.resolveAll(args)...).Scan(rows))
		a.rows = toRecords(rows, s.precision)
		return a
	}}.operation()
}

// locking reads lock what they read; inside transactions only.
func (g *generator) locking() *operation {
	calls := joinLists(g.conditions(1), []call{orderCall("id"), fixed("Clauses(clause.Locking{Strength: \"UPDATE\"})", func(db *gorm.DB) *gorm.DB {
		return db.Clauses(clause.Locking{Strength: "UPDATE"})
	})})
	if g.chance(3) {
		calls = append(calls, limitCall(3))
	}
	return statement{kind: "locking", rule: rule{ordered: true}, calls: calls, finisher: "Find(&rows)", run: func(s *session, db *gorm.DB) *answer {
		rows := s.model.many()
		a := s.answer(db.Find(rows))
		a.rows = toRecords(rows, s.precision)
		return a
	}}.operation()
}
