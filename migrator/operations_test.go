package migrator_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/migrator"
)

// TestOperations goes through every call of gorm.Migrator.
func TestOperations(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		wrap(db, migrator.Hooks{}, orders(t, db))
		m := db.Migrator()
		both := func(has func(m gorm.Migrator, table string) bool) (n int) {
			inner := migrator.Unwrap(db.Dialector)
			for _, table := range []string{"orders_eu", "orders_us"} {
				if has(inner.Migrator(db.Session(&gorm.Session{NewDB: true})), table) {
					n++
				}
			}
			return n
		}
		column := func(name string) func(gorm.Migrator, string) bool {
			return func(m gorm.Migrator, table string) bool { return m.HasColumn(table, name) }
		}

		assert.False(t, m.HasTable(&Order{}))
		_, err := m.ColumnTypes(&Order{})
		assert.ErrorIs(t, err, config.ErrShardNotFound)
		require.NoError(t, db.AutoMigrate(&Customer{}))
		require.NoError(t, m.CreateTable(&Order{}))
		assert.True(t, m.HasTable(&Order{}) && m.HasTable("orders") && m.HasTable([]Order{}))
		assert.Error(t, m.CreateTable(&Order{}), "the tables exist")
		tables, err := m.GetTables()
		require.NoError(t, err)
		assert.Contains(t, tables, "orders_eu")
		assert.NotContains(t, tables, "orders")

		require.NoError(t, m.DropColumn(&Order{}, "Note"))
		assert.Zero(t, both(column("note")))
		assert.False(t, m.HasColumn(&Order{}, "note"))
		require.NoError(t, m.AddColumn(&Order{}, "Note"))
		assert.Equal(t, 2, both(column("note")))
		require.NoError(t, db.Table("orders_us").Migrator().DropColumn(&Order{}, "Note"))
		assert.Equal(t, 1, both(column("note")))
		assert.False(t, m.HasColumn(&Order{}, "Note"), "on one shard only is not there")
		require.NoError(t, db.Table("orders_us").Migrator().AddColumn(&Order{}, "Note"))
		require.NoError(t, m.AlterColumn(&Order{}, "Note"))
		require.NoError(t, m.RenameColumn(&Order{}, "note", "remark"))
		assert.Equal(t, 2, both(column("remark")))
		require.NoError(t, m.RenameColumn(&Order{}, "remark", "note"))

		var refused *config.UnsupportedError
		assert.ErrorAs(t, m.DropColumn(&Order{}, "Region"), &refused)
		assert.ErrorAs(t, m.RenameColumn(&Order{}, "region", "area"), &refused)
		assert.ErrorAs(t, m.RenameTable(&Order{}, "sales"), &refused)
		assert.ErrorAs(t, m.RenameTable("customers", "orders"), &refused)
		assert.ErrorAs(t, m.CreateView("orders", gorm.ViewOption{Query: db.Table("orders_eu")}), &refused)
		assert.ErrorAs(t, m.CreateConstraint(&Item{}, "fk_orders_items"), &refused)
		require.NoError(t, m.CreateView("some_orders", gorm.ViewOption{Query: db.Table("orders_eu")}))
		require.NoError(t, m.DropView("some_orders"))

		for _, name := range []string{"idx_number_placed", "idx_orders_region", "Region"} {
			if !m.HasIndex(&Order{}, name) { // SQLite's driver loses them in AlterColumn
				require.NoError(t, m.CreateIndex(&Order{}, name))
			}
			assert.True(t, m.HasIndex(&Order{}, name))
			require.NoError(t, m.DropIndex(&Order{}, name))
			assert.False(t, m.HasIndex(&Order{}, name), name)
			require.NoError(t, m.CreateIndex(&Order{}, name))
		}
		indexes, err := m.GetIndexes(&Order{})
		require.NoError(t, err)
		var names []string
		for _, i := range indexes {
			names = append(names, i.Name())
		}
		assert.Contains(t, names, "idx_number_placed_eu")
		assert.Contains(t, names, "idx_orders_eu_region")
		require.NoError(t, m.RenameIndex(&Order{}, "idx_number_placed", "idx_renamed"))
		assert.False(t, m.HasIndex(&Order{}, "idx_number_placed"))
		require.NoError(t, m.RenameIndex(&Order{}, "idx_renamed", "idx_number_placed"))
		assert.True(t, m.HasIndex(&Order{}, "idx_number_placed"))

		for _, name := range []string{"amount_positive", "chk_orders_weight", "uni_orders_number", "fk_customers_orders"} {
			assert.True(t, m.HasConstraint(&Order{}, name), name)
			require.NoError(t, m.DropConstraint(&Order{}, name))
			assert.False(t, m.HasConstraint(&Order{}, name), name)
			if name != "fk_customers_orders" {
				require.NoError(t, m.CreateConstraint(&Order{}, name))
			}
		}
		types, err := m.ColumnTypes(&Order{})
		require.NoError(t, err)
		assert.NotEmpty(t, types)
		field := orders(t, db).Schema.LookUpField("Note")
		for _, c := range types {
			if c.Name() == "note" {
				require.NoError(t, m.MigrateColumn(&Order{}, field, c))
				require.NoError(t, m.MigrateColumnUnique(&Order{}, field, c))
			}
		}
		if d.Name == "mariadb" { // the only driver that has it
			typ, err := m.TableType(&Order{})
			require.NoError(t, err)
			assert.Equal(t, "orders_eu", typ.Name())
		}
		assert.NotEmpty(t, m.CurrentDatabase())
		require.NoError(t, m.DropTable("customers", &Order{}))
		assert.False(t, physical(db, "orders_eu") || physical(db, "orders_us") || physical(db, "customers"))
	})
}

