package migrator_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/migrator"
)

// warnings keeps what GORM's logger is warned of.
type warnings struct {
	logger.Interface
	list *[]string
}

func (w warnings) LogMode(logger.LogLevel) logger.Interface { return w }
func (w warnings) Warn(_ context.Context, _ string, args ...any) {
	if len(args) > 1 {
		*w.list = append(*w.list, args[0].(string)+" "+args[1].(string))
	}
}

func TestAutoMigrate(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		var warned []string
		db := d.Open(t, &gorm.Config{Logger: warnings{logger.Discard, &warned}})
		wrap(db, migrator.Hooks{}, orders(t, db), words(t, db))
		require.NoError(t, db.AutoMigrate(&Item{}, &Order{}, &Word{}, &Customer{}))

		for _, table := range []string{"orders_eu", "orders_us", "words_a_m", "words_n_z", "customers", "items", "tags", "order_tags"} {
			assert.True(t, physical(db, table), table)
		}
		for _, table := range []string{"orders", "words"} {
			assert.False(t, physical(db, table), "the logical name %s must not be a table", table)
		}
		assert.ElementsMatch(t, []string{"fk_orders_items items", "fk_order_tags_order order_tags"}, warned)

		m := db.Migrator()
		assert.True(t, m.HasTable(&Order{}))
		assert.True(t, m.HasTable("orders"))
		assert.True(t, m.HasIndex(&Order{}, "idx_number_placed"))
		assert.True(t, m.HasIndex(&Order{}, "idx_orders_region"))
		assert.True(t, m.HasIndex(&Order{}, "Region"))
		assert.False(t, m.HasIndex(&Order{}, "idx_none"))
		assert.True(t, m.HasConstraint(&Order{}, "amount_positive"))
		assert.True(t, m.HasConstraint(&Order{}, "chk_orders_weight"))
		assert.True(t, m.HasConstraint(&Order{}, "uni_orders_number"))
		assert.True(t, m.HasConstraint(&Order{}, "fk_customers_orders"))
		assert.False(t, m.HasConstraint(&Item{}, "fk_orders_items"))

		sent := testenv.Record(db)
		require.NoError(t, db.AutoMigrate(&Item{}, &Order{}, &Word{}, &Customer{}))
		assert.Empty(t, ddl(sent), "a second AutoMigrate changes nothing")

		// What the engine holds, holds on every shard.
		require.NoError(t, db.Exec("INSERT INTO customers (id, name) VALUES (1, 'c')").Error)
		insert := func(table string, id, customer int, number string, amount int) error {
			return db.Session(&gorm.Session{Logger: logger.Discard}).Exec("INSERT INTO "+table+
				" (id, region, number, placed, amount, weight, customer_id) VALUES (?, 'EU', ?, '2024-01-01', ?, 1, ?)",
				id, number, amount, customer).Error
		}
		for _, table := range []string{"orders_eu", "orders_us"} {
			require.NoError(t, insert(table, 1, 1, "n1", 1))
			assert.Error(t, insert(table, 2, 1, "n1", 1), "unique")
			assert.Error(t, insert(table, 2, 1, "n2", -1), "check")
			assert.Error(t, insert(table, 2, 7, "n2", 1), "foreign key to the customer")
		}
	})
}

// TestAutoMigrateAddsParents: GORM migrates what a model depends on, and so it does
// if that is an entity.
func TestAutoMigrateAddsParents(t *testing.T) {
	t.Parallel()
	type Line struct {
		ID      int64 `gorm:"primaryKey;autoIncrement:false"`
		WordID  int64
		Word    *Word
		OtherID int64
		Other   *Tag
	}
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		wrap(db, migrator.Hooks{}, words(t, db))
		require.NoError(t, db.AutoMigrate(&Line{}))
		for _, table := range []string{"lines", "tags", "words_a_m", "words_n_z"} {
			assert.True(t, physical(db, table), table)
		}
		assert.False(t, physical(db, "words"))
		assert.True(t, db.Migrator().HasConstraint(&Line{}, "fk_lines_other"))
		assert.False(t, db.Migrator().HasConstraint(&Line{}, "fk_lines_word"))
		sent := testenv.Record(db)
		require.NoError(t, db.AutoMigrate(&Line{}))
		assert.Empty(t, ddl(sent))
	})
}

