package oracle

import (
	"bytes"
	"cmp"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/internal/testenv"
)

// mutant is a fault that the suite must find. old must stand in the file exactly
// once; in new, mutant("name") tells whether this one is to be acted out, so that one
// build of a copy of the module serves all of them.
type mutant struct {
	name, file, old, new string
	// variants are those that run; "" for the usual ones.
	variants string
	// test is the suite's, TestOracle unless it says otherwise; engine is SQLite, unless
	// only another has what the fault is about.
	test, engine string
}

// The variants that mutants are looked for with: those of one model, and those of what
// only some have.
const (
	usualVariants = "(value|value-default|month-newyork|hash-id|hash-code|range|composite|custom)-3"
	graphVariant3 = "graph-(value-3|together-8|children-3)"
	deepPages     = "deep-(hash-4|month-6|range-6)"
	kinVariant3   = "kin-(area-3|number-8|apart-3|children-3|both-4)"
	spreadVariant = "spread-(value-3|hash-id-8|graph-near-3)"
	spreadKin     = "spread-kin-number-8"
)

var mutants = []mutant{
	{
		name: "a union drops its last shard", file: "callbacks/aim.go",
		old: "for i := range u.plan.Targets {\n\t\tif i > 0 {",
		new: "for i := range u.plan.Targets {\n\t\tif i > 0 && i == len(u.plan.Targets)-1 && mutant(\"a union drops its last shard\") {\n\t\t\tbreak\n\t\t}\n\t\tif i > 0 {",
	},
	{
		name: "flat unions drop their last shard", file: "callbacks/flat.go",
		old: "for i := range p.Targets {\n",
		new: "for i := range p.Targets {\n\t\tif i > 0 && i == len(p.Targets)-1 && mutant(\"flat unions drop their last shard\") {\n\t\t\tbreak\n\t\t}\n",
	},
	{
		name: "OR is read as AND", file: "planner/parse.go",
		old: "return a.parts(lo, hi, wordOr, negated, !negated)",
		new: "return a.parts(lo, hi, wordOr, negated, !negated && !mutant(\"OR is read as AND\"))",
	},
	{
		name: "NOT is not pushed inward", file: "planner/parse.go",
		old: "return a.condition(lo+1, hi, !negated)",
		new: "return a.condition(lo+1, hi, negated != !mutant(\"NOT is not pushed inward\"))",
	},
	{
		name: "sessions lose the offset", file: "merge/limit.go",
		old: "skip: max(offset, 0)",
		new: "skip: map[bool]int64{false: max(offset, 0)}[mutant(\"sessions lose the offset\")]",
	},
	{
		name: "a session's limit leaves out the offset", file: "planner/shape.go",
		old: "h.branchLimit = h.limit + h.offset",
		new: "if h.branchLimit = h.limit + h.offset; mutant(\"a session's limit leaves out the offset\") {\n\t\t\th.branchLimit = h.limit\n\t\t}",
	},
	{
		name: "an IN list keeps one value per shard", file: "planner/split.go",
		old: "default:\n\t\t\tlists[at] = append(lists[at], v)",
		new: "default:\n\t\t\tif len(lists[at]) > 0 && mutant(\"an IN list keeps one value per shard\") {\n\t\t\t\tbreak\n\t\t\t}\n\t\t\tlists[at] = append(lists[at], v)",
	},
	{
		name: "a write forgets its last shard", file: "callbacks/write_run.go",
		old: "for i := range w.plan.Targets {\n\t\t\tn, err := w.step(",
		new: "for i := range w.plan.Targets {\n\t\t\tif i > 0 && i == len(w.plan.Targets)-1 && mutant(\"a write forgets its last shard\") {\n\t\t\t\tbreak\n\t\t\t}\n\t\t\tn, err := w.step(",
	},
	{
		name: "rows affected are the last shard's", file: "callbacks/write_run.go",
		old: "\t\t\ttotal += n\n\t\t}\n\t\tif w.rows",
		new: "\t\t\ttotal += n\n\t\t\tif mutant(\"rows affected are the last shard's\") {\n\t\t\t\ttotal = n\n\t\t\t}\n\t\t}\n\t\tif w.rows",
	},
	{
		name: "<= is read as <", file: "planner/compare.go",
		old: "return below(c.hi, true)",
		new: "return below(c.hi, !mutant(\"<= is read as <\"))",
	},
	{
		name: "a failed write stays in part", file: "callbacks/atomic.go",
		old: "if err := session(db).SavePoint(name).Error; err != nil {",
		new: "if mutant(\"a failed write stays in part\") {\n\t\t\treturn ownError(db, run())\n\t\t}\n\t\tif err := session(db).SavePoint(name).Error; err != nil {",
	},
	{
		name: "a split write has no transaction of its own", file: "callbacks/atomic.go",
		old: "pool := stmt.ConnPool\n\ttx := session(db).Begin()",
		new: "if mutant(\"a split write has no transaction of its own\") {\n\t\treturn ownError(db, run())\n\t}\n\tpool := stmt.ConnPool\n\ttx := session(db).Begin()",
	},
	{
		name: "a join or subquery leaves out a shard", file: "callbacks/rewrite.go",
		old: "if i > 0 {\n\t\t\tb.WriteString(\" UNION ALL \")",
		new: "if i > 0 && i == len(shards)-1 && mutant(\"a join or subquery leaves out a shard\") {\n\t\t\tbreak\n\t\t}\n\t\tif i > 0 {\n\t\t\tb.WriteString(\" UNION ALL \")",
	},
	{
		name: "a relation join leaves out a shard", file: "callbacks/rewrite.go", variants: graphVariant3,
		old: "if len(shards) == 0 {\n\t\tr.writeEmpty(",
		new: "if len(shards) > 1 && mutant(\"a relation join leaves out a shard\") {\n\t\tb.Reset()\n\t\tb.WriteString(\"(SELECT \" + columns + \" FROM \" + r.quote(shards[0].Table))\n\t}\n\tif len(shards) == 0 {\n\t\tr.writeEmpty(",
	},
	{
		name: "groups merge the parts of one branch", file: "planner/partials_merge.go",
		old: "\treturn \"SUM(\" + part + \")\"",
		new: "\tif mutant(\"groups merge the parts of one branch\") {\n\t\treturn \"MAX(\" + part + \")\"\n\t}\n\treturn \"SUM(\" + part + \")\"",
	},
	{
		name: "sessions keep groups that HAVING leaves out", file: "merge/having.go",
		old: "if holds == isTrue {",
		new: "if holds == isTrue || mutant(\"sessions keep groups that HAVING leaves out\") {",
	},
	{
		name: "a group keeps its first part", file: "merge/group.go",
		old: "for i := range columns {\n\t\t\tvar err error\n",
		new: "for i := range columns {\n\t\t\tif at < len(g.groups) && found && mutant(\"a group keeps its first part\") {\n\t\t\t\tcontinue\n\t\t\t}\n\t\t\tvar err error\n",
	},
	{
		name: "different values are counted by each shard", file: "planner/group_parts.go",
		old: "return item.ofDifferent() && (",
		new: "return item.ofDifferent() && !mutant(\"different values are counted by each shard\") && (",
	},
	{
		name: "a sum takes equal values twice", file: "merge/group.go",
		old: "if counts && err == nil {",
		new: "if counts = counts || c.Func != CountDistinct && mutant(\"a sum takes equal values twice\"); counts && err == nil {",
	},
	{
		name: "rows keep what only ordered them", file: "callbacks/sessions_merge.go",
		old: "if n := len(m.Hidden); n > 0 {",
		new: "if n := len(m.Hidden); n > 0 && !mutant(\"rows keep what only ordered them\") {",
	},
	{
		name: "a variance forgets the squares", file: "merge/spread.go", engine: "postgres",
		old: "numerator.add(scaled)\n",
		new: "if !mutant(\"a variance forgets the squares\") {\n\t\tnumerator.add(scaled)\n\t}\n",
	},
	{
		name: "a probe leaves too little behind", file: "merge/paging.go", variants: deepPages,
		old: "page.From, page.Skip = rows[pivot], page.Skip-before",
		new: "page.From, page.Skip = rows[pivot], page.Skip-before\n\t\tif mutant(\"a probe leaves too little behind\") {\n\t\t\tpage.Skip++\n\t\t}",
	},
	{
		name: "a probe reads its key in no order", file: "callbacks/paging_direct.go", variants: deepPages,
		old: "write(common.tail)",
		new: "if !mutant(\"a probe reads its key in no order\") {\n\t\twrite(common.tail)\n\t}",
	},
	{
		name: "a walk forgets what it passed", file: "merge/paging_walk.go", variants: deepPages,
		old: "skip -= n\n",
		new: "if !mutant(\"a walk forgets what it passed\") {\n\t\t\t\tskip -= n\n\t\t\t}\n",
	},
	{
		name: "a cursor leaves out equal keys", file: "planner/keyset.go",
		old: "if i+1 < len(k.Columns) {",
		new: "if i+1 < len(k.Columns) && !mutant(\"a cursor leaves out equal keys\") {",
	},
	{
		name: "a cursor forgets NULL", file: "planner/keyset.go",
		old: "case v == nil && nullsFirst:",
		new: "case v == nil && nullsFirst && !mutant(\"a cursor forgets NULL\"):",
	},
	{
		name: "a loop over rows ends early", file: "callbacks/iterate.go",
		old: "if !yield(row, nil) {",
		new: "if mutant(\"a loop over rows ends early\") && !rows.Next() {\n\t\t\t\treturn\n\t\t\t}\n\t\t\tif !yield(row, nil) {",
	},
	{
		name: "a moved row is not updated", file: "callbacks/move.go",
		old: "moved = moved || some",
		new: "moved = moved || some && !mutant(\"a moved row is not updated\")",
	},
	{
		name: "a row stays where it was, too", file: "callbacks/move.go",
		old: "if copied.RowsAffected != int64(len(chunk)) ||",
		new: "if mutant(\"a row stays where it was, too\") {\n\t\t\tsession(w.db).Exec(\"INSERT INTO \"+r.quote(from.Shard.Table)+\" (\"+list+\") SELECT \"+list+\" FROM \"+r.quote(to.Table)+\" WHERE ?\", in)\n\t\t}\n\t\tif copied.RowsAffected != int64(len(chunk)) ||",
	},
	{
		name: "an upsert does not look on other shards", file: "callbacks/guard.go",
		old: "\tc.findRepeated(given, home, elsewhere)\n\tif len(elsewhere) == 0 {",
		new: "\tc.findRepeated(given, home, elsewhere)\n\tif len(elsewhere) == 0 || mutant(\"an upsert does not look on other shards\") {",
	},
	{
		name: "SQL text forgets its last shard", file: "callbacks/raw_steps.go",
		old: "for i := range steps {\n\t\t\tn, src, err := r.rawStep(",
		new: "for i := range steps {\n\t\t\tif i > 0 && i == len(steps)-1 && mutant(\"SQL text forgets its last shard\") {\n\t\t\t\tbreak\n\t\t\t}\n\t\t\tn, src, err := r.rawStep(",
	},
	{
		name: "SQL text inserts all rows on its first shard", file: "callbacks/raw_insert.go",
		old: "steps[i].shardSQL = in.text(&p.Targets[i])",
		new: "steps[i].shardSQL = in.text(&p.Targets[i])\n\t\tif i > 0 && mutant(\"SQL text inserts all rows on its first shard\") {\n\t\t\tsteps[i].shardSQL = in.text(&planner.Target{Shard: p.Targets[0].Shard, Rows: p.Targets[i].Rows})\n\t\t}",
	},
	{
		name: "a split insert stops after its second shard", file: "callbacks/create.go",
		old: "c.rows.unpick(target.Rows, sub)\n\t\ttotal += db.RowsAffected",
		new: "c.rows.unpick(target.Rows, sub)\n\t\ttotal += db.RowsAffected\n\t\tif i > 0 && mutant(\"a split insert stops after its second shard\") {\n\t\t\tbreak\n\t\t}",
	},
	{
		name: "associations lose a shard's rows", file: "callbacks/create.go", variants: graphVariant3,
		old: "for i := range p.Targets {\n\t\ttarget := &p.Targets[i]",
		new: "for i := range p.Targets {\n\t\tif i > 0 && i == len(p.Targets)-1 && c.db.Statement.Clauses[\"ON CONFLICT\"].Expression != nil && mutant(\"associations lose a shard's rows\") {\n\t\t\tbreak\n\t\t}\n\t\ttarget := &p.Targets[i]",
	},
}

