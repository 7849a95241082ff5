package callbacks

import (
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
)

// lockInOrder carries out a locking read: shard after shard in visiting order, so
// that two of them can not wait for each other. Each statement sees the rows as they
// are when it locks them, as one statement would. Outside a transaction the locks end
// with the statement, as those of one statement do.
func (r *Runtime) lockInOrder(db *gorm.DB, p *planner.Plan, sqls []shardSQL, w *watch) (merge.Source, error) {
	stmt := db.Statement
	pool := stmt.ConnPool
	var own *gorm.DB
	if !resolver.InTransaction(pool) {
		if own = session(db).Begin(); own.Error != nil {
			return nil, own.Error
		}
		pool = own.Statement.ConnPool
		defer own.Rollback() // after Commit it does nothing
	}
	sources := make([]merge.Source, 0, len(sqls))
	for i := range sqls {
		began := time.Now()
		on, err := resolver.On(pool, sqls[i].shard.Database)
		if err != nil {
			return nil, err
		}
		rows, err := on.QueryContext(stmt.Context, sqls[i].text, sqls[i].vars...)
		var src merge.Source
		if err == nil {
			src, err = merge.FromRows(rows)
		}
		if err == nil {
			src, err = merge.Buffer(w.count(&shardSource{Source: src, plan: p, shard: sqls[i].shard}), r.config.MaxBufferedRows)
		}
		w.took(sqls[i].shard.ID, time.Since(began))
		r.trace(db, began, sqls[i], -1, err)
		if err != nil {
			return nil, shardFailure(p, sqls[i].shard, err)
		}
		sources = append(sources, src)
	}
	if own != nil {
		if err := own.Commit().Error; err != nil {
			return nil, err
		}
	}
	return r.mergeSources(p, sources)
}
