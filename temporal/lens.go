package temporal

import (
	"time"

	"github.com/go-dtde/dtde/config"
)

// LensKind is which versions a [Lens] lets through by their validity.
type LensKind uint8

// The kinds of lens.
const (
	// LensNone does not look at validity.
	LensNone LensKind = iota
	// LensAt is the versions valid at an instant: from ≤ t < to.
	LensAt
	// LensBetween is the versions whose period overlaps [from, to).
	LensBetween
	// LensContainedIn is the versions whose period lies in [from, to).
	LensContainedIn
	// LensAll is every version.
	LensAll
	// LensLatest is the version of each key that starts last, valid now or not.
	LensLatest
)

var lensNames = [...]string{"none", "at", "between", "contained in", "all versions", "latest"}

// String is the kind's name in words.
func (k LensKind) String() string {
	if int(k) < len(lensNames) {
		return lensNames[k]
	}
	return "invalid"
}

// Lens says which versions a read sees. It is a value, safe to share; the zero Lens
// sees every row, superseded ones included. Every other one sees what is known now,
// unless KnownAt or KnownEver says otherwise.
type Lens struct {
	// Kind is what it asks of validity.
	Kind LensKind
	// At is the instant of LensAt.
	At time.Time
	// Period is that of LensBetween and LensContainedIn.
	Period Period
	// IncludeEnd adds versions that start exactly at the end of LensBetween's period.
	IncludeEnd bool
	// Known is the instant of system time; zero means now.
	Known time.Time
	// Ever leaves system time out: superseded versions are seen too.
	Ever bool
	// AtStarts sees what is preloaded for a version as of that version's start.
	AtStarts bool
}

// ValidAt sees the versions valid at t.
func ValidAt(t time.Time) Lens { return Lens{Kind: LensAt, At: t} }

// ValidBetween sees the versions valid at some instant of [from, to).
func ValidBetween(from, to time.Time) Lens {
	return Lens{Kind: LensBetween, Period: Period{from, to}}
}

// ValidContainedIn sees the versions valid at instants of [from, to) only.
func ValidContainedIn(from, to time.Time) Lens {
	return Lens{Kind: LensContainedIn, Period: Period{from, to}}
}

// AllVersions sees every version that is known.
func AllVersions() Lens { return Lens{Kind: LensAll} }

// Latest sees the version of each key that starts last.
func Latest() Lens { return Lens{Kind: LensLatest} }

// Inclusive adds the versions that start exactly at the end of a ValidBetween, as
// SQL Server's BETWEEN does.
func (l Lens) Inclusive() Lens { l.IncludeEnd = true; return l }

// KnownAt looks with the eyes of an instant of system time.
func (l Lens) KnownAt(t time.Time) Lens { l.Known, l.Ever = t, false; return l }

// KnownEver sees superseded versions too.
func (l Lens) KnownEver() Lens { l.Known, l.Ever = time.Time{}, true; return l }

// PreloadAtStart sees what is preloaded for a version, and for that in turn, as of the
// version's start. ValidAt says already as of when.
func (l Lens) PreloadAtStart() Lens { l.AtStarts = true; return l }

// Spanning sees, with the same eyes of system time, all that is valid at one of the instants
// from first to last, both included.
func (l Lens) Spanning(first, last time.Time) Lens {
	return Lens{Kind: LensBetween, Period: Period{first, last}, IncludeEnd: true, Known: l.Known, Ever: l.Ever}
}

// IsZero tells that the lens changes nothing.
func (l Lens) IsZero() bool { return l == Lens{} }

// Check tells whether the lens means something for an entity: its error is a
// [ValidityError] of ErrPeriod for a period that ends before it starts, and of
// ErrOption for system time on an entity without, or Inclusive on another lens.
func (l Lens) Check(v *config.Validity) error {
	fail := func(cause error, at time.Time, hint string) error {
		return &ValidityError{Operation: "read", At: at, Hint: hint, Cause: cause}
	}
	switch {
	case l.Kind > LensLatest:
		return fail(ErrOption, time.Time{}, "make lenses by this package's functions")
	case (l.Kind == LensBetween || l.Kind == LensContainedIn) && l.Period.IsInverted():
		return fail(ErrPeriod, l.Period.From, "the period ends before it starts")
	case l.AtStarts && l.Kind == LensAt:
		return fail(ErrOption, l.At, "what is preloaded is seen at the instant of ValidAt already")
	case l.IncludeEnd && l.Kind != LensBetween:
		return fail(ErrOption, time.Time{}, "only ValidBetween can include its end")
	case (l.Ever || !l.Known.IsZero()) && v.System == nil:
		return fail(ErrOption, l.Known, "the entity has no system time")
	}
	return nil
}

// clamp is an instant as a column of a precision compares with it.
func clamp(t time.Time, precision time.Duration) time.Time {
	if !t.Before(Sentinel) {
		return Sentinel.Add(-tick(precision))
	}
	return Cut(t, precision)
}

// InstantOf is the instant at which ValidAt(t) sees an entity's versions.
func InstantOf(v *config.Validity, t time.Time) time.Time { return clamp(t, v.Valid.Precision) }

// cut is the lens with its instants as the columns store them. An instant at or after
// the sentinel is the last one before it, when open versions still hold.
func (l Lens) cut(v *config.Validity) Lens {
	l.At = clamp(l.At, v.Valid.Precision)
	l.Period = l.Period.Cut(v.Valid.Precision)
	if !l.Known.IsZero() && v.System != nil {
		l.Known = clamp(l.Known, v.System.Precision)
	}
	return l
}

// Starts is the starts that a version in the lens can have, and Ends the ends, NULL
// being an open one: bounds by which shards are pruned whose rows start, or end,
// elsewhere.
func (l Lens) Starts(v *config.Validity) config.Set {
	l = l.cut(v)
	open := config.Bound{Open: true}
	upTo := func(t time.Time, inclusive bool) config.Bound {
		if t.IsZero() {
			return open
		}
		return config.Bound{Value: config.Time(t), Inclusive: inclusive}
	}
	switch l.Kind {
	case LensAt:
		return config.Between(open, config.Bound{Value: config.Time(l.At), Inclusive: true})
	case LensBetween:
		if l.Period.IsEmpty() && !l.IncludeEnd {
			return config.Set{}
		}
		return config.Between(open, upTo(l.Period.To, l.IncludeEnd))
	case LensContainedIn:
		return config.Between(config.Bound{Value: config.Time(l.Period.From), Inclusive: true}, upTo(l.Period.To, false))
	}
	return config.Full()
}

// Ends is described at Starts.
func (l Lens) Ends(v *config.Validity) config.Set {
	l = l.cut(v)
	open := config.Bound{Open: true}
	after := func(t time.Time) config.Set {
		return config.Between(config.Bound{Value: config.Time(t)}, open).Union(config.Point(config.Null()))
	}
	switch {
	case v.StartOnly():
	case l.Kind == LensAt:
		return after(l.At)
	case l.Kind == LensBetween:
		return after(l.Period.From)
	case l.Kind == LensContainedIn && !l.Period.IsOpen():
		return config.Between(config.Bound{Value: config.Time(l.Period.From)}, config.Bound{Value: config.Time(l.Period.To), Inclusive: true})
	}
	return config.Full()
}