// mutantsOfKin are faults in what models with composite keys and foreign keys, several
// databases and limited writes need.
var mutantsOfKin = []mutant{
	{
		name: "the database's own cascades end the chain", file: "callbacks/collapse.go", variants: kinVariant3,
		old: "if err := c.follow(k, values, changed); err != nil {",
		new: "if mutant(\"the database's own cascades end the chain\") {\n\t\t\tcontinue\n\t\t}\n\t\tif err := c.follow(k, values, changed); err != nil {",
	},
	{
		name: "a cascade leaves its last key", file: "callbacks/collapse_act.go", variants: kinVariant3,
		old: "\tfor i, k := range c.keys {\n\t\tif err := c.cascade(",
		new: "\tfor i, k := range c.keys {\n\t\tif i > 0 && i == len(c.keys)-1 && mutant(\"a cascade leaves its last key\") {\n\t\t\tbreak\n\t\t}\n\t\tif err := c.cascade(",
	},
	{
		name: "RESTRICT lets go", file: "callbacks/collapse_act.go", variants: kinVariant3,
		old: "\t\tcase n == 0:\n",
		new: "\t\tcase n == 0 || mutant(\"RESTRICT lets go\"):\n",
	},
	{
		name: "an unsharded parent's children stay", file: "callbacks/collapse_unowned.go", variants: kinVariant3,
		old: "if err != nil || !demands {",
		new: "if err != nil || !demands || mutant(\"an unsharded parent's children stay\") {",
	},
	{
		name: "a move forgets what refers to its rows", file: "callbacks/move_keys.go", variants: kinVariant3,
		old: "if !k.Held {\n",
		new: "if !k.Held || mutant(\"a move forgets what refers to its rows\") {\n",
	},
	{
		name: "a moved row keeps a part of its old key for a moment", file: "callbacks/move_keys.go", variants: kinVariant3,
		old: "\t\tvalues[f.DBName] = v\n\t}\n\tfor _, a := range w.set {",
		new: "\t\tif mutant(\"a moved row keeps a part of its old key for a moment\") {\n\t\t\tcontinue\n\t\t}\n\t\tvalues[f.DBName] = v\n\t}\n\tfor _, a := range w.set {",
	},
	{
		name: "row values lead to the first row's shard", file: "planner/tuples.go", variants: kinVariant3,
		old: "return a.slab(dims[0], config.Points(keys...), exact)",
		new: "if mutant(\"row values lead to the first row's shard\") {\n\t\t\tkeys = keys[:1]\n\t\t}\n\t\treturn a.slab(dims[0], config.Points(keys...), exact)",
	},
	{
		name: "row values of two key columns lose a second", file: "planner/tuples.go", variants: "kin-both-4",
		old: "seconds[keys[i]] = append(seconds[keys[i]], keys[i+1])",
		new: "if len(seconds[keys[i]]) > 0 && mutant(\"row values of two key columns lose a second\") {\n\t\t\tcontinue\n\t\t}\n\t\tseconds[keys[i]] = append(seconds[keys[i]], keys[i+1])",
	},
	{
		name: "a cursor's condition stands beside the last OR", file: "callbacks/keyset.go", variants: graphVariant3,
		old: "if w, ok := c.Expression.(clause.Where); ok && len(w.Exprs) > 1 {",
		new: "if w, ok := c.Expression.(clause.Where); ok && len(w.Exprs) > 1 && !mutant(\"a cursor's condition stands beside the last OR\") {",
	},
	{
		name: "a limited write loses its last row", file: "callbacks/first.go", variants: "(value|hash-id|range|custom)-3", engine: "mariadb",
		old: "\t\tw.narrow(a, keys)\n",
		new: "\t\tif len(keys) > 1 && mutant(\"a limited write loses its last row\") {\n\t\t\tkeys = keys[:len(keys)-1]\n\t\t}\n\t\tw.narrow(a, keys)\n",
	},
	{
		name: "a join over databases leaves one out", file: "callbacks/legs.go", variants: spreadVariant, test: "TestOracleDatabases",
		old: "src, err := r.mergeSources(p, sources)\n",
		new: "if len(stmt.Joins) > 0 && mutant(\"a join over databases leaves one out\") {\n\t\tsources = sources[1:]\n\t}\n\tsrc, err := r.mergeSources(p, sources)\n",
	},
	{
		name: "a move over databases carries no rows", file: "callbacks/move_over.go", variants: spreadKin, test: "TestOracleDatabases",
		old: "if len(values) == 0 {",
		new: "if len(values) == 0 || mutant(\"a move over databases carries no rows\") {",
	},
	{
		name: "a move over databases takes text for numbers", file: "callbacks/move_over.go", variants: spreadKin, test: "TestOracleDatabases", engine: "mariadb",
		old: "row := \"( ?\" + strings",
		new: "row := map[bool]string{false: \"( ?\", true: \"(?\"}[mutant(\"a move over databases takes text for numbers\")] + strings",
	},
	{
		name: "a text over databases forgets its conditions", file: "callbacks/raw_read.go", variants: spreadVariant, test: "TestOracleDatabases",
		old: "if len(read.Where) > 0 {",
		new: "if len(read.Where) > 0 && !mutant(\"a text over databases forgets its conditions\") {",
	},
	{
		name: "Take asks one database alone", file: "callbacks/first_come.go", variants: spreadVariant, test: "TestOracleDatabases",
		old: "if f.laneOf(i) != lane {",
		new: "if f.laneOf(i) != lane || lane > 0 && mutant(\"Take asks one database alone\") {",
	},
}

