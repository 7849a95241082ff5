package store

import (
	"context"
	"strings"
	"unicode/utf8"
)

// Names of dtde's own tables, for those that list a database's tables.
const (
	CatalogTable = "dtde_catalog"
	NodesTable   = "dtde_nodes"
)

// Widths of the catalog's columns, in characters.
const (
	maxEntity = 64
	maxItem   = 190
)

// Exists tells whether both of dtde's tables are there.
func (s *Store) Exists(ctx context.Context) (bool, error) {
	var tables int
	if err := s.pool.QueryRowContext(ctx, s.text.Exists).Scan(&tables); err != nil {
		return false, attempted("look for dtde_catalog", err)
	}
	return tables == 2, nil
}

// Ensure makes dtde's tables where they are missing, and leaves what is there. Several
// processes may call it at once. It needs the right to create tables only if one is
// missing.
func (s *Store) Ensure(ctx context.Context) error {
	there, err := s.Exists(ctx)
	if err != nil {
		return err
	}
	if !there {
		for _, text := range []string{s.text.CreateCatalog, s.text.CreateNodes} {
			if err := s.create(ctx, text); err != nil {
				return attempted("create dtde_catalog and dtde_nodes", err)
			}
		}
	}
	return attempted("prepare dtde_catalog", s.retrying(ctx, func() error {
		_, err := s.pool.ExecContext(ctx, s.text.SeedEpoch)
		return err
	}))
}

// create runs a CREATE ... IF NOT EXISTS. On PostgreSQL two of them at once can fail
// with a unique violation in the system's own tables, and on SQL Server with "there is
// already an object": then the other one's is there, and a second attempt sees it.
func (s *Store) create(ctx context.Context, text string) error {
	return s.retrying(ctx, func() error {
		_, err := s.pool.ExecContext(ctx, text)
		if err != nil && !transient(err) {
			_, err = s.pool.ExecContext(ctx, text)
		}
		return err
	})
}

// fits tells whether a text can be part of the catalog's key without any database
// cutting or padding it.
func fits(text string, width int) bool {
	return text != "" && utf8.ValidString(text) && utf8.RuneCountInString(text) <= width &&
		!strings.HasSuffix(text, " ") && !strings.ContainsRune(text, 0)
}
