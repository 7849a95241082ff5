package dtde

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/resolver"
	"github.com/go-dtde/dtde/store"
)

// databases prepares the databases beside db's own; nothing is dialled. Both results
// are nil if there are none.
func (p *Plugin) databases(db *gorm.DB, dialect string) (*resolver.Databases, *resolver.TwoPhase, error) {
	listed := p.config.Connectable(dialect)
	if !slices.ContainsFunc(listed, func(d *config.Database) bool { return !d.Own }) {
		return nil, nil, nil
	}
	var list []resolver.Database
	ids := make([]string, 0, len(listed))
	for _, d := range listed {
		ids = append(ids, d.ID)
		if !d.Own {
			list = append(list, p.database(d, db))
		}
	}
	if p.config.Cluster != "" {
		if err := resolver.CheckCluster(p.config.Cluster, ids); err != nil {
			return nil, nil, err
		}
	}
	commit := &resolver.TwoPhase{Cluster: p.config.Cluster, Decisions: store.Decisions{}}
	if observer, ok := p.config.Observer.(config.TransactionObserver); ok {
		commit.Event = observer.TransactionEnded
	}
	options := resolver.PoolOptions{Dialect: dialect, PrepareStmt: db.PrepareStmt, Commit: commit}
	commit.Databases = resolver.NewDatabases(options, list...)
	return commit.Databases, commit, nil
}

// database is a database of the settings with its replicas.
func (p *Plugin) database(d *config.Database, db *gorm.DB) resolver.Database {
	out := resolver.Database{
		ID: d.ID, Timeout: d.Timeout, Open: opener(d, d.Dialector, db.Logger), Breaker: d.Breaker,
		ReplicaPolicy: d.ReplicaPolicy, CustomPolicy: d.CustomPolicy,
	}
	if observer, ok := p.config.Observer.(config.DatabaseObserver); ok {
		out.Event = observer.DatabaseChanged
	}
	for _, r := range d.Replicas {
		out.Replicas = append(out.Replicas, opener(d, r, db.Logger))
	}
	return out
}

// opener opens a pool with a database's settings.
func opener(d *config.Database, dialector gorm.Dialector, log logger.Interface) func() (gorm.ConnPool, error) {
	return func() (gorm.ConnPool, error) {
		opened, err := gorm.Open(dialector, &gorm.Config{DisableAutomaticPing: true, Logger: log})
		if err != nil {
			return nil, err
		}
		pool, err := opened.DB()
		if err != nil {
			return nil, err
		}
		set := func(value int, to func(int)) {
			if value > 0 {
				to(value)
			}
		}
		set(d.Pool.MaxOpen, pool.SetMaxOpenConns)
		set(d.Pool.MaxIdle, pool.SetMaxIdleConns)
		if d.Pool.MaxLifetime > 0 {
			pool.SetConnMaxLifetime(d.Pool.MaxLifetime)
		}
		if d.Pool.MaxIdleTime > 0 {
			pool.SetConnMaxIdleTime(d.Pool.MaxIdleTime)
		}
		return opened.ConnPool, nil
	}
}

// perDatabase calls f for each database that has shards of an entity, with a session
// there and the entity as far as it lives there; with ownOnly, for the *gorm.DB's own
// database only.
func perDatabase(db *gorm.DB, pool gorm.ConnPool, t *config.Table, ownOnly bool, f func(db *gorm.DB, t *config.Table) error) error {
	ids := t.DatabaseIDs()
	if len(ids) == 1 && ids[0] == "" || len(ids) == 0 {
		return f(db, t)
	}
	if ownOnly {
		ids = slices.DeleteFunc(ids, func(id string) bool { return id != "" })
	}
	return resolver.Each(context.Background(), len(ids), len(ids), func(_ context.Context, i int) error {
		there, err := resolver.On(pool, ids[i])
		if err != nil {
			return err
		}
		there = resolver.ToSource(there, nil)
		part := *t
		part.Shards = nil
		for _, s := range t.Shards {
			if s.Database == ids[i] {
				part.Shards = append(part.Shards, s)
			}
		}
		session := db.Session(&gorm.Session{NewDB: true})
		session.Config.ConnPool, session.Statement.ConnPool = there, there
		if err := f(session, &part); err != nil && ids[i] != "" {
			return fmt.Errorf("database %q: %w", ids[i], err)
		} else if err != nil {
			return err
		}
		return nil
	})
}

// Pending is a prepared transaction that waits for its end in one database.
type Pending = resolver.Pending

// coordinator is what commits over several databases.
func (p *Plugin) coordinator() (*resolver.TwoPhase, error) {
	switch {
	case p.runtime == nil:
		return nil, fmt.Errorf("%w: call db.Use first", ErrConfig)
	case p.commit == nil:
		return nil, fmt.Errorf("%w: there is one database only; nothing can be in doubt", ErrConfig)
	}
	return p.commit, nil
}

// Recover ends the transactions over several databases that a crash left prepared, as
// their home database decided; where nothing was decided, they are rolled back, for
// good. It may be called at any time, in several processes at once: at the start of each
// process and every minute is a good habit. It lists what it had to leave, because a
// database can't be reached, and why.
func (p *Plugin) Recover(ctx context.Context) (left []Pending, err error) {
	c, err := p.coordinator()
	if err != nil {
		return nil, err
	}
	return c.Recover(ctx)
}

// InDoubt lists the transactions that are prepared in this program's name, those that
// are just being committed included. It changes nothing.
func (p *Plugin) InDoubt(ctx context.Context) ([]Pending, error) {
	c, err := p.coordinator()
	if err != nil {
		return nil, err
	}
	return c.InDoubt(ctx)
}

// ResolveInDoubt ends a transaction that Recover can't end, because its home database
// is gone for good, as the caller says, and leaves a trace in dtde_decisions. Other
// databases may have ended it otherwise.
func (p *Plugin) ResolveInDoubt(ctx context.Context, transaction string, commit bool) error {
	c, err := p.coordinator()
	if err != nil {
		return err
	}
	return c.Resolve(ctx, transaction, commit)
}

// BestEffort gives a context under which a transaction that wrote in several databases
// without two-phase commit commits one after the other. If one fails, those before it
// stay committed: the error is a *PartialCommitError that says which.
func BestEffort(ctx context.Context) context.Context { return resolver.WithBestEffort(ctx) }

// Close closes the pools of the databases that dtde opened; the *gorm.DB's own stays
// open. The next use of a shard opens its database again.
func (p *Plugin) Close() error {
	var err error
	if p.opened != nil {
		err = p.opened.Close()
	}
	return errors.Join(err, p.replicas.Close())
}
