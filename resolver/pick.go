package resolver

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
)

// server is one that a read may go to.
type server interface {
	gorm.ConnPool
	serve() (*Pool, error)
	ready() bool
}

func (p *Pool) serve() (*Pool, error) { return p.plain, nil }
func (p *Pool) ready() bool           { return p.breaker.ready() }

// pick is the choice of one database's server for one read. Once a server has answered, it
// stays, so that all statements of the read see what it has.
type pick struct {
	source  *poolCore
	session *Session
	policy  config.ReplicaChooser // nil for one that is given

	mu       sync.Mutex
	servers  []server // those left to choose from
	at       *Pool
	answered bool
}

// serve gives the server, choosing it if that wasn't done.
func (k *pick) serve(ctx context.Context) (*Pool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.at != nil {
		return k.at, nil
	}
	at, err := k.choose(ctx)
	if err == nil {
		k.at = at
	}
	return at, err
}

// choose chooses among the servers that are left; the lock is held.
func (k *pick) choose(ctx context.Context) (*Pool, error) {
	k.servers = slices.DeleteFunc(k.servers, func(s server) bool { return !s.ready() })
	if len(k.servers) == 0 {
		return k.source.plain, nil
	}
	need, err := k.session.needs(ctx, k.source)
	if err != nil {
		return nil, err
	}
	if need.source {
		return k.source.plain, nil
	}
	var behind []*Pool
	for left := slices.Clone(k.servers); len(left) > 0; {
		i, err := k.byPolicy(left)
		if err != nil {
			return nil, err
		}
		pool, err := left[i].serve()
		left = slices.Delete(left, i, i+1)
		if err != nil {
			continue // its breaker has heard of it
		}
		switch how, err := pool.reaches(ctx, need.position); {
		case how == reached:
			return pool, nil
		case how == behindIt:
			behind = append(behind, pool)
		case ctx.Err() != nil:
			return nil, err
		case how == untold && time.Since(need.at) >= k.session.stick():
			return pool, nil
		}
	}
	return k.waitFor(ctx, behind, need)
}

// byPolicy chooses one of several servers.
func (k *pick) byPolicy(left []server) (int, error) {
	if len(left) == 1 || k.policy == nil {
		return 0, nil
	}
	pools := make([]gorm.ConnPool, len(left))
	for i := range left {
		pools[i] = left[i]
	}
	chosen := k.policy.Resolve(pools)
	for i := range pools {
		if pools[i] == chosen {
			return i, nil
		}
	}
	return 0, &config.ConfigError{Field: k.source.database, Problem: "the policy of its replicas chose a pool that it was not given"}
}

// waitFor waits until a server has reached what the session wrote, and gives the source if
// none does in time.
func (k *pick) waitFor(ctx context.Context, behind []*Pool, need need) (*Pool, error) {
	if len(behind) == 0 {
		return k.source.plain, nil
	}
	limit := k.session.settings.Wait
	for began := time.Now(); time.Since(began) < limit; {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(askEvery):
		}
		for _, pool := range behind {
			if how, _ := pool.reaches(ctx, need.position); how == reached {
				return pool, nil
			}
		}
	}
	if k.session.settings.Strict {
		return nil, &ReplicaBehindError{Database: k.source.database, Waited: limit}
	}
	return k.source.plain, nil
}

// askEvery is the pause between two questions to a replica how far it is.
const askEvery = 3 * time.Millisecond

// passOn tells whether the next server is to be asked after one that answered err, or
// didn't.
func (k *pick) passOn(ctx context.Context, on *poolCore, again bool, err error) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		k.answered = k.answered || k.at != nil && k.at.poolCore == on
		return false
	}
	gone := Lost(err)
	if gone {
		on.replayed.Store(0) // it may come back as another
	}
	unsent := errors.Is(err, config.ErrDatabaseDown)
	if on == k.source || ctx.Err() != nil || k.answered || !again && !unsent {
		return false
	}
	switch {
	case k.at == nil || k.at.poolCore != on: // another statement of the read came first
		return true
	case gone:
		k.servers = slices.DeleteFunc(k.servers, func(s server) bool {
			if one, ok := s.(*replica); ok {
				return one.breaker == on.breaker && one.database.replica == on.replica
			}
			return s.(*Pool).poolCore == on
		})
		k.at = nil
		return true
	case sourceKnows(err):
		k.at = k.source.plain
		return true
	}
	k.answered = true
	return false
}

// sourceKnows tells the errors of a replica to which its source may have a better answer:
// it was in the way of what it repeats, has not repeated that a table was made, or must not
// write.
func sourceKnows(err error) bool {
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		switch state.SQLState() {
		case "40001", "40P01", // conflict with recovery
			"42P01", "42703", "3F000", // no such table, column, schema
			"25006", // read-only transaction
			"0A000": // not on a standby
			return true
		}
		return false
	}
	for ; err != nil; err = errors.Unwrap(err) {
		switch mysqlNumber(err) {
		case 1146, 1054, // no such table, column
			1290, 1792: // read-only
			return true
		}
		if strings.HasPrefix(err.Error(), "no such ") { // SQLite's table, column
			return true
		}
	}
	return false
}
