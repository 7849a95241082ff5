package planner

import (
	"slices"
	"strings"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/merge"
)

// Grouping says how shards answer a statement with aggregates in part, and how the
// parts become the statement's groups (Form Sessions).
type Grouping struct {
	// Select are the columns of the partial rows: the statement's own, and after them
	// those that only the merge needs. nil leaves the statement's SELECT as it is.
	Select []clause.Column
	// Columns are the merged groups', the first Visible of them the statement's own.
	Columns []merge.GroupColumn
	Visible int
	// Having is what must be true of a merged group; nil keeps all. The shards' statements
	// have none.
	Having *merge.Condition
	// Order sorts the merged groups; Column is a position among Columns.
	Order []merge.OrderKey
	// Average is the engine's way to divide.
	Average merge.AverageRule
}

// aggregate is one item of a select list.
type aggregate struct {
	text, alias string
	column      string // the entity's column, if the item or its argument is nothing else
	argument    string // of a function, as text
	function    merge.Func
	distinct    bool
}

// averages are the engines' rules.
var averages = map[string]merge.AverageRule{
	"sqlite": merge.AverageFloat, "postgres": merge.AveragePostgres, "mysql": merge.AverageMySQL,
}

// aggregated carries a statement with aggregates or groups out by partial aggregates
// of the shards.
func (s *Statement) aggregated(p *Plan, h *shape) error {
	by, way := p.mergedBy()
	keys, ok := s.groupColumns()
	if !ok {
		return s.refuse("sessions-group", "GROUP BY or HAVING that can not be merged, "+by, way)
	}
	items, list, ok := s.aggregates()
	if !ok {
		return s.refuse("sessions-select", "selected expressions "+by, way)
	}
	g := &Grouping{Visible: len(items), Average: averages[s.Dialect.Name]}
	var columns []clause.Column
	for i := range items {
		item := &items[i]
		column := clause.Column{Name: item.text, Raw: true}
		if item.function == merge.Key && item.alias == "" {
			column = clause.Column{Table: clause.CurrentTable, Name: item.column}
		}
		columns = append(columns, column)
		if refusal := s.mergeable(item, keys); refusal != "" {
			return s.refuse("sessions-select", refusal+" "+by, way)
		}
		g.Columns = append(g.Columns, merge.GroupColumn{Func: item.function, Column: i})
	}
	for i := range items { // a sum and a count behind each average, whose own column gives name and type
		if items[i].function != merge.Avg {
			continue
		}
		at := len(columns)
		columns = append(columns,
			clause.Column{Name: "SUM(" + items[i].argument + ")", Raw: true}, clause.Column{Name: "COUNT(" + items[i].argument + ")", Raw: true})
		g.Columns[i] = merge.GroupColumn{Func: merge.Avg, Column: at, Counts: at + 1, Shape: i + 1}
	}
	for _, key := range keys { // groups are told apart by all keys, selected or not
		if slices.ContainsFunc(items, func(a aggregate) bool { return a.function == merge.Key && a.column == key }) {
			continue
		}
		g.Columns = append(g.Columns, merge.GroupColumn{Func: merge.Key, Column: len(columns)})
		columns = append(columns, clause.Column{Table: clause.CurrentTable, Name: key})
		items = append(items, aggregate{column: key, function: merge.Key})
	}
	having := havingReader{s: s, g: g, items: &items, keys: keys, columns: &columns}
	if g.Having, ok = having.having(); !ok {
		return s.refuse("sessions-group", "a HAVING other than comparisons of counts, sums and numbers with whole numbers, "+by, way)
	}
	if g.Select = columns; len(columns) == g.Visible {
		g.Select = nil
	} else if !list {
		return s.refuse("sessions-select", "selected expressions "+by, way)
	}
	if refusal := s.orderGroups(g, h, items); refusal != "" {
		return s.refuse("sessions-order", refusal+" "+by, way)
	}
	p.Form = Sessions
	p.Merge = Merge{Offset: h.offset, Limit: h.limit, Distinct: h.distinct, Groups: g}
	return nil
}

