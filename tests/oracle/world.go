package oracle

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// clock is what both sides take for now: it stands still during an operation.
type clock struct{ nanos atomic.Int64 }

func (c *clock) set(t time.Time) { c.nanos.Store(t.UnixNano()) }
func (c *clock) now() time.Time  { return time.Unix(0, c.nanos.Load()).UTC() }

// side is one of the two databases.
type side struct {
	plain bool
	// unsharded: this side has no dtde either (the comparer's own tests).
	unsharded bool
	root      *gorm.DB
	// raw is a second connection without the plugin, for looking at the tables.
	raw  *gorm.DB
	sent *testenv.Recorder
	// raws and sents are those of further databases that hold shards.
	raws      []*gorm.DB
	sents     []*testenv.Recorder
	precision time.Duration
	clock     *clock
	// tables lists where a model's rows are in a database.
	tables func(raw *gorm.DB, m *model) ([]string, error)
	// references are the tables that every database has, with the same rows.
	references []string
}

// world is a plain and a sharded side in two fresh databases of one engine.
type world struct {
	v              *variant
	engine         string
	clock          *clock
	plain, sharded *side
	ids            *identities
}

// databases are where worlds are made: two databases of one engine, or more for spread
// variants, that are emptied for each, since servers take their time to make and to drop
// one; on SQLite new files.
type databases struct {
	testenv.DB
	test  string
	bases []*gorm.DB
}

func openDatabases(t testing.TB, d testenv.DB) *databases {
	t.Helper()
	ds := &databases{DB: d, test: "TestOracle"}
	if d.Name != "sqlite" {
		ds.bases = []*gorm.DB{d.Open(t), d.Open(t)}
	}
	return ds
}

// open empties one of the databases and opens it twice: as the program has it, and
// without any plugin.
func (ds *databases) open(t testing.TB, i int, config *gorm.Config) (db, raw *gorm.DB, err error) {
	t.Helper()
	switch ds.Name {
	case "postgres":
		err = ds.bases[i].Exec("DROP SCHEMA public CASCADE").Exec("CREATE SCHEMA public").Error
	case "mariadb":
		var names []string
		if names, err = ds.bases[i].Migrator().GetTables(); err == nil && len(names) > 0 {
			err = ds.bases[i].Connection(func(tx *gorm.DB) error { // foreign keys or not
				return tx.Exec("SET FOREIGN_KEY_CHECKS = 0").Exec("DROP TABLE `" + strings.Join(names, "`, `") + "`").Exec("SET FOREIGN_KEY_CHECKS = 1").Error
			})
		}
	default:
		db = ds.Open(t, config)
		return db, testenv.Reopen(t, db), nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("empty the database: %w", err)
	}
	return testenv.Reopen(t, ds.bases[i], config), ds.bases[i], nil
}

// openWorld empties the databases and makes the tables; its pools live as long as t.
func openWorld(t testing.TB, ds *databases, v *variant, sharded bool) (*world, error) {
	w := &world{v: v, engine: ds.Name, clock: &clock{}, ids: &identities{generated: map[int]any{}}}
	w.clock.set(start)
	precision := map[string]time.Duration{"sqlite": time.Nanosecond, "postgres": time.Microsecond, "mariadb": time.Millisecond}[ds.Name]
	settings := func() *gorm.Config { // of the program, that must make no difference
		return &gorm.Config{NowFunc: w.clock.now, DisableForeignKeyConstraintWhenMigrating: v.kin == nil, TranslateError: hash(v.name)%2 == 0, PrepareStmt: hash(v.name)%3 == 0}
	}
	open := func(i int) (*side, error) {
		db, raw, err := ds.open(t, i, settings())
		if err != nil {
			return nil, err
		}
		return &side{root: db, raw: raw, precision: precision, clock: w.clock, sent: testenv.Record(db)}, nil
	}
	var err error
	if w.plain, err = open(0); err != nil {
		return nil, err
	}
	if w.sharded, err = open(1); err != nil {
		return nil, err
	}
	w.plain.plain = true
	w.plain.tables = func(_ *gorm.DB, m *model) ([]string, error) { return []string{m.table}, nil }
	if err := v.migrate(w.plain.root); err != nil {
		return nil, fmt.Errorf("migrate the plain tables: %w", err)
	}
	config := dtde.Config{Entities: v.sharding()}
	if sharded && v.spread {
		if config.Databases, err = ds.beside(t, v, w.sharded, settings()); err != nil {
			return nil, err
		}
		w.sharded.references = v.references
		if ds.Name != "postgres" { // the others have no two-phase commit here
			w.sharded.root = w.sharded.root.WithContext(dtde.BestEffort(context.Background()))
		}
	}
	if err := errors.Join(addRatesTo(w.plain), addRatesTo(w.sharded)); err != nil {
		return nil, fmt.Errorf("fill the reference table: %w", err)
	}
	if !sharded {
		w.sharded.unsharded, w.sharded.tables = true, w.plain.tables
		return w, v.migrate(w.sharded.root)
	}
	w.sharded.tables = w.shardTables
	if err := v.makeManual(w.sharded.raw); err != nil {
		return nil, fmt.Errorf("make the manual tables: %w", err)
	}
	if len(v.manual) > 0 {
		config.NodeID = 7 // without tables of dtde's own there is none to lease
	}
	if err := w.sharded.root.Use(dtde.Register(config)); err != nil {
		return nil, fmt.Errorf("use dtde: %w", err)
	}
	if err := v.migrate(w.sharded.root); err != nil {
		return nil, fmt.Errorf("migrate the shards: %w", err)
	}
	return w, nil
}