// The folders that mutants stand in get this beside their own files.
const mutantSource = `

import "os"

func mutant(name string) bool { return os.Getenv("DTDE_ORACLE_MUTANT") == name }
`

// TestMutants breaks copies of dtde and expects the suite to notice, on SQLite with
// a few hundred operations each.
func TestMutants(t *testing.T) {
	t.Parallel()
	testenv.WithoutRace(t, "differences show without it")
	copied := t.TempDir()
	require.NoError(t, copyModule("../..", copied))
	folders := map[string]bool{}
	all := slices.Concat(mutants, mutantsOfKin)
	for _, m := range all {
		path := filepath.Join(copied, filepath.FromSlash(m.file))
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, 1, bytes.Count(text, []byte(m.old)), "%s: the text of mutant %q must stand there exactly once: write it anew", m.file, m.name)
		require.NoError(t, os.WriteFile(path, bytes.Replace(text, []byte(m.old), []byte(m.new), 1), 0o600))
		folders[filepath.Dir(m.file)] = true
	}
	for folder := range folders {
		source := "package " + filepath.Base(folder) + mutantSource
		require.NoError(t, os.WriteFile(filepath.Join(copied, folder, "mutant.go"), []byte(source), 0o600))
	}
	command := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", filepath.Join(copied, "oracle.test"), "./tests/oracle")
	command.Dir = copied
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)

	t.Run("none", func(t *testing.T) {
		t.Parallel()
		output, err := runMutant(t, copied, mutant{})
		assert.NoError(t, err, "%s", output)
		assert.Contains(t, output, " refused, 0 differences\n", "the control found nothing to compare")
	})
	for _, m := range all {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			testenv.Only(t, cmp.Or(m.engine, "sqlite"))
			output, err := runMutant(t, copied, m)
			assert.Error(t, err, "the suite did not notice")
			assert.Contains(t, output, "oracle: DIFFERENCE", "%s", output)
		})
	}
}

