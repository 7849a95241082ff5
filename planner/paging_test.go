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

func TestPaging(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		table         *config.Table
		dialect       planner.Dialect
		order         []string // "-" stands for DESC
		selects       []string
		offset, limit int
		want          string // "" is fetch
	}{
		{name: "by key", table: hashed(t, 4), order: []string{"id"}, offset: 5000, limit: 20, want: "probe, by id nulls last"},
		{name: "nulls first", table: hashed(t, 4), dialect: sqliteDialect, order: []string{"-id"}, offset: 5000, limit: 20, want: "probe, by id desc nulls last"},
		{name: "the key breaks ties", table: hashed(t, 4), order: []string{"-amount"}, offset: 5000, limit: 20, want: "probe, by amount desc nulls first, id nulls last"},
		{name: "a column twice", table: hashed(t, 4), order: []string{"amount", "-amount", "id"}, offset: 5000, limit: 20, want: "probe, by amount nulls last, id nulls last"},
		{name: "very deep", table: hashed(t, 4), order: []string{"id"}, offset: 100_000, limit: 20, want: "probe, from the nearer end, by id nulls last"},
		{name: "very deep where rows are counted slowly", table: hashed(t, 4), dialect: sqliteDialect, order: []string{"id"}, offset: 100_000, limit: 20, want: "probe, by id nulls first"},
		{name: "by the date that shards", table: monthly(t), order: []string{"sold_at"}, offset: 5000, limit: 20, want: "walk, from the nearer end, by sold_at nulls last, id nulls last"},
		{name: "by the range that shards", table: ranged(t), order: []string{"-code"}, offset: 5000, limit: 20, want: "walk, from the nearer end, by code desc nulls first, id nulls last"},
		{name: "by the shard key second", table: monthly(t), order: []string{"amount", "sold_at"}, offset: 5000, limit: 20, want: "probe, by amount nulls last, sold_at nulls last, id nulls last"},
		{name: "walk without the key", table: monthly(t), order: []string{"sold_at"}, selects: []string{"sold_at"}, offset: 5000, limit: 20, want: "walk, by sold_at nulls last"},
		{name: "probe needs the key", table: hashed(t, 4), order: []string{"amount"}, selects: []string{"amount"}, offset: 5000, limit: 20},
		{name: "near the start", table: hashed(t, 4), order: []string{"id"}, offset: 980, limit: 20},
		{name: "more rows than are skipped", table: hashed(t, 4), order: []string{"id"}, offset: 5000, limit: 5001},
		{name: "no order", table: hashed(t, 4), offset: 5000, limit: 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := c.dialect
			if d.Name == "" {
				d = postgresDialect
			}
			s := whereOf(c.table, d)
			s.Form, s.Selects = config.ReadSessions, c.selects
			var by clause.OrderBy
			for _, name := range c.order {
				desc := name[0] == '-'
				if desc {
					name = name[1:]
				}
				by.Columns = append(by.Columns, clause.OrderByColumn{Column: clause.Column{Name: name}, Desc: desc})
			}
			if c.order != nil {
				s.Clauses["ORDER BY"] = clause.Clause{Expression: by}
			}
			s.Clauses["LIMIT"] = clause.Clause{Expression: clause.Limit{Limit: &c.limit, Offset: c.offset}}
			plan, err := planner.PlanRead(s)
			require.NoError(t, err)
			text, err := json.Marshal(plan)
			require.NoError(t, err)
			if c.want == "" {
				assert.Equal(t, planner.PageFetch, plan.Merge.Paging.Form)
				assert.NotContains(t, plan.String(), "paging")
				assert.NotContains(t, string(text), "paging")
				return
			}
			assert.Contains(t, plan.String(), "\n  paging: "+c.want)
			assert.Contains(t, string(text), `"paging":"`+plan.Merge.Paging.String()+`"`)
		})
	}
	assert.Equal(t, "fetch walk probe invalid", joined(planner.PageFetch, planner.PageWalk, planner.PageProbe, planner.PageForm(9)))
}
