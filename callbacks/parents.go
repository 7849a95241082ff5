package callbacks

import (
	"context"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/migrator"
)

// ensureParents makes and announces the shards to which foreign keys of new shards of t
// will refer, unless they are known: a table that exists must stand in the catalog
// before anybody may write there.
func (r *Runtime) ensureParents(ctx context.Context, own *gorm.DB, pool gorm.ConnPool, t *config.Table, ids []string) error {
	if t.Group == "" {
		return nil
	}
	parents, err := migrator.Parents(own, r.current(pool), t)
	if err != nil {
		return err
	}
	for _, parent := range parents {
		var missing []string
		for _, id := range ids {
			if _, known := parent.Shard(id); !known {
				missing = append(missing, id)
			}
		}
		if len(missing) > 0 {
			if err := r.ensureShards(ctx, pool, parent, missing); err != nil {
				return err
			}
		}
	}
	return nil
}

// ensureChildren makes and announces the shards whose foreign keys refer to new shards
// of t, in the same breath: making one later, for a row of a transaction that has written
// to t already, would wait for that transaction's own lock on it.
func (r *Runtime) ensureChildren(ctx context.Context, pool gorm.ConnPool, t *config.Table, ids []string) error {
	if t.Group == "" {
		return nil
	}
	keys, err := r.referring(t)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if !k.Held || k.ChildTable.LogicalName == t.LogicalName {
			continue
		}
		child, ok := r.current(pool).ByName(k.ChildTable.LogicalName)
		if !ok {
			continue
		}
		var missing []string
		for _, id := range ids {
			if _, known := child.Shard(id); !known {
				missing = append(missing, id)
			}
		}
		if len(missing) > 0 {
			if err := r.ensureShards(ctx, pool, child, missing); err != nil {
				return err
			}
		}
	}
	return nil
}
