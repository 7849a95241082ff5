package config_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/strategies"
)

func environment() config.Environment {
	cache := &sync.Map{}
	return config.Environment{
		Dialect: "sqlite",
		Parse: func(model any) (*schema.Schema, error) {
			return schema.Parse(model, cache, schema.NamingStrategy{})
		},
		Strategy: strategies.New,
		Fields:   strategies.Fields,
		IDShard: func(int) func(config.Value) (string, bool) {
			return func(config.Value) (string, bool) { return "0", true }
		},
	}
}

// The models of each pair have the same name and table; the second carries tags.
type plain struct {
	ID     int64
	Region string
	SoldAt time.Time
	Number int64
	Email  string `gorm:"uniqueIndex"`
}

func (plain) TableName() string { return "sales.things" }

type byValue struct {
	ID     int64
	Region string `dtde:"shardKey;strategy:value;values:EU,US;default:rest;foldCase"`
	SoldAt time.Time
	Number int64
	Email  string `gorm:"uniqueIndex" dtde:"localUnique"`
}
type byDate struct {
	ID     int64
	Region string
	SoldAt time.Time `dtde:"shardKey;strategy:date;unit:quarter;from:2023-01-01;to:2025-01-01;zone:Europe/Berlin"`
	Number int64
	Email  string `gorm:"uniqueIndex" dtde:"localUnique"`
}
type byHash struct {
	ID     int64  `dtde:"keys:timeOrdered;carrySlot"`
	Region string `dtde:"shardKey;strategy:hash;shards:8"`
	SoldAt time.Time
	Number int64
	Email  string `gorm:"uniqueIndex" dtde:"localUnique"`
}
type byRing struct {
	ID     int64
	Region string `dtde:"shardKey;strategy:ring;nodes:a=1,b=2;virtualNodes:16"`
	SoldAt time.Time
	Number int64
	Email  string `gorm:"uniqueIndex" dtde:"localUnique"`
}
type byLetter struct {
	ID     int64
	Region string `dtde:"shardKey;strategy:alphabet;ranges:A-M,N-Z;default:other"`
	SoldAt time.Time
	Number int64
	Email  string `gorm:"uniqueIndex" dtde:"localUnique"`
}
type byRange struct {
	ID     int64
	Region string
	SoldAt time.Time
	Number int64  `dtde:"shardKey;strategy:range;ranges:low=..100,high=100.."`
	Email  string `gorm:"uniqueIndex" dtde:"localUnique"`
}
type byRows struct {
	ID     int64 `dtde:"strategy:maxrows;maxRows:1000"`
	Region string
	SoldAt time.Time
	Number int64
	Email  string `gorm:"uniqueIndex" dtde:"localUnique"`
}
type byTwo struct {
	ID     int64
	Region string `dtde:"shardKey;order:1;strategy:value;values:EU,US"`
	SoldAt time.Time
	Number int64  `dtde:"shardKey;order:2;strategy:hash;shards:2"`
	Email  string `gorm:"uniqueIndex" dtde:"localUnique"`
}

func (byValue) TableName() string  { return "sales.things" }
func (byDate) TableName() string   { return "sales.things" }
func (byHash) TableName() string   { return "sales.things" }
func (byRing) TableName() string   { return "sales.things" }
func (byLetter) TableName() string { return "sales.things" }
func (byRange) TableName() string  { return "sales.things" }
func (byRows) TableName() string   { return "sales.things" }
func (byTwo) TableName() string    { return "sales.things" }

// facts is what of a table must not depend on how its settings were given.
type facts struct {
	Logical, Namespace, Strategy, Fingerprint string
	Storage                                   config.StorageMode
	Keys                                      []string
	Kinds                                     []config.Kind
	Shards                                    []config.Shard
	Source                                    config.KeySource
	Carry, Migrations                         bool
	LocalUnique                               map[string]bool
	Upto                                      []string
}

func factsOf(t *testing.T, e config.Entity) facts {
	t.Helper()
	catalog, err := config.Compile(config.Config{Entities: []config.Entity{e}}, environment())
	require.NoError(t, err)
	table := catalog.Tables()[0]
	f := facts{
		Logical: table.LogicalName, Namespace: table.Namespace, Strategy: table.StrategyName, Fingerprint: table.Fingerprint,
		Storage: table.Storage, Source: table.KeySpec.Source, Carry: table.KeySpec.CarrySlot,
		Migrations: table.Migrations, LocalUnique: table.LocalUnique,
	}
	for i := range table.Keys {
		f.Keys, f.Kinds = append(f.Keys, table.Keys[i].Column), append(f.Kinds, table.Keys[i].Kind)
	}
	for _, s := range table.Shards {
		f.Shards = append(f.Shards, *s)
	}
	if d, ok := table.Dynamic(); ok {
		f.Upto, _ = d.Upto(config.Time(time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)))
	}
	return f
}

