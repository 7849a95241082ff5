package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"
)

// Reservation is room for rows in one shard.
type Reservation struct {
	// Shard is the shard's id, Rows how many of the caller's rows it takes, at least 1.
	Shard string
	Rows  int
}

// NextShard names the shard that follows a full one and makes its table. after is ""
// for the first shard. It must give the same id for the same after in every process. It
// is called outside of every transaction of the store and may be called several times
// for one shard, by several processes at once.
type NextShard func(ctx context.Context, after string) (id string, err error)

// maxRotations bounds the shards that one Reserve may start.
const maxRotations = 1000

// Reserve claims room for want rows in an entity's shards of at most maxRows rows each:
// the active shard first and, when it is full, those after it, which it announces. The
// rows go to the shards in the order and numbers returned. Room is claimed atomically;
// inserters in any number of processes together never get more than maxRows per shard.
//
// On SQLite inside a transaction the claim is part of it. Elsewhere it is committed at
// once, and room is lost, not shared, if the rows are not written then (also when
// Reserve fails half-way): a shard can end up with fewer rows than maxRows.
//
// The error is next's, ErrName, ErrRotation (maxRows below 1, an id from next that is
// the one before, or more than 1,000 new shards) or the database's.
func (s *Store) Reserve(ctx context.Context, pool gorm.ConnPool, entity string, want int, maxRows int64, next NextShard) ([]Reservation, error) {
	if err := checkNames(entity); err != nil {
		return nil, err
	}
	if maxRows < 1 {
		return nil, ErrRotation
	}
	if want < 1 {
		return nil, nil
	}
	// Nearly always all fits into the shard that took rows last.
	hint, _ := s.active.Load(entity)
	if id, ok := hint.(string); ok {
		taken, err := s.take(ctx, s.writing(pool), entity, id, want, maxRows)
		if err != nil {
			return nil, attempted("reserve rows in dtde_catalog", err)
		}
		if taken {
			return []Reservation{{Shard: id, Rows: want}}, nil
		}
	}
	var out []Reservation
	for rotations := 0; want > 0; rotations++ {
		if rotations > maxRotations {
			return nil, ErrRotation
		}
		active, err := s.Active(ctx, s.writing(pool), entity)
		if err != nil {
			return nil, err
		}
		if active != "" {
			rows, err := s.takeSome(ctx, s.writing(pool), entity, active, want, maxRows)
			if err != nil {
				return nil, attempted("reserve rows in dtde_catalog", err)
			}
			if rows > 0 {
				out = append(out, Reservation{Shard: active, Rows: rows})
				want -= rows
				s.active.Store(entity, active)
			}
			if want == 0 {
				break
			}
		}
		if err := s.rotate(ctx, pool, entity, active, next); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Active is the id of the shard that takes new rows, "" before the first Reserve.
func (s *Store) Active(ctx context.Context, pool gorm.ConnPool, entity string) (string, error) {
	var id string
	err := s.reading(pool).QueryRowContext(ctx, s.text.Active, entity).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, attempted("read the active shard in dtde_catalog", err)
}

// take claims room for all rows in one shard, or nothing.
func (s *Store) take(ctx context.Context, q gorm.ConnPool, entity, shard string, rows int, maxRows int64) (taken bool, err error) {
	f := func() error {
		n, err := affect(ctx, q, s.text.TakeRows, rows, entity, shard, rows, maxRows)
		taken = n > 0
		return err
	}
	if q != s.pool { // the caller's transaction: a failure has ended it, or is the caller's to repeat
		return taken, f()
	}
	err = s.retrying(ctx, f)
	return taken, err
}

// takeSome claims as much of the room left as is wanted; 0 means that the shard is full,
// and it stays so, because numbers only grow.
func (s *Store) takeSome(ctx context.Context, q gorm.ConnPool, entity, shard string, want int, maxRows int64) (int, error) {
	for {
		var number int64
		if err := q.QueryRowContext(ctx, s.text.Rows, entity, shard).Scan(&number); err != nil {
			return 0, err
		}
		rows := int(min(int64(want), maxRows-number))
		if rows <= 0 {
			return 0, nil
		}
		taken, err := s.take(ctx, q, entity, shard, rows, maxRows)
		if err != nil || taken {
			return rows, err
		}
		// Others took room in between: there is less of it now, so this ends.
	}
}

// rotate makes the shard after a full one the active one, unless another process did.
func (s *Store) rotate(ctx context.Context, pool gorm.ConnPool, entity, full string, next NextShard) error {
	fresh, err := next(ctx, full)
	if err != nil {
		return err
	}
	if fresh == full {
		return fmt.Errorf("%w: the shard after %q is itself", ErrRotation, full)
	}
	if err := checkNames(entity, fresh); err != nil {
		return err
	}
	err = s.atomically(ctx, pool, func(q gorm.ConnPool) error {
		if err := s.bump(ctx, q); err != nil {
			return err
		}
		active, err := s.Active(ctx, q, entity)
		if err != nil {
			return err
		}
		if active != full {
			return errUndo
		}
		steps := []struct {
			text string
			args []any
		}{
			{s.text.AddFact, []any{entity, "shard", fresh, "", 0}},
			{s.text.AddFact, []any{entity, "rows", fresh, "", 0}},
			{s.text.AddFact, []any{entity, "rows", "", fresh, 0}},
			{s.text.SetActive, []any{fresh, entity}},
		}
		for _, step := range steps {
			if _, err := affect(ctx, q, step.text, step.args...); err != nil {
				return err
			}
		}
		return nil
	})
	return attempted("start a new shard in dtde_catalog", err)
}
