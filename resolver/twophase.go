package resolver

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/faults"
)

// TwoPhase makes a transaction that wrote in several databases atomic, by two-phase commit:
// the home database, one of those written to, holds the decision; the others are prepared
// first. All but the home must be PostgreSQL's. See docs/transactions-over-databases.md for
// the protocol.
type TwoPhase struct {
	// Cluster is the name that all processes of one program share, and that no other
	// program on the same servers has: ASCII letters, digits, underscores and hyphens.
	// "" draws one, which is kept in the *gorm.DB's own database.
	Cluster string
	// Decisions gives what reads and writes the decisions of a home database of this dialect.
	Decisions func(dialect string) Decisions
	// Event is told what happens to a transaction; nil for nobody.
	Event func(ctx context.Context, e config.TransactionEvent)
	// Databases are those that take part, for recovery.
	Databases *Databases
	// Within bounds each step of a commit: the check, PREPARE, the decision, and the
	// COMMIT of the home. 0 means 30 seconds.
	Within time.Duration

	mu    sync.Mutex
	drawn string
}

// cluster is the program's name.
func (t *TwoPhase) cluster(ctx context.Context) (string, error) {
	if t.Cluster != "" {
		return t.Cluster, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.drawn != "" {
		return t.drawn, nil
	}
	own, err := t.Databases.on("")
	if err == nil {
		err = t.ensure(ctx, own, nil)
	}
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, askWithin)
		defer cancel()
		t.drawn, err = t.decisions(own).Cluster(ctx, own.inner, newTxID()[:16])
	}
	return t.drawn, err
}

// Name draws the program's name now, unless it is given or drawn already. A *gorm.DB's own
// database with a single writer can't draw it beside a transaction that writes there.
func (t *TwoPhase) Name(ctx context.Context) error {
	_, err := t.cluster(ctx)
	return err
}

const (
	// maxGID is what PostgreSQL takes of a transaction's id, less its end.
	maxGID = 199
	// commitLimit bounds each step of a commit where nothing else is said; askWithin what
	// follows a lost reply, and a rollback.
	commitLimit, askWithin = 30 * time.Second, 5 * time.Second
	// answerWithin is how long after its beginning a commit may learn from a missing
	// decision that there was none: well before the deadline, until which it is kept.
	answerWithin = 30 * time.Minute
	// ownDatabase stands for the *gorm.DB's own in a gid; it can be no database's id.
	ownDatabase = "."
)

var errTooLate = errors.New("the reply to the commit was lost for so long that the decision may have been dropped")

// CheckCluster tells whether transaction ids with this cluster's name fit for all the
// databases; the error is a *config.ConfigError.
func CheckCluster(cluster string, databases []string) error {
	fault := func(problem string) error { return &config.ConfigError{Field: "Cluster", Problem: problem} }
	if cluster == "" {
		return fault("is empty")
	}
	for _, r := range cluster {
		if r > 127 || !strings.ContainsRune("_-", r) && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z') {
			return fault("may hold ASCII letters, digits, underscores and hyphens only")
		}
	}
	longest := ""
	for _, id := range databases {
		if len(id) > len(longest) {
			longest = id
		}
	}
	if n := len(gid{cluster, longest, newTxID(), longest}.String()); n > maxGID {
		return fault(fmt.Sprintf("makes transaction ids of %d bytes, at most %d are taken: shorten it or the databases' ids", n, maxGID))
	}
	return nil
}

// gid is the id of a prepared transaction.
type gid struct{ cluster, home, txid, database string }

func (g gid) String() string {
	return "dtde:" + g.cluster + ":" + g.home + ":" + g.txid + ":" + g.database
}

func parseGID(s string) (gid, bool) {
	p := strings.Split(s, ":")
	if len(p) != 5 || p[0] != "dtde" {
		return gid{}, false
	}
	return gid{p[1], p[2], p[3], p[4]}, true
}

func newTxID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func gidName(database string) string {
	if database == "" {
		return ownDatabase
	}
	return database
}

func databaseOf(name string) string {
	if name == ownDatabase {
		return ""
	}
	return name
}

