package callbacks

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-dtde/dtde/config"
)

// maxKeyLocks bounds the advisory locks of one write: beyond, it locks whole tables.
const maxKeyLocks = 500

// lock makes writers of these keys wait for each other also before a key has a row, and
// before any row is read: what is read afterwards is what the writers before have left.
func (h *history) lock(keys ...[]any) error {
	switch h.r.dialect.Name {
	case "postgres":
		if len(keys) > maxKeyLocks {
			return h.lockTables()
		}
		return h.lockKeys(keys)
	case "sqlite":
		return h.lockSQLite(keys)
	case "mysql":
		return h.lockRows(keys)
	}
	return nil // the read of all versions locks; see read
}

// lockKeys takes an advisory lock per key, in one order for everyone, in each database
// that the keys' versions can be in.
func (h *history) lockKeys(keys [][]any) error {
	function := "pg_advisory_xact_lock"
	if h.shared {
		function += "_shared"
	}
	byDatabase := map[string][]int64{}
	for _, key := range keys {
		n := h.lockNumber(key)
		for _, id := range h.databasesOf(key) {
			byDatabase[id] = append(byDatabase[id], n)
		}
	}
	ids := make([]string, 0, len(byDatabase))
	for id := range byDatabase {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		numbers := byDatabase[id]
		slices.Sort(numbers)
		numbers = slices.Compact(numbers)
		if len(numbers) == 1 {
			if err := h.execOn(id, "SELECT "+function+"($1)", numbers[0]); err != nil {
				return err
			}
			continue
		}
		var list strings.Builder
		for i, n := range numbers {
			if i > 0 {
				list.WriteByte(',')
			}
			list.WriteString("(" + strconv.FormatInt(n, 10) + "::bigint)")
		}
		if err := h.execOn(id, "SELECT "+function+"(k) FROM (VALUES "+list.String()+") AS keys(k)"); err != nil {
			return err
		}
	}
	return nil
}

// lockNumber is a key's advisory lock. Two keys that share one wait for each other
// without need, and nothing worse; text that the database may compare otherwise than by
// its bytes is left out of it.
func (h *history) lockNumber(key []any) int64 {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(h.table.LogicalName))
	for i, v := range key {
		if h.v.Key[i].BytesEqual {
			_, _ = sum.Write([]byte("\x00" + h.keyText(i, v)))
		}
	}
	return int64(sum.Sum64()) //nolint:gosec // any bits will do
}

// keyText is a value of the entity key's i-th column in a form that is the same for
// every Go type that holds it.
func (h *history) keyText(i int, value any) string {
	converted, ok := h.v.Key[i].Convert(value)
	if !ok {
		return fmt.Sprintf("%T%v", value, value)
	}
	if converted.Kind() == config.KindString {
		return converted.AsString()
	}
	return fmt.Sprint(converted.Any())
}

// lockTables locks the entity's tables against every other write of versions, whose
// reads lock rows.
func (h *history) lockTables() error {
	for _, s := range h.table.Shards {
		if err := h.execOn(s.Database, "LOCK TABLE "+h.r.quote(s.Table)+" IN EXCLUSIVE MODE"); err != nil {
			return err
		}
	}
	return nil
}

// lockSQLite takes the write lock first: a transaction that has read can't become a
// writer any more. One database is enough, the same for all writers of a key, and where
// a transaction may write in one only it has to be the one that is written.
func (h *history) lockSQLite(keys [][]any) error {
	if len(h.table.Shards) == 0 {
		return nil
	}
	locked := map[string]bool{}
	for _, key := range keys {
		s := h.shardOf(key)
		if s == nil {
			s = h.table.Shards[0]
		}
		if locked[s.Database] {
			continue
		}
		locked[s.Database] = true
		if err := h.execOn(s.Database, "DELETE FROM "+h.r.quote(s.Table)+" WHERE 1 = 0"); err != nil {
			return err
		}
	}
	return nil
}

// shardOf is the one shard that all versions of a key are in; nil if there may be
// several, or if it is not made yet.
func (h *history) shardOf(key []any) *config.Shard {
	t := h.table
	if t.Unsharded && len(t.Shards) == 1 {
		return t.Shards[0]
	}
	if !h.v.Together || len(t.Keys) == 0 || len(key) != len(h.v.Key) {
		return nil
	}
	values := make([]config.Value, len(t.Keys))
	for i := range t.Keys {
		at := slices.IndexFunc(h.v.Key, func(c config.KeyColumn) bool { return c.Column == t.Keys[i].Column })
		var ok bool
		if values[i], ok = t.Keys[i].Convert(key[at]); !ok {
			return nil
		}
	}
	id, err := t.Strategy.Place(values)
	if err != nil {
		return nil
	}
	s, _ := t.Shard(id)
	return s
}

// databasesOf lists the databases that a key's versions can be in, in order, also those
// where no shard is known yet: where a transaction over several has ended in one, what it
// wrote in another may be out of sight still, so that waiting in one would not do.
func (h *history) databasesOf(key []any) []string {
	if !h.r.many {
		return []string{""}
	}
	if s := h.shardOf(key); s != nil {
		return []string{s.Database}
	}
	return h.table.MayLiveIn()
}

// execOn runs a statement of dtde's own in a database.
func (h *history) execOn(database, text string, args ...any) error {
	pool, err := h.pool(database)
	if err != nil {
		return err
	}
	began := time.Now()
	_, err = pool.ExecContext(h.ctx(), text, args...)
	h.log(began, text, args, -1, err)
	return err
}

// log shows GORM's logger a statement of dtde's own.
func (h *history) log(began time.Time, text string, args []any, rows int64, err error) {
	h.tx.Logger.Trace(h.ctx(), began, func() (string, int64) {
		return h.r.dialector.Explain(text, args...), rows
	}, err)
}

// alone makes sure that nobody else began the same key's history: engines whose locks
// are on rows have none to lock before the first.
func (h *history) alone(steps int) error {
	if h.r.dialect.Name != "mysql" {
		return nil
	}
	rows, err := h.read() // waits for the other's rows, or deadlocks with it: one of the two tries again
	if err == nil && len(rows) > steps {
		err = h.conflict(time.Time{})
	}
	return err
}
