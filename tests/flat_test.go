package tests

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Petal is read in no order: the shards' own statements, put together.
type Petal struct {
	ID     int64 `gorm:"primaryKey;autoIncrement:false"`
	Color  string
	Width  int64
	Length *int64
	Fallen time.Time
	Gone   gorm.DeletedAt
}

// PlainPetal holds the same rows in one table.
type PlainPetal Petal

// PetalSize is a smaller struct of it.
type PetalSize struct {
	ID     int64
	Length *int64
	Width  int64
}

// petals are in three tables, of which the second has its columns in another order, as
// one that was altered by hand may.
func petals(t *testing.T, db *gorm.DB) {
	t.Helper()
	require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{dtde.Model(&Petal{}).ShardBy("Color", "green", "red", "brown")}})))
	require.NoError(t, db.AutoMigrate(&Petal{}, &PlainPetal{}))
	plain := testenv.Reopen(t, db)
	width := "BIGINT"
	require.NoError(t, plain.Exec("ALTER TABLE petals_red DROP COLUMN width").Error)
	require.NoError(t, plain.Exec("ALTER TABLE petals_red ADD COLUMN width "+width).Error)
	for i := range int64(60) {
		l := Petal{ID: i, Color: []string{"green", "red", "brown"}[i%3], Width: i % 7, Fallen: time.Date(2024, 3, 1, 0, int(i), 0, 123456000, time.UTC)}
		if i%5 > 0 {
			n := i * 10
			l.Length = &n
		}
		l.Gone = gorm.DeletedAt{Time: utc(2024, 6, 1), Valid: i%11 == 3}
		require.NoError(t, db.Create(&l).Error)
		require.NoError(t, db.Create((*PlainPetal)(&l)).Error)
	}
}

