package planner

import (
	"slices"
	"strings"

	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/merge"
)

// grouper lays out the columns of the shards' partial rows and of the merged groups.
type grouper struct {
	s    *Statement
	g    *Grouping
	keys []aggregate
	// items are what the merged groups have, in the order of g.Columns; columns are those
	// of the partial rows.
	items   []aggregate
	columns []clause.Column
	// sets tells that different values are kept to tell them apart, instead of adding up what
	// shards made of theirs.
	sets bool
}

// selected takes the statement's own columns, and the keys that are not among them.
func (g *grouper) selected(items []aggregate) (refusal string) {
	for i := range items {
		item := &items[i]
		if refusal := g.s.mergeable(item, g.keys); refusal != "" {
			return refusal
		}
		g.sets = g.sets || g.apart(item)
		column := clause.Column{Name: item.text, Raw: true}
		if item.function == merge.Key && item.alias == "" && item.ref.field != nil {
			column = item.ref.clause()
		}
		g.columns = append(g.columns, column)
		g.g.Columns = append(g.g.Columns, merge.GroupColumn{Func: item.function, Column: i})
	}
	g.items = items
	for i := range items {
		if g.sets && items[i].orZero && len(g.keys) == 0 {
			return "COALESCE of a sum beside DISTINCT inside an aggregate" // no partial row would be no sum
		}
		g.parts(i)
	}
	for _, key := range g.keys { // groups are told apart by all keys, selected or not
		if !slices.ContainsFunc(g.items, func(a aggregate) bool { return a.function == merge.Key && a.groups(key) }) {
			g.hide(key)
		}
	}
	return ""
}

// apart tells an aggregate of different values that no shard can compute alone.
func (g *grouper) apart(item *aggregate) bool {
	return item.ofDifferent() && (len(item.values) != 1 || !g.s.placesBy(item.column))
}

// parts adds the partial columns that an item needs beside its own, which gives name and
// type.
func (g *grouper) parts(i int) {
	item, column := &g.items[i], &g.g.Columns[i]
	own := column.Column
	add := func(text string) int {
		g.columns = append(g.columns, clause.Column{Name: text, Raw: true})
		return len(g.columns) - 1
	}
	switch x := item.argument; {
	case item.function == merge.Avg:
		if item.distinct {
			x = "DISTINCT " + x
		}
		*column = merge.GroupColumn{Func: merge.Avg, Column: add("SUM(" + x + ")"), Counts: add("COUNT(" + x + ")"), Shape: own + 1}
	case item.function == merge.Variance:
		spread, squares := item.spread, "SUM(CAST("+x+" AS numeric) * "+x+")"
		if spread.Float = g.s.of(item.ref.table).sumTypeOf(item.ref.field) == "double precision"; spread.Float {
			squares = "VAR_POP(" + x + ")"
		}
		*column = merge.GroupColumn{Func: merge.Variance, Spread: spread, Column: add("SUM(" + x + ")"), Counts: add("COUNT(" + x + ")"), Squares: add(squares), Shape: own + 1}
	case item.function == merge.Count && item.distinct && g.sets:
		*column = merge.GroupColumn{Func: merge.CountDistinct, Column: own}
	}
	if !item.ofDifferent() || !g.sets {
		return
	}
	for _, value := range item.values { // each partial row is of one of them
		by := clause.Column{Name: value, Raw: true}
		if r, ok := g.s.columnOf(value); ok {
			by = r.clause()
		}
		column.Values = append(column.Values, len(g.columns))
		g.columns, g.g.By = append(g.columns, by), append(g.g.By, by)
	}
}

