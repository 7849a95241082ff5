package migrator

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// ErrCollation is the cause of the faults that [Inspect] finds with a shard key
// column that does not compare as the catalog takes it to. AutoMigrate mends those
// of an entity with migrations.
var ErrCollation = errors.New("the shard key column compares otherwise than routing assumes")

// ErrPrecision is the cause of the faults that [Inspect] finds with a shard key
// column of time that keeps less, or a zone otherwise, than the catalog takes it to.
var ErrPrecision = errors.New("the shard key column keeps times otherwise than routing assumes")

func lower(s string) string { return strings.ToLower(s) }

// Inspect looks at what the database has for an entity: a table or view under its
// logical name, which must not be; shards whose table exists but whose shard key
// columns differ from what t.Keys say; and, unless migrationsByUs (AutoMigrate or
// dtde makes them), tables and columns that do not exist. Every fault is a
// *config.ConfigError, an error of the database comes as it is. It reads with one
// query per 250 shards.
func Inspect(db *gorm.DB, t *config.Table, migrationsByUs bool) []error {
	logical := ref{t.Namespace, t.LogicalName}
	refs := []ref{logical}
	for _, s := range t.Shards {
		refs = append(refs, refOf(s))
	}
	columns := keyColumns(t)
	if !migrationsByUs {
		columns = modelColumns(t)
	}
	found, err := relations(reader(db), db.Name(), refs, columns)
	if err != nil {
		return []error{fmt.Errorf("dtde: look into the database for %s: %w", t.Name, err)}
	}
	var faults []error
	fault := func(field string, cause error, format string, args ...any) {
		faults = append(faults, &config.ConfigError{Entity: t.Name, Field: field, Problem: fmt.Sprintf(format, args...), Cause: cause})
	}
	if r, ok := found[logical]; ok && !isShard(t, logical) {
		kind := "a table"
		if r.view {
			kind = "a view"
		}
		fault(logical.String(), nil, "the logical name is %s of the database: rename it, or move its rows into the shards and drop it", kind)
	}
	for _, s := range t.Shards {
		r, exists := found[refOf(s)]
		if !exists {
			if !migrationsByUs {
				fault(s.Table, nil, "the table of shard %q does not exist", s.ID)
			}
			continue
		}
		for _, name := range columns {
			if _, ok := r.columns[lower(name)]; !ok && !migrationsByUs {
				fault(s.Table, nil, "the table of shard %q has no column %s", s.ID, name)
			}
		}
		if r.view {
			continue // it says nothing of how its columns compare
		}
		for i := range t.Keys {
			k := &t.Keys[i]
			c, ok := r.columns[lower(k.Column)]
			if !ok {
				continue // said above, or AutoMigrate adds it
			}
			for _, d := range differences(k, c) {
				fault(s.Table, d.cause, "the column %s of shard %q %s", k.Column, s.ID, d.text)
			}
		}
	}
	return faults
}

func isShard(t *config.Table, r ref) bool {
	return slices.ContainsFunc(t.Shards, func(s *config.Shard) bool { return refOf(s) == r })
}

// reader is a session on db's pool that routes nothing and reads also in DryRun.
func reader(db *gorm.DB) *gorm.DB {
	w, err := newWorkspace(db.Session(&gorm.Session{}), Unwrap(db.Dialector))
	if err != nil {
		return db.Session(&gorm.Session{NewDB: true})
	}
	return w.query()
}

func keyColumns(t *config.Table) []string {
	names := make([]string, len(t.Keys))
	for i := range t.Keys {
		names[i] = t.Keys[i].Column
	}
	return names
}

// modelColumns are those that statements on the model name.
func modelColumns(t *config.Table) []string {
	used := map[string]bool{}
	for _, f := range t.Schema.Fields {
		if f.DBName != "" && (f.Creatable || f.Updatable || f.Readable) && !ignored(f) {
			used[f.DBName] = true
		}
	}
	for _, k := range t.Keys {
		used[k.Column] = true
	}
	return slices.Sorted(maps.Keys(used))
}

func ignored(f *schema.Field) bool { return f.IgnoreMigration && f.TagSettings["-"] == "all" }

type difference struct {
	text  string
	cause error
}

