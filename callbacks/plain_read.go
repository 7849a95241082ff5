package callbacks

import (
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/planner"
)

// The most frequent read asks one shard for whole rows. What GORM makes of it begins with
// the same words each time, for which it makes two clauses, keeps them among the
// statement's, looks them up and builds them: a fifth of what the statement costs in
// Go. Here the words are kept with the shard, and the clauses behind them are built as
// GORM builds them.

// plainRead tells that GORM would read the whole rows of one shard: SELECT * FROM, and
// nothing but clauses behind it.
func (r *Runtime) plainRead(db *gorm.DB, p *planner.Plan) bool {
	stmt := db.Statement
	if !r.aimedByFrom(stmt, p) || stmt.Schema == nil || stmt.Distinct || db.QueryFields ||
		len(stmt.Selects) > 0 || len(stmt.Omits) > 0 || stmt.SQL.Len() > 0 || !onlySoftDeletes(stmt) {
		return false
	}
	if b := stmt.BuildClauses; len(b) < 2 || b[0] != "SELECT" || b[1] != "FROM" {
		return false
	}
	for _, name := range stmt.BuildClauses[:2] {
		_, own := stmt.Clauses[name]
		_, custom := db.ClauseBuilders[name]
		if own || custom {
			return false
		}
	}
	// GORM names the columns of other structs than the model
	switch v := stmt.ReflectValue; v.Kind() {
	case reflect.Struct:
		return v.Type() == stmt.Schema.ModelType
	case reflect.Slice:
		e := v.Type().Elem()
		return e == stmt.Schema.ModelType || e.Kind() == reflect.Pointer && e.Elem() == stmt.Schema.ModelType
	}
	return false
}

// buildPlain writes such a read into the statement.
func (r *Runtime) buildPlain(db *gorm.DB, p *planner.Plan, alias string) {
	stmt := db.Statement
	stmt.Table = alias
	if keys := primaryConditions(stmt); len(keys) > 0 {
		stmt.AddClause(clause.Where{Exprs: keys})
	}
	stmt.SQL.Grow(plainText)
	stmt.SQL.WriteString(r.aliased(p.Targets[0].Shard, alias).all)
	for _, name := range stmt.BuildClauses[2:] {
		c, ok := stmt.Clauses[name]
		if !ok {
			continue
		}
		stmt.SQL.WriteByte(' ')
		if build, custom := db.ClauseBuilders[name]; custom {
			build(c, stmt)
		} else {
			c.Build(stmt)
		}
	}
}

// plainText is about how long the text of a plain read is.
const plainText = 128