// TestAutoMigrateChanges adds columns and indexes to tables that are there.
func TestAutoMigrateChanges(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		type Word struct {
			ID    int64   `gorm:"primaryKey;autoIncrement:false"`
			Text  string  `gorm:"size:80"`
			Note  string  `gorm:"index:idx_note"`
			Extra *string `gorm:"size:10;index:idx_extra"`
		}
		db := d.Open(t)
		old := words(t, db)
		wrap(db, migrator.Hooks{}, old)
		require.NoError(t, db.AutoMigrate(old.Spec.Model))
		require.NoError(t, db.Exec("INSERT INTO words_a_m (id, text, note) VALUES (1, 'alpha', 'n')").Error)

		again := testenv.Reopen(t, db)
		wrap(again, migrator.Hooks{}, entity(t, again, &Word{}, old.Spec.Strategy, "A-M", "N-Z"))
		require.NoError(t, again.AutoMigrate(&Word{}))
		m := again.Migrator()
		assert.True(t, m.HasColumn(&Word{}, "Extra"))
		assert.True(t, m.HasIndex(&Word{}, "idx_extra"))
		assert.True(t, m.HasIndex(&Word{}, "idx_note"))
		var text string
		require.NoError(t, again.Table("words_a_m").Select("text").Scan(&text).Error)
		assert.Equal(t, "alpha", text)

		sent := testenv.Record(again)
		require.NoError(t, again.AutoMigrate(&Word{}))
		assert.Empty(t, ddl(sent))
	})
}

func TestAutoMigrateHooks(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		var calls []string
		note := func(what string) func(context.Context, *gorm.DB, []migrator.Made) error {
			return func(_ context.Context, tx *gorm.DB, made []migrator.Made) error {
				for _, m := range made {
					for _, s := range m.Shards {
						calls = append(calls, what+" "+s.ID)
					}
				}
				return tx.Exec("SELECT 1").Error
			}
		}
		manual := entity(t, db, &Tag{}, config.StrategySpec{}, "x")
		manual.Migrations = false
		wrap(db, migrator.Hooks{
			BeforeTable: func(_ context.Context, _ *gorm.DB, t *config.Table) error {
				calls = append(calls, "before "+t.Name)
				return nil
			},
			AfterTables: note("after"), AfterDrop: note("dropped"),
		}, words(t, db), manual)
		require.NoError(t, db.AutoMigrate(&Word{}, &Tag{}))
		require.NoError(t, db.Migrator().DropTable(&Word{}))
		assert.Equal(t, []string{"before Word", "after A-M", "after N-Z", "dropped A-M", "dropped N-Z"}, calls)
		assert.False(t, physical(db, "tags_x"))
		assert.False(t, physical(db, "tags"))
	})
}

// TestAutoMigratePhysical: db.Table with a physical table means that table only.
func TestAutoMigratePhysical(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		wrap(db, migrator.Hooks{}, words(t, db))
		require.NoError(t, db.Table("words_a_m").AutoMigrate(&Word{}))
		assert.True(t, physical(db, "words_a_m"))
		assert.False(t, physical(db, "words_n_z"))
		assert.False(t, physical(db, "words"))
		assert.False(t, db.Migrator().HasTable(&Word{}))
		assert.True(t, db.Table("words_a_m").Migrator().HasTable(&Word{}))
		require.NoError(t, db.Table("words_later").AutoMigrate(&Word{}))
		assert.True(t, physical(db, "words_later"))

		require.NoError(t, db.Table("words").AutoMigrate(&Word{}))
		assert.True(t, physical(db, "words_n_z"))
		assert.False(t, physical(db, "words"))
		require.NoError(t, db.Migrator().DropTable("words_later"))
		assert.False(t, physical(db, "words_later"))
	})
}
