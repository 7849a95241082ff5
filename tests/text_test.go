package tests

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
)

// Firm is unsharded; its Deals are sharded by region, and their Memos by deal.
type Firm struct {
	ID    int64 `gorm:"primaryKey"`
	Name  string
	Deals []Deal
}

// Deal is sharded by the value of Region.
type Deal struct {
	ID     int64 `gorm:"primaryKey"`
	FirmID int64
	Firm   *Firm
	Region string `gorm:"size:8"`
	Total  int
	Memo   *Memo
}

// Memo is sharded by the hash of DealID.
type Memo struct {
	ID     int64 `gorm:"primaryKey"`
	DealID int64
	Text   string
}

// deals has two firms with five deals over two regions, three of them with a note.
func deals(t *testing.T, db *gorm.DB) {
	t.Helper()
	require.NoError(t, db.Use(dtde.Register(entities(
		dtde.Model(&Deal{}).ShardBy("Region", "EU", "US"), dtde.Model(&Memo{}).ShardByHash("DealID", 4),
	))))
	require.NoError(t, db.AutoMigrate(&Firm{}, &Deal{}, &Memo{}))
	require.NoError(t, db.Create(&[]Firm{
		{Name: "a", Deals: []Deal{{Region: "EU", Total: 1, Memo: &Memo{Text: "x"}}, {Region: "US", Total: 2}, {Region: "EU", Total: 3, Memo: &Memo{Text: "y"}}}},
		{Name: "b", Deals: []Deal{{Region: "US", Total: 4, Memo: &Memo{Text: "z"}}, {Region: "US", Total: 5}}},
	}).Error)
}

func TestJoinsReadEveryShard(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		deals(t, db)
		var list []Deal
		require.NoError(t, db.Joins("Firm").Joins("Memo").Where("deals.total > ?", 1).Order("deals.total").Find(&list).Error)
		require.Len(t, list, 4)
		assert.Equal(t, "a", list[0].Firm.Name)
		assert.Nil(t, list[0].Memo)
		assert.Equal(t, "y", list[1].Memo.Text)
		require.NoError(t, db.InnerJoins("Memo").Order("deals.total").Find(&list).Error)
		assert.Len(t, list, 3)
		var texts []string
		require.NoError(t, db.Model(&Deal{}).Joins("JOIN memos ON memos.deal_id = deals.id AND memos.text <> ?", "x").
			Where("region = ?", "EU").Pluck("memos.text", &texts).Error)
		assert.Equal(t, []string{"y"}, texts)
		var firms []Firm
		require.NoError(t, db.Distinct("firms.*").Joins("JOIN deals d ON d.firm_id = firms.id").Where("d.total >= ?", 3).Order("firms.name").Find(&firms).Error)
		require.Len(t, firms, 2)
		var sums []struct {
			Name  string
			Total int
		}
		require.NoError(t, db.Model(&Firm{}).Select("firms.name, sum(deals.total) AS total").Joins("JOIN deals ON deals.firm_id = firms.id").
			Group("firms.name").Having("sum(deals.total) > ?", 6).Order("firms.name").Scan(&sums).Error)
		require.Len(t, sums, 1)
		assert.Equal(t, 9, sums[0].Total)
	})
}

func TestSubqueriesReadEveryShard(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		deals(t, db)
		var n int64
		count := func(tx *gorm.DB) int64 {
			t.Helper()
			require.NoError(t, tx.Count(&n).Error)
			return n
		}
		assert.EqualValues(t, 1, count(db.Model(&Firm{}).Where("id IN (SELECT firm_id FROM deals WHERE region = ?)", "EU")))
		assert.EqualValues(t, 2, count(db.Model(&Firm{}).Where("id IN (?)", db.Model(&Deal{}).Select("firm_id").Where("region = ?", "US"))))
		assert.EqualValues(t, 3, count(db.Model(&Deal{}).Where("id IN (SELECT deal_id FROM memos)")))
		assert.EqualValues(t, 2, count(db.Model(&Deal{}).Where("total > (SELECT AVG(total) FROM deals)")))
		tx := db.Model(&Firm{}).Where("id IN (SELECT firm_id FROM deals WHERE total = 4)").Update("name", "B")
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 1, tx.RowsAffected)
		require.NoError(t, db.Where("NOT EXISTS (SELECT 1 FROM deals WHERE deals.firm_id = firms.id)").Delete(&Firm{}).Error)
		assert.EqualValues(t, 2, count(db.Model(&Firm{})))
		tx = db.Where("id NOT IN (SELECT deal_id FROM memos)").Delete(&Deal{})
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 2, tx.RowsAffected)

		// what the first step changes, the second does not see
		for _, where := range []*gorm.DB{
			db.Where("total < (SELECT AVG(total) FROM deals)"), db.Where("total < (?)", db.Model(&Deal{}).Select("AVG(total)")),
		} {
			tx := where.Delete(&Deal{})
			require.NoError(t, tx.Error)
			assert.EqualValues(t, 1, tx.RowsAffected)
		}
		assert.EqualValues(t, 1, count(db.Model(&Deal{})))
	})
}

func TestRawTextReadsEveryShard(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		deals(t, db)
		scan := func(text string, args ...any) []int {
			t.Helper()
			out := []int{}
			tx := db.Raw(text, args...).Scan(&out)
			require.NoError(t, tx.Error, text)
			return out
		}
		assert.Equal(t, []int{5, 4}, scan("SELECT total FROM deals ORDER BY total DESC LIMIT 2"))
		assert.Equal(t, []int{4}, scan("SELECT sum(total) FROM deals WHERE region = ?", "EU"))
		assert.Equal(t, []int{1, 3, 4}, scan("SELECT d.total FROM deals d JOIN memos ON memos.deal_id = d.id ORDER BY 1"))
		assert.Equal(t, []int{9}, scan("WITH big AS (SELECT * FROM deals WHERE total > ?) SELECT sum(total) FROM big", 3))
		assert.Equal(t, []int{1, 1, 2}, scan("SELECT total FROM deals WHERE total < 3 UNION ALL SELECT total FROM deals WHERE total = 1 ORDER BY 1"))
		assert.Equal(t, []int{1, 2, 1, 2, 3}, scan("SELECT row_number() OVER (PARTITION BY region ORDER BY total) FROM deals ORDER BY region, total"))
		tx := db.Exec("UPDATE deals SET total = total + ?", 10)
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 5, tx.RowsAffected)
		require.NoError(t, db.Exec("INSERT INTO firms (id, name) SELECT 100, max(region) FROM deals").Error)
		tx = db.Exec("DELETE FROM deals WHERE total > 13")
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 2, tx.RowsAffected)
		for _, text := range []string{
			"UPDATE deals SET total = (SELECT max(total) FROM deals)", "INSERT INTO deals SELECT * FROM deals",
			"WITH deals AS (SELECT 1 AS total) SELECT total FROM deals", "TRUNCATE TABLE deals", "DROP TABLE deals",
		} {
			require.ErrorIs(t, db.Exec(text).Error, dtde.ErrUnsupported, text)
		}
		assert.Equal(t, []int{11, 12, 13}, scan("SELECT total FROM deals ORDER BY 1"))
	})
}
