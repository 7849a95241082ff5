package planner

import (
	"slices"
	"strconv"

	"github.com/go-dtde/dtde/config"
)

// Leg is what a plan reads of one database by one statement (Form Sessions).
type Leg struct {
	// Database is its id; "" is the *gorm.DB's own.
	Database string
	Targets  []Target
}

// Databases lists the databases of the plan's targets, in visiting order.
func (p *Plan) Databases() []string {
	var ids []string
	for i := range p.Targets {
		if id := p.Targets[i].Shard.Database; len(ids) == 0 || !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// mergedBy says, for a refusal, what the rows would be merged for, and what can be done
// about it: over several databases there is no union to let the planner choose.
func (p *Plan) mergedBy() (by, way string) {
	if p.across() {
		return "over several databases", "narrow the statement to shards of one database"
	}
	return "by sessions", "let the planner use a union, or narrow the statement to one shard"
}

// across tells whether the plan's targets lie in several databases.
func (p *Plan) across() bool {
	for i := range p.Targets {
		if p.Targets[i].Shard.Database != p.Targets[0].Shard.Database {
			return true
		}
	}
	return false
}

// inLegs carries the plan out by one statement per database, side by side, over the
// union of the shards there, whose rows are merged as those of sessions.
func (s *Statement) inLegs(p *Plan, shape *shape) error {
	if s.Form == config.ReadUnion {
		return s.refuse("union-databases", "one statement over shards in several databases",
			"leave the form to the planner, or narrow it to one database")
	}
	if err := s.inSessions(p, shape); err != nil {
		return err
	}
	p.joins = s.joins()
	for _, id := range p.Databases() {
		leg := Leg{Database: id}
		for i := range p.Targets {
			if p.Targets[i].Shard.Database == id {
				leg.Targets = append(leg.Targets, p.Targets[i])
			}
		}
		if most := s.maxBranches(); len(leg.Targets) > most {
			return s.refuse("union-too-wide", "a union of "+strconv.Itoa(len(leg.Targets))+" shards in one database",
				"add a condition on the shard key; "+s.Dialect.Name+" takes "+strconv.Itoa(most)+" branches")
		}
		p.Legs = append(p.Legs, leg)
	}
	p.FormReason = "one statement per database, which have no common snapshot"
	return nil
}

// Plan is what one leg reads, as a plan of its own that its statement is built by. beside
// tells that conditions read other tables: [Together] finds those of co-located entities
// where they stand beside the union, not in its branches.
func (l *Leg) Plan(of *Plan, d Dialect, beside bool) *Plan {
	p := *of
	p.Targets, p.Legs, p.Statements = l.Targets, nil, nil
	p.Form = Union
	if len(l.Targets) == 1 {
		p.Form = One
	}
	p.Partials, p.Flat, p.Pushed = nil, false, false
	if of.joins { // the conditions may be about the other tables
		return &p
	}
	p.Pushed = d.mysql() && !beside && len(l.Targets) > 1 || slices.ContainsFunc(l.Targets, func(t Target) bool { return t.Where != nil })
	if of.Merge.Groups != nil || of.Merge.Distinct || of.renames {
		p.BranchLimit = 0 // a branch has neither the groups nor the distinct rows nor the names
	}
	return &p
}
