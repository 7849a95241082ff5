package strategies_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/strategies"
)

// Key columns by kind, as migrations of dtde declare them.
var (
	intKey  = column("n", config.KindInt)
	textKey = column("t", config.KindString)
	timeKey = column("at", config.KindTime)
	boolKey = column("b", config.KindBool)
	rawKey  = column("raw", config.KindBytes)
	dateKey = config.KeyColumn{Column: "d", Kind: config.KindTime, BytesEqual: true, BytesOrder: true, DateOnly: true}
)

func column(name string, kind config.Kind) config.KeyColumn {
	return config.KeyColumn{Column: name, Kind: kind, BytesEqual: true, BytesOrder: true}
}

// anyText is a text column of which nothing is known.
var anyText = config.KeyColumn{Column: "t", Kind: config.KindString}

func build(t testing.TB, spec config.StrategySpec, keys ...config.KeyColumn) config.Strategy {
	t.Helper()
	s, err := strategies.New(spec, keys, nil)
	require.NoError(t, err)
	return s
}

func place(t testing.TB, s config.Strategy, key ...config.Value) string {
	t.Helper()
	id, err := s.Place(key)
	require.NoError(t, err)
	return id
}

// route asks about known shards; all known ones come back for All.
func route(s config.Strategy, known []string, sets ...config.Set) (ids []string, open bool) {
	r := s.Route(config.RouteQuery{Keys: sets, Known: known})
	if r.All {
		return known, r.Open
	}
	return r.IDs, r.Open
}

func texts(vs ...string) config.Set {
	var out []config.Value
	for _, v := range vs {
		out = append(out, config.Text(v))
	}
	return config.Points(out...)
}

func ints(vs ...int64) config.Set {
	var out []config.Value
	for _, v := range vs {
		out = append(out, config.Int(v))
	}
	return config.Points(out...)
}

func not(s config.Set) config.Set { return s.Complement() }

func atLeast(v config.Value) config.Set {
	return config.Between(config.Bound{Value: v, Inclusive: true}, config.Bound{Open: true})
}

func above(v config.Value) config.Set {
	return config.Between(config.Bound{Value: v}, config.Bound{Open: true})
}

func below(v config.Value) config.Set {
	return config.Between(config.Bound{Open: true}, config.Bound{Value: v})
}

func closed(from, to config.Value) config.Set {
	return config.Between(config.Bound{Value: from, Inclusive: true}, config.Bound{Value: to, Inclusive: true})
}

// at reads an instant; without a zone it is UTC.
func at(s string) config.Value {
	for _, layout := range []string{time.RFC3339Nano, time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return config.Time(t)
		}
	}
	panic(s)
}

func berlin(t testing.TB) *time.Location { return location(t, "Europe/Berlin") }

func location(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	require.NoError(t, err)
	return loc
}

// sameIDs compares two lists; nil and empty are the same.
func sameIDs(t testing.TB, want, got []string) {
	t.Helper()
	if len(want) == 0 {
		require.Empty(t, got)
		return
	}
	require.Equal(t, want, got)
}
