package dtde

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/callbacks"
	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/temporal"
)

// ValidAt is a scope that reads the versions of temporal entities that are valid at t:
// from ≤ t < to. Like every lens it reaches preloads, relation joins and associations,
// and leaves models that keep no versions as they are.
func ValidAt(t time.Time) func(*gorm.DB) *gorm.DB { return callbacks.WithLens(temporal.ValidAt(t)) }

// Current is a scope that reads what is valid now, by Config.NowFunc; inside a
// transaction now is one instant. A version scheduled for later is not current.
func Current() func(*gorm.DB) *gorm.DB { return callbacks.Current() }

// ValidBetween is a scope that reads the versions valid at some instant of [from, to).
func ValidBetween(from, to time.Time) func(*gorm.DB) *gorm.DB {
	return callbacks.WithLens(temporal.ValidBetween(from, to))
}

// Inclusive is a scope, after ValidBetween, that adds the versions that start exactly at
// the period's end, as SQL Server's BETWEEN does.
func Inclusive() func(*gorm.DB) *gorm.DB { return callbacks.ChangeLens(temporal.Lens.Inclusive) }

// ValidContainedIn is a scope that reads the versions valid within [from, to) only.
func ValidContainedIn(from, to time.Time) func(*gorm.DB) *gorm.DB {
	return callbacks.WithLens(temporal.ValidContainedIn(from, to))
}

// AllVersions is a scope that reads every version that is known.
func AllVersions() func(*gorm.DB) *gorm.DB { return callbacks.WithLens(temporal.AllVersions()) }

// Latest is a scope that reads the version of each key that starts last, valid now or not.
func Latest() func(*gorm.DB) *gorm.DB { return callbacks.WithLens(temporal.Latest()) }

// PreloadAtStart is a scope, after AllVersions, ValidBetween, ValidContainedIn or Latest, that
// says as of when Preload sees versions: for each row those that are valid at the instant at
// which the row's version starts, as ValidAt would at it. What they preload in turn is seen at
// that same instant, the outermost version's, so that a row and all below it are as of one
// instant. Preload's own conditions hold as ever; one with a lens of its own is seen through
// that. One statement per relation serves all rows (two where only starts are stored, one
// more for a join table): it reads whatever is valid between the earliest and the latest
// start, and each row is given its own. So a Preload with LIMIT, GROUP BY, a cursor, selected
// expressions, or joins and subqueries of versions is refused with ErrUnsupported
// (preload-shape).
func PreloadAtStart() func(*gorm.DB) *gorm.DB {
	return callbacks.ChangeLens(temporal.Lens.PreloadAtStart)
}

// KnownAt is a scope, after another lens or alone, that reads with the eyes of an
// instant of system time; the entity must have it.
func KnownAt(t time.Time) func(*gorm.DB) *gorm.DB {
	return callbacks.ChangeLens(func(l temporal.Lens) temporal.Lens {
		if l.IsZero() {
			l = temporal.AllVersions()
		}
		return l.KnownAt(t)
	})
}

// WithAsOf gives a context whose statements read temporal entities as of t, unless a
// scope says otherwise.
func WithAsOf(ctx context.Context, t time.Time) context.Context {
	return callbacks.ContextWithLens(ctx, temporal.ValidAt(t))
}

// WithAllVersions gives a context whose statements read every version: it clears
// another lens of the context and an entity's CurrentByDefault.
func WithAllVersions(ctx context.Context) context.Context {
	return callbacks.ContextWithLens(ctx, temporal.AllVersions())
}

// The errors of temporal entities, for errors.Is. All of them match Err.
var (
	ErrConflict         = config.ErrConflict
	ErrSealed           = config.ErrSealed
	ErrUnversionedWrite = config.ErrUnversionedWrite
	ErrPeriod           = temporal.ErrPeriod
	ErrNoVersion        = temporal.ErrNoVersion
	ErrClock            = temporal.ErrClock
	ErrHistory          = temporal.ErrHistory
	ErrGap              = temporal.ErrGap
	ErrRange            = temporal.ErrRange
	ErrUncovered        = temporal.ErrUncovered
	ErrUnmatched        = temporal.ErrUnmatched
)

