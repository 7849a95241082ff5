package resolver

import (
	"container/list"
	"context"
	"database/sql"
	"strings"
	"sync"

	"gorm.io/gorm"
)

// maxStatements is the default bound of a pool's prepared statements.
const maxStatements = 1000

// statements keeps prepared statements by their text, the one used longest ago last.
// Its lock is never held while anything waits for a connection, and nobody waits for a
// statement that another goroutine is preparing: so it can't deadlock a small pool.
type statements struct {
	limit int

	mu     sync.Mutex
	byText map[string]*list.Element // of *prepared
	order  list.List                // most recently used first
}

// prepared is one kept statement.
type prepared struct {
	text string
	// stmt is nil while it is being prepared.
	stmt *sql.Stmt
	// uses counts who may be calling stmt right now; a dropped statement is closed
	// when it falls to zero. Open rows needn't be counted: database/sql does.
	uses    int
	dropped bool
}

func newStatements(limit int) *statements {
	if limit <= 0 {
		limit = maxStatements
	}
	return &statements{limit: limit, byText: map[string]*list.Element{}}
}

// acquire gives the statement for a text, preparing it on the pool if it is new; the
// caller must release it. It is nil if another goroutine is preparing it, or if that
// failed: the caller then runs the text as it is, and gets the engine's own answer.
func (s *statements) acquire(ctx context.Context, pool gorm.ConnPool, text string) *prepared {
	s.mu.Lock()
	if e, known := s.byText[text]; known {
		p := s.use(e)
		s.mu.Unlock()
		return p
	}
	p := &prepared{text: text, uses: 1}
	s.byText[text] = s.order.PushFront(p)
	var idle *prepared
	if s.order.Len() > s.limit {
		idle = s.remove(s.order.Back())
	}
	s.mu.Unlock()
	if idle != nil {
		_ = idle.stmt.Close()
	}

	stmt, err := pool.PrepareContext(ctx, text)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		if !p.dropped {
			s.remove(s.byText[text])
		}
		return nil
	}
	p.stmt = stmt
	return p
}

// ready gives the statement for a text if it is there, without waiting for anything.
func (s *statements) ready(text string) *prepared {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, known := s.byText[text]; known {
		return s.use(e)
	}
	return nil
}

// clear drops all statements.
func (s *statements) clear() {
	var idle []*prepared
	s.mu.Lock()
	for _, e := range s.byText {
		if p := s.remove(e); p != nil {
			idle = append(idle, p)
		}
	}
	s.mu.Unlock()
	for _, p := range idle {
		_ = p.stmt.Close()
	}
}

// use counts one more user; the lock is held.
func (s *statements) use(e *list.Element) *prepared {
	p := e.Value.(*prepared)
	if p.stmt == nil {
		return nil
	}
	s.order.MoveToFront(e)
	p.uses++
	return p
}

// remove takes a statement out and gives it back if the caller is to close it, after
// unlocking; the lock is held.
func (s *statements) remove(e *list.Element) *prepared {
	p := s.order.Remove(e).(*prepared)
	delete(s.byText, p.text)
	p.dropped = true
	if p.uses == 0 && p.stmt != nil {
		return p
	}
	return nil
}

// release ends a use that answered err. It tells whether the statement had become
// unusable before it ran, so that the caller can run the text again.
func (s *statements) release(p *prepared, err error) (again bool) {
	again = err != nil && invalidated(err)
	s.mu.Lock()
	if again && !p.dropped {
		s.remove(s.byText[p.text])
	}
	p.uses--
	idle := p.dropped && p.uses == 0
	s.mu.Unlock()
	if idle {
		_ = p.stmt.Close()
	}
	return again
}

// changesSchema recognises DDL. It is never prepared, and drops what is: not every
// driver notices that a prepared statement has other columns now (seen: SQLite's C
// driver answers once more with those from before).
func changesSchema(statement string) bool {
	statement = strings.TrimLeft(statement, " \t\r\n")
	for _, verb := range [...]string{"ALTER", "CREATE", "DROP", "RENAME"} {
		if len(statement) > len(verb) && strings.EqualFold(statement[:len(verb)], verb) {
			return true
		}
	}
	return false
}

// invalidated recognises the errors by which an engine refuses, before running it, a
// prepared statement that no longer fits the schema or is gone from the connection.
func invalidated(err error) bool {
	text := err.Error()
	for _, refusal := range [...]string{
		"cached plan must not change result type", // PostgreSQL
		"needs to be re-prepared",                 // MySQL 1615
		"Unknown prepared statement handler",      // MySQL 1243
		"(SQLSTATE 26000)",                        // PostgreSQL behind a pooler
	} {
		if strings.Contains(text, refusal) {
			return true
		}
	}
	return false
}
