package callbacks

import (
	"errors"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// Register replaces GORM's callbacks on db by the runtime's, and checks every
// error. It is called once, after everything else has succeeded.
func (r *Runtime) Register(db *gorm.DB) error {
	cb := db.Callback()
	r.inner = inner{
		query: cb.Query().Get("gorm:query"), create: cb.Create().Get("gorm:create"),
		update: cb.Update().Get("gorm:update"), delete: cb.Delete().Get("gorm:delete"),
		row: cb.Row().Get("gorm:row"), raw: cb.Raw().Get("gorm:raw"),
		preload: cb.Query().Get("gorm:preload"), afterQuery: cb.Query().Get("gorm:after_query"),
		updateClauses: cb.Update().Clauses, deleteClauses: cb.Delete().Clauses,
	}
	for _, f := range []func(*gorm.DB){r.inner.query, r.inner.create, r.inner.update, r.inner.delete, r.inner.row, r.inner.raw, r.inner.preload, r.inner.afterQuery} {
		if f == nil {
			return errors.New("dtde: the driver has not registered GORM's default callbacks")
		}
	}
	// GORM logs a replacement as if it were news for the program's log
	log := db.Logger
	db.Logger = logger.Discard
	defer func() { db.Logger = log }()
	err := errors.Join(
		cb.Query().Replace("gorm:query", r.query),
		cb.Query().Replace("gorm:preload", r.preload),
		cb.Query().Replace("gorm:after_query", r.afterQuery),
		cb.Create().Replace("gorm:create", r.create),
		cb.Update().Replace("gorm:update", r.update),
		cb.Delete().Replace("gorm:delete", r.delete),
		cb.Row().Replace("gorm:row", r.row),
		cb.Raw().Replace("gorm:raw", r.exec),
		cb.Create().Before("gorm:begin_transaction").Register("dtde:bind_create", r.bind),
		cb.Update().Before("gorm:begin_transaction").Register("dtde:bind_update", r.bind),
		cb.Delete().Before("gorm:begin_transaction").Register("dtde:bind_delete", r.bind),
	)
	r.callbacksOwn, r.returns = r.ownCallbacks(db), slices.Contains(cb.Create().Clauses, "RETURNING")
	return err
}

// bind ties the statement's shard scopes to it before associations copy them, and has it
// and them go to the source.
func (r *Runtime) bind(db *gorm.DB) {
	r.toSource(db)
	bindScope(db.Statement)
}
