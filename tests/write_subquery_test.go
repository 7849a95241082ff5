package tests

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Parish moves from region to region.
type Parish struct {
	ID     int64  `gorm:"primaryKey;autoIncrement:false"`
	Region string `gorm:"size:8"`
	Weight int
	Note   string
}

func parishes(t testing.TB, db *gorm.DB) {
	t.Helper()
	require.NoError(t, db.AutoMigrate(&Parish{}))
	var rows []Parish
	for i := int64(1); i <= 18; i++ {
		rows = append(rows, Parish{ID: i, Region: []string{"n", "s", "w"}[i%3], Weight: int(i * 5 % 17)})
	}
	require.NoError(t, db.Create(&rows).Error)
}

// subqueryCase is a write whose subquery reads what the write changes.
type subqueryCase struct {
	name    string
	run     func(db *gorm.DB) (*gorm.DB, any)
	refused bool
}

func just(tx *gorm.DB) (*gorm.DB, any) { return tx, nil }

// gaveBack are the rows that a write gives back, in no order.
func gaveBack[T any](tx *gorm.DB, rows *[]T, id func(T) int64) (*gorm.DB, any) {
	found := map[int64]T{}
	for _, r := range *rows {
		found[id(r)] = r
	}
	return tx, fmt.Sprint(len(*rows), found)
}

func upsertWeight(db *gorm.DB, weight string, rows ...Parish) *gorm.DB {
	return db.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.Set{{Column: clause.Column{Name: "weight"}, Value: gorm.Expr(weight)}},
	}).Create(&rows)
}

