package tests

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Buyer and Receipt are co-located; Sight is a table that is not sharded.
type Buyer struct {
	ID       int64 `gorm:"primaryKey;autoIncrement:false"`
	Region   string
	Name     string
	Spent    int
	Receipts []Receipt `gorm:"foreignKey:BuyerID"`
}

// Receipt belongs to a buyer, and lies on the buyer's shard.
type Receipt struct {
	ID      int64 `gorm:"primaryKey;autoIncrement:false"`
	BuyerID int64
	Buyer   *Buyer
	Amount  int
}

// Trip is sharded by the day it began, in years.
type Trip struct {
	ID    int64 `gorm:"primaryKey;autoIncrement:false"`
	Began time.Time
	Miles int
}

// Stall is sharded by a value.
type Stall struct {
	ID     int64 `gorm:"primaryKey;autoIncrement:false"`
	Region string
	Name   string
	Rating *int
}

type explained struct {
	shape string
	run   func(tx *gorm.DB) *gorm.DB
}

// explainedShapes are the shapes of statements, each with an example.
func explainedShapes() []explained {
	stalls := func(tx *gorm.DB) *gorm.DB { return tx.Model(&Stall{}) }
	var n int64
	return []explained{
		{"point", func(tx *gorm.DB) *gorm.DB { return tx.Where("region = ?", "EU").First(&Stall{}, 7) }},
		{"point by hash", func(tx *gorm.DB) *gorm.DB { return tx.First(&Buyer{}, 7) }},
		{"nothing", func(tx *gorm.DB) *gorm.DB { return tx.Where("region = ? AND region = ?", "EU", "US").Find(&[]Stall{}) }},
		{"all shards", func(tx *gorm.DB) *gorm.DB { return tx.Find(&[]Stall{}) }},
		{"IN is split", func(tx *gorm.DB) *gorm.DB { return tx.Where("id IN ?", []int{1, 2, 3, 4}).Find(&[]Buyer{}) }},
		{"range of dates", func(tx *gorm.DB) *gorm.DB {
			return tx.Where("began >= ? AND began < ?", utc(2024, 3, 1), utc(2025, 2, 1)).Find(&[]Trip{})
		}},
		{"not understood", func(tx *gorm.DB) *gorm.DB { return tx.Where("LOWER(region) = ?", "eu").Find(&[]Stall{}) }},
		{"order and limit", func(tx *gorm.DB) *gorm.DB { return tx.Order("rating DESC, id").Limit(5).Offset(10).Find(&[]Stall{}) }},
		{"sessions", func(tx *gorm.DB) *gorm.DB {
			return tx.Scopes(dtde.Reads(dtde.ReadSessions)).Order("id").Limit(5).Find(&[]Stall{})
		}},
		{"deep page by sessions", func(tx *gorm.DB) *gorm.DB {
			return tx.Scopes(dtde.Reads(dtde.ReadSessions)).Order("id").Limit(5).Offset(50_000).Find(&[]Buyer{})
		}},
		{"deep page in order of the shards", func(tx *gorm.DB) *gorm.DB {
			return tx.Scopes(dtde.Reads(dtde.ReadSessions)).Order("began, id").Limit(5).Offset(50_000).Find(&[]Trip{})
		}},
		{"count", func(tx *gorm.DB) *gorm.DB { return stalls(tx).Count(&n) }},
		{"count by sessions", func(tx *gorm.DB) *gorm.DB { return stalls(tx).Scopes(dtde.Reads(dtde.ReadSessions)).Count(&n) }},
		{"aggregates", func(tx *gorm.DB) *gorm.DB {
			return stalls(tx).Select("COUNT(*) AS n, AVG(rating) AS a, MAX(name) AS m").Find(&map[string]any{})
		}},
		{"groups", func(tx *gorm.DB) *gorm.DB {
			return stalls(tx).Select("region, COUNT(*) AS n").Group("region").Having("COUNT(*) > ?", 1).Order("n DESC").Limit(3).Find(&[]map[string]any{})
		}},
		{"groups by sessions", func(tx *gorm.DB) *gorm.DB {
			return tx.Model(&Buyer{}).Scopes(dtde.Reads(dtde.ReadSessions)).Select("spent, COUNT(*) AS n, SUM(id) AS s").Group("spent").Order("n DESC").Limit(3).Find(&[]map[string]any{})
		}},
		{"groups by an expression, sessions", func(tx *gorm.DB) *gorm.DB {
			return tx.Model(&Buyer{}).Scopes(dtde.Reads(dtde.ReadSessions)).Select("spent % 3 AS third, COALESCE(SUM(spent), 0) AS s").Group("spent % 3").Order("COUNT(*) DESC, third").Find(&[]map[string]any{})
		}},
		{"different values by sessions", func(tx *gorm.DB) *gorm.DB {
			return tx.Model(&Buyer{}).Scopes(dtde.Reads(dtde.ReadSessions)).Select("COUNT(DISTINCT spent) AS n, AVG(spent) AS a").Find(&map[string]any{})
		}},
		{"distinct", func(tx *gorm.DB) *gorm.DB { return stalls(tx).Distinct("name").Order("name").Find(&[]Stall{}) }},
		{"cursor", func(tx *gorm.DB) *gorm.DB {
			return tx.Scopes(dtde.After("")).Order("name, id").Limit(2).Find(&[]Stall{})
		}},
		{"window", func(tx *gorm.DB) *gorm.DB {
			return stalls(tx).Select("id, RANK() OVER (PARTITION BY region ORDER BY rating) AS r").Find(&[]map[string]any{})
		}},
		{"relation join", func(tx *gorm.DB) *gorm.DB { return tx.Joins("Buyer").Find(&[]Receipt{}) }},
		{"co-located join of one shard", func(tx *gorm.DB) *gorm.DB {
			return tx.Joins("Buyer").Where("receipts.buyer_id = ?", 7).Find(&[]Receipt{})
		}},
		{"raw join", func(tx *gorm.DB) *gorm.DB {
			return tx.Joins("JOIN receipts ON receipts.buyer_id = buyers.id AND receipts.amount > ?", 3).Find(&[]Buyer{})
		}},
		{"subquery", func(tx *gorm.DB) *gorm.DB {
			return tx.Where("id IN (?)", tx.Session(&gorm.Session{NewDB: true}).Model(&Receipt{}).Select("buyer_id").Where("amount > ?", 9)).Find(&[]Buyer{})
		}},
		{"preload", func(tx *gorm.DB) *gorm.DB { return tx.Preload("Receipts").Find(&[]Buyer{}, "id IN ?", []int{1, 2}) }},
		{"SQL text", func(tx *gorm.DB) *gorm.DB {
			return tx.Raw("SELECT COUNT(*) FROM stalls WHERE region IN (?, ?)", "EU", "US").Find(&n)
		}},
		{"SQL text with WITH", func(tx *gorm.DB) *gorm.DB {
			return tx.Raw("WITH good AS (SELECT region FROM stalls WHERE rating > ?) SELECT COUNT(*) FROM good", 3).Find(&n)
		}},
		{"create over shards", func(tx *gorm.DB) *gorm.DB {
			return tx.Create(&[]Stall{{ID: 1, Region: "EU"}, {ID: 2, Region: "US"}, {ID: 3, Region: "EU"}})
		}},
		{"upsert", func(tx *gorm.DB) *gorm.DB {
			return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Buyer{ID: 1, Name: "a"})
		}},
		{"update of one shard", func(tx *gorm.DB) *gorm.DB { return stalls(tx).Where("region = ?", "EU").Update("name", "x") }},
		{"update over shards", func(tx *gorm.DB) *gorm.DB { return stalls(tx).Where("rating > ?", 3).Update("name", "x") }},
		{"update that moves rows", func(tx *gorm.DB) *gorm.DB { return stalls(tx).Where("id = ?", 3).Update("region", "US") }},
		{"delete over shards", func(tx *gorm.DB) *gorm.DB { return tx.Where("rating < ?", 2).Delete(&Stall{}) }},
		{"delete of the first rows", func(tx *gorm.DB) *gorm.DB {
			return tx.Where("rating > ?", 1).Order("rating DESC, id").Limit(2).Delete(&Stall{})
		}},
		{"insert text", func(tx *gorm.DB) *gorm.DB {
			return tx.Exec("INSERT INTO stalls (id, region, name) VALUES (?, 'US', 'a'), (71, ?, 'b'), (72, 'US', ?)", 70, "EU", "c")
		}},
		{"update text", func(tx *gorm.DB) *gorm.DB { return tx.Exec("UPDATE stalls SET name = ? WHERE rating = ?", "y", 1) }},
		{"locking read", func(tx *gorm.DB) *gorm.DB {
			return tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("region IN ?", []string{"EU", "US"}).Find(&[]Stall{})
		}},
		{"named shards", func(tx *gorm.DB) *gorm.DB { return tx.Scopes(dtde.OnShard("US", "EU")).Find(&[]Stall{}) }},
		{"refused: OnShard of none", func(tx *gorm.DB) *gorm.DB { return tx.Scopes(dtde.OnShard("nope")).Find(&[]Stall{}) }},
		{"groups and HAVING, sessions", func(tx *gorm.DB) *gorm.DB {
			return stalls(tx).Scopes(dtde.Reads(dtde.ReadSessions)).Select("rating").Group("rating").Having("COUNT(*) > 1").Find(&[]Stall{})
		}},
		{"refused: a group by sessions", func(tx *gorm.DB) *gorm.DB {
			return stalls(tx).Scopes(dtde.Reads(dtde.ReadSessions)).Select("name").Group("name").Having("AVG(rating) > MIN(rating)").Find(&[]Stall{})
		}},
	}
}

