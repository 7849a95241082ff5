package planner_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

func TestPlanPrints(t *testing.T) {
	t.Parallel()
	s := whereOf(byRegion(t), mariadbDialect, clause.IN{Column: "region", Values: []any{"US", "EU"}})
	n := 10
	s.Clauses["LIMIT"] = clause.Clause{Expression: clause.Limit{Limit: &n, Offset: 5}}
	plan, err := planner.PlanRead(s)
	require.NoError(t, err)
	plan.Statements = []planner.SQL{{Shards: []string{"EU", "US"}, Text: "SELECT 1", Args: 2}}
	assert.Equal(t, `select Order: union, 2 of 3 shards {EU US}
  shards: region {"EU" "US"}
  form: one statement, one snapshot; each branch has its own values
  branches: WHERE, ORDER BY, LIMIT 15
  EU: its own values
  US: its own values
  sql {EU US}: SELECT 1`, plan.String())
	text, err := json.Marshal(plan)
	require.NoError(t, err)
	assert.JSONEq(t, `{"operation":"select","entity":"Order","epoch":7,"form":"union",
		"formReason":"one statement, one snapshot; each branch has its own values",
		"shards":[{"id":"EU","table":"orders_eu","ownValues":true},{"id":"US","table":"orders_us","ownValues":true}],
		"of":3,"reason":"region {\"EU\" \"US\"}","pushed":true,"branchLimit":15,
		"statements":[{"shards":["EU","US"],"sql":"SELECT 1","args":2}]}`, string(text))
	s.Form = config.ReadSessions
	plan, err = planner.PlanRead(s)
	require.NoError(t, err)
	text, err = json.Marshal(plan)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"merge":["concatenate","offset 5","limit 10"]`)
}

func TestNames(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "select insert update delete raw invalid", joined(planner.Select, planner.Insert, planner.Update, planner.Delete, planner.Raw, planner.Operation(9)))
	assert.Equal(t, "none one union sessions steps invalid", joined(planner.None, planner.One, planner.Union, planner.Sessions, planner.Steps, planner.Form(9)))
}

func joined[T interface{ String() string }](vs ...T) (s string) {
	for i, v := range vs {
		if i > 0 {
			s += " "
		}
		s += v.String()
	}
	return s
}