var subqueryCases = []subqueryCase{
	{name: "a delete that counts the children it takes along", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Where("tier + 17 <= (?)", db.Model(&Basket{}).Select("COUNT(*)")).Delete(&Shopper{}))
	}},
	{name: "in text in a condition", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Where("tier + 17 <= (SELECT COUNT(*) FROM baskets)").Delete(&Shopper{}))
	}},
	{name: "in SQL text", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Exec("DELETE FROM shoppers WHERE tier + ? <= (SELECT COUNT(*) FROM baskets WHERE total >= ?) AND id > ?", 17, 0, 1))
	}},
	{name: "it counts the children's children", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Where("tier < 2 AND (?) >= 12", db.Model(&BasketLine{}).Select("COUNT(*)")).Delete(&Shopper{}))
	}},
	{name: "NOT EXISTS of other rows' children", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Where("tier > ? AND EXISTS (?)", 0, db.Model(&Basket{}).Select("1").Where("total > ?", 9)).Delete(&Shopper{}))
	}},
	{name: "NOT IN", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Where("id NOT IN (?)", db.Model(&Basket{}).Select("shopper_id").Where("total = (?)", db.Model(&Basket{}).Select("MAX(total)"))).Delete(&Shopper{}))
	}},
	{name: "the children of one shard", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Where("(?) > ?", db.Model(&Basket{}).Select("COUNT(*)").Where("shopper_id = ?", 3), 0).Delete(&Shopper{}))
	}},
	{name: "a row's own children", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Where("EXISTS (SELECT 1 FROM baskets WHERE baskets.shopper_id = shoppers.id AND baskets.total > 3)").Delete(&Shopper{}))
	}},
	{name: "a delete that reads its own table", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Where("tier >= (?)", db.Model(&Shopper{}).Select("AVG(tier)")).Delete(&Shopper{}))
	}},
	{name: "one of children, in SQL text", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Exec("DELETE FROM baskets WHERE total > (SELECT AVG(b.total) FROM baskets b) AND id IN (SELECT basket_id FROM basket_lines)"))
	}},
	{name: "one group of its own table", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Where("id IN (?)", db.Model(&Parish{}).Select("MAX(id)").Group("weight % 4")).Delete(&Parish{}))
	}},
	{name: "one condition on its own table, by another name", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Where("weight > (SELECT AVG(p.weight) FROM parishes p WHERE p.region <> parishes.region)").Delete(&Parish{}))
	}},
	{name: "an update that reads its own table", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Model(&Parish{}).Where("weight > (?)", db.Model(&Parish{}).Select("AVG(weight)")).Update("weight", gorm.Expr("weight + ?", 100)))
	}},
	{name: "an update in SQL text", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Exec("UPDATE parishes SET weight = weight + ?, note = ? WHERE weight > (SELECT AVG(p.weight) FROM parishes p WHERE p.id > ?)", 100, "up", 2))
	}},
	{name: "an update by a WITH query", run: func(db *gorm.DB) (*gorm.DB, any) {
		if db.Name() == "mysql" { // which has none there
			return just(db.Exec("UPDATE parishes SET note = 'x' WHERE id > ?", 3))
		}
		return just(db.Exec("WITH heavy AS (SELECT id FROM parishes WHERE weight > ?) UPDATE parishes SET weight = weight - ? WHERE id > ? AND (SELECT COUNT(*) FROM heavy) > ?", 9, 50, 2, 3))
	}},
	{name: "an update of no row", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Model(&Parish{}).Where("weight > (?)", db.Model(&Parish{}).Select("MAX(weight)")).Update("weight", 1))
	}},
	{name: "an update of no row in SQL text", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Exec("UPDATE parishes SET weight = 1 WHERE weight > (SELECT MAX(p.weight) FROM parishes p)"))
	}},
	{name: "an update of the primary key", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Model(&Parish{}).Where("id > (?)", db.Model(&Parish{}).Select("AVG(id)")).Update("id", gorm.Expr("id + ?", 100)))
	}},
	{name: "an update that gives its rows back", run: func(db *gorm.DB) (*gorm.DB, any) {
		if db.Name() == "mysql" {
			return just(db.Where("id > (?)", db.Model(&Parish{}).Select("AVG(id)")).Delete(&Parish{}))
		}
		var rows []Parish
		tx := db.Model(&rows).Clauses(clause.Returning{}).Where("weight > (?)", db.Model(&Parish{}).Select("AVG(weight)")).Update("weight", gorm.Expr("weight + 100"))
		return gaveBack(tx, &rows, func(p Parish) int64 { return p.ID })
	}},
	{name: "a delete that gives its rows back", run: func(db *gorm.DB) (*gorm.DB, any) {
		var rows []Parish
		tx := db.Clauses(clause.Returning{}).Where("weight > (?)", db.Model(&Parish{}).Select("AVG(weight)")).Delete(&rows)
		return gaveBack(tx, &rows, func(p Parish) int64 { return p.ID })
	}},
	{name: "SQL text that gives its rows back", run: func(db *gorm.DB) (*gorm.DB, any) {
		var rows []Parish
		tx := db.Raw("DELETE FROM parishes WHERE weight > (SELECT AVG(p.weight) FROM parishes p) RETURNING *").Scan(&rows)
		return gaveBack(tx, &rows, func(p Parish) int64 { return p.ID })
	}},
	{name: "one that gives none back", run: func(db *gorm.DB) (*gorm.DB, any) {
		var rows []Parish
		tx := db.Raw("DELETE FROM parishes WHERE weight > (SELECT MAX(p.weight) FROM parishes p) RETURNING id, note").Scan(&rows)
		return gaveBack(tx, &rows, func(p Parish) int64 { return p.ID })
	}},
	{name: "a move", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Model(&Parish{}).Where("weight > (?)", db.Model(&Parish{}).Select("AVG(weight)")).Updates(map[string]any{"region": "w", "weight": gorm.Expr("weight + 1")}))
	}},
	{name: "a move from one region, judged by its rows", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Model(&Parish{}).Where("region = ? AND weight = (?)", "n", db.Model(&Parish{}).Select("MAX(weight)").Where("region = ?", "n")).Update("region", "s"))
	}},
	{name: "a move judged by where it goes to", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Model(&Parish{}).Where("weight > (?)", db.Model(&Parish{}).Select("AVG(weight)").Where("region = ?", "s")).Update("region", "s"))
	}},
	{name: "a value of its own table, for one row", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Model(&Parish{}).Where("id = ?", 4).Update("weight", db.Model(&Parish{}).Select("SUM(weight)")))
	}},
	{name: "a value of its own table", refused: true, run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Model(&Parish{}).Where("id > ?", 4).Update("weight", db.Model(&Parish{}).Select("SUM(weight)")))
	}},
	{name: "a value of its own table in SQL text", refused: true, run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Exec("UPDATE parishes SET weight = (SELECT SUM(p.weight) FROM parishes p) WHERE id > ?", 4))
	}},
	{name: "a value of where rows move from", refused: true, run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Model(&Parish{}).Where("region = ?", "n").Updates(map[string]any{"region": "s", "weight": db.Model(&Parish{}).Select("SUM(weight)").Where("region = ?", "n")}))
	}},
	{name: "one shard that reads itself", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Where("region = ? AND weight < (?)", "n", db.Model(&Parish{}).Select("AVG(weight)").Where("region = ?", "n")).Delete(&Parish{}))
	}},
	{name: "one shard that reads itself, in text", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Where("region = ? AND weight < (SELECT AVG(p.weight) FROM parishes p WHERE p.region = ?)", "n", "n").Delete(&Parish{}))
	}},
	{name: "one shard that reads all of them", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Model(&Parish{}).Where("region = ? AND weight < (?)", "n", db.Model(&Parish{}).Select("AVG(weight)")).Update("weight", gorm.Expr("weight + 50")))
	}},
	{name: "one shard in SQL text that reads itself", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Exec("UPDATE parishes SET weight = weight + 1 WHERE region = 'n' AND weight < (SELECT AVG(p.weight) FROM parishes p)"))
	}},
	{name: "one shard that updates what it reads", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Model(&Parish{}).Where("region = ? AND weight < (?)", "n", db.Model(&Parish{}).Select("AVG(weight)").Where("region = ?", "n")).Update("weight", 99))
	}},
	{name: "a delete of one shard, in text by its own name", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Where("region = ? AND id IN (SELECT MAX(id) FROM parishes)", "n").Delete(&Parish{}))
	}},
	{name: "an insert that reads its own table", refused: true, run: func(db *gorm.DB) (*gorm.DB, any) {
		sum := gorm.Expr("(?)", db.Model(&Parish{}).Select("SUM(weight)"))
		return just(db.Model(&Parish{}).Create([]map[string]any{{"id": 31, "region": "n", "weight": sum}, {"id": 32, "region": "s", "weight": sum}}))
	}},
	{name: "an insert that reads its own table, in text", refused: true, run: func(db *gorm.DB) (*gorm.DB, any) {
		sum := gorm.Expr("(SELECT SUM(p.weight) FROM parishes p)")
		return just(db.Model(&Parish{}).Create([]map[string]any{{"id": 31, "region": "n", "weight": sum}, {"id": 32, "region": "s", "weight": sum}}))
	}},
	{name: "an insert into one shard that reads its own table", run: func(db *gorm.DB) (*gorm.DB, any) {
		sum := gorm.Expr("(SELECT SUM(p.weight) FROM parishes p)")
		return just(db.Model(&Parish{}).Create([]map[string]any{{"id": 31, "region": "n", "weight": sum}, {"id": 32, "region": "n", "weight": sum}}))
	}},
	{name: "an insert that reads other tables", run: func(db *gorm.DB) (*gorm.DB, any) {
		sum := gorm.Expr("(SELECT COUNT(*) FROM baskets)")
		return just(db.Model(&Parish{}).Create([]map[string]any{{"id": 31, "region": "n", "weight": sum}, {"id": 32, "region": "s", "weight": sum}}))
	}},
	{name: "an upsert that reads other tables", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(upsertWeight(db, "(SELECT COUNT(*) FROM baskets)", Parish{ID: 1, Region: "s"}, Parish{ID: 2, Region: "w"}, Parish{ID: 40, Region: "s", Weight: 8}))
	}},
	{name: "an upsert into one shard that reads all of them", run: func(db *gorm.DB) (*gorm.DB, any) {
		if db.Name() == "mysql" { // one table can't
			return upsertWeight(db, "7", Parish{ID: 1, Region: "s"}, Parish{ID: 40, Region: "s", Weight: 8}), nil
		}
		return just(upsertWeight(db, "(SELECT SUM(p.weight) FROM parishes p)", Parish{ID: 1, Region: "s"}, Parish{ID: 4, Region: "s"}))
	}},
	{name: "a value of other tables", run: func(db *gorm.DB) (*gorm.DB, any) {
		return just(db.Model(&Parish{}).Where("weight > (?)", db.Model(&Parish{}).Select("AVG(weight)")).Update("weight", db.Model(&Shopper{}).Select("COUNT(*)").Where("tier = ?", 1)))
	}},
}

