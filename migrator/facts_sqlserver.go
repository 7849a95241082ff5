package migrator

import (
	"strings"

	"gorm.io/gorm"
)

const sqlserverFacts = `
SELECT o.name AS table_name, CASE o.type WHEN 'V' THEN 1 ELSE 0 END AS is_view, c.name AS column_name,
	t.name AS type, c.collation_name AS collation, CAST(c.scale AS int) AS scale, CAST(c.max_length AS int) AS octets
FROM sys.objects o
LEFT JOIN sys.columns c ON c.object_id = o.object_id AND c.name IN ?
LEFT JOIN sys.types t ON t.user_type_id = c.system_type_id
WHERE o.type IN ('U', 'V') AND o.schema_id = SCHEMA_ID(COALESCE(NULLIF(?, ''), SCHEMA_NAME())) AND o.name IN ?`

func readSQLServer(db *gorm.DB, refs []ref, columns []string, found map[ref]relation) error {
	for namespace, names := range byNamespace(refs) {
		var rows []struct {
			TableName                   string
			IsView                      bool
			ColumnName, Type, Collation *string
			Scale, Octets               *int
		}
		if err := db.Raw(sqlserverFacts, append([]string{""}, columns...), namespace, names).Scan(&rows).Error; err != nil {
			return err
		}
		for _, r := range rows {
			var c column
			if r.Type != nil {
				c = sqlserverColumn(strings.ToLower(*r.Type), r.Collation, r.Scale, r.Octets)
			}
			for _, name := range names {
				if strings.EqualFold(name, r.TableName) {
					add(found, ref{namespace, name}, r.IsView, r.ColumnName, c)
				}
			}
		}
	}
	return nil
}

// sqlserverColumn judges a column by its type and collation: text there never looks
// at trailing spaces, whatever the collation.
func sqlserverColumn(typ string, collation *string, scale, octets *int) (c column) {
	switch typ {
	case "char", "varchar", "nchar", "nvarchar", "text", "ntext":
		c.equal = collation != nil && strings.HasSuffix(*collation, "_BIN2")
		c.padded = c.equal
	case "varbinary":
		c.equal, c.order = true, true
	case "binary":
		c.equal = true
		if octets != nil {
			c.lengthBytes = *octets
		}
	case "uniqueidentifier":
		c.uuid, c.equal = true, true
	case "datetime2", "datetimeoffset":
		c.precision, c.zoneless = fraction(7), typ == "datetime2"
		if scale != nil {
			c.precision = fraction(*scale)
		}
	case "datetime":
		// Its steps are thirds of a hundredth: no fraction is fine enough to cut to.
		c.precision, c.zoneless = fraction(2), true
	case "date":
		c.dateOnly = true
	}
	return c
}
