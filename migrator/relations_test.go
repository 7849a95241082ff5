package migrator_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/migrator"
)

// OrderTag is a join table of the program's own.
type OrderTag struct {
	OrderID int64 `gorm:"primaryKey;autoIncrement:false"`
	TagID   int64 `gorm:"primaryKey;autoIncrement:false"`
	At      time.Time
}

// TestJoinTableOfItsOwn: what db.SetupJoinTable did holds.
func TestJoinTableOfItsOwn(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		wrap(db, migrator.Hooks{}, orders(t, db))
		require.NoError(t, db.SetupJoinTable(&Order{}, "Tags", &OrderTag{}))
		require.NoError(t, db.AutoMigrate(&Order{}))
		assert.True(t, physical(db, "order_tags"))
		assert.True(t, db.Migrator().HasColumn(&OrderTag{}, "At"))
		assert.True(t, db.Migrator().HasConstraint(&OrderTag{}, "fk_order_tags_tag"))
		assert.False(t, db.Migrator().HasConstraint(&OrderTag{}, "fk_order_tags_order"))
	})
}

// TestCallersSchemasUntouched: a statement after AutoMigrate sees no trace of it.
func TestCallersSchemasUntouched(t *testing.T) {
	t.Parallel()
	db := testenv.SQLite().Open(t)
	table := orders(t, db)
	wrap(db, migrator.Hooks{}, table)
	relations := func(model any) (names []string) {
		stmt := &gorm.Statement{DB: db}
		require.NoError(t, stmt.Parse(model))
		for name, rel := range stmt.Schema.Relationships.Relations {
			names = append(names, name+" of "+rel.Schema.Table+" to "+rel.FieldSchema.Table)
		}
		return names
	}
	before := [][]string{relations(&Order{}), relations(&Item{}), relations(&Customer{})}
	index := table.Schema.LookUpField("Number").Tag
	require.NoError(t, db.AutoMigrate(&Order{}, &Item{}, &Customer{}))
	for i, model := range []any{&Order{}, &Item{}, &Customer{}} {
		assert.ElementsMatch(t, before[i], relations(model))
	}
	assert.Equal(t, index, table.Schema.LookUpField("Number").Tag)
}

// Medal belongs to a Winner by a text field, whose column gets the type of the winner's key.
type Medal struct {
	ID        int64  `gorm:"primaryKey;autoIncrement:false"`
	Region    string `gorm:"size:20"`
	OwnerID   string
	OwnerType string `gorm:"size:40"`
}

// Winner is not dtde's, and the only one who tells that of Medal.
type Winner struct {
	ID     uint64  `gorm:"primaryKey;autoIncrement:false"`
	Medals []Medal `gorm:"polymorphic:Owner"`
}

// TestTypesFromRelations: a shard's columns have the types that the plain table's have.
func TestTypesFromRelations(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		types := func(db *gorm.DB, table string) map[string]string {
			columns, err := migrator.Unwrap(db.Dialector).Migrator(db.Session(&gorm.Session{NewDB: true})).ColumnTypes(table)
			require.NoError(t, err)
			out := map[string]string{}
			for _, c := range columns {
				out[c.Name()] = c.DatabaseTypeName()
			}
			delete(out, "region") // a key column has a collation of dtde's
			return out
		}
		plain := d.Open(t)
		require.NoError(t, plain.AutoMigrate(&Winner{}, &Medal{}))
		for name, first := range map[string]any{"the owner first": &Winner{}, "the owner last": &Medal{}} {
			t.Run(name, func(t *testing.T) {
				db := d.Open(t)
				require.NoError(t, (&gorm.Statement{DB: db}).Parse(first))
				wrap(db, migrator.Hooks{}, entity(t, db, &Medal{}, config.ByValue("Region", "EU", "US"), "EU", "US"))
				require.NoError(t, db.AutoMigrate(&Winner{}, &Medal{}))
				assert.Equal(t, types(plain, "medals"), types(db, "medals_us"))
				require.NoError(t, db.AutoMigrate(&Medal{}), "and once more")
				assert.Equal(t, types(plain, "medals"), types(db, "medals_eu"))
			})
		}
		t.Run("a key", func(t *testing.T) {
			db := d.Open(t)
			table := entity(t, db, &Medal{}, config.ByAlphabet("OwnerID", "A-M", "N-Z"), "A-M", "N-Z")
			wrap(db, migrator.Hooks{}, table)
			require.NoError(t, db.AutoMigrate(&Winner{}, &Medal{}))
			assert.NotEqual(t, types(plain, "medals")["owner_id"], types(db, table.Shards[0].Table)["owner_id"], "the rows were placed as text")
		})
	})
}

