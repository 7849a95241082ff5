package bank

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/faults"
	"github.com/go-dtde/dtde/resolver"
	"github.com/go-dtde/dtde/store"
)

// viaResolver is dtde's protocol below its models: the first server is the *gorm.DB's
// own database, the others are databases of their bank's name.
type viaResolver struct {
	at      at
	options resolverOptions
	pools   []*sql.DB
	pool    *resolver.Pool
	two     *resolver.TwoPhase
	ended   atomic.Int64
}

// resolverOptions switch parts of the protocol off, to see that the harness finds it.
type resolverOptions struct {
	decisions func(dialect string) resolver.Decisions
	// bestEffort commits one server after the other.
	bestEffort bool
}

func decisionsOf(dialect string) resolver.Decisions { return store.DecisionsFor(dialect) }

func withoutTombstones(dialect string) resolver.Decisions {
	return noTombstones{store.DecisionsFor(dialect)}
}

// noTombstones are decisions without a trace of what recovery rolls back.
type noTombstones struct{ store.Decisions }

func (noTombstones) Settle(ctx context.Context, home gorm.ConnPool, txid string) (committed bool, err error) {
	err = home.QueryRowContext(ctx, "SELECT COUNT(*) > 0 FROM dtde_decisions WHERE txid = $1", txid).Scan(&committed)
	return committed, err
}

func newViaResolver(dsns []string, at at, options resolverOptions) (*viaResolver, error) {
	v := &viaResolver{at: at, options: options}
	if at == nil {
		v.at = func(string) {}
	} else {
		faults.Set(at)
	}
	for _, dsn := range dsns {
		pool, err := sql.Open("pgx", dsn)
		if err != nil {
			return nil, err
		}
		pool.SetMaxIdleConns(8)
		v.pools = append(v.pools, pool)
	}
	var list []resolver.Database
	for i, pool := range v.pools[1:] {
		list = append(list, resolver.Database{ID: bankOf(i + 1), Open: func() (gorm.ConnPool, error) { return pool, nil }})
	}
	v.two = &resolver.TwoPhase{Cluster: "bank", Decisions: options.decisions, Event: v.event}
	opts := resolver.PoolOptions{Dialect: "postgres", Commit: v.two}
	opts.Databases = resolver.NewDatabases(opts, list...)
	v.two.Databases = opts.Databases
	var err error
	v.pool, err = resolver.NewPool(v.pools[0], opts)
	return v, err
}

func (v *viaResolver) close() {
	for _, pool := range v.pools {
		_ = pool.Close()
	}
}

func (v *viaResolver) event(_ context.Context, e config.TransactionEvent) {
	if e.Kind == config.TransactionRecovered || e.Kind == config.TransactionRolledBack {
		v.ended.Add(1)
	}
}

func (v *viaResolver) transfer(ctx context.Context, t transfer) error {
	v.at("begin")
	if v.options.bestEffort {
		ctx = resolver.WithBestEffort(ctx)
	}
	begun, err := v.pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	tx := begun.(*resolver.Tx)
	for _, l := range t.Legs {
		if err := v.work(ctx, tx, t, l); err != nil {
			_ = tx.Rollback()
			return err
		}
	}
	v.at("work done")
	err = tx.Commit()
	// A single writer's lost reply is as with one database: nobody asked.
	if errors.Is(err, config.ErrInDoubt) || err != nil && len(t.Legs) == 1 {
		return errors.Join(errInDoubt, err)
	}
	return err
}

func (v *viaResolver) work(ctx context.Context, tx *resolver.Tx, t transfer, l leg) error {
	id := ""
	if l.Server > 0 {
		id = bankOf(l.Server)
	}
	on, err := resolver.On(tx, id)
	if err != nil {
		return err
	}
	if _, err := on.ExecContext(ctx, "INSERT INTO "+table("legs", l.Server)+" (id, bank, account, delta, legs) VALUES ($1, $2, $3, $4, $5)",
		legID(t.ID, l.Server), bankOf(l.Server), l.Account, l.Delta, len(t.Legs)); err != nil {
		return err
	}
	_, err = on.ExecContext(ctx, "UPDATE "+table("accounts", l.Server)+" SET balance = balance + $1 WHERE id = $2", l.Delta, l.Account)
	return err
}

func (v *viaResolver) recover(ctx context.Context) (int, error) {
	before := v.ended.Load()
	left, err := v.two.Recover(ctx)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("%d left: %w", len(left), left[0].Err)
	}
	return int(v.ended.Load() - before), err
}
