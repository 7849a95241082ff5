package migrator

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"reflect"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
)

// lockTimeout bounds the wait for another process that makes the same table.
const lockTimeout = 60 * time.Second

// sqlserverLock takes a lock that ends with the transaction; not getting it is an
// answer there and no error.
const sqlserverLock = "DECLARE @got int; EXEC @got = sp_getapplock @Resource = ?, @LockMode = 'Exclusive', @LockTimeout = ?; " +
	"IF @got < 0 THROW 51000, 'no lock to create a shard: another connection holds it', 1"

// EnsureShard creates one shard's table with its indexes, unless it exists. It is
// safe against any number of connections and processes doing the same at once. All
// of it is made or nothing: PostgreSQL, SQLite and SQL Server create in a
// transaction, MySQL and MariaDB in one statement.
//
// It runs on db's connection pool and context: a pool gives it a connection and
// transaction of its own; inside a transaction it is a part of that, except on MySQL
// and MariaDB, which commit at every DDL statement. c tells which of the model's
// foreign keys refer to entities. Those of co-located ones need their shard of the same
// id; it is made first, if it isn't there. Others are left out.
func EnsureShard(db *gorm.DB, c *config.Catalog, t *config.Table, s *config.Shard) error {
	if !t.Migrations {
		return mayChange(aim{table: t}, "creating a shard")
	}
	w, err := newWorkspace(db.Session(&gorm.Session{}), Unwrap(db.Dialector))
	if err != nil {
		return err
	}
	model := reflect.New(t.ModelType).Interface()
	links, _, err := w.model(db, model, c)
	if err != nil {
		return failed(t, s, err)
	}
	for _, parent := range parentsOf(links, t) {
		up, known := parent.Shard(s.ID)
		if !known {
			up = parent.ShardTable(s.ID)
		}
		if err := EnsureShard(db, c, parent, up); err != nil {
			return err
		}
	}
	sdb, err := w.shard(t, s, model, links)
	if err != nil {
		return failed(t, s, err)
	}
	if !w.dry() && sdb.Migrator().HasTable(model) {
		return nil
	}
	_, err = w.create(sdb, t, s, model)
	return failed(t, s, err)
}

// create makes a shard's table unless somebody else makes it first. sdb is the
// workspace's session for the shard.
func (w *workspace) create(sdb *gorm.DB, t *config.Table, s *config.Shard, model any) (created bool, err error) {
	make := func(tx *gorm.DB) error {
		if !w.dry() && tx.Migrator().HasTable(model) {
			return nil
		}
		created = true
		if err := tx.Migrator().CreateTable(model); err != nil {
			return err
		}
		return w.exclude(tx, t, s)
	}
	sdb = sdb.Session(&gorm.Session{})
	_, inside := sdb.Statement.ConnPool.(gorm.TxCommitter)
	name := w.driver.Name()
	if w.dry() && (name == "mysql" || name == "sqlite") {
		return true, make(sdb) // their locks answer, which DryRun does not
	}
	switch name {
	case "postgres":
		err = sdb.Transaction(func(tx *gorm.DB) error {
			if err := plain(tx).Exec("SELECT pg_advisory_xact_lock(?)", lockNumber(s)).Error; err != nil {
				return err
			}
			return make(tx)
		})
	case "sqlserver":
		err = sdb.Transaction(func(tx *gorm.DB) error {
			if err := plain(tx).Exec(sqlserverLock, lockName(s), lockTimeout.Milliseconds()).Error; err != nil {
				return err
			}
			return make(tx)
		})
	case "mysql":
		if inside {
			return created, locked(sdb, s, make)
		}
		err = connection(sdb, func(tx *gorm.DB) error { return locked(tx, s, make) })
	case "sqlite":
		if inside {
			err = sdb.Transaction(make)
			break
		}
		err = connection(sdb, func(tx *gorm.DB) error { return immediate(tx, make) })
	default:
		err = sdb.Transaction(make)
	}
	return created && err == nil, err
}

// connection runs f on one connection of the pool, or on the one that it is.
func connection(db *gorm.DB, f func(*gorm.DB) error) error {
	if _, one := db.Statement.ConnPool.(*sql.Conn); one {
		return f(db)
	}
	return db.Connection(f)
}

// plain is tx without the shard's table as its statement.
func plain(tx *gorm.DB) *gorm.DB { return tx.Session(&gorm.Session{NewDB: true}) }

// locked runs f under MySQL's named lock, which belongs to the connection.
func locked(tx *gorm.DB, s *config.Shard, f func(*gorm.DB) error) error {
	var got *int
	name := lockName(s)
	// The server's locks know no databases: the name has it.
	if err := plain(tx).Raw("SELECT GET_LOCK(CONCAT(?, MD5(COALESCE(DATABASE(), ''))), ?)", name, int(lockTimeout.Seconds())).Row().Scan(&got); err != nil {
		return err
	}
	if got == nil || *got != 1 {
		return fmt.Errorf("no lock to create %s within %v: another connection holds it", s.Table, lockTimeout)
	}
	err := f(tx.Session(&gorm.Session{}))
	// Also if the caller's context has ended: the connection goes back to its pool.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tx.Statement.Context), lockTimeout)
	defer cancel()
	released := plain(tx).WithContext(ctx).Exec("DO RELEASE_LOCK(CONCAT(?, MD5(COALESCE(DATABASE(), ''))))", name).Error
	if err == nil {
		err = released
	}
	return err
}

// immediate runs f in a transaction that has SQLite's write lock from the start: one
// that reads first and then writes fails at once if another wrote in between.
func immediate(conn *gorm.DB, f func(*gorm.DB) error) error {
	if err := plain(conn).Exec("BEGIN IMMEDIATE").Error; err != nil {
		return err
	}
	err := f(conn.Session(&gorm.Session{}))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(conn.Statement.Context), lockTimeout)
	defer cancel()
	end := plain(conn).WithContext(ctx)
	if err == nil {
		if err = end.Exec("COMMIT").Error; err == nil {
			return nil
		}
	}
	end.Exec("ROLLBACK")
	return err
}

// lockName and lockNumber name the lock of a shard's table, the same in every process.
func lockName(s *config.Shard) string {
	sum := lockSum(s)
	return "dtde:" + hex.EncodeToString(sum[:8])
}

func lockNumber(s *config.Shard) int64 {
	sum := lockSum(s)
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

func lockSum(s *config.Shard) [sha256.Size]byte {
	return sha256.Sum256([]byte("dtde create table\x00" + s.Table))
}
