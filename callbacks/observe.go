package callbacks

import (
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/keys"
	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
)

// watch tells the observer, and whoever asked for a report, about one statement. A nil
// watch costs nothing.
type watch struct {
	r        *Runtime
	stmt     *gorm.Statement
	event    config.QueryExecuted
	began    time.Time
	perShard map[string]time.Duration
	finished bool
	report   *reporting // nil if nobody asked
}

// watch begins to time a statement; nil without an observer and a report.
func (r *Runtime) watch(stmt *gorm.Statement, t *config.Table, op planner.Operation) *watch {
	if stmt.DB.DryRun {
		return nil
	}
	report := reportFor(stmt)
	if r.config.Observer == nil && report == nil {
		return nil
	}
	w := &watch{r: r, stmt: stmt, began: time.Now(), perShard: map[string]time.Duration{}, report: report}
	w.event.Entity, w.event.Operation = t.Name, op.String()
	if r.config.Observer == nil {
		return w
	}
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
	w.report.reset()
	if w.r.config.Observer == nil {
		return
	}
	w.r.config.Observer.ShardResolved(w.stmt.Context, config.ShardResolved{
		At: now.UTC(), Entity: w.event.Entity, Operation: w.event.Operation,
		Shards: w.event.Shards, Reason: w.event.Reason, CorrelationID: w.event.CorrelationID,
	})
}

// took notes the time of one shard's statement. Rows that are streamed may open a
// shard after the statement's event: the event is the observer's by then.
func (w *watch) took(shard string, d time.Duration) {
	if w == nil {
		return
	}
	if !w.finished {
		w.perShard[shard] += d
	}
	w.report.took(shard, d)
}

// affected notes the rows that one shard's statement wrote.
func (w *watch) affected(shard string, rows int64) {
	if w != nil && w.report != nil {
		*w.report.rowsOf(shard) += rows
	}
}

// count lets a shard's rows be counted as they are read, if somebody wants to know.
func (w *watch) count(s *shardSource) merge.Source {
	if w != nil && w.report != nil {
		s.rows = w.report.rowsOf(s.shard.ID)
	}
	return s
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
	w.finished = true
	w.report.fill(&w.event, p)
	if w.r.config.Observer != nil {
		w.r.config.Observer.QueryExecuted(w.stmt.Context, w.event)
	}
}

// closed brings the report up to date once rows that were streamed are closed.
func (w *watch) closed() {
	if w != nil && w.finished && w.report != nil {
		w.report.close(time.Since(w.began))
	}
}
