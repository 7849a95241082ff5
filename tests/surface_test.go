package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// surfaceApart are exported methods that need no twin, with the reason.
var surfaceApart = map[string]string{
	"DB.AddError":        "keeps an error on the value; runs nothing",
	"DB.Callback":        "the registry that dtde itself registers in",
	"DB.DB":              "gives the pool; TestGivenConnection and the recorder use it",
	"DB.Get":             "reads a setting of the session; runs nothing",
	"DB.Set":             "keeps a setting of the session; TestHooksRunOncePerRecord sees it arrive in hooks",
	"DB.InstanceGet":     "reads a setting of the statement; runs nothing",
	"DB.InstanceSet":     "keeps a setting of the statement; runs nothing",
	"DB.Use":             "how dtde itself is put on; every test calls it",
	"DB.Apply":           "of gorm.Config: used by gorm.Open",
	"DB.AfterInitialize": "of gorm.Config: used by gorm.Open",
	"DB.Name":            "of the dialector: the engine's name",
	"DB.Initialize":      "of the dialector: used by gorm.Open",
	"DB.DataTypeOf":      "of the dialector: a column's type in DDL",
	"DB.DefaultValueOf":  "of the dialector: a column's default in INSERT",
	"DB.BindVarTo":       "of the dialector: writes a placeholder",
	"DB.QuoteTo":         "of the dialector: writes a name",
	"DB.Explain":         "of the dialector: fills values into text for the log",
}

// surfaceMethods is every exported method of *gorm.DB, *gorm.Association and of all
// interfaces that can be reached from what gorm.G gives. A method that an interface has
// from another is named with that one.
func surfaceMethods() map[string]bool {
	out := map[string]bool{}
	for name, t := range map[string]reflect.Type{"DB": reflect.TypeFor[*gorm.DB](), "Association": reflect.TypeFor[*gorm.Association]()} {
		for i := range t.NumMethod() {
			out[name+"."+t.Method(i).Name] = true
		}
	}
	seen := map[reflect.Type]bool{}
	var reach func(t reflect.Type)
	reach = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Func:
			for i := range t.NumIn() {
				reach(t.In(i))
			}
			for i := range t.NumOut() {
				reach(t.Out(i))
			}
		case reflect.Interface:
			if t.PkgPath() != reflect.TypeFor[gorm.DB]().PkgPath() || seen[t] {
				return
			}
			seen[t] = true
			for i := range t.NumMethod() {
				reach(t.Method(i).Type)
			}
		}
	}
	reach(reflect.TypeOf(gorm.G[Member]))
	exec, create := reflect.TypeFor[gorm.ExecInterface[Member]](), reflect.TypeFor[gorm.CreateInterface[Member]]()
	for _, inner := range []reflect.Type{exec, create} {
		seen[inner] = true
	}
	for t := range seen {
		name, _, _ := strings.Cut(t.Name(), "[")
		for i := range t.NumMethod() {
			m := t.Method(i).Name
			if _, inherited := exec.MethodByName(m); inherited && t != exec {
				continue
			}
			if _, inherited := create.MethodByName(m); inherited && name == "Interface" {
				continue
			}
			out[name+"."+m] = true
		}
	}
	return out
}

// surfaceNames are the methods that a case stands for.
func surfaceNames(name string) []string {
	var out []string
	for _, word := range strings.Fields(name) {
		if method, _, _ := strings.Cut(word, "/"); strings.Contains(method, ".") {
			out = append(out, method)
		}
	}
	return out
}

func TestSurface(t *testing.T) {
	t.Parallel()
	for _, group := range surfaceGroups {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			runSurface(t, group.cases, gorm.Config{})
		})
	}
}

// TestSurfaceNamedOtherwise has names that the naming strategy makes.
func TestSurfaceNamedOtherwise(t *testing.T) {
	t.Parallel()
	runSurface(t, surfaceNamed, gorm.Config{NamingStrategy: schema.NamingStrategy{TablePrefix: "app_"}})
}

// TestSurfaceOfOtherSettings runs what the settings of gorm.Config change.
func TestSurfaceOfOtherSettings(t *testing.T) {
	t.Parallel()
	runSurface(t, append(append([]surfaceCase{}, surfaceWrite...), surfaceRelations...), gorm.Config{
		PrepareStmt: true, SkipDefaultTransaction: true, QueryFields: true,
	})
}

// TestSurfaceIsWhole compares GORM's exported methods with the cases, both ways.
func TestSurfaceIsWhole(t *testing.T) {
	t.Parallel()
	methods, tested := surfaceMethods(), map[string]bool{}
	for _, group := range surfaceGroups {
		for _, c := range group.cases {
			names := surfaceNames(c.name)
			require.NotEmpty(t, names, c.name)
			for _, name := range names {
				assert.True(t, methods[name], "%s: GORM has no such method", name)
				tested[name] = true
			}
		}
	}
	assert.Greater(t, len(methods), 150)
	for name := range methods {
		_, apart := surfaceApart[name]
		assert.False(t, apart && tested[name], "%s is tested and set apart", name)
		assert.True(t, apart || tested[name], "%s: no case runs it on a sharded model", name)
	}
	for name := range surfaceApart {
		assert.True(t, methods[name], "%s is set apart, but GORM has no such method", name)
	}
}

// TestSurfaceCasesCallTheirMethod reads the cases' source: each must call the method
// that it is named for.
func TestSurfaceCasesCallTheirMethod(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("surface_*_test.go")
	require.NoError(t, err)
	checked := 0
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok || len(lit.Elts) != 2 {
				return true
			}
			name, isName := lit.Elts[0].(*ast.BasicLit)
			body, isBody := lit.Elts[1].(*ast.FuncLit)
			if !isName || !isBody {
				return true
			}
			text, err := strconv.Unquote(name.Value)
			require.NoError(t, err)
			called := map[string]bool{}
			ast.Inspect(body, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
						called[sel.Sel.Name] = true
					}
				}
				return true
			})
			for _, method := range surfaceNames(text) {
				_, m, _ := strings.Cut(method, ".")
				assert.True(t, called[m], "%s: %q does not call it", path, text)
				checked++
			}
			return true
		})
	}
	assert.Greater(t, checked, 100)
}
