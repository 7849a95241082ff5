package migrator_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/migrator"
)

// Contract keeps versions with open ends as NULL; its key has no size.
type Contract struct {
	ID        int64      `gorm:"primaryKey;autoIncrement:false"`
	Number    string     `gorm:"index:idx_number"`
	ValidFrom time.Time  `gorm:"not null"`
	ValidTo   *time.Time `gorm:"check:name_of_its_own,valid_to > '1900-01-01'"`
	Lines     []Line     `gorm:"foreignKey:ContractNumber;references:Number;constraint:OnDelete:CASCADE"`
}

// Line refers to a contract, not to a version of it.
type Line struct {
	ID             int64  `gorm:"primaryKey;autoIncrement:false"`
	ContractNumber string `gorm:"size:40"`
}

// Tariff has the sentinel, system time and soft delete.
type Tariff struct {
	ID         int64     `gorm:"primaryKey;autoIncrement:false"`
	Zone       int       `gorm:"not null"`
	Class      int       `gorm:"not null"`
	Since      time.Time `gorm:"not null"`
	Until      time.Time `gorm:"not null"`
	RecordedAt time.Time `gorm:"not null"`
	RecordedTo *time.Time
	DeletedAt  gorm.DeletedAt
}

// versioned gives a table made by hand its versions.
func versioned(db *gorm.DB, t *config.Table, keys []string, valid config.PeriodColumns, system *config.PeriodColumns) *config.Table {
	v := &config.Validity{Valid: valid, System: system}
	for _, name := range keys {
		v.Key = append(v.Key, config.KeyColumnOf(t.Schema.LookUpField(name), db.Name()))
	}
	t.Validity = v
	return t
}

func contracts(t testing.TB, db *gorm.DB) *config.Table {
	table := entity(t, db, &Contract{}, config.ByValue("Number", "a", "b"), "a", "b")
	return versioned(db, table, []string{"Number"}, config.PeriodColumns{
		From: table.Schema.LookUpField("ValidFrom"), To: table.Schema.LookUpField("ValidTo"), Open: config.OpenNull, Nullable: true,
	}, nil)
}

func tariffs(t testing.TB, db *gorm.DB) *config.Table {
	table := entity(t, db, &Tariff{}, config.StrategySpec{})
	table.Unsharded, table.Shards = true, []*config.Shard{{ID: config.UnshardedShard, Table: "tariffs"}}
	return versioned(db, table, []string{"Zone", "Class"}, config.PeriodColumns{
		From: table.Schema.LookUpField("Since"), To: table.Schema.LookUpField("Until"), Open: config.OpenSentinel,
	}, &config.PeriodColumns{
		From: table.Schema.LookUpField("RecordedAt"), To: table.Schema.LookUpField("RecordedTo"), Open: config.OpenNull, Nullable: true,
	})
}

func day(n int) time.Time { return time.Date(2024, 1, n, 0, 0, 0, 0, time.UTC) }

// until is an end; 0 is none.
func until(n int) *time.Time {
	if n == 0 {
		return nil
	}
	d := day(n)
	return &d
}

// TestVersionConstraints: what the engine can enforce it does, on every shard, in
// tables that are made and in those that are there.
func TestVersionConstraints(t *testing.T) {
	t.Parallel()
	for _, made := range []string{"new", "existing"} {
		t.Run(made, func(t *testing.T) {
			t.Parallel()
			testenv.Each(t, func(t *testing.T, d testenv.DB) {
				db := d.Open(t, &gorm.Config{Logger: logger.Discard})
				if d.Name == "postgres" {
					require.NoError(t, db.Exec("CREATE EXTENSION btree_gist").Error)
				}
				table := contracts(t, db)
				v := table.Validity
				wrap(db, migrator.Hooks{}, table)
				if made == "existing" {
					table.Validity = nil
					require.NoError(t, db.AutoMigrate(&Contract{}))
					table.Validity = v
				}
				require.NoError(t, db.AutoMigrate(&Contract{}))
				sent := testenv.Record(db)
				require.NoError(t, db.AutoMigrate(&Contract{}))
				assert.Empty(t, ddl(sent), "a second AutoMigrate changes nothing")

				for _, shard := range []string{"contracts_a", "contracts_b"} {
					id := 0
					insert := func(number string, from, to int) error {
						id++
						return db.Exec("INSERT INTO "+shard+" (id, number, valid_from, valid_to) VALUES (?, ?, ?, ?)", id, number, day(from), until(to)).Error
					}
					require.NoError(t, insert("1", 1, 5))
					require.NoError(t, insert("1", 5, 0), "it starts where the other ends")
					require.NoError(t, insert("2", 1, 0), "another key")
					assert.Error(t, insert("3", 5, 5), "an empty period")
					assert.Error(t, insert("3", 5, 4), "a period that ends before it starts")
					assert.Error(t, insert("1", 1, 2), "two that start together")
					if d.Name != "mariadb" {
						assert.Error(t, insert("1", 7, 0), "two that are open")
					}
					overlaps := insert("1", 2, 4)
					assert.Equal(t, d.Name == "postgres", overlaps != nil, "only PostgreSQL knows overlaps: %v", overlaps)
				}
			})
		})
	}
}

