package callbacks

import (
	"time"

	"gorm.io/gorm"
)

// trace logs one of several statements, as GORM logs a single one.
func (r *Runtime) trace(db *gorm.DB, began time.Time, s shardSQL, rows int64, err error) {
	// a session's logger need not be safe for concurrent use: GORM calls it from one goroutine
	r.tracing.Lock()
	defer r.tracing.Unlock()
	db.Logger.Trace(db.Statement.Context, began, func() (string, int64) {
		text, vars := s.text, s.vars
		if filter, ok := db.Logger.(gorm.ParamsFilter); ok {
			text, vars = filter.ParamsFilter(db.Statement.Context, text, vars...)
		}
		return r.dialector.Explain(text, vars...), rows
	}, err)
}
