package tests

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reasonInSource finds the codes of refusals where the library makes them.
var reasonInSource = regexp.MustCompile(`(?:Reason: *|refuse\(|refusal\(|rawRefusal\([^,]*, *)"([a-z]+(?:-[a-z]+)+)"`)

// internalReasons are refusals that another form of the same statement takes over.
var internalReasons = []string{"raw-tables"}

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