var errUndo = errors.New("undo")

// TestSubqueriesOfSteps: what a write's subqueries read is as it was before the write, on
// every shard.
func TestSubqueriesOfSteps(t *testing.T) {
	t.Parallel()
	models := []any{&Shopper{}, &Basket{}, &BasketLine{}, &Parish{}}
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		twin, db := d.Open(t, translating{}), d.Open(t, translating{})
		require.NoError(t, db.Use(dtde.Register(colocated(dtde.Model(&Parish{}).ShardBy("Region", "n", "s", "w")))))
		for _, side := range []*gorm.DB{twin, db} {
			shopping(t, side)
			parishes(t, side)
		}
		type outcome struct {
			Rows     any
			Affected int64
			Left     []string
		}
		for _, c := range subqueryCases {
			t.Run(c.name, func(t *testing.T) {
				run := func(db *gorm.DB) (out outcome, err error) {
					undone := db.Transaction(func(tx *gorm.DB) error {
						ran, rows := c.run(tx.Session(&gorm.Session{NewDB: true}))
						err = ran.Error
						out = outcome{rows, ran.RowsAffected, keyContents(t, tx, models...)}
						return errUndo
					})
					require.ErrorIs(t, undone, errUndo)
					return out, err
				}
				want, err := run(twin)
				require.NoError(t, err)
				got, err := run(db)
				if c.refused {
					var unsupported *dtde.UnsupportedError
					require.ErrorAs(t, err, &unsupported)
					assert.Equal(t, "write-subquery", unsupported.Reason)
					require.Equal(t, keyContents(t, twin, models...), keyContents(t, db, models...))
					return
				}
				require.NoError(t, err)
				assert.Equal(t, want, got)
			})
		}
	})
}

