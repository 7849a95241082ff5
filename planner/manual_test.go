package planner_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

func TestManualBoxes(t *testing.T) {
	t.Parallel()
	a, b := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		keys      []string
		predicate string
		args      []any
		want      string // "" when it cannot be decided
	}{
		{[]string{"SoldAt"}, "sold_at >= ? AND sold_at < ?", []any{a, b}, "{[2023-01-01T00:00:00Z, 2024-01-01T00:00:00Z)}"},
		{[]string{"SoldAt"}, "sold_at < @end", []any{map[string]any{"end": b}}, "{(, 2024-01-01T00:00:00Z)}"},
		{[]string{"SoldAt"}, "sold_at >= '2023-01-01'", nil, ""},
		{[]string{"Region"}, "region = 'US'", nil, `{"US"}`},
		{[]string{"Region"}, "region IN ? OR region IS NULL", []any{[]string{"US", "EU"}}, `{"EU" "US" NULL}`},
		{[]string{"Region"}, "orders.region <> 'US'", nil, `{(, "US") ("US", )}`},
		{[]string{"Region"}, "region = 'US' AND name = 'x'", nil, ""},
		{[]string{"Region"}, "lower(region) = 'us'", nil, ""},
		{[]string{"Region"}, "region = 'US' -- x", nil, ""},
		{[]string{"Region", "Code"}, "region = 'US' AND code BETWEEN 1 AND 5", nil, `{"US"} × {[1, 5]}`},
		{[]string{"Region", "Code"}, "(region, code) IN (('US', 1), ('EU', 2))", nil, `{"EU"} × {2} or {"US"} × {1}`},
		{[]string{"Code"}, "code % 2 = 0", nil, ""},
		{[]string{"Code"}, "NOT (code < 0)", nil, "{[0, )}"},
		{[]string{"Code"}, "1 = 1", nil, "all"},
		{[]string{"Code"}, "", nil, "all"},
		{[]string{"Code"}, "code = ?", []any{1, 2}, ""},
	} {
		got, err := planner.ManualBoxes(orderSchema(), keysOf(c.keys...), sqliteDialect, c.predicate, c.args)
		if c.want == "" {
			require.ErrorIs(t, err, config.ErrConfig, c.predicate)
			continue
		}
		require.NoError(t, err, c.predicate)
		assert.Equal(t, c.want, boxes(planner.Predicate{Boxes: got}), c.predicate)
	}
	collated := keysOf("Region")
	collated[0].BytesEqual = false
	_, err := planner.ManualBoxes(orderSchema(), collated, sqliteDialect, "region = 'US'", nil)
	require.Error(t, err, "a collation of the engine's own cannot be decided in Go")
}

func TestManualColumns(t *testing.T) {
	t.Parallel()
	for predicate, want := range map[string][]string{
		"order_date >= ? AND order_date < ?":       {"order_date"},
		"orders.region = 'US' AND `code` = @n":     {"region", "code"},
		"lower(region) = 'x' OR NOT a IS NULL":     {"region", "a"},
		"1 = 1":                                    nil,
		"created_at < CURRENT_TIMESTAMP":           {"created_at"},
		"(a, b) IN ((1, 2)) AND c BETWEEN ? AND 5": {"a", "b", "c"},
	} {
		got, err := planner.ManualColumns(predicate, sqliteDialect)
		require.NoError(t, err, predicate)
		assert.Equal(t, want, got, predicate)
	}
	for _, bad := range []string{"a = 'x", "a = 1)", "a = 1 /* x */", "a = '?'"} {
		_, err := planner.ManualColumns(bad, sqliteDialect)
		require.ErrorIs(t, err, config.ErrConfig, bad)
	}
}
