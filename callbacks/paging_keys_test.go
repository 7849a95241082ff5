package callbacks

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/planner"
)

// TestKeyRangesDivideTheRows asks SQLite with every sort of range: its rows are those
// that come at or after from and before to in the engine's own order, in both forms of
// the condition.
func TestKeyRangesDivideTheRows(t *testing.T) {
	t.Parallel()
	db, err := gorm.Open(sqlite.Open("file::memory:"), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = pool.Close() })
	require.NoError(t, db.Exec("CREATE TABLE marks (a integer, b integer, id integer NOT NULL)").Error)
	for i := range 60 {
		v := func(n int) any {
			if n == 0 {
				return nil
			}
			return n
		}
		require.NoError(t, db.Exec("INSERT INTO marks VALUES (?, ?, ?)", v(i%4), v(i/4%3), i).Error)
	}
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SampledFrom([][]planner.OrderKey{
			{{Column: "id", NotNull: true}},
			{{Column: "a"}, {Column: "id", NotNull: true}},
			{{Column: "a"}, {Column: "b"}, {Column: "id", NotNull: true}},
			{{Column: "id", NotNull: true}, {Column: "a"}},
		}).Draw(t, "keys")
		keys = append([]planner.OrderKey(nil), keys...)
		columns, order := make([]string, len(keys)), make([]string, len(keys))
		for i := range keys {
			k := &keys[i]
			k.Desc = rapid.Bool().Draw(t, "desc")
			k.NullsFirst = !k.Desc // SQLite's own
			columns[i], order[i] = k.Column, k.Column
			if k.Desc {
				order[i] += " DESC"
			}
		}
		all := marks(t, pool, len(keys), "SELECT "+strings.Join(columns, ",")+" FROM marks ORDER BY "+strings.Join(order, ","))
		from := rapid.IntRange(-1, len(all)-1).Draw(t, "from")
		to := rapid.IntRange(-1, len(all)-1).Draw(t, "to")
		r := keyRange{keys: keys, negated: rapid.Bool().Draw(t, "negated")}
		if rapid.Bool().Draw(t, "named") {
			for _, name := range columns {
				r.names = append(r.names, "`marks`.`"+name+"`")
			}
		}
		want := all
		if to >= 0 {
			r.to, want = all[to], all[:to]
		}
		if from >= 0 {
			r.from, want = all[from], want[min(from, len(want)):]
		}
		if r.from == nil && r.to == nil {
			return
		}
		stmt := &gorm.Statement{DB: db, Table: "marks"}
		r.Build(stmt)
		text := "SELECT " + strings.Join(columns, ",") + " FROM marks WHERE " + stmt.SQL.String() + " ORDER BY " + strings.Join(order, ",")
		assert.Equal(t, fmt.Sprint(want), fmt.Sprint(marks(t, pool, len(keys), text, stmt.Vars...)), text)
	})
}

func marks(t require.TestingT, pool *sql.DB, width int, text string, args ...any) (all [][]driver.Value) {
	rows, err := pool.Query(text, args...)
	require.NoError(t, err, text)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		row, cells, into := make([]driver.Value, width), make([]any, width), make([]any, width)
		for i := range cells {
			into[i] = &cells[i]
		}
		require.NoError(t, rows.Scan(into...))
		for i := range cells {
			row[i] = cells[i]
		}
		all = append(all, row)
	}
	require.NoError(t, rows.Err())
	return all
}
