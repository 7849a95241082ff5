package tests

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryExportedNameIsDocumented(t *testing.T) {
	t.Parallel()
	var missing []string
	packages := 0
	for _, p := range listPackages(t, "./...") {
		folder := folderOf(p.ImportPath)
		if outside(folder) {
			continue
		}
		packages++
		opens := false
		for _, name := range p.GoFiles {
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			require.NoError(t, err)
			opens = opens || name == "doc.go" && file.Doc != nil
			for _, line := range undocumented(fset, file) {
				missing = append(missing, filepath.Join(folder, name)+":"+line)
			}
		}
		if !opens {
			missing = append(missing, folder+": no doc.go with a package comment")
		}
	}
	require.NotZero(t, packages)
	slices.Sort(missing)
	assert.Empty(t, strings.Join(missing, "\n"))
}

func TestMissingDocumentationIsFound(t *testing.T) {
	t.Parallel()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "made_up.go", `// Package p is made up.
package p

type Bare struct{}

// Shown has Port and a group.
type Shown struct {
	Naked int
	Port  int

	// From and Until bound it.
	From  int
	Until int

	After int // is said beside it
	hidden int
	Bare
}

func (Shown) Method() {}
func (hiddenType) Method() {}

// Done is documented.
func (*Shown) Done() {}

func Function() {}

const Alone = 1

// The colours.
const (
	Red = iota
	Green
)

var (
	// Said is said.
	Said int

	Unsaid int
)

// Doer does.
type Doer interface {
	Do()
	// Undo is said.
	Undo()
}

type hiddenType struct{ Field int }

// Box holds.
type Box[T any] struct{ Value T }

func (Box[T]) Open() {}
`, parser.ParseComments)
	require.NoError(t, err)
	var names []string
	for _, name := range undocumented(fset, file) {
		_, name, _ = strings.Cut(name, " ")
		names = append(names, name)
	}
	assert.Equal(t, []string{
		"Bare", "Shown.Naked", "Shown.Method", "Function", "Alone", "Unsaid", "Doer.Do", "Box.Value", "Box.Open",
	}, names)
}

// undocumented returns "line name" for every exported name of a file without a
// comment. A comment on a group covers the group; in a struct or interface a
// comment covers what follows it up to a blank line, and a type's own comment
// covers the members that it names.
func undocumented(fset *token.FileSet, file *ast.File) []string {
	var missing []string
	report := func(at token.Pos, name string) {
		missing = append(missing, fmt.Sprintf("%d %s", fset.Position(at).Line, name))
	}
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			receiver := receiverOf(decl)
			if decl.Name.IsExported() && decl.Doc == nil && (receiver == "" || ast.IsExported(receiver)) {
				report(decl.Pos(), strings.TrimPrefix(receiver+"."+decl.Name.Name, "."))
			}
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					if !spec.Name.IsExported() {
						continue
					}
					doc := decl.Doc.Text() + spec.Doc.Text()
					if doc == "" {
						report(spec.Pos(), spec.Name.Name)
					}
					for _, name := range uncoveredNames(fset, membersOf(spec.Type), doc) {
						report(name.Pos(), spec.Name.Name+"."+name.Name)
					}
				case *ast.ValueSpec:
					if decl.Doc != nil || spec.Doc != nil || spec.Comment != nil {
						continue
					}
					for _, name := range spec.Names {
						if name.IsExported() {
							report(name.Pos(), name.Name)
						}
					}
				}
			}
		}
	}
	return missing
}

func membersOf(expr ast.Expr) []*ast.Field {
	switch expr := expr.(type) {
	case *ast.StructType:
		return expr.Fields.List
	case *ast.InterfaceType:
		return expr.Methods.List
	}
	return nil
}

// uncoveredNames returns the exported names of fields or interface methods that
// neither a comment nor the type's own doc covers.
func uncoveredNames(fset *token.FileSet, list []*ast.Field, typeDoc string) []*ast.Ident {
	var uncovered []*ast.Ident
	covered, lastLine := false, -1
	for _, field := range list {
		start := field.Pos()
		if field.Doc != nil {
			start = field.Doc.Pos()
		}
		if fset.Position(start).Line > lastLine+1 {
			covered = false // a blank line before it
		}
		covered = covered || field.Doc != nil
		lastLine = fset.Position(field.End()).Line
		for _, name := range field.Names {
			if name.IsExported() && !covered && field.Comment == nil &&
				!regexp.MustCompile(`\b`+name.Name+`\b`).MatchString(typeDoc) {
				uncovered = append(uncovered, name)
			}
		}
	}
	return uncovered
}

// receiverOf returns the name of a method's type, "" for a function.
func receiverOf(decl *ast.FuncDecl) string {
	if decl.Recv == nil || len(decl.Recv.List) == 0 {
		return ""
	}
	expr := decl.Recv.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}