// hide adds an item that only HAVING, ORDER BY or the groups need; ok is false if it can't
// be merged.
func (g *grouper) hide(item aggregate) (at int, ok bool) {
	if g.s.mergeable(&item, g.keys) != "" {
		return 0, false
	}
	if g.apart(&item) && !g.sets {
		for i := range g.items {
			if g.items[i].ofDifferent() || g.items[i].orZero && len(g.keys) == 0 {
				return 0, false // laid out to be added
			}
		}
		g.sets = true
	}
	column := clause.Column{Name: item.text, Raw: true}
	if item.function == merge.Key && item.ref.field != nil {
		column = item.ref.clause()
	}
	at = len(g.items)
	g.items = append(g.items, item)
	g.g.Columns = append(g.g.Columns, merge.GroupColumn{Func: item.function, Column: len(g.columns)})
	g.columns = append(g.columns, column)
	g.parts(at)
	return at, true
}

// order reads the ORDER BY; what it can't says why.
func (g *grouper) order(h *shape) (refusal string) {
	if !h.ordered {
		return ""
	}
	s := g.s
	by, known := s.Clauses["ORDER BY"].Expression.(clause.OrderBy)
	if c := s.Clauses["ORDER BY"]; !known || by.Expression != nil || c.Builder != nil || c.AfterExpression != nil || c.BeforeExpression != nil {
		return "ORDER BY an expression"
	}
	for _, column := range by.Columns {
		parts := []string{column.Column.Name}
		if column.Column.Raw {
			var ok bool
			if parts, ok = s.splitList(column.Column.Name); !ok {
				return "ORDER BY " + column.Column.Name
			}
		} else if t := column.Column.Table; t != "" && t != clause.CurrentTable {
			parts[0] = t + "." + parts[0]
		}
		for i, part := range parts {
			part = strings.TrimSpace(part)
			desc := column.Desc && i == len(parts)-1
			if words := strings.Fields(part); column.Column.Raw && len(words) > 1 {
				switch strings.ToLower(words[len(words)-1]) {
				case "desc":
					desc, part = true, strings.TrimSpace(part[:len(part)-4])
				case "asc":
					part = strings.TrimSpace(part[:len(part)-3])
				}
			}
			at := g.find(part)
			if at < 0 && !h.distinct {
				if more, ok := s.aggregateItems(part); ok && len(more) == 1 && more[0].function != merge.Key && more[0].alias == "" {
					if hidden, ok := g.hide(more[0]); ok {
						at = hidden
					}
				}
			}
			switch {
			case at < 0:
				return "ORDER BY " + part
			case h.distinct && at >= g.g.Visible:
				return "DISTINCT with ORDER BY what is not selected"
			case !g.sorts(&g.items[at]):
				return "ORDER BY " + part + ", whose order is the database's own,"
			}
			g.g.Order = append(g.g.Order, merge.OrderKey{Column: at, Desc: desc, NullsFirst: !s.Dialect.postgres() != desc})
		}
	}
	return ""
}

// sorts tells that an item's values order in Go as in the database; aggregates that can be
// merged all do.
func (g *grouper) sorts(item *aggregate) bool {
	if item.function != merge.Key {
		return true
	}
	if f := item.ref.field; f != nil {
		return g.s.of(item.ref.table).ordersInGo(f)
	}
	number, _ := g.s.keyable(item.argument)
	return number
}

// find finds the item that a text names: by alias, by its own text, or as a grouped
// column; -1 if there is none.
func (g *grouper) find(part string) int {
	if at := slices.IndexFunc(g.items, func(a aggregate) bool { return a.alias != "" && strings.EqualFold(a.alias, unquoted(part)) }); at >= 0 {
		return at
	}
	if r, known := g.s.columnOf(part); known {
		return slices.IndexFunc(g.items, func(a aggregate) bool { return a.function == merge.Key && a.ref == r })
	}
	// numbers are positions
	more, known := g.s.aggregateItems(part)
	if !known || len(more) != 1 || more[0].alias != "" {
		return -1
	}
	if _, ok := g.s.keyable(part); more[0].function == merge.Key && !ok {
		return -1
	}
	return slices.IndexFunc(g.items, func(a aggregate) bool {
		return a.function == more[0].function && a.distinct == more[0].distinct && a.spread == more[0].spread && a.orZero == more[0].orZero &&
			a.ref == more[0].ref && (a.ref.field != nil || sameText(a.argument, more[0].argument))
	})
}
