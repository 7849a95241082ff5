package callbacks

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// nameCurrentTable writes the entity's alias where the conditions of joins have
// [clause.CurrentTable] as a table, as the callbacks of GORM's generic Joins are given
// it: GORM would write the statement's whole source there, the union of its shards.
func nameCurrentTable(stmt *gorm.Statement, alias string) {
	replaceInJoins(stmt, isCurrentTable, func(v any) any {
		t := v.(clause.Table)
		t.Name = alias
		return t
	})
}

func isCurrentTable(v any) bool {
	t, ok := v.(clause.Table)
	return ok && t.Name == clause.CurrentTable
}
