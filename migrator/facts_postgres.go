package migrator

import "gorm.io/gorm"

// postgresFacts resolves names as a statement would, along the search path. The
// newer columns of catalogs are read through JSON, which older servers answer too.
const postgresFacts = `
SELECT want.pos, c.relkind, a.attname AS column_name, t.typtype = 'd' AS nested, t.typname AS type, a.atttypmod AS typmod,
	co.collname AS collation, COALESCE(to_jsonb(co)->>'collisdeterministic', 'true') = 'true' AS deterministic,
	co.collname = 'default' AND COALESCE(to_jsonb(d)->>'datlocprovider', 'c') = 'c' AND d.datcollate IN ('C', 'POSIX') AS plain
FROM jsonb_array_elements_text(CAST(? AS jsonb)) WITH ORDINALITY AS want(name, pos)
JOIN pg_catalog.pg_class c ON c.oid = to_regclass(want.name)
JOIN pg_catalog.pg_database d ON d.datname = current_database()
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	AND a.attname IN (SELECT jsonb_array_elements_text(CAST(? AS jsonb)))
LEFT JOIN pg_catalog.pg_type o ON o.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type t ON t.oid = CASE WHEN o.typtype = 'd' THEN o.typbasetype ELSE o.oid END
LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation`

func readPostgres(db *gorm.DB, refs []ref, columns []string, found map[ref]relation) error {
	var rows []struct {
		Pos                          int
		Relkind                      string
		ColumnName                   *string
		Nested, Deterministic, Plain *bool
		Type, Collation              *string
		Typmod                       *int
	}
	if err := db.Raw(postgresFacts, asJSON(quoteAll(refs)), asJSON(columns)).Scan(&rows).Error; err != nil {
		return err
	}
	for _, r := range rows {
		if r.Relkind != "r" && r.Relkind != "p" && r.Relkind != "f" && r.Relkind != "v" && r.Relkind != "m" {
			continue // a sequence, an index or a composite type
		}
		var c column
		if r.ColumnName != nil && r.Type != nil && !is(r.Nested) {
			collation := ""
			if r.Collation != nil {
				collation = *r.Collation
			}
			typmod := -1
			if r.Typmod != nil {
				typmod = *r.Typmod
			}
			c = postgresColumn(*r.Type, typmod, collation, is(r.Deterministic), is(r.Plain))
		}
		add(found, refs[r.Pos-1], r.Relkind == "v" || r.Relkind == "m", r.ColumnName, c)
	}
	return nil
}

func is(b *bool) bool { return b != nil && *b }

// postgresColumn judges a column by its type, the type's modifier, and its
// collation; plain tells that the collation is the database's and is C or POSIX.
func postgresColumn(typ string, typmod int, collation string, deterministic, plain bool) (c column) {
	switch typ {
	case "text", "varchar", "name", "bpchar":
		c.equal = deterministic
		c.padded = typ == "bpchar"
		switch collation {
		case "C", "POSIX", "ucs_basic", "pg_c_utf8":
			c.order = deterministic && !c.padded
		case "default":
			c.order = plain && deterministic && !c.padded
		}
	case "uuid":
		c.uuid, c.equal, c.order = true, true, true
	case "bytea":
		c.equal, c.order = true, true
	case "timestamp", "timestamptz":
		if typmod < 0 {
			typmod = 6
		}
		c.precision, c.zoneless = fraction(typmod), typ == "timestamp"
	case "date":
		c.dateOnly = true
	}
	return c
}
