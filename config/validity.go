package config

import (
	"time"

	"gorm.io/gorm/schema"
)

// Validity is how an entity keeps its versions, as it was compiled. It is immutable.
type Validity struct {
	// Valid are the columns of the period in which a version is valid; To is nil if
	// only starts are stored.
	Valid PeriodColumns
	// System are the columns of system time; nil for an entity without.
	System *PeriodColumns
	// Key are the columns that stay the same over all versions.
	Key []KeyColumn
	// Together tells that all versions of a key are in one shard.
	Together bool
	// ByStart tells that the start is a shard key column, so that a version lives
	// where it starts.
	ByStart bool
	// The entity's options; see [Temporal].
	VersionedOnly, VersionOnSave, CurrentByDefault, SplitAtShardBoundaries bool
	// Boundaries are the instants at which versions are cut, ascending; nil for an entity
	// whose versions are not.
	Boundaries []time.Time
	// ClockTolerance is how far the clock may step back; 0 means not at all.
	ClockTolerance time.Duration
}

// StartOnly tells that versions have no stored end.
func (v *Validity) StartOnly() bool { return v.Valid.To == nil }

// Fields lists the fields of the periods, those of system time last.
func (v *Validity) Fields() (fields []*schema.Field) {
	all := []*schema.Field{v.Valid.From, v.Valid.To}
	if v.System != nil {
		all = append(all, v.System.From, v.System.To)
	}
	for _, f := range all {
		if f != nil { // an end, or what settings under examination lack
			fields = append(fields, f)
		}
	}
	return fields
}

// Cut tells that versions are cut into parts where their shard changes.
func (v *Validity) Cut() bool { return v != nil && v.SplitAtShardBoundaries }

// PeriodColumns are the two columns of a period [From, To).
type PeriodColumns struct {
	// From and To are the fields; To may be nil, see [Validity].
	From, To *schema.Field
	// Precision is the columns' resolution, at least a nanosecond: every instant is cut
	// to it, in UTC, before it is written or bound. 24 hours for dates.
	Precision time.Duration
	// Open is how open ends are written: OpenNull or OpenSentinel.
	Open OpenEnd
	// Nullable tells that the end's column may hold NULL, which is read as open.
	Nullable bool
}
