package oracle

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// pluck reads one column.
func (g *generator) pluck() *operation {
	o, page := g.order(), g.page()
	c := pick(g, []string{"id", "region", "level", "name", "ordered_at", "price", "parent", "active"})
	if g.chance(40) { // ordered by what is plucked
		o = ordering{simple: g.merges(columnNamed(c)), columns: []string{c}, calls: []call{orderCall(c)}, total: c == "id"}
		if c != "name" {
			o.keys = []string{c}
		}
	}
	calls := joinLists([]call{modelCall}, g.filters(o.sessions(c) && c != "name" && c != "parent"), o.calls, page)
	o.keys = within(o.keys, c)
	expression := c
	switch { // GORM scans no NULL here, and sessions no expressions
	case c == "name":
		expression = "coalesce(name, '-')"
	case c == "parent":
		expression = "coalesce(parent, -1)"
	case g.chance(4) && c == "level":
		expression, o.keys = "level + 1", nil
	}
	rl := readRule(o, page)
	if c != o.first() {
		rl.keys = nil
	}
	run := func(s *session, db *gorm.DB) *answer {
		dest := pluckInto(c, s.model)
		a := s.answer(db.Pluck(expression, dest))
		a.rows = toRecords(dest, s.precision)
		for _, r := range a.rows {
			r[0].name = c
		}
		return a
	}
	return statement{
		kind: "pluck", rule: rl, calls: calls, finisher: fmt.Sprintf("Pluck(%q, &values)", expression), run: run,
		pool: func(s *session, db *gorm.DB) []record { return run(s, db).rows },
	}.operation()
}

// first is the first key of the order that fixes a sequence, or "".
func (o ordering) first() string {
	if len(o.keys) == 0 {
		return ""
	}
	return o.keys[0]
}

func pluckInto(column string, m *model) any {
	switch column {
	case "id":
		return reflect.New(reflect.SliceOf(m.typ.Field(0).Type)).Interface()
	case "region":
		return &[]string{}
	case "level":
		return &[]int{}
	case "name":
		return &[]string{}
	case "price":
		return &[]float64{}
	case "parent":
		return &[]int64{}
	case "active":
		return &[]bool{}
	}
	f, _ := m.typ.FieldByName("OrderedAt")
	return reflect.New(reflect.SliceOf(f.Type)).Interface()
}

func (g *generator) count() *operation {
	kind := g.r.IntN(10)
	calls := joinLists([]call{modelCall}, g.filters(kind == 3 || kind > 4))
	finisher := "Count(&n)"
	switch kind {
	case 0:
		c := pick(g, []string{"region", "level", "name", "parent"})
		calls = append(calls, fixed(fmt.Sprintf("Distinct(%q)", c), func(db *gorm.DB) *gorm.DB { return db.Distinct(c) }))
	case 1:
		calls = append(calls, fixed(`Group("region")`, func(db *gorm.DB) *gorm.DB { return db.Group("region") }))
	case 2:
		calls = append(calls, selectCall("name"))
	case 3:
		calls = append(calls, orderCall("level"))
		if g.engine == "postgres" {
			calls = calls[:len(calls)-1]
		}
	case 4:
		calls = append(calls, limitCall(1+g.r.IntN(5)))
	}
	return statement{kind: "count", rule: rule{ordered: true}, calls: calls, finisher: finisher, run: func(s *session, db *gorm.DB) *answer {
		var n int64
		a := s.answer(db.Count(&n))
		a.rows = toRecords(n, s.precision)
		return a
	}}.operation()
}

