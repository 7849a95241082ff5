package tests

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
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

// byQuarterOfStart keeps policies in quarters that are all there.
func byQuarterOfStart() dtde.Entity {
	return dtde.Model(&Policy{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Number").
		ShardByDate("ValidFrom", dtde.Quarter, date(2024, 1, 1), date(2025, 1, 1)).MigrationsDisabled()
}

// TestSQLServerCutVersions has the reads of versions that are cut at quarters: the parts are
// put together below the statement, at an instant only where their periods are read.
func TestSQLServerCutVersions(t *testing.T) {
	t.Parallel()
	db := testenv.SQLServerDryRun(t, &gorm.Config{NowFunc: func() time.Time { return date(2024, 8, 15) }})
	require.NoError(t, db.Use(dtde.Register(dtde.Config{NodeID: 1, Entities: []dtde.Entity{
		byQuarterOfStart().SplitAtShardBoundaries(),
		dtde.Model(&Rider{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Code"),
	}})))
	at, count := dtde.ValidAt(date(2024, 6, 15)), int64(0)
	var numbers []string
	goldenCasesOn(t, db, "cut.sql", []goldenCase{
		{"as of an instant", func(db *gorm.DB) *gorm.DB { return db.Scopes(at).Find(&[]Policy{}) }},
		{"as of an instant, without the period", func(db *gorm.DB) *gorm.DB {
			return db.Scopes(at).Model(&Policy{}).Where("premium > ?", 5).Pluck("number", &numbers)
		}},
		{"now, in the first row's order", func(db *gorm.DB) *gorm.DB { return db.Scopes(dtde.Current()).First(&Policy{}, "number = ?", "a") }},
		{"a page", func(db *gorm.DB) *gorm.DB {
			return db.Scopes(at).Order("number").Offset(10).Limit(5).Find(&[]Policy{})
		}},
		{"a count", func(db *gorm.DB) *gorm.DB { return db.Scopes(at).Model(&Policy{}).Count(&count) }},
		{"before the first shard", func(db *gorm.DB) *gorm.DB { return db.Scopes(dtde.ValidAt(date(2023, 6, 15))).Find(&[]Policy{}) }},
		{"after the last shard", func(db *gorm.DB) *gorm.DB { return db.Scopes(dtde.ValidAt(date(2031, 1, 1))).Find(&[]Policy{}) }},
		{"between", func(db *gorm.DB) *gorm.DB {
			return db.Scopes(dtde.ValidBetween(date(2024, 2, 1), date(2024, 5, 1))).Find(&[]Policy{})
		}},
		{"all versions", func(db *gorm.DB) *gorm.DB { return db.Scopes(dtde.AllVersions()).Order("valid_from").Find(&[]Policy{}) }},
		{"without a lens, by the start", func(db *gorm.DB) *gorm.DB {
			return db.Where("valid_from < ?", date(2024, 5, 1)).Find(&[]Policy{})
		}},
		{"groups", func(db *gorm.DB) *gorm.DB {
			return db.Scopes(at).Model(&Policy{}).Select("premium, COUNT(*) AS id").Group("premium").Find(&[]Policy{})
		}},
		{"parts as they are stored", func(db *gorm.DB) *gorm.DB { return db.Scopes(dtde.OnShard("2024_q2")).Find(&[]Policy{}) }},
		{"a locking read", func(db *gorm.DB) *gorm.DB { return db.Clauses(clause.Locking{Strength: "UPDATE"}).Find(&[]Policy{}) }},
	})
}

// TestSQLServerSeals has the statements that seal a shard, and open it again: the rule comes
// before the record that reads rely on, and goes after it.
func TestSQLServerSeals(t *testing.T) {
	t.Parallel()
	config := dtde.Config{NodeID: 1, Entities: []dtde.Entity{
		dtde.Model(&Policy{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Number").
			ShardByDate("ValidFrom", dtde.Quarter, date(2024, 1, 1), date(2025, 1, 1)).WithShards(dtde.Shard{ID: "2024_q1"}, dtde.Shard{ID: "2024_q2"}),
		dtde.Model(&Rider{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Code"),
	}}
	// dtde's own tables are there, and what is counted or recorded is one row.
	own := []scripted{
		{contains: "COUNT(*)", columns: []string{"n"}, rows: [][]driver.Value{{int64(2)}}},
		{contains: "kind IN ('epoch'", columns: []string{"entity", "kind", "item", "value", "number"}, rows: [][]driver.Value{{"", "epoch", "", "", int64(5)}}},
		{contains: "SELECT number FROM dtde_catalog", columns: []string{"number"}, rows: [][]driver.Value{{int64(5)}}},
		{contains: "SELECT value FROM dtde_catalog", columns: []string{"value"}},
		{contains: "dtde_catalog", columns: []string{"n"}, affected: 1},
	}
	rule := func(times int, names ...string) scripted {
		r := scripted{contains: "sys.check_constraints", columns: []string{"name"}, times: times}
		for _, name := range names {
			r.rows = append(r.rows, []driver.Value{name})
		}
		return r
	}
	plugin := func(db *gorm.DB) *dtde.Plugin { return db.Plugins["dtde"].(*dtde.Plugin) }
	named := func(bound time.Time) string {
		return "chk_version_sealed_" + strconv.FormatInt(bound.Unix(), 36) + "_0_policies_2024_q1"
	}
	april, may := named(date(2024, 4, 1)), named(date(2024, 5, 1))
	var out strings.Builder
	for _, c := range []struct {
		name    string
		answers []scripted
		run     func(db *gorm.DB) error
	}{
		{"a seal", []scripted{rule(1), rule(0, april)}, func(db *gorm.DB) error {
			return plugin(db).Seal(t.Context(), &Policy{}, "2024_q1", time.Time{})
		}},
		{"a later bound, in the earlier one's place", []scripted{rule(1, april), rule(2, april, may), rule(0, may)}, func(db *gorm.DB) error {
			return plugin(db).Seal(t.Context(), &Policy{}, "2024_q1", date(2024, 5, 1))
		}},
		{"a version that breaks it", []scripted{rule(0), {contains: "ADD CONSTRAINT", err: errors.New("conflicted with the CHECK constraint " + april)}}, func(db *gorm.DB) error {
			err := plugin(db).Seal(t.Context(), &Policy{}, "2024_q1", time.Time{})
			assert.ErrorIs(t, err, dtde.ErrSealed)
			return nil
		}},
		{"opened again", []scripted{rule(0, april)}, func(db *gorm.DB) error {
			return plugin(db).Unseal(t.Context(), &Policy{}, "2024_q1")
		}},
	} {
		fmt.Fprintf(&out, "-- %s\n%s\n", c.name, sentOn(t, config, c.name, false, append(c.answers, own...), c.run))
	}
	golden(t, "seals.sql", out.String())
}
