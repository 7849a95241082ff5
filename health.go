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

// Health asks every database that was opened so far whether it answers, side by side,
// also those that statements leave alone: a good answer ends that. The others are not
// dialled. ctx bounds it.
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
	_ = resolver.Each(context.WithoutCancel(ctx), len(list), len(list), func(_ context.Context, i int) error {
		if list[i].Opened {
			p.ask(ctx, &list[i])
		}
		list[i].Breaker = p.opened.Breaker(list[i].ID)
		return nil
	})
	return list, nil
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
