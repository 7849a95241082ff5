package resolver

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
)

// Database is one of the databases beside the *gorm.DB's own.
type Database struct {
	// ID names it.
	ID string
	// Dialect is its dialector's name; "" means that of the *gorm.DB's own.
	Dialect string
	// Open gives its pool. It is called when the database is first needed, and again if
	// that failed.
	Open func() (gorm.ConnPool, error)
	// Timeout bounds each statement, its rows included; 0 means none.
	Timeout time.Duration
	// Breaker says when it is left alone; the zero value never does. Event is told of it;
	// nil for nobody.
	Breaker config.BreakerSettings
	Event   func(ctx context.Context, e config.DatabaseEvent)
	// Replicas give the pools of its replicas, as Open does. Timeout and Breaker are each
	// replica's, too. ReplicaPolicy, or CustomPolicy if not nil, chooses among them.
	Replicas      []func() (gorm.ConnPool, error)
	ReplicaPolicy config.ReplicaPolicy
	CustomPolicy  config.ReplicaChooser
}

// Databases are the databases beside the *gorm.DB's own, each opened when it is first
// needed. They are safe for concurrent use.
type Databases struct {
	own   *Pool // the *gorm.DB's
	order []string
	byID  map[string]*database
	// prepares tells that one of them, or the *gorm.DB's own, has two-phase commit.
	prepares bool
}

type database struct {
	Database
	opts     PoolOptions
	breaker  *Breaker
	replica  int // its number, from 1; 0 for the source
	replicas *Replicas

	mu   sync.Mutex
	pool *Pool
}

// NewDatabases lists databases, whose ids must differ; nothing is opened yet. opts are
// those of every pool.
func NewDatabases(opts PoolOptions, list ...Database) *Databases {
	all := &Databases{byID: make(map[string]*database, len(list)), prepares: prepares(opts.Dialect)}
	opts.Databases = all
	for _, d := range list {
		opts := opts
		if d.Dialect != "" {
			opts.Dialect = d.Dialect
		}
		all.prepares = all.prepares || prepares(opts.Dialect)
		all.order = append(all.order, d.ID)
		all.byID[d.ID] = &database{
			Database: d, opts: opts, breaker: newBreaker(d.ID, 0, d.Breaker, d.Event), replicas: NewReplicas(opts, d),
		}
	}
	return all
}

// pool gives a database's pool, opening it if nobody did.
func (d *Databases) pool(id string) (*Pool, error) {
	var db *database
	if d != nil {
		db = d.byID[id]
	}
	if db == nil {
		return nil, &config.ConfigError{Field: id, Problem: "there is no database of this id in Config.Databases"}
	}
	return db.open()
}

// open gives the pool, making it if nobody did.
func (db *database) open() (*Pool, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.pool != nil {
		return db.pool, nil
	}
	turn, err := db.breaker.enter()
	if err != nil {
		return nil, err
	}
	inner, err := db.Open() // drivers for MySQL ask for its version
	if err != nil {
		db.breaker.leave(context.Background(), turn, tells(err), err)
		return nil, &DatabaseError{Database: db.ID, Step: "open", Cause: err}
	}
	db.breaker.leave(context.Background(), turn, silent, nil)
	pool, err := NewPool(inner, db.opts)
	if err != nil {
		return nil, err
	}
	pool.database, pool.timeout, pool.breaker, pool.replica = db.ID, db.Timeout, db.breaker, db.replica
	pool.replicas = db.replicas.of(pool.poolCore)
	db.pool = pool
	return pool, nil
}

// Opened lists the databases that were opened so far, in the order of NewDatabases.
func (d *Databases) Opened() []string {
	var ids []string
	for _, id := range d.order {
		db := d.byID[id]
		db.mu.Lock()
		if db.pool != nil {
			ids = append(ids, id)
		}
		db.mu.Unlock()
	}
	return ids
}

