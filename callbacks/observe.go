package callbacks

import (
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/keys"
	"github.com/go-dtde/dtde/planner"
)

// watch tells the observer about one statement. A nil watch costs nothing.
type watch struct {
	r        *Runtime
	stmt     *gorm.Statement
	event    config.QueryExecuted
	began    time.Time
	perShard map[string]time.Duration
	finished bool
}

// watch begins to time a statement; nil without an observer.
func (r *Runtime) watch(stmt *gorm.Statement, t *config.Table, op planner.Operation) *watch {
	if r.config.Observer == nil || stmt.DB.DryRun {
		return nil
	}
	w := &watch{r: r, stmt: stmt, began: time.Now(), perShard: map[string]time.Duration{}}
	w.event.Entity, w.event.Operation = t.Name, op.String()
	if w.event.CorrelationID = config.CorrelationID(stmt.Context); w.event.CorrelationID == "" {
		if id, err := keys.UUIDv7(); err == nil { // without randomness there is no id, and still the event
			w.event.CorrelationID = id.String()
		}
	}
	return w
}

// resolved tells that the shards are chosen.
func (w *watch) resolved(p *planner.Plan) {
	if w == nil {
		return
	}
	now := time.Now()
	w.event.Resolution = now.Sub(w.began)
	w.event.Shards, w.event.Reason, w.event.Form = p.ShardIDs(), p.Reason.String(), p.Form.String()
	w.r.config.Observer.ShardResolved(w.stmt.Context, config.ShardResolved{
		At: now.UTC(), Entity: w.event.Entity, Operation: w.event.Operation,
		Shards: w.event.Shards, Reason: w.event.Reason, CorrelationID: w.event.CorrelationID,
	})
}

// took notes the time of one shard's statement.
func (w *watch) took(shard string, d time.Duration) {
	if w != nil {
		w.perShard[shard] += d
	}
}

// done tells how the statement went; p is nil if it was never planned.
func (w *watch) done(db *gorm.DB, p *planner.Plan) {
	if w == nil {
		return
	}
	now := time.Now()
	w.event.At, w.event.Total = now.UTC(), now.Sub(w.began)
	w.event.Rows, w.event.Err = db.RowsAffected, db.Error
	if p != nil && len(w.perShard) == 0 {
		for _, id := range w.event.Shards {
			w.perShard[id] = w.event.Total - w.event.Resolution
		}
	}
	w.event.PerShard = w.perShard
	w.r.config.Observer.QueryExecuted(w.stmt.Context, w.event)
}
