package migrator

import (
	"regexp"
	"strings"
)

// The collations that compare text by bytes. SQL Server's compares code points and,
// like every collation there, ignores trailing spaces.
const (
	mariadbCollation   = "utf8mb4_nopad_bin"
	mysqlCollation     = "utf8mb4_0900_bin"
	oldMySQLCollation  = "utf8mb4_bin" // ignores trailing spaces
	sqlserverCollation = "Latin1_General_100_BIN2"
)

var (
	collateForm = regexp.MustCompile(`(?i)\s+COLLATE\s+("[^"]*"(\."[^"]*")?|` + "`[^`]*`" + `|[\w.-]+)`)
	charsetForm = regexp.MustCompile(`(?i)\s+(CHARACTER\s+SET|CHARSET)\s+\w+`)
	typeForm    = regexp.MustCompile(`(?i)^\s*(character\s+varying|national\s+varchar|\w+)\s*(\([^)]*\))?`)
)

var textWords = map[string]map[string]bool{
	"mysql": set("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set",
		"nchar", "nvarchar", "character", "character varying", "national varchar"),
	"postgres":  set("text", "varchar", "char", "character", "character varying", "bpchar", "name", "citext"),
	"sqlserver": set("char", "varchar", "nchar", "nvarchar", "text", "ntext"),
}

func set(words ...string) map[string]bool {
	m := map[string]bool{}
	for _, w := range words {
		m[w] = true
	}
	return m
}

// textType is the type of a text key column: declared, with the collation that
// compares by bytes, and where order is asked for also sorts by them. A type that
// takes no collation is left as it is.
func textType(dialect string, mysqlCollation func() string, declared string, order bool) string {
	m := typeForm.FindStringSubmatch(declared)
	if m == nil {
		return declared
	}
	word := strings.ToLower(strings.Join(strings.Fields(m[1]), " "))
	if dialect == "sqlite" {
		if c := collateForm.FindStringSubmatch(declared); c != nil && !strings.EqualFold(strings.Trim(c[1], "\"`"), "binary") {
			return collateForm.ReplaceAllString(declared, "")
		}
		return declared
	}
	if !textWords[dialect][word] {
		return declared
	}
	var collation string
	switch dialect {
	case "mysql":
		declared = charsetForm.ReplaceAllString(declared, "")
		collation = " CHARACTER SET utf8mb4 COLLATE " + mysqlCollation()
	case "postgres":
		// Collations there are deterministic unless made otherwise: equality needs none.
		if !order {
			return declared
		}
		collation = ` COLLATE "C"`
	case "sqlserver":
		collation = " COLLATE " + sqlserverCollation
	}
	declared = collateForm.ReplaceAllString(declared, "")
	head := typeForm.FindString(declared)
	rest := strings.TrimSpace(declared[len(head):])
	return strings.TrimSpace(strings.TrimSpace(head) + collation + " " + rest)
}

// mysqlCollation is the collation for text keys of the server behind the workspace.
func (w *workspace) mysqlCollation() string {
	if w.collation == "" {
		version := ""
		query := w.query()
		query.Raw("SELECT VERSION()").Scan(&version)
		w.collation = collationFor(version)
	}
	return w.collation
}

func collationFor(version string) string {
	switch {
	case strings.Contains(version, "MariaDB"):
		return mariadbCollation
	case strings.Contains(version, "TiDB"), strings.HasPrefix(version, "5."):
		return oldMySQLCollation
	}
	return mysqlCollation
}
