package callbacks

import (
	"strings"

	"github.com/go-dtde/dtde/config"
)

// isWord tells a byte of an identifier.
func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c > 127
}

// unquote takes one pair of quotes off an identifier.
func unquote(s string) string {
	if len(s) < 2 {
		return s
	}
	switch {
	case s[0] == '"' && s[len(s)-1] == '"', s[0] == '`' && s[len(s)-1] == '`', s[0] == '[' && s[len(s)-1] == ']':
		return s[1 : len(s)-1]
	}
	return s
}

// namesOnly tells whether a table expression is nothing but the (quoted) name.
func namesOnly(expr, name string) bool { return unquote(expr) == name }

// splitAlias reads `orders`, `orders o` and `orders AS o`.
func splitAlias(expr string) (name, alias string, ok bool) {
	words := strings.Fields(expr)
	for _, w := range words {
		inner := unquote(w)
		for i := range len(inner) {
			if !isWord(inner[i]) {
				return "", "", false
			}
		}
	}
	switch {
	case len(words) == 1:
		return unquote(words[0]), unquote(words[0]), true
	case len(words) == 2:
		return unquote(words[0]), unquote(words[1]), true
	case len(words) == 3 && strings.EqualFold(words[1], "as"):
		return unquote(words[0]), unquote(words[2]), true
	}
	return "", "", false
}

// mentioned finds an entity whose logical name stands in a piece of SQL as a word
// of its own.
func (r *Runtime) mentioned(catalog *config.Catalog, sql string) *config.Table {
	for _, t := range catalog.Tables() {
		if containsWord(sql, t.LogicalName) {
			return t
		}
	}
	return nil
}

// containsWord looks for an identifier, ASCII case folded, without allocating.
func containsWord(s, word string) bool { return indexWord(s, word) >= 0 }

// indexWord is the position of an identifier in s, or -1.
func indexWord(s, word string) int {
	n := len(word)
	for i := 0; i+n <= len(s); i++ {
		if (s[i]|0x20) != (word[0]|0x20) || !strings.EqualFold(s[i:i+n], word) {
			continue
		}
		if (i == 0 || !isWord(s[i-1])) && (i+n == len(s) || !isWord(s[i+n])) {
			return i
		}
	}
	return -1
}