// TestSubqueriesOfStepsThatCascade: what dtde deletes by foreign keys that are left out is
// what refers to the rows that were chosen.
func TestSubqueriesOfStepsThatCascade(t *testing.T) {
	t.Parallel()
	models := []any{&Depot{}, &Parcel{}, &Stamp{}, &Lamp{}, &Ramp{}, &Sticker{}}
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		twin, db := d.Open(t, translating{}), d.Open(t, translating{})
		require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{
			dtde.Model(&Depot{}).ShardByHash("ID", 3),
			dtde.Model(&Parcel{}).ShardBy("Region", "a", "b"),
		}})))
		for _, side := range []*gorm.DB{twin, db} {
			require.NoError(t, side.AutoMigrate(models...))
			for i := int64(1); i <= 9; i++ {
				require.NoError(t, side.Create(&Depot{ID: i, Lamps: []Lamp{{ID: i}}, Parcels: []Parcel{{ID: i, Region: "a", Stamps: []Stamp{{ID: i}}}}}).Error)
			}
		}
		runKeyCases(t, twin, db, []keyCase{
			{"those after the middle", func(db *gorm.DB) error {
				return affected(db.Where("id > (?)", db.Model(&Depot{}).Select("AVG(id)")).Delete(&Depot{}), 4)
			}, ""},
			{"those without a later parcel", func(db *gorm.DB) error {
				return affected(db.Where("NOT EXISTS (SELECT 1 FROM parcels WHERE parcels.depot_id > depots.id + 2)").Delete(&Depot{}), 3)
			}, ""},
		}, models...)
	})
}