// TestForeignKeyOnTextKey: MariaDB refuses one between columns of two collations.
func TestForeignKeyOnTextKey(t *testing.T) {
	t.Parallel()
	type Area struct {
		Code string `gorm:"primaryKey;size:10"`
	}
	type Shop struct {
		ID       int64  `gorm:"primaryKey;autoIncrement:false"`
		AreaCode string `gorm:"size:10"`
		Area     *Area  `gorm:"foreignKey:AreaCode;references:Code;constraint:fk_area,OnDelete:CASCADE"`
	}
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		wrap(db, migrator.Hooks{}, entity(t, db, &Shop{}, config.ByValue("AreaCode", "a", "b"), "a", "b"))
		require.NoError(t, db.AutoMigrate(&Shop{}))
		require.NoError(t, db.AutoMigrate(&Shop{}))
		assert.Equal(t, d.Name != "mariadb", db.Migrator().HasConstraint(&Shop{}, "fk_area"))
		require.NoError(t, db.Exec("INSERT INTO areas (code) VALUES ('a')").Error)
		require.NoError(t, db.Exec("INSERT INTO shops_a (id, area_code) VALUES (1, 'a')").Error)
		require.NoError(t, db.Exec("DELETE FROM areas").Error)
		var n int64
		require.NoError(t, db.Table("shops_a").Count(&n).Error)
		assert.Equal(t, d.Name == "mariadb", n == 1, "the rest of the constraint is kept")
	})
}

// TestQualifiedTables: an entity in another schema than the first of the path.
func TestQualifiedTables(t *testing.T) {
	t.Parallel()
	db := testenv.Only(t, "postgres").Open(t)
	require.NoError(t, db.Exec("CREATE SCHEMA sales").Error)
	table := entity(t, db, &Sale{}, config.ByValue("Region", "EU", "US"), "EU", "US")
	require.Equal(t, "sales.sales_eu", table.Shards[0].Table)
	wrap(db, migrator.Hooks{}, table)
	require.NoError(t, db.AutoMigrate(&Sale{}))
	sent := testenv.Record(db)
	require.NoError(t, db.AutoMigrate(&Sale{}))
	assert.Empty(t, ddl(sent))
	var n int
	require.NoError(t, db.Raw("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'sales'").Scan(&n).Error)
	assert.Equal(t, 2, n)
	m := db.Migrator()
	assert.True(t, m.HasTable(&Sale{}) && m.HasTable("sales.sales") && m.HasIndex(&Sale{}, "idx_amount"))
	require.NoError(t, m.DropIndex(&Sale{}, "idx_amount"))
	assert.False(t, m.HasIndex(&Sale{}, "idx_amount"))
	require.NoError(t, db.AutoMigrate(&Sale{}))
	assert.Empty(t, migrator.Inspect(db, table, false))
	require.NoError(t, migrator.EnsureShard(db, config.NewCatalog(1, table), table, table.ShardTable("JP")))
	require.NoError(t, db.Table("sales.sales_us").Migrator().DropTable(&Sale{}))
	assert.False(t, m.HasTable(&Sale{}))
	require.NoError(t, m.DropTable(&Sale{}))
	require.NoError(t, db.Raw("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'sales'").Scan(&n).Error)
	assert.Equal(t, 1, n)
}

// Sale lives in a schema of its own.
type Sale struct {
	ID     int64  `gorm:"primaryKey"`
	Region string `gorm:"size:8;unique"`
	Amount int    `gorm:"index:idx_amount;check:amount > 0"`
}

// TableName is qualified.
func (Sale) TableName() string { return "sales.sales" }

// TestQualifiedElsewhere: drivers that cannot see tables of another schema.
func TestQualifiedElsewhere(t *testing.T) {
	t.Parallel()
	for _, d := range testenv.Databases(t) {
		if d.Name == "postgres" {
			continue
		}
		db := d.Open(t)
		table := entity(t, db, &Sale{}, config.ByValue("Region", "EU"), "EU")
		wrap(db, migrator.Hooks{}, table)
		assert.ErrorIs(t, db.AutoMigrate(&Sale{}), config.ErrUnsupported)
		assert.ErrorIs(t, migrator.EnsureShard(db, config.NewCatalog(1, table), table, table.Shards[0]), config.ErrUnsupported)
	}
}

// TestAutoMigrateConcurrently: programs that start at the same time.
func TestAutoMigrateConcurrently(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		first := d.Open(t)
		errs := make([]error, 4)
		var group sync.WaitGroup
		for i := range errs {
			db := testenv.Reopen(t, first)
			wrap(db, migrator.Hooks{}, words(t, db))
			group.Go(func() { errs[i] = db.AutoMigrate(&Word{}) })
		}
		group.Wait()
		for _, err := range errs {
			assert.NoError(t, err)
		}
	})
}

// TestAutoMigrateSessions: in a transaction, with prepared statements, and in DryRun.
func TestAutoMigrateSessions(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t, &gorm.Config{PrepareStmt: true})
		wrap(db, migrator.Hooks{}, words(t, db))
		sent := testenv.Record(db)
		require.NoError(t, db.Session(&gorm.Session{DryRun: true}).AutoMigrate(&Word{}))
		assert.Empty(t, ddl(sent))
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error { return tx.AutoMigrate(&Word{}) }))
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error { return tx.AutoMigrate(&Word{}) }))
		assert.True(t, db.Migrator().HasTable(&Word{}))
		require.NoError(t, db.Set("gorm:table_options", "").AutoMigrate(&Word{}))
	})
}
