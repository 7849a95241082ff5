package callbacks

import (
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// WithReport is a scope that fills report when the statement has run.
func WithReport(report *config.Report) func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB {
		return changeScope(db, func(s *scope) { s.report = report })
	}
}

// reporting collects what a report says.
type reporting struct {
	to    *config.Report
	mu    sync.Mutex // sessions open side by side
	times map[string]time.Duration
	sent  map[string]int
	rows  map[string]*int64
}

// reportFor is the report that the statement's own scope asks for; nil without one.
func reportFor(stmt *gorm.Statement) *reporting {
	sc, ok := loadScope(stmt)
	if !ok || sc.report == nil {
		return nil
	}
	*sc.report = config.Report{}
	r := &reporting{to: sc.report}
	r.reset()
	return r
}

func (r *reporting) reset() {
	if r != nil {
		r.times, r.sent, r.rows = map[string]time.Duration{}, map[string]int{}, map[string]*int64{}
	}
}

func (r *reporting) took(shard string, d time.Duration) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.times[shard] += d
	r.sent[shard]++
}

func (r *reporting) rowsOf(shard string) *int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, ok := r.rows[shard]
	if !ok {
		n = new(int64)
		r.rows[shard] = n
	}
	return n
}

// fill writes the report of a statement that has run.
func (r *reporting) fill(e *config.QueryExecuted, p *planner.Plan) {
	if r == nil {
		return
	}
	out := config.Report{
		Entity: e.Entity, Operation: e.Operation, Form: e.Form, Reason: e.Reason,
		Rows: e.Rows, Resolution: e.Resolution, Total: e.Total,
	}
	for _, id := range e.Shards {
		shard := config.ShardReport{Shard: id, Rows: -1, Time: e.PerShard[id]}
		if len(e.Shards) == 1 && e.Form == planner.One.String() {
			shard.Rows = e.Rows
		}
		out.Shards = append(out.Shards, shard)
	}
	if p != nil && len(r.sent) == 0 {
		out.Statements = len(p.Statements)
	}
	*r.to = out
	r.perShard()
}

// perShard brings what is known shard by shard up to date.
func (r *reporting) perShard() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.sent) > 0 {
		r.to.Statements = 0
	}
	for i := range r.to.Shards {
		s := &r.to.Shards[i]
		if len(r.sent) > 0 { // a shard that was never asked took no time
			s.Time = r.times[s.Shard]
			r.to.Statements += r.sent[s.Shard]
		}
		if n, ok := r.rows[s.Shard]; ok {
			s.Rows = *n
		} else if len(r.sent) > 0 && r.sent[s.Shard] == 0 {
			s.Rows = 0
		}
	}
}

// close completes the report of rows that were streamed.
func (r *reporting) close(total time.Duration) {
	r.to.Total = total
	r.perShard()
}
