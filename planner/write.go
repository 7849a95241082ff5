package planner

import (
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
)

// PlanWrite plans an update, whose assignments are set, or a delete (set nil): None,
// One, or Steps in visiting order. Nothing is planned if any shard is read-only. The
// error is a *config.ShardError or *config.UnsupportedError.
func PlanWrite(s *Statement, set clause.Set) (*Plan, error) {
	p := s.planPoint()
	if p == nil {
		r, err := s.route()
		if err != nil {
			return nil, err
		}
		p = s.plan(r)
	}
	if len(set) > 0 {
		if err := s.assignments(p, set); err != nil {
			return nil, err
		}
	}
	for i := range p.Targets {
		if err := s.writable(p.Targets[i].Shard); err != nil {
			return nil, err
		}
	}
	if len(p.Targets) == 0 {
		p.Form, p.FormReason = None, "no shard can hold a row"
		return p, nil
	}
	if len(p.Targets) == 1 {
		p.Form, p.FormReason = One, "one shard"
		if !p.Moves {
			return p, nil
		}
		return p, s.FirstRows(p)
	}
	p.Form, p.FormReason = Steps, "one step per shard, in visiting order, in one transaction"
	return p, s.exactSteps(p, set)
}

// exactSteps refuses what is not the same shard by shard.
func (s *Statement) exactSteps(p *Plan, set clause.Set) error {
	if s.joins() {
		return s.refuse("write-join", s.Operation.String()+" with joins over several shards", "narrow it to one shard, or select the rows' ids first")
	}
	if s.ordersWrite() && counts(set) {
		return s.refuse("write-order", "update with ORDER BY over several shards that assigns a variable, which counts from shard to shard",
			"narrow it to one shard, or select the rows' ids first")
	}
	return s.FirstRows(p)
}

// writable refuses read-only shards.
func (s *Statement) writable(shard *config.Shard) error {
	if !shard.ReadOnly {
		return nil
	}
	return &config.ShardError{
		Entity: s.Table.Name, Shard: shard.ID, Operation: s.Operation.String(), Cause: config.ErrReadOnlyShard,
		Hint: "narrow the statement to writable shards",
	}
}

// assignments finds out whether the update would leave rows in a shard that is not
// theirs any more.
func (s *Statement) assignments(p *Plan, set clause.Set) error {
	t := s.Table
	assigned, err := s.assignedKeys(set)
	if err != nil || assigned == nil || len(p.Targets) == 0 {
		return err
	}
	if s.stays(p, assigned) {
		return nil
	}
	key := make([]config.Value, len(t.Keys))
	for i, a := range assigned {
		v, ok := a.Single()
		if !ok || a.IsFull() {
			return s.keyChanged("assign every shard key column, or delete and create in one transaction")
		}
		key[i] = v
	}
	id, err := t.Strategy.Place(key)
	if err != nil {
		return &config.ShardError{Entity: t.Name, Operation: s.Operation.String(), Cause: err}
	}
	shard, known := t.Shard(id)
	if !known {
		if shard, err = s.made(id); err != nil {
			return err
		}
	}
	if err := s.writable(shard); err != nil {
		return err
	}
	p.Moves, p.Destination = true, &Target{Shard: shard, New: !known}
	return nil
}

// stays tells whether the keys after the update belong to the only shard that has
// rows to update.
func (s *Statement) stays(p *Plan, assigned []config.Set) bool {
	if len(p.Targets) != 1 {
		return false
	}
	boxes := []Box{make(Box, len(s.Table.Keys))}
	for i := range boxes[0] {
		boxes[0][i] = config.Full()
	}
	if len(s.OnShard) == 0 && !s.AllShards {
		e := s.extract()
		boxes = e.Boxes
	}
	after := Predicate{}
	for _, b := range boxes {
		box := make(Box, len(b))
		for i := range b {
			if box[i] = assigned[i]; box[i].IsFull() {
				box[i] = b[i]
			}
		}
		after.Boxes = append(after.Boxes, box)
	}
	shards, open := routeBoxes(s.Table, &after)
	return len(shards) == 1 && !open && shards[0] == p.Targets[0].Shard
}

// assignedKeys lists, for each key column, the point that is assigned, or Full if the
// column is not; nil if no key column is.
func (s *Statement) assignedKeys(set clause.Set) ([]config.Set, error) {
	var out []config.Set
	sc := scope{alias: s.alias(), schema: s.Table.Namespace, dialect: s.Dialect, primary: primaryColumn(s.Table.Schema)}
	for _, a := range set {
		i := s.assignedKey(&sc, a.Column)
		if i < 0 {
			continue
		}
		key := &s.Table.Keys[i]
		if c, ok := a.Value.(clause.Column); ok {
			if s.assignedKey(&sc, c) == i {
				continue // key = key
			}
			return nil, s.keyChanged("assign a constant")
		}
		if _, computed := a.Value.(clause.Expression); computed || !bound(a.Value) {
			return nil, s.keyChanged("assign a constant: what the database would compute says no shard")
		}
		v, ok := key.Convert(a.Value)
		if !ok {
			return nil, s.keyChanged("the value's type does not convert to " + key.Column + "'s without loss")
		}
		if out == nil {
			out = make([]config.Set, len(s.Table.Keys))
			for k := range out {
				out[k] = config.Full()
			}
		}
		out[i] = config.Point(v)
	}
	return out, nil
}

// assignedKey is the position of an assigned column among the shard key, or -1.
func (s *Statement) assignedKey(sc *scope, c clause.Column) int {
	if c.Name == clause.PrimaryKey {
		c.Name = sc.primary
	}
	name := c.Name
	if !simpleName(name) {
		if parts, ok := splitName(name, s.Dialect); ok {
			name = parts[len(parts)-1]
		}
	}
	for i := range s.Table.Keys {
		if sc.sameName(name, s.Table.Keys[i].Column, true) || name == s.Table.Keys[i].Column {
			return i
		}
	}
	return -1
}

// bound tells a value that the driver gets as it is.
func bound(v any) bool {
	if v == nil || plainValue(v) {
		return true
	}
	r := renderer{scope: &scope{}}
	r.value(v)
	return len(r.values) == 1 && len(r.text) == 0 && len(r.marks) == 1 && r.marks[0].kind == tokValue && r.fault == ""
}

func (s *Statement) keyChanged(hint string) error {
	return &config.ShardError{
		Entity: s.Table.Name, Operation: s.Operation.String(), Cause: config.ErrShardKeyChanged, Hint: hint,
	}
}

// made is a shard that the strategy makes at run time.
func (s *Statement) made(id string) (*config.Shard, error) {
	if d, ok := s.Table.Dynamic(); ok && d.Owns(id) {
		return s.Table.ShardTable(id), nil
	}
	return nil, &config.ShardError{Entity: s.Table.Name, Operation: s.Operation.String(), Cause: config.ErrShardNotFound}
}
