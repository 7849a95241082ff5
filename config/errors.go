package config

import (
	"errors"
	"fmt"
	"strings"
)

// Err is the root of every error that dtde makes itself: errors.Is(err, Err) tells
// a refusal or fault of dtde from an error of the database or of GORM.
var Err = errors.New("dtde")

// sentinel is an error value that matches Err.
type sentinel struct{ text string }

func (e *sentinel) Error() string        { return "dtde: " + e.text }
func (e *sentinel) Is(target error) bool { return target == Err }

// Sentinel errors. Each is wrapped with what was asked, of which entity and shard,
// and what to do instead; match them with errors.Is.
var (
	// ErrConfig: the settings are wrong. The wrapped errors are ConfigError values.
	ErrConfig error = &sentinel{"invalid configuration"}
	// ErrShardNotFound: a key, or an id given by name, belongs to no shard.
	ErrShardNotFound error = &sentinel{"shard not found"}
	// ErrMissingShardKey: a row to be written has no value in a shard key column.
	ErrMissingShardKey error = &sentinel{"missing shard key"}
	// ErrUnsupported: the statement has no exact answer over shards yet and is refused.
	ErrUnsupported error = &sentinel{"unsupported on a sharded model"}
	// ErrReadOnlyShard: a write would touch a shard that is marked read-only.
	ErrReadOnlyShard error = &sentinel{"read-only shard"}
	// ErrTooManyShards: a statement would visit more shards than the limit allows.
	ErrTooManyShards error = &sentinel{"too many shards"}
	// ErrTooManyRows: a merge would buffer more rows than the limit allows.
	ErrTooManyRows error = &sentinel{"too many rows to buffer"}
	// ErrPlacementChanged: the settings would route rows otherwise than those that
	// the database was filled with.
	ErrPlacementChanged error = &sentinel{"placement changed"}
	// ErrShardKeyChanged: an update would move rows to another shard in a form
	// that cannot be done atomically.
	ErrShardKeyChanged error = &sentinel{"shard key changed"}
	// ErrNotRegistered: a model carries dtde tags but is not listed in Config.Entities.
	ErrNotRegistered error = &sentinel{"model not listed"}
	// ErrInDoubt: nobody can tell how a commit over several databases ended. Do not retry.
	ErrInDoubt error = &sentinel{"transaction in doubt"}
	// ErrDatabaseDown: a database did not answer for several statements in a row and is
	// left alone for a while.
	ErrDatabaseDown error = &sentinel{"database down"}
	// ErrReplicaBehind: no replica had in time what a strict session wrote before; see
	// ReadYourWrites.
	ErrReplicaBehind error = &sentinel{"replica behind"}
	// ErrPartialCommit: a transaction of best effort is committed in some databases only.
	ErrPartialCommit error = &sentinel{"committed in part"}
	// ErrBulkUnfit: a Bulk can't take this table or connection; see Bulk.InsertRows.
	ErrBulkUnfit error = &sentinel{"not fit for a bulk insert"}
	// ErrConflict: somebody else changed the versions of the same key, or deleted a row that
	// an upsert was about to update on another shard.
	ErrConflict error = &sentinel{"conflicting write"}
	// ErrSealed: a version would end after the bound of a shard that is sealed, or be open.
	ErrSealed error = &sentinel{"sealed shard"}
	// ErrUnversionedWrite: a plain write to an entity that is marked VersionedOnly.
	ErrUnversionedWrite error = &sentinel{"unversioned write"}
	// ErrStaleCatalog: another process keeps changing the shards; the statement was
	// planned again several times without reaching a stable catalog.
	ErrStaleCatalog error = &sentinel{"catalog changed"}
)

// ConfigError is one fault in the settings.
type ConfigError struct {
	// Entity is the model's name, or "" for a fault outside any entity.
	Entity string
	// Field is the field, shard, table or setting at fault; may be "".
	Field string
	// Line is the line of the settings file, from 1; 0 if the fault is not from a file.
	Line int
	// Problem says what is wrong and what to do.
	Problem string
	// Cause is the underlying error, if there is one.
	Cause error
}

// Error names line, entity, field and problem.
func (e *ConfigError) Error() string {
	var b strings.Builder
	b.WriteString("dtde: ")
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", e.Line)
	}
	if e.Entity != "" {
		b.WriteString(e.Entity)
		if e.Field != "" {
			b.WriteByte('.')
		}
	}
	b.WriteString(e.Field)
	if e.Entity != "" || e.Field != "" {
		b.WriteString(": ")
	}
	b.WriteString(e.Problem)
	if e.Cause != nil {
		b.WriteString(": ")
		b.WriteString(e.Cause.Error())
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *ConfigError) Unwrap() error { return e.Cause }

// Is matches Err and ErrConfig.
func (e *ConfigError) Is(target error) bool { return target == Err || target == ErrConfig }

// ShardError is a failure on, or about, one shard.
type ShardError struct {
	// Entity is the model's name.
	Entity string
	// Shard is the shard's id; may be "" when the failure is that there is none.
	Shard string
	// Operation is what was attempted: "select", "insert", "update", "delete", "migrate", …
	Operation string
	// Hint says what to do instead; may be "".
	Hint string
	// Cause is the underlying error; errors.Is and errors.As see through it.
	Cause error
}

// Error names entity, shard and operation, then the cause and the hint.
func (e *ShardError) Error() string {
	var b strings.Builder
	b.WriteString("dtde: ")
	b.WriteString(e.Operation)
	b.WriteByte(' ')
	b.WriteString(e.Entity)
	if e.Shard != "" {
		fmt.Fprintf(&b, " on shard %q", e.Shard)
	}
	if e.Cause != nil {
		b.WriteString(": ")
		b.WriteString(strings.TrimPrefix(e.Cause.Error(), "dtde: "))
	}
	if e.Hint != "" {
		b.WriteString(" (")
		b.WriteString(e.Hint)
		b.WriteByte(')')
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *ShardError) Unwrap() error { return e.Cause }

// Is matches Err; the cause is matched through Unwrap.
func (e *ShardError) Is(target error) bool { return target == Err }

// UnsupportedError is the refusal of a statement that has no exact answer over shards.
type UnsupportedError struct {
	// Entity is the model's name; may be "" when the statement names none.
	Entity string
	// Reason is the stable code of the refusal, as listed in docs/unsupported.md.
	Reason string
	// Problem says what cannot be done.
	Problem string
	// Hint says what to do instead.
	Hint string
}

// Error says what was refused and what to do instead.
func (e *UnsupportedError) Error() string {
	s := "dtde: unsupported on a sharded model"
	if e.Entity != "" {
		s += " (" + e.Entity + ")"
	}
	s += ": " + e.Problem
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s + " [" + e.Reason + "]"
}

// Is matches Err and ErrUnsupported.
func (e *UnsupportedError) Is(target error) bool { return target == Err || target == ErrUnsupported }