// TestTagsFluentAndFileAreEquivalent: three ways to say the same thing.
func TestTagsFluentAndFileAreEquivalent(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	model := func() config.Entity { return config.Model(&plain{}).WithLocalUnique("idx_sales_things_email") }
	from, to := time.Date(2023, 1, 1, 0, 0, 0, 0, berlin), time.Date(2025, 1, 1, 0, 0, 0, 0, berlin)
	foldedValue := model().ShardBy("Region", "EU", "US").WithDefaultShard("rest")
	foldedValue.Strategy.FoldCase = true
	ring := model().ShardByRing("Region", config.RingNode{ID: "a", Weight: 1}, config.RingNode{ID: "b", Weight: 2})
	ring.Strategy.VirtualNodes = 16
	cases := []struct {
		name   string
		tagged any
		fluent config.Entity
		file   string
	}{
		{"value", &byValue{}, foldedValue,
			`strategy: {kind: value, field: Region, values: [EU, US], default: rest, foldCase: true}`},
		{"date", &byDate{}, model().ShardByDate("SoldAt", config.Quarter, from, to),
			`strategy: {kind: date, field: sold_at, unit: quarter, from: 2023-01-01, to: 2025-01-01, zone: Europe/Berlin}`},
		{"hash", &byHash{}, model().ShardByHash("Region", 8).WithKeys(config.KeySpec{Source: config.KeyTimeOrdered, CarrySlot: true}),
			`{strategy: {kind: hash, field: Region, slots: 8}, keys: {source: timeOrdered, carrySlot: true}}`},
		{"ring", &byRing{}, ring,
			`strategy: {kind: ring, field: Region, nodes: [{id: a, weight: 1}, {id: b, weight: 2}], virtualNodes: 16}`},
		{"alphabet", &byLetter{}, model().ShardByAlphabet("Region", "A-M", "N-Z").WithDefaultShard("other"),
			`strategy: {kind: alphabet, field: Region, letters: [A-M, N-Z], default: other}`},
		{"range", &byRange{}, model().ShardByRange("Number", config.Range{ID: "low", To: 100}, config.Range{ID: "high", From: int32(100)}),
			`strategy: {kind: range, field: Number, ranges: [{id: low, to: 100}, {id: high, from: "100"}]}`},
		{"maxrows", &byRows{}, model().ShardByMaxRows(1000),
			`strategy: {kind: maxrows, maxRows: 1000}`},
		{"composite", &byTwo{}, model().ShardByComposite(config.ByValue("Region", "EU", "US"), config.ByHash("Number", 2)),
			`strategy: {kind: composite, parts: [{kind: value, field: Region, values: [EU, US]}, {kind: hash, field: number, slots: 2}]}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			entity := "model: plain, localUnique: [idx_sales_things_email], " + strings.TrimSuffix(strings.TrimPrefix(c.file, "{"), "}")
			if !strings.HasPrefix(c.file, "{") {
				entity = "model: plain, localUnique: [idx_sales_things_email], " + c.file
			}
			loaded, err := config.Load(strings.NewReader("entities: [{"+entity+"}]"), config.Registry{Models: map[string]any{"plain": &plain{}}})
			require.NoError(t, err)
			fluent := factsOf(t, c.fluent)
			assert.Equal(t, fluent, factsOf(t, config.Model(c.tagged)), "tags")
			assert.Equal(t, fluent, factsOf(t, loaded.Entities[0]), "file")
			assert.Equal(t, "things", fluent.Logical)
			if fluent.Strategy != "date" && fluent.Strategy != "maxrows" {
				assert.NotEmpty(t, fluent.Shards)
			}
			for _, s := range fluent.Shards {
				assert.True(t, strings.HasPrefix(s.Table, "sales.things_"), s.Table)
			}
		})
	}
}

// TestStrategiesFaultsCarryTheEntity: what the strategies find wrong is attached.
func TestStrategiesFaultsCarryTheEntity(t *testing.T) {
	t.Parallel()
	model := config.Model(&plain{}).WithLocalUnique("idx_sales_things_email")
	at := func(month time.Month) time.Time { return time.Date(2024, month, 1, 0, 0, 0, 0, time.UTC) }
	ring := func(weight, points int) config.Entity {
		e := model.ShardByRing("Region", config.RingNode{ID: "a", Weight: weight})
		e.Strategy.VirtualNodes = points
		return e
	}
	cases := map[string]config.Entity{
		"overlap":          model.ShardByRange("Number", config.Range{ID: "a", To: 10}, config.Range{ID: "b", From: 9}),
		"empty range":      model.ShardByRange("Number", config.Range{ID: "a", From: 10, To: 10}),
		"wrong type":       model.ShardByRange("Number", config.Range{ID: "a", From: "x"}),
		"value twice":      model.ShardBy("Region").WithShards(config.Shard{ID: "a", Values: []any{"x"}}, config.Shard{ID: "b", Values: []any{"x"}}),
		"no values":        model.ShardBy("Region"),
		"dates reversed":   model.ShardByDate("SoldAt", config.Month, at(2), at(1)),
		"date of text":     model.ShardByDate("Region", config.Month, at(1), at(2)),
		"no unit":          model.ShardByDate("SoldAt", 0, at(1), at(2)),
		"no slots":         model.ShardByHash("Region", 0),
		"weight":           ring(1001, 1),
		"negative weight":  ring(-1, 1),
		"virtual nodes":    ring(1, -1),
		"many points":      ring(1, 1<<30),
		"letters overlap":  model.ShardByAlphabet("Region", "A-M", "M-Z"),
		"letters of int":   model.ShardByAlphabet("Number", "A-M"),
		"max rows":         model.ShardByMaxRows(0),
		"empty composite":  model.ShardByComposite(),
		"kind":             {Model: &plain{}, Strategy: config.StrategySpec{Kind: "spiral"}},
		"nil strategy":     model.ShardByFunc("Region", nil),
		"nil function":     model.ShardByComputed("f/1", nil, config.KindInt, config.ByHash("", 2), "Region"),
		"unused setting":   {Model: &plain{}, Strategy: config.StrategySpec{Kind: "value", Fields: []string{"Region"}, Values: []string{"a"}, Slots: 3}},
		"unreachable slot": model.ShardByHash("Region", 2).WithShards(config.Shard{ID: "2"}),
		"outside dates":    model.ShardByDate("SoldAt", config.Month, at(1), at(3)).WithShards(config.Shard{ID: "2023_01"}),
	}
	for name, e := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Compile(config.Config{Entities: []config.Entity{e}}, environment())
			require.ErrorIs(t, err, config.ErrConfig)
			for _, f := range config.Faults(err) {
				assert.Equal(t, "plain", f.Entity, "%v", f)
			}
		})
	}
}

func TestExplicitShardsReplaceDerivedOnes(t *testing.T) {
	t.Parallel()
	at := func(year int) time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC) }
	f := factsOf(t, config.Model(&plain{}).WithLocalUnique("idx_sales_things_email").
		ShardByDate("SoldAt", config.Year, at(2020), at(2025)).
		WithShards(config.Shard{ID: "2022", Table: "things_old", ReadOnly: true, Priority: 200}))
	assert.Contains(t, f.Shards, config.Shard{ID: "2022", Table: "things_old", ReadOnly: true, Priority: 200})
}

type champion struct {
	ID       uint
	Trophies []trophy `gorm:"polymorphic:Owner"`
}

type trophy struct {
	ID        int64
	OwnerID   string
	OwnerType string
}

// TestKeyOfTwoTypes: what gorm knows of a field depends on the models that it has met, and
// the shard of a row must not.
func TestKeyOfTwoTypes(t *testing.T) {
	for name, entities := range map[string][]config.Entity{
		"the owner first": {config.Model(&champion{}).ShardByHash("ID", 2), config.Model(&trophy{}).ShardByHash("OwnerID", 2)},
		"the owner last":  {config.Model(&trophy{}).ShardByHash("OwnerID", 2), config.Model(&champion{}).ShardByHash("ID", 2)},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Compile(config.Config{Entities: entities}, environment())
			require.ErrorIs(t, err, config.ErrConfig)
			assert.ErrorContains(t, err, "trophy.OwnerID: the field is string, but a relation of another model makes its column a copy of a key of type uint")
		})
	}
	_, err := config.Compile(config.Config{Entities: []config.Entity{config.Model(&trophy{}).ShardByHash("OwnerID", 2)}}, environment())
	require.NoError(t, err)
}

// TestValueThatIsNoID: a quote may be in a value, and not in a shard's id.
func TestValueThatIsNoID(t *testing.T) {
	compile := func(e config.Entity) (*config.Catalog, error) {
		return config.Compile(config.Config{Entities: []config.Entity{e.WithLocalUnique("idx_sales_things_email")}}, environment())
	}
	_, err := compile(config.Model(&plain{}).ShardBy("Region", "EU", "O'Brien"))
	require.ErrorContains(t, err, "O'Brien: the id holds a quote, semicolon, backslash or comment mark; "+
		"a value that makes no id is given to a shard of another one: WithShards(Shard{ID: …, Values: []any{…}})")
	catalog, err := compile(config.Model(&plain{}).ShardBy("Region", "EU").WithShards(config.Shard{ID: "obrien", Values: []any{"O'Brien"}}))
	require.NoError(t, err)
	id, err := catalog.Tables()[0].Strategy.Place([]config.Value{config.Text("O'Brien")})
	require.NoError(t, err)
	assert.Equal(t, "obrien", id)
}
