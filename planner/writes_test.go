package planner_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// archived has a read-only shard.
func archived(t testing.TB) *config.Table {
	return table(t, config.ByValue("Region", "EU", "US", "OLD"), config.Shard{ID: "OLD", Table: "orders_old", ReadOnly: true, Priority: 200})
}

func set(assignments ...any) clause.Set {
	var s clause.Set
	for i := 0; i < len(assignments); i += 2 {
		s = append(s, clause.Assignment{Column: clause.Column{Name: assignments[i].(string)}, Value: assignments[i+1]})
	}
	return s
}

func TestGoldenWrites(t *testing.T) {
	t.Parallel()
	us, eu := expr("region = 'US'"), expr("region = 'EU'")
	amount := set("amount", 1)
	var b strings.Builder
	for _, c := range []struct {
		name  string
		table *config.Table
		set   clause.Set
		where []clause.Expression
		with  func(*planner.Statement)
	}{
		{"delete on one shard", byRegion(t), nil, []clause.Expression{us}, nil},
		{"delete on several", byRegion(t), nil, []clause.Expression{us, clause.Or(eu)}, nil},
		{"delete on none", byRegion(t), nil, []clause.Expression{expr("region = 'XX'")}, nil},
		{"delete everything", byRegion(t), nil, nil, nil},
		{"update with a list", byRegion(t), amount, []clause.Expression{clause.IN{Column: "region", Values: []any{"US", "EU"}}}, nil},
		{"read-only among several", archived(t), amount, nil, nil},
		{"read-only left out", archived(t), amount, []clause.Expression{us}, nil},
		{"read-only alone", archived(t), nil, []clause.Expression{expr("region = 'OLD'")}, nil},
		{"unchanged key", byRegion(t), set("amount", 1, "region", "US"), []clause.Expression{us}, nil},
		{"changed key", byRegion(t), set("region", "EU"), []clause.Expression{us}, nil},
		{"key assigned, rows anywhere", byRegion(t), set("region", "EU", "amount", 1), []clause.Expression{expr("id = 5")}, nil},
		{"key assigned an expression", byRegion(t), set("region", gorm.Expr("upper(region)")), []clause.Expression{us}, nil},
		{"key assigned itself", byRegion(t), set("region", clause.Column{Name: "region"}), nil, nil},
		{"key assigned another column", byRegion(t), set("region", clause.Column{Name: "name"}), []clause.Expression{us}, nil},
		{"key assigned NULL", byRegion(t), set("region", nil), []clause.Expression{us}, nil},
		{"key assigned an unknown value", byRegion(t), set("region", "XX"), []clause.Expression{us}, nil},
		{"key assigned a number", byRegion(t), set("region", 5), []clause.Expression{us}, nil},
		{"key moves into a read-only shard", archived(t), set("region", "OLD"), []clause.Expression{us}, nil},
		{"key moves into a new month", monthly(t), set("sold_at", time.Date(2024, 3, 5, 0, 0, 0, 0, time.UTC)), []clause.Expression{expr("sold_at < ?", time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC))}, nil},
		{"key moves within its shard", hashed(t, 1), set("code", 7), []clause.Expression{expr("code = 5")}, nil},
		{"half a key, same shard", composite(t), set("region", "US"), []clause.Expression{expr("region = 'US' AND code = 5")}, nil},
		{"half a key", composite(t), set("region", "EU"), []clause.Expression{expr("region = 'US' AND code = 5")}, nil},
		{"the whole key", composite(t), set("region", "EU", "code", 5), []clause.Expression{expr("region = 'US' AND code = 5")}, nil},
		{"limit on one", byRegion(t), nil, []clause.Expression{us}, limited},
		{"limit on several", byRegion(t), nil, nil, limited},
		{"limit on one that moves", byRegion(t), set("region", "EU"), []clause.Expression{us}, limited},
		{"limit on several that moves", byRegion(t), set("region", "EU"), nil, limited},
		{"limit with offset on several", byRegion(t), nil, nil, func(s *planner.Statement) {
			limited(s)
			l := s.Clauses["LIMIT"].Expression.(clause.Limit)
			l.Offset = 3
			s.Clauses["LIMIT"] = clause.Clause{Expression: l}
		}},
		{"limit that the engine never sees", byRegion(t), nil, nil, func(s *planner.Statement) {
			limited(s)
			s.WriteLimits, s.Dialect = false, planner.Dialect{Name: "postgres"}
		}},
		{"limit of another engine's own", byRegion(t), nil, nil, func(s *planner.Statement) {
			limited(s)
			s.Dialect = planner.Dialect{Name: "sqlite"}
		}},
		{"order on several", byRegion(t), amount, nil, ordered("id")},
		{"order on several that counts", byRegion(t), set("amount", gorm.Expr("(@n := @n + 1)")), nil, ordered("id")},
		{"limit over databases", inTwoDatabases(t), nil, nil, limited},
		{"limit over databases in an order", inTwoDatabases(t), nil, nil, func(s *planner.Statement) {
			limited(s)
			ordered("id")(s)
		}},
		{"limit over databases in the order of text", inTwoDatabases(t), nil, nil, func(s *planner.Statement) {
			limited(s)
			ordered("name")(s)
		}},
		{"joins on several", byRegion(t), amount, nil, func(s *planner.Statement) { s.Joins = true }},
		{"on shard", byRegion(t), amount, []clause.Expression{us}, func(s *planner.Statement) { s.OnShard = []string{"EU"} }},
		{"too many", byRegion(t), amount, nil, func(s *planner.Statement) { s.MaxShards = 1 }},
	} {
		s := whereOf(c.table, mariadbDialect, c.where...)
		s.WriteLimits = true
		if s.Operation = planner.Delete; c.set != nil {
			s.Operation = planner.Update
		}
		if c.with != nil {
			c.with(s)
		}
		fmt.Fprintf(&b, "# %s\n=> %s\n\n", c.name, outcome(planner.PlanWrite(s, c.set)))
	}
	golden(t, "writes.txt", b.String())
}

