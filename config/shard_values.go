package config

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
)

// values checks that no value belongs to two shards.
func (k *compiler) values(spec *StrategySpec, key KeyColumn, shards []Shard) {
	owner := map[Value]string{}
	claim := func(id string, raw any) any {
		given := typed(raw, key.Kind, time.UTC)
		v, ok := key.Convert(given)
		if !ok {
			k.fault(id, "a value is none of the key %s, which is of kind %s", key.Column, key.Kind)
			return given
		}
		folded := v
		if spec.FoldCase && v.kind == KindString {
			folded = Text(strings.ToLower(strings.ToUpper(v.str)))
		}
		if other, taken := owner[folded]; taken {
			if other == id {
				k.fault(id, "the value %s is listed twice", v)
			} else {
				k.fault(id, "the value %s is also that of shard %q", v, other)
			}
			return given
		}
		owner[folded] = id
		return given
	}
	if spec.FoldCase && key.Kind != KindString {
		k.fault(key.Field.Name, "foldCase needs a text field")
	}
	explicit := map[string]bool{}
	for i := range shards {
		s := &shards[i]
		if explicit[s.ID] {
			continue // reported as a double id
		}
		explicit[s.ID] = true
		switch {
		case len(s.Values) > 0:
			for j := range s.Values {
				s.Values[j] = claim(s.ID, s.Values[j])
			}
		case s.ID != spec.Default:
			claim(s.ID, s.ID)
		}
	}
	for i, id := range spec.Values {
		if slices.Contains(spec.Values[:i], id) {
			k.fault(id, "the value is listed twice")
		} else if !explicit[id] {
			claim(id, id)
		}
	}
	if len(spec.Values) == 0 && len(shards) == 0 && spec.Default == "" {
		k.fault(key.Field.Name, "no shards: a value strategy needs values or explicit shards")
	}
}

// ranges checks that ranges are not empty and do not overlap.
func (k *compiler) ranges(spec *StrategySpec, key KeyColumn, shards []Shard) {
	spec.Ranges = slices.Clone(spec.Ranges)
	replaced := map[string]bool{}
	type bounded struct {
		id  string
		set Set
	}
	var all []bounded
	claim := func(id string, from, to *any) {
		a, okA := k.end(from, id, key, spec.Location)
		b, okB := k.end(to, id, key, spec.Location)
		if !okA || !okB {
			return
		}
		set := Between(Bound{Value: a, Inclusive: true, Open: *from == nil}, Bound{Value: b, Open: *to == nil})
		if set.IsEmpty() {
			k.fault(id, "the range is empty: from must be below to")
			return
		}
		for _, other := range all {
			if other.set.Overlaps(set) {
				k.fault(id, "the range overlaps that of shard %q", other.id)
			}
		}
		all = append(all, bounded{id, set})
	}
	for i := range shards {
		s := &shards[i]
		inSpec := slices.ContainsFunc(spec.Ranges, func(r Range) bool { return r.ID == s.ID })
		if inSpec && s.From == nil && s.To == nil || replaced[s.ID] {
			continue // replaces the table only, or is reported as a double id
		}
		replaced[s.ID] = true
		claim(s.ID, &s.From, &s.To)
	}
	seen := map[string]bool{}
	for i := range spec.Ranges {
		r := &spec.Ranges[i]
		if seen[r.ID] {
			k.fault(r.ID, "two ranges with this id")
			continue
		}
		if seen[r.ID] = true; !replaced[r.ID] {
			claim(r.ID, &r.From, &r.To)
		}
	}
	if len(spec.Ranges) == 0 && len(shards) == 0 {
		k.fault(key.Field.Name, "no shards: a range strategy needs ranges or explicit shards")
	}
}

// typed reads text, as tags and files give it, as a value of the key's kind; what is
// no text, or cannot be read, is left as it is.
func typed(v any, kind Kind, loc *time.Location) any {
	s, isText := v.(string)
	if !isText {
		return v
	}
	switch kind {
	case KindInt:
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return i
		}
		if u, err := strconv.ParseUint(s, 10, 64); err == nil {
			return u
		}
	case KindBool:
		if s == "true" || s == "false" {
			return s == "true"
		}
	case KindTime:
		if t, ok := parseTime(s, loc); ok {
			return t
		}
	case KindBytes:
		if digits, found := strings.CutPrefix(s, "0x"); found {
			if b, err := hex.DecodeString(digits); err == nil {
				return b
			}
		}
	}
	return v
}

// parseTime reads a date, or a date and time, on the clock of loc (nil: UTC), or a
// time with its own offset.
func parseTime(s string, loc *time.Location) (time.Time, bool) {
	if loc == nil {
		loc = time.UTC
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.In(loc), true
	}
	for _, layout := range []string{"2006-01-02", "2006-01-02 15:04:05", "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(layout, s, loc); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
