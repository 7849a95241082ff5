package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm/schema"
)

type keyless struct{ Region string }

type indexed struct {
	ID     int64
	Region string `gorm:"uniqueIndex:both"`
	Email  string `gorm:"uniqueIndex"`
	Code   string `gorm:"uniqueIndex:both"`
	Number string `gorm:"unique"`
}

type plainIndexed struct {
	ID     int64
	Region string `gorm:"uniqueIndex:lower_region,expression:lower(region)"`
}

type oddKeys struct {
	ID       int64
	Ratio    float64
	Price    string    `gorm:"type:decimal(10,2)"`
	Document string    `gorm:"type:jsonb"`
	Bag      string    `gorm:"serializer:json"`
	Token    string    `gorm:"default:gen_random_uuid()"`
	Fixed    string    `gorm:"default:EU"`
	ReadOnly string    `gorm:"->"`
	Counter  int64     `gorm:"autoIncrement"`
	Folded   string    `gorm:"type:citext"`
	Day      time.Time `gorm:"type:date"`
	Tenant   int64
}

type assigned struct {
	ID     int64 `gorm:"autoIncrement:false"`
	Region string
}

type smallKey struct {
	ID     int32
	Region string
}

type composite struct {
	ID     int64  `gorm:"primaryKey;autoIncrement"`
	Region string `gorm:"primaryKey"`
}

type reservedName struct {
	ID     int64
	Region string
}

func (reservedName) TableName() string { return "dtde_things" }

type quotedName struct {
	ID     int64
	Region string
}

func (quotedName) TableName() string { return `things"; DROP TABLE x` }

type sameTable struct {
	ID     int64
	Region string
}

func (sameTable) TableName() string { return "customers" }

type shardTwin struct {
	ID     int64
	Region string
}

func (shardTwin) TableName() string { return "public.customers_eu" }

func one(e Entity) Config { return Config{Entities: []Entity{e}} }

