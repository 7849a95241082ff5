package migrator

import (
	"strings"

	"gorm.io/gorm"
)

const mysqlFacts = `
SELECT t.table_name AS table_name, t.table_type LIKE '%VIEW' AS is_view, c.column_name AS column_name,
	c.data_type AS data_type, c.collation_name AS collation, c.datetime_precision AS digits, c.character_octet_length AS octets
FROM information_schema.tables t
LEFT JOIN information_schema.columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name AND c.column_name IN ?
WHERE t.table_schema = COALESCE(NULLIF(?, ''), DATABASE()) AND t.table_name IN ?`

func readMySQL(db *gorm.DB, refs []ref, columns []string, found map[ref]relation) error {
	for namespace, names := range byNamespace(refs) {
		var rows []struct {
			TableName             string
			IsView                bool
			ColumnName, Collation *string
			DataType              *string
			Digits, Octets        *int64
		}
		if err := db.Raw(mysqlFacts, append([]string{""}, columns...), namespace, names).Scan(&rows).Error; err != nil {
			return err
		}
		for _, r := range rows {
			var c column
			if r.DataType != nil {
				c = mysqlColumn(strings.ToLower(*r.DataType), r.Collation, r.Digits, r.Octets)
			}
			for _, name := range names { // some servers fold names to lower case
				if name == r.TableName || strings.EqualFold(name, r.TableName) && !exact(rows, name, func(i int) string { return rows[i].TableName }) {
					add(found, ref{namespace, name}, r.IsView, r.ColumnName, c)
				}
			}
		}
	}
	return nil
}

// exact tells whether one of the rows is for exactly that name.
func exact[T any](rows []T, name string, at func(int) string) bool {
	for i := range rows {
		if at(i) == name {
			return true
		}
	}
	return false
}

// mysqlColumn judges a column by its type and collation. char(n) forgets trailing
// spaces, and every collation that is not NO PAD does not look at them.
func mysqlColumn(typ string, collation *string, digits, octets *int64) (c column) {
	switch typ {
	case "char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set":
		if collation == nil {
			return c
		}
		name := *collation
		nopad := strings.HasSuffix(name, "_nopad_bin") || name == "utf8mb4_0900_bin"
		c.equal = nopad || name == "binary" || strings.HasSuffix(name, "_bin")
		c.padded = c.equal && (typ == "char" || !nopad && name != "binary")
		c.order = c.equal && !c.padded && typ != "enum" && typ != "set" && strings.HasPrefix(name, "utf8")
	case "varbinary", "tinyblob", "blob", "mediumblob", "longblob":
		c.equal, c.order = true, true
	case "binary":
		c.equal = true
		if octets != nil {
			c.lengthBytes = int(*octets)
		}
	case "uuid":
		c.uuid, c.equal = true, true
	case "datetime", "timestamp":
		c.precision = fraction(0)
		if digits != nil {
			c.precision = fraction(int(*digits))
		}
	case "date":
		c.dateOnly = true
	}
	return c
}
