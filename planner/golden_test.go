package planner_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/planner/internal/gentest"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares a text with testdata/name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run go test -update")
	gotCases, wantCases := strings.Split(got, "\n\n"), strings.Split(string(want), "\n\n")
	for i := range min(len(gotCases), len(wantCases)) {
		assert.Equal(t, wantCases[i], gotCases[i])
	}
	assert.Len(t, gotCases, len(wantCases))
}

// goldenCase is a statement made by GORM, and how it is planned.
type goldenCase struct {
	name  string
	table func(testing.TB) *config.Table
	d     planner.Dialect
	build func(*gorm.DB) *gorm.DB
	set   func(*planner.Statement)
}

func find(build func(*gorm.DB) *gorm.DB) func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB { return build(db).Find(&[]gentest.Order{}) }
}

func readCases() []goldenCase {
	onMaria := func(build func(*gorm.DB) *gorm.DB) goldenCase {
		return goldenCase{table: byRegion, d: mariadbDialect, build: build}
	}
	onPostgres := func(build func(*gorm.DB) *gorm.DB) goldenCase {
		return goldenCase{table: byRegion, d: postgresDialect, build: build}
	}
	named := func(name string, c goldenCase) goldenCase { c.name = name; return c }
	with := func(c goldenCase, set func(*planner.Statement)) goldenCase { c.set = set; return c }
	sessions := func(s *planner.Statement) { s.Form = config.ReadSessions }
	wide := func(t testing.TB) *config.Table { return hashed(t, 600) }
	count := func(db *gorm.DB) *gorm.DB { var n int64; return db.Count(&n) }
	all := find(func(db *gorm.DB) *gorm.DB { return db })
	return []goldenCase{
		named("one shard", onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Where("region = ?", "US") }))),
		named("one shard by struct", onPostgres(find(func(db *gorm.DB) *gorm.DB { us := "US"; return db.Where(&gentest.Order{Region: &us}) }))),
		named("two shards", onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Where("region = ?", "US").Or("region = ?", "EU") }))),
		named("in list is split", onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Where("region IN ?", []string{"US", "EU", "XX"}) }))),
		named("no shard", onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Where("region = ?", "XX") }))),
		named("a contradiction", onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Where("region = 'US' AND region = 'EU'") }))),
		named("null key", onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Where("region IS NULL") }))),
		named("all shards", onPostgres(all)),
		named("not understood", onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Where("lower(region) = 'us'") }))),
		named("a column equal to a shard's name", onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Where("name = 'US'") }))),
		named("page", onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Order("name").Offset(10).Limit(10) }))),
		named("page on mariadb", onMaria(find(func(db *gorm.DB) *gorm.DB { return db.Order("name").Offset(10).Limit(10) }))),
		named("page by an expression on mariadb", onMaria(find(func(db *gorm.DB) *gorm.DB { return db.Order("lower(name)").Limit(10) }))),
		named("groups on mariadb", onMaria(find(func(db *gorm.DB) *gorm.DB { return db.Select("name, count(*)").Group("name").Limit(3) }))),
		named("join on mariadb", onMaria(find(func(db *gorm.DB) *gorm.DB { return db.Joins("JOIN x ON x.id = orders.id").Where("amount > 1").Limit(3) }))),
		named("join keeps the key", onPostgres(find(func(db *gorm.DB) *gorm.DB {
			return db.Joins("JOIN x ON x.id = orders.id").Where("orders.region = 'US'")
		}))),
		named("join with null key", onPostgres(find(func(db *gorm.DB) *gorm.DB {
			return db.Joins("RIGHT JOIN x ON x.id = orders.id").Where("orders.region IS NULL")
		}))),
		named("sessions page", with(onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Order("amount desc, id").Offset(10).Limit(10) })), sessions)),
		named("sessions page by text", with(onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Order("name").Limit(10) })), sessions)),
		named("sessions page by key text", with(onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Order("region").Limit(10) })), sessions)),
		named("sessions order not selected", with(onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Select("id").Order("amount") })), sessions)),
		named("sessions order by expression", with(onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Order("amount + 1") })), sessions)),
		named("sessions count", with(onPostgres(count), sessions)),
		named("sessions count distinct", with(onPostgres(func(db *gorm.DB) *gorm.DB { return count(db.Distinct("name")) }), sessions)),
		named("sessions groups", with(onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Select("name").Group("name") })), sessions)),
		named("sessions sum", with(onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Select("sum(amount)") })), sessions)),
		named("sessions any row", with(onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Limit(1) })), sessions)),
		named("sessions any two rows", with(onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Limit(2) })), sessions)),
		named("sessions any later row", with(onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Limit(1).Offset(1) })), sessions)),
		named("sessions any distinct row", with(onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Distinct("amount").Limit(1) })), sessions)),
		named("sessions a first row", with(onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Order("id").Limit(1) })), sessions)),
		named("sessions a sum", with(onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Select("sum(amount)").Limit(1) })), sessions)),
		named("sessions ordered by what is not selected", with(onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Select("amount").Order("id DESC").Limit(5) })), sessions)),
		named("sessions distinct, ordered by what is not selected", with(onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Distinct("amount").Order("id") })), sessions)),
		named("sessions sums of different values", with(onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Select("sum(distinct amount), avg(distinct amount)") })), sessions)),
		named("sessions distinct numbers", with(onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Distinct("amount", "region") })), sessions)),
		named("sessions distinct text", with(onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Distinct("name") })), sessions)),
		named("sessions join", with(onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Joins("JOIN x ON x.id = orders.id") })), sessions)),
		named("600 shards on sqlite", goldenCase{table: wide, d: sqliteDialect, build: all}),
		named("600 shards on sqlite, groups", goldenCase{table: wide, d: sqliteDialect, build: find(func(db *gorm.DB) *gorm.DB { return db.Select("name").Group("name") })}),
		named("600 shards on sqlite, union", goldenCase{table: wide, d: sqliteDialect, build: all, set: func(s *planner.Statement) { s.Form = config.ReadUnion }}),
		named("too many shards", with(onPostgres(all), func(s *planner.Statement) { s.MaxShards = 2 })),
		named("locking one", onPostgres(find(func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.Locking{Strength: "UPDATE"}).Where("region = 'US'").Limit(1)
		}))),
		named("locking several", onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Clauses(clause.Locking{Strength: "UPDATE"}) }))),
		named("locking several with limit", onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Clauses(clause.Locking{Strength: "UPDATE"}).Limit(1) }))),
		named("locking several, skip locked", onPostgres(find(func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"})
		}))),
		named("locking by a union", with(onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Clauses(clause.Locking{Strength: "SHARE"}) })), func(s *planner.Statement) { s.Form = config.ReadUnion })),
		named("locking on sqlite", goldenCase{table: byRegion, d: sqliteDialect, build: find(func(db *gorm.DB) *gorm.DB { return db.Clauses(clause.Locking{Strength: "UPDATE"}) })}),
		named("on shard", with(onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Where("region = 'EU'") })), func(s *planner.Statement) { s.OnShard = []string{"US", "APAC", "US"} })),
		named("on an unknown shard", with(onPostgres(all), func(s *planner.Statement) { s.OnShard = []string{"us"} })),
		named("all shards, as asked", with(onPostgres(find(func(db *gorm.DB) *gorm.DB { return db.Where("region = 'EU'") })), func(s *planner.Statement) { s.AllShards = true })),
		named("a month", goldenCase{table: monthly, d: postgresDialect, build: find(func(db *gorm.DB) *gorm.DB {
			return db.Where("sold_at >= ? AND sold_at < ?", gentest.Times[4], gentest.Times[8])
		})}),
		named("months that may come", goldenCase{table: monthly, d: postgresDialect, build: find(func(db *gorm.DB) *gorm.DB { return db.Where("sold_at >= ?", gentest.Times[8]) })}),
		named("ids carry their shard", goldenCase{table: slotted, d: postgresDialect, build: func(db *gorm.DB) *gorm.DB { return db.First(&gentest.Order{}, 6) }}),
		named("ids in a list are split", goldenCase{table: slotted, d: postgresDialect, build: func(db *gorm.DB) *gorm.DB { return db.Find(&[]gentest.Order{}, []int64{1, 2, 5, 6}) }}),
	}
}

