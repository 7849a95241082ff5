package config

import (
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

var update = flag.Bool("update", false, "rewrite the golden files")

type silent struct{ Observer }

type taker struct{ Bulk }

func fileRegistry() Registry {
	reg := Registry{
		Models:     map[string]any{},
		Strategies: map[string]Strategy{"own": fakeStrategy{ids: []string{"x"}}},
		Functions:  map[string]func([]Value) (Value, error){"country/1": func([]Value) (Value, error) { return Null(), nil }},
		RingHashes: map[string]func([]byte) uint64{"crc": func(b []byte) uint64 { return uint64(crc32.ChecksumIEEE(b)) }},
		KeyFuncs:   map[string]func(any) (any, error){"snowflake": func(any) (any, error) { return 1, nil }},
		Drivers:    map[string]func(string) gorm.Dialector{"postgres": func(string) gorm.Dialector { return nil }},
		Observers:  map[string]Observer{"audit": silent{}},
		Bulks:      map[string]Bulk{"copy": taker{}},
	}
	for _, name := range []string{"Customer", "Order", "User", "Node", "Word", "Reading", "Log", "Sale", "Thing", "Call", "Legacy", "Country", "Contract"} {
		reg.Models[name] = &Customer{}
	}
	return reg
}

// describe prints everything that is set, a line each, with its type.
func describe(b *strings.Builder, path string, v reflect.Value) {
	switch x := v.Interface().(type) {
	case map[string]func(string) gorm.Dialector:
		if x != nil {
			fmt.Fprintf(b, "%s = set\n", path)
		}
		return
	case *time.Location:
		if x != nil {
			fmt.Fprintf(b, "%s = zone %s\n", path, x)
		}
		return
	case time.Time:
		fmt.Fprintf(b, "%s = time %s\n", path, x.Format(time.RFC3339Nano))
		return
	case Strategy, Observer, Bulk:
		if x != nil {
			fmt.Fprintf(b, "%s = set\n", path)
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Name != "Model" {
				describe(b, path+"."+f.Name, v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			describe(b, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			describe(b, path, v.Elem())
		} else if strings.HasSuffix(path, "]") {
			fmt.Fprintf(b, "%s = nil\n", path)
		}
	case reflect.Func:
		if !v.IsNil() {
			fmt.Fprintf(b, "%s = set\n", path)
		}
	default:
		if !v.IsZero() || strings.HasSuffix(path, "]") {
			fmt.Fprintf(b, "%s = %s %#v\n", path, v.Type(), v.Interface())
		}
	}
}

func TestLoadGolden(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"good", "bad"} {
		files, err := filepath.Glob(filepath.Join("testdata", folder, "*.*"))
		require.NoError(t, err)
		seen := 0
		for _, file := range files {
			if strings.HasSuffix(file, ".golden") {
				continue
			}
			seen++
			t.Run(file, func(t *testing.T) {
				t.Parallel()
				c, err := LoadFile(file, fileRegistry())
				var got strings.Builder
				if folder == "good" {
					require.NoError(t, err)
					describe(&got, "config", reflect.ValueOf(c))
				} else {
					require.ErrorIs(t, err, ErrConfig)
					assert.Equal(t, Config{}, c)
					for _, fault := range Faults(err) {
						fmt.Fprintln(&got, fault)
					}
				}
				golden := file + ".golden"
				if *update {
					require.NoError(t, os.WriteFile(golden, []byte(got.String()), 0o644))
				}
				want, err := os.ReadFile(golden)
				require.NoError(t, err)
				assert.Equal(t, string(want), got.String())
			})
		}
		assert.NotZero(t, seen)
	}
}

func TestLoadFaults(t *testing.T) {
	t.Parallel()
	_, err := LoadFile(filepath.Join("testdata", "absent.yaml"), Registry{})
	assert.ErrorIs(t, err, ErrConfig)
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = Load(iotest.ErrReader(errors.New("torn")), Registry{})
	assert.ErrorContains(t, err, "torn")
	_, err = Load(strings.NewReader(strings.Repeat("#", maxFileBytes+1)), Registry{})
	assert.ErrorContains(t, err, "1 MiB")
}

// TestLoadTabs: JSON may begin with a tab, YAML must not.
func TestLoadTabs(t *testing.T) {
	t.Parallel()
	c, err := Load(strings.NewReader("\t{\n\t\"nodeID\":\t3\n}\t"), Registry{})
	require.NoError(t, err)
	assert.Equal(t, 3, c.NodeID)
	_, err = Load(strings.NewReader("entities:\n\t- model: X\n"), Registry{})
	assert.ErrorIs(t, err, ErrConfig)
}

// FuzzLoad: no input makes the loader panic, and what it takes compiles or is refused
// with ErrConfig.
func FuzzLoad(f *testing.F) {
	for _, folder := range []string{"good", "bad"} {
		files, err := filepath.Glob(filepath.Join("testdata", folder, "*.*"))
		require.NoError(f, err)
		for _, file := range files {
			raw, err := os.ReadFile(file)
			require.NoError(f, err)
			f.Add(string(raw))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Load(strings.NewReader(text), fileRegistry())
		if err == nil && c.MaxShardsPerEntity < 10_000 {
			_, err = Compile(c, fakeEnvironment())
		}
		if err != nil && !errors.Is(err, ErrConfig) {
			t.Fatal(err)
		}
	})
}
