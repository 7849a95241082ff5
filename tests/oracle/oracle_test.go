package oracle

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/internal/testenv"
)

// What make test asks for: operations per database, and per variant at least.
const (
	defaultOperations = 5000
	defaultSpread     = 2000
	perVariant        = 50
	// maxDifferences ends a database's run early: the first ones say enough.
	maxDifferences = 6
	// maxApart bounds the share of refusals over several databases, in percent.
	maxApart = 20.0
)

func environmentNumber(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, name)
	return n
}

// suite is one run of variants over every engine.
type suite struct {
	variants func() []*variant
	open     func(t testing.TB, d testenv.DB) *databases
	// operations per database, unless DTDE_ORACLE_N says otherwise.
	operations uint64
	// raced: of the variants those that the race detector has to see, with short programs,
	// unless DTDE_ORACLE_N is set.
	raced bool
	check func(t *testing.T, total *tally)
}

// racedVariants have statements of each kind over several shards. The suite's programs run
// on one goroutine, and what starts goroutines below is not many forms: the race detector,
// which makes the suite three times slower, has seen them all with these.
var racedVariants = regexp.MustCompile("^(value|month-newyork|hash-id|range|composite|graph-value|deep-hash|spread-(value|hash-code|graph-near))-[34]$")

// TestOracle runs every variant on every database; more rounds of them for a larger
// DTDE_ORACLE_N. DTDE_ORACLE_SEED repeats a run.
func TestOracle(t *testing.T) {
	t.Parallel()
	suite{variants: variants, open: openDatabases, operations: defaultOperations, raced: testenv.RaceEnabled, check: checkShares}.run(t)
}

// TestOracleDatabases does the same with the shards in several databases.
func TestOracleDatabases(t *testing.T) {
	t.Parallel()
	suite{variants: spreadVariants, open: spreadOver, operations: defaultSpread, raced: testenv.RaceEnabled, check: checkSpread}.run(t)
}

func (s suite) run(t *testing.T) {
	t.Helper()
	if s.raced = s.raced && os.Getenv("DTDE_ORACLE_N") == ""; s.raced {
		s.operations = perVariant // one round of short programs
	}
	seed := environmentNumber(t, "DTDE_ORACLE_SEED", rand.Uint64N(1_000_000_000))
	wanted := int(environmentNumber(t, "DTDE_ORACLE_N", s.operations))
	limit := int(environmentNumber(t, "DTDE_ORACLE_DIFFERENCES", maxDifferences))
	documented, err := documentedReasons(unsupportedDocs)
	require.NoError(t, err)
	fmt.Printf("oracle: %s: DTDE_ORACLE_SEED=%d DTDE_ORACLE_N=%d\n", t.Name(), seed, wanted)
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		all := s.variants()
		if s.raced {
			all = slices.DeleteFunc(all, func(v *variant) bool { return !racedVariants.MatchString(v.name) })
		}
		total := newTally()
		ds := s.open(t, d)
		before := -1 // a round that -run leaves out adds nothing
		for round := 0; total.operations < wanted && total.differences < limit && total.operations > before; round++ {
			before = total.operations
			length := max(perVariant, min(250, wanted*5/6/len(all)))
			// One shard says least; the forms of several need their share.
			lengthOf := func(v *variant) int {
				switch {
				case v.kin != nil && v.spread: // an order of text is refused often
					return length
				case v.kin != nil:
					return 7 * length / 2
				case v.graph != nil:
					return 3 * length
				case v.deep:
					return length + length/2
				case v.shards > 1:
					return length + length/8
				}
				return length
			}
			t.Run(fmt.Sprintf("round%d", round), func(t *testing.T) {
				for _, v := range all {
					if total.differences >= limit {
						return
					}
					t.Run(v.name, func(t *testing.T) { runVariant(t, ds, v, seed, round, lengthOf(v), total) })
				}
			})
		}
		conclude(t, d.Name, total, documented, s.check)
	})
}

