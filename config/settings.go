package config

import (
	"reflect"
	"slices"
	"strings"
	"time"
)

// Bounds of a ring.
const (
	maxRingWeight   = 1000
	maxVirtualNodes = 10_000
	maxRingPoints   = 4_000_000
)

// effective lists the settings that have an effect on each kind of strategy; a
// setting that has none is a mistake.
var effective = map[string][]string{
	"value":     {"Fields", "Values", "Default", "FoldCase"},
	"date":      {"Fields", "Unit", "From", "To", "Location"},
	"hash":      {"Fields", "Slots"},
	"ring":      {"Fields", "Nodes", "VirtualNodes", "RingHash"},
	"alphabet":  {"Fields", "Letters", "Default"},
	"range":     {"Fields", "Ranges", "Location"},
	"maxrows":   {"MaxRows"},
	"composite": {"Parts"},
	"custom":    {"Fields", "Custom"},
	"computed":  {"Fields", "Compute", "ComputeName", "Inner", "InnerKind"},
}

// settings checks a strategy's description against its key columns and gives bounds
// and values the column's type. It works on copies, which it leaves in the entity.
func (k *compiler) settings(spec *StrategySpec, shards []Shard) {
	shards = slices.Clone(shards)
	for i := range shards {
		s := &shards[i]
		s.Values = slices.Clone(s.Values)
		if len(s.Values) > 0 && spec.Kind != "value" {
			k.fault(s.ID, "values have no effect on a shard of a %s strategy", spec.Kind)
		}
		if (s.From != nil || s.To != nil) && spec.Kind != "range" {
			k.fault(s.ID, "from and to have no effect on a shard of a %s strategy", spec.Kind)
		}
	}
	k.entity.Shards = shards
	k.part(spec, k.table.Keys, shards)
}

// part checks one strategy, which may be a part of a composite.
func (k *compiler) part(spec *StrategySpec, keys []KeyColumn, shards []Shard) {
	allowed, known := effective[spec.Kind]
	if !known {
		k.fault("strategy", "there is no strategy %q", spec.Kind)
		return
	}
	v := reflect.ValueOf(*spec)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if name != "Kind" && !v.Field(i).IsZero() && !slices.Contains(allowed, name) {
			k.fault("strategy", "%s has no effect on a %s strategy", name, spec.Kind)
		}
	}
	if slices.Contains(allowed, "Fields") && len(spec.Fields) == 0 && len(keys) == 0 {
		k.fault("strategy", "a %s strategy needs the field that it goes by", spec.Kind)
		return
	}
	if len(keys) > 1 && spec.Kind != "computed" && spec.Kind != "custom" && spec.Kind != "composite" && spec.Kind != "hash" && spec.Kind != "ring" {
		k.fault("strategy", "a %s strategy goes by one field; use a composite for several", spec.Kind)
		return
	}
	k.comparable(spec.Kind, keys)
	switch spec.Kind {
	case "value":
		k.values(spec, keys[0], shards)
	case "date":
		k.dates(spec, keys[0])
	case "hash":
		if spec.Slots < 1 || spec.Slots > k.limit {
			k.fault("shards", "the number of hash shards must lie within 1 and %d (MaxShardsPerEntity)", k.limit)
		}
	case "ring":
		k.ring(spec)
	case "alphabet":
		if len(spec.Letters) == 0 && spec.Default == "" {
			k.fault("strategy", "an alphabet strategy needs its letter ranges")
		}
		if keys[0].Kind != KindString {
			k.fault(keys[0].Field.Name, "an alphabet strategy needs a text field")
		}
	case "range":
		k.ranges(spec, keys[0], shards)
	case "maxrows":
		if spec.MaxRows < 1 {
			k.fault("maxRows", "must be at least 1")
		}
	case "composite":
		k.composite(spec, keys)
	case "custom":
		if spec.Custom == nil {
			k.fault("strategy", "the custom strategy is nil")
		}
	case "computed":
		k.computed(spec)
	}
}

// comparable refuses text keys whose column does not tell the same texts apart as
// their bytes: 'us' and 'US' would be one key to the engine and two to dtde.
func (k *compiler) comparable(kind string, keys []KeyColumn) {
	switch kind {
	case "hash", "ring", "value", "range", "computed":
	default:
		return
	}
	for i := range keys {
		if !keys[i].BytesEqual {
			k.fault(keys[i].Field.Name, "the text column does not compare by bytes, so a %s strategy would part keys that the "+
				"database takes for equal; declare it with a binary collation", kind)
		}
	}
}

