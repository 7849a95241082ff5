package config

import (
	"maps"
	"time"
)

// SpanStrategy is a Strategy whose shards are stretches of a single key.
type SpanStrategy interface {
	Strategy
	// Span gives the keys that belong to a shard; ok is false for an id that is no shard's.
	Span(id string) (span Interval, ok bool)
}

// Sealed tells whether a shard is sealed, and the instant after which no version in it
// that is known ends: none is open there either.
func (t *Table) Sealed(id string) (bound time.Time, ok bool) {
	bound, ok = t.seals[id]
	return bound, ok
}

// HasSeals tells whether any of the entity's shards is sealed.
func (t *Table) HasSeals() bool { return len(t.seals) > 0 }

// EndOfShard is the instant at which a shard's keys end: the next one's begin. ok is
// false where the strategy has no such instant.
func (t *Table) EndOfShard(id string) (end time.Time, ok bool) {
	s, spans := t.Strategy.(SpanStrategy)
	if !spans {
		return end, false
	}
	span, known := s.Span(id)
	if !known || span.To.Open || span.To.Value.Kind() != KindTime {
		return end, false
	}
	return span.To.Value.AsTime(), true
}

// WithSeals is a copy in which the entities (by logical name) have these sealed shards,
// each with its bound, and no others.
func (c *Catalog) WithSeals(seals map[string]map[string]time.Time) *Catalog {
	tables := make([]*Table, len(c.tables))
	for i, t := range c.tables {
		if tables[i] = t; !maps.Equal(t.seals, seals[t.LogicalName]) {
			changed := *t
			changed.seals = maps.Clone(seals[t.LogicalName])
			tables[i] = &changed
		}
	}
	return NewCatalog(c.Epoch, tables...).withReferences(c.references).withDatabases(c.databases).withContainments(c.contained)
}
