package strategies

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/config"
)

func zoned(t testing.TB, unit config.DateUnit, name string) *calendar {
	t.Helper()
	loc, err := time.LoadLocation(name)
	require.NoError(t, err)
	return &calendar{unit: unit, loc: loc, utc: name == "UTC"}
}

func TestPeriodsStartWhereTheLocalDayDoes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, zone, id, start string }{
		{"utc", "UTC", "2024_05_17", "2024-05-17T00:00:00Z"},
		{"summer", "Europe/Berlin", "2024_05_17", "2024-05-17T00:00:00+02:00"},
		{"winter", "Europe/Berlin", "2024_01_17", "2024-01-17T00:00:00+01:00"},
		{"the day the clock goes forward", "Europe/Berlin", "2024_03_31", "2024-03-31T00:00:00+01:00"},
		{"the day after", "Europe/Berlin", "2024_04_01", "2024-04-01T00:00:00+02:00"},
		{"a future leap year's end", "Europe/Berlin", "2040_12_31", "2040-12-31T00:00:00+01:00"},
		{"a future new year", "Europe/Berlin", "2041_01_01", "2041-01-01T00:00:00+01:00"},
		{"midnight skipped", "America/Sao_Paulo", "2018_11_04", "2018-11-04T01:00:00-02:00"},
		{"midnight twice", "America/Havana", "2023_11_05", "2023-11-05T00:00:00-04:00"},
		{"put back over midnight", "America/St_Johns", "2010_11_07", "2010-11-07T00:00:00-02:30"},
		{"a day skipped", "Pacific/Apia", "2011_12_30", "2011-12-31T00:00:00+14:00"},
		{"the day after it", "Pacific/Apia", "2011_12_31", "2011-12-31T00:00:00+14:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cal := zoned(t, config.Day, c.zone)
			n, ok := cal.parse(c.id)
			require.True(t, ok)
			want, err := time.Parse(time.RFC3339, c.start)
			require.NoError(t, err)
			require.Equal(t, want.UTC(), time.Unix(cal.start(n), 0).UTC())
			if c.name == "a day skipped" {
				return // no instant is in it
			}
			require.Equal(t, n, cal.of(want))
			require.Less(t, cal.of(want.Add(-1)), n)
		})
	}
}

func TestAClockPutBackOverMidnightStaysInTheNewDay(t *testing.T) {
	t.Parallel()
	cal := zoned(t, config.Day, "America/St_Johns")
	again := time.Date(2010, 11, 7, 2, 45, 0, 0, time.UTC) // a quarter past eleven, once more
	require.Equal(t, 6, again.In(cal.loc).Day())
	require.Equal(t, "2010_11_07", string(cal.appendID(nil, cal.of(again))))
}

func TestIDs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		unit     config.DateUnit
		date, id string
	}{
		{config.Year, "2024-05-17", "2024"},
		{config.Quarter, "2024-05-17", "2024_q2"},
		{config.Quarter, "2024-12-31", "2024_q4"},
		{config.Month, "2024-05-17", "2024_05"},
		{config.Week, "2024-05-17", "2024_w20"},
		{config.Week, "2024-12-30", "2025_w01"},
		{config.Week, "2021-01-03", "2020_w53"},
		{config.Week, "1969-12-28", "1969_w52"},
		{config.Day, "2024-05-17", "2024_05_17"},
		{config.Day, "2024-02-29", "2024_02_29"},
		{config.Month, "0001-01-01", "0001_01"},
		{config.Day, "9999-12-31", "9999_12_31"},
	} {
		cal := &calendar{unit: c.unit, loc: time.UTC, utc: true}
		when, err := time.Parse(time.DateOnly, c.date)
		require.NoError(t, err)
		n := cal.of(when)
		require.Equal(t, c.id, string(cal.appendID(nil, n)))
		back, ok := cal.parse(c.id)
		require.True(t, ok, c.id)
		require.Equal(t, n, back, c.id)
	}
}

func TestOnlyTheVeryIDIsOne(t *testing.T) {
	t.Parallel()
	for unit, bad := range map[config.DateUnit][]string{
		config.Year:    {"", "24", "0000", "20245", "+202", "2O24", "2024_05"},
		config.Quarter: {"2024_q0", "2024_q5", "2024-q1", "2024_Q1", "2024_05", "0000_q1", "2024_q "},
		config.Month:   {"2024_00", "2024_13", "2024_5", "2024-05", "2024_q1", "2024_-1", "0000_01"},
		config.Week:    {"2024_w00", "2024_w53", "2024_w54", "2024_x01", "2024_W01", "2024_w1 "},
		config.Day:     {"2024_02_30", "2023_02_29", "2024_00_01", "2024_13_01", "2024_01_00", "2024-01-01", "2024_1_001"},
	} {
		cal := &calendar{unit: unit, loc: time.UTC, utc: true}
		for _, id := range bad {
			_, ok := cal.parse(id)
			require.False(t, ok, "%s %q", unit, id)
		}
	}
}

// Periods tile time: every instant is in exactly the period that of gives, ids read
// back, and they sort as their periods do.
func TestPeriodsTileTime(t *testing.T) {
	t.Parallel()
	zones := []string{"UTC", "Europe/Berlin", "America/Sao_Paulo", "America/Havana", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu", "Africa/Monrovia"}
	rapid.Check(t, func(rt *rapid.T) {
		cal := zoned(t, config.DateUnit(rapid.IntRange(1, 5).Draw(rt, "unit")), rapid.SampledFrom(zones).Draw(rt, "zone"))
		when := time.Unix(rapid.Int64Range(-3_000_000_000, 8_000_000_000).Draw(rt, "second"), rapid.Int64Range(0, 999_999_999).Draw(rt, "nano"))
		n := cal.of(when)
		if at := when.Unix(); at < cal.start(n) || at >= cal.start(n+1) {
			rt.Fatalf("%v is not in period %d", when, n)
		}
		id, next := string(cal.appendID(nil, n)), string(cal.appendID(nil, n+1))
		if back, ok := cal.parse(id); !ok || back != n || id >= next || len(id) != len(next) {
			rt.Fatalf("%q, %q", id, next)
		}
	})
}

func TestZoneNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		loc  *time.Location
		name string
		ok   bool
	}{
		{time.UTC, "UTC", true},
		{time.FixedZone("whatever", 0), "UTC", true},
		{time.FixedZone("A", 7200), "+02:00:00", true},
		{time.FixedZone("B", 7200), "+02:00:00", true},
		{time.FixedZone("", -19800), "-05:30:00", true},
		{zoned(t, config.Day, "Europe/Berlin").loc, "Europe/Berlin", true},
	} {
		name, ok := zoneName(c.loc)
		require.Equal(t, c.name, name)
		require.Equal(t, c.ok, ok)
	}
}
