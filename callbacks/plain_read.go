package callbacks

import (
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// The most frequent reads ask one shard, or the union of all, for whole rows. What GORM
// makes of them begins with the same words each time, for which it makes two clauses,
// keeps them among the statement's, looks them up and builds them: a fifth of what the
// statement costs in Go. Here the words are kept with the shard or the entity, and the
// clauses behind them are built as GORM builds them.

// plainRead gives the words up to the table of a read of whole rows: SELECT * FROM, and
// nothing but clauses behind it. "" means that the statement is another.
func (r *Runtime) plainRead(db *gorm.DB, p *planner.Plan, alias string) string {
	if !r.readsModel(db) {
		return ""
	}
	switch stmt := db.Statement; {
	case r.aimedByFrom(stmt, p):
		return r.aliased(p.Targets[0].Shard, alias).all
	case p.Form == planner.Union && !p.Pushed && !p.Flat && p.Whole == nil && !(r.many && isSubquery(stmt)):
		return r.wholeUnion(stmt, p, alias)
	}
	return ""
}

// readsModel tells that GORM would read all of the model's columns of its table alone.
func (r *Runtime) readsModel(db *gorm.DB) bool {
	stmt := db.Statement
	if stmt.Schema == nil || stmt.Distinct || db.QueryFields || len(stmt.Selects) > 0 || len(stmt.Omits) > 0 ||
		len(stmt.Joins) > 0 || stmt.SQL.Len() > 0 || !onlySoftDeletes(stmt) {
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

// wholeUnion gives the words of a read of the union of all shards; "" if the plan has others.
func (r *Runtime) wholeUnion(stmt *gorm.Statement, p *planner.Plan, alias string) string {
	if len(p.Targets) == 0 || len(p.Targets) != len(p.Table.Shards) {
		return ""
	}
	for i := range p.Targets {
		if p.Targets[i].Shard != p.Table.Shards[i] {
			return ""
		}
	}
	if v, known := r.unions.Load(p.Table.Schema); known && alias == p.Table.LogicalName {
		if kept := v.(*unionText); kept.table == p.Table {
			return kept.all
		}
	}
	aside := &gorm.Statement{DB: stmt.DB}
	(&union{r: r, plan: p, stmt: stmt, alias: alias}).Build(aside)
	all := "SELECT * FROM " + aside.SQL.String()
	if _, sure := r.columnLists.Load(p.Table.Schema); sure && alias == p.Table.LogicalName {
		r.unions.Store(p.Table.Schema, &unionText{table: p.Table, all: all})
	}
	return all
}

// unionText is the union of all shards of an entity under its logical name, as one catalog
// has it, with the words of a plain read in front. It is kept by the entity's schema, since
// each refresh of the catalog makes another table.
type unionText struct {
	table *config.Table
	all   string
}

// buildPlain writes such a read into the statement.
func (r *Runtime) buildPlain(db *gorm.DB, words, alias string) {
	stmt := db.Statement
	stmt.Table = alias
	if keys := primaryConditions(stmt); len(keys) > 0 {
		stmt.AddClause(clause.Where{Exprs: keys})
	}
	stmt.SQL.Grow(len(words) + plainText)
	stmt.SQL.WriteString(words)
	buildClauses(stmt, stmt.BuildClauses[2:])
}

// plainText is about how long the text behind the words is.
const plainText = 80
