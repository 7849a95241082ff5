package resolver

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
)

// RunTransaction runs fc in a transaction of db, and the whole again as Retry does. Inside a
// transaction fc is run once, behind a save point: only the whole could be run again.
func RunTransaction(db *gorm.DB, fc func(tx *gorm.DB) error, options config.TransactionOptions) error {
	if err := options.Validate(); err != nil {
		return err
	}
	if InTransaction(db.Statement.ConnPool) {
		return db.Transaction(fc)
	}
	attempts := options.Attempts
	if attempts == 0 {
		attempts = config.DefaultAttempts
	}
	made := 0
	err := Retry(db.Statement.Context, attempts, func(context.Context) error {
		made++
		tx := options.TxOptions // a driver might write to it
		return db.Transaction(fc, &tx)
	})
	if made > 1 && Retryable(err) {
		return fmt.Errorf("transaction, after %d attempts: %w", made, err)
	}
	return err
}
