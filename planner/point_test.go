package planner_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// whereOf is a statement with the given WHERE expressions.
func whereOf(t *config.Table, d planner.Dialect, exprs ...clause.Expression) *planner.Statement {
	return &planner.Statement{
		Operation: planner.Select, Table: t, Epoch: 7, Alias: "orders", Dialect: d,
		Clauses: map[string]clause.Clause{"WHERE": {Name: "WHERE", Expression: clause.Where{Exprs: exprs}}},
	}
}

func points() map[string][]clause.Expression {
	deleted := clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: "deleted_at"}, Value: nil}
	return map[string][]clause.Expression{
		"Eq":               {clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: "region"}, Value: "US"}, deleted},
		"fragment":         {clause.Expr{SQL: "region = ?", Vars: []any{"US"}}, deleted},
		"IN of one":        {clause.IN{Column: clause.Column{Table: "orders", Name: "region"}, Values: []any{"US"}}, deleted},
		"with another key": {clause.Expr{SQL: "amount > ?", Vars: []any{5}}, clause.Expr{SQL: "region = ?", Vars: []any{"US"}}},
	}
}

func TestPointAllocations(t *testing.T) {
	tab := byRegion(t)
	for name, exprs := range points() {
		s := whereOf(tab, sqliteDialect, exprs...)
		plan, err := planner.PlanRead(s)
		require.NoError(t, err, name)
		assert.Equal(t, []string{"US"}, plan.ShardIDs(), name)
		assert.Equal(t, `region {"US"}`, plan.Reason.String(), name)
		n := testing.AllocsPerRun(100, func() { _, _ = planner.PlanRead(s) })
		assert.LessOrEqual(t, n, 6.0, name)
		t.Logf("%s: %.0f allocations", name, n)
	}
}

func BenchmarkPlanRead(b *testing.B) {
	tab, hash := byRegion(b), hashed(b, 8)
	for name, exprs := range points() {
		s := whereOf(tab, sqliteDialect, exprs...)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = planner.PlanRead(s)
			}
		})
	}
	long := make([]any, 10_000)
	for i := range long {
		long[i] = int64(i)
	}
	for name, s := range map[string]*planner.Statement{
		"text and or": whereOf(tab, sqliteDialect, clause.Expr{SQL: "region = ? AND (amount > ? OR name = ?)", Vars: []any{"US", 5, "x"}}),
		"no key":      whereOf(tab, sqliteDialect, clause.Expr{SQL: "amount > ?", Vars: []any{5}}),
		"in 10000":    whereOf(hash, sqliteDialect, clause.IN{Column: "code", Values: long}),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = planner.PlanRead(s)
			}
		})
	}
}
