package strategies

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-dtde/dtde/config"
)

// Kinds lists the kinds of strategy that New makes, in alphabetical order.
func Kinds() []string {
	return []string{"alphabet", "composite", "computed", "custom", "date", "hash", "maxrows", "range", "ring", "value"}
}

// Fields lists a strategy's key fields in order: a composite's are those of its parts,
// one after the other.
func Fields(spec config.StrategySpec) []string {
	if spec.Kind != "composite" {
		return slices.Clone(spec.Fields)
	}
	var all []string
	for _, part := range spec.Parts {
		all = append(all, Fields(part)...)
	}
	return all
}

// New makes the strategy that spec describes. keys are the columns of Fields(spec), in
// that order; shards are the entity's explicit shards, of which those with Values
// extend a value strategy and those with From or To a range strategy. The strategy
// has been checked against keys.
//
// The error joins one *config.ConfigError, without its Entity, for each fault.
// "manual" is made by [NewManual], from predicates that have been read.
func New(spec config.StrategySpec, keys []config.KeyColumn, shards []config.Shard) (config.Strategy, error) {
	if err := shape(spec, keys, shards); err != nil {
		return nil, err
	}
	s, err := build(spec, keys, shards)
	if err != nil {
		return nil, err
	}
	if err := s.Check(keys); err != nil {
		return nil, err
	}
	return s, nil
}

func build(spec config.StrategySpec, keys []config.KeyColumn, shards []config.Shard) (config.Strategy, error) {
	switch spec.Kind {
	case "value":
		return newByValue(spec, keys[0], shards)
	case "date":
		return newByDate(spec, keys[0])
	case "hash":
		return newByHash(spec, keys[0])
	case "ring":
		return newOnRing(spec, keys[0])
	case "alphabet":
		return newByLetter(spec, keys[0])
	case "range":
		return newByRange(spec, keys[0], shards)
	case "maxrows":
		return newMaxRows(spec)
	case "composite":
		return newComposite(spec, keys)
	case "computed":
		return newComputed(spec, keys, shards)
	}
	return newCustom(spec)
}

// shape finds what is wrong with a spec before any of its values is looked at.
func shape(spec config.StrategySpec, keys []config.KeyColumn, shards []config.Shard) error {
	f := faults{field: "strategy"}
	switch {
	case spec.Kind == "manual":
		f.add("manual tables are placed by their predicates; use UseManualSharding")
	case !slices.Contains(Kinds(), spec.Kind):
		f.add("there is no strategy %q; there are %s", spec.Kind, strings.Join(Kinds(), ", "))
	}
	if len(f.list) > 0 {
		return f.err()
	}
	idle(&f, spec, shards)
	fields := Fields(spec)
	switch spec.Kind {
	case "maxrows":
		if len(fields) > 0 {
			f.add("maxrows takes no key field")
		}
	case "composite":
		if len(spec.Fields) > 0 {
			f.add("a composite's fields belong to its parts")
		}
	case "computed", "custom":
		if len(fields) == 0 {
			f.add("%s needs at least one key field", spec.Kind)
		}
	default:
		if len(fields) != 1 {
			f.add("%s takes one key field, not %d; use a composite for several", spec.Kind, len(fields))
		}
	}
	for i, name := range fields {
		if slices.Contains(fields[:i], name) {
			f.at(name, "the field is in the shard key twice")
		}
	}
	if len(f.list) == 0 && len(keys) != len(fields) {
		f.add("%d key columns for %d key fields", len(keys), len(fields))
	}
	return f.err()
}

// idle reports settings that have no effect on this kind of strategy: they are either
// a mistake or meant for a part.
func idle(f *faults, spec config.StrategySpec, shards []config.Shard) {
	for _, setting := range []struct {
		name  string
		given bool
		kinds []string
	}{
		{"values", len(spec.Values) > 0, []string{"value"}},
		{"default shard", spec.Default != "", []string{"value", "alphabet"}},
		{"fold case", spec.FoldCase, []string{"value"}},
		{"unit", spec.Unit != 0, []string{"date"}},
		{"from and to", spec.From != nil || spec.To != nil, []string{"date"}},
		{"location", spec.Location != nil, []string{"date", "range", "value"}},
		{"slots", spec.Slots != 0, []string{"hash"}},
		{"ranges", len(spec.Ranges) > 0, []string{"range"}},
		{"letters", len(spec.Letters) > 0, []string{"alphabet"}},
		{"max rows", spec.MaxRows != 0, []string{"maxrows"}},
		{"nodes", len(spec.Nodes) > 0, []string{"ring"}},
		{"virtual nodes", spec.VirtualNodes != 0, []string{"ring"}},
		{"ring hash", spec.RingHash.Sum != nil || spec.RingHash.Name != "", []string{"ring"}},
		{"parts", len(spec.Parts) > 0, []string{"composite"}},
		{"custom strategy", spec.Custom != nil, []string{"custom"}},
		{"compute", spec.Compute != nil || spec.ComputeName != "" || spec.InnerKind != 0, []string{"computed"}},
		{"inner strategy", spec.Inner != nil, []string{"computed"}},
	} {
		if setting.given && !slices.Contains(setting.kinds, spec.Kind) {
			f.add("%s has no effect on a %s strategy", setting.name, spec.Kind)
		}
	}
	kind := spec.Kind
	if kind == "computed" && spec.Inner != nil {
		kind = spec.Inner.Kind
	}
	for i := range shards {
		s := &shards[i]
		if len(s.Values) > 0 && kind != "value" {
			f.at(s.ID, "a shard's values have no effect on a %s strategy", spec.Kind)
		}
		if (s.From != nil || s.To != nil) && kind != "range" {
			f.at(s.ID, "a shard's from and to have no effect on a %s strategy", spec.Kind)
		}
	}
}

// keyed is a strategy of one key column, as composites and computed keys use it: a
// value by itself needs no slice, so that placing allocates nothing.
type keyed interface {
	config.Strategy
	place(v config.Value) (string, error)
}

// readable tells whether sets of the column's values may prune: a column that
// compares text otherwise than by bytes can hold equal keys in different shards.
func readable(k *config.KeyColumn) bool { return k.Kind != config.KindString || k.BytesEqual }

// cut brings a time to the column's resolution, as it is stored.
func cut(k *config.KeyColumn, v config.Value) config.Value {
	if v.Kind() != config.KindTime {
		return v
	}
	switch {
	case k.DateOnly:
		return config.Time(v.AsTime().Truncate(day))
	case k.Precision > 0:
		return config.Time(v.AsTime().Truncate(k.Precision))
	}
	return v
}

// quote prints an id or a name in a fingerprint, where it must not end the line.
func quote(s string) string { return fmt.Sprintf("%q", s) }
