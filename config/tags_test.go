package config

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type taggedValue struct {
	ID     int64  `dtde:"keys:sequence;sequence:ids"`
	Region string `dtde:"shardKey;strategy:value;values:EU, US,APAC;default:rest;foldCase"`
	Email  string `gorm:"uniqueIndex" dtde:"localUnique"`
}
type taggedDate struct {
	ID   int64
	When string `dtde:"shardKey; strategy:Date; unit:Month; from:2023-01-01; to:2026-01-01T00:00:00Z; zone:Europe/Berlin;"`
}
type taggedHash struct {
	ID     int64  `dtde:"carrySlot"`
	Tenant string `dtde:"shardKey;strategy:hash;shards:8"`
}
type taggedLocal struct {
	ID     int64  `dtde:"localUnique"`
	Tenant string `dtde:"shardKey;strategy:hash;shards:8"`
}
type taggedRing struct {
	ID   int64
	Name string `dtde:"shardKey;strategy:ring;nodes:a=1,b=2,c;virtualNodes:160"`
}
type taggedAlphabet struct {
	ID   int64
	Name string `dtde:"shardKey;strategy:alphabet;ranges:A-M,N-Z;default:other"`
}
type taggedRange struct {
	ID int64 `dtde:"shardKey;strategy:range;ranges:low=..100,mid=100..200,high=200..;keys:none"`
}
type taggedMaxRows struct {
	ID int64 `dtde:"strategy:maxrows;maxRows:1000000;noMigrations"`
}
type taggedComposite struct {
	ID     int64
	Month  int64  `dtde:"shardKey;order:2;strategy:hash;shards:4"`
	Region string `dtde:"shardKey;order:1;strategy:value;values:a\\;b"`
}

func parseTags(t *testing.T, model any) (*compiler, []*ConfigError) {
	t.Helper()
	k := compiler{faults: &faults{}, env: fakeEnvironment(), limit: 10}
	require.True(t, k.open(Model(model), map[reflect.Type]bool{}))
	k.tags()
	return &k, Faults(k.err())
}

func TestTags(t *testing.T) {
	t.Parallel()
	berlin, err := loadZone("Europe/Berlin")
	require.NoError(t, err)
	cases := []struct {
		model any
		want  Entity
	}{
		{&taggedValue{}, Entity{
			Strategy:    StrategySpec{Kind: "value", Fields: []string{"Region"}, Values: []string{"EU", "US", "APAC"}, Default: "rest", FoldCase: true},
			LocalUnique: []string{"idx_tagged_values_email"},
			Keys:        KeySpec{Source: KeySequence, Sequence: "ids"},
		}},
		{&taggedDate{}, Entity{Strategy: StrategySpec{Kind: "date", Fields: []string{"When"}, Unit: Month, From: "2023-01-01", To: "2026-01-01T00:00:00Z", Location: berlin}}},
		{&taggedHash{}, Entity{Strategy: ByHash("Tenant", 8), Keys: KeySpec{CarrySlot: true}}},
		{&taggedLocal{}, Entity{Strategy: ByHash("Tenant", 8), LocalUnique: []string{LocalPrimary}}},
		{&taggedRing{}, Entity{Strategy: StrategySpec{Kind: "ring", Fields: []string{"Name"}, Nodes: []RingNode{{"a", 1}, {"b", 2}, {"c", 0}}, VirtualNodes: 160}}},
		{&taggedAlphabet{}, Entity{Strategy: StrategySpec{Kind: "alphabet", Fields: []string{"Name"}, Letters: []string{"A-M", "N-Z"}, Default: "other"}}},
		{&taggedRange{}, Entity{
			Strategy: ByRange("ID", Range{"low", nil, "100"}, Range{"mid", "100", "200"}, Range{"high", "200", nil}),
			Keys:     KeySpec{Source: KeyNone},
		}},
		{&taggedMaxRows{}, Entity{Strategy: StrategySpec{Kind: "maxrows", MaxRows: 1_000_000}, NoMigrations: true}},
		{&taggedComposite{}, Entity{Strategy: StrategySpec{Kind: "composite", Parts: []StrategySpec{ByValue("Region", "a;b"), ByHash("Month", 4)}}}},
	}
	for _, c := range cases {
		k, problems := parseTags(t, c.model)
		assert.Empty(t, problems)
		c.want.Model = c.model
		assert.Equal(t, c.want, k.entity)
		assert.True(t, HasTags(k.schema))
	}
	k, _ := parseTags(t, &Customer{})
	assert.False(t, HasTags(k.schema))
	assert.Equal(t, Model(&Customer{}), k.entity)
}

// TestTagsYield: what the program says wins over the tags, setting by setting.
func TestTagsYield(t *testing.T) {
	t.Parallel()
	catalog, err := Compile(one(Model(&taggedValue{}).ShardByHash("Region", 2).WithKeys(KeySpec{Source: KeyTimeOrdered})), fakeEnvironment())
	require.NoError(t, err)
	table := catalog.Tables()[0]
	assert.Equal(t, "hash", table.StrategyName)
	assert.Equal(t, KeyTimeOrdered, table.KeySpec.Source)
	assert.True(t, table.LocalUnique["idx_tagged_values_email"], "what the program does not say stays")

	catalog, err = Compile(one(Model(&taggedValue{}).WithDefaultShard("mine")), fakeEnvironment())
	require.NoError(t, err)
	assert.Equal(t, "mine", catalog.Tables()[0].Spec.Strategy.Default)

	catalog, err = Compile(one(Model(&taggedDate{}).InLocation(time.UTC)), fakeEnvironment())
	require.NoError(t, err)
	assert.Equal(t, time.UTC, catalog.Tables()[0].Spec.Strategy.Location)
}

