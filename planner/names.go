package planner

import (
	"strings"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// column is what a column name stands for.
type column struct {
	// dim is its position among the analysed columns, or -1.
	dim int
	// known tells that the name was read; otherwise it could be any column.
	known bool
}

// scope is what names are resolved against.
type scope struct {
	primary string // column that clause.PrimaryKey stands for
	alias   string
	schema  string // namespace that may stand before the alias
	fields  *schema.Schema
	dialect Dialect
	columns []*config.KeyColumn // the analysed columns: the keys, then perhaps the primary key
	keys    int                 // how many of them are shard key columns
}

// resolveColumn finds what a column that GORM quotes stands for.
func (s *scope) resolveColumn(c clause.Column) column {
	if c.Alias != "" || c.Raw {
		return column{}
	}
	name := c.Name
	if name == clause.PrimaryKey {
		if name = s.primary; name == "" {
			return column{}
		}
	}
	if simpleName(name) && (c.Table == "" || c.Table == clause.CurrentTable || simpleName(c.Table)) {
		if c.Table == clause.CurrentTable {
			c.Table = ""
		}
		return s.resolveName("", c.Table, name, true)
	}
	parts, ok := splitName(strings.Clone(name), s.dialect) // a copy, so that s may stay on its owner's stack
	if !ok {
		return column{}
	}
	if c.Table != "" && c.Table != clause.CurrentTable {
		table, ok := splitName(c.Table, s.dialect)
		if !ok {
			return column{}
		}
		parts = append(table, parts...)
	} else if c.Table == clause.CurrentTable && len(parts) > 1 {
		return column{}
	}
	switch len(parts) {
	case 1:
		return s.resolveName("", "", parts[0], true)
	case 2:
		return s.resolveName("", parts[0], parts[1], true)
	case 3:
		return s.resolveName(parts[0], parts[1], parts[2], true)
	}
	return column{}
}

// simpleName tells a name without dots and quotes, as nearly all are.
func simpleName(name string) bool {
	for i := range len(name) {
		if !isWordByte(name[i]) {
			return false
		}
	}
	return name != ""
}

// splitName splits a name as the dialectors' QuoteTo does: at dots, and parts that
// are quoted already are left as they are. ok is false for anything unusual.
func splitName(name string, d Dialect) ([]string, bool) {
	parts := make([]string, 0, 3)
	for {
		part, rest, more := strings.Cut(name, ".")
		if quote := nameQuote(d); quote != 0 && len(part) > 2 && part[0] == quote && part[len(part)-1] == quote {
			part = part[1 : len(part)-1]
		}
		if part == "" || strings.ContainsAny(part, "`\"[]'\\\x00") {
			return nil, false
		}
		if parts = append(parts, part); !more {
			return parts, len(parts) <= 3
		}
		name = rest
	}
}

// nameQuote is the quote that a dialector's QuoteTo accepts in a name, or 0.
func nameQuote(d Dialect) byte {
	switch d.Name {
	case "sqlite", "mysql":
		return '`'
	case "postgres":
		return '"'
	}
	return 0
}

// resolveName finds what a name stands for; quoted tells that it is taken literally.
func (s *scope) resolveName(schema, table, name string, quoted bool) column {
	if schema != "" && (s.schema == "" || !s.sameTable(schema, s.schema, quoted)) {
		return column{dim: -1, known: true}
	}
	if table != "" && !s.sameTable(table, s.alias, quoted) {
		return column{dim: -1, known: true}
	}
	for i, k := range s.columns {
		if s.sameName(name, k.Column, quoted) {
			if !quoted && table == "" && niladic(strings.ToLower(name)) {
				return column{}
			}
			return column{dim: i, known: true}
		}
	}
	return column{dim: -1, known: true}
}

// sameName compares a column's name in the text with a real one by the engine's rules.
func (s *scope) sameName(name, real string, quoted bool) bool {
	switch s.dialect.Name {
	case "postgres":
		if !quoted {
			return foldASCII(name) == real
		}
	case "sqlite", "mysql":
		return name == real || foldASCII(name) == foldASCII(real)
	}
	return name == real
}

// sameTable does the same for a table, whose names MySQL tells apart by case on some systems.
func (s *scope) sameTable(name, real string, quoted bool) bool {
	if s.dialect.mysql() {
		return name == real
	}
	return s.sameName(name, real, quoted)
}

func foldASCII(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= 'A' && c <= 'Z' {
			return lowerASCII(s)
		}
	}
	return s
}

func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
