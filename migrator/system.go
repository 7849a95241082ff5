package migrator

import (
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/temporal"
)

// beforeSystem are the rules of a table without system time: with it they would refuse
// rows that are no longer held for true.
func (w *workspace) beforeSystem(shard *config.Shard) []string {
	return []string{w.nameOn(shard, startUnique), w.nameOn(shard, openUnique)}
}

// turnOnSystem migrates a table that was there before its entity had system time: what it
// holds is known from now on, and the rules of before go. New ones are there already. tx is
// a session on the shard's database.
func (w *workspace) turnOnSystem(tx *gorm.DB, t *config.Table, shard *config.Shard) error {
	v := t.Validity
	if v == nil || v.System == nil {
		return nil
	}
	exec := plain(tx)
	set := func(column string, value time.Time) error {
		return exec.Exec(fmt.Sprintf("UPDATE %s SET %s = ? WHERE %[2]s IS NULL", w.quote(shard.Table), w.quote(column)), value).Error
	}
	if err := set(v.System.From.DBName, temporal.Cut(w.db.NowFunc(), v.System.Precision)); err != nil {
		return err
	}
	if v.System.Open == config.OpenSentinel {
		if err := set(v.System.To.DBName, temporal.Sentinel); err != nil {
			return err
		}
	}
	read := plain(tx)
	read.DryRun = false
	for _, name := range w.beforeSystem(shard) {
		if there, err := w.hasIndex(read, shard, name); err != nil {
			return err
		} else if !there {
			continue
		}
		if err := w.dropIndex(exec, shard, name); err != nil {
			return err
		}
	}
	if w.driver.Name() != "postgres" {
		return nil
	}
	return exec.Exec(fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s", w.quote(shard.Table), w.quote(w.nameOn(shard, overlapRule)))).Error
}

// hasIndex tells whether a shard's table has an index; GORM's own question names the
// current schema in a way that takes a session with a model.
func (w *workspace) hasIndex(read *gorm.DB, shard *config.Shard, name string) (there bool, err error) {
	if w.driver.Name() != "postgres" {
		return read.Migrator().HasIndex(shard.Table, name), nil
	}
	const query = "SELECT EXISTS (SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = to_regclass(?) AND c.relname = ?)"
	err = read.Raw(query, w.quote(shard.Table), name).Row().Scan(&there)
	return there, err
}

func (w *workspace) dropIndex(exec *gorm.DB, shard *config.Shard, name string) error {
	if w.driver.Name() != "postgres" {
		return exec.Migrator().DropIndex(shard.Table, name)
	}
	if schema, _, qualified := strings.Cut(shard.Table, "."); qualified { // an index is in its table's
		name = schema + "." + name
	}
	return exec.Exec("DROP INDEX " + w.quote(name)).Error
}

// InspectSystem looks whether tables that exist keep to an entity's system time, which may
// have been turned on after they were made: each fault is a *config.ConfigError, for
// AutoMigrate to mend. It asks each table for one row that nobody has recorded.
func InspectSystem(db *gorm.DB, t *config.Table) (faults []error) {
	v := t.Validity
	if v == nil || v.System == nil {
		return nil
	}
	w, err := newWorkspace(db.Session(&gorm.Session{}), Unwrap(db.Dialector))
	if err != nil {
		return []error{err}
	}
	for _, shard := range t.Shards {
		fault := func(what string) {
			faults = append(faults, &config.ConfigError{
				Entity: t.Name, Field: shard.Table,
				Problem: "system time was turned on after the table of shard \"" + shard.ID + "\" was made: " + what + "; run AutoMigrate, which takes what is there for known from then on",
			})
		}
		read := w.query()
		if !read.Migrator().HasTable(shard.Table) {
			continue
		}
		found, err := relations(read, db.Name(), []ref{refOf(shard)}, []string{v.System.From.DBName, v.System.To.DBName})
		if err != nil {
			return append(faults, err)
		}
		columns := found[refOf(shard)].columns
		missing := false
		for _, name := range []string{v.System.From.DBName, v.System.To.DBName} {
			if _, ok := columns[lower(name)]; !ok {
				fault("it has no column " + name)
				missing = true
			}
		}
		if missing {
			continue
		}
		for _, name := range w.beforeSystem(shard) {
			there, err := w.hasIndex(read, shard, name)
			if err != nil {
				return append(faults, err)
			}
			if there {
				fault("its index " + name + " refuses what is no longer held for true")
			}
		}
		var unrecorded []int
		query := fmt.Sprintf("SELECT 1 FROM %s WHERE %s IS NULL", w.quote(shard.Table), w.quote(v.System.From.DBName))
		if v.System.Open == config.OpenSentinel {
			query += fmt.Sprintf(" OR %s IS NULL", w.quote(v.System.To.DBName))
		}
		if err := read.Raw("SELECT 1 WHERE EXISTS (" + query + ")").Scan(&unrecorded).Error; err != nil {
			return append(faults, err)
		}
		if len(unrecorded) > 0 {
			fault("rows there have no system period")
		}
	}
	return faults
}
