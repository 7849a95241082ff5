package config

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestTableSuffix(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"EU": "eu", "2024_05": "2024_05", "Asia Pacific": "asia_pacific", "a--b": "a_b", "-a-": "a", "a.b/c": "a_b_c",
		"München": "münchen", "!!": "", "": "", "_": "_", "x;DROP TABLE y": "x_drop_table_y",
	} {
		assert.Equal(t, want, TableSuffix(id), id)
	}
	rapid.Check(t, func(t *rapid.T) {
		suffix := TableSuffix(rapid.String().Draw(t, "id"))
		assert.Equal(t, suffix, TableSuffix(suffix), "a suffix is its own suffix")
		assert.NotContains(t, suffix, " ")
		assert.NotContains(t, suffix, "'")
	})
}

func TestShardNames(t *testing.T) {
	t.Parallel()
	s := Shard{Table: "sales.orders_eu"}
	assert.Equal(t, "orders_eu", s.Name())
	assert.Equal(t, "sales", s.Namespace())
	s.Table = "orders_eu"
	assert.Equal(t, "orders_eu", s.Name())
	assert.Empty(t, s.Namespace())
	assert.Equal(t, DefaultPriority, s.Rank())
	s.Priority = 5
	assert.Equal(t, 5, s.Rank())
}

func TestCatalogLearnsShards(t *testing.T) {
	t.Parallel()
	first, err := Compile(Config{Entities: []Entity{
		Model(&Customer{}).ShardByMaxRows(5).WithShards(Shard{ID: "run_9", Table: "old", Priority: 1}),
		Model(&Sale{}).ShardBy("Region", "EU"),
	}}, fakeEnvironment())
	require.NoError(t, err)
	before := first.Tables()[0]
	dynamic, ok := before.Dynamic()
	require.True(t, ok)
	assert.True(t, dynamic.Owns("run_1"))
	_, ok = first.Tables()[1].Dynamic()
	assert.False(t, ok)

	second := first.With(4, map[string][]*Shard{"customers": {
		before.ShardTable("run_2"), before.ShardTable("run_1"), before.ShardTable("run_1"), {ID: "run_9", Table: "other"},
	}, "unknown": {{ID: "x"}}})
	assert.Equal(t, int64(4), second.Epoch)
	assert.Equal(t, []string{"run_9"}, before.IDs, "the old catalog stays as it was")
	after, found := second.ByName("customers")
	require.True(t, found)
	assert.Equal(t, []string{"run_9", "run_1", "run_2"}, after.IDs)
	old, _ := after.Shard("run_9")
	assert.Equal(t, "old", old.Table, "a known shard is left as it is")
	one, found := after.Shard("run_1")
	require.True(t, found)
	assert.Equal(t, "customers_run_1", one.Table)
	assert.Equal(t, 1, after.Position("run_1"))
	_, found = after.Shard("run_3")
	assert.False(t, found)
	assert.Same(t, first.Tables()[1], second.Tables()[1], "what did not change is shared")
	_, found = second.ByName("orders_eu")
	assert.False(t, found)
	assert.Equal(t, "sales.orders_new", second.Tables()[1].ShardTable("new").Table)
}

func TestNames(t *testing.T) {
	t.Parallel()
	for s := KeyAuto; s <= KeyNone; s++ {
		parsed, ok := ParseKeySource(s.String())
		assert.True(t, ok)
		assert.Equal(t, s, parsed)
	}
	_, ok := ParseKeySource("dice")
	assert.False(t, ok)
	assert.Equal(t, "invalid", KeySource(99).String())
	for u := Day; u <= Year; u++ {
		parsed, ok := ParseDateUnit(u.String())
		assert.True(t, ok)
		assert.Equal(t, u, parsed)
	}
	_, ok = ParseDateUnit("")
	assert.False(t, ok)
	assert.Empty(t, DateUnit(99).String())
	assert.Equal(t, "sessions", ReadSessions.String())
	assert.Equal(t, "tables", StorageMode(0).String())
	assert.Equal(t, "manual", Manual.String())
	assert.Equal(t, "invalid", StorageMode(9).String())
}

// TestEntitiesAreValues: each method gives a changed copy.
func TestEntitiesAreValues(t *testing.T) {
	t.Parallel()
	base := Model(&Customer{}).ShardBy("Region", "EU").WithShards(Shard{ID: "a"}).WithLocalUnique("x")
	first, second := base.WithShards(Shard{ID: "b"}).WithLocalUnique("y"), base.WithShards(Shard{ID: "c"}).WithLocalUnique("z")
	assert.Equal(t, "b", first.Shards[1].ID)
	assert.Equal(t, "c", second.Shards[1].ID)
	assert.Equal(t, "y", first.LocalUnique[1])
	assert.Len(t, base.Shards, 1)
	assert.Equal(t, time.UTC, base.InLocation(time.UTC).Strategy.Location)
	assert.Nil(t, base.Strategy.Location)
	assert.True(t, base.MigrationsDisabled().NoMigrations)
	e := base.ShardByComputed("f/1", nil, KindInt, ByHash("", 2), "Region")
	assert.Equal(t, "hash", e.Strategy.Inner.Kind)
	assert.Equal(t, "custom", base.ShardByFunc("Region", fakeStrategy{}).Strategy.Kind)
	assert.Equal(t, []Range{{ID: "a"}}, base.ShardByRange("ID", Range{ID: "a"}).Strategy.Ranges)
}

func TestErrorsSayWhatAndWhere(t *testing.T) {
	t.Parallel()
	cause := errors.New("boom")
	for _, c := range []struct {
		err  error
		is   error
		want string
	}{
		{&ConfigError{Entity: "Order", Field: "Region", Problem: "is odd", Cause: cause}, ErrConfig, "dtde: Order.Region: is odd: boom"},
		{&ConfigError{Field: "MaxShards", Line: 3, Problem: "is odd"}, ErrConfig, "dtde: line 3: MaxShards: is odd"},
		{&ConfigError{Problem: "is odd"}, ErrConfig, "dtde: is odd"},
		{&ShardError{Entity: "Order", Shard: "EU", Operation: "insert", Hint: "wait", Cause: ErrReadOnlyShard}, ErrReadOnlyShard, `dtde: insert Order on shard "EU": read-only shard (wait)`},
		{&ShardError{Entity: "Order", Operation: "insert", Cause: cause}, cause, "dtde: insert Order: boom"},
		{&UnsupportedError{Entity: "Order", Reason: "join", Problem: "cannot", Hint: "do not"}, ErrUnsupported, "dtde: unsupported on a sharded model (Order): cannot; do not [join]"},
	} {
		assert.Equal(t, c.want, c.err.Error())
		assert.ErrorIs(t, c.err, c.is)
		assert.ErrorIs(t, c.err, Err)
		assert.NotErrorIs(t, c.err, ErrStaleCatalog)
	}
	assert.ErrorIs(t, ErrStaleCatalog, Err)
	assert.NotErrorIs(t, cause, Err)
}

func TestCorrelation(t *testing.T) {
	t.Parallel()
	assert.Empty(t, CorrelationID(context.Background()))
	assert.Equal(t, "id", CorrelationID(WithCorrelationID(context.Background(), "id")))
}
