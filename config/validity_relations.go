package config

import (
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm/schema"
)

// checkRelations refuses relations that tie a row to one version of a temporal entity
// instead of to its entity key: at the next version it would lose it. Relations of
// models that are reached through others are checked too, listed or not.
func checkRelations(f *faults, tables []*Table) {
	temporal := map[reflect.Type]*Table{}
	var queue []*schema.Schema
	for _, t := range tables {
		queue = append(queue, t.Schema)
		if t.Validity != nil && len(t.Validity.Key) > 0 {
			temporal[t.ModelType] = t
		}
	}
	if len(temporal) == 0 {
		return
	}
	seen := map[reflect.Type]bool{}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		if seen[s.ModelType] {
			continue
		}
		seen[s.ModelType] = true
		var names []string
		for name := range s.Relationships.Relations {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			r := s.Relationships.Relations[name]
			if r.Schema != s && r.Schema != nil {
				continue // GORM notes a parent's relation with its child, too
			}
			checkRelation(f, temporal[s.ModelType], r, name, true)
			if r.FieldSchema != nil {
				checkRelation(f, temporal[r.FieldSchema.ModelType], r, name, false)
				queue = append(queue, r.FieldSchema)
			}
		}
	}
}

// checkRelation looks at the columns of a temporal entity that a relation references;
// own tells whether the entity is the relation's owner or its other side.
func checkRelation(f *faults, t *Table, r *schema.Relationship, name string, own bool) {
	if t == nil || own && r.Type == schema.BelongsTo || !own && (r.Type == schema.HasOne || r.Type == schema.HasMany) {
		return
	}
	var referenced, key, fields []string
	for _, ref := range r.References {
		if ref.PrimaryKey != nil && (r.Type != schema.Many2Many || ref.OwnPrimaryKey == own) {
			referenced = append(referenced, ref.PrimaryKey.DBName)
		}
	}
	for i := range t.Validity.Key {
		key = append(key, t.Validity.Key[i].Column)
		fields = append(fields, t.Validity.Key[i].Field.Name)
	}
	slices.Sort(referenced)
	slices.Sort(key)
	if !slices.Equal(referenced, key) {
		tag := "references"
		if r.Polymorphic != nil { // so GORM calls the owner's field then
			tag = "foreignKey"
		}
		f.add(r.Schema.Name, name, "the relation must reference the entity key of %s (%s:%s), which is the same in every version; "+
			"by other columns it is lost at the next one", t.Name, tag, strings.Join(fields, ","))
	}
}
