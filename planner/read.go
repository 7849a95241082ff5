package planner

import (
	"math"
	"slices"
	"strconv"

	"github.com/go-dtde/dtde/config"
)

// PlanRead plans a select: the shards that can hold a matching row, and the form in
// which they are read. The error is a *config.ShardError or *config.UnsupportedError.
func PlanRead(s *Statement) (*Plan, error) {
	if s.Whole == nil {
		if p := s.planPoint(); p != nil {
			p.Form, p.FormReason = One, "one shard"
			return p, nil
		}
	}
	kept := *s // what follows keeps it; the caller's stays on its stack
	return kept.planRead()
}

// planRead plans a select that is not about one value of the shard key.
func (s *Statement) planRead() (*Plan, error) {
	if s.Whole != nil {
		return s.planWhole()
	}
	r, err := s.route()
	if err != nil {
		return nil, err
	}
	p := s.plan(r)
	return p, s.chooseForm(p)
}

// plan is a plan of the routed shards, without a form.
func (s *Statement) plan(r routed) *Plan {
	p := &Plan{
		Operation: s.Operation, Entity: s.Table.Name, Table: s.Table, Epoch: s.Epoch,
		Reason: Because(r.reason), Open: r.open, Sealed: r.sealed, Targets: make([]Target, len(r.shards)),
	}
	p.Merge.Limit = -1
	for i, shard := range r.shards {
		p.Targets[i].Shard = shard
	}
	if r.predicate != nil && len(p.Targets) > 1 && !s.joins() {
		s.split(p)
	}
	return p
}

// chooseForm decides how the plan's shards are read.
func (s *Statement) chooseForm(p *Plan) error {
	switch len(p.Targets) {
	case 0:
		p.Form, p.FormReason = None, "no shard can hold a row"
		return nil
	case 1:
		p.Form, p.FormReason = One, "one shard"
		return nil
	}
	shape := s.shape()
	if s.locks() {
		return s.lockedSessions(p, shape)
	}
	if p.across() && !s.Nested {
		return s.inLegs(p, shape)
	}
	switch most := s.maxBranches(); {
	case s.Form == config.ReadSessions:
		if refusal := s.inSessions(p, shape); refusal != nil {
			return refusal
		}
		p.FormReason = "sessions, as asked"
		return nil
	case len(p.Targets) <= most:
		s.inUnion(p, shape)
		return nil
	case s.Form == config.ReadUnion:
		return s.refuse("union-too-wide", "a union of "+strconv.Itoa(len(p.Targets))+" shards",
			"add a condition on the shard key; "+s.Dialect.Name+" takes "+strconv.Itoa(most)+" branches")
	}
	if refusal := s.inSessions(p, shape); refusal != nil {
		return refusal
	}
	p.FormReason = "sessions: a union of " + strconv.Itoa(len(p.Targets)) + " branches is too wide"
	return nil
}

// maxBranches bounds a union's branches.
func (s *Statement) maxBranches() int {
	if s.Dialect.sqlite() {
		return 500
	}
	return math.MaxInt
}

// inUnion carries the plan out by one statement.
func (s *Statement) inUnion(p *Plan, shape *shape) {
	p.Form, p.FormReason = Union, "one statement, one snapshot"
	if s.Form == config.ReadUnion {
		p.FormReason = "a union, as asked"
	}
	split := slices.ContainsFunc(p.Targets, func(t Target) bool { return t.Where != nil })
	s.newestFirst(p, shape)
	p.Partials = s.partials(shape)
	p.Flat = s.flat(shape)
	if s.joins() || !split && p.Partials == nil && !s.Dialect.mysql() {
		return
	}
	p.Pushed = true
	if shape.pushesLimit {
		p.BranchLimit = shape.branchLimit
	}
	switch {
	case p.Partials != nil:
		p.FormReason += "; each branch aggregates its own rows"
	case split:
		p.FormReason += "; each branch has its own values"
	default:
		p.FormReason += "; conditions go into the branches, which this engine would materialise"
	}
}

// flat tells a read of rows in no order: put together, the shards' own statements
// are its answer. A derived table around them would be written to disk by MariaDB and
// slow SQLite's rows down; PostgreSQL takes it away itself.
func (s *Statement) flat(h *shape) bool {
	return (s.Dialect.mysql() || s.Dialect.sqlite()) && h.plain && !h.grouped && !h.distinct && !h.ordered && h.limit < 0 && h.offset == 0 &&
		!s.joins() && s.bareClauses()
}

// lockedSessions carries out a locking read: shard by shard, in visiting order. A
// union locks nothing on MariaDB and is refused by PostgreSQL.
func (s *Statement) lockedSessions(p *Plan, shape *shape) error {
	const way = "add a condition that leads to one shard, or lock without it"
	switch {
	case s.Form == config.ReadUnion:
		return s.refuse("lock-union", "a locking read by a union", "leave the form to the planner")
	case shape.limit >= 0 || shape.offset > 0:
		return s.refuse("lock-limit", "a locking read with LIMIT over several shards", way)
	case s.skipsLocked():
		return s.refuse("lock-skip", "SKIP LOCKED over several shards", way)
	}
	if refusal := s.inSessions(p, shape); refusal != nil {
		return refusal
	}
	p.Locking = true
	p.FormReason = "sessions in visiting order, because the read locks"
	return nil
}

// refuse says that the statement has no exact answer.
func (s *Statement) refuse(reason, problem, hint string) error {
	return &config.UnsupportedError{Entity: s.Table.Name, Reason: reason, Problem: problem, Hint: hint}
}