// outcome is a plan or a refusal, with what its targets carry.
func outcome(p *planner.Plan, err error) string {
	if err != nil {
		return "refused: " + err.Error()
	}
	text := p.String()
	for _, target := range p.Targets {
		if target.Where != nil {
			text += fmt.Sprintf("\n  %s WHERE %+v", target.Shard.ID, target.Where)
		}
	}
	if p.Destination != nil {
		text += fmt.Sprintf("\n  destination %s new %v", p.Destination.Shard.ID, p.Destination.New)
	}
	return text
}

// shortened keeps long shard lists out of the golden files.
func shortened(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if len(l) > 300 {
			lines[i] = l[:300] + "…"
		}
	}
	return strings.Join(lines, "\n")
}

func TestGoldenReads(t *testing.T) {
	db, _ := oneTable(t)
	var b strings.Builder
	require.NoError(t, db.Callback().Query().After("gorm:query").Register("plan", func(*gorm.DB) {}))
	for _, c := range readCases() {
		fmt.Fprintf(&b, "# %s (%s)\n", c.name, c.d.Name)
		// Count takes its clauses back when it is done, so they are read while it runs.
		require.NoError(t, db.Callback().Query().After("gorm:query").Replace("plan", func(tx *gorm.DB) {
			s := read(c.table(t), tx.Statement)
			s.Dialect = c.d
			if c.set != nil {
				c.set(s)
			}
			fmt.Fprintf(&b, "%s\n=> %s\n\n", strings.TrimSpace(tx.Statement.SQL.String()), shortened(outcome(planner.PlanRead(s))))
		}))
		c.build(db.Session(&gorm.Session{DryRun: true}).Model(&gentest.Order{}))
	}
	golden(t, "reads.txt", b.String())
}
