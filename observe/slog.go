package observe

import (
	"context"
	"log/slog"
	"time"

	"github.com/go-dtde/dtde/config"
)

// SlogOptions are the settings of NewSlog. The zero value is safe.
type SlogOptions struct {
	// Logger receives the events; nil means slog.Default() at the time of NewSlog.
	Logger *slog.Logger
	// Level is the level of events of statements that went well; failures are
	// slog.LevelError. The zero value is slog.LevelInfo.
	Level slog.Level
	// Slow raises statements that took at least this long to slog.LevelWarn; 0 turns
	// that off.
	Slow time.Duration
}

// Slog writes events to an slog.Logger. It is safe for concurrent use.
type Slog struct{ options SlogOptions }

// NewSlog makes an observer. Neither SQL nor row values are logged.
func NewSlog(o SlogOptions) *Slog {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return &Slog{o}
}

// ShardResolved logs the choice of shards at slog.LevelDebug.
func (s *Slog) ShardResolved(ctx context.Context, e config.ShardResolved) {
	if !s.options.Logger.Enabled(ctx, slog.LevelDebug) {
		return
	}
	s.options.Logger.LogAttrs(ctx, slog.LevelDebug, "dtde: shards resolved",
		slog.String("entity", e.Entity), slog.String("operation", e.Operation),
		slog.Any("shards", e.Shards), slog.Int("count", len(e.Shards)),
		slog.String("correlation_id", e.CorrelationID))
}

// QueryExecuted logs how a statement went.
func (s *Slog) QueryExecuted(ctx context.Context, e config.QueryExecuted) {
	level := s.options.Level
	switch {
	case e.Err != nil:
		level = slog.LevelError
	case s.options.Slow > 0 && e.Total >= s.options.Slow:
		level = slog.LevelWarn
	}
	if !s.options.Logger.Enabled(ctx, level) {
		return
	}
	shards := make([]slog.Attr, 0, len(e.Shards))
	for _, id := range e.Shards {
		shards = append(shards, slog.Duration(id, e.PerShard[id]))
	}
	attrs := []slog.Attr{
		slog.String("entity", e.Entity), slog.String("operation", e.Operation), slog.String("form", e.Form),
		slog.Int64("rows", e.Rows), slog.Duration("resolution", e.Resolution), slog.Duration("total", e.Total),
		slog.Attr{Key: "shards", Value: slog.GroupValue(shards...)},
		slog.String("correlation_id", e.CorrelationID),
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", e.Err.Error()))
	}
	s.options.Logger.LogAttrs(ctx, level, "dtde: query executed", attrs...)
}

// DatabaseChanged logs that a database went down, at slog.LevelError, or came back, at
// slog.LevelWarn.
func (s *Slog) DatabaseChanged(ctx context.Context, e config.DatabaseEvent) {
	level := slog.LevelWarn
	attrs := []slog.Attr{slog.String("database", e.Database), slog.String("state", string(e.Kind))}
	if e.Kind == config.DatabaseDown {
		level = slog.LevelError
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", e.Err.Error()))
	}
	s.options.Logger.LogAttrs(ctx, level, "dtde: database changed", attrs...)
}
