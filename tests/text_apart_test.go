package tests

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// apartTexts are texts over one entity, which the builder could have said.
var apartTexts = map[string]struct {
	text string
	args []any
}{
	"all":                     {"SELECT * FROM tallies ORDER BY id", nil},
	"a condition":             {"SELECT * FROM tallies WHERE kind = ? OR small > ? ORDER BY id DESC", []any{2, 10}},
	"columns and an alias":    {"select t.id, t.kind as k, t.amount from tallies t where t.weight > 3.5 order by t.id limit 7", nil},
	"AS":                      {"SELECT a.id FROM tallies AS a WHERE a.id BETWEEN ? AND ? ORDER BY a.id", []any{5, 50}},
	"computed":                {"SELECT id, kind + ? AS more, COALESCE(small, 0) AS small FROM tallies WHERE id < ? ORDER BY id", []any{100, 30}},
	"a page":                  {"SELECT id, kind, name FROM tallies ORDER BY kind DESC, id LIMIT ? OFFSET ?", []any{5, 12}},
	"an odd condition":        {"SELECT id FROM tallies WHERE 1 = 1 ORDER BY id LIMIT 3", nil},
	"DISTINCT":                {"SELECT DISTINCT kind FROM tallies WHERE sold = ? ORDER BY kind", []any{true}},
	"counts":                  {"SELECT COUNT(*) AS n, COUNT(small) AS s, COUNT(DISTINCT kind) AS d FROM tallies", nil},
	"no rows":                 {"SELECT COUNT(*) AS n, SUM(small) AS s, MIN(id) AS m FROM tallies WHERE id < 0", nil},
	"groups":                  {"SELECT kind, SUM(small) AS s, MAX(id) AS m FROM tallies GROUP BY kind ORDER BY kind", nil},
	"HAVING and a limit":      {"SELECT kind, COUNT(*) AS n FROM tallies WHERE id > ? GROUP BY kind HAVING COUNT(*) > ? ORDER BY n DESC, kind LIMIT 3", []any{4, 2}},
	"commas in a list":        {"SELECT id FROM tallies WHERE kind IN ? AND id > ? ORDER BY id", []any{[]int{1, 3, 5}, 20}},
	"a quote and a semicolon": {"SELECT id FROM tallies WHERE name <> 'a''b' AND kind = ? ORDER BY id;", []any{3}},
	"comments":                {"SELECT /* all */ id -- of them\nFROM tallies WHERE kind = ? ORDER BY id", []any{1}},
}

