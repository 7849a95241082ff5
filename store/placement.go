package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
)

// ComparePlacement tells whether settings route as the recorded placement does: every
// recorded line ("key=value") must be among the settings' lines. Settings may have more
// lines. The error is a *config.ConfigError that names the entity and the setting that
// differs, and wraps config.ErrPlacementChanged. It is pure.
func ComparePlacement(entity string, recorded, settings []string) error {
	for _, line := range recorded {
		if slices.Contains(settings, line) {
			continue
		}
		key, was, _ := strings.Cut(line, "=")
		is := "missing"
		for _, l := range settings {
			if k, v, _ := strings.Cut(l, "="); k == key {
				is = v
			}
		}
		return &config.ConfigError{Entity: entity, Field: key, Cause: config.ErrPlacementChanged, Problem: fmt.Sprintf(
			"the database was filled with %s = %s, the settings have %s: rows would be looked for in the wrong shards;"+
				" put the setting back, or move the rows and then delete the placement lines of %q from dtde_catalog",
			key, was, is, entity)}
	}
	return nil
}

// CheckPlacement compares the settings' lines with what is recorded for the entity, and
// writes nothing. Nothing recorded is no error. Errors are those of ComparePlacement,
// or the database's.
func (s *Store) CheckPlacement(ctx context.Context, entity string, lines []string) error {
	recorded, err := s.placement(ctx, s.pool, entity)
	if err != nil {
		return err
	}
	return ComparePlacement(entity, recorded, lines)
}

// RecordPlacement adds the lines that are not recorded yet, all or none, after making
// sure that those recorded are among them. Of two processes with different settings one
// wins and the other gets config.ErrPlacementChanged. An addition counts as a change of
// the epoch, since a process that runs without the new line can miss rows from now on:
// it finds out by ComparePlacement when it loads the catalog again. A line is
// "key=value", each key at most once and at most 190 characters, else ErrName.
func (s *Store) RecordPlacement(ctx context.Context, entity string, lines []string) error {
	keys := make([]string, len(lines))
	for i, line := range lines {
		keys[i], _, _ = strings.Cut(line, "=")
		if slices.Contains(keys[:i], keys[i]) {
			return fmt.Errorf("%w: placement %q of entity %q stands twice", ErrName, keys[i], entity)
		}
	}
	if err := checkNames(entity, keys...); err != nil {
		return err
	}
	recorded, err := s.placement(ctx, s.pool, entity)
	if err != nil {
		return err
	}
	if err := ComparePlacement(entity, recorded, lines); err != nil {
		return err
	}
	if len(recorded) == len(lines) {
		return nil
	}
	return s.atomically(ctx, nil, func(q gorm.ConnPool) error {
		// First, so that two that record at once wait for each other here.
		if err := s.bump(ctx, q); err != nil {
			return attempted("record placement in dtde_catalog", err)
		}
		recorded, err := s.placement(ctx, q, entity)
		if err != nil {
			return err
		}
		if err := ComparePlacement(entity, recorded, lines); err != nil {
			return err
		}
		if len(recorded) == len(lines) {
			return errUndo
		}
		for _, line := range lines {
			key, value, _ := strings.Cut(line, "=")
			if _, err := affect(ctx, q, s.text.AddFact, entity, "placement", key, value, 0); err != nil {
				return attempted("record placement in dtde_catalog", err)
			}
		}
		return nil
	})
}

func (s *Store) placement(ctx context.Context, q gorm.ConnPool, entity string) (lines []string, err error) {
	err = query(ctx, q, s.text.Placement, []any{entity}, func(rows *sql.Rows) error {
		var key, value string
		err := rows.Scan(&key, &value)
		lines = append(lines, key+"="+value)
		return err
	})
	slices.Sort(lines)
	return lines, attempted("read placement in dtde_catalog", err)
}
