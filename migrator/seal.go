package migrator

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
)

// SealRule starts the name of what holds a sealed shard to its bound: a CHECK, and in
// SQLite, which can't add one to a table that is there, two triggers. The database's
// error has the name; see IsSealed.
const SealRule = "chk_version_sealed"

// ErrSealBroken tells that rows of a shard break the bound that it is to be sealed at.
var ErrSealBroken = errors.New("dtde: versions in the shard end after the bound, or are open")

// IsSealed tells whether an error of the database says that a row breaks a shard's seal.
func IsSealed(err error) bool { return err != nil && strings.Contains(err.Error(), SealRule) }

// Seal has the shard's table refuse every version that is known and ends after bound, or
// is open, and takes away an earlier bound's rule. It is safe to repeat. The error is
// ErrSealBroken if rows break it, and then the table is as it was. db runs it: in SQLite
// as part of its transaction, or in one of its own.
func Seal(db *gorm.DB, t *config.Table, s *config.Shard, bound time.Time) error {
	w, err := newWorkspace(db, Unwrap(db.Dialector))
	if err != nil {
		return err
	}
	return failed(t, s, w.seal(t, s, bound))
}

// HasSeal tells whether the shard's table has the rule of a bound.
func HasSeal(db *gorm.DB, t *config.Table, s *config.Shard, bound time.Time) (bool, error) {
	w, err := newWorkspace(db, Unwrap(db.Dialector))
	if err != nil {
		return false, err
	}
	rules, err := w.sealRules(w.db, s)
	return slices.Contains(rules, w.sealName(s, bound)), failed(t, s, err)
}

// Loosen takes away every rule that Seal made.
func Loosen(db *gorm.DB, t *config.Table, s *config.Shard) error {
	w, err := newWorkspace(db, Unwrap(db.Dialector))
	if err != nil {
		return err
	}
	return failed(t, s, w.loosen(w.db, s, ""))
}

// sealName names the rule of a bound: the bound is part of it.
func (w *workspace) sealName(s *config.Shard, bound time.Time) string {
	return w.nameOn(s, SealRule+"_"+strconv.FormatInt(bound.Unix(), 36)+"_"+strconv.FormatInt(int64(bound.Nanosecond()), 36))
}

func (w *workspace) seal(t *config.Table, s *config.Shard, bound time.Time) error {
	name := w.sealName(s, bound)
	if w.driver.Name() == "sqlite" {
		if _, inside := w.db.Statement.ConnPool.(gorm.TxCommitter); inside {
			return w.sealSQLite(w.db, t, s, bound, name)
		}
		return connection(w.db, func(conn *gorm.DB) error {
			return immediate(conn, func(tx *gorm.DB) error { return w.sealSQLite(tx, t, s, bound, name) })
		})
	}
	rules, err := w.sealRules(w.db, s)
	if err != nil {
		return err
	}
	if !slices.Contains(rules, name) {
		held, err := w.sealed(w.db, t.Validity, w.quote, bound)
		if err != nil {
			return err
		}
		add := "ALTER TABLE " + w.quote(s.Table) + " ADD CONSTRAINT " + w.quote(name) + " CHECK (" + held + ")"
		if w.driver.Name() == "sqlserver" {
			add = strings.Replace(add, " ADD CONSTRAINT ", " WITH CHECK ADD CONSTRAINT ", 1)
		}
		if err := plain(w.db).Exec(add).Error; err != nil {
			if there, also := w.sealRules(w.db, s); also == nil && slices.Contains(there, name) {
				return w.loosen(w.db, s, name) // another process was faster
			}
			if IsSealed(err) { // rows break it; those may be gone by now
				return ErrSealBroken
			}
			return err
		}
		if rules, err = w.sealRules(w.db, s); err != nil || w.dry() {
			return err
		}
		if !slices.Contains(rules, name) { // MySQL before 8.0.16 reads CHECK and forgets it
			return &config.UnsupportedError{
				Entity: t.Name, Reason: "seal-check", Problem: "sealing a shard: the database does not keep CHECK constraints",
				Hint: "MySQL does from 8.0.16 on, MariaDB from 10.2.1 on; or leave the shard unsealed",
			}
		}
	}
	return w.loosen(w.db, s, name)
}

// sealSQLite makes the triggers. tx has the write lock, so that no row comes between.
func (w *workspace) sealSQLite(tx *gorm.DB, t *config.Table, s *config.Shard, bound time.Time, name string) error {
	stored, err := w.sealed(tx, t.Validity, w.quote, bound)
	if err != nil {
		return err
	}
	if broken, err := w.breaks(tx, s, stored); err != nil || broken {
		return errors.Join(err, brokenIf(broken))
	}
	held, err := w.sealed(tx, t.Validity, func(column string) string { return "NEW." + w.quote(column) }, bound)
	if err != nil {
		return err
	}
	if err := w.loosen(tx, s, ""); err != nil {
		return err
	}
	// The trigger on inserts has the rule's name; it is the one that is looked for.
	for suffix, event := range map[string]string{"": "INSERT", "_u": "UPDATE"} {
		sql := "CREATE TRIGGER " + w.quote(name+suffix) + " BEFORE " + event + " ON " + w.quote(s.Table) +
			" WHEN NOT (" + held + ") BEGIN SELECT RAISE(ABORT, '" + name + "'); END"
		if err := plain(tx).Exec(sql).Error; err != nil {
			return err
		}
	}
	return nil
}

func brokenIf(broken bool) error {
	if broken {
		return ErrSealBroken
	}
	return nil
}

