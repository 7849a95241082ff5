package observe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/observe"
)

// logged runs f with an observer and gives the records that it wrote.
func logged(t *testing.T, level slog.Level, o observe.SlogOptions, f func(*observe.Slog)) []map[string]any {
	t.Helper()
	var b bytes.Buffer
	o.Logger = slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: level}))
	f(observe.NewSlog(o))
	var records []map[string]any
	for d := json.NewDecoder(&b); d.More(); {
		var r map[string]any
		require.NoError(t, d.Decode(&r))
		records = append(records, r)
	}
	return records
}

func TestSlog(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	executed := config.QueryExecuted{
		Entity: "Order", Operation: "select", Form: "union", Shards: []string{"EU", "US"}, Rows: 3,
		Total: 20 * time.Millisecond, PerShard: map[string]time.Duration{"EU": 2, "US": 3}, CorrelationID: "c1",
	}
	all := func(s *observe.Slog) {
		s.ShardResolved(ctx, config.ShardResolved{Entity: "Order", Operation: "select", Shards: []string{"EU", "US"}, CorrelationID: "c1"})
		s.QueryExecuted(ctx, executed)
	}

	records := logged(t, slog.LevelDebug, observe.SlogOptions{}, all)
	require.Len(t, records, 2)
	assert.Equal(t, "DEBUG", records[0]["level"])
	assert.EqualValues(t, 2, records[0]["count"])
	assert.Equal(t, "INFO", records[1]["level"])
	assert.Equal(t, map[string]any{"EU": 2.0, "US": 3.0}, records[1]["shards"])
	assert.Equal(t, "c1", records[1]["correlation_id"])

	assert.Len(t, logged(t, slog.LevelInfo, observe.SlogOptions{}, all), 1, "the choice of shards is for debugging")
	assert.Empty(t, logged(t, slog.LevelInfo, observe.SlogOptions{Level: slog.LevelDebug}, all))
	slow := logged(t, slog.LevelInfo, observe.SlogOptions{Level: slog.LevelDebug, Slow: 10 * time.Millisecond}, all)
	require.Len(t, slow, 1)
	assert.Equal(t, "WARN", slow[0]["level"])

	executed.Err = errors.New("gone")
	failed := logged(t, slog.LevelError, observe.SlogOptions{}, all)
	require.Len(t, failed, 1)
	assert.Equal(t, "gone", failed[0]["error"])
	assert.NotNil(t, observe.NewSlog(observe.SlogOptions{}))
}

func TestSlogOfDatabases(t *testing.T) {
	t.Parallel()
	records := logged(t, slog.LevelInfo, observe.SlogOptions{}, func(s *observe.Slog) {
		s.DatabaseChanged(context.Background(), config.DatabaseEvent{Kind: config.DatabaseDown, Database: "eu", Err: errors.New("refused")})
		s.DatabaseChanged(context.Background(), config.DatabaseEvent{Kind: config.DatabaseUp, Database: "eu"})
	})
	require.Len(t, records, 2)
	assert.Equal(t, []any{"ERROR", "eu", "down", "refused"}, []any{records[0]["level"], records[0]["database"], records[0]["state"], records[0]["error"]})
	assert.Equal(t, []any{"WARN", "eu", "up", nil}, []any{records[1]["level"], records[1]["database"], records[1]["state"], records[1]["error"]})
}

var _ config.DatabaseObserver = (*observe.Slog)(nil)
