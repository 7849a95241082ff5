package bank

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// handOptions break the protocol on purpose.
type handOptions struct {
	// tombstones has recovery write down that it rolls back, so that the coordinator
	// can't decide otherwise afterwards.
	tombstones bool
	// trustsErrors takes an error of COMMIT for its failure, without asking.
	trustsErrors bool
	// shardByShard commits one server after the other.
	shardByShard bool
}

// hand is the protocol of two-phase commit written by hand over database/sql.
type hand struct {
	options handOptions
	pools   []*sql.DB
	at      at
}

// The decisions of a home database.
var handSchema = []string{
	`CREATE TABLE hand_decisions (txid TEXT PRIMARY KEY, outcome TEXT NOT NULL, participants TEXT NOT NULL)`,
}

// replyWait bounds what must be tried after a transfer's own context is of no use.
const replyWait = 5 * time.Second

func newHand(dsns []string, at at, options handOptions) (*hand, error) {
	h := &hand{options: options, at: at}
	if at == nil {
		h.at = func(string) {}
	}
	for _, dsn := range dsns {
		pool, err := sql.Open("pgx", dsn)
		if err != nil {
			return nil, err
		}
		pool.SetMaxIdleConns(8)
		h.pools = append(h.pools, pool)
	}
	return h, nil
}

func (h *hand) close() {
	for _, pool := range h.pools {
		_ = pool.Close()
	}
}

// branch is a transfer's transaction on one server, on a connection of its own.
type branch struct {
	server int
	conn   *sql.Conn
	gid    string
	// prepared is set once PREPARE was sent.
	prepared bool
}

func (b *branch) exec(ctx context.Context, query string, args ...any) error {
	_, err := b.conn.ExecContext(ctx, query, args...)
	return err
}

func (h *hand) transfer(ctx context.Context, t transfer) error {
	txid := randomID()
	var branches []*branch
	defer func() {
		for _, b := range branches {
			_ = b.conn.Close()
		}
	}()
	h.at("begin")
	for _, l := range t.Legs {
		b := &branch{server: l.Server, gid: handGID(t.Legs[0].Server, txid, l.Server)}
		var err error
		if b.conn, err = h.pools[l.Server].Conn(ctx); err == nil {
			branches = append(branches, b)
			err = h.work(ctx, b, t, l)
		}
		if err != nil {
			h.abort(branches)
			return err
		}
	}
	h.at("work done")
	switch {
	case h.options.shardByShard:
		return h.commitEach(ctx, branches)
	case len(branches) == 1:
		return h.commitOne(ctx, branches[0])
	}
	return h.commit(ctx, txid, branches)
}

func (h *hand) work(ctx context.Context, b *branch, t transfer, l leg) error {
	if err := b.exec(ctx, "BEGIN"); err != nil {
		return err
	}
	if err := b.exec(ctx, "INSERT INTO "+table("legs", l.Server)+" (id, bank, account, delta, legs) VALUES ($1, $2, $3, $4, $5)",
		legID(t.ID, l.Server), bankOf(l.Server), l.Account, l.Delta, len(t.Legs)); err != nil {
		return err
	}
	return b.exec(ctx, "UPDATE "+table("accounts", l.Server)+" SET balance = balance + $1 WHERE id = $2", l.Delta, l.Account)
}

// abort rolls back what has not been decided. What can't be reached is left to
// recovery, which finds no decision.
func (h *hand) abort(branches []*branch) {
	ctx, cancel := context.WithTimeout(context.Background(), replyWait)
	defer cancel()
	for _, b := range branches {
		if b.prepared {
			if b.exec(ctx, "ROLLBACK PREPARED '"+b.gid+"'") == nil {
				continue
			}
		}
		if b.exec(ctx, "ROLLBACK") != nil { // a transaction may be open on it
			_ = b.conn.Raw(func(any) error { return driver.ErrBadConn })
		}
	}
}

// commitOne is the end of a transfer that has one server.
func (h *hand) commitOne(ctx context.Context, b *branch) error {
	h.at("before commit")
	if err := b.exec(ctx, "COMMIT"); err != nil {
		return errors.Join(errInDoubt, err)
	}
	return nil
}

// commitEach is the broken protocol: after the first commit nothing can be undone.
func (h *hand) commitEach(ctx context.Context, branches []*branch) error {
	for i, b := range branches {
		h.at(fmt.Sprintf("before commit %d", i))
		if err := b.exec(ctx, "COMMIT"); err != nil {
			h.abort(branches[i:])
			return errors.Join(errInDoubt, err)
		}
		h.at(fmt.Sprintf("after commit %d", i))
	}
	return nil
}

