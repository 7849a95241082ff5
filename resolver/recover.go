package resolver

import (
	"context"
	"errors"
	"sort"

	"github.com/go-dtde/dtde/config"
)

// Pending is a prepared transaction that waits for its end in one database.
type Pending struct {
	// Transaction is the id that its participants share; Home the database that holds
	// the decision, Database the one where it is prepared. "" is the *gorm.DB's own.
	Transaction, Home, Database string
	// Err says why recovery left it; nil if it was not tried.
	Err error
}

// InDoubt lists what is prepared in this program's name, without changing anything.
// Databases that can't be reached are joined into the error; the list is of the others.
func (t *TwoPhase) InDoubt(ctx context.Context) ([]Pending, error) {
	found, err := t.prepared(ctx)
	list := make([]Pending, len(found))
	for i, g := range found {
		list[i] = Pending{Transaction: g.txid, Home: databaseOf(g.home), Database: databaseOf(g.database)}
	}
	return list, err
}

// prepared lists the gids of this cluster in every database.
func (t *TwoPhase) prepared(ctx context.Context) ([]gid, error) {
	if !t.Databases.prepares {
		return nil, refuse("recover-engine", "recovery of transactions over several databases, none of which is PostgreSQL's: nothing is ever prepared",
			"leave it out: a commit over several databases is refused here, or told by PartialCommitError")
	}
	cluster, err := t.cluster(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, id := range append([]string{""}, t.Databases.IDs()...) {
		if prepares(t.Databases.Dialect(id)) {
			ids = append(ids, id)
		}
	}
	perDatabase := make([][]gid, len(ids))
	failed := make([]error, len(ids))
	_ = Each(ctx, len(ids), len(ids), func(_ context.Context, i int) error {
		perDatabase[i], failed[i] = t.preparedIn(ctx, cluster, ids[i])
		return nil
	})
	var all []gid
	seen := map[gid]bool{}
	for _, list := range perDatabase {
		for _, g := range list {
			if !seen[g] { // two ids may lead to one database
				seen[g] = true
				all = append(all, g)
			}
		}
	}
	return all, errors.Join(failed...)
}

func (t *TwoPhase) preparedIn(ctx context.Context, cluster, id string) ([]gid, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	pool, err := t.Databases.on(id)
	if err != nil {
		return nil, err
	}
	wrap := func(err error) error {
		return &DatabaseError{Database: id, Step: "list prepared transactions", Cause: err}
	}
	// the view is of the whole server
	rows, err := pool.inner.QueryContext(ctx, "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()")
	if err != nil {
		return nil, wrap(err)
	}
	defer rows.Close()
	var list []gid
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, wrap(err)
		}
		if g, ok := parseGID(text); ok && g.cluster == cluster {
			list = append(list, g)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, wrap(err)
	}
	return list, nil
}

// Recover ends what is prepared in this program's name, as its home decided; where
// nothing was decided it is rolled back, for good. It may run at any time, in several
// processes at once, and beside commits. What is left, because its home or itself can't
// be reached, is listed with the reason. Decisions that nobody needs any more are
// dropped.
func (t *TwoPhase) Recover(ctx context.Context) (left []Pending, err error) {
	found, err := t.prepared(ctx)
	sort.Slice(found, func(i, k int) bool { return found[i].String() < found[k].String() })
	asked := map[gid]answer{}
	for _, g := range found {
		if failed := t.recoverOne(ctx, g, asked); failed != nil {
			left = append(left, Pending{Transaction: g.txid, Home: databaseOf(g.home), Database: databaseOf(g.database), Err: failed})
		}
	}
	if err == nil && len(left) == 0 {
		err = t.collect(ctx)
	}
	return left, err
}

// answer is what a home said of a transaction, which is final, or that it can't be asked.
type answer struct {
	committed bool
	err       error
}

// recoverOne ends one participant; the home is asked once for all of a transaction.
func (t *TwoPhase) recoverOne(ctx context.Context, g gid, asked map[gid]answer) error {
	of := g
	of.database = ""
	a, known := asked[of]
	if !known {
		a.committed, a.err = t.settle(ctx, databaseOf(g.home), g.txid)
		asked[of] = a
	}
	if a.err != nil {
		return &DatabaseError{Database: databaseOf(g.home), Step: "ask for the decision", Cause: a.err}
	}
	return t.finishOne(ctx, g, a.committed)
}

