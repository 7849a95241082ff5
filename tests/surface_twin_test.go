package tests

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// surfaceCase is one use of a method: its name is "Type.Method", or that with
// "/what" behind it. It runs once on the sharded models and once on unsharded twins
// that hold the same rows; what it says to its witness must be the same, and so must
// the contents afterwards.
type surfaceCase struct {
	name string
	run  func(w *witness, db *gorm.DB)
}

// witness writes down what a case sees.
type witness struct{ lines []string }

func (w *witness) say(v ...any) { w.lines = append(w.lines, fmt.Sprint(v...)) }

// tx writes down how a call ended, and what it found.
func (w *witness) tx(tx *gorm.DB, found ...any) {
	w.lines = append(w.lines, fmt.Sprintf("%d rows, %s", tx.RowsAffected, class(tx.Error)))
	w.see(found...)
}

// err writes down an error and what was found.
func (w *witness) err(err error, found ...any) {
	w.lines = append(w.lines, class(err))
	w.see(found...)
}

// see writes down what was found; maps with the types of their values.
func (w *witness) see(found ...any) {
	for _, v := range found {
		switch m := v.(type) {
		case map[string]any:
			w.lines = append(w.lines, typed(m))
		case *map[string]any:
			w.lines = append(w.lines, typed(*m))
		case []map[string]any:
			for _, m := range m {
				w.lines = append(w.lines, typed(m))
			}
		default:
			text, err := json.Marshal(v)
			if err != nil {
				text = []byte(err.Error())
			}
			w.lines = append(w.lines, string(text))
		}
	}
}

func typed(m map[string]any) string {
	parts := make([]string, 0, len(m))
	for k, v := range m {
		into := v
		for p := reflect.ValueOf(v); p.Kind() == reflect.Pointer && !p.IsNil(); p = p.Elem() {
			into = p.Elem().Interface()
		}
		parts = append(parts, fmt.Sprintf("%s=%T(%T %v)", k, v, into, into))
	}
	sort.Strings(parts)
	return strings.Join(parts, " ")
}

// surfaceErrors are the errors that a program can tell apart.
var surfaceErrors = []error{
	gorm.ErrRecordNotFound, gorm.ErrInvalidTransaction, gorm.ErrMissingWhereClause, gorm.ErrUnsupportedRelation,
	gorm.ErrPrimaryKeyRequired, gorm.ErrModelValueRequired, gorm.ErrModelAccessibleFieldsRequired, gorm.ErrSubQueryRequired,
	gorm.ErrInvalidData, gorm.ErrInvalidField, gorm.ErrEmptySlice, gorm.ErrDryRunModeUnsupported, gorm.ErrInvalidValue,
	gorm.ErrInvalidValueOfLength, gorm.ErrPreloadNotAllowed, gorm.ErrDuplicatedKey, gorm.ErrForeignKeyViolated,
	gorm.ErrCheckConstraintViolated, gorm.ErrNotImplemented, gorm.ErrInvalidDB, gorm.ErrUnsupportedDriver,
	context.Canceled, sql.ErrNoRows, sql.ErrTxDone, errMemberHook, errSurface,
}

// errSurface is an error of the program's own.
var errSurface = errors.New("the program's own")

// class is the sentinels that err matches. A refusal is told apart, since the twin
// never refuses; for what GORM has no sentinel the text's own wording is not compared.
func class(err error) string {
	if err == nil {
		return "no error"
	}
	for _, refusal := range []error{
		dtde.ErrUnsupported, dtde.ErrShardNotFound, dtde.ErrMissingShardKey, dtde.ErrShardKeyChanged, dtde.ErrNotRegistered,
		dtde.ErrReadOnlyShard, dtde.ErrTooManyShards, dtde.ErrTooManyRows, dtde.ErrStaleCatalog, dtde.ErrConfig,
	} {
		if errors.Is(err, refusal) {
			return "refused: " + err.Error()
		}
	}
	out := []string{}
	for _, e := range surfaceErrors {
		if errors.Is(err, e) {
			out = append(out, e.Error())
		}
	}
	if len(out) == 0 {

		return "an error"
	}
	return strings.Join(out, ", ")
}

