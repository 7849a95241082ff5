package migrator

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// link is a foreign key from an entity's tables that can hold: to a table that dtde
// does not own, where every shard's rows find their parent, or to the tables of a
// co-located entity.
type link struct {
	rel        *schema.Relationship
	constraint *schema.Constraint
	// own tells that the entity has the relation; otherwise the parent has it.
	own bool
	// parent is the entity that is referred to, shard by shard; nil if it is none.
	parent *config.Table
}

// reference is what a shard's foreign key refers to.
func (l link) reference(shard *config.Shard) *schema.Schema {
	if l.parent == nil {
		return l.constraint.ReferenceSchema
	}
	s, known := l.parent.Shard(shard.ID)
	if !known {
		s = l.parent.ShardTable(shard.ID)
	}
	// GORM asks it for nothing but its names.
	return &schema.Schema{Name: l.constraint.ReferenceSchema.Name, ModelType: l.constraint.ReferenceSchema.ModelType, Table: s.Table}
}

// attach puts the foreign key into a shard's schema, under a name of its own.
func (l link) attach(s *schema.Schema, shard *config.Shard, suffix string, w *workspace) {
	namer := w.db.NamingStrategy
	name := physicalName(l.constraint.Name, suffix, w.driver.Name())
	if l.own && l.constraint.Name == namer.RelationshipFKName(*l.rel) {
		name = namer.RelationshipFKName(schema.Relationship{Schema: s, Name: l.rel.Name})
	}
	tag := asciiName(name) + ",name"
	if l.constraint.OnUpdate != "" {
		tag += ",OnUpdate:" + l.constraint.OnUpdate
	}
	if l.constraint.OnDelete != "" {
		tag += ",OnDelete:" + l.constraint.OnDelete
	}
	field := s.FieldsByName[l.rel.Field.Name]
	if !l.own || field == nil {
		f := *l.rel.Field
		field = &f
	}
	field.TagSettings = maps.Clone(field.TagSettings)
	field.TagSettings["CONSTRAINT"] = tag

	// As if the parent had the relation: GORM then takes the name from the tag, the
	// child from the references, and looks for no twin of it on the other side.
	rel := &schema.Relationship{
		Name: l.rel.Name, Type: schema.HasMany, Field: field,
		Schema: l.reference(shard), FieldSchema: s,
	}
	for i, foreign := range l.constraint.ForeignKeys {
		rel.References = append(rel.References, &schema.Reference{
			PrimaryKey: l.constraint.References[i], ForeignKey: s.FieldsByDBName[foreign.DBName], OwnPrimaryKey: true,
		})
	}
	s.Relationships.Relations[l.rel.Name] = rel
}

// leftOut is a foreign key that GORM would make and that dtde does not, or not with all of its
// actions.
type leftOut struct{ name, table, parent, reason string }

const (
	logicalParent = "no foreign key can refer to a sharded table"
	elsewhere     = "its parent's table is in another database than shards that refer to it"
	otherCompare  = "its text shard key compares by bytes and the parent's column does not"
)

// foreignKeys sorts the foreign keys of a schema's table, in a stable order.
func (w *workspace) foreignKeys(s *schema.Schema, all *config.Catalog) (links []link, out []leftOut) {
	links, out, _ = w.relations(s, all)
	return links, out
}