// TestMigrationsDisabled: DDL is refused, looking is not.
func TestMigrationsDisabled(t *testing.T) {
	t.Parallel()
	db := testenv.SQLite().Open(t)
	table := words(t, db)
	table.Migrations = false
	wrap(db, migrator.Hooks{}, table)
	sent := testenv.Record(db)
	require.NoError(t, db.AutoMigrate(&Word{}))
	assert.Empty(t, ddl(sent))
	m := db.Migrator()
	for name, call := range map[string]func() error{
		"CreateTable":      func() error { return m.CreateTable(&Word{}) },
		"DropTable":        func() error { return m.DropTable(&Word{}) },
		"DropTable name":   func() error { return m.DropTable("words") },
		"AddColumn":        func() error { return m.AddColumn(&Word{}, "Note") },
		"DropColumn":       func() error { return m.DropColumn(&Word{}, "Note") },
		"AlterColumn":      func() error { return m.AlterColumn(&Word{}, "Note") },
		"RenameColumn":     func() error { return m.RenameColumn(&Word{}, "note", "x") },
		"MigrateColumn":    func() error { return m.MigrateColumn(&Word{}, table.Schema.Fields[0], nil) },
		"CreateIndex":      func() error { return m.CreateIndex(&Word{}, "idx_note") },
		"DropIndex":        func() error { return m.DropIndex(&Word{}, "idx_note") },
		"RenameIndex":      func() error { return m.RenameIndex(&Word{}, "idx_note", "x") },
		"CreateConstraint": func() error { return m.CreateConstraint(&Word{}, "x") },
		"DropConstraint":   func() error { return m.DropConstraint(&Word{}, "x") },
		"EnsureShard": func() error {
			return migrator.EnsureShard(db, config.NewCatalog(1, table), table, table.Shards[0])
		},
	} {
		var refused *config.UnsupportedError
		if assert.ErrorAs(t, call(), &refused, name) {
			assert.Equal(t, "migrations-disabled", refused.Reason)
		}
	}
	assert.Empty(t, ddl(sent))
	assert.False(t, m.HasTable(&Word{}))
	require.NoError(t, db.Table("words_a_m").AutoMigrate(&Word{}), "the program may, table by table")
	require.NoError(t, db.Table("words_n_z").AutoMigrate(&Word{}))
	assert.True(t, m.HasTable(&Word{}))
	assert.True(t, m.HasColumn(&Word{}, "note"))
}
