package callbacks

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
)

// rawStep is SQL text on one of several shards.
type rawStep struct {
	shardSQL
	// rows are the positions of an insert's rows among the caller's.
	rows []int
}

// rawSteps runs text that writes on several shards, all or nothing.
func (r *Runtime) rawSteps(db *gorm.DB, p *planner.Plan, call rawCall, steps []rawStep, watch *watch) error {
	stmt := db.Statement
	if db.DryRun {
		sqls := make([]shardSQL, len(steps))
		for i := range steps {
			sqls[i] = steps[i].shardSQL
			p.Sent(steps[i].shard, steps[i].text, len(steps[i].vars))
		}
		setText(stmt, r.explainAll(sqls))
		stmt.Vars = nil
		return nil
	}
	var total int64
	var found []merge.Source
	err := r.atomically(db, func() error {
		for i := range steps {
			n, src, err := r.rawStep(db, p, call, &steps[i], watch)
			if err != nil {
				return err
			}
			total += n
			if src != nil {
				found = append(found, src)
			}
		}
		stmt.SQL.Reset() // each statement has been logged
		stmt.Vars = nil
		return nil
	})
	if err != nil || call == rawExec {
		db.RowsAffected = total
		if result := stmt.Result; result != nil && err == nil {
			result.RowsAffected = total
		}
		return err
	}
	return r.rawRows(db, call, inOrder(found, steps))
}

// rawStep runs one of several steps.
func (r *Runtime) rawStep(db *gorm.DB, p *planner.Plan, call rawCall, s *rawStep, watch *watch) (n int64, src merge.Source, err error) {
	stmt := db.Statement
	if s.text, err = r.settled(stmt, s.text, s.shard.Database, containsWord(s.text, "select")); err != nil {
		return 0, nil, err
	}
	on, err := resolver.On(stmt.ConnPool, s.shard.Database)
	if err != nil {
		return 0, nil, err
	}
	p.Sent(s.shard, s.text, len(s.vars))
	began := time.Now()
	if call == rawExec {
		var result sql.Result
		if result, err = on.ExecContext(stmt.Context, s.text, s.vars...); err == nil {
			n, _ = result.RowsAffected()
		}
	} else {
		var rows *sql.Rows
		if rows, err = on.QueryContext(stmt.Context, s.text, s.vars...); err == nil {
			if src, err = merge.FromRows(rows); err == nil {
				counted := watch.count(&shardSource{Source: src, plan: p, shard: s.shard})
				src, err = merge.Buffer(counted, r.config.MaxBufferedRows)
			}
		}
	}
	watch.took(s.shard.ID, time.Since(began))
	watch.affected(s.shard.ID, n)
	r.trace(db, began, s.shardSQL, n, err)
	if err != nil {
		return 0, nil, &config.ShardError{Entity: p.Entity, Shard: s.shard.ID, Operation: "raw", Cause: translated(db, explained(p.Entity, "raw", mergeError(err)))}
	}
	return n, src, nil
}

// rawRows gives the rows to whoever called.
func (r *Runtime) rawRows(db *gorm.DB, call rawCall, src merge.Source) error {
	stmt := db.Statement
	if v, ok := stmt.Settings.Load("rows"); call == rawRow && !(ok && v == true) {
		stmt.Dest = merge.Row(stmt.Context, src)
		db.RowsAffected = -1
		return nil
	}
	rows, err := merge.Rows(stmt.Context, src)
	if err != nil {
		return err
	}
	if call == rawQuery {
		scan(db, rows, 0)
		return nil
	}
	stmt.Dest = rows
	db.RowsAffected = -1
	return nil
}

// inOrder puts the rows that inserts gave back into the order in which the program gave
// them, as one table would; where a shard left some out, they come shard by shard.
func inOrder(found []merge.Source, steps []rawStep) merge.Source {
	total, last := 0, -1
	for i, src := range found {
		l, ok := src.(merge.Counted)
		if !ok || len(steps[i].rows) != l.Len() {
			return merge.Concat(found...)
		}
		total += l.Len()
		last = max(last, slices.Max(append(slices.Clone(steps[i].rows), last)))
	}
	if total == 0 || last >= total {
		return merge.Concat(found...)
	}
	columns := found[0].Columns()
	rows := make([][]driver.Value, total)
	for i, src := range found {
		for _, at := range steps[i].rows {
			rows[at] = make([]driver.Value, len(columns))
			if err := src.Next(rows[at]); err != nil {
				return failed{err}
			}
		}
	}
	return typedValues{merge.FromValues(columns, rows), found}
}

// typedValues are rows in memory with the column types, and the life, of their sources.
type typedValues struct {
	merge.Source
	of []merge.Source
}

// ColumnTypes are those of the first source.
func (v typedValues) ColumnTypes() []merge.ColumnType {
	if typed, ok := v.of[0].(merge.TypedSource); ok {
		return typed.ColumnTypes()
	}
	return nil
}

// Close closes the sources, too.
func (v typedValues) Close() error {
	errs := []error{v.Source.Close()}
	for _, src := range v.of {
		errs = append(errs, src.Close())
	}
	return errors.Join(errs...)
}
