package strategies_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/strategies"
)

func months(t testing.TB) config.Strategy {
	t.Helper()
	return build(t, config.ByDate("At", config.Month, at("2024-01-01").AsTime(), at("2025-01-01").AsTime()), timeKey)
}

func TestDatePlacesByUnitAndZone(t *testing.T) {
	t.Parallel()
	newYork := location(t, "America/New_York")
	for _, c := range []struct {
		name string
		unit config.DateUnit
		loc  *time.Location
		at   string
		want string
	}{
		{"year, utc, last instant", config.Year, time.UTC, "2023-12-31T23:59:59.999999999Z", "2023"},
		{"year, utc, first instant", config.Year, time.UTC, "2024-01-01T00:00:00Z", "2024"},
		{"year, berlin, already", config.Year, berlin(t), "2023-12-31T23:00:00Z", "2024"},
		{"year, berlin, not yet", config.Year, berlin(t), "2023-12-31T22:59:59Z", "2023"},
		{"year, new york, not yet", config.Year, newYork, "2024-01-01T04:59:59Z", "2023"},
		{"year, new york, already", config.Year, newYork, "2024-01-01T05:00:00Z", "2024"},
		{"month, berlin, summer", config.Month, berlin(t), "2024-05-31T22:00:00Z", "2024_06"},
		{"month, new york, summer", config.Month, newYork, "2024-06-01T03:59:59Z", "2024_05"},
		{"quarter", config.Quarter, time.UTC, "2024-04-01T00:00:00Z", "2024_q2"},
		{"week", config.Week, time.UTC, "2024-12-30T00:00:00Z", "2025_w01"},
		{"day", config.Day, berlin(t), "2024-05-16T22:00:00Z", "2024_05_17"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			from := time.Date(2020, 1, 1, 0, 0, 0, 0, c.loc)
			bounded := build(t, config.ByDate("At", c.unit, from, from.AddDate(10, 0, 0)), timeKey)
			free := build(t, config.StrategySpec{Kind: "date", Fields: []string{"At"}, Unit: c.unit, Location: c.loc}, timeKey)
			require.Equal(t, c.want, place(t, bounded, at(c.at)))
			require.Equal(t, c.want, place(t, free, at(c.at)))
			require.Empty(t, bounded.Shards())
			require.True(t, bounded.(config.DynamicStrategy).Owns(c.want))
		})
	}
}

func TestDateBounds(t *testing.T) {
	t.Parallel()
	s := months(t)
	for _, outside := range []string{"2023-12-31T23:59:59.999999999Z", "2025-01-01", "0001-01-01", "9999-12-31"} {
		_, err := s.Place([]config.Value{at(outside)})
		require.ErrorIs(t, err, config.ErrShardNotFound, outside)
	}
	_, err := s.Place([]config.Value{config.Time(time.Unix(1<<60, 0))})
	require.ErrorIs(t, err, config.ErrShardNotFound)
	_, err = s.Place([]config.Value{config.Null()})
	require.ErrorIs(t, err, config.ErrMissingShardKey)
	d := s.(config.DynamicStrategy)
	for id, owned := range map[string]bool{"2024_01": true, "2024_12": true, "2023_12": false, "2025_01": false, "2024_13": false, "2024": false, "": false} {
		require.Equal(t, owned, d.Owns(id), id)
	}
}

func TestDateBoundsFromFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		from, to any
		loc      *time.Location
		first    string
	}{
		{"dates in the location", "2024-01-01", "2025-01-01", berlin(t), "2023-12-31T23:00:00Z"},
		{"dates in utc", "2024-01-01", "2025-01-01", nil, "2024-01-01T00:00:00Z"},
		{"instants", "2024-01-01T00:00:00+05:00", "2025-01-01T00:00:00Z", nil, "2023-12-31T19:00:00Z"},
		{"date and time", "2024-01-01 06:00:00", nil, berlin(t), "2024-01-01T05:00:00Z"},
		{"a pointer", &[]time.Time{at("2024-01-01").AsTime()}[0], nil, nil, "2024-01-01T00:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := build(t, config.StrategySpec{Kind: "date", Fields: []string{"At"}, Unit: config.Month, Location: c.loc, From: c.from, To: c.to}, timeKey)
			place(t, s, at(c.first))
			_, err := s.Place([]config.Value{config.Time(at(c.first).AsTime().Add(-1))})
			require.ErrorIs(t, err, config.ErrShardNotFound)
		})
	}
}

