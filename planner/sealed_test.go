package planner

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
)

func TestSealedShardsAreLeftOut(t *testing.T) {
	t.Parallel()
	at := func(month time.Month) time.Time { return time.Date(2024, month, 1, 0, 0, 0, 0, time.UTC) }
	table := &config.Table{Name: "Order", LogicalName: "orders", Strategy: everywhere{}, Shards: []*config.Shard{{ID: "a"}, {ID: "b"}, {ID: "c"}}}
	catalog := config.NewCatalog(7, table).WithSeals(map[string]map[string]time.Time{"orders": {"a": at(4), "b": at(7), "gone": at(1)}})
	table, _ = catalog.ByName("orders")
	after := func(t time.Time) *config.Set {
		s := config.Between(config.Bound{Value: config.Time(t)}, config.Bound{Open: true}).Union(config.Point(config.Null()))
		return &s
	}
	for _, c := range []struct {
		name   string
		ends   *config.Set
		want   []string
		sealed bool
		change func(*Statement)
	}{
		{name: "no lens", want: []string{"a", "b", "c"}},
		{name: "before all bounds", ends: after(at(3)), want: []string{"a", "b", "c"}},
		{name: "at a bound", ends: after(at(4)), want: []string{"b", "c"}, sealed: true},
		{name: "after all", ends: after(at(9)), want: []string{"c"}, sealed: true},
		{name: "named shards", ends: after(at(9)), want: []string{"a", "c"}, change: func(s *Statement) { s.OnShard = []string{"c", "a"} }},
		{name: "all shards, as asked", ends: after(at(9)), want: []string{"a", "b", "c"}, change: func(s *Statement) { s.AllShards = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &Statement{Table: table, Epoch: catalog.Epoch, Dialect: Dialect{Name: "sqlite"}, Ends: c.ends}
			if c.change != nil {
				c.change(s)
			}
			p, err := PlanRead(s)
			require.NoError(t, err)
			assert.Equal(t, c.want, p.ShardIDs())
			assert.Equal(t, c.sealed, p.Sealed)
		})
	}
}

// everywhere routes nothing.
type everywhere struct{ config.Strategy }

func (everywhere) Shards() []string                       { return []string{"a", "b", "c"} }
func (everywhere) Route(config.RouteQuery) config.Routing { return config.Routing{All: true} }
