package callbacks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/migrator"
	"github.com/go-dtde/dtde/resolver"
	"github.com/go-dtde/dtde/temporal"
)

// unsealPause is how long Unseal waits between taking a seal out of the catalog and
// letting rows break it. A read confirms its seals after it has its rows; only one whose
// rows stay open asks before, and sends its statement within this time.
const unsealPause = time.Second

// Seal has the database hold a shard to a bound, and then records that it does. The zero
// bound is the end of the shard's own keys.
func (r *Runtime) Seal(ctx context.Context, t *config.Table, shard string, bound time.Time) error {
	s, bound, err := r.sealable(t, shard, bound)
	if err != nil {
		return err
	}
	if held, sealed := t.Sealed(shard); sealed && held.Before(bound) {
		return nil // what holds already says more
	}
	if err := r.ensureStore(ctx); err != nil {
		return err
	}
	there, err := r.onShard(ctx, nil, s)
	if err != nil {
		return err
	}
	if err := migrator.Seal(there, t, s, bound); err != nil {
		if errors.Is(err, migrator.ErrSealBroken) {
			err = sealedError(t, shard, "seal", "versions there end after "+bound.Format(time.RFC3339)+
				" or are open, softly deleted ones included: close them, or seal at a later bound")
		}
		return err
	}
	err = r.store.Seal(ctx, t.LogicalName, shard, bound.Format(time.RFC3339Nano), func(pool gorm.ConnPool) error {
		there, err := r.onShard(ctx, pool, s)
		if err != nil {
			return err
		}
		if held, err := migrator.HasSeal(there, t, s, bound); err != nil || held {
			return err
		}
		return &config.ShardError{Entity: t.Name, Shard: shard, Operation: "seal", Cause: config.ErrConflict, Hint: "another process is unsealing it: seal it again"}
	})
	if err != nil {
		return err
	}
	return r.refresh(ctx, r.pool)
}

// sealable checks that a shard can be sealed, and cuts the bound as the column stores it.
func (r *Runtime) sealable(t *config.Table, shard string, bound time.Time) (*config.Shard, time.Time, error) {
	if t.Validity == nil || t.Validity.StartOnly() || t.Unsharded {
		return nil, bound, &config.UnsupportedError{
			Entity: t.Name, Reason: "seal-versions", Problem: "sealing a shard of an entity that stores no ends of versions in shards",
			Hint: "give it HasTemporalValidity with an end, and a strategy",
		}
	}
	s, ok := t.Shard(shard)
	if !ok {
		return nil, bound, &config.ShardError{Entity: t.Name, Shard: shard, Operation: "seal", Cause: config.ErrShardNotFound, Hint: "Seal takes the id of a shard that exists"}
	}
	if !t.Migrations {
		return nil, bound, &config.ShardError{
			Entity: t.Name, Shard: shard, Operation: "seal", Cause: config.ErrUnsupported,
			Hint: "sealing adds a constraint to the table, and migrations are disabled for this entity",
		}
	}
	if bound.IsZero() {
		if bound, ok = t.EndOfShard(shard); !ok || !t.Validity.ByStart {
			return nil, bound, &config.ShardError{
				Entity: t.Name, Shard: shard, Operation: "seal", Cause: temporal.ErrPeriod,
				Hint: "the shard is no stretch of starts with an end: give the bound",
			}
		}
	}
	bound = temporal.Cut(bound, t.Validity.Valid.Precision)
	if !bound.Before(temporal.Sentinel) {
		return nil, bound, &config.ShardError{Entity: t.Name, Shard: shard, Operation: "seal", Cause: temporal.ErrPeriod, Hint: "the bound must lie before the sentinel"}
	}
	return s, bound, nil
}

