package callbacks

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/migrator"
)

// Open compares the settings with what the database recorded, and loads the shards
// that were made at run time. It changes nothing in the database.
func (r *Runtime) Open(ctx context.Context) error {
	exists, err := r.store.Exists(ctx)
	if err != nil || !exists {
		return err
	}
	r.haveCatalog.Store(true)
	return r.refresh(ctx, r.pool)
}

// placement is what decides where an entity's rows live, line by line.
func placement(t *config.Table) []string {
	return strings.Split(strings.TrimSpace(t.Fingerprint), "\n")
}

// Hooks keep dtde's own tables in step with schema calls.
func (r *Runtime) Hooks() migrator.Hooks {
	return migrator.Hooks{
		Bind: r.bindHook(),
		BeforeTable: func(ctx context.Context, _ *gorm.DB, t *config.Table) error {
			if err := r.ensureStore(ctx); err != nil {
				return err
			}
			return r.store.CheckPlacement(ctx, t.LogicalName, placement(t))
		},
		AfterTables: func(ctx context.Context, db *gorm.DB, made []migrator.Made) error {
			for _, m := range made {
				if err := r.rekey(db, m.Table); err != nil {
					return err
				}
				if err := r.store.RecordPlacement(ctx, m.Table.LogicalName, placement(m.Table)); err != nil {
					return err
				}
				if m.Table.KeySpec.Source == config.KeySequence {
					if err := r.store.EnsureSequence(ctx, sequenceName(m.Table)); err != nil {
						return err
					}
				}
			}
			return r.refresh(ctx, r.pool)
		},
		AfterDrop: func(ctx context.Context, db *gorm.DB, dropped []migrator.Made) error {
			if !r.haveCatalog.Load() {
				return nil
			}
			pool := db.Statement.ConnPool
			for _, m := range dropped {
				var ids []string // none: all of the entity
				if len(m.Shards) < len(m.Table.Shards) {
					for _, s := range m.Shards {
						ids = append(ids, s.ID)
					}
				}
				if err := r.store.Forget(ctx, pool, m.Table.LogicalName, ids...); err != nil {
					return err
				}
			}
			return r.refresh(ctx, pool)
		},
	}
}

// rekey looks at an entity's key columns again after a migration may have changed
// how they compare.
func (r *Runtime) rekey(db *gorm.DB, t *config.Table) error {
	for _, s := range t.Shards {
		if s.Database != "" {
			return nil // taken for granted there: see Plugin's facts
		}
	}
	keys, err := migrator.Facts(db, t)
	if err != nil {
		return err
	}
	r.fixed.Store(r.fixed.Load().WithKeys(t.LogicalName, keys))
	for {
		old := r.catalog.Load()
		if r.catalog.CompareAndSwap(old, old.WithKeys(t.LogicalName, keys)) {
			return nil
		}
	}
}

// EnsureShards makes the shards of all entities that go by time, up to an instant.
func (r *Runtime) EnsureShards(ctx context.Context, until time.Time) error {
	for _, t := range r.catalog.Load().Tables() {
		dynamic, ok := t.Dynamic()
		if !ok || !t.Migrations {
			continue
		}
		ids, ok := dynamic.Upto(config.Time(until))
		if !ok {
			continue
		}
		var missing []string
		for _, id := range ids {
			if _, known := t.Shard(id); !known {
				missing = append(missing, id)
			}
		}
		if len(missing) == 0 {
			continue
		}
		if err := r.ensureShards(ctx, r.pool, t, missing); err != nil {
			return err
		}
	}
	return nil
}

// Unrouted is a session whose schema calls and statements are GORM's own.
func (r *Runtime) Unrouted() *gorm.DB {
	return r.root.Session(&gorm.Session{NewDB: true})
}