// shardTables lists the tables that hold a model's rows, as the database has them.
func (w *world) shardTables(raw *gorm.DB, m *model) ([]string, error) {
	if len(w.v.manual) > 0 {
		return w.v.manual, nil
	}
	names, err := raw.Migrator().GetTables()
	if slices.Contains(names, m.table) { // it is not sharded
		return []string{m.table}, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, m.table+"_") })
	return names, err
}

// contents reads all rows of a side, past dtde.
func (s *side) contents(m *model) ([]record, error) {
	if slices.Contains(s.references, m.table) {
		return s.everywhere(m)
	}
	var all []record
	for _, raw := range s.all() {
		tables, err := s.tables(raw, m)
		if err != nil {
			return nil, err
		}
		for _, name := range tables {
			rows, err := s.rowsOf(raw, name, m)
			if err != nil {
				return nil, err
			}
			all = append(all, rows...)
		}
	}
	return sorted(all, false), nil
}

// rowsOf reads all rows of one table.
func (s *side) rowsOf(raw *gorm.DB, table string, m *model) ([]record, error) {
	rows := m.many()
	if err := raw.Table(table).Unscoped().Find(rows).Error; err != nil {
		return nil, fmt.Errorf("read %s: %w", table, err)
	}
	if m.table == "items" || m.table == "documents" || m.table == "records" {
		return toRecords(rows, s.precision), nil
	}
	return nestedAll(rows, true, s.precision), nil
}

// contentsDisagree compares the contents of both sides, model by model.
func (w *world) contentsDisagree() string {
	for _, m := range w.v.all() {
		p, errPlain := w.plain.contents(m)
		s, errSharded := w.sharded.contents(m)
		if err := errors.Join(errPlain, errSharded); err != nil {
			return err.Error()
		}
		if d := sequence(p, s, false); d != "" {
			return fmt.Sprintf("contents of %s: %s\n    only in plain:   %s\n    only in sharded: %s", m.table, d,
				strings.Join(onlyIn(p, s), "\n                     "), strings.Join(onlyIn(s, p), "\n                     "))
		}
	}
	return ""
}

// onlyIn writes some records of a that b has not.
func onlyIn(a, b []record) (lines []string) {
	left := map[string]int{}
	for _, r := range b {
		left[r.key(false)]++
	}
	for _, r := range a {
		if left[r.key(false)]--; left[r.key(false)] < 0 && len(lines) < 6 {
			lines = append(lines, r.String())
		}
	}
	return lines
}

func (w *world) session(s *side, refused map[*operation]bool) *session {
	return &session{side: s, db: s.root, model: w.v.model, ids: w.ids, refused: refused}
}

// do runs an operation on one side; a panic is an answer too.
func (w *world) do(s *side, op *operation, refused map[*operation]bool) (a *answer) {
	recorders := append([]*testenv.Recorder{s.sent}, s.sents...)
	for _, r := range recorders {
		r.Reset()
	}
	defer func() {
		if p := recover(); p != nil {
			a = &answer{class: "panic", err: fmt.Errorf("panic: %v", p)}
		}
		for i, r := range recorders {
			for _, c := range r.Calls() {
				line := c.SQL
				if len(recorders) > 1 {
					line = fmt.Sprintf("[%d] %s", i, line)
				}
				if len(c.Args) > 0 {
					line += fmt.Sprintf("  %v", shorten(c.Args))
				}
				if c.Err != nil {
					line += fmt.Sprintf("  -- %v", c.Err)
				}
				a.sql = append(a.sql, line)
			}
		}
	}()
	return op.run(w.session(s, refused))
}

func shorten(args []any) []any {
	out := make([]any, 0, len(args))
	for i, a := range args {
		if i == 16 {
			return append(out, fmt.Sprintf("… %d in all", len(args)))
		}
		if rv := reflect.ValueOf(a); rv.Kind() == reflect.Slice && rv.Type().Elem().Kind() == reflect.Uint8 {
			a = string(rv.Bytes())
		}
		out = append(out, a)
	}
	return out
}
