package migrator

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// ForeignKey is a foreign key to an entity's tables, or to another table that has to do
// with entities.
type ForeignKey struct {
	// Name is the constraint's, as the model has it.
	Name string
	// Child is the model whose rows refer; ChildTable is its entity, nil if it is none.
	Child      *schema.Schema
	ChildTable *config.Table
	// Referred is the model that is referred to; Parent is its entity, nil if it is none.
	Referred *schema.Schema
	Parent   *config.Table
	// Columns are the child's fields, References the parent's that they refer to.
	Columns, References []*schema.Field
	// OnDelete and OnUpdate are the actions, in upper case; "" if none is given, and for
	// a parent with versions, where deleting one is no deletion of the parent.
	OnDelete, OnUpdate string
	// Held tells that the shards' tables really have it. Otherwise Reason says why it
	// is left out.
	Held   bool
	Reason string
	// Without names actions that it is made without, and says why; "" if none.
	Without string
}

// ForeignKeys lists the foreign keys that the entities' models declare, and those that
// models declare which are related with them: what a delete or an update in one table
// demands of others. It reads nothing from the database.
func ForeignKeys(db *gorm.DB, c *config.Catalog) ([]ForeignKey, error) {
	w, err := newWorkspace(db.Session(&gorm.Session{NewDB: true}), Unwrap(db.Dialector))
	if err != nil {
		return nil, err
	}
	var schemas []*schema.Schema
	for _, t := range c.Tables() {
		model := reflect.New(t.ModelType).Interface()
		if _, _, err := w.model(db, model, c); err != nil {
			return nil, err
		}
		s, err := w.parse(model)
		if err != nil {
			return nil, err
		}
		schemas = append(schemas, s)
	}
	for i := 0; i < len(schemas); i++ { // and those that are related with these, and so on
		s := schemas[i]
		for _, key := range slices.Sorted(maps.Keys(s.Relationships.Relations)) {
			rel := s.Relationships.Relations[key]
			for _, other := range []*schema.Schema{rel.FieldSchema, rel.JoinTable} {
				if other != nil && !slices.Contains(schemas, other) {
					schemas = append(schemas, other)
				}
			}
		}
	}
	var keys []ForeignKey
	for _, s := range schemas {
		_, _, found := w.relations(s, c)
		keys = append(keys, found...)
	}
	return keys, nil
}

// held tells whether a foreign key can hold between the shards' tables of two entities:
// a child's parent is on the shard of the same id, if its foreign key carries the
// shard key.
func held(child, parent *config.Table, c *schema.Constraint) (reason string) {
	switch {
	case parent.Validity != nil:
		return ofVersions
	case child == nil || child != parent && !child.CoLocated(parent):
		return logicalParent
	case !child.Migrations || !parent.Migrations:
		return programsTables
	}
	for i := range parent.Keys {
		carried := false
		for k := range c.References {
			carried = carried || c.References[k].DBName == parent.Keys[i].Column && c.ForeignKeys[k].DBName == child.Keys[i].Column
		}
		if !carried {
			return withoutKey
		}
	}
	for _, action := range []string{c.OnDelete, c.OnUpdate} {
		if strings.HasPrefix(strings.ToUpper(action), "SET ") {
			return setsKey
		}
	}
	return ""
}

const (
	ofVersions     = "its parent has versions: the entity key is not unique, and deleting a version does not delete the entity"
	programsTables = "dtde issues no DDL for one of the tables"
	withoutKey     = "its columns do not carry the shard key, so that the parent may be on another shard"
	setsKey        = "its action would set the shard key"
)

// plainKey describes a constraint that refers to a table that dtde does not own.
func plainKey(c *schema.Constraint, child *config.Table, reason string) ForeignKey {
	return ForeignKey{
		Name: c.Name, Child: c.Schema, ChildTable: child, Referred: c.ReferenceSchema, Columns: c.ForeignKeys, References: c.References,
		OnDelete: strings.ToUpper(c.OnDelete), OnUpdate: strings.ToUpper(c.OnUpdate), Held: reason == "", Reason: reason,
	}
}

// foreignKey describes a constraint that refers to an entity.
func foreignKey(c *schema.Constraint, child, parent *config.Table) ForeignKey {
	reason := held(child, parent, c)
	k := ForeignKey{
		Name: c.Name, Child: c.Schema, ChildTable: child, Referred: c.ReferenceSchema, Parent: parent,
		Columns: c.ForeignKeys, References: c.References,
		OnDelete: strings.ToUpper(c.OnDelete), OnUpdate: strings.ToUpper(c.OnUpdate),
		Held: reason == "", Reason: reason,
	}
	if parent.Validity != nil {
		k.OnDelete, k.OnUpdate = "", "" // one version's end is not its children's
	}
	return k
}

// parentsOf lists the entities whose shards must be there before those of a child.
func parentsOf(links []link, t *config.Table) []*config.Table {
	var parents []*config.Table
	for _, l := range links {
		if l.parent != nil && l.parent != t && !slices.Contains(parents, l.parent) {
			parents = append(parents, l.parent)
		}
	}
	return parents
}

// Parents lists the entities to which foreign keys of an entity's shards refer: their
// shard of the same id must be made first. db is any session of the database.
func Parents(db *gorm.DB, c *config.Catalog, t *config.Table) ([]*config.Table, error) {
	w, err := newWorkspace(db.Session(&gorm.Session{}), Unwrap(db.Dialector))
	if err != nil {
		return nil, err
	}
	links, _, err := w.model(db, reflect.New(t.ModelType).Interface(), c)
	return parentsOf(links, t), err
}