// runVariant runs one program, and shows where it differs.
func runVariant(t *testing.T, ds *databases, v *variant, seed uint64, round, length int, total *tally) {
	w, err := openWorld(t, ds, v, true)
	if err != nil {
		total.differences++
		t.Errorf("oracle: variant %s: %v", v.name, err)
		return
	}
	ops := program(hash(seed, "/", round, "/", v.name, "/", ds.Name), v, ds.Name, length)
	count := newTally()
	diff := w.runProgram(ops, count)
	total.add(count)
	if diff == nil {
		return
	}
	total.differences++
	smallest, smaller := ops[:diff.step+1], diff
	if os.Getenv("DTDE_ORACLE_SHRINK") != "0" {
		smallest, smaller = shrink(t, ds, v, ops, diff)
	}
	t.Error(report(ds, v, seed, round, smallest, smaller))
}

// conclude prints the counts and checks that the run was what it should be.
func conclude(t *testing.T, engine string, total *tally, documented map[string]bool, check func(*testing.T, *tally)) {
	tested, err := testedReasons(documented)
	require.NoError(t, err)
	for reason, n := range total.refusals {
		if documented[reason] && !tested[reason] {
			total.differences++
			t.Errorf("oracle: the refusal %q has no test of its own in tests/", reason)
		}
		if !documented[reason] {
			total.differences++
			t.Errorf("oracle: the refusal %q (%d times) does not stand in docs/unsupported.md; for example\n    %s", reason, n, strings.Join(total.examples[reason], "\n    "))
		}
	}
	t.Logf("oracle: %s: kinds: %s", engine, counts(total.kinds))
	line, _ := total.shares()
	t.Logf("oracle: %s: refusals: %s", engine, counts(total.refusals))
	if total.differences == 0 && total.operations >= min(defaultOperations, defaultSpread) {
		check(t, total)
	}
	// One call, so that the databases' lines don't mix.
	fmt.Printf("oracle: %s: writes %.1f %%, forms: one %.1f %%, union %.1f %%, sessions %.1f %%; rows in %.1f %%; refusals: %s\n"+
		"oracle: %s: shapes: %s\noracle: %d operations, %d refused, %d differences\n", engine,
		total.percent(total.writes), total.percent(total.forms["one"]), total.percent(total.forms["union"]), total.percent(total.forms["sessions"]),
		total.percent(total.found), counts(total.refusals), engine, line, total.operations, total.refused(), total.differences)
}

// checkShares checks a run over one database.
func checkShares(t *testing.T, total *tally) {
	t.Helper()
	if total.operations < defaultOperations {
		return
	}
	assert.GreaterOrEqual(t, total.percent(total.writes), 30.0, "share of writes")
	for _, form := range []string{"one", "union", "sessions"} {
		assert.GreaterOrEqual(t, total.percent(total.forms[form]), 10.0, "share of the form "+form)
	}
	assert.GreaterOrEqual(t, total.percent(total.found), 50.0, "share of operations that found or changed rows")
	assert.LessOrEqual(t, total.percent(total.refused()), 1.0, "share of refusals")
	_, missing := total.shares()
	assert.Empty(t, missing, "shapes without their share")
}

// checkSpread checks a run over several: what needs rows of two databases at once is
// refused, and counted apart.
func checkSpread(t *testing.T, total *tally) {
	t.Helper()
	apart := 0
	for reason, n := range total.refusals {
		if ofDatabases(reason) {
			apart += n
		}
	}
	assert.GreaterOrEqual(t, total.percent(total.writes), 30.0, "share of writes")
	for _, form := range []string{"one", "sessions"} {
		assert.GreaterOrEqual(t, total.percent(total.forms[form]), 10.0, "share of the form "+form)
	}
	assert.LessOrEqual(t, total.percent(total.refused()-apart), 1.0, "share of refusals that have nothing to do with databases")
	assert.LessOrEqual(t, total.percent(apart), maxApart, "share of refusals of what needs several databases")
}
