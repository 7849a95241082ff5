package resolver

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestSavePointSpellings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		statement, dialect string
		verb               pointVerb
		name               string
	}{
		{"SAVEPOINT sp1", "sqlite", setPoint, "sp1"},
		{" savepoint\n\tSP1 ; ", "mysql", setPoint, "sp1"},
		{"/* trace=1 */ SAVEPOINT sp1 -- why", "postgres", setPoint, "sp1"},
		{"-- why\nSAVEPOINT sp1", "postgres", setPoint, "sp1"},
		{`SAVEPOINT "A b"`, "postgres", setPoint, "A b"},
		{`SAVEPOINT A`, "postgres", setPoint, "a"},
		{"SAVEPOINT `A b`", "mysql", setPoint, "a b"},
		{`SAVEPOINT "A"`, "sqlite", setPoint, "a"},
		{"SAVE TRANSACTION Sp1", "sqlserver", setPoint, "Sp1"},
		{"SAVE TRAN [Sp 1]", "sqlserver", setPoint, "Sp 1"},
		{"ROLLBACK TO SAVEPOINT sp1", "sqlite", rollbackToPoint, "sp1"},
		{"rollback to sp1;", "postgres", rollbackToPoint, "sp1"},
		{"ROLLBACK TRANSACTION TO SAVEPOINT sp1", "sqlite", rollbackToPoint, "sp1"},
		{"ROLLBACK WORK TO sp1", "mysql", rollbackToPoint, "sp1"},
		{"ROLLBACK TRANSACTION sp1", "sqlserver", rollbackToPoint, "sp1"},
		{"RELEASE SAVEPOINT sp1", "mysql", releasePoint, "sp1"},
		{"RELEASE sp1", "sqlite", releasePoint, "sp1"},

		{"", "sqlite", noPoint, ""},
		{"SAVEPOINT", "sqlite", noPoint, ""},
		{"ROLLBACK", "sqlite", noPoint, ""},
		{"ROLLBACK TRANSACTION", "sqlserver", noPoint, ""},
		{"ROLLBACK AND CHAIN", "postgres", noPoint, ""},
		{"ROLLBACK TRANSACTION AND NO CHAIN", "postgres", noPoint, ""},
		{"ROLLBACK PREPARED 'x'", "postgres", noPoint, ""},
		{"ROLLBACK TRANSACTION x", "postgres", noPoint, ""},
		{"SELECT 1", "sqlite", noPoint, ""},
		{"SAVEPOINT a; DROP TABLE b", "sqlite", noPoint, ""},
		{`SAVEPOINT "a`, "sqlite", noPoint, ""},
		{`SAVEPOINT ""`, "sqlite", noPoint, ""},
		{"/* SAVEPOINT a", "sqlite", noPoint, ""},
		{"REPLACE INTO t VALUES (1)", "mysql", noPoint, ""},
		{"RELEASE a b c d e f", "sqlite", noPoint, ""},
		{"DELETE FROM savepoint", "sqlite", noPoint, ""},
	} {
		verb, name := savePoint(c.statement, c.dialect)
		assert.Equal(t, c.verb, verb, c.statement)
		assert.Equal(t, c.name, name, c.statement)
	}
}

func TestOtherStatementsCostNothing(t *testing.T) { //nolint:paralleltest // measures allocations
	allocs := testing.AllocsPerRun(100, func() { savePoint("INSERT INTO a VALUES (1)", "sqlite") })
	assert.Zero(t, allocs)
}

// The journal against a naive twin: a stack of copies of the whole state.
func TestJournalFollowsSavePoints(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		type state struct {
			name  string
			live  []int       // hooks not undone
			value map[any]any // values
		}
		copyOf := func(m map[any]any) map[any]any {
			c := map[any]any{}
			for k, v := range m {
				c[k] = v
			}
			return c
		}
		j := &journal{}
		var undone, wantUndone []int
		var live []int
		values := map[any]any{}
		var stack []state
		tx := &Tx{txCore: &txCore{}}
		names := rapid.SampledFrom([]string{"a", "b", "c"})
		for step := range rapid.IntRange(1, 40).Draw(t, "steps") {
			j = &tx.journal
			switch rapid.SampledFrom([]string{"hook", "value", "save", "back", "release"}).Draw(t, "op") {
			case "hook":
				tx.OnRollback(func() { undone = append(undone, step) })
				live = append(live, step)
			case "value":
				k := names.Draw(t, "key")
				tx.SetValue(k, step)
				values[k] = step
			case "save":
				name := names.Draw(t, "name")
				j.follow(setPoint, savedPoint{name: name, statement: "SAVEPOINT " + name})
				stack = append(stack, state{name, append([]int(nil), live...), copyOf(values)})
			case "back", "release":
				if len(stack) == 0 {
					continue
				}
				name := stack[rapid.IntRange(0, len(stack)-1).Draw(t, "which")].name
				i := len(stack) - 1
				for stack[i].name != name {
					i--
				}
				if rapid.Bool().Draw(t, "release") {
					for _, f := range j.follow(releasePoint, savedPoint{name: name}) {
						f()
					}
					stack = stack[:i]
					continue
				}
				for _, f := range j.follow(rollbackToPoint, savedPoint{name: name}) {
					f()
				}
				s := stack[i]
				for k := len(live) - 1; k >= len(s.live); k-- {
					wantUndone = append(wantUndone, live[k])
				}
				live, values, stack = append([]int(nil), s.live...), copyOf(s.value), stack[:i+1]
			}
			var points []string
			for _, s := range stack {
				points = append(points, "SAVEPOINT "+s.name)
			}
			var inForce []string
			for _, p := range j.savePoints() {
				inForce = append(inForce, p.statement)
			}
			assert.Equal(t, points, inForce)
			assert.Equal(t, wantUndone, undone)
			for _, k := range []string{"a", "b", "c"} {
				assert.Equal(t, values[k], tx.Value(k))
			}
		}
		for _, f := range j.undoAll() {
			f()
		}
		for k := len(live) - 1; k >= 0; k-- {
			wantUndone = append(wantUndone, live[k])
		}
		assert.Equal(t, wantUndone, undone)
	})
}
