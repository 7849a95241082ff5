package callbacks

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/keys"
	"github.com/go-dtde/dtde/store"
)

// idSource makes the primary keys of all entities of one database.
type idSource struct {
	r     *Runtime
	node  *store.Node
	fixed *keys.Generator
	err   error
	// leased tells that the node has been leased once.
	leased atomic.Bool
}

func newIDSource(r *Runtime) *idSource {
	s := &idSource{r: r}
	if r.config.NodeID > 0 {
		s.fixed, s.err = keys.New(r.config.NodeID, time.Now)
	} else {
		s.node = r.store.Node(store.DefaultLease)
	}
	return s
}

// generator gives the generator, with its node leased in the database when the
// program fixed none.
func (s *idSource) generator(ctx context.Context, pool gorm.ConnPool) (*keys.Generator, error) {
	if s.fixed != nil || s.err != nil {
		return s.fixed, s.err
	}
	if !s.r.haveCatalog.Load() {
		if !s.r.mayMakeTables() {
			exists, err := s.r.store.Exists(ctx)
			if err != nil {
				return nil, err
			}
			if !exists {
				return nil, &config.ConfigError{
					Field:   "NodeID",
					Problem: "no entity lets dtde make tables, so that a node for generated ids cannot be leased: set Config.NodeID, different in every process",
				}
			}
			s.r.haveCatalog.Store(true)
		} else if err := s.r.ensureStore(ctx); err != nil {
			return nil, err
		}
	}
	g, err := s.node.Generator(ctx, pool)
	if err == nil {
		s.leased.Store(true)
	}
	return g, err
}

// ready tells whether keys can be made without writing to the database.
func (s *idSource) ready(source config.KeySource) bool {
	switch source {
	case config.KeyTimeOrdered:
		return s.fixed != nil || s.leased.Load()
	case config.KeySequence:
		return false
	}
	return true
}

// mayMakeTables tells whether any entity lets dtde issue DDL.
func (r *Runtime) mayMakeTables() bool {
	return slices.ContainsFunc(r.catalog.Load().Tables(), func(t *config.Table) bool { return t.Migrations })
}

// generateKeys fills zero primary keys, and notes which ones the program gave.
func (c *creation) generateKeys() error {
	pk := c.table.Schema.PrioritizedPrimaryField
	n := c.rows.len()
	if c.explicit = c.given[:]; n != 1 {
		c.explicit = make([]bool, n)
	}
	if pk == nil || len(c.table.Schema.PrimaryFields) != 1 {
		for i := range c.explicit {
			c.explicit[i] = true
		}
		return nil
	}
	var room [1]int
	zero := room[:0]
	if n > 1 {
		zero = make([]int, 0, n)
	}
	for i := range n {
		if c.rows.zero(i, pk) {
			zero = append(zero, i)
		} else {
			c.explicit[i] = true
		}
	}
	if err := c.checkCarried(pk); err != nil {
		return err
	}
	spec := c.table.KeySpec
	if len(zero) == 0 || spec.Source == config.KeyNone {
		return nil
	}
	if c.db.DryRun && !c.r.ids.ready(spec.Source) {
		return nil // nothing is leased or drawn for SQL that is not sent
	}
	c.selectKey(pk)
	if !c.r.ids.ready(spec.Source) {
		if err := c.settle(); err != nil {
			return err
		}
	}
	c.makesKeys = true
	return c.fillKeys(pk, spec, zero)
}

// forgetKeys takes the keys back that were made for rows which were not created: one table's
// are made with the rows.
func (c *creation) forgetKeys() {
	if !c.makesKeys {
		return
	}
	pk := c.table.Schema.PrioritizedPrimaryField
	for i, given := range c.explicit {
		if given {
			continue
		}
		if c.rows.maps != nil {
			delete(c.rows.maps[i], pk.DBName)
			continue
		}
		_ = c.rows.set(i, pk, reflect.Zero(pk.FieldType).Interface()) // as it was before
	}
}

