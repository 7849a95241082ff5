package config

import (
	"strings"
	"unicode"
)

// reserved begins the names of dtde's own tables.
const reserved = "dtde_"

// maxShardIDBytes bounds a shard id: it is a primary key column in dtde_catalog.
const maxShardIDBytes = 128

// identifierFault says why a table's or sequence's name, which may be qualified
// with a schema, is refused; "" means that it is good. Names go into SQL quoted,
// but nothing that would need the quotes to hold is let through.
func identifierFault(name, dialect string) string {
	parts := strings.Split(name, ".")
	if len(parts) > 2 {
		return "has more than one dot: give schema.table"
	}
	for _, part := range parts {
		if part == "" {
			return "has an empty part"
		}
		for _, r := range part {
			if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				return "may hold letters, digits and underscores only, and one dot after a schema"
			}
		}
		if limit, units := identifierLimit(dialect); limit > 0 && measure(part, dialect) > limit {
			return "is longer than the " + units + " that the engine keeps"
		}
	}
	if strings.HasPrefix(strings.ToLower(parts[len(parts)-1]), reserved) {
		return "begins with dtde_, which is reserved"
	}
	return ""
}

// identifierLimit is what the engine keeps of a name: PostgreSQL cuts silently.
func identifierLimit(dialect string) (limit int, text string) {
	switch dialect {
	case "postgres":
		return 63, "63 bytes"
	case "mysql":
		return 64, "64 characters"
	case "sqlserver":
		return 128, "128 characters"
	}
	return 0, ""
}

func measure(name, dialect string) int {
	if dialect == "postgres" {
		return len(name)
	}
	return len([]rune(name))
}

// shardIDFault says why a shard id is refused; "" means that it is good. Ids may be
// human text, but nothing that could end or comment out a piece of SQL.
func shardIDFault(id string) string {
	switch {
	case id == "":
		return "the id is empty"
	case len(id) > maxShardIDBytes:
		return "the id is longer than 128 bytes"
	case id != strings.TrimSpace(id):
		return "the id begins or ends with a space"
	case strings.ContainsAny(id, "'\"`;\\") || strings.Contains(id, "--") || strings.Contains(id, "/*"):
		return "the id holds a quote, semicolon, backslash or comment mark"
	}
	for _, r := range id {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return "the id holds a control character or is not UTF-8"
		}
	}
	return ""
}

// tableKey is the form in which two names of one table are equal: case folded, and
// without the engine's default schema.
func tableKey(name, dialect string) string {
	name = strings.ToLower(name)
	defaults := map[string]string{"postgres": "public.", "sqlite": "main.", "sqlserver": "dbo."}
	return strings.TrimPrefix(name, defaults[dialect])
}

// splitName splits a possibly qualified name at its last dot.
func splitName(table string) (namespace, name string) {
	s := Shard{Table: table}
	return s.split()
}
