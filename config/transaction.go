package config

import (
	"database/sql"
	"fmt"
)

// TransactionOptions are how a whole transaction is run, and run again. The zero value is
// what the engine does by default, in five attempts.
type TransactionOptions struct {
	// TxOptions are the isolation level and whether it only reads, as db.Transaction
	// takes them.
	sql.TxOptions
	// Attempts is how often it is run at most, 1 to 100; 0 means 5, 1 never again.
	Attempts int
}

// The bounds of TransactionOptions.Attempts.
const (
	DefaultAttempts = 5
	MostAttempts    = 100
)

// Validate reports attempts out of their range.
func (o TransactionOptions) Validate() error {
	if o.Attempts < 0 || o.Attempts > MostAttempts {
		return &ConfigError{Field: "TransactionOptions.Attempts", Problem: fmt.Sprintf("%d is not in 0 to %d", o.Attempts, MostAttempts)}
	}
	return nil
}