// groupColumns reads the GROUP BY; ok is false unless it consists of columns whose
// equality is that of their Go values.
func (s *Statement) groupColumns() (keys []string, ok bool) {
	for _, name := range []string{"UNION", "WITH", "WINDOW"} {
		if c, present := s.Clauses[name]; present && (c.Expression != nil || c.Builder != nil) {
			return nil, false
		}
	}
	if c, present := s.Clauses["LIMIT"]; present && c.Expression != nil {
		if _, known := c.Expression.(clause.Limit); !known {
			return nil, false
		}
	}
	c, present := s.Clauses["GROUP BY"]
	if s.locks() || s.Table.Schema == nil {
		return nil, false
	}
	if !present || c.Expression == nil {
		return nil, true
	}
	by, known := c.Expression.(clause.GroupBy)
	if !known || len(by.Having) > 0 && len(by.Columns) == 0 || c.Builder != nil || c.BeforeExpression != nil || c.AfterExpression != nil || c.AfterNameExpression != nil {
		return nil, false
	}
	for _, column := range by.Columns {
		for part := range strings.SplitSeq(column.Name, ",") {
			if t := column.Table; t != "" && t != clause.CurrentTable && t != s.alias() {
				return nil, false
			}
			key, ok := s.columnName(strings.TrimSpace(part))
			if !ok || !s.equalsInGo(s.Table.Schema.LookUpField(key)) {
				return nil, false
			}
			keys = append(keys, key)
		}
	}
	return keys, true
}

// equalsInGo tells whether the column's values are equal in Go exactly if they are in
// the database. PostgreSQL compares text by its bytes for equality, unless a column's
// declaration says otherwise.
func (s *Statement) equalsInGo(f *schema.Field) bool {
	if i := s.Table.KeyIndex(f.DBName); i >= 0 && s.Table.Keys[i].BytesEqual {
		return true
	}
	_, typed := f.TagSettings["TYPE"]
	return s.comparesInGo(f) ||
		s.Dialect.postgres() && !typed && f.Serializer == nil && config.KindOf(f) == config.KindString && s.Table.StrategyName != "manual"
}

// ordersInGo tells whether the column's values order in Go as in the database, numbers
// of every kind among them.
func (s *Statement) ordersInGo(f *schema.Field) bool {
	_, typed := f.TagSettings["TYPE"]
	return s.comparesInGo(f) || !typed && f.Serializer == nil && f.DataType == schema.Float
}

// mergeable says what of an item can't be merged; "" means that it can.
func (s *Statement) mergeable(item *aggregate, keys []string) string {
	switch {
	case item.alias != "" && slices.Contains(keys, item.alias) && item.column != item.alias:
		return "a name that is a GROUP BY column's, too,"
	case item.function == merge.Key && !slices.Contains(keys, item.column):
		return "a column that is not grouped by"
	case item.distinct && (item.function != merge.Count || !s.placesBy(item.column)):
		return "DISTINCT inside an aggregate"
	case item.function == merge.Avg && averages[s.Dialect.Name] == 0:
		return "AVG"
	case item.function == merge.Min || item.function == merge.Max:
		if item.column == "" || !s.ordersInGo(s.Table.Schema.LookUpField(item.column)) {
			return "MIN or MAX of what sorts as only the database does"
		}
	case item.function == merge.Sum || item.function == merge.Avg:
		if item.column == "" {
			return "" // an expression of an unknown type: what is no number fails when it is added
		}
		if f := s.Table.Schema.LookUpField(item.column); f.Serializer != nil || f.DataType == schema.Time {
			return "SUM or AVG of what is no number"
		}
	}
	return ""
}

// placesBy tells that equal values of a column lie in one shard, so that the shards'
// counts of different ones add up.
func (s *Statement) placesBy(column string) bool {
	t := s.Table
	return column != "" && len(t.Keys) == 1 && t.Keys[0].Column == column && t.Keys[0].BytesEqual && t.StrategyName != "manual"
}

