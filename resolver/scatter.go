package resolver

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"gorm.io/gorm"
)

// Scatter is one statement in each of several databases, on their pools, or, in a
// transaction, on its branches there. One statement is one snapshot; between databases
// there is none in common. Its methods may be called concurrently for different
// statements.
type Scatter struct {
	databases *Databases
	legs      []scatterLeg
}

// scatterLeg is the statement in one database.
type scatterLeg struct {
	id   string
	pool gorm.ConnPool
	core *poolCore // nil: not ours
	view *Pool     // chooses a replica; nil for the source
	held *sql.Conn // its connection, if it was taken before
	err  error     // it can't be sent
	// reserved is set as long as the leg may want a connection, or has one.
	reserved bool
}

// OpenScatter prepares a statement per database. A database that can't be opened fails
// its statement only. Close must be called.
func OpenScatter(pool gorm.ConnPool, databases []string) *Scatter {
	s := &Scatter{databases: databasesOf(pool), legs: make([]scatterLeg, len(databases))}
	for i, id := range databases {
		l := &s.legs[i]
		l.id = id
		if l.pool, l.err = On(pool, id); l.err != nil {
			continue
		}
		l.core = coreOf(l.pool)
		if inner, _ := Unwrap(l.pool); l.core != nil {
			if p, ok := inner.(*Pool); ok && p.mode >= onReplicas {
				l.view = p
			}
		}
	}
	return s
}

// Hold takes the connections of pools that are short of them, one after another and in
// one order for all statements of the process: who holds a connection and waits for
// another could otherwise wait for somebody who does the same the other way round. Where
// a pool has plenty it does nothing. A failure is that of the statement.
func (s *Scatter) Hold(ctx context.Context) {
	order := make([]int, len(s.legs))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return s.databases.position(s.legs[a].id) - s.databases.position(s.legs[b].id) })
	for _, i := range order {
		l := &s.legs[i]
		switch {
		case l.err != nil || l.core == nil:
		case l.view != nil:
			l.err = l.holdReplica(ctx)
		case l.short():
			l.err = l.hold(ctx)
		}
	}
}

// holdReplica takes the leg's connection on the server that is chosen for it, if that is
// short of them.
func (l *scatterLeg) holdReplica(ctx context.Context) error {
	k := l.view.pick()
	for {
		at, err := k.serve(ctx)
		if err != nil {
			return err
		}
		l.release()
		if l.core = at.poolCore; !l.short() {
			return nil
		}
		if err = l.hold(ctx); !k.passOn(ctx, at.poolCore, true, err) {
			return err
		}
	}
}

// position is a database's in the order of all.
func (d *Databases) position(id string) int {
	if d == nil || id == "" {
		return -1
	}
	return slices.Index(d.order, id)
}

// inOrder lists databases, each once, in the order of all.
func inOrder(pool gorm.ConnPool, ids []string) []string {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	all := databasesOf(pool)
	slices.SortFunc(ids, func(a, b string) int { return all.position(a) - all.position(b) })
	return ids
}

// databasesOf are those that a pool or transaction belongs to; nil if it isn't ours.
func databasesOf(pool gorm.ConnPool) *Databases {
	if core := coreOf(pool); core != nil {
		return core.databases
	}
	return nil
}

// coreOf is the pool below; nil if it isn't ours.
func coreOf(pool gorm.ConnPool) *poolCore {
	pool, _ = Unwrap(pool)
	switch p := pool.(type) {
	case *Pool:
		return p.poolCore
	case *Tx:
		if p.pool != nil {
			return p.pool.poolCore
		}
	}
	return nil
}

// short notes that the leg will want a connection, and tells whether the pool may be
// short of them: half of it must be left for others, who don't ask.
func (l *scatterLeg) short() bool {
	l.core.reserved.Add(1)
	l.reserved = true
	db, err := sqlDB(l.core.inner)
	if err != nil {
		return false
	}
	stats := db.Stats()
	return stats.MaxOpenConnections > 0 && int(l.core.reserved.Load())+stats.InUse > stats.MaxOpenConnections/2
}

// hold takes the leg's connection.
func (l *scatterLeg) hold(ctx context.Context) error {
	inner, _ := Unwrap(l.pool)
	if tx, ok := inner.(*Tx); ok {
		_, err := tx.open(ctx)
		return err
	}
	db, err := sqlDB(l.core.inner)
	if err != nil {
		return err
	}
	g, err := l.core.guard(ctx)
	if err != nil {
		return err
	}
	l.held, err = db.Conn(g.inner)
	return g.done(err, false)
}

// Err is why statement i can't be sent, or nil.
func (s *Scatter) Err(i int) error { return s.legs[i].err }

// Query sends statement i. The caller closes the rows, and then calls End.
func (s *Scatter) Query(ctx context.Context, i int, query string, args []any) (*sql.Rows, error) {
	l := &s.legs[i]
	switch {
	case l.err != nil:
		return nil, l.err
	case l.held == nil:
		return l.pool.QueryContext(ctx, query, args...)
	}
	g, err := l.core.guard(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := l.held.QueryContext(g.inner, query, args...)
	err = g.done(err, true)
	if l.view != nil && l.view.pick().passOn(ctx, l.core, true, err) {
		_ = l.held.Close()
		l.held = nil
		return l.pool.QueryContext(ctx, query, args...)
	}
	return rows, err
}

// Broke gives the error of rows that failed with err after they were opened under ctx, and
// tells the database's breaker.
func (s *Scatter) Broke(ctx context.Context, i int, err error) error {
	l := &s.legs[i]
	core := l.core
	if core == nil || ctx.Err() != nil {
		return err
	}
	if l.view != nil {
		if at, fault := l.view.pick().serve(ctx); fault == nil {
			core = at.poolCore
		}
	}
	if core.timeout > 0 && errors.Is(err, context.DeadlineExceeded) {
		err = &timeoutError{server: serverName(l.id, core.replica), timeout: core.timeout, cause: err}
	}
	if Lost(err) {
		core.breaker.leave(ctx, false, lost, err)
	}
	return err
}

// End gives statement i's connection back.
func (s *Scatter) End(i int) {
	l := &s.legs[i]
	l.release()
}

// release gives back what the leg has taken.
func (l *scatterLeg) release() {
	if l.held != nil {
		_ = l.held.Close()
		l.held = nil
	}
	if l.reserved {
		l.reserved = false
		l.core.reserved.Add(-1)
	}
}

// Close ends all statements whose rows are closed. A second call does nothing.
func (s *Scatter) Close() {
	for i := range s.legs {
		s.End(i)
	}
}