// relations does that, and describes the foreign keys.
func (w *workspace) relations(s *schema.Schema, all *config.Catalog) (links []link, out []leftOut, keys []ForeignKey) {
	if w.db.DisableForeignKeyConstraintWhenMigrating || w.db.IgnoreRelationshipsWhenMigrating {
		return nil, nil, nil
	}
	t, _ := owner(all, s)
	for _, key := range slices.Sorted(maps.Keys(s.Relationships.Relations)) {
		rel := s.Relationships.Relations[key]
		if rel.Field == nil || rel.Field.IgnoreMigration {
			continue
		}
		c := rel.ParseConstraint()
		if c == nil || c.Schema != s {
			continue
		}
		parent, parentOwned := owner(all, c.ReferenceSchema)
		if parentOwned {
			k := foreignKey(c, t, parent)
			keys = append(keys, k)
			if k.Held {
				links = append(links, link{rel: rel, constraint: c, own: rel.Schema == s, parent: parent})
			} else {
				out = append(out, leftOut{c.Name, s.Table, c.ReferenceSchema.Table, k.Reason})
			}
			continue
		}
		leave := func(reason string) {
			out = append(out, leftOut{c.Name, s.Table, c.ReferenceSchema.Table, reason})
			keys = append(keys, plainKey(c, t, reason))
		}
		switch {
		case t != nil && !everywhere(all, c.ReferenceSchema) && slices.ContainsFunc(t.MayLiveIn(), func(database string) bool { return database != "" }):
			leave(elsewhere)
		case w.driver.Name() == "mysql" && t != nil && slices.ContainsFunc(c.ForeignKeys, func(f *schema.Field) bool {
			i := t.KeyIndex(f.DBName)
			return i >= 0 && t.Keys[i].Kind == config.KindString
		}):
			// The engine refuses a foreign key between columns of different collations.
			leave(otherCompare)
		default:
			c, without := withoutMoves(c, t)
			k := plainKey(c, t, "")
			k.Without = without
			keys = append(keys, k)
			links = append(links, link{rel: rel, constraint: c, own: rel.Schema == s})
			if without != "" {
				out = append(out, leftOut{c.Name, s.Table, c.ReferenceSchema.Table, "only its " + without})
			}
		}
	}
	return links, out, keys
}

// withoutMoves takes from a constraint of an entity the actions by which the database would
// change a shard key, and so leave the row on a shard that is no longer its own, and says
// which.
func withoutMoves(c *schema.Constraint, t *config.Table) (*schema.Constraint, string) {
	if t == nil || !slices.ContainsFunc(c.ForeignKeys, func(f *schema.Field) bool { return t.KeyIndex(f.DBName) >= 0 }) {
		return c, ""
	}
	kept := *c
	var without []string
	if strings.HasPrefix(strings.ToUpper(c.OnDelete), "SET ") {
		without = append(without, "ON DELETE "+strings.ToUpper(c.OnDelete))
		kept.OnDelete = ""
	}
	if update := strings.ToUpper(c.OnUpdate); update == "CASCADE" || strings.HasPrefix(update, "SET ") {
		without = append(without, "ON UPDATE "+update)
		kept.OnUpdate = ""
	}
	if without == nil {
		return c, ""
	}
	return &kept, strings.Join(without, " and ") + ", which would change the shard key of rows where they lie"
}

// warn names the foreign keys that were left out, through GORM's logger.
func (w *workspace) warn(out []leftOut) {
	for _, o := range out {
		w.db.Logger.Warn(w.db.Statement.Context, "dtde: left out foreign key %s from %s to %s: %s", o.name, o.table, o.parent, o.reason)
	}
}

// isolate takes every relation with an entity out of the schema of a model that dtde
// does not own, so that GORM makes no foreign key of it and adds no entity to what
// it migrates.
func isolate(s *schema.Schema, all *config.Catalog) {
	touches := func(s *schema.Schema) bool {
		if s == nil {
			return false
		}
		_, ok := owner(all, s)
		return ok
	}
	for name, rel := range s.Relationships.Relations {
		if touches(rel.FieldSchema) || touches(rel.Schema) {
			delete(s.Relationships.Relations, name)
		}
	}
}

// adopt has the workspace know what the caller's schema of a model knows beyond the
// model's own type: join tables that were set up, and parents whose relation GORM
// noted with the child.
func (w *workspace) adopt(callers *schema.Schema) error {
	if _, err := w.parse(reflect.New(callers.ModelType).Interface()); err != nil {
		return err
	}
	callers.Relationships.Mux.RLock()
	relations := maps.Clone(callers.Relationships.Relations)
	callers.Relationships.Mux.RUnlock()
	for _, rel := range relations {
		if rel.Schema != callers && rel.Schema != nil && rel.Schema.ModelType.Name() != "" {
			if _, err := w.parse(reflect.New(rel.Schema.ModelType).Interface()); err != nil {
				return err
			}
		}
	}
	return w.takeJoinTables(relations, callers)
}
