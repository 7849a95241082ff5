package planner

import (
	"cmp"
	"errors"
	"slices"
	"strconv"

	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
)

// PlanInsert groups rows by shard, in visiting order: One, or Steps. Every row must
// have a place that can be written, or nothing is planned. A shard that the strategy
// makes at run time and the catalog does not know yet has its target marked New. The
// error is a *config.ShardError or *config.UnsupportedError; it names the row.
func PlanInsert(s *Statement, values *clause.Values) (*Plan, error) {
	one := &oneInsert{}
	p := &one.plan
	p.Operation, p.Entity, p.Table, p.Epoch = s.Operation, s.Table.Name, s.Table, s.Epoch
	p.Merge.Limit = -1
	if len(s.OnShard) > 0 && (values == nil || len(s.Table.Keys) == 0) {
		return s.insertOn(p, values)
	}
	if values == nil || len(values.Values) == 0 {
		return nil, s.refuse("insert-rows", "an insert whose rows are not known", "use Create with the rows themselves")
	}
	var positions [4]int
	columns, err := s.keyPositions(values, positions[:0])
	if err != nil {
		return nil, err
	}
	if err := s.placeRows(p, one, values.Values, columns); err != nil {
		return nil, err
	}
	if err := s.onlyNamed(p); err != nil {
		return nil, err
	}
	s.sortTargets(p)
	if len(p.Targets) > s.maxShards() {
		return nil, s.tooMany(len(p.Targets))
	}
	s.insertForm(p, len(values.Values))
	return p, nil
}

// oneInsert is the plan of an insert, with room for what it needs for a single row.
type oneInsert struct {
	plan   Plan
	target [1]Target
	row    [1]int
	key    [1]config.Value
}

// placeRows makes the targets: the shards of the rows, with the rows of each.
func (s *Statement) placeRows(p *Plan, one *oneInsert, rows [][]any, columns []int) error {
	key := one.key[:]
	if len(columns) != 1 {
		key = make([]config.Value, len(columns))
	}
	if len(rows) == 1 {
		id, err := s.placeRow(0, rows[0], columns, key)
		if err != nil {
			return err
		}
		if one.target[0], err = s.insertTarget(0, id); err != nil {
			return err
		}
		one.target[0].Rows, p.Targets = one.row[:], one.target[:]
		return nil
	}
	index := map[string]int32{}
	places := make([]int32, len(rows)) // the target of each row
	var counts []int
	last, at := "", int32(-1)
	for row, cells := range rows {
		id, err := s.placeRow(row, cells, columns, key)
		if err != nil {
			return err
		}
		if at < 0 || id != last {
			var seen bool
			if at, seen = index[id]; !seen {
				target, err := s.insertTarget(row, id)
				if err != nil {
					return err
				}
				at = int32(len(p.Targets))
				index[id], p.Targets, counts = at, append(p.Targets, target), append(counts, 0)
			}
			last = id
		}
		places[row] = at
		counts[at]++
	}
	all := make([]int, len(rows))
	for i, n := range counts {
		p.Targets[i].Rows, all = all[:0:n], all[n:]
	}
	for row, at := range places {
		p.Targets[at].Rows = append(p.Targets[at].Rows, row)
	}
	return nil
}

func (s *Statement) insertForm(p *Plan, rows int) {
	if p.Reason = Because("the row's shard key"); rows != 1 {
		p.Reason = Because(strconv.Itoa(rows) + " rows by their shard keys")
	}
	if p.Form, p.FormReason = One, "one shard"; len(p.Targets) > 1 {
		p.Form, p.FormReason = Steps, "one insert per shard, in visiting order, in one transaction"
	}
}

// keyPositions appends to positions where the key columns are among the inserted ones.
func (s *Statement) keyPositions(values *clause.Values, positions []int) ([]int, error) {
	for k := range s.Table.Keys {
		key := &s.Table.Keys[k]
		at := slices.IndexFunc(values.Columns, func(c clause.Column) bool {
			return c.Name == key.Column || (s.Dialect.sqlite() || s.Dialect.mysql()) && foldASCII(c.Name) == foldASCII(key.Column)
		})
		if at < 0 {
			return nil, s.rowError(-1, config.ErrMissingShardKey, "give every row a value for "+key.Column)
		}
		positions = append(positions, at)
	}
	return positions, nil
}

