package planner_test

import (
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/planner/internal/gentest"
	"github.com/go-dtde/dtde/strategies"
)

var (
	sqliteDialect    = planner.Dialect{Name: "sqlite"}
	postgresDialect  = planner.Dialect{Name: "postgres"}
	mariadbDialect   = planner.Dialect{Name: "mysql", MariaDB: true}
	sqlserverDialect = planner.Dialect{Name: "sqlserver"}
)

var orderSchema = sync.OnceValue(func() *schema.Schema {
	s, err := schema.Parse(&gentest.Order{}, &sync.Map{}, schema.NamingStrategy{})
	if err != nil {
		panic(err)
	}
	return s
})

// keysOf are key columns that compare by bytes.
func keysOf(fields ...string) []config.KeyColumn {
	keys := make([]config.KeyColumn, len(fields))
	for i, name := range fields {
		f := orderSchema().LookUpField(name)
		keys[i] = config.KeyColumn{Field: f, Column: f.DBName, Kind: config.KindOf(f), BytesEqual: true, BytesOrder: true}
		if keys[i].Kind == config.KindTime {
			keys[i].Precision = time.Microsecond
		}
	}
	return keys
}

// table compiles an entity of the orders model.
func table(t testing.TB, spec config.StrategySpec, shards ...config.Shard) *config.Table {
	t.Helper()
	keys := keysOf(strategies.Fields(spec)...)
	strategy, err := strategies.New(spec, keys, shards)
	require.NoError(t, err)
	tab := &config.Table{
		Name: "Order", ModelType: reflect.TypeFor[gentest.Order](), Schema: orderSchema(), LogicalName: "orders",
		Keys: keys, Strategy: strategy, StrategyName: strategy.Name(), Storage: config.Tables,
	}
	explicit := map[string]bool{}
	for i := range shards {
		explicit[shards[i].ID] = true
		tab.Shards = append(tab.Shards, &shards[i])
		if shards[i].Table == "" {
			shards[i].Table = tab.ShardTable(shards[i].ID).Table
		}
	}
	for _, id := range strategy.Shards() {
		if !explicit[id] {
			tab.Shards = append(tab.Shards, tab.ShardTable(id))
		}
	}
	config.NewCatalog(1, tab)
	return tab
}

func byRegion(t testing.TB) *config.Table {
	return table(t, config.ByValue("Region", "EU", "US", "APAC"))
}

func hashed(t testing.TB, slots int) *config.Table { return table(t, config.ByHash("Code", slots)) }

func ranged(t testing.TB) *config.Table {
	return table(t, config.ByRange("Code", config.Range{ID: "low", To: 0}, config.Range{ID: "mid", From: 0, To: 5}, config.Range{ID: "high", From: 5}))
}

// monthly has the shards of three months.
func monthly(t testing.TB) *config.Table {
	tab := table(t, config.ByDate("SoldAt", config.Month, time.Date(2023, 12, 1, 0, 0, 0, 0, time.UTC), time.Date(2024, 4, 1, 0, 0, 0, 0, time.UTC)))
	for _, id := range []string{"2023_12", "2024_01", "2024_02"} {
		if _, known := tab.Shard(id); !known {
			tab.Shards = append(tab.Shards, tab.ShardTable(id))
		}
	}
	fresh := *tab
	return reindex(&fresh)
}

// reindex builds the look-ups of a table whose shards were changed.
func reindex(t *config.Table) *config.Table {
	fresh := config.Table{
		Name: t.Name, ModelType: t.ModelType, Schema: t.Schema, LogicalName: t.LogicalName, Namespace: t.Namespace, Keys: t.Keys,
		Strategy: t.Strategy, StrategyName: t.StrategyName, Storage: t.Storage, Shards: t.Shards, Primary: t.Primary, IDShard: t.IDShard,
	}
	config.NewCatalog(1, &fresh)
	return &fresh
}

func composite(t testing.TB) *config.Table {
	return table(t, config.StrategySpec{Kind: "composite", Parts: []config.StrategySpec{
		config.ByValue("Region", "EU", "US", "APAC"), config.ByHash("Code", 3),
	}})
}

// slotted is hashed by code, with ids that carry the slot: id % 4.
func slotted(t testing.TB) *config.Table {
	tab := hashed(t, 4)
	primary := keysOf("ID")[0]
	tab.Primary = &primary
	ids := tab.IDs
	tab.IDShard = func(id config.Value) (string, bool) {
		n, ok := id.AsInt()
		if !ok || n < 0 {
			return "", false
		}
		return ids[n%4], true
	}
	return reindex(tab)
}

// keyOf are the key values of a row.
func keyOf(t *config.Table, row *gentest.Order) []config.Value {
	key := make([]config.Value, len(t.Keys))
	for i := range t.Keys {
		v, _ := t.Keys[i].Field.ValueOf(nil, reflect.ValueOf(row).Elem())
		value, ok := t.Keys[i].Convert(v)
		if !ok {
			panic(fmt.Sprintf("key %T does not convert", v))
		}
		key[i] = value
	}
	return key
}

// inBoxes tells whether a key is admitted by a predicate, with its id.
func inBoxes(t *config.Table, p *planner.Predicate, row *gentest.Order) bool {
	key := keyOf(t, row)
	for i, box := range p.Boxes {
		in := p.IDs == nil || p.IDs[i].Contains(config.Int(row.ID))
		for dim := range box {
			in = in && box[dim].Contains(key[dim])
		}
		if in {
			return true
		}
	}
	return false
}

// read is a select over the orders with the conditions of a statement.
func read(t *config.Table, stmt *gorm.Statement) *planner.Statement {
	return &planner.Statement{
		Operation: planner.Select, Table: t, Epoch: 7, Alias: "orders", Clauses: stmt.Clauses, Selects: stmt.Selects,
		Distinct: stmt.Distinct, Joins: len(stmt.Joins) > 0, Dialect: planner.Dialect{Name: stmt.Dialector.Name()},
	}
}
