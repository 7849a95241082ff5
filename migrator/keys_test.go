package migrator_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/migrator"
)

// TestKeyColumnsCompareByBytes asks each engine, not the settings.
func TestKeyColumnsCompareByBytes(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		wrap(db, migrator.Hooks{}, words(t, db))
		require.NoError(t, db.AutoMigrate(&Word{}))
		for i, text := range []string{"us", "US", "us ", "Z", "a", "ß", "ss"} {
			require.NoError(t, db.Exec("INSERT INTO words_a_m (id, text, note) VALUES (?, ?, '')", i, text).Error)
		}
		var n int64
		for _, text := range []string{"us", "US", "us ", "ss"} {
			require.NoError(t, db.Table("words_a_m").Where("text = ?", text).Count(&n).Error)
			assert.EqualValues(t, 1, n, text)
		}
		var sorted []string
		require.NoError(t, db.Table("words_a_m").Order("text").Pluck("text", &sorted).Error)
		assert.Equal(t, []string{"US", "Z", "a", "ss", "us", "us ", "ß"}, sorted, "an alphabet's column sorts by bytes")
	})
}

// TestPlainColumnsAreAltered starts from a table that the program made without dtde.
func TestPlainColumnsAreAltered(t *testing.T) {
	t.Parallel()
	plain := map[string]string{
		"sqlite":   "VARCHAR(50) COLLATE NOCASE",
		"postgres": "varchar(50)",
		"mariadb":  "varchar(50) COLLATE utf8mb4_general_ci",
	}
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		table := words(t, db)
		wrap(db, migrator.Hooks{}, table)
		create := "CREATE TABLE words_a_m (id bigint PRIMARY KEY, text " + plain[d.Name] + ", note " + map[string]string{"sqlite": "text", "postgres": "text", "mariadb": "varchar(191)"}[d.Name] + ")"
		require.NoError(t, db.Exec(create).Error)
		require.NoError(t, db.Exec("INSERT INTO words_a_m VALUES (1, 'alpha', 'n')").Error)

		before, err := migrator.Facts(db, table)
		require.NoError(t, err)
		assert.False(t, before[0].BytesOrder)
		faults := migrator.Inspect(db, table, true)
		require.Len(t, faults, 1)
		assert.ErrorIs(t, faults[0], migrator.ErrCollation)
		assert.ErrorIs(t, faults[0], config.ErrConfig)

		require.NoError(t, db.AutoMigrate(&Word{}))
		after, err := migrator.Facts(db, table)
		require.NoError(t, err)
		assert.True(t, after[0].BytesEqual && after[0].BytesOrder && !after[0].Padded)
		assert.Empty(t, migrator.Inspect(db, table, false))
		assert.True(t, db.Migrator().HasIndex(&Word{}, "idx_note"))
		var note string
		require.NoError(t, db.Table("words_a_m").Select("note").Where("text = 'alpha'").Scan(&note).Error)
		assert.Equal(t, "n", note)

		sent := testenv.Record(db)
		require.NoError(t, db.AutoMigrate(&Word{}))
		assert.Empty(t, ddl(sent))
	})
}

// TestFactsPerType compares what GORM's types are said to be with what they are.
func TestFactsPerType(t *testing.T) {
	t.Parallel()
	type Typed struct {
		ID      int64  `gorm:"primaryKey;autoIncrement:false"`
		Text    string `gorm:"size:20"`
		Long    string
		Fixed   string `gorm:"type:char(8)"`
		Bytes   []byte `gorm:"size:16"`
		At      time.Time
		Seconds time.Time `gorm:"precision:1"`
		Day     time.Time `gorm:"type:date"`
		Number  int
	}
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		spec := config.StrategySpec{Kind: "value", Fields: []string{"Text", "Long", "Fixed", "Bytes", "At", "Seconds", "Day", "Number"}}
		table := entity(t, db, &Typed{}, spec, "a", "b")
		wrap(db, migrator.Hooks{}, table)
		declared, err := migrator.Facts(db, table)
		require.NoError(t, err)
		require.NoError(t, db.AutoMigrate(&Typed{}))
		real, err := migrator.Facts(db, table)
		require.NoError(t, err)
		for i := range real {
			want := table.Keys[i]
			want.BytesOrder = real[i].BytesOrder // what is declared is at least what there is
			assert.Equal(t, want, real[i], want.Column)
			assert.False(t, table.Keys[i].BytesOrder && !real[i].BytesOrder, want.Column)
			assert.False(t, declared[i].BytesOrder && !real[i].BytesOrder, want.Column)
		}
		assert.Empty(t, migrator.Inspect(db, table, false))
	})
}

func TestInspect(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		table := orders(t, db)
		wrap(db, migrator.Hooks{}, table)
		assert.Empty(t, migrator.Inspect(db, table, true), "nothing is there yet")

		faults := migrator.Inspect(db, table, false)
		require.Len(t, faults, 2)
		assert.ErrorContains(t, faults[0], `Order.orders_eu: the table of shard "EU" does not exist`)

		require.NoError(t, db.AutoMigrate(&Order{}))
		assert.Empty(t, migrator.Inspect(db, table, false))

		require.NoError(t, db.Exec("CREATE VIEW orders AS SELECT 1 AS x").Error)
		require.NoError(t, db.Exec("ALTER TABLE orders_us DROP COLUMN note").Error)
		sent := testenv.Record(db)
		faults = migrator.Inspect(db, table, false)
		assert.Len(t, sent.Statements(), 1)
		require.Len(t, faults, 2)
		assert.ErrorContains(t, faults[0], "Order.orders: the logical name is a view of the database")
		assert.ErrorContains(t, faults[1], `Order.orders_us: the table of shard "US" has no column note`)
		assert.Len(t, migrator.Inspect(db, table, true), 1)
	})
}
