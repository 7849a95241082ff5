package config

import (
	"slices"
	"time"

	"gorm.io/gorm/schema"
)

// maxCuts bounds the shards over which versions are cut: an open version has a row in
// each from its start on.
const maxCuts = 500

// CutAtBoundaries completes the settings of an entity whose versions are cut where their
// shard changes: Validity.Boundaries. The errors are ConfigErrors. It is called once,
// before the table is shared.
func (t *Table) CutAtBoundaries() error {
	v := t.Validity
	fault := func(problem string) error {
		return &ConfigError{Entity: t.Name, Field: "SplitAtShardBoundaries", Problem: problem}
	}
	spans, ok := t.Strategy.(SpanStrategy)
	spec := t.Spec.Strategy
	switch {
	case v.System != nil:
		return fault("versions with system time can't be cut: their parts would be retired one by one; drop one of the two")
	case !ok || spec.Kind != "date" || len(t.Keys) != 1:
		return fault("versions can be cut only where shards are periods of the start: shard by date of " + v.Valid.From.Name)
	case slices.ContainsFunc(t.MayLiveIn(), func(id string) bool { return id != "" }):
		return fault("the parts of a version are read together, so all shards must be in the program's own database")
	case len(t.Schema.PrimaryFields) == 0 || slices.ContainsFunc(v.Fields(), isPrimary):
		return fault("the parts of a version share its primary key: it can't be missing, nor hold the period")
	case t.Group != "":
		return fault("versions of an entity that is co-located with others can't be cut")
	case t.LocalUnique["primary"]:
		return fault("the parts of a version are told by its primary key, which must be unique over all shards")
	case !bounded(spec.From) || !bounded(spec.To):
		return fault("an open version has a row in every shard up to the last: give ShardByDate a from and a to")
	}
	dynamic, ok := t.Dynamic()
	if !ok {
		return fault("shard by date")
	}
	ids, _ := dynamic.Upto(Time(OpenSentinelTime))
	if len(ids) > maxCuts {
		return fault("an open version has a row in every shard up to the last, and there are more than 500: take longer periods, or an earlier to")
	}
	v.Boundaries = []time.Time{}
	for i, id := range ids {
		span, ok := spans.Span(id)
		if !ok || span.From.Open {
			return fault("shard by date")
		}
		if i > 0 {
			v.Boundaries = append(v.Boundaries, span.From.Value.AsTime().UTC())
		}
	}
	return nil
}

func bounded(v any) bool {
	t, isTime := v.(time.Time)
	return v != nil && (!isTime || !t.IsZero())
}

func isPrimary(f *schema.Field) bool { return f.PrimaryKey }
