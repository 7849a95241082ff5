package callbacks

import (
	"context"
	"errors"
	"iter"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/resolver"
)

// Iterate gives the rows of a read one after another.
func Iterate[T any](tx *gorm.DB) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if tx.Error != nil {
			yield(none, tx.Error)
			return
		}
		ctx, cancel := context.WithCancel(tx.Statement.Context)
		defer cancel()
		q := tx.Session(&gorm.Session{Context: ctx})
		if stmt := tx.Statement; stmt.Model == nil && stmt.Table == "" && stmt.TableExpr == nil && stmt.SQL.Len() == 0 {
			q = q.Model(new(T))
		}
		rows, err := q.Rows()
		if err != nil {
			if rows != nil {
				err = errors.Join(err, rows.Close())
			}
			yield(none, err)
			return
		}
		defer func() {
			// Drivers read the rest of a result before they give its connection back;
			// one that is cancelled ends at once. In a transaction that would end the
			// transaction, too.
			if resolver.SharedPool(tx.Statement.ConnPool) {
				cancel()
			}
			_ = rows.Close()
		}()
		scanner := tx.Session(&gorm.Session{NewDB: true, Context: ctx})
		for rows.Next() {
			var row T
			if err := scanner.ScanRows(rows, &row); err != nil {
				yield(none, err)
				return
			}
			if !yield(row, nil) {
				return
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			yield(none, err)
		}
	}
}
