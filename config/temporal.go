package config

import "time"

// OpenEnd is how the open end of a period is stored.
type OpenEnd uint8

// The open ends. The zero value picks OpenNull for a field that can be NULL, and
// OpenSentinel otherwise. Both are read as open, whichever is written.
const (
	// OpenAuto picks by the field's type.
	OpenAuto OpenEnd = iota
	// OpenNull stores NULL.
	OpenNull
	// OpenSentinel stores OpenSentinelTime.
	OpenSentinel
)

var openNames = [...]string{"auto", "null", "sentinel"}

// String is the form's name, as tags and files have it.
func (o OpenEnd) String() string {
	if int(o) < len(openNames) {
		return openNames[o]
	}
	return "invalid"
}

// OpenSentinelTime is the sentinel for an open end.
var OpenSentinelTime = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// DefaultClockTolerance is the clock step that is tolerated if none is set.
const DefaultClockTolerance = time.Second

// Temporal says how an entity keeps its versions. The zero value means that it keeps none.
type Temporal struct {
	// From and To are the fields or columns of the period [From, To) in which a version
	// is valid; To "" means that only starts are stored, and a version ends where the
	// next one of its key starts.
	From, To string
	// EntityKey are the fields or columns that stay the same over all versions.
	EntityKey []string
	// SystemFrom and SystemTo are the period in which the database held the row for
	// true; both "" for an entity without system time.
	SystemFrom, SystemTo string
	// Open is how open ends are stored.
	Open OpenEnd
	// VersionedOnly refuses plain updates and deletes.
	VersionedOnly bool
	// VersionOnSave makes a new version on every plain Save.
	VersionOnSave bool
	// CurrentByDefault makes reads without a lens read what is valid now.
	CurrentByDefault bool
	// SplitAtShardBoundaries cuts versions where their shard changes.
	SplitAtShardBoundaries bool
	// ClockTolerance is how far the clock may step back without an error; 0 means
	// DefaultClockTolerance, negative means not at all.
	ClockTolerance time.Duration
}

// IsZero tells that the entity keeps no versions.
func (t Temporal) IsZero() bool {
	return t.From == "" && t.To == "" && len(t.EntityKey) == 0 && t.SystemFrom == "" && t.SystemTo == "" && t.Open == 0 &&
		!t.VersionedOnly && !t.VersionOnSave && !t.CurrentByDefault && !t.SplitAtShardBoundaries && t.ClockTolerance == 0
}

// HasTemporalValidity makes the entity keep versions, valid in [from, to): the names
// of two fields or columns. to "" means that only starts are stored.
func (e Entity) HasTemporalValidity(from, to string) Entity {
	e.Temporal.From, e.Temporal.To = from, to
	return e
}

// EntityKey names the fields or columns that stay the same over an entity's versions.
func (e Entity) EntityKey(fields ...string) Entity {
	e.Temporal.EntityKey = append([]string(nil), fields...)
	return e
}

// System adds system time: two fields or columns for the period in which the database
// held a row for true. Nothing is then ever overwritten.
func (e Entity) System(from, to string) Entity {
	e.Temporal.SystemFrom, e.Temporal.SystemTo = from, to
	return e
}

// OpenAs sets how open ends are stored.
func (e Entity) OpenAs(open OpenEnd) Entity { e.Temporal.Open = open; return e }

// VersionedOnly refuses plain updates and deletes of the entity.
func (e Entity) VersionedOnly() Entity { e.Temporal.VersionedOnly = true; return e }

// VersionOnSave makes plain saves of the entity make versions.
func (e Entity) VersionOnSave() Entity { e.Temporal.VersionOnSave = true; return e }

// CurrentByDefault makes reads of the entity without a lens read what is valid now.
func (e Entity) CurrentByDefault() Entity { e.Temporal.CurrentByDefault = true; return e }

// SplitAtShardBoundaries cuts versions where their shard changes, so that an instant
// is always in one shard: a version has a row in each shard that it is valid in. Reads put
// them together; only calls that write versions may write. For entities that are sharded by
// date of the start, with a from and a to.
func (e Entity) SplitAtShardBoundaries() Entity { e.Temporal.SplitAtShardBoundaries = true; return e }

// WithClockTolerance sets how far the clock may step back behind the open version's
// start before a save without an instant is an error.
func (e Entity) WithClockTolerance(d time.Duration) Entity {
	if d == 0 {
		d = -1 // 0 in the settings means the default
	}
	e.Temporal.ClockTolerance = d
	return e
}