func TestCompileFaults(t *testing.T) {
	t.Parallel()
	byRegion := func(model any) Entity { return Model(model).ShardBy("Region", "EU", "US") }
	customer := func() Entity { return byRegion(&Customer{}) }
	with := func(s ...Shard) Config { return one(customer().WithShards(s...)) }
	key := func(field string) Config { return one(Model(&oddKeys{}).ShardByHash(field, 4)) }
	keys := func(e Entity, k KeySpec) Config { return one(e.WithKeys(k)) }
	cases := []struct {
		name    string
		config  Config
		entity  string
		field   string
		problem string
	}{
		{"parallel", Config{MaxParallelShards: 257}, "", "MaxParallelShards", "within 0"},
		{"negative limit", Config{MaxShards: -1}, "", "MaxShards", "negative"},
		{"negative rows", Config{MaxBufferedRows: -1}, "", "MaxBufferedRows", "negative"},
		{"node", Config{NodeID: 1024}, "", "NodeID", "1023"},
		{"reads", Config{Reads: 9}, "", "Reads", "unknown form"},
		{"model nil", one(Model(nil)), "", "", "pointer to a struct"},
		{"model no struct", one(Model(new(int))), "int", "", "pointer to a struct"},
		{"model twice", Config{Entities: []Entity{customer(), byRegion(Customer{})}}, "Customer", "", "listed twice"},
		{"no strategy", one(Model(&Customer{})), "Customer", "", "no strategy"},
		{"no primary key", one(byRegion(&keyless{})), "keyless", "", "no primary key"},
		{"unknown field", one(Model(&Customer{}).ShardBy("Nope", "EU")), "Customer", "Nope", "no such field"},
		{"field twice", one(Model(&Customer{}).ShardByComposite(ByHash("Region", 2), ByHash("region", 2))), "Customer", "Region", "twice"},
		{"reserved name", one(byRegion(&reservedName{})), "reservedName", "", "reserved"},
		{"sql in the table's name", one(byRegion(&quotedName{})), "quotedName", "", "letters, digits"},
		{"storage", one(customer().WithStorageMode(9)), "Customer", "", "unknown storage mode"},
		{"predicate outside manual", with(Shard{ID: "EU", Predicate: "1 = 1"}), "Customer", "EU", "predicate"},
		{"id twice", with(Shard{ID: "EU"}, Shard{ID: "EU"}), "Customer", "EU", "two shards with this id"},
		{"id case clash", with(Shard{ID: "eu", Table: "other"}), "Customer", "eu", "by case only"},
		{"two ids one table", with(Shard{ID: "U S", Table: "c"}, Shard{ID: "U-S", Table: "C"}), "Customer", "U-S", "also that of shard"},
		{"derived tables clash", with(Shard{ID: "a b"}, Shard{ID: "a-b"}), "Customer", "a-b", "also that of shard"},
		{"unreachable", with(Shard{ID: "unreachable"}), "Customer", "unreachable", "no key leads"},
		{"no suffix", with(Shard{ID: "!!"}), "Customer", "!!", "no letter or digit"},
		{"empty id", with(Shard{ID: ""}), "Customer", "", "empty"},
		{"sql in an id", with(Shard{ID: "x'; DROP TABLE y"}), "Customer", "x'; DROP TABLE y", "quote"},
		{"comment in an id", with(Shard{ID: "x--y"}), "Customer", "x--y", "comment"},
		{"control in an id", with(Shard{ID: "x\ny"}), "Customer", "x\ny", "control"},
		{"long id", with(Shard{ID: strings.Repeat("x", 129)}), "Customer", strings.Repeat("x", 129), "128 bytes"},
		{"long table", with(Shard{ID: strings.Repeat("x", 60)}), "Customer", strings.Repeat("x", 60), "63 bytes"},
		{"sql in a table", with(Shard{ID: "x", Table: "a;b"}), "Customer", "x", "letters, digits"},
		{"dots in a table", with(Shard{ID: "x", Table: "a.b.c"}), "Customer", "x", "more than one dot"},
		{"empty part in a table", with(Shard{ID: "x", Table: "a."}), "Customer", "x", "empty part"},
		{"reserved table", with(Shard{ID: "x", Table: "s.DTDE_x"}), "Customer", "x", "reserved"},
		{"priority", with(Shard{ID: "EU", Priority: -1}), "Customer", "EU", "negative"},
		{"table is own logical name", with(Shard{ID: "EU", Table: "public.Customers"}), "Customer", "EU", "logical name"},
		{"no shards", one(Model(&Customer{}).ShardBy("Region")), "Customer", "", "no shards"},
		{"too many shards", Config{MaxShardsPerEntity: 1, Entities: []Entity{customer()}}, "Customer", "", "limit of 1"},
		{"too many slots", Config{MaxShardsPerEntity: 4, Entities: []Entity{Model(&Customer{}).ShardByHash("ID", 5)}}, "Customer", "shards", "limit of 4"},
		{"one logical name", Config{Entities: []Entity{customer(), byRegion(&sameTable{})}}, "sameTable", "", "also that of Customer"},
		{"table is another's logical name", Config{Entities: []Entity{customer(), byRegion(&shardTwin{})}}, "Customer", "EU", "logical name of shardTwin"},
		{"float", key("Ratio"), "oddKeys", "Ratio", "cannot be a shard key"},
		{"decimal", key("Price"), "oddKeys", "Price", "cannot be a shard key"},
		{"json", key("Document"), "oddKeys", "Document", "cannot be a shard key"},
		{"serialized", key("Bag"), "oddKeys", "Bag", "cannot be a shard key"},
		{"database default", key("Token"), "oddKeys", "Token", "the database fills"},
		{"never written", key("ReadOnly"), "oddKeys", "ReadOnly", "never written"},
		{"auto increment", key("Counter"), "oddKeys", "Counter", "autoIncrement"},
		{"folding collation", key("Folded"), "oddKeys", "Folded", "compare by bytes"},
		{"unmigrated text", one(customer().MigrationsDisabled()), "Customer", "Region", "compare by bytes"},
		{"zone of a date", one(Model(&oddKeys{}).ShardByDate("Day", Month, january, january.AddDate(1, 0, 0)).InLocation(time.FixedZone("X", 3600))), "oddKeys", "Day", "no time zone"},
		{"local zone", one(Model(&oddKeys{}).ShardByDate("Day", Month, january.Local(), january)), "oddKeys", "zone", "each machine"},
		{"unique index without the key", one(byRegion(&indexed{})), "indexed", "Email", "cannot hold across shards"},
		{"unique constraint without the key", one(byRegion(&indexed{})), "indexed", "Number", "cannot hold across shards"},
		{"unique index over an expression", one(byRegion(&plainIndexed{})), "plainIndexed", "Region", "cannot hold across shards"},
		{"consent to nothing", one(customer().WithLocalUnique("nope")), "Customer", "nope", "no unique index"},
		{"no generator", keys(customer(), KeySpec{Source: KeyNone}), "Customer", "ID", "collide"},
		{"no generator for the shard key", keys(Model(&Customer{}).ShardByHash("ID", 2), KeySpec{Source: KeyNone}), "Customer", "ID", "after the row's shard"},
		{"no generator for maxrows", keys(Model(&Customer{}).ShardByMaxRows(5), KeySpec{Source: KeyNone}), "Customer", "ID", "collide"},
		{"32 bits", one(byRegion(&smallKey{})), "smallKey", "ID", "64 bits"},
		{"uuid in an integer", keys(customer(), KeySpec{Source: KeyUUIDv7}), "Customer", "", "UUIDv7"},
		{"time-ordered text", keys(byRegion(&Sale{}), KeySpec{Source: KeyTimeOrdered}), "Sale", "", "integer"},
		{"sequence's name", keys(customer(), KeySpec{Source: KeySequence, Sequence: "a'b"}), "Customer", "", "sequence's name"},
		{"sequence of text", keys(byRegion(&Sale{}), KeySpec{Source: KeySequence}), "Sale", "", "integer"},
		{"sequence unused", keys(customer(), KeySpec{Sequence: "s"}), "Customer", "", "KeySequence"},
		{"function missing", keys(customer(), KeySpec{Source: KeyCustom}), "Customer", "", "function"},
		{"function unused", keys(customer(), KeySpec{Func: func(any) (any, error) { return 1, nil }}), "Customer", "", "KeyCustom"},
		{"key source", keys(customer(), KeySpec{Source: 77}), "Customer", "", "unknown key source"},
		{"slot without hash", keys(customer(), KeySpec{CarrySlot: true}), "Customer", "", "hash strategy"},
		{"slot in the shard key", keys(Model(&Customer{}).ShardByHash("ID", 2), KeySpec{CarrySlot: true}), "Customer", "ID", "drop carrySlot"},
		{"slots without room", keys(Model(&Customer{}).ShardByHash("Region", 600), KeySpec{CarrySlot: true}), "Customer", "", "no room"},
		{"slot in a uuid", keys(Model(&Sale{}).ShardByHash("Region", 2), KeySpec{CarrySlot: true}), "Sale", "", "time-ordered"},
		{"strategy's own", one(Model(&Customer{}).ShardByRing("Region")), "Customer", "virtualNodes", "two"},
		{"manual without tables", one(Model(&Customer{}).UseManualSharding()), "Customer", "", "no shards"},
		{"manual without predicate", one(Model(&Customer{}).UseManualSharding(ManualTable("a", ""))), "Customer", "a", "predicate"},
		{"manual without table", one(Model(&Customer{}).UseManualSharding(Shard{ID: "a", Predicate: "x"})), "Customer", "a", "table's name"},
		{"manual with values", one(Model(&Customer{}).UseManualSharding(Shard{ID: "a", Table: "a", Predicate: "x", Values: []any{1}})), "Customer", "a", "no effect"},
		{"manual storage of a strategy", one(customer().WithStorageMode(Manual)), "Customer", "", "manual storage"},
		{"manual in tables", one(Model(&Customer{}).UseManualSharding(ManualTable("a", "x")).WithStorageMode(Tables)), "Customer", "", "need manual storage"},
		{"manual logical name", one(Model(&Customer{}).UseManualSharding(ManualTable("customers", "x"))), "Customer", "customers", "logical name"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			catalog, err := Compile(c.config, fakeEnvironment())
			require.Error(t, err)
			assert.Nil(t, catalog)
			assert.ErrorIs(t, err, ErrConfig)
			assert.ErrorIs(t, err, Err)
			found := false
			for _, fault := range Faults(err) {
				found = found || fault.Entity == c.entity && fault.Field == c.field && strings.Contains(fault.Problem, c.problem)
			}
			assert.True(t, found, "%v", err)
			assert.Contains(t, err.Error(), c.problem)
		})
	}
}

