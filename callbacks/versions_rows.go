package callbacks

import (
	"maps"
	"reflect"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/temporal"
)

// maxSettling bounds the reads of a key whose versions keep moving.
const maxSettling = 10

// read reads all versions of the key, and locks them but in read-only shards. On engines
// whose only locks are those on rows it reads until nothing new comes; see lockRows.
func (h *history) read() ([]temporal.Version[Row], error) {
	versions, err := h.readOnce()
	if h.r.dialect.Name != "mysql" {
		return versions, err
	}
	known := h.locked[h.identity(h.key)]
	for range maxSettling {
		if err != nil {
			return nil, err
		}
		ids := map[any]int{}
		for _, v := range versions {
			ids[h.id(v.Row)]++
		}
		if maps.Equal(ids, known) {
			return versions, nil
		}
		known = ids
		versions, err = h.readOnce()
	}
	return nil, h.conflict(time.Time{})
}

// lockRows locks the keys' rows by a read of its own, for MySQL and MariaDB. A locking
// read that had to wait for another writer goes on where it stood, and does not see what
// that one has put where it had been before, in the same shard or in another. Two reads
// in a row that find the same have found everything: whoever writes something else had
// to lock what the first of them holds. A key without rows has nothing to lock: see alone.
func (h *history) lockRows(keys [][]any) error {
	h.locked = map[string]map[any]int{}
	for _, key := range keys {
		own := h.of(key)
		ids := map[any]int{}
		if lock, fixed := own.lockable(); len(fixed) == 0 || len(lock) > 0 {
			rows := reflect.New(reflect.SliceOf(h.table.ModelType))
			if s := own.direct(); s != nil {
				if err := own.readDirect(s, rows, true); err != nil {
					return err
				}
			} else {
				tx := own.where().Session(&gorm.Session{SkipHooks: true}).Select(h.table.Schema.PrimaryFieldDBNames)
				if len(fixed) > 0 {
					tx = tx.Scopes(OnShard(lock...))
				}
				if err := own.locking(tx).Find(rows.Interface()).Error; err != nil {
					return err
				}
			}
			for i := range rows.Elem().Len() {
				ids[h.id(rows.Elem().Index(i))]++
			}
		}
		h.locked[h.identity(key)] = ids
	}
	return nil
}

// lockable parts the shards of the key's versions by whether their rows can be locked:
// a read-only shard's rows don't change, and the database may refuse to lock them.
func (h *history) lockable() (lock, fixed []string) {
	shards := h.table.Shards
	if s := h.shardOf(h.key); s != nil {
		shards = []*config.Shard{s}
	}
	for _, s := range shards {
		if s.ReadOnly {
			fixed = append(fixed, s.ID)
		} else {
			lock = append(lock, s.ID)
		}
	}
	return lock, fixed
}

// locking is a scope that locks what it reads, where the engine locks rows.
func (h *history) locking(tx *gorm.DB) *gorm.DB {
	strength := clause.LockingStrengthUpdate
	switch {
	case h.r.dialect.Name == "sqlite":
		return tx
	case h.shared && h.r.dialect.Name == "postgres":
		strength = clause.LockingStrengthShare
	}
	return tx.Clauses(clause.Locking{Strength: strength})
}

// readOnce reads all versions of the key, and locks them but in read-only shards.
func (h *history) readOnce() ([]temporal.Version[Row], error) {
	if s := h.direct(); s != nil {
		list := reflect.New(reflect.SliceOf(h.table.ModelType))
		if err := h.readDirect(s, list, false); err != nil {
			return nil, err
		}
		return h.versions(list.Elem())
	}
	if _, fixed := h.lockable(); len(fixed) == 0 {
		return h.find(h.locking)
	}
	// A plain read first: it sees to it that every shard is known.
	if _, err := h.find(); err != nil {
		return nil, err
	}
	if fresh, ok := h.r.current(h.tx.Statement.ConnPool).ByModel(h.table.ModelType); ok {
		h.table, h.v = fresh, fresh.Validity
	}
	lock, fixed := h.lockable()
	versions, err := h.find(OnShard(fixed...))
	if err != nil || len(lock) == 0 {
		return versions, err
	}
	more, err := h.find(h.locking, OnShard(lock...))
	return append(versions, more...), err
}

// find reads versions of the key under scopes.
func (h *history) find(scopes ...func(*gorm.DB) *gorm.DB) ([]temporal.Version[Row], error) {
	list := reflect.New(reflect.SliceOf(h.table.ModelType))
	if err := h.where().Scopes(scopes...).Find(list.Interface()).Error; err != nil {
		return nil, err
	}
	return h.versions(list.Elem())
}
