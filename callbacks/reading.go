package callbacks

import (
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
)

// toServers says, once a read of an entity begins, where all of its statements go, those of
// preloads included: to one replica of each database, or to the sources.
func (r *Runtime) toServers(db *gorm.DB) {
	stmt := db.Statement
	if r.servers == nil || !r.servers.any.Load() || db.DryRun || resolver.InTransaction(stmt.ConnPool) {
		return
	}
	switch {
	case resolver.Pinned(stmt.ConnPool) || resolver.OnSource(stmt.ConnPool):
	case wishOf(stmt) == wishWrite || !r.readsReplica(stmt):
		r.servers.source(db)
	default:
		r.servers.replica(db)
	}
	stmt.Clauses[serverCarrier] = clause.Clause{Expression: servedBy{stmt.ConnPool}}
}

// serverCarrier keeps a read's servers among its clauses, from where they travel with the
// *gorm.DB that the finisher returns: for who asks more about the rows that were read.
const serverCarrier = "dtde:server"

// servedBy is a pool as a clause that is never built.
type servedBy struct{ pool gorm.ConnPool }

// Build writes nothing.
func (servedBy) Build(clause.Builder) {}

// sameServers is a session that reads where tx has read.
func sameServers(tx *gorm.DB) *gorm.DB {
	again := session(tx)
	if by, ok := tx.Statement.Clauses[serverCarrier].Expression.(servedBy); ok && !resolver.InTransaction(tx.Statement.ConnPool) {
		again.Statement.ConnPool = by.pool
	}
	return again
}

// toSource has all statements of a write, those that it reads first included, go to the
// sources.
func (r *Runtime) toSource(db *gorm.DB) {
	stmt := db.Statement
	if r.servers != nil && r.servers.any.Load() && !resolver.InTransaction(stmt.ConnPool) {
		stmt.ConnPool = resolver.ToSource(resolver.Everyday(stmt.ConnPool, stmt), stmt)
	}
}

// rawServers is one of them, for SQL text that names entities.
func (r *Runtime) rawServers(db *gorm.DB, call rawCall) {
	if call == rawExec {
		r.toSource(db)
		return
	}
	r.toServers(db)
}

// readsReplica tells whether a replica's answer will do: the statement only reads, and what it
// reads is not for a write.
func (r *Runtime) readsReplica(stmt *gorm.Statement) bool {
	if stmt.SQL.Len() > 0 {
		return planner.OnlyReads(r.dialect, stmt.SQL.String())
	}
	if _, locks := stmt.Clauses["FOR"]; locks {
		return false
	}
	return wishOf(stmt) == wishRead || !beforeCreate(stmt)
}

// beforeCreate recognises the read of FirstOrCreate and FirstOrInit, after which the row that
// was not found is created: one record by its primary key, none being no error.
func beforeCreate(stmt *gorm.Statement) bool {
	if stmt.RaiseErrorOnNotFound || stmt.ReflectValue.Kind() != reflect.Struct {
		return false
	}
	limit, limited := stmt.Clauses["LIMIT"].Expression.(clause.Limit)
	if !limited || limit.Limit == nil || *limit.Limit != 1 {
		return false
	}
	order, _ := stmt.Clauses["ORDER BY"].Expression.(clause.OrderBy)
	for _, by := range order.Columns {
		if by.Column.Name == clause.PrimaryKey {
			return true
		}
	}
	return false
}
