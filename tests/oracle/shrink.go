package oracle

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// shrinkFor bounds how long a program is made smaller.
const shrinkFor = 40 * time.Second

// shrink drops operations, and calls of the last ones, as long as some difference
// stays.
func shrink(t testing.TB, ds *databases, v *variant, ops []*operation, first *difference) ([]*operation, *difference) {
	deadline := time.Now().Add(shrinkFor)
	best := slices.Clone(ops[:first.step+1])
	found := first
	try := func(candidate []*operation) bool {
		if len(candidate) == 0 || time.Now().After(deadline) {
			return false
		}
		diff := replay(t, ds, v, candidate)
		if diff == nil {
			return false
		}
		best, found = slices.Clone(candidate[:diff.step+1]), diff
		return true
	}
	for size := len(best) / 2; size > 0; size /= 2 {
		for from := 0; from < len(best)-1; {
			to := min(from+size, len(best)-1)
			if !try(slices.Concat(best[:from], best[to:])) {
				from = to
			}
		}
	}
	for smaller := true; smaller; {
		smaller = false
		for i := len(best) - 1; i >= 0 && i < len(best); i-- {
			for k := range parts(best[i]) {
				if o := reduced(best[i], k); o != nil && try(slices.Concat(best[:i], []*operation{o}, best[i+1:])) {
					smaller = true
					break
				}
			}
		}
	}
	return best, found
}

func parts(op *operation) int { return max(op.parts, 2*len(op.body)) }

// reduced is the operation without its k-th part, or nil.
func reduced(op *operation, k int) *operation {
	if op.without == nil {
		return nil
	}
	return op.without(k)
}

// replay runs a program in empty databases.
func replay(t testing.TB, ds *databases, v *variant, ops []*operation) (diff *difference) {
	s := &scratch{TB: t}
	defer s.close()
	w, err := openWorld(s, ds, v, true)
	if err != nil {
		t.Logf("replay: %v", err)
		return nil
	}
	return w.runProgram(ops, newTally())
}

// scratch is a test whose cleanups run early.
type scratch struct {
	testing.TB
	cleanups []func()
}

func (s *scratch) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }

func (s *scratch) TempDir() string {
	dir, err := os.MkdirTemp("", "oracle")
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (s *scratch) close() {
	for _, f := range slices.Backward(s.cleanups) {
		f()
	}
}

// report is what is printed of a difference.
func report(ds *databases, v *variant, seed uint64, round int, ops []*operation, diff *difference) string {
	var b strings.Builder
	fmt.Fprintf(&b, "oracle: DIFFERENCE on %s, variant %s: %s\n", ds.Name, v.name, diff.what)
	fmt.Fprintf(&b, "  again: DTDE_ORACLE_SEED=%d, -run '%s/%s/round%d/%s$'\n", seed, ds.test, ds.Name, round, v.name)
	fmt.Fprintf(&b, "  program (%d operations, the last differs at step %d):\n", len(ops), diff.step)
	for i, op := range ops {
		fmt.Fprintf(&b, "  %2d  %s\n", i, strings.ReplaceAll(op.text, "\n", "\n      "))
	}
	fmt.Fprintf(&b, "  plain:   %s\n  sharded: %s\n", diff.plain, diff.sharded)
	sent := func(side string, a *answer) {
		fmt.Fprintf(&b, "  SQL of the %s side:\n", side)
		if a == nil {
			return
		}
		for _, line := range a.sql {
			if len(line) > 1500 {
				line = line[:1500] + "…"
			}
			fmt.Fprintf(&b, "    %s\n", line)
		}
	}
	sent("plain", diff.plain)
	sent("sharded", diff.sharded)
	return b.String()
}