func TestTagFaults(t *testing.T) {
	t.Parallel()
	type relation struct{ ID int64 }
	cases := []struct {
		name    string
		model   any
		field   string
		problem string
	}{
		{"unknown", &struct {
			ID int64
			K  string `dtde:"shardKey;strategy:value;values:a;colour:red"`
		}{}, "K", `unknown setting "colour"`},
		{"two starts", &struct {
			ID int64
			A  time.Time `dtde:"validFrom"`
			K  time.Time `dtde:"validFrom"`
		}{}, "K", "another field's tag says validFrom already"},
		{"open end", &struct {
			ID int64
			K  time.Time `dtde:"validFrom;openAs:maybe"`
		}{}, "K", "must be null or sentinel"},
		{"tolerance", &struct {
			ID int64
			K  time.Time `dtde:"validFrom;clockTolerance:-1s"`
		}{}, "K", "clockTolerance must be a duration"},
		{"strategy", &struct {
			ID int64
			K  string `dtde:"shardKey;strategy:spiral"`
		}{}, "K", "strategy must be"},
		{"no strategy", &struct {
			ID int64
			K  string `dtde:"shardKey"`
		}{}, "K", "no strategy"},
		{"no shardKey", &struct {
			ID int64
			K  string `dtde:"strategy:value;values:a"`
		}{}, "K", "not shardKey"},
		{"setting without key", &struct {
			ID int64
			K  string `dtde:"unit:month"`
		}{}, "K", "not shardKey"},
		{"twice", &struct {
			ID int64
			K  string `dtde:"shardKey;shardKey;strategy:value;values:a"`
		}{}, "K", "twice"},
		{"flag with value", &struct {
			ID int64
			K  string `dtde:"shardKey:yes;strategy:value;values:a"`
		}{}, "K", "takes no value"},
		{"value missing", &struct {
			ID int64
			K  string `dtde:"shardKey;strategy:value;values:"`
		}{}, "K", "needs a value"},
		{"empty item", &struct {
			ID int64
			K  string `dtde:"shardKey;strategy:value;values:a,,b"`
		}{}, "K", "empty item"},
		{"no effect", &struct {
			ID int64
			K  string `dtde:"shardKey;strategy:value;values:a;unit:month"`
		}{}, "K", "unit has no effect"},
		{"number", &struct {
			ID int64
			K  string `dtde:"shardKey;strategy:hash;shards:eight"`
		}{}, "K", "must be a number"},
		{"zone", &struct {
			ID int64
			K  string `dtde:"shardKey;strategy:date;unit:day;from:2024-01-01;to:2025-01-01;zone:Mars/Base"`
		}{}, "K", "no time zone"},
		{"local zone", &struct {
			ID int64
			K  string `dtde:"shardKey;strategy:date;zone:Local"`
		}{}, "K", "no time zone"},
		{"unit", &struct {
			ID int64
			K  string `dtde:"shardKey;strategy:date;unit:fortnight"`
		}{}, "K", "unit must be"},
		{"ranges", &struct {
			ID int64
			K  int64 `dtde:"shardKey;strategy:range;ranges:1-2"`
		}{}, "K", "id=from..to"},
		{"nodes", &struct {
			ID int64
			K  int64 `dtde:"shardKey;strategy:ring;nodes:a=x"`
		}{}, "K", "id=weight"},
		{"order missing", &struct {
			ID int64
			K  int64 `dtde:"shardKey;strategy:hash;shards:2"`
			L  int64 `dtde:"shardKey;strategy:hash;shards:2;order:1"`
		}{}, "K", "order:1 to order:2"},
		{"order twice", &struct {
			ID int64
			K  int64 `dtde:"shardKey;strategy:hash;shards:2;order:1"`
			L  int64 `dtde:"shardKey;strategy:hash;shards:2;order:1"`
		}{}, "L", "order:1 to order:2"},
		{"order alone", &struct {
			ID int64
			K  int64 `dtde:"shardKey;strategy:hash;shards:2;order:1"`
		}{}, "K", "second shardKey"},
		{"maxrows elsewhere", &struct {
			ID int64
			K  int64 `dtde:"strategy:maxrows;maxRows:5"`
		}{}, "K", "primary key's tag"},
		{"maxrows with key", &struct {
			ID int64 `dtde:"shardKey;strategy:maxrows;maxRows:5"`
		}{}, "ID", "no shard key"},
		{"maxrows beside another", &struct {
			ID int64 `dtde:"strategy:maxrows;maxRows:5"`
			K  int64 `dtde:"shardKey;strategy:hash;shards:2"`
		}{}, "ID", "stands alone"},
		{"keys elsewhere", &struct {
			ID int64
			K  int64 `dtde:"keys:none"`
		}{}, "K", "primary key's tag"},
		{"keys", &struct {
			ID int64 `dtde:"keys:dice"`
		}{}, "ID", "keys must be"},
		{"custom keys", &struct {
			ID int64 `dtde:"keys:custom"`
		}{}, "ID", "keys must be"},
		{"localUnique", &struct {
			ID int64
			K  int64 `dtde:"localUnique"`
		}{}, "K", "no unique index"},
		{"relation", &struct {
			ID         int64
			RelationID int64
			Relation   relation `dtde:"shardKey"`
		}{}, "Relation", "without a column"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, problems := parseTags(t, c.model)
			found := false
			for _, p := range problems {
				found = found || p.Field == c.field && strings.Contains(p.Problem, c.problem)
			}
			assert.True(t, found, "%v", problems)
		})
	}
}
