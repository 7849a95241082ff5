package resolver

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-dtde/dtde/config"
)

// Session has reads see what writes before them wrote (read your writes). It knows, per
// database, when it was written to and, where the engine tells, up to which position. It
// is safe for concurrent use.
type Session struct {
	settings config.ReadYourWrites

	mu     sync.Mutex
	writes map[string]*written
}

// written is what a session knows of its writes to one database.
type written struct {
	at       time.Time
	writes   int
	placed   int // of the writes, how many position covers
	position uint64
	blind    bool // a write's server is not the one that tells positions
}

// sessions tells that there was ever a session in this process. Before that there is nothing
// to look for in contexts.
var sessions atomic.Bool

type sessionKey struct{}

// WithSession begins a session for statements under the context.
func WithSession(ctx context.Context, s config.ReadYourWrites) context.Context {
	sessions.Store(true)
	return context.WithValue(ctx, sessionKey{}, &Session{settings: s.WithDefaults(), writes: map[string]*written{}})
}

func sessionOf(ctx context.Context) *Session {
	if !sessions.Load() {
		return nil
	}
	s, _ := ctx.Value(sessionKey{}).(*Session)
	return s
}

// stick is how long after a write the source is read.
func (s *Session) stick() time.Duration {
	if s == nil {
		return 0
	}
	return s.settings.Stick
}

// note notes that a database was, or may have been, written to; blind that it was on a server
// whose positions nobody can be asked for.
func (s *Session) note(database string, blind bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.writes[database]
	if w == nil {
		w = &written{}
		s.writes[database] = w
	}
	w.at, w.writes, w.blind = time.Now(), w.writes+1, w.blind || blind
}

// wroteFor notes a write on the pool for the context's session.
func (p *poolCore) wroteFor(ctx context.Context) {
	if s := sessionOf(ctx); s != nil {
		s.note(p.database, p.of.Load() != nil)
	}
}

// mayWrite tells everything but a plain SELECT.
func mayWrite(query string) bool {
	return !(len(query) > 6 && strings.EqualFold(query[:6], "SELECT"))
}

// need is what a replica must have for a session's read.
type need struct {
	source   bool // none will do
	position uint64
	at       time.Time // of the last write
}

// needs says what a read of a database needs to see the session's writes.
func (s *Session) needs(ctx context.Context, source *poolCore) (need, error) {
	if s == nil {
		return need{}, nil
	}
	s.mu.Lock()
	w := s.writes[source.database]
	if w == nil {
		s.mu.Unlock()
		return need{}, nil
	}
	now := *w
	s.mu.Unlock()
	if now.blind || source.dialect != "postgres" {
		return need{source: time.Since(now.at) < s.settings.Stick, at: now.at}, nil
	}
	if now.placed == now.writes {
		return need{position: now.position, at: now.at}, nil
	}
	position, err := source.writtenTo(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return need{}, err
		}
		return need{source: true}, nil
	}
	s.mu.Lock()
	if now.writes > w.placed {
		w.placed, w.position = now.writes, max(w.position, position)
	}
	s.mu.Unlock()
	return need{position: position, at: now.at}, nil
}

// writtenTo asks a PostgreSQL source for the position behind everything that was committed:
// that of insertion, since a commit without synchronous_commit is not yet written.
func (p *poolCore) writtenTo(ctx context.Context) (uint64, error) {
	var position int64
	err := p.plain.QueryRowContext(ctx, "SELECT CAST(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS bigint)").Scan(&position)
	return uint64(position), err //nolint:gosec // never negative
}

// reach is how a replica stands to a position.
type reach uint8

const (
	unasked  reach = iota // it did not answer
	reached               // it has it
	behindIt              // it has not
	untold                // it repeats in another way than by positions
)

// reaches asks a replica whether it has repeated everything up to a position; 0 is nothing.
func (p *poolCore) reaches(ctx context.Context, position uint64) (reach, error) {
	if position == 0 || p.replayed.Load() >= position {
		return reached, nil
	}
	var at sql.NullInt64
	err := p.plain.QueryRowContext(ctx, "SELECT CAST(pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0') AS bigint)").Scan(&at)
	switch {
	case err != nil:
		return unasked, err
	case !at.Valid:
		return untold, nil
	}
	now := uint64(at.Int64) //nolint:gosec // never negative
	for known := p.replayed.Load(); known < now && !p.replayed.CompareAndSwap(known, now); known = p.replayed.Load() {
	}
	if now >= position {
		return reached, nil
	}
	return behindIt, nil
}

// ReplicaBehindError is a strict session's read that found no replica which has repeated what
// the session wrote.
type ReplicaBehindError struct {
	// Database is its id; "" is the *gorm.DB's own.
	Database string
	// Waited is how long was waited for one.
	Waited time.Duration
}

// Error names the database.
func (e *ReplicaBehindError) Error() string {
	return fmt.Sprintf("dtde: no replica of %s has, after %v, what this session wrote; wait longer, or let it read the source",
		serverName(e.Database, 0), e.Waited)
}

// Is matches config.ErrReplicaBehind and config.Err.
func (e *ReplicaBehindError) Is(target error) bool {
	return target == config.ErrReplicaBehind || target == config.Err
}
