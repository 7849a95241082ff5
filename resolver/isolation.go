package resolver

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"gorm.io/gorm"
)

// sharesSnapshot refuses a transaction whose statements each see a state of their own.
func sharesSnapshot(ctx context.Context, pool gorm.ConnPool, dialect string) error {
	if dialect == "sqlite" {
		return nil
	}
	tx, ours := pool.(*Tx)
	ours = ours && !tx.given
	level := ""
	if ours && tx.opts.Isolation != sql.LevelDefault {
		level = tx.opts.Isolation.String()
	} else if dialect == "postgres" || dialect == "mysql" && ours {
		var err error
		if level, err = askLevel(ctx, pool, dialect); err != nil {
			return err
		}
	} // MySQL can't tell the level of a transaction that was begun with one of its own
	switch level = strings.ToLower(strings.NewReplacer("-", " ", "_", " ").Replace(level)); level {
	case "snapshot":
		return nil
	case "repeatable read", "serializable", "linearizable":
		if dialect == "postgres" || dialect == "mysql" {
			return nil
		}
	case "":
		level = "unknown"
	}
	return refuse("sessions-isolation",
		fmt.Sprintf("several reads on one snapshot in a transaction at isolation level %s", level),
		"read with the union form, or begin the transaction at repeatable read")
}

// askLevel asks the engine, once per transaction.
func askLevel(ctx context.Context, pool gorm.ConnPool, dialect string) (level string, err error) {
	tx, ok := pool.(*Tx)
	if ok {
		tx.mu.Lock()
		level = tx.level
		tx.mu.Unlock()
		if level != "" {
			return level, nil
		}
	}
	if dialect == "postgres" {
		err = pool.QueryRowContext(ctx, "SELECT current_setting('transaction_isolation')").Scan(&level)
	} else { // the variable's name differs between MySQL and MariaDB
		var name string
		err = pool.QueryRowContext(ctx, "SHOW SESSION VARIABLES WHERE Variable_name IN ('tx_isolation', 'transaction_isolation')").Scan(&name, &level)
	}
	if err != nil {
		return "", fmt.Errorf("ask for the isolation level: %w", err)
	}
	if ok {
		tx.mu.Lock()
		tx.level = level
		tx.mu.Unlock()
	}
	return level, nil
}
