package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm/schema"
)

// fakeStrategy is as much of a strategy as Compile looks at. The real ones import
// this package; integration_test.go uses them.
type fakeStrategy struct {
	spec StrategySpec
	ids  []string
}

func (s fakeStrategy) Name() string                   { return s.spec.Kind }
func (s fakeStrategy) Fingerprint() string            { return "strategy=" + s.spec.Kind + "/fake" }
func (s fakeStrategy) Check([]KeyColumn) error        { return nil }
func (s fakeStrategy) Shards() []string               { return s.ids }
func (s fakeStrategy) Place([]Value) (string, error)  { return s.ids[0], nil }
func (s fakeStrategy) Route(RouteQuery) (all Routing) { return Routing{All: true} }

// fakeDynamic makes shards named run_… at run time.
type fakeDynamic struct{ fakeStrategy }

func (s fakeDynamic) Owns(id string) bool         { return strings.HasPrefix(id, "run_") }
func (s fakeDynamic) Upto(Value) ([]string, bool) { return nil, false }

func fakeFields(spec StrategySpec) []string {
	if spec.Kind != "composite" {
		return spec.Fields
	}
	var all []string
	for _, p := range spec.Parts {
		all = append(all, fakeFields(p)...)
	}
	return all
}

func fakeNew(spec StrategySpec, _ []KeyColumn, shards []Shard) (Strategy, error) {
	var ids []string
	add := func(id string) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	switch spec.Kind {
	case "value":
		for _, v := range spec.Values {
			add(v)
		}
		for _, s := range shards {
			if s.ID != "unreachable" {
				add(s.ID)
			}
		}
	case "hash":
		for i := range spec.Slots {
			add(fmt.Sprint(i))
		}
	case "date", "maxrows":
		return fakeDynamic{fakeStrategy{spec: spec}}, nil
	case "ring":
		return nil, errors.Join(
			&ConfigError{Field: "nodes", Problem: "one"},
			&ConfigError{Field: "virtualNodes", Problem: "two"})
	case "range":
		for _, r := range spec.Ranges {
			add(r.ID)
		}
	case "custom":
		return spec.Custom, nil
	default:
		add("only")
	}
	return fakeStrategy{spec: spec, ids: ids}, nil
}

func parser() func(any) (*schema.Schema, error) {
	cache := &sync.Map{}
	return func(model any) (*schema.Schema, error) {
		return schema.Parse(model, cache, schema.NamingStrategy{})
	}
}

func fakeEnvironment() Environment {
	return Environment{
		Dialect: "postgres", Parse: parser(), Strategy: fakeNew, Fields: fakeFields,
		Manual: func(s *schema.Schema, shards []Shard) ([]KeyColumn, Strategy, error) {
			var ids []string
			for _, shard := range shards {
				ids = append(ids, shard.ID)
			}
			return []KeyColumn{KeyColumnOf(s.FieldsByName["Region"], "postgres")}, fakeStrategy{StrategySpec{Kind: "manual"}, ids}, nil
		},
		IDShard: func(slots int) func(Value) (string, bool) {
			if slots > 512 {
				return nil
			}
			return func(Value) (string, bool) { return "0", true }
		},
	}
}

// column parses a one-field model, made of the field's type and tag.
func fieldOf(t *testing.T, model any, name string) *schema.Field {
	t.Helper()
	s, err := schema.Parse(model, &sync.Map{}, schema.NamingStrategy{})
	require.NoError(t, err)
	require.Contains(t, s.FieldsByName, name)
	return s.FieldsByName[name]
}

var january = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