// TestRowsInNoOrder: the rows are those of one table, whatever is selected, and where
// the text is flat, nothing stands around the branches.
func TestRowsInNoOrder(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		petals(t, db)
		for name, c := range map[string]struct {
			build func(tx *gorm.DB) *gorm.DB
			// derived tells that the branches stand in a derived table on every engine.
			derived bool
		}{
			"all":          {build: func(tx *gorm.DB) *gorm.DB { return tx }},
			"star":         {build: func(tx *gorm.DB) *gorm.DB { return tx.Select("*") }},
			"deleted, too": {build: func(tx *gorm.DB) *gorm.DB { return tx.Unscoped() }},
			"conditions":   {build: func(tx *gorm.DB) *gorm.DB { return tx.Where("width > ?", 2).Or("length IS NULL").Not("id = ?", 20) }},
			"keys":         {build: func(tx *gorm.DB) *gorm.DB { return tx.Where("id IN ?", []int{1, 2, 3, 14, 30, 31}) }},
			"shards": {build: func(tx *gorm.DB) *gorm.DB {
				return tx.Where("color IN ?", []string{"red", "brown"}).Where("width < ?", 4)
			}},
			"columns":        {build: func(tx *gorm.DB) *gorm.DB { return tx.Select("width", "id", "fallen") }},
			"omitted":        {build: func(tx *gorm.DB) *gorm.DB { return tx.Omit("Length") }},
			"fields by name": {build: func(tx *gorm.DB) *gorm.DB { return tx.Session(&gorm.Session{QueryFields: true}) }},
			"expressions":    {build: func(tx *gorm.DB) *gorm.DB { return tx.Select("id, width + 1 AS width") }, derived: true},
			"distinct":       {build: func(tx *gorm.DB) *gorm.DB { return tx.Distinct("width", "color") }, derived: true},
			"a limit":        {build: func(tx *gorm.DB) *gorm.DB { return tx.Limit(100) }, derived: true},
			"a subquery": {build: func(tx *gorm.DB) *gorm.DB {
				return tx.Where("id IN (?)", tx.Session(&gorm.Session{NewDB: true}).Table("plain_petals").Select("id").Where("width = 3"))
			}, derived: true},
			"subquery in text": {build: func(tx *gorm.DB) *gorm.DB { return tx.Where("id IN (SELECT id FROM plain_petals WHERE width = 3)") }, derived: true},
		} {
			t.Run(name, func(t *testing.T) {
				flat := !c.derived && db.Name() != "postgres"
				text := db.ToSQL(func(tx *gorm.DB) *gorm.DB { return c.build(tx.Model(&Petal{})).Find(&[]Petal{}) })
				assert.Equal(t, flat, !strings.Contains(text, "(SELECT") && strings.Contains(text, "UNION ALL"), text)

				var got []Petal
				require.NoError(t, c.build(db.Model(&Petal{})).Find(&got).Error)
				var want []PlainPetal
				require.NoError(t, c.build(db.Model(&PlainPetal{})).Find(&want).Error)
				require.NotEmpty(t, want)
				assert.Equal(t, petalRows(want), petalRows(got))
				if strings.HasPrefix(name, "dist") {
					return
				}
				var sizes, wantSizes []PetalSize
				require.NoError(t, c.build(db.Model(&Petal{})).Find(&sizes).Error)
				require.NoError(t, c.build(db.Model(&PlainPetal{})).Find(&wantSizes).Error)
				assert.ElementsMatch(t, wantSizes, sizes)
			})
		}
		t.Run("the destination's key", func(t *testing.T) {
			got, want := Petal{ID: 7}, PlainPetal{ID: 7}
			require.NoError(t, db.Where("width >= ?", 0).Find(&got).Error)
			require.NoError(t, db.Where("width >= ?", 0).Find(&want).Error)
			assert.Equal(t, petalRows([]PlainPetal{want}), petalRows([]Petal{got}))
		})
		t.Run("maps, plucks and rows", func(t *testing.T) {
			var maps, wantMaps []map[string]any
			require.NoError(t, db.Model(&Petal{}).Find(&maps).Error)
			require.NoError(t, db.Model(&PlainPetal{}).Find(&wantMaps).Error)
			assert.ElementsMatch(t, wantMaps, maps)
			var ids, wantIDs []int64
			require.NoError(t, db.Model(&Petal{}).Where("width = ?", 2).Pluck("id", &ids).Error)
			require.NoError(t, db.Model(&PlainPetal{}).Where("width = ?", 2).Pluck("id", &wantIDs).Error)
			assert.ElementsMatch(t, wantIDs, ids)
			rows, err := db.Model(&Petal{}).Rows()
			require.NoError(t, err)
			var streamed []Petal
			for rows.Next() {
				var l Petal
				require.NoError(t, db.ScanRows(rows, &l))
				streamed = append(streamed, l)
			}
			require.NoError(t, rows.Close())
			var want []PlainPetal
			require.NoError(t, db.Find(&want).Error)
			assert.Equal(t, petalRows(want), petalRows(streamed))
		})
		t.Run("a chain that goes on", func(t *testing.T) {
			chain := db.Model(&Petal{}).Where("width > ?", 1)
			var found []Petal
			require.NoError(t, chain.Find(&found).Error)
			var n int64
			require.NoError(t, chain.Count(&n).Error)
			assert.EqualValues(t, len(found), n)
		})
	})
}

// petalRows gives rows in one order and with times that compare.
func petalRows[T Petal | PlainPetal](rows []T) []Petal {
	all := make([]Petal, len(rows))
	for i, row := range rows {
		all[i] = Petal(row)
		all[i].Fallen, all[i].Gone.Time = all[i].Fallen.UTC(), all[i].Gone.Time.UTC()
	}
	slices.SortFunc(all, func(a, b Petal) int {
		if a.ID != b.ID {
			return int(a.ID - b.ID)
		}
		return strings.Compare(a.Color, b.Color)*100 + int(a.Width-b.Width)
	})
	return all
}
