package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reasonInSource finds the codes of refusals where the library makes them.
var reasonInSource = regexp.MustCompile(`(?:Reason: *|refuse\(|refusal\(|rawRefusal\([^,]*, *)"([a-z]+(?:-[a-z]+)+)"`)

// internalReasons are refusals that nobody sees: raw-tables is taken over by another form of
// the same statement; insert-rows is for plans of no rows, which no call asks for.
var internalReasons = []string{"raw-tables", "insert-rows"}

// TestEveryRefusalIsDocumented compares the codes in the library with the table in the
// docs, both ways.
func TestEveryRefusalIsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/unsupported.md")
	require.NoError(t, err)
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z]+(?:-[a-z]+)+)` \\|").FindAllStringSubmatch(string(page), -1) {
		documented[m[1]] = true
	}
	made := map[string]bool{}
	for _, folder := range []string{"callbacks", "planner", "migrator", "resolver"} {
		files, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
		require.NoError(t, err)
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			text, err := os.ReadFile(f)
			require.NoError(t, err)
			for _, m := range reasonInSource.FindAllStringSubmatch(string(text), -1) {
				made[m[1]] = true
				if !documented[m[1]] && !slices.Contains(internalReasons, m[1]) {
					assert.Fail(t, "a refusal that is not in docs/unsupported.md", "%s in %s", m[1], f)
				}
			}
		}
	}
	assert.Greater(t, len(made), 30, "the codes are found at all")
	for code := range documented {
		assert.True(t, made[code], "%s is documented, but nothing refuses with it", code)
	}
}

// TestEveryRefusalIsProvoked: each code of the docs' table, and each of the named errors, is
// what a test of this folder or of a package expects: it stands in its code, not in a comment.
func TestEveryRefusalIsProvoked(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/unsupported.md")
	require.NoError(t, err)
	var wanted []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Za-z-]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		wanted = append(wanted, m[1])
	}
	assert.Greater(t, len(wanted), 60, "the codes are found at all")
	expected := map[string]bool{}
	files, err := filepath.Glob("../*/*_test.go")
	require.NoError(t, err)
	for _, name := range files {
		if filepath.Base(name) == "unsupported_test.go" {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
					expected[text] = true
				}
			case *ast.SelectorExpr:
				if strings.HasPrefix(n.Sel.Name, "Err") {
					expected[n.Sel.Name] = true
				}
			}
			return true
		})
	}
	for _, code := range wanted {
		assert.True(t, expected[code], "%s stands in docs/unsupported.md, and no test expects it", code)
	}
}