func TestDateRouting(t *testing.T) {
	t.Parallel()
	s := months(t)
	known := []string{"2024_01", "2024_02", "2024_03", "2024_05"}
	for _, c := range []struct {
		name string
		set  config.Set
		want []string
		open bool
	}{
		{"point", config.Point(at("2024-02-29 12:00:00")), []string{"2024_02"}, false},
		{"point in a month that is not there yet", config.Point(at("2024-04-01")), nil, true},
		{"point outside the bounds", config.Point(at("2025-04-01")), nil, false},
		{"null", config.Point(config.Null()), nil, false},
		{"nothing", config.Set{}, nil, false},
		{"half open month", config.HalfOpen(at("2024-02-01"), at("2024-03-01")), []string{"2024_02"}, false},
		{"closed to the first instant of march", closed(at("2024-02-01"), at("2024-03-01")), []string{"2024_02", "2024_03"}, false},
		{"after the last instant of january", above(at("2024-01-31T23:59:59.999999999Z")).Intersect(below(at("2024-03-01"))), []string{"2024_02"}, false},
		{"before march", below(at("2024-03-01")), []string{"2024_01", "2024_02"}, false},
		{"from march on", atLeast(at("2024-03-01")), []string{"2024_03", "2024_05"}, true},
		{"over a missing month", config.HalfOpen(at("2024-03-15"), at("2024-05-15")), []string{"2024_03", "2024_05"}, true},
		{"in", config.Points(at("2024-01-05"), at("2024-01-06"), at("2024-05-06")), []string{"2024_01", "2024_05"}, false},
		{"in with a missing month", config.Points(at("2024-01-05"), at("2024-04-06")), []string{"2024_01"}, true},
		{"not", not(config.Point(at("2024-01-05"))), known, true},
		{"not a month", not(config.HalfOpen(at("2024-02-01"), at("2024-12-31T23:59:59.999999999Z"))), []string{"2024_01"}, true},
		{"before all", below(at("2024-01-01")), nil, false},
		{"after all", atLeast(at("2025-01-01")), nil, false},
		{"all", config.Full(), known, true},
	} {
		got, open := route(s, known, c.set)
		sameIDs(t, c.want, got)
		require.Equal(t, c.open, open, c.name)
	}
}

func TestDateFindsShardsBeyondNarrowedBounds(t *testing.T) {
	t.Parallel()
	known := []string{"2023_11", "2023_12", "2024_01"}
	ids, open := route(months(t), known, config.Point(at("2023-12-05")))
	require.Equal(t, []string{"2023_12"}, ids)
	require.False(t, open)
	ids, open = route(months(t), known, below(at("2024-01-10")))
	require.Equal(t, known, ids)
	require.False(t, open)
	ids, open = route(months(t), known[:2], below(at("2024-01-10")))
	require.Equal(t, known[:2], ids)
	require.True(t, open)
}

func TestDateOnlyColumnsGoByTheCalendar(t *testing.T) {
	t.Parallel()
	loc := location(t, "America/New_York")
	from := time.Date(2024, 1, 1, 0, 0, 0, 0, loc)
	s := build(t, config.ByDate("D", config.Month, from, from.AddDate(1, 0, 0)), dateKey)
	require.Equal(t, "2024_01", place(t, s, at("2024-01-01")))
	require.Equal(t, "2024_01", place(t, s, at("2024-01-31")))
	_, err := s.Place([]config.Value{at("2025-01-01")})
	require.ErrorIs(t, err, config.ErrShardNotFound)
	known := []string{"2024_01", "2024_02", "2024_03"}
	// After the 31st comes the 1st: a date has no time of day in between.
	ids, open := route(s, known, above(at("2024-01-31")).Intersect(below(at("2024-03-01"))))
	require.Equal(t, []string{"2024_02"}, ids)
	require.False(t, open)
	ids, _ = route(s, known, closed(at("2024-01-31 12:00:00"), at("2024-02-29 12:00:00")))
	require.Equal(t, []string{"2024_02"}, ids)
	require.Contains(t, s.Fingerprint(), "zone=date")
	from = time.Date(2024, 1, 1, 0, 0, 0, 0, berlin(t)) // still the year before in UTC
	s = build(t, config.ByDate("D", config.Month, from, from.AddDate(1, 0, 0)), dateKey)
	_, err = s.Place([]config.Value{at("2023-12-31")})
	require.ErrorIs(t, err, config.ErrShardNotFound)
	require.Equal(t, "2024_12", place(t, s, at("2024-12-31")))
}

