package resolver

import (
	"context"
	"database/sql"
	"errors"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
)

// Replicas are the servers that repeat what a database's own server, its source, does.
// They are safe for concurrent use.
type Replicas struct {
	policy config.ReplicaChooser
	list   []*replica
}

// replica is one of them. As a gorm.ConnPool it is what policies choose from.
type replica struct {
	*database
	source *poolCore
}

// NewReplicas lists the replicas of a database, each as d says but for Open; nothing is
// opened yet. It is nil without any. opts are those of their pools.
func NewReplicas(opts PoolOptions, d Database) *Replicas {
	if len(d.Replicas) == 0 {
		return nil
	}
	opts.Replicas = nil
	all := &Replicas{policy: policyOf(d.ReplicaPolicy, d.CustomPolicy)}
	for i, open := range d.Replicas {
		one := d
		one.Open, one.Replicas = open, nil
		breaker := newBreaker(d.ID, i+1, d.Breaker, d.Event)
		all.list = append(all.list, &replica{database: &database{Database: one, opts: opts, breaker: breaker, replica: i + 1}})
	}
	return all
}

// of ties the replicas to their source.
func (r *Replicas) of(source *poolCore) *Replicas {
	if r == nil {
		return nil
	}
	bound := &Replicas{policy: r.policy}
	for _, one := range r.list {
		bound.list = append(bound.list, &replica{one.database, source})
	}
	return bound
}

// serve gives the replica's pool, opening it if nobody did.
func (r *replica) serve() (*Pool, error) {
	pool, err := r.database.open()
	if err != nil {
		return nil, err
	}
	pool.of.Store(r.source)
	return pool, nil
}

// ready tells whether the breaker would let a statement through.
func (r *replica) ready() bool { return r.breaker.ready() }

// ReplicaState is how one replica stands.
type ReplicaState struct {
	// Opened tells whether anything has needed it so far.
	Opened bool
	// Open and InUse count its connections.
	Open, InUse int
	// Breaker tells whether statements are sent to it.
	Breaker BreakerStatus
}

// Len is the number of replicas.
func (r *Replicas) Len() int {
	if r == nil {
		return 0
	}
	return len(r.list)
}

// State tells how replica i, from 0, stands.
func (r *Replicas) State(i int) ReplicaState {
	one := r.list[i]
	s := ReplicaState{Breaker: one.breaker.status()}
	one.mu.Lock()
	pool := one.pool
	one.mu.Unlock()
	if pool == nil {
		return s
	}
	return pool.State()
}

// State tells how a pool that is open stands.
func (p *Pool) State() ReplicaState {
	s := ReplicaState{Breaker: p.breaker.status(), Opened: true}
	if db, err := p.GetDBConn(); err == nil {
		s.Open, s.InUse = db.Stats().OpenConnections, db.Stats().InUse
	}
	return s
}

// Ask asks replica i, from 0, whether it answers, as [Databases.Ask] does a database.
func (r *Replicas) Ask(ctx context.Context, i int) error { return r.list[i].ask(ctx) }

// Close closes the pools that were opened; the next use opens them again.
func (r *Replicas) Close() error {
	if r == nil {
		return nil
	}
	var faults []error
	for _, one := range r.list {
		faults = append(faults, one.close())
	}
	return errors.Join(faults...)
}

// InFlight counts the statements that are under way on the replica.
func (r *replica) InFlight() int {
	r.mu.Lock()
	pool := r.pool
	r.mu.Unlock()
	if pool == nil {
		return 0
	}
	return pool.InFlight()
}

// The methods of a gorm.ConnPool are for a program's own policy.

func (r *replica) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	p, err := r.serve()
	if err != nil {
		return nil, err
	}
	return p.PrepareContext(ctx, query)
}

func (r *replica) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	p, err := r.serve()
	if err != nil {
		return nil, err
	}
	return p.ExecContext(ctx, query, args...)
}

func (r *replica) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	p, err := r.serve()
	if err != nil {
		return nil, err
	}
	return p.QueryContext(ctx, query, args...)
}

func (r *replica) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	p, err := r.serve()
	if err != nil {
		return failedRow(err)
	}
	return p.QueryRowContext(ctx, query, args...)
}

// GetDBConn gives the *sql.DB below.
func (r *replica) GetDBConn() (*sql.DB, error) {
	p, err := r.serve()
	if err != nil {
		return nil, err
	}
	return p.GetDBConn()
}

var (
	_ gorm.ConnPool       = (*replica)(nil)
	_ gorm.GetDBConnector = (*replica)(nil)
)
