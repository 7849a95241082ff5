package dtde

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/resolver"
)

// DatabaseHealth says how one database does.
type DatabaseHealth struct {
	// ID is the database's; "" is the *gorm.DB's own, which has no breaker.
	ID string
	// Replica is the number of its replica that this is about, from 1 in the order of the
	// settings; 0 is the database itself.
	Replica int
	// Resolved tells that it is a server of the program's own dbresolver, a replica or another
	// source. Such are known once a statement was sent there, and Replica numbers them in the
	// order of that.
	Resolved bool
	// Opened tells whether anything has needed it so far; only its breaker is known if not.
	Opened bool
	// Open and InUse count its connections.
	Open, InUse int
	// Answered is how long it took to answer; Err why it did not.
	Answered time.Duration
	Err      error
	// Breaker tells whether statements are sent to it.
	Breaker BreakerStatus
}

// Health asks every database and replica that was opened so far whether it answers, side by
// side: the servers of the program's dbresolver included, and also those that statements
// leave alone, which a good answer ends. The others are not dialled. ctx bounds it.
func (p *Plugin) Health(ctx context.Context) ([]DatabaseHealth, error) {
	if p.runtime == nil {
		return nil, fmt.Errorf("%w: call db.Use first", ErrConfig)
	}
	list := []DatabaseHealth{{Opened: true}}
	if p.opened != nil {
		opened := map[string]bool{}
		for _, id := range p.opened.Opened() {
			opened[id] = true
		}
		for _, id := range p.opened.IDs() {
			list = append(list, DatabaseHealth{ID: id, Opened: opened[id]})
		}
	}
	for _, h := range list {
		for i := range p.replicasOf(h.ID).Len() {
			list = append(list, DatabaseHealth{ID: h.ID, Replica: i + 1})
		}
	}
	chosen := p.servers.Chosen()
	for i := range chosen {
		list = append(list, DatabaseHealth{Replica: i + 1, Resolved: true})
	}
	_ = resolver.Each(context.WithoutCancel(ctx), len(list), len(list), func(_ context.Context, i int) error {
		if h := &list[i]; h.Resolved {
			h.askServer(ctx, chosen[h.Replica-1])
			return nil
		}
		if h := &list[i]; h.Replica > 0 {
			p.askReplica(ctx, h)
			return nil
		}
		if list[i].Opened {
			p.ask(ctx, &list[i])
		}
		list[i].Breaker = p.opened.Breaker(list[i].ID)
		return nil
	})
	return list, nil
}

// replicasOf are the replicas of a database that the settings have.
func (p *Plugin) replicasOf(id string) *resolver.Replicas {
	if id == "" {
		return p.replicas
	}
	return p.opened.Replicas(id)
}

// askReplica asks one replica, if it was opened.
func (p *Plugin) askReplica(ctx context.Context, h *DatabaseHealth) {
	of, at := p.replicasOf(h.ID), h.Replica-1
	began := time.Now()
	if of.State(at).Opened {
		h.Err = of.Ask(ctx, at)
		h.Answered = time.Since(began)
	}
	s := of.State(at)
	h.Opened, h.Open, h.InUse, h.Breaker = s.Opened, s.Open, s.InUse, s.Breaker
}

// askServer asks a server of dbresolver's.
func (h *DatabaseHealth) askServer(ctx context.Context, server *resolver.Pool) {
	began := time.Now()
	h.Err = server.Ask(ctx)
	h.Answered = time.Since(began)
	s := server.State()
	h.Opened, h.Open, h.InUse, h.Breaker = s.Opened, s.Open, s.InUse, s.Breaker
}

// ask asks one database.
func (p *Plugin) ask(ctx context.Context, h *DatabaseHealth) {
	began := time.Now()
	if h.ID == "" {
		var one int
		h.Err = p.db.ConnPool.QueryRowContext(ctx, "SELECT 1").Scan(&one)
	} else {
		h.Err = p.opened.Ask(ctx, h.ID)
	}
	h.Answered = time.Since(began)
	on, err := resolver.On(p.db.ConnPool, h.ID)
	if err != nil {
		return
	}
	if c, ok := on.(gorm.GetDBConnector); ok {
		if db, err := c.GetDBConn(); err == nil {
			h.Open, h.InUse = db.Stats().OpenConnections, db.Stats().InUse
		}
	}
}
