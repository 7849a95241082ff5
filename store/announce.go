package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"gorm.io/gorm"
)

// Announce records shards of an entity (its logical table name) that were made at run
// time, and returns an epoch at which all of them are known. It has committed when it
// returns, on SQLite inside the caller's transaction excepted (see the package): make
// the shard's table first, announce it, and only then write to it. Announcing a shard
// again, also by several processes at once, changes nothing, not even the epoch.
//
// The error is ErrName, ErrNotPrepared or the database's; then this call announced none.
func (s *Store) Announce(ctx context.Context, pool gorm.ConnPool, entity string, shardIDs ...string) (int64, error) {
	if err := checkNames(entity, shardIDs...); err != nil {
		return 0, err
	}
	epoch, err := s.announceMissing(ctx, pool, entity, shardIDs)
	return epoch, attempted(fmt.Sprintf("announce shards of %q in dtde_catalog", entity), err)
}

func (s *Store) announceMissing(ctx context.Context, pool gorm.ConnPool, entity string, ids []string) (epoch int64, err error) {
	missing := slices.Clone(ids)
	err = query(ctx, s.writing(pool), s.text.Shards, []any{entity}, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		missing = slices.DeleteFunc(missing, func(m string) bool { return m == id })
		return err
	})
	if err != nil {
		return 0, err
	}
	if len(missing) > 0 {
		err = s.atomically(ctx, pool, func(q gorm.ConnPool) error {
			added, err := s.announce(ctx, q, entity, missing)
			if err == nil && added == 0 {
				return errUndo
			}
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return s.Epoch(ctx, s.writing(pool))
}

// announce counts first and adds then: the epoch's row makes all that change the
// catalog wait for each other, so that they cannot deadlock; and if an addition fails
// inside the caller's transaction, an epoch too many does no harm.
func (s *Store) announce(ctx context.Context, q gorm.ConnPool, entity string, ids []string) (added int64, err error) {
	if err := s.bump(ctx, q); err != nil {
		return 0, err
	}
	for _, id := range ids {
		n, err := affect(ctx, q, s.text.AddFact, entity, "shard", id, "", 0)
		if err != nil {
			return 0, err
		}
		added += n
	}
	return added, nil
}

// bump counts a change and keeps others from making one until the transaction ends.
func (s *Store) bump(ctx context.Context, q gorm.ConnPool) error {
	changed, err := affect(ctx, q, s.text.BumpEpoch)
	if err == nil && changed == 0 {
		return ErrNotPrepared
	}
	return err
}

// checkNames refuses what a database would cut, pad or take for something else.
func checkNames(entity string, items ...string) error {
	if !fits(entity, maxEntity) {
		return fmt.Errorf("%w: entity %q (1 to %d characters)", ErrName, entity, maxEntity)
	}
	for _, item := range items {
		if !fits(item, maxItem) {
			return fmt.Errorf("%w: %q of entity %q (1 to %d characters)", ErrName, item, entity, maxItem)
		}
	}
	return nil
}
