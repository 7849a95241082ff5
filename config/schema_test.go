package config

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// node is as much of JSON Schema as schema.json uses.
type node struct {
	Schema      string           `json:"$schema"`
	ID          string           `json:"$id"`
	Title       string           `json:"title"`
	Description string           `json:"description"`
	Ref         string           `json:"$ref"`
	Type        any              `json:"type"`
	Enum        []string         `json:"enum"`
	Additional  *bool            `json:"additionalProperties"`
	Required    []string         `json:"required"`
	Properties  map[string]*node `json:"properties"`
	Items       *node            `json:"items"`
	Minimum     *float64         `json:"minimum"`
	Maximum     *float64         `json:"maximum"`
	Defs        map[string]*node `json:"$defs"`
}

func readSchema(t *testing.T) *node {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(string(JSONSchema())))
	decoder.DisallowUnknownFields() // so that the check below knows every word
	var root node
	require.NoError(t, decoder.Decode(&root))
	return &root
}

// TestSchemaAndLoaderAgree: every key and word in one is in the other.
func TestSchemaAndLoaderAgree(t *testing.T) {
	t.Parallel()
	root := readSchema(t)
	l := &loader{}
	for name, keys := range map[string]fileKeys{
		"":         l.configKeys(&Config{}),
		"entity":   l.entityKeys(&Entity{}),
		"shard":    l.shardKeys(&Shard{}),
		"manual":   l.manualKeys(&Shard{}),
		"database": l.databaseKeys(&Database{}),
		"breaker":  l.breakerKeys(&BreakerSettings{}),
		"replica":  l.replicaKeys(&ReplicaDSN{}),
		"keys":     l.keysKeys(&KeySpec{}),
		"strategy": l.strategyKeys(&StrategySpec{}),
		"range":    l.rangeKeys(&Range{}),
		"node":     l.nodeKeys(&RingNode{}),
		"temporal": l.temporalKeys(&Temporal{}),
	} {
		object := root
		if name != "" {
			object = root.Defs[name]
		}
		require.NotNil(t, object, name)
		var listed, read []string
		for key := range object.Properties {
			listed = append(listed, key)
		}
		for key := range keys {
			read = append(read, key)
		}
		assert.ElementsMatch(t, read, listed, name)
		require.NotNil(t, object.Additional, name)
		assert.False(t, *object.Additional, name)
	}
	assert.Equal(t, readWords, root.Properties["reads"].Enum)
	assert.Equal(t, storageWords, root.Defs["entity"].Properties["storage"].Enum)
	assert.Equal(t, tierWords, root.Defs["database"].Properties["tier"].Enum)
	assert.Equal(t, policyWords, root.Defs["database"].Properties["replicaPolicy"].Enum)
	assert.Equal(t, openWords, root.Defs["temporal"].Properties["openAs"].Enum)
	assert.Equal(t, sourceWords, root.Defs["keys"].Properties["source"].Enum)
	assert.Equal(t, strategyWords, root.Defs["strategy"].Properties["kind"].Enum)
	assert.Equal(t, unitWords, root.Defs["strategy"].Properties["unit"].Enum)
	assert.Equal(t, kindWords, root.Defs["strategy"].Properties["innerKind"].Enum)
}

// TestEverySettingIsInFiles: no option of the structs is out of a file's reach.
func TestEverySettingIsInFiles(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("testdata", "good", "full.yaml.golden"))
	require.NoError(t, err)
	check := func(model any, path string, except ...string) {
		typ := reflect.TypeOf(model)
		for i := range typ.NumField() {
			if name := typ.Field(i).Name; typ.Field(i).IsExported() && !slices.Contains(except, name) {
				assert.Contains(t, string(raw), path+"."+name, "%s.%s", typ, name)
			}
		}
	}
	check(Config{}, "config", "Drivers")     // the registry has them
	check(Entity{}, "]", "Model", "Partner") // models: a file has their names
	check(StrategySpec{}, "Strategy")
	check(Shard{}, "]", "To") // Shard.To: null in the sample
	// Pool: checked below. A file has DSNs in place of dialectors.
	check(Database{}, "]", "Dialector", "Replicas", "CustomPolicy", "Pool")
	check(ReplicaDSN{}, "]")
	check(PoolSettings{}, "Pool")
	check(BreakerSettings{}, "Breaker")
	check(KeySpec{}, "Keys")
	check(Temporal{}, "Temporal")
	check(RingNode{}, "]")
	check(Range{}, "]")
}

