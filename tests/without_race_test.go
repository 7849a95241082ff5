package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWithoutRaceIsRun: a test that does less under the race detector runs without it, too.
func TestWithoutRaceIsRun(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile(filepath.Join("..", "scripts", "test.sh"))
	require.NoError(t, err)
	names := regexp.MustCompile(`(?m)^without='(.*)'$`).FindSubmatch(script)
	folders := regexp.MustCompile(`(?m)^go test .*"\^Test\(\$without\)" (.*) \|\|`).FindSubmatch(script)
	require.True(t, names != nil && folders != nil, "scripts/test.sh says what runs without the race detector")
	runs := regexp.MustCompile("^Test(" + string(names[1]) + ")")
	found := 0
	for _, folder := range []string{"..", "../*", "../*/*", "../*/*/*"} {
		files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
		require.NoError(t, err)
		for _, path := range files {
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			for _, d := range file.Decls {
				if !namesRace(d) {
					continue
				}
				f, ok := d.(*ast.FuncDecl)
				if !assert.True(t, ok && strings.HasPrefix(f.Name.Name, "Test"), "%s: only Test functions ask for the race detector", path) {
					continue
				}
				found++
				assert.Regexp(t, runs, f.Name.Name, "scripts/test.sh doesn't run it without the race detector")
				below, err := filepath.Rel("..", filepath.Dir(path))
				require.NoError(t, err)
				assert.Contains(t, strings.Fields(string(folders[1])), "./"+filepath.ToSlash(below)+"/", f.Name.Name)
			}
		}
	}
	assert.Equal(t, 10, found)
}

// namesRace tells whether a declaration asks testenv for the race detector.
func namesRace(d ast.Decl) (found bool) {
	ast.Inspect(d, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			x, ok := s.X.(*ast.Ident)
			found = found || ok && x.Name == "testenv" && (s.Sel.Name == "RaceEnabled" || s.Sel.Name == "WithoutRace")
		}
		return true
	})
	return found
}