// aggregates reads what is selected. list tells that columns can be added to it.
func (s *Statement) aggregates() (items []aggregate, list, ok bool) {
	names := s.Selects
	if c, present := s.Clauses["SELECT"]; present && c.Expression != nil {
		switch e := c.Expression.(type) {
		case clause.Select:
			if x, isText := e.Expression.(clause.Expr); isText {
				return s.aggregateText(x)
			}
			if e.Expression != nil {
				return nil, false, false
			}
			if len(e.Columns) > 0 {
				names = nil
			}
			for _, column := range e.Columns {
				if column.Alias != "" || column.Table != "" && column.Table != clause.CurrentTable && column.Table != s.alias() {
					return nil, false, false
				}
				names = append(names, column.Name)
			}
		case clause.Expr:
			return s.aggregateText(e)
		default:
			return nil, false, false
		}
	}
	for _, name := range names {
		more, known := s.aggregateItems(name)
		if !known {
			return nil, false, false
		}
		items = append(items, more...)
	}
	return items, true, len(items) > 0
}

// aggregateText reads a select list of text; with a column in it that is GORM's Count.
func (s *Statement) aggregateText(e clause.Expr) (items []aggregate, list, ok bool) {
	if len(e.Vars) == 0 {
		items, ok = s.aggregateItems(e.SQL)
		return items, true, ok
	}
	text := strings.ToLower(strings.ReplaceAll(e.SQL, " ", ""))
	if column, isColumn := e.Vars[0].(clause.Column); isColumn && len(e.Vars) == 1 && (text == "count(distinct(?))" || text == "count(?)") {
		if name, known := s.columnName(column.Name); known {
			return []aggregate{{column: name, function: merge.Count, distinct: text != "count(?)"}}, false, true
		}
	}
	return nil, false, false
}

// aggregateItems reads text with columns and aggregates, separated by commas.
func (s *Statement) aggregateItems(text string) (items []aggregate, ok bool) {
	l := lexer{src: text, dialect: s.Dialect}
	if l.lex(); l.fault != "" || strings.ContainsAny(text, "?@") {
		return nil, false
	}
	from, depth := 0, 0
	for i, t := range l.toks {
		switch t.kind {
		case tokOpen:
			depth++
		case tokClose:
			depth--
		}
		last := i == len(l.toks)-1
		if !last && (t.kind != tokComma || depth > 0) {
			continue
		}
		end := i
		if last {
			end++
		}
		item, known := s.aggregateItem(text, l.toks[from:end], from)
		if !known {
			return nil, false
		}
		items, from = append(items, item), i+1
	}
	return items, len(items) > 0
}

// aggregateItem reads `column [AS alias]` or `function(argument) [AS alias]`; base is
// the first token's position in the text.
func (s *Statement) aggregateItem(text string, toks []token, base int) (a aggregate, ok bool) {
	if len(toks) == 0 {
		return a, false
	}
	word := func(i int) string { return text[toks[i].from:toks[i].to] }
	named := func(i int) bool { return toks[i].kind == tokName || toks[i].kind == tokQuoted }
	a.text = text[toks[0].from:toks[len(toks)-1].to]
	if n := len(toks); n > 2 && named(n-1) && strings.EqualFold(word(n-2), "as") {
		a.alias, toks = unquoted(word(n-1)), toks[:n-2]
	} else if n > 1 && named(n-1) && (named(n-2) || toks[n-2].kind == tokClose) {
		a.alias, toks = unquoted(word(n-1)), toks[:n-1]
	}
	last := len(toks) - 1
	if len(toks) < 3 || toks[1].kind != tokOpen {
		a.function = merge.Key
		a.column, ok = s.columnName(text[toks[0].from:toks[last].to])
		return a, ok && last <= 2
	}
	functions := map[string]merge.Func{"count": merge.Count, "sum": merge.Sum, "min": merge.Min, "max": merge.Max, "avg": merge.Avg}
	a.function, ok = functions[strings.ToLower(word(0))]
	if !ok || int(toks[1].at)-base != last || last < 3 {
		return a, false
	}
	first := 2
	if strings.EqualFold(word(first), "distinct") && toks[first].kind == tokName {
		if a.distinct, first = true, first+1; first == last {
			return a, false
		}
	}
	for i := first; i < last; i++ {
		if toks[i].kind == tokComma || toks[i].kind == tokName && slices.Contains(notInArguments, strings.ToLower(word(i))) || toks[i].kind == tokName && toks[i].word == wordNone && i+1 < last && toks[i+1].kind == tokOpen && aggregating(word(i)) {
			return a, false
		}
	}
	a.argument = text[toks[first].from:toks[last-1].to]
	if column, known := s.columnName(a.argument); known {
		a.column = column
	}
	return a, true
}

