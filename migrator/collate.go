package migrator

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
)

// collate gives existing text key columns the collation that they have on a new
// table, where theirs compares otherwise.
func (w *workspace) collate(db *gorm.DB, o step, s *config.Shard) error {
	if w.dry() {
		return nil
	}
	var names []string
	for i := range o.table.Keys {
		if o.table.Keys[i].Kind == config.KindString {
			names = append(names, o.table.Keys[i].Column)
		}
	}
	if len(names) == 0 {
		return nil
	}
	stmt := &gorm.Statement{DB: w.db}
	if err := stmt.ParseWithSpecialTableName(o.model, db.Statement.Table); err != nil {
		return err
	}
	r := refOf(s)
	found, err := relations(w.query(), w.driver.Name(), []ref{r}, names)
	if err != nil {
		return err
	}
	for i := range o.table.Keys {
		k := &o.table.Keys[i]
		have, exists := found[r].columns[lower(k.Column)]
		field := stmt.Schema.FieldsByDBName[k.Column]
		if !exists || field == nil || k.Kind != config.KindString || have.uuid {
			continue
		}
		want := w.declared(w.dataTypeOf(field))
		if have.equal == want.equal && have.padded == want.padded && (have.order || !want.order) {
			continue
		}
		if !want.equal {
			continue // nothing that a collation could mend
		}
		if err := w.alterCollation(db, o, k.Column); err != nil {
			return err
		}
	}
	return nil
}

// declared judges a type as textType made it.
func (w *workspace) declared(typ string) column {
	m := typeForm.FindStringSubmatch(typ)
	if m == nil {
		return column{}
	}
	word := lower(m[1])
	collation := ""
	if c := collateForm.FindStringSubmatch(typ); c != nil {
		collation = unquoted(c[1])
	}
	switch w.driver.Name() {
	case "mysql":
		return mysqlColumn(word, &collation, nil, nil)
	case "postgres":
		switch word {
		case "char", "character", "bpchar":
			word = "bpchar"
		case "character varying":
			word = "varchar"
		}
		return postgresColumn(word, -1, collation, true, false)
	case "sqlserver":
		return sqlserverColumn(word, &collation, nil, nil)
	}
	return sqliteColumn(typ, collation, "UTF-8")
}

func (w *workspace) alterCollation(db *gorm.DB, o step, columnName string) error {
	if w.driver.Name() != "postgres" {
		return db.Migrator().AlterColumn(o.model, columnName)
	}
	// The driver's AlterColumn looks at the type alone.
	stmt := &gorm.Statement{DB: w.db}
	if err := stmt.ParseWithSpecialTableName(o.model, db.Statement.Table); err != nil {
		return err
	}
	typ := w.dataTypeOf(stmt.Schema.FieldsByDBName[columnName])
	if !collateForm.MatchString(typ) {
		typ += ` COLLATE "default"`
	}
	return db.Exec("ALTER TABLE ? ALTER COLUMN ? TYPE ?", *db.Statement.TableExpr, clause.Column{Name: columnName}, clause.Expr{SQL: typ}).Error
}