// TestCompileReportsAllTogether: nothing hides behind the first fault.
func TestCompileReportsAllTogether(t *testing.T) {
	t.Parallel()
	_, err := Compile(Config{MaxShards: -1, NodeID: -1, Entities: []Entity{
		Model(&keyless{}).ShardBy("Nope", "x"),
		Model(&indexed{}).ShardBy("Region", "EU", "eu", "a'b").WithKeys(KeySpec{Source: KeyNone}),
		Model(&Customer{}).ShardByRing("Region"),
	}}, fakeEnvironment())
	var got []string
	for _, f := range Faults(err) {
		got = append(got, f.Entity+"."+f.Field)
	}
	assert.Equal(t, []string{".MaxShards", ".NodeID", "keyless.Nope", "keyless.", "indexed.eu", "indexed.a'b",
		"indexed.Email", "indexed.Number", "indexed.ID", "Customer.nodes", "Customer.virtualNodes", "indexed.eu"}, reorder(got))
	var fault *ConfigError
	require.True(t, errors.As(err, &fault))
}

// reorder puts keyless's two faults into the order of the test above: which of them
// comes first says nothing.
func reorder(got []string) []string {
	for i := range got {
		if got[i] == "keyless." && i+1 < len(got) && got[i+1] == "keyless.Nope" {
			got[i], got[i+1] = got[i+1], got[i]
		}
	}
	return got
}

