package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"gorm.io/gorm"
)

// State is what dtde_catalog held at one moment.
type State struct {
	// Epoch is the number of the last change, at least 1.
	Epoch int64
	// Shards are the ids of the announced shards by entity, in byte order.
	Shards map[string][]string
	// Placement is each entity's recorded placement: lines "key=value", in byte order.
	Placement map[string][]string
	// Seals are the bounds of sealed shards, as they were recorded, by entity and shard.
	Seals map[string]map[string]string
}

// Epoch reads the number of the last change, where the caller's statement runs. It
// grows with every announced shard and recorded placement; compare it by equality. A
// reader that sees a shard's rows sees the epoch of its announcement, too, if it asks
// after it read, or in the same snapshot: so a read whose catalog has the epoch that is
// found afterwards has missed no shard.
func (s *Store) Epoch(ctx context.Context, pool gorm.ConnPool) (int64, error) {
	var epoch int64
	err := s.reading(pool).QueryRowContext(ctx, s.text.Epoch).Scan(&epoch)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, ErrNotPrepared
	}
	return epoch, attempted("read the epoch in dtde_catalog", err)
}

// Load reads the whole catalog by one statement, so that it fits together, where the
// caller's statement runs.
func (s *Store) Load(ctx context.Context, pool gorm.ConnPool) (State, error) {
	state := State{Shards: map[string][]string{}, Placement: map[string][]string{}}
	err := query(ctx, s.reading(pool), s.text.Load, nil, func(rows *sql.Rows) error {
		var entity, kind, item, value string
		var number int64
		if err := rows.Scan(&entity, &kind, &item, &value, &number); err != nil {
			return err
		}
		switch kind {
		case "epoch":
			state.Epoch = number
		case "shard":
			state.Shards[entity] = append(state.Shards[entity], item)
		case "placement":
			state.Placement[entity] = append(state.Placement[entity], item+"="+value)
		case "seal":
			if state.Seals == nil {
				state.Seals = map[string]map[string]string{}
			}
			if state.Seals[entity] == nil {
				state.Seals[entity] = map[string]string{}
			}
			state.Seals[entity][item] = value
		}
		return nil
	})
	if err != nil {
		return State{}, attempted("read dtde_catalog", err)
	}
	if state.Epoch == 0 {
		return State{}, ErrNotPrepared
	}
	for _, lists := range []map[string][]string{state.Shards, state.Placement} {
		for _, list := range lists {
			slices.Sort(list)
		}
	}
	return state, nil
}

// query calls each for every row and closes the rows.
func query(ctx context.Context, q gorm.ConnPool, text string, args []any, each func(*sql.Rows) error) (err error) {
	rows, err := q.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
