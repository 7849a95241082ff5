package dtde

import (
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/resolver"
)

// TransactionOptions are how Transaction runs, and runs again.
type TransactionOptions = config.TransactionOptions

// Transaction is db.Transaction, run again from its beginning when the database rolled it
// back because of others beside it: after a serialization failure (SQLSTATE 40001), wherever
// it shows, also at the commit in one of several databases, and after a deadlock (PostgreSQL
// 40P01; MySQL and MariaDB 1213 and 1020; SQL Server 1205 and 3960). Between attempts it
// waits for a random time of up to 10 ms, then 20, 40 and so on up to a second.
//
//	err := dtde.Transaction(db, func(tx *gorm.DB) error {
//		var from, to Account
//		if err := tx.First(&from, 1).Error; err != nil {
//			return err // as it is, or wrapped by %w
//		}
//		...
//	}, dtde.TransactionOptions{TxOptions: sql.TxOptions{Isolation: sql.LevelSerializable}})
//
// fc may run several times, so it must begin with values of its own: what an earlier attempt
// filled, such as a record's generated key, is still there. It must give its statements'
// errors back, since a transaction with an ignored failure commits nothing. Everything else
// is returned at once: fc's own errors, a lost connection, a commit in doubt (ErrInDoubt), or
// one that is done in some of its databases (ErrPartialCommit); so is the last failure once
// the attempts are used up, or db's context has ended. A panic of fc is not caught.
//
// Inside a transaction it is a save point, and runs once: what must be run again is the
// whole, so let the outer Transaction have the error. At most one options value is taken.
// It works for models without dtde settings, too.
func Transaction(db *gorm.DB, fc func(tx *gorm.DB) error, options ...TransactionOptions) error {
	if len(options) == 0 {
		options = []TransactionOptions{{}}
	}
	if len(options) > 1 {
		return &config.ConfigError{Field: "TransactionOptions", Problem: "there are several; give one"}
	}
	return resolver.RunTransaction(db, fc, options[0])
}