// TestTextOverDatabases: the text of a SELECT over one entity whose shards live in several
// databases is merged as the builder's statement is.
func TestTextOverDatabases(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		f := openGroupForms(t, d)
		for name, c := range apartTexts {
			t.Run(name, func(t *testing.T) {
				f.same(t, func(tx *gorm.DB) *gorm.DB { return tx.Raw(c.text, c.args...) }, nil)
			})
		}
		three := f.forms["three databases"]
		t.Run("into models", func(t *testing.T) {
			text := "SELECT * FROM tallies WHERE kind < ? ORDER BY id LIMIT 10"
			var want, got []Tally
			require.NoError(t, f.plain.Raw(text, 3).Scan(&want).Error)
			tx := three.Raw(text, 3).Scan(&got)
			require.NoError(t, tx.Error)
			assert.Equal(t, want, got)
			assert.EqualValues(t, len(want), tx.RowsAffected)
			assert.Len(t, dtde.Plans(tx), 1)
			require.NoError(t, three.Raw(text, 3).Find(&got).Error)
			assert.Equal(t, want, got)
			one := Tally{ID: 77} // a text takes no condition from it
			require.NoError(t, three.Raw("SELECT * FROM tallies WHERE kind < 3 ORDER BY id").First(&one).Error)
			assert.Equal(t, want[0], one)
		})
		t.Run("by Row and Rows", func(t *testing.T) {
			var n, m int
			require.NoError(t, f.plain.Raw("SELECT COUNT(*) FROM tallies WHERE kind = 1").Row().Scan(&n))
			require.NoError(t, three.Raw("SELECT COUNT(*) FROM tallies WHERE kind = 1").Row().Scan(&m))
			assert.Equal(t, n, m)
			rows, err := three.Raw("SELECT id FROM tallies ORDER BY id").Rows()
			require.NoError(t, err)
			var ids []int
			for rows.Next() {
				require.NoError(t, rows.Scan(&n))
				ids = append(ids, n)
			}
			require.NoError(t, rows.Close())
			assert.Len(t, ids, 120)
			assert.IsIncreasing(t, ids)
			err = three.Raw("SELECT id FROM tallies WHERE id < 0 AND kind < 99").Row().Scan(&n)
			require.ErrorIs(t, err, sql.ErrNoRows)
		})
		t.Run("with scopes", func(t *testing.T) {
			var report dtde.Report
			var ids []int64
			require.NoError(t, three.Scopes(dtde.WithReport(&report)).Raw("SELECT id FROM tallies WHERE kind = 2 ORDER BY id").Scan(&ids).Error)
			assert.NotEmpty(t, ids)
			assert.NotEmpty(t, report.Shards)
			plans, err := dtde.Explain(three, func(tx *gorm.DB) *gorm.DB { return tx.Raw("SELECT id FROM tallies ORDER BY id LIMIT 2").Find(&ids) })
			require.NoError(t, err)
			require.Len(t, plans, 1)
			assert.Len(t, plans[0].Databases(), 3)
		})
		t.Run("in a transaction", func(t *testing.T) {
			var n int
			require.NoError(t, bestEffort(three).Transaction(func(tx *gorm.DB) error {
				require.NoError(t, tx.Create(&Tally{ID: 1000, Kind: 77}).Error)
				return tx.Raw("SELECT COUNT(*) FROM tallies WHERE kind >= ?", 77).Scan(&n).Error
			}))
			assert.Equal(t, 1, n, "what it wrote")
			require.NoError(t, three.Delete(&Tally{}, 1000).Error)
		})
		t.Run("refused", func(t *testing.T) {
			for _, text := range []string{
				"SELECT id FROM tallies FOR UPDATE",
				"SELECT id FROM tallies WHERE kind = (SELECT MAX(kind) FROM tallies)",
				"EXPLAIN SELECT id FROM tallies",
				"SELECT id FROM tallies WHERE name = '?'",
			} {
				refusedAs(t, "databases-join", three.Raw(text).Scan(&[]int{}).Error)
			}
		})
	})
}

// TestTextOverDatabasesSeesAllVersions: no lens narrows a text, as in one database.
func TestTextOverDatabasesSeesAllVersions(t *testing.T) {
	t.Parallel()
	db, _ := overDatabases(t, testenv.SQLite(), dtde.Model(&Placement{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Code").
		ShardByHash("Code", 6).WithStorageMode(dtde.Databases).CurrentByDefault())
	require.NoError(t, db.AutoMigrate(&Placement{}))
	tx := bestEffort(db)
	for _, code := range []string{"a", "b", "c", "d"} {
		for month := range 3 {
			_, err := dtde.SaveWithVersioning(tx, &Placement{Code: code, Count: month}, dtde.Effective(date(2024, 1+month, 1)))
			require.NoError(t, err)
		}
	}
	var all, now []Placement
	require.NoError(t, db.Raw("SELECT * FROM placements ORDER BY code").Scan(&all).Error)
	assert.Len(t, all, 12)
	require.NoError(t, db.Find(&now).Error)
	assert.Len(t, now, 4)
	require.NoError(t, db.Scopes(dtde.ValidAt(date(2024, 2, 2))).Raw("SELECT * FROM placements").Scan(&all).Error)
	assert.Len(t, all, 12)
}
