package store

import (
	"context"
	"fmt"

	"gorm.io/gorm"
)

// Forget takes shards of an entity (its logical table name) whose tables are gone out
// of the catalog; without ids everything that is recorded of the entity, its placement
// and its max rows state too. Other processes see a new epoch. Forgetting what is not
// recorded does no harm.
//
// The error is ErrName, ErrNotPrepared or the database's; then nothing was forgotten.
func (s *Store) Forget(ctx context.Context, pool gorm.ConnPool, entity string, shardIDs ...string) error {
	if err := checkNames(entity, shardIDs...); err != nil {
		return err
	}
	err := s.atomically(ctx, pool, func(q gorm.ConnPool) error {
		if err := s.bump(ctx, q); err != nil {
			return err
		}
		if len(shardIDs) == 0 {
			_, err := affect(ctx, q, s.text.Forget, entity)
			return err
		}
		for _, id := range shardIDs {
			for _, kind := range [...]string{"shard", "rows", "seal"} {
				if _, err := affect(ctx, q, s.text.ForgetFact, entity, kind, id); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return attempted(fmt.Sprintf("forget shards of %q in dtde_catalog", entity), err)
}
