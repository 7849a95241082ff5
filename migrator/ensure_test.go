package migrator_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/migrator"
)

// TestEnsureShardConcurrently: two processes with four connections each.
func TestEnsureShardConcurrently(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		first := d.Open(t)
		require.NoError(t, first.AutoMigrate(&Customer{}))
		processes := []*gorm.DB{first, testenv.Reopen(t, first)}
		for round := range 5 {
			id := strings.Repeat("x", round+1)
			var group sync.WaitGroup
			errs := make([]error, 8)
			start := make(chan struct{})
			for i := range errs {
				db := processes[i%2]
				table := orders(t, db)
				c := config.NewCatalog(1, table)
				group.Go(func() {
					<-start
					errs[i] = migrator.EnsureShard(db, c, table, table.ShardTable(id))
				})
			}
			close(start)
			group.Wait()
			require.NoError(t, errors.Join(errs...))
			m := first.Table("orders_" + id).Migrator()
			assert.True(t, first.Migrator().HasTable("orders_"+id))
			assert.True(t, m.HasIndex("orders_"+id, "idx_number_placed_"+id))
			assert.True(t, m.HasIndex("orders_"+id, "idx_orders_"+id+"_region"))
		}
		assert.False(t, physical(first, "orders"))
	})
}

// TestEnsureShardAllOrNothing fails the last statement.
func TestEnsureShardAllOrNothing(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		require.NoError(t, db.AutoMigrate(&Customer{}))
		table := orders(t, db)
		c := config.NewCatalog(1, table)
		sent := testenv.Record(db)
		refuse := errors.New("refused")
		sent.Before(func(_ context.Context, sql string) error {
			if strings.Contains(sql, "idx_number_placed_eu") {
				return refuse
			}
			return nil
		})
		err := migrator.EnsureShard(db, c, table, table.Shards[0])
		require.ErrorIs(t, err, refuse)
		var shard *config.ShardError
		require.ErrorAs(t, err, &shard)
		assert.Equal(t, "EU", shard.Shard)
		sent.Before(nil)
		assert.False(t, physical(db, "orders_eu"))
		require.NoError(t, migrator.EnsureShard(db, c, table, table.Shards[0]), "the lock and the transaction are over")
		assert.True(t, physical(db, "orders_eu"))

		sent.Reset()
		require.NoError(t, migrator.EnsureShard(db, c, table, table.Shards[0]))
		assert.Len(t, sent.Statements(), map[string]int{"sqlite": 1, "postgres": 1, "mariadb": 4}[d.Name], "an existing table costs a look")
	})
}

// TestEnsureShardInTransaction: SQLite's shard goes with the transaction.
func TestEnsureShardInTransaction(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		table := words(t, db)
		c := config.NewCatalog(1, table)
		undo := errors.New("undo")
		err := db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, migrator.EnsureShard(tx, c, table, table.Shards[0]))
			require.NoError(t, tx.Exec("INSERT INTO words_a_m (id, text, note) VALUES (1, 'a', '')").Error)
			return undo
		})
		require.ErrorIs(t, err, undo)
		assert.Equal(t, d.Name == "mariadb", physical(db, "words_a_m"), "MariaDB commits at DDL")
	})
}
