package tests

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"pgregory.net/rapid"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/internal/wheregen"
)

// routedCase is an entity, rows that fit it, and the conditions to ask of it.
type routedCase struct {
	name string
	// engines are those that it runs on; empty means all.
	engines []string
	entity  func(engine string) dtde.Entity
	// prepare makes tables that the entity leaves to the program; nil means none.
	prepare func(t *testing.T, db *gorm.DB)
	// refused tells that Use must refuse the entity, for its columns' comparison rules.
	refused bool
	// rows draws rows with ids from 1 on, as a slice of models.
	rows func(r *rand.Rand, n int) any
	// table is the logical name, where gives the conditions; ids are those of the rows.
	table string
	where func(engine string, ids []int64) *wheregen.Model
}

// routedRows is how many rows each case has.
const routedRows = 120

// rowsSeed gives the seed of the rows: DTDE_ROUTING_SEED, or a new one. The
// conditions are rapid's, whose own -rapid.seed and -rapid.checks say which and how many.
func rowsSeed(t *testing.T) uint64 {
	t.Helper()
	if s := os.Getenv("DTDE_ROUTING_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		require.NoError(t, err)
		return seed
	}
	return uint64(time.Now().UnixNano())
}

// routedWorld is a case's rows in shards and, beside them, in one plain table with
// the same columns.
type routedWorld struct {
	engine  string
	sharded *gorm.DB
	plain   *gorm.DB
	model   func() any
	where   *wheregen.Model
	// shardOf has every row's shard by id.
	shardOf map[int64]string
}

// TestRoutedAnswerIsThePlainOne is promise 2 on every engine with its own rules of
// comparison: whatever the condition, the rows that the engine finds in one plain
// table are those that dtde finds in the shards that it visits.
func TestRoutedAnswerIsThePlainOne(t *testing.T) {
	t.Parallel()
	seed := rowsSeed(t)
	var counts [3]atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d conditions answered, %d refused by the engine, %d by dtde; rows: DTDE_ROUTING_SEED=%d",
			counts[answered].Load(), counts[failed].Load(), counts[declined].Load(), seed)
		assert.LessOrEqual(t, 50*counts[declined].Load(), counts[answered].Load(), "dtde may decline one condition in fifty: text that it can't read")
	})
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		for _, c := range routedCases() {
			if len(c.engines) > 0 && !slices.Contains(c.engines, d.Name) {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				w, ok := c.open(t, d, seed)
				if !ok {
					return
				}
				rapid.Check(t, func(rt *rapid.T) {
					counts[w.check(rt)].Add(1)
				})
				if t.Failed() {
					t.Logf("the rows were drawn with DTDE_ROUTING_SEED=%d", seed)
				}
			})
		}
	})
}

// open makes the tables and fills them; ok is false for an entity that is refused.
func (c *routedCase) open(t *testing.T, d testenv.DB, seed uint64) (w *routedWorld, ok bool) {
	t.Helper()
	db := d.Open(t)
	w = &routedWorld{engine: d.Name, sharded: db, plain: beside(t, db), shardOf: map[int64]string{}}
	if d.Name == "sqlite" {
		w.plain.Statement.ConnPool = utcPool{w.plain.Statement.ConnPool}
		w.plain.ConnPool = w.plain.Statement.ConnPool
	}
	if c.prepare != nil {
		c.prepare(t, w.plain)
	}
	entity := c.entity(d.Name)
	plugin := dtde.Register(entities(entity))
	err := db.Use(plugin)
	if c.refused {
		require.ErrorIs(t, err, dtde.ErrConfig)
		return nil, false
	}
	require.NoError(t, err)
	require.NoError(t, db.AutoMigrate(entity.Model))
	require.NoError(t, db.Create(c.rows(rand.New(rand.NewPCG(seed, 0)), routedRows)).Error)
	w.model = func() any { return entity.Model }
	var ids []int64
	for i, s := range plugin.Shards(entity.Model) {
		if i == 0 {
			require.NoError(t, w.plain.Exec(likeTable(t, w.plain, s.Table, "plain_rows")).Error)
		}
		require.NoError(t, w.plain.Exec("INSERT INTO plain_rows SELECT * FROM "+quoted(w.plain, s.Table)).Error)
		var here []int64
		require.NoError(t, w.plain.Table(s.Table).Pluck("id", &here).Error)
		for _, id := range here {
			w.shardOf[id] = s.ID
		}
		ids = append(ids, here...)
	}
	require.Len(t, w.shardOf, routedRows, "every row is on one shard, under an id of its own")
	w.where = c.where(d.Name, ids)
	w.where.Table, w.where.Struct = c.table, c.structOf
	if w.where.Quote = `"`; d.Name == "mariadb" {
		w.where.Quote = "`"
	}
	return w, true
}

