package oracle

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/internal/testenv"
)

// TestPlainAgainstPlain runs programs on two plain tables: what differs then is the
// suite's own fault.
func TestPlainAgainstPlain(t *testing.T) {
	t.Parallel()
	testenv.WithoutRace(t, "there is no dtde in it")
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		ds := openDatabases(t, d)
		for _, v := range []*variant{byValue(3, false), byDate("month-newyork", 3, 2, newYork), byHash("hash-textid", 2, documents, "ID", "id"), byHash("hash-uuid", 2, records, "ID", "id"), byCreation(2)} {
			w, err := openWorld(t, ds, v, false)
			require.NoError(t, err)
			ops := program(hash("plain", v.name), v, d.Name, 150)
			if diff := w.runProgram(ops, newTally()); diff != nil {
				t.Error(report(ds, v, 0, 0, ops[max(0, diff.step-3):diff.step+1], diff))
			}
		}
	})
}

// TestPlantedFaults breaks the second side on purpose: each fault must be seen.
func TestPlantedFaults(t *testing.T) {
	t.Parallel()
	faults := map[string]func(db *gorm.DB) error{
		"a row is lost": func(db *gorm.DB) error {
			return db.Callback().Query().Before("gorm:query").Register("fault", func(db *gorm.DB) { db.Where("id <> 3") })
		},
		"a hook runs twice": func(db *gorm.DB) error {
			return db.Callback().Create().Before("gorm:create").Register("fault", func(db *gorm.DB) { _ = count(db, "BeforeCreate") })
		},
		"rows affected is off": func(db *gorm.DB) error {
			return db.Callback().Update().After("gorm:update").Register("fault", func(db *gorm.DB) { db.RowsAffected++ })
		},
		"a delete does nothing": func(db *gorm.DB) error {
			return db.Callback().Delete().Before("gorm:delete").Register("fault", func(db *gorm.DB) { db.Where("1 = 0") })
		},
		"an offset is lost": func(db *gorm.DB) error {
			return db.Callback().Query().Before("gorm:query").Register("fault", func(db *gorm.DB) { db.Offset(-1) })
		},
		"an order is lost": func(db *gorm.DB) error {
			return db.Callback().Query().Before("gorm:query").Register("fault", func(db *gorm.DB) { delete(db.Statement.Clauses, "ORDER BY") })
		},
		"a field changes on its way": func(db *gorm.DB) error {
			return db.Callback().Create().Before("gorm:create").Register("fault", func(db *gorm.DB) { db.Statement.SetColumn("cents", 1, true) })
		},
		"an error is lost": func(db *gorm.DB) error {
			return db.Callback().Query().After("gorm:query").Register("fault", func(db *gorm.DB) { db.Error = nil })
		},
	}
	for name, plant := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, v := testenv.SQLite(), byValue(3, false)
			w, err := openWorld(t, openDatabases(t, d), v, false)
			require.NoError(t, err)
			require.NoError(t, plant(w.sharded.root))
			assert.NotNil(t, w.runProgram(program(hash("faults", name), v, d.Name, 480), newTally()), "nothing was seen")
		})
	}
}

func TestDisagree(t *testing.T) {
	t.Parallel()
	rows := func(values ...int) (out []record) {
		for _, v := range values {
			out = append(out, record{toCell("n", v, 1), toCell("half", float64(v)/2, 1)})
		}
		return out
	}
	ok := func(rows []record) *answer { return &answer{class: classOK, rows: rows} }
	for _, c := range []struct {
		name           string
		plain, sharded *answer
		rule           rule
		same           bool
	}{
		{"sets", ok(rows(1, 2)), ok(rows(2, 1)), rule{}, true},
		{"sets with other duplicates", ok(rows(1, 1, 2)), ok(rows(1, 2, 2)), rule{}, false},
		{"sequences", ok(rows(1, 2)), ok(rows(2, 1)), rule{ordered: true}, false},
		{"keys in sequence", ok(rows(1, 2)), ok(rows(2, 1)), rule{keys: []string{"n"}}, false},
		{"a choice", &answer{class: classOK, rows: rows(1), pool: rows(1, 2, 3)}, ok(rows(3)), rule{choice: true}, true},
		{"a choice that was none", &answer{class: classOK, rows: rows(1), pool: rows(1, 2, 3)}, ok(rows(4)), rule{choice: true}, false},
		{"a choice taken twice", &answer{class: classOK, rows: rows(1, 2), pool: rows(1, 2, 3)}, ok(rows(3, 3)), rule{choice: true}, false},
		{"fewer rows", ok(rows(1)), ok(nil), rule{}, false},
		{"classes", ok(nil), &answer{class: classFailed}, rule{}, false},
		{"affected", &answer{class: classOK, affected: 1}, ok(nil), rule{}, false},
		{"hooks", &answer{class: classOK, hooks: "AfterFind:1"}, ok(nil), rule{}, false},
		{"written back", &answer{class: classOK, written: rows(1)}, &answer{class: classOK, written: rows(2)}, rule{}, false},
		{"a sum in another order", ok([]record{{{name: "x", text: "0.3f", number: 0.3, isFloat: true}}}),
			ok([]record{{{name: "x", text: "0.30000000000000004f", number: 0.30000000000000004, isFloat: true}}}), rule{loose: true}, true},
		{"a float that is no aggregate", ok([]record{{{name: "x", text: "0.3f", number: 0.3, isFloat: true}}}),
			ok([]record{{{name: "x", text: "0.30000000000000004f", number: 0.30000000000000004, isFloat: true}}}), rule{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.same, disagree(c.plain, c.sharded, c.rule) == "", disagree(c.plain, c.sharded, c.rule))
		})
	}
}

func TestTableOfRefusals(t *testing.T) {
	t.Parallel()
	reasons, err := documentedReasons(unsupportedDocs)
	require.NoError(t, err)
	assert.True(t, reasons["ErrShardNotFound"])
	tested, err := testedReasons(map[string]bool{"raw-shape": true, "no-such-code": true})
	require.NoError(t, err)
	assert.Equal(t, map[string]bool{"raw-shape": true}, tested)
	_, err = documentedReasons("../../LICENSE")
	assert.Error(t, err, "a page without a table")
}
