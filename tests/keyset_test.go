package tests

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
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

// Leaflet is sharded by the month of Day, which is made on demand.
type Leaflet struct {
	ID     int64 `gorm:"primaryKey;autoIncrement:false"`
	Day    time.Time
	Name   *string `gorm:"size:20"`
	Weight *int
	Level  int // NULL in some rows, which Go shows as 0
	Score  float64
	Gone   gorm.DeletedAt
}

func leaflets() dtde.Entity {
	return dtde.Model(&Leaflet{}).ShardByDate("Day", dtde.Month, utc(2024, 1, 1), utc(2026, 1, 1))
}

// someLeaflets draws leaflets with ties, NULLs and text that sorts by no bytes.
func someLeaflets(random *rand.Rand, from, n, firstMonth, months int) []Leaflet {
	names := []string{"a", "A", "ä", "Ä", "b", "z", "Z", "ß", "", " x", "a b", "été", "10", "9"}
	out := make([]Leaflet, n)
	for i := range out {
		note := &out[i]
		note.ID = int64(from + i)
		note.Day = utc(2024, time.Month(firstMonth+random.IntN(months)), 1+random.IntN(28)).Add(time.Duration(random.IntN(4)) * 1500 * time.Millisecond)
		if k := random.IntN(len(names) + 3); k < len(names) {
			note.Name = &names[k]
		}
		if k := random.IntN(6); k > 0 {
			note.Weight = &k
		}
		note.Level = random.IntN(4) - 1
		note.Score = float64(random.IntN(40)) / 3
	}
	return out
}

func TestPagesByCursor(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, plain := d.Open(t), d.Open(t)
		testenv.LeakCheck(t, db, plain)
		use(t, db, entities(leaflets()))
		require.NoError(t, plain.AutoMigrate(&Leaflet{}))
		random := rand.New(rand.NewPCG(7, 11))
		both := func(run func(tx *gorm.DB) error) {
			t.Helper()
			require.NoError(t, run(db))
			require.NoError(t, run(plain))
		}
		insert := func(ns []Leaflet) {
			t.Helper()
			for _, tx := range []*gorm.DB{db, plain} {
				require.NoError(t, tx.CreateInBatches(slices.Clone(ns), 250).Error)
			}
			both(func(tx *gorm.DB) error {
				return tx.Model(&Leaflet{}).Where("id >= ? AND level = 0 AND id % 2 = 0", ns[0].ID).Update("level", gorm.Expr("NULL")).Error
			})
		}
		next, month := 1, 1
		count := 1000
		if testing.Short() {
			count = 200
		}
		insert(someLeaflets(random, next, count, month, 4))
		next, month = next+count, month+4
		for _, order := range []string{
			"", "id desc", "name", "name desc", "weight desc, name", "weight, day desc", "score desc", "level", "level desc, id desc", "day, name desc", "name, name desc, weight",
		} {
			t.Run("by "+order, func(t *testing.T) {
				total := strings.Trim(order+", id", ", ")
				cursor, pages, late := "", 0, []Leaflet(nil)
				ids := func() (all []int64) {
					require.NoError(t, plain.Model(&Leaflet{}).Where("id % 3 > 0").Or("weight = ?", 2).Order(total).Pluck("id", &all).Error)
					return all
				}
				want := ids()
				at := 0
				for {
					var page []Leaflet
					q := db.Where("id % 3 > 0").Or("weight = ?", 2).Limit(7)
					if order != "" {
						q = q.Order(order)
					}
					res := q.Scopes(dtde.After(cursor)).Find(&page)
					require.NoError(t, res.Error)
					got := make([]int64, len(page))
					for i, n := range page {
						got[i] = n.ID
					}
					require.Equal(t, want[at:min(at+7, len(want))], got, "page %d", pages)
					if len(page) == 0 {
						break
					}
					last := page[len(page)-1]
					var err error
					cursor, err = dtde.CursorOf(res, last)
					require.NoError(t, err)
					require.Equal(t, strings.Trim(cursor, "=+/ "), cursor)
					if pages++; pages%20 == 3 && month < 12 { // elsewhere something is written, also to a new shard
						late = someLeaflets(random, next, 10, month-2, 3)
						next += len(late)
						if pages == 3 && order != "" {
							month++
						}
						insert(late)
						want = ids()
					}
					at = slices.Index(want, last.ID) + 1
				}
				assert.Greater(t, pages, count/20)
			})
		}
	})
}