// TestSubqueriesOfStepsInDatabases: shards of one database read one another there, and tables
// of one name in others are not theirs.
func TestSubqueriesOfStepsInDatabases(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, _ := overDatabases(t, d, dtde.Model(&Freight{}).ShardBy("Region").WithShards(
			dtde.Shard{ID: "EU", Database: "eu", Table: "freight", Values: []any{"EU"}},
			dtde.Shard{ID: "own", Database: "eu", Table: "freight_own", Values: []any{"own"}},
			dtde.Shard{ID: "US", Database: "us", Table: "freight", Values: []any{"US"}},
		), dtde.Model(&Harbour{}).AsReference())
		twin := d.Open(t)
		for _, side := range []*gorm.DB{db, twin} {
			loadFreights(t, side)
			require.NoError(t, side.AutoMigrate(&Harbour{}))
			require.NoError(t, bestEffort(side).Create([]Harbour{{ID: 1, Region: "EU"}, {ID: 2, Region: "US"}}).Error)
		}
		here := []string{"EU", "own"}
		for name, run := range map[string]func(db *gorm.DB) *gorm.DB{
			"by the builder": func(db *gorm.DB) *gorm.DB {
				return db.Model(&Freight{}).Where("region IN ? AND weight > (?)", here, db.Model(&Freight{}).Where("region IN ?", here).Select("AVG(weight)")).Update("weight", gorm.Expr("weight + 100"))
			},
			"of a reference entity": func(db *gorm.DB) *gorm.DB {
				return bestEffort(db).Model(&Freight{}).Where("weight > ?", 3).Update("note", bestEffort(db).Model(&Harbour{}).Select("MAX(region)"))
			},
		} {
			want, got := run(twin), run(db)
			require.NoError(t, want.Error, name)
			require.NoError(t, got.Error, name)
			assert.NotZero(t, got.RowsAffected, name)
			assert.Equal(t, want.RowsAffected, got.RowsAffected, name)
			assert.Equal(t, keyContents(t, twin, &Freight{}), keyContents(t, db, &Freight{}), name)
		}
		refusedAs(t, "databases-join", db.Where("weight > (?)", db.Model(&Freight{}).Select("AVG(weight)")).Delete(&Freight{}).Error)
	})
}

// TestSubqueriesOfStepsInDryRun: the keys are not known, so that what is shown writes nothing.
func TestSubqueriesOfStepsInDryRun(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{dtde.Model(&Parish{}).ShardBy("Region", "n", "s", "w")}})))
		parishes(t, db)
		before := keyContents(t, db, &Parish{})
		for name, text := range map[string]string{
			"delete": db.ToSQL(func(tx *gorm.DB) *gorm.DB {
				return tx.Where("weight > (?)", tx.Session(&gorm.Session{NewDB: true}).Model(&Parish{}).Select("AVG(weight)")).Delete(&Parish{})
			}),
			"update": db.ToSQL(func(tx *gorm.DB) *gorm.DB {
				return tx.Model(&Parish{}).Where("weight > (SELECT AVG(p.weight) FROM parishes p)").Update("note", "x")
			}),
			"text": db.ToSQL(func(tx *gorm.DB) *gorm.DB {
				return tx.Exec("DELETE FROM parishes WHERE weight > (SELECT AVG(p.weight) FROM parishes p)")
			}),
		} {
			statements := strings.Split(text, ";\n")
			require.Len(t, statements, 6, text)
			for _, s := range statements {
				require.NoError(t, db.Exec(s).Error, "%s: %s", name, s)
			}
		}
		assert.Equal(t, before, keyContents(t, db, &Parish{}))
		tx := db.Where("weight > (?)", db.Model(&Parish{}).Select("AVG(weight)")).Delete(&Parish{})
		require.NoError(t, tx.Error)
		plan := dtde.Plans(tx)[len(dtde.Plans(tx))-1]
		assert.Contains(t, plan.FormReason, "chosen")
		assert.Contains(t, plan.Statements[0].Text, "SELECT")
	})
}