func limited(s *planner.Statement) {
	n := 5
	s.Clauses["LIMIT"] = clause.Clause{Expression: clause.Limit{Limit: &n}}
}

func ordered(column string) func(*planner.Statement) {
	return func(s *planner.Statement) {
		s.Clauses["ORDER BY"] = clause.Clause{Expression: clause.OrderBy{Columns: []clause.OrderByColumn{{Column: clause.Column{Name: column}}}}}
	}
}

// inTwoDatabases has its shards in two databases.
func inTwoDatabases(t testing.TB) *config.Table {
	return table(t, config.ByValue("Region", "EU", "US"), config.Shard{ID: "EU", Database: "a"}, config.Shard{ID: "US", Database: "b"})
}

// rows are the values of an insert of one or two columns.
func rows(columns []string, cells ...[]any) *clause.Values {
	v := &clause.Values{Values: cells}
	for _, c := range columns {
		v.Columns = append(v.Columns, clause.Column{Name: c})
	}
	return v
}

func TestGoldenInserts(t *testing.T) {
	t.Parallel()
	region := []string{"id", "region"}
	var b strings.Builder
	for _, c := range []struct {
		name   string
		table  *config.Table
		values *clause.Values
		with   func(*planner.Statement)
	}{
		{"one row", byRegion(t), rows(region, []any{1, "US"}), nil},
		{"a batch in visiting order", byRegion(t), rows(region, []any{1, "APAC"}, []any{2, "EU"}, []any{3, "APAC"}, []any{4, "US"}), nil},
		{"no key column", byRegion(t), rows([]string{"id"}, []any{1}), nil},
		{"null key", byRegion(t), rows(region, []any{1, nil}), nil},
		{"unknown value", byRegion(t), rows(region, []any{1, "XX"}), nil},
		{"the last row is bad", byRegion(t), rows(region, []any{1, "US"}, []any{2, "EU"}, []any{3, "secret"}), nil},
		{"key of another type", byRegion(t), rows(region, []any{1, 5}), nil},
		{"key is an expression", byRegion(t), rows(region, []any{1, gorm.Expr("'US'")}), nil},
		{"into a read-only shard", archived(t), rows(region, []any{1, "US"}, []any{2, "OLD"}), nil},
		{"into a known month", monthly(t), rows([]string{"sold_at"}, []any{time.Date(2024, 1, 31, 23, 59, 59, 0, time.UTC)}), nil},
		{"into a new month", monthly(t), rows([]string{"sold_at"}, []any{time.Date(2024, 3, 31, 0, 0, 0, 0, time.UTC)}, []any{time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)}), nil},
		{"outside the months", monthly(t), rows([]string{"sold_at"}, []any{time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}), nil},
		{"a date as text", monthly(t), rows([]string{"sold_at"}, []any{"2024-01-01"}), nil},
		{"no rows", byRegion(t), rows(region), nil},
		{"nothing known", byRegion(t), nil, nil},
		{"nothing known, on shard", byRegion(t), nil, func(s *planner.Statement) { s.OnShard = []string{"EU"} }},
		{"on the right shard", byRegion(t), rows(region, []any{1, "US"}), func(s *planner.Statement) { s.OnShard = []string{"US"} }},
		{"on a wrong shard", byRegion(t), rows(region, []any{1, "US"}), func(s *planner.Statement) { s.OnShard = []string{"EU"} }},
		{"on two shards", byRegion(t), nil, func(s *planner.Statement) { s.OnShard = []string{"EU", "US"} }},
		{"too many", byRegion(t), rows(region, []any{1, "US"}, []any{2, "EU"}), func(s *planner.Statement) { s.MaxShards = 1 }},
	} {
		s := &planner.Statement{Operation: planner.Insert, Table: c.table, Dialect: postgresDialect}
		if c.with != nil {
			c.with(s)
		}
		text := outcome(planner.PlanInsert(s, c.values))
		if strings.HasPrefix(text, "refused") {
			assert.NotContains(t, text, "secret", "errors never show row values")
		}
		fmt.Fprintf(&b, "# %s\n=> %s\n\n", c.name, text)
	}
	golden(t, "inserts.txt", b.String())
}

