package dtde

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/callbacks"
	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/migrator"
	"github.com/go-dtde/dtde/resolver"
	"github.com/go-dtde/dtde/store"
)

// databases prepares the databases beside db's own; nothing is dialled. Both results
// are nil if there are none.
func (p *Plugin) databases(db *gorm.DB, dialect string) (*resolver.Databases, *resolver.TwoPhase, error) {
	listed := p.config.Connectable(dialect)
	p.elsewhere = nil
	if !slices.ContainsFunc(listed, func(d *config.Database) bool { return !d.Own }) {
		return nil, nil, nil
	}
	var list []resolver.Database
	own := ""
	if d := p.own(dialect); d != nil {
		own = d.ID
	}
	commit := &resolver.TwoPhase{Cluster: p.config.Cluster, Decisions: func(dialect string) resolver.Decisions { return store.DecisionsFor(dialect) }}
	made := func(db *gorm.DB) error { return commit.Make(db.Statement.Context, db.Statement.ConnPool) }
	p.elsewhere = callbacks.NewElsewhere(own, made)
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
	if observer, ok := p.config.Observer.(config.TransactionObserver); ok {
		commit.Event = observer.TransactionEnded
	}
	options := resolver.PoolOptions{Dialect: dialect, PrepareStmt: db.PrepareStmt, Commit: commit}
	commit.Databases = resolver.NewDatabases(options, list...)
	p.elsewhere.Of(commit.Databases)
	return commit.Databases, commit, nil
}

// database is a database of the settings with its replicas.
func (p *Plugin) database(d *config.Database, db *gorm.DB) resolver.Database {
	out := resolver.Database{
		ID: d.ID, Timeout: d.Timeout, Breaker: d.Breaker,
		ReplicaPolicy: d.ReplicaPolicy, CustomPolicy: d.CustomPolicy,
	}
	if !d.Own {
		out.Dialect = d.Dialector.Name()
		out.Open = opener(d, d.Dialector, db, func(opened *gorm.DB) { p.elsewhere.Opened(d.ID, opened) })
	}
	if observer, ok := p.config.Observer.(config.DatabaseObserver); ok {
		out.Event = observer.DatabaseChanged
	}
	for _, r := range d.Replicas {
		out.Replicas = append(out.Replicas, opener(d, r, db, nil))
	}
	return out
}

// opener opens a pool with a database's settings; keep, if not nil, gets what GORM's Open
// gave.
func opener(d *config.Database, dialector gorm.Dialector, db *gorm.DB, keep func(*gorm.DB)) func() (gorm.ConnPool, error) {
	log, names := db.Logger, db.NamingStrategy
	return func() (gorm.ConnPool, error) {
		opened, err := gorm.Open(dialector, &gorm.Config{DisableAutomaticPing: true, Logger: log, NamingStrategy: names})
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
		inner := opened.ConnPool
		if keep != nil {
			keep(opened)
		}
		return inner, nil
	}
}

// OnDatabase gives a *gorm.DB of one of Config.Databases, of its own dialect, for the plain
// tables there: Create, Find, AutoMigrate, SQL text, associations. It has db's context, logger,
// clock and options, and models' hooks run; callbacks that the program registered on db don't.
// The database is opened when it is first needed. Given db in a transaction (db.Transaction,
// Begin, a save point, Transaction), what is done is part of it: rolled back with it, and
// committed with it, over several databases by two-phase commit, whose home this one is if it
// is of another engine than PostgreSQL and was written to.
//
//	err := db.Transaction(func(tx *gorm.DB) error {
//		if err := tx.Create(&order).Error; err != nil { // PostgreSQL, sharded
//			return err
//		}
//		return dtde.OnDatabase(tx, "ledger").Create(&Entry{Order: order.ID}).Error // MariaDB
//	})
//
// An unknown id, and a database that can't be opened, is an error of the result and of all that
// is tried on it. Models of Config.Entities are refused there (database-model), and so are
// subqueries of other databases (database-subquery); a subquery in SQL text is not seen. The
// id that the settings give the *gorm.DB's own database, and "", lead back to it. Given with a
// session of OnDatabase, it works alike.
func OnDatabase(db *gorm.DB, id string) *gorm.DB {
	var e *callbacks.Elsewhere
	switch p := db.Plugins["dtde"].(type) {
	case *Plugin:
		if p.runtime != nil {
			e = p.elsewhere
		}
	case *callbacks.Door:
		e = p.Elsewhere
	default:
		return callbacks.Failed(db, &ConfigError{Field: id, Problem: "OnDatabase needs dtde on this *gorm.DB: call db.Use first"})
	}
	if e == nil {
		return callbacks.Failed(db, &ConfigError{Field: id, Problem: "there is no database of this id in Config.Databases"})
	}
	return e.Session(db, id)
}

// hooks are the runtime's for migrations; they also make the tables of decisions.
func (p *Plugin) hooks(h migrator.Hooks, commit *resolver.TwoPhase) migrator.Hooks {
	if commit == nil {
		return h
	}
	tables := h.AfterTables
	h.AfterTables = func(ctx context.Context, db *gorm.DB, made []migrator.Made) error {
		if err := tables(ctx, db, made); err != nil {
			return err
		}
		var ids []string
		for _, m := range made {
			for _, s := range m.Shards {
				if !slices.Contains(ids, s.Database) {
					ids = append(ids, s.Database)
				}
			}
		}
		for _, id := range ids {
			on, err := resolver.On(db.Statement.ConnPool, id)
			if err == nil {
				err = commit.Make(ctx, on)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return h
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
		session := db.Session(&gorm.Session{NewDB: true, Context: db.Statement.Context}) // a statement of its own
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
