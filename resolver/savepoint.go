package resolver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strings"
)

// pointVerb is what a statement does to a save point.
type pointVerb uint8

const (
	noPoint pointVerb = iota
	setPoint
	rollbackToPoint
	releasePoint
)

// savePoint recognises a statement that sets, returns to or releases a save point, in
// any engine's spelling, and gives the name as it compares in that dialect.
func savePoint(statement, dialect string) (verb pointVerb, name string) {
	if !mayBePoint(statement) {
		return noPoint, ""
	}
	w, ok := words(statement)
	if !ok || len(w) < 2 {
		return noPoint, ""
	}
	name = w[len(w)-1]
	for i, word := range w[:len(w)-1] {
		w[i] = strings.ToUpper(word)
	}
	switch strings.Join(w[:len(w)-1], " ") {
	case "SAVEPOINT", "SAVE TRANSACTION", "SAVE TRAN":
		verb = setPoint
	case "ROLLBACK TO", "ROLLBACK TO SAVEPOINT",
		"ROLLBACK TRANSACTION TO", "ROLLBACK TRANSACTION TO SAVEPOINT",
		"ROLLBACK WORK TO", "ROLLBACK WORK TO SAVEPOINT":
		verb = rollbackToPoint
	case "ROLLBACK TRANSACTION", "ROLLBACK TRAN":
		if dialect != "sqlserver" {
			return noPoint, ""
		}
		verb = rollbackToPoint
	case "RELEASE", "RELEASE SAVEPOINT":
		verb = releasePoint
	default:
		return noPoint, ""
	}
	return verb, pointName(name, dialect)
}

// pointName takes the quotes off a name and folds its case as the dialect does.
func pointName(name, dialect string) string {
	quoted := strings.ContainsRune("\"`[", rune(name[0]))
	if quoted {
		name = name[1 : len(name)-1]
	}
	if dialect == "sqlserver" || quoted && dialect == "postgres" {
		return name
	}
	return strings.ToLower(name)
}

// mayBePoint keeps the common statements cheap.
func mayBePoint(s string) bool {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ' ', '\t', '\n', '\r':
		case 's', 'S': // not SELECT, not SET
			return i+1 < len(s) && s[i+1]|0x20 == 'a'
		case 'r', 'R', '/', '-':
			return true
		default:
			return false
		}
	}
	return false
}

// maxWords is the most that a statement about save points has.
const maxWords = 5

// words splits a statement into words and quoted names, without comments and a closing
// semicolon. ok is false if it has anything else, or more than such a statement has.
func words(s string) (list []string, ok bool) {
	for {
		s = strings.TrimLeft(s, " \t\r\n")
		switch {
		case s == "":
			return list, true
		case s[0] == ';':
			return list, strings.Trim(s, "; \t\r\n") == ""
		case strings.HasPrefix(s, "/*"):
			_, rest, closed := strings.Cut(s[2:], "*/")
			if !closed {
				return nil, false
			}
			s = rest
			continue
		case strings.HasPrefix(s, "--"):
			_, s, _ = strings.Cut(s, "\n")
			continue
		case len(list) == maxWords:
			return nil, false
		}
		n := wordLength(s)
		if n == 0 {
			return nil, false
		}
		list, s = append(list, s[:n]), s[n:]
	}
}

// wordLength is the length of the word or quoted name that s starts with, or 0.
func wordLength(s string) int {
	if closing, quoted := map[byte]byte{'"': '"', '`': '`', '[': ']'}[s[0]]; quoted {
		if end := strings.IndexByte(s[1:], closing); end > 0 {
			return end + 2
		}
		return 0
	}
	for i := 0; i < len(s); i++ {
		b := s[i]
		word := b == '_' || b == '$' || b == '@' || b == '#' || b >= 0x80 ||
			'0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'z'
		if !word {
			return i
		}
	}
	return len(s)
}

// point carries out a statement about a save point. Before the real begin it is only
// recorded: begin repeats the points that are then in force.
func (c *txCore) point(ctx context.Context, verb pointVerb, name, statement string) (sql.Result, error) {
	result, hooks, err := c.main().follow(ctx, verb, savedPoint{name, statement, c.dialect})
	for _, f := range hooks { // without a lock: they may use the transaction
		f()
	}
	return result, err
}

func (c *txCore) follow(ctx context.Context, verb pointVerb, p savedPoint) (sql.Result, []func(), error) {
	c.saving.Lock()
	defer c.saving.Unlock()
	if err := c.pointOn(ctx, verb, p); err != nil {
		return nil, nil, err
	}
	c.mu.Lock()
	idle := !c.begun.Load() && !c.beginning && !c.done && c.beginErr == nil
	if idle && (verb == setPoint || c.journal.find(p.name) >= 0) {
		defer c.mu.Unlock()
		if err := c.ctx.Err(); err != nil {
			return nil, nil, err
		}
		return driver.RowsAffected(0), c.journal.follow(verb, p), nil
	}
	c.mu.Unlock()
	// An unknown name: the engine gives its own error for it.
	real, err := c.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	var result sql.Result = driver.RowsAffected(0)
	if statement := p.spelled(verb, c.dialect); statement != "" {
		if result, err = real.ExecContext(ctx, statement); err != nil {
			return nil, nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return result, c.journal.follow(verb, p), nil
}

// follow brings the journal after a statement that succeeded; it gives what is to run.
func (j *journal) follow(verb pointVerb, p savedPoint) []func() {
	i := j.find(p.name)
	switch {
	case verb == setPoint:
		j.entries = append(j.entries, entry{point: p})
	case verb == releasePoint && i >= 0:
		j.forgetPoints(i)
	case verb == rollbackToPoint && i >= 0:
		return j.undoTo(i + 1) // the point itself stays in force
	case verb == rollbackToPoint:
		return j.undoUnknown()
	}
	return nil
}