// commitAll commits a transaction that has branches. decided tells that the database
// has committed, whatever the error says.
func (c *txCore) commitAll() (decided bool, err error) {
	c.endBranches()
	parts := c.participants()
	for _, b := range parts {
		if err := b.beginError(); err != nil {
			return false, err
		}
	}
	ctx := context.WithoutCancel(c.ctx)
	writers, err := c.writers(ctx, parts)
	if err != nil {
		return false, err
	}
	// Those that only read come first: SERIALIZABLE vouches for what was read at the
	// commit only, and after the decision it would be too late to find otherwise.
	for _, p := range parts {
		if slices.Contains(writers, p) {
			continue
		}
		if err := p.commitRead(); err != nil {
			return false, &DatabaseError{Database: p.database, Step: "commit what was read", Cause: err}
		}
	}
	switch {
	case len(writers) == 0:
	case len(writers) == 1:
		faults.At("before single commit")
		if err := writers[0].commitReal(); err != nil {
			return false, err
		}
	case bestEffort(c.ctx):
		if err := commitEach(writers); err != nil {
			return false, err
		}
	case c.pool.commit == nil:
		return false, refuse("commit-databases", "a transaction that wrote in several databases without a coordinator", "set Config.Cluster")
	default:
		ordered, err := homeFirst(writers)
		if err == nil {
			err = c.pool.commit.commit(ctx, ordered)
		}
		if err != nil {
			return false, err
		}
	}
	for _, p := range parts {
		if p != c {
			_ = p.rollbackReal() // it only read, or has ended
			p.free()
		}
	}
	if c.begun.Load() {
		_ = c.rollbackReal()
	}
	return true, nil
}

func (c *txCore) beginError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.beginErr
}

