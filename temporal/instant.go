package temporal

import (
	"time"

	"github.com/go-dtde/dtde/config"
)

// Cut gives an instant as every column stores it and as every bound compares with it:
// in UTC, without a monotonic reading, cut down to a multiple of precision since the
// year 1. A precision of 0 or less means a nanosecond; 24 hours means dates.
func Cut(t time.Time, precision time.Duration) time.Time {
	t = t.Round(0).UTC()
	if precision > 1 {
		t = t.Truncate(precision)
	}
	return t
}

// tick is the smallest step between two instants of a column.
func tick(precision time.Duration) time.Duration { return max(precision, 1) }

// End reads a stored end: NULL (nil), the sentinel, and what lies above it are open,
// which is the zero time.
func End(stored *time.Time) time.Time {
	if stored == nil || stored.IsZero() || !stored.Before(Sentinel) {
		return time.Time{}
	}
	return stored.UTC()
}

// StoredEnd is what to write for an end: the instant, or for an open one nil or the
// sentinel.
func StoredEnd(end time.Time, open config.OpenEnd) any {
	switch {
	case !end.IsZero():
		return end.UTC()
	case open == config.OpenSentinel:
		return Sentinel
	}
	return nil
}

// Sentinel is the instant that stands for an open end in a column that cannot be NULL,
// 9999-12-31T00:00:00Z. No period starts at or after it.
var Sentinel = config.OpenSentinelTime