// TestSamplesValidate: the schema takes what the loader takes, and refuses a mistake.
func TestSamplesValidate(t *testing.T) {
	t.Parallel()
	root := readSchema(t)
	for _, file := range []string{"good/full.yaml", "good/minimal.json"} {
		raw, err := os.ReadFile(filepath.Join("testdata", file))
		require.NoError(t, err)
		var sample any
		require.NoError(t, yaml.Unmarshal([]byte(strings.ReplaceAll(string(raw), "\t", " ")), &sample))
		assert.Empty(t, root.validate(root, sample, file))
	}
	for _, bad := range []string{
		`{nope: 1}`, `{nodeID: 1024}`, `{nodeID: x}`, `{reads: sideways}`, `{entities: {}}`, `{entities: [{}]}`,
		`{entities: [{model: X, strategy: {kind: spiral}}]}`, `{entities: [{model: X, shards: [{id: [1]}]}]}`,
	} {
		var sample any
		require.NoError(t, yaml.Unmarshal([]byte(bad), &sample))
		assert.NotEmpty(t, root.validate(root, sample, bad))
		_, err := Load(strings.NewReader(bad), fileRegistry())
		if bad != `{nodeID: 1024}` { // bounds are Compile's
			assert.Error(t, err, bad)
		}
	}
}

// validate lists where a value breaks the schema.
func (s *node) validate(root *node, v any, path string) (wrong []string) {
	if name, isRef := strings.CutPrefix(s.Ref, "#/$defs/"); isRef {
		return root.Defs[name].validate(root, v, path)
	}
	fail := func(format string, args ...any) { wrong = append(wrong, path+": "+fmt.Sprintf(format, args...)) }
	if s.Enum != nil {
		text, _ := v.(string)
		if !slices.Contains(s.Enum, text) {
			fail("%v is none of %v", v, s.Enum)
		}
	}
	if s.Type != nil && !fits(s.Type, v) {
		fail("%T is no %v", v, s.Type)
	}
	if n, isInt := v.(int); isInt && (s.Minimum != nil && float64(n) < *s.Minimum || s.Maximum != nil && float64(n) > *s.Maximum) {
		fail("%d is out of bounds", n)
	}
	if items, isList := v.([]any); isList && s.Items != nil {
		for i := range items {
			wrong = append(wrong, s.Items.validate(root, items[i], fmt.Sprintf("%s[%d]", path, i))...)
		}
	}
	if object, isObject := v.(map[string]any); isObject {
		for _, key := range s.Required {
			if _, found := object[key]; !found {
				fail("%s is missing", key)
			}
		}
		for key, value := range object {
			property, known := s.Properties[key]
			if !known {
				fail("unknown key %s", key)
				continue
			}
			wrong = append(wrong, property.validate(root, value, path+"."+key)...)
		}
	}
	return wrong
}

// fits tells whether v is of a JSON type, or one of several.
func fits(types, v any) bool {
	if several, isList := types.([]any); isList {
		return slices.ContainsFunc(several, func(t any) bool { return fits(t, v) })
	}
	switch v := v.(type) {
	case nil:
		return types == "null"
	case bool:
		return types == "boolean"
	case int, uint64:
		return types == "integer" || types == "number"
	case float64:
		return types == "number" || types == "integer" && v == math.Trunc(v)
	case []any:
		return types == "array"
	case map[string]any:
		return types == "object"
	}
	return types == "string" // times, too: JSON has none
}