// commit is two-phase commit; the first branch is the home.
func (h *hand) commit(ctx context.Context, txid string, branches []*branch) error {
	home, others := branches[0], branches[1:]
	h.at("before prepare")
	if err := h.prepare(ctx, others); err != nil {
		h.abort(branches)
		return err
	}
	h.at("prepared")
	gids := make([]string, len(others))
	for i, b := range others {
		gids[i] = b.gid
	}
	if err := home.exec(ctx, "INSERT INTO hand_decisions (txid, outcome, participants) VALUES ($1, 'committed', $2)", txid, strings.Join(gids, " ")); err != nil {
		h.abort(branches)
		return err
	}
	h.at("decision written")
	if err := home.exec(ctx, "COMMIT"); err != nil {
		_ = home.conn.Raw(func(any) error { return driver.ErrBadConn })
		h.at("reply lost")
		if h.options.trustsErrors {
			h.abort(others)
			return err
		}
		switch outcome, asked := h.settle(home.server, txid); {
		case asked != nil:
			return errors.Join(errInDoubt, err)
		case outcome != "committed":
			h.abort(others)
			return err
		}
	}
	h.at("decided")
	h.finish(others)
	h.at("finished")
	return nil
}

// prepare asks each participant whether its transaction is sound and then prepares
// it, on all side by side.
func (h *hand) prepare(ctx context.Context, others []*branch) error {
	faults := make([]error, len(others))
	var group sync.WaitGroup
	for i, b := range others {
		group.Go(func() {
			if faults[i] = b.exec(ctx, "SELECT 1"); faults[i] != nil {
				return
			}
			b.prepared = true
			faults[i] = b.exec(ctx, "PREPARE TRANSACTION '"+b.gid+"'")
			h.at(fmt.Sprintf("after prepare %d", i))
		})
	}
	group.Wait()
	return errors.Join(faults...)
}

// finish commits what is decided; what can't be reached is left to recovery.
func (h *hand) finish(others []*branch) {
	ctx, cancel := context.WithTimeout(context.Background(), replyWait)
	defer cancel()
	var group sync.WaitGroup
	for i, b := range others {
		group.Go(func() {
			h.at(fmt.Sprintf("before commit prepared %d", i))
			if b.exec(ctx, "COMMIT PREPARED '"+b.gid+"'") != nil {
				_ = b.conn.Raw(func(any) error { return driver.ErrBadConn })
			}
			h.at(fmt.Sprintf("after commit prepared %d", i))
		})
	}
	group.Wait()
}

// settle asks the home what was decided, and decides for an end where nothing was.
func (h *hand) settle(home int, txid string) (outcome string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), replyWait)
	defer cancel()
	if h.options.tombstones {
		if _, err := h.pools[home].ExecContext(ctx, "INSERT INTO hand_decisions (txid, outcome, participants) VALUES ($1, 'aborted', '') ON CONFLICT DO NOTHING", txid); err != nil {
			return "", err
		}
	}
	err = h.pools[home].QueryRowContext(ctx, "SELECT outcome FROM hand_decisions WHERE txid = $1", txid).Scan(&outcome)
	if errors.Is(err, sql.ErrNoRows) {
		return "aborted", nil
	}
	return outcome, err
}

func (h *hand) recover(ctx context.Context) (ended int, err error) {
	for server, pool := range h.pools {
		n, fault := h.recoverOn(ctx, server, pool)
		ended += n
		err = errors.Join(err, fault)
	}
	return ended, err
}

func (h *hand) recoverOn(ctx context.Context, server int, pool *sql.DB) (ended int, err error) {
	rows, err := pool.QueryContext(ctx, "SELECT gid FROM pg_prepared_xacts WHERE database = current_database() AND gid LIKE 'hand:%'")
	if err != nil {
		return 0, err
	}
	var gids []string
	for rows.Next() {
		var gid string
		if err := rows.Scan(&gid); err != nil {
			_ = rows.Close()
			return 0, err
		}
		gids = append(gids, gid)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return 0, err
	}
	for _, gid := range gids {
		home, txid, ok := readHandGID(gid)
		if !ok {
			continue
		}
		outcome, asked := h.settle(home, txid)
		if asked != nil {
			err = errors.Join(err, asked)
			continue
		}
		verb := "ROLLBACK PREPARED '"
		if outcome == "committed" {
			verb = "COMMIT PREPARED '"
		}
		if _, fault := pool.ExecContext(ctx, verb+gid+"'"); fault != nil {
			err = errors.Join(err, fault) // somebody else was faster, or it is unreachable
			continue
		}
		ended++
	}
	return ended, err
}

func handGID(home int, txid string, server int) string {
	return fmt.Sprintf("hand:%d:%s:%d", home, txid, server)
}

func readHandGID(gid string) (home int, txid string, ok bool) {
	var server int
	n, _ := fmt.Sscanf(strings.ReplaceAll(gid, ":", " "), "hand %d %s %d", &home, &txid, &server)
	return home, txid, n == 3
}

func randomID() string {
	random := make([]byte, 16)
	_, _ = rand.Read(random) // never fails
	return hex.EncodeToString(random)
}