// Unseal takes a seal out of the catalog, waits until no read can be under way that has
// not heard of it, and then lets the table take versions beyond the bound again. When
// ctx ends before, nothing is read by the seal any more, and the table still refuses:
// Unseal again.
func (r *Runtime) Unseal(ctx context.Context, t *config.Table, shard string) error {
	s, ok := t.Shard(shard)
	if !ok {
		return &config.ShardError{Entity: t.Name, Shard: shard, Operation: "unseal", Cause: config.ErrShardNotFound, Hint: "Unseal takes the id of a shard that exists"}
	}
	if r.dialect.Name == "mysql" && r.maxOpen() == 1 {
		return &config.ShardError{Entity: t.Name, Shard: shard, Operation: "unseal", Cause: config.ErrUnsupported, Hint: "the pool has one connection: allow two"}
	}
	if err := r.ensureStore(ctx); err != nil {
		return err
	}
	if err := r.store.Unseal(ctx, t.LogicalName, shard); err != nil {
		return err
	}
	if err := r.refresh(ctx, r.pool); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("dtde: unseal %q of %s: %w", shard, t.Name, ctx.Err())
	case <-time.After(unsealPause):
	}
	return r.store.Loosen(ctx, t.LogicalName, shard, func(pool gorm.ConnPool) error {
		there, err := r.onShard(ctx, pool, s)
		if err != nil {
			return err
		}
		return migrator.Loosen(there, t, s)
	})
}

// onShard is a session for schema calls on a shard's table: on the connection that the
// store writes by, if that can do both, else on a connection of its own. MySQL would
// commit the store's transaction at the first of them.
func (r *Runtime) onShard(ctx context.Context, pool gorm.ConnPool, s *config.Shard) (*gorm.DB, error) {
	tx := r.root.Session(&gorm.Session{NewDB: true, Context: ctx})
	tx.Statement.ConnPool = r.pool
	switch {
	case s.Database != "":
		there, err := resolver.On(r.pool, s.Database)
		if err != nil {
			return nil, err
		}
		tx.Statement.ConnPool = there
	case pool != nil && r.dialect.Name != "mysql":
		tx.Statement.ConnPool = pool
	}
	return tx, nil
}

// sealsOf reads the bounds as they were recorded. One that cannot be read seals nothing.
func sealsOf(recorded map[string]map[string]string) map[string]map[string]time.Time {
	out := map[string]map[string]time.Time{}
	for entity, shards := range recorded {
		out[entity] = map[string]time.Time{}
		for shard, text := range shards {
			if bound, err := time.Parse(time.RFC3339Nano, text); err == nil {
				out[entity][shard] = bound.UTC()
			}
		}
	}
	return out
}

// endsSeen are the ends of versions that a read through a lens can see, by which sealed
// shards are left out; nil where seals can't be trusted: they speak of what is known
// now; a read that locks sees more than the snapshot in which its epoch is; and in a
// transaction over several databases the snapshots are of different ages.
func (r *Runtime) endsSeen(stmt *gorm.Statement, t *config.Table, l temporal.Lens) *config.Set {
	v := t.Validity
	if v == nil || l.IsZero() || v.System != nil && (l.Ever || !l.Known.IsZero()) {
		return nil
	}
	if _, locks := stmt.Clauses["FOR"]; locks || r.many && resolver.InTransaction(stmt.ConnPool) {
		return nil
	}
	ends := l.Ends(v)
	if ends.IsFull() {
		return nil
	}
	return &ends
}

// sealedError refuses a version that breaks a seal.
func sealedError(t *config.Table, shard, operation, hint string) error {
	return &config.ShardError{Entity: t.Name, Shard: shard, Operation: operation, Cause: config.ErrSealed, Hint: hint}
}

const sealedHint = "every version there has ended: Unseal the shard first, or let the version start in a later one"

// brokenSeal says what the database meant that refused a row by a seal's rule.
func brokenSeal(entity string, operation string, err error) error {
	if !migrator.IsSealed(err) || errors.Is(err, config.ErrSealed) {
		return err
	}
	return joinErrors(&config.ShardError{Entity: entity, Operation: operation, Cause: config.ErrSealed, Hint: sealedHint}, err)
}
