package config

import "time"

// settings checks what a strategy's own package cannot know of its settings: how the
// key columns compare, the zone, and the limit of shards. ok is false if the strategy
// must not be made.
func (k *compiler) settings(spec *StrategySpec, keys []KeyColumn) (ok bool) {
	ok = true
	switch spec.Kind {
	case "composite":
		for i := range spec.Parts {
			n := min(len(k.env.Fields(spec.Parts[i])), len(keys))
			ok = k.settings(&spec.Parts[i], keys[:n]) && ok
			keys = keys[n:]
		}
		return ok
	case "computed":
		if spec.Inner != nil {
			ok = k.settings(spec.Inner, nil)
		}
	case "hash":
		if spec.Slots > k.limit {
			k.fault("shards", "%d hash shards are more than the limit of %d (MaxShardsPerEntity)", spec.Slots, k.limit)
			ok = false
		}
	}
	k.comparable(spec.Kind, keys)
	k.zoned(spec, keys)
	return ok
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

// zoned refuses boundaries on a clock that is not the same everywhere, or that the
// column cannot have.
func (k *compiler) zoned(spec *StrategySpec, keys []KeyColumn) {
	if spec.Location == time.Local && spec.Location.String() == "Local" {
		k.fault("zone", "the zone Local is another one on each machine; name the zone (InLocation)")
	}
	for i := range keys {
		if keys[i].DateOnly && spec.Location != nil && spec.Location.String() != "UTC" {
			k.fault(keys[i].Field.Name, "a column of type date has no time zone; drop the strategy's")
		}
	}
}