func (t *TwoPhase) finishOne(ctx context.Context, g gid, commit bool) error {
	within, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	pool, err := t.Databases.on(databaseOf(g.database))
	if err != nil {
		return err
	}
	verb, kind := "ROLLBACK", config.TransactionRolledBack
	if commit {
		verb, kind = "COMMIT", config.TransactionRecovered
	}
	if err := end(within, pool.inner, verb, g); err != nil {
		return &DatabaseError{Database: databaseOf(g.database), Step: "end a prepared transaction", Cause: err}
	}
	t.tell(ctx, kind, g.txid, []string{databaseOf(g.database)}, nil)
	return nil
}

// Resolve ends a transaction that is in doubt as its caller says, whatever was decided,
// and leaves a trace in the home's dtde_decisions. It is for a home that is gone for
// good, or that is known to be wrong: other participants may have ended otherwise.
func (t *TwoPhase) Resolve(ctx context.Context, transaction string, commit bool) error {
	found, err := t.prepared(ctx)
	if errors.Is(err, config.ErrUnsupported) {
		return err
	}
	var failed []error
	matched := false
	for _, g := range found {
		if g.txid != transaction {
			continue
		}
		if !matched {
			matched = true
			pool, err := t.Databases.on(databaseOf(g.home))
			if err == nil {
				err = t.ensure(ctx, pool, nil)
			}
			if err == nil {
				err = t.decisions(pool).Force(ctx, pool.inner, transaction, commit)
			}
			if err != nil {
				failed = append(failed, &DatabaseError{Database: databaseOf(g.home), Step: "write the decision", Cause: err})
			}
		}
		failed = append(failed, t.finishOne(ctx, g, commit))
	}
	if !matched {
		return errors.Join(&config.ShardError{Operation: "resolve", Cause: config.ErrInDoubt,
			Hint: "no database has a prepared transaction of this id; InDoubt lists them"}, err)
	}
	return errors.Join(failed...)
}

// collect drops the decisions that every participant has carried out, and what was
// aborted long ago.
func (t *TwoPhase) collect(ctx context.Context) error {
	prepared := map[string]bool{}
	cluster, err := t.cluster(ctx)
	if err != nil {
		return err
	}
	found, err := t.prepared(ctx) // after the commits that are listed below began
	if err != nil {
		return err
	}
	for _, home := range append([]string{""}, t.Databases.IDs()...) {
		pool, err := t.Databases.on(home)
		if err != nil {
			return err
		}
		if err := t.ensure(ctx, pool, nil); err != nil {
			return err
		}
		decisions := t.decisions(pool)
		decided, err := decisions.Committed(ctx, pool.inner)
		if err != nil {
			return &DatabaseError{Database: home, Step: "read dtde_decisions", Cause: err}
		}
		if len(decided) > 0 {
			// again: each of them was decided before, so what is prepared of it is seen now
			if found, err = t.prepared(ctx); err != nil {
				return err
			}
		}
		for _, g := range found {
			prepared[g.txid] = true
		}
		for tx, participants := range decided {
			if prepared[tx] || !t.asked(cluster, participants) {
				continue
			}
			if err := decisions.Forget(ctx, pool.inner, tx); err != nil {
				return &DatabaseError{Database: home, Step: "forget a decision", Cause: err}
			}
		}
		if err := decisions.ForgetAborted(ctx, pool.inner); err != nil {
			return &DatabaseError{Database: home, Step: "forget decisions", Cause: err}
		}
	}
	return nil
}

// asked tells whether all of a transaction's participants are among those that the list
// of what is prepared asks. Another program may share the home, or this one may have
// lost a database from its settings: their participants may still wait for the decision.
func (t *TwoPhase) asked(cluster string, participants []string) bool {
	for _, p := range participants {
		g, ok := parseGID(p)
		if !ok || g.cluster != cluster {
			return false
		}
		if id := databaseOf(g.database); id != "" && t.Databases.byID[id] == nil {
			return false
		}
	}
	return true
}
