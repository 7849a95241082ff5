package planner_test

import (
	"math/rand/v2"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/planner/internal/gentest"
)

// FuzzFragment gives any text as a condition: the analysis never panics, and if
// SQLite runs it, every row that it finds lies in the boxes.
func FuzzFragment(f *testing.F) {
	for _, seed := range []string{
		"code = 1 OR code = 2", "NOT (region = 'US')", "region IN ('US','EU') AND code BETWEEN 1 AND 5", "(region, code) = ('US', 1)",
		"code = 1\nOR\tregion = 'x'", "`orders`.`code` <> -1", "code = CASE WHEN 1 THEN 2 END", "code IS NOT NULL AND NOT code NOT IN (1, NULL)",
		"code=1--", "code = 1 /* */ OR 1", "region = 'it''s' or \"region\" = 'US'", "[code] = 0x1", "1 = code AND (2 < code OR TRUE)",
		"code == 1 AND NOT NOT code != 2", "code = ? AND region = '?'", "code IS 1 OR code ISNULL", "code = 1 COLLATE NOCASE", "code BETWEEN 1 AND 2 AND 3",
		"code = 9223372036854775808", "not code in (1) and code in (2)", "code + 1 = 2 or code = - 1",
	} {
		f.Add(seed)
	}
	db, rows := oneTable(f)
	tables := []*config.Table{byRegion(f), hashed(f, 8), composite(f)}
	f.Fuzz(func(t *testing.T, text string) {
		for _, d := range []planner.Dialect{postgresDialect, mariadbDialect, sqlserverDialect} {
			planner.Extract(tables[2], "orders", d, []clause.Expression{expr(text, 1)})
			_, _ = planner.ManualColumns(text, d)
			_, _ = planner.AnalyzeRaw(config.NewCatalog(1, tables[0]), d, "SELECT * FROM orders WHERE "+text, nil)
			_, _ = planner.AnalyzeRaw(config.NewCatalog(1, tables[0]), d, text, []any{1})
		}
		var ids []int64
		if len(text) > 200 || db.Raw("SELECT id FROM orders WHERE "+text).Scan(&ids).Error != nil {
			return
		}
		for _, tab := range tables {
			p := planner.Extract(tab, "orders", sqliteDialect, []clause.Expression{expr(text)})
			for _, id := range ids {
				if id < 1 || int(id) > len(rows) {
					return // a UNION's
				}
				if !inBoxes(tab, &p, &rows[id-1]) {
					t.Fatalf("%q finds %+v outside of %v", text, rows[id-1], boxes(p))
				}
			}
		}
	})
}

// FuzzExtract draws whole chains from the fuzzer's bytes.
func FuzzExtract(f *testing.F) {
	for seed := range uint64(16) {
		random, bytes := rand.New(rand.NewPCG(seed, 1)), make([]byte, 800)
		for i := range bytes {
			bytes[i] = byte(random.Uint32())
		}
		f.Add(bytes)
	}
	db, rows := oneTable(f)
	tables := []*config.Table{byRegion(f), hashed(f, 8), composite(f), slotted(f)}
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		c := gentest.Draw(t, func() *gorm.DB { return db.Session(&gorm.Session{NewDB: true}) })
		ids, err := matching(db, c.Apply)
		if err != nil {
			return
		}
		stmt := conditions(db, c.Apply)
		where, _ := stmt.Clauses["WHERE"].Expression.(clause.Where)
		for _, tab := range tables {
			p := planner.Extract(tab, "orders", sqliteDialect, where.Exprs)
			for _, id := range ids {
				if !inBoxes(tab, &p, &rows[id-1]) {
					t.Fatalf("%s finds %+v outside of %v", stmt.SQL.String(), rows[id-1], boxes(p))
				}
			}
		}
	}))
}
