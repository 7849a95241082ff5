package callbacks

import (
	"gorm.io/gorm"
	gormcallbacks "gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// SQL Server counts generated keys per table and takes a given one only between two
// SET IDENTITY_INSERT. Its driver writes these for structs, but not for maps, and its
// MERGE leaves the key to the table: each shard would count from 1.

// identity is the primary key column that SQL Server counts itself, or nil.
func (r *Runtime) identity(t *config.Table) *schema.Field {
	if pk := t.Schema.PrioritizedPrimaryField; r.dialect.Name == "sqlserver" && pk != nil && pk.AutoIncrement {
		return pk
	}
	return nil
}

// identityInsert is the statement that turns explicit keys on or off for one table.
func (r *Runtime) identityInsert(s *config.Shard, state string) string {
	return "SET IDENTITY_INSERT " + r.quote(s.Table) + " " + state + ";"
}

// keyed is the create of maps and upserts on SQL Server, aimed at one shard, with the
// keys that the rows have.
type keyed struct {
	*creation
	shard  *config.Shard
	values clause.Values
	given  map[string]bool
}

func (c *creation) insertKeyed(s *config.Shard) {
	stmt := c.db.Statement
	if stmt.Schema != nil && !stmt.Unscoped {
		for _, cl := range stmt.Schema.CreateClauses {
			stmt.AddClause(cl)
		}
	}
	k := keyed{creation: c, shard: s, values: gormcallbacks.ConvertToCreateValues(stmt), given: map[string]bool{}}
	if c.db.Error != nil {
		return
	}
	for _, column := range k.values.Columns {
		k.given[column.Name] = true
	}
	k.run(k.build())
}

// build writes the statement; output tells that it gives rows.
func (k *keyed) build() (output bool) {
	stmt := k.db.Statement
	pk := k.r.identity(k.table)
	explicit := pk != nil && k.given[pk.DBName]
	if explicit {
		_, _ = stmt.WriteString(k.r.identityInsert(k.shard, "ON"))
	}
	conflict, upsert := stmt.Clauses["ON CONFLICT"].Expression.(clause.OnConflict)
	if upsert && k.hasPrimary() {
		k.merge(conflict)
		// MERGE gives its rows in no order: those of several can not be told apart
		output = len(k.values.Values) == 1 && k.output()
	} else {
		stmt.Build("INSERT")
		_, _ = stmt.WriteString(" (")
		k.columns("")
		_ = stmt.WriteByte(')')
		output = k.output()
		_, _ = stmt.WriteString(" VALUES ")
		k.tuples()
	}
	_ = stmt.WriteByte(';')
	if explicit {
		_, _ = stmt.WriteString(k.r.identityInsert(k.shard, "OFF"))
	}
	return output
}

// hasPrimary tells whether the rows have the key by which the driver merges.
func (k *keyed) hasPrimary() bool {
	for _, f := range k.table.Schema.PrimaryFields {
		if !k.given[f.DBName] {
			return false
		}
	}
	return len(k.table.Schema.PrimaryFields) > 0
}

// merge updates the rows that are there and inserts the others. The logical name is
// the target's alias, and stays valid in assignments and conditions.
func (k *keyed) merge(conflict clause.OnConflict) {
	stmt := k.db.Statement
	stmt.Table = k.alias
	_, _ = stmt.WriteString("MERGE INTO " + k.r.asTable(k.shard, k.alias).SQL + " USING (VALUES ")
	k.tuples()
	_, _ = stmt.WriteString(`) AS "excluded" (`)
	k.columns("")
	_, _ = stmt.WriteString(") ON ")
	var on clause.Where
	for _, f := range k.table.Schema.PrimaryFields {
		on.Exprs = append(on.Exprs, clause.Eq{
			Column: clause.Column{Table: k.alias, Name: f.DBName}, Value: clause.Column{Table: "excluded", Name: f.DBName},
		})
	}
	on.Build(stmt)
	if len(conflict.DoUpdates) > 0 {
		_, _ = stmt.WriteString(" WHEN MATCHED")
		if len(conflict.Where.Exprs) > 0 {
			_, _ = stmt.WriteString(" AND (")
			conflict.Where.Build(stmt)
			_ = stmt.WriteByte(')')
		}
		_, _ = stmt.WriteString(" THEN UPDATE SET ")
		conflict.DoUpdates.Build(stmt)
	}
	_, _ = stmt.WriteString(" WHEN NOT MATCHED THEN INSERT (")
	k.columns("")
	_, _ = stmt.WriteString(") VALUES (")
	k.columns("excluded")
	_ = stmt.WriteByte(')')
}

func (k *keyed) columns(table string) {
	stmt := k.db.Statement
	for i, column := range k.values.Columns {
		if i > 0 {
			_ = stmt.WriteByte(',')
		}
		stmt.WriteQuoted(clause.Column{Table: table, Name: column.Name})
	}
}

func (k *keyed) tuples() {
	stmt := k.db.Statement
	for i, row := range k.values.Values {
		if i > 0 {
			_ = stmt.WriteByte(',')
		}
		_ = stmt.WriteByte('(')
		stmt.AddVar(stmt, row...)
		_ = stmt.WriteByte(')')
	}
}

// output asks for what the database fills in and the program reads back into structs.
func (k *keyed) output() (asked bool) {
	stmt := k.db.Statement
	if stmt.Schema == nil || k.rows.maps != nil {
		return false
	}
	for _, f := range stmt.Schema.FieldsWithDefaultDBValue {
		if !f.Readable || k.given[f.DBName] {
			continue
		}
		if asked {
			_, _ = stmt.WriteString(",INSERTED.")
		} else {
			_, _ = stmt.WriteString(" OUTPUT INSERTED.")
		}
		stmt.WriteQuoted(f.DBName)
		asked = true
	}
	return asked
}

func (k *keyed) run(output bool) {
	db, stmt := k.db, k.db.Statement
	if db.DryRun || db.Error != nil {
		return
	}
	if output {
		rows, err := stmt.ConnPool.QueryContext(stmt.Context, stmt.SQL.String(), stmt.Vars...)
		if err != nil {
			fail(db, err)
			return
		}
		scan(db, rows, gorm.ScanUpdate|gorm.ScanOnConflictDoNothing)
		return
	}
	result, err := stmt.ConnPool.ExecContext(stmt.Context, stmt.SQL.String(), stmt.Vars...)
	if err != nil {
		fail(db, err)
		return
	}
	db.RowsAffected, _ = result.RowsAffected()
	if stmt.Result != nil {
		stmt.Result.Result, stmt.Result.RowsAffected = result, db.RowsAffected
	}
}