// notInArguments are words after which an aggregate is more than one of rows.
var notInArguments = []string{"select", "order", "over", "filter", "separator", "within", "union"}

// aggregating tells a function that sums over rows, which can't stand in another.
func aggregating(name string) bool {
	switch strings.ToLower(name) {
	case "count", "sum", "min", "max", "avg":
		return true
	}
	return false
}

func unquoted(name string) string { return strings.Trim(name, "\"`[]") }

// orderGroups reads the ORDER BY of a statement with groups; what it can't says why.
func (s *Statement) orderGroups(g *Grouping, h *shape, items []aggregate) (refusal string) {
	if !h.ordered {
		return ""
	}
	by, known := s.Clauses["ORDER BY"].Expression.(clause.OrderBy)
	if c := s.Clauses["ORDER BY"]; !known || by.Expression != nil || c.Builder != nil || c.AfterExpression != nil || c.BeforeExpression != nil {
		return "ORDER BY an expression"
	}
	for _, column := range by.Columns {
		parts := strings.Split(column.Column.Name, ",")
		for i, part := range parts {
			part = strings.TrimSpace(part)
			desc := column.Desc && i == len(parts)-1
			if column.Column.Raw {
				if words := strings.Fields(part); len(words) > 1 {
					switch strings.ToLower(words[len(words)-1]) {
					case "desc":
						desc = true
						part = strings.TrimSpace(part[:len(part)-4])
					case "asc":
						part = strings.TrimSpace(part[:len(part)-3])
					}
				}
			}
			at := s.orderedItem(part, items)
			switch {
			case at < 0:
				return "ORDER BY " + part
			case h.distinct && at >= g.Visible:
				return "DISTINCT with ORDER BY what is not selected"
			}
			if item := &items[at]; item.function == merge.Key && !s.ordersInGo(s.Table.Schema.LookUpField(item.column)) {
				return "ORDER BY " + part + ", whose order is the database's own,"
			}
			g.Order = append(g.Order, merge.OrderKey{Column: at, Desc: desc, NullsFirst: !s.Dialect.postgres() != desc})
		}
	}
	return ""
}

// orderedItem finds the item that an ORDER BY names: by alias, by its own text, or as a
// grouped column; -1 if there is none.
func (s *Statement) orderedItem(part string, items []aggregate) int {
	plain := func(text string) string { return strings.ToLower(strings.Join(strings.Fields(text), "")) }
	if at := slices.IndexFunc(items, func(a aggregate) bool { return a.alias != "" && strings.EqualFold(a.alias, unquoted(part)) }); at >= 0 {
		return at
	}
	if column, known := s.columnName(part); known {
		return slices.IndexFunc(items, func(a aggregate) bool { return a.function == merge.Key && a.column == column })
	}
	// numbers are positions, and text with quotes may mean another case: neither matches
	more, known := s.aggregateItems(part)
	if !known || len(more) != 1 || more[0].function == merge.Key || strings.ContainsAny(part, `'"`+"`") {
		return -1
	}
	return slices.IndexFunc(items, func(a aggregate) bool {
		return a.function == more[0].function && a.distinct == more[0].distinct && plain(a.argument) == plain(more[0].argument)
	})
}