// TestVersionConstraintsWithSystemTime: rows that are superseded, or softly deleted,
// are no versions.
func TestVersionConstraintsWithSystemTime(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t, &gorm.Config{Logger: logger.Discard})
		if d.Name == "postgres" {
			require.NoError(t, db.Exec("CREATE EXTENSION btree_gist").Error)
		}
		wrap(db, migrator.Hooks{}, tariffs(t, db))
		require.NoError(t, db.AutoMigrate(&Tariff{}))
		id := 0
		insert := func(from int, to time.Time, known, superseded int, deleted *time.Time) error {
			id++
			return db.Exec("INSERT INTO tariffs (id, zone, class, since, until, recorded_at, recorded_to, deleted_at) VALUES (?, 1, 2, ?, ?, ?, ?, ?)",
				id, day(from), to, day(known), until(superseded), deleted).Error
		}
		open := config.OpenSentinelTime
		require.NoError(t, insert(1, open, 1, 2, nil))
		require.NoError(t, insert(1, open, 2, 3, nil), "superseded too")
		require.NoError(t, insert(1, open, 3, 0, until(9)), "deleted")
		require.NoError(t, insert(1, open, 3, 0, nil))
		assert.Error(t, insert(1, day(1), 3, 9, nil), "an empty period")
		assert.Error(t, insert(9, day(10), 3, 3, nil), "known for no time")
		if d.Name != "mariadb" {
			assert.Error(t, insert(1, day(2), 4, 0, nil), "two that start together")
			assert.Error(t, insert(4, open, 4, 0, nil), "two that are open")
		}
	})
}

// Leaf has an entity key that MariaDB cannot index, and no ends.
type Leaf struct {
	ID     int64     `gorm:"primaryKey;autoIncrement:false"`
	Number string    `gorm:"type:text"`
	Since  time.Time `gorm:"not null"`
}

// TestUnenforced: what the engine cannot hold is said once per table, and the table made.
func TestUnenforced(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		var warned []string
		db := d.Open(t, &gorm.Config{Logger: warnings{logger.Discard, &warned}})
		leaf := entity(t, db, &Leaf{}, config.ByValue("ID", "a", "b"), "a", "b")
		leaf.Keys = nil
		versioned(db, leaf, []string{"Number"}, config.PeriodColumns{From: leaf.Schema.LookUpField("Since")}, nil)
		wrap(db, migrator.Hooks{}, leaf, tariffs(t, db))
		require.NoError(t, db.AutoMigrate(&Leaf{}, &Tariff{}))
		var said int
		for _, w := range warned {
			if strings.Contains(w, "uni_version_start") {
				said++
			}
		}
		want := map[string]int{"mariadb": 3}[d.Name] // two shards without a key length, one table without partial indexes
		assert.Equal(t, want, said, "%q", warned)
		assert.True(t, physical(db, "leafs_a") || physical(db, "leaves_a"))
		assert.Equal(t, d.Name != "mariadb", db.Exec(`INSERT INTO `+leaf.Shards[0].Table+` (id, number, since) VALUES (1, 'x', ?), (2, 'x', ?)`, day(1), day(1)).Error != nil)
	})
}

// TestNamesOfUnsharded: the table is the model's own, and so are the names in it.
func TestNamesOfUnsharded(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t, &gorm.Config{Logger: logger.Discard})
		require.NoError(t, db.AutoMigrate(&Contract{}))
		table := contracts(t, db)
		table.Keys = nil
		table.Unsharded, table.Shards = true, []*config.Shard{{ID: config.UnshardedShard, Table: "contracts"}}
		wrap(db, migrator.Hooks{}, table)
		sent := testenv.Record(db)
		require.NoError(t, db.AutoMigrate(&Contract{}))
		for _, s := range ddl(sent) {
			// SQLite's driver makes a table anew for a check, and its indexes with it.
			assert.NotContains(t, s, "idx_number_", "the model's name has no shard in it")
		}
		assert.True(t, db.Migrator().HasIndex(&Contract{}, "idx_number"))
		assert.True(t, db.Migrator().HasConstraint(&Contract{}, "name_of_its_own"))
	})
}

// TestNoForeignKeyToVersions: the entity key is in many rows, and the end of one of them
// is not its children's.
func TestNoForeignKeyToVersions(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		var warned []string
		db := d.Open(t, &gorm.Config{Logger: warnings{logger.Discard, &warned}})
		c := wrap(db, migrator.Hooks{}, contracts(t, db))
		require.NoError(t, db.AutoMigrate(&Contract{}, &Line{}))
		assert.Contains(t, warned, "fk_contracts_lines lines")
		keys, err := migrator.ForeignKeys(db, c)
		require.NoError(t, err)
		require.Len(t, keys, 1)
		assert.False(t, keys[0].Held)
		assert.Empty(t, keys[0].OnDelete)
		assert.Contains(t, keys[0].Reason, "versions")
		var refused *config.UnsupportedError
		require.ErrorAs(t, db.Migrator().CreateConstraint(&Contract{}, "fk_contracts_lines"), &refused)
	})
}

// TestMissingExtension: without it PostgreSQL's tables are made all the same, with a
// warning, and a later AutoMigrate adds the constraint.
func TestMissingExtension(t *testing.T) {
	t.Parallel()
	var warned []string
	db := testenv.Only(t, "postgres").Open(t, &gorm.Config{Logger: warnings{logger.Discard, &warned}})
	wrap(db, migrator.Hooks{}, contracts(t, db))
	require.NoError(t, db.AutoMigrate(&Contract{}))
	assert.Contains(t, warned, "exc_version_overlap_contracts_a contracts_a")
	require.NoError(t, db.Exec("CREATE EXTENSION btree_gist").Error)
	sent := testenv.Record(db)
	require.NoError(t, db.AutoMigrate(&Contract{}))
	assert.Contains(t, strings.Join(ddl(sent), "\n"), "EXCLUDE USING gist")
}