func TestDateUpto(t *testing.T) {
	t.Parallel()
	upto := func(s config.Strategy, until config.Value) []string {
		ids, ok := s.(config.DynamicStrategy).Upto(until)
		require.True(t, ok)
		return ids
	}
	s := months(t)
	require.Equal(t, []string{"2024_01", "2024_02", "2024_03"}, upto(s, at("2024-03-01")))
	require.Len(t, upto(s, at("2030-01-01")), 12)
	require.Empty(t, upto(s, at("2023-12-31")))
	free := build(t, config.StrategySpec{Kind: "date", Fields: []string{"At"}, Unit: config.Quarter}, timeKey)
	require.Equal(t, []string{"2024_q1"}, upto(free, at("2024-03-01")))
}

func TestDateBeyondTheTable(t *testing.T) {
	t.Parallel()
	s := build(t, config.StrategySpec{Kind: "date", Fields: []string{"At"}, Unit: config.Day, From: "2000-01-01", Location: berlin(t)}, timeKey)
	require.Equal(t, "2000_01_01", place(t, s, at("1999-12-31T23:00:00Z")))
	require.Equal(t, "2050_07_01", place(t, s, at("2050-06-30T22:00:00Z")))
	ids, open := route(s, []string{"2000_01_01", "2050_07_01"}, config.Point(at("2050-06-30T22:00:00Z")))
	require.Equal(t, []string{"2050_07_01"}, ids)
	require.False(t, open)
	ids, open = route(s, []string{"2000_01_01"}, config.Point(at("2050-06-30T22:00:00Z")))
	require.Empty(t, ids)
	require.True(t, open)
}

func TestDateFaults(t *testing.T) {
	t.Parallel()
	spec := func(change func(*config.StrategySpec)) config.StrategySpec {
		s := config.StrategySpec{Kind: "date", Fields: []string{"At"}, Unit: config.Month, From: "2024-01-01", To: "2025-01-01"}
		change(&s)
		return s
	}
	for _, c := range []struct {
		name string
		spec config.StrategySpec
		key  config.KeyColumn
		want string
	}{
		{"no unit", spec(func(s *config.StrategySpec) { s.Unit = 0 }), timeKey, "unit"},
		{"unknown unit", spec(func(s *config.StrategySpec) { s.Unit = 9 }), timeKey, "unit"},
		{"turned bounds", spec(func(s *config.StrategySpec) { s.From = "2026-01-01" }), timeKey, "from is not before to"},
		{"bad from", spec(func(s *config.StrategySpec) { s.From = "yesterday" }), timeKey, "from is no time"},
		{"bad to", spec(func(s *config.StrategySpec) { s.To = 5 }), timeKey, "to is no time"},
		{"not a time", spec(func(*config.StrategySpec) {}), intKey, "kind int"},
	} {
		_, err := strategies.New(c.spec, []config.KeyColumn{c.key}, nil)
		require.ErrorIs(t, err, config.ErrConfig, c.name)
		require.ErrorContains(t, err, c.want, c.name)
	}
}

// The bounds decide which shards may exist, not where a row goes.
func TestDateFingerprint(t *testing.T) {
	t.Parallel()
	wide := build(t, config.ByDate("At", config.Month, at("2000-01-01").AsTime(), at("2100-01-01").AsTime()), timeKey)
	require.Equal(t, months(t).Fingerprint(), wide.Fingerprint())
	require.Equal(t, "strategy=date/1\nunit=month\nzone=UTC", wide.Fingerprint())
	other := build(t, config.StrategySpec{Kind: "date", Fields: []string{"At"}, Unit: config.Month, Location: berlin(t)}, timeKey)
	require.NotEqual(t, wide.Fingerprint(), other.Fingerprint())
}