// placeRow finds the shard of one row.
func (s *Statement) placeRow(row int, cells []any, columns []int, key []config.Value) (string, error) {
	for k, at := range columns {
		column := &s.Table.Keys[k]
		known := at < len(cells) && (plainValue(cells[at]) || bound(cells[at]))
		if known && !plainValue(cells[at]) {
			_, expression := cells[at].(clause.Expression) // bound, if it is nothing but a placeholder
			known = !expression
		}
		if !known {
			return "", s.rowError(row, config.ErrMissingShardKey, column.Column+" must be a value that is known before the insert, not an expression")
		}
		v, ok := column.Convert(cells[at])
		if !ok {
			return "", s.rowError(row, config.ErrShardNotFound, "the value's type does not convert to "+column.Column+"'s without loss")
		}
		key[k] = v
	}
	id, err := s.Table.Strategy.Place(key)
	if err != nil {
		return "", s.rowError(row, err, "")
	}
	return id, nil
}

// insertTarget is the target of a shard's first row.
func (s *Statement) insertTarget(row int, id string) (Target, error) {
	shard, known := s.Table.Shard(id)
	if !known {
		var err error
		if shard, err = s.made(id); err != nil {
			return Target{}, s.rowError(row, config.ErrShardNotFound, "")
		}
	}
	if err := s.writable(shard); err != nil {
		return Target{}, err
	}
	return Target{Shard: shard, New: !known}, nil
}

// onlyNamed refuses rows that OnShard would put where nobody looks for them.
func (s *Statement) onlyNamed(p *Plan) error {
	if len(s.OnShard) == 0 {
		return nil
	}
	for i := range p.Targets {
		if id := p.Targets[i].Shard.ID; !slices.Contains(s.OnShard, id) {
			return s.refuse("insert-onshard", "OnShard names another shard than the row's shard key", "drop OnShard, or give the row a key of that shard")
		}
	}
	return nil
}

// insertOn puts all rows on the one shard that OnShard names: rows that the planner
// cannot see, or of a strategy without a key.
func (s *Statement) insertOn(p *Plan, values *clause.Values) (*Plan, error) {
	r, err := s.named()
	if err != nil {
		return nil, err
	}
	if len(r.shards) != 1 {
		return nil, s.refuse("insert-onshard", "an insert on several shards that OnShard names", "name one shard")
	}
	if err := s.writable(r.shards[0]); err != nil {
		return nil, err
	}
	target := Target{Shard: r.shards[0]}
	if values != nil {
		target.Rows = make([]int, len(values.Values))
		for i := range target.Rows {
			target.Rows[i] = i
		}
	}
	p.Targets, p.Form, p.Reason, p.FormReason = []Target{target}, One, Because(r.reason), "one shard"
	return p, nil
}

// sortTargets puts targets into visiting order; shards that do not exist yet come
// last among those of their rank.
func (s *Statement) sortTargets(p *Plan) {
	slices.SortStableFunc(p.Targets, func(a, b Target) int {
		switch {
		case a.Shard.Rank() != b.Shard.Rank():
			return cmp.Compare(a.Shard.Rank(), b.Shard.Rank())
		case a.New && b.New:
			return cmp.Compare(a.Shard.ID, b.Shard.ID)
		case a.New:
			return 1
		case b.New:
			return -1
		}
		return cmp.Compare(s.Table.Position(a.Shard.ID), s.Table.Position(b.Shard.ID))
	})
}

// rowError is a row that has no place; the position helps to find it without
// printing its values.
func (s *Statement) rowError(row int, cause error, hint string) error {
	if !errors.Is(cause, config.Err) {
		cause = errors.Join(config.ErrShardNotFound, cause)
	}
	if row > 0 {
		at := "row " + strconv.Itoa(row+1) + " of the batch"
		if hint = at + ": " + hint; hint == at+": " {
			hint = at
		}
	}
	return &config.ShardError{Entity: s.Table.Name, Operation: s.Operation.String(), Cause: cause, Hint: hint}
}
