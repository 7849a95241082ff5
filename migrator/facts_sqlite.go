package migrator

import (
	"strings"

	"gorm.io/gorm"
)

// sqliteFacts has the statement that made each table: a column's collation stands
// nowhere else.
const sqliteFacts = `
SELECT m.name AS table_name, m.type AS kind, m.sql AS sql, p.name AS column_name, p.type AS type,
	(SELECT encoding FROM pragma_encoding) AS encoding
FROM sqlite_master m
LEFT JOIN pragma_table_xinfo(m.name) p ON lower(p.name) IN (SELECT lower(value) FROM json_each(?))
WHERE m.type IN ('table', 'view') AND lower(m.name) IN (SELECT lower(value) FROM json_each(?))`

func readSQLite(db *gorm.DB, refs []ref, columns []string, found map[ref]relation) error {
	names := make([]string, len(refs))
	for i, r := range refs {
		names[i] = r.name
	}
	var rows []struct {
		TableName, Kind, Encoding string
		SQL, ColumnName, Type     *string
	}
	if err := db.Raw(sqliteFacts, asJSON(columns), asJSON(names)).Scan(&rows).Error; err != nil {
		return err
	}
	for _, r := range rows {
		var c column
		if r.ColumnName != nil && r.Type != nil && r.Kind == "table" {
			collation := ""
			if r.SQL != nil {
				collation = sqliteCollation(*r.SQL, *r.ColumnName)
			}
			c = sqliteColumn(*r.Type, collation, r.Encoding)
		}
		for _, want := range refs {
			if strings.EqualFold(want.name, r.TableName) && (want.namespace == "" || strings.EqualFold(want.namespace, "main")) {
				add(found, want, r.Kind == "view", r.ColumnName, c)
			}
		}
	}
	return nil
}

// sqliteColumn judges a column by its declared type and collation. Text in a column
// whose affinity is not text may turn into a number.
func sqliteColumn(typ, collation, encoding string) (c column) {
	typ = strings.ToUpper(typ)
	text := strings.Contains(typ, "CHAR") || strings.Contains(typ, "CLOB") || strings.Contains(typ, "TEXT")
	plain := typ == "" || strings.Contains(typ, "BLOB")
	if strings.Contains(typ, "INT") {
		text, plain = false, false
	}
	c.equal = (text || plain) && (collation == "" || collation == "BINARY")
	c.order = c.equal && encoding == "UTF-8"
	c.dateOnly = typ == "DATE" // only by agreement: see config.KeyColumnOf
	return c
}

// sqliteCollation finds a column's COLLATE in the statement that made its table; ""
// without one. A collation that is not found, since the statement is in a form that
// is not understood, is "?".
func sqliteCollation(create, columnName string) string {
	tokens := sqliteTokens(create)
	start := 0
	for start < len(tokens) && tokens[start] != "(" {
		start++
	}
	if start == len(tokens) {
		return "?" // CREATE TABLE … AS SELECT is stored with its columns, so this is none
	}
	depth, first, ours, seen := 0, true, false, false
	collation := ""
	for i := start; i < len(tokens); i++ {
		switch tok := tokens[i]; {
		case tok == "(":
			depth++
		case tok == ")":
			depth--
			if depth == 0 {
				if !seen {
					return "?"
				}
				return collation
			}
		case tok == "," && depth == 1:
			first, ours = true, false
		case first && depth == 1:
			first = false
			ours = !seen && strings.EqualFold(unquoted(tok), columnName)
			seen = seen || ours
		case ours && depth == 1 && strings.EqualFold(tok, "collate") && i+1 < len(tokens):
			collation = strings.ToUpper(unquoted(tokens[i+1]))
		}
	}
	return "?"
}

// sqliteTokens splits SQL into words, quoted names and strings, and punctuation,
// without comments.
func sqliteTokens(sql string) (tokens []string) {
	for i := 0; i < len(sql); {
		c := sql[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f':
			i++
		case strings.HasPrefix(sql[i:], "--"):
			if n := strings.IndexByte(sql[i:], '\n'); n >= 0 {
				i += n
			} else {
				i = len(sql)
			}
		case strings.HasPrefix(sql[i:], "/*"):
			if n := strings.Index(sql[i:], "*/"); n >= 0 {
				i += n + 2
			} else {
				i = len(sql)
			}
		case c == '\'' || c == '"' || c == '`' || c == '[':
			end := quotedEnd(sql, i)
			tokens = append(tokens, sql[i:end])
			i = end
		case wordByte(c):
			end := i
			for end < len(sql) && wordByte(sql[end]) {
				end++
			}
			tokens = append(tokens, sql[i:end])
			i = end
		default:
			tokens = append(tokens, sql[i:i+1])
			i++
		}
	}
	return tokens
}

func wordByte(c byte) bool {
	return c == '_' || c == '$' || c >= 128 || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// quotedEnd is the position behind the quoted piece that starts at i.
func quotedEnd(sql string, i int) int {
	end := sql[i]
	if end == '[' {
		end = ']'
	}
	for j := i + 1; j < len(sql); j++ {
		if sql[j] != end {
			continue
		}
		if end != ']' && j+1 < len(sql) && sql[j+1] == end {
			j++
			continue
		}
		return j + 1
	}
	return len(sql)
}

func unquoted(tok string) string {
	if len(tok) < 2 || !strings.ContainsRune("'\"`[", rune(tok[0])) {
		return tok
	}
	q := tok[:1]
	return strings.ReplaceAll(tok[1:len(tok)-1], q+q, q)
}
