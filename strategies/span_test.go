package strategies_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/strategies"
)

// TestSpans: a key belongs to a shard exactly if the shard's span has it, and the spans of
// dates follow each other without a gap.
func TestSpans(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	for _, unit := range []config.DateUnit{config.Day, config.Week, config.Month, config.Quarter, config.Year} {
		for _, zone := range []*time.Location{time.UTC, berlin} {
			spec := config.StrategySpec{Kind: "date", Fields: []string{"T"}, Unit: unit, Location: zone}
			s, err := strategies.New(spec, []config.KeyColumn{{Column: "t", Kind: config.KindTime}}, nil)
			require.NoError(t, err)
			rapid.Check(t, func(rt *rapid.T) {
				v := drawTime("1990-01-01", "2040-01-01")(rt)
				id, err := s.Place([]config.Value{v})
				require.NoError(rt, err)
				span, ok := s.(config.SpanStrategy).Span(id)
				require.True(rt, ok)
				require.True(rt, config.Between(span.From, span.To).Contains(v))
				next, err := s.Place([]config.Value{span.To.Value})
				require.NoError(rt, err)
				following, _ := s.(config.SpanStrategy).Span(next)
				require.Equal(rt, span.To.Value, following.From.Value)
			})
			_, ok := s.(config.SpanStrategy).Span("x")
			assert.False(t, ok)
		}
	}
}