func (c *creation) fillKeys(pk *schema.Field, spec config.KeySpec, zero []int) error {
	stmt := c.db.Statement
	switch spec.Source {
	case config.KeyTimeOrdered:
		g, err := c.r.ids.generator(stmt.Context, stmt.ConnPool)
		if err != nil {
			return err
		}
		var room [64]int64 // on the stack
		for len(zero) > 0 {
			ids := room[:min(len(zero), len(room))]
			if err := c.nextIDs(g, zero, ids); err != nil {
				return err
			}
			for k, id := range ids {
				if err := c.rows.setInt(zero[k], pk, id); err != nil {
					return err
				}
			}
			zero = zero[len(ids):]
		}
	case config.KeyUUIDv7:
		for _, i := range zero {
			id, err := keys.UUIDv7()
			if err != nil {
				return err
			}
			var v any = id.String()
			if t := pk.IndirectFieldType; t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
				v = id[:]
			}
			if err := c.rows.set(i, pk, v); err != nil {
				return err
			}
		}
	case config.KeySequence:
		ids, err := c.r.store.NextSequence(stmt.Context, stmt.ConnPool, sequenceName(c.table), len(zero))
		if err != nil {
			return err
		}
		for k, i := range zero {
			if err := c.rows.set(i, pk, ids[k]); err != nil {
				return err
			}
		}
	case config.KeyCustom:
		for _, i := range zero {
			id, err := spec.Func(c.rows.model(i))
			if err != nil {
				return fmt.Errorf("key function of %s: %w", c.table.Name, err)
			}
			if err := c.rows.set(i, pk, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// sequenceName is the database sequence of an entity.
func sequenceName(t *config.Table) string {
	if t.KeySpec.Sequence != "" {
		return t.KeySpec.Sequence
	}
	return t.LogicalName + "_dtde_seq"
}

// nextIDs makes time-ordered ids for the first of rows, with the row's slot in each if the
// entity says so.
func (c *creation) nextIDs(g *keys.Generator, rows []int, ids []int64) error {
	if !c.table.KeySpec.CarrySlot {
		return g.Fill(ids)
	}
	for k := range ids {
		slot, err := c.slot(rows[k])
		if err != nil {
			return err
		}
		if ids[k], err = g.NextSlot(slot, len(c.table.Shards)); err != nil {
			return err
		}
	}
	return nil
}

// slot is the hash slot of a row's shard key.
func (c *creation) slot(row int) (int, error) {
	key := make([]config.Value, len(c.table.Keys))
	for k := range c.table.Keys {
		v, _, _ := c.rows.get(row, c.table.Keys[k].Field)
		value, ok := c.table.Keys[k].Convert(v)
		if !ok {
			return 0, &config.ShardError{
				Entity: c.table.Name, Operation: "insert", Cause: config.ErrMissingShardKey,
				Hint: "the value of " + c.table.Keys[k].Column + " has another type than the column",
			}
		}
		key[k] = value
	}
	id, err := c.table.Strategy.Place(key)
	if err != nil {
		return 0, &config.ShardError{Entity: c.table.Name, Operation: "insert", Cause: err}
	}
	return slotOf(id)
}

// checkCarried refuses a given id that carries another slot than its row's: a query
// by the id alone would not find it.
func (c *creation) checkCarried(pk *schema.Field) error {
	if c.table.IDShard == nil || c.table.Primary == nil {
		return nil
	}
	for i, given := range c.explicit {
		if !given {
			continue
		}
		v, _, _ := c.rows.get(i, pk)
		id, ok := c.table.Primary.Convert(v)
		slot, err := c.slot(i)
		if err != nil {
			return err
		}
		if shard, carried := c.table.IDShard(id); !ok || !carried || shard != fmt.Sprint(slot) {
			return &config.ShardError{
				Entity: c.table.Name, Shard: fmt.Sprint(slot), Operation: "insert", Cause: config.ErrShardNotFound,
				Hint: "the given primary key does not carry its row's slot: leave it to dtde, or turn CarrySlot off",
			}
		}
	}
	return nil
}

// selectKey makes GORM store the generated key also when Select or Omit leave the
// column to the database, whose own numbers would collide between shards.
func (c *creation) selectKey(pk *schema.Field) {
	stmt := c.db.Statement
	selected, restricted := c.selectedColumns()
	use, named := selected[pk.DBName]
	if named && use || !named && !restricted {
		return
	}
	selects, omits := stmt.Selects, stmt.Omits
	c.restore = append(c.restore, func() { stmt.Selects, stmt.Omits = selects, omits })
	if len(selects) > 0 {
		stmt.Selects = append(slices.Clone(selects), pk.Name)
	}
	stmt.Omits = slices.DeleteFunc(slices.Clone(omits), func(s string) bool { return s == pk.Name || s == pk.DBName })
}