// surfaceSide is one of the twins, and a connection beside it.
type surfaceSide struct {
	db, beside *gorm.DB
	tables     []string
	seed       map[string][]string
}

var surfaceTables = []string{"companies", "members", "pets", "cards", "tags", "member_tags", "photos", "gizmos"}

func surfaceSideOf(t *testing.T, d testenv.DB, sharded bool, config gorm.Config) *surfaceSide {
	t.Helper()
	config.NowFunc = func() time.Time { return utc(2025, 5, 5) }
	config.TranslateError = true
	config.DisableForeignKeyConstraintWhenMigrating = true
	s := &surfaceSide{db: d.Open(t, &config)}
	if sharded {
		require.NoError(t, s.db.Use(dtde.Register(surfaceEntities())))
	}
	require.NoError(t, s.db.SetupJoinTable(&Member{}, "Tags", &MemberTag{}))
	require.NoError(t, s.db.SetupJoinTable(&Tag{}, "Members", &MemberTag{}))
	require.NoError(t, s.db.AutoMigrate(surfaceModels...))
	s.beside = beside(t, s.db)
	all, err := s.beside.Migrator().GetTables()
	require.NoError(t, err)
	for _, table := range all {
		if !strings.HasPrefix(table, "dtde_") && !strings.HasPrefix(table, "sqlite_") {
			s.tables = append(s.tables, table)
		}
	}
	surfaceRows(t, s.db)
	s.seed = s.contents(t)
	return s
}

// contents is every stored row by logical table.
func (s *surfaceSide) contents(t testing.TB) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, table := range s.tables {
		logical := ""
		for _, name := range surfaceTables {
			if bare := strings.TrimPrefix(table, "app_"); bare == name || strings.HasPrefix(bare, name+"_") {
				logical = name
			}
		}
		require.NotEmpty(t, logical, table)
		rows, err := s.beside.Table(table).Rows()
		require.NoError(t, err)
		columns, err := rows.Columns()
		require.NoError(t, err)
		for rows.Next() {
			values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			require.NoError(t, rows.Scan(into...))
			cells := make([]string, len(columns))
			for i, c := range columns {
				cells[i] = fmt.Sprintf("%s=%s/%t", c, values[i].String, values[i].Valid)
			}
			sort.Strings(cells)
			out[logical] = append(out[logical], strings.Join(cells, " "))
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
		sort.Strings(out[logical])
	}
	return out
}

// renew takes the side back to its first rows.
func (s *surfaceSide) renew(t testing.TB) {
	t.Helper()
	for _, table := range s.tables {
		require.NoError(t, s.beside.Exec("DELETE FROM "+table).Error)
	}
	surfaceRows(t, s.db)
}

// runSurface runs the cases on twins of each kind of database.
func runSurface(t *testing.T, cases []surfaceCase, config gorm.Config) {
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		sharded, plain := surfaceSideOf(t, d, true, config), surfaceSideOf(t, d, false, config)
		require.Equal(t, plain.seed, sharded.seed)
		pool, err := sharded.db.DB()
		require.NoError(t, err)
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				want, got := &witness{}, &witness{}
				// of its own, since Commit and Rollback leave their error on the DB that they are called on
				c.run(want, plain.db.Session(&gorm.Session{NewDB: true}))
				c.run(got, sharded.db.Session(&gorm.Session{NewDB: true}))
				require.NotEmpty(t, want.lines)
				assert.Zero(t, pool.Stats().InUse, "connections")
				assert.Len(t, got.lines, len(want.lines))
				for i := range min(len(got.lines), len(want.lines)) {
					assert.Equal(t, want.lines[i], got.lines[i], "line %d", i)
				}
				wantRows, gotRows := plain.contents(t), sharded.contents(t)
				for _, table := range surfaceTables {
					assert.Equal(t, wantRows[table], gotRows[table], table)
				}
				for side, rows := range map[*surfaceSide]map[string][]string{plain: wantRows, sharded: gotRows} {
					if !assert.ObjectsAreEqual(side.seed, rows) {
						side.renew(t)
					}
				}
			})
		}
	})
}
