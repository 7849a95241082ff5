package planner

import (
	"cmp"
	"slices"
	"time"

	"github.com/go-dtde/dtde/config"
)

// newestFirst puts the shards of late starts first where a few rows, in no order, of what is
// valid at an instant are asked for: most of them have started not long before it, and a
// shard of early starts holds mostly what has ended, all of which would be looked at first.
// Priorities that say otherwise win.
func (s *Statement) newestFirst(p *Plan, h *shape) {
	if !s.AtInstant || h.ordered || h.limit < 0 || !h.pushesLimit || len(s.Table.Keys) != 1 {
		return
	}
	spans, ok := s.Table.Strategy.(config.SpanStrategy)
	if !ok {
		return
	}
	start := func(t Target) time.Time {
		span, known := spans.Span(t.Shard.ID)
		if !known || span.From.Open {
			return time.Time{}
		}
		return span.From.Value.AsTime()
	}
	slices.SortStableFunc(p.Targets, func(a, b Target) int {
		return cmp.Or(cmp.Compare(a.Shard.Rank(), b.Shard.Rank()), start(b).Compare(start(a)))
	})
	p.FormReason += "; shards of late starts first"
}