func (k *compiler) dates(spec *StrategySpec, key KeyColumn) {
	field := key.Field.Name
	if key.Kind != KindTime {
		k.fault(field, "a date strategy needs a time field")
		return
	}
	if spec.Unit < Day || spec.Unit > Year {
		k.fault("unit", "must be day, week, month, quarter or year")
	}
	if key.DateOnly && spec.Location != nil && spec.Location != time.UTC && spec.Location.String() != "UTC" {
		k.fault(field, "a column of type date has no time zone; drop the strategy's")
	}
	if spec.From == nil || spec.To == nil {
		k.fault(field, "a date strategy needs from and to, which bound the shards that it makes")
		return
	}
	from, okFrom := k.end(&spec.From, "from", key, spec.Location)
	to, okTo := k.end(&spec.To, "to", key, spec.Location)
	if okFrom && okTo && from.Compare(to) >= 0 {
		k.fault(field, "the range is empty: from must be before to")
	}
}

// end gives a bound the column's type, in place; a nil bound is NULL.
func (k *compiler) end(bound *any, name string, key KeyColumn, loc *time.Location) (Value, bool) {
	*bound = typed(*bound, key.Kind, loc)
	v, ok := key.Convert(*bound)
	if !ok || *bound != nil && v.IsNull() {
		k.fault(name, "is no value of the key %s, which is of kind %s", key.Column, key.Kind)
		return v, false
	}
	return v, true
}

func (k *compiler) ring(spec *StrategySpec) {
	if len(spec.Nodes) == 0 {
		k.fault("nodes", "a ring needs its shards")
	}
	if spec.VirtualNodes < 0 || spec.VirtualNodes > maxVirtualNodes {
		k.fault("virtualNodes", "must lie within 1 and %d, or be 0 for the default", maxVirtualNodes)
		return
	}
	seen, points := map[string]bool{}, 0
	for _, node := range spec.Nodes {
		if seen[node.ID] {
			k.fault(node.ID, "two ring shards with this id")
		}
		seen[node.ID] = true
		if node.Weight < 0 || node.Weight > maxRingWeight {
			k.fault(node.ID, "the weight must lie within 1 and %d, or be 0 for 1", maxRingWeight)
			continue
		}
		points += max(node.Weight, 1) * max(spec.VirtualNodes, 1)
	}
	if points > maxRingPoints {
		k.fault("virtualNodes", "weights and virtual nodes make more than %d points", maxRingPoints)
	}
	if spec.RingHash.Sum == nil != (spec.RingHash.Name == "") {
		k.fault("ringHash", "needs both its function and its name, or neither")
	}
	if strings.ContainsFunc(spec.RingHash.Name, isControl) {
		k.fault("ringHash", "the name holds a control character")
	}
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func (k *compiler) composite(spec *StrategySpec, keys []KeyColumn) {
	if len(spec.Parts) < 2 {
		k.fault("strategy", "a composite needs at least two parts")
		return
	}
	spec.Parts = slices.Clone(spec.Parts)
	for i := range spec.Parts {
		part := &spec.Parts[i]
		if part.Kind == "composite" || part.Kind == "maxrows" || part.Kind == "manual" || part.Kind == "" {
			k.fault("strategy", "part %d of the composite cannot be of kind %q", i+1, part.Kind)
			return
		}
		n := len(k.env.Fields(*part))
		if n > len(keys) {
			return
		}
		k.part(part, keys[:n], nil)
		keys = keys[n:]
	}
}

func (k *compiler) computed(spec *StrategySpec) {
	if spec.Compute == nil {
		k.fault("compute", "the function is nil")
	}
	if spec.ComputeName == "" || strings.ContainsFunc(spec.ComputeName, isControl) {
		k.fault("compute", "the function needs a name (and version) without control characters: it is part of the placement")
	}
	if spec.InnerKind <= KindNull || spec.InnerKind > KindTime {
		k.fault("compute", "give the kind of the value that the function returns")
		return
	}
	if spec.Inner == nil {
		k.fault("strategy", "a computed strategy needs the one that routes what is computed")
		return
	}
	inner := *spec.Inner
	switch inner.Kind {
	case "value", "date", "hash", "ring", "alphabet", "range":
	default:
		k.fault("strategy", "a computed key cannot be routed by a strategy of kind %q", inner.Kind)
		return
	}
	field := *k.table.Keys[0].Field
	field.Name = spec.ComputeName
	key := KeyColumn{Field: &field, Column: spec.ComputeName, Kind: spec.InnerKind, BytesEqual: true, BytesOrder: true}
	k.part(&inner, []KeyColumn{key}, k.entity.Shards)
	spec.Inner = &inner
}
