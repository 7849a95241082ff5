package config

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm/schema"
)

type Customer struct {
	ID     int64
	Name   string
	Region string
	Size   int32
	Ratio  float64
}

type Sale struct {
	ID     string `gorm:"size:36"`
	Region string
	SoldAt string
}

func (Sale) TableName() string { return "sales.orders" }

func TestCompileMakesTables(t *testing.T) {
	t.Parallel()
	c, err := Compile(Config{Entities: []Entity{
		Model(&Customer{}).ShardBy("region", "EU", "US", "Asia Pacific").
			WithShards(Shard{ID: "US", Table: "old.us_customers", ReadOnly: true, Priority: 7}),
		Model(Sale{}).ShardByHash("Region", 2),
	}}, fakeEnvironment())
	require.NoError(t, err)
	require.Len(t, c.Tables(), 2)

	customers, found := c.ByName("customers")
	require.True(t, found)
	assert.Equal(t, "Customer", customers.Name)
	assert.Equal(t, []string{"US", "EU", "Asia Pacific"}, customers.IDs, "lower priority first")
	assert.Equal(t, "customers_asia_pacific", customers.Shards[2].Table)
	us, found := customers.Shard("US")
	require.True(t, found)
	assert.Equal(t, Shard{ID: "US", Table: "old.us_customers", ReadOnly: true, Priority: 7}, *us)
	assert.Equal(t, "old", us.Namespace())
	assert.Equal(t, "us_customers", us.Name())
	require.Len(t, customers.Keys, 1)
	assert.Equal(t, "region", customers.Keys[0].Column)
	assert.Equal(t, KindString, customers.Keys[0].Kind)
	assert.True(t, customers.Keys[0].BytesEqual)
	assert.Equal(t, 0, customers.KeyIndex("region"))
	assert.Equal(t, -1, customers.KeyIndex("name"))
	assert.Equal(t, "value", customers.StrategyName)
	assert.Equal(t, Tables, customers.Storage)
	assert.True(t, customers.Migrations)
	assert.Equal(t, KeyTimeOrdered, customers.KeySpec.Source)
	assert.Equal(t, "id", customers.Primary.Column)
	assert.Equal(t, "strategy=value/fake\nkey[0]=region string\nid=plain", customers.Fingerprint)

	sales, found := c.ByName("orders")
	require.True(t, found)
	assert.Equal(t, "sales", sales.Namespace)
	assert.Equal(t, "sales.orders_1", sales.Shards[1].Table)
	assert.Equal(t, KeyUUIDv7, sales.KeySpec.Source)
	byModel, found := c.ByModel(sales.ModelType)
	assert.True(t, found)
	assert.Same(t, sales, byModel)
}

// TestCompileLeavesSettingsAlone: Register copies what it is given.
func TestCompileLeavesSettingsAlone(t *testing.T) {
	t.Parallel()
	shards := []Shard{{ID: "EU"}, {ID: "US"}}
	cfg := Config{Entities: []Entity{Model(&Customer{}).ShardBy("Region").WithShards(shards...)}}
	c, err := Compile(cfg, fakeEnvironment())
	require.NoError(t, err)
	assert.Equal(t, []Shard{{ID: "EU"}, {ID: "US"}}, shards)
	assert.Equal(t, shards, cfg.Entities[0].Shards)
	cfg.Entities[0].Shards[0].Table = "other"
	assert.Equal(t, "customers_eu", c.Tables()[0].Shards[0].Table)
}

func TestCompileManual(t *testing.T) {
	t.Parallel()
	env := fakeEnvironment()
	env.TextEqual = func(Entity, *schema.Field) bool { return true }
	c, err := Compile(Config{Entities: []Entity{
		Model(&Customer{}).UseManualSharding(ManualTable("customers_a", "region = ?", "A"), ManualTable("x.customers_b", "region = ?", "B")),
	}}, env)
	require.NoError(t, err)
	table := c.Tables()[0]
	assert.Equal(t, Manual, table.Storage)
	assert.False(t, table.Migrations)
	assert.True(t, table.Keys[0].BytesEqual, "the environment says so")
	assert.False(t, table.Keys[0].BytesOrder, "dtde did not declare the column")
	assert.Equal(t, []string{"customers_a", "x.customers_b"}, table.IDs)
}

func TestWithDefaults(t *testing.T) {
	t.Parallel()
	assert.Equal(t, Config{MaxParallelShards: 8, MaxParallelStatements: 64, MaxShards: 1024, MaxShardsPerEntity: 4096, MaxBufferedRows: 1_000_000,
		Breaker: BreakerSettings{Failures: 5, Pause: 5 * time.Second}}, Config{}.WithDefaults())
	assert.Equal(t, 3, Config{MaxShards: 3}.WithDefaults().MaxShards)
}
