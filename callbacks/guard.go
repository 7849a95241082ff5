package callbacks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// guard looks for primary keys that the program gave and that another shard holds
// already, where one table would have found a conflict. Without ON CONFLICT that is
// a duplicate key; with it, the row is updated, or left alone, where it lives.
func (c *creation) guard(p *planner.Plan) error {
	if c.table.Validity.Cut() { // the parts of a version have one key; nobody else gives keys
		return nil
	}
	if c.table.LocalUnique[config.LocalPrimary] || len(c.table.Shards) < 2 || c.keyInPrimary() || c.table.IDShard != nil {
		return nil
	}
	var given []int
	for i, explicit := range c.explicit {
		if explicit {
			given = append(given, i)
		}
	}
	if len(given) == 0 {
		return nil
	}
	if err := c.settle(); err != nil {
		return err
	}
	home := make([]string, c.rows.len())
	for i := range p.Targets {
		for _, row := range p.Targets[i].Rows {
			home[row] = p.Targets[i].Shard.ID
		}
	}
	if err := c.r.claim(c.db.Statement.Context, c.db.Statement.ConnPool, c.table); err != nil {
		return err
	}
	elsewhere, err := c.findElsewhere(given, home)
	if err != nil {
		return err
	}
	c.held = maps.Clone(elsewhere)
	c.findRepeated(given, home, elsewhere)
	if len(elsewhere) == 0 {
		return nil
	}
	conflict, upsert := c.db.Statement.Clauses["ON CONFLICT"].Expression.(clause.OnConflict)
	if !upsert {
		for _, shard := range elsewhere {
			return &config.ShardError{
				Entity: c.table.Name, Shard: shard, Operation: "insert", Cause: gorm.ErrDuplicatedKey,
				Hint: "another shard holds a row with this primary key",
			}
		}
	}
	if !conflict.DoNothing && c.assignsKey(conflict) {
		for _, shard := range elsewhere {
			return &config.ShardError{
				Entity: c.table.Name, Shard: shard, Operation: "insert", Cause: config.ErrShardKeyChanged,
				Hint: "the row lives on this shard under another key: delete it and create it anew in one transaction",
			}
		}
	}
	return c.retarget(p, elsewhere, conflict.DoNothing)
}

// keyInPrimary tells whether the primary key decides the shard.
func (c *creation) keyInPrimary() bool {
	if len(c.table.Keys) == 0 {
		return false
	}
	for i := range c.table.Keys {
		if !c.table.Keys[i].Field.PrimaryKey {
			return false
		}
	}
	return true
}

// assignsKey tells whether DO UPDATE writes a shard key column.
func (c *creation) assignsKey(oc clause.OnConflict) bool {
	if oc.UpdateAll {
		return len(c.table.Keys) > 0
	}
	return slices.ContainsFunc(oc.DoUpdates, func(a clause.Assignment) bool { return c.table.KeyIndex(a.Column.Name) >= 0 })
}

// retarget sends rows to the shard that holds them, or drops them. MySQL and MariaDB, whose
// DO NOTHING is an update that changes nothing, may count such a row or give it back.
func (c *creation) retarget(p *planner.Plan, elsewhere map[int]string, drop bool) error {
	byShard := map[string][]int{}
	for i := range p.Targets {
		for _, row := range p.Targets[i].Rows {
			shard := p.Targets[i].Shard.ID
			if at, moved := elsewhere[row]; moved {
				if held, _ := c.table.Shard(at); drop && (c.r.dialect.Name != "mysql" || held.ReadOnly) {
					continue
				}
				shard = at
			}
			byShard[shard] = append(byShard[shard], row)
		}
	}
	p.Targets = p.Targets[:0:0]
	for _, s := range c.table.Shards {
		rows, ok := byShard[s.ID]
		if !ok {
			continue
		}
		if s.ReadOnly {
			return &config.ShardError{Entity: c.table.Name, Shard: s.ID, Operation: "insert", Cause: config.ErrReadOnlyShard}
		}
		slices.Sort(rows)
		p.Targets = append(p.Targets, planner.Target{Shard: s, Rows: rows})
	}
	p.Form = planner.Steps
	if len(p.Targets) == 1 {
		p.Form = planner.One
	}
	p.Reason = planner.Because(p.Reason.String() + "; rows that exist stay on their shard")
	return nil
}

// findRepeated adds rows whose primary key an earlier row of the same create has for
// another shard: they belong where that one goes.
func (c *creation) findRepeated(given []int, home []string, elsewhere map[int]string) {
	if len(given) < 2 {
		return
	}
	first := make(map[string]string, len(given))
	for _, row := range given {
		shard, moved := elsewhere[row]
		if !moved {
			shard = home[row]
		}
		key := c.primaryText(row)
		if at, repeated := first[key]; !repeated {
			first[key] = shard
		} else if at != shard {
			elsewhere[row] = at
		}
	}
}

// primaryText is a row's primary key in a form that compares with what present gives.
func (c *creation) primaryText(row int) string {
	var b strings.Builder
	for _, f := range c.table.Schema.PrimaryFields {
		v, _, _ := c.rows.get(row, f)
		fmt.Fprintf(&b, "%v\x00", plainValue(f, v))
	}
	return b.String()
}
