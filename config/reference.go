package config

import (
	"reflect"
	"strings"

	"gorm.io/gorm/schema"
)

// Reference is a reference entity as it was compiled: a small table that is not
// sharded and that every sharded one may be joined with. In one database it is simply
// its table. It is immutable.
type Reference struct {
	// Name is the model's type name, ModelType its struct type.
	Name      string
	ModelType reflect.Type
	// Schema is GORM's parsed schema; its Table is the real table.
	Schema *schema.Schema
}

// AsReference makes the model a reference entity: one table that is not sharded, is
// joined everywhere, and is written to every database where there are several. It
// takes no strategy, shards or key settings.
func (e Entity) AsReference() Entity { e.Reference = true; return e }

// References lists the reference entities, in the order of Config.Entities.
func (c *Catalog) References() []*Reference { return c.references }

// ReferenceByModel finds the reference entity of a struct type.
func (c *Catalog) ReferenceByModel(t reflect.Type) (*Reference, bool) {
	for _, r := range c.references {
		if r.ModelType == t {
			return r, true
		}
	}
	return nil, false
}

func (c *Catalog) withReferences(references []*Reference) *Catalog {
	c.references = references
	return c
}

// isReference tells whether the program, a file or a tag says reference.
func (k *compiler) isReference() bool {
	if k.entity.Reference {
		return true
	}
	for _, f := range k.schema.Fields {
		if IsReferenceTag(f) {
			return true
		}
	}
	return false
}

// IsReferenceTag tells whether a field's dtde tag says reference and nothing else.
func IsReferenceTag(f *schema.Field) bool {
	return strings.EqualFold(strings.Trim(f.Tag.Get(tagName), "; "), "reference")
}

// reference compiles a reference entity, which has no other settings.
func (k *compiler) reference() *Reference {
	e := &k.entity
	for _, s := range []struct {
		what  string
		given bool
	}{
		{"a strategy", e.Strategy.Kind != ""}, {"shards", len(e.Shards) > 0}, {"a storage mode", e.Storage != 0},
		{"local unique indexes", len(e.LocalUnique) > 0}, {"a co-located entity", e.Partner != nil || e.PartnerName != ""},
		{"a key generator", e.Keys.Source != KeyAuto || e.Keys.Func != nil || e.Keys.Sequence != "" || e.Keys.CarrySlot},
		{"disabled migrations", e.NoMigrations}, {"versions", !e.Temporal.IsZero()},
	} {
		if s.given {
			k.fault("", "a reference entity is one table that GORM looks after; it takes no setting for %s", s.what)
		}
	}
	for _, f := range k.schema.Fields {
		if _, tagged := f.Tag.Lookup(tagName); tagged && !IsReferenceTag(f) {
			k.fault(f.Name, "a reference entity has no other dtde tag than reference")
		}
	}
	return &Reference{Name: k.name, ModelType: k.table.ModelType, Schema: k.schema}
}

// checkReferences refuses a reference entity's table that is something else, too.
func checkReferences(f *faults, references []*Reference, tables []*Table, dialect string) {
	taken := map[string]string{}
	for _, t := range tables {
		taken[tableKey(t.Schema.Table, dialect)] = "the logical name of " + t.Name
		for _, s := range t.Shards {
			if s.Table != "" {
				taken[tableKey(s.Table, dialect)] = "that of a shard of " + t.Name
			}
		}
	}
	for _, r := range references {
		key := tableKey(r.Schema.Table, dialect)
		if other, twice := taken[key]; twice {
			f.add(r.Name, "", "the table %q is also %s", r.Schema.Table, other)
		}
		taken[key] = "that of " + r.Name
	}
}
