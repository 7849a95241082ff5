package tests

import (
	"context"
	"database/sql/driver"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
)

// TestSQLServerIterate: what a server answers comes out of the loop row by row, from one
// shard, from the union of several, and from a table that is not sharded.
func TestSQLServerIterate(t *testing.T) {
	t.Parallel()
	answer := scripted{contains: "FROM", columns: []string{"id", "name", "region"}, rows: [][]driver.Value{{int64(1), "a", "EU"}, {int64(2), "b", "US"}}}
	for name, build := range map[string]func(tx *gorm.DB) *gorm.DB{
		"one shard":      func(tx *gorm.DB) *gorm.DB { return tx.Where("region = ?", "EU") },
		"several shards": func(tx *gorm.DB) *gorm.DB { return tx.Where("spent > ?", 1).Order("id") },
		"a page":         func(tx *gorm.DB) *gorm.DB { return tx.Order("id").Offset(3).Limit(2) },
		"with a context": func(tx *gorm.DB) *gorm.DB { return tx.WithContext(context.WithoutCancel(t.Context())) },
	} {
		t.Run(name, func(t *testing.T) {
			sentBy(t, sqlServerConfig(), name, []scripted{answer}, func(db *gorm.DB) error {
				var got []string
				for row, err := range dtde.Iterate[Customer](build(db)) {
					require.NoError(t, err)
					got = append(got, row.Name+" in "+row.Region)
				}
				assert.Equal(t, []string{"a in EU", "b in US"}, got)
				err := db.Transaction(func(tx *gorm.DB) error {
					for row, err := range dtde.Iterate[Customer](build(tx)) {
						assert.Equal(t, "a", row.Name)
						return err
					}
					return nil
				})
				require.NoError(t, err)
				got = nil
				for row, err := range dtde.Iterate[Plain](db) {
					require.NoError(t, err)
					got = append(got, row.Region)
				}
				assert.Equal(t, []string{"EU", "US"}, got)
				return nil
			})
		})
	}
}
