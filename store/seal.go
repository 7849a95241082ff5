package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"
)

// Seal records that a shard of an entity (its logical table name) is sealed at bound, a
// text of the caller's, after verify has found the database enforcing it. verify gets the
// connection on which it is recorded. Until the record is committed nobody can end a
// Loosen: what verify found stays so. A shard that is sealed already gets the new bound.
//
// The error is verify's, ErrName, ErrNotPrepared or the database's; then nothing changed.
func (s *Store) Seal(ctx context.Context, entity, shard, bound string, verify func(gorm.ConnPool) error) error {
	if err := checkNames(entity, shard); err != nil {
		return err
	}
	err := s.atomically(ctx, nil, func(q gorm.ConnPool) error {
		if err := s.bump(ctx, q); err != nil {
			return err
		}
		if err := verify(q); err != nil {
			return err
		}
		if _, err := affect(ctx, q, s.text.ForgetFact, entity, "seal", shard); err != nil {
			return err
		}
		_, err := affect(ctx, q, s.text.AddFact, entity, "seal", shard, bound, 0)
		return err
	})
	return attempted(fmt.Sprintf("seal a shard of %q in dtde_catalog", entity), err)
}

// Unseal takes the record of a seal away; what enforces it stays, see Loosen. Unsealing
// what is not sealed does no harm.
func (s *Store) Unseal(ctx context.Context, entity, shard string) error {
	if err := checkNames(entity, shard); err != nil {
		return err
	}
	err := s.atomically(ctx, nil, func(q gorm.ConnPool) error {
		if err := s.bump(ctx, q); err != nil {
			return err
		}
		n, err := affect(ctx, q, s.text.ForgetFact, entity, "seal", shard)
		if err == nil && n == 0 {
			return errUndo
		}
		return err
	})
	return attempted(fmt.Sprintf("unseal a shard of %q in dtde_catalog", entity), err)
}

// Loosen runs loosen, which takes away what enforces a seal, unless the shard is sealed
// again: then it does nothing. loosen gets the connection that keeps others from sealing
// until it is done.
func (s *Store) Loosen(ctx context.Context, entity, shard string, loosen func(gorm.ConnPool) error) error {
	if err := checkNames(entity, shard); err != nil {
		return err
	}
	err := s.atomically(ctx, nil, func(q gorm.ConnPool) error {
		if err := s.bump(ctx, q); err != nil {
			return err
		}
		var bound string
		switch err := q.QueryRowContext(ctx, s.text.SealOf, entity, shard).Scan(&bound); {
		case err == nil:
			return errUndo
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		return loosen(q)
	})
	return attempted(fmt.Sprintf("unseal a shard of %q", entity), err)
}