func TestCompileTakes(t *testing.T) {
	t.Parallel()
	cases := map[string]Entity{
		"default in Go":            Model(&oddKeys{}).ShardByHash("Fixed", 2),
		"own integer keys":         Model(&assigned{}).ShardBy("Region", "EU").WithKeys(KeySpec{Source: KeyNone}),
		"composite with its shard": Model(&composite{}).ShardBy("Region", "EU"),
		"local unique":             Model(&indexed{}).ShardBy("Region", "EU").WithLocalUnique("idx_indexeds_email", "uni_indexeds_number"),
		"maxrows":                  Model(&Customer{}).ShardByMaxRows(5),
		"shard made at run time":   Model(&Customer{}).ShardByMaxRows(5).WithShards(Shard{ID: "run_1", Table: "old"}),
		"slots in ids":             Model(&Customer{}).ShardByHash("Region", 8).WithKeys(KeySpec{CarrySlot: true}),
		"range without bytes":      Model(&Customer{}).ShardByAlphabet("Name", "A-Z").MigrationsDisabled(),
		"dates in UTC":             Model(&oddKeys{}).ShardByDate("Day", Month, january, january.AddDate(1, 0, 0)),
	}
	for name, e := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Compile(one(e), fakeEnvironment())
			assert.NoError(t, err)
		})
	}
}