type (
	// Period is [From, To), in UTC; the zero To is open.
	Period = temporal.Period
	// ValidityError is a write to a history that cannot be carried out.
	ValidityError = temporal.ValidityError
	// Finding is something in a history that should, or may, not be.
	Finding = temporal.Finding
	// VersionObserver is an Observer that is told of versions.
	VersionObserver = config.VersionObserver
	// VersionEvent is one row that a write of versions made or changed.
	VersionEvent = config.VersionEvent
)

// VersionResult says what a write of versions did.
type VersionResult struct {
	// Changed tells whether anything was written: saving what is true already isn't.
	Changed bool
	// At is the instant from which it holds, in UTC, after cuts and ticks; zero for writes
	// of periods.
	At time.Time
	// Touched counts the versions that a portion overlaps.
	Touched int
}

// VersionOption is an option of a write of versions.
type VersionOption func(*versionOptions)

type versionOptions struct {
	effective time.Time
	supersede bool
	expect    time.Time
}

// Effective gives the instant, past or future, from which the write holds.
func Effective(t time.Time) VersionOption { return func(o *versionOptions) { o.effective = t } }

// Supersede lets the write hold for ever: later versions, and an end that was set, go.
func Supersede() VersionOption { return func(o *versionOptions) { o.supersede = true } }

// IfVersion makes the write fail with ErrConflict unless the key's last version starts
// at this instant: that of the version which the caller has read.
func IfVersion(start time.Time) VersionOption { return func(o *versionOptions) { o.expect = start } }

// SaveWithVersioning makes entity, a pointer to a struct of a temporal entity, what is
// true of its key from now, or Effective, on: the version valid then is closed at the
// very instant at which the new one starts. Afterwards entity is the new version, with
// its id and period. If it holds the same data as the version valid then, nothing is
// written. All versions of the key are locked before; see docs/time.md.
func SaveWithVersioning(db *gorm.DB, entity any, opts ...VersionOption) (VersionResult, error) {
	return write(db, entity, func(o versionOptions, row callbacks.Row) temporal.Operation[callbacks.Row] {
		return temporal.Save(row)
	}, opts)
}

// PatchVersion is SaveWithVersioning of the version that is valid then with the named
// columns or fields changed. key carries the entity key. In a gap it is ErrNoVersion.
func PatchVersion(db *gorm.DB, key any, values map[string]any, opts ...VersionOption) (VersionResult, error) {
	r, err := runtimeOf(db)
	if err != nil {
		return VersionResult{}, err
	}
	stmt := &gorm.Statement{DB: db}
	if err := stmt.Parse(key); err != nil {
		return VersionResult{}, err
	}
	change, err := r.Changing(db.Statement.Context, stmt.Schema, values)
	if err != nil {
		return VersionResult{}, err
	}
	return write(db, key, func(versionOptions, callbacks.Row) temporal.Operation[callbacks.Row] {
		return temporal.Patch(change)
	}, opts)
}

// Terminate ends the history of key's entity key at an instant; the zero time means now.
// Versions that were to begin later are gone.
func Terminate(db *gorm.DB, key any, at time.Time) (VersionResult, error) {
	return write(db, key, func(versionOptions, callbacks.Row) temporal.Operation[callbacks.Row] {
		return temporal.Terminate[callbacks.Row](at)
	}, nil)
}

// Revert makes what was true at an instant true again, from now, or Effective, on.
func Revert(db *gorm.DB, key any, to time.Time, opts ...VersionOption) (VersionResult, error) {
	return write(db, key, func(versionOptions, callbacks.Row) temporal.Operation[callbacks.Row] {
		return temporal.Revert[callbacks.Row](to)
	}, opts)
}

// Put makes entity what is true of its key in a whole period, gaps included.
func Put(db *gorm.DB, entity any, period Period) (VersionResult, error) {
	return write(db, entity, func(_ versionOptions, row callbacks.Row) temporal.Operation[callbacks.Row] {
		return temporal.Put(period, row)
	}, nil)
}

// Coalesce joins versions of key's entity key that meet and are equal.
func Coalesce(db *gorm.DB, key any) (VersionResult, error) {
	return write(db, key, func(versionOptions, callbacks.Row) temporal.Operation[callbacks.Row] {
		return temporal.Coalesce[callbacks.Row]()
	}, nil)
}

