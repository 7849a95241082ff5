package planner_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// TestSplitLongList: 10,000 values reach eight shards once, not eight times.
func TestSplitLongList(t *testing.T) {
	t.Parallel()
	tab := hashed(t, 8)
	list := make([]any, 10_000)
	for i := range list {
		list[i] = int64(i)
	}
	for name, e := range map[string]clause.Expression{
		"IN":       clause.IN{Column: "code", Values: list},
		"fragment": clause.Expr{SQL: "code IN ?", Vars: []any{list}},
		"brackets": clause.Expr{SQL: "orders.code in (?)", Vars: []any{list}},
		"Eq":       clause.Eq{Column: clause.Column{Table: "orders", Name: "code"}, Value: list},
		"nested":   clause.And(clause.IN{Column: "code", Values: list}, clause.Or(expr("amount = 1"))),
		"not":      clause.Not(clause.IN{Column: "code", Values: list}),
	} {
		plan, err := planner.PlanRead(whereOf(tab, sqliteDialect, e))
		require.NoError(t, err)
		require.Len(t, plan.Targets, 8, name)
		assert.True(t, plan.Pushed, name)
		seen := map[int64]bool{}
		for _, target := range plan.Targets {
			for _, v := range valuesIn(t, target.Where[0]) {
				require.False(t, seen[v], "%s: a value twice", name)
				seen[v] = true
				id, err := tab.Strategy.Place([]config.Value{config.Int(v)})
				require.NoError(t, err)
				require.Equal(t, target.Shard.ID, id, name)
			}
		}
		assert.Len(t, seen, len(list), name)
	}
	assert.Len(t, list, 10_000)
	assert.Equal(t, int64(9_999), list[9_999], "the caller's own list stays as it is")
}

// valuesIn lists the values of the first list in an expression.
func valuesIn(t *testing.T, e clause.Expression) (out []int64) {
	t.Helper()
	var list []any
	switch e := e.(type) {
	case clause.IN:
		list = e.Values
	case clause.Expr:
		list = e.Vars[0].([]any)
	case clause.Eq:
		list = e.Value.([]any)
	case clause.AndConditions:
		return valuesIn(t, e.Exprs[0])
	case clause.NotConditions:
		return valuesIn(t, e.Exprs[0])
	default:
		t.Fatalf("%T", e)
	}
	for _, v := range list {
		out = append(out, v.(int64))
	}
	return out
}

// TestSplitKeeps covers what must not be cut.
func TestSplitKeeps(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		table *config.Table
		with  func(*planner.Statement)
		where []clause.Expression
	}{
		"one shard":       {byRegion(t), nil, []clause.Expression{clause.IN{Column: "region", Values: []any{"US", "US"}}}},
		"another column":  {byRegion(t), nil, []clause.Expression{clause.IN{Column: "name", Values: []any{"US", "EU"}}}},
		"two keys":        {composite(t), nil, []clause.Expression{clause.IN{Column: "region", Values: []any{"US", "EU"}}}},
		"other table":     {byRegion(t), nil, []clause.Expression{clause.IN{Column: "x.region", Values: []any{"US", "EU"}}}},
		"not convertible": {hashed(t, 4), nil, []clause.Expression{clause.IN{Column: "code", Values: []any{"a", "b"}}}},
		"joins":           {byRegion(t), func(s *planner.Statement) { s.Joins = true }, []clause.Expression{clause.IN{Column: "region", Values: []any{"US", "EU"}}}},
		"joins in FROM": {byRegion(t), func(s *planner.Statement) {
			s.Clauses["FROM"] = clause.Clause{Expression: clause.From{Joins: []clause.Join{{}}}}
		}, []clause.Expression{clause.IN{Column: "region", Values: []any{"US", "EU"}}}},
		"on shard":         {byRegion(t), func(s *planner.Statement) { s.OnShard = []string{"US", "EU"} }, []clause.Expression{clause.IN{Column: "region", Values: []any{"US", "EU"}}}},
		"selected aliases": {byRegion(t), func(s *planner.Statement) { s.Selects = []string{"name AS region"} }, []clause.Expression{clause.IN{Column: "region", Values: []any{"US", "EU"}}}},
	} {
		s := whereOf(c.table, sqliteDialect, c.where...)
		if c.with != nil {
			c.with(s)
		}
		plan, err := planner.PlanRead(s)
		require.NoError(t, err, name)
		for _, target := range plan.Targets {
			assert.Nil(t, target.Where, name)
		}
	}
	mixed := []any{int64(1), "x", nil, int64(2), int64(3), int64(4)}
	plan, err := planner.PlanRead(whereOf(hashed(t, 2), sqliteDialect, clause.IN{Column: "code", Values: mixed}))
	require.NoError(t, err)
	require.Len(t, plan.Targets, 2)
	for _, target := range plan.Targets {
		assert.Contains(t, target.Where[0].(clause.IN).Values, "x", "what does not convert stays everywhere")
		assert.Contains(t, target.Where[0].(clause.IN).Values, nil, "so does NULL")
		assert.Less(t, len(target.Where[0].(clause.IN).Values), len(mixed))
	}
}
