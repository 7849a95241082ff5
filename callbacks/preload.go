package callbacks

import (
	"reflect"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/temporal"
)

// dated is a row, an addressable struct, whose relations are read as of an instant.
type dated struct {
	row reflect.Value
	at  time.Time
}

// preload replaces gorm:preload. Relations that are read as of each parent's start are
// loaded here; those of rows that are being picked, once it is known which.
func (r *Runtime) preload(db *gorm.DB) {
	if db.Error != nil || len(db.Statement.Preloads) == 0 || pickingOf(db.Statement) != nil {
		return
	}
	if t, l := r.startsStated(db.Statement); t != nil {
		fail(db, r.preloadAtStart(db, t, l))
		return
	}
	r.inner.preload(db)
}

// afterQuery replaces gorm:after_query: hooks of rows that are being picked run when their
// relations are there, and not for the rest.
func (r *Runtime) afterQuery(db *gorm.DB) {
	skip := db.Statement.SkipHooks
	db.Statement.SkipHooks = skip || pickingOf(db.Statement) != nil
	r.inner.afterQuery(db)
	db.Statement.SkipHooks = skip
}

// startsStated gives the entity of a statement whose preloads are to be seen as of each
// row's start, and its lens; nil if they are not.
func (r *Runtime) startsStated(stmt *gorm.Statement) (*config.Table, temporal.Lens) {
	if !r.temporal || stmt.Schema == nil {
		return nil, temporal.Lens{}
	}
	l := statedLens(stmt)
	if !l.AtStarts {
		return nil, temporal.Lens{}
	}
	t, ok := r.current(stmt.ConnPool).ByModel(stmt.Schema.ModelType)
	if !ok || t.Validity == nil {
		return nil, temporal.Lens{}
	}
	return t, l.Lens
}

// preloadAtStart loads what a statement preloads, for each of its rows as of its start.
func (r *Runtime) preloadAtStart(db *gorm.DB, t *config.Table, l temporal.Lens) error {
	stmt := db.Statement
	tx := sessionOf(db)
	if err := tx.Statement.Parse(stmt.Dest); err != nil {
		return nil //nolint:nilerr // as GORM has it: maps have no relations
	}
	if db.RowsAffected == 0 {
		return nil
	}
	start := tx.Statement.Schema.LookUpField(t.Validity.Valid.From.DBName)
	var rows []dated
	for _, row := range rowsOf(stmt.ReflectValue) {
		var at *time.Time
		if start != nil {
			at = instantIn(stmt.Context, start, row)
		}
		switch {
		case at != nil:
			rows = append(rows, dated{row, at.UTC()})
		case start == nil || !row.IsZero(): // an array can have more elements than there are rows
			return withoutStart(t)
		}
	}
	joins := make([]string, len(stmt.Joins))
	for i := range stmt.Joins {
		joins[i] = stmt.Joins[i].Name
	}
	p := &preloader{r: r, ctx: stmt.Context, tx: tx, lens: l, all: stmt.Preloads[clause.Associations]}
	return p.relations(tx.Statement.Schema, &tx.Statement.Schema.Relationships, rows, joins, stmt.Preloads)
}

func withoutStart(t *config.Table) error {
	return &config.UnsupportedError{
		Entity: t.Name, Reason: "preload-start", Problem: "Preload as of the start of rows that are read without it",
		Hint: "select the start's column, " + t.Validity.Valid.From.DBName + ", too",
	}
}

// sessionOf is a *gorm.DB for the relations of what a statement has read.
func sessionOf(db *gorm.DB) *gorm.DB {
	stmt := db.Statement
	tx := db.Session(&gorm.Session{Context: stmt.Context, NewDB: true, SkipHooks: stmt.SkipHooks, Initialized: true})
	stmt.Settings.Range(func(k, v any) bool {
		tx.Statement.Settings.Store(k, v)
		return true
	})
	tx.Statement.Unscoped = stmt.Unscoped
	return tx
}

// rowType is the struct that a statement's rows are read into; nil for anything else.
func rowType(stmt *gorm.Statement) reflect.Type {
	if !stmt.ReflectValue.IsValid() {
		return nil
	}
	t := stmt.ReflectValue.Type()
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	return t
}

// rowsOf lists the structs of a destination.
func rowsOf(v reflect.Value) (rows []reflect.Value) {
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			rows = append(rows, rowsOf(v.Index(i))...)
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return rowsOf(v.Elem())
		}
	case reflect.Struct:
		return []reflect.Value{v}
	}
	return rows
}

// seePreloads prepares a read through a lens for what it preloads, and its rows for what
// they are preloaded for. It refuses what doesn't say as of which instant it is.
func (r *Runtime) seePreloads(stmt *gorm.Statement, t *config.Table, stated lensSetting, l temporal.Lens) error {
	if p := pickingOf(stmt); p != nil {
		return p.seePicked(stmt, t)
	}
	if stated.picking != nil {
		return unpickable(t, "a subquery of versions")
	}
	if len(stmt.Preloads) == 0 || stmt.Schema == nil {
		return nil
	}
	if l.AtStarts {
		switch into := rowType(stmt); {
		case into == t.ModelType && selectAlso(stmt, []*schema.Field{t.Validity.Valid.From}, false):
		case into == t.ModelType, into != nil && stmt.Schema.ModelType != t.ModelType:
			return withoutStart(t)
		}
		return nil // others are looked at when their rows are there; a count and a column have no relations
	}
	ranges := l.Kind == temporal.LensBetween || l.Kind == temporal.LensContainedIn
	if l.Kind != temporal.LensAll && !ranges {
		return nil
	}
	for name := range stmt.Preloads {
		for _, rel := range preloadedRelations(&stmt.Schema.Relationships, name) {
			one := rel.Type == schema.HasOne || rel.Type == schema.BelongsTo
			if r.validityOf(rel.FieldSchema) != nil && (!ranges || one) {
				return &config.UnsupportedError{
					Entity: t.Name, Reason: "preload-versions", Problem: "Preload of versions through a lens that sees several of one key: as of which instant?",
					Hint: "add the scope dtde.PreloadAtStart(), preload under ValidAt, or load the children by their own query",
				}
			}
		}
	}
	return nil
}

// preloadedRelations lists the relations that a Preload's name leads through; none if it
// leads nowhere, which GORM tells.
func preloadedRelations(relations *schema.Relationships, name string) (path []*schema.Relationship) {
	first, rest, _ := strings.Cut(name, ".")
	switch rel, embedded := relations.Relations[first], relations.EmbeddedRelations[first]; {
	case first == clause.Associations:
		for _, rel := range relations.Relations {
			path = append(path, rel)
			path = append(path, preloadedRelations(&rel.FieldSchema.Relationships, rest)...)
		}
		for _, embedded := range relations.EmbeddedRelations {
			path = append(path, preloadedRelations(embedded, name)...)
		}
	case rel != nil:
		path = append(path, rel)
		path = append(path, preloadedRelations(&rel.FieldSchema.Relationships, rest)...)
	case embedded != nil:
		path = preloadedRelations(embedded, rest)
	}
	return path
}