// differences tells in what a column falls short of what the catalog takes it to be.
func differences(k *config.KeyColumn, c column) (list []difference) {
	note := func(cause error, text string) { list = append(list, difference{text, cause}) }
	switch k.Kind {
	case config.KindString:
		switch {
		case c.uuid != k.UUID:
			note(ErrCollation, "is a UUID in one of model and table and text in the other: give both one type")
		case k.BytesEqual && !c.equal:
			note(ErrCollation, "does not compare by bytes: give it a binary collation, or run AutoMigrate where dtde owns the table")
		case k.BytesEqual && c.padded != k.Padded:
			note(ErrCollation, "looks at trailing spaces otherwise than its type in the model says: give both one type, and a collation without padding")
		case k.BytesOrder && !c.order:
			note(ErrCollation, "does not sort by bytes: give it the collation C or a binary one, or run AutoMigrate where dtde owns the table")
		}
	case config.KindTime:
		switch {
		case c.dateOnly != k.DateOnly:
			note(ErrPrecision, "is a date in one of model and table and a time in the other: give both one type")
		case c.precision != k.Precision:
			note(ErrPrecision, fmt.Sprintf("keeps times to %v and the model says %v: give the field the column's precision", c.precision, k.Precision))
		case c.zoneless != k.Zoneless:
			note(ErrPrecision, "keeps a zone in one of model and table and none in the other: give both one type")
		}
	case config.KindBytes:
		if c.lengthBytes != k.Length {
			note(ErrCollation, "has a fixed length in one of model and table and none in the other: give both one type")
		}
	}
	return list
}

// Facts gives the entity's key columns with what its existing tables say of them
// instead of what the model does: how text compares, the precision of times. Where
// tables differ among themselves the weaker property counts. A column that no
// existing table has is as AutoMigrate makes it, or as t.Keys has it for an entity
// without migrations. It reads with one query per 250 shards and changes nothing.
func Facts(db *gorm.DB, t *config.Table) ([]config.KeyColumn, error) {
	keys := slices.Clone(t.Keys)
	if len(keys) == 0 {
		return keys, nil
	}
	refs := make([]ref, len(t.Shards))
	for i, s := range t.Shards {
		refs[i] = refOf(s)
	}
	w, err := newWorkspace(db.Session(&gorm.Session{}), Unwrap(db.Dialector))
	if err != nil {
		return nil, err
	}
	found, err := relations(w.query(), db.Name(), refs, keyColumns(t))
	if err != nil {
		return nil, fmt.Errorf("dtde: look into the database for %s: %w", t.Name, err)
	}
	for i := range keys {
		var have []column
		for _, r := range refs {
			if c, ok := found[r].columns[lower(keys[i].Column)]; ok && !found[r].view {
				have = append(have, c)
			}
		}
		if len(have) == 0 && t.Migrations && keys[i].Kind == config.KindString && keys[i].Field != nil {
			typ := textType(db.Name(), w.mysqlCollation, w.dataTypeOf(keys[i].Field), needsOrder(t, i))
			have = append(have, w.declared(typ))
		}
		if len(have) > 0 {
			weakest(&keys[i], have)
		}
	}
	return keys, nil
}

// weakest sets what holds in every one of the columns.
func weakest(k *config.KeyColumn, have []column) {
	first := have[0]
	switch k.Kind {
	case config.KindString:
		k.BytesEqual, k.BytesOrder, k.Padded, k.UUID = true, true, first.padded, first.uuid
		for _, c := range have {
			// Two ways to look at trailing spaces: no one form is right for both.
			k.BytesEqual = k.BytesEqual && c.equal && c.padded == first.padded && c.uuid == first.uuid
			k.BytesOrder = k.BytesOrder && c.order
		}
		k.BytesOrder = k.BytesOrder && k.BytesEqual
	case config.KindTime:
		k.Precision, k.DateOnly, k.Zoneless = first.precision, first.dateOnly, first.zoneless
		for _, c := range have {
			k.Precision = max(k.Precision, c.precision)
			k.DateOnly = k.DateOnly || c.dateOnly
			k.Zoneless = k.Zoneless || c.zoneless
		}
	case config.KindBytes:
		k.Length = first.lengthBytes
	}
}