// sealed is the condition that a row keeps to the bound. Rows that are superseded don't
// count: only a look at what was known earlier sees them, and that visits every shard.
func (w *workspace) sealed(tx *gorm.DB, v *config.Validity, column func(string) string, bound time.Time) (string, error) {
	literal, err := w.instant(tx, v, bound)
	if err != nil {
		return "", err
	}
	to := column(v.Valid.To.DBName)
	held := to + " IS NOT NULL AND " + to + " <= " + literal
	if v.System != nil {
		open, err := w.instant(tx, v, config.OpenSentinelTime)
		if err != nil {
			return "", err
		}
		end := column(v.System.To.DBName)
		held = "(" + end + " IS NOT NULL AND " + end + " < " + open + ") OR (" + held + ")"
	}
	return held, nil
}

// instant is an instant as the driver would bind it, as a literal for DDL.
func (w *workspace) instant(tx *gorm.DB, v *config.Validity, at time.Time) (string, error) {
	at = at.UTC()
	if name := w.driver.Name(); name == "postgres" || name == "sqlserver" {
		if v.Valid.Precision >= 24*time.Hour {
			return "'" + at.Format("20060102") + "'", nil
		}
		if name == "sqlserver" {
			return "'" + at.Format("2006-01-02T15:04:05.9999999") + "+00:00'", nil
		}
		return "'" + at.Format("2006-01-02 15:04:05.999999") + "+00'", nil
	}
	as := "CHAR"
	if w.driver.Name() == "sqlite" {
		as = "TEXT"
	}
	read := plain(tx)
	read.DryRun = false
	var text string
	err := read.Raw("SELECT CAST(? AS "+as+")", at).Row().Scan(&text)
	return "'" + strings.ReplaceAll(text, "'", "") + "'", err
}

// breaks tells whether a row does not meet the condition.
func (w *workspace) breaks(tx *gorm.DB, s *config.Shard, held string) (broken bool, err error) {
	var n int64
	err = plain(tx).Raw("SELECT COUNT(*) FROM " + w.quote(s.Table) + " WHERE NOT (" + held + ")").Row().Scan(&n)
	return n > 0, err
}

// sealRules lists the names of the table's rules.
func (w *workspace) sealRules(tx *gorm.DB, s *config.Shard) (names []string, err error) {
	if w.dry() {
		return nil, nil
	}
	var sql string
	var args []any
	prefix := SealRule + "%"
	switch w.driver.Name() {
	case "sqlite":
		sql, args = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE AND name LIKE ?", []any{s.Table, prefix}
	case "postgres":
		sql, args = "SELECT conname FROM pg_constraint WHERE conrelid = to_regclass(?) AND conname LIKE ?", []any{w.quote(s.Table), prefix}
	case "mysql":
		sql, args = "SELECT constraint_name FROM information_schema.table_constraints WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? AND constraint_type = 'CHECK' AND constraint_name LIKE ?",
			[]any{namespaceOr(s), s.Name(), prefix}
	case "sqlserver":
		sql, args = "SELECT name FROM sys.check_constraints WHERE parent_object_id = OBJECT_ID(?) AND name LIKE ?", []any{w.quote(s.Table), prefix}
	default:
		return nil, fmt.Errorf("no list of constraints for %s", w.driver.Name())
	}
	err = plain(tx).Raw(sql, args...).Scan(&names).Error
	return names, err
}

func namespaceOr(s *config.Shard) any {
	if n := s.Namespace(); n != "" {
		return n
	}
	return nil
}

// loosen takes the rules away, but the one of a name.
func (w *workspace) loosen(tx *gorm.DB, s *config.Shard, but string) error {
	rules, err := w.sealRules(tx, s)
	if err != nil {
		return err
	}
	for _, rule := range rules {
		if rule == but {
			continue
		}
		sql := "ALTER TABLE " + w.quote(s.Table) + " DROP CONSTRAINT " + w.quote(rule)
		if w.driver.Name() == "sqlite" {
			sql = "DROP TRIGGER IF EXISTS " + w.quote(rule)
		}
		if err := plain(tx).Exec(sql).Error; err != nil {
			if left, also := w.sealRules(tx, s); also == nil && !slices.Contains(left, rule) {
				continue // another process was faster
			}
			return err
		}
	}
	return nil
}

// changeSealed changes a table as change does, and keeps its seal: SQLite's driver makes
// the table anew for some changes, without its triggers. There both are one transaction.
func (w *workspace) changeSealed(db *gorm.DB, o step, s *config.Shard) error {
	_, sealed := o.table.Sealed(s.ID)
	if !sealed {
		return w.change(db, o)
	}
	if w.driver.Name() != "sqlite" || w.dry() {
		if err := w.change(db, o); err != nil {
			return err
		}
		return w.reseal(db, o.table, s)
	}
	return db.Transaction(func(tx *gorm.DB) error {
		if err := w.change(tx, o); err != nil {
			return err
		}
		return w.reseal(tx, o.table, s)
	})
}

// reseal has a table of a sealed shard hold the seal again, should it have lost it. db is
// a session on the shard's database.
func (w *workspace) reseal(db *gorm.DB, t *config.Table, s *config.Shard) error {
	bound, sealed := t.Sealed(s.ID)
	if !sealed || w.dry() {
		return nil
	}
	there := *w
	there.db = plain(db)
	rules, err := there.sealRules(there.db, s)
	if err != nil || slices.Contains(rules, there.sealName(s, bound)) {
		return err
	}
	return there.seal(t, s, bound)
}
