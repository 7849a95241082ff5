package planner

import (
	"github.com/go-dtde/dtde/config"
)

// onePoint is a plan with everything that it points at, in one allocation.
type onePoint struct {
	plan   Plan
	target [1]Target
	keys   [1]config.Set
}

// planPoint plans the most frequent statement, a single key column equal to a value,
// without building sets and boxes; nil means that it is something else.
func (s *Statement) planPoint() *Plan {
	t := s.Table
	if len(t.Keys) != 1 || len(s.OnShard) > 0 || len(s.Tiers) > 0 || s.AllShards {
		return nil
	}
	exprs, ok := s.where()
	if !ok {
		return nil
	}
	columns := [1]*config.KeyColumn{&t.Keys[0]}
	sc := scope{alias: s.alias(), dialect: s.Dialect, primary: primaryColumn(t.Schema), columns: columns[:]}
	var point config.Value
	found := false
	walk := conjunction{exprs: exprs}
	for c := (condition{}); walk.next(&c); {
		if c.other != nil {
			return nil
		}
		col := sc.resolveColumn(c.column)
		switch {
		case !col.known, col.dim < 0 && !writtenPlain(c.value):
			return nil
		case col.dim < 0:
			continue
		case c.op != opEq || found || !plainValue(c.value):
			return nil
		}
		k, ok := newConstant(&t.Keys[0], c.value)
		if !ok || k.lo != k.hi || k.lo.IsNull() || t.Keys[0].Kind == config.KindString && !t.Keys[0].BytesEqual {
			return nil
		}
		point, found = k.lo, true
	}
	if !found {
		return nil
	}
	p := &onePoint{}
	p.keys[0] = config.Point(point)
	r := t.Strategy.Route(config.RouteQuery{Keys: p.keys[:], Known: t.IDs})
	if r.All || len(r.IDs) != 1 {
		return nil
	}
	shard, ok := t.Shard(r.IDs[0])
	if !ok {
		return nil
	}
	p.target[0].Shard = shard
	plan := &p.plan // filled in place: a literal would be made elsewhere and copied
	plan.Operation, plan.Entity, plan.Table, plan.Epoch = s.Operation, t.Name, t, s.Epoch
	plan.Targets, plan.Open, plan.Merge.Limit = p.target[:], r.Open, -1
	plan.Reason = Reason{text: t.Keys[0].Column, set: &p.keys[0]}
	return plan
}
