package strategies

import (
	"strconv"
	"time"

	"github.com/go-dtde/dtde/config"
)

// calendar numbers the periods of one unit in one time zone. Period n is the instants
// from start(n) up to, but not including, start(n+1).
//
// A period starts at the first instant at which the local clock shows its first day or
// a later one: where clocks jump over midnight it starts at the jump, where midnight
// comes twice, at the first. So periods neither overlap nor leave gaps, also where a
// clock that is put back shows a few minutes of the day before once more.
type calendar struct {
	unit config.DateUnit
	loc  *time.Location
	utc  bool
}

// The first and the last day that a period has a name for.
var (
	firstDay = dayNumber(1, time.January, 1)
	lastDay  = dayNumber(9999, time.December, 31)
)

const secondsPerDay = 24 * 60 * 60

// dayNumber counts calendar days, 1970-01-01 being 0.
func dayNumber(y int, m time.Month, d int) int64 {
	return floorDiv(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix(), secondsPerDay)
}

func dateOf(dayNumber int64) (int, time.Month, int) {
	return time.Unix(dayNumber*secondsPerDay, 0).UTC().Date()
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// mondayOffset makes Mondays multiples of seven: 1970-01-01 was a Thursday.
const mondayOffset = 3

// number is the period of a calendar date.
func (c *calendar) number(y int, m time.Month, d int) int64 {
	switch c.unit {
	case config.Year:
		return int64(y)
	case config.Quarter:
		return int64(y)*4 + int64(m-1)/3
	case config.Month:
		return int64(y)*12 + int64(m-1)
	case config.Week:
		return floorDiv(dayNumber(y, m, d)+mondayOffset, 7)
	}
	return dayNumber(y, m, d)
}

// opening is the number of a period's first day.
func (c *calendar) opening(n int64) int64 {
	switch c.unit {
	case config.Year:
		return dayNumber(int(n), time.January, 1)
	case config.Quarter:
		return dayNumber(int(floorDiv(n, 4)), time.Month(n-floorDiv(n, 4)*4)*3+1, 1)
	case config.Month:
		return dayNumber(int(floorDiv(n, 12)), time.Month(n-floorDiv(n, 12)*12)+1, 1)
	case config.Week:
		return n*7 - mondayOffset
	}
	return n
}

// start is the Unix second at which a period starts.
func (c *calendar) start(n int64) int64 {
	clock := c.opening(n) * secondsPerDay
	if c.utc {
		return clock
	}
	// No zone is, or was, more than 26 hours from UTC.
	from := clock - 26*60*60
	for {
		t := time.Unix(from, 0).In(c.loc)
		_, offset := t.Zone()
		_, end := t.ZoneBounds()
		until := end.Unix()
		if until <= from {
			// On the last day of a future leap year ZoneBounds ends before it starts
			// (seen with Go 1.26). Clocks change on quarters of an hour.
			until = from + 15*60
		}
		at := max(from, clock-int64(offset))
		if end.IsZero() || at < until {
			return at
		}
		from = until
	}
}

// of is the period of an instant.
func (c *calendar) of(t time.Time) int64 {
	if c.utc {
		return c.number(t.UTC().Date())
	}
	n := c.number(t.In(c.loc).Date())
	// A clock that is put back over midnight shows the day before once more: the period
	// can only be a later one than the clock says.
	for t.Unix() >= c.start(n+1) {
		n++
	}
	return n
}

// appendID appends a period's shard id: 2024, 2024_q2, 2024_05, 2024_w20 (the ISO week
// year) or 2024_05_17. Ids of one unit have one length and sort by time.
func (c *calendar) appendID(b []byte, n int64) []byte {
	y, m, d := dateOf(c.opening(n))
	switch c.unit {
	case config.Week:
		year, week := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).ISOWeek()
		return appendPadded(append(appendPadded(b, year, 4), "_w"...), week, 2)
	case config.Year:
		return appendPadded(b, y, 4)
	case config.Quarter:
		return append(append(appendPadded(b, y, 4), "_q"...), '1'+byte(m-1)/3)
	case config.Month:
		return appendPadded(append(appendPadded(b, y, 4), '_'), int(m), 2)
	}
	b = appendPadded(append(appendPadded(b, y, 4), '_'), int(m), 2)
	return appendPadded(append(b, '_'), d, 2)
}

func appendPadded(b []byte, n, digits int) []byte {
	for limit := 10; digits > 1; digits-- {
		if n < limit {
			b = append(b, '0')
		}
		limit *= 10
	}
	return strconv.AppendInt(b, int64(n), 10)
}

// parse reads a shard id; only the very text that appendID writes is one.
func (c *calendar) parse(id string) (n int64, ok bool) {
	digits := func(from, to int) int {
		v := 0
		for _, ch := range []byte(id[from:to]) {
			if ch < '0' || ch > '9' {
				ok = false
			}
			v = v*10 + int(ch-'0')
		}
		return v
	}
	lengths := [...]int{config.Day: 10, config.Week: 8, config.Month: 7, config.Quarter: 7, config.Year: 4}
	if len(id) != lengths[c.unit] {
		return 0, false
	}
	ok = true
	y := digits(0, 4)
	if !ok || y < 1 {
		return 0, false
	}
	switch c.unit {
	case config.Year:
		return int64(y), true
	case config.Quarter:
		q := digits(6, 7)
		return int64(y)*4 + int64(q-1), ok && id[4:6] == "_q" && q >= 1 && q <= 4
	case config.Month:
		m := digits(5, 7)
		return int64(y)*12 + int64(m-1), ok && id[4] == '_' && m >= 1 && m <= 12
	case config.Week:
		w := digits(6, 8)
		// The fourth of January is always in the first week.
		n = c.number(y, time.January, 4) + int64(w-1)
		ty, tm, td := dateOf(c.opening(n))
		year, _ := time.Date(ty, tm, td, 0, 0, 0, 0, time.UTC).ISOWeek()
		return n, ok && id[4:6] == "_w" && w >= 1 && year == y
	}
	m, d := digits(5, 7), digits(8, 10)
	if !ok || id[4] != '_' || id[7] != '_' || m < 1 || m > 12 || d < 1 {
		return 0, false
	}
	n = dayNumber(y, time.Month(m), d)
	_, tm, td := dateOf(n)
	return n, int(tm) == m && td == d
}

// zoneName names a location for the fingerprint, so that equal names mean equal
// boundaries: a fixed zone by its offset, another by its name in the zone database.
// ok is false for the machine's own zone, which is another one on another machine.
func zoneName(loc *time.Location) (name string, ok bool) {
	t := time.Date(2024, time.January, 1, 0, 0, 0, 0, loc)
	from, to := t.ZoneBounds()
	if from.IsZero() && to.IsZero() {
		if _, offset := t.Zone(); offset != 0 {
			return time.Unix(0, 0).In(time.FixedZone("", offset)).Format("-07:00:00"), true
		}
		return "UTC", true
	}
	return loc.String(), loc != time.Local && loc.String() != "Local"
}