// Breaker tells how a database stands with its breaker.
func (d *Databases) Breaker(id string) BreakerStatus {
	if d != nil && d.byID[id] != nil {
		return d.byID[id].breaker.status()
	}
	return (*Breaker)(nil).status()
}

// Replicas gives the replicas of a database; nil if it has none.
func (d *Databases) Replicas(id string) *Replicas {
	if d != nil && d.byID[id] != nil {
		return d.byID[id].replicas
	}
	return nil
}

// Ask asks a database whether it answers. It is sent whatever the
// breaker says, which hears of a good answer.
func (d *Databases) Ask(ctx context.Context, id string) error {
	if id == "" && d.own != nil {
		return d.own.Ask(ctx)
	}
	if d.byID[id] == nil {
		_, err := d.pool(id)
		return err
	}
	return d.byID[id].ask(ctx)
}

func (db *database) ask(ctx context.Context) error {
	pool, err := db.open()
	if err != nil {
		return err
	}
	return pool.Ask(ctx)
}

// Ask asks the database whether it answers, whatever the breaker says, which hears of a good
// answer.
func (p *Pool) Ask(ctx context.Context) error {
	var one int
	if err := p.inner.QueryRowContext(ctx, "SELECT 1").Scan(&one); err != nil {
		return err
	}
	p.breaker.healed(ctx)
	return nil
}

// IDs lists all databases, in the order of NewDatabases.
func (d *Databases) IDs() []string { return d.order }

// Close closes the pools that were opened; the next use opens them again.
func (d *Databases) Close() error {
	var faults []error
	for _, id := range d.order {
		faults = append(faults, d.byID[id].close(), d.byID[id].replicas.Close())
	}
	return errors.Join(faults...)
}

// close closes the pool, if it was opened.
func (db *database) close() (err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.pool != nil {
		if c, ok := db.pool.inner.(io.Closer); ok {
			err = c.Close()
		}
		db.pool = nil
	}
	return err
}

// On gives the pool of another database than p's, or, inside a transaction, its branch
// on that database, which begins with its first statement. "" is the *gorm.DB's own.
// Statements on it are prepared if those on p are. Connections that aren't dtde's, such
// as a *sql.Conn, are of one database: any other is refused with ErrUnsupported.
func On(p gorm.ConnPool, id string) (gorm.ConnPool, error) {
	inner, prepared := Unwrap(p)
	switch c := inner.(type) {
	case *Pool:
		if c.database == id {
			return p, nil
		}
		if !isPool(c.inner) {
			break
		}
		other, err := c.databases.on(id)
		if err != nil {
			return nil, err
		}
		if prepared || c.prepares {
			other = other.Prepared()
		}
		return other.like(c), nil
	case *Tx:
		if c.database == id {
			return p, nil
		}
		return c.on(id, prepared)
	}
	if id == "" {
		return p, nil
	}
	return nil, refuse("foreign-connection", "a statement in another database on a connection that isn't dtde's",
		"use the *gorm.DB that dtde is used on, or a transaction of it")
}

// DatabaseOf is the id of the database that p is of; "" is the *gorm.DB's own, and that
// of every connection that isn't dtde's.
func DatabaseOf(p gorm.ConnPool) string {
	p, _ = Unwrap(p)
	switch c := p.(type) {
	case *Pool:
		return c.database
	case *Tx:
		return c.database
	}
	return ""
}

// Dialect is the engine of a database, "" the *gorm.DB's own; nothing is opened for it.
func (d *Databases) Dialect(id string) string {
	if db := d.byID[id]; db != nil {
		return db.opts.Dialect
	}
	if d.own != nil {
		return d.own.dialect
	}
	return ""
}

// Prepare tells whether one of the databases has two-phase commit.
func (d *Databases) Prepare() bool { return d.prepares }

// on is pool, where "" leads back to the *gorm.DB's own.
func (d *Databases) on(id string) (*Pool, error) {
	if id == "" && d != nil && d.own != nil {
		return d.own, nil
	}
	return d.pool(id)
}
