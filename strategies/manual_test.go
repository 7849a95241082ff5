package strategies_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/strategies"
)

func box(sets ...config.Set) []config.Set { return sets }

func table(id string, boxes ...[]config.Set) strategies.ManualTable {
	return strategies.ManualTable{ID: id, Boxes: boxes}
}

func TestManual(t *testing.T) {
	t.Parallel()
	s, err := strategies.NewManual([]strategies.ManualTable{
		table("orders_2023", box(config.HalfOpen(at("2023-01-01"), at("2024-01-01")))),
		table("orders_rest", box(below(at("2023-01-01"))), box(config.Point(config.Null()))),
		table("orders_2024", box(config.HalfOpen(at("2024-01-01"), at("2025-01-01")))),
	})
	require.NoError(t, err)
	require.NoError(t, s.Check([]config.KeyColumn{timeKey}))
	require.ErrorIs(t, s.Check(nil), config.ErrConfig)
	all := []string{"orders_2023", "orders_rest", "orders_2024"}
	require.Equal(t, all, s.Shards())
	require.Equal(t, "orders_2024", place(t, s, at("2024-01-01")))
	require.Equal(t, "orders_2023", place(t, s, at("2023-01-01")))
	require.Equal(t, "orders_rest", place(t, s, at("1999-01-01")))
	require.Equal(t, "orders_rest", place(t, s, config.Null()))
	_, err = s.Place([]config.Value{at("2025-01-01")})
	require.ErrorIs(t, err, config.ErrShardNotFound)
	for _, c := range []struct {
		name string
		set  config.Set
		want []string
	}{
		{"point", config.Point(at("2023-07-01")), []string{"orders_2023"}},
		{"null", config.Point(config.Null()), []string{"orders_rest"}},
		{"range", config.HalfOpen(at("2022-07-01"), at("2024-01-01")), []string{"orders_2023", "orders_rest"}},
		{"nowhere", atLeast(at("2025-01-01")), nil},
		{"all", config.Full(), all},
	} {
		got, open := route(s, all, c.set)
		sameIDs(t, c.want, got)
		require.False(t, open, c.name)
	}
	_, err = s.Place(nil)
	require.ErrorIs(t, err, config.ErrMissingShardKey)
}

func TestManualNullWithoutATableForIt(t *testing.T) {
	t.Parallel()
	s, err := strategies.NewManual([]strategies.ManualTable{table("a", box(ints(1, 2), texts("x")))})
	require.NoError(t, err)
	_, err = s.Place([]config.Value{config.Int(1), config.Null()})
	require.ErrorIs(t, err, config.ErrMissingShardKey)
}

func TestManualFaults(t *testing.T) {
	t.Parallel()
	_, err := strategies.NewManual([]strategies.ManualTable{
		table("a", box(below(config.Int(10)))), table("b", box(atLeast(config.Int(9)))), table("c", box(config.Set{})), table("a", box(ints(1))), table("d", box(ints(1), ints(2))),
	})
	for _, want := range []string{`b: the predicate overlaps that of "a"`, "c: no row can match", "a: the table is listed twice", "d: the predicate speaks of 2 key columns, others of 1"} {
		require.ErrorContains(t, err, want)
	}
	_, err = strategies.NewManual(nil)
	require.ErrorIs(t, err, config.ErrConfig)
	_, err = strategies.NewManual([]strategies.ManualTable{table("a", box(ints(1), config.Full())), table("b", box(ints(2), config.Full()), box(config.Full(), texts("x")))})
	require.ErrorContains(t, err, `overlaps that of "a"`)
}

func TestManualFingerprintIsWholeAndWithoutOrder(t *testing.T) {
	t.Parallel()
	var values []int64
	for i := range int64(50) {
		values = append(values, 2*i)
	}
	print := func(tables ...strategies.ManualTable) string {
		s, err := strategies.NewManual(tables)
		require.NoError(t, err)
		return s.Fingerprint()
	}
	a, b := table("a", box(ints(values...)), box(ints(101))), table("b", box(above(config.Int(200))))
	turned := table("a", box(ints(101)), box(ints(values...)))
	require.Equal(t, print(a, b), print(b, turned))
	require.NotEqual(t, print(a), print(table("a", box(ints(values[:49]...)), box(ints(101)))))
	require.Equal(t, "strategy=manual/1\ntable[\"b\"]={[201, )}", print(b))
}
