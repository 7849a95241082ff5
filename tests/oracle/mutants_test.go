package oracle

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
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
type mutant struct{ name, file, old, new string }

var mutants = []mutant{
	{
		"a union drops its last shard", "callbacks/aim.go",
		"for i := range u.plan.Targets {\n\t\tif i > 0 {",
		"for i := range u.plan.Targets {\n\t\tif i > 0 && i == len(u.plan.Targets)-1 && mutant(\"a union drops its last shard\") {\n\t\t\tbreak\n\t\t}\n\t\tif i > 0 {",
	},
	{
		"OR is read as AND", "planner/parse.go",
		"return a.parts(lo, hi, wordOr, negated, !negated)",
		"return a.parts(lo, hi, wordOr, negated, !negated && !mutant(\"OR is read as AND\"))",
	},
	{
		"NOT is not pushed inward", "planner/parse.go",
		"return a.condition(lo+1, hi, !negated)",
		"return a.condition(lo+1, hi, negated != !mutant(\"NOT is not pushed inward\"))",
	},
	{
		"sessions lose the offset", "merge/limit.go",
		"skip: max(offset, 0)",
		"skip: map[bool]int64{false: max(offset, 0)}[mutant(\"sessions lose the offset\")]",
	},
	{
		"a session's limit leaves out the offset", "planner/shape.go",
		"h.branchLimit = h.limit + h.offset",
		"if h.branchLimit = h.limit + h.offset; mutant(\"a session's limit leaves out the offset\") {\n\t\t\th.branchLimit = h.limit\n\t\t}",
	},
	{
		"an IN list keeps one value per shard", "planner/split.go",
		"default:\n\t\t\tlists[at] = append(lists[at], v)",
		"default:\n\t\t\tif len(lists[at]) > 0 && mutant(\"an IN list keeps one value per shard\") {\n\t\t\t\tbreak\n\t\t\t}\n\t\t\tlists[at] = append(lists[at], v)",
	},
	{
		"a write forgets its last shard", "callbacks/write.go",
		"for i := range w.plan.Targets {\n\t\t\tn, err := w.step(",
		"for i := range w.plan.Targets {\n\t\t\tif i > 0 && i == len(w.plan.Targets)-1 && mutant(\"a write forgets its last shard\") {\n\t\t\t\tbreak\n\t\t\t}\n\t\t\tn, err := w.step(",
	},
	{
		"rows affected are the last shard's", "callbacks/write.go",
		"\t\t\ttotal += n\n\t\t}\n\t\tif w.rows",
		"\t\t\ttotal += n\n\t\t\tif mutant(\"rows affected are the last shard's\") {\n\t\t\t\ttotal = n\n\t\t\t}\n\t\t}\n\t\tif w.rows",
	},
	{
		"<= is read as <", "planner/compare.go",
		"return below(c.hi, true)",
		"return below(c.hi, !mutant(\"<= is read as <\"))",
	},
	{
		"a failed write stays in part", "callbacks/atomic.go",
		"if err := session(db).SavePoint(name).Error; err != nil {",
		"if mutant(\"a failed write stays in part\") {\n\t\t\treturn ownError(db, run())\n\t\t}\n\t\tif err := session(db).SavePoint(name).Error; err != nil {",
	},
	{
		"a split write has no transaction of its own", "callbacks/atomic.go",
		"pool := stmt.ConnPool\n\ttx := session(db).Begin()",
		"if mutant(\"a split write has no transaction of its own\") {\n\t\treturn ownError(db, run())\n\t}\n\tpool := stmt.ConnPool\n\ttx := session(db).Begin()",
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
	copied := t.TempDir()
	require.NoError(t, copyModule("../..", copied))
	folders := map[string]bool{}
	for _, m := range mutants {
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
	// The same build mode as this binary's, whose dependencies are built already.
	build := []string{"test", "-c", "-o", filepath.Join(copied, "oracle.test"), "./tests/oracle"}
	if testenv.RaceEnabled {
		build = append([]string{"test", "-race"}, build[1:]...)
	}
	command := exec.CommandContext(t.Context(), "go", build...)
	command.Dir = copied
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)

	t.Run("none", func(t *testing.T) {
		t.Parallel()
		output, err := runMutant(t, copied, "")
		assert.NoError(t, err, "%s", output)
		assert.Contains(t, output, " refused, 0 differences\n", "the control found nothing to compare")
	})
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			output, err := runMutant(t, copied, m.name)
			assert.Error(t, err, "the suite did not notice")
			assert.Contains(t, output, "oracle: DIFFERENCE", "%s", output)
		})
	}
}

// runMutant runs some variants of the suite in the copy.
func runMutant(t *testing.T, copied, name string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), filepath.Join(copied, "oracle.test"), "-test.timeout=3m",
		"-test.run=^TestOracle$/^sqlite$/^round[0-9]+$/^(value|value-default|month-newyork|hash-id|hash-code|range|composite|custom)-3$")
	command.Dir = filepath.Join(copied, "tests", "oracle")
	command.Env = append(os.Environ(), "DTDE_ORACLE_MUTANT="+name, "DTDE_ORACLE_SEED=1", "DTDE_ORACLE_N=1200", "DTDE_ORACLE_DIFFERENCES=1",
		"DTDE_ORACLE_SHRINK=0", "CI=", testenv.PostgresVariable+"=", testenv.MySQLVariable+"=")
	if name == "" {
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