// Purge removes for good the versions of key's entity key that ended at or before an
// instant, and with system time those that were superseded by then.
func Purge(db *gorm.DB, key any, olderThan time.Time) (VersionResult, error) {
	return write(db, key, func(versionOptions, callbacks.Row) temporal.Operation[callbacks.Row] {
		return temporal.Purge[callbacks.Row](olderThan)
	}, nil)
}

// Repair makes the history of key's entity key sound: of two versions that overlap the
// one that starts later holds, and rows that were never valid are removed.
func Repair(db *gorm.DB, key any) (VersionResult, error) {
	r, err := runtimeOf(db)
	if err != nil {
		return VersionResult{}, err
	}
	out, err := r.WriteVersions(db, callbacks.VersionWrite{Model: key, Repair: true})
	return VersionResult{Changed: !out.Nothing(), Touched: len(out.Steps)}, err
}

// Timeline gives all versions of key's entity key that are known now, by start.
func Timeline[T any](db *gorm.DB, key *T) ([]T, error) {
	versions, err := known(db, key)
	rows := make([]T, len(versions))
	for i, v := range versions {
		rows[i] = v.Row.Interface().(T)
	}
	return rows, err
}

// Check lists what is wrong with the history of key's entity key: overlaps, gaps, empty
// periods, two open versions; and by the rules of Config.Contains children, the key's own or
// the key itself, that are valid where their parent is not. A sound one without gaps gives
// nothing.
func Check[T any](db *gorm.DB, key *T) ([]Finding, error) {
	versions, err := known(db, key)
	if err != nil {
		return nil, err
	}
	t, err := entityOf(db, key)
	if err != nil {
		return nil, err
	}
	r, err := runtimeOf(db)
	if err != nil {
		return nil, err
	}
	uncovered, err := r.Uncovered(db, key)
	return append(temporal.Check(versions, t.Validity.StartOnly()), uncovered...), err
}

func known(db *gorm.DB, key any) ([]temporal.Version[callbacks.Row], error) {
	r, err := runtimeOf(db)
	if err != nil {
		return nil, err
	}
	return r.ReadVersions(db, key)
}

// write carries out one write of versions.
func write(db *gorm.DB, entity any, make func(versionOptions, callbacks.Row) temporal.Operation[callbacks.Row], opts []VersionOption) (VersionResult, error) {
	r, err := runtimeOf(db)
	if err != nil {
		return VersionResult{}, err
	}
	var o versionOptions
	for _, opt := range opts {
		opt(&o)
	}
	row := reflect.Indirect(reflect.ValueOf(entity))
	out, err := r.WriteVersions(db, callbacks.VersionWrite{Model: entity, Expect: o.expect,
		Operation: func([]temporal.Version[callbacks.Row]) (temporal.Operation[callbacks.Row], error) {
			op := make(o, row)
			if !o.effective.IsZero() {
				op = op.Effective(o.effective)
			}
			if o.supersede {
				op = op.Supersede()
			}
			return op, nil
		}})
	return VersionResult{Changed: !out.Nothing(), At: out.At, Touched: out.Touched}, err
}

// runtimeOf finds dtde on a *gorm.DB.
func runtimeOf(db *gorm.DB) (*callbacks.Runtime, error) {
	if callbacks.IsElsewhere(db) {
		return nil, callbacks.ErrElsewhere
	}
	p, ok := db.Plugins["dtde"].(*Plugin)
	if !ok || p.runtime == nil {
		return nil, fmt.Errorf("%w: dtde is not registered on this *gorm.DB: call db.Use first", ErrConfig)
	}
	return p.runtime, nil
}

func entityOf(db *gorm.DB, model any) (*Table, error) {
	r, err := runtimeOf(db)
	if err != nil {
		return nil, err
	}
	t, ok := r.Catalog().ByModel(typeOf(model))
	if !ok || t.Validity == nil {
		return nil, &config.UnsupportedError{Reason: "not-temporal", Problem: "a read of versions of a model that keeps none", Hint: "give it HasTemporalValidity and EntityKey"}
	}
	return t, nil
}
