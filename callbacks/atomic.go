package callbacks

import (
	"errors"
	"fmt"
	"sync/atomic"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
)

var savePoints atomic.Uint64

// atomically runs the several statements that GORM meant as one: all or nothing.
// Inside the caller's transaction it is a save point, otherwise a transaction of its
// own, also under SkipDefaultTransaction. A transaction that GORM began for this
// very statement needs neither.
func (r *Runtime) atomically(db *gorm.DB, fn func() error) (err error) {
	stmt := db.Statement
	run := func() error {
		if err := fn(); err != nil {
			return err
		}
		return db.Error
	}
	if _, own := db.InstanceGet("gorm:started_transaction"); own {
		return ownError(db, run())
	}
	if resolver.InTransaction(stmt.ConnPool) {
		name := fmt.Sprintf("dtde_%d", savePoints.Add(1))
		if err := session(db).SavePoint(name).Error; err != nil {
			return err
		}
		if err := run(); err != nil {
			if back := session(db).RollbackTo(name).Error; back != nil {
				err = errors.Join(err, back)
			}
			return ownError(db, err)
		}
		if r.dialect.Name != "sqlserver" {
			_, err = stmt.ConnPool.ExecContext(stmt.Context, "RELEASE SAVEPOINT "+name)
		}
		return err
	}
	pool := stmt.ConnPool
	tx := session(db).Begin()
	if errors.Is(tx.Error, gorm.ErrInvalidTransaction) {
		return &config.UnsupportedError{
			Reason: "no-transaction", Problem: "a write to several shards on a connection that can not begin a transaction",
			Hint: "run it on the *gorm.DB itself or inside db.Transaction",
		}
	}
	if tx.Error != nil {
		return tx.Error
	}
	stmt.ConnPool = tx.Statement.ConnPool
	done := false
	defer func() {
		stmt.ConnPool = pool
		if !done { // a panic in a hook or driver
			tx.Rollback()
		}
	}()
	err = run()
	done = true
	if err != nil {
		if back := tx.Rollback().Error; back != nil {
			err = errors.Join(err, back)
		}
		return ownError(db, err)
	}
	return tx.Commit().Error
}

// ownError drops an error that the statement carries already, so that it is added once.
func ownError(db *gorm.DB, err error) error {
	if err != nil && err == db.Error { //nolint:errorlint // identity is meant
		return nil
	}
	return err
}

// explained says what the database meant by errors that stem from what dtde does.
func explained(entity, operation string, err error) error {
	return brokenSeal(entity, operation, youngError(entity, err))
}

// shardError names the shard of a failure where several were visited. With one
// shard the engine's own error is what the caller would have got from one table.
func (r *Runtime) shardError(p *planner.Plan, err error) error {
	err = explained(p.Entity, p.Operation.String(), err)
	if len(p.Targets) == 1 {
		return err
	}
	return &config.ShardError{Entity: p.Entity, Operation: p.Operation.String(), Cause: err}
}

// translated is what TranslateError makes of an engine's error; GORM's own call comes
// too late for one that is wrapped with its shard, which drivers do not look into.
func translated(db *gorm.DB, err error) error {
	if db.TranslateError {
		if t, ok := db.Dialector.(gorm.ErrorTranslator); ok {
			return t.Translate(err)
		}
	}
	return err
}

// mergeError turns a bound of package merge into dtde's own error.
func mergeError(err error) error {
	if errors.Is(err, merge.ErrTooManyRows) {
		return fmt.Errorf("%w: %w", config.ErrTooManyRows, err)
	}
	return err
}

// joinErrors makes one error of two, for the single AddError of a statement.
func joinErrors(errs ...error) error { return errors.Join(errs...) }

func notFound(err error) bool { return errors.Is(err, gorm.ErrRecordNotFound) }
