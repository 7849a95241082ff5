package resolver

import (
	"database/sql"

	"gorm.io/gorm"
)

// Wrap is NewPool for whatever a *gorm.DB was opened with: a transaction that was
// given to GORM becomes a [Tx] that has begun already, so that Commit, Rollback, save
// points and hooks work; everything else a *Pool. A given transaction that the program
// ends through its own handle runs no hooks.
func Wrap(inner gorm.ConnPool, opts PoolOptions) (gorm.ConnPool, error) {
	unwrapped, _ := Unwrap(inner)
	if tx, ok := unwrapped.(*Tx); ok {
		return tx, nil
	}
	if tx, ok := unwrapped.(gorm.Tx); ok {
		return givenTx(tx, opts), nil
	}
	return NewPool(inner, opts)
}

// Unwrap takes GORM's PreparedStmtDB and PreparedStmtTX off p, however many there
// are; prepared tells whether there was one. Statements for which prepared is true
// belong on p.Prepared() of a [Pool] or [Tx].
func Unwrap(p gorm.ConnPool) (pool gorm.ConnPool, prepared bool) {
	for {
		switch w := p.(type) {
		case *gorm.PreparedStmtDB:
			p, prepared = w.ConnPool, true
		case *gorm.PreparedStmtTX:
			p, prepared = w.Tx, true
		default:
			return p, prepared
		}
	}
}

// Unprepared is p as it sends texts that are never prepared, for what is no statement to
// the driver.
func Unprepared(p gorm.ConnPool) gorm.ConnPool {
	p, _ = Unwrap(p)
	switch c := p.(type) {
	case *Tx:
		return &Tx{txCore: c.txCore}
	case *Pool:
		return &Pool{poolCore: c.poolCore, serving: c.serving}
	}
	return p
}

// Transaction gives dtde's transaction under whatever GORM wrapped around it.
func Transaction(p gorm.ConnPool) (*Tx, bool) {
	p, _ = Unwrap(p)
	tx, ok := p.(*Tx)
	return tx, ok && tx != nil
}

// InTransaction tells whether statements on p belong to a transaction, dtde's or not.
func InTransaction(p gorm.ConnPool) bool {
	p, _ = Unwrap(p)
	if pool, ok := p.(*Pool); ok {
		p = pool.inner
	}
	_, ok := p.(gorm.TxCommitter)
	return ok
}

// SQLTx gives the *sql.Tx of a transaction, for code that wants one; it begins it if
// nothing did yet. Whoever asked must not end it: hooks run from the transaction's own
// Commit and Rollback. Without a transaction, or with one that isn't a *sql.Tx below,
// the error is gorm.ErrInvalidTransaction; after its end, sql.ErrTxDone.
func SQLTx(p gorm.ConnPool) (*sql.Tx, error) {
	p, _ = Unwrap(p)
	if pool, ok := p.(*Pool); ok {
		p, _ = Unwrap(pool.inner)
	}
	if tx, ok := p.(*Tx); ok && tx != nil {
		real, err := tx.open(tx.ctx)
		if err != nil {
			return nil, err
		}
		p, _ = Unwrap(real)
	}
	if tx, ok := p.(*sql.Tx); ok && tx != nil {
		return tx, nil
	}
	return nil, gorm.ErrInvalidTransaction
}
