package tests

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// drivers are what must not be compiled into a program that imports dtde alone.
var drivers = []string{
	"modernc.org/", "github.com/mattn/go-sqlite3", "github.com/jackc/pgx", "github.com/lib/pq",
	"github.com/go-sql-driver/mysql", "github.com/microsoft/go-mssqldb", "gorm.io/driver/",
}

// TestQuickstartFromTheReadme does what a reader does: an empty module that
// requires dtde, the README's first program in it, built without a C compiler
// and run. It prints what the README says it prints.
func TestQuickstartFromTheReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	require.NoError(t, err, "README.md is missing: its first program can't be run")
	program, output, err := firstProgram(string(readme))
	require.NoError(t, err)

	folder := emptyModule(t)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "main.go"), []byte(program), 0o600))
	run(t, folder, "go", "build", "-o", "quickstart", ".")
	assert.Equal(t, normalised(output), normalised(run(t, folder, filepath.Join(folder, "quickstart"))))
}

func TestNoDriverIsCompiledIntoTheLibrary(t *testing.T) {
	t.Parallel()
	folder := emptyModule(t)
	program := "package main\n\nimport _ \"" + module + "\"\n\nfunc main() {}\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "main.go"), []byte(program), 0o600))
	dependencies := strings.Fields(run(t, folder, "go", "list", "-deps", "."))
	require.Contains(t, dependencies, module)
	require.Contains(t, dependencies, "gorm.io/gorm")
	assert.Empty(t, driversAmong(dependencies))
}

func TestDriversAreFoundAmongDependencies(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"modernc.org/sqlite/lib", "gorm.io/driver/mysql"},
		driversAmong([]string{"fmt", "modernc.org/sqlite/lib", "go.yaml.in/yaml/v3", "gorm.io/driver/mysql", "gorm.io/gorm"}))
}

func TestFirstProgramOfAReadme(t *testing.T) {
	t.Parallel()
	const fence = "```"
	readme := "# x\n" + fence + "go\ndb.Use(p)\n" + fence + "\n" +
		fence + "go\npackage main\n\nfunc main() { println(1) }\n" + fence + "\nprints\n" +
		fence + "sh\nls\n" + fence + "\n" + fence + "text\none  \ntwo\n" + fence + "\n"
	program, output, err := firstProgram(readme)
	require.NoError(t, err)
	assert.Equal(t, "package main\n\nfunc main() { println(1) }\n", program)
	assert.Equal(t, "one\ntwo", normalised(output))

	_, _, err = firstProgram("# x\n" + fence + "go\ndb.Use(p)\n" + fence + "\n")
	assert.ErrorContains(t, err, "package main")
	_, _, err = firstProgram(fence + "go\npackage main\n" + fence + "\n")
	assert.ErrorContains(t, err, "text block")
}

var codeBlock = regexp.MustCompile("(?ms)^```([a-z]*)[^\n]*\n(.*?)^```[ \t]*$")

// firstProgram returns the first go block that is a whole program, and the
// first text block after it, which is what it prints.
func firstProgram(readme string) (program, output string, err error) {
	for _, block := range codeBlock.FindAllStringSubmatch(readme, -1) {
		language, text := block[1], block[2]
		switch {
		case program == "" && language == "go" && strings.Contains("\n"+text, "\npackage main\n"):
			program = text
		case program != "" && language == "text":
			return program, text, nil
		}
	}
	if program == "" {
		return "", "", errors.New("the README has no go block with package main")
	}
	return "", "", errors.New("no text block with the output follows the README's program")
}

// emptyModule makes a module outside the tree that requires dtde as it is here.
func emptyModule(t *testing.T) string {
	t.Helper()
	repository, err := filepath.Abs("..")
	require.NoError(t, err)
	folder := t.TempDir()
	// Versions come from dtde's go.mod; with its checksums the network isn't asked.
	sums, err := os.ReadFile(filepath.Join(repository, "go.sum"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "go.sum"), sums, 0o600))
	goMod := "module example.com/reader\n\ngo 1.26.0\n\nrequire " + module + " v0.0.0\n\nreplace " + module + " => " + repository + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "go.mod"), []byte(goMod), 0o600))
	return folder
}

// run returns what a command prints; it fails the test if the command fails.
func run(t *testing.T, folder, name string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Dir = folder
	command.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "CGO_ENABLED=0")
	var printed, complaints strings.Builder
	command.Stdout, command.Stderr = &printed, &complaints
	require.NoError(t, command.Run(), "%s %s\n%s%s", name, strings.Join(args, " "), &printed, &complaints)
	return printed.String()
}

func driversAmong(dependencies []string) []string {
	var found []string
	for _, path := range dependencies {
		for _, driver := range drivers {
			if strings.HasPrefix(path, driver) {
				found = append(found, path)
			}
		}
	}
	return found
}

// normalised drops blanks at the ends of lines, which no README can show.
func normalised(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t\r")
	}
	return strings.Join(lines, "\n")
}