// structOf draws a struct condition: some fields of a row that could be there.
func (c *routedCase) structOf(rt *rapid.T) any {
	row := reflect.ValueOf(c.rows(rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "row"), 0)), 1)).Index(0)
	row.FieldByName("ID").SetInt(int64(rapid.IntRange(0, 3).Draw(rt, "id")))
	if rapid.Bool().Draw(rt, "key only") {
		row.FieldByName("Rest").SetZero()
	}
	return row.Addr().Interface()
}

// likeTable is a statement that makes a table with the columns of another one, as
// they are declared.
func likeTable(t *testing.T, db *gorm.DB, table, as string) string {
	t.Helper()
	switch db.Name() {
	case "postgres":
		return "CREATE TABLE " + as + " (LIKE " + quoted(db, table) + " INCLUDING ALL)"
	case "mysql":
		return "CREATE TABLE " + as + " LIKE " + quoted(db, table)
	}
	var ddl string
	require.NoError(t, db.Raw("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", table).Scan(&ddl).Error)
	_, columns, found := strings.Cut(ddl, "(")
	require.True(t, found, ddl)
	return "CREATE TABLE " + as + " (" + columns
}

func quoted(db *gorm.DB, name string) string { return db.Statement.Quote(name) }

// verdict is what became of a condition.
type verdict int

const (
	answered verdict = iota // by the engine and dtde alike
	failed                  // on both
	declined                // by dtde, with ErrUnsupported
)

// check asks one condition of both.
func (w *routedWorld) check(rt *rapid.T) verdict {
	c := w.where.Draw(rt, func() *gorm.DB { return w.plain.Session(&gorm.Session{NewDB: true}) })
	var want, got []int64
	one := c.Apply(w.plain.Model(w.model()).Table("plain_rows AS "+w.where.Table)).Order("id").Pluck(w.where.Table+".id", &want)
	tx := c.Apply(w.sharded.Model(w.model())).Order("id").Pluck(w.where.Table+".id", &got)
	var visited []string
	var sent string
	for _, plan := range dtde.Plans(tx) {
		visited = append(visited, plan.ShardIDs()...)
		sent += plan.String()
	}
	if errors.Is(tx.Error, dtde.ErrUnsupported) {
		return declined
	}
	if (one.Error == nil) != (tx.Error == nil) {
		rt.Fatalf("%s\nplain: %v\ndtde: %v\n%s", c.Text, one.Error, tx.Error, sent)
	}
	if one.Error != nil {
		return failed
	}
	for _, id := range want {
		if !slices.Contains(visited, w.shardOf[id]) {
			rt.Errorf("UNSAFE: row %s matches on shard %q, visited %q", w.show(id), w.shardOf[id], visited)
			break
		}
	}
	if !slices.Equal(want, got) {
		rt.Fatalf("%s\nplain: %v\ndtde: %v\n%s\n%s", c.Text, want, got, w.sql(one), sent)
	}
	return answered
}

// show prints a row as it is in the plain table.
func (w *routedWorld) show(id int64) string {
	var row map[string]any
	w.plain.Session(&gorm.Session{NewDB: true}).Table("plain_rows").Where("id = ?", id).Take(&row)
	return fmt.Sprintf("%q", fmt.Sprint(row))
}

func (w *routedWorld) sql(tx *gorm.DB) string {
	return fmt.Sprintf("%s\n%q", tx.Statement.SQL.String(), tx.Statement.Vars)
}

// utcPool binds times in UTC. SQLite compares times as text; dtde binds them so for
// its entities, and one plain table would be asked in the same way.
type utcPool struct{ gorm.ConnPool }

func (p utcPool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	for i := range args {
		if v, err := driver.DefaultParameterConverter.ConvertValue(args[i]); err == nil {
			if at, ok := v.(time.Time); ok {
				args[i] = at.UTC()
			}
		}
	}
	return p.ConnPool.QueryContext(ctx, query, args...)
}
