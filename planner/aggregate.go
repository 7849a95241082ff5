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
	// By are further columns of the shards' GROUP BY: those whose different values are
	// counted.
	By []clause.Column
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

// aggregate is one item of a select list, or a key of the GROUP BY.
type aggregate struct {
	text, alias string
	column      string // the entity's column, if the item or its argument is nothing else
	ref         ref    // the same, or the column of a table beside the entity
	argument    string // of a function, or the expression that is grouped by, as text
	function    merge.Func
	spread      merge.Spread
	distinct    bool
	values      []string // of COUNT(DISTINCT a, b), or the one of COUNT, SUM or AVG(DISTINCT a)
	orZero      bool     // COALESCE(SUM(…), 0), which shards add up as they are
}

// ofDifferent tells an aggregate for which equal values are one; of MIN and MAX they are
// anyway.
func (a *aggregate) ofDifferent() bool {
	return a.distinct && (a.function == merge.Count || a.function == merge.Sum || a.function == merge.Avg)
}

// averages are the engines' rules.
var averages = map[string]merge.AverageRule{
	"sqlite": merge.AverageFloat, "postgres": merge.AveragePostgres, "mysql": merge.AverageMySQL,
}

// spreads are PostgreSQL's variances and standard deviations. Those of MariaDB and MySQL are
// floating point that is shown with as many digits as the argument's type says, or with all,
// depending on how the statement is sent.
var spreads = map[string]merge.Spread{
	"var_pop": {}, "var_samp": {Sample: true}, "variance": {Sample: true},
	"stddev_pop": {Root: true}, "stddev_samp": {Sample: true, Root: true}, "stddev": {Sample: true, Root: true},
}

// aggregated carries a statement with aggregates or groups out by partial aggregates
// of the shards.
func (s *Statement) aggregated(p *Plan, h *shape) error {
	by, way := p.mergedBy()
	items, ok := s.aggregates()
	if !ok {
		return s.refuse("sessions-select", "selected expressions "+by, way)
	}
	keys, ok := s.groupKeys(items)
	if !ok {
		return s.refuse("sessions-group", "GROUP BY or HAVING that can not be merged, "+by, way)
	}
	g := grouper{s: s, g: &Grouping{Visible: len(items), Average: averages[s.Dialect.Name]}, keys: keys}
	if refusal := g.selected(items); refusal != "" {
		return s.refuse("sessions-select", refusal+" "+by, way)
	}
	having := havingReader{s: s, g: &g}
	if g.g.Having, ok = having.having(); !ok {
		return s.refuse("sessions-group", "a HAVING other than comparisons of aggregates and numbers with whole numbers, "+by, way)
	}
	if refusal := g.order(h); refusal != "" {
		return s.refuse("sessions-order", refusal+" "+by, way)
	}
	if len(g.columns) > g.g.Visible {
		g.g.Select = g.columns
	}
	p.Form = Sessions
	p.Merge = Merge{Offset: h.offset, Limit: h.limit, Distinct: h.distinct, Groups: g.g}
	return nil
}

// of gives the statement with another table in the entity's place, for what is said of
// columns; nil is a reference entity's.
func (s *Statement) of(t *config.Table) *Statement {
	if t == s.Table {
		return s
	}
	if t == nil {
		t = &config.Table{}
	}
	other := *s
	other.Table = t
	return &other
}

// mergeable says what of an item can't be merged; "" means that it can.
func (s *Statement) mergeable(item *aggregate, keys []aggregate) string {
	f := item.ref.field
	if item.ofDifferent() {
		for _, value := range item.values {
			if !s.countable(value) {
				return "COUNT, SUM or AVG of different values of which only the database knows whether they are equal,"
			}
		}
	}
	switch {
	case item.alias != "" && slices.ContainsFunc(keys, func(k aggregate) bool {
		return k.ref.field != nil && strings.EqualFold(k.ref.field.DBName, item.alias) && k.ref != item.ref
	}):
		return "a name that is a GROUP BY column's, too,"
	case item.function == merge.Key:
		if !slices.ContainsFunc(keys, item.groups) {
			return "a column that is not grouped by"
		}
	case item.distinct && item.function == merge.Variance || item.ofDifferent() && len(item.values) == 0:
		return "DISTINCT inside an aggregate"
	case item.function == merge.Avg && averages[s.Dialect.Name] == 0:
		return "AVG"
	case item.function == merge.Variance:
		if !s.Dialect.postgres() || f == nil || s.of(item.ref.table).sumTypeOf(f) == "" {
			return "a variance or standard deviation that only the database can compute"
		}
	case item.function == merge.Min || item.function == merge.Max:
		if f == nil || !s.of(item.ref.table).ordersInGo(f) {
			return "MIN or MAX of what sorts as only the database does"
		}
	case item.function == merge.Sum || item.function == merge.Avg:
		// an expression is of an unknown type: what is no number fails when it is added
		if f != nil && (f.Serializer != nil || f.DataType == schema.Time) {
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
