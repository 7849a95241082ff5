package callbacks

import (
	"database/sql"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
)

// writer carries out a plan of updates or deletes.
type writer struct {
	r       *Runtime
	db      *gorm.DB
	plan    *planner.Plan
	alias   string
	clauses []string
	set     clause.Set
	watch   *watch
	rows    []merge.Source // RETURNING, shard by shard
	sqls    []shardSQL     // DryRun

	chosen  bool // the conditions are those of rows that were chosen before
	shifted bool // rows have left their shard already

	moving map[string]any // columns that rows take to another shard with these values
	moved  [][]any        // primary keys of rows that moved so
}

func (w *writer) run() error {
	if w.plan.Form == planner.None {
		w.db.RowsAffected = 0
		return w.returnNothing()
	}
	a := aim(w.db.Statement)
	defer a.restore()
	w.plan.Statements = nil
	acts, err := w.acts()
	if err != nil {
		return err
	}
	do := func() error { return w.send(&a) }
	if acts {
		do = func() error { return w.act(&a) }
	}
	if w.plan.First {
		return w.first(&a, do)
	}
	return do()
}

// send runs the plan's statements.
func (w *writer) send(a *aimed) error {
	if w.plan.Moves || len(w.plan.Targets) > 1 || w.deletesByAlias() {
		if first, err := w.chooses(a); err != nil || w.db.Error != nil {
			return ownError(w.db, firstError(err, w.db.Error))
		} else if first {
			return w.choose(a, func() error { return w.send(a) })
		}
	}
	if w.plan.Moves && w.db.DryRun && w.plan.Destination != nil {
		w.build(a, w.plan.Destination)
		return nil
	}
	if w.plan.Moves {
		return w.r.atomically(w.db, func() error {
			if err := w.move(a); err != nil || w.rows == nil {
				return err
			}
			return w.scan()
		})
	}
	if len(w.plan.Targets) == 1 {
		return w.one(a, &w.plan.Targets[0])
	}
	if w.db.DryRun {
		for i := range w.plan.Targets {
			s := w.build(a, &w.plan.Targets[i])
			w.sqls = append(w.sqls, s)
		}
		w.db.Statement.SQL.Reset()
		w.db.Statement.Vars = nil
		w.db.Statement.SQL.WriteString(w.r.explainAll(w.sqls))
		return nil
	}
	return w.r.atomically(w.db, func() error {
		var total int64
		for i := range w.plan.Targets {
			n, err := w.step(a, &w.plan.Targets[i])
			if err != nil {
				return err
			}
			total += n
		}
		if w.rows != nil {
			return w.scan()
		}
		w.db.RowsAffected = total
		return nil
	})
}

// returnNothing has RETURNING of no shard empty the destination, as that of one table
// would that has no matching row.
func (w *writer) returnNothing() error {
	if _, returning := w.returning(); !returning || w.db.DryRun {
		return nil
	}
	w.rows = []merge.Source{merge.FromValues(w.plan.Table.Schema.DBNames, nil)}
	return w.scan()
}

// one runs the only statement in place: GORM logs it as it logs its own.
func (w *writer) one(a *aimed, target *planner.Target) error {
	stmt := w.db.Statement
	leave, err := w.r.visit(stmt, target.Shard)
	defer leave()
	if err != nil {
		return err
	}
	w.build(a, target)
	if w.db.DryRun || w.db.Error != nil {
		return nil
	}
	if mode, returning := w.returning(); returning {
		rows, err := stmt.ConnPool.QueryContext(stmt.Context, stmt.SQL.String(), stmt.Vars...)
		if err != nil {
			return w.r.shardError(w.plan, err)
		}
		w.scanRows(rows, mode)
		return nil
	}
	result, err := stmt.ConnPool.ExecContext(stmt.Context, stmt.SQL.String(), stmt.Vars...)
	if err != nil {
		return w.r.shardError(w.plan, err)
	}
	w.db.RowsAffected, _ = result.RowsAffected()
	if stmt.Result != nil {
		stmt.Result.Result = result
	}
	return nil
}

// step runs the statement of one of several shards.
func (w *writer) step(a *aimed, target *planner.Target) (n int64, err error) {
	stmt := w.db.Statement
	leave, err := w.r.visit(stmt, target.Shard)
	defer leave()
	if err != nil {
		return 0, err
	}
	s := w.build(a, target)
	if w.db.Error != nil {
		return 0, nil
	}
	began := time.Now()
	if _, returning := w.returning(); returning {
		var rows *sql.Rows
		if rows, err = stmt.ConnPool.QueryContext(stmt.Context, s.text, s.vars...); err == nil {
			var src merge.Source
			if src, err = merge.FromRows(rows); err == nil {
				counted := w.watch.count(&shardSource{Source: src, plan: w.plan, shard: target.Shard})
				if src, err = merge.Buffer(counted, w.r.config.MaxBufferedRows); err == nil {
					w.rows = append(w.rows, src)
				}
			}
		}
	} else {
		var result sql.Result
		if result, err = stmt.ConnPool.ExecContext(stmt.Context, s.text, s.vars...); err == nil {
			n, _ = result.RowsAffected()
		}
	}
	w.watch.took(target.Shard.ID, time.Since(began))
	w.watch.affected(target.Shard.ID, n)
	w.r.trace(w.db, began, s, n, err)
	stmt.SQL.Reset()
	stmt.Vars = nil
	if err != nil {
		return 0, &config.ShardError{Entity: w.plan.Entity, Shard: target.Shard.ID, Operation: w.plan.Operation.String(), Cause: translated(w.db, explained(w.plan.Entity, w.plan.Operation.String(), mergeError(err)))}
	}
	return n, nil
}
