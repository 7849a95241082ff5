package tests

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/go-dtde/dtde"

// importTable says what each library package may import beside the standard
// library: a package of ours by its folder ("." is root), another by its path;
// "path/..." means the path and all below it. What isn't here isn't allowed, so
// drivers, tests and internal packages need no mention.
var importTable = map[string][]string{
	"merge":      {},
	"config":     {"go.yaml.in/yaml/v3", "gorm.io/gorm", "gorm.io/gorm/schema", "gorm.io/gorm/clause"},
	"strategies": {"config", "github.com/cespare/xxhash/v2"},
	// The conformance suite is imported by tests of users' own strategies only.
	"strategies/strategytest": {"config", "pgregory.net/rapid"},
	"observe":                 {"config"},
	"keys":                    {"config", "github.com/google/uuid"},
	"temporal":                {"config", "gorm.io/gorm", "gorm.io/gorm/clause"},
	"planner":                 {"config", "merge", "gorm.io/gorm/clause", "gorm.io/gorm/schema"},
	"resolver":                {"config", "observe", "internal/faults", "gorm.io/gorm", "gorm.io/plugin/dbresolver", "golang.org/x/sync/..."},
	"store":                   {"config", "keys", "resolver", "gorm.io/gorm", "gorm.io/gorm/clause", "gorm.io/gorm/schema"},
	// temporal cuts instants as the columns keep them, for system time that is turned on later.
	"migrator": {"config", "store", "resolver", "temporal", "gorm.io/gorm/..."},
	"callbacks": {
		"config", "strategies", "keys", "merge", "observe", "planner", "resolver", "store", "migrator", "temporal",
		"gorm.io/gorm/...", "gorm.io/plugin/dbresolver",
	},
	".": {
		"config", "strategies", "keys", "merge", "observe", "planner", "resolver", "store", "migrator", "callbacks", "temporal",
		"gorm.io/gorm/...",
	},
	// A module of its own, with the driver that the library does without.
	"pgxcopy": {"config", "gorm.io/gorm", "github.com/jackc/pgx/v5/..."},
}

// listedPackage is what go list says of one package.
type listedPackage struct {
	ImportPath string
	Imports    []string // without those of its tests
	Dir        string
	GoFiles    []string // without tests
}

func TestImportTable(t *testing.T) {
	t.Parallel()
	packages := listPackages(t, "./...")
	imports := map[string][]string{}
	for _, p := range packages {
		imports[folderOf(p.ImportPath)] = p.Imports
	}
	require.Contains(t, imports, "config", "go list sees the library")
	assert.Empty(t, strings.Join(importViolations(importTable, imports), "\n"))
}

func TestImportTableIsEnforced(t *testing.T) {
	t.Parallel()
	table := map[string][]string{"config": {"gorm.io/gorm", "golang.org/x/sync/..."}, "merge": {}, ".": {"config"}}
	violations := importViolations(table, map[string][]string{
		".": {"fmt", module + "/config"},
		"config": {
			"fmt", "database/sql/driver", "gorm.io/gorm", "golang.org/x/sync/errgroup", // fine
			"gorm.io/gorm/schema", "gorm.io/driver/mysql", module, module + "/internal/testenv",
		},
		"newcomer":            {"fmt"},
		"tests":               {"gorm.io/driver/mysql", module + "/internal/testenv"},
		"examples/one":        {module, "gorm.io/driver/sqlite", module + "/tests"},
		"internal/testenv":    {"gorm.io/driver/mysql"},
		"merge/internal/rows": {"pgregory.net/rapid"},
		"tests/conformance":   {module + "/config"},
		"examples/two/inner":  {module + "/internal/testenv"},
	})
	assert.Equal(t, []string{
		"config may not import github.com/go-dtde/dtde",
		"config may not import github.com/go-dtde/dtde/internal/testenv",
		"config may not import gorm.io/driver/mysql",
		"config may not import gorm.io/gorm/schema",
		"examples/one may not import github.com/go-dtde/dtde/tests",
		"examples/two/inner may not import github.com/go-dtde/dtde/internal/testenv",
		"merge is in the import table and doesn't exist",
		"newcomer is not in the import table: add it there and to the design",
	}, violations)
}

// importViolations compares what folders import with the table and returns
// every difference, sorted.
func importViolations(table, imports map[string][]string) []string {
	var violations []string
	for folder, paths := range imports {
		if outside(folder) {
			for _, path := range paths {
				if isPackageOf(path, "tests", "internal") && strings.HasPrefix(folder, "examples") {
					violations = append(violations, fmt.Sprintf("%s may not import %s", folder, path))
				}
			}
			continue
		}
		allowed, listed := table[folder]
		if !listed {
			violations = append(violations, folder+" is not in the import table: add it there and to the design")
			continue
		}
		for _, path := range paths {
			if !isStandard(path) && !slices.ContainsFunc(allowed, func(rule string) bool { return allows(rule, path) }) {
				violations = append(violations, fmt.Sprintf("%s may not import %s", folder, path))
			}
		}
	}
	for folder := range table {
		if _, exists := imports[folder]; !exists {
			violations = append(violations, folder+" is in the import table and doesn't exist")
		}
	}
	slices.Sort(violations)
	return violations
}

// outside says whether a folder is no part of the library: the folders of tests
// and examples, and what is internal to them or to a package's tests. A library
// package can't import these, since the table doesn't list them.
func outside(folder string) bool {
	elements := strings.Split(folder, "/")
	return elements[0] == "tests" || elements[0] == "examples" || slices.Contains(elements, "internal")
}

func isPackageOf(path string, tops ...string) bool {
	return slices.ContainsFunc(tops, func(top string) bool {
		return path == module+"/"+top || strings.HasPrefix(path, module+"/"+top+"/")
	})
}

func allows(rule, path string) bool {
	if below, ok := strings.CutSuffix(rule, "/..."); ok {
		return path == below || strings.HasPrefix(path, below+"/")
	}
	return rule == path || path == module+"/"+rule
}

// isStandard: only paths of other modules have a dot in their first element.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// folderOf returns a package's folder in the repository, "." for root.
func folderOf(importPath string) string {
	if importPath == module {
		return "."
	}
	return strings.TrimPrefix(importPath, module+"/")
}

// modules are the folders of the repository's modules.
var modules = []string{"..", "../pgxcopy"}

// listPackages lists packages of every module.
func listPackages(t *testing.T, patterns ...string) []listedPackage {
	t.Helper()
	var packages []listedPackage
	for _, folder := range modules {
		packages = append(packages, listModule(t, folder, patterns...)...)
	}
	return packages
}

func listModule(t *testing.T, folder string, patterns ...string) []listedPackage {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", append([]string{"list", "-e", "-json=ImportPath,Imports,Dir,GoFiles"}, patterns...)...)
	command.Dir = folder
	command.Stderr = os.Stderr
	output, err := command.Output()
	require.NoError(t, err, "go list")
	var packages []listedPackage
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var p listedPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else {
			require.NoError(t, err)
		}
		packages = append(packages, p)
	}
}
