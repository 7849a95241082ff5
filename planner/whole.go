package planner

import (
	"time"

	"github.com/go-dtde/dtde/config"
)

// Whole is a read of versions that are cut where their shard changes.
type Whole struct {
	// Instant tells that the read sees the versions valid At an instant: one part of each,
	// all in Shard, which may not exist yet. Otherwise all parts are put together.
	Instant bool
	At      time.Time
	Shard   string
}

// planWhole plans a read of whole versions: one statement over a derived table that puts
// the parts together. What it leaves out is left out around that, so that the conditions
// are those of one table.
func (s *Statement) planWhole() (*Plan, error) {
	switch {
	case s.locks():
		return nil, s.refuse("cut-lock", "a locking read of versions that are cut at shard boundaries", "write versions by the calls that lock them")
	case s.Form == config.ReadSessions || len(s.Tiers) > 0:
		return nil, s.refuse("cut-form", "ReadSessions or tiers with versions that are cut at shard boundaries", "leave the form to the planner")
	}
	_, dynamic := s.Table.Dynamic()
	r := routed{shards: s.Table.Shards, reason: "all shards: the parts of versions are put together", open: dynamic}
	if s.Whole.Instant {
		r.shards, r.reason = nil, "the shard of the instant"
		if shard, ok := s.Table.Shard(s.Whole.Shard); ok {
			r.shards = append(r.shards, shard)
		}
	}
	r, err := s.bounded(r)
	if err != nil {
		return nil, err
	}
	if most := s.maxBranches() / 3; len(s.Table.Shards) > most {
		return nil, s.refuse("union-too-wide", "putting versions together over so many shards", "take longer periods")
	}
	p := s.plan(r)
	p.Whole, p.Form, p.FormReason = s.Whole, Union, "one statement that puts the parts of versions together"
	if len(p.Targets) == 0 {
		p.Form, p.FormReason = None, "no shard can hold a row"
	}
	return p, nil
}
