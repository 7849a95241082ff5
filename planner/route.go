package planner

import (
	"slices"
	"strconv"

	"github.com/go-dtde/dtde/config"
)

// maxIDs bounds the primary keys that are looked up one by one.
const maxIDs = 1 << 15

// routed are the shards of a statement, in visiting order.
type routed struct {
	shards []*config.Shard
	reason string
	open   bool
	// predicate is nil when a scope chose the shards.
	predicate *Predicate
	// sealed tells that sealed shards were left out.
	sealed bool
}

// route chooses the shards.
func (s *Statement) route() (routed, error) {
	switch {
	case len(s.OnShard) > 0:
		return s.named()
	case s.AllShards:
		_, dynamic := s.Table.Dynamic()
		return s.bounded(routed{shards: s.Table.Shards, reason: "all shards, as asked", open: dynamic})
	}
	p := s.extract()
	r := routed{predicate: &p}
	r.shards, r.open = routeBoxes(s.Table, &p)
	r.reason = p.reason(s.Table)
	return s.bounded(s.unsealed(r))
}

// extract reads the WHERE clause.
func (s *Statement) extract() Predicate {
	exprs, ok := s.where()
	if !ok {
		p := newScope(s.Table, s.alias(), s.Dialect).predicate(anything(), []string{"a WHERE clause that is written otherwise than GORM's"})
		return p
	}
	p := Extract(s.Table, s.alias(), s.Dialect, exprs)
	if s.joins() {
		p.outer()
	}
	return p
}

// outer widens a predicate under joins: a RIGHT or FULL JOIN adds rows in which every
// column of the entity is NULL, and they depend on all of its rows.
func (p *Predicate) outer() {
	for i, box := range p.Boxes {
		nulls := p.IDs == nil || p.IDs[i].HasNull()
		for dim := range box {
			nulls = nulls && box[dim].HasNull()
		}
		if nulls {
			full := make(Box, len(box))
			for dim := range full {
				full[dim] = config.Full()
			}
			p.Boxes, p.ID = []Box{full}, config.Full()
			if p.IDs != nil {
				p.IDs = []config.Set{config.Full()}
			}
			return
		}
	}
}

// named are the shards of OnShard, in visiting order and once each.
func (s *Statement) named() (routed, error) {
	chosen := make([]bool, len(s.Table.Shards))
	for _, id := range s.OnShard {
		if _, ok := s.Table.Shard(id); !ok {
			return routed{}, &config.ShardError{
				Entity: s.Table.Name, Shard: id, Operation: s.Operation.String(), Cause: config.ErrShardNotFound,
				Hint: "OnShard takes ids of the entity's shards",
			}
		}
		chosen[s.Table.Position(id)] = true
	}
	return s.bounded(routed{shards: pick(s.Table, chosen), reason: "the shards that OnShard names"})
}

// bounded refuses too many shards.
func (s *Statement) bounded(r routed) (routed, error) {
	if len(s.Tiers) > 0 {
		r.shards = slices.DeleteFunc(slices.Clone(r.shards), func(shard *config.Shard) bool { return !slices.Contains(s.Tiers, shard.Tier) })
		r.reason += "; in the tiers asked for"
	}
	if len(r.shards) > s.maxShards() {
		return routed{}, s.tooMany(len(r.shards))
	}
	return r, nil
}

// tooMany refuses a number of shards.
func (s *Statement) tooMany(shards int) error {
	return &config.ShardError{
		Entity: s.Table.Name, Operation: s.Operation.String(), Cause: config.ErrTooManyShards,
		Hint: strconv.Itoa(shards) + " shards, at most " + strconv.Itoa(s.maxShards()) +
			" are allowed; add a condition on the shard key or raise MaxShards",
	}
}

// routeBoxes asks the strategy for each box and joins the answers.
func routeBoxes(t *config.Table, p *Predicate) (shards []*config.Shard, open bool) {
	if len(p.Boxes) == 1 && (p.IDs == nil || p.IDs[0].IsFull()) {
		r := t.Strategy.Route(config.RouteQuery{Keys: p.Boxes[0], Known: t.IDs})
		if r.All {
			return t.Shards, r.Open
		}
		return byIDs(t, r.IDs), r.Open
	}
	chosen := make([]bool, len(t.Shards))
	for i, box := range p.Boxes {
		var allowed []bool
		if p.IDs != nil {
			allowed = shardsOfIDs(t, p.IDs[i])
		}
		r := t.Strategy.Route(config.RouteQuery{Keys: box, Known: t.IDs})
		open = open || r.Open
		if r.All {
			for at := range chosen {
				chosen[at] = chosen[at] || allowed == nil || allowed[at]
			}
			continue
		}
		for _, id := range r.IDs {
			at := t.Position(id)
			chosen[at] = chosen[at] || allowed == nil || allowed[at]
		}
	}
	return pick(t, chosen), open
}

// shardsOfIDs marks the shards that ids carry; nil means that it could be any.
func shardsOfIDs(t *config.Table, ids config.Set) []bool {
	if ids.IsFull() {
		return nil
	}
	values, ok := ids.Enumerate(maxIDs)
	if !ok {
		return nil
	}
	allowed := make([]bool, len(t.Shards))
	for _, id := range values {
		shard, ok := t.IDShard(id)
		if !ok {
			return nil
		}
		if _, known := t.Shard(shard); known {
			allowed[t.Position(shard)] = true
		}
	}
	return allowed
}

func byIDs(t *config.Table, ids []string) []*config.Shard {
	shards := make([]*config.Shard, 0, len(ids))
	for _, id := range ids {
		if s, ok := t.Shard(id); ok {
			shards = append(shards, s)
		}
	}
	return shards
}

func pick(t *config.Table, chosen []bool) []*config.Shard {
	n := 0
	for _, c := range chosen {
		if c {
			n++
		}
	}
	shards := make([]*config.Shard, 0, n)
	for at, c := range chosen {
		if c {
			shards = append(shards, t.Shards[at])
		}
	}
	return shards
}