func TestCursorsAreChecked(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		use(t, db, entities(leaflets(), customers()))
		require.NoError(t, db.AutoMigrate(&Plain{}))
		ns := someLeaflets(rand.New(rand.NewPCG(1, 2)), 1, 30, 1, 3)
		require.NoError(t, db.Create(&ns).Error)
		page := func(tx *gorm.DB, cursor string) ([]Leaflet, *gorm.DB) {
			var out []Leaflet
			res := tx.Scopes(dtde.After(cursor)).Limit(5).Find(&out)
			return out, res
		}
		out, res := page(db.Order("weight"), "")
		require.NoError(t, res.Error)
		cursor, err := dtde.CursorOf(res, &out[4])
		require.NoError(t, err)

		refused := func(name string, err error) {
			t.Helper()
			require.ErrorIs(t, err, dtde.ErrCursor, name)
			require.ErrorIs(t, err, dtde.Err, name)
			var typed *dtde.CursorError
			require.ErrorAs(t, err, &typed, name)
			assert.NotContains(t, err.Error(), cursor, name)
		}
		for name, tx := range map[string]*gorm.DB{
			"another column": db.Order("name"), "another direction": db.Order("weight desc"), "no order": db.Session(&gorm.Session{}),
			"more columns": db.Order("weight, name"), "the key the other way": db.Order("weight, id desc"),
		} {
			_, res := page(tx, cursor)
			refused(name, res.Error)
		}
		refused("another model", db.Order("id").Scopes(dtde.After(cursor)).Find(&[]Customer{}).Error)
		for _, bad := range []string{"x", cursor[:len(cursor)-2], cursor + "AA", "!" + cursor[1:], strings.ToUpper(cursor), cursor + "=",
			base64.RawURLEncoding.EncodeToString([]byte{9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}), "'; DROP TABLE leaflets --"} {
			_, res := page(db.Order("weight"), bad)
			refused(fmt.Sprintf("malformed %q", bad), res.Error)
			_, err := page2(db, bad)
			refused("rows", err)
			refused("row", db.Model(&Leaflet{}).Order("weight").Scopes(dtde.After(bad)).Select("id").Row().Scan(new(int64)))
		}

		// rows that can't carry a cursor, and orders that leave ties open
		open := db.Order("weight").Find(&out)
		_, err = dtde.CursorOf(open, out[0])
		refused("an order with ties", err)
		total := db.Order("weight, id").Find(&out)
		again, err := dtde.CursorOf(total, out[4])
		require.NoError(t, err, "a total order needs no After")
		assert.Equal(t, cursor, again)
		_, err = dtde.CursorOf(res, struct{ ID int64 }{1})
		refused("a row without the column", err)
		_, err = dtde.CursorOf(res, 5)
		refused("no row", err)
		few := db.Select("id", "weight").Order("name").Scopes(dtde.After("")).Find(&out)
		require.NoError(t, few.Error)
		_, err = dtde.CursorOf(few, out[0])
		refused("a column that was not selected", err)
		changed := db.Order("score").Scopes(dtde.After("")).Find(&out)
		require.NoError(t, db.Model(&Leaflet{}).Where("id = ?", out[0].ID).Update("score", 99).Error)
		_, err = dtde.CursorOf(changed, out[0])
		refused("a row that has changed", err)

		// shapes without a place to go on from
		for reason, run := range map[string]func(tx *gorm.DB) *gorm.DB{
			"cursor-order": func(tx *gorm.DB) *gorm.DB { return tx.Order("weight + 1").Find(&[]Leaflet{}) },
			"cursor-shape": func(tx *gorm.DB) *gorm.DB { return tx.Model(&Leaflet{}).Count(new(int64)) },
			"cursor-shape2": func(tx *gorm.DB) *gorm.DB {
				return tx.Model(&Leaflet{}).Select("weight, count(*)").Group("weight").Find(&[]map[string]any{})
			},
			"cursor-shape3":     func(tx *gorm.DB) *gorm.DB { return tx.Distinct("weight").Find(&[]Leaflet{}) },
			"cursor-statement":  func(tx *gorm.DB) *gorm.DB { return tx.Where("1 = 1").Delete(&Leaflet{}) },
			"cursor-statement2": func(tx *gorm.DB) *gorm.DB { return tx.Model(&Leaflet{}).Where("1 = 1").Update("score", 1) },
			"cursor-statement3": func(tx *gorm.DB) *gorm.DB { return tx.Raw("SELECT * FROM leaflets").Scan(&[]Leaflet{}) },
		} {
			err := run(db.Scopes(dtde.After(""))).Error
			require.ErrorIs(t, err, dtde.ErrUnsupported, reason)
			assert.Contains(t, err.Error(), strings.TrimRight(reason, "23"))
		}
		var n int64
		require.NoError(t, db.Model(&Leaflet{}).Count(&n).Error)
		assert.EqualValues(t, 30, n, "nothing was deleted")

		// maps, smaller structs, unsharded models
		var maps []map[string]any
		res = db.Model(&Leaflet{}).Order("weight").Scopes(dtde.After("")).Limit(5).Find(&maps)
		require.NoError(t, res.Error)
		fromMap, err := dtde.CursorOf(res, maps[4])
		require.NoError(t, err)
		assert.Equal(t, cursor, fromMap)
		require.NoError(t, db.Create(&[]Plain{{ID: 1, Name: "b"}, {ID: 2, Name: "a"}, {ID: 3, Name: "b"}}).Error)
		var seen []int64
		for cursor := ""; ; {
			var p []Plain
			res := db.Order("name desc").Scopes(dtde.After(cursor)).Limit(1).Find(&p)
			require.NoError(t, res.Error)
			if len(p) == 0 {
				break
			}
			seen = append(seen, p[0].ID)
			cursor, err = dtde.CursorOf(res, p[0])
			require.NoError(t, err)
		}
		assert.Equal(t, []int64{1, 3, 2}, seen)

		// a cursor in the shard key's order leaves the shards behind it out
		var late []Leaflet
		res = db.Order("day desc").Scopes(dtde.After("")).Limit(29).Find(&late)
		require.NoError(t, res.Error)
		cursor, err = dtde.CursorOf(res, late[28])
		require.NoError(t, err)
		res = db.Order("day desc").Scopes(dtde.After(cursor)).Find(&late)
		require.NoError(t, res.Error)
		assert.Len(t, late, 1)
		require.Len(t, dtde.Plans(res), 1)
		assert.Equal(t, []string{"2024_01"}, dtde.Plans(res)[0].ShardIDs())
	})
}

// page2 reads the same through Rows.
func page2(db *gorm.DB, cursor string) (n int, err error) {
	rows, err := db.Model(&Leaflet{}).Order("weight").Scopes(dtde.After(cursor)).Limit(5).Rows()
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		n++
	}
	return n, rows.Err()
}

func TestCursorNeedsThePlugin(t *testing.T) {
	t.Parallel()
	db := testenv.SQLite().Open(t)
	require.NoError(t, db.AutoMigrate(&Plain{}))
	res := db.Scopes(dtde.After("")).Find(&[]Plain{})
	require.ErrorIs(t, res.Error, dtde.ErrConfig)
	_, err := dtde.CursorOf(db, Plain{})
	require.ErrorIs(t, err, dtde.ErrConfig)
}