func TestWriteErrors(t *testing.T) {
	t.Parallel()
	s := whereOf(archived(t), sqliteDialect)
	s.Operation = planner.Update
	_, err := planner.PlanWrite(s, set("amount", 1))
	require.ErrorIs(t, err, config.ErrReadOnlyShard)
	var shard *config.ShardError
	require.ErrorAs(t, err, &shard)
	assert.Equal(t, "OLD", shard.Shard)
	s = whereOf(byRegion(t), sqliteDialect, expr("region = 'US'"))
	s.Operation = planner.Update
	_, err = planner.PlanWrite(s, set("region", gorm.Expr("x")))
	require.ErrorIs(t, err, config.ErrShardKeyChanged)
	_, err = planner.PlanWrite(s, set("region", nil))
	require.ErrorIs(t, err, config.ErrMissingShardKey)
	s.MaxShards, s.AllShards = 2, true
	_, err = planner.PlanRead(s)
	require.ErrorIs(t, err, config.ErrTooManyShards)
	in := &planner.Statement{Operation: planner.Insert, Table: byRegion(t)}
	_, err = planner.PlanInsert(in, rows([]string{"region"}, []any{"XX"}))
	require.ErrorIs(t, err, config.ErrShardNotFound)
	_, err = planner.PlanInsert(in, rows([]string{"region"}, []any{nil}))
	require.ErrorIs(t, err, config.ErrMissingShardKey)
	_, err = planner.PlanInsert(in, nil)
	require.ErrorIs(t, err, config.ErrUnsupported)
}

func TestCheckUpsert(t *testing.T) {
	t.Parallel()
	columns := func(names ...string) (cs []clause.Column) {
		for _, n := range names {
			cs = append(cs, clause.Column{Name: n})
		}
		return cs
	}
	byID := table(t, config.ByHash("ID", 4))
	for _, c := range []struct {
		name  string
		table *config.Table
		oc    clause.OnConflict
		want  string // the refusal's reason
	}{
		{"key in the target", byRegion(t), clause.OnConflict{Columns: columns("id", "region"), DoNothing: true}, ""},
		{"key not in the target", byRegion(t), clause.OnConflict{Columns: columns("id"), DoNothing: true}, "upsert-target"},
		{"key is the primary key", byID, clause.OnConflict{Columns: columns("id"), DoNothing: true}, ""},
		{"the primary key by its alias", byID, clause.OnConflict{Columns: []clause.Column{clause.PrimaryColumn}, DoNothing: true}, ""},
		{"ids carry the shard", slotted(t), clause.OnConflict{Columns: columns("id"), DoNothing: true}, ""},
		{"no target", byRegion(t), clause.OnConflict{DoNothing: true}, "upsert-target"},
		{"no target, key is the primary key", byID, clause.OnConflict{DoNothing: true}, ""},
		{"constraint", byID, clause.OnConflict{OnConstraint: "x"}, "upsert-target"},
		{"other column updated", byRegion(t), clause.OnConflict{Columns: columns("region"), DoUpdates: clause.AssignmentColumns([]string{"name"})}, ""},
		{"key updated to the inserted one", byRegion(t), clause.OnConflict{Columns: columns("region"), DoUpdates: clause.AssignmentColumns([]string{"region"})}, ""},
		{"key updated", byRegion(t), clause.OnConflict{Columns: columns("region"), DoUpdates: set("region", "US")}, "upsert-key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := planner.CheckUpsert(c.table, c.oc)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			var u *config.UnsupportedError
			require.ErrorAs(t, err, &u)
			assert.Equal(t, c.want, u.Reason)
		})
	}
}