type textKey struct {
	ID     string
	Region string
}
type shortKey struct {
	ID     string `gorm:"size:12"`
	Region string
}
type bytesKey struct {
	ID     [16]byte
	Region string
}
type defaultKey struct {
	ID     string `gorm:"default:gen_random_uuid()"`
	Region string
}

func TestKeySource(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		model any
		given KeySpec
		want  KeySource
	}{
		{"integer", &Customer{}, KeySpec{}, KeyTimeOrdered},
		{"text", &textKey{}, KeySpec{}, KeyUUIDv7},
		{"short text", &shortKey{}, KeySpec{}, KeyNone},
		{"16 bytes", &bytesKey{}, KeySpec{}, KeyUUIDv7},
		{"default", &defaultKey{}, KeySpec{}, KeyNone},
		{"own integers", &assigned{}, KeySpec{}, KeyNone},
		{"composite", &composite{}, KeySpec{}, KeyNone},
		{"said", &Customer{}, KeySpec{Source: KeySequence}, KeySequence},
		{"32 bit sequence", &smallKey{}, KeySpec{Source: KeySequence, Sequence: "app.ids"}, KeySequence},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			catalog, err := Compile(one(Model(c.model).ShardBy("Region", "EU").WithKeys(c.given)), fakeEnvironment())
			require.NoError(t, err)
			assert.Equal(t, c.want, catalog.Tables()[0].KeySpec.Source)
		})
	}
	t.Run("text that is the shard key", func(t *testing.T) {
		t.Parallel()
		catalog, err := Compile(one(Model(&textKey{}).ShardBy("ID", "EU")), fakeEnvironment())
		require.NoError(t, err)
		assert.Equal(t, KeyNone, catalog.Tables()[0].KeySpec.Source)
	})
	t.Run("slot in the fingerprint", func(t *testing.T) {
		t.Parallel()
		catalog, err := Compile(one(Model(&Customer{}).ShardByHash("Region", 8).WithKeys(KeySpec{CarrySlot: true})), fakeEnvironment())
		require.NoError(t, err)
		assert.Contains(t, catalog.Tables()[0].Fingerprint, "\nid=slot")
		assert.NotNil(t, catalog.Tables()[0].IDShard)
	})
	t.Run("no sequences on SQLite", func(t *testing.T) {
		t.Parallel()
		env := fakeEnvironment()
		env.Dialect = "sqlite"
		_, err := Compile(one(Model(&Customer{}).ShardBy("Region", "EU").WithKeys(KeySpec{Source: KeySequence})), env)
		assert.ErrorContains(t, err, "SQLite has no sequences")
	})
}

func TestTextComparisonIsAsked(t *testing.T) {
	t.Parallel()
	env := fakeEnvironment()
	env.TextEqual = func(e Entity, f *schema.Field) bool { return f.Name != "Name" }
	env.TextOrder = func(Entity, *schema.Field) bool { return false }
	catalog, err := Compile(one(Model(&Customer{}).ShardBy("Region", "EU").MigrationsDisabled()), env)
	require.NoError(t, err)
	assert.False(t, catalog.Tables()[0].Keys[0].BytesOrder)
	_, err = Compile(one(Model(&Customer{}).ShardBy("Name", "EU")), env)
	assert.ErrorContains(t, err, "compare by bytes")
	_, err = Compile(one(Model(&Customer{}).ShardByHash("ID", 2)), env)
	assert.NoError(t, err, "integers are not asked about")
}

func TestFaultsOfOtherErrors(t *testing.T) {
	t.Parallel()
	assert.Empty(t, Faults(nil))
	assert.Empty(t, Faults(errors.New("x")))
	fault := &ConfigError{Field: "f"}
	assert.Equal(t, []*ConfigError{fault}, Faults(fmt.Errorf("wrapped: %w", fault)))
}
