package resolver

import (
	"context"
	"database/sql"
	"sync"

	"gorm.io/gorm"
)

const (
	// keptQuestions bounds the questions that a pool keeps prepared, on each connection
	// that asked them: they are long.
	keptQuestions = 32
	// askedOnce bounds the texts that are remembered for having been asked once.
	askedOnce = 256
)

// questions are the texts that read sessions ask again and again, prepared from their third
// time on. It is for engines in the program's own process, which take as long to prepare a
// text about many shards as to answer it; between others and their drivers, statements are
// prepared as the program has set it up.
type questions struct {
	kept *statements

	mu     sync.Mutex
	once   map[string]bool
	wanted []string // asked twice
}

func newQuestions(dialect string) *questions {
	if dialect != "sqlite" {
		return nil
	}
	return &questions{kept: newStatements(keptQuestions), once: map[string]bool{}}
}

// asked notes a text that was not there prepared.
func (q *questions) asked(text string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case !q.once[text]:
		if len(q.once) >= askedOnce {
			clear(q.once)
		}
		q.once[text] = true
	case len(q.wanted) < keptQuestions:
		delete(q.once, text)
		q.wanted = append(q.wanted, text)
	}
}

// prepare prepares what was asked twice. The caller holds no connection yet: it waits for
// one as it would to begin.
func (q *questions) prepare(ctx context.Context, pool gorm.ConnPool) {
	q.mu.Lock()
	wanted := q.wanted
	q.wanted = nil
	q.mu.Unlock()
	for _, text := range wanted {
		if p := q.kept.acquire(ctx, pool, text); p != nil {
			q.kept.release(p, nil)
		}
	}
}

// AskLane is [Sessions.QueryLane] for a text that will be asked again and selects what it
// names, not `*`: it may stay prepared, and not every driver notices that a table has more
// columns since.
func (s *Sessions) AskLane(ctx context.Context, i int, query string, args []any) (*sql.Rows, error) {
	l, own := s.lanes[i].(lane)
	if !own || l.questions == nil {
		return s.QueryLane(ctx, i, query, args)
	}
	if p := l.questions.kept.ready(query); p != nil {
		rows, err := l.StmtContext(ctx, p.stmt).QueryContext(ctx, args...)
		if !l.questions.kept.release(p, err) {
			return rows, err
		}
	}
	l.questions.asked(query)
	return s.QueryLane(ctx, i, query, args)
}