// runMutant runs some variants of the suite in the copy.
func runMutant(t *testing.T, copied string, m mutant) (string, error) {
	t.Helper()
	variants, test, engine := cmp.Or(m.variants, usualVariants), cmp.Or(m.test, "TestOracle"), cmp.Or(m.engine, "sqlite")
	command := exec.CommandContext(t.Context(), filepath.Join(copied, "oracle.test"), "-test.timeout=3m",
		"-test.run=^"+test+"$/^"+engine+"$/^round[0-9]+$/^"+variants+"$")
	command.Dir = filepath.Join(copied, "tests", "oracle")
	command.Env = append(os.Environ(), "DTDE_ORACLE_MUTANT="+m.name, "DTDE_ORACLE_SEED=2", "DTDE_ORACLE_N=6000", "DTDE_ORACLE_DIFFERENCES=1",
		"DTDE_ORACLE_SHRINK=0", "CI=")
	for name, variable := range map[string]string{"postgres": testenv.PostgresVariable, "mariadb": testenv.MySQLVariable} {
		if engine != name {
			command.Env = append(command.Env, variable+"=")
		}
	}
	if m.name == "" {
		command.Env = append(command.Env, "DTDE_ORACLE_N=400")
	}
	command.WaitDelay = time.Second
	output, err := command.CombinedOutput()
	return string(output), err
}

// copyModule copies what a build of the module needs.
func copyModule(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if below != "." && strings.HasPrefix(entry.Name(), ".") {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, below), 0o700)
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, below), text, 0o600)
	})
}
