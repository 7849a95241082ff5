package config

import (
	"bytes"
	_ "embed" // the JSON Schema
	"errors"
	"fmt"
	"io"
	"os"

	"go.yaml.in/yaml/v3"
	"gorm.io/gorm"
)

// Registry gives names to what a settings file cannot hold: models and functions.
type Registry struct {
	// Models finds an entity's model: a pointer to its struct.
	Models map[string]any
	// Strategies are the program's own (kind "custom").
	Strategies map[string]Strategy
	// Functions compute keys (kind "computed"). The name is part of the placement.
	Functions map[string]func(fields []Value) (Value, error)
	// RingHashes are hashes for rings. The name is part of the placement.
	RingHashes map[string]func(b []byte) uint64
	// KeyFuncs make primary keys.
	KeyFuncs map[string]func(model any) (any, error)
	// Drivers make the dialectors of databases that the file gives by driver and DSN.
	Drivers map[string]func(dsn string) gorm.Dialector
	// Observers are told of statements.
	Observers map[string]Observer
	// Bulks get many rows in at once, such as pgxcopy.Bulk{}.
	Bulks map[string]Bulk
}

// maxFileBytes bounds a settings file.
const maxFileBytes = 1 << 20

//go:embed schema.json
var jsonSchema []byte

// JSONSchema is the JSON Schema of settings files (draft 2020-12), for editors.
func JSONSchema() []byte { return bytes.Clone(jsonSchema) }

// LoadFile is [Load] from a file; the error names it.
func LoadFile(path string, reg Registry) (Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return Config{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	defer f.Close()
	c, err := Load(f, reg)
	if err != nil {
		return Config{}, fmt.Errorf("settings file %s: %w", path, err)
	}
	return c, nil
}

// Load reads settings from YAML or JSON of at most 1 MiB. Unknown keys are refused.
// All faults are reported together, each a [ConfigError] with its line; what only
// [Compile] can see, such as unknown fields, it reports without one.
func Load(r io.Reader, reg Registry) (Config, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err != nil {
		return Config{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	l := &loader{registry: reg}
	if len(raw) > maxFileBytes {
		l.list = append(l.list, &ConfigError{Problem: "the settings are larger than 1 MiB"})
		return Config{}, l.err()
	}
	if trimmed := bytes.TrimSpace(raw); len(trimmed) > 0 && trimmed[0] == '{' {
		// JSON may indent by tabs, YAML must not. No JSON string holds a bare tab.
		raw = bytes.ReplaceAll(raw, []byte("\t"), []byte(" "))
	}
	var c Config
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	var document, second yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		l.list = append(l.list, &ConfigError{Problem: "the settings are empty"})
	case err != nil:
		l.list = append(l.list, &ConfigError{Problem: "neither YAML nor JSON", Cause: err})
	default:
		l.mapping(document.Content[0], "", l.configKeys(&c))
		if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
			l.list = append(l.list, &ConfigError{Line: second.Line, Problem: "a settings file is one document"})
		}
	}
	if err := l.err(); err != nil {
		return Config{}, err
	}
	return c, nil
}
