package tests

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/bars"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Grain is a row of the tables that are compared.
type Grain struct {
	ID    int64 `gorm:"primaryKey;autoIncrement:false"`
	Grp   int
	Score int
	Note  string
}

// partitionBars compare eight hash shards with PostgreSQL's own eight hash partitions
// that hold the same million rows.
func partitionBars(t testing.TB, r *bars.Report, d testenv.DB) {
	t.Helper()
	if d.Name != "postgres" {
		return
	}
	const rows = 1_000_000
	r.Section("postgres: %d rows in 8 hash shards, beside PARTITION BY HASH (8)", rows)
	db := d.Open(t)
	require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{dtde.Model(&Grain{}).ShardByHash("ID", 8)}})))
	require.NoError(t, db.AutoMigrate(&Grain{}))
	plain := testenv.Reopen(t, db)
	run := func(statement string) { require.NoError(t, plain.Exec(statement).Error, statement) }
	run("CREATE TABLE parted (id bigint PRIMARY KEY, grp bigint, score bigint, note text) PARTITION BY HASH (id)")
	for i := range 8 {
		run("CREATE TABLE parted_" + string(rune('0'+i)) + " PARTITION OF parted FOR VALUES WITH (MODULUS 8, REMAINDER " + string(rune('0'+i)) + ")")
	}
	run("CREATE INDEX ON parted (score)")
	for from := 0; from < rows; from += 5000 { // through dtde, which knows the slots
		batch := make([]Grain, 5000)
		for i := range batch {
			id := from + i
			batch[i] = Grain{ID: int64(id), Grp: id % 100, Score: (id * 7919) % 1_000_003, Note: "some text that makes a row as long as rows are"}
		}
		require.NoError(t, db.CreateInBatches(batch, 5000).Error)
	}
	for i := range 8 {
		name := "grains_" + string(rune('0'+i))
		run("INSERT INTO parted SELECT id, grp, score, note FROM " + name)
		run("CREATE INDEX ON " + name + " (score)")
		run("VACUUM ANALYZE " + name)
	}
	run("VACUUM ANALYZE parted")
	pair := func(name string, most float64, read func(tx *gorm.DB) error) {
		r.Ratio(name, most, func() error { return read(db.Model(&Grain{})) }, func() error { return read(plain.Table("parted")) })
	}
	defer func() { r.Rounds = 200 }()
	r.Rounds = 1000 // of one call or two each: the server has its own processor, and its own noise
	pair("point", 0.95, func(tx *gorm.DB) error { var s Grain; return tx.Where("id = ?", 4711).Take(&s).Error })
	pair("top 20 by an indexed column", 0.7, func(tx *gorm.DB) error { var l []Grain; return tx.Order("score DESC").Limit(20).Find(&l).Error })
	r.Rounds = 20 // of a tenth of a second
	pair("COUNT", 0.8, func(tx *gorm.DB) error { var n int64; return tx.Count(&n).Error })
	pair("OFFSET 100,000", 1.05, func(tx *gorm.DB) error {
		var l []Grain
		return tx.Order("score").Offset(100_000).Limit(20).Find(&l).Error
	})
	pair("GROUP BY", 0.95, func(tx *gorm.DB) error {
		var l []map[string]any
		return tx.Select("grp, COUNT(*) AS n, SUM(score) AS s").Group("grp").Find(&l).Error
	})
}