// writers finds the participants that have something to commit. PostgreSQL tells,
// which also shows a transaction that an ignored error has aborted; the home's clock comes
// along, to spare it a round trip.
func (c *txCore) writers(ctx context.Context, parts []*txCore) ([]*txCore, error) {
	ctx, cancel := context.WithTimeout(ctx, c.pool.commit.limit())
	defer cancel()
	writes := make([]bool, len(parts))
	if len(parts) == 1 {
		// Nothing to choose: a SELECT may have called a function that writes.
		return parts, nil
	}
	err := Each(ctx, len(parts), len(parts), func(ctx context.Context, i int) error {
		p := parts[i]
		if writes[i] = p.wrote.Load(); !prepares(p.dialect) {
			return nil
		}
		err := p.real.QueryRowContext(ctx, "SELECT pg_current_xact_id_if_assigned() IS NOT NULL, clock_timestamp()").Scan(&writes[i], &p.clock)
		if err != nil {
			return &DatabaseError{Database: p.database, Step: "check before commit", Cause: err}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var writers []*txCore
	for i, p := range parts {
		if writes[i] {
			writers = append(writers, p)
		}
	}
	return writers, nil
}

// commit is the protocol; the first of the writers is the home.
func (t *TwoPhase) commit(ctx context.Context, writers []*txCore) error {
	home, others := writers[0], writers[1:]
	tx, decisions := newTxID(), t.decisions(home.pool)
	if err := t.unbroken(ctx, home); err != nil {
		return err
	}
	if err := t.ensure(ctx, home.pool, home.real); err != nil {
		return err
	}
	cluster, err := t.cluster(ctx)
	if err != nil {
		return err
	}
	ids := make([]gid, len(others))
	names, participants := make([]string, len(others)), make([]string, len(others))
	for i, p := range others {
		ids[i] = gid{cluster, gidName(home.database), tx, gidName(p.database)}
		names[i], participants[i] = p.database, ids[i].String()
	}
	began := time.Now()
	deadline, err := decisions.Deadline(ctx, home.real, home.clock)
	if err != nil {
		return &DatabaseError{Database: home.database, Step: "decide", Cause: err}
	}
	faults.At("before prepare")
	if err := t.prepareAll(ctx, others, ids); err != nil {
		t.rollbackPrepared(ctx, others, ids)
		return err
	}
	faults.At("prepared")
	t.tell(ctx, config.TransactionPrepared, tx, names, nil)
	within, cancel := context.WithTimeout(ctx, t.limit())
	err = decisions.Decide(within, home.real, tx, participants, deadline)
	cancel()
	if err != nil {
		_ = home.rollbackReal()
		t.rollbackPrepared(ctx, others, ids)
		return &DatabaseError{Database: home.database, Step: "decide", Cause: err}
	}
	faults.At("decision written")
	if _, err := home.commitWithin(); err != nil {
		faults.At("reply lost")
		committed, asked := t.settle(ctx, home.database, tx)
		if asked == nil && !committed && time.Since(began) > answerWithin {
			// The decision may have been carried out by somebody else, and dropped.
			asked = errTooLate
		}
		switch {
		case asked != nil:
			t.tell(ctx, config.TransactionInDoubt, tx, append([]string{home.database}, names...), err)
			return &InDoubtError{Transaction: tx, Home: home.database, Cause: errors.Join(err, asked)}
		case !committed:
			t.rollbackPrepared(ctx, others, ids)
			return err
		}
	}
	faults.At("decided")
	t.finish(ctx, tx, others, ids)
	faults.At("finished")
	return nil
}

// prepareAll prepares the participants, side by side. The sessions' connections are free
// for other statements afterwards.
func (t *TwoPhase) prepareAll(ctx context.Context, others []*txCore, ids []gid) error {
	ctx, cancel := context.WithTimeout(ctx, t.limit())
	defer cancel()
	// Not cancelled by each other: a PREPARE that is cut off is one more in doubt.
	failed := make([]error, len(others))
	_ = Each(ctx, len(others), len(others), func(_ context.Context, i int) error {
		_, err := others[i].real.ExecContext(ctx, "PREPARE TRANSACTION '"+ids[i].String()+"'")
		faults.At(fmt.Sprintf("after prepare %d", i))
		if err != nil {
			failed[i] = &DatabaseError{Database: others[i].database, Step: "prepare", Cause: err, Hint: prepareHint(err)}
		}
		return nil
	})
	return errors.Join(failed...)
}

// prepareHint says what to do about a PREPARE that PostgreSQL declines.
func prepareHint(err error) string {
	text := err.Error()
	switch {
	case strings.Contains(text, "max_prepared_transactions"), strings.Contains(text, "prepared transactions are disabled"):
		return "set max_prepared_transactions on the server to at least its max_connections, and restart it"
	case strings.Contains(text, "temporary objects"), strings.Contains(text, "temporary namespace"):
		return "a transaction over several databases can't use temporary tables"
	case strings.Contains(text, "LISTEN"), strings.Contains(text, "NOTIFY"):
		return "a transaction over several databases can't use LISTEN, UNLISTEN or NOTIFY"
	}
	return ""
}

// rollbackPrepared ends what was, or may have been, prepared. What can't be reached is
// left to recovery, which finds no decision.
func (t *TwoPhase) rollbackPrepared(ctx context.Context, others []*txCore, ids []gid) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	_ = Each(ctx, len(others), len(others), func(_ context.Context, i int) error {
		_ = others[i].rollbackReal()
		_ = end(ctx, others[i].pool.inner, "ROLLBACK", ids[i])
		return nil
	})
}

// finish commits what is decided; what can't be reached is left to recovery.
func (t *TwoPhase) finish(ctx context.Context, tx string, others []*txCore, ids []gid) {
	within, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	failed := make([]error, len(others))
	_ = Each(within, len(others), len(others), func(_ context.Context, i int) error {
		faults.At(fmt.Sprintf("before commit prepared %d", i))
		failed[i] = end(within, others[i].real, "COMMIT", ids[i])
		_ = others[i].rollbackReal() // gives the connection back
		faults.At(fmt.Sprintf("after commit prepared %d", i))
		return nil
	})
	var pending []string
	for i, err := range failed {
		if err != nil {
			pending = append(pending, others[i].database)
		}
	}
	if len(pending) > 0 {
		t.tell(ctx, config.TransactionInDoubt, tx, pending, errors.Join(failed...))
		return
	}
	t.tell(ctx, config.TransactionCommitted, tx, nil, nil)
}

// end commits or rolls back a prepared transaction; one that isn't there has ended.
func end(ctx context.Context, on gorm.ConnPool, verb string, id gid) error {
	_, err := on.ExecContext(ctx, verb+" PREPARED '"+id.String()+"'")
	var state interface{ SQLState() string }
	if errors.As(err, &state) && state.SQLState() == "42704" { // undefined_object
		return nil
	}
	return err
}

func (t *TwoPhase) tell(ctx context.Context, kind config.TransactionEventKind, tx string, databases []string, err error) {
	if t.Event != nil {
		t.Event(ctx, config.TransactionEvent{At: time.Now().UTC(), Kind: kind, Transaction: tx, Databases: databases, Err: err})
	}
}
