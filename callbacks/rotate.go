package callbacks

import (
	"context"
	"strconv"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/strategies"
)

// placeByState places rows of a strategy that fills one shard after the other.
func (c *creation) placeByState(s *planner.Statement) (*planner.Plan, error) {
	stmt := c.db.Statement
	rotating, ok := c.table.Strategy.(*strategies.MaxRows)
	if !ok {
		return nil, &config.ConfigError{Entity: c.table.Name, Problem: "the strategy keeps its state in the database but does not rotate"}
	}
	p := &planner.Plan{
		Operation: planner.Insert, Entity: c.table.Name, Table: c.table, Epoch: s.Epoch, Form: planner.One,
		Reason: planner.Because("the shard that is being filled"),
	}
	if c.db.DryRun {
		last := c.table.Shards[len(c.table.Shards)-1]
		p.Targets = []planner.Target{{Shard: last, Rows: sequence(0, c.rows.len())}}
		return p, nil
	}
	if err := c.settle(); err != nil {
		return nil, err
	}
	if err := c.r.ensureStore(stmt.Context); err != nil {
		return nil, err
	}
	next := func(ctx context.Context, after string) (string, error) {
		if after == "" {
			return rotating.Shards()[0], nil // AutoMigrate made it
		}
		id := rotating.Next(after)
		if _, known := c.table.Shard(id); known {
			return id, nil
		}
		return id, c.makeShards(ctx, []string{id})
	}
	if err := c.r.claim(stmt.Context, stmt.ConnPool, c.table); err != nil {
		return nil, err
	}
	room, err := c.r.store.Reserve(stmt.Context, stmt.ConnPool, c.table.LogicalName, c.rows.len(), rotating.MaxRows, next)
	if err != nil {
		return nil, err
	}
	at := 0
	for _, res := range room {
		shard, known := c.table.Shard(res.Shard)
		if !known { // made by another process
			if err := c.makeShards(stmt.Context, []string{res.Shard}); err != nil {
				return nil, err
			}
			if shard, known = c.table.Shard(res.Shard); !known {
				return nil, &config.ShardError{Entity: c.table.Name, Shard: res.Shard, Operation: "insert", Cause: config.ErrShardNotFound}
			}
		}
		p.Targets = append(p.Targets, planner.Target{Shard: shard, Rows: sequence(at, res.Rows)})
		at += res.Rows
	}
	if len(p.Targets) > 1 {
		p.Form = planner.Steps
	}
	return p, c.guard(p)
}

// makeShards makes shards and goes on with a catalog that has them.
func (c *creation) makeShards(ctx context.Context, ids []string) error {
	pool := c.db.Statement.ConnPool
	if err := c.settle(); err != nil {
		return err
	}
	if err := c.r.ensureShards(ctx, pool, c.table, ids); err != nil {
		return err
	}
	if fresh, ok := c.r.current(pool).ByModel(c.table.ModelType); ok {
		c.table = fresh
	}
	return nil
}

func sequence(from, n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = from + i
	}
	return rows
}

// slotOf is the number of a hash shard.
func slotOf(id string) (int, error) { return strconv.Atoi(id) }