// TestExplainOfEachShape holds what Explain says of each shape on each engine.
func TestExplainOfEachShape(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		plugin := dtde.Register(dtde.Config{NodeID: 1, Entities: []dtde.Entity{
			dtde.Model(&Buyer{}).ShardByHash("ID", 4),
			dtde.Model(&Receipt{}).ShardByHash("BuyerID", 4).CoLocatedWith(&Buyer{}),
			dtde.Model(&Trip{}).ShardByDate("Began", dtde.Year, utc(2023, 1, 1), utc(2026, 1, 1)),
			dtde.Model(&Stall{}).ShardBy("Region", "EU", "US", "APAC"),
		}})
		require.NoError(t, db.Use(plugin))
		require.NoError(t, db.AutoMigrate(&Buyer{}, &Receipt{}, &Trip{}, &Stall{}))
		require.NoError(t, plugin.EnsureShards(context.Background(), utc(2025, 12, 31)))
		var text, data strings.Builder
		for _, s := range explainedShapes() {
			text.WriteString("## " + s.shape + "\n")
			plans, err := dtde.Explain(db, s.run)
			if err != nil {
				text.WriteString("refused: " + err.Error() + "\n")
			}
			for _, p := range plans {
				text.WriteString(p.String() + "\n")
				raw, err := json.Marshal(p)
				require.NoError(t, err)
				data.WriteString(s.shape + ": " + string(raw) + "\n")
			}
			text.WriteString("\n")
		}
		explainGolden(t, filepath.Join("testdata", "explain", d.Name+".txt"), text.String())
		explainGolden(t, filepath.Join("testdata", "explain", d.Name+".json"), data.String())
	})
}

// explainGolden compares text with a file, which -update writes.
func explainGolden(t *testing.T, path, text string) {
	t.Helper()
	if *updateGolden {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	raw, err := os.ReadFile(path)
	require.NoError(t, err, "run the test with -update to write it")
	assert.Equal(t, string(raw), text)
}