// aggregate reads sums and groups, a part of them such as sessions can put together.
func (g *generator) aggregate() *operation {
	apart := g.chance(55)
	calls := joinLists([]call{modelCall}, g.hints(apart), g.conditions(g.r.IntN(2)))
	numbers := []string{
		"COUNT(*) AS n", "SUM(amount) AS total", "AVG(price) AS mean", "MIN(level) AS low", "MAX(level) AS high",
		"SUM(price) AS volume", "COUNT(name) AS named", "COUNT(DISTINCT region) AS regions", "MAX(code) AS last_code",
		"MIN(region) AS first_region", "SUM(cents) AS cents", "AVG(amount) AS average",
	}
	if apart {
		numbers = []string{
			"COUNT(*) AS n", "SUM(amount) AS total", "MIN(level) AS low", "MAX(level) AS high", "COUNT(name) AS named", "AVG(amount) AS average",
			"COUNT(DISTINCT level) AS levels", "SUM(DISTINCT level) AS heights", "AVG(DISTINCT amount) AS middle", "COALESCE(SUM(parent), 0) AS parents",
		}
	}
	numbers = append(numbers, g.spreads(apart)...)
	g.r.Shuffle(len(numbers), func(i, j int) { numbers[i], numbers[j] = numbers[j], numbers[i] })
	numbers = numbers[:1+g.r.IntN(4)]
	if apart { // no partial row would be no sum, and is not 0
		if slices.ContainsFunc(numbers, func(n string) bool { return strings.Contains(n, "DISTINCT") }) {
			numbers = slices.DeleteFunc(numbers, func(n string) bool { return strings.HasPrefix(n, "COALESCE") })
		}
	}
	groups := [][]string{nil, nil, {"region"}, {"level"}, {"active"}, {"region", "active"}, {"parent"}, {"level % 2"}}[g.r.IntN(8)]
	if apart {
		groups = pick(g, [][]string{nil, nil, {"level"}, {"active"}, {"parent"}, {"level", "active"}, {"level % 2"}})
	}
	names := groups
	if len(groups) == 1 && groups[0] == "level % 2" {
		names = []string{"level % 2 AS odd"}
	}
	selected := append(append([]string(nil), names...), numbers...)
	calls = append(calls, selectCall(strings.Join(selected, ", ")))
	r := rule{loose: true, ordered: len(groups) == 0}
	for _, name := range groups {
		calls = append(calls, fixed(fmt.Sprintf("Group(%q)", name), func(db *gorm.DB) *gorm.DB { return db.Group(name) }))
	}
	// No HAVING compares with a subquery: MariaDB 10.11 gives wrong groups for `HAVING COUNT(*) IN (SELECT …)`, on one
	// plain table, where it materialises the subquery (none for groups of 1, 2 and 3 rows and a subquery of 3 and 7;
	// under optimizer_switch='materialization=off' it gives the one of 3).
	if len(groups) > 0 && g.chance(40) {
		n := 1 + g.r.IntN(3)
		having := pick(g, []string{"COUNT(*) >= ?", "SUM(amount) > ?", "MAX(level) <= ?"})
		calls = append(calls, fixed(fmt.Sprintf("Having(%q, %d)", having, n), func(db *gorm.DB) *gorm.DB { return db.Having(having, n) }))
	}
	if len(groups) > 0 && g.chance(50) {
		for _, name := range groups {
			calls = append(calls, orderCall(name))
		}
		r.ordered = true
		if g.chance(40) {
			calls = append(calls, limitCall(1+g.r.IntN(3)))
		}
	}
	return statement{kind: "aggregate", rule: r, calls: calls, finisher: "Scan(&maps)", run: func(s *session, db *gorm.DB) *answer {
		rows := []map[string]any{}
		a := s.answer(db.Scan(&rows))
		a.rows = toRecords(rows, s.precision)
		return a
	}}.operation()
}

// spreads are variances and standard deviations: those that sessions can put together, too,
// or any.
func (g *generator) spreads(apart bool) []string {
	switch {
	case g.engine == "postgres":
		return []string{"VAR_POP(amount) AS spread", "STDDEV(price) AS deviation"}
	case g.engine == "mariadb" && !apart && !g.v.spread: // of whole numbers it shows four digits, and may round those either way
		return []string{"VAR_SAMP(price) AS spread", "STDDEV_POP(price) AS deviation"}
	}
	return nil
}

func (g *generator) distinct() *operation {
	columns := [][]string{{"region"}, {"level", "active"}, {"region", "level"}, {"name"}, {"parent"}}[g.r.IntN(5)]
	if columns[0] == "name" && g.engine == "mariadb" {
		// Which of the texts that are equal to the collation stands for them is open.
		columns = []string{"code"}
	}
	merges := true
	for _, c := range columns {
		merges = merges && g.merges(columnNamed(c))
	}
	calls := joinLists([]call{modelCall}, g.filters(merges))
	calls = append(calls, fixed("Distinct("+goText(columns)+"...)", func(db *gorm.DB) *gorm.DB {
		args := make([]any, len(columns))
		for i, c := range columns {
			args[i] = c
		}
		return db.Distinct(args...)
	}))
	r := rule{}
	if g.chance(60) && columns[0] != "name" {
		for _, c := range columns {
			calls = append(calls, orderCall(c))
		}
		r.ordered = true
		calls = append(calls, g.page()...)
	}
	return statement{kind: "distinct", rule: r, calls: calls, finisher: "Find(&maps)", run: func(s *session, db *gorm.DB) *answer {
		rows := []map[string]any{}
		a := s.answer(db.Find(&rows))
		a.rows = toRecords(rows, s.precision)
		return a
	}}.operation()
}
